"""Data frames as tables: pandas, polars, pyarrow, a dictionary of columns; whatever gives its columns by name.

The names are kept. Numbers are doubles, what is not there (None, NaN, NaT, null) an empty cell; truth values, text,
categories and dates keep their kind. The columns are taken over once, when the table is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.errors import ColumnError, TableError
from lsq_cli.sources.binary.missing import checked
from lsq_cli.sources.blocks import Reason, Sample, rows_to_sample
from lsq_cli.sources.column import Column, Kind
from lsq_cli.sources.dates import is_date
from lsq_cli.sources.words import Coded, coded, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Cells, Decision, Missing

_ROWS = 1 << 16
"""Rows of a block."""
_SAMPLE_ROWS = 1000


def is_frame(data: Any) -> bool:
    """Whether `data` has columns by name."""
    return isinstance(data, Mapping) or hasattr(data, "columns") or hasattr(data, "column_names")


class FrameTable:
    """A data frame.

    Parameters
    ----------
    frame : pandas or polars DataFrame, pyarrow Table, or mapping of name to array_like
    path : str
        What errors call it.

    Raises
    ------
    TableError
        Without a column, and for columns of different lengths.
    """

    rereadable = True
    waits = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    form = "a data frame"
    takes: tuple[str, ...] = ("na",)
    na: frozenset[float] = frozenset()

    def __init__(self, frame: Any, path: str = "frame") -> None:
        self.path = path
        names = frame.column_names if hasattr(frame, "column_names") else getattr(frame, "columns", frame)
        by_position = hasattr(frame, "iloc")
        self._held: list[Array | NDArray[np.object_]] = []
        columns = []
        for position, name in enumerate(names):
            series = frame.iloc[:, position] if by_position else frame[name]
            kind, values = _column(series)
            self._held.append(values)
            is_text = kind in (Kind.TEXT, Kind.DATE)
            example = next((text for text in values[:_SAMPLE_ROWS] if text), "") if is_text else ""
            if example and all(is_date(text) for text in values[:_SAMPLE_ROWS] if text):
                kind = Kind.DATE
            columns.append(Column(str(name), position, path, kind, example, named=True))
        if not columns:
            raise TableError("has no column", path)
        self.columns = tuple(columns)
        lengths = {len(values) for values in self._held}
        if len(lengths) > 1:
            raise TableError("its columns are of different lengths", path)
        self.rows = lengths.pop()
        self.size: int | None = sum(values.nbytes for values in self._held)

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[FrameBlock]:
        """Handles on all rows in order."""
        return self.word_blocks(columns, (), missing)

    def sample(self, rows: int) -> Sample:
        """The first rows; see `Table.sample`."""
        rows = min(self.rows, rows_to_sample(rows, len(self.columns)))
        return Sample(rows, tuple(tuple(text or None for text in _texts(values[:rows])) for values in self._held))

    def word_blocks(
        self, numbers: tuple[Column, ...], words: tuple[Column, ...], missing: Missing
    ) -> Iterator[FrameBlock]:
        """Handles on all rows in order, columns of text among them."""
        for column in numbers:
            if column.kind in (Kind.TEXT, Kind.DATE):
                raise ColumnError(f"it holds text such as {column.example!r}, and numbers are needed", column.place)
        for start in range(0, self.rows, _ROWS):
            rows = slice(start, start + _ROWS)
            values = [np.asarray(self._held[column.position][rows], np.float64) for column in numbers]
            texts = [_texts(self._held[column.position][rows]) for column in words]
            height = min(start + _ROWS, self.rows) - start
            array = np.column_stack(values) if values else np.empty((height, 0))
            yield FrameBlock(self.path, start, (*numbers, *words), len(numbers), missing, self.na, array, tuple(texts))


@dataclass(frozen=True)
class FrameBlock:
    """Some rows of a data frame."""

    path: str
    start: int
    all_columns: tuple[Column, ...]
    """Those of numbers, then those of text."""
    count: int
    missing: Missing
    na: frozenset[float]
    """Numbers that mark a missing cell."""
    values: Array
    texts: tuple[list[str], ...]

    @property
    def size(self) -> int:
        """Bytes of the numbers."""
        return int(self.values.nbytes)

    @property
    def footprint(self) -> int:
        """Bytes of the numbers."""
        return int(self.values.nbytes)

    @property
    def columns(self) -> tuple[int, ...]:
        """The positions of the columns of numbers."""
        return tuple(column.position for column in self.all_columns[: self.count])

    def read(self) -> Cells:
        """The numbers; nan is an empty cell."""
        return checked(self.values, self, np.isnan(self.values))

    def read_words(self) -> tuple[Cells, tuple[Coded, ...]]:
        """The numbers, and the columns of text."""
        found = []
        for texts in self.texts:
            levels, codes = coded(texts)
            reasons = [Reason.PRESENT if level else Reason.EMPTY for level in levels]
            found.append(joined([str(level) for level in levels], codes, reasons))
        return self.read(), tuple(found)

    def where(self, row: int, k: int) -> str:
        """``frame, row 7, column 'Ozone'``; rows are counted from 0, as frames do."""
        return f"{self.path}, row {self.start + row}, column '{self.all_columns[k].name}'"


def _column(series: Any) -> tuple[Kind, Any]:
    """What a column holds, and its values: doubles, or texts as objects."""
    kind = str(getattr(series, "dtype", "")).lower()
    if hasattr(series, "to_pylist"):  # pyarrow
        values = np.asarray(series.to_numpy())
    elif "categor" in kind or "enum" in kind:
        values = np.array(series.to_list() if hasattr(series, "to_list") else list(series), dtype=object)
    else:
        values = np.asarray(series)
    if values.ndim != 1:
        raise TableError("a column has more than one dimension")
    if values.dtype.kind == "b":
        return Kind.TRUTH, values.astype(np.float64)
    if values.dtype.kind in "iuf":
        return Kind.NUMBER, values.astype(np.float64)
    if values.dtype.kind == "M":
        texts = np.datetime_as_string(values.astype("datetime64[us]"))
        return Kind.DATE, np.array(["" if text == "NaT" else text for text in texts], dtype=object)
    return _objects(values)


def _objects(values: Any) -> tuple[Kind, Any]:
    """The same for a column of Python objects."""
    present = [value for value in values.tolist() if not _is_missing(value)]
    if present and all(isinstance(value, bool | np.bool_) for value in present):
        kind = Kind.TRUTH
    elif present and all(_is_number(value) for value in present):
        kind = Kind.NUMBER
    else:
        texts = ["" if _is_missing(value) else str(value) for value in values.tolist()]
        return (Kind.TEXT if present else Kind.EMPTY), np.array(texts, dtype=object)
    numbers = [math.nan if _is_missing(value) else float(value) for value in values.tolist()]
    return kind, np.array(numbers)


def _is_number(value: Any) -> bool:
    """Whether an object is a real number, decimals among them."""
    return hasattr(value, "__float__") and not isinstance(value, str | bytes)


def _is_missing(value: Any) -> bool:
    """Whether an object says that nothing is there: None, NaN, NaT, pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)


def _texts(values: Any) -> list[str]:
    """Values as text; numbers that are kept are written as they read back."""
    if values.dtype.kind == "O":
        return [str(value) for value in values.tolist()]
    return ["" if math.isnan(value) else repr(value).removesuffix(".0") for value in values.tolist()]
