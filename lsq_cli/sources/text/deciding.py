"""The one place where it is decided how a text table is written: from its first lines to a `Dialect`.

`delimiter.py` and `header.py` have the rules. Prefer to leave all to them; the options are for files that fool them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lsq_cli.core.errors import TableError, UsageError, elided, shown
from lsq_cli.sources.blocks import Decision
from lsq_cli.sources.text.delimiter import Delimiter, find_delimiter, given_delimiter
from lsq_cli.sources.text.dialect import Dialect, Row, comment, split
from lsq_cli.sources.text.header import NUMBER, WORD, Verdict, judge_first_row, kind_of, names_of, units_below
from lsq_cli.sources.text.lines import BLANKS
from lsq_cli.sources.text.marks import Marks
from lsq_cli.sources.text.shape import ONE_COLUMN, between

TAB_BY_SUFFIX = "\t"
"""The delimiter of a file that ends in .tsv; a user calls it tab."""
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
    no_default_na : bool
        Whether those of `MARKS` mark nothing.
    skip : int
        Lines to leave out before all others.
    decimal : {".", ","}, optional
    comment : {"#", "none"}, optional
        Whether all lines that begin with # are comments, or none is.
    encoding : str, optional
        What the bytes are; UTF-8 or what a byte order mark says by default.

    Raises
    ------
    UsageError
        For a value that is none of these.
    """

    delimiter: str | None = None
    header: bool | None = None
    na: tuple[str, ...] = ()
    no_default_na: bool = False
    skip: int = 0
    decimal: str | None = None
    comment: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("decimal", self.decimal, (".", ",")), ("comment", self.comment, ("#", "none"))):
            if value not in (None, *known):
                raise UsageError(f"--{name} is one of {' and '.join(known)}, not '{shown(str(value))}'")
        if not isinstance(self.skip, int) or self.skip < 0:
            raise UsageError(f"--skip is a number of lines, 0 or more, not {self.skip!r}")

    @property
    def marks(self) -> Marks:
        """What marks a missing cell."""
        return Marks(tuple(mark.strip() for mark in self.na), not self.no_default_na, self.decimal or ".")


class Decided(NamedTuple):
    """A dialect, and where the rows begin."""

    dialect: Dialect
    first_line: int
    """The 1-based number of the line after the header, or of the first row."""


def decide(text: bytes, label: str, options: TextOptions, line: int = 1) -> Decided | None:
    """The dialect of a file from its first lines; None where they hold no row.

    Parameters
    ----------
    text : bytes
        Whole lines ended by ``\\n``, without byte order mark: `SNIFFED_ROWS` rows, or all there are.
    label : str
        What errors call the file.
    options : TextOptions
        What the user knows better.
    line : int
        The 1-based number of the first of the lines.

    Raises
    ------
    TableError
        Rows of different widths, titles above them, a first row that may be a header or not, a row of units.
    UsageError
        A delimiter that is none.
    """
    marks = options.marks
    comments, rows = _first_rows(text, marks, options.comment, line)
    if not rows:
        return None
    told = options.delimiter
    parted = find_delimiter(rows, label, options.decimal or ".") if told is None else given_delimiter(told, rows, label)
    table = [split(row.text, parted.sign) for row in rows]
    if parted.row_names:
        table[0].insert(0, b"")
    verdict = _verdict(table, marks, options, row_names=parted.row_names)
    above = _names_above(comments, rows[0], table[0], parted.sign, marks)
    names: tuple[str, ...] = ()
    if not verdict.is_header and options.header is None and len(above) == len(table[0]):
        verdict, names = Verdict(False, "it has as many words, right above the first row"), above
    if verdict.refusal:
        raise TableError(verdict.refusal, f"{label}, line {rows[0].line}")
    if verdict.is_header:
        _refuse_units(rows, table, marks, label)
    parted = parted._replace(sign=ONE_COLUMN if len(table[0]) == 1 else parted.sign)
    dialect = Dialect(
        label,
        parted.sign,
        names or names_of(table[0]) if verdict.is_header or names else _numbered(len(table[0])),
        rows[0].text if verdict.is_header else None,
        marks,
        options.decimal or ".",
        options.comment,
        skip=options.skip,
        named=verdict.is_header or bool(names),
        unnamed=frozenset(k for k, cell in enumerate(table[0]) if verdict.is_header and cell in (b"", b'""')),
        row_names=parted.row_names,
        decisions=_decisions(options, parted, verdict, comments, names),
        notes=_notes(names, parted),
        warnings=(f"{label}: {verdict.warning}",) if verdict.warning else (),
    )
    return Decided(dialect, _line_of_rows(text, line, rows[0], dialect))


