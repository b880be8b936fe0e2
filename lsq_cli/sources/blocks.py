"""Rows on their way: handles that name some consecutive rows, and what reading one gives.

A handle is picklable and cheap; `read()` does the work, in whatever thread or process. Handles are cut by
a fixed size, never by the number of threads or the memory allowed, so that any engine adds up the same
blocks in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lsq_cli.core.errors import DataError
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.column import Column

Missing = Literal["error", "drop"]


class Reason(IntEnum):
    """Why a row has a missing cell; the JSON key of `dropped_rows` is the name in lower case."""

    PRESENT = 0
    EMPTY = 1
    NA = 2
    NAN = 3
    INF = 4


class Cells(NamedTuple):
    """The chosen columns of some rows of one table."""

    values: Array
    """(rows, k) float64, in the order of the columns asked for."""
    reasons: NDArray[np.uint8] | None
    """(rows,) `Reason` of each row's first missing cell in file order; None where no cell is missing."""


class Rows(NamedTuple):
    """Rows of the problem, ready to be summed: every number finite, rows with missing cells gone."""

    A: Array
    """(rows, n), without the column of ones of an intercept."""
    b: Array
    """(rows, p)."""
    weights: Array | None
    """(rows,), each ≥ 0."""
    rows_read: int
    dropped: Mapping[str, int]
    """Reason in lower case → rows dropped for it."""


class Decision(NamedTuple):
    """One thing that was decided about how a table is written."""

    what: str
    taken: str
    """The reading that was taken; empty where the evidence says it all."""
    evidence: str


class Sample(NamedTuple):
    """The first rows of a table, for show."""

    rows: int
    cells: tuple[tuple[str | None, ...], ...]
    """Of each column: the text of its cells, None for a missing one; empty where it cannot be read."""
    errors: tuple[DataError | None, ...] = ()
    """Of each column of numbers: the error for its first cell that is none; nothing where all are."""


SAMPLE_CELLS = 1_000_000
"""Of a very wide table fewer rows are shown, to stay below so many cells."""


def rows_to_sample(asked: int, columns: int) -> int:
    """How many rows to show of a table of so many columns."""
    return max(1, min(asked, SAMPLE_CELLS // columns))


class ByteSource(Protocol):
    """Bytes to be parsed, decompressed already: what `opening.py`, the only reader of file names, hands out."""

    label: str
    """What errors call it: the path as given, or ``standard input``."""
    rereadable: bool
    """Whether `open` may be called twice."""
    seekable: bool
    """Whether `read_range` works: a regular, uncompressed file."""
    size: int | None
    """Bytes in all, where known without reading."""
    shared: bool
    """Whether another process can open it too; then it is pickled without its bytes."""

    def open(self) -> BinaryIO:
        """A stream from the first byte; `SourceConsumedError` when a stream is opened again.

        Its ``read`` raises `OpenError` for a device error or a broken container.
        """
        ...

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`."""
        ...


class CellBlock(Protocol):
    """A handle on consecutive rows of one table."""

    @property
    def size(self) -> int:
        """Bytes of the table that it covers, about: what a progress bar counts."""
        ...

    @property
    def footprint(self) -> int:
        """Bytes of memory that `read` takes at its peak, about; engines bound with it how many are read at once."""
        ...

    def read(self) -> Cells:
        """The cells; with the policy "error" a missing cell raises `CellError` naming it."""
        ...

    def where(self, row: int, k: int) -> str:
        """The place of a cell for an error message, given its row and its column in what `read` returns."""
        ...


class Table(Protocol):
    """One table: a file, a pipe or an array."""

    path: str
    """What errors and the result call it: the path as given, ``standard input``, or ``A``."""
    columns: tuple[Column, ...]
    """All that it has, one at least, in file order."""
    rereadable: bool
    """Whether `blocks` may be called twice."""
    waits: bool
    """Whether reading a block is waiting, most of the time, for threads that a parser has of its own."""
    warnings: tuple[str, ...]
    """What was assumed about how it is written, where that is not sure."""
    form: str
    """How it is written, in a few words: ``CSV, ',' between cells, a header``."""
    takes: tuple[str, ...]
    """The fields of a `Request`, beyond columns and missing cells, that say how such a table is written."""
    decisions: tuple[Decision, ...]
    """What was decided about how it is written, and why; nothing where the format leaves no choice."""
    size: int | None
    """Bytes that its blocks cover together, about; None where that is not known before they are read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how it was read; some is known only after the last block."""
        ...

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Handles on all rows in order; `columns` are some of the table's, each once."""
        ...

    def sample(self, rows: int) -> Sample:
        """Up to so many of the first rows, for show; in place of `blocks`, for a stream gives its rows once."""
        ...


class RowBlock(Protocol):
    """A handle on consecutive rows of the problem: A, b and the weights side by side."""

    @property
    def size(self) -> int:
        """Bytes that it covers, about; of A's table alone where b has its own."""
        ...

    @property
    def footprint(self) -> int:
        """As that of a `CellBlock`."""
        ...

    def read(self) -> Rows:
        """The rows; raises `DataError`."""
        ...

    def read_sparse(self) -> Rows:
        """The same, but A a scipy csr_array where it is stored sparse."""
        ...


class Source(Protocol):
    """Where A and b come from, with the columns chosen: what `opening.open_source` returns."""

    data: tuple[str, ...]
    """The paths as given."""
    names: tuple[str, ...]
    """Of A's columns, (n,), without the intercept."""
    targets: tuple[str, ...]
    """Of b's columns, (p,)."""
    weighted: bool
    left_out: tuple[str, ...]
    """The names of the columns that "the rest" passed over."""
    rereadable: bool
    in_memory: bool
    """Whether all rows are held, so that holding them once more costs nothing where they need no change."""
    sparse: bool
    """Whether A is stored sparse."""
    waits: bool
    """Whether a table is one whose blocks wait for a parser; see `Table.waits`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how the data was read, one sentence each; some only after the last row."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about how the data was read and A and b were chosen, one sentence each."""
        ...

    @property
    def forms(self) -> tuple[str, ...]:
        """How each table is written, with its path."""
        ...

    @property
    def size(self) -> int | None:
        """Bytes that the blocks cover together, about; None where that is not known before they are read."""
        ...

    def blocks(self) -> Iterator[RowBlock]:
        """Handles on all rows, in order; a second call on a stream raises `SourceConsumedError`."""
        ...
