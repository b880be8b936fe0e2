"""More unknowns than rows: the solution of least norm by AAᵀ, without rounding, each coefficient rounded once.

Where the m rows of A are independent, every b is reached, and of all x with Ax = b the shortest is

    x = Aᵀy,    K y = b,    K = AAᵀ (m, m),

the normal equations of the second kind. K is the smaller matrix, and as with AᵀA its squared condition number does
no harm where nothing is rounded: K is summed by `errorfree.ExactSums` (of the columns of A), solved between bounds that
can be narrowed without end, and Aᵀ times the bounds of y are bounds of x:

    |x_j − x*_j| ≤ Σᵢ |a_ij|·err(y_i)

A coefficient is rounded when both ends of its interval round alike; it is 0 when it is closer to 0 than 1/det K can be
(Cramer; see `equations.py`). f, ‖Ax − b‖ and ∇f at any x are exact and then rounded once. From `LEAST_VERIFIED` rows on
doubles are tried first, with a proof (`verified.py`); where they prove nothing there are integers (`equations.py`).

Rows that depend on each other border K with what they leave open (`nullrows.py`, `bordered.py`); where doubles do not
find that, or the rows have different weights, this module is of no use: `is_solved` says so, and the sums AᵀA do all of
it. So they do with a ridge. Independent rows leave no residual, so that weights have no say, but that rows of weight 0
are left out.

Source: Golub & Van Loan, *Matrix Computations*, 5.6.2 (underdetermined systems of full rank).
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.problem import Value
from lsq_cli.exact import certificate, rank
from lsq_cli.exact.dyadic import Dyadic, dyadic, half_lengths, on_one_grid, shifted, total
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.whole import WholeRows
from lsq_cli.problems.quadratic import Quadratic
from lsq_cli.problems.summed import LEAST_VERIFIED
from lsq_cli.problems.widerows import WideRows
from lsq_cli.problems.widesolution import WideSolution

if TYPE_CHECKING:
    from lsq_cli.core.problem import About, Form
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.problems.summing import Summed
    from lsq_cli.problems.wideproof import VerifiedRows


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
        self.m = len(rows.b)
        self._asked = tolerance
        self.tolerance = rank.default_tolerance(self.m) if tolerance is None else tolerance
        self.whole = WholeRows(self.m, rows.columns)

    @cached_property
    def sums(self) -> ExactSums:
        """K = AAᵀ."""
        sums = ExactSums(self.m, 0)
        for _, A in self.rows.columns():
            sums.add(np.ascontiguousarray(A.T), np.empty((A.shape[1], 0)))
        return sums

    @cached_property
    def _in_unit_columns(self) -> ExactSums:
        """The same of columns of comparable size."""
        sums = ExactSums(self.m, 0)
        for _, A in self.rows.columns():
            top = np.frexp(np.abs(A).max(axis=0, initial=0.0))[1]
            sums.add(np.ldexp(A, -top).T.copy(), np.empty((A.shape[1], 0)))
        return sums

    @cached_property
    def equations(self) -> NormalEquations:
        """K y = b in integers."""
        K, e = self.sums.integers()
        grid = self.whole.grid
        up = np.array(e, dtype=object) - np.array(grid, dtype=object)
        return _with_targets(shifted(K, up[:, None] + up), grid, self.rows.b)

    @cached_property
    def verified(self) -> VerifiedRows | None:
        """The problem in doubles that prove what they say; None where it takes integers."""
        if self.m < LEAST_VERIFIED:
            return None
        from lsq_cli.problems.wideproof import VerifiedRows  # for problems of many rows

        n = len(self.about.names) or self.rows.A.shape[1]
        of_columns = rank.default_tolerance(n) if self._asked is None else self._asked
        return VerifiedRows.of(self.rows, self.whole, self.sums, self.tolerance, max(of_columns, rank.LEAST_TOLERANCE))

    def with_sums(self, total: Summed, precision: str) -> WideProblem:
        """The same problem with the sums of its rows, made in this precision, for descent."""
        problem = copy(self)
        # What was proved of AAᵀ serves both; each solves for itself.
        if self.verified is not None:
            problem.verified = copy(self.verified)
        problem._quadratic = Quadratic(total.sums)
        problem.about = replace(self.about, precision=precision, work=total.tally.work)
        return problem

    @cached_property
    def independent_rows(self) -> bool:
        """Whether no row of A is made of others.

        As with AᵀA the units of the columns have no say in it: they are scaled to comparable size.
        """
        if self.verified is not None:
            return not self.verified.missing
        return rank.is_regular(NormalEquations(*self._in_unit_columns.integers(), 0), self.tolerance)

    @property
    def is_solved(self) -> bool:
        """Whether the solution is to be had from AAᵀ: what everything else here takes for granted."""
        return self.verified is not None or self.independent_rows

    @property
    def rank(self) -> int:
        """Number of independent rows."""
        return self.m - (self.verified.missing if self.verified else 0)

    @cached_property
    def solution(self) -> WideSolution:
        """x = Aᵀy between bounds."""
        return (self.verified and self.verified.solution) or WideSolution(self.whole, self.equations.solve(), self.m)

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

    @cached_property
    def _normalized(self) -> Form:
        """The sums in doubles, in columns of length 1."""
        from lsq_cli.problems.normalizing import Normalized  # for descents that ask for it

        assert self._quadratic is not None, "a problem for the normal equations alone has no sums to descend on"
        return Normalized(self._quadratic)

    def form(self, *, normalize: bool = False) -> Form:
        """The sums of the rows in doubles, in columns of length 1 if so asked."""
        assert self._quadratic is not None, "a problem for the normal equations alone has no sums to descend on"
        if not normalize:
            return self._quadratic
        return self._normalized

    def digits(self, x: Array) -> float | None:
        """Digits of `x`, (n,) or (n, p), that are surely those of the solution of least norm.

        None where rounding alone keeps rows from depending on each other: then the solution is open.
        """
        if self.verified is not None and not self.verified.exact:
            return None
        in_doubles = self.verified is not None and self.solution is self.verified.solution
        return certificate.sure_digits(self.solution, x, in_doubles=in_doubles)

    def dependencies(self) -> tuple[str, ...]:
        """None is named: with fewer rows than columns every column is made of others."""
        return ()

    def rank_warning(self, choice: str) -> tuple[str, ...]:
        """What to know of an x that is one of many; `choice` says which."""
        unknowns = len(self.about.names)
        rows = f"{self.rank} rows do" if self.rank != 1 else "1 row does"
        if self.rank < self.m:
            rows = f"rank {self.rank}: {self.m} rows, of which {self.m - self.rank} are made of others, do"
            return (f"{rows} not determine {unknowns} unknowns, many x are as good: {choice}",)
        return (f"{rows} not determine {unknowns} unknowns, many x fit exactly: {choice}",)

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

    def _residuals(self, x: Array, target: int) -> list[Dyadic]:
        """Ax − b, exactly."""
        z, h = on_one_grid(x, [0] * len(x))
        image = self.whole.image(z[:, None])[:, 0]
        return [
            total([Dyadic(int(v), g + h), dyadic(-float(b))])
            for v, g, b in zip(image, self.whole.grid, self.rows.b[:, target], strict=True)
        ]

    def _slope_square(self, r: list[Dyadic]) -> Dyadic:
        """‖Aᵀr‖², exactly."""
        exponents = [value.exponent + g for value, g in zip(r, self.whole.grid, strict=True)]
        h = min((q for q, value in zip(exponents, r, strict=True) if value.mantissa), default=0)
        v = np.full((len(r), 1), 0, dtype=object)
        v[:, 0] = [value.mantissa << max(0, q - h) for q, value in zip(exponents, r, strict=True)]
        slope = self.whole.slope(v)[:, 0]
        return Dyadic(int(slope @ slope), 2 * h)


def _times(a: Dyadic, b: Dyadic) -> Dyadic:
    """The exact product."""
    return Dyadic(a.mantissa * b.mantissa, a.exponent + b.exponent)


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
