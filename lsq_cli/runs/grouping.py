"""One regression, or one least-squares problem, for every group of the rows of a table: ``--by``.

    records ──► sums by group (`problems.grouped`) ──► each group as one run on its rows would be
                                                       (--vcov: once more over the rows)

The levels of categories and their bases are those of the table. A group of fewer rows than coefficients has a warning
in place of a result. What goes wrong in one group is that group's error, and the others are there all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from lsq_cli.core.errors import LsqError, ProblemError, UsageError, counted, elided, shown
from lsq_cli.core.groups import GroupedSolution
from lsq_cli.core.problem import About
from lsq_cli.core.solution import INTERCEPT, GroupResult
from lsq_cli.core.version import __version__
from lsq_cli.engines.resources import Resources
from lsq_cli.problems.grouped import Group, GroupedSums, SumGroups
from lsq_cli.problems.kinds import clusters_of
from lsq_cli.runs.fitting import (
    MOST_COLUMNS,
    Fit,
    FitOptions,
    ask_for_scipy,
    column_named,
    fit_of,
    problem_of,
    solution_of,
)
from lsq_cli.sources.columns import Request, notes_on, select
from lsq_cli.sources.names import Header
from lsq_cli.sources.records import Wanted
from lsq_cli.terms.design import Design, Shape, sorted_levels
from lsq_cli.terms.factors import NUMBER, Table, level_text
from lsq_cli.terms.formula import Formula, plain_formula

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.methods.gd import Descent
    from lsq_cli.problems.statistics import Covariance
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.sources.columns import Selection
    from lsq_cli.sources.records import Records


class _Read(NamedTuple):
    """All groups, after the one pass."""

    sums: GroupedSums
    design: Design
    by: tuple[str, ...]
    wanted: Wanted


def fit_groups(
    records: Records,
    formula: Formula,
    by: tuple[str, ...],
    options: FitOptions | None = None,
    resources: Resources | None = None,
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
    read = _read(records, formula, by, options.weights, resources, clusters)
    groups = [Group(read.sums, key, read.design) for key in read.sums.groups]
    fits = [_fit(group, read, records, options) for group in groups]
    found: list[Covariance | LsqError | None] = [None] * len(fits)
    beware: list[tuple[str, ...]] = [()] * len(fits)
    robust = options.vcov != "iid"
    if robust:
        from lsq_cli.problems.robust_groups import robust_by_group  # a second pass is not for everybody
        from lsq_cli.problems.second_pass import Fitted

        whole = {
            group.key: Fitted(fit.design, fit.problem, fit.kept)
            for group, fit in zip(groups, fits, strict=True)
            if isinstance(fit, Fit)
        }
        of_groups = robust_by_group(records, read.wanted, read.by, whole, options.vcov, clusters, resources)
        for k, group in enumerate(groups):
            if group.key in of_groups:
                found[k], beware[k] = of_groups[group.key]
    results = []
    for group, fit, covariance, more in zip(groups, fits, found, beware, strict=True):
        results.append(_result(group, read, fit, options, covariance, more))
    extra = {"terms": read.design.to_json()}
    passed_over = tuple(column for column in records.columns if column.name in formula.left_out)
    notes = notes_on(passed_over, "name it to take it in")
    ridge = ("a ridge has no standard errors: x is biased on purpose",) if options.ridge else ()
    solution = _whole(read, records, results, "normal", start, (*records.notes, *notes, *ridge))
    return replace(solution, extra=extra, passes=1 + robust)


def solve_groups(
    records: Records,
    selection: Selection,
    by: tuple[str, ...],
    options: ProblemOptions,
    resources: Resources,
    descent_of: Callable[[Problem], Descent | None] = lambda problem: None,
) -> GroupedSolution:
    """Solve the problem of every group of the rows of a table.

    Parameters
    ----------
    records : Records
    selection : Selection
        The columns that are A, b and the weights.
    by : tuple of str
        As for `fit_groups`.
    options : ProblemOptions
    resources : Resources
    descent_of : callable
        What is asked of gradient descent on a problem; None for the normal equations.

    Raises
    ------
    DataError, ProblemError, UsageError
        As `solving`; and for more groups than the memory allows.
    """
    from lsq_cli.runs.solving import Run  # a regression has no use for it

    start = perf_counter()
    names = (*selection.names, *(column.name for column in selection.b))
    if twice := [name for name in names if name in records.repeated]:
        raise UsageError(f"--by needs columns of different names, and {shown(twice[0])!r} stands twice in the header")
    table = Table(dict.fromkeys(names, NUMBER))
    formula = plain_formula(names[len(selection.A) :], selection.names, table, intercept=options.intercept)
    weights = None if selection.weights is None else selection.weights.name
    read = _read(records, formula, by, weights, resources)
    design, results, method = read.design, [], "normal"
    for key in read.sums.groups:
        group = Group(read.sums, key, design)
        if (small := _too_small(group, len(design.columns))) is not None:
            results.append(GroupResult(_named(read, key), group.rows, None, warnings=(small,)))
            continue
        gram = group.assembled()
        who = replace(
            _about(group, records, ((INTERCEPT,) if options.intercept else ()) + selection.names, selection.targets),
            constant_column=_constant(gram.N, options.intercept, len(selection.A)),
        )
        try:
            problem = problem_of(who, gram, range(len(who.names)), options, intercept=options.intercept)
            run = Run(problem, descent_of(problem))
            for _ in run:
                pass
            found = run.solution()
        except ProblemError as error:
            results.append(GroupResult(_named(read, key), group.rows, None, error=str(error)))
            continue
        advice = "" if found.converged else run.advice
        results.append(GroupResult(_named(read, key), group.rows, found, warnings=found.warnings, advice=advice))
        method = found.method
    constant = options.intercept or any(one.solution and _has_constant(one) for one in results)
    notes = (*selection.notes, *records.notes, *(() if constant else ("no intercept: add --intercept",)))
    solution = _whole(read, records, results, method, start, notes)
    left_out = tuple(column.name for column in selection.left_out)
    return replace(solution, left_out=left_out, targets=selection.targets)


def open_groups(data: Any, by: tuple[str, ...], options: dict[str, Any]) -> tuple[Records, Selection]:
    """The table of a data frame or of paths, and the columns that are A, b and the weights.

    Raises
    ------
    UsageError
        For weights that are no column; else as `select_groups`.
    """
    from lsq_cli.sources.open_records import open_python_records

    if not (options["weights"] is None or isinstance(options["weights"], str)):
        raise UsageError("weights and by: give the name of the column that has them")
    texts = {
        name: (options[name],) if isinstance(options[name], str) else tuple(options[name])
        for name in ("target", "columns", "drop", "na")
    }
    written = {name: value for name, value in options.items() if name not in ("columns", "drop", "weights")}
    records = open_python_records(data, **{**written, "target": texts["target"]})
    return records, select_groups(records, by, Request(**{**options, **texts}))


def select_groups(records: Records, by: tuple[str, ...], request: Request) -> Selection:
    """The columns that are A, b and the weights, those that make the groups not among them; raises as `select`."""
    header = Header(records.first)
    for option in ("target", "weights"):
        asked = getattr(request, option) or ()
        named = {column.name for column in header.every(f"--{option}", (asked,) if isinstance(asked, str) else asked)}
        _refuse_role(named & set(grouping_columns(records, by)), option)
    return select(records.first, replace(request, drop=(*request.drop, *grouping_columns(records, by))))


def grouping_columns(records: Records, by: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the columns that ``--by`` means, each once."""
    return tuple(dict.fromkeys(column.name for column in Header(records.first).every("--by", by)))


