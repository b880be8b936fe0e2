"""Spreadsheets, ``.xlsx``, ``.xls`` and ``.ods``: one sheet as a table (extra ``excel``: python-calamine).

A sheet is written out as delimited text, in memory, and read by the reader of text: so header, missing marks, titles,
text and numbers in other conventions follow the same rules. Row k of the sheet is line k of the text, and errors speak
of rows. A number is the double that the file holds, truth values are 1 and 0, dates are text as ISO 8601 has it. A cell
that holds an error such as #DIV/0! comes out of the package as an empty one, and counts as missing.

A sheet has at most 1,048,576 rows, so it is held. For more, CSV or Parquet is the better form.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsq_cli.core.errors import DataError, LsqError, OpenError, TableError, UsageError, shown
from lsq_cli.core.extras import load
from lsq_cli.sources.names import listed
from lsq_cli.sources.streams import MemoryBytes
from lsq_cli.sources.text.csv import CsvTable
from lsq_cli.sources.text.deciding import TextOptions

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import ByteSource, CellBlock, Cells, Missing, Sample
    from lsq_cli.sources.column import Column
    from lsq_cli.sources.columns import Request
    from lsq_cli.sources.words import Coded

OPTIONS = ("na", "no_default_na", "skip", "header")
"""Those options of text that a sheet can take."""
# Beyond this an integral double is written with an exponent.
_MOST_WHOLE = 1e15


def open_table(source: ByteSource, request: Request) -> SheetTable:
    """The sheet that ``--sheet`` names, else the first.

    Raises
    ------
    MissingExtraError
        If python-calamine is not installed.
    OpenError
        Not a spreadsheet, a broken one, or one with a password.
    UsageError
        A sheet that is not there.
    TableError
        A sheet without a row; and as the reader of text.
    """
    calamine = load("python_calamine", "excel", source.label)
    with _broken_named(source.label), source.open() as stream:
        book = calamine.CalamineWorkbook.from_filelike(stream)
        name = _sheet_meant(list(book.sheet_names), request.sheet, source.label)
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    options = TextOptions(delimiter=",", **{option: getattr(request, option) for option in OPTIONS})
    return SheetTable(rows, f"{source.label}, sheet '{shown(name)}'", source.label, options)


class SheetTable:
    """One sheet; a `Table`.

    Parameters
    ----------
    rows : sequence of sequences
        The cells, as python-calamine gives them.
    label : str
        What errors call the sheet.
    path : str
        Of its file.
    options : TextOptions
    """

    rereadable = True
    waits = False
    takes = (*OPTIONS, "sheet")

    def __init__(self, rows: Sequence[Sequence[Any]], label: str, path: str, options: TextOptions) -> None:
        text = as_text(rows)
        if not text:
            raise TableError("the sheet is empty", label)
        self._label = label
        with self._rows_named():
            self._table = CsvTable(MemoryBytes(text, label), options)
        self.path = path
        self.columns = self._table.columns
        self.size = self._table.size
        self.warnings = tuple(map(self._with_rows, self._table.warnings))
        header = "a header" if self._table.dialect.named else "no header"
        self.form = f"Spreadsheet, {label.removeprefix(path).lstrip(', ')}, {header}"
        self.decisions = tuple(each for each in self._table.decisions if each.what not in ("delimiter", "encoding"))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how it was read."""
        return tuple(map(self._with_rows, self._table.notes))

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Handles on all rows in order."""
        return (SheetBlock(block, self._label) for block in self._table.blocks(columns, missing))

    def word_blocks(
        self, numbers: tuple[Column, ...], words: tuple[Column, ...], missing: Missing
    ) -> Iterator[SheetBlock]:
        """Handles on all rows in order, columns of text among them."""
        return (SheetBlock(block, self._label) for block in self._table.word_blocks(numbers, words, missing))

    def sample(self, rows: int) -> Sample:
        """The first rows, for show."""
        with self._rows_named():
            sample = self._table.sample(rows)
        return sample._replace(errors=tuple(error and _renamed(error, self._label) for error in sample.errors))

    def _with_rows(self, text: str) -> str:
        return _with_rows(text, self._label)

    def _rows_named(self) -> Any:
        return _rows_named(self._label)


@dataclass(frozen=True)
class SheetBlock:
    """Some rows of a sheet."""

    block: Any
    """Of text: a `CellBlock`, or a `WordBlock`."""
    label: str

    @property
    def size(self) -> int:
        """Bytes of the text that stands for them."""
        return int(self.block.size)

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading takes."""
        return int(self.block.footprint)

    def read(self) -> Cells:
        """The cells; raises as the reader of text."""
        with _rows_named(self.label):
            cells: Cells = self.block.read()
        return cells

    def read_words(self) -> tuple[Cells, tuple[Coded, ...]]:
        """The numbers, and the columns of text; raises as the reader of text."""
        with _rows_named(self.label):
            found: tuple[Cells, tuple[Coded, ...]] = self.block.read_words()
        return found

    def where(self, row: int, k: int) -> str:
        """``t.xlsx, sheet 'Data', row 7, column 3 'Ozone'``."""
        return _with_rows(self.block.where(row, k), self.label)


