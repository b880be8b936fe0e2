"""Which rows of a wide A, or columns of any A, are made of others, and V for `bordered.py`.

Cholesky with pivots on K = AAᵀ in doubles parts the rows into R, independent, and D. What it finds is only a guess:

    exact     row d = Σ c_k·row k with simple c: then v = (−c, 1) has Kv = 0, and that is put in exactly
    nearly    rounding keeps the rows from depending exactly. As `rank.py` has it, every column is then replaced by its
              nearest one that independent columns P span, the earliest if these do, else those that pivots
              take; V is what is normal to A_P, to 110 bits

For the second, each column's part along V must be at most half of the tolerance T of its length (the
pivots take over where it is above twice of it, as they do in `rank.decide`). Where a pivot is
neither large nor nothing, or anything else is near a limit, None is the answer: `rank.decide` looks closer.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.exact import rank
from lsq_cli.exact.dyadic import Dyadic
from lsq_cli.exact.equations import ExactSolution
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.limbform import LimbForm
from lsq_cli.exact.staged import proved_inverse

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.doubleinverse import ProvedInverse
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.whole import WholeRows

    Columns = list[list[Dyadic]]

# A pivot's share of its row, squared: below the first it is taken for nothing, from the second on for something.
_NOTHING, _SOMETHING = 2.0**-40, 2.0**-30
# The same for a column's part outside those before it, not squared.
_NO_PART, _PART = 2.0**-40, 2.0**-17
# Denominators of simple relations, and how near doubles must come to them before they are put in.
_DENOMINATORS = (*range(1, 61), 64, 100, 128, 256, 1000, 1024)
_NEAR = 1e-4
# Bits to which coefficients that are not simple are known; fewer tell whether they are those that count.
_BITS, _FIRST_BITS = 110, 72
# Terms of a relation below this of the largest may be taken for noise by `dependencies.simplified`.
_NOISE = 2.0**-38
# A is not larger than this, and in units in which doubles have room for squares.
_MOST_NUMBERS, _SMALL = 1 << 24, 2.0**-300


class NullRows(NamedTuple):
    """q columns V (m, q) such that V spans what A's columns do not."""

    V: Columns
    dependent: list[int]
    """The row that each column of V is about."""
    exact: bool
    """Whether AᵀV = 0 exactly."""


def exact_null_rows(K: LimbForm, tolerance: float, *, latest: bool = False) -> NullRows | None:
    """V where the dependencies are simple and hold exactly; None otherwise.

    Parameters
    ----------
    K : LimbForm
        AAᵀ for rows; AᵀA for columns, which V then is about.
    tolerance : float
        What must be surely left of every independent row.
    latest : bool
        Whether a row that depends on those before it is the dependent one, whatever its pivot.
    """
    S = K.scaled()
    parts = _in_order(S) if latest else _parted(S)
    if parts is None or not all(parts):
        return None
    R, D = parts
    regression = _Regression.of(K, R, D)
    if regression is None or not regression.inverse.is_surely_regular(tolerance):
        return None
    # c in the user's units from that of the scaled rows.
    scale = [e + h for e, h in zip(K.e, K.half, strict=True)][: K.n]
    C = np.ldexp(
        regression.inverse.R @ S[np.ix_(R, D)], np.subtract.outer([-scale[i] for i in R], [-scale[d] for d in D])
    )
    V = _simple(C, R, D, K.n)
    if V is None or _image(K, V).any():
        return None
    return NullRows([[Dyadic(int(v), 0) for v in column] for column in V.T], D, exact=True)


def near_null_rows(A: Array, whole: WholeRows, r: int, tolerance: float, least: float) -> NullRows | None:
    """V where every column is spanned by the earliest r independent ones, up to the tolerance; None otherwise.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    whole : WholeRows
        The same.
    r : int
    tolerance : float
        T of `rank.decide`.
    least : float
        What must be surely left of the rows that are independent, so that the columns are by T.
    """
    if A.size > _MOST_NUMBERS or not _SMALL < np.abs(A).max() < 1.0 / _SMALL:
        return None
    lengths = np.linalg.norm(A, axis=0)
    unit = A / np.where(lengths > 0.0, lengths, 1.0)
    for choose in (_earliest, _longest):
        P = choose(unit, r)
        regression = None if P is None else _across(A, P)
        if P is None or regression is None or not regression.inverse.is_surely_regular(least):
            return None
        if _has_noise(A[regression.R], P, lengths):
            return None
        outside = _outside(regression.normal(_FIRST_BITS), whole, lengths) / tolerance
        if outside <= 0.5:
            return NullRows(regression.normal(_BITS), regression.D, exact=False)
        if outside <= 2.0:
            return None
    return None


