"""The one place where it is decided how a text table is written: from its first lines to a `Dialect`.

`delimiter.py` and `header.py` have the rules. Prefer to leave all to them; the options are for files that fool them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from lsq_cli.sources.text.delimiter import Row, delimiter_meant, find_delimiter
from lsq_cli.sources.text.dialect import Dialect, comment, split
from lsq_cli.sources.text.header import is_header, names_of
from lsq_cli.sources.text.lines import BLANKS
from lsq_cli.sources.text.marks import Marks
from lsq_cli.sources.text.shape import ONE_COLUMN

SNIFFED_ROWS = 20
"""The rows that decide on the delimiter."""


@dataclass(frozen=True)
class TextOptions:
    """What the user says about a file; None leaves it to the rules.

    Attributes
    ----------
    delimiter : str, optional
        One character, or ``tab``, ``space``, ``blanks``.
    header : bool, optional
        Whether the first row holds the names.
    na : tuple of str
        Missing marks beyond `MARKS`.
    """

    delimiter: str | None = None
    header: bool | None = None
    na: tuple[str, ...] = ()

    @property
    def marks(self) -> Marks:
        """What marks a missing cell."""
        return Marks(tuple(mark.strip() for mark in self.na))


class Decided(NamedTuple):
    """A dialect, and where the rows begin."""

    dialect: Dialect
    first_line: int
    """The 1-based number of the first line after the header, or of the file."""


def decide(text: bytes, label: str, options: TextOptions) -> Decided | None:
    """The dialect of a file from its first lines; None where they hold no row.

    Parameters
    ----------
    text : bytes
        Whole lines ended by ``\\n``, without byte order mark: `SNIFFED_ROWS` rows, or all there are.
    label : str
        What errors call the file.
    options : TextOptions
        What the user knows better.

    Raises
    ------
    TableError
        Rows of different widths.
    UsageError
        A delimiter that is none.
    """
    marks = options.marks
    rows = list(islice(_first_rows(text, marks), SNIFFED_ROWS))
    if not rows:
        return None
    given = options.delimiter is not None
    delimiter = delimiter_meant(options.delimiter or "") if given else find_delimiter(rows, label)
    first = split(rows[0].text, delimiter)
    if len(first) == 1:
        delimiter = ONE_COLUMN
    below = split(rows[1].text, delimiter) if len(rows) > 1 else []
    named = is_header(first, below, marks) if options.header is None else options.header
    names, header, first_line = tuple(f"x{k}" for k in range(1, len(first) + 1)), None, 1
    if named:
        names, header = names_of(first), rows[0].text
        first_line = rows[0].line + header.count(b"\n") + 1
    evidence = (
        ("delimiter", "--delimiter says so" if given else f"it splits the first {len(rows)} rows alike"),
        ("header", "by the first row" if options.header is None else "--header says so"),
    )
    unnamed = frozenset(k for k, cell in enumerate(first) if named and cell in (b"", b'""'))
    return Decided(Dialect(label, delimiter, names, header, marks, unnamed, evidence), first_line)


def _first_rows(text: bytes, marks: Marks) -> Iterator[Row]:
    """The rows from the top, a line end inside quotes not being the end of one; comments and empty lines skipped."""
    is_comment = re.compile(comment(marks))
    line, at = 1, 0
    for match in re.finditer(rb'%b|(?:"[^"]*(?:"|\Z)|[^"\n]+)+' % is_comment.pattern, text):
        line, at = line + text.count(b"\n", at, match.start()), match.start()
        if match[0].strip(BLANKS) and not is_comment.match(match[0] + b"\n"):
            yield Row(line, match[0])
