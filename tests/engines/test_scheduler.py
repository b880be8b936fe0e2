"""A cluster gives the bits of one thread, survives a worker's death, and says in one line what it cannot do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from operator import methodcaller

import numpy as np
import pandas
import pytest
from distributed import LocalCluster

from lsq_cli import fit, gradient, solve
from lsq_cli.core.errors import OpenError, SchedulerError, UsageError
from lsq_cli.engines.blas import one_thread
from lsq_cli.engines.resources import Resources
from lsq_cli.engines.scheduler import connected, local_workers
from lsq_cli.problems.summing import read_problem
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source
from lsq_cli.sources.streams import FileBytes
from lsq_cli.sources.text import csv

ROWS = 30_000


@pytest.fixture(scope="module")
def cluster():
    """A scheduler with two workers, for the whole module: its address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0, silence_logs="CRITICAL"
    ) as own:
        yield own.scheduler_address


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table in several forms: whole, in seven uneven parts, compressed, binary."""
    rng = np.random.default_rng(17)
    frame = pandas.DataFrame(rng.normal(size=(ROWS, 4)) * [1, 1e6, 1e-6, 3], columns=["a", "b", "c", "y"])
    frame["g"] = rng.choice(["x", "y", "z"], ROWS)
    path = tmp_path_factory.mktemp("tables")
    frame.to_csv(path / "t.csv", index=False)
    frame.to_csv(path / "t.csv.gz", index=False)
    frame.to_parquet(path / "t.parquet")
    np.save(path / "t.npy", frame[["a", "b", "c", "y"]].to_numpy())
    cuts = [0, 1, 50, 4000, 4001, 15_000, 29_000, ROWS]
    for k in range(7):
        frame.iloc[cuts[k] : cuts[k + 1]].to_csv(path / f"part{k}.csv", index=False)
    return path


def solved(run_lsq, *args) -> tuple:
    """x, ‖Ax − b‖ and ‖∇f‖, to the bit."""
    with one_thread():  # as the command has it, which sets it before numpy is there
        result = run_lsq(*args, "-f", "json")
    assert result.code == 0, result.err
    return tuple(result.json[key] for key in ("x", "residual_norm", "gradient_norm", "rows"))


@pytest.mark.parametrize("precision", ["extended", "double"])
def test_every_form_of_a_table_has_the_bits_of_one_thread(cluster, folder, run_lsq, precision):
    for name in ("t.csv", "t.csv.gz", "t.parquet", "t.npy"):
        args = ("solve", folder / name, "--drop", "g", "--precision", precision)
        args = args if name != "t.npy" else ("solve", folder / name, "--precision", precision)

        assert solved(run_lsq, *args, "--scheduler", cluster) == solved(run_lsq, *args, "--jobs", "1")


def test_parts_a_pipe_and_any_number_of_workers_too(cluster, folder, run_lsq):
    whole = solved(run_lsq, "solve", folder / "t.csv", "-t", "y")

    parts = sorted(folder.glob("part*.csv"))
    assert solved(run_lsq, "solve", *parts, "-t", "y", "--scheduler", cluster) == whole
    piped = run_lsq("solve", "-t", "y", "--scheduler", cluster, "-f", "json", stdin=(folder / "t.csv").read_bytes())
    assert tuple(piped.json[key] for key in ("x", "residual_norm", "gradient_norm", "rows")) == whole
    assert solved(run_lsq, "solve", folder / "t.csv", "-t", "y", "--scheduler", "local:1") == whole
    sums = [
        run_lsq("fit", "y ~ a + b", *data, *where, "-f", "json").json["digest"]
        for data, where in (
            ((folder / "t.csv",), ()),
            (parts, ("--scheduler", cluster)),
            (parts[::-1], ("--jobs", "2")),
        )
    ]
    assert len(set(sums)) == 1


def test_other_verbs_read_on_the_cluster_too(cluster, folder, run_lsq):
    for args in (
        ("fit", "y ~ a + b + C(g)", folder / "t.csv", "--vcov", "HC3", "-f", "csv"),
        ("solve", folder / "t.csv", "-t", "y", "-m", "gd", "--step", "cg", "-f", "csv"),
        ("gradient", folder / "t.csv", "-t", "y", "--at", "1,2,3", "-f", "json"),
    ):
        assert run_lsq(*args, "--scheduler", cluster).raw == run_lsq(*args).raw


def test_the_notes_are_those_of_one_thread(cluster, run_lsq, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n# a remark\n2,5\n# another\n3,5\n")

    there = run_lsq("solve", tmp_path / "t.csv", "--scheduler", cluster)

    assert there.err == run_lsq("solve", tmp_path / "t.csv").err
    assert "2 lines that begin with # left out as comments" in there.err


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_pipe_that_is_read_twice_is_sent_twice(cluster, folder, run_lsq, name):
    args, rows = ("fit", "y ~ a + b", "--vcov", "HC3", "-f", "csv"), (folder / name).read_bytes()

    there = run_lsq(*args, "--scheduler", cluster, stdin=rows)

    assert there.code == 0 and there.raw == run_lsq(*args, stdin=rows).raw


def test_descent_by_rows_is_refused(cluster, run_lsq, tmp_path):
    np.save(tmp_path / "A.npy", np.eye(3, 2100))
    np.save(tmp_path / "b.npy", np.ones(3))

    result = run_lsq("solve", tmp_path / "A.npy", tmp_path / "b.npy", "-m", "gd", "--scheduler", cluster)

    assert result.code == 2 and "--scheduler: descent on 2100 unknowns goes by the rows" in result.err


def test_the_bar_counts_what_is_done_and_few_bytes_are_on_their_way(cluster, folder, monkeypatch):
    monkeypatch.setattr(csv, "BLOCK_BYTES", 100_000)
    rows = len((folder / "t.csv").read_bytes().partition(b"\n")[2])
    counted, most, out = [], [0], [0]
    source = open_source([str(folder / "t.csv.gz")], Request(target=("y",), drop=("g",)))  # is unpacked here

    with connected(cluster) as found:
        send, take = found._client.submit, found._result

        def sending(*args, **options):
            out[0] += 1
            most[0] = max(most[0], out[0])
            return send(*args, **options)

        def taking(future):
            out[0] -= 1
            return take(future)

        monkeypatch.setattr(found._client, "submit", sending)
        monkeypatch.setattr(found, "_result", taking)
        read_problem(source, None, Resources(memory=250_000, progress=counted.append, cluster=found))

    assert sum(counted) == rows
    assert most[0] == 2  # blocks of 100 kB: a third has no room


def test_rows_over_which_workers_die_again_and_again_are_given_up(folder):
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0, silence_logs="CRITICAL"
    ) as own:
        own.scheduler.allowed_failures = 0
        with (
            connected(own.scheduler_address) as found,
            pytest.raises(SchedulerError, match=r"workers died again and again over the same rows; .* memory"),
        ):
            found.fold(os._exit, [1])


def test_a_worker_without_the_memory_is_named(cluster):
    with (
        connected(cluster) as found,
        pytest.raises(SchedulerError, match=r"the worker tcp://.* has not enough memory"),
    ):
        found.fold(bytearray, [1 << 62])


def test_another_file_of_the_same_name_is_refused(cluster, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    handle = FileBytes(str(tmp_path / "t.csv"), "t.csv", None, 10)

    with (
        connected(cluster) as found,
        pytest.raises(OpenError, match=r"^t.csv: another file: it has 8 bytes, and had 10 where it was opened .as the"),
    ):
        found.fold(methodcaller("read_range", 0, 10), [handle])


def test_the_error_of_a_cell_is_that_of_one_thread(cluster, folder, run_lsq):
    lines = (folder / "t.csv").read_text().splitlines(keepends=True)
    lines[20_000] = "1,2,oops,3,x\n"
    bad = folder / "bad.csv"
    bad.write_text("".join(lines))
    asked = ("solve", bad, "-t", "y")

    assert run_lsq(*asked, "--scheduler", cluster).err == run_lsq(*asked).err
    assert f"{bad}, line 20001, column 3 'c': 'oops' is not a number" in run_lsq(*asked, "--scheduler", cluster).err


def test_a_file_that_a_worker_cannot_see_is_named_with_the_worker(cluster, folder):
    with connected(cluster) as found:
        lost = FileBytes("/nowhere/t.csv", "/nowhere/t.csv", None, 10)
        with pytest.raises(
            OpenError,
            match=r"^/nowhere/t.csv: cannot be read: no such file or directory \(as the worker tcp://.* sees it\)$",
        ):
            found.fold(methodcaller("read_range", 0, 10), [lost])


def test_a_worker_that_dies_half_way_changes_no_bit(folder, run_lsq, tmp_path):
    big = tmp_path / "big.csv"
    head, _, rows = (folder / "t.csv").read_bytes().partition(b"\n")
    big.write_bytes(head + b"\n" + rows * 12)
    expected = run_lsq("solve", big, "-t", "y", "-f", "csv").raw
    with LocalCluster(
        n_workers=3, threads_per_worker=1, dashboard_address=":0", memory_limit=0, silence_logs="CRITICAL"
    ) as own:
        command = [sys.executable, "-m", "lsq_cli", "solve", big, "-t", "y", "-f", "csv"]
        process = subprocess.Popen([*command, "--scheduler", own.scheduler_address], stdout=subprocess.PIPE)
        wait_until(lambda: _has_worked(own) or process.poll() is not None)
        os.kill(next(iter(own.workers.values())).pid, signal.SIGKILL)
        out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, expected)


def wait_until(ready) -> None:
    """Wait for something, half a minute at most."""
    end = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.005)


def _is_there(group: int) -> bool:
    """Whether a process of a group is left; the tracker of multiprocessing ends when it sees that it is alone."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _has_worked(own) -> bool:
    """Whether a task is done or at work."""
    return any(state.processing or state.nbytes for state in own.scheduler.workers.values())


