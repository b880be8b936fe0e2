"""Where the rows of a formula are: from paths or a data frame to `Records`, whose columns are asked for by name.

Every path is a part of one table. Prefer `opening.py` where A and b are columns of numbers, or in a file each.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, BinaryIO

from lsq_cli.core.errors import UsageError
from lsq_cli.sources.columns import Request
from lsq_cli.sources.frames import FrameTable, is_frame
from lsq_cli.sources.opening import open_table, settle_options
from lsq_cli.sources.paths import STDIN, expanded, refuse_two_streams
from lsq_cli.sources.records import Records
from lsq_cli.sources.states import StateTable, are_states, given_twice, names_of_all, read_states, refuse_decided


class StateRecords(Records):
    """States of one table, which are to be added up: columns of numbers, of whose rows none is left.

    Parameters
    ----------
    data : tuple of str
        The paths as given.
    request : Request

    Raises
    ------
    TableError
        For states of other columns than the first.
    UsageError
        Options that were decided when the rows were summed.
    """

    def __init__(self, data: tuple[str, ...], request: Request) -> None:
        self.files = read_states(data)
        first = self.files[0][0]
        refuse_decided(request, first)
        self._said: tuple[str, ...] = ()
        super().__init__(data, [StateTable(first, names_of_all(self.files))], request.missing)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided when the rows were summed; known when the states are added up."""
        return self._said

    @notes.setter
    def notes(self, said: tuple[str, ...]) -> None:
        self._said = said

    @property
    def warnings(self) -> tuple[str, ...]:
        """That a state counts more than once."""
        return given_twice(self.files)


def open_records(paths: Sequence[str], request: Request, stdin: BinaryIO | None = None) -> Records:
    """The rows of one table by the names of its columns, for a formula; every path is a part of it.

    Raises
    ------
    UsageError, OpenError, TableError
        As `open_source`.
    """
    if are_states(paths):
        return StateRecords(tuple(paths), request)
    data = tuple(paths) or (STDIN,)
    parts = [part for path in data for part in expanded(path)]
    refuse_two_streams(parts)
    tables = [open_table(path, request, stdin) for path in parts]
    settle_options(tables, request)
    return Records(data, tables, request.missing)


def open_python_records(data: Any, **options: Any) -> Records:
    """The rows of a data frame, a path or several; `options` are fields of `Request`."""
    na = options.get("na") or ()
    options["na"] = (na,) if isinstance(na, str) else tuple(map(str, na))
    request = Request(**options)
    if request.missing not in ("error", "drop"):
        raise UsageError(f'missing must be "error" or "drop", not {request.missing!r}')
    several = data if isinstance(data, list | tuple) else (data,)
    if several and all(isinstance(path, str | os.PathLike) for path in several):
        return open_records([os.fsdecode(path) for path in several], request)
    if not is_frame(data):
        raise UsageError("a data frame, a path or several are what a formula is fitted to: its columns have names")
    return Records(("frame",), [FrameTable(data)], request.missing)
