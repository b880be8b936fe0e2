"""The residual Ax − b, f = ½‖Ax − b‖² and its derivatives at one x, from one pass over the rows.

The gradient is computed in three independent ways, so that their agreement is a check:

    Aᵀ(Ax − b)                    from the rows: r to twice a double's digits, then the exact Aᵀr
    AᵀAx − Aᵀb                    from the exact sums AᵀA and Aᵀb, which know nothing of r
    (f(x + he) − f(x − he)) / 2h  from values of f alone, evaluated without rounding

f is quadratic, so a central difference has no truncation error for any h. The values of f are not rounded either.
So the three agree to the last digit, even at a minimum, where differences of rounded values are all noise.

`PointEvaluation` is for a matrix A. `IdentityEvaluation` is for one column alone, where A = I and AᵀA would have
m² numbers. With weights f = ½Σ wᵢrᵢ², and Aᵀ becomes AᵀW.

Source: twice the digits: Ogita, Rump & Oishi, "Accurate sum and dot product", *SIAM J. Sci. Comput.* 26 (2005).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.core.problem import Work
from lsq_cli.engines.resources import Resources
from lsq_cli.exact.compensated import two_product, two_sum
from lsq_cli.exact.dyadic import Dyadic, dyadic, ldexp, on_one_grid, total
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.slices import times_power_of_two
from lsq_cli.problems.choosing import SUMMED
from lsq_cli.problems.quadratic import Quadratic
from lsq_cli.problems.tally import Tally, no_rows

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import RowBlock, Source

HALF_STEP_BITS = 20
"""h = 2⁻²⁰ of the central differences; any other would do as well."""
_H = 2.0**-HALF_STEP_BITS
# Rows that are kept to write a partial derivative out as the sum that it is.
_FIRST_ROWS = 4
# What rounding may do to a gradient that somebody formed in doubles, in units of ‖A_j‖(Σ‖A_k‖|x_k| + ‖b‖).
_ROUNDING = 2.0**-44


@dataclass
class RowsAtPoint:
    """What is kept of the rows: their sums, their residuals and the first rows themselves."""

    sums: ExactSums
    """Of [A b r r̃], where r + r̃ is the residual to twice the digits."""
    residual: list[Array]
    A: Array
    """The first rows, with the column of ones."""
    weights: Array
    """Of these rows."""
    tally: Tally

    def merge(self, other: RowsAtPoint) -> None:
        """Take in the rows that follow."""
        self.sums.merge(other.sums)
        self.residual += other.residual
        self.A = np.concatenate((self.A, other.A))[:_FIRST_ROWS]
        self.weights = np.concatenate((self.weights, other.weights))[:_FIRST_ROWS]
        self.tally.merge(other.tally)


@dataclass(frozen=True)
class SumAtPoint:
    """The kernel: one block of rows at the point x (n, p)."""

    x: Array
    intercept: bool

    def __call__(self, block: RowBlock) -> RowsAtPoint:
        """The block's sums and residuals."""
        start = perf_counter()
        rows = block.read()
        reading = perf_counter() - start
        A = np.column_stack((np.ones(len(rows.A)), rows.A)) if self.intercept else rows.A
        r, rest = residuals(A, rows.b, self.x)
        sums = ExactSums(A.shape[1], 3 * rows.b.shape[1])
        sums.add(A, np.hstack((rows.b, r, rest)), rows.weights)
        weights = np.ones(len(A)) if rows.weights is None else rows.weights
        tally = Tally.of(rows)
        tally.work = Work(reading, perf_counter() - start - reading)
        return RowsAtPoint(sums, [r], A[:_FIRST_ROWS], weights[:_FIRST_ROWS], tally)


@dataclass
class LoneColumn:
    """b of some rows, where it stands alone."""

    b: list[Array]
    tally: Tally

    @classmethod
    def of(cls, block: RowBlock) -> LoneColumn:
        """The kernel: one block of rows."""
        start = perf_counter()
        rows = block.read()
        tally = Tally.of(rows)
        tally.work = Work(perf_counter() - start)
        return cls([rows.b], tally)

    def merge(self, other: LoneColumn) -> None:
        """Take in the rows that follow."""
        self.b += other.b
        self.tally.merge(other.tally)


