"""NPY files: rows of numbers cut into blocks of one fixed size.

`NpyTable` reads a `ByteSource` with plain reads, never a memory map (whose pages count as resident, and
whose errors are signals) and never as a whole: a regular file by ranges of rows, each block in the worker
that sums it; a pipe or a compressed file in order. Only a Fortran-ordered array on a pipe is held, for
there the first row is complete when the last column has begun.

Every real number becomes the nearest double, as it would on the way through text: bool is 0 or 1, integers
beyond 2⁵³ and long doubles are rounded, a long double beyond 1.8e308 is inf and so a missing cell.

Format: numpy.lib.format, NEP 1. Object arrays are refused, never unpickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from lsq_cli.core.errors import OpenError, SourceConsumedError, shown
from lsq_cli.sources.binary import arrays
from lsq_cli.sources.binary.arrays import ArrayBlock, ArrayTable, NumberTable, as_doubles, shape_of
from lsq_cli.sources.binary.missing import checked
from lsq_cli.sources.blocks import CellBlock, Cells, Sample
from lsq_cli.sources.column import Column, positions_of
from lsq_cli.sources.streams import read_exactly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import ByteSource, Missing
    from lsq_cli.sources.columns import Request


NPY_MAGIC = b"\x93NUMPY"


class NpyHeader(NamedTuple):
    """What an NPY header says of the (rows, columns) numbers behind it."""

    dtype: np.dtype[Any]
    rows: int
    columns: int
    fortran: bool
    offset: int
    """Of the first number, in bytes."""


def open_table(source: ByteSource, request: Request) -> NpyTable:
    """The array in an NPY file; raises as `NpyTable`."""
    return NpyTable(source)


class NpyTable(NumberTable):
    """An NPY array, (m,) or (m, n), from a file, a pipe or a member of an archive.

    Parameters
    ----------
    source : ByteSource
        Its first bytes are read at once.

    Raises
    ------
    OpenError
        Not NPY, a broken header, or a file shorter than its header promises.
    TableError
        An array that is not 1-D or 2-D, has no column, or holds no real numbers.
    """

    def __init__(self, source: ByteSource) -> None:
        stream = source.open()
        try:
            self._header = read_header(stream, source.label)
        except BaseException:
            stream.close()
            raise
        super().__init__(source.label, self._header.rows, self._header.columns)
        self._source = source
        self.rereadable, self.seekable = source.rereadable, source.seekable
        # A stream that can be opened once stays open, behind its header, for the one call of `blocks`.
        self._stream = None if self.rereadable else stream
        if self.rereadable:
            stream.close()
        _, rows, columns, _, offset = self._header
        promised = offset + rows * columns * self._header.dtype.itemsize
        if source.size is not None and source.size < promised:
            raise _truncated(source.label, source.size, promised)
        self.form, self.size = f"NPY, {self._header.dtype}, {rows} × {columns}", promised - offset

    def rows_a_block(self, columns: tuple[Column, ...]) -> int:
        """Rows of one block; in Fortran order the columns that are not used are not read and do not count."""
        if self._header.fortran and self.seekable:
            return max(1, arrays.BLOCK_BYTES // (8 * max(1, len(columns))))
        return super().rows_a_block(columns)

    def block(self, columns: tuple[Column, ...], missing: Missing, start: int, stop: int) -> CellBlock:
        """A handle on rows `start` up to `stop` of a seekable file."""
        return NpyBlock(self._source, self._header, start, stop, positions_of(columns), missing, self.na)

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Handles on all rows in order; of a stream, once."""
        if self.seekable:
            return super().blocks(columns, missing)
        return self._blocks_in_order(self._behind_header(), columns, missing)

    def sample(self, rows: int) -> Sample:
        """The first rows; none of a stream in Fortran order, where the first row ends in the last column."""
        if not self.rows or (self._header.fortran and not self.seekable):
            return Sample(0, ((),) * len(self.columns))
        return super().sample(rows)

    def _behind_header(self) -> BinaryIO:
        """A stream that stands at the first number."""
        if self.rereadable:
            stream = self._source.open()
            read_exactly(stream, self._header.offset)
            return stream
        if self._stream is None:
            raise SourceConsumedError(f"{self.path} can be read only once; write it to a file first")
        stream, self._stream = self._stream, None
        return stream

    def _blocks_in_order(self, stream: BinaryIO, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Blocks that hold their rows, for there is no way back to them."""
        step = self.rows if self._header.fortran else self.rows_a_block(columns)
        with stream:
            for start in range(0, self.rows, max(step, 1)):
                rows = min(step, self.rows - start)
                data = self._read_numbers(stream, rows)
                if self._header.fortran:
                    table = ArrayTable(data.reshape(-1, rows).T, self.path)
                    table.na = self.na
                    yield from table.blocks(columns, missing)
                else:
                    yield ArrayBlock(self.path, data.reshape(rows, -1), start, positions_of(columns), missing, self.na)
            # An archive or a gzip file checks its sum when its last byte is passed.
            stream.read(1)

    def _read_numbers(self, stream: BinaryIO, rows: int) -> NDArray[Any]:
        """The next `rows` × n numbers of the stream, in file order."""
        promised = rows * self._header.columns * self._header.dtype.itemsize
        data = read_exactly(stream, promised)
        if len(data) < promised:
            raise OpenError("truncated: the file ends before its last row", self.path)
        return np.frombuffer(data, self._header.dtype)


@dataclass(frozen=True)
class NpyBlock:
    """Rows `start` up to `stop` of an NPY file, read when asked for."""

    source: ByteSource
    header: NpyHeader
    start: int
    stop: int
    columns: tuple[int, ...]
    missing: Missing
    na: frozenset[float] = frozenset()

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return (self.stop - self.start) * self.header.columns * self.header.dtype.itemsize

    @property
    def footprint(self) -> int:
        """Bytes as stored, and as doubles."""
        return (self.stop - self.start) * (self.header.columns * self.header.dtype.itemsize + 8 * len(self.columns))

    def read(self) -> Cells:
        """The chosen columns as doubles."""
        if self.header.fortran:
            return checked(self._columnwise(), self)
        width = self.header.columns
        raw = self._numbers(self.start * width, (self.stop - self.start) * width)
        held = raw.reshape(-1, width)
        return ArrayBlock(self.source.label, held, self.start, self.columns, self.missing, self.na).read()

    def __reduce__(self) -> tuple[Any, ...]:
        """Where no other process can open the file, the rows themselves."""
        here = (self.columns, self.missing, self.na)
        if self.source.shared:
            return type(self), (self.source, self.header, self.start, self.stop, *here)
        width = self.header.columns
        if self.header.fortran:
            held = np.empty((self.stop - self.start, width), order="F")
            for k, column in enumerate(self.columns):
                held[:, column] = self._columnwise()[:, k]
        else:
            held = self._numbers(self.start * width, (self.stop - self.start) * width).reshape(-1, width)
        return ArrayBlock, (self.source.label, held, self.start, *here)

    def where(self, row: int, k: int) -> str:
        """``A.npy, row 7, column 3``."""
        return f"{self.source.label}, row {self.start + row + 1}, column {self.columns[k] + 1}"

    def _columnwise(self) -> Array:
        """The block out of a file in Fortran order: one short read a column."""
        values = np.empty((self.stop - self.start, len(self.columns)), order="F")
        for k, column in enumerate(self.columns):
            values[:, k] = as_doubles(
                self._numbers(column * self.header.rows + self.start, self.stop - self.start),
            )
        return values

    def _numbers(self, first: int, count: int) -> NDArray[Any]:
        """`count` numbers of the file from number `first` on."""
        begin = self.header.offset + first * self.header.dtype.itemsize
        end = begin + count * self.header.dtype.itemsize
        data = self.source.read_range(begin, end)
        if len(data) < end - begin:
            raise _truncated(self.source.label, begin + len(data), end)
        return np.frombuffer(data, self.header.dtype)


def read_header(stream: BinaryIO, label: str) -> NpyHeader:
    """The header of an NPY file; the stream stands at the first number afterwards.

    Raises
    ------
    OpenError
        Not NPY, or a header that cannot be read.
    TableError
        An array that is no table of numbers.
    """
    counted = _Counted(stream)
    try:
        version = np.lib.format.read_magic(counted)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header written by Python 2 is as good as another
            shape, fortran, dtype = read(counted)
    except OpenError:
        raise
    except Exception as error:  # ValueError as a rule; bytes at random bring TokenError, SyntaxError and others
        raise OpenError(f"not an NPY file: {shown(str(error).rstrip('. '), 120)}", label) from None
    rows, columns = shape_of(dtype, shape, label)
    return NpyHeader(dtype, rows, columns, fortran and len(shape) == 2, counted.count)


class _Counted:
    """A stream that counts the bytes it gave: numpy does not say where the header ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self.count += len(data)
        return data


def _truncated(label: str, size: int, promised: int) -> OpenError:
    """The file ends early."""
    return OpenError(f"truncated: {size} bytes where its header promises {promised}", label)
