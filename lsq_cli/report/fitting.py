"""How a table fits a narrow screen without folding or cutting a number.

What is tried, in this order, until the table is no wider than the screen:

1. as it is;
2. text columns (``t``) folded between words;
3. less important columns left out, as `Grid.spare` lists them, with a note that names them;
4. the table on its side: each row becomes a column, as many beside each other as fit.

Prefer to give `Grid.spare` where some columns matter less, and leave it empty where all matter: then nothing is lost.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

_LEAST_TEXT = 16  # cells that a folded text column has at least
_GAP = 2  # between columns
_MARGIN = 1 - _GAP  # one blank at the left, and no gap behind the last column


class Grid(NamedTuple):
    """A table of text, `rows` and `header` as wide as `align`."""

    title: str
    header: tuple[str, ...]
    """Empty for a list of labels and values."""
    rows: list[tuple[str, ...]]
    align: str
    """A letter a column: ``l`` left, ``r`` right, ``t`` text that may be folded between words."""
    below: str = ""
    """A line under the table."""
    spare: tuple[tuple[int, ...], ...] = ()
    """Sets of columns to leave out where the screen is narrow, the least important first."""
    elsewhere: str = ""
    """Where the columns that were left out are to be had: ``-f json has them``."""

    def without(self, left_out: tuple[int, ...]) -> Grid:
        """The table without some columns."""
        kept = [index for index in range(len(self.align)) if index not in left_out]

        def of(row: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(row[index] for index in kept)

        align = "".join(self.align[index] for index in kept)
        return self._replace(header=of(self.header), rows=[of(row) for row in self.rows], align=align)


def fitted(grid: Grid, width: int) -> list[Grid]:
    """The tables that show `grid` in `width` cells; one, or several of a table on its side."""
    if grid_width(grid) <= width:
        return [grid]
    if (folded := _folded(grid, width)) is not None:
        return [folded]
    widths = column_widths(grid)
    for left_out in grid.spare:
        kept = sum(w + _GAP for index, w in enumerate(widths) if index not in left_out)
        if kept + _MARGIN <= width:
            return [grid.without(left_out)._replace(below=_with_note(grid, left_out))]
    return _on_its_side(grid, width) if grid.header else [grid]


def grid_width(grid: Grid) -> int:
    """How wide a terminal shows `grid`."""
    return _MARGIN + sum(width + _GAP for width in column_widths(grid))


def column_widths(grid: Grid) -> list[int]:
    """The cells that each column takes."""
    rows = [grid.header, *grid.rows] if grid.header else grid.rows
    return [max(cells(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at blanks; a longer word stands alone on its line."""
    lines = [""]
    for word in re.split(r"(?<! -f) ", text):  # -f csv stays together
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cells(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def cells(text: str) -> int:
    """How many cells of a fixed-width screen `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # half a megabyte that ASCII does without

    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def _folded(grid: Grid, width: int) -> Grid | None:
    """The table with its text columns folded; None where that is not enough."""
    widths = column_widths(grid)
    texts = [index for index, align in enumerate(grid.align) if align == "t"]
    room = width - _MARGIN - sum(w + _GAP for index, w in enumerate(widths) if index not in texts)
    room -= _GAP * len(texts)
    limits: dict[int, int] = {}
    for place, index in enumerate(sorted(texts, key=widths.__getitem__)):
        # The narrowest take what they need of an equal share, and leave the rest to the others.
        limits[index] = min(widths[index], room // (len(texts) - place))
        room -= limits[index]
    if not texts or min(limits.values()) < _LEAST_TEXT:
        return None
    rows = [
        tuple("\n".join(wrapped(cell, limits[k])) if k in limits else cell for k, cell in enumerate(row))
        for row in grid.rows
    ]
    folded = grid._replace(rows=rows)
    return folded if grid_width(folded) <= width else None


def _with_note(grid: Grid, left_out: tuple[int, ...]) -> str:
    """The line under a table that lacks columns, with the names of those."""
    # Several targets or unknowns may share a header's first words; each is named once.
    names = [name for name, _ in groupby(grid.header[index].strip() for index in left_out)]
    named = ", ".join(names) if len(names) <= 4 else f"{names[0]}, {names[1]}, … {names[-1]} ({len(names)} columns)"
    note = f"left out on this narrow screen: {named}" + (f"; {grid.elsewhere}" if grid.elsewhere else "")
    return f"{grid.below}; {note}" if grid.below else note


def _on_its_side(grid: Grid, width: int) -> list[Grid]:
    """The table with its rows as columns, as many beside each other as fit."""
    labels = [label.strip() for label in grid.header]
    taken = _MARGIN + max(map(cells, labels)) + _GAP
    turned: list[Grid] = []
    columns: list[tuple[str, ...]] = []
    used = taken
    for row in [tuple(cell.strip() for cell in row) for row in grid.rows]:
        needed = max(map(cells, row)) + _GAP
        if columns and used + needed > width:
            turned.append(_turned(grid, labels, columns, first=not turned))
            columns, used = [], taken
        columns.append(row)
        used += needed
    turned.append(_turned(grid, labels, columns, first=not turned))
    return [*turned[:-1], turned[-1]._replace(below=grid.below)]


def _turned(grid: Grid, labels: list[str], columns: list[tuple[str, ...]], *, first: bool) -> Grid:
    """One table of some rows on their side."""
    header, *rows = zip(labels, *columns, strict=True)
    return Grid(grid.title if first else "", header, rows, "l" + "r" * len(columns))
