"""Sparse matrices as tables: Matrix Market files, sparse NPZ archives and scipy's own arrays (extra ``sparse``: scipy).

`SparseTable` holds one matrix by its rows (CSR) and hands out blocks of two faces. `read` makes a block of rows dense,
one at a time, for sums AᵀA, which are dense themselves. `read_sparse` leaves it sparse, for descent by passes over
the rows, where n is too large for AᵀA. An entry that is not stored is the number 0; a stored nan is a missing cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.errors import OpenError, TableError, shown
from lsq_cli.core.extras import load
from lsq_cli.sources.binary.arrays import NumberTable, shape_of
from lsq_cli.sources.binary.missing import checked
from lsq_cli.sources.blocks import Cells, Sample
from lsq_cli.sources.column import Column, positions_of

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import ByteSource, CellBlock, Missing

BLOCK_ENTRIES = 1 << 17
"""Entries of one block."""
DENSE_COLUMNS = 4096
"""Up to this many columns the blocks are also kept so short that a dense one takes `DENSE_BYTES`."""
DENSE_BYTES = 1 << 24
MOST_EMPTY = 10_000_000
"""Rows or columns without an entry that are put up with: each takes memory all the same."""


class SparseTable(NumberTable):
    """A sparse matrix in memory, (m, n).

    Parameters
    ----------
    matrix : scipy sparse array or matrix
        Entries that stand twice are added.
    path : str
        What errors call it.

    Raises
    ------
    TableError
        For a matrix without a column, or of no real numbers.
    """

    in_memory = True
    sparse = True
    takes: tuple[str, ...] = ()

    def __init__(self, matrix: Any, path: str = "A") -> None:
        rows, columns = shape_of(matrix.dtype, matrix.shape, path)
        refuse_mostly_empty(rows, columns, int(matrix.nnz), path)
        super().__init__(path, rows, columns)
        with np.errstate(over="ignore"):
            self._matrix = load("scipy.sparse", "sparse", path).csr_array(matrix).astype(np.float64)
        self._matrix.sum_duplicates()
        self.form = f"sparse, {rows} × {columns}, {self._matrix.nnz} entries"
        self.size = self._matrix.data.nbytes + self._matrix.indices.nbytes

    def rows_a_block(self, columns: tuple[Column, ...]) -> int:
        """Rows that have `BLOCK_ENTRIES` entries on average, fewer where they are to be made dense."""
        n = len(self.columns)
        step = BLOCK_ENTRIES * self.rows // max(1, int(self._matrix.nnz))
        return max(1, min(step, DENSE_BYTES // (8 * n)) if n <= DENSE_COLUMNS else step)

    def block(self, columns: tuple[Column, ...], missing: Missing, start: int, stop: int) -> CellBlock:
        """A handle that holds the entries of rows `start` up to `stop`."""
        return SparseBlock(self.path, self._matrix[start:stop], start, positions_of(columns), missing)


class HeaderTable(NumberTable):
    """A matrix of which the header alone was read, for a look at what it is.

    Raises
    ------
    TableError
        As `SparseTable`.
    """

    def __init__(self, path: str, rows: int, columns: int, entries: int, form: str) -> None:
        shape_of(np.dtype(float), (rows, columns), path)
        refuse_mostly_empty(rows, columns, entries, path)
        super().__init__(path, rows, columns)
        self.form, self.size = f"{form}, {rows} × {columns}, {entries} entries", None

    def sample(self, rows: int) -> Sample:
        """No row: of a sparse matrix the first ones may stand anywhere in the file."""
        return Sample(0, ((),) * len(self.columns))


def refuse_mostly_empty(rows: int, columns: int, entries: int, path: str) -> None:
    """`TableError` for a size that memory would have to follow, though hardly a row or column has an entry."""
    for count, what in ((rows, "rows"), (columns, "columns")):
        if count > entries + MOST_EMPTY:
            raise TableError(
                f"{rows} × {columns} with {entries} entries: more than {MOST_EMPTY} {what} are empty; leave them out",
                path,
            )


@dataclass(frozen=True)
class SparseBlock:
    """Some rows of a sparse matrix, held."""

    path: str
    matrix: Any
    """(rows, columns of the table), a scipy csr_array."""
    start: int
    columns: tuple[int, ...]
    missing: Missing
    na: frozenset[float] = frozenset()

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes)

    @property
    def footprint(self) -> int:
        """Bytes when made dense."""
        return self.size + 8 * int(self.matrix.shape[0]) * len(self.columns)

    def read(self) -> Cells:
        """The chosen columns, dense."""
        return checked(self._chosen().toarray(), self)

    def read_sparse(self) -> Cells:
        """The chosen columns as a scipy csr_array, in place of an array."""
        chosen = self._chosen()
        reasons = None if np.isfinite(chosen.data).all() else checked(chosen.toarray(), self).reasons
        return Cells(chosen, reasons)

    def _chosen(self) -> Any:
        """The chosen columns, a scipy csr_array."""
        if self.columns == tuple(range(self.matrix.shape[1])):
            return self.matrix
        return self.matrix[:, list(self.columns)]

    def where(self, row: int, k: int) -> str:
        """``A.mtx, row 7, column 3``."""
        return f"{self.path}, row {self.start + row + 1}, column {self.columns[k] + 1}"


def is_sparse_archive(members: Mapping[str, int]) -> bool:
    """Whether the members of an ``.npz`` are those that scipy.sparse.save_npz writes."""
    return "format.npy" in members and "shape.npy" in members


def table_of_archive(source: ByteSource) -> SparseTable:
    """The matrix in an archive that scipy.sparse.save_npz wrote and that can be sought in.

    Raises
    ------
    MissingExtraError
        If scipy is not installed.
    OpenError
        For a broken archive.
    TableError
        As `SparseTable`.
    """
    sparse = load("scipy.sparse", "sparse", source.label)
    try:
        with source.open() as stream:
            matrix = sparse.load_npz(stream)
        if hasattr(matrix, "check_format"):
            # An index out of range would have scipy write outside its arrays.
            matrix.check_format(full_check=True)
    except OpenError:
        raise
    except Exception as error:  # those of zipfile, of numpy and of scipy
        problem = f"not a sparse matrix as scipy.sparse.save_npz writes it: {shown(str(error), 120)}"
        raise OpenError(problem, source.label) from None
    if matrix.ndim != 2:
        raise TableError(f"a sparse array of shape {matrix.shape} is no table; rows × columns are needed", source.label)
    return SparseTable(matrix, source.label)
