"""The rows of a table by group, read in one pass, and what all results of ``--by`` have in common.

    records ──► sums by group (`problems.grouped`) ──► many at once in doubles (`stacking`), the others one by one
                                                       (`fitting_groups`, `solving_groups`)

A group of fewer rows than coefficients has a warning in place of a result. What goes wrong in one group is that group's
error, and the others are there all the same.
"""

from __future__ import annotations

from collections.abc import Set
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from lsq_cli.core.errors import ProblemError, UsageError, counted, shown
from lsq_cli.core.groups import GroupedSolution
from lsq_cli.core.problem import About
from lsq_cli.core.version import __version__
from lsq_cli.problems.grouped import GroupedSums, SumGroups
from lsq_cli.runs.fitting import MOST_COLUMNS
from lsq_cli.runs.modelling import column_named
from lsq_cli.sources.names import Header
from lsq_cli.sources.records import Wanted
from lsq_cli.terms.design import Design, Shape, sorted_levels

if TYPE_CHECKING:
    from lsq_cli.core.solution import GroupResult
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.grouped import Group
    from lsq_cli.sources.records import Records
    from lsq_cli.terms.formula import Formula


class ReadGroups(NamedTuple):
    """All groups, after the one pass."""

    sums: GroupedSums
    design: Design
    by: tuple[str, ...]
    wanted: Wanted


def grouping_columns(records: Records, by: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the columns that ``--by`` means, each once."""
    return tuple(dict.fromkeys(column.name for column in Header(records.first).every("--by", by)))


def read_groups(
    records: Records,
    formula: Formula,
    by: tuple[str, ...],
    weights: str | None,
    resources: Resources,
    clusters: tuple[str, ...] = (),
) -> ReadGroups:
    """The sums of all groups, in one pass."""
    shape, columns = Shape(formula), grouping_columns(records, by)
    if formula.absorbed is not None:
        name = shown(formula.absorbed)
        raise UsageError(f"--by and | {name} do not go together; write + C({name})")
    shape.check()
    weighing = column_named(records, "--weights", weights)
    for name in columns:
        if name in records.repeated:
            raise UsageError(f"--by {shown(name)!r}: the name stands twice in the header")
        refuse_role({name} & {weighing}, "weights")
        refuse_role({name} & {column for target in formula.targets for column in target.columns()}, "target")
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
    return ReadGroups(total, design, columns, wanted)


def refuse_role(names: Set[str | None], role: str) -> None:
    """`UsageError` for columns that are to make the groups and have another role."""
    for name in names:
        what = "weighs the rows" if role == "weights" else "is what is to be explained"
        raise UsageError(f"--by {shown(str(name))!r}: the column {what}, and cannot make the groups")


def too_small(group: Group, n: int) -> str | None:
    """Why a group has no result, where it has fewer rows than coefficients."""
    rows = group.counted_rows
    if rows >= max(n, 1):
        return None
    weight = " of a weight above 0" if rows < group.rows else ""
    return f"too small: {counted(rows, 'row')}{weight} for {counted(n, 'coefficient')}"


def about_group(group: Group, records: Records, names: tuple[str, ...], targets: tuple[str, ...]) -> About:
    """Who the problem of a group is."""
    rows, counted_rows = group.rows, group.counted_rows
    return About(names=names, targets=targets, data=records.data, rows=rows, rows_read=rows, counted_rows=counted_rows)


def named(read: ReadGroups, key: tuple[Any, ...]) -> dict[str, Any]:
    """The group as a mapping."""
    return dict(zip(read.by, key, strict=True))


def whole(
    read: ReadGroups, records: Records, results: list[GroupResult], method: str, start: float, notes: tuple[str, ...]
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
