"""Parquet tables: columns of numbers and truth values, with names, row group by row group (extra ``fast``: pyarrow).

A row group is read by the worker that sums it; one that would fill the memory is read in order, a batch at a time. Only
the columns in use are read. Integers beyond 2⁵³ and decimals become the nearest double, as they would on the way
through text; a null is an empty cell. Columns of anything else (text, dates, lists) are left out, and so
is the index that pandas wrote.

pyarrow and not polars, which reads CSV here: it reads with plain reads where polars maps the file, so that a file that
shrinks is an error and no signal; it fails with an exception where polars also prints a trace of its own; it tells
where the row groups are.

Format: parquet.apache.org. The table of contents stands at the end of the file, so what comes through a pipe or is
compressed once more is held as it is stored.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import LsqError, OpenError, TableError, counted, shown
from lsq_cli.core.extras import load
from lsq_cli.sources.binary.arrow import coded, doubles, is_text, type_shown
from lsq_cli.sources.binary.missing import checked
from lsq_cli.sources.binary.samples import sample_of
from lsq_cli.sources.blocks import Cells, Decision, Sample, rows_to_sample
from lsq_cli.sources.column import Column, Kind, positions_of
from lsq_cli.sources.streams import BUFFER_BYTES, FileBytes, unreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import ByteSource, CellBlock, Missing
    from lsq_cli.sources.columns import Request
    from lsq_cli.sources.words import Coded

BATCH_BYTES = 1 << 23
"""Doubles of one batch of a large row group."""
LARGE_BYTES = 1 << 26
"""Doubles beyond which a row group is large; most writers stay below, at about 100,000 rows a group."""
_SAMPLE_ROWS = 1000
_MAGIC = b"PAR1"


def open_table(source: ByteSource, request: Request) -> ParquetTable:
    """The table in a Parquet file; raises as `ParquetTable`."""
    return ParquetTable(source)


class ParquetTable:
    """A Parquet file that can be sought in; what it says of itself is read at once.

    Parameters
    ----------
    source : ByteSource

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    OpenError
        Not Parquet, broken, or truncated.
    TableError
        For a file without a column.
    """

    waits = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    takes: tuple[str, ...] = ("na",)
    na: frozenset[float] = frozenset()

    def __init__(self, source: ByteSource) -> None:
        self.path, self.size, self.rereadable = source.label, source.size, source.rereadable
        self._source = source
        _check_ends(source)
        with _opened(source) as file:
            schema, self._metadata = file.schema_arrow, file.metadata
            kinds = _kinds(schema)
            text = [k for k, kind in enumerate(kinds) if kind in (Kind.TEXT, Kind.DATE)]
            examples = _examples(file, schema, schema.names, text)
        self.columns = tuple(
            Column(name, k, self.path, kind, examples.get(k, ""), named=True)
            for k, (name, kind) in enumerate(zip(schema.names, kinds, strict=True))
        )
        if not self.columns:
            raise TableError("has no column", source.label)
        rows, groups = self._metadata.num_rows, self._metadata.num_row_groups
        self.form = f"Parquet, {counted(rows, 'row')} in {counted(groups, 'row group')}"

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[CellBlock]:
        """Handles on the row groups in order; of large ones blocks that hold their rows."""
        start, wanted = 0, self._wanted(columns)
        for number in range(self._metadata.num_row_groups):
            rows = (self.path, start, wanted, missing, self.na)
            group = GroupBlock(*rows, self._source, self._metadata, number)
            if 8 * group.rows * len(columns) <= LARGE_BYTES:
                yield group
            else:
                yield from group.batches()
            start += group.rows

    def word_blocks(
        self, numbers: tuple[Column, ...], words: tuple[Column, ...], missing: Missing
    ) -> Iterator[ParquetWords]:
        """Handles on some rows each, columns of text among them, which hold their rows."""
        start, wanted, texts = 0, self._wanted(numbers), self._wanted(words)
        names = sorted({column.name for column in (*numbers, *words)})
        rows = max(1, BATCH_BYTES // (8 * len(names)))
        size = (self.size or 0) // max(1, -(-self._metadata.num_rows // rows))
        with _opened(self._source, self._metadata) as file:
            for batch in file.iter_batches(rows, columns=names):
                yield ParquetWords(ParquetRows(self.path, start, wanted, missing, self.na), texts, batch, size)
                start += batch.num_rows

    def sample(self, rows: int) -> Sample:
        """The first rows of the first row group, column by column; see `Table.sample`."""
        rows = rows_to_sample(rows, len(self.columns))
        with _opened(self._source, self._metadata) as file:
            cells = tuple(_first_cells(file, wanted, rows, self.na) for wanted in self._wanted(self.columns))
        return Sample(max(map(len, cells)), cells)

    def _wanted(self, columns: tuple[Column, ...]) -> tuple[Wanted, ...]:
        """Some columns, as they are asked for by name."""
        called: Counter[str] = Counter()
        before = []
        for column in self.columns:
            before.append(called[column.name])
            called[column.name] += 1
        return tuple(Wanted(column, before[column.position]) for column in columns)


class Wanted(NamedTuple):
    """A column to read; pyarrow reads all of one name."""

    column: Column
    before: int
    """How many of its name stand before it in the file."""

    def of(self, table: Any) -> Any:
        """Its cells in what pyarrow read."""
        return table.column(table.schema.get_all_field_indices(self.column.name)[self.before])


def _first_cells(file: Any, wanted: Wanted, rows: int, na: frozenset[float]) -> tuple[str | None, ...]:
    """The text of the first cells of a column; none where they are no numbers, and cannot be read or shown."""
    first = islice(file.iter_batches(rows, columns=[wanted.column.name]), 1)
    if wanted.column.kind in (Kind.NUMBER, Kind.TRUTH, Kind.INDEX):
        return next((sample_of(doubles(wanted.of(batch))[:, None], na).cells[0] for batch in first), ())
    with suppress(Exception):  # as in `_opened`
        return next(tuple(str(cell.as_py()) if cell.is_valid else None for cell in wanted.of(batch)) for batch in first)
    return ()


@dataclass(frozen=True)
class ParquetRows:
    """What the blocks below share: which rows and columns they are, and how to call them."""

    path: str
    start: int
    """Rows of the file before these."""
    wanted: tuple[Wanted, ...]
    missing: Missing
    na: frozenset[float]
    """Numbers that mark a missing cell."""

    @property
    def columns(self) -> tuple[int, ...]:
        """0-based positions."""
        return positions_of(each.column for each in self.wanted)

    def where(self, row: int, k: int) -> str:
        """``data.parquet, row 7, column 3 'Ozone'``."""
        column = self.wanted[k].column
        return f"{self.path}, row {self.start + row + 1}, column {column.position + 1} {column.title}"

    def values(self, table: Any) -> tuple[Array, NDArray[np.bool_] | None]:
        """The doubles of some rows, nan for null; and which cells are null, if any is."""
        values = np.empty((table.num_rows, len(self.wanted)), order="F")
        nulls: NDArray[np.bool_] | None = None
        for k, wanted in enumerate(self.wanted):
            column = wanted.of(table)
            values[:, k] = doubles(column)
            if column.null_count:
                nulls = np.zeros(values.shape, bool) if nulls is None else nulls
                nulls[:, k] = column.is_null().to_numpy(zero_copy_only=False)
        return values, nulls


@dataclass(frozen=True)
class GroupBlock(ParquetRows):
    """A row group, read when asked for."""

    source: ByteSource
    metadata: Any
    """A pyarrow.parquet.FileMetaData, parsed once."""
    number: int

    @property
    def rows(self) -> int:
        """Rows of the group."""
        return int(self.metadata.row_group(self.number).num_rows)

    @property
    def size(self) -> int:
        """Bytes as stored."""
        group = self.metadata.row_group(self.number)
        return sum(int(group.column(k).total_compressed_size) for k in range(group.num_columns))

    @property
    def footprint(self) -> int:
        """Bytes as pyarrow unpacks them, and as doubles."""
        return int(self.metadata.row_group(self.number).total_byte_size) + 16 * self.rows * len(self.wanted)

    def read(self) -> Cells:
        """The chosen columns as doubles."""
        values, nulls = self._numbers()
        return checked(values, self, nulls)

    def _numbers(self) -> tuple[Array, NDArray[np.bool_] | None]:
        with _opened(self.source, self.metadata) as file:
            return self.values(file.read_row_group(self.number, columns=self._names_wanted(), use_threads=False))

    def batches(self) -> Iterator[CellBlock]:
        """The rows of a large group, in blocks that hold them."""
        batch_rows = max(1, BATCH_BYTES // (8 * len(self.wanted)))
        start, size = self.start, self.size // -(-self.rows // batch_rows)
        with _opened(self.source, self.metadata) as file:
            for batch in file.iter_batches(batch_rows, row_groups=[self.number], columns=self._names_wanted()):
                values, nulls = self.values(batch)
                rows = (self.path, start, self.wanted, self.missing, self.na)
                yield BatchBlock(*rows, values, nulls, size)
                start += len(values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the metadata, which speak of all groups; where no other process can open the file, the rows."""
        rows = (self.path, self.start, self.wanted, self.missing, self.na)
        if not self.source.shared:
            return BatchBlock, (*rows, *self._numbers(), self.size)
        return type(self), (*rows, self.source, None, self.number)

    def _names_wanted(self) -> list[str]:
        return sorted({each.column.name for each in self.wanted})


