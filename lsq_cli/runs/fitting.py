"""Regression: from a table and a formula to coefficients and what is known of them.

    records ──► sums of the design ──► the exact solution ──► statistics
                                       (--vcov: once more over the rows)

Columns that others make are left out as R does it: of a dependency the latest column goes, its coefficient is nan, and
the rest is the regression without it. With a ridge x is biased, so that there are no statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import ProblemError, UsageError, elided, shown
from lsq_cli.core.problem import About
from lsq_cli.core.solution import Outcome, Solution, Statistics
from lsq_cli.core.version import __version__
from lsq_cli.engines.resources import Resources
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.longsums import LongSums
from lsq_cli.problems.constants import implicit_mean
from lsq_cli.problems.designed import Assembled, DesignSums, SumRecords, assembled
from lsq_cli.problems.designed_states import designed, refuse_what_needs_rows
from lsq_cli.problems.kinds import clusters_of
from lsq_cli.problems.left_out import among_all
from lsq_cli.problems.second_pass import Fitted, SecondPass
from lsq_cli.problems.statistics import Absorbed, Mean, statistics_of
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.runs.modelling import column_named
from lsq_cli.sources.columns import notes_on
from lsq_cli.sources.open_records import StateRecords
from lsq_cli.sources.records import Wanted
from lsq_cli.sources.states import refuse_scheduler
from lsq_cli.terms.design import Design, Shape, sorted_levels
from lsq_cli.terms.formula import Formula

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.problems.covariances import Covariance
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.sources.records import Records

MOST_COLUMNS = 2048
"""Columns of A: beyond it the exact solution takes minutes."""


class FitOptions(NamedTuple):
    """What is asked of a regression: the options of ``lsq fit`` of these names."""

    weights: str | None = None
    ridge: float = 0.0
    rank_tol: float | None = None
    vcov: str = "iid"
    confidence: float = 0.95
    influence: int | None = None


class Fit(NamedTuple):
    """A regression whose rows have been read once.

    Attributes
    ----------
    design : Design
    problem : SummedProblem
        Of the columns that were kept.
    kept : tuple of int
        Their positions in the design.
    mean : Mean or None
        A constant in their span that is none of them.
    log_weights : float
    dropped : tuple of str
        Why the other columns are left out, in words.
    names : tuple of str
        Of the columns among which `kept` counts: those of the design, unless its intercept is absorbed.
    absorbed : Absorbed or None
        Intercepts that were taken out before.
    """

    design: Design
    problem: SummedProblem
    kept: tuple[int, ...]
    mean: Mean | None
    log_weights: float
    dropped: tuple[str, ...]
    names: tuple[str, ...]
    absorbed: Absorbed | None = None


def fit(
    records: Records,
    formula: Formula,
    options: FitOptions | None = None,
    resources: Resources | None = None,
    once_more: Callable[[SecondPass, Solution], None] | None = None,
) -> Solution:
    """Fit a formula to the rows of a table.

    Parameters
    ----------
    records : Records
    formula : Formula
        Made for the columns of that table.
    options : FitOptions, optional
    resources : Resources, optional
    once_more : callable, optional
        Goes over the rows once more when all is known, as for a picture.

    Returns
    -------
    Solution
        ``extra`` has the ``terms`` of which `runs.predicting` makes the columns again.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If no row is left, or there are too many columns.
    MissingExtraError
        Without scipy.
    """
    start = perf_counter()
    options, resources = options or FitOptions(), resources or Resources()
    if not options.ridge:
        ask_for_scipy()
    shape = Shape(formula)
    shape.check()
    if isinstance(records, StateRecords):
        asked = {"--vcov": options.vcov != "iid", "--influence": options.influence, "--plot": once_more}
        refuse_what_needs_rows(records, asked)
    clusters = tuple(str(column_named(records, "--vcov", name)) for name in clusters_of(options.vcov))
    categories = tuple(dict.fromkeys((*shape.categories, *clusters)))
    wanted = Wanted(shape.numbers, categories, column_named(records, "--weights", options.weights))
    total = _summed(records, wanted, shape, resources)
    if options.influence is not None and len(formula.targets) > 1:
        raise UsageError("--influence takes one target: x without a row is another matter for each")
    found = fitted(total, shape, records, options)
    again = SecondPass(records, wanted, Fitted(found.design, found.problem, found.kept), resources)
    covariance: Covariance | None = None
    beware: tuple[str, ...] = ()
    passes = 0 if isinstance(records, StateRecords) else 1
    if options.vcov != "iid" and not options.ridge:
        from lsq_cli.problems.robust import robust_covariance  # a second pass is not for everybody

        covariance, beware = robust_covariance(again, options.vcov, clusters)
        passes += 1
    solution = solution_of(found, options, covariance, beware)
    if options.influence is not None:
        from lsq_cli.problems.influence import TakingOut, influence  # as above

        assert total is not None and isinstance(solution.statistics, Statistics)  # of one target, without a ridge
        taking_out = TakingOut(total, lambda left: _coefficients(fitted(left, shape, records, options))[:, 0])
        rows, beware = influence(again, taking_out, options.influence, solution.statistics.sigma)
        passes += 1
        solution = replace(solution, influence=rows, warnings=(*solution.warnings, *beware))
    if once_more is not None:
        once_more(again, solution)
        passes += 1
    return replace(solution, passes=passes, seconds=perf_counter() - start)


def _summed(records: Records, wanted: Wanted, shape: Shape, resources: Resources) -> DesignSums | None:
    """The sums of all rows, or of states, whose rows were summed before."""
    if isinstance(records, StateRecords):
        refuse_scheduler(records.data[0], resources.cluster)
        return designed(records, shape)
    blocks = resources.watched(records.blocks(wanted))
    return resources.fold(SumRecords(shape), blocks, waits=records.waits)


def fitted(total: DesignSums | None, shape: Shape, records: Records, options: FitOptions) -> Fit:
    """The regression that the sums of all rows make."""
    design = design_of_sums(total, shape, records)
    assert total is not None  # there are rows
    return fit_of(design, about_fit(total, design, records), assembled(total, design), total.log_weights, options)


def design_of_sums(total: DesignSums | None, shape: Shape, records: Records) -> Design:
    """The design whose levels are those that the rows have.

    Raises
    ------
    ProblemError
        If there is no row that counts, no column, or too many of them.
    """
    where = " ".join(records.data)
    if total is None or not total.tally.rows:
        read = total.tally.rows_read if total else 0
        raise ProblemError(f"{where}: {f'all {read} rows have a missing cell' if read else 'the data has no rows'}")
    if total.tally.weightless == total.tally.rows_read - sum(total.tally.dropped.values()):
        raise ProblemError(f"{where}: all {total.tally.rows} weights are 0, so no row counts")
    design = Design(shape, sorted_levels({name: list(of) for name, of in total.levels.items()}), records.kinds)
    if (n := design.count()) > MOST_COLUMNS:
        widest = max(design.levels, key=lambda name: len(design.levels[name]), default="")
        more = f"; {shown(widest)} has {len(design.levels[widest])} levels" if widest else ""
        raise ProblemError(f"{where}: the model has {n} columns, more than {MOST_COLUMNS}{more}")
    if not n:
        raise ProblemError(f"{where}: the model has no column: its categories have one level each")
    return design


def fit_of(design: Design, who: About, gram: Assembled, log_weights: float, options: FitOptions) -> Fit:
    """The regression that the Gram matrix of a design makes; `ProblemError` where every column is 0."""
    n, intercept = len(who.names), design.shape.formula.intercept
    whole = problem_of(who, gram, range(n), options, intercept=intercept)
    if whole.is_regular or options.ridge:
        return Fit(design, whole, tuple(range(n)), implicit_mean(whole, gram, range(n)), log_weights, (), who.names)
    kept = whole.columns.independent
    if not kept:
        raise ProblemError(f"{' '.join(who.data)}: every column of the model is 0")
    part = problem_of(who, gram, kept, options, intercept=intercept)
    mean = implicit_mean(part, gram, kept)
    return Fit(design, part, kept, mean, log_weights, whole.dependencies(), who.names)


def ask_for_scipy() -> None:
    """Raise before a row is read where p could not be told after the last."""
    from lsq_cli.core.extras import load

    load("scipy.special", "fit", "the p of a coefficient")


def about_fit(total: DesignSums, design: Design, records: Records) -> About:
    """Who the problem is."""
    single = [name for name, levels in design.levels.items() if len(levels) == 1]
    warnings = tuple(
        f"{shown(name)} has one level only, {shown(str(design.levels[name][0]))!r}: it explains nothing"
        for name in single
    )
    tally = total.tally
    passed_over = tuple(column for column in records.columns if column.name in design.shape.formula.left_out)
    return About(
        names=design.names,
        targets=tuple(target.name for target in design.shape.formula.targets),
        data=records.data,
        rows=tally.rows,
        rows_read=tally.rows_read,
        counted_rows=tally.rows - tally.weightless,
        dropped=dict(sorted(tally.dropped.items())),
        constant_column=0 if design.shape.formula.intercept else None,
        warnings=(*records.warnings, *warnings),
        notes=(*records.notes, *notes_on(passed_over, "name it to take it in")),
    )


def problem_of(
    who: About, gram: Assembled, kept: range | tuple[int, ...], options: FitOptions | ProblemOptions, *, intercept: bool
) -> SummedProblem:
    """The problem of some of the columns."""
    p = len(who.targets)
    targets = range(len(gram.N) - 1 - p, len(gram.N) - 1)
    chosen = [*kept, *targets]
    N = gram.N[np.ix_(chosen, chosen)]
    sums = ExactSums.from_integers(len(kept), p, who.rows, N, [gram.unit // 2] * len(chosen))
    sums.intercept = intercept
    names = tuple(who.names[k] for k in kept)
    return SummedProblem(replace(who, names=names), sums, options.ridge, options.rank_tol)


def solution_of(
    found: Fit, options: FitOptions, covariance: Covariance | None = None, beware: tuple[str, ...] = ()
) -> Solution:
    """The result of a regression; raises `ProblemError` where x is beyond doubles."""
    problem, about = found.problem, found.problem.about
    names, n = found.names, len(found.names)
    _refuse_overflow(problem)
    x = _coefficients(found)
    value = problem.value_at(problem.x)
    statistics = None if options.ridge else _statistics(found, options, covariance)
    single = len(about.targets) == 1
    return Solution(
        method="normal",
        outcome=Outcome.CONVERGED,
        data=about.data,
        rows=about.rows,
        rows_read=about.rows_read,
        columns=n,
        rank=problem.rank,
        names=names,
        targets=about.targets,
        x=x[:, 0] if single else x,
        objective=value.objective,
        residual_norm=value.residual_norm,
        gradient_norm=value.gradient_norm,
        condition=problem.condition,
        digits=problem.digits(problem.x),
        data_digits=problem.data_digits,
        iterations=1,
        precision="extended",
        dropped_rows=about.dropped,
        dependencies=found.dropped,
        warnings=(*about.warnings, *_left_out(found), *beware),
        notes=(*about.notes, *(("a ridge has no standard errors: x is biased on purpose",) if options.ridge else ())),
        version=__version__,
        statistics=None if statistics is None else statistics[0] if single else statistics,
        extra={"terms": found.design.to_json(), "digest": _digest(problem)},
    )


def _coefficients(found: Fit) -> Array:
    """x (n, p); nan for columns that were left out."""
    x = np.full((len(found.names), len(found.problem.about.targets)), np.nan)
    x[list(found.kept)] = found.problem.x
    return x


def _statistics(found: Fit, options: FitOptions, covariance: Covariance | None) -> tuple[Statistics, ...]:
    """The statistics of each target, nan for columns that were left out."""
    some = statistics_of(
        found.problem,
        confidence=options.confidence,
        mean=found.mean,
        log_weights=found.log_weights,
        covariance=covariance,
        absorbed=found.absorbed,
    )
    n = len(found.names)
    return some if len(found.kept) == n else tuple(among_all(one, list(found.kept), n) for one in some)


def _digest(problem: SummedProblem) -> str:
    """A hash of the sums: the same rows in any order give the same."""
    assert isinstance(problem.sums, ExactSums | LongSums)
    return problem.sums.digest()


def _left_out(found: Fit) -> tuple[str, ...]:
    """The columns that were left out, and why, as a warning."""
    lost = [name for k, name in enumerate(found.names) if k not in set(found.kept)]
    if not lost:
        return ()
    which = "it adds" if len(lost) == 1 else "they add"
    return (
        f"not estimated: {elided(map(shown, lost))}; {which} nothing to the columns before: "
        f"{elided(found.dropped, between='; ')}",
    )


def _refuse_overflow(problem: SummedProblem) -> None:
    """`ProblemError` for a solution that doubles cannot hold."""
    beyond = ~np.isfinite(problem.x).all(axis=1)
    if beyond.any():
        name = shown(problem.about.names[int(np.argmax(beyond))])
        raise ProblemError(
            f"the coefficient of {name!r} is beyond the largest double; give the column in smaller units"
        )
