"""From the terms of a model to the columns of A: which products of numbers, for which levels, and what they are called.

A column of A is a product of numbers in the rows of some levels and 0 elsewhere. So the columns come in groups, each a
product of numbers times some categories (`Group`), and what a row has in a group is found by its levels: no column of
zeros and ones is made. `Shape` is what is known of a model before its levels are: the products and the categories.
`Design` knows the levels too, hence every column and its name; it is written to a model file, and read back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from lsq_cli.core.errors import DataError, UsageError, elided, shown
from lsq_cli.core.solution import INTERCEPT
from lsq_cli.terms.coding import codings
from lsq_cli.terms.expressions import MOST_PARTS, Expression
from lsq_cli.terms.factors import Factor, Level, factor_of, in_order, level_text
from lsq_cli.terms.formula import MOST_TERMS, Formula, Term
from lsq_cli.terms.reading import near

MOST_CATEGORIES = 7
"""Of one term."""
MOST_SUBSETS = 4096
"""Of the categories of all terms: how each is coded is decided in as many steps."""
MOST_PRODUCTS = 2048
"""Of powers, in one term."""
Numbers = tuple[Expression, ...]
"""Expressions that are multiplied; none for 1."""


class Group(NamedTuple):
    """Columns of one term that are coded alike.

    Attributes
    ----------
    term : tuple of Factor
    coding : mapping
        Category of the term that is in use → whether every level has a column.
    """

    term: Term
    coding: Mapping[Factor, bool]

    @property
    def categories(self) -> tuple[str, ...]:
        """The columns of the table that its levels are of, in a fixed order."""
        return tuple(sorted({str(factor.category) for factor in self.coding}))

    def products(self) -> Iterator[Numbers]:
        """The products of numbers in it."""
        for chosen in product(*(factor.numbers() for factor in self.term if not factor.is_category)):
            yield tuple(expression for _, expression in chosen)


class Column(NamedTuple):
    """One column of A."""

    name: str
    numbers: Numbers
    levels: tuple[tuple[str, Level], ...]
    """(category, level) of the rows in which it is not 0, sorted by category."""


@dataclass(frozen=True)
class Shape:
    """A model before its levels are known.

    Attributes
    ----------
    formula : Formula
    """

    formula: Formula

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups of columns in order, without the intercept."""
        spanned: dict[frozenset[Factor], set[frozenset[Factor]]] = {}
        if self.formula.intercept:
            spanned[frozenset()] = {frozenset()}
        groups: list[Group] = []
        subsets = 0
        for term in self.formula.terms:
            numbers = frozenset(factor for factor in term if not factor.is_category)
            categories = [factor for factor in term if factor.is_category]
            if len(categories) > MOST_CATEGORIES:
                raise UsageError(f"a term has more than {MOST_CATEGORIES} categories; take some of them out")
            if math.prod(max(1, factor.degree) for factor in numbers) > MOST_PRODUCTS:
                raise UsageError(f"a term has more than {MOST_PRODUCTS} products of powers; take some of them out")
            subsets += 2 ** len(categories)
            if subsets > MOST_SUBSETS:
                raise UsageError("the model has too many products of categories; take some of them out")
            for coding in codings(categories, spanned.setdefault(numbers, set())):
                groups.append(Group(term, coding))
        return tuple(groups)

    @property
    def categories(self) -> tuple[str, ...]:
        """The columns of the table that are read as levels."""
        found = [str(factor.category) for term in self.formula.terms for factor in term if factor.is_category]
        return tuple(dict.fromkeys(found))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of the table that are read as numbers, those of the targets too."""
        factors = [*(factor for term in self.formula.terms for factor in term), *self.formula.targets]
        return tuple(dict.fromkeys(name for f in factors if not f.is_category for name in f.columns()))

    @cached_property
    def products(self) -> tuple[Numbers, ...]:
        """All products of numbers that stand in a column of A, each once; first that of none, which is 1."""
        found: dict[Numbers, None] = {(): None}
        for group in self.groups:
            found.update(dict.fromkeys(group.products()))
        return tuple(found)

    def check(self) -> None:
        """`UsageError` for a product that takes too many doubles, and for an absorbed column that nobody takes out."""
        if (absorbed := self.formula.absorbed) is not None:
            raise UsageError(f"| {shown(absorbed)} in a formula does not go with this; write + C({shown(absorbed)})")
        for numbers in self.products:
            if (parts := sum(expression.parts for expression in numbers)) > MOST_PARTS:
                said = ":".join(map(str, numbers))
                raise UsageError(f"{shown(said)} is summed exactly, which takes {parts} doubles; {MOST_PARTS} at most")


@dataclass(frozen=True)
class Design:
    """A model whose levels are known.

    Attributes
    ----------
    shape : Shape
    levels : mapping
        Category → its levels, in order.
    kinds : mapping
        Column of the table → what it holds.
    bases : mapping
        Factor's name → the level that the others are compared with, where that is not told by `levels`: of a group of
        rows, that of the whole table.
    """

    shape: Shape
    levels: Mapping[str, tuple[Level, ...]]
    kinds: Mapping[str, str]
    bases: Mapping[str, Level] = field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of A, the intercept first."""
        found = [Column(INTERCEPT, (), ())] if self.shape.formula.intercept else []
        for group in self.shape.groups:
            found += self.columns_of(group)
        return tuple(found)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    def part(self, levels: Mapping[str, tuple[Level, ...]]) -> Design:
        """The same for some rows, which have these levels: the bases are those of the whole."""
        factors = {factor for term in self.shape.formula.terms for factor in term if factor.is_category}
        bases = {factor.name: self.base(factor) for factor in factors}
        return Design(self.shape, levels, self.kinds, bases)

    def count(self) -> int:
        """How many columns there are, without making them."""
        total = int(self.shape.formula.intercept)
        for group in self.shape.groups:
            size = 1
            for factor in group.term:
                if not factor.is_category:
                    size *= max(1, factor.degree)
                elif factor in group.coding:
                    size *= len(self.levels[str(factor.category)]) - (not group.coding[factor])
            total += size
        return total

    def columns_of(self, group: Group) -> Iterator[Column]:
        """The columns of a group, those of the first factor changing fastest."""
        choices: list[list[tuple[str, Expression | None, tuple[str, Level] | None]]] = []
        for factor in group.term:
            if not factor.is_category:
                choices.append([(name, expression, None) for name, expression in factor.numbers()])
            elif factor in group.coding:
                full, category = group.coding[factor], str(factor.category)
                base = self.base(factor)
                chosen = [level for level in self.levels[category] if full or level != base]
                choices.append([(factor.level_name(level, full), None, (category, level)) for level in chosen])
        for reversed_choice in product(*reversed(choices)):
            picked = reversed_choice[::-1]
            levels = dict(level for _, _, level in picked if level is not None)
            if len(levels) < len({*(level for _, _, level in picked if level is not None)}):
                continue  # one category as two factors: no row has both levels
            yield Column(
                ":".join(name for name, _, _ in picked),
                tuple(expression for _, expression, _ in picked if expression is not None),
                tuple(sorted(levels.items(), key=lambda pair: pair[0])),
            )

    def base(self, factor: Factor) -> Level:
        """The level that the others are compared with: the first, unless the formula says another."""
        if factor.name in self.bases:
            return self.bases[factor.name]
        levels = self.levels[str(factor.category)]
        if factor.base is None:
            return levels[0]
        for level in levels:
            if level == factor.base or level_text(level) == level_text(factor.base):
                return level
        hint = near(level_text(factor.base), map(level_text, levels))
        raise DataError(f"{shown(factor.name)}: there is no level {shown(level_text(factor.base))!r}{hint}")

    def to_json(self) -> dict[str, Any]:
        """The model's ``terms``: how its columns are made."""
        formula = self.shape.formula
        used = {factor: None for term in formula.terms for factor in term}
        factors = list(used)
        return {
            "formula": formula.text,
            "intercept": formula.intercept,
            "targets": [target.to_json() for target in formula.targets],
            "factors": [factor.to_json() for factor in factors],
            "terms": [[factors.index(factor) for factor in term] for term in formula.terms],
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "bases": {f.name: self.base(f) for f in factors if f.is_category},
            "kinds": {name: self.kinds[name] for name in formula.columns()},
        }


