"""A table with all of its columns, none of them being A or b: what `lsq collect` sums.

Prefer `opening.open_source` where it is known what is to be solved. The paths follow the same rules: with a target they
are parts of one table, two without one stand side by side.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lsq_cli.core.errors import ColumnError, UsageError, elided, shown
from lsq_cli.sources.columns import Request, Selection
from lsq_cli.sources.names import either, quoted
from lsq_cli.sources.opening import arrange, select_from, tables_at
from lsq_cli.sources.rows import OneTable, RowSource, SideBySide
from lsq_cli.sources.states import is_state

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import Table
    from lsq_cli.sources.column import Column


class Whole(NamedTuple):
    """The rows of a table.

    Attributes
    ----------
    source : RowSource
        Its columns A, then b, are those of `names`.
    names : tuple of str
    target : tuple of str
        Those that were said to be b.
    weights : str or None
    positions : tuple of tuple of int
        Of the columns that each table is asked for, in its file.
    order : tuple of int
        Where each of `names`, and last the weights, stands among the columns that the tables are asked for.
    """

    source: RowSource
    names: tuple[str, ...]
    target: tuple[str, ...]
    weights: str | None
    positions: tuple[tuple[int, ...], ...]
    order: tuple[int, ...]


def open_whole(paths: Sequence[str | os.PathLike[str]], request: Request, stdin: BinaryIO | None = None) -> Whole:
    """Find a table and the columns to take: those named, else all that hold numbers, in the order of the file.

    Raises
    ------
    UsageError, OpenError, TableError, ColumnError
        As `open_source`; for states, which have no rows; and for two columns of one name.
    """
    if states := [os.fsdecode(path) for path in paths if is_state(path)]:
        raise UsageError(f"{shown(states[0], 1000)} is a state already; to join states: lsq merge S… -o S.lsqs")
    request = replace(request, alone=True, whole=True)
    arranged = arrange(paths, request)
    tables = [table for path in arranged.parts for table in tables_at(path, arranged, request, stdin)]
    selection = select_from(tables, arranged, request)
    pair = arranged.is_pair(tables)
    if not pair and not request.columns:
        taken = sorted((*selection.A, *selection.b), key=lambda column: column.position)
        marked = selection.b if request.target else ()
        selection = replace(selection, A=tuple(taken[:-1]), b=tuple(taken[-1:]))
    else:
        marked = selection.b if request.target or pair else ()
    source: RowSource = (
        SideBySide(arranged.data, tables[0], tables[1], selection, request.missing)
        if pair
        else OneTable(arranged.data, tables, selection, request.missing)
    )
    # Of two files without a header both have an x1: there b is b.
    called = dict(zip(selection.b, selection.targets, strict=True)) if pair else {}
    columns = (*selection.A, *selection.b)
    names = tuple(called.get(column, column.name) for column in columns)
    _refuse_names(columns, names)
    weights = selection.weights
    asked = _asked(selection, tables if pair else [])
    every = [column for columns in asked for column in columns]
    order = [every.index(column) for column in (*columns, *(() if weights is None else (weights,)))]
    return Whole(
        source,
        names,
        tuple(called.get(column, column.name) for column in marked),
        None if weights is None else weights.name,
        tuple(tuple(column.position for column in columns) for columns in asked),
        tuple(order),
    )


def _asked(selection: Selection, pair: Sequence[Table]) -> list[tuple[Column, ...]]:
    """The columns that each table is asked for, as `rows.py` asks for them; `pair` is A and b where they are two."""
    weights = () if selection.weights is None else (selection.weights,)
    if not pair:
        return [(*selection.A, *selection.b, *weights)]
    in_A, in_b = (tuple(column for column in weights if column in table.columns) for table in pair)
    return [(*selection.A, *in_A), (*selection.b, *in_b)]


def _refuse_names(columns: Sequence[Column], names: Sequence[str]) -> None:
    """`ColumnError` for names by which a column could not be told from another."""
    for name, count in Counter(names).items():
        if count > 1:
            places = [f"#{column.position + 1}" for column, other in zip(columns, names, strict=True) if other == name]
            raise ColumnError(
                f"{count} columns are called {quoted(name)}, and a state knows columns by their names; take one of "
                f"them, by its position, with --columns or --drop: {either(places)}",
                columns[0].table,
            )
    if ends := [name for name in names if name.endswith("\0")]:
        raise ColumnError(f"a state cannot keep a name that ends in a zero byte: {elided(map(quoted, ends))}")
