"""How delimited text is written: which delimiter, whether a header, what a cell says.

The delimiter is the first of tab, ``;``, ``,``, ``|`` and blanks that splits the first 20 rows into one same number
of cells, more than one; else the table has one column. The first row is a header if one of its cells is
neither a number nor a missing mark, or is a quoted number above an unquoted one. Prefer to leave both to these rules;
``--delimiter`` and ``--header`` are for files that fool them.

The grammar of numbers is exactly that of ``numpy.loadtxt``: blanks around, a sign, ``5.``, ``.5``, ``1e400``
(infinite), ``nan`` and ``inf``; never ``1_000``, ``0x1A``, ``1,234``, ``$5`` or digits outside ASCII. Those
are numbers elsewhere (`convention`): they are named in the error, not guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from lsq_cli.core.errors import CellError, TableError, UsageError, shown
from lsq_cli.sources.blocks import Reason

BLANKS_BETWEEN = " "
"""The delimiter of cells that runs of blanks keep apart."""
ONE_COLUMN = "\0"
"""The delimiter of a table of one column: a byte that no text has."""
BLANKS = b" \t\v\f\x1c\x1d\x1e\x1f"
"""What ``numpy.loadtxt`` takes for blank, line ends apart."""
MARKS = {"": Reason.EMPTY, **dict.fromkeys(("NA", "N/A", "#N/A", "null", "NULL", "None"), Reason.NA)}
"""The cells that say "no number here"; NaN belongs to the grammar of numbers, in any case."""
SNIFFED_ROWS = 20
"""The rows that decide on the delimiter."""

_CANDIDATES = ("\t", ";", ",", "|", BLANKS_BETWEEN)
_WORDS = {"tab": "\t", "\\t": "\t", "space": BLANKS_BETWEEN, "blanks": BLANKS_BETWEEN}
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class CsvOptions:
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


@dataclass(frozen=True)
class Layout:
    """How one file is written.

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
    na : tuple of str
        Missing marks beyond `MARKS`.
    """

    label: str
    delimiter: str
    names: tuple[str, ...]
    header: bytes | None = None
    na: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """How the file is written: ``CSV, ',' between cells, a header``."""
        columns = "one column" if self.delimiter == ONE_COLUMN else f"{_between(self.delimiter)} between cells"
        return f"CSV, {columns}, {'no' if self.header is None else 'a'} header"

    @cached_property
    def marks(self) -> dict[str, Reason]:
        """Text of a missing cell → why it is missing."""
        return MARKS | dict.fromkeys(self.na, Reason.NA)

    @cached_property
    def numeric_marks(self) -> bool:
        """Whether a missing mark, like -999, would be read as a number."""
        return any(number(mark) is not None for mark in self.marks)

    def judge(self, text: str) -> tuple[float, Reason] | None:
        """The number in a stripped cell and why it is missing, if it is; None for text."""
        if text in self.marks:
            return math.nan, self.marks[text]
        value = number(text)
        if value is None or math.isfinite(value):
            return None if value is None else (value, Reason.PRESENT)
        return value, Reason.NAN if math.isnan(value) else Reason.INF

    def line(self, line: int) -> str:
        """The place of a line in words."""
        return f"{self.label}, line {line}"

    def place(self, line: int, column: int) -> str:
        """The place of a cell in words, from its line and its 0-based column."""
        return f"{self.line(line)}, column {column + 1} '{shown(self.names[column])}'"

    def ragged(self, line: int, row: bytes, width: int) -> TableError:
        """The error for a row of `width` cells in a table of another width."""
        first = "the first row" if self.header is None else "the header"
        return _ragged(self.line(line), row, width, (first, len(self.names)), self.delimiter)

    def rows_alone(self, text: bytes) -> bytes:
        """`text`, whole lines, without comments and, but for a table of one column, without empty lines."""
        return self._no_row.sub(rb"\1", b"\n" + text)[1:]

    def skipped_lines(self, text: bytes) -> Iterator[int]:
        """The 0-based numbers of the lines that `rows_alone` takes out."""
        line = at = 0
        text = b"\n" + text
        for match in self._no_row.finditer(text):
            if match[1] is None:
                line, at = line + text.count(b"\n", at, match.start()), match.start()
                yield line

    @cached_property
    def _no_row(self) -> re.Pattern[bytes]:
        """A line that is no row, with the line end before it; or, as group 1, a quoted cell to be passed over."""
        blanks = re.escape(BLANKS if self.delimiter == BLANKS_BETWEEN else BLANKS.replace(self.delimiter.encode(), b""))
        empty = b"" if self.delimiter == ONE_COLUMN else b"|[%b]*" % blanks
        return re.compile(rb'("[^"]*")|\n(?:%b%b)(?=\n)' % (comment(self.na, self.delimiter), empty))


def number(text: str) -> float | None:
    """The double that a stripped cell stands for, or None; nan and inf are doubles."""
    return float(text) if _NUMBER.fullmatch(text) else None


def unquoted(raw: bytes) -> str:
    """What a cell says: without the blanks around it and without its quotes."""
    raw = raw.strip(BLANKS)
    if raw.startswith(b'"'):
        raw = raw[1:-1].replace(b'""', b'"').strip(BLANKS + b"\n")
    return raw.decode()


def comment(na: tuple[str, ...], delimiters: str = "".join(_CANDIDATES)) -> bytes:
    """The pattern of a comment from its # on; a # that begins a missing mark, like #N/A, begins a row."""
    marks = b"|".join(re.escape(mark[1:].encode()) for mark in (*MARKS, *na) if mark.startswith("#"))
    return rb"#(?!(?:%b)[ \t]*[%b\n\r])[^\n\r]*" % (marks, re.escape(delimiters.encode()))


