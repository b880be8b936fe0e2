"""What is asked of a table: the model that a formula or its columns make, and the column that an option names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError, elided, shown
from lsq_cli.sources.names import Header
from lsq_cli.terms.factors import Table
from lsq_cli.terms.formula import Formula, parse, plain_formula

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        For what is no formula, for columns that the table does not have, and for those that have two roles.
    MissingExtraError
        If there is a formula and no patsy.
    """
    header = Header(records.first)
    unwanted = {column.name for column in header.every("--drop", drop)}
    dropped = unwanted | {column.name for column in header.every("--by", by)}
    weighing = {column.name for column in header.every("--weights", () if weights is None else (weights,))}
    if twice := unwanted & weighing:
        raise UsageError(f"--weights and --drop both name {_quoted(twice)}; --weights alone keeps it out of the model")
    table = Table(records.kinds, records.repeated, frozenset(dropped | weighing), records.counts)
    if formula is not None:
        found = parse(formula, table)
        if twice := unwanted.intersection((*found.columns(), *filter(None, (found.absorbed,)))):
            raise UsageError(f"--drop and the formula both name {_quoted(twice)}; take it out of one of them")
        return found
    named = [column.name for column in header.every("--target", target)]
    targets = [name for name in named if name not in unwanted]
    if named and not targets:
        raise UsageError(f"--target and --drop both name {_quoted(named)}; take it out of one of them")
    _refuse_explained(header, columns, targets)
    taken = [column.name for column in header.every("--columns", columns)]
    left_out: tuple[str, ...] = ()
    if not columns:
        taken, left_out = table.rest(set(targets))
    apart = {*dropped, *weighing, *targets}
    kept = [name for name in taken if name not in apart]
    return plain_formula(targets, kept, table, intercept=intercept, left_out=left_out)


def _refuse_explained(header: Header, columns: tuple[str, ...], targets: list[str]) -> None:
    """`UsageError` for a target that ``--columns`` names too; a pattern means the others."""
    for argument in columns:
        for piece in header.pieces(argument):
            found = header.find(piece)
            if found is not None and found.kind != "pattern" and found.columns[0].name in targets:
                name = shown(found.columns[0].name)
                raise UsageError(f"--target and --columns both name {name!r}; it cannot explain itself")


def _quoted(names: Iterable[str]) -> str:
    """Some names, in quotes."""
    return elided([repr(shown(name)) for name in sorted(names)])


def column_named(records: Records, option: str, argument: str | None) -> str | None:
    """The name of the one column that an argument means."""
    if argument is None:
        return None
    found = Header(records.first).every(option, (argument,))
    if len(found) != 1:
        raise UsageError(f"{option} {shown(argument)} means {len(found)} columns; it takes one")
    return found[0].name
