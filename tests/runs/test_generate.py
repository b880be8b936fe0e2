"""`lsq generate`: the numbers it promises, measured; formats, pipes and memory."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.errors import UsageError
from lsq_cli.runs.generating import BLOCK_DOUBLES, KnownProblem, singular_values, unit_columns

LSQ = [sys.executable, "-m", "lsq_cli"]


def whole(problem):
    A, b = zip(*problem.blocks(), strict=True)
    return np.vstack(A), np.concatenate(b)


def known(text):
    """The x of ``name,value`` lines."""
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["name", "value"]
    return np.array([float(value) for _, value in rows[1:]])


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 12),
    more=st.integers(0, 300),
    exponent=st.floats(0, 8),
    noise=st.sampled_from([0.0, 0.3, 40.0]),
    seed=st.integers(0, 10**9),
)
def test_condition_column_lengths_solution_and_residual_are_as_promised(n, more, exponent, noise, seed):
    m = n + more
    condition = 1.0 if n == 1 else 10.0**exponent
    noise = noise if m > n else 0.0
    problem = KnownProblem(m, n, condition, noise, seed)
    A, b = whole(problem)
    r = b - A @ problem.x

    assert A.shape == (m, n) and b.shape == (m,)
    assert np.linalg.cond(A) == pytest.approx(condition, rel=1e-14 * condition + 1e-12)
    np.testing.assert_allclose(np.linalg.norm(A, axis=0), np.sqrt(m), rtol=1e-12)
    assert np.linalg.norm(r) == pytest.approx(noise * np.sqrt(m), rel=1e-9, abs=1e-11 * np.linalg.norm(b))
    assert np.linalg.norm(A.T @ r) <= 1e-12 * m * (1 + noise) * np.linalg.norm(problem.x)


@pytest.mark.parametrize("n", [3, 40])
def test_many_blocks_and_a_long_last_one_keep_the_condition(n, monkeypatch):
    monkeypatch.setattr("lsq_cli.runs.generating.BLOCK_DOUBLES", 64)
    problem = KnownProblem(1001, n, 1e5, 0.5, 7)
    A, b = whole(problem)

    assert len(list(problem.blocks())) > 5
    assert np.linalg.cond(A) == pytest.approx(1e5, rel=1e-9)
    assert np.linalg.norm(A @ problem.x - b) == pytest.approx(0.5 * np.sqrt(1001), rel=1e-12)


def test_singular_values_are_evenly_spaced_on_a_log_scale():
    A, _ = whole(KnownProblem(500, 6, 1e5))
    steps = np.diff(np.log10(np.linalg.svd(A, compute_uv=False)))

    np.testing.assert_allclose(steps, -1.0, atol=1e-9)


def test_columns_of_length_one_keep_the_singular_values():
    rng = np.random.default_rng(0)
    V = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    values = singular_values(30, 1e4)
    C = unit_columns(values[:, None] * V)

    np.testing.assert_allclose(np.linalg.norm(C, axis=0), 1.0, rtol=1e-13)
    np.testing.assert_allclose(np.linalg.svd(C, compute_uv=False), values, rtol=1e-10)


def test_solve_finds_the_condition_and_the_x_that_were_asked_for(run_lsq, tmp_path):
    A, b = tmp_path / "A.npy", tmp_path / "b.npy"
    made = run_lsq("generate", 3000, 8, A, b, "--condition", "1e9")
    solved = run_lsq("solve", A, b, "-f", "json").json

    assert solved["condition"] == pytest.approx(1e9, rel=1e-7)
    np.testing.assert_allclose(solved["x"], known(made.out), rtol=1e-5)
    assert made.err == ""


def test_a_descent_can_start_from_the_x_that_was_printed(run_lsq, tmp_path):
    A, b, x = tmp_path / "A.csv", tmp_path / "b.csv", tmp_path / "x.csv"
    run_lsq("generate", 50, 3, A, b, "-o", x)
    solved = run_lsq("solve", A, b, "-m", "gd", "--x0", x, "-f", "json").json

    assert solved["iterations"] == 0
    assert solved["x"] == known(x.read_text()).tolist()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(run_lsq, tmp_path):
    def bytes_of(seed, name):
        paths = [tmp_path / f"{name}{k}.csv.gz" for k in range(2)]
        result = run_lsq("generate", 40, 3, *paths, "--noise", 1, *seed)
        assert result.code == 0, result
        return [*(path.read_bytes() for path in paths), result.raw]

    assert bytes_of([], "a") == bytes_of(["--seed", 0], "b")
    assert all(p != q for p, q in zip(bytes_of([], "c"), bytes_of(["--seed", 1], "d"), strict=True))


@pytest.mark.parametrize(
    ("suffix", "opened"),
    [("", lambda data: data), (".gz", gzip.decompress), (".bz2", bz2.decompress), (".xz", lzma.decompress)],
)
def test_every_format_holds_the_same_numbers(suffix, opened, run_lsq, tmp_path):
    A, b = tmp_path / f"A.csv{suffix}", tmp_path / f"b.npy{suffix}"
    result = run_lsq("generate", 60, 4, A, b, "--noise", 1)
    expected_A, expected_b = whole(KnownProblem(60, 4, noise=1.0))
    text = opened(A.read_bytes()).decode()

    assert result.code == 0, result
    assert text.startswith("x1,x2,x3,x4\n")
    np.testing.assert_array_equal(np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1), expected_A)
    np.testing.assert_array_equal(np.load(io.BytesIO(opened(b.read_bytes()))), expected_b)


def test_one_name_twice_is_one_table_with_b_last(run_lsq, tmp_path):
    table = tmp_path / "t.npy"
    result = run_lsq("generate", 60, 4, table, tmp_path / "." / "t.npy", "--noise", 1)
    A, b = whole(KnownProblem(60, 4, noise=1.0))

    np.testing.assert_array_equal(np.load(table), np.column_stack([A, b]))
    np.testing.assert_array_equal(known(result.out), KnownProblem(60, 4).x)


def test_a_table_on_standard_output_is_whole_and_x_is_kept_on_request(run_lsq, tmp_path):
    x = tmp_path / "x.npy"
    result = run_lsq("generate", 30, 2, "-", "-", "-o", x)
    bare = run_lsq("generate", 30, 2, "-", "-")

    assert result.out == bare.out
    assert result.out.splitlines()[0] == "x1,x2,b"
    assert len(result.out.splitlines()) == 31
    assert result.err == ""
    assert bare.err == "lsq: note: x is not written: standard output has the table; -o x.csv keeps x\n"
    assert run_lsq("generate", 30, 2, "-", "-", "-q").err == ""
    np.testing.assert_array_equal(np.load(x), KnownProblem(30, 2).x)


def test_the_matrix_alone_may_go_to_standard_output(run_lsq, tmp_path):
    result = run_lsq("generate", 30, 2, "-", tmp_path / "b.csv", "-q")

    assert result.out.splitlines()[0] == "x1,x2"
    assert (tmp_path / "b.csv").read_text().splitlines()[0] == "b"


def test_a_pipe_into_solve_gives_the_x_back():
    line = f"{sys.executable} -m lsq_cli generate 500 3 - - -q | {sys.executable} -m lsq_cli solve -f json"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)

    np.testing.assert_allclose(json.loads(done.stdout)["x"], KnownProblem(500, 3).x, rtol=1e-13)


def test_a_reader_that_closes_the_pipe_is_no_error():
    process = subprocess.Popen(
        [*LSQ, "generate", "2000000", "5", "-", "-", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"x1,x2,x3,x4,x5,b\n"
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, b"")


def test_a_named_pipe_takes_csv(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*LSQ, "generate", "5", "2", str(pipe), str(pipe)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    text = pipe.read_text()
    out, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, b"")
    assert text.startswith("x1,x2,b\n") and len(text.splitlines()) == 6
    assert out.startswith(b"name,value\n")


def test_memory_does_not_grow_with_the_rows():
    def peak(rows):
        tracemalloc.start()
        for A, _ in KnownProblem(rows, 20, noise=1.0).blocks():
            assert A.size < 2 * BLOCK_DOUBLES
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    small, large = peak(2 * BLOCK_DOUBLES // 20), peak(20 * BLOCK_DOUBLES // 20)

    assert large <= 1.6 * small < 40e6


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("3 5 A.csv b.csv", "3 rows and 5 columns: a single solution needs M ≥ N ≥ 1"),
        ("0 5 A.csv b.csv", "0 is below 1"),
        ("5 1 A.csv b.csv --condition 3", "one column alone has condition 1, not 3"),
        ("5 5 A.csv b.csv --noise 1", "make M larger than N"),
        ("5 2 A.csv b.csv --condition 0.5", "0.5 is below 1"),
        ("5 2 A.csv b.csv --condition inf", "inf is not a finite number"),
        ("5 2 A.csv b.csv --noise -1", "-1 is below 0"),
        ("5 2 A.txt b.csv", "cannot tell the format of A.txt: end the name in .csv, .npy,"),
        ("5 2 A.gz b.csv", "cannot tell the format of A.gz: end the name in .csv.gz or .npy.gz"),
        ("5 2 A.csv b.csv -o x.json", "cannot tell the format of x.json: end the name in .csv or .npy"),
        ("5 2 - /dev/stdout", "A and b both go to standard output"),
    ],
)
def test_what_cannot_be_made_is_a_usage_error_and_leaves_no_file(args, says, run_lsq, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_lsq("generate", *args.split())

    assert (result.code, result.raw) == (2, b"")
    assert says in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_leaves_the_other_file_unwritten(run_lsq, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_lsq("generate", 5, 2, "A.csv", "nowhere/b.csv")

    assert (result.code, result.raw) == (1, b"")
    assert "the folder nowhere does not exist" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("condition", "noise"), [(np.nan, 0.0), (2.0, np.nan)])
def test_numbers_that_are_none_are_refused_from_python_too(condition, noise):
    with pytest.raises(UsageError, match="not nan"):
        KnownProblem(5, 2, condition, noise)
