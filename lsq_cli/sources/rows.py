"""From tables to rows of the problem: A, b and the weights side by side, without the rows that miss a cell.

`OneTable` takes them from one table, or from parts of one table after another. `SideBySide` takes A from
one and b from another, row k beside row k: where every table can be read at any row (NPY files, arrays) a
handle is a range of rows of each and nothing is read before a worker does; else the blocks of A are kept as
they come and the other tables are cut to their lengths. Either way the cuts depend on the files alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import CellError, SourceConsumedError, TableError, counted
from lsq_cli.sources.binary.arrays import NumberTable
from lsq_cli.sources.blocks import CellBlock, Cells, Reason, RowBlock, Rows
from lsq_cli.sources.columns import Selection, match_part
from lsq_cli.sources.cutting import Cutter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Missing, Table
    from lsq_cli.sources.column import Column

    Losses = NDArray[np.int64]


class Place(NamedTuple):
    """Where a part of the problem stands: these columns of the cells of that table."""

    table: int
    first: int
    width: int

    def of(self, values: Sequence[Array]) -> Array:
        """The part as a view."""
        return values[self.table][:, self.first : self.first + self.width]


class Roles(NamedTuple):
    """Where A, b and the weights stand in the cells of the tables."""

    A: Place
    b: Place
    weights: Place | None = None


@dataclass(frozen=True, eq=False)
class ProblemRows:
    """A handle on rows of the problem: the same rows of each table."""

    tables: tuple[CellBlock, ...]
    roles: Roles

    @property
    def size(self) -> int:
        """Bytes of A's table that it covers."""
        return self.tables[0].size

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading takes."""
        return sum(table.footprint for table in self.tables)

    def read(self) -> Rows:
        """The rows whose cells are all there.

        Raises
        ------
        CellError
            For a negative weight, and for a missing cell where none may be missing.
        """
        return self._rows([table.read() for table in self.tables])

    def read_sparse(self) -> Rows:
        """The same with A as it is stored: a scipy csr_array where its table is sparse. Raises as `read`."""
        cells = [getattr(table, "read_sparse", table.read)() for table in self.tables]
        rows = self._rows(cells)
        return rows._replace(b=_dense(rows.b))

    def read_with_losses(self, positions: Sequence[Sequence[int]]) -> tuple[Rows, Losses]:
        """The rows, and which cells the others miss.

        Parameters
        ----------
        positions : sequence of sequence of int
            Of each table's columns in its file: a row counts by the first cell that it misses there.

        Returns
        -------
        rows : Rows
        losses : ndarray of int64, shape (4, columns of all tables)
            Rows that went, by the reason and by the column, those of one table after those of another.
        """
        cells = [table.read() for table in self.tables]
        widths = [each.values.shape[1] for each in cells]
        losses = np.zeros((len(Reason) - 1, sum(widths)), np.int64)
        reasons = _first_reasons(cells)
        gone = np.zeros(0, np.intp) if reasons is None else np.flatnonzero(reasons)
        first = 0
        for each, order, width in zip(cells, map(np.argsort, positions), widths, strict=True):
            if each.reasons is not None and gone.size:
                here, gone = gone[each.reasons[gone] != 0], gone[each.reasons[gone] == 0]
                columns = order[(~np.isfinite(each.values[np.ix_(here, order)])).argmax(axis=1)]
                np.add.at(losses, (each.reasons[here].astype(np.intp) - 1, first + columns), 1)
            first += width
        return self._rows(cells), losses

    def _rows(self, cells: Sequence[Cells]) -> Rows:
        """The rows in some cells, which may be sparse."""
        values = [each.values for each in cells]
        rows = values[0].shape[0]
        reasons = _first_reasons(cells)
        A, b = self.roles.A.of(values), self.roles.b.of(values)
        weights = None if self.roles.weights is None else _dense(self.roles.weights.of(values))[:, 0]
        if weights is not None:
            self._refuse_negative(weights, reasons)
        if reasons is None:
            return Rows(A, b, weights, rows, {})
        kept = reasons == Reason.PRESENT
        counts = np.bincount(reasons, minlength=len(Reason))
        dropped = {reason.name.lower(): int(counts[reason]) for reason in Reason if reason and counts[reason]}
        return Rows(A[kept], b[kept], None if weights is None else weights[kept], rows, dropped)

    def _refuse_negative(self, weights: Array, reasons: NDArray[np.uint8] | None) -> None:
        """`CellError` for the first negative weight of a row that counts."""
        negative = weights < 0
        if reasons is not None:
            negative &= reasons == Reason.PRESENT
        if negative.any() and self.roles.weights is not None:
            row = int(negative.argmax())
            place = self.tables[self.roles.weights.table].where(row, self.roles.weights.first)
            raise CellError(f"the weight is {weights[row]:g}; weights must be 0 or more", place)


class RowSource:
    """What the `Source`s below share: the names, and that a stream gives its rows once."""

    def __init__(self, data: tuple[str, ...], selection: Selection, tables: Sequence[Table], missing: Missing) -> None:
        self.data = data
        self.names = selection.names
        self.targets = selection.targets
        self.weighted = selection.weights is not None
        self.left_out = tuple(column.name for column in selection.left_out)
        self.rereadable = all(table.rereadable for table in tables)
        self.in_memory = all(isinstance(table, NumberTable) and table.in_memory for table in tables)
        self.sparse = getattr(tables[0], "sparse", False)
        self.waits = any(table.waits for table in tables)
        self._warnings = selection.warnings
        self._notes = selection.notes
        self._tables_read = tables
        self._missing: Missing = missing
        self._consumed = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know; each sentence once, however many tables say it."""
        return (*self._notes, *dict.fromkeys(note for table in self._tables_read for note in table.notes))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about how the tables were read and the columns chosen; each sentence once."""
        read = dict.fromkeys(warning for table in self._tables_read for warning in table.warnings)
        return (*read, *self._warnings)

    @property
    def forms(self) -> tuple[str, ...]:
        """How each table is written, with its path."""
        return tuple(f"{table.path}: {table.form}" for table in self._tables_read)

    @property
    def size(self) -> int | None:
        """Bytes of all parts; of A's table alone where b has its own."""
        raise NotImplementedError

    def blocks(self) -> Iterator[RowBlock]:
        """Handles on all rows, in order.

        Raises
        ------
        SourceConsumedError
            The second time, if a table is a stream.
        """
        if self._consumed and not self.rereadable:
            paths = ", ".join(self.data)
            raise SourceConsumedError(f"the rows of {paths} can be read only once; write them to a file first")
        self._consumed = True
        return self._blocks()

    def _blocks(self) -> Iterator[RowBlock]:
        raise NotImplementedError


