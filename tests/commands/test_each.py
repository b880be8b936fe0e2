"""`--each`: one problem a file, in one process, a bad file reported in its place."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for k in range(6):
        rows = "".join(f"{i},{(i * i + k) % 7},{2 * i + k - i % 2}\n" for i in range(9))
        (tmp_path / f"t{k}.csv").write_text(f"u,v,y\n{rows}")
    (tmp_path / "bad.csv").write_text("u,v,y\n1,2,3\n4,oops,6\n")
    return tmp_path


def records(result):
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_file_has_the_line_that_it_would_have_alone_in_order(jobs, folder, run_lsq):
    paths = [f"t{k}.csv" for k in (3, 0, 5, 1, 4, 2)]
    lines = records(run_lsq("solve", "--each", *paths, "-t", "y", "--intercept", "--jobs", jobs))

    assert [line["data"] for line in lines] == [[path] for path in paths]
    for path, line in zip(paths, lines, strict=True):
        alone = run_lsq("solve", path, "-t", "y", "--intercept", "-f", "json").json
        for record in (line, alone):
            del record["seconds"], record["options"]
        assert line == alone


def test_a_bad_file_is_reported_in_its_place_and_the_others_are_solved(folder, run_lsq):
    result = run_lsq("solve", "--each", "t0.csv", "bad.csv", "nowhere.csv", "t1.csv", "-t", "y", "--intercept")
    lines = records(result)

    assert result.code == 1
    assert [line["data"] for line in lines] == [["t0.csv"], ["bad.csv"], ["nowhere.csv"], ["t1.csv"]]
    assert set(lines[1]) == {"data", "error"}
    assert lines[1]["error"].startswith("bad.csv, line 3, column 2 'v': 'oops'")
    assert [f"lsq: error: {line['error']}" for line in lines[1:3]] == result.err.splitlines()


def test_csv_is_one_long_table(folder, run_lsq):
    result = run_lsq("solve", "--each", "t0.csv", "bad.csv", "t1.csv", "-t", "y", "--intercept", "-f", "csv", "-q")
    rows = list(csv.reader(io.StringIO(result.out)))

    assert result.code == 1
    assert rows[0] == ["data", "name", "value"]
    assert [row[:2] for row in rows[1:]] == [
        [path, name] for path in ("t0.csv", "t1.csv") for name in ("(intercept)", "u", "v")
    ]
    alone = run_lsq("solve", "t1.csv", "-t", "y", "--intercept", "-f", "csv").out
    assert alone.splitlines()[1:] == [",".join(row[1:]) for row in rows[4:]]


def test_files_of_other_targets_do_not_go_into_one_csv(folder, run_lsq):
    (folder / "p.csv").write_text("u,p,q\n1,2,3\n2,5,4\n3,1,1\n")
    (folder / "r.csv").write_text("u,r,s\n1,2,3\n2,5,4\n3,1,1\n")
    args = ["solve", "--each", "p.csv", "r.csv", "-t", "2,3", "-q", "-f"]
    result = run_lsq(*args, "csv")

    assert result.code == 1
    assert result.out.splitlines()[0] == "data,name,p,q" and len(result.out.splitlines()) == 2
    assert result.err == (
        "lsq: error: r.csv: the columns would be r, s, and are p, q for the files before; "
        "choose the same with --target, or use -f json\n"
    )
    assert run_lsq(*args, "json").code == 0


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([], 0),
        (["-m", "gd", "--max-iter", "1"], 3),
        (["-m", "gd", "--tol", "1e-3", "--min-digits", "12"], 4),
        (["-m", "gd", "--max-iter", "1", "--min-digits", "12"], 3),
        (["-m", "gd", "--max-iter", "1", "bad.csv"], 1),
    ],
)
def test_the_exit_code_is_the_worst(args, code, folder, run_lsq):
    result = run_lsq("solve", "--each", "t0.csv", "t1.csv", "-t", "y", *args)

    assert result.code == code
    assert ("lsq: not converged: t0.csv: 1 step done" in result.err) == (code == 3 or "bad.csv" in args)


def test_a_note_of_many_files_is_said_once(folder, run_lsq):
    result = run_lsq("solve", "--each", "t?.csv", "-t", "y")

    assert result.err == "lsq: note: no intercept: add --intercept (6 files)\n"
    assert all(line["warnings"] == ["no intercept: add --intercept"] for line in records(result))
    assert len(records(result)) == 6


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["-f", "table"], "--each writes a line a file: use -f json or -f csv, not -f table"),
        (["-f", "npy"], "use -f json or -f csv"),
        (["-o", "x.json"], "--output is for one result, and --each has many"),
        (["--history", "h.csv"], "--history is for one result"),
    ],
)
def test_what_is_for_one_result_is_refused(args, says, folder, run_lsq):
    result = run_lsq("solve", "--each", "t0.csv", *args)

    assert (result.code, result.raw) == (2, b"")
    assert says in result.err


def test_without_paths_there_is_nothing_to_do_each(run_lsq):
    assert "--each needs paths" in run_lsq("solve", "--each").err


def test_a_pattern_that_matches_nothing_is_an_error_in_its_place(folder, run_lsq):
    result = run_lsq("solve", "--each", "x*.csv", "t0.csv", "-t", "y", "-q")

    assert result.code == 1
    assert "error" in records(result)[0] and records(result)[1]["outcome"] == "converged"


def test_fit_has_one_regression_a_file(folder, run_lsq):
    args = ["fit", "y ~ u + v", "--each", "t0.csv", "bad.csv", "t1.csv"]
    result = run_lsq(*args)
    lines = records(result)
    alone = run_lsq("fit", "y ~ u + v", "t1.csv", "-f", "json").json

    assert result.code == 1
    assert [line["data"] for line in lines] == [["t0.csv"], ["bad.csv"], ["t1.csv"]]
    assert "error" in lines[1]
    assert lines[2]["statistics"] == alone["statistics"] and lines[2]["coefficients"] == alone["coefficients"]


def test_a_table_of_fits_has_their_statistics(folder, run_lsq):
    rows = run_lsq("fit", "y ~ u + v", "--each", "t0.csv", "t1.csv", "-f", "csv").out.splitlines()
    alone = run_lsq("fit", "y ~ u + v", "t1.csv", "-f", "csv").out.splitlines()

    assert rows[0] == "data,name,value,std_error,t,p,low,high"
    assert [row.split(",")[0] for row in rows[1:]] == ["t0.csv"] * 3 + ["t1.csv"] * 3
    assert rows[4:] == [f"t1.csv,{row}" for row in alone[1:]]


def test_a_formula_that_fits_no_column_names_the_file(folder, run_lsq):
    (folder / "other.csv").write_text("p,q\n1,2\n2,3\n")
    result = run_lsq("fit", "y ~ u + v", "--each", "t0.csv", "other.csv", "-q")

    assert result.code == 1
    error = "other.csv: the formula names 'y', and there is no such column; there are 'p', 'q'"
    assert result.err == f"lsq: error: {error}\n"
    assert records(result)[1]["error"] == error
