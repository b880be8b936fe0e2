"""Tables of numbers without names, and arrays in memory as such tables: rows cut into blocks of one fixed size.

`NumberTable` is what NPY files, arrays and sparse matrices share: the number of rows is known, and a block is a range
of them. `ArrayTable` cuts an array in memory into views.

Every real number becomes the nearest double, as it would on the way through text: bool is 0 or 1, integers
beyond 2⁵³ and long doubles are rounded, a long double beyond 1.8e308 is inf and so a missing cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.errors import OpenError, TableError
from lsq_cli.sources.binary.missing import checked
from lsq_cli.sources.binary.samples import sample_of
from lsq_cli.sources.blocks import CellBlock, Cells, Decision, Sample, rows_to_sample
from lsq_cli.sources.column import Column, columns_of_numbers, positions_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Missing

BLOCK_BYTES = 1 << 22
"""Doubles of one block: with 100 columns 5242 rows."""

_REFUSED = {
    "c": "complex numbers; store their real and imaginary parts as columns",
    "O": "Python objects, which are not unpickled; store it with .astype(float)",
    "S": "text, not numbers",
    "U": "text, not numbers",
    "T": "text, not numbers",
    "V": "records; store the fields as columns of one array of numbers",
    "M": "dates; store them as numbers",
    "m": "time spans; store them as numbers",
}


class NumberTable:
    """A table of numbers without names: column k is ``xk`` and the number of rows is known.

    Attributes
    ----------
    rows : int
    seekable : bool
        Whether `block` may be called for any rows in any order.
    in_memory : bool
        Whether the rows are held, so that reading them costs nothing.
    na : frozenset of float
        Numbers that mark a missing cell.
    """

    in_memory = False
    waits = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    takes: tuple[str, ...] = ("na",)
    na: frozenset[float] = frozenset()
    form: str
    size: int | None

    def __init__(self, path: str, rows: int, columns: int) -> None:
        self.path = path
        self.rows = rows
        self.columns = columns_of_numbers(path, columns)
        self.rereadable = True
        self.seekable = True

    def rows_a_block(self, columns: tuple[Column, ...]) -> int:
        """Rows that make `BLOCK_BYTES` of doubles; of all columns, for all are read on the way."""
        return max(1, BLOCK_BYTES // (8 * len(self.columns)))

    def block(self, columns: tuple[Column, ...], missing: Missing, start: int, stop: int) -> CellBlock:
        """A handle on rows `start` up to `stop`."""
        raise NotImplementedError

    def ranges(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[tuple[CellBlock, int]]:
        """Handles on all rows in order, each with the number of its rows."""
        step = self.rows_a_block(columns)
        for start in range(0, self.rows, step):
            rows = min(step, self.rows - start)
            yield self.block(columns, missing, start, start + rows), rows

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Handles on all rows in order."""
        return (block for block, _ in self.ranges(columns, missing))

    def sample(self, rows: int) -> Sample:
        """The first rows, each number in as few digits as tell it; see `Table.sample`."""
        rows = min(self.rows, rows_to_sample(rows, len(self.columns)))
        block = self.block(self.columns, "drop", 0, rows) if self.seekable else next(self.blocks(self.columns, "drop"))
        return sample_of(block.read().values[:rows], self.na)


class ArrayTable(NumberTable):
    """An array in memory, (m,) or (m, n); its blocks are views where it holds doubles.

    Raises
    ------
    TableError
        For an array that is not 1-D or 2-D, has no column, or holds no real numbers.
    """

    in_memory = True

    def __init__(self, array: ArrayLike, path: str = "A") -> None:
        try:
            if isinstance(array, np.ma.MaskedArray):  # asarray would forget which cells it hides
                array = np.ma.filled(array.astype(np.float64), np.nan)
            values = np.asarray(array)
        except ValueError as error:
            raise TableError(f"not a table of numbers: {error}", path) from None
        rows, columns = shape_of(values.dtype, values.shape, path)
        super().__init__(path, rows, columns)
        self._array = values.reshape(rows, columns)
        self.form, self.size = f"an array, {values.dtype}", values.nbytes

    def block(self, columns: tuple[Column, ...], missing: Missing, start: int, stop: int) -> CellBlock:
        """A handle that holds a view of rows `start` up to `stop`; pickling it pickles those rows only."""
        return ArrayBlock(self.path, self._array[start:stop], start, positions_of(columns), missing, self.na)


@dataclass(frozen=True, eq=False)
class ArrayBlock:
    """Some rows of an array, held."""

    path: str
    raw: NDArray[Any]
    """(rows, columns of the file), as stored."""
    start: int
    columns: tuple[int, ...]
    missing: Missing
    na: frozenset[float] = frozenset()

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.raw.nbytes

    @property
    def footprint(self) -> int:
        """Bytes as stored, and as doubles."""
        return self.raw.nbytes + 8 * len(self.raw) * len(self.columns)

    def read(self) -> Cells:
        """The chosen columns as doubles, a view where nothing has to change."""
        columns = self.columns
        if columns and columns == tuple(range(columns[0], columns[0] + len(columns))):
            chosen = self.raw[:, columns[0] : columns[0] + len(columns)]
        else:
            chosen = self.raw[:, list(columns)]
        return checked(as_doubles(chosen), self)

    def __reduce__(self) -> tuple[Any, ...]:
        """With the numbers in the order that they have in memory, on which rounded sums depend."""
        by_columns = self.raw.strides[0] < self.raw.strides[1]
        raw = np.asfortranarray(self.raw) if by_columns else self.raw
        return type(self), (self.path, raw, self.start, self.columns, self.missing, self.na)

    def where(self, row: int, k: int) -> str:
        """``A, row 7, column 3``."""
        return f"{self.path}, row {self.start + row + 1}, column {self.columns[k] + 1}"


def shape_of(dtype: np.dtype[Any], shape: tuple[int, ...], path: str) -> tuple[int, int]:
    """(rows, columns) of an array that is a table of real numbers; `TableError` for any other."""
    if dtype.kind in _REFUSED:
        raise TableError(f"an array of {_REFUSED[dtype.kind]}", path)
    if len(shape) not in (1, 2):
        raise TableError(f"an array of shape {shape} is no table; rows × columns are needed", path)
    rows, columns = shape if len(shape) == 2 else (shape[0], 1)
    if min(shape) < 0:
        raise OpenError(f"not an NPY file: its shape is {shape}", path)
    if columns == 0:
        raise TableError(f"an array of shape {shape} has no column", path)
    return rows, columns


def as_doubles(raw: NDArray[Any]) -> Array:
    """The nearest doubles; `raw` itself if it holds doubles."""
    # A signalling nan is a missing cell like any other.
    with np.errstate(over="ignore", invalid="ignore"):
        return raw.astype(np.float64, copy=False)
