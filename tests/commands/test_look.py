"""`lsq look`: what it shows of every format, what it reads, and what becomes of data that is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse
from terminal import on_a_terminal, unstyled

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
PENGUINS = (SAMPLES / "penguins.csv", "-t", "body_mass_g")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Tests give names in an empty folder."""
    monkeypatch.chdir(tmp_path)


def written(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def looked(run_lsq, *args: object, stdin: str = "") -> dict:
    result = run_lsq("look", *args, "-f", "json", stdin=stdin)
    assert result.code == 0, result
    assert result.err == ""
    return result.json


def columns(seen: dict, table: int = 0) -> list[tuple]:
    return [
        (c["name"], c["kind"], c["missing"], c["part"] if c["why"] is None else f"{c['part']}: {c['why']}")
        for c in seen["tables"][table]["columns"]
    ]


def test_every_column_has_its_kind_its_missing_cells_and_its_part(run_lsq):
    seen = looked(run_lsq, *PENGUINS)

    assert columns(seen) == [
        ("species", "category", 0, "left out: text"),
        ("island", "category", 0, "left out: text"),
        ("bill_length_mm", "number", 2, "A"),
        ("bill_depth_mm", "number", 2, "A"),
        ("flipper_length_mm", "number", 2, "A"),
        ("body_mass_g", "number", 2, "b"),
        ("sex", "category", 11, "left out: text"),
        ("year", "number", 0, "A"),
    ]
    assert seen["tables"][0]["columns"][1]["examples"] == ["Torgersen", "Biscoe", "Dream"]
    assert (seen["arrangement"], seen["targets"], seen["weights"]) == ("one table", ["body_mass_g"], None)
    assert seen["left_out"] == ["species", "island", "sex"]
    assert seen["tables"][0]["rows_seen"] == 344


def test_what_was_decided_is_told_with_its_evidence(run_lsq):
    decisions = {d["what"]: (d["taken"], d["evidence"]) for d in looked(run_lsq, *PENGUINS)["tables"][0]["decisions"]}

    assert decisions["delimiter"] == ("','", "it splits the first 20 rows into 8 cells each")
    assert decisions["header"] == ("the first row", "the word 'bill_length_mm' above numbers")
    assert decisions["encoding"] == ("UTF-8", "")
    assert list(decisions)[1:] == ["leading lines", "delimiter", "decimal mark", "header", "comments", "missing marks"]


def test_kinds_and_parts_of_all_sorts(run_lsq):
    rows = "".join(f"{k},2024-01-0{k},n{k},red,,{k},{k},{k},{k}\n" for k in range(1, 5))
    seen = looked(
        run_lsq,
        written("t.csv", ",day,name,color,late,w,u,v,y\n" + rows),
        *("--weights", "w", "--drop", "v"),
    )

    assert columns(seen) == [
        ("column1", "counts rows", 0, "left out: row numbers"),
        ("day", "date", 0, "left out: dates"),
        ("name", "text", 0, "left out: text"),
        ("color", "category", 0, "left out: text"),
        ("late", "empty", 4, "left out: empty so far"),
        ("w", "number", 0, "weights"),
        ("u", "number", 0, "A"),
        ("v", "number", 0, "left out: --drop"),
        ("y", "number", 0, "b: the last taken"),
    ]
    assert (seen["names"], seen["weights"]) == (["u"], "w")
    assert columns(looked(run_lsq, "t.csv", "--columns", "u", "-t", "y"))[7] == (
        ("v", "number", 0, "left out: not in --columns")
    )


def test_missing_cells_that_would_stop_a_run_are_warned_about_but_with_drop(run_lsq):
    (warning,) = looked(run_lsq, *PENGUINS)["warnings"]

    assert warning == (
        "cells are missing in 'bill_length_mm', 'bill_depth_mm', 'flipper_length_mm', 'body_mass_g': "
        "a run stops at the first; --missing drop leaves such rows out"
    )
    assert looked(run_lsq, *PENGUINS, "--missing", "drop")["warnings"] == []
    (only,) = looked(run_lsq, *PENGUINS, "--columns", "year")["warnings"]
    assert only.startswith("cells are missing in 'body_mass_g': ")


def test_a_cell_that_would_stop_a_run_is_warned_about_with_the_error_of_the_run(run_lsq):
    name = written("t.csv", "u,v,y\n1,2,3\n4,abc,5\n6,xyz,7\n8,9,\n")
    seen = looked(run_lsq, name, "--missing", "drop")

    error = run_lsq("solve", name, "--missing", "drop").err.removeprefix("lsq: error: ").strip()
    assert error.startswith("t.csv, line 3, column 2 'v': 'abc' is not a number")
    assert seen["warnings"] == [f"a run stops here: {error}"]
    assert [column["error"] for column in seen["tables"][0]["columns"]] == [None, error, None]
    assert looked(run_lsq, name, "--missing", "drop", "--drop", "v")["warnings"] == []


def test_what_was_assumed_of_a_table_is_a_warning(run_lsq):
    seen = looked(run_lsq, written("t.csv", "1990,1991,1992\n1,2,4\n2,2.5,5\n4,1,9\n"))

    assert seen["warnings"] == [
        "t.csv: the first row, '1990', '1991', '1992', is taken for numbers; if these are names: --header"
    ]


def test_a_and_b_in_two_files(run_lsq):
    seen = looked(run_lsq, SAMPLES / "A.csv", SAMPLES / "b.csv")

    assert seen["arrangement"] == "A and b"
    assert columns(seen) == [(name, "number", 0, "A") for name in ("apples", "pears", "loaves")]
    assert columns(seen, 1) == [("paid", "number", 0, "b")]


def test_one_file_given_twice_is_two_tables(run_lsq):
    seen = looked(run_lsq, *2 * [written("y.csv", "y\n1\n2\n")])

    assert (columns(seen), columns(seen, 1)) == ([("y", "number", 0, "A")], [("y", "number", 0, "b")])


def test_a_pair_that_may_be_swapped_is_warned_about(run_lsq):
    seen = looked(run_lsq, written("b.csv", "y\n3\n5\n"), written("A.csv", "p,q\n1,2\n2,1\n"))

    assert "are they swapped?" in seen["warnings"][0]


def test_of_parts_the_first_is_shown_in_full(run_lsq):
    for k in range(5):
        written(f"p{k}.csv", "u,y\n1,2\n" if k % 2 else "y,u\n1,2\n")
    seen = looked(run_lsq, "p*.csv", "-t", "y")

    assert seen["arrangement"] == "parts of one table"
    assert [(table["path"], len(table["columns"])) for table in seen["tables"]] == [
        *(("p0.csv", 2), ("p1.csv", 0), ("p2.csv", 0), ("p3.csv", 0), ("p4.csv", 0))
    ]
    assert "and its other parts: p1.csv, p2.csv, p3.csv and 1 more\n" in run_lsq("look", "p*.csv", "-t", "y").out


def test_numbers_of_every_format(run_lsq):
    M = np.array([[1.0, np.nan, 2.5], [3, 4, 5], [6, 7, 8]])
    np.save("t.npy", M)
    np.save("f.npy", np.asfortranarray(M))
    np.savez("ab.npz", A=M[:, :2], b=M[:, 2])
    pq.write_table(pa.table({"x": [1.0, None, 3], "s": ["a", "b", "a"], "y": [1, 2, 3]}), "t.parquet")

    for name in ("t.npy", "f.npy"):
        seen = looked(run_lsq, name)
        assert columns(seen) == [
            ("x1", "number", 0, "A"),
            ("x2", "number", 1, "A"),
            ("x3", "number", 0, "b: the last taken"),
        ]
        assert seen["tables"][0]["columns"][2]["examples"] == ["2.5", "5", "8"]
    assert columns(looked(run_lsq, "ab.npz"), 1) == [("x1", "number", 0, "b")]
    assert looked(run_lsq, "ab.npz")["arrangement"] == "A and b"
    assert columns(looked(run_lsq, "t.parquet")) == [
        ("x", "number", 1, "A"),
        ("s", "text", 0, "left out: text"),
        ("y", "number", 0, "b: the last taken"),
    ]


def test_a_number_that_marks_a_missing_cell_counts_as_one(run_lsq):
    M = np.array([[1, -9, 2.5], [3, 4, -9], [6, 7, 8]])
    np.save("t.npy", M)
    pq.write_table(pa.table(dict(zip("uvy", M.T, strict=True))), "t.parquet")
    np.savetxt("t.csv", M, delimiter=",", header="u,v,y", comments="")

    for name in ("t.npy", "t.parquet", "t.csv"):
        seen = looked(run_lsq, name, "--na", "-9", "--missing", "drop")
        assert [missing for _, _, missing, _ in columns(seen)] == [0, 1, 1]


def test_a_parquet_column_that_python_has_no_type_for_does_no_harm(run_lsq):
    far = pa.array([2**55, 0, 1]).cast(pa.timestamp("ms"))
    pq.write_table(pa.table({"far": far, "x": [1.0, 2, 3], "y": [1, 2, 3]}), "t.parquet")

    assert columns(looked(run_lsq, "t.parquet"))[0] == ("far", "date", None, "left out: dates")


def test_of_a_sparse_matrix_the_header_alone_is_read(run_lsq):
    scipy.sparse.save_npz("s.npz", scipy.sparse.eye_array(4, format="csr"))
    scipy.sparse.save_npz("blocks.npz", scipy.sparse.bsr_array(np.eye(4), blocksize=(2, 2)))
    scipy.io.mmwrite("s.mtx", scipy.sparse.eye_array(4).tocoo(), symmetry="general")
    with open("s.mtx", "a") as file:
        file.write("no number\n")

    for name, form in (
        ("s.mtx", "Matrix Market, coordinate real general, 4 × 4, 4 entries"),
        ("s.npz", "sparse, 4 × 4, 4 entries"),
    ):
        (table,) = looked(run_lsq, name)["tables"]
        assert (table["form"], table["rows_seen"], table["columns"][0]["missing"]) == (form, 0, None)
    assert looked(run_lsq, "blocks.npz")["tables"][0]["rows_seen"] == 4
    assert "Columns; no row was looked at\n" in run_lsq("look", "s.mtx").out


def test_a_huge_declared_matrix_is_refused_by_its_header(run_lsq):
    written("t.mtx", f"%%MatrixMarket matrix coordinate real general\n{2**40} {2**40} 1\n1 1 1\n")

    assert "are empty; leave them out" in run_lsq("look", "t.mtx").err


@pytest.mark.parametrize("packed", [False, True])
def test_no_more_than_the_first_rows_are_read(packed, run_lsq):
    rows = ("1,2\n" * 100_000) + "1\n"  # the last is ragged
    text = ("a,y\n" + rows).encode()
    Path("t.csv.gz" if packed else "t.csv").write_bytes(gzip.compress(text)[:-40] if packed else text)
    name = "t.csv.gz" if packed else "t.csv"

    assert looked(run_lsq, name)["tables"][0]["rows_seen"] == 1000
    assert run_lsq("solve", name).code == 1


def test_an_array_in_fortran_order_that_must_be_read_whole_is_not_read(run_lsq):
    np.save("t.npy", np.asfortranarray(np.ones((5, 3))))
    Path("t.npy.gz").write_bytes(gzip.compress(Path("t.npy").read_bytes()))

    assert looked(run_lsq, "t.npy.gz")["tables"][0]["rows_seen"] == 0


def test_of_a_very_wide_table_fewer_rows_are_looked_at(run_lsq, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.blocks.SAMPLE_CELLS", 60)

    assert looked(run_lsq, *PENGUINS)["tables"][0]["rows_seen"] == 7


def test_standard_input_is_looked_at_like_a_file(run_lsq):
    text = (SAMPLES / "penguins.csv").read_text()
    seen, of_file = looked(run_lsq, "-t", "body_mass_g", stdin=text), looked(run_lsq, *PENGUINS)

    assert seen["tables"][0]["columns"] == of_file["tables"][0]["columns"]
    assert seen["tables"][0]["path"] == "standard input"


@pytest.mark.parametrize("piped", [False, True])
def test_a_table_that_is_refused_is_shown_with_the_error(piped, run_lsq):
    text = "M,1.5,2\n1,2,3\n2,3,\x1b4\n"
    data = ("-",) if piped else (written("t.csv", text),)
    name = "standard input" if piped else "t.csv"
    result = run_lsq("look", *data, stdin=text)

    assert result.code == 1
    assert result.out == f"{name}: not read\n  line 1: M,1.5,2\n  line 2: 1,2,3\n  line 3: 2,3,\\x1b4\n"
    assert result.err.startswith(f"lsq: error: {name}, line 1: 'M' above numbers may be a name")
    assert "--header" in result.err
    seen = json.loads(run_lsq("look", *data, "-f", "json", stdin=text).raw)
    assert result.err == f"lsq: error: {seen['error']}\n"
    assert seen["tables"][0]["first_lines"] == ["M,1.5,2", "1,2,3", "2,3,\\x1b4"]
    assert seen["tables"][0]["error"] == seen["error"]


def test_columns_that_cannot_be_chosen_are_shown_without_their_parts(run_lsq):
    result = run_lsq("look", SAMPLES / "penguins.csv", "-t", "sex")

    assert result.code == 1
    assert "flipper_length_mm  number    181, 186, 195                    2\n" in result.out
    assert "'sex': no number in its first 1000 rows" in result.err


def test_of_two_tables_the_one_that_is_read_is_shown_beside_the_one_that_is_not(run_lsq):
    result = run_lsq("look", written("A.csv", "u,v\n1,2\n"), written("b.csv", "y,z\n1,2\n1\n"), "-f", "json")
    seen = json.loads(result.raw)

    assert result.code == 1
    assert [table["form"] for table in seen["tables"]] == ["CSV, ',' between cells, a header", None]
    both = run_lsq("look", "b.csv", "gone.csv")
    assert both.err.startswith("lsq: error: b.csv, line 3: ")
    assert "gone.csv: not read\n  gone.csv: no such file\n" in both.out


def test_parts_that_do_not_fit_are_an_error(run_lsq):
    result = run_lsq("look", written("1.csv", "u,y\n1,2\n"), written("2.csv", "v,y\n1,2\n"), "-t", "y")

    assert (result.code, "2.csv: another header than 1.csv" in result.err) == (1, True)


def test_a_row_that_is_wrong_among_the_first_is_an_error(run_lsq):
    result = run_lsq("look", written("t.csv", "u,y\n" + "1,2\n" * 990 + "3\n"))

    assert result.code == 1
    assert result.err.startswith("lsq: error: t.csv, line 992: 1 cell where the header has 2")


def test_usage_errors_are_those_of_solve(run_lsq):
    assert run_lsq("look", "a", "b", "c").code == 2
    assert run_lsq("look", *PENGUINS, "--drop", "body_mass_g").code == 2


def test_what_the_data_says_is_printed_as_text(run_lsq):
    result = run_lsq("look", written("t.csv", "[b]x,a\x1b[31m,y\n1,\x1b[0m,3\n2,[i]z,4\n"))

    assert "\x1b" not in result.out
    assert "[b]x" in result.out
    assert "a\\x1b[31m" in result.out


def test_of_many_columns_a_terminal_has_the_first_and_the_last_a_pipe_all(run_lsq):
    names = [f"c{k}" for k in range(300)]
    name = written("wide.csv", ",".join(names) + "\n" + ",".join("1" * 300) + "\n")

    lines = run_lsq("look", name).out.splitlines()
    assert [line.split()[0] for line in lines[-300:]] == [str(k) for k in range(1, 301)]
    screen = unstyled(on_a_terminal("look", name, width=80))
    assert "292 more" in screen and "c300" not in screen and "c299" in screen
    assert [c["name"] for c in looked(run_lsq, name)["tables"][0]["columns"]] == names


def test_examples_are_cut_on_a_terminal_only(run_lsq):
    long = "a remark that is longer than a column of a screen"
    name = written("t.csv", f"u,remark,y\n1,{long},2\n2,short,3\n3,{long}!,5\n")

    assert f"{long}, short, {long}!" in run_lsq("look", name).out
    assert long not in unstyled(on_a_terminal("look", name, width=80))


@pytest.mark.parametrize("form", ["table", "json"])
def test_of_a_file_that_is_not_there_nothing_is_printed(run_lsq, form):
    result = run_lsq("look", "nothing.csv", "-f", form)

    assert (result.code, result.out) == (1, "")
    assert result.err == "lsq: error: nothing.csv: no such file\n"


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize(
    "args", [(*PENGUINS, "--missing", "drop"), (SAMPLES / "A.csv", SAMPLES / "b.csv"), (SAMPLES / "longley.csv",)]
)
def test_a_screen_shows_it_all(args, width):
    screen = unstyled(on_a_terminal("look", *args, width=width)).splitlines()

    assert max(map(len, screen)) <= width
    assert width == 60 or len(screen) <= 24
    assert not [line for line in screen if line.endswith("…")]
