"""Delimited text as a table: blocks cut from the bytes in order, and their numbers.

A block is about `BLOCK_BYTES` of text, cut where `chunks.py` says: by the bytes alone, so that a file, a pipe and a
compressed copy are cut alike. The stream is read once, in order; a handle on a regular file also knows its byte range
and is pickled without the bytes.

``numpy.loadtxt`` has the last word on values (`values`). It is strict about cells but not about shape, so that every
row's cells are counted first, and where it refuses a block the missing marks are written as nan for it, and then
the cells are walked one by one (`cells.py`). In a large table `fast.py` is asked before it. How the file is written
is found by `deciding.py`.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from lsq_cli.core.errors import CellError, TableError
from lsq_cli.sources.blocks import ByteSource, Cells, Decision, Missing, Reason, Sample, rows_to_sample
from lsq_cli.sources.column import Column, Kind, positions_of
from lsq_cli.sources.columns import TEXT_OPTIONS, Request
from lsq_cli.sources.text import fast
from lsq_cli.sources.text.cells import Grid
from lsq_cli.sources.text.chunks import LIMIT_BYTES, After, blocks_of, plain_blocks
from lsq_cli.sources.text.deciding import TAB_BY_SUFFIX, TextOptions
from lsq_cli.sources.text.dialect import Dialect
from lsq_cli.sources.text.head import HEAD_BYTES, read_head
from lsq_cli.sources.text.lines import BOM, BOM_BYTES, UTF8, UTF16_MARKS, sound_text
from lsq_cli.sources.text.shape import BLANKS_BETWEEN, ONE_COLUMN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.words import WordBlock

BLOCK_BYTES = 8_000_000
"""Text in a block, about."""
_CELL_BYTES = 26
"""What a cell takes at the peak of reading it: its double twice, or its edges and its double."""
_QUOTE_BYTES = 24
"""What a quote takes beside its cell: its offset, and what stands before or after it."""
_SAMPLE_BYTES = 8192


def open_table(source: ByteSource, request: Request) -> CsvTable:
    """The table in delimited text; raises as `CsvTable`."""
    return CsvTable(source, _options(request))


def open_tab_separated(source: ByteSource, request: Request) -> CsvTable:
    """The table in text with tabs between cells, unless a delimiter is asked for; raises as `CsvTable`."""
    options = _options(request)
    return CsvTable(source, options if options.delimiter else replace(options, delimiter=TAB_BY_SUFFIX))


def _options(request: Request) -> TextOptions:
    """What a request says about text."""
    return TextOptions(**{name: getattr(request, name) for name in TEXT_OPTIONS})


class CsvTable:
    """A table of delimited text; its dialect is found from the first rows when it is made.

    Parameters
    ----------
    source : ByteSource
        The bytes. One that cannot be read again stays open until `blocks` has been through it.
    options : TextOptions
        What the user knows about the file.

    Attributes
    ----------
    path, columns, rereadable, waits
        As in `Table`.
    dialect : Dialect
        How the file is written, and why it is read so.
    warnings : tuple of str
        What was assumed on thin evidence.

    Raises
    ------
    TableError
        An empty file, no rows below the header, rows of different widths, a quote never closed, text that is not UTF-8.
    UsageError
        A delimiter that is none.
    """

    waits = True
    takes = TEXT_OPTIONS

    def __init__(self, source: ByteSource, options: TextOptions) -> None:
        self.path = source.label
        self.rereadable = source.rereadable
        stream = source.open()
        try:
            head = stream.read(BOM_BYTES)
            source, encoding = _in_utf8(source, options.encoding, head, stream)
            if encoding != UTF8:
                head, stream = b"", source.open()
            head, told = read_head(head, stream, source.label, options)
        except BaseException:
            stream.close()
            raise
        self._source = source
        self.dialect, self._start, self._line = _with_encoding(told.dialect, encoding, options, head), *told[1:3]
        self.columns = told.columns(source.label)
        self.warnings = self.dialect.warnings
        self._advice: tuple[str, ...] = ()
        self._comments: dict[int, int] = {}
        self.form, self.size = self.dialect.in_words, source.size
        self.decisions = self.dialect.decisions
        self._peeked: tuple[bytes, BinaryIO] | None = None
        if source.rereadable:
            stream.close()
        else:
            self._peeked = head, stream

    @property
    def notes(self) -> tuple[str, ...]:
        """What was understood; the comments that were left out; what would read the table faster."""
        said = tuple(f"{self.path}: {note}" for note in self.dialect.notes)
        if count := sum(self._comments.values()):
            lines = "1 line that begins" if count == 1 else f"{count} lines that begin"
            said += (f"{self.path}: {lines} with # left out as {'a comment' if count == 1 else 'comments'}",)
        return (*said, *self._advice)

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CsvBlock]:
        """Handles on all rows in order; see `Table.blocks`.

        Raises
        ------
        TableError
            A quote never closed or a row beyond `LIMIT_BYTES`.
        SourceConsumedError
            From the source, when a stream is asked for its rows again.
        OpenError
            A file that cannot be read, or is shorter than when it was opened.
        """
        start, positions = self._start, positions_of(columns)
        for line, data in self._texts(BLOCK_BYTES):
            stop = start + len(data)
            large = self._is_large(stop, len(data))
            seen = self._comments
            yield CsvBlock(self._source, self.dialect, positions, missing, start, stop, line, data, large, seen)
            start = stop
            del data  # while the next is read

    def word_blocks(
        self, numbers: tuple[Column, ...], words: tuple[Column, ...], missing: Missing
    ) -> Iterator[WordBlock]:
        """Handles on all rows in order, columns of text among them; raises as `blocks`."""
        from lsq_cli.sources.text.words import CsvWordBlock  # for models with categories

        positions = positions_of(words)
        return (CsvWordBlock(block, positions) for block in self.blocks(numbers, missing))

    def sample(self, rows: int) -> Sample:
        """The first rows as they are written; see `Table.sample`. Raises as `blocks` and `CsvBlock.read`."""
        rows, count = rows_to_sample(rows, len(self.columns)), 0
        cells: list[list[str | None]] = [[] for _ in self.columns]
        errors: list[CellError | None] = [None for _ in self.columns]
        with closing(self._texts(HEAD_BYTES)) as texts:
            for line, data in texts:
                grid = Grid(data, line, self.dialect)
                for row in range(min(grid.rows, rows - count)):
                    for k, column in enumerate(self.columns):
                        text, is_number = grid.seen(row, k)
                        cells[k].append(text)
                        if column.kind is Kind.NUMBER and not is_number and errors[k] is None:
                            errors[k] = grid.problem(row, k)
                count += min(grid.rows, rows - count)
                if count >= rows:
                    break
        return Sample(count, tuple(map(tuple, cells)), tuple(errors))

    def _texts(self, block_bytes: int) -> Generator[tuple[int, bytes]]:
        """The number of its first line and the text of each block."""
        source, start, line = self._source, self._start, self._line
        if source.seekable and self.dialect.delimiter != ONE_COLUMN:
            start, line = yield from plain_blocks(source, start, line, block_bytes)
        (head, stream), self._peeked = self._peeked or (b"", source.open()), None
        with closing(stream):
            rows = After(head, stream, source)
            rows.skip(start)  # what is known already
            yield from blocks_of(rows, self.dialect, line, block_bytes, LIMIT_BYTES)

    def _is_large(self, read: int, block: int) -> bool:
        """Whether to ask the fast parser for a block, after so many bytes; where it is missing a note says so."""
        size = 2 * read if self._source.size is None else self._source.size
        if len(self.columns) > fast.MOST_COLUMNS:
            return False
        if size < fast.LARGE_BYTES:
            return fast.one_of_many(block) and fast.parser() is not None
        if fast.parser() is None:
            self._advice = (fast.advice(),)
            return False
        return True


@dataclass(frozen=True, eq=False)
class CsvBlock:
    """A handle on consecutive rows of delimited text.

    The bytes that the cutter has just read ride along; another process reads them again where `source` can, and is
    sent them where it cannot.
    """

    source: ByteSource | None = field(repr=False)
    dialect: Dialect
    columns: tuple[int, ...]
    """0-based positions."""
    missing: Missing
    start: int
    stop: int
    line: int
    """The 1-based number in the file of the block's first line."""
    data: bytes | None = field(default=None, repr=False)
    large: bool = False
    """Whether to ask the fast parser first."""
    comments: dict[int, int] | None = field(default=None, repr=False, compare=False)
    """Where the comments of a block are counted, by its start; only blocks that have some look for them."""

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return self.stop - self.start

    @property
    def footprint(self) -> int:
        """Bytes of the text, and of what it is made into: 13 times as many for cells of one digit, 19 in quotes."""
        size = self.stop - self.start
        sample = self.data[:_SAMPLE_BYTES] if self.data else b"\n\0"  # without the text, the worst but for quotes
        cells = sample.count(self.dialect.delimiter.encode()) + sample.count(b"\n")
        return size + size * (cells * _CELL_BYTES + sample.count(b'"') * _QUOTE_BYTES) // len(sample)

    def read(self) -> Cells:
        """The numbers of the block; see `CellBlock.read`.

        Raises
        ------
        CellError
            Text; a missing cell, with the policy "error".
        TableError
            A ragged row, a second header, a stray quote, bytes that are no UTF-8 text.
        """
        numbers = self._fast_values()
        if numbers is not None:
            kept = self._without_marked(numbers)
            return Cells(_by_columns(kept), None if kept is numbers else self._reasons(kept, self.grid()))
        grid = self.grid()
        if grid.comments and self.comments is not None:
            self.comments[self.start] = grid.comments
        # What the fast parser refused is most often a missing mark, which loadtxt would find no better.
        if not self.large:
            numbers = self._values(grid.data, grid.rows)
        if numbers is None:
            numbers = self._values(grid.marks_as_nan(self.columns), grid.rows)
        if numbers is None:
            numbers = grid.walk(self.columns, self.missing)
        numbers = self._without_marked(numbers)
        return Cells(_by_columns(numbers), self._reasons(numbers, grid))

    def where(self, row: int, k: int) -> str:
        """The place of a cell; see `CellBlock.where`."""
        return self.grid().where(row, self.columns[k])

    def text(self) -> bytes:
        """The bytes of the block."""
        if self.data is not None:
            return self.data
        assert self.source is not None  # only a block with its bytes is pickled without
        return self.source.read_range(self.start, self.stop)

    def grid(self) -> Grid:
        """The cells of the block."""
        return Grid(self.text(), self.line, self.dialect)

    def _fast_values(self) -> Array | None:
        """The numbers without a look at the cells, where that is asked for and safe."""
        if not (self.large and self.columns):
            return None
        text = sound_text(self.text(), self.line, self.dialect.label)
        numbers = fast.whole_lines(text, self.dialect, self.columns)
        if numbers is not None and self.source is not None and self.source.seekable:
            # While the numbers are summed the text is of no use; should it be wanted, the source has it.
            object.__setattr__(self, "data", None)
        return numbers

    def _without_marked(self, numbers: Array) -> Array:
        """The numbers with nan in the place of those that mark a missing cell; the same array where none does."""
        if not self.dialect.marks.values:
            return numbers
        marked = np.isin(numbers, list(self.dialect.marks.values))
        return np.where(marked, np.nan, numbers) if marked.any() else numbers

    def _values(self, data: bytes, rows: int) -> Array | None:
        """`values`, refused as well where the rows are not those of the grid (loadtxt passes over empty lines)."""
        if not rows or not self.columns:
            return np.empty((rows, len(self.columns)))
        if self.large:
            numbers = fast.rows_alone(data, self.dialect, self.columns)
            if numbers is not None and len(numbers) == rows:
                return numbers
        numbers = values(data, self.dialect, self.columns)
        return numbers if numbers is not None and len(numbers) == rows else None

    def _reasons(self, numbers: Array, grid: Grid) -> NDArray[np.uint8] | None:
        """The `Reason` of each row's first missing cell in file order; None where all cells are there."""
        finite = np.isfinite(numbers)
        if finite.all():
            return None
        in_file_order = np.argsort(self.columns)
        reasons = np.zeros(grid.rows, dtype=np.uint8)
        rows = np.flatnonzero(~finite.all(axis=1))
        columns = np.array(self.columns)[in_file_order[(~finite[rows][:, in_file_order]).argmax(axis=1)]]
        if self.missing == "drop":  # the most of them, as a rule, and nothing to judge
            empty = grid.without_text(rows, columns)
            reasons[rows[empty]] = Reason.EMPTY
            rows, columns = rows[~empty], columns[~empty]
        for row, column in zip(rows, columns, strict=True):
            reasons[row] = grid.judge(int(row), int(column), self.missing)[1]
        return reasons

    def __getstate__(self) -> dict[str, object]:
        """Without the bytes where they can be read again; else without the source, which may be an open pipe."""
        if self.comments is not None and b"#" in self.text():  # another process could not tell how many
            with suppress(TableError):  # which that process finds again
                self.comments[self.start] = self.grid().comments
        again = self.source is not None and self.source.seekable and self.source.shared
        return self.__dict__ | {"data" if again else "source": None, "comments": None}


