"""What is asked of a table: the model that a formula or its columns make, and the column that an option names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError, shown
from lsq_cli.sources.names import Header
from lsq_cli.terms.factors import Table
from lsq_cli.terms.formula import Formula, parse, plain_formula

if TYPE_CHECKING:
    from lsq_cli.sources.records import Records


def model_of(
    records: Records,
    formula: str | None,
    *,
    target: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    weights: str | None = None,
    intercept: bool = True,
    by: tuple[str, ...] = (),
) -> Formula:
    """The model that a formula is for a table, or that its columns make where there is no formula.

    Raises
    ------
    UsageError, ColumnError
        For what is no formula, and for columns that the table does not have.
    MissingExtraError
        If there is a formula and no patsy.
    """
    header = Header(records.first)
    dropped = {column.name for column in (*header.every("--drop", drop), *header.every("--by", by))}
    weighing = {column.name for column in header.every("--weights", () if weights is None else (weights,))}
    table = Table(records.kinds, records.repeated, frozenset(dropped | weighing), records.counts)
    if formula is not None:
        return parse(formula, table)
    targets = [column.name for column in header.every("--target", target)]
    taken = [column.name for column in header.every("--columns", columns)]
    left_out: tuple[str, ...] = ()
    if not columns:
        taken, left_out = table.rest(set(targets))
    apart = {*dropped, *weighing, *targets}
    kept = [name for name in taken if name not in apart]
    return plain_formula(targets, kept, table, intercept=intercept, left_out=left_out)


def column_named(records: Records, option: str, argument: str | None) -> str | None:
    """The name of the one column that an argument means."""
    if argument is None:
        return None
    found = Header(records.first).every(option, (argument,))
    if len(found) != 1:
        raise UsageError(f"{option} {shown(argument)} means {len(found)} columns; it takes one")
    return found[0].name