def _first_rows(text: bytes, marks: Marks, policy: str | None, line: int) -> tuple[list[Row], list[Row]]:
    """The comments above the first row, and the first `SNIFFED_ROWS` rows; empty lines are skipped.

    A line end inside quotes is not the end of a row.
    """
    is_comment = re.compile(comment(marks, policy))
    comments, rows, at = list[Row](), list[Row](), 0
    for match in re.finditer(rb'%b|(?:"[^"]*(?:"|\Z)|[^"\n]+)+' % is_comment.pattern, text):
        line, at = line + text.count(b"\n", at, match.start()), match.start()
        if is_comment.match(match[0] + b"\n"):
            if not rows:
                comments.append(Row(line, match[0]))
        elif match[0].strip(BLANKS):
            rows.append(Row(line, match[0]))
            if len(rows) == SNIFFED_ROWS:
                break
    return comments, rows


def _verdict(table: Sequence[Sequence[bytes]], marks: Marks, options: TextOptions, *, row_names: bool) -> Verdict:
    """Whether the first row is a header: as the user says, else by what stands below it."""
    if options.header is not None:
        return Verdict(options.header, "--header says so" if options.header else "--no-header says so")
    if row_names:
        return Verdict(True, "it has one cell fewer than every row, and each row begins with its name or number (R)")
    return judge_first_row(table[0], table[1:], marks)


def _names_above(
    comments: Sequence[Row], row: Row, first: Sequence[bytes], delimiter: str, marks: Marks
) -> tuple[str, ...]:
    """The names in a comment directly above a row of numbers, as ``numpy.savetxt`` writes them; none elsewhere."""
    if not comments or comments[-1].line != row.line - 1:
        return ()
    words = split(comments[-1].text.lstrip(b"#").strip(BLANKS), delimiter)
    if len(words) == 1 and len(words[0].split()) > 1:
        return ()  # a sentence
    numbers = all(kind_of(cell, marks) == NUMBER for cell in first)
    return names_of(words) if numbers and all(kind_of(word, marks) == WORD for word in words) else ()


def _refuse_units(rows: Sequence[Row], table: Sequence[Sequence[bytes]], marks: Marks, label: str) -> None:
    """Raise for a row of units right below the header."""
    if units := units_below(table[1:], marks):
        from lsq_cli.sources.text.ways import na_option, without_line  # only an error pays for it

        line = rows[1].line
        said = elided(f"'{shown(unit)}'" for unit in units)
        problem = f"{said} below the header and above numbers: a row of units? {without_line(line, label)} takes it out"
        if len(set(units)) == 1:
            problem += f"; if it marks a missing cell: {na_option(units[0])}"
        raise TableError(problem, f"{label}, line {line}")


def _numbered(count: int) -> tuple[str, ...]:
    """The names of columns without a header."""
    return tuple(f"x{k}" for k in range(1, count + 1))


def _line_of_rows(text: bytes, line: int, first: Row, dialect: Dialect) -> int:
    """The line after the header, or of the first row; in a table of one column no empty line stands before the rows."""
    if dialect.header is None:
        return first.line
    begin = first.line + dialect.header.count(b"\n") + 1
    if dialect.delimiter == ONE_COLUMN:
        for below in text.split(b"\n")[begin - line : -1]:
            if below.strip(BLANKS):
                break
            begin += 1
    return begin


def _decisions(
    options: TextOptions, parted: Delimiter, verdict: Verdict, comments: Sequence[Row], names: Sequence[str]
) -> tuple[Decision, ...]:
    """What was taken, and why."""
    skipped = f"{options.skip} left out by --skip" if options.skip else ""
    above = f"{len(comments)} that begin with #" if comments else ""
    given = "the suffix .tsv says so" if options.delimiter == TAB_BY_SUFFIX else "--delimiter says so"
    sign = "one column" if parted.sign == ONE_COLUMN else between(parted.sign)
    header = "the first row" if verdict.is_header else "a line that begins with #" if names else "none"
    comment = "none" if options.comment == "none" else "lines that begin with #"
    marks = ", ".join([*([] if options.no_default_na else ["the usual"]), *(repr(shown(mark)) for mark in options.na)])
    return (
        Decision("leading lines", "; ".join(filter(None, (skipped, above))) or "none", ""),
        Decision("delimiter", sign, given if options.delimiter else parted.why),
        Decision("decimal mark", repr(options.decimal or "."), "--decimal says so" if options.decimal else ""),
        Decision("header", header, verdict.why),
        Decision("comments", comment, "--comment says so" if options.comment else ""),
        Decision("missing marks", marks or "none", ""),
    )


def _notes(names: tuple[str, ...], parted: Delimiter) -> tuple[str, ...]:
    """What was understood that a user may not expect."""
    said: tuple[str, ...] = ()
    if names:
        said += (
            f"the names are those of the line above the first row, which begins with #: {elided(map(shown, names))}",
        )
    if parted.row_names:
        said += ("the rows begin with names that the header has no cell for, as R writes them; they are left out",)
    return said
