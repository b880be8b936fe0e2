"""What regression says of a least-squares fit, from the exact sums: nothing is subtracted in doubles.

With m rows, rank r and RSS = ‖Ax − b‖² at the solution,

    σ² = RSS/(m − r)        covariance of x = σ²G⁻¹, standard errors the roots of its diagonal
    R² = 1 − RSS/TSS        adjusted R² = 1 − (RSS/(m − r))/(TSS/(m − c))
    F = ((TSS − RSS)/(r − c))/σ²        log L = −½m(log(2π RSS/m) + 1) + ½ Σ log w

TSS = Σ(b − b̄)² and c = 1 where a constant is in A's span, else TSS = Σb² and c = 0: a model that cannot fit the mean
is not credited with it. The constant may be a column (k in every row gives Σ(b − b̄)² = bᵀb − (Σkb)²/Σk² straight from
the sums) or be made of several, as by those of all levels of a category. RSS comes from the exact solution, proved
to be 0 where it is, so a perfect fit has σ = 0 and not the rounding error of something else; R² near 1 keeps the digits
of 1 − R², and F is one quotient of integers.

With absorbed intercepts (`absorbed.py`) the L levels count as columns: m − r − L degrees of freedom, 2(r + L) in AIC.
R² and the variance inflation are those of the model with a column for each level; F is the test of the slopes alone.

t = x/(standard error), with m − r degrees of freedom; AIC = −2 log L + 2r, BIC = −2 log L + r log m, as statsmodels
has them. A covariance of another kind (`robust.py`) takes the place of σ²G⁻¹, and F is then the Wald test that all
coefficients but the constant are 0.

Weights are precisions (weighted least squares): Σ w r² for RSS, weighted means, and m counts the rows whose weight
is not 0. The statistics are as exact as the sums: with ``precision="double"`` they carry the rounding of those.

Source: Seber & Lee, *Linear Regression Analysis*, ch. 3 and 4; the documentation of statsmodels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.extras import load
from lsq_cli.core.solution import Statistics
from lsq_cli.exact.certificate import Inverse
from lsq_cli.exact.dyadic import Dyadic, total
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.problems.covariances import wald

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.problems.covariances import Covariance
    from lsq_cli.problems.summed import SummedProblem

# Bits of the quotient RSS/(m − r): more than a double's, so that one rounding is all there is.
_QUOTIENT_BITS = 128


class Mean(NamedTuple):
    """A constant in A's span, by its sums: what fits the mean.

    Attributes
    ----------
    square : int
        Σ w k² of the constant k, in units of 2^2u for some u.
    products : tuple of int
        Σ w k b of each target, in units of 2^(u + e) with the target's own e.
    columns : tuple of int
        Σ w k a of each column of A, likewise.
    x : ndarray, shape (n,)
        A x is constant.
    """

    square: int
    products: tuple[int, ...]
    columns: tuple[int, ...]
    x: Array


class Absorbed(NamedTuple):
    """Intercepts that were taken out before: the problem is that of the columns within their levels.

    Attributes
    ----------
    levels : int
        How many.
    scale : (int, int)
        The fraction by which the sums of the problem are too large.
    totals : tuple of (Dyadic, int)
        Σ(b − b̄)² of each target over all rows, as a fraction.
    squares : tuple of Dyadic
        Σ(a − ā)² of each column over all rows.
    """

    levels: int
    scale: tuple[int, int]
    totals: tuple[tuple[Dyadic, int], ...]
    squares: tuple[Dyadic, ...]


def statistics_of(
    problem: SummedProblem,
    *,
    confidence: float = 0.95,
    mean: Mean | None = None,
    log_weights: float = 0.0,
    covariance: Covariance | None = None,
    probabilities: bool = True,
    absorbed: Absorbed | None = None,
) -> tuple[Statistics, ...]:
    """The statistics of the least-squares solution of a problem, one for each target.

    Parameters
    ----------
    problem : SummedProblem
        Without a ridge: a ridge solution is biased, and these formulas do not hold for it.
    confidence : float
        Of the intervals, between 0 and 1.
    mean : Mean, optional
        A constant in A's span, where it is no column of A.
    log_weights : float
        Σ log w over the rows that count.
    covariance : Covariance, optional
    probabilities : bool
        Whether p and the intervals are wanted, for which scipy is needed.
    absorbed : Absorbed, optional

    Returns
    -------
    tuple of Statistics
        nan for what is not defined: σ and standard errors without a degree of freedom, R² where b does not vary,
        the standard error of a coefficient that a dependency leaves open.

    Raises
    ------
    MissingExtraError
        If scipy is wanted and not installed.
    """
    assert not problem.ridge, "statistics are those of plain least squares"
    return _Fit(problem, mean, log_weights, absorbed).statistics(confidence, covariance, probabilities)


class _Fit:
    """A fit whose statistics are asked for: what its targets share."""

    def __init__(
        self, problem: SummedProblem, mean: Mean | None, log_weights: float, absorbed: Absorbed | None
    ) -> None:
        self._problem, self._log_weights = problem, log_weights
        self._rows = problem.about.counted_rows
        self._mean = _mean_of_column(problem) if mean is None else mean
        self._absorbed, levels = absorbed, absorbed.levels if absorbed else 0
        self._scale = absorbed.scale if absorbed else (1, 1)
        self._freedom = max(0, self._rows - problem.rank - levels)
        self._inverse, self._roots, self._least = _inverse_and_least_squares(problem)

    def statistics(
        self, confidence: float, covariance: Covariance | None, probabilities: bool
    ) -> tuple[Statistics, ...]:
        """Those of each target."""
        return tuple(self._of(t, confidence, covariance, probabilities) for t in range(self._problem.equations.p))

    def _of(self, t: int, confidence: float, other: Covariance | None, probabilities: bool) -> Statistics:
        """Those of one target."""
        rss, freedom, (above, below) = self._least[t], self._freedom, self._scale
        levels = self._absorbed.levels if self._absorbed else 0
        sigma = _root_of_quotient(Dyadic(rss.mantissa * below, rss.exponent), freedom * above)
        model = self._problem.rank - (self._mean is not None)
        centred = self._mean is not None or levels > 0
        explained_of = self._total_square(t)
        plain, adjusted = _r_squared(rss, self._whole_square(t), self._rows - centred, freedom)
        if centred and model == 0 and not math.isnan(plain):
            plain = adjusted = 0.0  # the mean alone explains nothing, though RSS is known to many bits only
        likelihood = self._log_likelihood(rss)
        x = self._problem.x[:, t]
        if other is None:
            within = _root_of_quotient(rss, freedom)  # σ in the units of the sums
            with np.errstate(over="ignore", invalid="ignore"):  # in units whose squares no double holds
                matrix, error = within * within * self._inverse, self._roots * within
                np.fill_diagonal(matrix, error * error)
            f = _f(rss, explained_of, model, freedom)
        else:
            # The difference of two ways of grouping may come out below 0, where nothing can be said.
            matrix, error = other.matrices[t].matrix(), other.matrices[t].roots()
            f = wald(x, other.matrices[t], None if self._mean is None else self._mean.x)
        parameters = self._problem.rank + levels
        found = Statistics(
            std_error=error,
            t=_quotients(x, error),
            p=np.full(len(x), math.nan),
            low=np.full(len(x), math.nan),
            high=np.full(len(x), math.nan),
            vif=self._inflation(),
            covariance=matrix,
            sigma=sigma,
            r_squared=plain,
            r_squared_adjusted=adjusted,
            r_squared_centred=centred,
            f=f,
            f_p=math.nan,
            df_model=model,
            df_residual=freedom,
            df_t=freedom if other is None else other.freedom,
            log_likelihood=likelihood,
            aic=2 * parameters - 2 * likelihood,
            bic=parameters * math.log(self._rows) - 2 * likelihood,
            vcov="iid" if other is None else other.kind,
            confidence=confidence,
        )
        return _with_probabilities(found, x) if probabilities else found

    def _total_square(self, t: int) -> tuple[Dyadic, int]:
        """TSS of a target as (s, d) for the fraction s/d, exactly."""
        equations = self._problem.equations
        N, e, k = equations.N, equations.e, equations.n + t
        if self._mean is None:
            return Dyadic(int(N[k, k]), 2 * e[k]), 1
        # bᵀb − (Σkb)²/Σk² over the common denominator Σk²: the units of the constant cancel.
        d = self._mean.square
        return Dyadic(int(N[k, k]) * d - self._mean.products[t] ** 2, 2 * e[k]), d

    def _whole_square(self, t: int) -> tuple[Dyadic, int]:
        """TSS of a target that R² is a share of, in the units of RSS."""
        if self._absorbed is None:
            return self._total_square(t)
        (s, d), (above, below) = self._absorbed.totals[t], self._scale
        return Dyadic(s.mantissa * above, s.exponent), d * below

    def _log_likelihood(self, rss: Dyadic) -> float:
        """Log L of normal errors at their most likely variance."""
        square = float(Dyadic(rss.mantissa, rss.exponent))
        if not square > 0.0:
            return math.nan
        per_row = math.log(2 * math.pi) + math.log(square) - math.log(self._rows * self._scale[0] / self._scale[1]) + 1
        return -0.5 * self._rows * per_row + 0.5 * self._log_weights

    def _inflation(self) -> Array:
        """(G⁻¹)_jj Σ(a_j − ā_j)² = 1/(1 − R²_j): what the other columns add to the variance of x_j; nan for a constant.

        R²_j is that of a_j on the other columns: about its mean where these span a constant, else about 0.
        """
        equations, mean = self._problem.equations, self._mean
        if self._absorbed is not None:
            spreads = np.array([square.root() for square in self._absorbed.squares])
            return np.asarray((self._roots * spreads) ** 2 * (self._scale[0] / self._scale[1]))
        squares = []
        for k in range(equations.n):
            square = Dyadic(int(equations.N[k, k]), 2 * equations.e[k])
            if k == self._problem.about.constant_column:
                square = Dyadic(0, 0)
            elif mean is not None and mean.x[k] == 0:  # else the constant is not there without this column
                spread = int(equations.N[k, k]) * mean.square - mean.columns[k] ** 2
                square = Dyadic((spread << _QUOTIENT_BITS) // mean.square, 2 * equations.e[k] - _QUOTIENT_BITS)
            squares.append(square.root() if square.mantissa > 0 else math.nan)
        return np.asarray((self._roots * squares) ** 2)


def _mean_of_column(problem: SummedProblem) -> Mean | None:
    """The constant that a column of A is, if any is."""
    j, equations = problem.about.constant_column, problem.equations
    if j is None:
        return None
    N, n = equations.N, equations.n
    products = tuple(map(int, N[j]))
    return Mean(int(N[j, j]), products[n:], products[:n], np.eye(n)[j])


def _inverse_and_least_squares(problem: SummedProblem) -> tuple[Array, Array, tuple[Dyadic, ...]]:
    """G⁻¹ (n, n) and the roots of its diagonal (n,), nan where dependent columns leave it open; RSS of each target.

    Dependent columns add nothing to the fit, and a coefficient that no dependency touches is the same, and varies the
    same, whichever of the others are left out.
    """
    if problem.is_regular:
        return problem.inverse.matrix, problem.inverse.diagonal_roots, problem.solution.least_squares()
    equations, P = problem.equations, list(problem.columns.independent)
    n, kept = equations.n, [*P, *range(equations.n, equations.n + equations.p)]
    roots, matrix = np.full(n, math.nan), np.full((n, n), math.nan)
    if not P:
        return matrix, roots, tuple(Dyadic(int(equations.N[t, t]), 2 * equations.e[t]) for t in kept)
    alone = NormalEquations(equations.N[np.ix_(kept, kept)], [equations.e[k] for k in kept], equations.p)
    inverse = Inverse(alone)
    roots[P] = inverse.diagonal_roots
    matrix[np.ix_(P, P)] = inverse.matrix
    affected = list(problem.columns.affected)
    roots[affected] = matrix[affected] = matrix[:, affected] = math.nan
    return matrix, roots, alone.solve().least_squares()


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


def _f(rss: Dyadic, tss: tuple[Dyadic, int], model: int, freedom: int) -> float:
    """((TSS − RSS)/model)/(RSS/freedom), rounded once; infinite for a perfect fit."""
    t, d = tss
    if model == 0 or freedom == 0 or t.mantissa <= 0:
        return math.nan
    rss = Dyadic(rss.mantissa * d, rss.exponent)
    explained = total([t, Dyadic(-rss.mantissa, rss.exponent)])
    return quotient(
        Dyadic(explained.mantissa * freedom, explained.exponent), Dyadic(rss.mantissa * model, rss.exponent)
    )


def r_squared_of(rss: Dyadic, tss: Dyadic) -> float:
    """1 − RSS/TSS, rounded once; nan where the target does not vary."""
    return _one_minus(rss, tss) if tss.mantissa > 0 else math.nan


def _one_minus(part: Dyadic, whole: Dyadic) -> float:
    """1 − part/whole, rounded once."""
    return quotient(total([whole, Dyadic(-part.mantissa, part.exponent)]), whole)


def quotient(above: Dyadic, below: Dyadic) -> float:
    """above/below, rounded once."""
    if below.mantissa == 0:
        return math.inf if above.mantissa else math.nan
    exponent = min(above.exponent, below.exponent)
    # Python divides integers of any length with one rounding.
    try:
        return (above.mantissa << (above.exponent - exponent)) / (below.mantissa << (below.exponent - exponent))
    except OverflowError:
        return math.inf


def _quotients(above: Array, below: Array) -> Array:
    """above/below, infinite or nan where below is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


def _with_probabilities(found: Statistics, x: Array) -> Statistics:
    """The same with p and the intervals: t of Student, F of Fisher and Snedecor."""
    special = load("scipy.special", "fit", "the p of a coefficient")
    freedom = found.df_t
    if freedom <= 0:
        return found
    reach = float(special.stdtrit(freedom, 0.5 + found.confidence / 2)) * found.std_error
    return found._replace(
        p=2 * special.stdtr(freedom, -np.abs(found.t)),
        low=x - reach,
        high=x + reach,
        f_p=float(special.fdtrc(found.df_model, freedom, found.f)) if found.df_model > 0 else math.nan,
    )
