"""`lsq collect`: the exact sums of a table's rows, in a file that can be merged, subtracted and solved."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import GroupedCommand, data_arguments, machine_options, option, verbosity
from lsq_cli.commands.reading import (
    reading_options,
    refuse_a_terminal,
    request_of,
    resources_of,
    say_notes,
    say_warnings,
)
from lsq_cli.commands.shell import Interruption, say
from lsq_cli.commands.states import change_state, check_state_path, say_state, state_output, write_state
from lsq_cli.core.errors import OpenError, UsageError, counted, shown

if TYPE_CHECKING:
    from lsq_cli.problems.states import State
    from lsq_cli.sources.whole import Whole


@click.command(
    cls=GroupedCommand,
    example="lsq collect sample_data/longley.csv -o longley.lsqs",
    short_help="Keep the exact sums of a table in place of its rows.",
    help="""Keep the exact sums of a table's rows: a state, in the place of the rows.

    A state has every column of numbers, unless --columns and --drop say otherwise, and a column of ones. lsq
    solve and lsq fit take states as DATA, with any -t, --columns, --drop, --ridge and intercept; lsq merge
    joins them, lsq subtract takes one away. Weights and missing cells are decided here; -t marks what is b
    unless another is named, and makes every path a part of one table. --into adds to a state, however many
    do so at once.
    """,
)
@data_arguments
@state_output
@option("Output", "--into", metavar="S.lsqs", help="Add to this state, or begin it")
@machine_options
@verbosity
@reading_options
def command(**options: Any) -> None:
    """Read, sum, write."""
    start = perf_counter()
    _check_usage(options)
    Interruption()
    from lsq_cli.runs.collecting import added, collect

    whole = _open(options)
    with resources_of(whole.source, options) as resources:
        state = collect(whole, resources)
    say_notes(whole.source.notes, options)
    say_warnings(whole.source.warnings, options)
    if options["output"] is not None:
        write_state(options["output"], state)
        say_state(options["output"], state, options)
    if (path := options["into"]) is not None:
        total = change_state(path, lambda: added(path, state) if os.path.exists(path) else state)
        say_state(path, total, options)
    if options["verbose"] and not options["quiet"]:
        say("info", f"{counted(_read(state), 'row')} read, {state.rows} used, {perf_counter() - start:.3f} s")


def _check_usage(options: dict[str, Any]) -> None:
    """Refuse, before anything is read, what cannot be written."""
    from lsq_cli.report.files import refuse_same

    paths = [path for path in (options["output"], options["into"]) if path is not None]
    if not paths:
        raise UsageError("where to? -o S.lsqs writes a state, --into S.lsqs adds to one")
    for path in paths:
        check_state_path(path)
    refuse_same(paths, options["data"])
    if (into := options["into"]) is not None and os.path.exists(into) and not os.path.isfile(into):
        raise UsageError(f"--into {shown(into, 1000)}: a state that is added to has to be a file")


def _open(options: dict[str, Any]) -> Whole:
    """The table, with the columns to take."""
    from lsq_cli.sources.whole import open_whole

    request = request_of(options)
    if not options["data"]:
        refuse_a_terminal()
    try:
        whole = open_whole(options["data"], request, sys.stdin.buffer)
    except (OpenError, UsageError) as error:
        from lsq_cli.commands.hints import refuse_columns_as_files  # on the way to an error

        refuse_columns_as_files(options["data"], request, error)
        raise
    if options["verbose"] and not options["quiet"]:
        for form in whole.source.forms:
            say("info", form)
    return whole


def _read(state: State) -> int:
    """Rows that were seen."""
    return state.rows + int(state.dropped.sum())
