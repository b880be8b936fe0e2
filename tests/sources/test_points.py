"""A start for several targets: its columns by name where the file has names, in order where it has none."""

from __future__ import annotations

import json

import pytest

from lsq_cli.core.errors import DataError, ProblemError
from lsq_cli.sources.points import read_start, read_values

NAMES, TARGETS = ("x", "y"), ("p", "q")


@pytest.fixture
def start(tmp_path):
    """The start that a file with this content means."""

    def read(content, targets=TARGETS, names=NAMES, suffix=".csv"):
        path = tmp_path / f"start{suffix}"
        path.write_text(content)
        return read_start(str(path), names, targets).tolist()

    return read


def test_columns_are_those_of_the_targets_of_their_names(start):
    assert start("name,p,q\nx,1,2\ny,3,4\n") == [[1, 2], [3, 4]]
    assert start("name,q,p\ny,4,3\nx,2,1\n") == [[1, 2], [3, 4]]


def test_columns_of_other_targets_are_passed_over(start):
    assert start("name,r,q,p\nx,9,2,1\ny,9,4,3\n") == [[1, 2], [3, 4]]
    assert start("name,p,q\nx,1,2\ny,3,4\n", targets=("q",)) == [2, 4]


def test_without_a_header_columns_are_taken_in_order(start):
    assert start("1,2\n3,4\n") == [[1, 2], [3, 4]]
    assert start("1 2\n3 4\n") == [[1, 2], [3, 4]]


def test_one_column_of_values_is_the_start_of_any_target_and_of_all(start):
    assert start("name,value\ny,2\nx,1\n") == [1, 2]
    assert start("name,value\ny,2\nx,1\n", targets=("q",)) == [1, 2]
    assert start("name,other\ny,2\nx,1\n", targets=("q",)) == [1, 2]
    assert start("1\n2\n") == [1, 2]


def test_a_target_without_a_column_is_named(start):
    with pytest.raises(ProblemError, match=r"start\.csv has no column for 'q'; it has 'p', 'Q'$"):
        start("name,p,Q\nx,1,2\ny,3,4\n")
    with pytest.raises(ProblemError, match=r"start\.csv has no column for 'p'; it has 'q'$"):
        start("name,q\nx,1\ny,3\n")
    with pytest.raises(ProblemError, match=r"has no column for 'r', 's'; it has 'p', 'q'$"):
        start("name,p,q\nx,1,2\ny,3,4\n", targets=("r", "s"))


def test_names_that_stand_twice_are_refused_unless_the_problem_has_them_so(start):
    with pytest.raises(ProblemError, match="names 'q' twice"):
        start("name,q,q,p\nx,1,2,3\ny,4,5,6\n")
    with pytest.raises(ProblemError, match="names 'x' twice"):
        start("name,value\nx,1\ny,3\nx,2\n")
    assert start("name,q,q\nx,1,2\ny,3,4\n", targets=("q", "q")) == [[1, 2], [3, 4]]
    assert start("name,value\nx,1\nx,2\n", names=("x", "x")) == [1, 2]


def test_an_unknown_without_a_value_is_named(start):
    with pytest.raises(ProblemError, match=r"start\.csv has no value for 'y'; it has 'x'$"):
        start("name,p,q\nx,1,2\n")


def test_a_line_that_is_longer_than_the_header_is_named(start):
    with pytest.raises(DataError, match=r"start\.csv: 2 columns beside the names, but 3 for 'y'$"):
        start("name,p,q\nx,1,2\ny,3,4,5\n")


def test_columns_of_a_model_are_matched_too(start):
    model = {"names": ["y", "x"], "targets": ["q", "p"], "x": [[4, 3], [2, 1]]}

    assert start(json.dumps(model), suffix=".json") == [[1, 2], [3, 4]]
    assert start(json.dumps({**model, "x": [4, 2], "targets": ["any"]}), suffix=".json") == [2, 4]
    del model["targets"]
    assert start(json.dumps(model), suffix=".json") == [[2, 1], [4, 3]]


def test_a_gradient_of_ones_own_is_matched_as_well(tmp_path):
    path = tmp_path / "g.csv"
    path.write_text("name,q,p\ny,4,3\nx,2,1\n")

    assert read_values(str(path), NAMES, TARGETS, "--mine").tolist() == [[1, 2], [3, 4]]


def test_comments_empty_lines_and_names_with_a_line_end_are_read(start):
    assert start('# of yesterday\nname,value\n\n"x\n#y",1\ny,2\n', names=("x\n#y", "y")) == [1, 2]


def test_descent_starts_where_the_file_says(run_lsq, tmp_path):
    (tmp_path / "t.csv").write_text("x,y,p,q\n1,2,3,1\n4,5,6,2\n7,8,10,4\n0,1,1,1\n")
    args = ["solve", tmp_path / "t.csv", "-t", "p,q", "-m", "gd", "-f", "json"]
    run_lsq(*args[:4], "-o", tmp_path / "x.csv")
    lines = [line.split(",") for line in (tmp_path / "x.csv").read_text().splitlines()]
    (tmp_path / "turned.csv").write_text("".join(f"{name},{q},{p}\n" for name, p, q in lines))

    for start in ("x.csv", "turned.csv"):
        assert run_lsq(*args, "--x0", tmp_path / start).json["iterations"] == 0
    assert (
        run_lsq("gradient", *args[1:4], "--at", tmp_path / "turned.csv", "-f", "json").json["x"]
        == (run_lsq(*args[:4], "-f", "json").json["x"])
    )