class PointEvaluation:
    """f(x) = ½‖Ax − b‖² at one x, read from the rows of a source.

    Parameters
    ----------
    source : Source
    x : ndarray, shape (n, p)
    intercept : bool
        A column of ones stands first, which the source does not have.
    resources : Resources

    Attributes
    ----------
    rows : int
        m, the rows used.
    residual : ndarray, shape (m, p)
        r = Ax − b, each number right to its last bit or the one before.
    first : tuple of ndarray
        The first rows of A (k, n) and their weights (k,).
    tally : Tally
        What was counted in the pass.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If there is no row, Ax is beyond the range of doubles, or there are more than `choosing.SUMMED` unknowns.
    """

    identity = False

    def __init__(self, source: Source, x: Array, intercept: bool, resources: Resources) -> None:
        if len(x) > SUMMED:
            raise _too_many_unknowns(source, len(x))
        summed = resources.fold(SumAtPoint(x, intercept), resources.watched(source.blocks()), waits=source.waits)
        if summed is None or summed.sums.rows == 0:
            raise no_rows(source, summed.tally if summed else None)
        self.x, self.intercept = x, intercept
        self.n, self.p = x.shape
        self.rows, self.tally = summed.sums.rows, summed.tally
        self.residual = np.concatenate(summed.residual)
        self.first = (summed.A, summed.weights)
        self._sums = summed.sums
        self._N, self._e = summed.sums.integers()
        known = slice(self.n + self.p)
        self._equations = NormalEquations(self._N[known, known], self._e[known], self.p)

    def value(self, x: Array) -> float:
        """f at any x (n, p), correctly rounded."""
        return self._equations.value_at(x).objective

    def gradient(self) -> Array:
        """Aᵀr (n, p), from the rows."""
        n, p = self.n, self.p
        columns = [[self._products(i, (n + p + t, n + 2 * p + t)) for i in range(n)] for t in range(p)]
        return np.array(columns).T

    def gradient_from_normal(self) -> Array:
        """AᵀAx − Aᵀb (n, p), from the sums."""
        return self._equations.gradient_at(self.x)

    def differences(self) -> Array:
        """The central difference of f in every component (n, p), from values of f alone."""
        return np.array([self._differences(t) for t in range(self.p)]).T

    @cached_property
    def largest_eigenvalue(self) -> float:
        """λmax(AᵀA)."""
        quadratic = Quadratic(self._sums)
        return ldexp(max(0.0, float(np.linalg.eigvalsh(quadratic.G)[-1])), 2 * quadratic.a_unit)

    @cached_property
    def rounding(self) -> Array:
        """What rounding may do to each component (n, p) of a gradient formed in doubles."""
        lengths = np.array([Dyadic(int(v), 2 * e).root() for v, e in zip(self._N.diagonal(), self._e, strict=True)])
        A, b = lengths[: self.n, None], lengths[self.n : self.n + self.p]
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(_ROUNDING * A * ((A * abs(self.x)).sum(axis=0) + b))

    def omissions(self) -> dict[str, Array]:
        """The gradient (n, p) with a term left out, for each term that people forget."""
        minus_c = self._equations.gradient_at(np.zeros_like(self.x))
        found = {"Aᵀb": self.gradient_from_normal() - minus_c}
        if self.x.any():
            found["AᵀAx"] = minus_c
        if self.intercept:
            found["intercept"] = self._equations.gradient_at(np.vstack((np.zeros_like(self.x[:1]), self.x[1:])))
        return found

    def _products(self, i: int, columns: tuple[int, ...]) -> float:
        """The sum of the products of column i of A with some others, rounded once."""
        return float(total(Dyadic(int(self._N[i, j]), self._e[i] + self._e[j]) for j in columns))

    def _differences(self, target: int) -> list[float]:
        """(2f(x + he_j) − 2f(x − he_j)) / 4h for every j, in integers."""
        n = self.n
        chosen = [*range(n), n + target]
        e = [self._e[i] for i in chosen]
        numbers = np.concatenate((self.x[:, target], [-1.0], np.full(n, _H)))
        z, grid = on_one_grid(numbers, e + e[:n])
        v, steps, N = z[: n + 1], z[n + 1 :], self._N[np.ix_(chosen, chosen)]
        image = N @ v

        def twice_f(j: int, h: int) -> int:
            """uᵀNu at u = v + he_j: with one coefficient moved, one column of N is enough to have all of Nu."""
            moved = image + h * N[j]
            return int(v @ moved + h * moved[j])

        found = [twice_f(j, h) - twice_f(j, -h) for j, h in enumerate(steps)]
        return [float(Dyadic(difference, 2 * grid + HALF_STEP_BITS - 2)) for difference in found]


