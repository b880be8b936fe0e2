"""One least-squares problem for every group of the rows of a table: `lsq solve --by`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from lsq_cli.core.errors import ProblemError, UsageError, shown
from lsq_cli.core.solution import INTERCEPT, GroupResult
from lsq_cli.problems.grouped import Group
from lsq_cli.runs.fitting import problem_of
from lsq_cli.runs.grouping import (
    ReadGroups,
    about_group,
    grouping_columns,
    named,
    read_groups,
    refuse_role,
    too_small,
    whole,
)
from lsq_cli.runs.stacking import stacked_solutions
from lsq_cli.sources.columns import Request, select
from lsq_cli.sources.names import Header
from lsq_cli.terms.factors import NUMBER, Table
from lsq_cli.terms.formula import plain_formula

if TYPE_CHECKING:
    from lsq_cli.core.groups import GroupedSolution
    from lsq_cli.core.problem import About, Problem
    from lsq_cli.core.solution import Solution
    from lsq_cli.engines.resources import Resources
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.methods.gd import Descent
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.sources.columns import Selection
    from lsq_cli.sources.records import Records


def solve_groups(
    records: Records,
    selection: Selection,
    by: tuple[str, ...],
    options: ProblemOptions,
    resources: Resources,
    descent_of: Callable[[Problem], Descent] | None = None,
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
    descent_of : callable, optional
        What is asked of gradient descent on a problem; none for the normal equations.

    Raises
    ------
    DataError, ProblemError, UsageError
        As `solving`; and for more groups than the memory allows.
    """
    start = perf_counter()
    names = (*selection.names, *(column.name for column in selection.b))
    if twice := [name for name in names if name in records.repeated]:
        raise UsageError(f"--by needs columns of different names, and {shown(twice[0])!r} stands twice in the header")
    table = Table(dict.fromkeys(names, NUMBER))
    formula = plain_formula(names[len(selection.A) :], selection.names, table, intercept=options.intercept)
    weights = None if selection.weights is None else selection.weights.name
    read = read_groups(records, formula, by, weights, resources)
    own = ((INTERCEPT,) if options.intercept else ()) + selection.names
    at_once: dict[int, Solution] = {}
    if descent_of is None and not options.ridge:
        at_once = stacked_solutions(
            read.sums,
            read.design,
            data=records.data,
            names=own,
            targets=selection.targets,
            rank_tol=options.rank_tol,
            confidence=None,
            extra={},
        )
    results = []
    for k, key in enumerate(read.sums.groups):
        if k in at_once:
            results.append(GroupResult(named(read, key), at_once[k].rows, at_once[k]))
            continue
        group = Group(read.sums, key, read.design)
        who = about_group(group, records, own, selection.targets)
        results.append(_alone(group, named(read, key), who, options, descent_of))
    constant = _has_constant(read, options.intercept)
    notes = (*selection.notes, *records.notes, *(() if constant else ("no intercept: add --intercept",)))
    method = "normal" if descent_of is None else "gd"
    solution = whole(read, records, results, method, start, notes)
    left_out = tuple(column.name for column in selection.left_out)
    return replace(solution, left_out=left_out, targets=selection.targets)


def _alone(
    group: Group,
    values: dict[str, Any],
    who: About,
    options: ProblemOptions,
    descent_of: Callable[[Problem], Descent] | None,
) -> GroupResult:
    """The result of one group, solved like any other problem."""
    from lsq_cli.runs.solving import Run  # where all groups are stacked, there is no run

    if (small := too_small(group, len(who.names))) is not None:
        return GroupResult(values, group.rows, None, warnings=(small,))
    gram = group.assembled()
    who = replace(who, constant_column=_constant(gram.N, options.intercept))
    try:
        problem = problem_of(who, gram, range(len(who.names)), options, intercept=options.intercept)
        run = Run(problem, descent_of and descent_of(problem))
        for _ in run:
            pass
        found = run.solution()
    except ProblemError as error:
        return GroupResult(values, group.rows, None, error=str(error))
    advice = "" if found.converged else run.advice
    return GroupResult(values, group.rows, found, warnings=found.warnings, advice=advice)


def _has_constant(read: ReadGroups, intercept: bool) -> bool:
    """Whether A fits a mean, as the largest group shows."""
    if intercept:
        return True
    largest = list(read.sums.groups)[int(read.sums.counts.rows.argmax())]
    return _constant(Group(read.sums, largest, read.design).assembled().N, intercept=False) is not None


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
        found = {column.name for column in header.every(f"--{option}", (asked,) if isinstance(asked, str) else asked)}
        refuse_role(found & set(grouping_columns(records, by)), option)
    return select(records.first, replace(request, drop=(*request.drop, *grouping_columns(records, by))))


def _constant(N: Integers, intercept: bool) -> int | None:
    """The first column that holds one number other than 0 in all rows: Σw·Σwa² = (Σwa)², by Cauchy and Schwarz."""
    if intercept:
        return 0
    ones = len(N) - 1
    return next((j for j in range(ones - 1) if N[j, j] and N[ones, ones] * N[j, j] == N[ones, j] ** 2), None)
