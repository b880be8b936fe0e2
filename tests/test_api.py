"""The Python face beside the numbers: keywords that are none, and what the command says on standard error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from lsq_cli import gradient, solve
from lsq_cli.core.errors import UsageError

A, B = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]
LAST = "b is the last column, 'y' (choose with --target)"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("who,u,y\nann,1,3\nbob,2,5\ncy,3,6\n")
    return path


@pytest.mark.parametrize(
    ("function", "keyword", "says"),
    [
        (solve, "unknown_keyword", "solve() got an unexpected keyword argument 'unknown_keyword'"),
        (solve, "max_iters", "solve() got an unexpected keyword argument 'max_iters'. Did you mean 'max_iter'?"),
        (solve, "targets", "solve() got an unexpected keyword argument 'targets'. Did you mean 'target'?"),
        (solve, "alone", "solve() got an unexpected keyword argument 'alone'"),
        (gradient, "ridge", "gradient() got an unexpected keyword argument 'ridge'"),
        (gradient, "objektive", "gradient() got an unexpected keyword argument 'objektive'. Did you mean 'objective'?"),
    ],
)
@pytest.mark.parametrize("data", [(A, B), ("no such file",)], ids=["arrays", "path"])
def test_a_keyword_that_is_none_is_named_with_its_function(function, keyword, says, data):
    with pytest.raises(TypeError) as caught:
        function(*data, **{keyword: 1})

    assert str(caught.value) == says


@pytest.mark.parametrize(
    "options",
    [{}, {"method": "gd"}, {"method": "gd", "rows": True}, {"statistics": True}, {"precision": "double"}],
    ids=str,
)
def test_a_solution_carries_the_notes_of_the_command(options, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        notes = solve(table, **options).notes

    assert notes == (LAST, "left out as text: 'who' (such as 'ann')")


def test_a_wide_problem_carries_them_too(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("u,v,w,y\n1,2,3,4\n")

    assert solve(path).notes == (LAST,)


def test_a_note_on_an_option_is_among_them(table):
    first, *rest = solve(table, drop="who", precision="double", rank_tol=1e-30).notes

    assert first == LAST
    assert [note.startswith("--rank-tol 1e-30 is ") for note in rest] == [True]


def test_arrays_need_no_note():
    assert solve(A, B).notes == ()


def test_notes_are_no_part_of_the_json_object(run_lsq, table):
    assert "notes" not in run_lsq("solve", table, "-f", "json").json


def test_the_command_says_each_note_once(run_lsq, table):
    for verb in ("solve", "gradient", "compare"):
        assert run_lsq(verb, table, "-f", "json").err.count(f"lsq: note: {LAST}\n") == 1


def test_a_gradient_carries_them_as_well(table):
    assert gradient(table).notes == (LAST, "left out as text: 'who' (such as 'ann')")
    assert gradient([1.0, 2.0]).notes == ("one column alone: A = I, and the unknown is called a",)


def test_a_gradient_is_the_same_whatever_the_threads_and_the_memory():
    rng = np.random.default_rng(0)
    big, b = rng.standard_normal((300_000, 4)), rng.standard_normal(300_000)
    once = gradient(big, b, jobs=1)
    again = gradient(big, b, jobs=3, memory="1MB")

    np.testing.assert_array_equal(once.gradient, again.gradient)
    with pytest.raises(UsageError, match="jobs must be 1 or more"):
        gradient(A, B, jobs=0)
    with pytest.raises(UsageError, match="'much' is no size of memory"):
        gradient(A, B, memory="much")
