"""The head of a text file: read until its dialect is plain and each column has shown what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from lsq_cli.core.errors import DataError, TableError
from lsq_cli.sources.column import Column, Kind
from lsq_cli.sources.formats import TEXT, by_head
from lsq_cli.sources.paths import STANDARD_INPUT
from lsq_cli.sources.text.cells import Grid
from lsq_cli.sources.text.chunks import LIMIT_BYTES, After, endless, last_cut
from lsq_cli.sources.text.deciding import SNIFFED_ROWS, TextOptions, decide
from lsq_cli.sources.text.dialect import Dialect, comment, split
from lsq_cli.sources.text.kinds import TEXT_ROWS, counts_rows, find_dates, find_text
from lsq_cli.sources.text.lines import BLANKS, BOM, line_start, sound_text

HEAD_BYTES = 65_536
"""What is read first to find the dialect; more when it is not enough."""
SEEN_BYTES = 4096
"""What an error keeps of a text that cannot be told how it is written."""


class Head(NamedTuple):
    """What the head of a file tells."""

    dialect: Dialect
    start: int
    """Offset of the first byte after the header."""
    line: int
    """The 1-based number of the line that begins there."""
    text: Mapping[int, str]
    """Position → an example, of the columns without one number; ``""`` where all their cells are missing."""
    unreadable: Mapping[int, DataError]
    """Position → the error for a column of numbers in another convention."""
    dates: frozenset[int]
    """Those of `text` that hold dates."""
    counting: frozenset[int]
    """Columns without a name that only count the rows."""

    def columns(self, table: str) -> tuple[Column, ...]:
        """The columns of the table."""
        named = self.dialect.named
        return tuple(
            Column(name, k, table, self._kind(k), self.text.get(k, ""), named, self.unreadable.get(k))
            for k, name in enumerate(self.dialect.names)
        )

    def _kind(self, position: int) -> Kind:
        if position in self.unreadable:
            return Kind.UNREADABLE
        if position in self.counting or (self.dialect.row_names and position == 0 and position not in self.text):
            return Kind.COUNTS
        if position in self.dates:
            return Kind.DATE
        example = self.text.get(position)
        return Kind.NUMBER if example is None else Kind.TEXT if example else Kind.EMPTY


def read_head(head: bytes, stream: BinaryIO, label: str, options: TextOptions) -> tuple[bytes, Head]:
    """Read until the dialect is plain and each column has shown what it is.

    Parameters
    ----------
    head : bytes
        What was read of the stream already.
    stream : BinaryIO
        UTF-8.
    label : str
        What errors call it.
    options : TextOptions
        What the user says about it.

    Returns
    -------
    bytes
        All that was read.
    Head
    """
    size = HEAD_BYTES
    while True:
        head += After(b"", stream).read(size - len(head))
        at_end = len(head) < size
        try:
            told = _survey(head, label, options, at_end=at_end, enough=at_end or size >= LIMIT_BYTES)
        except DataError as error:
            error.seen = head[:SEEN_BYTES]
            raise
        if told is not None:
            return head, told
        size *= 4


def _survey(head: bytes, label: str, options: TextOptions, *, at_end: bool, enough: bool) -> Head | None:
    """What the head tells, or None when more of the file is wanted; with `enough` it must do."""
    if options.encoding is None:
        _refuse_utf16(head, label)
    stop = len(head) if at_end else last_cut(head, comment(options.marks, options.comment))
    start = _behind_skipped(head[:stop], label, options.skip, enough=at_end)
    if start is None:
        return None
    if b"\0" in head[start:]:
        _refuse_other_format(head, label)
        sound_text(head[start:], 1 + options.skip, label)  # which says so, whether or not a line ends
    text = sound_text(head[start:stop], 1 + options.skip, label)
    if not enough and text.count(b"\n") <= SNIFFED_ROWS:
        return None
    found = decide(text, label, options, 1 + options.skip)
    if found is None:
        _refuse_no_rows(head, text, label, options.skip, at_end=at_end, enough=enough)
        return None
    dialect, line = found
    if dialect.header is not None:  # its quotes and its width want a look as well
        Grid(dialect.header, line - 1 - dialect.header.count(b"\n"), _of_header(dialect))
    begin = line - options.skip
    grid = Grid(text[line_start(text, begin) :], line, dialect)
    if at_end and not (grid.rows and grid.data.strip(BLANKS + b"\n")):
        raise TableError("a header and no rows below it", label)
    unknown, unreadable = find_text(grid)
    undecided = unknown or unreadable or dialect.unnamed
    if enough or (grid.rows >= SNIFFED_ROWS and (grid.rows >= TEXT_ROWS or not undecided)):
        offset = start + line_start(head[start:stop], begin)
        return Head(dialect, offset, line, unknown, unreadable, find_dates(grid, unknown), counts_rows(grid))
    return None


def _behind_skipped(head: bytes, label: str, skip: int, *, enough: bool) -> int | None:
    """The offset behind a byte order mark and the lines to skip; None where they do not end yet."""
    start = len(BOM) if head.startswith(BOM) else 0
    if not skip:
        return start
    offset = start + line_start(head[start:], skip + 1)
    if offset < len(head):
        return offset
    if enough and len(head) > start:
        raise TableError(f"no rows: --skip {skip} leaves out all lines", label)
    return start if enough else None


def _refuse_no_rows(head: bytes, text: bytes, label: str, skip: int, *, at_end: bool, enough: bool) -> None:
    """Raise where the file, or as much of it as is looked at, holds no row."""
    if at_end:
        if label == STANDARD_INPUT and not head:
            raise TableError("nothing came through it; pipe a table into it, or give a path", label)
        raise TableError("no rows" if head else "the file is empty", label)
    if enough and text:
        problem = f"no row in the first {LIMIT_BYTES // 1_000_000} MB, only comments and empty lines"
        raise TableError(problem, label)
    if enough:
        raise endless(label, 1 + skip, LIMIT_BYTES, head)


def _of_header(dialect: Dialect) -> Dialect:
    """The dialect of the header alone, which has no cell for the names of R's rows."""
    assert dialect.header is not None
    width = len(split(dialect.header, dialect.delimiter))
    return replace(dialect, header=None, names=dialect.names[-width:])


def _refuse_other_format(head: bytes, label: str) -> None:
    """Raise for bytes that begin like a format that is read, under a name that says text."""
    if (found := by_head(head)) is not TEXT:
        problem = f"begins as {found.name} does, and not as text; --input-format {found.name} reads it"
        raise TableError(problem, f"{label}, line 1")


def _refuse_utf16(head: bytes, label: str) -> None:
    """Raise for UTF-16 without a byte order mark, known by a NUL in every second byte."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if (even + odd) * 3 > len(head) > 1 and not (even and odd):
        option = f"--encoding utf-16-{'be' if even else 'le'}"
        raise TableError(f"UTF-16 text without a byte order mark: {option} reads it", f"{label}, line 1")
