"""Rows that have not as many cells as they should: the error in words, with what may be the matter."""

from __future__ import annotations

from lsq_cli.core.errors import TableError
from lsq_cli.sources.text.lines import BLANKS

BLANKS_BETWEEN = " "
"""The delimiter of cells that runs of blanks keep apart."""
ONE_COLUMN = "\0"
"""The delimiter of a table of one column: a byte that no text has."""


def ragged(where: str, row: bytes, width: int, expected: tuple[str, int], delimiter: str) -> TableError:
    """The error for a row that is too short or too long for the first one, given as its title and width."""
    title, usual = expected
    problem = f"{'1 cell' if width == 1 else f'{width} cells'} where {title} has {usual}"
    if ends_with(row, delimiter, width - usual):
        sign = one_of(delimiter)
        return TableError(f"{problem}, for it ends with {sign}; end {title} with {sign} too, or take it out", where)
    way_out = "is one missing, or is a delimiter inside a cell that wants quotes?"
    return TableError(f"{problem}, cells separated by {between(delimiter)}; {way_out}", where)


def ends_with(row: bytes, delimiter: str, count: int) -> bool:
    """Whether a row ends with so many delimiters, one at least; blanks that part cells are passed over anywhere."""
    sign = delimiter.encode()
    return (
        count > 0
        and delimiter != BLANKS_BETWEEN
        and row.translate(None, BLANKS.replace(sign, b"")).endswith(sign * count)
    )


def one_of(delimiter: str) -> str:
    """One delimiter in words."""
    return "a tab" if delimiter == "\t" else f"'{delimiter}'"


def between(delimiter: str) -> str:
    """What stands between two cells, in words."""
    return {"\t": "tabs", BLANKS_BETWEEN: "blanks"}.get(delimiter, f"'{delimiter}'")


def option_for(delimiter: str) -> str:
    """The option that names a delimiter, as a shell takes it."""
    words = {"\t": "tab", BLANKS_BETWEEN: "space", ";": "';'", "|": "'|'"}
    return f"--delimiter {words.get(delimiter, delimiter)}"
