"""Delimited text as a table: blocks cut from the bytes in order, and their numbers.

A block is about `BLOCK_BYTES` of text that ends with a line end outside quotes: one with an even number of quotes
(") before it. The cuts depend on the bytes alone, so that a file, a pipe and a compressed copy are cut alike.
The stream is read once, in order; a handle on a regular file also knows its byte range and is pickled without
the bytes.

``numpy.loadtxt`` has the last word on values (`values`). It is strict about cells but not about shape, so that every
row's cells are counted first, and where it refuses a block the missing marks are written as nan for it, and then
the cells are walked one by one (`cells.py`). How the file is written is found by `layout.py`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

import numpy as np

from lsq_cli.errors import DataError, TableError
from lsq_cli.sources.blocks import ByteSource, Cells, Missing
from lsq_cli.sources.cells import TEXT_ROWS, Grid, count_lines, find_text, sound_text
from lsq_cli.sources.layout import (
    BLANKS,
    BLANKS_BETWEEN,
    ONE_COLUMN,
    SNIFFED_ROWS,
    CsvOptions,
    Layout,
    comment,
    find_layout,
    may_have_comments,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.solution import Array

__all__ = ["CsvBlock", "CsvOptions", "CsvTable", "values"]

BLOCK_BYTES = 8_000_000
"""Text in a block, about."""
LIMIT_BYTES = 64_000_000
"""The longest that a row may be: beyond it a quote was surely left open."""
HEAD_BYTES = 65_536
"""What is read first to find the layout; more when it is not enough."""
BOM = b"\xef\xbb\xbf"


class CsvTable:
    """A table of delimited text; its layout is found from the first rows when it is made.

    Parameters
    ----------
    source : ByteSource
        The bytes. One that cannot be read again stays open until `blocks` has been through it.
    options : CsvOptions
        What the user knows about the file.

    Attributes
    ----------
    path, names, has_header, text_columns, rereadable
        As in `Table`.
    unreadable_columns : mapping of int to DataError
        Position of each column of numbers in another convention (decimal commas, thousands marks, a currency
        sign, hexadecimal) → the error to raise unless the column is dropped.

    Raises
    ------
    TableError
        An empty file, no rows below the header, rows of different widths, a quote never closed, text that is not UTF-8.
    UsageError
        A delimiter that is none.
    """

    def __init__(self, source: ByteSource, options: CsvOptions) -> None:
        self.path = source.label
        self.rereadable = source.rereadable
        self._source = source
        stream = source.open()
        try:
            head, opening = _open_table(stream, source.label, options)
        except BaseException:
            stream.close()
            raise
        self._layout, self._start, self._line = opening.layout, opening.start, opening.line
        self.names = self._layout.names
        self.has_header = self._layout.header is not None
        self.text_columns: Mapping[int, str] = opening.text
        self.unreadable_columns: Mapping[int, DataError] = opening.unreadable
        self._peeked: tuple[bytes, BinaryIO] | None = None
        if source.rereadable:
            stream.close()
        else:
            self._peeked = head, stream

    def blocks(self, columns: tuple[int, ...], missing: Missing) -> Iterator[CsvBlock]:
        """Handles on all rows in order; see `Table.blocks`.

        Raises
        ------
        TableError
            A quote never closed or a row beyond `LIMIT_BYTES`.
        SourceConsumedError
            From the source, when a stream is asked for its rows again.
        """
        (head, stream), self._peeked = self._peeked or (b"", self._source.open()), None
        with closing(stream):
            rows = _After(head, stream)
            _read(rows, self._start)  # the header, known already
            start = self._start
            for line, data in _cut(rows, self._layout, self._line):
                stop = start + len(data)
                yield CsvBlock(self._source, self._layout, columns, missing, start, stop, line, data)
                start = stop


@dataclass(frozen=True)
class CsvBlock:
    """A handle on consecutive rows of delimited text.

    The bytes that the cutter has just read ride along; another process reads them again where `source` can, and is
    sent them where it cannot.
    """

    source: ByteSource | None = field(repr=False)
    layout: Layout
    columns: tuple[int, ...]
    missing: Missing
    start: int
    stop: int
    line: int
    """The 1-based number in the file of the block's first line."""
    data: bytes | None = field(default=None, repr=False)

    def read(self) -> Cells:
        """The numbers of the block; see `CellBlock.read`.

        Raises
        ------
        CellError
            Text; a missing cell, with the policy "error".
        TableError
            A ragged row, a second header, a stray quote, bytes that are no UTF-8 text.
        """
        grid = self._grid()
        numbers = None if self.layout.numeric_marks else self._values(grid.data, grid.rows)
        if numbers is None:
            numbers = self._values(grid.marks_as_nan(self.columns), grid.rows)
        if numbers is None:
            numbers = grid.walk(self.columns, self.missing)
        return Cells(numbers, self._reasons(numbers, grid))

    def where(self, row: int, column: int) -> str:
        """The place of a cell; see `CellBlock.where`."""
        return self._grid().where(row, column)

    def _grid(self) -> Grid:
        """The cells of the block."""
        data = self.data
        if data is None:
            assert self.source is not None  # only a block with its bytes is pickled without
            data = self.source.read_range(self.start, self.stop)
        return Grid(data, self.line, self.layout)

    def _values(self, data: bytes, rows: int) -> Array | None:
        """`values`, refused as well where the rows are not those of the grid (loadtxt passes over empty lines)."""
        if not rows or not self.columns:
            return np.empty((rows, len(self.columns)))
        numbers = values(data, self.layout, self.columns)
        return numbers if numbers is not None and len(numbers) == rows else None

    def _reasons(self, numbers: Array, grid: Grid) -> NDArray[np.uint8] | None:
        """The `Reason` of each row's first missing cell in file order; None where all cells are there."""
        finite = np.isfinite(numbers)
        if finite.all():
            return None
        order = np.argsort(self.columns)
        reasons = np.zeros(grid.rows, dtype=np.uint8)
        rows = np.flatnonzero(~finite.all(axis=1))
        first = (~finite[rows][:, order]).argmax(axis=1)
        for row, place in zip(rows.tolist(), first.tolist(), strict=True):
            reasons[row] = grid.judge(row, self.columns[order[place]], self.missing)[1]
        return reasons

    def __getstate__(self) -> dict[str, object]:
        """Without the bytes where they can be read again; else without the source, which may be an open pipe."""
        again = self.source is not None and self.source.seekable
        return self.__dict__ | {"data" if again else "source": None}


