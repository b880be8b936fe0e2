"""Matrices of integers of any size: the product, the Cholesky factor and the inverse of a factor.

A symmetric positive definite S is held as integers T = 2^(2F)·S; its factor and the factor's inverse as

    L Lᵀ = T − E,   0 ≤ E_ij ≤ 2·L_jj        (L in units of 2^−F)
    L X  = 2^(2F)·I − R,   0 ≤ R_ij < L_ii   (X in units of 2^−F)

because every sum of products is exact and only the square root and the division by the pivot round, down.
These two lines are all that the error bounds of `equations.py` rest on: nothing is assumed of BLAS but that it
adds integers below 2⁵³ without error.

Where the work is n³ it is done by BLAS all the same. An integer is cut into limbs of 16 bits, each a double; a
product of limbs is below 2³², so up to 2²¹ of them are added exactly; carries are then passed on in int64. At
n = 1000 that takes seconds where arithmetic on Python integers takes a minute.

Source: Cholesky by blocks (left-looking): Golub & Van Loan, *Matrix Computations*, 4.2.8; error-free products by
slices: Ozaki, Ogita, Oishi & Rump, *Numerical Algorithms* 59 (2012).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers

_LIMB_BITS = 16
# Columns that are factored by Python's integers before BLAS takes over: measured best between 8 and 64.
_PANEL = 16


def product(X: Integers, Y: Integers) -> Integers:
    """X Y, exactly.

    Parameters
    ----------
    X : ndarray of int, shape (rows, k)
    Y : ndarray of int, shape (k, columns)
        k times the bits of the larger entries must stay below 2²⁵.
    """
    if min(*X.shape, Y.shape[1]) < _PANEL // 2:
        return np.asarray(X @ Y, dtype=object)
    return _multiply(_limbs(X, _limbs_for(X)), _limbs(Y, _limbs_for(Y)))


def cholesky(T: Integers, bits: int) -> Integers | None:
    """The lower factor L (n, n) of T/4^bits, in units of 2^−bits; None where T is not positive definite.

    Parameters
    ----------
    T : ndarray of int, shape (n, n)
        Symmetric, its diagonal below 4^bits; only the lower triangle is read.
    bits : int
        F, the fraction bits of L.

    Notes
    -----
    T − LLᵀ lies between 0 and 2·L_jj entry by entry on and below the diagonal, so that as numbers
    ‖S − LLᵀ‖₂ ≤ (n + 1)·2^(1−F). None is returned only when T − E of such a small E has a pivot ≤ 0.
    """
    n = len(T)
    L = np.zeros((n, n), dtype=object)
    done = Columns(n, bits)
    for j in range(0, n, _PANEL):
        stop = min(n, j + _PANEL)
        panel = T[j:, j:stop].copy()
        if j:
            panel -= done.products(range(j, stop), first=j)
        if not _factor(panel):
            return None
        L[j:, j:stop] = panel
        if stop < n:
            done.append(L[:, j:stop])
    return L


class Columns:
    """The first columns of a factor L (n, n), of integers below 2^bits, cut into limbs once for all products.

    Parameters
    ----------
    n, bits : int
    """

    def __init__(self, n: int, bits: int) -> None:
        self._limbs = np.empty((bits // _LIMB_BITS + 2, n, n))
        self._count = 0

    def append(self, columns: Integers) -> None:
        """Take in the columns (n, k) that follow."""
        stop = self._count + columns.shape[1]
        self._limbs[:, :, self._count : stop] = _limbs(columns, len(self._limbs))
        self._count = stop

    def products(self, rows: Sequence[int], first: int = 0) -> Integers:
        """L Lᵀ in some columns, by their numbers, and from row `first` on: (n − first, k), exactly."""
        done = self._limbs[:, :, : self._count]
        return _multiply(done[:, first:], done[:, rows].transpose(0, 2, 1))


def _factor(panel: Integers) -> bool:
    """Cholesky on the first columns of a matrix, in place; False at a pivot that is not positive."""
    for c in range(panel.shape[1]):
        column = panel[c:, c]
        if c:
            column -= panel[c:, :c] @ panel[c, :c]
        if column[0] <= 0:
            return False
        panel[:c, c] = 0
        column[0] = math.isqrt(column[0])
        column[1:] //= column[0]
    return True


def inverse_of_factor(L: Integers, bits: int) -> Integers | None:
    """X = L⁻¹ (n, n), lower, in units of 2^−bits; None where an entry is above 2^(bits/2).

    Notes
    -----
    Each column of X solves LX = I up to an error R with 0 ≤ R_ij < L_ii: ‖LX − I‖₂ < n·2^−bits as numbers.
    """
    n, one = len(L), 1 << 2 * bits
    X = np.zeros((n, n), dtype=object)
    limit = 1 << (bits + bits // 2)
    done = np.zeros((limit.bit_length() // _LIMB_BITS + 1, n, n)) if n > _PANEL else np.empty((0, 0, 0))
    for j in range(0, n, _PANEL):
        stop = min(n, j + _PANEL)
        rows = X[j:stop]
        if j:
            rows[:, :j] = -_multiply(_limbs(L[j:stop, :j], bits // _LIMB_BITS + 2), done[:, :j, :j])
        rows[range(stop - j), range(j, stop)] = one
        for i in range(stop - j):
            row = rows[i, : j + i + 1]
            if i:
                row[: j + i] -= L[j + i, j : j + i] @ rows[:i, : j + i]
            row //= L[j + i, j + i]
        if max(rows.max(), -rows.min()) >= limit:
            return None
        if stop < n:
            done[:, j:stop, :stop] = _limbs(rows[:, :stop], len(done))
    return X


def _limbs_for(X: Integers) -> int:
    """How many limbs hold every entry and its sign."""
    largest = max(X.max(), -X.min()) if X.size else 0
    return int(largest).bit_length() // _LIMB_BITS + 1


def _limbs(X: Integers, count: int) -> Array:
    """Limbs (count, rows, columns) with X = Σ limbs[s]·2^(16 s); all but the last are in [0, 2¹⁶)."""
    data = b"".join([value.to_bytes(2 * count, "little", signed=True) for value in X.ravel().tolist()])
    digits = np.frombuffer(data, dtype="<u2").reshape(*X.shape, count)
    limbs = np.moveaxis(digits, -1, 0).astype(np.float64)
    limbs[-1][limbs[-1] >= 1 << (_LIMB_BITS - 1)] -= 1 << _LIMB_BITS
    return limbs


def _multiply(X: Array, Y: Array) -> Integers:
    """The exact product of two matrices given by limbs, (s, rows, k) and (t, k, columns)."""
    (count_x, rows, k), (count_y, _, columns) = X.shape, Y.shape
    if rows < columns:
        return _multiply(Y.transpose(0, 2, 1), X.transpose(0, 2, 1)).T
    # All limbs of the smaller side beside each other: one call of BLAS multiplies a limb of X with all of them.
    beside = np.ascontiguousarray(Y.transpose(1, 0, 2)).reshape(k, count_y * columns)
    sums = np.zeros((rows, count_x + count_y - 1, columns))
    for s in range(count_x):
        sums[:, s : s + count_y] += (X[s] @ beside).reshape(rows, count_y, columns)
    return _carried(sums)


def _carried(sums: Array) -> Integers:
    """The integers Σ sums[:, g]·2^(16 g), (rows, columns), from whole doubles below 2⁵³."""
    rows, count, columns = sums.shape
    spare = 4  # limbs, for the carry out of the last place
    digits = np.empty((rows, columns, count + spare), dtype="<u2")
    carry = np.zeros((rows, columns), dtype=np.int64)
    for g in range(count + spare):
        if g < count:
            carry += sums[:, g].astype(np.int64)
        digits[:, :, g] = carry & ((1 << _LIMB_BITS) - 1)
        carry >>= _LIMB_BITS
    data, width = digits.tobytes(), 2 * (count + spare)
    values = [int.from_bytes(data[i : i + width], "little", signed=True) for i in range(0, len(data), width)]
    result = np.empty(rows * columns, dtype=object)
    result[:] = values
    return result.reshape(rows, columns)
