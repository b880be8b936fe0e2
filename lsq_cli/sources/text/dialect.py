"""How a text table is written, as one value: what `deciding.py` decides and everything after it takes.

A `Dialect` knows what a line and a cell are in its table: how cells are apart, which lines are no rows, what the
columns are called, and what marks a missing cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lsq_cli.core.errors import TableError, shown
from lsq_cli.sources.blocks import Decision
from lsq_cli.sources.text.lines import BLANKS
from lsq_cli.sources.text.marks import DEFAULT, SHEET_ERRORS, Marks
from lsq_cli.sources.text.numbers import SWAP
from lsq_cli.sources.text.shape import BLANKS_BETWEEN, ONE_COLUMN, between, ragged

DELIMITERS = ("\t", ";", ",", "|", BLANKS_BETWEEN)
"""Those that are looked for, in this order."""
NO_COMMENT = rb"(?!)"
"""A pattern that nothing matches."""


class Row(NamedTuple):
    """A row not yet split into cells, and the line in which it begins."""

    line: int
    text: bytes


@dataclass(frozen=True)
class Dialect:
    """How one text table is written: decided once, from its first lines, and taken by everything after.

    Attributes
    ----------
    label : str
        What errors call the file.
    delimiter : str
        One ASCII character, `BLANKS_BETWEEN` or `ONE_COLUMN`.
    names : tuple of str
        Of all columns, in file order.
    header : bytes or None
        The header as it stands in the file, line ends written ``\\n``; None when there is none.
    marks : Marks
        What marks a missing cell.
    decimal : str
        ``.`` or ``,``.
    comment : str or None
        ``#`` where every line that begins with it is a comment, ``none`` where none is; None where one that splits
        like the table is refused.
    encoding : str
        What the bytes of the file are.
    skip : int
        Lines left out before all others.
    named : bool
        Whether `names` stand in the file: in the header, or in a comment above the first row.
    unnamed : frozenset of int
        Positions of the columns whose cell of the header is empty.
    row_names : bool
        Whether the first column holds the names or numbers of R's rows, for which the header has no cell.
    decisions : tuple of Decision
        What was taken, and why, in a few words.
    notes, warnings : tuple of str
        What the user should know, and what was assumed on thin evidence.
    """

    label: str
    delimiter: str
    names: tuple[str, ...]
    header: bytes | None = None
    marks: Marks = DEFAULT
    decimal: str = "."
    comment: str | None = None
    encoding: str = "utf-8"
    skip: int = 0
    named: bool = False
    unnamed: frozenset[int] = frozenset()
    row_names: bool = False
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """How the file is written: ``CSV, ',' between cells, a header``."""
        columns = "one column" if self.delimiter == ONE_COLUMN else f"{between(self.delimiter)} between cells"
        decimal = ", decimal commas" if self.decimal == "," else ""
        names = "no header" if not self.named else "a header" if self.header is not None else "names in a comment"
        return f"CSV, {columns}{decimal}, {names}"

    @property
    def parsed_delimiter(self) -> str:
        """The delimiter as a parser sees it, for which points and commas change places where commas are decimal."""
        return {",": ".", ".": ","}.get(self.delimiter, self.delimiter) if self.decimal == "," else self.delimiter

    def parsed(self, text: bytes) -> bytes:
        """Text as a parser reads it, whose decimal mark is a point."""
        return text.translate(SWAP) if self.decimal == "," else text

    def may_have_comments(self, text: bytes | bytearray) -> bool:
        """Whether a line may be a comment; a quick look that spares most text a slow one."""
        return self.comment != "none" and may_have_comments(text)

    def line(self, line: int) -> str:
        """The place of a line in words."""
        return f"{self.label}, line {line}"

    def place(self, line: int, column: int) -> str:
        """The place of a cell in words, from its line and its 0-based column."""
        return f"{self.line(line)}, column {column + 1} '{shown(self.names[column])}'"

    def ragged(self, line: int, row: bytes, width: int) -> TableError:
        """The error for a row of `width` cells in a table of another width."""
        first = "the first row" if self.header is None else "the header"
        return ragged(self.line(line), row, width, (first, len(self.names)), self.delimiter)

    def rows_alone(self, text: bytes) -> bytes:
        """`text`, whole lines, without comments and, but for a table of one column, without empty lines."""
        return self._no_row.sub(rb"\1", b"\n" + text)[1:]

    def left_out(self, text: bytes) -> Iterator[Row]:
        """The lines that `rows_alone` takes out, with their 0-based numbers."""
        line = at = 0
        text = b"\n" + text
        for match in self._no_row.finditer(text):
            if match[1] is None:
                line, at = line + text.count(b"\n", at, match.start()), match.start()
                yield Row(line, match[0][1:])

    def is_like_a_row(self, comment: bytes) -> bool:
        """Whether what stands behind the # of a comment has as many cells as the table."""
        width = len(self.names)
        return self.delimiter == ONE_COLUMN or len(split(comment[1:], self.delimiter)) == width

    @cached_property
    def _no_row(self) -> re.Pattern[bytes]:
        """A line that is no row, with the line end before it; or, as group 1, a quoted cell to be passed over."""
        blanks = re.escape(BLANKS if self.delimiter == BLANKS_BETWEEN else BLANKS.replace(self.delimiter.encode(), b""))
        empty = b"" if self.delimiter == ONE_COLUMN else b"|[%b]*" % blanks
        return re.compile(rb'("[^"]*")|\n(?:%b%b)(?=\n)' % (comment(self.marks, self.comment, self.delimiter), empty))


def unquoted(raw: bytes) -> str:
    """What a cell says: without the blanks around it and without its quotes."""
    raw = raw.strip(BLANKS)
    if raw.startswith(b'"'):
        raw = raw[1:-1].replace(b'""', b'"').strip(BLANKS + b"\n")
    return raw.decode("utf-8", "replace")  # a stray quote may have cut a letter in two


def comment(marks: Marks, policy: str | None = None, delimiters: str = "".join(DELIMITERS)) -> bytes:
    """The pattern of a comment from its # on; a # that begins a mark, like #N/A, or #REF!, begins a row."""
    if policy == "none":
        return NO_COMMENT
    marked = {*(mark for mark in marks.texts if mark.startswith("#")), *SHEET_ERRORS}
    words = b"|".join(re.escape(mark[1:].encode()) for mark in sorted(marked) if mark.startswith("#"))
    return rb"#(?!(?:%b)[ \t]*[%b\n\r])[^\n\r]*" % (words, re.escape(delimiters.encode()))


def may_have_comments(text: bytes | bytearray) -> bool:
    """Whether a line begins with #; a quick look that spares most text a slow one."""
    return b"#" in text and (text.startswith(b"#") or b"\n#" in text or (b"\r" in text and b"\r#" in text))


def split(row: bytes, delimiter: str) -> list[bytes]:
    """The cells of a row as they are written, without the blanks around."""
    if delimiter == BLANKS_BETWEEN:
        return re.findall(rb'(?:"[^"]*"|[^"\s\x1c-\x1f]+)+', row)
    sign = re.escape(delimiter.encode())
    return [cell.strip(BLANKS) for cell in re.findall(rb'(?:^|%b)((?:"[^"]*"|[^"%b]+)*)' % (sign, sign), row)]
