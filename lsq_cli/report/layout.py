"""Two ways to print the same sections: aligned plain text, and rich tables on a terminal.

Prefer `plain_text` for files and pipes. It cuts nothing, draws no boxes, and needs no rich, whose import takes longer
than a small solve.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TextIO

from lsq_cli.report.page import Page

if TYPE_CHECKING:
    from rich.console import Console

_GAP = "  "
_INDENT = "  "
_RULED = (0, 1, 0, 0)  # blanks above, right, below and left of a cell: two between columns with the box's own


class Grid(NamedTuple):
    """A table of text, `rows` and `header` as wide as `align`."""

    title: str
    header: tuple[str, ...]
    """Empty for a list of labels and values."""
    rows: list[tuple[str, ...]]
    align: str
    """A letter a column: ``l`` or ``r``."""
    below: str = ""
    """A line under the table."""


class Lines(NamedTuple):
    """Sentences under a title; without a title they stand alone."""

    title: str
    lines: tuple[str, ...]


Section = Grid | Lines


def print_page(spelled: Callable[[Page], list[Section]], stream: TextIO) -> None:
    """Prints sections, given as a function of the page, on `stream`: ruled on a terminal, plain text elsewhere."""
    if stream.isatty():
        from rich.console import Console  # 20 ms that a pipe does without

        console = Console(file=stream)
        print_ruled(spelled(Page(console.encoding, console.width)), console)
    else:
        stream.write(plain_text(spelled(Page(stream.encoding or "utf-8"))))


def plain_text(sections: list[Section]) -> str:
    """`sections` as lines of text, with an empty line between them."""
    return "\n".join(_grid_text(part) if isinstance(part, Grid) else _lines_text(part) for part in sections)


def print_ruled(sections: list[Section], console: Console) -> None:
    """`sections` on a terminal, each grid between quiet rules."""
    from rich.padding import Padding
    from rich.text import Text

    for number, part in enumerate(sections):
        if number:
            console.print()
        if part.title:
            console.print(Text(part.title, style="bold"))
        if isinstance(part, Grid):
            _print_grid(part, console)
        else:
            for line in part.lines:
                console.print(Padding(Text(line), (0, 0, 0, len(_INDENT)), expand=False) if part.title else Text(line))


def ruled_width(columns: list[tuple[str, ...]]) -> int:
    """How wide `print_ruled` draws `columns`, each with its header."""
    return 1 + sum(max(map(cells, column)) + 2 for column in columns)


def cells(text: str) -> int:
    """How many cells of a fixed-width screen `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # half a megabyte that ASCII does without

    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def _grid_text(grid: Grid) -> str:
    lines = [f"{_INDENT}{_GAP.join(row)}".rstrip() for row in _padded_rows(grid)]
    return "\n".join([grid.title, *lines, *([_INDENT + grid.below] if grid.below else []), ""])


def _padded_rows(grid: Grid) -> list[tuple[str, ...]]:
    """The header, if there is one, and the rows, each column padded to one width."""
    rows = [grid.header, *grid.rows] if grid.header else grid.rows
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return [
        tuple(_padded(text, width, align) for text, width, align in zip(row, widths, grid.align, strict=True))
        for row in rows
    ]


def _padded(text: str, width: int, align: str) -> str:
    blanks = " " * (width - cells(text))
    return blanks + text if align == "r" else text + blanks


def _lines_text(part: Lines) -> str:
    if not part.title:
        return "".join(f"{line}\n" for line in part.lines)
    return f"{part.title}\n" + "".join(f"{_INDENT}{line}\n" for line in part.lines)


def _print_grid(grid: Grid, console: Console) -> None:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.HORIZONTALS, padding=_RULED, border_style="dim", show_header=bool(grid.header), header_style="bold"
    )
    header, *rows = _padded_rows(grid) if grid.header else [("",) * len(grid.align), *_padded_rows(grid)]
    for label in header:
        # Folded where it is too wide for the screen: a number with an ellipsis in it would be a lie.
        table.add_column(Text(label), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell.rstrip()) for cell in row))  # rich pads on the right itself
    # Wider than the screen: lines that the terminal wraps are better than numbers that are folded in a cell.
    needed = console.measure(table).maximum
    console.print(table, width=max(console.width, needed), no_wrap=True, crop=False)
    if grid.below:
        console.print(Padding(Text(grid.below, style="dim"), (0, 0, 0, 1), expand=False))
