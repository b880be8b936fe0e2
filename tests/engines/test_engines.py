"""`fold` in threads: order, bounds, errors, interruption, and the same bits however many work."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import solve
from lsq_cli.core.errors import CellError, UsageError
from lsq_cli.engines.local import MEMORY, bytes_of, fold, usable_cores
from lsq_cli.sources.binary import arrays


@dataclass(frozen=True)
class Numbered:
    """A block that is only a number, and says that it takes so many bytes."""

    number: int
    footprint: int = 1


@dataclass
class Seen:
    """A result that remembers which blocks it is made of, in order."""

    numbers: list[int]

    def merge(self, other: Seen) -> None:
        self.numbers += other.numbers


@dataclass
class Floor:
    """Counts the blocks that are between the iterator and the end of the kernel."""

    made: int = 0
    done: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def blocks(self, count: int, footprint: int = 1):
        for number in range(count):
            with self.lock:
                self.made += 1
                self.most = max(self.most, self.made - self.done)
            yield Numbered(number, footprint)

    def kernel(self, block: Numbered) -> Seen:
        time.sleep(0.001)
        with self.lock:
            self.done += 1
        return Seen([block.number])


def in_order(block: Numbered) -> Seen:
    return Seen([block.number])


def blocks(count: int):
    return (Numbered(number) for number in range(count))


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


# ---- order and bounds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2, 3, 8])
def test_results_are_merged_in_the_order_of_the_blocks(jobs):
    def slow_where_early(block: Numbered) -> Seen:
        time.sleep(0.004 / (block.number % 5 + 1))
        return Seen([block.number])

    assert fold(slow_where_early, blocks(40), jobs).numbers == list(range(40))


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_block_gives_nothing(jobs):
    assert fold(in_order, blocks(0), jobs) is None


def test_the_blocks_are_gone_through_and_merged_in_the_calling_thread():
    threads = set()

    class Result(Seen):
        def merge(self, other: Seen) -> None:
            threads.add(threading.current_thread())
            super().merge(other)

    def made():
        for number in range(5):
            threads.add(threading.current_thread())
            yield Numbered(number)

    fold(lambda block: Result([block.number]), made(), 2)

    assert threads == {threading.current_thread()}


@pytest.mark.parametrize(("jobs", "count"), [(1, 5), (3, 1)])
def test_one_job_or_one_block_starts_no_thread(jobs, count):
    workers = []

    def kernel(block: Numbered) -> Seen:
        workers.append(threading.current_thread())
        return Seen([block.number])

    fold(kernel, blocks(count), jobs)

    assert set(workers) == {threading.current_thread()}


def test_one_job_holds_one_block():
    floor = Floor()

    fold(floor.kernel, floor.blocks(10), jobs=1)

    assert floor.most == 1


@pytest.mark.parametrize(("footprint", "in_flight"), [(10, 6), (40, 2), (100, 1), (1000, 1)])
def test_memory_bounds_the_blocks_in_flight_but_never_below_one(footprint, in_flight):
    floor = Floor()

    assert fold(floor.kernel, floor.blocks(40, footprint), jobs=3, memory=100).numbers == list(range(40))
    assert floor.most <= in_flight + 1  # one more waits for its turn


def test_results_that_wait_for_an_earlier_one_are_bounded_too():
    floor = Floor()
    first_may_end = threading.Event()

    def kernel(block: Numbered) -> Seen:
        if block.number == 0:
            first_may_end.wait(10)
        elif block.number == 3:
            first_may_end.set()
        return floor.kernel(block)

    fold(kernel, floor.blocks(30), jobs=2)

    assert floor.most <= 2 * 2 + 1


def test_jobs_are_the_cores_of_this_process_by_default():
    workers = set()
    all_here = threading.Barrier(usable_cores(), timeout=10)

    def kernel(block: Numbered) -> Seen:
        workers.add(threading.current_thread())
        if block.number < usable_cores():
            all_here.wait()
        return Seen([block.number])

    fold(kernel, blocks(3 * usable_cores()))

    assert len(workers) == usable_cores()


@pytest.mark.parametrize("waits", [False, True])
def test_a_kernel_that_waits_for_others_has_one_thread_more(waits):
    workers = set()
    all_here = threading.Barrier(2 + waits, timeout=10)

    def kernel(block: Numbered) -> Seen:
        workers.add(threading.current_thread())
        if block.number < 2 + waits:
            all_here.wait()
        return Seen([block.number])

    fold(kernel, blocks(40), jobs=2, waits=waits)

    assert len(workers) == 2 + waits


def test_fewer_jobs_than_one_are_refused():
    with pytest.raises(UsageError, match=r"^jobs must be 1 or more, not 0$"):
        fold(in_order, blocks(3), 0)


# ---- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_the_first_failing_block_in_order_is_the_one_that_is_raised(jobs):
    later_has_failed = threading.Event()

    def kernel(block: Numbered) -> Seen:
        if block.number == 3:
            later_has_failed.wait(0.2 if jobs > 1 else 0)
            raise CellError("the first", "line 3")
        if block.number == 4:
            later_has_failed.set()
            raise CellError("another", "line 4")
        return Seen([block.number])

    with pytest.raises(CellError, match=r"^line 3: the first$"):
        fold(kernel, blocks(100), jobs)


def test_after_a_failure_no_more_blocks_are_begun():
    begun = []

    def kernel(block: Numbered) -> Seen:
        begun.append(block.number)
        if block.number == 2:
            raise CellError("text", "line 2")
        time.sleep(0.002)
        return Seen([block.number])

    with pytest.raises(CellError):
        fold(kernel, blocks(10_000), 2)

    assert max(begun) <= 2 + 2 * 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_source_is_raised_where_no_block_before_it_failed(jobs):
    def broken(count: int):
        yield from blocks(count)
        raise CellError("a broken stream", "line 9")

    def kernel(block: Numbered) -> Seen:
        time.sleep(0.01)
        if block.number == 4:
            raise CellError("text", "line 4")
        return Seen([block.number])

    with pytest.raises(CellError, match=r"^line 9: a broken stream$"):
        fold(kernel, broken(4), jobs)
    with pytest.raises(CellError, match=r"^line 4: text$"):
        fold(kernel, broken(5), jobs)


def test_an_error_keeps_the_traceback_of_its_thread():
    def named_here(block: Numbered) -> Seen:
        raise CellError("text", "line 1")

    with pytest.raises(CellError) as caught:
        fold(named_here, blocks(5), 2)

    assert "named_here" in [entry.name for entry in caught.traceback]


# ---- interruption ---------------------------------------------------------------------------------------------


class Terminated(BaseException):
    """As the command line raises it at SIGTERM."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated])
