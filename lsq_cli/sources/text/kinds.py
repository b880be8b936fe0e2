"""Which columns hold numbers, and which text: by the first rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lsq_cli.core.errors import CellError, DataError
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.dates import is_date
from lsq_cli.sources.text.cells import Grid
from lsq_cli.sources.text.numbers import convention
from lsq_cli.sources.text.wording import text_problem

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
        example = next((cell for _, cell in said if not convention(cell)), "")
        if example or not said:
            text[column] = example
            continue
        # 1,234 may be either; a cell beside it that can only be a decimal comma decides.
        row, cell = next((one for one in said if "thousands" not in str(convention(one[1]))), said[0])
        unreadable[column] = CellError(text_problem(grid.dialect, column, cell), grid.where(row, column))
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


def _until_number(grid: Grid, column: int, rows: Sequence[int]) -> Iterator[str | None]:
    """The cells of a column that are no number, missing ones as ``""``; None ends them where a number stands."""
    for row in rows:
        cell = grid.text(row, column)
        judged = grid.dialect.marks.judge(cell)
        if judged and judged[1] in (Reason.PRESENT, Reason.INF):
            yield None
            return
        yield "" if judged else cell
