"""One intercept for each level of a column, taken out exactly: ``y ~ a + b | g``, for any number of levels.

With W_g = Σ w and s_g = Σ w m over the rows of level g, of the rows m of M = [A b],

    within sums = MᵀWM − Σ_g s_g s_gᵀ/W_g        slopes: their normal equations
    α_g = (s_g(b) − s_g(A)ᵀx)/W_g                the intercepts

These are the sums of the columns less their means in each level, and eliminating the columns of the levels from the
normal equations leaves just them: the slopes are those with a column for each level. In doubles the difference would
cancel. Here it is rational: with L the least common multiple of the W_g, L times the within sums are integers. x, its
standard errors, t and R² do not change with that factor, and RSS is divided by it where it is told (`Absorbed.scale`).

W_g are numbers of rows without weights, and L is short. With weights that are no small multiples of one number L may
have 10⁶ digits: beyond `MOST_BITS` bits every quotient is cut off `SPARE_BITS` bits below the last bit of the sums,
which no digit of a double can see. (A perfect fit then has a σ of 10⁻¹⁵⁰ or so, and not 0.)

How. Beside the sums that any design needs (`designed.py`) each number is summed by the levels of g, and by those of g
with its own categories, in the one pass. Prefer ``+ C(g)`` where the intercepts themselves are asked for.

Source: Frisch & Waugh, *Econometrica* 1 (1933); Seber & Lee, *Linear Regression Analysis*, section 3.11.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.exact.dyadic import Dyadic, shifted
from lsq_cli.exact.keyed import KeyedSums
from lsq_cli.exact.rank import LEAST_TOLERANCE
from lsq_cli.problems.designed import (
    Assembled,
    Categories,
    DesignSums,
    SumRecords,
    all_columns,
    combined,
    counted,
    evaluated,
    present,
    weighted,
)

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.problems.designed import Products
    from lsq_cli.sources.records import Levels, Record, RecordBlock
    from lsq_cli.terms.design import Design, Shape

MOST_BITS = 1 << 15
"""Of the common denominator of the means."""
SPARE_BITS = 1024
_ONE = 0
"""The number 1 among `Shape.products`."""


@dataclass
class AbsorbedSums:
    """The sums of some rows, and those by the levels that are taken out.

    Attributes
    ----------
    design : DesignSums
    by_level : mapping
        Categories of some columns → sums of their numbers by the levels of g and of these; without categories the
        keys are the levels of g alone, and the last sum is the number of rows.
    """

    design: DesignSums
    by_level: dict[Categories, KeyedSums]

    def merge(self, other: AbsorbedSums) -> None:
        """Take in the rows that follow."""
        self.design.merge(other.design)
        for categories, sums in other.by_level.items():
            self.by_level[categories].merge(sums)


@dataclass(frozen=True)
class SumAbsorbed:
    """The kernel: reads one block and sums its rows."""

    shape: Shape
    absorbed: str

    def __call__(self, block: RecordBlock) -> AbsorbedSums:
        """The sums of one block."""
        record, tally = counted(block.read())
        products = evaluated(self.shape, record, block)
        sums = SumRecords(self.shape).summed(products, record, block, tally)
        return AbsorbedSums(sums, self._by_level(products, record, block))

    def _by_level(self, products: Products, record: Record, block: RecordBlock) -> dict[Categories, KeyedSums]:
        """The sums by the levels of g."""
        numbers = [*products.of_columns, *products.of_targets]
        found = {}
        for categories, places in numbers_by_categories(self.shape).items():
            keys, codes = _keys(self.absorbed, categories, record)
            columns = [weighted(numbers[k], products.weights, record, block) for k in places]
            if not categories:
                columns.append((np.broadcast_to(1.0, len(record.used)),))
            found[categories] = KeyedSums(len(columns))
            found[categories].add(keys, codes, columns)
        return found


def numbers_by_categories(shape: Shape) -> dict[Categories, list[int]]:
    """Categories → the numbers that stand in columns of these levels; counted as in `all_columns`."""
    products = {numbers: k for k, numbers in enumerate(shape.products)}
    found: dict[Categories, dict[int, None]] = {(): {_ONE: None}}
    for group in shape.groups:
        for numbers in group.products():
            found.setdefault(group.categories, {})[products[numbers]] = None
    found[()].update({len(products) + t: None for t in range(len(shape.formula.targets))})
    return {categories: list(places) for categories, places in found.items()}


def _keys(absorbed: str, categories: Categories, record: Record) -> tuple[Sequence[Hashable], Any]:
    """The keys that some rows have, and for every row which it is."""
    levels: list[Levels] = [present(record.categories[name]) for name in (absorbed, *categories)]
    if not categories:
        return levels[0].levels, levels[0].codes
    return combined(levels)


class Within(NamedTuple):
    """The sums of a design within the levels of g, and what is needed beside them.

    Attributes
    ----------
    N : ndarray of int, shape (k, k)
        N_ij·2^unit are the within sums times `scale`, of the columns of A, the intercept first, and the targets.
    unit : int
        Even.
    scale : Fraction
        In [1, 4).
    levels : tuple
        Of g, in order of appearance.
    sums : ndarray of int, shape (levels, k)
        Σ w m in each, in units of 2^exponent; the first column is W_g.
    counts : ndarray of int, shape (levels,)
        Rows in each.
    exponent : int
        At most 0, for the number 1 is among what is summed.
    """

    N: Integers
    unit: int
    scale: Fraction
    levels: tuple[Any, ...]
    sums: Integers
    counts: Array
    exponent: int

    def means(self, columns: Sequence[int]) -> tuple[Array, Array]:
        """The mean of some columns in each level as the sum of two doubles, (levels, columns) each."""
        rows = len(self.sums)
        high, low = np.zeros((rows, len(columns))), np.zeros((rows, len(columns)))
        for j, column in enumerate(columns):
            for row, (above, below) in enumerate(zip(self.sums[:, column], self.sums[:, 0], strict=True)):
                if above:
                    high[row, j], low[row, j] = _two_doubles(int(above), int(below))
        return high, low

    def shares(self) -> Array:
        """1/W_g (levels,)."""
        return np.array([_ratio(1 << -self.exponent, int(w)) for w in self.sums[:, 0]])

    def intercepts(self, x: Sequence[Dyadic], columns: Sequence[int], target: int) -> Array:
        """α_g (levels,), each rounded once, for the slopes x of some columns."""
        h = min((min(0, value.exponent) for value in x if value.mantissa), default=0)
        slopes = np.array([value.mantissa << max(0, value.exponent - h) for value in x], dtype=object)
        above = (self.sums[:, target] << -h) - self.sums[:, list(columns)] @ slopes
        return np.array([_ratio(int(v), int(w) << -h) for v, w in zip(above, self.sums[:, 0], strict=True)])


def within(sums: AbsorbedSums, design: Design, gram: Assembled) -> Within:
    """The within sums of a design.

    Parameters
    ----------
    sums : AbsorbedSums
    design : Design
        With an intercept, which the levels span.
    gram : Assembled
        The sums of all rows.
    """
    by_level, exponent = _aligned(sums)
    k = len(gram.N) - 1  # the last is a column of ones, for the mean
    of_levels = np.zeros((len(sums.by_level[()].keys), k), dtype=object)
    places = numbers_by_categories(design.shape)
    rows_of: dict[Categories, dict[tuple[Any, ...], list[tuple[int, int]]]] = {}
    for j, (number, wanted) in enumerate(list(all_columns(design))[:k]):
        categories = tuple(sorted(wanted))
        N, position = by_level[categories], places[categories].index(number)
        if not categories:
            of_levels[:, j] = N[:, position]
            continue
        if categories not in rows_of:
            rows_of[categories] = _rows_by_levels(sums, categories)
        for row, key_row in rows_of[categories].get(tuple(wanted[name] for name in categories), ()):
            of_levels[row, j] = N[key_row, position]
    of_levels[:, 0] = by_level[()][:, places[()].index(_ONE)]
    taken, common = _squares_over_weights(of_levels)
    unit = min(gram.unit, exponent) - (min(gram.unit, exponent) % 2)
    N = (gram.N[:k, :k] << (gram.unit - unit)) * common - (taken << (exponent - unit))
    lift = (common.bit_length() - 1) & ~1
    counts = shifted(by_level[()][:, -1], exponent).astype(np.float64)
    levels = tuple(sums.by_level[()].keys)
    return Within(N, unit - lift, Fraction(common, 1 << lift), levels, of_levels, counts, exponent)


def constant_within(found: Within, gram: Assembled, columns: Sequence[int], tolerance: float) -> list[int]:
    """The columns of which less than `tolerance` of their length is left beside the levels."""
    least = Fraction(max(tolerance, LEAST_TOLERANCE)) ** 2 * found.scale
    shift = gram.unit - found.unit
    return [k for k in columns if int(found.N[k, k]) <= least * (int(gram.N[k, k]) << shift)]


def _aligned(sums: AbsorbedSums) -> tuple[dict[Categories, Integers], int]:
    """The sums by level in one unit, and its exponent."""
    found = {categories: keyed.integers() for categories, keyed in sums.by_level.items()}
    exponent = min((e for N, e in found.values() if N.any()), default=0)
    return {categories: N << max(0, e - exponent) for categories, (N, e) in found.items()}, exponent


def _rows_by_levels(sums: AbsorbedSums, categories: Categories) -> dict[tuple[Any, ...], list[tuple[int, int]]]:
    """Levels of some categories → the rows of g in which they occur, each with the row of its sums."""
    place = sums.by_level[()].keys
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for key, row in sums.by_level[categories].keys.items():
        assert isinstance(key, tuple)
        found.setdefault(key[1:], []).append((place[key[0]], row))
    return found


def _squares_over_weights(S: Integers) -> tuple[Integers, int]:
    """Σ_g s_g s_gᵀ/W_g times a whole number, and that number: the common denominator, or 2^SPARE_BITS."""
    total = np.zeros((S.shape[1],) * 2, dtype=object)
    weights = [int(w) for w in S[:, 0]]
    common = _common_multiple(weights)
    for weight, rows in _rows_by_weight(weights):
        square = S[rows].T @ S[rows]
        if common is not None:
            total += square * (common // weight)
        else:
            total += (square << SPARE_BITS) // weight
    return total, 1 << SPARE_BITS if common is None else common


def _common_multiple(weights: Sequence[int]) -> int | None:
    """The least common multiple; None beyond `MOST_BITS` bits."""
    common = 1
    for weight in sorted(set(weights)):
        common = math.lcm(common, weight)
        if common.bit_length() > MOST_BITS:
            return None
    return common


def _rows_by_weight(weights: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """The levels of each weight."""
    found: dict[int, list[int]] = {}
    for row, weight in enumerate(weights):
        found.setdefault(weight, []).append(row)
    yield from found.items()


def _ratio(above: int, below: int) -> float:
    """A fraction, rounded once; infinite where doubles cannot hold it."""
    try:
        return above / below
    except OverflowError:
        return math.copysign(math.inf, above)


def _two_doubles(above: int, below: int) -> tuple[float, float]:
    """A fraction as the sum of two doubles."""
    high = _ratio(above, below)
    if not math.isfinite(high):
        return high, 0.0
    numerator, denominator = high.as_integer_ratio()
    return high, _ratio(above * denominator - numerator * below, below * denominator)
