"""What the verbs that write states share: ``-o``, how a state is written, and the line that says what is in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lsq_cli.commands.options import option
from lsq_cli.commands.shell import say
from lsq_cli.core.errors import counted, elided, shown

if TYPE_CHECKING:
    from lsq_cli.problems.states import State

state_output = option("Output", "-o", "--output", metavar="S.lsqs", help="The state to write")


def check_state_path(path: str) -> None:
    """Refuse, before anything is read, a path that is none of a state, or cannot be written."""
    from lsq_cli.report.files import check_path

    check_path(path, (".lsqs",))


def write_state(path: str, state: State) -> None:
    """Write a state: whole or not at all."""
    from lsq_cli.report.files import AtomicFile
    from lsq_cli.runs.collecting import bytes_of

    with AtomicFile(path, durable=True) as file:
        file.write(bytes_of(state))


def change_state(path: str, change: Callable[[], State]) -> State:
    """Write what `change` makes of the state at `path` in its place; no other process comes between."""
    from lsq_cli.report.files import AtomicFile
    from lsq_cli.report.locking import Locked, beside
    from lsq_cli.runs.collecting import bytes_of

    with Locked(path):
        state = change()
        with AtomicFile(path, temporary=beside(path, "part"), durable=True) as file:
            file.write(bytes_of(state))
    return state


def write_joined(path: str, inputs: Sequence[str], make: Callable[[], State]) -> State:
    """Write what `make` makes of states; in the place of one of them no other process comes between."""
    import os

    if os.path.realpath(path) in map(os.path.realpath, inputs):
        return change_state(path, make)
    state = make()
    write_state(path, state)
    return state


def say_state(path: str, state: State, options: dict[str, Any]) -> None:
    """What is in a state that was written."""
    if options["quiet"]:
        return
    by_column = state.dropped_by_column()
    dropped = ""
    if by_column:
        told = elided(f"{shown(name)!r} ({count})" for name, count in by_column.items())
        dropped = f"; {sum(by_column.values())} more went for a missing cell in {told}"
    columns = counted(len(state.names), "column")
    say("note", f"{shown(path, 1000)} has the sums of {counted(state.rows, 'row')} of {columns}{dropped}")
