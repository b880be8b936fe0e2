"""What is in states, as a screen and as JSON: `lsq look` of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from lsq_cli.core.errors import counted
from lsq_cli.core.version import __version__
from lsq_cli.report.fitting import Grid
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import significant
from lsq_cli.report.plain import write_json_line

if TYPE_CHECKING:
    from lsq_cli.report.page import Page
    from lsq_cli.report.plain import Writable
    from lsq_cli.runs.looking_states import StateColumn, StateLook


def print_state_look(look: StateLook, stream: TextIO) -> None:
    """Prints what was seen on `stream`: ruled tables on a terminal, plain text elsewhere."""
    print_page(lambda page: _sections(look, page), stream)


def write_state_look_json(look: StateLook, stream: Writable) -> None:
    """One object on one line."""
    write_json_line({**asdict(look), "version": __version__}, stream)


def _sections(look: StateLook, page: Page) -> list[Section]:
    """How many rows there were, the columns, and what there is to say."""
    title = page.message(f"{' '.join(look.data)}: {look.arrangement}, sums without rows")
    rows = [f"{counted(look.rows, 'row')} used of {look.rows_read} read"]
    if look.weights is not None:
        missed = f", {_told(look.weights_dropped)} dropped" if look.weights_dropped else ""
        rows.append(f"weighed by {look.weights}: {look.weightless} of weight 0{missed}")
    rows.append(f"hash of the sums: {look.digest}")
    header = ("#", "name", "mean", "rows dropped", "part")
    sections: list[Section] = [
        Lines(title, tuple(map(page.message, rows))),
        Grid("Columns", header, [_row(column, page) for column in look.columns], "rlrll", "", (), ""),
    ]
    for name, lines in (("Notes", look.notes), ("Warnings", look.warnings)):
        if lines:
            sections.append(Lines(name, tuple(map(page.message, lines))))
    return sections


def _row(column: StateColumn, page: Page) -> tuple[str, ...]:
    """One column."""
    mean = page.label("−") if column.mean is None else significant(column.mean)
    return str(column.position), page.name(column.name), mean, _told(column.dropped) or "0", column.part


def _told(dropped: dict[str, int]) -> str:
    """``3 empty, 1 na``."""
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items())