def _read(
    records: Records,
    formula: Formula,
    by: tuple[str, ...],
    weights: str | None,
    resources: Resources,
    clusters: tuple[str, ...] = (),
) -> _Read:
    """The sums of all groups, in one pass."""
    shape, columns = Shape(formula), grouping_columns(records, by)
    shape.check()
    weighing = column_named(records, "--weights", weights)
    for name in columns:
        if name in records.repeated:
            raise UsageError(f"--by {shown(name)!r}: the name stands twice in the header")
        _refuse_role({name} & {weighing}, "weights")
        _refuse_role({name} & {column for target in formula.targets for column in target.columns()}, "target")
    categories = tuple(dict.fromkeys((*shape.categories, *clusters, *columns)))
    wanted = Wanted(shape.numbers, categories, weighing)
    kernel = SumGroups(shape, columns, resources.memory)
    total = resources.fold(kernel, resources.watched(records.blocks(wanted)), waits=records.waits)
    where = " ".join(records.data)
    if total is None or not total.tally.rows:
        read = total.tally.rows_read if total else 0
        raise ProblemError(f"{where}: {f'all {read} rows have a missing cell' if read else 'the data has no rows'}")
    if total.tally.weightless == total.tally.rows:
        raise ProblemError(f"{where}: all {total.tally.rows} weights are 0, so no row counts")
    design = Design(shape, sorted_levels({name: list(of) for name, of in total.levels.items()}), records.kinds)
    if (n := design.count()) > MOST_COLUMNS:
        raise ProblemError(f"{where}: the model has {n} columns, more than {MOST_COLUMNS}")
    return _Read(total, design, columns, wanted)


