"""AᵀA and Aᵀb of any number of rows in double precision: the sums behind `--precision double`.

All sums are one matrix, the Gram matrix of M = [1 A b]:

    S = MᵀWM = [ AᵀWA  AᵀWb ]       W = diag(w), the rows' weights
               [ bᵀWA  bᵀWb ]

`DoubleSums` adds plain products of some thousand rows, and then their results with what the addition loses (Knuth's
two-sum), so that the error does not grow with the rows. The solution multiplies it by the square of A's condition
number all the same; `errorfree.ExactSums` offers the same and has no error at all. Prefer the exact ones; the plain
ones are for binary input, where they are several times faster.

Columns of 1e±150 would overflow when squared. Every sum therefore carries one power of two for each
column, and S holds MᵀWM divided by them; powers of two round nothing.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lsq_cli.exact.compensated import two_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

    Exponents = NDArray[np.int64]

# Between these a square neither overflows when 2⁶⁴ of them are added nor loses bits to underflow.
_SAFE_DIAGONAL = (2.0**-900, 2.0**900)
# Doubles of one piece of rows: 2 MB, all of a block of 100 columns. Smaller ones cost more calls than they save misses.
_PIECE = 1 << 18
# Within a piece rounding errors add up, for the pieces they do not.
_MOST_ROWS = 8192
# Numbers that are added up at a time: 256 KB.
_BAND = 1 << 15


class Sums(Protocol):
    """What an accumulator of MᵀWM offers, in double precision or exactly."""

    n: int
    """Unknowns, the intercept included."""
    p: int
    """Targets."""
    intercept: bool
    rows: int

    def add(self, A: Array, b: Array, weights: Array | None = None) -> None:
        """Add rows: `A` (rows, n) without the column of ones, `b` (rows, p), `weights` (rows,)."""
        ...

    def doubles(self) -> tuple[Array, list[int]]:
        """S (k, k) with its diagonal in [¼, 1) or 0, and e (k,): (MᵀWM)ᵢⱼ = Sᵢⱼ·2^(eᵢ + eⱼ)."""
        ...

    def integers(self) -> tuple[NDArray[np.object_], list[int]]:
        """N (k, k) of Python integers and e (k,): (MᵀWM)ᵢⱼ = Nᵢⱼ·2^(eᵢ + eⱼ), exactly what was summed."""
        ...


class DoubleSums:
    """MᵀWM in plain double precision: the same bits whenever the same blocks are merged in the same order.

    Parameters
    ----------
    n, p : int
        Columns of A, with the column of ones if there is an intercept, and of b.
    intercept : bool
        Whether the first of the n columns is the column of ones, which `add` supplies.
    """

    def __init__(self, n: int, p: int, intercept: bool = False) -> None:
        self.n, self.p, self.intercept, self.rows = n, p, intercept, 0
        self._S: Array = np.zeros((n + p, n + p))
        self._lost: Array = np.zeros((n + p, n + p))  # what rounding took from S so far
        self._e: Exponents = np.zeros(n + p, dtype=np.int64)

    def add(self, A: Array, b: Array, weights: Array | None = None) -> None:
        """Add rows in pieces that fit the cache; see `Sums.add`."""
        # By n alone: the pieces, and so the rounding, must not depend on how many targets are beside one.
        height = min(_MOST_ROWS, max(256, _PIECE // (self.n + 1)))
        pieces = max(1, round(len(A) / height))
        for start, stop in pairwise(len(A) * i // pieces for i in range(pieces + 1)):
            piece = slice(start, stop)
            w = None if weights is None else weights[piece]
            S, e = _scaled_gram(A[piece], b[piece], w, self.intercept)
            self._add(S, None, e)
        self.rows += len(A)

    def merge(self, other: DoubleSums) -> None:
        """Add the rows that `other` has summed."""
        self._add(other._S, other._lost, other._e)
        self.rows += other.rows

    def _add(self, S: Array, lost: Array | None, e: Exponents) -> None:
        """Add (S + lost)·2^(eᵢ + eⱼ) on the larger of the two grids, column by column; None for nothing lost."""
        if not self._S.any():
            # With its loss it is another's, and stays so.
            self._S, self._e = (S, e) if lost is None else (S.copy(), e)
            self._lost = np.zeros_like(S) if lost is None else lost.copy()
            return
        if not np.array_equal(e, self._e):
            # An empty column has no units yet: it takes the other's.
            common = np.where(self._S.diagonal() == 0, e, np.where(S.diagonal() == 0, self._e, np.maximum(e, self._e)))
            S, lost = regrid(S, e - common), None if lost is None else regrid(lost, e - common)
            self._S, self._lost = regrid(self._S, self._e - common), regrid(self._lost, self._e - common)
            self._e = common
        # Some rows at a time: what one operation leaves in the cache the next finds there.
        step = max(1, _BAND // len(S))
        for start in range(0, len(S), step):
            band = slice(start, start + step)
            self._S[band], rounding = two_sum(self._S[band], S[band])
            self._lost[band] += rounding if lost is None else lost[band] + rounding

    def doubles(self) -> tuple[Array, list[int]]:
        """S with its diagonal in [¼, 1) and the exponents; see `Sums.doubles`."""
        shift = self._shift()
        return regrid(self._S + self._lost, shift), [int(v) for v in self._e - shift]

    def integers(self) -> tuple[NDArray[np.object_], list[int]]:
        """The sums as integers: what was added up, with its rounding errors, and nothing more."""
        shift = self._shift()
        parts = (regrid(self._S, shift), regrid(self._lost, shift))
        # Entries below 2⁻²⁰⁰ of their columns' lengths are far under the rounding error of the others.
        S, lost = (
            np.array([[int(math.ldexp(v, 200)) for v in row] for row in X.tolist()], dtype=object) for X in parts
        )
        return (S + lost).reshape(self._S.shape), [int(v) - 100 for v in self._e - shift]

    def _shift(self) -> Exponents:
        """The powers of two that bring the diagonal into [¼, 1)."""
        diagonal = self._S.diagonal()
        shift = -((np.frexp(diagonal)[1].astype(np.int64) + 1) // 2)
        shift[diagonal == 0] = 0
        return shift


def regrid(S: Array, shift: Exponents) -> Array:
    """S·2^(shiftᵢ + shiftⱼ)."""
    if not shift.any():
        return S
    # In two halves, for one factor alone may leave the range of doubles where the product does not.
    return np.asarray(np.ldexp(np.ldexp(S, shift[:, None]), shift[None, :]))


def _scaled_gram(A: Array, b: Array, w: Array | None, intercept: bool) -> tuple[Array, Exponents]:
    """The Gram matrix of one piece and its exponents, which are 0 unless squares would leave the safe range."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        S = _gram(A, b, w, intercept)
    e = np.zeros(len(S), dtype=np.int64)
    diagonal = S.diagonal()
    low, high = _SAFE_DIAGONAL
    if ((diagonal >= low) & (diagonal <= high)).all():
        return S, e
    first = len(e) - A.shape[1] - b.shape[1]
    largest = np.abs(np.hstack([A, b])).max(axis=0, initial=0.0)
    e[first:] = np.where(largest > 0, np.frexp(largest)[1], 0)
    if w is not None:
        # √w rides on the columns: halve its exponent so that w·a² stays near 1.
        spread = int(np.frexp(w.max(initial=0.0))[1]) // 2
        e += spread
        w = np.ldexp(w, -2 * spread)
    n = A.shape[1]
    unscale = -e[first:] + (0 if w is None else spread)
    with np.errstate(under="ignore"):
        return _gram(np.ldexp(A, unscale[:n]), np.ldexp(b, unscale[n:]), w, intercept), e