def values(data: bytes, layout: Layout, columns: Sequence[int]) -> Array | None:
    """The doubles in some columns of rows of text, or None where a cell is no number.

    Parameters
    ----------
    data : bytes
        Rows of equal width, each ended by ``\\n``, without comments; quotes only around whole cells.
    layout : Layout
        How they are written.
    columns : sequence of int, not empty
        0-based positions.

    Returns
    -------
    ndarray, shape (rows, k), or None
        Correctly rounded, with nan and inf where the text says so; empty lines are passed over.
    """
    delimiter = None if layout.delimiter == BLANKS_BETWEEN else layout.delimiter
    if delimiter is None and not data.isascii():
        data = data.translate(_NO_LATIN1_BLANKS)
    try:
        return np.loadtxt(
            io.BytesIO(data),
            comments=None,
            delimiter=delimiter,
            usecols=columns,
            quotechar='"' if b'"' in data else None,
            encoding="latin1",
            ndmin=2,
        )
    except ValueError:
        return None


# Inside UTF-8 these two bytes are parts of letters; read as Latin-1 they are blanks and would split a cell.
_NO_LATIN1_BLANKS = bytes.maketrans(b"\x85\xa0", b"??")


class _Opening(NamedTuple):
    """What the head of a file tells."""

    layout: Layout
    start: int
    """Offset of the first byte after the header."""
    line: int
    """The 1-based number of the line that begins there."""
    text: Mapping[int, str]
    unreadable: Mapping[int, DataError]


def _open_table(stream: BinaryIO, label: str, options: CsvOptions) -> tuple[bytes, _Opening]:
    """Read until the layout is plain and each column has shown what it is; returns what was read as well."""
    head, size = b"", HEAD_BYTES
    while True:
        head += _read(stream, size - len(head))
        at_end = len(head) < size
        opening = _survey(head, label, options, at_end=at_end, enough=at_end or size >= LIMIT_BYTES)
        if opening is not None:
            return head, opening
        size *= 4


def _survey(head: bytes, label: str, options: CsvOptions, *, at_end: bool, enough: bool) -> _Opening | None:
    """What the head tells, or None when more of the file is wanted; with `enough` it must do."""
    _refuse_utf16(head, label)
    start = len(BOM) if head.startswith(BOM) else 0
    stop = len(head) if at_end else _last_cut(head, comment(options.na))
    text = sound_text(head[start:stop], 1, label)
    found = find_layout(text, label, options)
    if found is None:
        if at_end:
            raise TableError("no rows" if head else "the file is empty", label)
        if enough:
            raise _endless(label, 1)
        return None
    layout, line = found
    if layout.header is not None:  # its quotes and its width want a look as well
        Grid(layout.header, line - 1 - layout.header.count(b"\n"), replace(layout, header=None))
    body = text[_line_start(text, line) :]
    grid = Grid(body, line, layout)
    if at_end and not (grid.rows and grid.data.strip(BLANKS + b"\n")):
        raise TableError("a header and no rows below it", label)
    unknown, unreadable = find_text(grid)
    if enough or (grid.rows >= SNIFFED_ROWS and (grid.rows >= TEXT_ROWS or not (unknown or unreadable))):
        return _Opening(layout, start + _line_start(head[start:stop], line), line, unknown, unreadable)
    return None


