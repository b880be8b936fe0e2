"""Two ways to print the same sections: aligned plain text, and tables between rules on a terminal.

Prefer `plain_text` for files and pipes. It cuts nothing, draws no boxes, and needs no rich, whose import takes longer
than a small solve.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple, TextIO

from lsq_cli.report.fitting import Grid, cells, column_widths, fitted, grid_width, wrapped
from lsq_cli.report.page import Page

if TYPE_CHECKING:
    from rich.console import Console

_GAP = "  "
_INDENT = "  "


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
    """`sections` on a terminal, each grid between quiet rules and no wider than the screen."""
    from rich.text import Text

    for number, part in enumerate(sections):
        if number:
            console.print()
        if part.title:
            console.print(Text(part.title, style="bold"))
        if isinstance(part, Grid):
            for place, grid in enumerate(fitted(part, console.width)):
                if place:
                    console.print()
                _print_grid(grid, console)
        else:
            for line in part.lines:
                _print_line(line, console, len(_INDENT) if part.title else 0)


def _grid_text(grid: Grid) -> str:
    lines = [f"{_INDENT}{_GAP.join(row)}".rstrip() for row in _padded_rows(grid)]
    return "\n".join([grid.title, *lines, *([_INDENT + grid.below] if grid.below else []), ""])


def _padded_rows(grid: Grid) -> list[tuple[str, ...]]:
    """The header, if there is one, and the rows, each column padded to one width."""
    rows = [grid.header, *grid.rows] if grid.header else grid.rows
    widths = column_widths(grid)
    return [tuple(map(_padded, row, widths, grid.align)) for row in rows]


def _padded(text: str, width: int, align: str) -> str:
    blanks = " " * (width - cells(text))
    return blanks + text if align == "r" else text + blanks


def _lines_text(part: Lines) -> str:
    if not part.title:
        return "".join(f"{line}\n" for line in part.lines)
    return f"{part.title}\n" + "".join(f"{_INDENT}{line}\n" for line in part.lines)


def _print_grid(grid: Grid, console: Console) -> None:
    """A grid between rules. Where a single number is wider than the screen the terminal wraps it."""
    from rich.text import Text

    widths = column_widths(grid)
    sign = "-" if console.options.ascii_only else "─"
    rule = Text(f" {sign * (grid_width(grid) - 1)}", style="dim")
    lines = [rule]
    if grid.header:
        lines += [Text(_ruled_row(grid.header, widths, grid.align), style="bold"), rule]
    for row in grid.rows:
        parts = [cell.split("\n") for cell in row]
        for line in zip_longest(*parts, fillvalue=""):
            lines.append(Text(_ruled_row(line, widths, grid.align)))
    for text in [*lines, rule]:
        console.print(text, soft_wrap=True)
    if grid.below:
        _print_line(grid.below, console, 1, "dim")


def _ruled_row(row: tuple[str, ...], widths: list[int], align: str) -> str:
    return f" {_GAP.join(map(_padded, row, widths, align))}".rstrip()


def _print_line(text: str, console: Console, indent: int = 0, style: str = "") -> None:
    """A sentence, continued on further lines between its words."""
    from rich.text import Text

    for line in wrapped(text, console.width - indent):
        console.print(Text(" " * indent + line, style=style), overflow="fold")
