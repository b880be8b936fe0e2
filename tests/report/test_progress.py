"""What is shown while a run lasts: when, what it says, and that it is gone afterwards."""

from __future__ import annotations

import io
import math
import os
import re

import numpy as np
import pytest

from lsq_cli.core.solution import Iterate
from lsq_cli.report.progress import (
    DescentBar,
    ReadingBar,
    clock_time,
    descent_account,
    in_units,
    reading_account,
    wanted,
)

ERASED = re.compile(r"\x1b\[2K$")


class Terminal(io.StringIO):
    """A screen."""

    def isatty(self):
        return True


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def plain(text):
    """Without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")


def read(steps, total, clock, screen):
    """A bar that was told of some steps: seconds to wait, then bytes."""
    bar = ReadingBar(screen, total, clock)
    with bar:
        for seconds, count in steps:
            clock.now += seconds
            bar.add(count)
        return screen.getvalue()


def test_a_run_of_less_than_a_second_shows_nothing():
    screen = Terminal()

    assert read([(0.3, 10_000), (0.3, 10_000), (0.39, 10_000)], 40_000, Clock(), screen) == ""
    assert screen.getvalue() == ""


def test_a_longer_run_shows_bytes_rate_and_time_left(wide):
    shown = plain(read([(0.5, 40_000_000), (1.5, 60_000_000)], 1_000_000_000, Clock(), Terminal()))

    assert shown.startswith("reading ")
    assert shown.endswith("100 MB of 1.0 GB, 50 MB/s, 0:18 left")


def test_a_pipe_shows_bytes_rate_and_time_gone(wide):
    shown = plain(read([(61.0, 122_000_000)], None, Clock(), Terminal()))

    assert "122 MB, 2.0 MB/s, 1:01" in shown
    assert "left" not in shown


def test_it_is_drawn_ten_times_a_second_at_most(wide):
    screen = Terminal()
    read([(1.0, 1)] + [(0.01, 1)] * 100, 1000, Clock(), screen)

    assert screen.getvalue().count("bytes of") in range(10, 13)


def test_it_is_erased_at_the_end_and_the_cursor_is_back(wide):
    screen = Terminal()
    read([(2.0, 10), (1.0, 10)], 20, Clock(), screen)
    after = screen.getvalue()

    assert after.count("\x1b[?25l") == after.count("\x1b[?25h") == 1
    assert ERASED.search(after)


def test_it_is_erased_when_reading_fails(wide):
    screen, clock = Terminal(), Clock()

    def failing():
        yield 2.0, 10
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(failing(), 20, clock, screen)

    assert ERASED.search(screen.getvalue())


def test_a_file_that_grows_does_not_pass_its_end(wide):
    shown = plain(read([(2.0, 30)], 20, Clock(), Terminal()))

    assert "30 bytes of 30 bytes" in shown


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9960, "10 kB"),
        (999_600, "1.0 MB"),
        (4.26e9, "4.3 GB"),
        (2e13, "20 TB"),
    ],
)
def test_bytes_in_units(count, says):
    assert in_units(count) == says


def test_time_as_on_a_clock():
    assert [clock_time(s) for s in (0.4, 7, 59.6, 750, 3723)] == ["0:00", "0:07", "1:00", "12:30", "1:02:03"]


def test_no_rate_is_known_before_anything_is_read():
    assert reading_account(0, 10, 1.0) == "0 bytes of 10 bytes, 0 bytes/s"


def descend(steps, total, clock, screen, time_limit=None):
    """A bar that was told of some iterates: seconds to wait, then k and ‖∇f‖."""
    with DescentBar(screen, total, time_limit, clock) as bar:
        start = clock.now
        for seconds, k, gradient_norm in steps:
            clock.now += seconds
            bar.add(Iterate(k, np.zeros(1), 1.0, 1.0, gradient_norm, 0.5, clock.now - start))
        return screen.getvalue()


def test_a_long_descent_shows_step_gradient_and_time_left(wide):
    shown = plain(descend([(0.5, 10, 1.0), (1.5, 200, 3.21e-5)], 1000.0, Clock(), Terminal()))

    assert shown.startswith("descending ")
    assert shown.endswith("step 200 of 1000, ‖∇f‖ 3.2e-05, 0:08 left")


def test_a_descent_of_less_than_a_second_shows_nothing():
    assert descend([(0.3, k, 1.0) for k in range(3)], 1000.0, Clock(), Terminal()) == ""


def test_the_time_left_is_that_of_the_end_that_comes_first(wide):
    steps = [(2.0, 200, 1.0)]  # 8 seconds more to step 1000

    assert "step 200 of 1000, ‖∇f‖ 1.0e+00, 0:05 left" in plain(descend(steps, 1000, Clock(), Terminal(), 7.0))
    assert "step 200 of 1000, ‖∇f‖ 1.0e+00, 0:08 left" in plain(descend(steps, 1000, Clock(), Terminal(), 60.0))
    assert "step 0 of 1000, ‖∇f‖ 1.0e+00, 0:03 left" in plain(descend([(2.0, 0, 1.0)], 1000, Clock(), Terminal(), 5.0))
    assert "0:00 left" in plain(descend([(2.0, 3, 1.0)], 1000, Clock(), Terminal(), 1.5))


def test_the_bar_is_full_when_the_time_is_up(monkeypatch):
    drawn = []
    monkeypatch.setattr(DescentBar, "_draw", lambda bar, done, total, account: drawn.append((done, total)))
    descend([(3.0, 1, 1.0), (1.0, 2, 1.0)], 10**6, Clock(), Terminal(), 4.0)

    assert drawn == [(3000, 4000.0), (4000, 4000.0)]


def test_a_descent_that_passes_its_forecast_goes_on(wide):
    assert "step 30 of 30, ‖∇f‖ 1.0e+00, 0:00 left" in plain(descend([(2.0, 30, 1.0)], 20, Clock(), Terminal()))
    assert descent_account(0, 20, 1.0, math.inf) == "step 0 of 20, ‖∇f‖ 1.0e+00"


def test_a_descent_on_a_screen_of_ascii_is_spelled_in_it(wide):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    with DescentBar(screen, 20, clock=(clock := Clock())) as bar:
        clock.now += 2.0
        bar.add(Iterate(5, np.zeros(1), 1.0, 1.0, 0.5, 0.5, 2.0))

    assert screen.buffer.getvalue() == b"lsq: descending: step 5 of 20, ||grad f|| 5.0e-01, 0:06 left\n"


def test_where_nothing_can_be_redrawn_a_line_is_said_every_few_seconds():
    log = io.StringIO()
    read([(0.9, 10)] * 14, 200, Clock(), log)  # 12.6 seconds

    assert log.getvalue().splitlines() == [
        "lsq: reading: 20 bytes of 200 bytes, 11 bytes/s, 0:16 left",
        "lsq: reading: 80 bytes of 200 bytes, 11 bytes/s, 0:11 left",
        "lsq: reading: 140 bytes of 200 bytes, 11 bytes/s, 0:05 left",
    ]


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")

    assert read([(2.0, 10)], None, Clock(), Terminal()) == "lsq: reading: 10 bytes, 5 bytes/s, 0:02\n"


@pytest.mark.parametrize(
    ("asked", "stream", "term", "quiet", "shown"),
    [
        (None, Terminal(), "xterm", False, True),
        (None, Terminal(), "dumb", False, False),
        (None, io.StringIO(), "xterm", False, False),
        (False, Terminal(), "xterm", False, False),
        (True, io.StringIO(), "xterm", False, True),
        (None, Terminal(), "xterm", True, False),
        (True, Terminal(), "xterm", True, False),
    ],
)
def test_it_is_for_terminals_unless_asked_and_never_when_quiet(asked, stream, term, quiet, shown, monkeypatch):
    monkeypatch.setenv("TERM", term)

    assert os.environ["TERM"] == term
    assert wanted(asked, stream, quiet) is shown


@pytest.fixture
def at_once(monkeypatch, wide):
    monkeypatch.setattr("lsq_cli.report.progress.DELAY", 0.0)
    monkeypatch.setattr("lsq_cli.report.progress.INTERVAL", 0.0)
    monkeypatch.setattr("lsq_cli.report.progress.LINE_INTERVAL", 0.0)


@pytest.fixture
def on_a_terminal(at_once, monkeypatch):
    monkeypatch.setattr("lsq_cli.report.progress.can_redraw", lambda stream: True)


TABLE = "x,y,z\n" + "1,2,3\n4,5,6\n7,8,10\n" * 20


def test_solve_shows_the_bytes_of_a_file_and_notes_come_after_the_bar(on_a_terminal, run_lsq, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 64)
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    result = run_lsq("solve", path, "--progress", "-f", "csv")
    bar, erased, notes = result.err.rpartition("\x1b[2K")

    assert result.code == 0
    assert f"of {len(TABLE)} bytes" in bar
    assert erased and notes == (
        "lsq: note: b is the last column, 'z' (choose with --target)\nlsq: note: no intercept: add --intercept\n"
    )
    assert result.out == run_lsq("solve", path, "-f", "csv").out


def test_solve_shows_the_bytes_of_two_arrays(at_once, run_lsq, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.binary.arrays.BLOCK_BYTES", 800)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "A.npy", rng.standard_normal((100, 5)))
    np.save(tmp_path / "b.npy", rng.standard_normal(100))
    result = run_lsq("solve", tmp_path / "A.npy", tmp_path / "b.npy", "--progress", "-f", "csv")

    assert "4.0 kB of 4.0 kB" in result.err


def test_solve_shows_what_came_through_a_pipe(at_once, run_lsq, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 64)
    result = run_lsq("solve", "--progress", "-f", "csv", stdin=TABLE)

    assert result.code == 0
    assert f"{len(TABLE) - len('x,y,z,')} bytes, " in plain(result.err)


def test_an_error_stands_alone_below_the_erased_bar(on_a_terminal, run_lsq, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 64)
    path = tmp_path / "t.csv"
    path.write_text(TABLE + "1,oops,3\n")
    result = run_lsq("solve", path, "--progress")

    assert result.code == 1
    assert result.err.rpartition("\x1b[2K")[2].startswith("lsq: error: ")


@pytest.mark.parametrize("options", [[], ["--no-progress"], ["--progress", "-q"]])
def test_nothing_without_a_terminal_nor_when_it_is_not_wanted(options, at_once, run_lsq):
    assert "reading" not in run_lsq("solve", *options, stdin=TABLE).err


def test_a_log_file_has_lines_and_no_escape_sequence(at_once, run_lsq, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 64)
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    result = run_lsq("solve", path, "-m", "gd", "--max-iter", 40, "--progress", "-f", "csv")
    lines = result.err.splitlines()

    assert "\x1b" not in result.err and "\r" not in result.err
    assert any(line.startswith("lsq: reading: ") and f" of {len(TABLE)} bytes" in line for line in lines)
    assert any(line.startswith("lsq: descending: step 40 of 40, ‖∇f‖ ") for line in lines)


def test_the_time_left_of_a_descent_knows_its_time_limit(at_once, run_lsq):
    options = ["-m", "gd", "--tol", "0", "--max-iter", "100000000", "--time-limit", "0.2", "--progress", "-f", "csv"]
    lines = [line for line in run_lsq("solve", *options, stdin=TABLE).err.splitlines() if "descending" in line]

    assert len(lines) > 10
    assert all(line.endswith(", 0:00 left") for line in lines)


def test_verbose_says_how_the_data_was_understood_and_the_times(run_lsq, tmp_path):
    (tmp_path / "A.tsv").write_text("u\tv\n1\t0\n1\t1\n1\t2\n")
    np.save(tmp_path / "b.npy", np.array([1.0, 3.0, 5.0], dtype="f4"))
    lines = run_lsq("solve", tmp_path / "A.tsv", tmp_path / "b.npy", "-v", "-f", "csv").err.splitlines()

    assert lines[0] == f"lsq: info: {tmp_path}/A.tsv: CSV, tabs between cells, a header"
    assert lines[1] == f"lsq: info: {tmp_path}/b.npy: NPY, float32, 3 × 1"
    assert lines[2] == "lsq: info: A: u, v; b: b"
    assert lines[3] == "lsq: info: 3 rows read, 3 used"
    assert re.fullmatch(r"lsq: info: [\d.]+ s reading and [\d.]+ s summing in all threads, [\d.]+ s solving", lines[4])


def test_verbose_speaks_before_an_error(run_lsq, tmp_path):
    (tmp_path / "t.csv").write_text("x;y\n1;2\n1;oops\n")
    lines = run_lsq("solve", tmp_path / "t.csv", "-v").err.splitlines()

    assert lines[0].endswith("t.csv: CSV, ';' between cells, a header")
    assert lines[-1].startswith("lsq: error: ")


def test_verbose_names_the_first_of_many_columns(run_lsq):
    names = ",".join(f"c{k}" for k in range(12))
    lines = run_lsq("solve", "-v", stdin=f"{names}\n" + ",".join("1" * 12)).err.splitlines()

    assert lines[0] == "lsq: info: standard input: CSV, ',' between cells, a header"
    assert lines[1] == "lsq: info: A: c0, c1, c2, c3, c4, c5, c6, c7 and 3 more; b: c11"


def test_a_single_column_and_a_missing_header_are_said_so(run_lsq, tmp_path):
    (tmp_path / "A.csv").write_text("1\n2\n3\n")
    lines = run_lsq("solve", tmp_path / "A.csv", tmp_path / "A.csv", "-v", "-f", "csv").err.splitlines()

    assert lines[0].endswith("A.csv: CSV, one column, no header")
