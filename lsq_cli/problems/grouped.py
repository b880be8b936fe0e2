"""From rows to the exact sums of every group: one pass, and each group's problem as if its rows were all there are.

    rows ──► numbers, the group of each row ──► sums of their products by group (and by levels) ──► one problem a group

It is `designed.py` with one key more: all sums are by group, those of products of columns of numbers too. Groups are
met as rows come, and are numbered in the order in which they appear. The levels of categories, their order and bases
are those of the whole table; a level that has no row in a group has no column there.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np

from lsq_cli.core.errors import CellError, ProblemError, counted
from lsq_cli.exact.expansions import OutOfRange, multiplied
from lsq_cli.exact.keyedproducts import KeyedProducts
from lsq_cli.problems.designed import (
    Assembled,
    Categories,
    Products,
    all_columns,
    check_levels,
    combined,
    evaluated,
    pairs_by_categories,
    present,
    taken,
)
from lsq_cli.problems.tally import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.expansions import Parts
    from lsq_cli.sources.records import Levels, Record, RecordBlock
    from lsq_cli.terms.design import Design, Shape
    from lsq_cli.terms.factors import Level

    Codes = NDArray[np.intp]

Number = TypeVar("Number", np.int64, np.float64)
Key = tuple["Level", ...]
"""The values of the columns that make the groups."""
_OF_ONE_KEY = 300
"""Bytes that a key takes beside its sums."""


class Counts(NamedTuple):
    """What is known of some groups."""

    rows: NDArray[np.int64]
    counted_rows: NDArray[np.int64]
    """Those whose weight is not 0."""
    log_weights: Array
    """Σ log w of these."""

    def of(self, group: int) -> tuple[int, int, float]:
        """Those of one group."""
        return int(self.rows[group]), int(self.counted_rows[group]), float(self.log_weights[group])

    def joined(self, other: Counts, places: Codes, size: int) -> Counts:
        """Those of both, the other's groups at these places."""
        return Counts(
            _added(self.rows, other.rows, places, size),
            _added(self.counted_rows, other.counted_rows, places, size),
            _added(self.log_weights, other.log_weights, places, size),
        )


def _added(mine: NDArray[Number], theirs: NDArray[Number], places: Codes, size: int) -> NDArray[Number]:
    """Numbers of groups with those of some groups added."""
    room = np.concatenate([mine, np.zeros(size - len(mine), mine.dtype)])
    room[places] = room[places] + theirs
    return room


@dataclass
class GroupedSums:
    """The sums of some rows by group.

    Attributes
    ----------
    memory : int
        Bytes that the sums may take.
    groups : dict
        Key → its number, in the order in which they appeared.
    counts : Counts
    products : mapping
        Categories → sums by group and their levels; keys are the group's with the levels behind it.
    levels : mapping
        Category → the levels met in the whole table.
    tally : Tally
    """

    memory: int
    groups: dict[Key, int]
    counts: Counts
    products: dict[Categories, KeyedProducts]
    levels: dict[str, dict[Any, None]]
    tally: Tally = field(default_factory=Tally)

    def merge(self, other: GroupedSums) -> None:
        """Take in the rows that follow."""
        groups = self.groups
        places = np.array([groups.setdefault(key, len(groups)) for key in other.groups], np.intp)
        self.counts = self.counts.joined(other.counts, places, len(groups))
        for categories, sums in other.products.items():
            self.products[categories].merge(sums)
        for name, levels in other.levels.items():
            self.levels[name].update(levels)
            check_levels(name, len(self.levels[name]))
        self.tally.merge(other.tally)
        self.check_memory()

    def check_memory(self) -> None:
        """`ProblemError` where there are more groups than fit."""
        taken = sum(sums.nbytes + len(sums.keys) * _OF_ONE_KEY for sums in self.products.values())
        if taken > self.memory:
            raise ProblemError(
                f"--by: {counted(len(self.groups), 'group')} so far, and their sums take {taken / 1e6:.0f} MB, more "
                f"than --memory allows ({self.memory / 1e6:.0f} MB): give more, or a column with fewer values"
            )

    @cached_property
    def pairs(self) -> dict[Categories, dict[tuple[int, int], int]]:
        """Categories → the pairs of numbers that are multiplied, each with its position."""
        return {some: {pair: k for k, pair in enumerate(sums.pairs)} for some, sums in self.products.items()}

    @cached_property
    def present(self) -> dict[str, dict[Key, set[Level]]]:
        """Category → group → the levels that the group has."""
        found: dict[str, dict[Key, set[Level]]] = {}
        for name in self.levels:
            categories = next(some for some in self.products if name in some)
            place = categories.index(name) - len(categories)
            of_groups: dict[Key, set[Level]] = {key: set() for key in self.groups}
            for key in self.products[categories].keys:
                assert isinstance(key, tuple)
                of_groups[key[: -len(categories)]].add(key[place])
            found[name] = of_groups
        return found


