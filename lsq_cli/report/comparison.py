"""What every method took and reached: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TextIO

from lsq_cli.core.solution import Outcome, one_decimal
from lsq_cli.core.version import __version__
from lsq_cli.report.fitting import Grid
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import significant
from lsq_cli.report.plain import write_csv_row, write_json_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lsq_cli.core.problem import Problem
    from lsq_cli.report.page import Page
    from lsq_cli.report.plain import Writable
    from lsq_cli.runs.comparing import Entry

FORECAST = "forecast"


def print_comparison(problem: Problem, entries: Sequence[Entry], stream: TextIO) -> None:
    """The problem in short, then a table for each precision."""
    print_page(lambda page: sections(problem, entries, page), stream)


def sections(problem: Problem, entries: Sequence[Entry], page: Page) -> list[Section]:
    """All tables, and a sentence on each rule that did not come to its end."""
    about = problem.about
    facts = {
        "rows": str(about.rows),
        "columns": str(len(about.names)),
        "rank": str(problem.rank),
        "scaled condition": significant(problem.condition),
    }
    parts: list[Section] = [Grid("Problem", (), list(facts.items()), "ll")]
    for precision in dict.fromkeys(entry.precision for entry in entries):
        parts.append(_grid(precision, [entry for entry in entries if entry.precision == precision], page))
    unfinished = [_verdict(entry) for entry in entries if entry.outcome != Outcome.CONVERGED]
    if unfinished:
        parts.append(Lines("Not converged", tuple(map(page.message, unfinished))))
    if different := [f"{_name(entry)}, {entry.precision}: {entry.differs}" for entry in entries if entry.differs]:
        parts.append(Lines("Different answers", tuple(map(page.message, different))))
    return parts


def write_comparison_json(
    problem: Problem, entries: Sequence[Entry], asked: Mapping[str, Any], stream: Writable
) -> None:
    """One object on one line: the problem, what was asked of descent, and a run a method, rule and precision."""
    about = problem.about
    record: dict[str, Any] = {
        "data": about.data,
        "rows": about.rows,
        "rows_read": about.rows_read,
        "columns": len(about.names),
        "rank": problem.rank,
        "names": about.names,
        "targets": about.targets,
        "condition": problem.condition,
        **asked,
        "runs": [entry._asdict() for entry in entries],
        "version": __version__,
    }
    write_json_line(record, stream)


def write_comparison_csv(entries: Sequence[Entry], stream: Writable) -> None:
    """A line a run; a cell is empty where there is nothing to tell."""
    for number, entry in enumerate(entries):
        if not number:
            write_csv_row(entry._fields, stream)
        write_csv_row(tuple(_cell(value) for value in entry), stream)


def _grid(precision: str, entries: Sequence[Entry], page: Page) -> Grid:
    """The runs on the sums of one precision."""
    header = (
        *("method", "seconds", "solving", "iterations", "passes"),
        *(page.label("‖Ax − b‖"), page.label("‖∇f‖"), "digits", "outcome"),
    )
    rows = [_row(entry) for entry in entries]
    spare = ((2,), (2, 4), (2, 4, 6), (2, 4, 5, 6))
    return Grid(f"Sums in {precision} precision", header, rows, "l" + "r" * 7 + "l", "", spare, "-f csv has all")


def _row(entry: Entry) -> tuple[str, ...]:
    """One line; what is only forecast is marked."""
    name = _name(entry)
    if entry.outcome == FORECAST:
        mark = "<" if entry.forecast_is_bound else "~"
        seconds, solving = (f"{mark}{significant(value, 3)}" for value in (entry.seconds, entry.solving_seconds))
        return (name, seconds, solving, f"{mark}{significant(entry.forecast, 3)}", *[""] * 4, "not run")
    return (
        name,
        significant(entry.seconds, 3),
        significant(entry.solving_seconds, 3),
        str(entry.iterations),
        str(entry.passes),
        significant(entry.residual_norm),
        significant(entry.gradient_norm, 3),
        "" if entry.digits is None else one_decimal(entry.digits),
        entry.outcome.replace("_", " "),
    )


def _name(entry: Entry) -> str:
    """``normal`` or ``gd cg``."""
    return " ".join(filter(None, (entry.method, entry.step)))


def _verdict(entry: Entry) -> str:
    """Why a run has no solution to show."""
    if entry.outcome != FORECAST:
        return f"{_name(entry)}, {entry.precision}: {Outcome(entry.outcome).sentence}"
    if entry.forecast is None or math.isinf(entry.forecast):
        return f"{_name(entry)}, {entry.precision}: not run, no number of steps is enough"
    about = "at most" if entry.forecast_is_bound else "about"
    steps, seconds = (significant(value, 3) for value in (entry.forecast, entry.solving_seconds))
    return f"{_name(entry)}, {entry.precision}: not run, {about} {steps} steps and {seconds} s"


def _cell(value: str | float | None) -> str | float:
    """A cell of CSV."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value
