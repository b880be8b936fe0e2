"""Every iterate of a run, streamed to a file while the run goes on.

    with History("path.csv", names, every=10, with_x=True) as history:
        for iterate in method:
            history.add(iterate)

One row holds k, objective, residual_norm, gradient_norm, step_length, seconds and, on request, x. The rows are
k = 0, K, 2K, … and the last, which is what a reader looks for. Prefer ``.csv`` to plot, ``.jsonl`` for programs
that read lines, ``.npy`` for many rows: a structured array whose field ``x`` has the shape of x, ``.parquet`` (the
extra ``fast``) for data frames. A row is written when it comes, or with some thousand others, and forgotten, so memory
does not grow with the run; the file takes its name at the end.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Protocol

from lsq_cli.core.errors import OutputError, shown
from lsq_cli.core.extras import load
from lsq_cli.report.files import AtomicFile, check_path
from lsq_cli.report.iterates import coefficient_labels
from lsq_cli.report.plain import iterate_record, write_csv_row, write_json_line, write_npy_header

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lsq_cli.core.solution import Iterate

SCALARS = ("k", "objective", "residual_norm", "gradient_norm", "step_length", "seconds")
_SUFFIXES = (".csv", ".jsonl", ".npy", ".parquet")
# Numbers that wait until a row group of a Parquet file is full: 8 MB.
_GROUP = 1 << 20


def check_history_path(path: str) -> str:
    """The format, as ``.csv``, of a history file; for before the data is read.

    Raises
    ------
    UsageError
        Another suffix.
    OutputError
        No such folder, a folder, no permission, or an ``.npy`` that is a pipe.
    MissingExtraError
        A ``.parquet`` without the packages for it.
    """
    suffix = check_path(path, _SUFFIXES)
    if suffix == ".parquet":
        load("pyarrow.parquet", "fast", shown(path, 1000))
    if suffix == ".npy" and AtomicFile(path).special:
        raise OutputError(
            f"cannot write {shown(path, 1000)}: the head of an .npy file is written last, which a pipe does not allow; "
            "use .csv or .jsonl"
        )
    return suffix


class History:
    """A consumer of iterates that writes them to a file, whole or absent.

    Parameters
    ----------
    path : str
        Ends in ``.csv``, ``.jsonl``, ``.npy`` or ``.parquet``.
    names : tuple of str
        Of the n coefficients.
    every : int
        Writes k = 0, `every`, 2·`every`, … and the last.
    with_x : bool
        Whether x is written too.
    targets : tuple of str
        Of the p right-hand sides; more than one makes x an (n, p) array.

    Raises
    ------
    UsageError, OutputError, MissingExtraError
        As `check_history_path`; `OutputError` also for a disk that fills up on the way.
    """

    def __init__(
        self,
        path: str,
        names: tuple[str, ...],
        every: int = 1,
        with_x: bool = False,
        targets: tuple[str, ...] = (),
    ) -> None:
        suffix = check_history_path(path)
        self._every = every
        self._file = AtomicFile(path)
        self._pending: Iterate | None = None  # the latest, while it is not written
        self._rows: _Rows
        labels = coefficient_labels(names, targets) if with_x else ()
        if suffix == ".csv":
            self._rows = _CsvRows(self._file, labels)
        elif suffix == ".parquet":
            self._rows = _ParquetRows(self._file, labels)
        elif suffix == ".jsonl":
            self._rows = _JsonRows(self._file, with_x)
        else:
            shape = (len(names), len(targets)) if len(targets) > 1 else (len(names),)
            self._rows = _NpyRows(self._file, shape if with_x else None)

    def __enter__(self) -> Self:
        """Opens the file and writes what stands above the rows."""
        self._file.__enter__()
        try:
            self._rows.begin()
        except BaseException:
            self._file.discard()
            raise
        return self

    def add(self, iterate: Iterate) -> None:
        """Takes the next iterate."""
        if iterate.k % self._every:
            self._pending = iterate
        else:
            self._rows.add(iterate)
            self._pending = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Writes the last row and gives the file its name, or removes it when the block failed."""
        try:
            if kind is None:
                if self._pending is not None:
                    self._rows.add(self._pending)
                self._rows.finish()
                self._file.commit()
        finally:
            self._file.discard()


class _Rows(Protocol):
    """How rows look in one format."""

    def begin(self) -> None:
        """Writes what stands above the rows."""
        ...

    def add(self, iterate: Iterate) -> None:
        """Writes one row."""
        ...

    def finish(self) -> None:
        """Completes the file, its last row written."""
        ...


