"""Spreadsheets, ``.xlsx``, ``.xls`` and ``.ods``: one sheet as a table (extra ``excel``: python-calamine).

A process of its own (`sheet_text.py`) writes the sheet out as delimited text, which the reader of text reads: so
header, missing marks, titles, text and numbers in other conventions follow the same rules. Row k of the sheet is line k
of the text, and errors speak of rows. A number is the double that the file holds, truth values are 1 and 0, dates are
text as ISO 8601 has it. A cell that holds an error such as #DIV/0! comes out of the package as an empty one, and is
missing.

A sheet has at most 1,048,576 rows, so it is held. For more, CSV or Parquet is the better form.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsq_cli.core.errors import DataError, OpenError, TableError, UsageError, shown
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
    load("python_calamine", "excel", source.label)
    name, text = _text_of(source, request.sheet or "")
    options = TextOptions(delimiter=",", **{option: getattr(request, option) for option in OPTIONS})
    return SheetTable(text, f"{source.label}, sheet '{shown(name)}'", source.label, options)


class SheetTable:
    """One sheet; a `Table`.

    Parameters
    ----------
    text : bytes
        Its rows, as `sheet_text.as_text` writes them.
    label : str
        What errors call the sheet.
    path : str
        Of its file.
    options : TextOptions
    """

    rereadable = True
    waits = False
    takes = (*OPTIONS, "sheet")

    def __init__(self, text: bytes, label: str, path: str, options: TextOptions) -> None:
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


def _text_of(source: ByteSource, sheet: str) -> tuple[str, bytes]:
    """The name of the sheet that is meant, and its rows as text, by a process of its own."""
    with source.open() as stream:
        data = stream.read()
    command = [sys.executable, "-m", "lsq_cli.sources.binary.sheet_text", sheet]
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    head, _, text = done.stdout.partition(b"\n")
    if not head:
        raise OpenError("broken spreadsheet", source.label)
    told = json.loads(head)
    if why := told.get("error"):
        if "password" in why.lower():
            raise OpenError("has a password; save it without one, or as CSV", source.label)
        raise OpenError(f"broken spreadsheet: {shown(why.partition(': ')[2].rstrip('. ') or why, 160)}", source.label)
    if "sheets" in told:
        there = f"there are {listed(told['sheets'])}" if told["sheets"] else "there is none"
        raise UsageError(f"--sheet '{shown(sheet)}': {source.label} has no such sheet; {there}")
    return told["sheet"], text


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
