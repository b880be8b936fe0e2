"""DATA that is states: the columns of the problem are chosen as in a table, and there is no row.

`StateSource` stands for A and b where the rows have been summed before (`statefiles.py`). Several states are those of
one table, and are added up. Asking for a row is an error that says so: a verb that goes by the rows refuses states.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lsq_cli.core.errors import TableError, UsageError, shown
from lsq_cli.sources.blocks import Sample
from lsq_cli.sources.column import Column
from lsq_cli.sources.columns import TEXT_OPTIONS, Request, difference, select
from lsq_cli.sources.names import listed, quoted
from lsq_cli.sources.paths import expanded

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import CellBlock, Decision, Missing, RowBlock
    from lsq_cli.sources.statefiles import StateFile

SUFFIX = ".lsqs"


def is_state(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a state."""
    return os.fsdecode(path).lower().endswith(SUFFIX)


def are_states(paths: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether DATA is states.

    Raises
    ------
    UsageError
        For states beside other paths: a state is no part of a table.
    """
    named = [is_state(path) for path in paths]
    if any(named) and not all(named):
        state, other = (shown(os.fsdecode(paths[named.index(found)]), 1000) for found in (True, False))
        raise UsageError(
            f"{state} is a state, sums without rows, and {other} is none: states go with states alone; "
            f"make {other} one too (lsq collect {other} -o part{SUFFIX})"
        )
    return bool(named) and all(named)


class StateTable:
    """A `Table` of which only the columns are left."""

    rereadable = True
    waits = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    size: int | None = 0
    form = "a state: sums without rows"

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(Column(name, k, path, named=True) for k, name in enumerate(names))

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Raise, for there are no rows."""
        raise no_rows_in(self.path)

    def sample(self, rows: int) -> Sample:
        """No row."""
        return Sample(0, ((),) * len(self.columns))


class StateSource:
    """A and b as columns of states of one table, which are to be added up; a `Source` without rows.

    Parameters
    ----------
    paths : tuple of str
        The paths as given.
    files : sequence of (str, StateFile)
        Each with its path.
    request : Request

    Raises
    ------
    TableError, ColumnError
        States of other columns than the first, columns that are not there.
    UsageError
        Options that were decided when the rows were summed.
    """

    weighted = False
    rereadable = True
    in_memory = False
    sparse = False
    waits = False
    size: int | None = 0
    left_out: tuple[str, ...] = ()

    def __init__(self, paths: tuple[str, ...], files: Sequence[tuple[str, StateFile]], request: Request) -> None:
        refuse_decided(request, files[0][0])
        self.data, self.files = paths, tuple(files)
        self.columns = names_of_all(files)
        marked = {state.target for _, state in files}
        if not request.target and len(marked) == 1:
            request = replace(request, target=marked.pop())
        selection = select(StateTable(files[0][0], self.columns), request)
        self.names, self.targets = selection.names, selection.targets
        self.notes, self.warnings = selection.notes, (*selection.warnings, *given_twice(files))
        self.places = tuple(column.position for column in (*selection.A, *selection.b))
        """Of A's columns and of b's among `columns`."""

    @property
    def forms(self) -> tuple[str, ...]:
        """What each file is."""
        return tuple(f"{shown(path, 4096)}: {StateTable.form}" for path, _ in self.files)

    def blocks(self) -> Iterator[RowBlock]:
        """Raise, for there are no rows."""
        raise no_rows_in(self.files[0][0])


def open_states(paths: Sequence[str], request: Request) -> StateSource:
    """The states that paths and patterns name; raises as `StateSource` and `read_state`."""
    return StateSource(tuple(paths), read_states(paths), request)


def read_states(paths: Sequence[str]) -> list[tuple[str, StateFile]]:
    """The states that paths and patterns name, each with its path; raises as `read_state`."""
    from lsq_cli.sources.statefiles import read_state  # zipfile is for states alone

    return [(path, read_state(path)) for pattern in paths for path in expanded(pattern)]


def names_of_all(files: Sequence[tuple[str, StateFile]]) -> tuple[str, ...]:
    """The columns of states of one table; raises as `common_names`."""
    (path, first), *others = files
    names = first.names
    for other_path, other in others:
        names = min(names, common_names(first, other, shown(other_path, 4096), shown(path, 4096)))
    return names


def given_twice(files: Sequence[tuple[str, StateFile]]) -> tuple[str, ...]:
    """A warning that a state is added more than once."""
    paths = [path for path, _ in files]
    twice = list(dict.fromkeys(path for path in paths if paths.count(path) > 1))
    return (f"{listed(twice)} is given more than once: its rows count as often",) if twice else ()


def refuse_decided(request: Request, path: str) -> None:
    """`UsageError` for an option that speaks of rows, which was decided when they were summed."""
    plain = Request()
    for name in ("weights", "missing", *TEXT_OPTIONS, "sheet", "input_format"):
        if getattr(request, name) != getattr(plain, name):
            raise UsageError(
                f"--{name.replace('_', '-')} speaks of rows, and {shown(path, 1000)} is a state, sums without rows: "
                "it was decided by lsq collect"
            )


def refuse_states(paths: Sequence[str | os.PathLike[str]]) -> None:
    """`UsageError` for a state where rows are needed."""
    for path in filter(is_state, paths):
        raise no_rows_in(os.fsdecode(path))


def refuse_scheduler(path: str, cluster: object) -> None:
    """`UsageError` for a cluster that is to sum rows where there is none to sum."""
    if cluster is not None:
        raise UsageError(
            f"--scheduler sums rows, and {shown(path, 1000)} is a state, sums without rows: leave it out here; "
            "lsq collect takes it"
        )


def no_rows_in(path: str) -> UsageError:
    """Why a run that needs rows cannot have them."""
    return UsageError(
        f"{shown(path, 1000)} is a state, sums without rows, and rows are needed here; lsq solve, fit, look, merge and "
        "subtract take states"
    )


def common_names(first: StateFile, other: StateFile, path: str, beside: str) -> tuple[str, ...]:
    """The names of two states of one table, in the order that sorts first, so that no order of merging matters.

    Raises
    ------
    TableError
        Where the states are not of the same columns, or not of the same weights.
    """
    if sorted(first.names) != sorted(other.names):
        raise TableError(f"other columns than {beside}: {difference(first.names, other.names)}", path)
    if first.weights != other.weights:
        told = [f"weighed by {quoted(w)}" if w is not None else "not weighed" for w in (other.weights, first.weights)]
        raise TableError(f"its rows are {told[0]}, and those of {beside} are {told[1]}", path)
    return min(first.names, other.names)
