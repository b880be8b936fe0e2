"""First rows that no delimiter splits evenly: R's row names, titles above the table, rows cut short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsq_cli.core.errors import TableError
from lsq_cli.sources.text.conventions import convention
from lsq_cli.sources.text.dialect import Row, split, unquoted
from lsq_cli.sources.text.numbers import number
from lsq_cli.sources.text.shape import BLANKS_BETWEEN, between, ends_with, one_of, ragged


def has_row_names(rows: Sequence[Row], widths: list[int], sign: str) -> bool:
    """Whether the rows are R's: a header of one cell fewer, and first cells that are words or count 1, 2, 3, …."""
    if len(rows) < 3 or set(widths[1:]) != {widths[0] + 1}:
        return False
    names = split(rows[0].text, sign)
    table = [split(row.text, sign) for row in rows[1:]]
    firsts = [unquoted(row[0]) for row in table]
    counted = firsts == [str(k) for k in range(1, len(rows))]
    return (
        all(name.startswith(b'"') or _has_letter(name) for name in names)
        and (counted or all(_has_letter(row[0]) for row in table))
        and all(row[-1] for row in table)
        and _has_numbers(cell for row in table for cell in row[1:])
    )


def _has_letter(cell: bytes) -> bool:
    return any(sign.isalpha() for sign in unquoted(cell))


def _has_numbers(cells: Iterable[bytes]) -> bool:
    """Whether a cell is a number in some convention."""
    texts = map(unquoted, cells)
    return any(number(text) is not None or convention(text) for text in texts)


def refuse_titles(rows: Sequence[Row], widths: list[int], sign: str, label: str) -> None:
    """Raise where leading lines have fewer cells than all lines after them, which hold numbers."""
    stray = any(b'"' in cell and not cell.startswith(b'"') for cell in split(rows[0].text, sign))
    if stray or any(row.text.count(b'"') % 2 for row in rows):
        return  # a quote is what is wrong
    width = widths[-1]
    first = next(k for k in range(len(widths)) if set(widths[k:]) == {width})
    if not first or max(widths[:first]) >= width or 1 < first == len(rows) - 1:
        return
    if not _has_numbers(cell for row in rows[first:] for cell in split(row.text, sign)):
        return
    if first == 1 and ends_with(rows[1].text, sign, width - widths[0]):
        title = f"line {rows[0].line}"
        raise ragged(f"{label}, line {rows[1].line}", rows[1].text, width, (title, widths[0]), sign)
    last = rows[first].line
    problem = f"{_cells(width)} where line {rows[0].line} has {widths[0]}, cells separated by {between(sign)}"
    if first > 1:
        problem = f"{_cells(width)} from here on, but fewer above, cells separated by {between(sign)}"
    titles = "a title" if first == 1 else "titles"
    ways = [f"{titles} above the table? --skip {last - 1} leaves {'it' if first == 1 else 'them'} out"]
    if first == 1 and width == widths[0] + 1:
        ways.append("row names without a header of their own? write.table(…, col.names=NA)")
    raise TableError(f"{problem}; {'; '.join(ways)}", f"{label}, line {last}")


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def refuse_if_ragged(widths: list[int], rows: Sequence[Row], delimiter: str, label: str) -> None:
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
    if rest_alike and usual != widths[0]:
        problem = f"{error.problem.split(';')[0]}; a title above the table? --skip {row.line - 1} leaves it out"
        raise TableError(problem, error.where)
    raise error