def test_a_scheduler_that_goes_away_is_one_line(folder, tmp_path):
    big = tmp_path / "big.csv"
    head, _, rows = (folder / "t.csv").read_bytes().partition(b"\n")
    big.write_bytes(head + b"\n" + rows * 40)
    own = LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0, silence_logs="CRITICAL"
    )
    address = own.scheduler_address
    command = [sys.executable, "-m", "lsq_cli", "solve", big, "-t", "y", "-f", "csv", "-q", "--scheduler", address]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: _has_worked(own) or process.poll() is not None)
    own.close()
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"lsq: error: {address}: the cluster is lost: ") and err.count("\n") == 1


def test_ctrl_c_ends_a_cluster_of_our_own_without_a_process_or_a_file(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    big = tmp_path / "big.csv"
    head, _, rows = (folder / "t.csv").read_bytes().partition(b"\n")
    big.write_bytes(head + b"\n" + rows * 40)
    command = [sys.executable, "-m", "lsq_cli", "solve", big, "-t", "y", "--scheduler", "local:1", "-q"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_until(lambda: list(tmp_path.glob("lsq-*/dask-scratch-space/worker-*")) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err.strip()) == (130, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["big.csv"]
    wait_until(lambda: not _is_there(process.pid))


def test_an_address_is_checked_before_anything_is_started(run_lsq, folder):
    assert [local_workers(address) for address in ("local:3", "tcp://h:1", "tls://h:1")] == [3, 0, 0]
    for address in ("local:0", "local:x", "local:", "http://h:1", "tcp://", "nonsense"):
        with pytest.raises(UsageError, match="is none of tcp://HOST:PORT, tls://HOST:PORT and local:N"):
            local_workers(address)
    with pytest.raises(UsageError, match=r"local:N; did you mean tcp://localhost:8786\?$"):
        local_workers("localhost:8786")
    for address in ("local:0", "http://h:1"):
        with pytest.raises(UsageError, match=r"local:N$"):
            local_workers(address)
    result = run_lsq("solve", folder / "t.npy", "--scheduler", "local:2", "--jobs", "2")
    assert result.code == 2
    assert "--jobs and --scheduler do not go together: the workers of the cluster read and sum" in result.err
    result = run_lsq("solve", "--each", folder / "t.npy", "--scheduler", "local:2", "-f", "csv")
    assert result.code == 2
    assert "--scheduler is for one table, and --each has many" in result.err


def test_where_no_scheduler_answers_is_told_within_seconds(monkeypatch):
    monkeypatch.setattr("lsq_cli.engines.scheduler._TIMEOUT", 0.3)

    with (
        pytest.raises(
            SchedulerError, match=r"^tcp://127.0.0.1:9: no scheduler answers there \(.*\); start one: dask scheduler$"
        ),
        connected("tcp://127.0.0.1:9"),
    ):
        pass


def test_workers_of_other_versions_are_named(cluster, monkeypatch):
    from lsq_cli.engines import scheduler

    with connected(cluster) as found:
        assert found.versions() == ()
        here = scheduler.versions_here()
        monkeypatch.setattr(found._client, "run", lambda *args, **options: {"tcp://w": here._replace(numpy="1.0")})
        assert found.versions() == (f"the worker tcp://w has numpy 1.0, and here is {here.numpy}",)
        monkeypatch.setattr(found._client, "run", lambda *args, **options: {"tcp://w": here._replace(lsq="9.9")})
        with pytest.raises(SchedulerError, match=r"^the worker tcp://w has lsq 9.9, and here is .*: install the same$"):
            found.versions()


def test_without_distributed_the_install_line_is_named(run_lsq, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = run_lsq("solve", folder / "t.npy", "--scheduler", "local:2")

    assert (result.code, result.raw) == (1, b"")
    assert result.err.endswith("lsq: error: --scheduler needs distributed: pip install 'lsq-cli[cluster]'\n")


def test_python_reads_on_a_cluster_too(cluster, folder):
    for call in (
        lambda **options: solve(folder / "t.csv", target="y", **options).x.tolist(),
        lambda **options: fit(folder / "t.csv", "y ~ a + C(g)", **options).x.tolist(),
        lambda **options: gradient(folder / "t.csv", target="y", at=[1.0, 2.0, 3.0], **options).gradient.tolist(),
    ):
        assert call(scheduler=cluster) == call()
    with pytest.raises(UsageError, match=r"^jobs= and scheduler= do not go together: the workers of the cluster"):
        solve(folder / "t.csv", scheduler=cluster, jobs=2)
    with pytest.raises(UsageError, match="is none of tcp://HOST:PORT"):
        fit(folder / "t.csv", "y ~ a", scheduler="somewhere")
