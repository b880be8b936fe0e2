"""`lsq gradient`: the Jacobian and the gradient at a point, derived, checked, and compared with one's own."""

from __future__ import annotations

import sys
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import (
    GroupedCommand,
    Number,
    data_arguments,
    format_option,
    intercept_option,
    machine_options,
    option,
    together,
    verbosity,
)
from lsq_cli.commands.reading import open_data, reading_options, resources_of, say_notes, say_warnings, say_work
from lsq_cli.commands.shell import Interruption

if TYPE_CHECKING:
    from lsq_cli.runs.gradient import Gradient

gradient_options = together(
    intercept_option,
    option("Problem", "--at", metavar="X", help="The point: 1,2.5 or a file  [default: 0]"),
    option(
        "Problem",
        "--objective",
        type=click.Choice(["half", "sum", "mean"]),
        metavar="F",
        help="half ½‖r‖², sum ‖r‖², mean ‖r‖²/m  [default: half]",
    ),
    option("Problem", "--mine", metavar="G", help="Your gradient: numbers or a file"),
    option("Descent", "--learning-rate", type=Number(above=0), metavar="B", help="Step length  [default: 1/λmax]"),
    format_option("table", "json"),
)


@click.command(
    cls=GroupedCommand,
    example="lsq gradient sample_data/A.csv sample_data/b.csv --at 1,2,0.5",
    help="""Derive the gradient of ½‖Ax − b‖² at a point.

    Shapes, the chain rule with the values, the Jacobian (Ax − b)ᵀA as a row, the gradient Aᵀ(Ax − b) as a
    column, AᵀAx − Aᵀb and central differences beside it, and one step of descent. DATA is as for lsq solve;
    one column alone means A = I and the loss ‖b − a‖². --mine names the mistake in a gradient of your own.
    """,
)
@data_arguments
@gradient_options
@machine_options
@verbosity
@reading_options
def command(**options: Any) -> None:
    """Read, differentiate, report."""
    Interruption()
    from lsq_cli.report.gradient import print_gradient, write_gradient_json

    start = perf_counter()
    result = _differentiate(options)
    reading, summing = result.work
    times = f"{reading:.3f} s reading and {summing:.3f} s summing in all threads"
    say_notes(result.notes, options)
    say_warnings(result.warnings, options)
    say_work(result, f"{times}, {perf_counter() - start:.3f} s from start to end", options)
    if options["form"] == "json":
        write_gradient_json(result, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        print_gradient(result, sys.stdout)


def _differentiate(options: dict[str, Any]) -> Gradient:
    """The one pass over the rows, and everything that is shown."""
    from lsq_cli.runs.gradient import differentiate
    from lsq_cli.sources.points import read_start, read_values

    source = open_data(options, alone=True)
    at, mine = options["at"], options["mine"]
    with resources_of(source, options) as resources:
        return differentiate(
            source,
            at=None if at is None else partial(read_start, at, option="--at"),
            loss=options["objective"],
            mine=None if mine is None else partial(read_values, mine, option="--mine"),
            learning_rate=options["learning_rate"],
            intercept=options["intercept"],
            resources=resources,
        )
