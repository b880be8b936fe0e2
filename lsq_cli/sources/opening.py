"""Where A and b are: from paths to a `Source`. With `paths.py` the only reader of file names.

    no path      standard input, one table              two paths    A, then b, row k beside row k
    with -t      every path a part of one table          one path     an .npz with A and b, or one table

The suffix decides the format, else the first bytes, else it is CSV. A pipe is read once, in order; a regular
file can be read again.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from lsq_cli.core.errors import OpenError, TableError, UsageError, shown
from lsq_cli.sources.binary.arrays import ArrayTable, NumberTable
from lsq_cli.sources.binary.missing import marked_by
from lsq_cli.sources.columns import TEXT_OPTIONS, Request, Selection, same_header, select, select_side_by_side
from lsq_cli.sources.formats import FORMATS, TEXT, Format, by_head, by_suffix, named
from lsq_cli.sources.known import refuse_known
from lsq_cli.sources.paths import STANDARD_INPUT, STDIN, expanded, is_remote, path_of, refuse_two_streams, status_of
from lsq_cli.sources.rows import OneTable, SideBySide
from lsq_cli.sources.states import SUFFIX, are_states, no_rows_in, open_states
from lsq_cli.sources.streams import (
    COMPRESSION_SUFFIXES,
    FileBytes,
    MemoryBytes,
    StreamBytes,
    compression_of,
    head_of,
    open_raw,
    peeked,
    readable,
    widen,
)
from lsq_cli.sources.text.numbers import number

if TYPE_CHECKING:
    from lsq_cli.sources.binary.missing import MarkedTable
    from lsq_cli.sources.blocks import ByteSource, Source, Table


def open_source(paths: Sequence[str | os.PathLike[str]], request: Request, stdin: BinaryIO | None = None) -> Source:
    """Find A and b by the rules for DATA and choose their columns; rows are read later.

    Parameters
    ----------
    paths : sequence of path
        ``-`` is standard input, and so is no path at all.
    request : Request
        Columns, missing policy and format, as the user's options say.
    stdin : binary stream, optional
        In place of the process's own.

    Raises
    ------
    UsageError
        Paths that do not go together, or a terminal on standard input.
    OpenError
        A path that cannot be opened, or is no table of a format that we read.
    TableError, ColumnError
        Tables that do not fit, columns that are not there.
    """
    if are_states(paths):
        return open_states([os.fsdecode(path) for path in paths], request)
    arranged = arrange(paths, request)
    tables = [table for path in arranged.parts for table in tables_at(path, arranged, request, stdin)]
    return source_of(tables, arranged, request)


class Arranged(NamedTuple):
    """How the paths of DATA belong together; nothing has been opened yet."""

    data: tuple[str, ...]
    """The paths as given."""
    parts: tuple[str, ...]
    """The paths to open, in the order of their rows; or those of A and b."""
    beside: bool
    """Whether the second of two paths is b."""

    def is_pair(self, tables: Sequence[Table]) -> bool:
        """Whether the tables are A and b: in two files, or in one archive."""
        return self.beside or len(tables) > len(self.parts)


def arrange(paths: Sequence[str | os.PathLike[str]], request: Request) -> Arranged:
    """The rules for DATA, as far as they speak of paths.

    Raises
    ------
    UsageError
        Paths that do not go together, a format that is none.
    OpenError
        A pattern that matches no file.
    """
    data = tuple(os.fsdecode(path) for path in paths) or (STDIN,)
    if request.input_format is not None and named(request.input_format) is None:
        known = ", ".join(each.name for each in FORMATS)
        raise UsageError(f"--input-format {request.input_format} is none of {known}")
    if not request.target and len(data) > 2:
        raise UsageError(f"{len(data)} paths: parts of one table? add -t NAME (A and b are two paths)")
    # With a target every path, or file that a pattern matches, is a part of one table.
    parts = tuple(part for path in data for part in expanded(path)) if request.target else data
    refuse_two_streams(parts)
    return Arranged(data, parts, not request.target and len(data) == 2)


def tables_at(
    path: str, arranged: Arranged, request: Request, stdin: BinaryIO | None = None, *, header_alone: bool = False
) -> tuple[Table, ...]:
    """The table at one of the paths; or the two of an ``.npz`` that holds A and b and is given alone.

    With `header_alone` the rows of a matrix that would be held are not read; its table has no blocks.

    Raises
    ------
    UsageError
        Such an ``.npz`` beside other paths or with a target.
    OpenError, TableError
        As `open_source`.
    """
    source, form = _open(path, request, stdin)
    if form.name == "npz" and len(arranged.parts) == 1 and not request.target and (pair := _pair_of(source)):
        return pair
    return (form.open_table(source, request, header_alone=header_alone),)


def select_from(tables: Sequence[Table], arranged: Arranged, request: Request) -> Selection:
    """The columns of A, b and the weights in the tables of `arranged`.

    Raises
    ------
    UsageError
        Options of text where no table is text, columns that two options claim.
    TableError, ColumnError
        Tables that do not fit, columns that are not there.
    """
    settle_options(tables, request)
    if not arranged.is_pair(tables):
        return select(tables[0], request)
    A, b = tables
    if arranged.beside and same_header(A, b):
        raise TableError(f"the same header as {A.path}; parts of one table? add -t NAME", b.path)
    selection = select_side_by_side(A, b, request)
    if arranged.beside and len(selection.A) == 1 < len(selection.b) and not request.columns:
        warning = f"{A.path}, the first file, is A, of one column, and {b.path} is b, of {len(selection.b)}; are they "
        return replace(selection, warnings=(f"{warning}swapped? A comes first",))
    return selection


def source_of(tables: Sequence[Table], arranged: Arranged, request: Request) -> Source:
    """The rows of the problem in the tables of `arranged`; raises as `select_from`."""
    selection = select_from(tables, arranged, request)
    if arranged.is_pair(tables):
        A, b = tables
        return SideBySide(arranged.data, A, b, selection, request.missing)
    return OneTable(arranged.data, tables, selection, request.missing)


def open_python(
    A: Any,
    b: Any = None,
    *,
    target: str | Iterable[str] = (),
    columns: str | Iterable[str] = (),
    drop: str | Iterable[str] = (),
    weights: Any = None,
    na: str | Iterable[str] = (),
    **options: Any,
) -> Source:
    """Find A and b for Python: in arrays, paths, or a source made before.

    Parameters
    ----------
    A : array_like (m,) or (m, n), data frame, scipy sparse array, path, sequence of paths, or Source
        A source is passed through.
    b : array_like (m,) or (m, p), or path, optional
        Without it A is one table, or the paths that `open_source` takes.
    weights : array_like (m,) or str, optional
        The weights themselves or the name of their column.
    target, columns, drop, na, **options
        The fields of `Request`; one string or several.

    Raises
    ------
    UsageError
        For arguments that do not go together.
    DataError
        As `open_source`, and for arrays that are no tables of real numbers.
    """
    if hasattr(A, "blocks") and hasattr(A, "targets"):
        if b is not None or target or columns or drop or weights is not None or na or options:
            raise UsageError("a source has its b and its columns already; give it alone")
        source: Source = A
        return source
    by_name = weights if isinstance(weights, str) else None
    options = {name: str(value) if name == "sheet" else value for name, value in options.items()}
    request = Request(_texts(target), _texts(columns), _texts(drop), by_name, na=_texts(na), **options)
    if request.missing not in ("error", "drop"):
        raise UsageError(f'missing must be "error" or "drop", not {request.missing!r}')
    if b is not None and target:
        raise UsageError("b and target both say what b is; give one of them")
    weighing = None if weights is None or by_name is not None else ArrayTable(weights, "weights")
    given = {"A": A} if b is None else {"A": A, "b": b}
    if weighing is None and all(map(_paths, given.values())):
        return open_source([path for data in given.values() for path in _paths(data)], request)
    return _from_tables([_table_of(data, name, request) for name, data in given.items()], weighing, request)


def open_table(path: str, request: Request, stdin: BinaryIO | None = None) -> Table:
    """One table.

    Raises
    ------
    UsageError
        For an ``.npz``, which is two.
    """
    source, form = _open(path, request, stdin)
    return form.open_table(source, request)


def read_whole(path: str) -> bytes:
    """All bytes of a small file, such as a model, decompressed.

    Raises
    ------
    OpenError
        As `open_source`.
    """
    source, _ = _open(path, Request(input_format="csv"), None)
    with source.open() as stream:
        return stream.read()


def _texts(values: str | Iterable[str]) -> tuple[str, ...]:
    """One string or several, as a tuple; numbers of columns may be integers."""
    return (values,) if isinstance(values, str) else tuple(str(value) for value in values)


def _paths(data: Any) -> tuple[str, ...]:
    """The path or paths that `data` is; empty for an array."""
    several = data if isinstance(data, list | tuple) else (data,)
    return tuple(map(os.fsdecode, several)) if all(isinstance(each, str | os.PathLike) for each in several) else ()


def _table_of(data: Any, name: str, request: Request) -> Table:
    """A path's table, or an array's."""
    paths = _paths(data)
    if len(paths) > 1:
        raise UsageError(f"{name} is {len(paths)} paths; beside an array it can be one")
    if hasattr(data, "tocsr"):
        from lsq_cli.sources.binary.sparse import SparseTable  # only for those who have scipy

        return SparseTable(data, name)
    if paths:
        return open_table(paths[0], request)
    from lsq_cli.sources.frame import FrameTable, is_frame  # for Python alone

    return FrameTable(data, name) if is_frame(data) else ArrayTable(data, name)


def _from_tables(tables: list[Table], weights: NumberTable | None, request: Request) -> Source:
    """A source on one table or two, with weights that may be an array of their own."""
    settle_options(tables, request)
    data = tuple(table.path for table in tables)
    if weights is not None and len(weights.columns) > 1:
        raise UsageError(f"weights are one number a row, not {len(weights.columns)}")
    if len(tables) == 2:
        selection = select_side_by_side(tables[0], tables[1], request)
        return SideBySide(data, tables[0], tables[1], selection, request.missing, weights)
    selection = select(tables[0], request)
    if weights is None:
        return OneTable(data, tables, selection, request.missing)
    if not (isinstance(tables[0], NumberTable) and tables[0].in_memory):
        raise UsageError("an array of weights goes with A and b, or with one array; name a column of the file")
    return SideBySide(data, tables[0], tables[0], selection, request.missing, weights)


def settle_options(tables: Sequence[Table], request: Request) -> None:
    """Tell tables of numbers which of them ``--na`` marks; `UsageError` for an option that no table can take."""
    taken = {name for table in tables for name in table.takes}
    for name in (*TEXT_OPTIONS, "sheet"):
        if getattr(request, name) != getattr(Request(), name) and name not in taken:
            what = "spreadsheets" if name == "sheet" else "delimited text"
            form = tables[0].form.partition(",")[0]
            raise UsageError(f"--{name.replace('_', '-')} is for {what}; {tables[0].path} is {form}")
    # Beside text a mark may well be a word.
    is_text = "header" in taken
    marks = [mark for mark in request.na if not is_text or number(mark.strip()) is not None]
    for table in tables:
        if marks and "na" in table.takes and hasattr(table, "na"):
            cast("MarkedTable", table).na = marked_by(marks)


def _pair_of(archive: ByteSource) -> tuple[Table, Table] | None:
    """A and b out of one ``.npz``; None for a sparse matrix, which is one table."""
    from lsq_cli.sources.binary.npz import arrays_of, is_sparse  # zipfile is for archives only

    return None if is_sparse(archive) else arrays_of(archive)


def _open(path: str, request: Request, stdin: BinaryIO | None) -> tuple[ByteSource, Format]:
    """The bytes of a path, decompressed, and their format."""
    suffix, compression = _suffixes(path)
    label = STANDARD_INPUT if path == STDIN else shown(path, 4096)
    if path == STDIN:
        source, head = _stream(_standard_input(stdin), label, "", owned=False)
    elif is_remote(path):
        from lsq_cli.sources.remote import open_remote  # few are

        source, head = open_remote(path, label, compression)
    else:
        status = status_of(path)
        if stat.S_ISDIR(status.st_mode):
            pattern = shown(os.path.join(path, "*.csv"), 4096)
            raise OpenError(
                f"is a directory; for the files in it give a quoted pattern, as in -t NAME '{pattern}'", label
            )
        if stat.S_ISREG(status.st_mode):
            source, head = _file(path, label, compression, status)
        else:
            source, head = _stream(open_raw(path, label), label, compression, owned=True)
    if suffix == SUFFIX and not request.input_format:
        raise no_rows_in(path)
    if request.input_format is None:
        refuse_known(suffix, head if by_suffix(suffix) in (None, TEXT) else b"", None if path == STDIN else path, label)
    source, form = _unpacked(source, _format_of(source, suffix, head, request), request)
    if request.twice and not source.rereadable:
        from lsq_cli.sources.kept import KeptBytes  # few need their rows twice

        source = KeptBytes(source)
    return source, form


def _format_of(source: ByteSource, suffix: str, head: bytes, request: Request) -> Format:
    """The format that the user says, else the suffix, else the first bytes."""
    return (named(request.input_format) if request.input_format else by_suffix(suffix)) or by_head(head)


def _unpacked(source: ByteSource, form: Format, request: Request) -> tuple[ByteSource, Format]:
    """The bytes as the reader of the format wants them: held where it reads from the end, out of a zip archive."""
    if form.from_the_end and not source.seekable:
        with source.open() as stream:
            source = MemoryBytes(stream.read(), source.label)
    if form.name != "zip":
        return source, form
    from lsq_cli.sources.binary.archive import format_of, only_member  # for archives only

    kind = format_of(source)
    if kind != "zip":
        return source, named(kind) or form
    member, name = only_member(source)
    suffix, head = _suffixes(name)[0], head_of(member)
    refuse_known(suffix, head, None, member.label)
    inner = by_suffix(suffix) or by_head(head)
    if inner.name == "zip":
        raise OpenError("a zip archive inside a zip archive; unpack it first", member.label)
    return _unpacked(member, inner, request)


def _file(path: str, label: str, compression_suffix: str, status: os.stat_result) -> tuple[ByteSource, bytes]:
    """A regular file and its first bytes."""
    source = FileBytes(path, label, None, status.st_size, status.st_ino)
    head = head_of(source)
    if compression := compression_of(compression_suffix, head):
        source = FileBytes(path, label, compression, status.st_size, status.st_ino)
        head = head_of(source)
    return source, head


def _stream(raw: BinaryIO, label: str, compression_suffix: str, *, owned: bool) -> tuple[ByteSource, bytes]:
    """A pipe and its first bytes, which are put back."""
    if raw.isatty():
        raise UsageError("no data: give a path, or pipe a table to standard input (lsq solve --help)")
    widen(raw)
    head, stream = peeked(readable(raw, label, owned=owned), label)
    if compression := compression_of(compression_suffix, head):
        head, stream = peeked(readable(stream, label, compression), label)
    return StreamBytes(stream, label), head


def _standard_input(stdin: BinaryIO | None) -> BinaryIO:
    """The process's standard input, unless another is given."""
    if stdin is not None:
        return stdin
    if sys.stdin is None:
        raise UsageError("no data: standard input is closed; give a path")
    return sys.stdin.buffer


def _suffixes(path: str) -> tuple[str, str]:
    """The suffixes of format and compression: ``.csv`` and ``.gz``; empty where there is none."""
    root, last = os.path.splitext(path_of(path).lower())
    if last not in COMPRESSION_SUFFIXES:
        return last, ""
    return os.path.splitext(root)[1], last
