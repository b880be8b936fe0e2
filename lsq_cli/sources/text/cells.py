"""Where the cells of delimited text stand, and the walk from cell to cell that names the one that is wrong.

`Grid` finds the cells of some lines in a few vectorised passes over the bytes. A cell ends at a delimiter or a
line end with an even number of quotes (") before it, and a quote may open only at the start of a cell and close
only at its end: within that rule all parsers see the same cells, outside it the text is refused. The grid counts the
cells of every row and knows the line of each, for ``numpy.loadtxt`` does neither.

Walking costs about a microsecond a cell. Prefer `csv.values` for the numbers; walk to say which cell it
refused and why, or why a cell is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import CellError, TableError
from lsq_cli.sources.blocks import Missing, Reason
from lsq_cli.sources.text.dialect import Dialect, unquoted
from lsq_cli.sources.text.lines import BLANKS, sound_text
from lsq_cli.sources.text.shape import BLANKS_BETWEEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

    Bytes = NDArray[np.uint8]
    Positions = NDArray[np.signedinteger]
    Flags = NDArray[np.bool_]

_MARKED_CELLS = 1 << 16
"""Cells whose missing marks are looked for at a time: each takes 200 bytes until it is rewritten."""


class Grid:
    """The cells of consecutive lines, each row as wide as the table.

    Parameters
    ----------
    data : bytes
        Whole lines as they stand in the file.
    line : int
        The 1-based number of the first of them in the file.
    dialect : Dialect
        How the file is written.

    Attributes
    ----------
    data : bytes
        The rows alone: no comments, no empty lines (but in a table of one column, where they are missing cells), no
        blanks before an opening quote.
    rows : int
        How many there are.
    comments : int
        Lines left out that begin with #.

    Raises
    ------
    TableError
        A row with more or fewer cells than the table has columns; a quote that is not closed or stands inside a cell;
        the header once more; a comment that may be a row; bytes that are no text.
    """

    def __init__(self, data: bytes, line: int, dialect: Dialect) -> None:
        text = sound_text(data, line, dialect.label)
        self.dialect = dialect
        self._text, self._line = text, line
        self._refuse_second_header()
        self.comments = 0
        commented = dialect.may_have_comments(text)
        if commented:
            self._look_at_comments()
        widths = self._take(dialect.rows_alone(text) if commented else text)
        if not commented and (widths != len(dialect.names)).any():
            widths = self._take(dialect.rows_alone(text))
        self.rows = len(widths)
        wrong = np.flatnonzero(widths != len(dialect.names))
        if wrong.size:
            starts, stops = self._starts_and_stops()
            cell, width = int(widths[: wrong[0]].sum()), int(widths[wrong[0]])
            row = self.data[starts[cell] : stops[cell + width - 1]]
            raise dialect.ragged(self._line_at(starts[cell]), row, width)

    def where(self, row: int, column: int) -> str:
        """The place of a cell for an error message, given its row and its position in the file."""
        return self.dialect.place(self._line_at(self._bounds[0][row, column]), column)

    def text(self, row: int, column: int) -> str:
        """What a cell says, without its quotes and the blanks around."""
        starts, stops = self._bounds
        return unquoted(self.data[starts[row, column] : stops[row, column]])

    def column(self, column: int) -> list[bytes]:
        """The cells of a column as they stand in the file."""
        starts, stops = (bounds[:, column].tolist() for bounds in self._bounds)
        return [self.data[start:stop] for start, stop in zip(starts, stops, strict=True)]

    def judge(self, row: int, column: int, missing: Missing) -> tuple[float, Reason]:
        """The number in a cell and why it is missing; `CellError` for text, and for a missing cell that may not be."""
        text = self.text(row, column)
        judged = self.dialect.marks.judge(text)
        if judged is not None and not (judged[1] and missing == "error"):
            return judged
        from lsq_cli.sources.text.wording import missing_problem, text_problem  # only an error pays for it

        said = text_problem(self.dialect, column, text) if judged is None else missing_problem(judged[1], text)
        raise CellError(said, self.where(row, column))

    def without_text(self, rows: Positions, columns: Positions) -> Flags:
        """For each row and the column beside it whether the cell has not even blanks in it."""
        starts, stops = self._bounds
        empty: Flags = starts[rows, columns] == stops[rows, columns]
        return empty

    def walk(self, columns: Sequence[int], missing: Missing) -> Array:
        """The values cell by cell, nan for a missing mark.

        Parameters
        ----------
        columns : sequence of int
            0-based positions in the file, in the order of the columns of the result.
        missing : "error" or "drop"
            Whether a missing cell is an error.

        Returns
        -------
        ndarray, shape (rows, k)

        Raises
        ------
        CellError
            Names the first cell in the file that cannot be used.
        """
        values = np.empty((self.rows, len(columns)))
        in_file_order = sorted(enumerate(columns), key=lambda pair: pair[1])
        for row in range(self.rows):
            for place, column in in_file_order:
                values[row, place] = self.judge(row, column, missing)[0]
        return values

    def seen(self, row: int, column: int) -> tuple[str | None, bool]:
        """The text of a cell, for show, and whether it is a number; None where it is missing."""
        text = self.text(row, column)
        judged = self.dialect.marks.judge(text)
        there = judged is None or judged[1] is Reason.PRESENT
        return (text if there else None), judged is not None

    def problem(self, row: int, column: int) -> CellError | None:
        """The error for a cell that is no number."""
        try:
            self.judge(row, column, "drop")
        except CellError as error:
            return error
        return None

    def marks_as_nan(self, columns: Sequence[int]) -> bytes:
        """`data` with ``nan`` in place of each missing mark in the columns."""
        pieces, done = [], 0
        rows_a_time = max(1, _MARKED_CELLS // len(self.dialect.names))
        for row in range(0, self.rows, rows_a_time):
            rows = slice(row, row + rows_a_time)
            marked: list[bytes] = []
            for start, stop in sorted(span for column in columns for span in self._marks(rows, column)):
                marked += [self.data[done:start], b"nan"]
                done = stop
            pieces.append(b"".join(marked))
        return b"".join([*pieces, self.data[done:]])

    def _marks(self, rows: slice, column: int) -> Iterator[tuple[int, int]]:
        """Where the missing marks of a column begin and end, in some rows."""
        buffer = np.frombuffer(self.data, np.uint8)
        starts, stops = (bounds[rows, column] for bounds in self._bounds)
        first, lead = starts.copy(), _table(BLANKS + b'"')
        while (ahead := lead[buffer[first]] & (first < stops)).any():
            first[ahead] += 1
        begins_mark = _table(bytes(mark.encode()[0] for mark in self.dialect.marks.texts if mark))
        suspect = (first == stops) | begins_mark[buffer[first]]
        for start, stop in zip(starts[suspect].tolist(), stops[suspect].tolist(), strict=True):
            if start == stop or unquoted(self.data[start:stop]) in self.dialect.marks.texts:
                yield start, stop

    @cached_property
    def _bounds(self) -> tuple[Positions, Positions]:
        """Where each cell begins and ends, two arrays of shape (rows, columns)."""
        shape = (self.rows, len(self.dialect.names))
        starts, stops = self._starts_and_stops()
        return starts.reshape(shape), stops.reshape(shape)

    def _starts_and_stops(self) -> tuple[Positions, Positions]:
        """Where the cells begin and end, one after another."""
        edges = self._edges_and_widths()[0].astype(np.int32)  # as many as there are bytes, in tables of digits
        if self.dialect.delimiter == BLANKS_BETWEEN:
            return edges[::2], edges[1::2]
        starts = np.zeros_like(edges)
        np.add(edges[:-1], 1, out=starts[1:])
        return starts, edges

    def _edges_and_widths(self) -> tuple[Positions, Positions]:
        """Where the cells end (where blanks part them: begin and end, in turn), and how many stand in each row."""
        buffer = np.frombuffer(self.data, np.uint8)
        if self.dialect.delimiter != BLANKS_BETWEEN:
            edges = self._outside((buffer == ord(self.dialect.delimiter)) | (buffer == ord("\n")))
            return edges, np.diff(np.flatnonzero(buffer[edges] == ord("\n")), prepend=-1)
        blank = buffer == ord("\n")
        ends = self._outside(blank)
        for sign in BLANKS:
            if sign in self.data:
                blank |= buffer == sign
        if self._quotes.size:
            outside = self._outside(blank)
            blank[:] = False
            blank[outside] = True
        edges = np.flatnonzero(np.diff(blank, prepend=True))
        return edges, np.diff(np.searchsorted(edges, ends, side="right") // 2, prepend=0)

    def _refuse_second_header(self) -> None:
        """Raise where a line is equal to the header."""
        if self.dialect.header is None:
            return
        header = b"\n%b\n" % self.dialect.header
        at = 0 if self._text.startswith(header[1:]) else self._text.find(header) + 1
        if at or self._text.startswith(header[1:]):
            line = self._line + self._text.count(b"\n", 0, at)
            problem = "the header once more; files joined with cat? give them as paths"
            raise TableError(problem, self.dialect.line(line))

    def _look_at_comments(self) -> None:
        """Count them; raise for one that may be a row, unless the user says what they are."""
        for line, text in self.dialect.left_out(self._text):
            if not text.startswith(b"#"):
                continue
            self.comments += 1
            if self.dialect.comment is None and self.dialect.is_like_a_row(text):
                cells = "a row" if len(self.dialect.names) == 1 else f"{len(self.dialect.names)} cells, as the rows do"
                problem = (
                    f"begins with # and has {cells}; --comment '#' leaves such lines out, --comment none reads them"
                )
                raise TableError(problem, self.dialect.line(self._line + line))

    def _take(self, data: bytes) -> Positions:
        """Make `data` the rows of this grid; returns how many cells each has."""
        self.data = data
        self._quotes = np.empty(0, dtype=np.intp)
        if b'"' in data:
            buffer = np.frombuffer(data, np.uint8)
            self._quotes = np.flatnonzero(buffer == ord('"'))
            padding = self._padding(buffer)
            if padding.size:
                self._quotes -= np.searchsorted(padding, self._quotes)
                self.data = np.delete(buffer, padding).tobytes()
        return self._edges_and_widths()[1]

    def _outside(self, flags: Flags) -> Positions:
        """Where `flags`, none of them at a quote, hold outside quotes: an even number of them before."""
        if not self._quotes.size:
            return np.flatnonzero(flags)
        buffer = np.frombuffer(self.data, np.uint8)
        is_quote = buffer == ord('"')
        at = np.flatnonzero(flags | is_quote)
        is_quote = is_quote[at]
        inside: Flags = np.logical_xor.accumulate(is_quote)
        outside: Positions = at[~(is_quote | inside)]
        return outside

    def _padding(self, buffer: Bytes) -> Positions:
        """The blanks before opening quotes; `TableError` for a quote inside a cell or one that is never closed."""
        blanks = (
            b"" if self.dialect.delimiter == BLANKS_BETWEEN else BLANKS.replace(self.dialect.delimiter.encode(), b"")
        )
        edge = _table((BLANKS if not blanks else self.dialect.delimiter.encode()) + b"\n")
        opens, closes = self._quotes[: self._quotes.size // 2 * 2].reshape(-1, 2).T
        # −1, before the first byte, is the last one: a line end, which is what it should be.
        before, padding = _past_blanks(buffer, opens - 1, -1, blanks)
        after, _ = _past_blanks(buffer, closes + 1, 1, blanks)
        doubled = np.flatnonzero(opens[1:] == closes[:-1] + 1)  # "" inside a quoted cell
        opens_well, closes_well = edge[before], edge[after]
        opens_well[doubled + 1] = closes_well[doubled] = True
        stray = np.flatnonzero(~(opens_well & closes_well))
        if stray.size:
            problem = 'a quote (") that does not enclose a whole cell; inside a cell in quotes write each quote twice'
            raise TableError(problem, self.dialect.line(self._line_at(opens[stray[0]])))
        if self._quotes.size % 2:
            problem = 'the quote (") that opens here is never closed; close it or take it out'
            raise TableError(problem, self.dialect.line(self._line_at(self._quotes[-1])))
        return padding

    def _line_at(self, offset: int | np.signedinteger) -> int:
        """The number in the file of the line with this byte of `data`."""
        line = self.data.count(b"\n", 0, int(offset))
        if self.data.count(b"\n") < self._text.count(b"\n"):
            for skipped, _ in self.dialect.left_out(self._text):
                if skipped > line:
                    break
                line += 1
        return self._line + line


def _table(signs: bytes) -> Flags:
    """For each byte value whether it is one of `signs`."""
    table = np.zeros(256, dtype=np.bool_)
    table[list(signs)] = True
    return table


def _past_blanks(buffer: Bytes, start: Positions, step: int, blanks: bytes) -> tuple[Bytes, Positions]:
    """The first byte that is no blank from each start on; and where the blanks passed stand, in order."""
    blank, passed, at = _table(blanks), [start[:0]], start.copy()
    found = buffer[at]
    while (on := blank[found]).any():
        passed.append(at[on])
        at[on] += step
        found = buffer[at]
    return found, np.sort(np.concatenate(passed))