@dataclass(frozen=True)
class BatchBlock(ParquetRows):
    """Some rows of a large row group, held."""

    numbers: Array
    nulls: NDArray[np.bool_] | None
    size: int

    @property
    def footprint(self) -> int:
        """Bytes of the doubles."""
        return self.numbers.nbytes

    def read(self) -> Cells:
        """The rows."""
        return checked(self.numbers, self, self.nulls)


@dataclass(frozen=True)
class ParquetWords:
    """Some rows, held, of which some columns are text."""

    rows: ParquetRows
    words: tuple[Wanted, ...]
    batch: Any
    size: int

    @property
    def footprint(self) -> int:
        """Bytes of the batch, twice."""
        return 2 * int(self.batch.nbytes)

    def read_words(self) -> tuple[Cells, tuple[Coded, ...]]:
        """The numbers, and the columns of text."""
        values, nulls = self.rows.values(self.batch)
        return checked(values, self.rows, nulls), tuple(coded(wanted.of(self.batch)) for wanted in self.words)

    def where(self, row: int, k: int) -> str:
        """The place of a cell."""
        return replace(self.rows, wanted=(*self.rows.wanted, *self.words)).where(row, k)


def _check_ends(source: ByteSource) -> None:
    """`OpenError` where the first or the last bytes are not those of the format."""
    assert source.size is not None  # for it can be sought in
    if source.read_range(0, 4) != _MAGIC:
        raise OpenError("not a Parquet file: it does not begin with PAR1", source.label)
    if source.read_range(max(0, source.size - 4), source.size) != _MAGIC:
        raise OpenError("truncated: a Parquet file ends with PAR1, as it begins", source.label)


