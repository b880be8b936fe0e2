"""`lsq collect`, `merge`, `subtract`, and states as DATA, at the shell: what is written, said and refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lsq_cli.sources.statefiles import packed, read_state

ABY = "a,b,y\n1,2,3.5\n2,1,4\n4,0,1\n5,5,2\n"
MORE = "a,b,y\n7,1,2\n8,3,1.5\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch, run_lsq):
    monkeypatch.chdir(tmp_path)
    Path("one.csv").write_text(ABY)
    Path("two.csv").write_text(MORE)
    Path("gaps.csv").write_text("a,b,name,y\n1,2,p,3\n,1,q,4\n4,NA,r,1\n5,5,s,2\n9,1,t,0\n")
    Path("other.csv").write_text("a,z,y\n1,2,3\n2,4,1\n")
    for name in ("one", "two", "other"):
        assert run_lsq("collect", f"{name}.csv", "-o", f"{name}.lsqs").code == 0


def test_collect_says_what_is_in_the_state_and_nothing_on_standard_output(run_lsq):
    result = run_lsq("collect", "gaps.csv", "--missing", "drop", "-o", "s.lsqs")

    assert (result.code, result.raw) == (0, b"")
    assert result.err == (
        "lsq: note: left out as text: 'name' (such as 'p')\n"
        "lsq: note: s.lsqs has the sums of 3 rows of 3 columns; 2 more went for a missing cell in 'a' (1), 'b' (1)\n"
    )


def test_solving_a_state_says_how_many_rows_went(run_lsq):
    run_lsq("collect", "gaps.csv", "--missing", "drop", "-o", "s.lsqs")
    result = run_lsq("solve", "s.lsqs", "-f", "json")

    assert "lsq: note: 2 rows went at collect for a missing cell in 'a' (1), 'b' (1)\n" in result.err
    assert (result.json["dropped_rows"], result.json["rows"], result.json["rows_read"]) == ({"empty": 1, "na": 1}, 3, 5)
    assert result.json["data"] == ["s.lsqs"]


def test_the_table_has_the_solution_of_the_rows(run_lsq):
    for more in (["--intercept"], ["-m", "gd", "--step", "cg"], ["--ridge", "2", "-t", "a"], ["--drop", "a"]):
        a, b = (run_lsq("solve", path, *more, "-q", "-f", "csv") for path in ("one.csv", "one.lsqs"))
        assert (a.code, a.raw) == (b.code, b.raw)


def test_a_regression_on_a_state_shows_what_that_on_the_rows_shows(run_lsq):
    run_lsq("collect", "one.csv", "two.csv", "-t", "y", "-o", "s.lsqs")
    for asked in (["y ~ a + b"], ["y ~ . - b"], ["cbind(a, y) ~ b - 1"], ["-t", "y", "--columns", "a"]):
        a, b = run_lsq("fit", *asked, "one.csv", "two.csv"), run_lsq("fit", *asked, "s.lsqs")
        assert (a.code, a.raw) == (0, b.raw)
    record = run_lsq("fit", "y ~ a", "s.lsqs", "-f", "json").json
    assert record["digest"] == run_lsq("fit", "y ~ a", "one.csv", "two.csv", "-f", "json").json["digest"]
    assert (record["passes"], record["rows"]) == (0, 6)


def test_weights_are_those_of_the_rows(run_lsq):
    Path("w.csv").write_text("a,w,y\n1,2,3\n2,0,4\n3,0.5,1\n4,3,7\n9,1,2\n")
    run_lsq("collect", "w.csv", "--weights", "w", "-o", "w.lsqs")
    a = run_lsq("fit", "y ~ a", "w.csv", "--weights", "w", "-f", "json").json
    b = run_lsq("fit", "y ~ a", "w.lsqs", "-f", "json").json

    assert a["statistics"].pop("log_likelihood") == pytest.approx(b["statistics"].pop("log_likelihood"), rel=1e-11)
    for one in (a, b):
        del one["statistics"]["aic"], one["statistics"]["bic"]
    assert (a["x"], a["digest"], a["statistics"]) == (b["x"], b["digest"], b["statistics"])
    assert "rows were weighed by 'w' at collect" in run_lsq("solve", "w.lsqs").err


def test_states_as_data_are_merged_and_patterns_expanded(run_lsq):
    expected = run_lsq("solve", "one.csv", "two.csv", "-t", "y", "-q", "-f", "csv").raw

    assert run_lsq("solve", "two.lsqs", "one.lsqs", "-t", "y", "-q", "-f", "csv").raw == expected
    assert run_lsq("solve", "[ot]*[eo].lsqs", "-t", "y", "-q", "-f", "csv").raw == expected
    assert "'one.lsqs' is given more than once: its rows count as often" in run_lsq("solve", "one.lsqs", "one.lsqs").err


def test_each_state_can_be_a_problem_of_its_own(run_lsq):
    lines = run_lsq("solve", "--each", "one.lsqs", "two.lsqs", "-f", "json").raw.splitlines()

    assert [json.loads(line)["rows"] for line in lines] == [4, 2]


def test_merge_and_subtract_go_there_and_back(run_lsq):
    assert run_lsq("merge", "one.lsqs", "two.lsqs", "-o", "both.lsqs").err == (
        "lsq: note: both.lsqs has the sums of 6 rows of 3 columns\n"
    )
    assert run_lsq("subtract", "both.lsqs", "two.lsqs", "-o", "back.lsqs").code == 0

    assert Path("back.lsqs").read_bytes() == Path("one.lsqs").read_bytes()
    assert run_lsq("subtract", "both.lsqs", "two.lsqs", "-o", "both.lsqs").code == 0  # in its place
    assert Path("both.lsqs").read_bytes() == Path("one.lsqs").read_bytes()


def test_into_begins_a_state_and_adds_to_it_and_o_keeps_the_part(run_lsq):
    assert run_lsq("collect", "one.csv", "--into", "all.lsqs").code == 0
    assert Path("all.lsqs").read_bytes() == Path("one.lsqs").read_bytes()

    assert run_lsq("collect", "two.csv", "-o", "part.lsqs", "--into", "all.lsqs").code == 0
    run_lsq("merge", "two.lsqs", "one.lsqs", "-o", "both.lsqs")
    assert Path("all.lsqs").read_bytes() == Path("both.lsqs").read_bytes()
    assert Path("part.lsqs").read_bytes() == Path("two.lsqs").read_bytes()
    assert not list(Path().glob(".lsq-*"))


def test_a_mark_on_which_states_do_not_agree_is_dropped_with_a_warning(run_lsq):
    run_lsq("collect", "one.csv", "-t", "a", "-o", "marked.lsqs")
    result = run_lsq("merge", "marked.lsqs", "two.lsqs", "-o", "s.lsqs")

    assert "lsq: warning: the states do not agree on what is b, so none is marked: say it with -t\n" in result.err
    assert "b is the last column, 'y'" in run_lsq("solve", "s.lsqs").err
    assert "b is" not in run_lsq("solve", "marked.lsqs").err


def test_look_shows_what_is_in_a_state(run_lsq):
    run_lsq("collect", "gaps.csv", "--missing", "drop", "-o", "s.lsqs")

    assert run_lsq("look", "s.lsqs", "-t", "a", "--drop", "b").out == (
        "s.lsqs: a state, sums without rows\n"
        "  3 rows used of 5 read\n"
        "  hash of the sums: f1e0ac0a0bf2ebc746a5165f0b01a2d52f5afd7554f00cba6c7db3dc39fb298c\n"
        "\n"
        "Columns\n"
        "  #  name     mean  rows dropped  part\n"
        "  1  a           5  1 empty       b\n"
        "  2  b     2.66667  1 na          left out\n"
        "  3  y     1.66667  0             A\n"
    )
    record = run_lsq("look", "s.lsqs", "-f", "json").json
    assert record["columns"][1] == {"position": 2, "name": "b", "mean": 8 / 3, "dropped": {"na": 1}, "part": "A"}


REFUSED = [
    # command, code, message
    ("solve one.lsqs two.csv", 2, "one.lsqs is a state, sums without rows, and two.csv is none: states go with states"),
    ("solve -t y two.csv one.lsqs", 2, "one.lsqs is a state, sums without rows, and two.csv is none: states go with"),
    ("solve one.lsqs --weights b", 2, "--weights speaks of rows, and one.lsqs is a state, sums without rows: it was"),
    ("solve one.lsqs --missing drop", 2, "--missing speaks of rows, and one.lsqs is a state"),
    ("solve one.lsqs --skip 1", 2, "--skip speaks of rows, and one.lsqs is a state"),
    ("solve one.lsqs --precision double", 2, "--precision double is a way to sum rows; a state is summed exactly"),
    (
        "solve one.lsqs --scheduler local:1",
        2,
        "--scheduler sums rows, and one.lsqs is a state, sums without rows: lea",
    ),
    ("fit y~a one.lsqs --scheduler local:1", 2, "--scheduler sums rows, and one.lsqs is a state, sums without rows"),
    ("solve https://a.b/one.lsqs", 1, "https://a.b/one.lsqs: states are read from folders of this machine: fetch it"),
    ("solve one.lsqs -t z", 1, "one.lsqs: --target 'z': no such column; there are 'a', 'b', 'y'"),
    ("solve one.lsqs other.lsqs", 1, "other.lsqs: other columns than one.lsqs: it lacks 'b' and it has 'z' besides"),
    ("solve no.lsqs", 1, "no.lsqs: no such file"),
    ("gradient one.lsqs", 2, "one.lsqs is a state, sums without rows, and rows are needed here; lsq solve, fit, look"),
    ("compare one.lsqs", 2, "one.lsqs is a state, sums without rows, and rows are needed here"),
    ("fit y~a one.lsqs --vcov HC3", 2, "--vcov goes by the rows, and one.lsqs is a state, sums without rows"),
    ("fit y~a one.lsqs --vcov cluster:b", 2, "--vcov goes by the rows, and one.lsqs is a state"),
    ("fit y~a one.lsqs --influence 2", 2, "--influence goes by the rows, and one.lsqs is a state, sums without rows"),
    ("fit y~a one.lsqs --plot p.png", 2, "--plot goes by the rows, and one.lsqs is a state, sums without rows"),
    ("fit y~a one.lsqs --weights b", 2, "--weights speaks of rows, and one.lsqs is a state"),
    ("fit y~I(a**2) one.lsqs", 2, "a ** 2 is no column of the state, and takes the rows to sum: a state has the prod"),
    ("fit y~a:b one.lsqs", 2, "a:b is no column of the state, and takes the rows to sum"),
    ("fit log(y)~a one.lsqs", 2, "log(y) is no column of the state, and takes the rows to sum"),
    ("fit y~C(a) one.lsqs", 2, "a is a category, and takes the rows to sum"),
    ("fit y~z one.lsqs", 2, "the formula names 'z', and there is no such column"),
    ("merge one.lsqs other.lsqs -o s.lsqs", 1, "other.lsqs: other columns than one.lsqs: it lacks 'b' and it has 'z'"),
    ("merge one.lsqs two.csv -o s.lsqs", 2, "'two.csv' is no state: its name does not end in .lsqs"),
    ("merge one.lsqs -o s.npz", 2, "cannot tell the format of s.npz: end the name in .lsqs"),
    ("merge one.lsqs", 2, "where to? -o S.lsqs names the state to write"),
    ("subtract one.lsqs two.lsqs", 2, "where to? -o S.lsqs names the state to write"),
    ("subtract one.lsqs other.lsqs -o s.lsqs", 1, "other.lsqs: other columns than one.lsqs: it lacks 'b' and it has"),
    (
        "subtract two.lsqs one.lsqs -o s.lsqs",
        1,
        "one.lsqs: its rows cannot all be among those of two.lsqs: without them there are -2 rows",
    ),
    (
        "subtract one.lsqs two.lsqs -o s.lsqs",
        1,
        "two.lsqs: its rows cannot all be among those of one.lsqs: without them the sum of squares of",
    ),
    ("collect one.csv", 2, "where to? -o S.lsqs writes a state, --into S.lsqs adds to one"),
    ("collect one.csv --into /dev/null", 2, "--into /dev/null: a state that is added to has to be a file"),
    ("predict model.json one.lsqs", 2, "one.lsqs is a state, sums without rows, and rows are needed here"),
    ("collect one.lsqs -o s.lsqs", 2, "one.lsqs is a state already; to join states: lsq merge S"),
    ("collect one.csv -o s.csv", 2, "cannot tell the format of s.csv: end the name in .lsqs"),
    ("collect one.csv -o s.lsqs --into ./s.lsqs", 2, "./s.lsqs is named for two results"),
    ("collect gaps.csv -o s.lsqs", 1, "gaps.csv, line 3, column 1 'a': the cell is empty"),
    ("collect other.csv --into one.lsqs", 1, "the rows collected: other columns than one.lsqs: it lacks 'b'"),
    ("collect one.csv two.csv other.csv -o s.lsqs", 2, "3 paths: parts of one table? add -t NAME"),
    ("collect one.csv --weights b -o s.lsqs --into one.lsqs", 1, "the rows collected: other columns than one.lsqs"),
]


@pytest.mark.parametrize(("command", "code", "message"), REFUSED, ids=[command for command, _, _ in REFUSED])
def test_it_is_refused_with_the_reason_and_nothing_is_written(command, code, message, run_lsq):
    before = Path("one.lsqs").read_bytes()
    if "model.json" in command:
        assert run_lsq("fit", "y ~ a", "one.lsqs", "-o", "model.json").code == 0
    result = run_lsq(*command.split())

    assert (result.code, result.raw) == (code, b"")
    assert message in result.err
    assert "Traceback" not in result.err
    assert not [path for path in ("s.csv", "s.npz") if Path(path).exists()]
    assert Path("one.lsqs").read_bytes() == before


def test_states_that_are_weighed_otherwise_are_told_apart(run_lsq):
    Path("w.csv").write_text("a,b,y,w\n1,2,3,1\n2,3,4,2\n")
    run_lsq("collect", "w.csv", "--weights", "w", "-o", "w.lsqs")
    result = run_lsq("merge", "one.lsqs", "w.lsqs", "-o", "s.lsqs")

    assert result.code == 1
    assert "w.lsqs: its rows are weighed by 'w', and those of one.lsqs are not weighed" in result.err


def test_damage_and_a_wrong_checksum_are_told(run_lsq):
    data = Path("one.lsqs").read_bytes()
    Path("cut.lsqs").write_bytes(data[: len(data) // 2])
    Path("empty.lsqs").write_bytes(b"")
    Path("text.lsqs").write_text(ABY)

    for name in ("cut", "text"):
        for verb in (["solve"], ["look"], ["fit", "y ~ a"], ["merge", "-o", "s.lsqs"]):
            result = run_lsq(verb[0], *verb[1:], f"{name}.lsqs")
            assert (result.code, result.raw) == (1, b"")
            assert result.err == (
                f"lsq: error: {name}.lsqs: is damaged or cut off, or is no state: it cannot be read; "
                "take another copy, or collect it again\n"
            )
    assert "empty.lsqs: is empty: it cannot be read" in run_lsq("solve", "empty.lsqs").err
    assert run_lsq("collect", "one.csv", "--into", "cut.lsqs").code == 1
    assert Path("cut.lsqs").read_bytes() == data[: len(data) // 2]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ({"dropped": np.full((4, 3), 2**62)}, "there are more rows than can be counted"),
        ({"exponents": np.array([0, 1100, 0, 0])}, "they are beyond those of doubles"),
        ({"exponents": np.array([0, 2**40, 0, 0])}, "they are beyond those of doubles"),
    ],
)
def test_counts_and_sums_that_no_table_has_are_refused_though_the_checksum_is_right(part, wrong, run_lsq):
    Path("forged.lsqs").write_bytes(packed(read_state("one.lsqs")._replace(**part)))

    for verb in (["solve"], ["look"], ["merge", "-o", "s.lsqs"], ["subtract", "one.lsqs", "-o", "s.lsqs"]):
        result = run_lsq(verb[0], *verb[1:], "forged.lsqs")
        assert (result.code, result.err) == (
            1,
            f"lsq: error: forged.lsqs: its sums cannot be those of a table: {wrong}\n",
        )


def test_the_largest_doubles_make_a_state(run_lsq):
    Path("huge.csv").write_text("a,y\n1.7976931348623157e308,1\n1.7976931348623157e308,4.9e-324\n")
    run_lsq("collect", "huge.csv", "-o", "huge.lsqs")

    record = run_lsq("look", "huge.lsqs", "-f", "json").json
    assert record["columns"][0]["mean"] == 1.7976931348623157e308


def test_sums_that_are_those_of_no_rows_are_found_when_they_are_solved(run_lsq):
    # Orthogonal columns of eight ±1; a row is taken away that is too large for all of them, and for no two.
    rows = [(1 - 2 * (k & 1), 1 - (k & 2), 1 - (k & 4) // 2, (1 - 2 * (k & 1)) * (1 - (k & 2))) for k in range(8)]
    Path("big.csv").write_text("a,b,c,y\n" + "".join(f"{a},{b},{c},{y}\n" for a, b, c, y in rows))
    Path("small.csv").write_text("a,b,c,y\n1.55,1.55,1.55,1.55\n")
    for name in ("big", "small"):
        run_lsq("collect", f"{name}.csv", "-o", f"{name}.lsqs")
    assert run_lsq("subtract", "big.lsqs", "small.lsqs", "-o", "s.lsqs").code == 0
    result = run_lsq("solve", "s.lsqs")

    assert (result.code, result.raw) == (1, b"")
    assert result.err.endswith(
        "lsq: error: the sums are those of no rows: in some direction they are below 0; was something taken away that "
        "was never added (lsq subtract)?\n"
    )


def test_a_state_without_rows_is_a_state_and_no_problem(run_lsq):
    assert run_lsq("subtract", "one.lsqs", "one.lsqs", "-o", "none.lsqs").code == 0
    assert "none.lsqs: the state has no rows" in run_lsq("solve", "none.lsqs").err
    assert run_lsq("merge", "none.lsqs", "two.lsqs", "-o", "s.lsqs").code == 0

    assert Path("s.lsqs").read_bytes() == Path("two.lsqs").read_bytes()


def test_two_columns_of_one_name_are_told_by_their_positions(run_lsq):
    Path("t.csv").write_text("a,a,y\n1,2,3\n2,3,1\n")
    result = run_lsq("collect", "t.csv", "-o", "s.lsqs")

    assert result.code == 1
    assert "t.csv: 2 columns are called 'a', and a state knows columns by their names" in result.err
    assert "with --columns or --drop: #1 or #2" in result.err
    assert run_lsq("collect", "t.csv", "--drop", "#2", "-o", "s.lsqs").code == 0


def test_from_a_pipe_and_of_one_column(run_lsq):
    assert run_lsq("collect", "-o", "s.lsqs", stdin=ABY).code == 0
    assert Path("s.lsqs").read_bytes() == Path("one.lsqs").read_bytes()

    assert run_lsq("collect", "one.csv", "--columns", "y", "-o", "s.lsqs").code == 0
    assert run_lsq("solve", "s.lsqs").code == 1
    assert run_lsq("collect", "A.lsqs", "-o", "s.lsqs").code == 2
