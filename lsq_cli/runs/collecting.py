"""What `collect`, `merge` and `subtract` do: states from rows, from states, and from what was taken away.

rows ──► state          states ──► their sum          state, states ──► the state without them
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError, shown
from lsq_cli.engines.resources import Resources
from lsq_cli.problems.states import State, merged
from lsq_cli.sources.names import quoted
from lsq_cli.sources.statefiles import packed, read_state
from lsq_cli.sources.states import common_names, given_twice, is_state, read_states

if TYPE_CHECKING:
    from lsq_cli.sources.whole import Whole


def collect(whole: Whole, resources: Resources | None = None) -> State:
    """The state of a table; raises as `problems.collected.collected`."""
    from lsq_cli.problems.collected import collected  # the others have no rows

    return collected(whole, resources or Resources())


def merge(paths: Sequence[str]) -> tuple[State, tuple[str, ...]]:
    """The rows of all states, and what to beware of.

    Raises
    ------
    UsageError
        For a path that is no state.
    DataError
        For a state that cannot be read, or has other columns or weights than the first.
    """
    refuse_others(paths)
    files = read_states(paths)
    state = merged(files)
    marks = {file.target for _, file in files}
    lost = () if len(marks) == 1 else ("the states do not agree on what is b, so none is marked: say it with -t",)
    return state, (*given_twice(files), *lost)


def subtract(path: str, others: Sequence[str]) -> State:
    """The rows of the state at `path` without those of others.

    Raises
    ------
    UsageError, DataError
        As `merge`, and where they cannot all have been among its rows.
    """
    refuse_others((path, *others))
    ((_, file),) = read_states((path,))
    beside = shown(path, 4096)
    rest = State.of_file(file, beside)
    for other_path, other in read_states(others):
        label = shown(other_path, 4096)
        common_names(file, other, label, beside)
        rest = rest.without(State.of_file(other, label), label, beside)
    return rest


def added(path: str, state: State) -> State:
    """The state at `path` with the rows of another added; raises as `merge`."""
    file, label = read_state(path), shown(path, 4096)
    names = common_names(file, state.to_file(), "the rows collected", label)
    return State.of_file(file, label).merged(state, names)


def bytes_of(state: State) -> bytes:
    """The bytes of its file."""
    return packed(state.to_file())


def refuse_others(paths: Sequence[str]) -> None:
    """`UsageError` for a path that is no state."""
    for path in paths:
        if not is_state(path):
            raise UsageError(
                f"{quoted(path)} is no state: its name does not end in .lsqs; lsq collect makes one of rows"
            )
