"""The factors of a formula: a column of numbers, its powers, or a category; each as data.

    log(hp)                  numbers      one column, an `Expression`
    poly(a, 3, raw=True)     powers       three columns: a, a², a³
    species, C(cyl)          category     one column a level, less the base where others make up for it

A term is a set of factors, whose columns are multiplied. Two factors are the same if they mean the same, however they
are written; the name is that of the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lsq_cli.core.errors import DataError, shown
from lsq_cli.terms.expressions import MOST_PARTS, Expression, expression_of

Level = str | float | bool
"""One value of a category."""
TEXT, NUMBER, TRUTH, DATE, EMPTY = "text", "number", "true/false", "date", "empty"
"""The kinds of a column."""


class Table(NamedTuple):
    """What a formula knows of the table.

    Attributes
    ----------
    kinds : mapping
        Column → what it holds; one of the kinds above.
    repeated : frozenset
        Names that stand twice in the header.
    apart : frozenset
        Columns that ``.`` does not mean: those that are dropped, the weights.
    counts : frozenset
        Columns that number the rows: ``.`` does not mean them either, and the user is told.
    """

    kinds: Mapping[str, str]
    repeated: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    counts: frozenset[str] = frozenset()

    def rest(self, named: Set[str]) -> tuple[list[str], tuple[str, ...]]:
        """The columns that ``.`` means beside those `named`, and those that it leaves out without being asked to."""
        others = [name for name in self.kinds if name not in named and name not in self.apart]
        left_out = tuple(name for name in others if name in self.counts or self.kinds[name] == EMPTY)
        return [name for name in others if name not in left_out], left_out


@dataclass(frozen=True)
class Factor:
    """What a formula multiplies.

    Attributes
    ----------
    name : str
        As patsy writes it; does not count when factors are compared.
    expression : Expression or None
        Of the numbers; None for a category.
    degree : int
        Powers of the expression, from the first; 0 for the expression itself.
    category : str or None
        The column whose values are the levels.
    base : str, float or None
        The level that the others are compared with, where the formula says it.
    """

    name: str = field(compare=False)
    expression: Expression | None = None
    degree: int = 0
    category: str | None = None
    base: Level | None = None

    @property
    def is_category(self) -> bool:
        """Whether it has levels."""
        return self.category is not None

    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it is made of."""
        if self.category is not None:
            return (self.category,)
        assert self.expression is not None  # for it is no category
        return tuple(dict.fromkeys(self.expression.columns()))

    def numbers(self) -> tuple[tuple[str, Expression], ...]:
        """The names and expressions of its columns, for a factor that is no category."""
        assert self.expression is not None
        if not self.degree:
            return ((self.name, self.expression),)
        powers = (Expression("power", (self.expression, k)) for k in range(1, self.degree + 1))
        return tuple((f"{self.name}[{k}]", power) for k, power in enumerate(powers, 1))

    def level_name(self, level: Level, full: bool) -> str:
        """What the column of a level is called: ``C(cyl)[T.6]``, or ``C(cyl)[6]`` where every level has one."""
        return f"{self.name}[{'' if full else 'T.'}{level_text(level)}]"

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        record: dict[str, Any] = {"name": self.name}
        if self.expression is not None:
            record["expression"] = self.expression.to_json()
        if self.degree:
            record["degree"] = self.degree
        if self.category is not None:
            record["category"] = self.category
        if self.base is not None:
            record["base"] = self.base
        return record


def factor_of(data: object) -> Factor:
    """The factor that `Factor.to_json` wrote.

    Raises
    ------
    DataError
        For anything that it would not have written.
    """
    if isinstance(data, dict) and isinstance(data.get("name"), str):
        name, category, degree = data["name"], data.get("category"), data.get("degree", 0)
        if isinstance(category, str) and "expression" not in data and degree == 0:
            return Factor(name, category=category, base=data.get("base"))
        if category is None and type(degree) is int and 0 <= degree <= MOST_PARTS:
            expression = expression_of(data.get("expression"))
            if expression.parts * max(degree, 1) <= MOST_PARTS:
                return Factor(name, expression, degree)
    raise DataError(f"{shown(repr(data))} is no factor of a model")


def level_text(level: Level) -> str:
    """A level as names have it: 6 for the number 6.0."""
    if isinstance(level, bool | str):
        return str(level)
    return repr(float(level) + 0.0).removesuffix(".0")


def in_order(levels: Sequence[Level]) -> list[Level]:
    """Levels sorted: numbers by value, text by code point."""
    return sorted(levels, key=lambda level: (isinstance(level, str), level))
