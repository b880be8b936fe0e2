"""`lsq subtract`: a state without the rows of others."""

from __future__ import annotations

from typing import Any

import click

from lsq_cli.commands.options import GroupedCommand, verbosity
from lsq_cli.commands.shell import Interruption
from lsq_cli.commands.states import check_state_path, say_state, state_output, write_joined
from lsq_cli.core.errors import UsageError


@click.command(
    cls=GroupedCommand,
    example="lsq subtract week.lsqs monday.lsqs -o rest.lsqs",
    short_help="Take the rows of a state out of another.",
    help="""Take the rows of states T out of a state S: what is left is as if they never had been in it.

    To the last bit: what lsq merge made of S and T, less T, is the file S again. That T's rows were among
    those of S is checked as far as sums can tell, again when the result is solved. The result may take the
    place of S.
    """,
)
@click.argument("state", metavar="S", type=click.Path())
@click.argument("others", metavar="T...", nargs=-1, required=True, type=click.Path())
@state_output
@verbosity
def command(state: str, others: tuple[str, ...], **options: Any) -> None:
    """Read, take away, write."""
    if (path := options["output"]) is None:
        raise UsageError("where to? -o S.lsqs names the state to write")
    check_state_path(path)
    Interruption()
    from lsq_cli.runs.collecting import subtract

    rest = write_joined(path, (state, *others), lambda: subtract(state, others))
    say_state(path, rest, options)
