"""Which delimiter parts the cells: the first of tab, ``;``, ``,``, ``|`` and blanks that splits the first rows evenly.

It has to split them into one same number of cells, more than one; else the table has one column.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lsq_cli.core.errors import CellError, TableError, UsageError, shown
from lsq_cli.sources.text.dialect import DELIMITERS, unquoted
from lsq_cli.sources.text.numbers import convention, number
from lsq_cli.sources.text.shape import BLANKS_BETWEEN, ONE_COLUMN, ends_with, one_of, ragged

_WORDS = {"tab": "\t", "\\t": "\t", "space": BLANKS_BETWEEN, "blanks": BLANKS_BETWEEN}


class Row(NamedTuple):
    """A row not yet split into cells, and the line in which it begins."""

    line: int
    text: bytes


def delimiter_meant(text: str) -> str:
    """The delimiter that ``--delimiter`` names."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) == 1 and text.isascii() and not text.isalnum() and text not in '\0\n\r"+-.#':
        return text
    raise UsageError(f"--delimiter takes one character, or tab or space, not '{shown(text)}'")


def find_delimiter(rows: list[Row], label: str) -> str:
    """The first candidate that splits all rows into one same number of cells, else `ONE_COLUMN`."""
    bare = [re.sub(rb'"[^"]*"', b"_", row.text) for row in rows]
    widths = {sign: [_width(row, sign) for row in bare] for sign in DELIMITERS}
    for sign in DELIMITERS:
        if widths[sign][0] > 1 and len(set(widths[sign])) == 1:
            if sign == ",":
                _refuse_decimal_commas(bare, rows, label)
            return sign
    if any(number(unquoted(row.text)) is None for row in rows[1:]):
        for sign in DELIMITERS:
            _refuse_if_ragged(widths[sign], rows, sign, label)
    return ONE_COLUMN


def _refuse_decimal_commas(bare: list[bytes], rows: list[Row], label: str) -> None:
    """Raise for ``1,5 2,5`` or ``1,5|2,5``, in which the comma parts no cells though it splits all rows alike."""
    if len(bare) < 2 or all(number(unquoted(cell)) is not None for row in bare[1:] for cell in row.split(b",")):
        return
    for sign in ("|", BLANKS_BETWEEN):
        table = [row.split() if sign == BLANKS_BETWEEN else row.split(sign.encode()) for row in bare]
        cells = [unquoted(cell) for row in table[1:] for cell in row]
        odd = [cell for cell in cells if number(cell) is None]
        if len({len(row) for row in table}) > 1 or len(table[0]) < 2 or not odd:
            continue
        if all("decimal comma" in (convention(cell) or "") for cell in odd):
            place = next((k, cell) for k, row in enumerate(table[1:], 1) for cell in row if unquoted(cell) == odd[0])
            raise CellError(f"'{odd[0]}' is {convention(odd[0])}", f"{label}, line {rows[place[0]].line}")


def _width(bare: bytes, delimiter: str) -> int:
    """The number of cells in a row without quotes."""
    return len(bare.split()) if delimiter == BLANKS_BETWEEN else bare.count(delimiter.encode()) + 1


def _refuse_if_ragged(widths: list[int], rows: list[Row], delimiter: str, label: str) -> None:
    """Raise for text that is not of one column but cut short somewhere: most rows are split alike.

    Blanks stand in sentences too, so there all rows below the first must agree.
    """
    usual = max(set(widths), key=widths.count)
    alike = widths.count(usual)
    if usual == 1 or alike < (len(widths) - 1 if delimiter == BLANKS_BETWEEN else len(widths) / 2):
        return
    odd = next((k for k, width in enumerate(widths) if width != widths[0]), 0)
    first, row, rest_alike = rows[0], rows[odd], odd == 1 and alike == len(widths) - 1
    title = f"line {first.line}"
    error = ragged(f"{label}, line {row.line}", row.text, widths[odd], (title, widths[0]), delimiter)
    if rest_alike and ends_with(first.text, delimiter, widths[0] - usual):
        sign, problem = one_of(delimiter), error.problem.split(", cells")[0]
        problem = f"{problem}, for {title} ends with {sign}; end the rows with {sign} too, or take it out there"
        raise TableError(problem, error.where)
    if rest_alike and usual == widths[0] + 1 and not ends_with(row.text, delimiter, 1):
        problem = error.problem.split(";")[0]
        problem = f"{problem}; row names without a header of their own? write.table(…, col.names=NA)"
        raise TableError(problem, error.where)
    raise error