def design_of(data: object) -> Design:
    """The design that `Design.to_json` wrote, with every part checked.

    Raises
    ------
    DataError
        For anything that it would not have written.
    """
    if not isinstance(data, dict):
        raise DataError("the terms of the model are no object")
    factors = [factor_of(one) for one in _list(data, "factors")]
    terms = []
    for places in _list(data, "terms"):
        if not isinstance(places, list) or not all(type(k) is int and 0 <= k < len(factors) for k in places):
            raise DataError(f"{shown(repr(places))} is no term of a model")
        terms.append(tuple(dict.fromkeys(factors[k] for k in places)))
    targets = tuple(factor_of(one) for one in _list(data, "targets"))
    if any(target.is_category for target in targets) or len(terms) > MOST_TERMS:
        raise DataError("the terms of the model are none that lsq fit makes")
    levels, kinds = data.get("levels"), data.get("kinds")
    if not (isinstance(levels, dict) and isinstance(kinds, dict) and type(data.get("intercept")) is bool):
        raise DataError("the terms of the model lack their levels, kinds or intercept")
    formula = Formula(str(data.get("formula", "")), targets, tuple(terms), data["intercept"])
    design = Design(Shape(formula), {name: levels_of(name, of) for name, of in levels.items()}, kinds)
    if lacking := [name for name in formula.columns() if not isinstance(kinds.get(name), str)]:
        raise DataError(f"the model does not say what its columns hold: {elided(map(shown, lacking))}")
    if lacking := [name for name in design.shape.categories if not design.levels.get(name)]:
        raise DataError(f"the model does not say the levels of {elided(map(shown, lacking))}")
    _check_size(design)
    return design


def _check_size(design: Design) -> None:
    """`DataError` for products that are too long."""
    try:
        design.shape.check()
    except UsageError as error:
        raise DataError(str(error)) from None


def sorted_levels(found: Mapping[str, Sequence[Level]]) -> dict[str, tuple[Level, ...]]:
    """The levels of each category in order."""
    return {name: tuple(in_order(list(levels))) for name, levels in found.items()}


def _list(data: dict[str, Any], key: str) -> list[Any]:
    """An entry of the model that is a list."""
    found = data.get(key)
    if not isinstance(found, list):
        raise DataError(f"the terms of the model have no list of {key}")
    return found


def levels_of(name: str, levels: object) -> tuple[Level, ...]:
    """The levels of one category, as a model file has them; `DataError` for what are none."""
    if not isinstance(levels, list) or not all(isinstance(level, str | int | float | bool) for level in levels):
        raise DataError(f"the levels of {shown(name)} in the model are no list of texts or numbers")
    if len(set(map(level_text, levels))) < len(levels):
        raise DataError(f"a level of {shown(name)} stands twice in the model")
    return tuple(float(level) if type(level) is int else level for level in levels)
