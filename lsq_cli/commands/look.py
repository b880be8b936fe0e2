"""`lsq look`: how the data would be read, on what evidence, and which column is what."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from lsq_cli.commands.options import GroupedCommand, data_arguments, format_option
from lsq_cli.commands.reading import refuse_a_terminal, request_of
from lsq_cli.commands.shell import say


@click.command(
    cls=GroupedCommand,
    example="lsq look sample_data/penguins.csv -t body_mass_g",
    short_help="Show how the data would be read.",
    help="""Show how the data would be read, from its first rows, and on what evidence.

    Format, delimiter and header, then each column: what its cells are, examples, missing cells among the
    first 1000 rows, and its part in the problem: A, b, weights, or left out and why. DATA and its options
    are as for lsq solve: change the verb and see. A table that is refused is shown as far as it was seen.
    """,
)
@data_arguments
@format_option("table", "json")
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Look, and show."""
    from lsq_cli.report.looking import print_look, write_look_json
    from lsq_cli.runs.looking import look
    from lsq_cli.sources.states import are_states

    if not options["data"]:
        refuse_a_terminal()
    if are_states(options["data"]):
        _look_at_states(options)
        return
    seen = look(options["data"], request_of(options), sys.stdin.buffer)
    if seen.anything:
        _show(seen, options, print_look, write_look_json)
    if seen.error is not None:
        say("error", str(seen.error))
        ctx.exit(seen.error.exit_code)


def _look_at_states(options: dict[str, Any]) -> None:
    """Show what is in states."""
    from lsq_cli.report.states import print_state_look, write_state_look_json
    from lsq_cli.runs.looking_states import look_at_states

    _show(look_at_states(options["data"], request_of(options)), options, print_state_look, write_state_look_json)


def _show(seen: Any, options: dict[str, Any], as_screen: Callable[..., None], as_json: Callable[..., None]) -> None:
    """What was seen, as it is asked for."""
    if options["form"] == "json":
        as_json(seen, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        as_screen(seen, sys.stdout)
        sys.stdout.flush()
