"""`lsq compare`: both methods, both precisions and every step rule on one problem, in one table."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import (
    GroupedCommand,
    Number,
    data_arguments,
    format_option,
    machine_options,
    model_options,
    normalize_option,
    option,
    tolerance_option,
    verbosity,
)
from lsq_cli.commands.reading import open_data, reading_options, resources_of, say_notes, say_warnings, say_work
from lsq_cli.commands.shell import Interruption

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem


@click.command(
    cls=GroupedCommand,
    example="lsq compare sample_data/longley.csv -t y --intercept",
    short_help="Try every method, precision and step rule.",
    help="""Solve by every method, precision and step rule, and show what each took and reached.

    The rows are read once. A rule of descent that would need longer than --time-limit is forecast from its
    first steps, not run. Answers that differ are named. DATA is as for lsq solve.
    """,
)
@data_arguments
@model_options
@tolerance_option
@normalize_option
@option(
    "Descent",
    "--time-limit",
    type=Number(0),
    default=10.0,
    metavar="S",
    help="Seconds for each run, else a forecast",
)
@format_option("table", "json", "csv")
@machine_options
@verbosity
@reading_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Read once, run all, report."""
    interruption = Interruption()
    problems = _read(options)
    interruption.postpone()
    from lsq_cli.runs.comparing import compare
    from lsq_cli.runs.solving import Run

    asked = {name: options[name] for name in ("tol", "time_limit", "normalize")}
    solving = perf_counter()
    entries = list(compare(problems, **asked, interrupted=interruption.requested))
    first = Run(problems[0], table=True)
    say_notes(first.notes, options)
    say_warnings(first.warnings, options)
    (reading, exact), (_, double) = (problem.about.work for problem in problems)
    times = f"{reading:.3f} s reading, {exact:.3f} s summing exactly and {double:.3f} s in double precision"
    say_work(problems[0].about, f"{times}, {perf_counter() - solving:.3f} s solving", options)
    from lsq_cli.report import comparison

    if options["form"] == "table":
        comparison.print_comparison(problems[0], entries, sys.stdout)
    elif options["form"] == "csv":
        comparison.write_comparison_csv(entries, sys.stdout.buffer)
    else:
        comparison.write_comparison_json(
            problems[0], entries, asked | {"warnings": (*first.warnings, *first.consequential)}, sys.stdout.buffer
        )
    ctx.exit(interruption.exit_code)


def _read(options: dict[str, Any]) -> tuple[Problem, Problem]:
    """The one pass over the rows, and what is to be said about it."""
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.runs.comparing import read_both

    source = open_data(options)
    with resources_of(source, options) as resources:
        return read_both(source, ProblemOptions(options["intercept"], options["ridge"]), resources)
