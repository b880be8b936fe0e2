"""More unknowns than rows: the solution of least norm by AAᵀ, in exact integers, each coefficient rounded once.

Where the m rows of A are independent, every b is reached, and of all x with Ax = b the shortest is

    x = Aᵀy,    K y = b,    K = AAᵀ (m, m),

the normal equations of the second kind. K is the smaller matrix, and as with AᵀA its squared condition number does
no harm where nothing is rounded: K is summed by `errorfree.ExactSums` (of the columns of A), solved by `equations.py`
between bounds that can be narrowed without end, and Aᵀ times the bounds of y are bounds of x:

    |x_j − x*_j| ≤ Σᵢ |a_ij|·err(y_i)

A coefficient is rounded when both ends of its interval round alike; it is 0 when it is closer to 0 than 1/det K can be
(Cramer; see `equations.py`). f, ‖Ax − b‖ and ∇f at any x are exact and then rounded once.

Weights have no say, for no residual is left, but that rows of weight 0 are left out. Dependent rows and a ridge are not
for this module: `independent_rows` says so, and the sums AᵀA do both.

Source: Golub & Van Loan, *Matrix Computations*, 5.6.2 (underdetermined systems of full rank).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.problem import Value
from lsq_cli.exact import certificate, rank
from lsq_cli.exact.dyadic import Dyadic, dyadic, half_lengths, on_one_grid, shifted, total
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.quadratic import Quadratic

if TYPE_CHECKING:
    from lsq_cli.core.problem import About, Form
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.equations import ExactSolution
    from lsq_cli.problems.summing import Summed
    from lsq_cli.sources.blocks import Rows

# Entries of A that are integers at one time.
_PIECE = 1 << 18


@dataclass(frozen=True)
class WideRows:
    """All rows of weight above 0: A (m, n), an array or a scipy csr_array, with the column of ones if there is one."""

    A: Any
    b: Array
    """(m, p)."""
    weights: Array | None

    @classmethod
    def of(cls, many: list[Rows], intercept: bool) -> WideRows:
        """The rows of some blocks."""
        parts = [rows.A for rows in many]
        sparse = not isinstance(parts[0], np.ndarray)
        if sparse:
            scipy = import_module("scipy.sparse")  # whoever gave a sparse A has it
            A = scipy.vstack(parts, format="csr")
            A = scipy.hstack([scipy.csr_array(np.ones((A.shape[0], 1))), A], format="csr") if intercept else A
        else:
            A = np.concatenate(parts)
            A = np.hstack([np.ones((len(A), 1)), A]) if intercept else A
        b = np.concatenate([rows.b for rows in many])
        weights = None if many[0].weights is None else np.concatenate([rows.weights for rows in many])
        if weights is not None:
            A, b, weights = A[weights > 0], b[weights > 0], weights[weights > 0]
        return cls(A, b, weights)

    def columns(self) -> Iterator[tuple[slice, Array]]:
        """A by its columns, some at a time: where they stand, and the (m, k) doubles."""
        m, n = self.A.shape
        step = max(1, _PIECE // max(1, m))
        for start in range(0, n, step):
            piece = self.A[:, start : start + step]
            yield slice(start, min(start + step, n)), piece if isinstance(piece, np.ndarray) else piece.toarray()


class WideProblem:
    """A problem with fewer rows than unknowns; a `Problem`.

    Parameters
    ----------
    about : About
    rows : WideRows
        m rows, n > m columns.
    tolerance : float, optional
        A row whose part outside the others is below this of its length is dependent; 4√m·2⁻⁵³ by default.
    """

    condition = None
    data_digits = None
    passes = 1

    def __init__(self, about: About, rows: WideRows, tolerance: float | None = None) -> None:
        self.about, self.rows = about, rows
        self._quadratic: Quadratic | None = None
        m = len(rows.b)
        self.tolerance = rank.default_tolerance(m) if tolerance is None else tolerance
        sums, self._in_unit_columns = ExactSums(m, 0), ExactSums(m, 0)
        self._grid = np.full(m, 0, dtype=object)  # a_ij is a whole number times 2^grid_i
        lowest = np.full(m, np.iinfo(np.int64).max)
        for _, A in rows.columns():
            empty, top = np.empty((A.shape[1], 0)), np.frexp(np.abs(A).max(axis=0, initial=0.0))[1]
            sums.add(np.ascontiguousarray(A.T), empty)
            self._in_unit_columns.add(np.ldexp(A, -top).T.copy(), empty)
            lowest = np.minimum(lowest, _lowest_bits(A))
        self._grid[:] = [int(g) if g < np.iinfo(np.int64).max else 0 for g in lowest]
        K, e = sums.integers()
        up = np.array(e, dtype=object) - self._grid
        self.equations = _with_targets(shifted(K, up[:, None] + up), [int(g) for g in self._grid], rows.b)

    def with_sums(self, total: Summed, precision: str) -> WideProblem:
        """The same problem with the sums of its rows, made in this precision, for descent."""
        problem = copy(self)
        problem._quadratic = Quadratic(total.sums)
        problem.about = replace(self.about, precision=precision, work=total.tally.work)
        return problem

    @cached_property
    def independent_rows(self) -> bool:
        """Whether no row of A is made of others: what everything else here takes for granted.

        As with AᵀA the units of the columns have no say in it: they are scaled to comparable size.
        """
        return rank.is_regular(NormalEquations(*self._in_unit_columns.integers(), 0), self.tolerance)

    @property
    def rank(self) -> int:
        """As many as there are rows."""
        return len(self.rows.b)

    @cached_property
    def solution(self) -> WideSolution:
        """x = Aᵀy between bounds."""
        return WideSolution(self)

    @property
    def x(self) -> Array:
        """The solution of least norm (n, p), every coefficient rounded once."""
        return self.solution.x

    @property
    def hessian(self) -> Array:
        """∇²f = AᵀA (n, n) in doubles, without weights; for two unknowns, to draw them, else (0, 0)."""
        if self._quadratic is not None:
            return self._quadratic.G
        if len(self.about.names) != 2:
            return np.empty((0, 0))
        A: Array = next(A for _, A in self.rows.columns())
        return A.T @ A

    def form(self, *, normalize: bool = False) -> Form:
        """The sums of the rows in doubles, in columns of length 1 if so asked."""
        assert self._quadratic is not None, "a problem for the normal equations alone has no sums to descend on"
        if not normalize:
            return self._quadratic
        from lsq_cli.problems.normalizing import Normalized  # for descents that ask for it

        return Normalized(self._quadratic)

    def digits(self, x: Array) -> float:
        """Digits of `x`, (n,) or (n, p), that are surely those of the solution of least norm."""
        return certificate.sure_digits(self.solution, x)

    def dependencies(self) -> tuple[str, ...]:
        """None is named: with fewer rows than columns every column is made of others."""
        return ()

    def rank_warning(self, choice: str) -> tuple[str, ...]:
        """What to know of an x that is one of many; `choice` says which."""
        unknowns = len(self.about.names)
        rows = f"{self.rank} rows do" if self.rank != 1 else "1 row does"
        return (f"{rows} not determine {unknowns} unknowns, many x fit exactly: {choice}",)

    def times_columns(self, v: Integers, *, size: bool = False) -> Integers:
        """Σᵢ a_ij·2^(−grid_i)·v_it (n, p) in integers; with `size` |a_ij| in place of a_ij."""
        parts = []
        for _, A in self.rows.columns():
            whole = self._integers(A)
            parts.append((abs(whole) if size else whole).T @ v)
        return np.concatenate(parts)

    def value_at(self, x: Array) -> Value:
        """f, ‖Ax − b‖ and ‖∇f‖ at any x (n,) or (n, p); exact, each number rounded once."""
        columns = x.reshape(len(x), -1)
        p = columns.shape[1]
        if not np.isfinite(columns).all():
            return Value(math.inf, math.inf, math.inf, (math.inf,) * p)
        squares, slopes = [], []
        for t in range(p):
            r = self._residuals(columns[:, t], t)
            weights = np.ones(len(r)) if self.rows.weights is None else self.rows.weights
            wr = [_times(value, dyadic(float(w))) for value, w in zip(r, weights, strict=True)]
            squares.append(total(map(_times, r, wr)))
            slopes.append(self._slope_square(wr))
        f = total(squares)
        return Value(
            float(Dyadic(f.mantissa, f.exponent - 1)), f.root(), total(slopes).root(), tuple(s.root() for s in squares)
        )

    def _integers(self, A: Array) -> Integers:
        """a_ij·2^(−grid_i) of some columns."""
        whole, exponents = _mantissas(A)
        return shifted(whole.astype(object), exponents.astype(object) - self._grid[:, None])

    def _residuals(self, x: Array, target: int) -> list[Dyadic]:
        """Ax − b, exactly."""
        z, h = on_one_grid(x, [0] * len(x))
        image = np.full(len(self._grid), 0, dtype=object)
        for where, A in self.rows.columns():
            image += self._integers(A) @ z[where]
        return [
            total([Dyadic(int(v), int(g) + h), dyadic(-float(b))])
            for v, g, b in zip(image, self._grid, self.rows.b[:, target], strict=True)
        ]

    def _slope_square(self, r: list[Dyadic]) -> Dyadic:
        """‖Aᵀr‖², exactly."""
        exponents = [value.exponent + int(g) for value, g in zip(r, self._grid, strict=True)]
        h = min((q for q, value in zip(exponents, r, strict=True) if value.mantissa), default=0)
        v = np.full((len(r), 1), 0, dtype=object)
        v[:, 0] = [value.mantissa << max(0, q - h) for q, value in zip(exponents, r, strict=True)]
        slope = self.times_columns(v)[:, 0]
        return Dyadic(int(slope @ slope), 2 * h)


class WideSolution:
    """x = Aᵀy between bounds that are narrowed until every coefficient can be rounded."""

    def __init__(self, problem: WideProblem) -> None:
        self._problem = problem
        self._y: ExactSolution = problem.equations.solve()
        self._measure()
        while not self._settled() and self._y.bits < self._y.enough_bits:
            self._y.refine()
            self._measure()

    def interval(self, j: int, t: int) -> tuple[Dyadic, Dyadic]:
        """Coefficient j of target t and a bound on its error."""
        if self._is_zero(j, t):
            return Dyadic(0, 0), Dyadic(0, 0)
        return Dyadic(int(self._x[j, t]), self._unit[t]), Dyadic(int(self._errors[j, t]), self._unit[t])

    @cached_property
    def x(self) -> Array:
        """(n, p), each coefficient the double nearest to the exact one."""
        n, p = self._x.shape
        return np.array([[float(self.interval(j, t)[0]) for t in range(p)] for j in range(n)]).reshape(n, p)

    def _measure(self) -> None:
        """Σ a_ij y_i in integers of 2^unit, and the bounds on their errors."""
        problem, m, p = self._problem, self._problem.equations.n, self._problem.equations.p
        grid = [int(g) for g in problem._grid]
        y, errors, self._unit = np.full((m, p), 0, dtype=object), np.full((m, p), 0, dtype=object), []
        for t in range(p):
            bounds = [self._y.interval(i, t) for i in range(m)]
            exponents = [q.exponent + g for pair, g in zip(bounds, grid, strict=True) for q in pair if q.mantissa]
            unit = min(exponents, default=0)
            self._unit.append(unit)
            for i, (value, error) in enumerate(bounds):
                y[i, t], errors[i, t] = (q.mantissa << max(0, q.exponent + grid[i] - unit) for q in (value, error))
        self._x = problem.times_columns(y)
        self._errors = problem.times_columns(errors, size=True)

    def _settled(self) -> bool:
        """Whether both ends of every interval round alike, or the coefficient is surely 0."""
        return all(self._rounds(j, t) for j, t in np.ndindex(self._x.shape))

    def _rounds(self, j: int, t: int) -> bool:
        x, error = int(self._x[j, t]), int(self._errors[j, t])
        low, high = (float(Dyadic(x + side * error, self._unit[t])) for side in (-1, 1))
        return low == high or self._is_zero(j, t)

    def _is_zero(self, j: int, t: int) -> bool:
        """Whether the coefficient is proved to be exactly 0: a fraction over det K closer to 0 than any other."""
        x, error = abs(int(self._x[j, t])), int(self._errors[j, t])
        if error == 0:
            return x == 0
        equations = self._problem.equations
        # x_j·2^(−e_b) is a whole number over det K ≤ Π K_ii, all in the integers' own units.
        return (x + error).bit_length() + self._unit[t] - equations.e[equations.n + t] + equations.hadamard <= 0


def _times(a: Dyadic, b: Dyadic) -> Dyadic:
    """The exact product."""
    return Dyadic(a.mantissa * b.mantissa, a.exponent + b.exponent)


def _mantissas(A: Array) -> tuple[Any, Any]:
    """Whole numbers and exponents with a_ij = whole·2^exponent, |whole| < 2⁵³."""
    fractions, exponents = np.frexp(A)
    return np.ldexp(fractions, 53).astype(np.int64), exponents.astype(np.int64) - 53


def _lowest_bits(A: Array) -> Any:
    """(m,) the least exponent of 2 of which every number of a row is a multiple; the largest integer for empty rows."""
    whole, exponents = _mantissas(A)
    trailing = np.frexp((whole & -whole).astype(np.float64))[1].astype(np.int64) - 1
    return np.where(whole != 0, exponents + trailing, np.iinfo(np.int64).max).min(axis=1)


def _with_targets(K: Integers, grid: list[int], b: Array) -> NormalEquations:
    """K y = b as `NormalEquations`: K_ij·2^(grid_i + grid_j), with b beside it in whole numbers."""
    m, p = b.shape
    N = np.full((m + p, m + p), 0, dtype=object)
    N[:m, :m] = K
    e = list(grid)
    half = half_lengths(K.diagonal())
    for t in range(p):
        z, h = on_one_grid(b[:, t], [-g for g in grid])
        N[:m, m + t] = N[m + t, :m] = z
        e.append(h)
        # In place of the sum of squares, which has no meaning here, a number that brings b to the size of 1.
        size = max(int(v).bit_length() - k for v, k in zip(z, half, strict=True))
        N[m + t, m + t] = 1 << (2 * max(1, size))
    return NormalEquations(N, e, p)
