"""Delimited text cut into blocks, each ending with a line end outside quotes: an even number of them (") before it.

A stream is read in order into one buffer, and a block is the one copy that is made of its text. A file that can be
read at any place is asked for whole blocks as long as no quote occurs: that spares the copy, during which no other
thread could run. The cuts depend on the bytes alone, not on how they come.
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from lsq_cli.core.errors import OpenError, TableError
from lsq_cli.sources.streams import read_into
from lsq_cli.sources.text.dialect import Dialect, comment, may_have_comments
from lsq_cli.sources.text.lines import BLANKS, count_lines
from lsq_cli.sources.text.shape import ONE_COLUMN

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import ByteSource

LIMIT_BYTES = 64_000_000
"""The longest that a row may be: beyond it a quote was surely left open."""
TAIL_BYTES = 1 << 16
"""Where the end of a block is looked for first, and how much is looked at for it at a time."""


def plain_blocks(
    source: ByteSource, start: int, line: int, size: int
) -> Generator[tuple[int, bytes], None, tuple[int, int]]:
    """The blocks of a file up to the first with a quote or the last, as `blocks_of` would cut them.

    Parameters
    ----------
    source : ByteSource
        One that can be read at any place.
    start, line : int
        The offset of the first row, and the 1-based number of its line.
    size : int
        Bytes in a block, at most.

    Yields
    ------
    line : int
        The number of the block's first line.
    block : bytes

    Returns
    -------
    start, line : int
        Where the text begins that is left.

    Raises
    ------
    OpenError
        If the file cannot be read.
    """
    while True:
        tail = source.read_range(start + max(0, size - TAIL_BYTES), start + size)
        stop = start + size - len(tail) + tail.rfind(b"\n") + 1
        if len(tail) < min(size, TAIL_BYTES) or b"\n" not in tail:
            return start, line
        block = source.read_range(start, stop)
        if len(block) < stop - start or b'"' in block:
            return start, line
        after = line + count_lines(block)
        yield line, block
        start, line = stop, after
        del block  # while the next is read


def blocks_of(stream: After, dialect: Dialect, line: int, size: int, limit: int) -> Iterator[tuple[int, bytes]]:
    """The blocks of a text, one after another.

    Parameters
    ----------
    stream : After
        Stands at the first row.
    dialect : Dialect
        How the text is written.
    line : int
        The 1-based number of its first line in the file.
    size : int
        Bytes in a block, at most, unless a row is longer.
    limit : int
        Bytes in a row, at most.

    Yields
    ------
    line : int
        The number of the block's first line.
    block : bytes

    Raises
    ------
    TableError
        For a row beyond `limit`.
    OpenError
        For a stream that ends before its source should.
    """
    notes = comment(dialect.marks, dialect.comment, dialect.delimiter)
    buffer, wanted = bytearray(stream.read(size)), size
    while True:
        at_end = len(buffer) < wanted
        stop = len(buffer) if at_end else last_cut(buffer, notes)
        if dialect.delimiter == ONE_COLUMN:
            stop = _before_empty_lines(buffer, stop, notes)
        if stop:
            with memoryview(buffer) as view:
                block = bytes(view[:stop])
            after = line + count_lines(block)
            yield line, block
            line, wanted = after, size
            del block  # while the next is read
        elif wanted >= limit:
            raise endless(dialect.label, line, limit, buffer)
        else:
            wanted += size
        if at_end:
            return
        _refill(buffer, stop, stream, wanted)


def _refill(buffer: bytearray, done: int, stream: After, wanted: int) -> None:
    """Take the first `done` bytes from the buffer and fill it up to `wanted`, or to the end of the stream."""
    rest = len(buffer) - done
    buffer[:rest] = buffer[done:]
    buffer.extend(bytes(max(0, wanted - len(buffer))))
    with memoryview(buffer) as view:
        filled = rest + stream.readinto(view[rest:wanted])
    del buffer[filled:]


def last_cut(buffer: bytes | bytearray, notes: bytes) -> int:
    """The offset after the last line end outside quotes, 0 when there is none; quotes in comments do not count.

    Any ``\\n`` goes before a ``\\r``; a last ``\\r`` may be half a ``\\r\\n``.
    """
    if b'"' not in buffer:
        return 1 + (buffer.rfind(b"\n") if b"\n" in buffer else buffer.rfind(b"\r", 0, len(buffer) - 1))
    if may_have_comments(buffer):
        comments = re.compile(rb'("[^"]*(?:"|\Z))|[\n\r]%b' % notes)
        blanked = comments.sub(
            lambda match: match[0] if match[1] else b"\n" + b" " * (len(match[0]) - 1), b"\n" + buffer
        )
        buffer = blanked[1:]
    return _last_outside(buffer, b"\n") or _last_outside(buffer, b"\r")


def _last_outside(buffer: bytes | bytearray, sign: bytes) -> int:
    """The offset after the last `sign` outside quotes, 0 when there is none; not that of a ``\\r`` at the very end."""
    if sign not in buffer:
        return 0
    odd = buffer.count(b'"') % 2 == 1
    for stop in range(len(buffer), 0, -TAIL_BYTES):
        start = max(0, stop - TAIL_BYTES)
        piece = np.frombuffer(buffer[start:stop], np.uint8)
        # Inside quotes is what has an odd number of them before it: of all, less those from it on.
        inside = np.logical_xor.accumulate((piece == ord('"'))[::-1])[::-1] ^ odd
        ends = start + 1 + np.flatnonzero((piece == ord(sign)) & ~inside)
        if ends.size and sign == b"\r" and ends[-1] == len(buffer):
            ends = ends[:-1]
        if ends.size:
            return int(ends[-1])
        odd = bool(inside[0])
    return 0


def _before_empty_lines(buffer: bytearray, stop: int, notes: bytes) -> int:
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


def endless(label: str, line: int, limit: int, text: bytes | bytearray) -> TableError:
    """The error for a row that does not end, and how it begins."""
    problem = f"the row that begins here does not end within {limit // 1_000_000} MB"
    why = 'was a quote (") left open?' if b'"' in text else "is it a table of text?"
    return TableError(f"{problem}; {why}", f"{label}, line {line}")


class After:
    """The bytes of a head that has been read already, then those of its stream, which a pipe gives in pieces.

    Attributes
    ----------
    position : int
        Offset of the byte that comes next.
    """

    def __init__(self, head: bytes, stream: BinaryIO, source: ByteSource | None = None) -> None:
        self._head, self._stream, self._source, self.position = io.BytesIO(head), stream, source, 0

    def skip(self, count: int) -> None:
        """Pass over `count` bytes from the beginning on."""
        if self._stream.seekable() and not self._head.getbuffer():
            self.position = self._stream.seek(count)
        else:
            self.read(count)

    def read(self, size: int) -> bytes:
        """`size` bytes, or what is left; `OpenError` where that is less than the source had at first."""
        pieces = [self._head.read(size)]
        left = size - len(pieces[0])
        while left > 0 and (piece := self._stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
        self.position += size - left
        self._check_end(left)
        return b"".join(pieces)

    def readinto(self, room: memoryview) -> int:
        """Fill `room`, but for what the stream does not have; returns how many bytes came. Raises as `read`."""
        filled = self._head.readinto(room)
        while filled < len(room) and (count := read_into(self._stream, room[filled:])):
            filled += count
        self.position += filled
        self._check_end(len(room) - filled)
        return filled

    def _check_end(self, lacking: int) -> None:
        """Raise where the stream has ended before it should: what came last may be half a number."""
        size = None if self._source is None else self._source.size
        if self._source and lacking and size is not None and self.position < size:
            problem = f"it became shorter while it was read: {self.position} bytes where it had {size}"
            raise OpenError(problem, self._source.label)