def _gram(A: Array, b: Array, w: Array | None, intercept: bool) -> Array:
    """MᵀWM of M = [1 A b], symmetric to the bit."""
    n, p = A.shape[1] + intercept, b.shape[1]
    S = np.empty((n + p, n + p))
    wA, wb = (A, b) if w is None else (A * w[:, None], b * w[:, None])
    # With wA = A numpy calls syrk, half the work and symmetric; a product with weights is made so.
    product = np.matmul(wA.T, A, out=S[intercept:n, intercept:n])
    if w is not None:
        product[:] = _mirrored(product)
    S[n:, n:] = b.T @ b if w is None else _mirrored(wb.T @ b)
    for t in range(p):
        # One product a target: BLAS rounds a product of several columns in another order than each alone.
        column, weighted = np.ascontiguousarray(b[:, t]), np.ascontiguousarray(wb[:, t])
        S[intercept:n, n + t] = wA.T @ column
        S[n + t, n + t] = weighted @ column
        if intercept:
            S[0, n + t] = weighted.sum()
    if intercept:
        S[0, 0] = len(A) if w is None else w.sum()
        S[0, 1:n] = wA.sum(axis=0)
        S[1:n, 0] = S[0, 1:n]
    S[n:, :n] = S[:n, n:].T
    return S


def _mirrored(X: Array) -> Array:
    """A symmetric matrix with the upper triangle of `X` on both sides."""
    return np.asarray(np.triu(X) + np.triu(X, 1).T)
