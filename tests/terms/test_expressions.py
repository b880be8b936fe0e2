"""Expressions: their values, their names, and what a model file may say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lsq_cli.core.errors import DataError
from lsq_cli.terms.expressions import CannotEvaluate, Expression, expression_of

A, B = Expression.column("a"), Expression.column("b")
VALUES = {"a": np.array([0.1, 3.0, -7.7]), "b": np.array([2.0, 0.3, 1e-5])}


@pytest.mark.parametrize(
    ("expression", "exact"),
    [
        (Expression("power", (A, 3)), lambda a, b: a**3),
        (Expression("multiply", (A, B)), lambda a, b: a * b),
        (Expression("subtract", (Expression("power", (A, 2)), B)), lambda a, b: a**2 - b),
        (Expression("negative", (Expression("add", (A, Expression("number", (1.0,)))),)), lambda a, b: -(a + 1)),
    ],
)
def test_arithmetic_is_exact(expression, exact):
    parts = expression.evaluate(VALUES, "I(…)")

    assert len(parts) == expression.parts
    for row in range(3):
        a, b = (Fraction(float(VALUES[name][row])) for name in "ab")
        assert sum(Fraction(float(part[row])) for part in parts) == exact(a, b)


def test_functions_and_quotients_are_rounded_once():
    assert Expression("exp", (A,)).evaluate(VALUES, "")[0].tolist() == np.exp(VALUES["a"]).tolist()
    assert Expression("divide", (A, B)).evaluate(VALUES, "")[0].tolist() == (VALUES["a"] / VALUES["b"]).tolist()


def test_a_value_that_is_not_finite_names_row_and_column():
    with pytest.raises(CannotEvaluate, match=r"log\(a\) is not a finite number where a is -7.7") as caught:
        Expression("log", (A,)).evaluate(VALUES, "log(a)")

    assert (caught.value.row, caught.value.column) == (2, "a")


def test_a_power_out_of_range_is_refused_by_name():
    with pytest.raises(CannotEvaluate, match=r"^I\(a \*\* 9\) is beyond the range of doubles here"):
        Expression("power", (A, 9)).evaluate({"a": np.array([1.0, 1e40])}, "I(a ** 9)")


def test_json_reads_back():
    whole = Expression("add", (Expression("power", (Expression("log", (A,)), 2)), Expression("number", (0.5,))))

    assert expression_of(whole.to_json()) == whole
    assert str(whole) == "(log(a) ** 2) + 0.5"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        ["column"],
        ["column", 3],
        ["system", ["column", "a"]],
        ["power", ["column", "a"], 1000],
        ["power", ["column", "a"], True],
        ["power", ["power", ["column", "a"], 9], 9],
        ["number", float("nan")],
        ["add", ["column", "a"]],
        ["log", "a"],
    ],
)
def test_what_a_model_may_not_say(data):
    with pytest.raises(DataError, match=r"no expression of a model|doubles, above 24"):
        expression_of(data)


def test_deep_nesting_is_refused():
    data = ["column", "a"]
    for _ in range(100):
        data = ["negative", data]

    with pytest.raises(DataError, match="no expression"):
        expression_of(data)
