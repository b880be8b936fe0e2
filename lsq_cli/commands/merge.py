"""`lsq merge`: states of one table, joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import GroupedCommand, verbosity
from lsq_cli.commands.reading import say_warnings
from lsq_cli.commands.shell import Interruption
from lsq_cli.commands.states import check_state_path, say_state, state_output, write_joined
from lsq_cli.core.errors import UsageError

if TYPE_CHECKING:
    from lsq_cli.problems.states import State


@click.command(
    cls=GroupedCommand,
    example="lsq merge monday.lsqs tuesday.lsqs -o week.lsqs",
    short_help="Join the sums of several states.",
    help="""Join states of one table: their rows together, to the last bit.

    Any order and any grouping gives the same file. States are made by lsq collect; their columns have to be
    the same, in whatever order. The result may take the place of one of them.
    """,
)
@click.argument("states", nargs=-1, required=True, type=click.Path())
@state_output
@verbosity
def command(states: tuple[str, ...], **options: Any) -> None:
    """Read, add, write."""
    if (path := options["output"]) is None:
        raise UsageError("where to? -o S.lsqs names the state to write")
    check_state_path(path)
    Interruption()
    warnings: list[str] = []

    def joined() -> State:
        from lsq_cli.runs.collecting import merge

        state, beware = merge(states)
        warnings.extend(beware)
        return state

    state = write_joined(path, states, joined)
    say_warnings(warnings, options)
    say_state(path, state, options)
