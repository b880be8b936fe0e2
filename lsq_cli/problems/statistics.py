"""Standard errors, σ and R² of a least-squares fit, from the exact sums: nothing is subtracted in doubles.

With m rows, rank r and RSS = ‖Ax − b‖² at the solution,

    σ² = RSS/(m − r)        standard error of x_i = σ·√(G⁻¹)_ii
    R² = 1 − RSS/TSS        adjusted R² = 1 − (RSS/(m − r))/(TSS/(m − c))

TSS = Σ(b − b̄)² and c = 1 where A has a constant column, else TSS = Σb² and c = 0: a model that cannot fit the mean
is not credited with it. A column that is k in every row gives Σ(b − b̄)² = bᵀb − (Σkb)²/Σk² straight from the sums,
whatever k is. RSS comes from the exact solution, proved to be 0 where it is, so a perfect fit has σ = 0 and not the
rounding error of something else; R² near 1 keeps the digits of 1 − R².

Weights are precisions (weighted least squares): Σ w r² for RSS, weighted means, and m counts the rows whose weight
is not 0. The statistics are as exact as the sums: with ``precision="double"`` they carry the rounding of those.

Source: Seber & Lee, *Linear Regression Analysis*, ch. 3 and 4.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.solution import Statistics
from lsq_cli.exact.certificate import Inverse
from lsq_cli.exact.dyadic import Dyadic, total
from lsq_cli.exact.equations import NormalEquations

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.problems.summed import SummedProblem

# Bits of the quotient RSS/(m − r): more than a double's, so that one rounding is all there is.
_QUOTIENT_BITS = 128


def statistics_of(problem: SummedProblem) -> Statistics:
    """The statistics of the least-squares solution of a problem.

    Parameters
    ----------
    problem : SummedProblem
        Without a ridge: a ridge solution is biased, and these formulas do not hold for it.

    Returns
    -------
    Statistics
        nan for what is not defined: σ and standard errors without a degree of freedom, R² where b does not vary,
        the standard error of a coefficient that a dependency leaves open.
    """
    assert not problem.ridge, "statistics are those of plain least squares"
    rows, constant = problem.about.counted_rows, problem.about.constant_column
    freedom = max(0, rows - problem.rank)
    roots, least = _inverse_roots_and_least_squares(problem)
    sigma = np.array([_root_of_quotient(rss, freedom) for rss in least])
    error = np.outer(roots, sigma)
    centred = constant is not None
    around = rows - centred
    pairs = [_r_squared(rss, tss, around, freedom) for rss, tss in zip(least, _total_squares(problem), strict=True)]
    single = problem.equations.p == 1
    return Statistics(
        rows=rows,
        degrees_of_freedom=freedom,
        std_error=error[:, 0] if single else error,
        residual_std=float(sigma[0]) if single else sigma,
        r_squared=pairs[0][0] if single else np.array([plain for plain, _ in pairs]),
        adjusted_r_squared=pairs[0][1] if single else np.array([adjusted for _, adjusted in pairs]),
        r_squared_centred=centred,
    )


def _inverse_roots_and_least_squares(problem: SummedProblem) -> tuple[Array, tuple[Dyadic, ...]]:
    """√(G⁻¹)_ii (n,), nan where dependent columns leave the coefficient open, and RSS of each target.

    Dependent columns add nothing to the fit, and a coefficient that no dependency touches is the same, and varies the
    same, whichever of the others are left out.
    """
    if problem.is_regular:
        return problem.inverse.diagonal_roots, problem.solution.least_squares()
    equations, P = problem.equations, list(problem.columns.independent)
    n, kept = equations.n, [*P, *range(equations.n, equations.n + equations.p)]
    roots = np.full(n, math.nan)
    if not P:
        return roots, tuple(Dyadic(int(equations.N[t, t]), 2 * equations.e[t]) for t in kept)
    alone = NormalEquations(equations.N[np.ix_(kept, kept)], [equations.e[k] for k in kept], equations.p)
    roots[P] = Inverse(alone).diagonal_roots
    roots[list(problem.columns.affected)] = math.nan
    return roots, alone.solve().least_squares()


def _total_squares(problem: SummedProblem) -> list[tuple[Dyadic, int]]:
    """TSS of each target as (t, d) for the fraction t/d, exactly."""
    equations, j = problem.equations, problem.about.constant_column
    N, e, n = equations.N, equations.e, equations.n
    targets = range(n, n + equations.p)
    if j is None:
        return [(Dyadic(int(N[t, t]), 2 * e[t]), 1) for t in targets]
    # bᵀb − (Σkb)²/Σk² over the common denominator N_jj: the units of column j cancel.
    d = int(N[j, j])
    return [(Dyadic(int(N[t, t]) * d - int(N[j, t]) ** 2, 2 * e[t]), d) for t in targets]


def _root_of_quotient(square: Dyadic, count: int) -> float:
    """√(square/count), rounded once; nan for count 0."""
    if count == 0:
        return math.nan
    quotient = (square.mantissa << _QUOTIENT_BITS) // count
    return Dyadic(quotient, square.exponent - _QUOTIENT_BITS).root()


def _r_squared(rss: Dyadic, tss: tuple[Dyadic, int], around: int, freedom: int) -> tuple[float, float]:
    """R² and adjusted R²; nan where they are not defined."""
    t, d = tss
    # With rounded sums a b that does not vary can even come out below 0.
    if t.mantissa <= 0:
        return math.nan, math.nan
    rss = Dyadic(rss.mantissa * d, rss.exponent)
    plain = _one_minus(rss, t)
    if freedom == 0:
        return plain, math.nan
    return plain, _one_minus(Dyadic(rss.mantissa * around, rss.exponent), Dyadic(t.mantissa * freedom, t.exponent))


def _one_minus(part: Dyadic, whole: Dyadic) -> float:
    """1 − part/whole, rounded once."""
    left = total([whole, Dyadic(-part.mantissa, part.exponent)])
    exponent = min(left.exponent, whole.exponent)
    # Python divides integers of any length with one rounding.
    return (left.mantissa << (left.exponent - exponent)) / (whole.mantissa << (whole.exponent - exponent))