class OneTable(RowSource):
    """A, b and the weights as columns of one table, which may come in parts.

    Parameters
    ----------
    data : tuple of str
        The paths as given.
    parts : sequence of Table
        In the order of their rows; columns are matched by name to the first.
    selection : Selection
        Columns of the first part.
    missing : {"error", "drop"}

    Raises
    ------
    TableError
        For a part whose columns are others than those of the first.
    """

    def __init__(self, data: tuple[str, ...], parts: Sequence[Table], selection: Selection, missing: Missing) -> None:
        super().__init__(data, selection, parts, missing)
        columns, self._roles = _in_one_table(selection)
        self._parts = [(parts[0], columns)] + [(part, match_part(parts[0], part, columns)) for part in parts[1:]]

    @property
    def size(self) -> int | None:
        """Bytes of all parts."""
        sizes = [table.size for table, _ in self._parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def _blocks(self) -> Iterator[RowBlock]:
        for table, columns in self._parts:
            for block in table.blocks(columns, self._missing):
                yield ProblemRows((block,), self._roles)
                del block  # its text, while the next is read


class SideBySide(RowSource):
    """A in one table, b in another, and perhaps the weights in a third.

    Parameters
    ----------
    data : tuple of str
        The paths as given.
    A, b : Table
    selection : Selection
    missing : {"error", "drop"}
    weights : Table, optional
        One column, in place of a column of A's or b's table.

    Raises
    ------
    TableError
        For row counts that differ, here if the tables know theirs, else when the shorter one ends.
    """

    def __init__(
        self,
        data: tuple[str, ...],
        A: Table,
        b: Table,
        selection: Selection,
        missing: Missing,
        weights: Table | None = None,
    ) -> None:
        tables = (A, b) if weights is None else (A, b, weights)
        super().__init__(data, selection, tables, missing)
        self._tables = tables
        self._columns, self._roles = _in_two_tables(selection, A)
        if weights is not None:
            self.weighted = True
            self._columns += (weights.columns,)
            self._roles = self._roles._replace(weights=Place(2, 0, 1))
        self._by_ranges = _all_seekable(tables)
        if counts := _known_counts(tables):
            _refuse_uneven(tables, counts)

    @property
    def size(self) -> int | None:
        """Bytes of A's table, whose blocks set the pace."""
        return self._tables[0].size

    def _blocks(self) -> Iterator[RowBlock]:
        tables = self._by_ranges
        if not tables:
            yield from self._blocks_cut_to_length()
            return
        step = tables[0].rows_a_block(self._columns[0])
        for start in range(0, tables[0].rows, step):
            stop = min(start + step, tables[0].rows)
            beside = zip(tables, self._columns, strict=True)
            yield ProblemRows(
                tuple(table.block(columns, self._missing, start, stop) for table, columns in beside), self._roles
            )

    def _blocks_cut_to_length(self) -> Iterator[RowBlock]:
        """Blocks of A as they come, and as many rows of the others beside each."""
        A, *others = (
            Cutter(table.blocks(columns, self._missing))
            for table, columns in zip(self._tables, self._columns, strict=True)
        )
        lead, known = self._tables[0], None
        if isinstance(lead, NumberTable) and lead.seekable:
            # Its handles tell their lengths, and are the workers' to read.
            known = lead.rows
            blocks = lead.ranges(self._columns[0], self._missing)
        else:
            blocks = ((A.take(rows), rows) for rows in iter(A.next_length, 0))
        for block, rows in blocks:
            held = tuple(other.take(rows) for other in others)
            if any(piece.rows < rows for piece in held):
                break
            yield ProblemRows((block, *held), self._roles)
        rows_of_A = A.count_to_the_end() if known is None else known
        _refuse_uneven(self._tables, [rows_of_A, *(other.count_to_the_end() for other in others)])


def _in_one_table(selection: Selection) -> tuple[tuple[Column, ...], Roles]:
    """The columns to ask for, and where A, b and the weights stand in them."""
    n, p = len(selection.A), len(selection.b)
    roles = Roles(Place(0, 0, n), Place(0, n, p))
    if selection.weights is None:
        return selection.A + selection.b, roles
    return (*selection.A, *selection.b, selection.weights), roles._replace(weights=Place(0, n + p, 1))


def _in_two_tables(selection: Selection, A: Table) -> tuple[tuple[tuple[Column, ...], ...], Roles]:
    """The columns to ask the tables of A and b for, and where A, b and the weights stand in them."""
    columns, weights = [selection.A, selection.b], selection.weights
    roles = Roles(Place(0, 0, len(selection.A)), Place(1, 0, len(selection.b)))
    if weights is not None:
        table = 0 if weights in A.columns else 1
        roles = roles._replace(weights=Place(table, len(columns[table]), 1))
        columns[table] += (weights,)
    return tuple(columns), roles


def _dense(values: Any) -> Array:
    """Cells as an array, which those of a sparse table are not."""
    dense: Array = values.toarray() if hasattr(values, "toarray") else values
    return dense


def _first_reasons(tables: Sequence[Cells]) -> NDArray[np.uint8] | None:
    """Why each row goes: for the first table that misses a cell of it."""
    reasons: NDArray[np.uint8] | None = None
    for table in tables:
        if table.reasons is not None:
            reasons = table.reasons if reasons is None else np.where(reasons, reasons, table.reasons)
    return reasons


def _all_seekable(tables: Sequence[Table]) -> list[NumberTable]:
    """The tables, if every one can be read at any row; else nothing."""
    seekable = [table for table in tables if isinstance(table, NumberTable) and table.seekable]
    return seekable if len(seekable) == len(tables) else []


def _known_counts(tables: Sequence[Table]) -> list[int]:
    """The row counts, if every table knows its own before it is read; else nothing."""
    counts = [table.rows for table in tables if isinstance(table, NumberTable)]
    return counts if len(counts) == len(tables) else []


def _refuse_uneven(tables: Sequence[Table], counts: Sequence[int]) -> None:
    """`TableError` for tables of different lengths, with both."""
    for table, count in zip(tables[1:], counts[1:], strict=True):
        if count != counts[0]:
            advice = "row k of one belongs to row k of the other"
            if abs(count - counts[0]) == 1:
                advice = "is the first row of one a header? (--header, --no-header)"
            raise TableError(f"{tables[0].path} has {counted(counts[0], 'row')} and {table.path} has {count}; {advice}")
