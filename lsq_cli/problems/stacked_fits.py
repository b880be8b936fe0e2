"""The solutions of many groups at once, and what regression knows of them: stacks of doubles that prove what they say.

What one group's `SummedProblem` and `statistics.py` tell is told here for all groups of a stack, by the same formulas:
x, norms, σ, standard errors, R², F and variance inflation each as the double nearest to the exact number, known to 32
digits with a bound (`exact.near`). So they are the bits of a run on the group alone. A group in which some rounding is
not decided has no result here, and is solved in integers like any other problem.

Condition, covariances beside the diagonal and `data_digits` come from doubles, and agree to nine digits or more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.extras import load
from lsq_cli.core.solution import ALL_DIGITS, Statistics
from lsq_cli.exact.near import Near
from lsq_cli.exact.rank import LEAST_TOLERANCE, default_tolerance
from lsq_cli.exact.stacked import CLASSES, MOST_UNKNOWNS, Stack, near, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.stacked import Class, Refined
    from lsq_cli.problems.grouped import GroupedSums
    from lsq_cli.terms.design import Design

    Index = NDArray[np.intp]
    Flags = NDArray[np.bool_]

_STACKED = 512
"""Groups that are solved at a time."""
_MOST_EXPONENT, _MOST_SPREAD = 400, 200
"""Of the units of columns, and between those of one group: nothing over- or underflows then."""
_U = 2.0**-53


class Values(NamedTuple):
    """The solutions of some groups, by their positions in `sums.groups`."""

    groups: Index
    x: Array
    """(g, n)"""
    objective: Array
    residual_norm: Array
    gradient_norm: Array
    condition: Array
    data_digits: Array
    statistics: Figures | None


class Figures(NamedTuple):
    """What regression says of some groups; see `core.solution.Statistics`."""

    std_error: Array
    vif: Array
    covariance: Array
    sigma: Array
    r_squared: Array
    r_squared_adjusted: Array
    f: Array
    rss: Array
    """Rounded."""
    rows: Array
    """Those that count."""
    log_weights: Array


def can_stack(design: Design) -> bool:
    """Whether the groups of a design have the same columns, so few that they can be stacked, and one target."""
    formula = design.shape.formula
    return not design.levels and len(formula.targets) == 1 and len(design.columns) <= MOST_UNKNOWNS


def stacked(sums: GroupedSums, design: Design, tolerance: float | None, *, statistics: bool) -> Iterator[Values]:
    """The solutions of those groups that doubles can tell, some at a time.

    Parameters
    ----------
    sums : GroupedSums
    design : Design
        That `can_stack`.
    tolerance : float, optional
        As that of `SummedProblem`.
    statistics : bool
        Whether what regression says is wanted; needs an intercept.
    """
    n = len(design.columns)
    products = {numbers: k for k, numbers in enumerate(design.shape.products)}
    columns = [*(products[column.numbers] for column in design.columns), len(products)]
    keyed, pairs = sums.products[()], sums.pairs[()]
    places = np.array([[pairs[min(i, j), max(i, j)] for j in columns] for i in columns])
    unit = np.array([24 * keyed.reference(k) for k in columns])
    enough = sums.counts.counted_rows > n if statistics else sums.counts.counted_rows >= n
    rows = np.array([keyed.keys.get(key, -1) for key in sums.groups], np.intp)
    groups = np.flatnonzero(enough & (rows >= 0))
    T = max(default_tolerance(n) if tolerance is None else tolerance, LEAST_TOLERANCE)
    for start in range(0, len(groups), _STACKED):
        some = groups[start : start + _STACKED]
        levels, digits = keyed.digits(rows[some])
        if not levels:
            continue
        of = scaled(levels, np.array([level[:, places] for level in digits]))
        exponents = of.half + unit
        fits = (np.abs(exponents).max(axis=1) < _MOST_EXPONENT) & (np.ptp(exponents, axis=1) < _MOST_SPREAD)
        stack, some, exponents = Stack(of.D[:, fits]), some[of.kept[fits]], exponents[fits]
        regular = (T * T * stack.beta * (1.0 + 2.0**-30) <= 1.0) & np.isfinite(stack.alpha)
        for how in CLASSES:
            chosen = regular & (stack.alpha <= how.alpha)
            regular &= ~chosen
            if chosen.any():
                yield _values(stack.part(chosen), how, some[chosen], exponents[chosen], sums, statistics=statistics)


def _values(
    stack: Stack, how: Class, groups: Index, exponents: NDArray[np.int64], sums: GroupedSums, *, statistics: bool
) -> Values:
    """The solutions of the groups of a stack whose roundings are all decided."""
    a, b = exponents[:, :-1], exponents[:, -1]
    solution, inverse = stack.solutions(how), stack.inverses(how)
    y, sure = solution.y[:, :, 0].rounded()
    sure = sure.all(axis=1) & ~solution.failed & ~inverse.failed
    rho, failed = stack.residuals(y)
    n = stack.n
    twice_f = near(rho[:, :, n, 0])
    top = a.max(axis=1)
    squares = Near.exactly(np.zeros(len(y)))
    for i in range(n):
        slope = near(rho[:, :, i, 0])
        twice_f = twice_f - Near.exactly(y[:, i]) * slope
        moved = slope.scaled(a[:, i] - top)
        squares = squares + moved * moved
    value, norm, slopes = (one.rounded() for one in (twice_f, twice_f.root(), squares.root()))
    sure &= ~failed & value[1] & norm[1] & slopes[1]
    lengths = np.sqrt(stack.diagonal())
    unit_inverse = inverse.y.hi * lengths[:, :n, None] * lengths[:, None, :n]
    unit_inverse = 0.5 * (unit_inverse + unit_inverse.transpose(0, 2, 1))
    unit = stack.S / (lengths[:, :n, None] * lengths[:, None, :n])
    largest, smallest = (np.linalg.eigvalsh(matrix)[:, -1] for matrix in (unit, unit_inverse))
    figures = None
    if statistics:
        figures, decided = _figures(stack, solution, inverse, exponents, _Counts.of(sums, groups))
        sure &= decided
    return Values(
        groups[sure],
        np.ldexp(y, b[:, None] - a)[sure],
        np.ldexp(value[0], 2 * b - 1)[sure],
        np.ldexp(norm[0], b)[sure],
        np.ldexp(slopes[0], b + top)[sure],
        np.maximum(1.0, np.sqrt(largest * smallest))[sure],
        _data_digits(y, norm[0], lengths, unit_inverse)[sure],
        None if figures is None else Figures(*(each[sure] for each in figures)),
    )


class _Counts(NamedTuple):
    """What the figures need to know of the rows of some groups."""

    rows: Array
    log_weights: Array

    @classmethod
    def of(cls, sums: GroupedSums, groups: Index) -> _Counts:
        """Those of some groups."""
        return cls(sums.counts.counted_rows[groups].astype(np.float64), sums.counts.log_weights[groups])


def _figures(
    stack: Stack, solution: Refined, inverse: Refined, exponents: NDArray[np.int64], counts: _Counts
) -> tuple[Figures, Flags]:
    """What regression says, with column 0 the intercept, and where all of it is decided."""
    n, a, b = stack.n, exponents[:, :-1], exponents[:, -1]
    sizes, y = solution.sizes[:, 0], solution.y[:, :, 0]
    left = near(solution.rho[:, :, n, 0], solution.down)
    lengths = np.sqrt((y.size**2).sum(axis=1)) * (1.0 + 2.0**-30)
    rss = left.widened(lengths * sizes + stack.beta * sizes * sizes)
    freedom, model = Near.exactly(counts.rows - n), Near.exactly(np.full(stack.count, n - 1.0))
    sigma, roots = (rss / freedom).root().rounded(), inverse.y[:, range(n), range(n)].root().rounded()
    weight = stack.entry(0, 0)
    total = _spread(stack, n)
    unexplained = rss * weight
    explained = total - unexplained
    plain = (explained / total).rounded()
    shares = total * freedom
    adjusted = ((shares - unexplained * Near.exactly(counts.rows - 1)) / shares).rounded()
    square = rss.rounded()
    sure = sigma[1] & roots[1].all(axis=1) & plain[1] & adjusted[1] & square[1] & (total.hi > total.err)
    f: Array = np.full(stack.count, math.nan)
    if n > 1:
        f, decided = (explained * freedom / (unexplained * model)).rounded()
        sure &= decided
    else:
        plain, adjusted = ((np.zeros(stack.count), sure),) * 2
    own = np.full((stack.count, n), math.nan)
    for k in range(1, n):
        length, decided = (_spread(stack, k) / weight).root().rounded()
        own[:, k] = np.ldexp(length, a[:, k])
        sure &= decided
    std_roots, sigmas = np.ldexp(roots[0], -a), np.ldexp(sigma[0], b)
    error = std_roots * sigmas[:, None]
    covariance = np.ldexp(inverse.y.hi, -a[:, :, None] - a[:, None, :])
    covariance = (sigmas * sigmas)[:, None, None] * (0.5 * (covariance + covariance.transpose(0, 2, 1)))
    covariance[:, range(n), range(n)] = error * error
    figures = Figures(
        std_error=error,
        vif=(std_roots * own) ** 2,
        covariance=covariance,
        sigma=sigmas,
        r_squared=plain[0],
        r_squared_adjusted=adjusted[0],
        f=f,
        rss=np.ldexp(square[0], 2 * b),
        rows=counts.rows,
        log_weights=counts.log_weights,
    )
    return figures, sure


def _spread(stack: Stack, k: int) -> Near:
    """Σw·Σw(a_k − ā_k)², column 0 being the ones."""
    leaning = stack.entry(0, k)
    return stack.entry(k, k) * stack.entry(0, 0) - leaning * leaning


def _data_digits(y: Array, residual: Array, lengths: Array, inverse: Array) -> Array:
    """`certificate.data_digits` of each group, from its numbers in columns of unit length."""
    n, of_b = y.shape[1], lengths[:, -1]
    sizes = np.abs(y) * lengths[:, :n] / of_b[:, None]
    spread = np.sqrt(1.0 + (sizes * sizes).sum(axis=1))
    roots = np.sqrt(np.diagonal(inverse, axis1=1, axis2=2))
    errors = 2 * _U * (roots * spread[:, None] + np.linalg.norm(inverse, axis=2) * (residual / of_b)[:, None])
    with np.errstate(divide="ignore"):
        size, error = np.log2(sizes), np.log2(errors)
    less = 1e-12 * (1 + np.abs(size) + np.abs(error))
    digits = np.clip((size - error) * math.log10(2.0) - less, 0.0, ALL_DIGITS)
    return np.asarray(np.where(y == 0, ALL_DIGITS, digits).min(axis=1))


def statistics_of_groups(found: Values, confidence: float) -> Iterator[Statistics]:
    """The statistics of each group, with p and the intervals."""
    figures = found.statistics
    assert figures is not None
    special = load("scipy.special", "fit", "the p of a coefficient")
    n = found.x.shape[1]
    freedom = figures.rows - n
    with np.errstate(divide="ignore", invalid="ignore"):
        t = found.x / figures.std_error
    reach = special.stdtrit(freedom, 0.5 + confidence / 2)[:, None] * figures.std_error
    p, low, high = 2 * special.stdtr(freedom[:, None], -np.abs(t)), found.x - reach, found.x + reach
    f_p = special.fdtrc(n - 1, freedom, figures.f) if n > 1 else np.full(len(freedom), math.nan)
    for g, rows in enumerate(figures.rows.astype(np.int64).tolist()):
        likelihood = _log_likelihood(float(figures.rss[g]), rows, float(figures.log_weights[g]))
        yield Statistics(
            std_error=figures.std_error[g],
            t=t[g],
            p=p[g],
            low=low[g],
            high=high[g],
            vif=figures.vif[g],
            covariance=figures.covariance[g],
            sigma=float(figures.sigma[g]),
            r_squared=float(figures.r_squared[g]),
            r_squared_adjusted=float(figures.r_squared_adjusted[g]),
            r_squared_centred=True,
            f=float(figures.f[g]),
            f_p=float(f_p[g]),
            df_model=n - 1,
            df_residual=rows - n,
            df_t=rows - n,
            log_likelihood=likelihood,
            aic=2 * n - 2 * likelihood,
            bic=n * math.log(rows) - 2 * likelihood,
            vcov="iid",
            confidence=confidence,
        )


def _log_likelihood(square: float, rows: int, log_weights: float) -> float:
    """As `statistics._Fit._log_likelihood`."""
    if not square > 0.0:
        return math.nan
    per_row = math.log(2 * math.pi) + math.log(square) - math.log(rows) + 1
    return -0.5 * rows * per_row + 0.5 * log_weights
