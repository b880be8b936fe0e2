"""Which columns hold numbers, and which text: by the first rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lsq_cli.core.errors import CellError, DataError
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.dates import is_date
from lsq_cli.sources.text.cells import Grid
from lsq_cli.sources.text.marks import SHEET_ERRORS

TEXT_ROWS = 1000
"""A column without one number in so many rows is text."""


def find_text(grid: Grid) -> tuple[dict[int, str], dict[int, DataError]]:
    """The columns without one number in the first `TEXT_ROWS` rows.

    Returns
    -------
    text : dict
        Position → an example: the first cell that is no missing mark, ``""`` where all are, and numbers may follow.
    unreadable : dict
        Position → the error for a column of numbers that are written in another convention.
    """
    text: dict[int, str] = {}
    unreadable: dict[int, DataError] = {}
    rows = range(min(grid.rows, TEXT_ROWS))
    for column in range(len(grid.dialect.names)):
        cells = list(_until_number(grid, column, rows))
        if cells and cells[-1] is None:
            continue
        said = [(row, cell) for row, cell in zip(rows, cells, strict=True) if cell]
        example = next((cell for _, cell in said if not _is_number_elsewhere(grid, cell)), "")
        if example or not said:
            text[column] = example
        else:
            unreadable[column] = _unreadable(grid, column, said)
    return text, unreadable


def counts_rows(grid: Grid) -> frozenset[int]:
    """The columns under an empty cell of the header that only count the rows, from 0 or 1 on."""
    return frozenset(column for column in grid.dialect.unnamed if _counts(grid, column))


def _counts(grid: Grid, column: int) -> bool:
    first = grid.text(0, column)
    if first not in ("0", "1"):
        return False
    return all(grid.text(row, column) == str(int(first) + row) for row in range(min(grid.rows, TEXT_ROWS)))


def find_dates(grid: Grid, text: Mapping[int, str]) -> frozenset[int]:
    """Which columns of text hold nothing but dates, and missing cells, in the first `TEXT_ROWS` rows."""
    return frozenset(column for column, example in text.items() if is_date(example) and _only_dates(grid, column))


def _only_dates(grid: Grid, column: int) -> bool:
    cells = (grid.text(row, column) for row in range(min(grid.rows, TEXT_ROWS)))
    return all(is_date(cell) or grid.dialect.marks.judge(cell) is not None for cell in cells)


def _is_number_elsewhere(grid: Grid, cell: str) -> bool:
    """Whether a cell is a number in another convention, or what a spreadsheet has in the place of one."""
    from lsq_cli.sources.text.conventions import convention  # only a column without numbers pays for it

    return cell in SHEET_ERRORS or convention(cell, grid.dialect.decimal) is not None


def _unreadable(grid: Grid, column: int, said: Sequence[tuple[int, str]]) -> CellError:
    """The error for a column of numbers in another convention; of a decimal comma, one that can be nothing else."""
    from lsq_cli.sources.text.conventions import convention, meant_by_comma  # only an error pays for it
    from lsq_cli.sources.text.wording import text_problem

    dialect = grid.dialect
    found = [(row, cell, convention(cell, dialect.decimal)) for row, cell in said]
    comma = meant_by_comma([each for *_, each in found if each is not None], dialect.delimiter)
    row, cell, _ = next((one for one in found if one[2] is not None and one[2].kind == comma), found[0])
    return CellError(text_problem(dialect, column, cell, comma), grid.where(row, column))


def _until_number(grid: Grid, column: int, rows: Sequence[int]) -> Iterator[str | None]:
    """The cells of a column that are no number, missing ones as ``""``; None ends them where a number stands."""
    for row in rows:
        cell = grid.text(row, column)
        judged = grid.dialect.marks.judge(cell)
        if judged and judged[1] in (Reason.PRESENT, Reason.INF):
            yield None
            return
        yield "" if judged else cell
