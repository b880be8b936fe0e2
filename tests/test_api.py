"""The Python face beside the numbers: keywords that are none, and what the command says on standard error."""

from __future__ import annotations

import inspect
import warnings

import mypy.api
import numpy as np
import pytest

from lsq_cli import gradient, solve
from lsq_cli.core.errors import ColumnError, UsageError
from lsq_cli.core.keywords import in_keywords

A, B = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]
LAST = "b is the last column, 'y' (choose with target=)"
IN_OPTIONS = "b is the last column, 'y' (choose with --target)"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("who,u,y\nann,1,3\nbob,2,5\ncy,3,6\n")
    return path


@pytest.mark.parametrize(
    ("function", "keyword", "says"),
    [
        (solve, "unknown_keyword", "solve() got an unexpected keyword argument 'unknown_keyword'"),
        (solve, "alone", "solve() got an unexpected keyword argument 'alone'"),
        (gradient, "ridge", "gradient() got an unexpected keyword argument 'ridge'"),
    ],
)
@pytest.mark.parametrize("data", [(A, B), ("no such file",)], ids=["arrays", "path"])
def test_a_keyword_that_is_none_is_named_with_its_function(function, keyword, says, data):
    with pytest.raises(TypeError) as caught:
        function(*data, **{keyword: 1})

    assert str(caught.value).startswith(says)  # some Pythons add the near one


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
    assert [note.startswith("rank_tol=1e-30 is ") for note in rest] == [True]


def test_arrays_need_no_note():
    assert solve(A, B).notes == ()


def test_notes_are_no_part_of_the_json_object(run_lsq, table):
    assert "notes" not in run_lsq("solve", table, "-f", "json").json


def test_the_command_says_each_note_once(run_lsq, table):
    for verb in ("solve", "gradient", "compare"):
        assert run_lsq(verb, table, "-f", "json").err.count(f"lsq: note: {IN_OPTIONS}\n") == 1


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


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("leave such rows out with --missing drop", 'leave such rows out with missing="drop"'),
        (
            "if it marks a missing one: --na abc, or leave the column out: --drop y",
            'na="abc", or leave the column out: drop="y"',
        ),
        ("write --na -999", "write na=-999"),
        ("see --header and --no-header", "see header=True and header=False"),
        ("try --step cg or --method normal", 'try step="cg" or method="normal"'),
        ("--target and --drop both name 'y'", "target= and drop= both name 'y'"),
        ("another --target ('u', 'v'), or take it out of --drop", "target= ('u', 'v'), or take it out of drop="),
        ("(choose with --target)", "(choose with target=)"),
        ("for one answer only: --drop x5,x7,x11, or more", 'drop="x5,x7,x11", or more'),
        ("rows -- none", "rows -- none"),
    ],
)
def test_messages_speak_of_keyword_arguments(message, says):
    assert says in in_keywords(message)


def test_errors_and_warnings_speak_of_keyword_arguments(table):
    with pytest.raises(ColumnError, match='target="speed": no such column') as caught:
        solve(table, target="speed")
    assert "--" not in str(caught.value)
    with pytest.raises(UsageError, match='belongs to gradient descent: add method="gd"'):
        solve(A, B, tol=1e-3)

    dependent = solve([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [1.0, 2.0, 4.0])
    assert 'drop="x2"' in dependent.warnings[0]


def test_the_signature_names_every_option_and_mypy_knows_them(tmp_path):
    keywords = inspect.signature(solve).parameters
    asked = {"target", "columns", "drop", "weights", "missing", "na", "delimiter", "header", "input_format", "method"}

    assert asked <= set(keywords)
    assert not [name for name, parameter in keywords.items() if parameter.kind is parameter.VAR_KEYWORD]
    script = tmp_path / "wrong.py"
    script.write_text(
        "from lsq_cli import solve\nsolve([[1.0]], [1.0], targett='y')\nsolve([[1.0]], [1.0], method='qr')\n"
    )
    out, _, code = mypy.api.run(["--strict", "--no-incremental", str(script)])
    assert code == 1
    assert 'Unexpected keyword argument "targett"' in out
    assert "incompatible type \"Literal['qr']\"" in out


def test_a_solution_has_a_short_repr_and_a_table_for_notebooks():
    solution = solve(A, B)

    assert repr(solution) == "<Solution: converged, ‖Ax − b‖ = 0, 15.9 digits, x1=1.0, x2=2.0>"
    page = solution._repr_html_()
    assert "<caption>converged, ‖Ax − b‖ = 0, 15.9 digits</caption>" in page
    assert "<tr><td>x1</td><td>1.0</td></tr>" in page


def test_names_are_text_in_a_notebook_and_many_are_cut(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("<b>u</b>,y\n1,2\n2,4\n")

    assert "&lt;b&gt;u&lt;/b&gt;" in solve(path)._repr_html_()
    many = solve(np.eye(200), np.ones(200))
    assert repr(many).endswith("x4=1.0, … 196 more>")
    assert many._repr_html_().endswith("<p>… 100 more</p>")


def test_several_targets_have_a_column_each():
    solution = solve(A, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    assert solution.coefficients == {"x1": [1.0, 2.0], "x2": [2.0, 2.0]}
    assert "<th>b1</th><th>b2</th>" in solution._repr_html_()
