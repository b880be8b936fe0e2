"""From rows with categories to the exact sums of a design: one pass, and no column of zeros and ones.

A column of A is a product of numbers u in the rows of some levels. So an entry of AᵀA is

    Σ u_i u_j    over all rows, or over those of the levels that both columns ask for.

The first are sums of products of columns of numbers (`ExactSums`), the others sums by key of one column (`KeyedSums`):
for each pair of groups of columns the product u_i u_j, the key being the levels of the categories of both. All are
exact, for products and powers are sums of doubles (`expansions.py`). Levels are met as rows come; when the last row is
there, they are put in order and AᵀA is put together.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from lsq_cli.core.errors import CellError, ProblemError, shown
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.expansions import OutOfRange, multiplied
from lsq_cli.exact.keyed import KeyedSums
from lsq_cli.problems.tally import Tally
from lsq_cli.terms.expressions import CannotEvaluate, Expression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.expansions import Parts
    from lsq_cli.sources.records import Levels, Record, RecordBlock
    from lsq_cli.terms.design import Design, Numbers, Shape
    from lsq_cli.terms.factors import Factor

MOST_LEVELS = 10_000
"""Of one category."""
MOST_KEYS = 500_000
"""Combinations of levels that are summed apart."""
_COUNTED_KEYS = 1 << 20
"""Combinations up to which those that occur are found by counting, and not by sorting."""
Categories = tuple[str, ...]


class Places(Protocol):
    """What knows where rows stand."""

    def where(self, row: int, name: str) -> str:
        """The place of a cell, given its row among those read."""
        ...


class Products(NamedTuple):
    """The numbers of some rows, evaluated: each a sum of doubles."""

    of_columns: list[Parts]
    """One for each of `Shape.products`."""
    of_targets: list[Parts]
    weights: Array | None


@dataclass
class DesignSums:
    """The sums of some rows.

    Attributes
    ----------
    numbers : ExactSums
        Of all products and targets, each as the doubles whose sum it is.
    keyed : mapping
        Categories → sums by their levels.
    levels : mapping
        Category → the levels met, in order of appearance.
    log_weights : float
        Σ log w of the rows that count.
    """

    numbers: ExactSums
    keyed: dict[Categories, KeyedSums]
    levels: dict[str, dict[Any, None]]
    tally: Tally = field(default_factory=Tally)
    log_weights: float = 0.0

    def merge(self, other: DesignSums) -> None:
        """Take in the rows that follow."""
        self.numbers.merge(other.numbers)
        for categories, sums in other.keyed.items():
            self.keyed[categories].merge(sums)
            if len(self.keyed[categories].keys) > MOST_KEYS:
                said = " and ".join(map(shown, categories))
                raise ProblemError(f"{said}: more than {MOST_KEYS} combinations of levels; take one of them out")
        for name, levels in other.levels.items():
            self.levels[name].update(levels)
            check_levels(name, len(self.levels[name]))
        self.tally.merge(other.tally)
        self.log_weights += other.log_weights

    def without(self, other: DesignSums) -> DesignSums:
        """The sums of the other rows, where `other` are those of some of these; the levels stay."""
        left = deepcopy(self)
        left.numbers.subtract(other.numbers)
        for categories, sums in other.keyed.items():
            left.keyed[categories].subtract(sums)
        left.tally.subtract(other.tally)
        left.log_weights -= other.log_weights
        return left


@dataclass(frozen=True)
class SumRecords:
    """The kernel: reads one block and sums its rows."""

    shape: Shape

    def __call__(self, block: RecordBlock) -> DesignSums:
        """The sums of one block."""
        return self.of(block.read(), block)

    def of(self, record: Record, block: Places) -> DesignSums:
        """The sums of some rows of a block."""
        record, tally = counted(record)
        return self.summed(evaluated(self.shape, record, block), record, block, tally)

    def summed(self, products: Products, record: Record, block: Places, tally: Tally) -> DesignSums:
        """The sums of some rows."""
        numbers = self._numbers(products, len(record.used))
        levels = {name: present(record.categories[name]) for name in self.shape.categories}
        for name, category in levels.items():
            check_levels(name, len(category.levels))
        keyed = self._keyed(products, levels, block, record)
        logs = 0.0 if record.weights is None else float(np.log(record.weights).sum())
        return DesignSums(numbers, keyed, {n: dict.fromkeys(c.levels) for n, c in levels.items()}, tally, logs)

    def _numbers(self, products: Products, rows: int) -> ExactSums:
        """The sums of products of numbers."""
        A = [part for parts in products.of_columns for part in parts]
        b = [part for parts in products.of_targets for part in parts]
        sums = ExactSums(len(A), len(b))
        sums.add(_side_by_side(A, rows), _side_by_side(b, rows), products.weights)
        return sums

    def _keyed(
        self, products: Products, levels: Mapping[str, Levels], block: Places, record: Record
    ) -> dict[Categories, KeyedSums]:
        """The sums by levels."""
        numbers = [*products.of_columns, *products.of_targets]
        found = {}
        for categories, pairs in pairs_by_categories(self.shape).items():
            keys, codes = combined([levels[name] for name in categories])
            try:
                columns = [_product(numbers[i], numbers[j], products.weights) for i, j in pairs]
            except OutOfRange as error:
                raise _beyond(error, record, block) from None
            found[categories] = KeyedSums(len(pairs))
            found[categories].add(keys, codes, columns)
        return found


def weighted(number: Parts, weights: Array | None, record: Record, block: Places) -> Parts:
    """A number times the weight of its row; `CellError` where doubles cannot hold it."""
    try:
        return _times_weight(number, weights)
    except OutOfRange as error:
        raise _beyond(error, record, block) from None


def _beyond(error: OutOfRange, record: Record, block: Places) -> CellError:
    """The error of a row whose products leave the range."""
    place = block.where(int(record.used[error.row]), next(iter(record.numbers)))
    said = "a product of numbers in this row is beyond the range of doubles; give the columns in other units"
    return CellError(said, place)


def counted(record: Record) -> tuple[Record, Tally]:
    """The rows that count, those of weight 0 gone, and how many there were."""
    tally = Tally(len(record.used), record.rows_read)
    tally.dropped.update(record.dropped)
    if record.weights is not None and (record.weights == 0).any():
        tally.weightless = int(np.count_nonzero(record.weights == 0))
        record = taken(record, np.flatnonzero(record.weights))
    return record, tally


def pairs_by_categories(shape: Shape, *, everywhere: bool = False) -> dict[Categories, dict[tuple[int, int], int]]:
    """Categories → the pairs of numbers whose products are summed by their levels, each with its position.

    Numbers are counted through `Shape.products` and, after them, the targets. With `everywhere` the pairs that are
    summed over all levels are there too, those of no category.
    """
    products = {numbers: k for k, numbers in enumerate(shape.products)}
    blocks: dict[tuple[int, Categories], None] = {(0, ()): None}
    for group in shape.groups:
        blocks.update({(products[numbers], group.categories): None for numbers in group.products()})
    targets = {(len(products) + t, ()): None for t in range(len(shape.formula.targets))}
    found: dict[Categories, dict[tuple[int, int], int]] = {}
    for (i, first), (j, second) in combinations_with_replacement([*blocks, *targets], 2):
        categories = tuple(sorted({*first, *second}))
        if categories or everywhere:
            pairs = found.setdefault(categories, {})
            pairs.setdefault((min(i, j), max(i, j)), len(pairs))
    return found


def evaluated(shape: Shape, record: Record, block: Places) -> Products:
    """The products and the targets in some rows.

    Raises
    ------
    CellError
        Where one has no value, or none that sums of doubles can hold.
    """
    one = (np.broadcast_to(1.0, len(record.used)),)
    columns = [value_of(numbers, record, block) if numbers else one for numbers in shape.products]
    targets = [target_of(target, record, block) for target in shape.formula.targets]
    return Products(columns, targets, record.weights)


def target_of(target: Factor, record: Record, block: Places) -> Parts:
    """A target in some rows; raises as `evaluated`."""
    return value_of((_expression(target),), record, block, target.name)


def value_of(numbers: Numbers, record: Record, block: Places, name: str = "") -> Parts:
    """The product of some expressions in some rows; raises as `evaluated`."""
    whole = numbers[0]
    for expression in numbers[1:]:
        whole = Expression("multiply", (whole, expression))
    try:
        return whole.evaluate(record.numbers, name or " : ".join(map(str, numbers)))
    except CannotEvaluate as error:
        place = block.where(int(record.used[error.row]), error.column)
        raise CellError(error.problem, place) from None


def taken(record: Record, rows: NDArray[np.intp]) -> Record:
    """Some of the rows of a record."""
    from lsq_cli.sources.records import Levels

    return record._replace(
        numbers={name: values[rows] for name, values in record.numbers.items()},
        categories={name: Levels(c.levels, c.codes[rows]) for name, c in record.categories.items()},
        weights=None if record.weights is None else record.weights[rows],
        used=record.used[rows],
    )


def present(category: Levels) -> Levels:
    """The same with the levels that occur, and no others."""
    counts = np.bincount(category.codes, minlength=len(category.levels))
    there = np.flatnonzero(counts)
    places = np.zeros(len(counts), np.intp)
    places[there] = np.arange(len(there))
    return category._replace(levels=tuple(category.levels[k] for k in there), codes=places[category.codes])


def combined(categories: list[Levels]) -> tuple[list[Hashable], NDArray[np.intp]]:
    """The combinations of levels that occur, and for every row which it is."""
    codes, size = categories[0].codes, len(categories[0].levels)
    for category in categories[1:]:
        codes, size = codes * len(category.levels) + category.codes, size * len(category.levels)
    if size <= _COUNTED_KEYS:
        there = np.flatnonzero(np.bincount(codes, minlength=size))
        places = np.zeros(size, np.intp)
        places[there] = np.arange(len(there))
        codes = places[codes]
    else:
        there, codes = np.unique(codes, return_inverse=True)
    keys: list[Hashable] = []
    for number in there.tolist():
        key: list[Any] = []
        for category in reversed(categories):
            number, code = divmod(number, len(category.levels))
            key.insert(0, category.levels[code])
        keys.append(tuple(key))
    return keys, codes


def check_levels(name: str, count: int) -> None:
    """`ProblemError` for a category of too many levels."""
    if count > MOST_LEVELS:
        raise ProblemError(f"{shown(name)} has more than {MOST_LEVELS} levels; as a number it is not C({shown(name)})")


class Assembled(NamedTuple):
    """The Gram matrix of a design: N_ij·2^unit for the columns of A, the targets and, last, a column of ones."""

    N: Integers
    unit: int
    """Even."""


def assembled(sums: DesignSums, design: Design) -> Assembled:
    """AᵀA, Aᵀb, bᵀb and the sums of all columns, exactly."""
    shape = design.shape
    numbers, unit = _collapsed(sums.numbers, shape)
    keyed = {categories: found.integers() for categories, found in sums.keyed.items()}
    lowest = min([unit, *(exponent for N, exponent in keyed.values() if N.any())])
    lowest -= lowest % 2
    numbers = numbers << (unit - lowest)
    by_key = {
        categories: _ByKey(N << max(0, exponent - lowest), sums.keyed[categories].keys, pairs)
        for (categories, (N, exponent)), pairs in zip(keyed.items(), pairs_by_categories(shape).values(), strict=True)
    }
    columns = list(all_columns(design))
    k = len(columns)
    total = np.zeros((k, k), dtype=object)
    for i, (p, first) in enumerate(columns):
        for j in range(i, k):
            q, second = columns[j]
            if not (first or second):
                total[i, j] = total[j, i] = numbers[p, q]
                continue
            levels = {**first, **second}
            if any(levels[name] != level for name, level in first.items()):
                continue  # no row has both levels
            total[i, j] = total[j, i] = by_key[tuple(sorted(levels))].of(levels, p, q)
    return Assembled(total, lowest)


class _ByKey(NamedTuple):
    """Sums by levels, to be looked up."""

    N: Integers
    keys: Mapping[Hashable, int]
    pairs: Mapping[tuple[int, int], int]

    def of(self, levels: Mapping[str, Any], p: int, q: int) -> int:
        """The sum of a product of numbers over the rows of some levels."""
        row = self.keys.get(tuple(levels[name] for name in sorted(levels)))
        return 0 if row is None else int(self.N[row, self.pairs[min(p, q), max(p, q)]])


def all_columns(design: Design) -> Iterator[tuple[int, dict[str, Any]]]:
    """The product and the levels of each column of A, of each target, and of a column of ones."""
    products = {numbers: k for k, numbers in enumerate(design.shape.products)}
    for column in design.columns:
        yield products[column.numbers], dict(column.levels)
    for t in range(len(design.shape.formula.targets)):
        yield len(products) + t, {}
    yield 0, {}


def _collapsed(sums: ExactSums, shape: Shape) -> tuple[Integers, int]:
    """The sums of products of numbers, N·2^unit, from those of the doubles that they are made of."""
    N, e = sums.integers()
    least = min(e, default=0)
    up = np.array([exponent - least for exponent in e], dtype=object)
    N = N << (up[:, None] + up)
    lengths = [sum(expression.parts for expression in numbers) or 1 for numbers in shape.products]
    lengths += [_expression(target).parts for target in shape.formula.targets]
    starts = np.cumsum([0, *lengths[:-1]])
    whole = np.add.reduceat(np.add.reduceat(N, starts, axis=0), starts, axis=1)
    return np.asarray(whole, dtype=object), 2 * least


def _expression(target: Factor) -> Expression:
    """The expression of a target, which is no category."""
    assert target.expression is not None
    return target.expression


def _product(left: Parts, right: Parts, weights: Array | None) -> Parts:
    """Two numbers times each other and the weight; raises `OutOfRange`."""
    ones = [parts for parts in (left, right) if len(parts) == 1 and parts[0].strides == (0,)]
    found = right if ones and ones[0] is left else left if ones else multiplied(left, right)
    return _times_weight(found, weights)


def _times_weight(number: Parts, weights: Array | None) -> Parts:
    """A number times the weight of its row; raises `OutOfRange`."""
    return number if weights is None else multiplied(number, (weights,))


def _side_by_side(columns: list[Array], rows: int) -> Array:
    """Columns as one array (rows, k), each of them contiguous."""
    held = np.empty((len(columns), rows))
    for k, column in enumerate(columns):
        held[k] = column
    return held.T
