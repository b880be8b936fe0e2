"""Which columns hold numbers, and which text: by the first rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsq_cli.core.errors import CellError, DataError
from lsq_cli.sources.blocks import Reason
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


def _until_number(grid: Grid, column: int, rows: Sequence[int]) -> Iterator[str | None]:
    """The cells of a column that are no number, missing ones as ``""``; None ends them where a number stands."""
    for row in rows:
        cell = grid.text(row, column)
        judged = grid.dialect.marks.judge(cell)
        if judged and judged[1] in (Reason.PRESENT, Reason.INF):
            yield None
            return
        yield "" if judged else cell
