"""The rows that move x most, as a table: where each stands, how far off it is, and what changes most without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.report.fitting import Grid
from lsq_cli.report.page import Page, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.core.solution import Influence, Solution

_DIGITS = 4


def influence_grid(solution: Solution, rows: Sequence[Influence], page: Page) -> Grid:
    """A row of the table for each row of the data; `solution` is the fit to all of them."""
    counted = dict.fromkeys("row" if row.line is None else "line" for row in rows)
    header: tuple[str, ...] = (
        " or ".join(sorted(counted)),
        "residual",
        "leverage",
        "distance",
        "moves most",
        "from",
        "to",
    )
    lines: list[tuple[str, ...]] = [
        (
            str(row.row if row.line is None else row.line),
            significant(row.residual, _DIGITS),
            significant(row.leverage, _DIGITS),
            significant(row.distance, _DIGITS),
            *_moved_most(solution, row, page),
        )
        for row in rows
    ]
    align, files = "rrrrlrr", len({row.file for row in rows})
    if files > 1:
        header, align = ("file", *header), "l" + align
        lines = [(page.name(row.file), *line) for row, line in zip(rows, lines, strict=True)]
    last = len(header) - 1
    spare = ((last - 2, last - 1, last), (last - 4, last - 2, last - 1, last))
    title = "Influence, by Cook's distance"
    return Grid(title, header, lines, align, "x without each row: -f json", spare, "-f json has them")


def _moved_most(solution: Solution, row: Influence, page: Page) -> tuple[str, str, str]:
    """The coefficient that moves farthest in units of its standard error, and its values with and without the row."""
    errors = getattr(solution.statistics, "std_error", None)
    k = None if errors is None else row.moved_most(solution.x, errors)
    if k is None:
        return "", "", ""
    return page.name(solution.names[k]), significant(float(solution.x[k])), significant(float(row.x[k]))