def _across(A: Array, P: list[int]) -> _Regression | None:
    """The regression of dependent rows of A's columns P; None where doubles do not prove the columns independent."""
    sums = ExactSums(len(A), 0)
    sums.add(np.ascontiguousarray(A[:, P].T), np.empty((len(P), 0)))
    K = LimbForm.of(sums)
    parts = None if K is None else _parted(K.scaled())
    if K is None or parts is None or len(parts[0]) != len(P):
        return None
    return _Regression.of(K, *parts)


def count_independent(K: LimbForm) -> int | None:
    """How many rows doubles take for independent, if the pivots leave no doubt."""
    parts = _parted(K.scaled())
    return None if parts is None else len(parts[0])


def _image(K: LimbForm, V: Integers) -> Integers:
    """KV, but for powers of two."""
    up = np.array([[e - min(K.e[: K.n])] for e in K.e[: K.n]], dtype=object)
    return K.times(np.concatenate((V << up, np.full((K.p, V.shape[1]), 0, dtype=object))))[: K.n]


def _in_order(S: Array) -> tuple[list[int], list[int]] | None:
    """The rows that do not depend on those before them, and the others; None where a pivot is in between."""
    m = len(S)
    L, left, taken = np.zeros((m, m), order="F"), S.diagonal().copy(), list[int]()
    for j in range(m):
        share = left[j] / S[j, j] if S[j, j] > 0.0 else 0.0
        if share < _NOTHING:
            continue
        if share < _SOMETHING:
            return None
        k = len(taken)
        column = (S[:, j] - L[:, :k] @ L[j, :k]) / np.sqrt(left[j])
        L[:, k] = column
        left -= column * column
        taken.append(j)
    return taken, sorted(set(range(m)) - set(taken))


def _parted(S: Array) -> tuple[list[int], list[int]] | None:
    """The rows that pivots take, and the others, both ascending; None where a pivot is in between."""
    m = len(S)
    L, left, own = np.zeros((m, m), order="F"), S.diagonal().copy(), np.where(S.diagonal() > 0.0, S.diagonal(), 1.0)
    taken: list[int] = []
    for k in range(m):
        shares = left / own
        shares[taken] = 0.0
        pivot = int(shares.argmax())
        if shares[pivot] < _NOTHING:
            break
        if shares[pivot] < _SOMETHING:
            return None
        column = (S[:, pivot] - L[:, :k] @ L[pivot, :k]) / np.sqrt(left[pivot])
        L[:, k] = column
        left -= column * column
        taken.append(pivot)
    return sorted(taken), sorted(set(range(m)) - set(taken))


class _Regression:
    """The rows D on the independent rows R, from the sums K of all."""

    def __init__(self, K: LimbForm, R: list[int], D: list[int], form: LimbForm, inverse: ProvedInverse) -> None:
        self.R, self.D, self.inverse = R, D, inverse
        self._m, self._form = K.n, form

    @classmethod
    def of(cls, K: LimbForm, R: list[int], D: list[int]) -> _Regression | None:
        """None where doubles do not prove that R are independent."""
        form = K.part(R, D)
        inverse = proved_inverse(form)
        return None if inverse is None else cls(K, R, D, form, inverse)

    @cached_property
    def _solution(self) -> ExactSolution:
        return ExactSolution(self._form, self.inverse)

    def normal(self, bits: int) -> Columns:
        """V with coefficients to so many bits."""
        while self._solution.bits < bits:
            self._solution.refine(try_short=False)
        V = []
        for t, d in enumerate(self.D):
            column = [Dyadic(0, 0)] * self._m
            column[d] = Dyadic(1, 0)
            for i, row in enumerate(self.R):
                value = self._solution.middle(i, t)
                column[row] = Dyadic(-value.mantissa, value.exponent)
            V.append(column)
        return V


