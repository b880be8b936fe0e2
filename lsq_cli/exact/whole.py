"""A matrix of doubles times vectors of long integers, exactly, by limbs.

    a_ij = 2^(grid_i)·Σ_l limb_l,ij·2^(22·l),    |limb| < 2²²

A row is a whole number in units of its lowest bit. It is cut into limbs by shifting and truncating, which rounds
nothing; the vector is cut into limbs of 22 bits with a sign. A product of the two is below 2⁴³, so that BLAS adds 1024
of them without rounding, in whatever order.

Prefer it to Python's integers where A is large: these are made of the vectors alone.

Source: Ozaki, Ogita, Oishi & Rump, *Numerical Algorithms* 59 (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.exact.limbform import balanced, joined
from lsq_cli.exact.limbs import W

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers

    Pieces = Iterable[tuple[slice, Array]]
    Limbs = list[tuple[int, Array]]

# Products of limbs that are added without rounding: 2^(53 − 43).
_TERMS = 1024
# Limbs that are kept from one product to the next: 64 MB.
_KEPT = 1 << 23


class WholeRows:
    """A (m, n) by its rows, in whole numbers of 2^grid_i.

    Parameters
    ----------
    m : int
    pieces : callable
        Gives A by its columns, some at a time: where they stand, and the (m, k) doubles. All finite.
    """

    def __init__(self, m: int, pieces: Callable[[], Pieces]) -> None:
        self.m, self._pieces = m, pieces
        least, self._n = np.full(m, np.iinfo(np.int64).max), 0
        top = np.full(m, np.iinfo(np.int64).min)
        for where, A in pieces():
            self._n = where.stop
            least = np.minimum(least, _lowest_bits(A))
            largest = np.abs(A).max(axis=1, initial=0.0)
            top = np.maximum(top, np.where(largest > 0.0, np.frexp(largest)[1], top))
        empty = least == np.iinfo(np.int64).max
        self._grid = np.where(empty, 0, least)
        self.grid = [int(g) for g in self._grid]
        """a_ij is a whole number times 2^grid_i; 0 for a row of zeros."""
        self._levels = int(-(-np.where(empty, 0, top - least).max(initial=0) // W))

    def image(self, z: Integers) -> Integers:
        """Σ_j a_ij·2^(−grid_i)·z_jt (m, q)."""
        digits = balanced(z)
        result = np.full((self.m, z.shape[1]), 0, dtype=object)
        for where, limbs in self._limbs():
            for start in range(where.start, where.stop, _TERMS):
                stop = min(start + _TERMS, where.stop)
                inner = slice(start - where.start, stop - where.start)
                result += _product([(level, limb[:, inner]) for level, limb in limbs], digits[:, start:stop])
        return result

    def slope(self, v: Integers, *, size: bool = False) -> Integers:
        """Σ_i a_ij·2^(−grid_i)·v_it (n, q); with `size` |a_ij| in place of a_ij."""
        digits = balanced(v)
        result = np.full((self._n, v.shape[1]), 0, dtype=object)
        for where, limbs in self._limbs():
            for start in range(0, self.m, _TERMS):
                rows = slice(start, start + _TERMS)
                turned = [(level, (np.abs(limb[rows]) if size else limb[rows]).T) for level, limb in limbs]
                result[where] += _product(turned, digits[:, rows])
        return result

    def _limbs(self) -> Iterator[tuple[slice, Limbs]]:
        """The limbs of A by its columns."""
        if self.m * self._n * max(1, self._levels) <= _KEPT:
            yield from self._kept
        else:
            for where, A in self._pieces():
                yield where, self._cut(A)

    @cached_property
    def _kept(self) -> list[tuple[slice, Limbs]]:
        return [(where, self._cut(A)) for where, A in self._pieces()]

    def _cut(self, A: Array) -> Limbs:
        """The limbs of some columns that are not all 0, and the level of each."""
        found: Limbs = []
        left = np.asarray(A, dtype=np.float64)
        for level in reversed(range(self._levels)):
            unit = self._grid[:, None] + W * level
            limb = np.trunc(np.ldexp(left, -unit))
            if limb.any():
                found.append((level, limb))
                left = left - np.ldexp(limb, unit)
        return found


def _product(limbs: Limbs, digits: Array) -> Integers:
    """The product of a matrix (rows, k), given by limbs, with integers of these digits (count, k, q)."""
    count, k, q = digits.shape
    if not limbs:
        return np.full((1, q), 0, dtype=object)
    beside = np.ascontiguousarray(digits.transpose(1, 0, 2)).reshape(k, count * q)
    highest, rows = max(level for level, _ in limbs), limbs[0][1].shape[0]
    # By the power of two they stand for, from coarse to fine.
    powers = np.zeros((highest + count, rows, q), dtype=np.int64)
    for level, limb in limbs:
        part = (limb @ beside).astype(np.int64).reshape(rows, count, q).transpose(1, 0, 2)
        powers[highest - level : highest - level + count] += part
    return joined(powers)


def _lowest_bits(A: Array) -> Any:
    """(m,) the least exponent of 2 of which every number of a row is a multiple; the largest integer for empty rows."""
    fractions, exponents = np.frexp(A)
    whole = np.ldexp(fractions, 53).astype(np.int64)
    trailing = np.frexp((whole & -whole).astype(np.float64))[1].astype(np.int64) - 1
    lowest = exponents.astype(np.int64) - 53 + trailing
    return np.where(whole != 0, lowest, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