def _cut(stream: _Readable, layout: Layout, line: int) -> Iterator[tuple[int, bytes]]:
    """The number of its first line, and the bytes, of one block after another; `line` is the first's."""
    notes = comment(layout.na, layout.delimiter)
    one_column = layout.delimiter == ONE_COLUMN
    pending, size = b"", BLOCK_BYTES
    while True:
        pending += _read(stream, size - len(pending))
        at_end = len(pending) < size
        stop = len(pending) if at_end else _last_cut(pending, notes)
        if one_column:
            stop = _before_empty_lines(pending, stop, notes)
        if stop:
            block, pending, size = pending[:stop], pending[stop:], BLOCK_BYTES
            yield line, block
            line += count_lines(block)
        elif size >= LIMIT_BYTES:
            raise _endless(layout.label, line)
        else:
            size += BLOCK_BYTES
        if at_end:
            return


def _last_cut(buffer: bytes, notes: bytes) -> int:
    """The offset after the last line end outside quotes, 0 when there is none; quotes in comments do not count."""
    if b'"' not in buffer:
        return _last_line_end(buffer, 0, len(buffer))
    if may_have_comments(buffer):
        comments = re.compile(rb'("[^"]*(?:"|\Z))|[\n\r]%b' % notes)
        blanked = comments.sub(
            lambda match: match[0] if match[1] else b"\n" + b" " * (len(match[0]) - 1), b"\n" + buffer
        )
        buffer = blanked[1:]
    stop, inside = len(buffer), buffer.count(b'"') % 2 == 1
    while stop > 0:
        quote = buffer.rfind(b'"', 0, stop)
        end = 0 if inside else _last_line_end(buffer, quote + 1, stop)
        if end:
            return end
        stop, inside = quote, not inside
    return 0


def _last_line_end(buffer: bytes, start: int, stop: int) -> int:
    """The offset after the last line end between, 0 when there is none; a last ``\\r`` may be half a ``\\r\\n``."""
    newline = buffer.rfind(b"\n", start, stop)
    return 1 + (newline if newline >= 0 else buffer.rfind(b"\r", start, min(stop, len(buffer) - 1)))


def _before_empty_lines(buffer: bytes, stop: int, notes: bytes) -> int:
    """`stop`, moved before the empty lines and comments there: they are missing cells only if a row follows."""
    is_comment, to_line_end = re.compile(notes), re.compile(rb"[%b]*(?:\r\n?|\n)?" % BLANKS)
    while stop:
        filled = len(buffer[:stop].rstrip(BLANKS + b"\r\n"))
        begin = 1 + max(buffer.rfind(b"\n", 0, filled), buffer.rfind(b"\r", 0, filled))
        if begin < filled and not is_comment.match(buffer, begin):
            line_end = to_line_end.match(buffer, filled, stop)
            return line_end.end() if line_end else stop
        stop = begin if begin < filled else 0
    return 0


def _line_start(text: bytes, line: int) -> int:
    """The offset of the line with this 1-based number."""
    ends = re.finditer(rb"\r\n?|\n", text)
    return next((end.end() for end in islice(ends, line - 2, None)), len(text)) if line > 1 else 0


def _endless(label: str, line: int) -> TableError:
    """The error for a row that does not end."""
    problem = f'the row that begins here does not end within {LIMIT_BYTES // 1_000_000} MB; was a quote (") left open?'
    return TableError(problem, f"{label}, line {line}")


def _refuse_utf16(head: bytes, label: str) -> None:
    """Raise for UTF-16, known by its byte order mark or by a NUL in every second byte."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    every_second = (even + odd) * 3 > len(head) > 1 and not (even and odd)
    if every_second or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableError("UTF-16 text; convert it first: iconv -f utf-16 -t utf-8", f"{label}, line 1")


class _Readable(Protocol):
    """What has bytes to give."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


class _After:
    """The bytes of a head that has been read already, then those of its stream."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = io.BytesIO(head), stream

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        return self._head.read(size) or self._stream.read(size)


def _read(stream: _Readable, size: int) -> bytes:
    """`size` bytes, or what is left: a pipe gives them in pieces."""
    pieces = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