@dataclass(frozen=True)
class SumGroups:
    """The kernel: reads one block and sums its rows by group."""

    shape: Shape
    by: tuple[str, ...]
    memory: int

    def __call__(self, block: RecordBlock) -> GroupedSums:
        """The sums of one block."""
        record = block.read()
        tally = Tally(len(record.used), record.rows_read)
        tally.dropped.update(record.dropped)
        keys, codes = group_codes(record, self.by)
        rows = np.bincount(codes, minlength=len(keys))
        logs, counts = np.zeros(len(keys)), rows
        weights = record.weights
        if weights is not None:
            counting = np.flatnonzero(weights)
            tally.weightless = len(record.used) - len(counting)
            if tally.weightless:
                record, codes, weights = taken(record, counting), codes[counting], weights[counting]
            counts = np.bincount(codes, minlength=len(keys))
            logs = np.asarray(np.bincount(codes, np.log(weights), minlength=len(keys)), dtype=np.float64)
        groups = {key: k for k, key in enumerate(keys)}
        levels = {name: present(record.categories[name]) for name in self.shape.categories}
        for name, category in levels.items():
            check_levels(name, len(category.levels))
        sums = self._sums(keys, codes, levels, record, block)
        found = GroupedSums(
            self.memory,
            groups,
            Counts(rows, counts, logs),
            sums,
            {name: dict.fromkeys(category.levels) for name, category in levels.items()},
            tally,
        )
        found.check_memory()
        return found

    def _sums(
        self, keys: list[Key], codes: Codes, levels: dict[str, Levels], record: Record, block: RecordBlock
    ) -> dict[Categories, KeyedProducts]:
        """The sums by group, and by group and levels."""
        products = evaluated(self.shape, record, block)
        columns = [*products.of_columns, *products.of_targets]
        weighted = None if products.weights is None else self._weighted(products, record, block)
        found = {}
        for categories, pairs in pairs_by_categories(self.shape, everywhere=True).items():
            sums = found[categories] = KeyedProducts(list(pairs))
            if not len(codes):
                continue
            here = _with_levels(keys, codes, [levels[name] for name in categories])
            sums.add(*here, columns, weighted)
        return found

    def _weighted(self, products: Products, record: Record, block: RecordBlock) -> list[Parts]:
        """The columns times the weights."""
        weights = products.weights
        assert weights is not None
        try:
            return [multiplied(parts, (weights,)) for parts in (*products.of_columns, *products.of_targets)]
        except OutOfRange as error:
            place = block.where(int(record.used[error.row]), next(iter(record.numbers)))
            problem = "a number times its weight is beyond the range of doubles; give the column in other units"
            raise CellError(problem, place) from None


def group_codes(record: Record, by: tuple[str, ...]) -> tuple[list[Key], Codes]:
    """The groups in some rows, in the order in which they appear, and for every row which it is."""
    rows = len(record.used)
    if not rows:
        return [], np.zeros(0, np.intp)
    there = [present(record.categories[name]) for name in by]
    keys: list[Any]
    keys, codes = ([(lvl,) for lvl in there[0].levels], there[0].codes) if len(there) == 1 else combined(there)
    first = np.empty(len(keys), np.intp)
    first[codes[::-1]] = np.arange(rows)[::-1]  # of a place that is written several times the last stays
    order = np.argsort(first)
    numbers = np.empty(len(keys), np.intp)
    numbers[order] = np.arange(len(keys))
    return [keys[k] for k in order.tolist()], numbers[codes]


def _with_levels(keys: list[Key], codes: Codes, levels: list[Levels]) -> tuple[list[Hashable], Codes]:
    """The combinations of group and levels that occur, and for every row which it is."""
    if not levels:
        there = np.flatnonzero(np.bincount(codes, minlength=len(keys)))
        if len(there) == len(keys):
            return list(keys), codes
        places = np.zeros(len(keys), np.intp)
        places[there] = np.arange(len(there))
        return [keys[k] for k in there.tolist()], places[codes]
    from lsq_cli.sources.records import Levels as Coded

    found, numbers = combined([Coded(tuple(range(len(keys))), codes), *levels])
    return [(*keys[key[0]], *key[1:]) for key in cast("list[tuple[Any, ...]]", found)], numbers


class Group:
    """One group: its rows as sums, its own columns.

    Parameters
    ----------
    sums : GroupedSums
    key : tuple
    design : Design
        Of the whole table.
    """

    def __init__(self, sums: GroupedSums, key: Key, design: Design) -> None:
        self.key = key
        self.rows, self.counted_rows, self.log_weights = sums.counts.of(sums.groups[key])
        self._sums, self._whole = sums, design
        self._has = {name: sums.present[name][key] for name in design.levels}

    @cached_property
    def design(self) -> Design:
        """The columns of those levels that the group has."""
        if not self._has:
            return self._whole
        return self._whole.part(
            {name: tuple(lvl for lvl in of if lvl in self._has[name]) for name, of in self._whole.levels.items()}
        )

    @property
    def absent(self) -> dict[str, tuple[Level, ...]]:
        """Category → the levels of the table that have no row here."""
        found = {
            name: tuple(level for level in of if level not in self._has[name])
            for name, of in self._whole.levels.items()
        }
        return {name: levels for name, levels in found.items() if levels}

    def assembled(self) -> Assembled:
        """AᵀA, Aᵀb, bᵀb and the sums of all columns of the group, exactly."""
        columns = list(all_columns(self.design))
        k = len(columns)
        positions = self._sums.pairs
        entries: list[tuple[int, int, int, int]] = []
        for i, (p, first) in enumerate(columns):
            for j in range(i, k):
                q, second = columns[j]
                levels = {**first, **second}
                if any(levels[name] != level for name, level in first.items()):
                    continue  # no row has both levels
                categories = tuple(sorted(levels))
                sums = self._sums.products[categories]
                row = sums.keys.get((*self.key, *(levels[name] for name in categories)))
                if row is None:
                    continue
                value, exponent = sums.value(row, positions[categories][min(p, q), max(p, q)])
                if value:
                    entries.append((i, j, value, exponent))
        unit = min((exponent for *_, exponent in entries), default=0)
        N = np.full((k, k), 0, dtype=object)
        for i, j, value, exponent in entries:
            N[i, j] = N[j, i] = value << (exponent - unit)
        return Assembled(N, unit)
