"""The command in a real shell: pipes, signals, readers that go away; and `python -m lsq_cli`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import LSQ, opened_when_written, start

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
# κ(G) = 10¹²: descent at the default rate goes on for ever.
STUBBORN = "x,y,b\n1,0,1\n0,1e-6,1\n1,1e-6,3\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_descent_prints_and_writes_the_iterate_reached(number, code, tmp_path):
    history, model = tmp_path / "h.csv", tmp_path / "m.json"
    os.mkfifo(history)
    options = ["--method", "gd", "--max-iter", 10**9, "--tol", 0, "--history", history, "--history-every", 100]
    process = start("solve", *options, "-o", model, "-f", "json", stdin=subprocess.PIPE)
    process.stdin.write(STUBBORN.encode())
    process.stdin.close()
    process.stdin = None
    with opened_when_written(history) as rows:
        process.send_signal(number)
        last = rows.read().splitlines()[-1]
    out, err = process.communicate(timeout=60)

    assert process.returncode == code, err
    result = json.loads(out)
    assert (result["outcome"], result["converged"]) == ("interrupted", False)
    assert json.loads(model.read_text())["x"] == result["x"]
    assert last.startswith(f"{result['iterations']},")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_rows_are_read_prints_and_writes_nothing(number, code, tmp_path):
    model = tmp_path / "m.json"
    process = start("solve", "-t", "y", "-o", model, "-f", "json")
    # More than a pipe holds: when all of it is written, most of it has been read.
    process.stdin.write(b"x,y\n" + b"1,2\n2,3\n" * 400_000)
    process.stdin.flush()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == code, err
    assert out == b""
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_normal_equations_are_solved_ends_at_once(number, code, run_lsq, monkeypatch):
    monkeypatch.setattr("lsq_cli.exact.equations.ExactSolution.refine", lambda self: signal.raise_signal(number))
    result = run_lsq("solve", "-f", "json", stdin="x,y\n1,1\n3,2\n7,3\n")

    assert result.code == code
    assert result.out == ""


@pytest.mark.parametrize("form", ["table", "json", "csv", "npy"])
def test_a_reader_that_closes_the_pipe_is_no_error(form, tmp_path):
    model = tmp_path / "m.csv"
    process = start("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-q", "-f", form, "-o", model)
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, b"")
    assert len(model.read_text().splitlines()) == 4


def test_help_for_a_reader_that_closes_the_pipe_is_no_error():
    process = start("solve", "--help")
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, b"")


def test_cat_pipe_and_tail_as_in_a_shell():
    line = f"cat {SAMPLES}/longley.csv | {sys.executable} -m lsq_cli solve -t y --intercept -f csv | tail -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)

    name, value = done.stdout.strip().split(",")
    assert name == "x6"
    assert float(value) == pytest.approx(1829.15146461355, rel=1e-6)


def test_a_named_pipe_is_read_as_standard_input(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = start("solve", pipe, "-t", "y", "-f", "json")
    pipe.write_text("x,y\n1,2\n2,4\n")
    out, err = process.communicate(timeout=60)

    assert json.loads(out)["x"] == [2.0], err


def test_without_data_on_a_terminal_the_usage_is_explained():
    leader, follower = os.openpty()
    process = start("solve", stdin=follower)
    _, err = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)

    assert process.returncode == 2
    assert b"no data: give a path, or pipe a table to standard input" in err


def test_npy_output_is_refused_on_a_terminal():
    leader, follower = os.openpty()
    process = start("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-f", "npy", stdout=follower)
    _, err = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)

    assert process.returncode == 2
    assert b"-o x.npy" in err


def test_standard_output_in_an_ascii_locale_has_ascii_labels():
    done = subprocess.run(
        [*LSQ, "solve", SAMPLES / "A.csv", SAMPLES / "b.csv"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert b"||Ax - b||" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_a_closed_stream_is_no_traceback(closed):
    line = f"{sys.executable} -m lsq_cli solve {SAMPLES}/A.csv {SAMPLES}/b.csv -f csv {closed}"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert done.stdout.count("\n") == (0 if closed == ">&-" else 4)
