"""Which delimiter parts the cells: the first of tab, ``;``, ``,``, ``|`` and blanks that splits the first rows evenly.

It has to split them into one same number of cells, more than one; else the table has one column. A header with one
cell fewer than every row is R's, above row names. Leading lines with fewer cells than all others are titles: refused,
naming ``--skip``. Cells of "text" that another delimiter turns into numbers are never accepted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lsq_cli.core.errors import TableError, UsageError, shown
from lsq_cli.sources.text.dialect import DELIMITERS, Row, split, unquoted
from lsq_cli.sources.text.numbers import number
from lsq_cli.sources.text.shape import BLANKS_BETWEEN, ONE_COLUMN, between, option_for

_WORDS = {"tab": "\t", "\\t": "\t", "space": BLANKS_BETWEEN, "blanks": BLANKS_BETWEEN}


class Delimiter(NamedTuple):
    """What parts the cells, why, and whether the rows begin with names that the header has no cell for."""

    sign: str
    why: str
    row_names: bool = False


def delimiter_meant(text: str) -> str:
    """The delimiter that ``--delimiter`` names."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) == 1 and text.isascii() and not text.isalnum() and text not in '\0\n\r"+-.#':
        return text
    raise UsageError(f"--delimiter takes one character, or tab or space, not '{shown(text)}'")


def given_delimiter(text: str, rows: Sequence[Row], label: str) -> Delimiter:
    """The delimiter that the user names; raises as `find_delimiter` where titles stand above its rows."""
    sign = delimiter_meant(text)
    widths = [_width(bare, sign) for bare in _bare(rows)]
    if len(set(widths)) > 1:
        from lsq_cli.sources.text import uneven

        if uneven.has_row_names(rows, widths, sign):
            return Delimiter(sign, "given", row_names=True)
        uneven.refuse_titles(rows, widths, sign, label)
    return Delimiter(sign, "given")


def find_delimiter(rows: Sequence[Row], label: str, decimal: str = ".") -> Delimiter:
    """The first candidate that splits all rows into one same number of cells, else `ONE_COLUMN`.

    Decimal commas part no cells, unless they stand in quotes.

    Raises
    ------
    TableError
        For rows that are cut short or have titles above them, and for cells that two delimiters part.
    """
    bare = _bare(rows)
    in_quotes = any(row.text.count(b",") > bare_row.count(b",") for row, bare_row in zip(rows, bare, strict=True))
    candidates = [sign for sign in DELIMITERS if sign != decimal or in_quotes]
    widths = {sign: [_width(row, sign) for row in bare] for sign in candidates}
    for sign in candidates:
        if widths[sign][0] > 1 and len(set(widths[sign])) == 1:
            return _settled(sign, rows, widths, label)
    from lsq_cli.sources.text import uneven  # most text does without

    for sign in candidates:
        if uneven.has_row_names(rows, widths[sign], sign):
            return Delimiter(sign, "the header has one cell fewer than every row", row_names=True)
    for sign in candidates:
        uneven.refuse_titles(rows, widths[sign], sign, label)
    if any(number(unquoted(row.text)) is None for row in rows[1:]):
        for sign in candidates:
            uneven.refuse_if_ragged(widths[sign], rows, sign, label)
    return Delimiter(ONE_COLUMN, "nothing splits the first rows evenly")


def _bare(rows: Sequence[Row]) -> list[bytes]:
    """The rows with a letter in the place of each quoted cell."""
    return [re.sub(rb'"[^"]*"', b"_", row.text) for row in rows]


def _width(bare: bytes, delimiter: str) -> int:
    """The number of cells in a row without quotes."""
    return len(bare.split()) if delimiter == BLANKS_BETWEEN else bare.count(delimiter.encode()) + 1


def _settled(sign: str, rows: Sequence[Row], widths: dict[str, list[int]], label: str) -> Delimiter:
    """`sign`, which splits all rows evenly; blanks where they part the numbers in its cells as evenly."""
    why = f"it splits the first {len(rows)} rows into {widths[sign][0]} cells each"
    found = _parted_cell(sign, rows)
    if found is None:
        return Delimiter(sign, why)
    row, cell, other = found
    if sign == "\t" and other == BLANKS_BETWEEN and len(set(widths[other])) == 1 and not _may_be_thousands(rows):
        return Delimiter(other, f"it splits the first {len(rows)} rows evenly, and cells between tabs too")
    problem = (
        f"'{shown(unquoted(cell))}' is one cell between {between(sign)}, and several numbers between {between(other)}; "
        f"{option_for(sign)} takes it for one, {option_for(other)} parts it"
    )
    raise TableError(problem, f"{label}, line {row.line}")


def _parted_cell(sign: str, rows: Sequence[Row]) -> tuple[Row, bytes, str] | None:
    """A cell that is no number, but that another delimiter parts into numbers, as it does all such of its column."""
    others = [other for other in DELIMITERS if other != sign and any(_width(row.text, other) > 1 for row in rows)]
    if not others:
        return None
    table = [split(row.text, sign) for row in rows]
    for column in range(len(table[0])):
        cells = [(row, cells[column]) for row, cells in zip(rows, table, strict=True) if column < len(cells)]
        for other in others:
            parted = [(row, cell) for row, cell in cells if _is_parted(cell, other)]
            rest = [cell for row, cell in cells[1:] if (row, cell) not in parted and _is_text(cell)]
            if parted and not any(re.search(rb"\d", cell) for cell in rest):
                return (*parted[0], other)
    return None


def _is_parted(cell: bytes, other: str) -> bool:
    """Whether a cell is no number, and numbers between another delimiter."""
    if cell.startswith(b'"') or _width(cell, other) < 2 or not (_is_text(cell) or other == BLANKS_BETWEEN):
        return False
    from lsq_cli.sources.text.conventions import convention  # plain numbers do without

    pieces = [piece.decode() for piece in split(cell, other) if piece]
    return bool(pieces) and all(number(piece) is not None or convention(piece) for piece in pieces)


def _is_text(cell: bytes) -> bool:
    """Whether a cell says something that is a number in no convention."""
    from lsq_cli.sources.text.conventions import convention

    text = unquoted(cell)
    return bool(text) and number(text) is None and not convention(text)


def _may_be_thousands(rows: Sequence[Row]) -> bool:
    """Whether a blank between tabs stands before three digits, as in ``1 234``."""
    return any(re.search(rb"[ \v\f]\d{3}(?!\d)", row.text) for row in rows)
