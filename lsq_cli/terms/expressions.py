"""What stands in a formula for a column of numbers: an expression over the table's columns, as data.

    I(a**2 + b)     ["add", ["power", ["column", "a"], 2], ["column", "b"]]

An expression is a tree of a few operations and six functions, written to a model file as nested lists and read back
with every part checked. Nothing of it is ever run as code.

Sums, differences, products and whole powers of columns are exact: their value is a sum of doubles (`Parts`), as many
as the expression says. Quotients and functions are rounded once, to the nearest double or a neighbour of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.errors import DataError, shown
from lsq_cli.exact.expansions import OutOfRange, added, multiplied, negated

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.expansions import Parts

FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}
"""The functions that a formula may call, by name."""
MOST_PARTS = 24
"""Doubles that one value may take at most: x**24 takes as many."""
DEEPEST = 40
"""Operations within operations at most."""
_BINARY = ("add", "subtract", "multiply", "divide")


class CannotEvaluate(ArithmeticError):  # noqa: N818 - it becomes an error where the row's place is known
    """A row in which an expression has no value that doubles can hold."""

    def __init__(self, problem: str, row: int, column: str) -> None:
        super().__init__(problem)
        self.problem, self.row, self.column = problem, row, column


@dataclass(frozen=True)
class Expression:
    """One operation and what it is applied to.

    Attributes
    ----------
    operation : str
        ``column``, ``number``, ``power``, ``negative``, one of the four of arithmetic, or a function of `FUNCTIONS`.
    of : tuple
        Expressions; the name of a column; a number; for a power an expression and the exponent.
    """

    operation: str
    of: tuple[Any, ...]

    @classmethod
    def column(cls, name: str) -> Expression:
        """A column of the table."""
        return cls("column", (name,))

    def columns(self) -> Iterator[str]:
        """The names of the columns in it, from the left, some more than once."""
        if self.operation == "column":
            yield self.of[0]
        for part in self.of:
            if isinstance(part, Expression):
                yield from part.columns()

    @property
    def parts(self) -> int:
        """How many doubles its value takes."""
        if self.operation in ("add", "subtract", "multiply"):
            return int(self.of[0].parts + self.of[1].parts)
        if self.operation == "power":
            return int(self.of[0].parts * self.of[1])
        return int(self.of[0].parts) if self.operation == "negative" else 1

    @property
    def depth(self) -> int:
        """Operations within operations."""
        return 1 + max((part.depth for part in self.of if isinstance(part, Expression)), default=0)

    def evaluate(self, values: Mapping[str, Array], name: str) -> Parts:
        """The value for some rows.

        Parameters
        ----------
        values : mapping
            Column → (rows,) finite doubles.
        name : str
            What the formula calls the expression, for errors.

        Returns
        -------
        tuple of ndarray, `parts` of them, each (rows,)

        Raises
        ------
        CannotEvaluate
            For the first row in which it has no value, as the logarithm of −1, or none that doubles can hold.
        """
        try:
            return self._evaluated(values)
        except OutOfRange as error:
            problem = f"{name} is beyond the range of doubles here; give the column in other units"
            raise CannotEvaluate(problem, error.row, next(self.columns(), "")) from None

    def _evaluated(self, values: Mapping[str, Array]) -> Parts:
        operation, of = self.operation, self.of
        if operation == "column":
            return (values[of[0]],)
        if operation == "number":
            rows = len(next(iter(values.values()), ()))
            return (np.full(rows, of[0]),)
        first: Parts = of[0]._evaluated(values)
        if operation == "negative":
            return negated(first)
        if operation == "power":
            power = first
            for _ in range(of[1] - 1):
                power = multiplied(power, first)
            return power
        if operation in _BINARY:
            second: Parts = of[1]._evaluated(values)
            if operation == "multiply":
                return multiplied(first, second)
            if operation == "divide":
                return (self._finite(np.divide, values, first[0], second[0]),)
            return added(first, second if operation == "add" else negated(second))
        return (self._finite(FUNCTIONS[operation], values, first[0]),)

    def _finite(self, function: Callable[..., Array], values: Mapping[str, Array], *of: Array) -> Array:
        """The values of a function, which have to be finite."""
        with np.errstate(all="ignore"):
            result = function(*of)
        wrong = ~np.isfinite(result)
        if wrong.any():
            row, column = int(wrong.argmax()), next(self.columns(), "")
            there = f" where {shown(column)} is {values[column][row]:g}" if column else ""
            raise CannotEvaluate(f"{self} is not a finite number{there}; leave such rows out first", row, column)
        return result

    def __str__(self) -> str:
        """As a formula would write it."""
        operation, of = self.operation, self.of
        if operation in ("column", "number"):
            return str(of[0]) if operation == "column" else f"{of[0]:g}"
        if operation == "power":
            return f"{_bracketed(of[0])} ** {of[1]}"
        if operation == "negative":
            return f"-{_bracketed(of[0])}"
        if operation in _BINARY:
            return f"{_bracketed(of[0])} {'+-*/'[_BINARY.index(operation)]} {_bracketed(of[1])}"
        return f"{operation}({of[0]})"

    def to_json(self) -> list[Any]:
        """As nested lists."""
        return [self.operation, *(part.to_json() if isinstance(part, Expression) else part for part in self.of)]


def expression_of(data: object, depth: int = DEEPEST) -> Expression:
    """The expression that `Expression.to_json` wrote, with every part checked.

    Raises
    ------
    DataError
        For anything that it would not have written.
    """
    if isinstance(data, list) and data and isinstance(data[0], str) and depth > 0:
        operation, *of = data
        if operation == "column" and len(of) == 1 and isinstance(of[0], str):
            return Expression(operation, (of[0],))
        if operation == "number" and len(of) == 1 and _is_number(of[0]):
            return Expression(operation, (float(of[0]),))
        if operation == "power" and len(of) == 2 and type(of[1]) is int and 1 <= of[1] <= MOST_PARTS:
            return _checked(Expression(operation, (expression_of(of[0], depth - 1), of[1])))
        if len(of) == (2 if operation in _BINARY else 1) and operation in (*_BINARY, *FUNCTIONS, "negative"):
            return _checked(Expression(operation, tuple(expression_of(part, depth - 1) for part in of)))
    raise DataError(f"{shown(repr(data))} is no expression of a model")


def _checked(expression: Expression) -> Expression:
    """`expression`, unless its values are too long."""
    if expression.parts > MOST_PARTS:
        raise DataError(f"{shown(str(expression))} takes {expression.parts} doubles, above {MOST_PARTS}")
    return expression


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bracketed(part: Expression) -> str:
    """`part` within brackets where it is arithmetic itself."""
    return f"({part})" if part.operation in (*_BINARY, "power", "negative") else str(part)