def _with_encoding(dialect: Dialect, encoding: str, options: TextOptions, head: bytes) -> Dialect:
    """The dialect with its encoding, and why it is that."""
    why = "its byte order mark says so" if encoding != UTF8 or head.startswith(BOM) else ""
    if options.encoding is not None:
        why = "--encoding says so"
    return replace(
        dialect, encoding=encoding, decisions=(Decision("encoding", encoding.upper(), why), *dialect.decisions)
    )


def _in_utf8(source: ByteSource, name: str | None, head: bytes, stream: BinaryIO) -> tuple[ByteSource, str]:
    """A source in UTF-8, and what the encoding is by its name or by the byte order mark; `stream` is behind `head`."""
    if name is None and not head.startswith(UTF16_MARKS):
        return source, UTF8
    from lsq_cli.sources.text.recoding import Recoded, encoding_of  # most text does without

    encoding = encoding_of(name, head)
    return (source if encoding == UTF8 else Recoded(source, encoding, (head, stream))), encoding


def values(data: bytes, dialect: Dialect, columns: Sequence[int]) -> Array | None:
    """The doubles in some columns of rows of text, or None where a cell is no number.

    Parameters
    ----------
    data : bytes
        Rows of equal width, each ended by ``\\n``, without comments; quotes only around whole cells.
    dialect : Dialect
        How they are written.
    columns : sequence of int, not empty
        0-based positions.

    Returns
    -------
    ndarray, shape (rows, k), or None
        Correctly rounded, with nan and inf where the text says so; empty lines are passed over.
    """
    delimiter = None if dialect.delimiter == BLANKS_BETWEEN else dialect.parsed_delimiter
    if delimiter is None and not data.isascii():
        data = data.translate(_NO_LATIN1_BLANKS)
    try:
        return np.loadtxt(
            io.BytesIO(dialect.parsed(data)),
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


def _by_columns(numbers: Array) -> Array:
    """Numbers in Fortran order, as the fast parser has them: rounded sums shall not depend on who parsed."""
    return np.asfortranarray(numbers)
