"""Predictions as they come, to CSV, NPY or Parquet: a row in for a row out.

A row that misses a cell has an empty value in CSV, null in Parquet and nan in NPY. Numbers read back to the same
double; columns that are kept are written as they stand in the data, in Parquet as numbers where they are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lsq_cli.core.errors import UsageError
from lsq_cli.core.extras import load
from lsq_cli.report.files import check_path
from lsq_cli.report.history import Sink
from lsq_cli.report.plain import quoted_cell, write_csv_row, write_npy_header

if TYPE_CHECKING:
    from lsq_cli.report.files import AtomicFile
    from lsq_cli.report.plain import Writable
    from lsq_cli.runs.predicting import Predicted

SUFFIXES = (".csv", ".npy", ".parquet")


class Writer(Protocol):
    """How rows look in one format."""

    def add(self, rows: Predicted) -> None:
        """Writes some rows."""
        ...

    def finish(self) -> None:
        """Completes the file."""
        ...


def check_predictions_path(path: str, kept: Sequence[str]) -> str:
    """The format of an ``-o`` file; raises as `check_path`, and for columns that an array cannot keep."""
    suffix = check_path(path, SUFFIXES)
    if suffix == ".npy" and kept:
        raise UsageError("--keep has no place in .npy, which holds numbers without names: use .csv or .parquet")
    return suffix


class CsvPredictions:
    """A header, then a line a row."""

    def __init__(self, file: Writable, kept: Sequence[str], names: Sequence[str]) -> None:
        self._file = file
        write_csv_row((*kept, *names), file)

    def add(self, rows: Predicted) -> None:
        """Writes some rows."""
        columns = [list(map(quoted_cell, texts)) for texts in rows.kept.values()]
        for values in rows.columns.values():
            columns.append(["" if math.isnan(value) else repr(value) for value in values.tolist()])
        text = "".join(",".join(cells) + "\n" for cells in zip(*columns, strict=True))
        self._file.write(text.encode("utf-8", "backslashreplace"))

    def finish(self) -> None:
        """Nothing is left to write."""


class NpyPredictions:
    """An array of doubles, (rows,) or (rows, columns)."""

    def __init__(self, file: AtomicFile, names: Sequence[str]) -> None:
        if file.special:
            raise UsageError("the header of .npy tells the number of rows, which is known at the end: name a file")
        self._file, self._width, self._rows = file, len(names), 0
        self._header()

    def add(self, rows: Predicted) -> None:
        """Writes some rows."""
        values = np.column_stack(list(rows.columns.values()))
        self._file.write(values.astype("<f8", copy=False).tobytes())
        self._rows += len(values)

    def finish(self) -> None:
        """Writes the number of rows, for which the header has room."""
        self._file.rewind()
        self._header()

    def _header(self) -> None:
        shape = (self._rows,) if self._width == 1 else (self._rows, self._width)
        write_npy_header("<f8", shape, self._file)


class ParquetPredictions:
    """A table, a row group for some rows."""

    def __init__(self, file: AtomicFile, kept: Sequence[str], numbers: Sequence[str], names: Sequence[str]) -> None:
        self._arrow, parquet = load("pyarrow", "fast", ".parquet"), load("pyarrow.parquet", "fast", ".parquet")
        self._numbers = set(numbers)
        types = [(name, self._arrow.float64() if name in self._numbers else self._arrow.string()) for name in kept]
        types += [(name, self._arrow.float64()) for name in names]
        self._schema = self._arrow.schema(types)
        self._writer = parquet.ParquetWriter(self._arrow.PythonFile(Sink(file), mode="w"), self._schema)

    def add(self, rows: Predicted) -> None:
        """Writes some rows."""
        columns: list[Any] = []
        for name, texts in rows.kept.items():
            columns.append([_number(text) for text in texts] if name in self._numbers else texts)
        for values in rows.columns.values():
            columns.append([None if math.isnan(value) else value for value in values.tolist()])
        arrays = [self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._arrow.table(arrays, schema=self._schema))

    def finish(self) -> None:
        """Writes the table of contents."""
        self._writer.close()


def _number(text: str) -> float | None:
    """The number in a cell, None for a missing mark."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
