"""Rows that are read more than once: held in memory, or as doubles in a temporary file where a stream gave them.

A file is read again where it stands. Only rows that come once, through a pipe, are written to a temporary file of the
folder ``TMPDIR``, which has no name and is gone when the program ends, however it ends.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.errors import OutputError
from lsq_cli.sources.blocks import Rows
from lsq_cli.sources.streams import read_exactly

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import RowBlock

BLOCK_BYTES = 1 << 22
"""Doubles of one block of a spool."""


@dataclass(frozen=True, eq=False)
class HeldRows:
    """A block whose rows are there."""

    rows: Rows
    size: int = 0
    footprint: int = 0
    handle: RowBlock | None = None
    """Where they can be read again."""

    def read(self) -> Rows:
        """The rows."""
        return self.rows

    def read_sparse(self) -> Rows:
        """The rows, as they are held."""
        return self.rows

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: the handle where there is one, so that it reads the rows as this one did.

        Rounded sums depend on how A lies in memory, which pickling may change.
        """
        return (_itself, (self.handle,)) if self.handle is not None else (HeldRows, (self.rows, self.size))


def _itself(handle: RowBlock) -> RowBlock:
    """The handle that was pickled."""
    return handle


class Spool:
    """A temporary file of rows, (A, b, w) side by side as doubles.

    Parameters
    ----------
    n, p : int
        Columns of A and of b.
    weighted : bool
        Whether the rows have weights.

    Raises
    ------
    OutputError
        Where there is no room for it; it names the folder.
    """

    def __init__(self, n: int, p: int, weighted: bool) -> None:
        import tempfile  # only streams that are read twice need it

        self.n, self.p, self.width = n, p, n + p + weighted
        self.rows = 0
        self._lock = Lock()
        self._folder = ""
        try:
            self._folder = tempfile.gettempdir()
            self._file = tempfile.TemporaryFile(prefix="lsq-")  # noqa: SIM115, it is closed with the spool
        except OSError as error:
            raise self._no_room(error) from None
        weakref.finalize(self, self._file.close)

    def add(self, rows: Rows) -> None:
        """Append some rows, all of whose numbers are there."""
        parts = [rows.A, rows.b] + ([] if rows.weights is None else [rows.weights[:, None]])
        data = np.hstack(parts).tobytes()
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._no_room(error) from None
        self.rows += len(rows.b)

    def blocks(self) -> Iterator[SpoolBlock]:
        """Handles on all rows in order, as often as they are wanted."""
        step = max(1, BLOCK_BYTES // (8 * self.width))
        for start in range(0, self.rows, step):
            yield SpoolBlock(self, start, min(start + step, self.rows))

    def numbers(self, start: int, stop: int) -> Array:
        """Rows `start` up to `stop`, (rows, width)."""
        with self._lock:
            self._file.seek(8 * self.width * start)
            data = read_exactly(self._file, 8 * self.width * (stop - start))
        return np.frombuffer(data).reshape(-1, self.width)

    def _no_room(self, error: OSError) -> OutputError:
        """What to do where the rows cannot be kept."""
        where = f" in {self._folder}" if self._folder else ""
        return OutputError(
            f"temporary file{where}: {(error.strerror or str(error)).lower()}; rows that come through a pipe and are "
            "read more than once are kept there: set TMPDIR to a folder with room, or write them to a file first"
        )


@dataclass(frozen=True, eq=False)
class SpoolBlock:
    """Some rows of a spool."""

    spool: Spool
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes of the rows."""
        return 8 * (self.stop - self.start) * self.spool.width

    @property
    def footprint(self) -> int:
        """Bytes of the rows."""
        return self.size

    def read(self) -> Rows:
        """The rows."""
        values = self.spool.numbers(self.start, self.stop)
        n, p = self.spool.n, self.spool.p
        weights = values[:, n + p] if self.spool.width > n + p else None
        return Rows(values[:, :n], values[:, n : n + p], weights, len(values), {})

    def read_sparse(self) -> Rows:
        """The rows, which are dense."""
        return self.read()
