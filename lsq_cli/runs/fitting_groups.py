"""One regression for every group of the rows of a table: `lsq fit --by`.

The levels of categories and their bases are those of the table; a level without a row in a group has no column there.
``--vcov`` goes over the rows once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from lsq_cli.core.errors import LsqError, ProblemError, elided, shown
from lsq_cli.core.solution import GroupResult, Statistics
from lsq_cli.engines.resources import Resources
from lsq_cli.problems.grouped import Group
from lsq_cli.problems.kinds import clusters_of
from lsq_cli.runs.fitting import Fit, FitOptions, ask_for_scipy, fit_of, solution_of
from lsq_cli.runs.grouping import ReadGroups, about_group, named, read_groups, too_small, whole
from lsq_cli.runs.modelling import column_named
from lsq_cli.runs.stacking import stacked_solutions
from lsq_cli.sources.columns import notes_on
from lsq_cli.terms.factors import level_text

if TYPE_CHECKING:
    from lsq_cli.core.groups import GroupedSolution
    from lsq_cli.core.solution import Solution
    from lsq_cli.problems.covariances import Covariance
    from lsq_cli.problems.grouped import Key
    from lsq_cli.problems.sampled import Sample
    from lsq_cli.problems.second_pass import Fitted
    from lsq_cli.sources.records import Records
    from lsq_cli.terms.formula import Formula

PICTURED = 12
"""Groups that a picture shows."""


def fit_groups(
    records: Records,
    formula: Formula,
    by: tuple[str, ...],
    options: FitOptions | None = None,
    resources: Resources | None = None,
    pictured: Callable[[list[tuple[str, Sample]]], None] | None = None,
) -> GroupedSolution:
    """Fit a formula to every group of the rows of a table.

    Parameters
    ----------
    records : Records
    formula : Formula
    by : tuple of str
        What the user calls the columns whose values make the groups.
    options : FitOptions, optional
    resources : Resources, optional
    pictured : callable, optional
        Takes what a picture of the first `PICTURED` groups is drawn from, with their names; a pass more.

    Raises
    ------
    DataError, ProblemError, UsageError, MissingExtraError
        As `fitting.fit`; and for more groups than the memory allows.
    """
    start = perf_counter()
    options, resources = options or FitOptions(), resources or Resources()
    if not options.ridge:
        ask_for_scipy()
    clusters = tuple(str(column_named(records, "--vcov", name)) for name in clusters_of(options.vcov))
    read = read_groups(records, formula, by, options.weights, resources, clusters)
    extra = {"terms": read.design.to_json()}
    at_once: dict[int, Solution] = {}
    robust = options.vcov != "iid"
    if not (robust or options.ridge) and formula.intercept:
        at_once = stacked_solutions(
            read.sums,
            read.design,
            data=records.data,
            names=read.design.names,
            targets=tuple(target.name for target in formula.targets),
            rank_tol=options.rank_tol,
            confidence=options.confidence,
            extra=extra,
        )
    keys = list(read.sums.groups)
    others = [Group(read.sums, key, read.design) for k, key in enumerate(keys) if k not in at_once]
    one_by_one = _one_by_one(others, read, records, options, resources, clusters)
    counts = read.sums.counts.rows.tolist()
    results = [
        next(one_by_one) if k not in at_once else GroupResult(named(read, key), counts[k], at_once[k])
        for k, key in enumerate(keys)
    ]
    passed_over = tuple(column for column in records.columns if column.name in formula.left_out)
    notes = notes_on(passed_over, "name it to take it in")
    ridge = ("a ridge has no standard errors: x is biased on purpose",) if options.ridge else ()
    solution = whole(read, records, results, "normal", start, (*records.notes, *notes, *ridge))
    if pictured is not None:
        pictured(_samples(read, results, records, options, resources))
    return replace(solution, extra=extra, passes=1 + robust + (pictured is not None))


def _samples(
    read: ReadGroups, results: list[GroupResult], records: Records, options: FitOptions, resources: Resources
) -> list[tuple[str, Sample]]:
    """The names of the first groups that have residuals, and what their pictures are drawn from."""
    from lsq_cli.problems.sampled import samples_of_groups  # for those who ask for it
    from lsq_cli.problems.second_pass import Fitted

    names: dict[Key, str] = {}
    fits: dict[Key, tuple[Fitted, Statistics]] = {}
    for key, result in zip(read.sums.groups, results, strict=True):
        known = None if result.solution is None else result.solution.statistics
        if len(fits) == PICTURED or not (isinstance(known, Statistics) and known.sigma > 0.0):
            continue
        fit = _fit(Group(read.sums, key, read.design), records, options)
        if isinstance(fit, Fit):
            names[key], fits[key] = result.name, (Fitted(fit.design, fit.problem, fit.kept), known)
    if not fits:
        raise ProblemError("--plot: no group has residuals to draw")
    found = samples_of_groups(records, read.wanted, read.by, fits, resources)
    return [(names[key], one) for key, one in found.items()]


def _one_by_one(
    groups: list[Group],
    read: ReadGroups,
    records: Records,
    options: FitOptions,
    resources: Resources,
    clusters: tuple[str, ...],
) -> Iterator[GroupResult]:
    """The results of some groups, each solved in integers."""
    if options.vcov == "iid":
        for group in groups:
            yield _result(group, read, _fit(group, records, options), options)
        return
    from lsq_cli.problems.robust_groups import robust_by_group  # a second pass is not for everybody
    from lsq_cli.problems.second_pass import Fitted

    fits = [_fit(group, records, options) for group in groups]
    known = {
        group.key: Fitted(fit.design, fit.problem, fit.kept)
        for group, fit in zip(groups, fits, strict=True)
        if isinstance(fit, Fit)
    }
    found = robust_by_group(records, read.wanted, read.by, known, options.vcov, clusters, resources)
    for group, fit in zip(groups, fits, strict=True):
        covariance, beware = found.get(group.key, (None, ()))
        yield _result(group, read, fit, options, covariance, beware)


def _fit(group: Group, records: Records, options: FitOptions) -> Fit | LsqError | str:
    """The regression on one group; why there is none, where it is too small or cannot be solved."""
    if (small := too_small(group, len(group.design.columns))) is not None:
        return small
    design = group.design
    who = about_group(group, records, design.names, tuple(target.name for target in design.shape.formula.targets))
    who = replace(who, constant_column=0 if design.shape.formula.intercept else None)
    try:
        return fit_of(design, who, group.assembled(), group.log_weights, options)
    except ProblemError as error:
        return error


def _result(
    group: Group,
    read: ReadGroups,
    fit: Fit | LsqError | str,
    options: FitOptions,
    covariance: Covariance | LsqError | None = None,
    beware: tuple[str, ...] = (),
) -> GroupResult:
    """What there is to say of one group."""
    values, rows, left_out = named(read, group.key), group.rows, _left_out(group, read)
    absent = _absent(group, left_out)
    if isinstance(fit, str):
        return GroupResult(values, rows, None, left_out, (fit,))
    try:
        for failed in (fit, covariance):
            if isinstance(failed, LsqError):
                raise failed
        assert isinstance(fit, Fit) and not isinstance(covariance, LsqError)
        solution = solution_of(fit, options, covariance, beware)
    except ProblemError as error:
        return GroupResult(values, rows, None, left_out, absent, error=str(error))
    extra = {"terms": solution.extra["terms"]}
    solution = replace(solution, warnings=(*solution.warnings, *absent), extra=extra)
    return GroupResult(values, rows, solution, left_out, solution.warnings)


def _left_out(group: Group, read: ReadGroups) -> tuple[str, ...]:
    """The columns of the table's model that the group has not."""
    if not group.absent:
        return ()
    here = set(group.design.names)
    return tuple(name for name in read.design.names if name not in here)


def _absent(group: Group, left_out: tuple[str, ...]) -> tuple[str, ...]:
    """The levels that have no row in the group, as a warning."""
    if not group.absent:
        return ()
    said = "; ".join(
        f"no row has {shown(name)} {elided([shown(level_text(level)) for level in levels])}"
        for name, levels in group.absent.items()
    )
    without = f"; left out: {elided(map(shown, left_out))}" if left_out else ""
    return (said + without,)
