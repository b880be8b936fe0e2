"""Columns of doubles cut into slices that BLAS multiplies without a rounding error.

A column x of r ≤ 2048 doubles with ‖x‖² ≤ 2^52 becomes x = T_0 + T_1 + … + T_d, where T_d is what the slices
before it left, rounded to a multiple of 2^(−22·d), and the last remainder is zero. Then

    xᵀy = Σ_{d, d'} T_dᵀ T'_d'

and with the slices of all columns stacked in one buffer S all of it is one symmetric product SSᵀ. A column
takes only as many slices as it needs: integers one, float32 two, three decimals and normal data three.

**No slice is rounded.** T = (t + C) − C with C = 1.5·2^(52 − 22d) is t, |t| ≤ 2^(51 − 22d), rounded to a multiple
of 2^(−22d), for the sum lies where doubles stand that far apart, and the difference is a double. t − T is a
multiple of the last bit of t and no larger than t: a double too.

**No product is rounded.** In units of 2^(−22d), T_d is made of integers. ‖T_0‖ ≤ ‖x‖ + √2048/2 ≤ 2^26 + 23, so
‖T_0‖² < 2^53; for d ≥ 1, |T_d| is at most half a unit of the slice before it, 2^21, so ‖T_d‖² ≤ 2048·2^42 = 2^53.
By Cauchy and Schwarz any part of the sum of all |T_d T'_d'| is at most ‖T_d‖·‖T'_d'‖ ≤ 2^53: every partial sum
that BLAS forms, in any order, with or without fused multiplication, is an integer that a double holds.

Source: Ozaki, Ogita, Oishi & Rump, "Error-free transformations of matrix multiplication by using fast
routines of matrix multiplication and its applications", *Numerical Algorithms* 59 (2012).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.exact.limbs import Group, W

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

    Index = NDArray[np.intp]

ROWS = 2048
"""The most rows that the proof above allows."""

SLICES = 12
"""Columns that need more than this hold both large and tiny numbers: the caller cuts the rows in two."""

_FEW = 256
"""So few rows are cut at one go, however deep some of them are."""


_SAMPLE = 64
"""Rows that are looked at before all of them are."""


class Slices(NamedTuple):
    """What `Cutter.cut` makes of a piece of rows."""

    stack: Array
    """S (slices, rows): slice 0 of the columns, slice 1 of those that need one, and so on; integers of their units.

    Rows of zeros may stand below them.
    """
    columns: list[Index]
    """The columns that have a slice 0, a slice 1, …, ascending."""
    deep: Index | None
    """Rows left out (they are zero in `stack`) because few others need as many slices."""
    unfinished: int | None
    """A column that needs more slices than were allowed; the slices are of no use then."""

    def groups(self, start: NDArray[np.int64]) -> tuple[Index | None, list[Group]]:
        """The rows of `stack` by level, where slice 0 of column j stands on level `start`[j].

        Returns
        -------
        order : ndarray or None
            The order in which to take the rows; None for as they are.
        groups : list of Group
            One for each level.
        """
        levels = [start[columns] + depth for depth, columns in enumerate(self.columns)]
        counts = [len(columns) for columns in self.columns]
        if not start.any():
            stops = np.cumsum(counts).tolist()
            parts = zip(self.columns, counts, stops, strict=True)
            return None, [Group(d, columns, slice(stop - n, stop)) for d, (columns, n, stop) in enumerate(parts)]
        level, column = np.concatenate(levels), np.concatenate(self.columns)
        order = np.lexsort((column, level))
        found, first = np.unique(level[order], return_index=True)
        bounds = [*first.tolist(), len(level)]
        slices = [slice(low, high) for low, high in pairwise(bounds)]
        return order, [Group(lvl, column[order[s]], s) for lvl, s in zip(found.tolist(), slices, strict=True)]


class Cutter:
    """Cuts one piece of rows after the other in the same memory.

    Parameters
    ----------
    k, rows : int
        Columns, and the most rows of a piece, at most `ROWS`.
    """

    def __init__(self, k: int, rows: int) -> None:
        self._rest = np.empty((k, rows))
        self._stack = np.empty((4 * k, rows))

    def cut(self, X: Array, limit: int = SLICES, leave_deep: bool = False) -> Slices:
        """The slices of the columns of a piece; they stay until the next piece is cut.

        Parameters
        ----------
        X : ndarray, shape (k, rows)
            The columns, each as one row of the array, ‖x‖² ≤ 2^52.
        limit : int
            The most slices of a column.
        leave_deep : bool
            Leave out the rows that need more slices than three quarters of all rows do, if that is less work.
        """
        used, columns, rest = 0, np.arange(len(X)), X
        have: list[Index] = []
        for depth in range(limit):
            T, left = self._buffers(used, len(columns), X.shape[1])
            C = 1.5 * 2.0 ** (52 - W * depth)
            np.add(rest, C, out=T)
            np.subtract(T, C, out=T)
            rest = np.subtract(rest, T, out=left)
            if depth:
                T *= 2.0 ** (W * depth)  # an integer of its unit
            used += len(columns)
            have.append(columns)
            more = _any_in_columns(rest)
            if not more.any():
                return Slices(self._filled(used, X.shape[1]), have, None, None)
            if not more.all():
                rest, columns = rest[more], columns[more]
            if leave_deep and X.shape[1] > _FEW and not _most_rows(rest):
                deep = np.flatnonzero(rest.any(axis=0))
                # They are sliced once more later; with them this piece has a slice more of the columns that are left.
                if 4 * len(deep) <= X.shape[1] and len(deep) * used <= len(columns) * X.shape[1]:
                    self._stack[:used, deep] = 0
                    return Slices(self._filled(used, X.shape[1]), have, deep, None)
        return Slices(self._stack[:used, : X.shape[1]], have, None, int(columns[0]))

    def _filled(self, used: int, rows: int) -> Array:
        """The `used` slices; a row of zeros too where they are one short of a multiple of 8, which makes BLAS slow."""
        if used % 8 == 7 and used < len(self._stack):
            self._stack[used, :rows] = 0
            used += 1
        return self._stack[:used, :rows]

    def _buffers(self, used: int, count: int, rows: int) -> tuple[Array, Array]:
        """Room for `count` slices after the `used` ones, and for their remainders."""
        if used + count > len(self._stack):
            self._stack = np.concatenate((self._stack, np.empty_like(self._stack)))
        return self._stack[used : used + count, :rows], self._rest[:count, :rows]


def _any_in_columns(rest: Array) -> NDArray[np.bool_]:
    """Which columns (k, rows) have a number that is not zero; their first rows say it as a rule."""
    first = np.logical_or.reduce(rest[:, :_SAMPLE], axis=1)
    found: NDArray[np.bool_] = first if first.all() else np.logical_or.reduce(rest, axis=1)
    return found


def _most_rows(rest: Array) -> bool:
    """Whether more than half of the first rows have a number that is not zero: these are not the few."""
    sample = np.logical_or.reduce(rest[:, :_SAMPLE], axis=0)
    return bool(2 * np.count_nonzero(sample) > sample.size)


def power_of_two(e: NDArray[np.int64]) -> Array:
    """2^e, 0 or inf where that is out of range."""
    with np.errstate(all="ignore"):
        return np.ldexp(1.0, e.astype(np.intc))


def times_power_of_two(X: Array, e: NDArray[np.int64]) -> Array:
    """Each row of X times 2^e, in two steps, for 2^e itself may be out of range."""
    with np.errstate(all="ignore"):
        return X * power_of_two(e // 2)[:, np.newaxis] * power_of_two(e - e // 2)[:, np.newaxis]