def as_text(rows: Sequence[Sequence[Any]]) -> bytes:
    """The rows as lines of delimited text; without the empty rows and columns at the end.

    A row of one cell in front of the first that has more is a title: it keeps its one cell.
    """
    width = max((k + 1 for row in rows for k, cell in enumerate(row) if cell != ""), default=0)
    height = max((k + 1 for k, row in enumerate(rows) if any(cell != "" for cell in row)), default=0)
    lines, in_titles = [], True
    for row in rows[:height]:
        cells = [_cell(cell) for cell in row[:width]]
        filled = sum(cell != "" for cell in cells)
        in_titles = in_titles and filled < 2 and width > 1
        if filled == 0:
            cells = []
        elif in_titles and cells[0]:
            cells = cells[:1]
        lines.append(",".join(cells) + "\n")
    return "".join(lines).encode("utf-8", "backslashreplace")


def _cell(value: Any) -> str:
    """A cell as text: numbers so that they read back to the same double, all else in quotes."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # A year that is a name has no point; −0.0 keeps its sign.
        whole = value.is_integer() and abs(value) < _MOST_WHOLE and repr(value) != "-0.0"
        return str(int(value)) if whole else repr(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return '"' + " ".join(text.splitlines()).replace('"', '""') + '"' if text else ""


def _sheet_meant(names: list[str], asked: str | None, label: str) -> str:
    """The name of the sheet that ``--sheet`` means: a name, or a position from 1."""
    if not names:
        raise TableError("has no sheet", label)
    if asked is None:
        return names[0]
    if asked in names:
        return asked
    if asked.isascii() and asked.isdigit() and 0 < int(asked) <= len(names):
        return names[int(asked) - 1]
    raise UsageError(f"--sheet '{shown(asked)}': {label} has no such sheet; there are {listed(names)}")


@contextmanager
def _broken_named(label: str) -> Iterator[None]:
    """Whatever the package raises as an `OpenError` that names the file."""
    try:
        with _silent_panics():
            yield
    except LsqError:
        raise
    except BaseException as error:
        # Its own exceptions have changed from version to version, and a panic is no `Exception`.
        if not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
            raise
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "password" in f"{type(error).__name__} {why}".lower():
            raise OpenError("has a password; save it without one, or as CSV", label) from None
        raise OpenError(f"broken spreadsheet: {shown(why.rstrip('. '), 160)}", label) from None


@contextmanager
def _silent_panics() -> Iterator[None]:
    """Nothing on standard error: the package writes a panic there, with a trace, before any handler sees it."""
    sys.stderr.flush()
    before, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(null)


@contextmanager
def _rows_named(label: str) -> Iterator[None]:
    """Errors that speak of rows of the sheet, not of lines of the text that stands for it."""
    try:
        yield
    except DataError as error:
        raise _renamed(error, label) from None


def _renamed(error: DataError, label: str) -> DataError:
    """The error as it speaks of rows."""
    renamed = type(error)(_with_rows(error.problem, label), _with_rows(error.where, label))
    renamed.seen = error.seen
    return renamed


def _with_rows(text: str, label: str) -> str:
    return text.replace(f"{label}, line ", f"{label}, row ")
