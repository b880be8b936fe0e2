"""How the data would be read: what was decided and on what evidence, each column and its part in the problem.

Prefer it to a run where a table looks odd, or before a long one: it reads the first rows of each table, of a sparse
matrix the header, and no more. Where a table is refused it shows what was seen, and the error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from lsq_cli.core.errors import DataError, printable
from lsq_cli.sources.blocks import Decision, Sample
from lsq_cli.sources.column import Column, Kind
from lsq_cli.sources.columns import Selection, match_part
from lsq_cli.sources.names import listed
from lsq_cli.sources.opening import Arranged, arrange, select_from, tables_at
from lsq_cli.sources.paths import STANDARD_INPUT, STDIN

if TYPE_CHECKING:
    import os

    from lsq_cli.sources.blocks import Table
    from lsq_cli.sources.columns import Request

ROWS = 1000
"""Rows that are looked at."""
EXAMPLES = 3
FIRST_LINES = 5
_CATEGORY = "category"
_LEFT_OUT = {
    Kind.TEXT: "text",
    Kind.DATE: "dates",
    Kind.EMPTY: "empty so far",
    Kind.COUNTS: "row numbers",
    Kind.INDEX: "pandas' index",
}


Parts = dict[Column, tuple[str, str | None]]


@dataclass(frozen=True)
class LookedColumn:
    """One column; the fields are the keys of the JSON object, in its order.

    Attributes
    ----------
    position : int
        From 1.
    kind : str
        That of `Kind`; ``category`` for text of which most cells say what another says.
    examples : tuple of str
        The first different cells.
    missing : int or None
        Missing cells among the rows that were looked at; None where they could not be.
    part : str or None
        ``A``, ``b``, ``weights`` or ``left out``; None where the columns could not be chosen.
    why : str or None
        Why it is left out, or b.
    error : str or None
        Why it cannot be read, or what is wrong with the first cell that is no number among numbers.
    """

    position: int
    name: str
    kind: str
    examples: tuple[str, ...]
    missing: int | None
    part: str | None = None
    why: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class LookedTable:
    """One table; the fields are the keys of the JSON object, in its order.

    Attributes
    ----------
    form : str or None
        How it is written, in a few words; None where that could not be told.
    size : int or None
        Bytes of its rows, about, where that is known.
    rows_seen : int
        How many rows were looked at, `ROWS` at most.
    first_lines : tuple of str
        Of a text that was refused.
    error : str or None
        Why it was refused.
    """

    path: str
    form: str | None = None
    size: int | None = None
    decisions: tuple[Decision, ...] = ()
    rows_seen: int = 0
    columns: tuple[LookedColumn, ...] = ()
    first_lines: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Look:
    """What was seen; the fields are the keys of the JSON object, in its order.

    Attributes
    ----------
    data : tuple of str
        The paths as given.
    arrangement : {"one table", "parts of one table", "A and b"}
    tables : tuple of LookedTable
        Of the parts of one table the first in full, the others without their columns.
    names, targets, left_out : tuple of str
    weights : str or None
    notes, warnings : tuple of str
        What is known of the tables beside that, and what may be wrong.
    error : DataError or None
        The first thing that would stop a run.
    """

    data: tuple[str, ...]
    arrangement: str
    tables: tuple[LookedTable, ...]
    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    weights: str | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: DataError | None = None

    @property
    def anything(self) -> bool:
        """Whether of any table more was seen than that it cannot be read."""
        return any(table.form or table.first_lines for table in self.tables)


def look(paths: Sequence[str | os.PathLike[str]], request: Request, stdin: BinaryIO | None = None) -> Look:
    """Look at the first rows of the data, by the rules of `open_source`.

    Raises
    ------
    UsageError
        Paths or options that do not go together.
    MissingExtraError
        An optional package is needed for the format.
    """
    arranged = arrange(paths, request)
    tables: list[Table] = []
    refused: list[LookedTable] = []
    errors: list[DataError] = []
    for path in arranged.parts:
        try:
            tables += tables_at(path, arranged, request, stdin, header_alone=True)
        except DataError as error:
            refused.append(_refused(path, error))
            errors.append(error)
    selection = None
    if not errors:
        try:
            selection = select_from(tables, arranged, request)
            _match_parts(tables, arranged, selection)
        except DataError as error:
            errors.append(error)
    in_full = len(tables) if arranged.is_pair(tables) else 1
    parts = _parts(selection, chosen=bool(request.target) or arranged.is_pair(tables))
    looked = [_looked(table, parts, errors) for table in tables[:in_full]]
    looked += [LookedTable(table.path, table.form, table.size) for table in tables[in_full:]]
    seen = _look(arranged, tables, (*looked, *refused), selection, errors[0] if errors else None)
    return replace(seen, warnings=(*seen.warnings, *_stops(seen, missing=request.missing == "error")))


def _stops(seen: Look, *, missing: bool) -> Iterator[str]:
    """Where a run would stop: at a cell in use that is no number, or is missing."""
    used = [column for table in seen.tables for column in table.columns if column.part in ("A", "b", "weights")]
    yield from (f"a run stops here: {column.error}" for column in used if column.error)
    if missing and (names := [column.name for column in used if column.missing]):
        yield f"cells are missing in {listed(names)}: a run stops at the first; --missing drop leaves such rows out"


def _look(
    arranged: Arranged,
    tables: Sequence[Table],
    looked: tuple[LookedTable, ...],
    selection: Selection | None,
    error: DataError | None,
) -> Look:
    """All that was seen."""
    many = "parts of one table" if len(arranged.parts) > 1 else "one table"
    arrangement = "A and b" if arranged.is_pair(tables) else many
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
    warnings = tuple(dict.fromkeys(warning for table in tables for warning in table.warnings))
    if selection is None:
        return Look(arranged.data, arrangement, looked, notes=notes, warnings=warnings, error=error)
    return Look(
        arranged.data,
        arrangement,
        looked,
        selection.names,
        selection.targets,
        None if selection.weights is None else selection.weights.name,
        tuple(column.name for column in selection.left_out),
        notes,
        (*warnings, *selection.warnings),
        error,
    )


def _match_parts(tables: Sequence[Table], arranged: Arranged, selection: Selection) -> None:
    """Raise `DataError` for a part of one table that has not the columns of the first."""
    if not arranged.is_pair(tables):
        for part in tables[1:]:
            match_part(tables[0], part, _used(selection))


def _used(selection: Selection) -> tuple[Column, ...]:
    """The columns of A, of b and the weights."""
    weights = () if selection.weights is None else (selection.weights,)
    return (*selection.A, *selection.b, *weights)


def _refused(path: str, error: DataError) -> LookedTable:
    """What was seen of a table that cannot be read."""
    lines = error.seen.decode("utf-8", "backslashreplace").splitlines()[:FIRST_LINES]
    name = STANDARD_INPUT if path == STDIN else printable(path)
    return LookedTable(name, first_lines=tuple(map(printable, lines)), error=str(error))


def _looked(table: Table, parts: Parts, errors: list[DataError]) -> LookedTable:
    """A table and its first rows; what is wrong with them goes to `errors`."""
    sample, said = Sample(0, ((),) * len(table.columns)), None
    try:
        sample = table.sample(ROWS)
    except DataError as error:
        errors.append(error)
        said = str(error)
    wrong = sample.errors or (None,) * len(table.columns)
    columns = tuple(
        _column(column, cells, sample.rows, parts, column.error or error)
        for column, cells, error in zip(table.columns, sample.cells, wrong, strict=True)
    )
    return LookedTable(table.path, table.form, table.size, table.decisions, sample.rows, columns, error=said)


def _column(
    column: Column, cells: Sequence[str | None], rows: int, parts: Parts, error: DataError | None
) -> LookedColumn:
    """What one column says, and what becomes of it."""
    there = [cell for cell in cells if cell is not None]
    different = dict.fromkeys(there)
    kind: str = column.kind.value
    if column.kind is Kind.TEXT and 2 * len(different) <= len(there):
        kind = _CATEGORY
    examples = tuple(different)[:EXAMPLES] or ((column.example,) if column.example else ())
    missing = len(cells) - len(there) if len(cells) == rows and rows else None
    part, why = parts.get(column, ("left out", "not in --columns") if parts else (None, None))
    said = None if error is None else str(error)
    return LookedColumn(column.position + 1, column.name, kind, examples, missing, part, why, said)


def _parts(selection: Selection | None, *, chosen: bool) -> Parts:
    """What each column that a selection speaks of is in the problem; why, if it is nothing."""
    if selection is None:
        return {}
    return {
        **{column: ("left out", _LEFT_OUT[column.kind]) for column in selection.left_out},
        **dict.fromkeys(selection.dropped, ("left out", "--drop")),
        **dict.fromkeys(selection.A, ("A", None)),
        **dict.fromkeys(selection.b, ("b", None if chosen else "the last taken")),
        **({} if selection.weights is None else {selection.weights: ("weights", None)}),
    }