class _CsvRows:
    """A header, then a line a row; nan and inf stand as such."""

    def __init__(self, file: AtomicFile, labels: tuple[str, ...]) -> None:
        self._file = file
        self._labels = labels

    def begin(self) -> None:
        write_csv_row(_header(self._labels), self._file)

    def add(self, iterate: Iterate) -> None:
        x = iterate.x.ravel().tolist() if self._labels else []
        write_csv_row((iterate.k, *_scalars(iterate), *x), self._file)

    def finish(self) -> None:
        pass


class _JsonRows:
    """A JSON object a line; nan and inf become null."""

    def __init__(self, file: AtomicFile, with_x: bool) -> None:
        self._file = file
        self._with_x = with_x

    def begin(self) -> None:
        pass

    def add(self, iterate: Iterate) -> None:
        write_json_line(iterate_record(iterate, with_x=self._with_x), self._file)

    def finish(self) -> None:
        pass


class _NpyRows:
    """A structured array with a field for each scalar, and ``x`` of the shape of x."""

    def __init__(self, file: AtomicFile, shape: tuple[int, ...] | None) -> None:
        self._file = file
        self._with_x = shape is not None
        self._count = 0
        self._fields: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]
        self._fields = [("k", "<i8"), *((name, "<f8") for name in SCALARS[1:])]
        if shape is not None:
            self._fields.append(("x", "<f8", shape))

    def begin(self) -> None:
        write_npy_header(self._fields, (self._count,), self._file)

    def add(self, iterate: Iterate) -> None:
        self._file.write(struct.pack("<q5d", iterate.k, *_scalars(iterate)))
        if self._with_x:
            self._file.write(iterate.x.astype("<f8", copy=False).tobytes())
        self._count += 1

    def finish(self) -> None:
        self._file.rewind()  # numpy leaves room in the header for any number of rows
        self.begin()


class _ParquetRows:
    """A table with the columns of the CSV, in row groups of some thousand."""

    def __init__(self, file: AtomicFile, labels: tuple[str, ...]) -> None:
        self._arrow, self._parquet = load("pyarrow", "fast", ".parquet"), load("pyarrow.parquet", "fast", ".parquet")
        self._file, self._with_x = file, bool(labels)
        names = _header(labels)
        types = [self._arrow.int64(), *[self._arrow.float64()] * (len(names) - 1)]
        self._schema = self._arrow.schema(list(zip(names, types, strict=True)))
        self._height = max(1, _GROUP // len(names))
        self._steps: list[int] = []
        self._numbers = array("d")

    def begin(self) -> None:
        self._writer = self._parquet.ParquetWriter(self._arrow.PythonFile(Sink(self._file), mode="w"), self._schema)

    def add(self, iterate: Iterate) -> None:
        self._steps.append(iterate.k)
        self._numbers.extend(_scalars(iterate))
        if self._with_x:
            self._numbers.frombytes(iterate.x.astype("=f8", copy=False).tobytes())
        if len(self._steps) == self._height:
            self._write_group()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        """Write the rows that wait."""
        width = len(self._schema) - 1
        columns = [self._steps, *(self._numbers[j::width] for j in range(width))]
        arrays = [self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._arrow.table(arrays, schema=self._schema))
        self._steps, self._numbers = [], array("d")


class Sink:
    """A `AtomicFile` as pyarrow wants a file: it asks where it is, and means to close it."""

    closed = False

    def __init__(self, file: AtomicFile) -> None:
        self._file, self._place = file, 0

    def write(self, data: bytes) -> int:
        """Appends `data`; nowhere when the run has failed, for pyarrow completes a file before it lets go of it."""
        self._place += len(data)
        return len(data) if self._file.closed else self._file.write(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self._place

    def flush(self) -> None:
        """Nothing: the file does it when it is complete."""

    def close(self) -> None:
        """Nothing: the file is closed when it has its name."""


def _header(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the columns: those of `SCALARS`, then `labels`, made different from all before."""
    header = dict.fromkeys(SCALARS)
    for position, label in enumerate(labels, start=1):
        # A column of the data may be called k, or stand twice; a reader by name must not mix them up.
        while label in header:
            label = f"{label}.{position}"
        header[label] = None
    return tuple(header)


def _scalars(iterate: Iterate) -> tuple[float, ...]:
    """The numbers of `SCALARS` behind k, as Python's own floats."""
    return tuple(map(float, iterate[2:]))
