"""`lsq collect --into`: many at once lose nothing, and a kill at any moment leaves the old file or the new.

`benchmarks/states.py` does the same with 200 processes and 50 kills.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from processes import start

from lsq_cli.report.locking import Locked, beside
from lsq_cli.runs.collecting import bytes_of, merge

WRITERS, KILLS = 12, 8


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch, run_lsq):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "part.csv").write_text("a,y\n1,2.5\n3,4\n")
    run_lsq("collect", "part.csv", "-o", "part.lsqs")


def times(count: int) -> bytes:
    """The state of as many copies of the part."""
    return bytes_of(merge(["part.lsqs"] * count)[0])


def test_many_at_once_count_every_row_once(tmp_path):
    writers = [start("collect", "part.csv", "--into", "all.lsqs", "-q") for _ in range(WRITERS)]

    assert [writer.communicate()[1] for writer in writers] == [b""] * WRITERS
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert (tmp_path / "all.lsqs").read_bytes() == times(WRITERS)
    assert not list(tmp_path.glob(".lsq-*"))


# Writes again and again; the first line says that all is imported.
_WRITER = """
from lsq_cli.commands.states import change_state
from lsq_cli.runs.collecting import added, merge
part, _ = merge(["part.lsqs"])
print("ready", flush=True)
while True:
    change_state("all.lsqs", lambda: added("all.lsqs", part))
"""


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(tmp_path, run_lsq):
    random.seed(17)
    (tmp_path / "all.lsqs").write_bytes(times(1))
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(random.uniform(0.0, 0.03))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        rows = run_lsq("look", "all.lsqs", "-f", "json").json["rows"]
        assert (tmp_path / "all.lsqs").read_bytes() == times(rows // 2)

    # What the killed ones left is in nobody's way, and the next one takes it away.
    assert run_lsq("collect", "part.csv", "--into", "all.lsqs").code == 0
    assert (tmp_path / "all.lsqs").read_bytes() == times(rows // 2 + 1)
    assert not list(tmp_path.glob(".lsq-*"))


def test_the_lock_of_a_process_that_is_gone_holds_nobody_up(tmp_path, run_lsq):
    for left in ("lock", "part"):
        (tmp_path / beside("all.lsqs", left)).write_bytes(b"left behind")

    assert run_lsq("collect", "part.csv", "--into", "all.lsqs").code == 0
    assert (tmp_path / "all.lsqs").read_bytes() == (tmp_path / "part.lsqs").read_bytes()
    assert not list(tmp_path.glob(".lsq-*"))


def test_a_second_one_waits_for_the_first(tmp_path):
    with Locked("all.lsqs"):
        second = start("collect", "part.csv", "--into", "all.lsqs")
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1.0)
        assert not (tmp_path / "all.lsqs").exists()

    assert second.communicate(timeout=60) is not None and second.returncode == 0
    assert (tmp_path / "all.lsqs").exists()


def test_a_lock_that_somebody_removed_is_no_error(tmp_path):
    with Locked("all.lsqs"):
        (tmp_path / beside("all.lsqs", "lock")).unlink()
    with Locked("all.lsqs"):
        assert (tmp_path / beside("all.lsqs", "lock")).exists()


def test_a_failure_within_lets_go_and_leaves_the_file(tmp_path, run_lsq):
    (tmp_path / "other.csv").write_text("z,y\n1,2\n")
    run_lsq("collect", "part.csv", "--into", "all.lsqs")

    assert run_lsq("collect", "other.csv", "--into", "all.lsqs").code == 1
    assert (tmp_path / "all.lsqs").read_bytes() == (tmp_path / "part.lsqs").read_bytes()
    assert not list(tmp_path.glob(".lsq-*"))


def test_a_file_system_without_locks_is_told_and_nothing_is_written(tmp_path, run_lsq, monkeypatch):
    def flock(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    result = run_lsq("collect", "part.csv", "--into", "all.lsqs")

    assert (result.code, result.raw) == (1, b"")
    assert result.err.endswith(
        "lsq: error: cannot lock all.lsqs: its file system has no locks (No locks available); write a state of its own "
        "with -o, and join them with lsq merge\n"
    )
    assert not (tmp_path / "all.lsqs").exists()


def test_a_subtraction_in_place_comes_between_no_other(tmp_path, run_lsq):
    (tmp_path / "all.lsqs").write_bytes(times(3))
    with Locked("all.lsqs"):
        second = start("subtract", "all.lsqs", "part.lsqs", "-o", "all.lsqs")
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(1.0)
        (tmp_path / "all.lsqs").write_bytes(times(5))

    assert second.communicate(timeout=60) is not None and second.returncode == 0
    assert (tmp_path / "all.lsqs").read_bytes() == times(4)
