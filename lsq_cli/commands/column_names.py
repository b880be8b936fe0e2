"""What the shell offers for a column: the names of the table on the command line.

The shell runs `lsq` once more for every <TAB>; nothing may be said then, whatever is wrong with the table.
"""

from __future__ import annotations

from shlex import quote

import click
from click.shell_completion import CompletionItem

from lsq_cli.core.errors import LsqError


def column_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the columns that begin with what was typed; after a comma those that go on from there.

    A name that the shell would split is quoted for it; one with a control character is not offered.
    """
    before, comma, begun = incomplete.rpartition(",")
    # Click leaves the paths among the other words where the option that is completed has no value yet.
    paths = ctx.params.get("data") or tuple(word for word in ctx.args if not word.startswith("-"))
    names = [name for name in _names(paths) if name.startswith(begun) and name.isprintable()]
    return [CompletionItem(quote(f"{before}{comma}{name}")) for name in names]


def _names(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the first table; none where it cannot be read, or comes through a pipe."""
    if not paths or paths[0] == "-":
        return ()
    from lsq_cli.sources.columns import Request
    from lsq_cli.sources.opening import open_table
    from lsq_cli.sources.states import is_state, read_states

    try:
        if is_state(paths[0]):
            return read_states(paths[:1])[0][1].names
        return tuple(column.name for column in open_table(paths[0], Request()).columns)
    except LsqError:
        return ()
