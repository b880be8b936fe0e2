"""What `lsq look` saw: a screen that answers it at 80 × 24, and JSON with all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from lsq_cli.core.errors import printable, shown
from lsq_cli.core.version import __version__
from lsq_cli.report.fitting import Grid, cells
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.plain import write_json_line

if TYPE_CHECKING:
    from lsq_cli.report.page import Page
    from lsq_cli.report.plain import Writable
    from lsq_cli.runs.looking import Look, LookedColumn, LookedTable

_SCREEN = (5, 3)
"""So many of the first and of the last columns are shown on a terminal, where there are more; elsewhere all are."""
_PARTS = 3  # of many parts of one table so many are named
_LINE = 66  # cells of a line at most
_EXAMPLE = 16  # cells of an example on a terminal at most
_EXAMPLES = 18  # … and of all of a column
_INDENT = 2


def print_look(look: Look, stream: TextIO) -> None:
    """Prints what was seen on `stream`: ruled tables on a terminal, plain text elsewhere."""
    print_page(lambda page: sections(look, page), stream)


def write_look_json(look: Look, stream: Writable) -> None:
    """One object on one line, with every column."""
    record = asdict(look) | {"error": None if look.error is None else str(look.error), "version": __version__}
    for table in record["tables"]:
        table["decisions"] = [
            {"what": what, "taken": taken, "evidence": evidence} for what, taken, evidence in table["decisions"]
        ]
    write_json_line(record, stream)


def sections(look: Look, page: Page) -> list[Section]:
    """How each table is written, its columns, and what a run would make of them."""
    parts: list[Section] = []
    in_full = [table for table in look.tables if table.columns or table.error]
    for k, table in enumerate(in_full):
        above = in_full[0] if k else None
        parts.append(Lines(page.message(_title(table)), tuple(map(page.message, _written(table, above, look, page)))))
    if more := [table.path for table in look.tables if table not in in_full]:
        parts.append(Lines("", (page.message(f"and its other parts: {_listed(more)}"),)))
    if any(table.columns for table in in_full):
        parts.append(_columns(in_full, page))
    for title, lines in (("Notes", look.notes), ("Warnings", look.warnings)):
        if lines:
            parts.append(Lines(title, tuple(map(page.message, lines))))
    return parts


def _title(table: LookedTable) -> str:
    """``data.csv: CSV, ',' between cells, a header``."""
    return f"{table.path}: {table.form or 'not read'}"


def _written(table: LookedTable, above: LookedTable | None, look: Look, page: Page) -> list[str]:
    """The decisions about a table that are others than those of the one above; or the lines that were refused.

    The first error is said on standard error.
    """
    known = above.decisions if above else ()
    decisions = [decision for decision in table.decisions if decision not in known]
    bare = [f"{what}: {taken}" for what, taken, evidence in decisions if not evidence]
    said = [f"{what}: {taken} ({evidence})" for what, taken, evidence in decisions if evidence]
    lines = [f"line {number}: {shown(line, _LINE)}" for number, line in enumerate(table.first_lines, start=1)]
    other = [table.error] if table.error and table.error != str(look.error) else []
    return [*said, *_packed(bare, page), *lines, *other]


def _packed(said: Sequence[str], page: Page) -> list[str]:
    """What is said without evidence, as much on a line of a terminal as has room."""
    lines: list[str] = []
    for sentence in said:
        longer = f"{lines[-1]}; {sentence}" if lines else sentence
        if lines and page.width is not None and cells(longer) <= page.width - _INDENT:
            lines[-1] = longer
        else:
            lines.append(sentence)
    return lines


def _columns(tables: Sequence[LookedTable], page: Page) -> Grid:
    """A row a column; of many the first and the last."""
    rows = max(table.rows_seen for table in tables)
    title = f"Columns, by the first {rows} rows" if rows else "Columns; no row was looked at"
    header = ("#", "name", "kind", "examples", "missing", "part")
    listed = [row for table in tables for row in _rows(table, len(tables), page)]
    return Grid(title, header, listed, "rlllrl", "", ((3,), (3, 4)), "-f json has them")


def _rows(table: LookedTable, tables: int, page: Page) -> list[tuple[str, ...]]:
    """The columns of one table; of two tables each has half of the screen."""
    first, last = (max(1, most // tables) for most in _SCREEN)
    columns = table.columns
    if page.width is None or len(columns) <= first + last + 1:
        return [_row(column, page) for column in columns]
    between = len(columns) - first - last
    return [
        *(_row(column, page) for column in columns[:first]),
        (page.label("…"), f"{between} more", "", "", "", ""),
        *(_row(column, page) for column in columns[-last:]),
    ]


def _row(column: LookedColumn, page: Page) -> tuple[str, ...]:
    """One column."""
    part = f"{column.part}: {column.why}" if column.part and column.why else column.part or ""
    missing = page.label("−") if column.missing is None else str(column.missing)
    return (
        str(column.position),
        page.name(column.name),
        column.kind,
        _examples(column.examples, page),
        missing,
        page.message(part),
    )


def _examples(examples: Sequence[str], page: Page) -> str:
    """As many of the examples as have room, one at least; all of them where there is no end of room."""
    said, between = "", "; " if any("," in example for example in examples) else ", "
    for example in examples:
        text = printable(example) if page.width is None else _short(example)
        longer = f"{said}{between}{text}" if said else text
        if said and page.width is not None and len(longer) > _EXAMPLES:
            break
        said = longer
    return page.message(said)


def _short(text: str) -> str:
    safe = printable(text)
    return safe if len(safe) <= _EXAMPLE else f"{safe[: _EXAMPLE - 1]}…"


def _listed(paths: Sequence[str]) -> str:
    """The first paths, and how many more."""
    named = ", ".join(paths[:_PARTS])
    return named if len(paths) <= _PARTS else f"{named} and {len(paths) - _PARTS} more"
