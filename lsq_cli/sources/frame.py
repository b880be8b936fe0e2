"""A data frame in memory: pandas, polars, pyarrow, or whatever speaks Arrow's or the dataframe protocol.

    pandas, polars                  column by column, with what they have themselves
    __arrow_c_stream__              pyarrow.table
    __dataframe__                   pyarrow.interchange.from_dataframe

Names are kept. Numbers and booleans become doubles, what is missing becomes NaN; other columns are text or dates, and
"the rest" leaves them out as it does in a file. A series is a frame of one column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import TableError
from lsq_cli.core.extras import load
from lsq_cli.sources.binary.arrays import ArrayTable
from lsq_cli.sources.column import Column, Kind


class Read(NamedTuple):
    """One column: its name, and its numbers (m,) or what it holds instead of numbers."""

    name: str
    numbers: np.ndarray[Any, np.dtype[np.float64]] | None
    kind: Kind = Kind.NUMBER
    example: str = ""


def is_frame(data: Any) -> bool:
    """Whether it is a data frame or one of its columns, and no plain array."""
    if isinstance(data, np.ndarray):
        return False
    series = hasattr(data, "to_frame") and hasattr(data, "name")
    return series or hasattr(data, "__dataframe__") or hasattr(data, "__arrow_c_stream__")


class FrameTable(ArrayTable):
    """A data frame as a table of numbers with names.

    Raises
    ------
    TableError
        For a frame without columns.
    MissingExtraError
        For a frame that only pyarrow can read, where it is not installed.
    """

    def __init__(self, frame: Any, path: str = "A") -> None:
        if hasattr(frame, "to_frame") and not hasattr(frame, "columns"):
            frame = frame.to_frame()
        maker = type(frame).__module__.partition(".")[0]
        if maker not in ("pandas", "polars"):
            frame = _arrow_table(frame, path)
        read, rows = list(_columns(frame, maker)), len(frame)
        if not read:
            raise TableError("has no column", path)
        empty = np.full(rows, np.nan)
        numbers = [empty if column.numbers is None else column.numbers for column in read]
        super().__init__(np.column_stack(numbers) if rows else np.empty((0, len(read))), path)
        self.form = f"a data frame of {maker}"
        self.columns = tuple(
            Column(column.name, k, path, column.kind, column.example, named=True) for k, column in enumerate(read)
        )


def _columns(frame: Any, maker: str) -> Iterator[Read]:
    """The columns in order; of an Arrow table where it is neither pandas' nor polars'."""
    if maker == "pandas":
        for k, name in enumerate(frame.columns):
            yield _of_pandas(str(name), frame.iloc[:, k])
    elif maker == "polars":
        for series in frame.iter_columns():
            yield _of_polars(series)
    else:
        for name, column in zip(frame.column_names, frame.columns, strict=True):
            yield _of_arrow(name, column)


def _of_pandas(name: str, series: Any) -> Read:
    """A column of pandas: numpy's dtypes, its own with missing values, or Arrow's."""
    kind = getattr(series.dtype, "kind", "O")
    if kind in "iufb":
        return Read(name, series.to_numpy(dtype=np.float64, na_value=np.nan))
    return _other(name, series.dropna().head(1).tolist(), dates=kind in "Mm")


def _of_polars(series: Any) -> Read:
    """A column of polars."""
    dtype = series.dtype
    if dtype.is_numeric() or str(dtype) == "Boolean":
        import polars  # it is there, for the column is one of its own

        return Read(series.name, series.cast(polars.Float64).to_numpy())
    return _other(series.name, series.drop_nulls().head(1).to_list(), dates=dtype.is_temporal())


def _of_arrow(name: str, column: Any) -> Read:
    """A column of an Arrow table."""
    types = load("pyarrow", "fast", "a data frame").types
    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind):
        whole = column.cast("float64") if not types.is_boolean(kind) else column.cast("uint8").cast("float64")
        return Read(name, whole.to_numpy())
    return _other(name, column.drop_null()[:1].to_pylist(), dates=types.is_temporal(kind))


def _arrow_table(frame: Any, path: str) -> Any:
    """The frame as an Arrow table, by whichever protocol it has."""
    arrow = load("pyarrow", "fast", f"{path}: a data frame of {type(frame).__module__}")
    if hasattr(frame, "__arrow_c_stream__"):
        return arrow.table(frame)
    return load("pyarrow.interchange", "fast", path).from_dataframe(frame)


def _other(name: str, first: list[Any], *, dates: bool) -> Read:
    """A column that holds no numbers; nothing but missing cells is empty."""
    if not first:
        return Read(name, None, Kind.EMPTY)
    return Read(name, None, Kind.DATE if dates else Kind.TEXT, str(first[0]))