def _refuse_role(names: Set[str | None], role: str) -> None:
    """`UsageError` for columns that are to make the groups and have another role."""
    for name in names:
        what = "weighs the rows" if role == "weights" else "is what is to be explained"
        raise UsageError(f"--by {shown(str(name))!r}: the column {what}, and cannot make the groups")


def _fit(group: Group, read: _Read, records: Records, options: FitOptions) -> Fit | LsqError | str:
    """The regression on one group; why there is none, where it is too small or cannot be solved."""
    if (small := _too_small(group, len(group.design.columns))) is not None:
        return small
    design = group.design
    who = _about(group, records, design.names, tuple(target.name for target in design.shape.formula.targets))
    who = replace(who, constant_column=0 if design.shape.formula.intercept else None)
    try:
        return fit_of(design, who, group.assembled(), group.log_weights, options)
    except ProblemError as error:
        return error


def _result(
    group: Group,
    read: _Read,
    fit: Fit | LsqError | str,
    options: FitOptions,
    covariance: Covariance | LsqError | None,
    beware: tuple[str, ...],
) -> GroupResult:
    """What there is to say of one group."""
    named, rows, left_out = _named(read, group.key), group.rows, _left_out(group, read)
    absent = _absent(group, left_out)
    if isinstance(fit, str):
        return GroupResult(named, rows, None, left_out, (fit,))
    try:
        for failed in (fit, covariance):
            if isinstance(failed, LsqError):
                raise failed
        assert isinstance(fit, Fit) and not isinstance(covariance, LsqError)
        solution = solution_of(fit, options, covariance, beware)
    except ProblemError as error:
        return GroupResult(named, rows, None, left_out, absent, error=str(error))
    solution = replace(solution, warnings=(*solution.warnings, *absent))
    return GroupResult(named, rows, solution, left_out, solution.warnings)


def _too_small(group: Group, n: int) -> str | None:
    """Why a group has no result, where it has fewer rows than coefficients."""
    rows = group.counted_rows
    if rows >= max(n, 1):
        return None
    weight = " of a weight above 0" if rows < group.rows else ""
    return f"too small: {counted(rows, 'row')}{weight} for {counted(n, 'coefficient')}"


def _left_out(group: Group, read: _Read) -> tuple[str, ...]:
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


def _about(group: Group, records: Records, names: tuple[str, ...], targets: tuple[str, ...]) -> About:
    """Who the problem of a group is."""
    rows, counted_rows = group.rows, group.counted_rows
    return About(names=names, targets=targets, data=records.data, rows=rows, rows_read=rows, counted_rows=counted_rows)


def _constant(N: Any, intercept: bool, n: int) -> int | None:
    """The first column that holds one number other than 0 in all rows: Σw·Σwa² = (Σwa)², by Cauchy and Schwarz."""
    if intercept:
        return 0
    ones = len(N) - 1
    return next((j for j in range(n) if N[j, j] and N[ones, ones] * N[j, j] == N[ones, j] ** 2), None)


def _named(read: _Read, key: tuple[Any, ...]) -> dict[str, Any]:
    """The group as a mapping."""
    return dict(zip(read.by, key, strict=True))


def _has_constant(one: GroupResult) -> bool:
    """Whether a group's A fits a mean."""
    return one.solution is not None and INTERCEPT in one.solution.names


def _whole(
    read: _Read, records: Records, results: list[GroupResult], method: str, start: float, notes: tuple[str, ...]
) -> GroupedSolution:
    """All groups together."""
    tally = read.sums.tally
    several = len(results) > 1
    failed = sum(one.solution is None for one in results)
    none = ("no group has a result",) if failed == len(results) and several else ()
    return GroupedSolution.of(
        results,
        read.by,
        method=method,
        data=records.data,
        rows=tally.rows,
        rows_read=tally.rows_read,
        targets=tuple(target.name for target in read.design.shape.formula.targets),
        dropped_rows=dict(sorted(tally.dropped.items())),
        precision="extended",
        warnings=(*records.warnings, *none),
        notes=tuple(dict.fromkeys(notes)),
        seconds=perf_counter() - start,
        version=__version__,
    )