def _simple(C: Array, R: list[int], D: list[int], m: int) -> Integers | None:
    """V in whole numbers, from coefficients (R, D) that are near fractions with one small denominator a row of D."""
    V = np.full((m, len(D)), 0, dtype=object)
    for t, d in enumerate(D):
        for q in _DENOMINATORS:
            near = np.rint(C[:, t] * q)
            if (np.abs(C[:, t] * q - near) <= _NEAR).all():
                V[R, t] = [-int(v) for v in near]
                V[d, t] = q
                break
        else:
            return None
    return V


def _earliest(unit: Array, r: int) -> list[int] | None:
    """The r earliest independent columns, of columns of unit length; None where one is nearly dependent."""
    Q, taken = np.zeros((len(unit), r), order="F"), list[int]()
    for j in range(unit.shape[1]):
        v, k = unit[:, j].copy(), len(taken)
        for _ in range(2):  # twice: once leaves what rounding puts in
            v -= Q[:, :k] @ (Q[:, :k].T @ v)
        part = float(np.linalg.norm(v))
        if _NO_PART < part < _PART:
            return None
        if part >= _PART:
            Q[:, k] = v / part
            taken.append(j)
        if len(taken) == r:
            return taken
    return None


def _longest(unit: Array, r: int) -> list[int] | None:
    """The r columns that the pivots of `rank.decide` take, of columns of unit length; None where they are nothing."""
    G = unit.T @ unit
    n, L = len(G), np.zeros((len(G), r), order="F")
    # Of columns that are equally long the earliest comes first: no rounding may tell them apart.
    left, chosen = np.where(G.diagonal() > 0.0, 1.0, 0.0), list[int]()
    while len(chosen) < r:
        candidates = np.argsort(-left, kind="stable")[: rank.PANEL]
        first, begun = len(chosen), False
        columns = G[:, candidates] - L[:, :first] @ L[candidates, :first].T
        waiting = list(range(min(len(candidates), n - first)))
        while waiting and len(chosen) < r:
            i = max(waiting, key=lambda k: (left[candidates[k]], -candidates[k]))
            pivot, k = int(candidates[i]), len(chosen)
            if left[pivot] < _SOMETHING:
                return None
            if begun and left[pivot] < left.max() / 4:
                break
            L[:, k] = (columns[:, i] - L[:, first:k] @ L[pivot, first:k]) / np.sqrt(left[pivot])
            left -= L[:, k] ** 2
            left[pivot] = 0.0
            chosen.append(pivot)
            waiting.remove(i)
            begun = True
    return sorted(chosen)


def _has_noise(A: Array, P: list[int], lengths: Array) -> bool:
    """Whether a column is made of others with terms so small that they may count as none; A of independent rows."""
    W = np.abs(np.linalg.solve(A[:, P], A)) * lengths[P][:, None]
    W[:, P] = np.inf
    return bool((_NOISE * np.maximum(np.where(np.isinf(W), 0.0, W).max(axis=0), lengths) > W).any())


def _outside(V: Columns, whole: WholeRows, lengths: Array) -> float:
    """The largest part of a column along V, relative to its length."""
    h = min(v.exponent + g for column in V for v, g in zip(column, whole.grid, strict=True) if v.mantissa)
    v = [[a.mantissa << max(0, a.exponent + g - h) for a, g in zip(column, whole.grid, strict=True)] for column in V]
    along_V = whole.slope(np.array(v, dtype=object).T)
    down = max(0, max(int(s).bit_length() for s in abs(along_V).max(axis=0)) - 900)
    slope = np.ldexp((along_V >> down).astype(np.float64), h + down)
    # VᵀA = TᵀQᵀA for V = QT.
    triangle = np.asarray(np.linalg.qr(np.array([[float(a) for a in column] for column in V]).T, mode="r"))
    along = np.linalg.norm(np.linalg.solve(triangle.T, slope.T), axis=0)
    return float((along / np.where(lengths > 0.0, lengths, 1.0)).max())
