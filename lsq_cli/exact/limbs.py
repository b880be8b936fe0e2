"""A symmetric matrix of sums that never round: long integers kept as int64 limbs.

Entry (i, j) of the matrix is

    2^(reference_i + reference_j) · Σ_l limb_l[i, j] · 2^(−W·l),        W = 22,

with one int64 matrix (k, k) for a level l, made when something is first added to it; a higher number is a
finer level. This is Kulisch's long accumulator, cut to where the data is. Level 0 of column j is the power
of two that suited the first rows seen: a choice that changes the limbs but never the value they stand for.

**Nothing overflows.** One number added to a limb is at most 2^53 in size. `_load` counts them; before it
would pass 1000 the limbs are carried: each keeps its part in [−2^21, 2^21) and hands the rest to the next
coarser level. 1000·2^53 + 2^21 < 2^63.

**One value, one form.** `integers` gives the value as integers N and exponents e by a rule that looks at the
value alone, so equal sums have equal N and e, in whatever order and on whatever levels they were made.

Source: Kulisch, *Computer Arithmetic and Validity*, chapter 8 (long accumulators).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.exact.dyadic import Integers

W = 22
"""Bits from one level to the next."""

_FULL = 1000
"""How many numbers of size 2^53 a limb may hold."""

_BAND = 1 << 15
"""Numbers that are converted at a time: 256 KB."""


class Group(NamedTuple):
    """Rows of a stack of slices, one below the other, that stand on one level."""

    level: int
    columns: NDArray[np.intp]
    """The column that each of the rows belongs to, ascending."""
    rows: slice


class Limbs:
    """The exact value of a symmetric (k, k) matrix that grows by blocks of integers.

    Parameters
    ----------
    k : int
        Rows and columns.

    Attributes
    ----------
    reference : ndarray of int64, shape (k,)
        log₂ of the unit of level 0 of each column.
    placed : ndarray of bool, shape (k,)
        Whether the reference was chosen; until then the column is zero and any will do.
    """

    def __init__(self, k: int) -> None:
        self.k = k
        self.reference = np.zeros(k, np.int64)
        self.placed = np.zeros(k, np.bool_)
        self._limbs: dict[int, NDArray[np.int64]] = {}
        self._load = 0

    def place(self, columns: NDArray[np.intp], reference: NDArray[np.signedinteger[Any]]) -> None:
        """Choose the reference of columns that have none."""
        self.reference[columns] = reference
        self.placed[columns] = True

    def add(self, left: Sequence[Group], right: Sequence[Group], products: NDArray[np.float64]) -> None:
        """Add a block product: its entry (a, b) counts 2^(−W·(level of a + level of b)).

        Parameters
        ----------
        left, right : sequence of Group
            The levels and columns of the rows and of the columns of `products`. No two groups of `left`
            share a level, nor do two of `right`.
        products : ndarray of int64, shape (rows of left, rows of right)
            Whole numbers of size up to 2^53.
        """
        self._make_room(len(left))
        # All at once where that is a small array: one call, not one a block.
        whole = products.astype(np.int64) if products.size <= _BAND else None
        for up in left:
            for down in right:
                limb = self._limb(up.level + down.level)
                block = products[up.rows, down.rows]
                if block.shape == limb.shape and whole is not None:
                    limb += whole[up.rows, down.rows]
                elif block.shape == limb.shape:
                    _add_whole(limb, block)
                else:
                    limb[up.columns[:, np.newaxis], down.columns] += block.astype(np.int64)

    def merge(self, other: Limbs, sign: int = 1) -> None:
        """Add `sign` × `other`, exactly. `other` keeps its value, but may come out carried."""
        fresh = other.placed & ~self.placed
        self.reference[fresh] = other.reference[fresh]
        self.placed |= fresh
        moved = np.where(other.placed, other.reference - self.reference, 0)
        # Moved by less than W bits, a carried limb is below 2^43: one number more.
        if moved.any() or other._load > _FULL // 2:
            other._carry()
        self._make_room(other._load)
        if not moved.any():
            for level, limb in other._limbs.items():
                target = self._limb(level)
                (np.add if sign > 0 else np.subtract)(target, limb, out=target)
            return
        # 2^(moved_i + moved_j) = 2^(W·up + bits): so many levels up, and some bits to the left.
        ups, bits = np.divmod(moved[:, np.newaxis] + moved, W)
        for up in np.unique(ups).tolist():
            factor = np.where(ups == up, sign << bits, 0)
            for level, limb in other._limbs.items():
                target = self._limb(level - up)
                target += limb * factor

    def integers(self) -> tuple[Integers, list[int]]:
        """The value in canonical form: N (k, k) and e (k,) with entry (i, j) = N_ij·2^(e_i + e_j).

        The rule. Let v_ij be the exponent of the largest power of two that divides entry (i, j), and
        h_j = ⌊v_jj / 2⌋ (0 if that entry is zero). Then e_j is the least of h_j and of v_ij − h_i over all
        entries of column j that are not zero. Every N_ij is an integer, because e_i ≤ h_i and
        e_j ≤ v_ij − h_i give e_i + e_j ≤ v_ij; and N and e come from the value alone.
        """
        self._carry()
        first, last = min(self._limbs, default=0), max(self._limbs, default=0)
        total, nothing = np.zeros((self.k, self.k), dtype=object), np.zeros((self.k, self.k), np.int64)
        for level in range(last - (last - first) // 2 * 2 - 1, last, 2):  # two limbs at a time fit in int64
            coarse, fine = (self._limbs.get(level + i, nothing) for i in (0, 1))
            total = (total << 2 * W) + ((coarse << W) + fine).astype(object)
        unit = self.reference[:, np.newaxis] + self.reference - W * last
        e = _common_exponents(total != 0, _trailing_zeros(total).astype(np.int64) + unit)
        shift = np.where(total != 0, e[:, np.newaxis] + e - unit, 0).astype(object)
        return (total << np.maximum(-shift, 0)) >> np.maximum(shift, 0), e.tolist()

    def doubles(self) -> tuple[list[int], NDArray[np.float64]]:
        """The levels in use, coarse to fine, and their limbs (levels, k, k), whole numbers in [−2²¹, 2²¹)."""
        self._carry()
        levels = sorted(level for level, limb in self._limbs.items() if limb.any())
        limbs = np.empty((len(levels), self.k, self.k))
        for place, level in enumerate(levels):
            limbs[place] = self._limbs[level]
        return levels, limbs

    @classmethod
    def from_integers(cls, N: Integers, e: Sequence[int]) -> Limbs:
        """The limbs of the value N_ij·2^(e_i + e_j): the inverse of `integers`."""
        limbs = cls(len(e))
        limbs.reference[:] = e
        limbs.placed[:] = N.astype(np.bool_).any(axis=0)
        half, level, rest = 1 << (W - 1), 0, N
        while rest.any():
            digit = ((rest + half) & (2 * half - 1)) - half
            limbs._limbs[level] = digit.astype(np.int64)
            rest, level = (rest - digit) >> W, level - 1
        limbs._load = 1
        return limbs

    def _limb(self, level: int) -> NDArray[np.int64]:
        """The matrix of a level."""
        if level not in self._limbs:
            self._limbs[level] = np.zeros((self.k, self.k), np.int64)
        return self._limbs[level]

    def _make_room(self, numbers: int) -> None:
        """Let `numbers` more numbers of size 2^53 come to every limb."""
        if self._load + numbers > _FULL:
            self._carry()
        self._load += numbers

    def _carry(self) -> None:
        """Bring every limb into [−2^21, 2^21); the value stays."""
        level = max(self._limbs, default=0)
        while level >= min(self._limbs, default=1):
            if level in self._limbs:
                limb = self._limbs[level]
                carry = (limb + (1 << (W - 1))) >> W
                if carry.any():
                    limb -= carry << W
                    coarser = self._limb(level - 1)
                    coarser += carry
            level -= 1
        self._load = 1


def _add_whole(limb: NDArray[np.int64], block: NDArray[np.float64]) -> None:
    """limb += block, some rows at a time: no array of the size of the block is made."""
    step = max(1, _BAND // limb.shape[1])
    for start in range(0, len(limb), step):
        limb[start : start + step] += block[start : start + step].astype(np.int64)


def _common_exponents(nonzero: NDArray[np.bool_], v: NDArray[np.int64]) -> NDArray[np.int64]:
    """The canonical e of `Limbs.integers` from the power of two v_ij in each entry that is not zero."""
    half = np.where(nonzero.diagonal(), v.diagonal() // 2, 0)
    least: NDArray[np.int64] = np.where(nonzero, v - half[:, np.newaxis], half).min(axis=0)
    return np.minimum(half, least)


_trailing_zeros = np.frompyfunc(lambda value: (value & -value).bit_length() - 1, 1, 1)