class IdentityEvaluation:
    """f(a) = ½‖a − b‖²: A = I and one column alone; the same methods as `PointEvaluation`.

    Parameters
    ----------
    source : Source
        Without a column of A, with one of b.
    resources : Resources

    Raises
    ------
    DataError, ProblemError
        As `PointEvaluation`.
    """

    identity, intercept, p, largest_eigenvalue = True, False, 1, 1.0

    def __init__(self, source: Source, resources: Resources) -> None:
        column = resources.fold(LoneColumn.of, resources.watched(source.blocks()), waits=source.waits)
        if column is None or not any(map(len, column.b)):
            raise no_rows(source, column.tally if column else None)
        self.b = np.concatenate(column.b)
        self.n = self.rows = len(self.b)
        self.tally = column.tally
        self.x = np.zeros_like(self.b)
        self.first = (np.empty((0, 0)), np.empty(0))

    @property
    def residual(self) -> Array:
        """a − b."""
        return _finite(self.x - self.b)

    def value(self, x: Array) -> float:
        """f at any a, correctly rounded."""
        if not np.isfinite(x).all():
            return math.inf
        twice_f = total(_square(a, b) for a, b in zip(x.ravel().tolist(), self.b.ravel().tolist(), strict=True))
        return float(Dyadic(twice_f.mantissa, twice_f.exponent - 1))

    def gradient(self) -> Array:
        """Iᵀr = a − b."""
        return self.residual

    def gradient_from_normal(self) -> Array:
        """IᵀIa − Iᵀb = a − b."""
        return self.residual

    def differences(self) -> Array:
        """The central difference of f in every component; the other terms of f are the same at both points."""
        found = []
        for a, b in zip(self.x.ravel().tolist(), self.b.ravel().tolist(), strict=True):
            right, left = _square(a, b, _H), _square(a, b, -_H)
            twice_f = total((right, Dyadic(-left.mantissa, left.exponent)))
            found.append(float(Dyadic(twice_f.mantissa, twice_f.exponent + HALF_STEP_BITS - 2)))
        return np.array(found)[:, None]

    @property
    def rounding(self) -> Array:
        """What rounding may do to each component of a gradient formed in doubles."""
        return _ROUNDING * (abs(self.x) + abs(self.b))

    def omissions(self) -> dict[str, Array]:
        """The gradient (m, 1) with b or a left out."""
        return {"b": self.x, "a": -self.b} if self.x.any() else {"b": self.x}


def residuals(A: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """r and r̃, both (rows, p), with r + r̃ = Ax − b to twice the digits of a double.

    Every product is split into what a double holds and its rounding error, and so is every sum.

    Raises
    ------
    ProblemError
        If Ax − b is beyond the range of doubles.
    """
    parts = [_residual(np.column_stack((A, column)).T, np.append(x[:, t], -1.0)) for t, column in enumerate(b.T)]
    r, rest = (np.stack(columns, axis=1) for columns in zip(*parts, strict=True))
    return _finite(r), rest


def _residual(M: Array, v: Array) -> tuple[Array, Array]:
    """Mᵀv (rows,) for M (k, rows), as a double and what that leaves."""
    largest = abs(M).max(axis=1, initial=0.0)
    columns = np.frexp(largest)[1].astype(np.int64)
    used = (v != 0) & (largest != 0)
    top = int((columns + np.frexp(v)[1])[used].max()) if used.any() else 0
    # With columns and coefficients near 1 no product leaves the range of doubles.
    with np.errstate(under="ignore"):
        P, E = two_product(np.ldexp(v * used, columns - top)[:, None], times_power_of_two(M, -columns))
    high, low = np.zeros(M.shape[1]), np.zeros(M.shape[1])
    for rounded, error in zip(P, E, strict=True):
        high, lost = two_sum(high, rounded)
        low += lost + error
    r = high + low
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(r, top), np.ldexp(low - (r - high), top)


def _too_many_unknowns(source: Source, n: int) -> ProblemError:
    """Why nothing is differentiated, and what to use instead."""
    return ProblemError(
        f"{' '.join(source.data)}: {n} unknowns: lsq gradient sums AᵀA to check itself, for at most {SUMMED}; leave "
        "columns out with --columns or --drop, or see ‖∇f‖ with lsq solve --method gd, which goes by the rows"
    )


def _finite(r: Array) -> Array:
    """`r`; a `ProblemError` if a number of it is not finite."""
    if not np.isfinite(r).all():
        raise ProblemError("Ax − b is beyond the range of doubles at this x; try another --at")
    return r


def _square(a: float, b: float, h: float = 0.0) -> Dyadic:
    """(a + h − b)², exactly."""
    difference = total(map(dyadic, (a, h, -b)))
    return Dyadic(difference.mantissa**2, 2 * difference.exponent)