def may_have_comments(text: bytes | bytearray) -> bool:
    """Whether a line begins with #; a quick look that spares most text a slow one."""
    return b"#" in text and (text.startswith(b"#") or b"\n#" in text or (b"\r" in text and b"\r#" in text))


class Found(NamedTuple):
    """A layout, and where the rows begin."""

    layout: Layout
    first_line: int
    """The 1-based number of the first line after the header, or of the file."""


def find_layout(text: bytes, label: str, options: CsvOptions) -> Found | None:
    """The layout of a file from its first lines; None where they hold no row.

    Parameters
    ----------
    text : bytes
        Whole lines ended by ``\\n``, without byte order mark: `SNIFFED_ROWS` rows, or all there are.
    label : str
        What errors call the file.
    options : CsvOptions
        What the user knows better.

    Raises
    ------
    TableError
        Rows of different widths.
    UsageError
        A delimiter that is none.
    """
    na = tuple(mark.strip() for mark in options.na)
    rows = list(islice(_first_rows(text, na), SNIFFED_ROWS))
    if not rows:
        return None
    delimiter = _delimiter(rows, label) if options.delimiter is None else _delimiter_meant(options.delimiter)
    first = _split(rows[0].text, delimiter)
    if len(first) == 1:
        delimiter = ONE_COLUMN
    layout = Layout(label, delimiter, tuple(f"x{k}" for k in range(1, len(first) + 1)), None, na)
    below = _split(rows[1].text, delimiter) if len(rows) > 1 else []
    if not (_is_header(first, below, layout) if options.header is None else options.header):
        return Found(layout, 1)
    header = rows[0].text
    return Found(replace(layout, names=_names(first), header=header), rows[0].line + header.count(b"\n") + 1)


class _Row(NamedTuple):
    """A row not yet split into cells, and the line in which it begins."""

    line: int
    text: bytes


def _first_rows(text: bytes, na: tuple[str, ...]) -> Iterator[_Row]:
    """The rows from the top, a line end inside quotes not being the end of one; comments and empty lines skipped."""
    is_comment = re.compile(comment(na))
    line, at = 1, 0
    for match in re.finditer(rb'%b|(?:"[^"]*(?:"|\Z)|[^"\n]+)+' % is_comment.pattern, text):
        line, at = line + text.count(b"\n", at, match.start()), match.start()
        if match[0].strip(BLANKS) and not is_comment.match(match[0] + b"\n"):
            yield _Row(line, match[0])


