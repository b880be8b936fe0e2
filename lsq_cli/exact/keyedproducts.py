"""Exact sums of products by key: the Gram matrices of many groups of rows, all in one pass.

    total_k,ij = Σ u_i u_j over the rows of group k

One accumulator a group (`ExactSums`) would cut the rows of each group on its own: thousands of calls for a few rows.
Here all groups share one slicing of a block: a column is u = Σ T_l·2^(24·l) with integers |T_l| ≤ 2^24, so that the
products of slices are integers of at most 2^48, which int64 adds up by group without rounding. Prefer it where groups
are many and small; for one group `ExactSums` lets BLAS do the work, and for sums of one column there is `KeyedSums`.

Nothing overflows. The rows are sorted by key and pass in pieces of 2^12. At most m products of two slices meet on a
level, and no more than 2^14/m rows are added up before a carry, so a sum stays below 2^62. It is carried to digits in
[−2^23, 2^23], and two of them go into one int64, which has room for 2^14 such numbers.

Source: Kulisch, *Computer Arithmetic and Validity*, chapter 8 (long accumulators); Ozaki, Ogita, Oishi & Rump,
*Numerical Algorithms* 59 (2012), for the slices.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.expansions import Parts

    Codes = NDArray[np.intp]
    Whole = NDArray[np.int64]
    Slices = list[tuple[int, Whole]]
    """(level, T) from coarse to fine: the column is Σ T·2^(24·level)."""

BITS = 24
_HALF = 1 << (BITS - 1)
_ROWS = 1 << 12
"""Rows that are sliced at a time: what is made of them stays in the cache."""
_MOST = 1 << 14
"""Rows times products on one level that are added up before a carry."""
_FULL = 1 << 14
"""So many numbers of two digits fit into a sum."""


def sliced(parts: Parts) -> Slices:
    """The slices of a column (rows,) that is the sum of some doubles; those that are 0 in all rows are left out."""
    found: dict[int, Whole] = {}
    for part in parts:
        for level, piece in _slices_of(part):
            found[level] = found[level] + piece if level in found else piece
    if len(parts) > 1:
        _carry(found)
    return sorted(((level, T) for level, T in found.items() if T.any()), key=lambda pair: -pair[0])


def _slices_of(part: Array) -> Iterator[tuple[int, Whole]]:
    """The slices of one array of doubles."""
    largest = max(float(part.max(initial=0.0)), -float(part.min(initial=0.0)))
    level = -(-int(np.frexp(largest)[1]) // BITS) - 1  # |part| ≤ 2^24 units
    left, piece = part, np.empty(len(part))
    while left.any():
        np.rint(_scaled(left, -BITS * level, piece), out=piece)
        yield level, piece.astype(np.int64)
        left = left - _scaled(piece, BITS * level, piece)
        level -= 1


def _scaled(values: Array, exponent: int, out: Array) -> Array:
    """values·2^exponent; a product is faster than `ldexp`, and as exact where the factor is a normal double."""
    if abs(exponent) < 1000:
        return np.multiply(values, 2.0**exponent, out=out)
    return np.ldexp(values, exponent, out=out)


def _carry(digits: dict[int, Whole], bits: int = BITS) -> None:
    """Bring digits into [−2^(bits − 1), 2^(bits − 1)), once from fine to coarse; what they stand for stays."""
    if not digits:
        return
    half, top = 1 << (bits - 1), max(digits)
    for level in range(min(digits), top + 1):
        if level in digits:
            over = (digits[level] + half) >> bits
            if over.any():
                digits[level] = digits[level] - (over << bits)
                digits[level + 1] = digits[level + 1] + over if level + 1 in digits else over


def _carry_all(digits: dict[int, Whole]) -> None:
    """The same until the coarsest digit is one, too."""
    while digits:
        _carry(digits)
        if abs(digits[max(digits)]).max(initial=0) <= _HALF:
            return


class KeyedProducts:
    """The exact sums of products of columns by key.

    Parameters
    ----------
    pairs : sequence of tuple of int
        The columns (i, j) of each product.

    Attributes
    ----------
    keys : dict
        Key → its number, in the order in which they were met.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]]) -> None:
        self.pairs = tuple(pairs)
        self.keys: dict[Hashable, int] = {}
        self._reference: dict[int, int] = {}
        """Column → the level that counts as 0, an even one."""
        self._sums: dict[int, Whole] = {}
        """Half the level of a product, less both references → two digits each (keys or more, pairs)."""
        self._load = 0

    @property
    def nbytes(self) -> int:
        """Bytes that the sums of all keys take."""
        return len(self._sums) * len(self.keys) * len(self.pairs) * 8

    def add(
        self, keys: Sequence[Hashable], codes: Codes, left: Sequence[Parts], right: Sequence[Parts] | None = None
    ) -> None:
        """Add rows.

        Parameters
        ----------
        keys : sequence
            Those of these rows, each once.
        codes : ndarray of int, shape (rows,)
            The position in `keys` of each row's; every key has a row.
        left, right : sequence of tuple of ndarray
            The columns, each as doubles (rows,) whose exact sum it is; with weights one side is the columns times the
            weights, without it is given once.
        """
        places = self._places(keys)
        order = _order(codes, len(keys))
        for start in range(0, len(codes), _ROWS):
            rows: Codes = order[start : start + _ROWS]
            ours = [sliced(_taken(parts, rows)) for parts in left]
            theirs = ours if right is None else [sliced(_taken(parts, rows)) for parts in right]
            for columns in (ours, theirs):
                for i, slices in enumerate(columns):
                    if slices:
                        self._reference.setdefault(i, slices[0][0] // 2 * 2)
            deep = max(map(len, ours), default=0)
            step = max(1, min(_ROWS, _MOST // max(1, deep)))
            here = places[codes[rows]]
            for low in range(0, len(here), step):
                self._make_room(1)
                self._add_sorted(here[low : low + step], ours, theirs, slice(low, low + step))

    def _add_sorted(self, places: Codes, left: list[Slices], right: list[Slices], rows: slice) -> None:
        """Add rows whose keys stand together, so few that no sum overflows."""
        starts = np.concatenate([[0], np.flatnonzero(places[1:] != places[:-1]) + 1])
        owners = places[starts]
        totals: dict[int, Whole] = {}
        for place, (i, j) in enumerate(self.pairs):
            if not (left[i] and right[j]):
                continue
            base = self._reference[i] + self._reference[j]
            for level, product in _products(left[i], right[j], rows, same=left is right and i == j).items():
                if level - base not in totals:
                    totals[level - base] = np.zeros((len(self.pairs), len(starts)), np.int64)
                np.add.reduceat(product, starts, out=totals[level - base][place])
        _carry_all(totals)
        first, last = int(owners[0]), int(owners[-1])
        together = last - first + 1 == len(owners) and (owners[1:] == owners[:-1] + 1).all()
        for level, total in totals.items():
            if total.any():
                pair, upper = divmod(level, 2)
                total <<= BITS * upper
                self._level(pair)[slice(first, last + 1) if together else owners] += total.T

    def merge(self, other: KeyedProducts) -> None:
        """Add the rows of `other`."""
        places = self._places(list(other.keys))
        self._make_room(other._load)
        for i, level in other._reference.items():
            self._reference.setdefault(i, level)
        moved = np.array([(self._moved(other, i) + self._moved(other, j)) // 2 for i, j in self.pairs], np.intp)
        for shift in np.unique(moved).tolist():
            columns = np.flatnonzero(moved == shift)
            for level, totals in other._sums.items():
                theirs = totals[: len(places)]
                if len(columns) == len(self.pairs):
                    self._level(level + shift)[places] += theirs
                elif theirs[:, columns].any():
                    self._level(level + shift)[np.ix_(places, columns)] += theirs[:, columns]

    def value(self, row: int, pair: int) -> tuple[int, int]:
        """One sum, N·2^e with an even e, as (N, e)."""
        i, j = self.pairs[pair]
        base = self._reference.get(i, 0) + self._reference.get(j, 0)
        lowest = min(self._sums, default=0)
        total = sum(int(sums[row, pair]) << 2 * BITS * (level - lowest) for level, sums in self._sums.items())
        return total, BITS * (2 * lowest + base)

    def reference(self, column: int) -> int:
        """The level of a column's unit: 2^(24·reference)."""
        return self._reference.get(column, 0)

    def digits(self, rows: Codes) -> tuple[list[int], list[Whole]]:
        """The sums of some keys, by their numbers, as carried digits: for arithmetic on all of them at once.

        Returns
        -------
        levels : list of int
            From coarse to fine; none where all sums are 0.
        digits : list of ndarray of int64, each (rows, pairs)
            In [−2^23, 2^23]. The sums of a pair are Σ digits·2^(24·(level + its references)).
        """
        found: dict[int, Whole] = {}
        for pair, sums in self._sums.items():
            of_rows = sums[rows]
            upper = (of_rows + _HALF) >> BITS
            found[2 * pair] = of_rows - (upper << BITS)
            found[2 * pair + 1] = upper
        _carry_all(found)
        levels = sorted((level for level, of in found.items() if of.any()), reverse=True)
        return levels, [found[level] for level in levels]

    def _moved(self, other: KeyedProducts, column: int) -> int:
        """By how many levels the other's reference of a column is above ours."""
        return other._reference[column] - self._reference[column] if column in other._reference else 0

    def _make_room(self, numbers: int) -> None:
        """Let so many more numbers come to every sum."""
        if self._load + numbers > _FULL:
            _carry(self._sums, 2 * BITS)
            self._load = 1
        self._load += numbers

    def _places(self, keys: Sequence[Hashable]) -> Codes:
        """The numbers of some keys; new ones are added."""
        return np.array([self.keys.setdefault(key, len(self.keys)) for key in keys], dtype=np.intp)

    def _level(self, level: int) -> Whole:
        """The sums of one level, with room for all keys."""
        K, found = len(self.keys), self._sums.get(level)
        if found is None or len(found) < K:
            room = np.zeros((K if found is None else max(K, len(found) * 3 // 2), len(self.pairs)), np.int64)
            if found is not None:
                room[: len(found)] = found
            self._sums[level] = found = room
        return found


def _order(codes: Codes, K: int) -> Codes:
    """What sorts the rows by key."""
    if not (codes[1:] < codes[:-1]).any():
        return np.arange(len(codes))
    # 16 bits are sorted by counting.
    return np.argsort(codes.astype(np.uint16) if K <= 1 << 16 else codes, kind="stable")


def _taken(parts: Parts, rows: Codes) -> Parts:
    """The parts in some rows."""
    return tuple(part[rows] for part in parts)


def _products(left: Slices, right: Slices, rows: slice, *, same: bool) -> dict[int, Whole]:
    """The product of two columns in some rows, by level."""
    products: dict[int, Whole] = {}
    for a, (level, T) in enumerate(left):
        for other, V in right[a:] if same else right:
            product = T[rows] * V[rows]
            if same and other != level:
                product += product
            if level + other in products:
                products[level + other] += product
            else:
                products[level + other] = product
    return products