def test_an_interrupt_while_blocks_are_made_stops_at_once(kind):
    begun = []

    def interrupted():
        yield from blocks(20)
        raise kind

    def kernel(block: Numbered) -> Seen:
        begun.append(block.number)
        time.sleep(0.02)
        return Seen([block.number])

    start = time.perf_counter()
    with pytest.raises(kind):
        fold(kernel, interrupted(), 2)

    assert time.perf_counter() - start < 2
    assert len(begun) <= 20


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated])
def test_an_interrupt_while_waiting_or_merging_stops_at_once(kind):
    begun = []

    class Interrupting(Seen):
        def merge(self, other: Seen) -> None:
            raise kind

    def kernel(block: Numbered) -> Seen:
        begun.append(block.number)
        return Interrupting([block.number])

    with pytest.raises(kind):
        fold(kernel, blocks(10_000), 2)

    assert len(begun) <= 10  # the one merged and those that may wait to be, three times one more than the jobs


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_process_while_threads_work_and_a_pipe_is_silent(number, code):
    command = [sys.executable, "-m", "lsq_cli", "solve", "--jobs", "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"x,y\n" + b"1.25,2.5\n" * 3_000_000)  # three blocks; what follows does not come
        process.stdin.flush()
        time.sleep(0.2)
        process.send_signal(number)

        assert process.wait(10) == code
        assert process.stdout.read() == b""
        # What it owes: how the data was understood. Nothing of the end itself.
        assert process.stderr.read().strip() == b"lsq: note: b is the last column, 'y' (choose with --target)"


# ---- the same bits --------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(1, 4),
    st.sampled_from(["extended", "double"]),
    st.integers(1, 4),
    st.sampled_from([100, 2000, MEMORY]),
    st.integers(0, 2**32 - 1),
)
def test_any_jobs_and_any_memory_give_the_same_bits(rows, columns, precision, jobs, memory, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((rows, columns)) * 10.0 ** rng.integers(-3, 4, columns)
    b = rng.standard_normal(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK_BYTES", 8 * columns * 7)
        one, many = (solve(A, b, precision=precision, jobs=n, memory=m) for n, m in ((1, MEMORY), (jobs, memory)))

    assert np.array_equal(one.x, many.x, equal_nan=True)
    assert (one.objective, one.residual_norm, one.gradient_norm) == (
        many.objective,
        many.residual_norm,
        many.gradient_norm,
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(1, 4), st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_exact_sums_know_no_block_size_either(rows, columns, block_rows, seed):
    rng = np.random.default_rng(seed)
    A, b = rng.lognormal(0, 3, (rows, columns)), rng.standard_normal(rows)
    whole = solve(A, b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK_BYTES", 8 * columns * block_rows)
        cut = solve(A, b, jobs=2)

    assert np.array_equal(whole.x, cut.x)
    assert whole.residual_norm == cut.residual_norm


# ---- sizes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("64MB", 64_000_000),
        ("1G", 10**9),
        ("1.5 gb", 1_500_000_000),
        ("512KiB", 512 * 1024),
        ("300", 300),
        (300, 300),
        ("2B", 2),
    ],
)
def test_sizes_are_read_as_people_write_them(text, count):
    assert bytes_of(text) == count


@pytest.mark.parametrize("text", ["", "many", "-1MB", "0", "1i", "1.2.3G", "nan", 0, -5])
def test_other_sizes_are_refused(text):
    with pytest.raises(UsageError, match=r"is no size of memory: write it as 64MB or 1G$"):
        bytes_of(text)


def test_the_command_takes_jobs_and_memory(run_lsq, tmp_path):
    np.save(tmp_path / "A.npy", np.random.default_rng(1).standard_normal((500, 3)))
    np.save(tmp_path / "b.npy", np.arange(500.0))
    runs = [
        run_lsq("solve", tmp_path / "A.npy", tmp_path / "b.npy", "-f", "csv", *options)
        for options in ((), ("--jobs", "1"), ("--jobs", "3", "--memory", "64MB"))
    ]

    assert len({run.out for run in runs}) == 1
    assert all(run.code == 0 for run in runs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--memory", "lots"), "'lots' is no size of memory: write it as 64MB or 1G"),
        (("--jobs", "0"), "Invalid value for '--jobs': 0 is below 1"),
    ],
)
def test_the_command_refuses_senseless_jobs_and_memory(run_lsq, options, said):
    result = run_lsq("solve", *options, stdin="x,y\n1,2\n2,3\n")

    assert result.code == 2
    assert said in result.err