def _delimiter_meant(text: str) -> str:
    """The delimiter that ``--delimiter`` names."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) == 1 and text.isascii() and not text.isalnum() and text not in '\0\n\r"+-.#':
        return text
    raise UsageError(f"--delimiter takes one character, or tab or space, not '{shown(text)}'")


def _delimiter(rows: list[_Row], label: str) -> str:
    """The first candidate that splits all rows into one same number of cells, else `ONE_COLUMN`."""
    bare = [re.sub(rb'"[^"]*"', b"_", row.text) for row in rows]
    widths = {sign: [_width(row, sign) for row in bare] for sign in _CANDIDATES}
    for sign in _CANDIDATES:
        if widths[sign][0] > 1 and len(set(widths[sign])) == 1:
            if sign == ",":
                _refuse_decimal_commas(bare, rows, label)
            return sign
    if any(number(unquoted(row.text)) is None for row in rows[1:]):
        for sign in _CANDIDATES:
            _refuse_if_ragged(widths[sign], rows, sign, label)
    return ONE_COLUMN


def _refuse_decimal_commas(bare: list[bytes], rows: list[_Row], label: str) -> None:
    """Raise for ``1,5 2,5`` or ``1,5|2,5``, in which the comma parts no cells though it splits all rows alike."""
    if len(bare) < 2 or all(number(unquoted(cell)) is not None for row in bare[1:] for cell in row.split(b",")):
        return
    for sign in ("|", BLANKS_BETWEEN):
        table = [row.split() if sign == BLANKS_BETWEEN else row.split(sign.encode()) for row in bare]
        cells = [unquoted(cell) for row in table[1:] for cell in row]
        odd = [cell for cell in cells if number(cell) is None]
        if len({len(row) for row in table}) > 1 or len(table[0]) < 2 or not odd:
            continue
        if all("decimal comma" in (convention(cell) or "") for cell in odd):
            place = next((k, cell) for k, row in enumerate(table[1:], 1) for cell in row if unquoted(cell) == odd[0])
            raise CellError(f"'{odd[0]}' is {convention(odd[0])}", f"{label}, line {rows[place[0]].line}")


def _width(bare: bytes, delimiter: str) -> int:
    """The number of cells in a row without quotes."""
    return len(bare.split()) if delimiter == BLANKS_BETWEEN else bare.count(delimiter.encode()) + 1


def _refuse_if_ragged(widths: list[int], rows: list[_Row], delimiter: str, label: str) -> None:
    """Raise for text that is not of one column but cut short somewhere: most rows are split alike.

    Blanks stand in sentences too, so there all rows below the first must agree.
    """
    usual = max(set(widths), key=widths.count)
    alike = widths.count(usual)
    if usual == 1 or alike < (len(widths) - 1 if delimiter == BLANKS_BETWEEN else len(widths) / 2):
        return
    odd = next((k for k, width in enumerate(widths) if width != widths[0]), 0)
    first, row, rest_alike = rows[0], rows[odd], odd == 1 and alike == len(widths) - 1
    title = f"line {first.line}"
    error = _ragged(f"{label}, line {row.line}", row.text, widths[odd], (title, widths[0]), delimiter)
    if rest_alike and _ends_with(first.text, delimiter, widths[0] - usual):
        sign, problem = _one(delimiter), error.problem.split(", cells")[0]
        problem = f"{problem}, for {title} ends with {sign}; end the rows with {sign} too, or take it out there"
        raise TableError(problem, error.where)
    if rest_alike and usual == widths[0] + 1 and not _ends_with(row.text, delimiter, 1):
        problem = error.problem.split(";")[0]
        problem = f"{problem}; row names without a header of their own? write.table(…, col.names=NA)"
        raise TableError(problem, error.where)
    raise error


def _ragged(where: str, row: bytes, width: int, expected: tuple[str, int], delimiter: str) -> TableError:
    """The error for a row that is too short or too long for the first one, given as its title and width."""
    title, usual = expected
    problem = f"{'1 cell' if width == 1 else f'{width} cells'} where {title} has {usual}"
    if _ends_with(row, delimiter, width - usual):
        sign = _one(delimiter)
        return TableError(f"{problem}, for it ends with {sign}; end {title} with {sign} too, or take it out", where)
    way_out = "is one missing, or is a delimiter inside a cell that wants quotes?"
    return TableError(f"{problem}, cells apart by {_between(delimiter)}; {way_out}", where)


def _ends_with(row: bytes, delimiter: str, count: int) -> bool:
    """Whether a row ends with so many delimiters, one at least; blanks that part cells are passed over anywhere."""
    sign = delimiter.encode()
    return (
        count > 0
        and delimiter != BLANKS_BETWEEN
        and row.translate(None, BLANKS.replace(sign, b"")).endswith(sign * count)
    )


def _one(delimiter: str) -> str:
    """One delimiter in words."""
    return "a tab" if delimiter == "\t" else f"'{delimiter}'"


def _between(delimiter: str) -> str:
    """What stands between two cells, in words."""
    return {"\t": "tabs", BLANKS_BETWEEN: "blanks"}.get(delimiter, f"'{delimiter}'")


def _split(row: bytes, delimiter: str) -> list[bytes]:
    """The cells of a row as they are written, without the blanks around."""
    if delimiter == BLANKS_BETWEEN:
        return re.findall(rb'(?:"[^"]*"|[^"\s\x1c-\x1f]+)+', row)
    sign = re.escape(delimiter.encode())
    return [cell.strip(BLANKS) for cell in re.findall(rb'(?:^|%b)((?:"[^"]*"|[^"%b]+)*)' % (sign, sign), row)]


def _is_header(first: list[bytes], below: list[bytes], layout: Layout) -> bool:
    """Whether a cell of the first row is text, or a quoted number above an unquoted one."""
    # A number in another convention, such as 1,5, is no name: the error about it names the line that it is in.
    if any(layout.judge(text) is None and convention(text) is None for text in map(unquoted, first)):
        return True
    return any(
        above.startswith(b'"') and not cell.startswith(b'"') and number(unquoted(above)) is not None
        for above, cell in zip(first, below, strict=False)
        if number(unquoted(cell)) is not None
    )


def _names(cells: list[bytes]) -> tuple[str, ...]:
    """The names in a header; where all cells stand in single quotes, as in ARFF, those are taken off."""
    texts = [unquoted(cell) for cell in cells]
    if all(len(text) > 1 and text[0] == text[-1] == "'" for text in texts):
        texts = [text[1:-1].strip() for text in texts]
    return tuple(text or f"column{k}" for k, text in enumerate(texts, start=1))


_THOUSANDS = r"[1-9]\d{0,2}(?:[, '’\u00a0\u202f]\d{3})+(?:\.\d*)?"
_AMOUNT = rf"(?:{_THOUSANDS}|\d+\.?\d*|\.\d+)"
_CONVENTIONS = {
    "hexadecimal": r"[+-]?0x[0-9a-f]+",
    "written with underscores": r"[+-]?\d+(?:_\d+)+(?:\.\d*)?",
    "written with a currency sign": rf"[+-]?[$€£¥] ?{_AMOUNT}|[+-]?{_AMOUNT} ?[$€£¥]",
    "written with thousands marks": rf"[+-]?{_THOUSANDS}",
    "written with a decimal comma": r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)?,\d+(?:e[+-]?\d+)?",
}


def convention(text: str) -> str | None:
    """Why a stripped cell that is no number here is one elsewhere, and how to write it here; None for text."""
    for words, pattern in _CONVENTIONS.items():
        if re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE):
            if words == "hexadecimal":
                here = str(int(text, 16))
            elif "decimal comma" in words:
                here = text.replace(".", "").replace(",", ".")
            else:
                here = re.sub(r"[^\d.+-]", "", text)
            return f"{words}; write {here}"
    return None