def _stream(source: ByteSource) -> Any:
    """The bytes; pyarrow reads a regular file itself, which spares a quarter of the time."""
    stream = source.open()  # says whether it can be read, and is still the same
    if not (isinstance(source, FileBytes) and source.seekable):
        return stream
    stream.close()
    return import_module("pyarrow").OSFile(os.fsencode(os.path.abspath(source.path)))


@contextmanager
def _opened(source: ByteSource, metadata: Any = None) -> Iterator[Any]:
    """A pyarrow.parquet.ParquetFile, whose failures are `OpenError`s that name the file."""
    parquet = load("pyarrow.parquet", "fast", source.label)
    try:
        with (
            _stream(source) as stream,
            # In pieces, and not a whole column of the row group at once.
            parquet.ParquetFile(
                stream,
                metadata=metadata,
                buffer_size=BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
            ) as file,
        ):
            yield file
    except LsqError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # the system's
            raise unreadable(error, source.label) from None
        # pyarrow's own, OSError as a rule; bytes at random bring UnicodeDecodeError and others
        lines = str(error).splitlines() or [type(error).__name__]
        raise OpenError(f"broken Parquet data: {shown(lines[0].rstrip('. '), 160)}", source.label) from None


def _kinds(schema: Any) -> list[Kind]:
    """What each column is, by its type; of numbers, those that pandas says are its index are that."""
    index = _pandas_index(schema)
    kinds = [_kind(field.type) for field in schema]
    return [
        Kind.INDEX if kind is Kind.NUMBER and name in index else kind
        for name, kind in zip(schema.names, kinds, strict=True)
    ]


def _kind(arrow: Any) -> Kind:
    """What the cells of a type are: numbers or truth values, dates, or else text."""
    types = import_module("pyarrow").types
    if types.is_boolean(arrow):
        return Kind.TRUTH
    numbers = (types.is_integer, types.is_floating, types.is_decimal)
    if any(is_one(arrow) for is_one in numbers):
        return Kind.NUMBER
    return Kind.DATE if types.is_date(arrow) or types.is_timestamp(arrow) else Kind.TEXT


def _pandas_index(schema: Any) -> set[str]:
    """The names of the columns that hold the index of a pandas frame, by what pandas wrote beside the schema."""
    try:
        said = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        return {name for name in said.get("index_columns", ()) if isinstance(name, str)}
    except (ValueError, AttributeError, TypeError):  # what stands there is not pandas'
        return set()


def _examples(file: Any, schema: Any, names: Sequence[str], text: list[int]) -> dict[int, str]:
    """Position of each column that is not of numbers → its first cell, of the first rows, or its type.

    Only strings are read for it: a date beyond the range of Python's, or a zone that is not known here, must do no harm
    where nobody asks for the column.
    """
    examples = {k: type_shown(schema.field(k).type) for k in text}
    wanted = sorted({names[k] for k in text if is_text(schema.field(k).type)})
    for first in islice(file.iter_batches(_SAMPLE_ROWS, columns=wanted), 1 if wanted else 0):
        found = {name: _example(first.column(first.schema.get_all_field_indices(name)[0])) for name in wanted}
        examples |= {k: found[names[k]] for k in text if names[k] in found}
    return examples


def _example(cells: Any) -> str:
    """The first cell that is there; nothing where it cannot be shown."""
    try:
        return next((str(cell.as_py()) for cell in cells if cell.is_valid), "")
    except ValueError:
        return ""  # bytes that are no text; nobody asked for the column
