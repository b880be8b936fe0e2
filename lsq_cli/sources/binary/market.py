"""Matrix Market files: ``coordinate`` ones as sparse tables, ``array`` ones as dense tables.

    %%MatrixMarket matrix coordinate real general        one entry a line: row, column, value
    % comments
    3 2 4                                                rows, columns, entries
    1 1 0.5
    …

Fields real, double, integer and pattern (every entry is 1); symmetries general, symmetric and skew-symmetric, of which
the file holds the lower triangle. Entries that stand twice are added. ``numpy.loadtxt`` reads the numbers, as those of
CSV are read, so both formats give the same doubles; where it refuses a piece the lines are walked to name the one.

The entries come in any order, so the matrix is held: sparse for ``coordinate`` (extra ``sparse``: scipy).

Format: Boisvert, Pozo & Remington, *The Matrix Market exchange formats*, NISTIR 5935.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from lsq_cli.core.errors import CellError, OpenError, TableError, shown
from lsq_cli.core.extras import load
from lsq_cli.sources.binary.arrays import ArrayTable, NumberTable
from lsq_cli.sources.binary.sparse import HeaderTable, SparseTable
from lsq_cli.sources.text.conventions import convention
from lsq_cli.sources.text.numbers import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import ByteSource
    from lsq_cli.sources.columns import Request

PIECE_BYTES = 1 << 22
_FORMATS = ("coordinate", "array")
_FIELDS = ("real", "double", "integer", "pattern")
_SYMMETRIES = ("general", "symmetric", "skew-symmetric")
# Longer than any comment; a file without line ends is not read whole to find its first.
_LINE_BYTES = 1 << 16


class MarketHeader(NamedTuple):
    """What the banner and the line of sizes say."""

    format: str
    field: str
    symmetry: str
    rows: int
    columns: int
    entries: int
    """Lines of numbers that follow."""
    line: int
    """Of the sizes, from 1."""

    @property
    def width(self) -> int:
        """Numbers of one entry."""
        return 1 if self.format == "array" else 2 if self.field == "pattern" else 3


def open_table(source: ByteSource, request: Request | None = None) -> NumberTable:
    """The matrix in a Matrix Market file.

    Raises
    ------
    OpenError
        Not Matrix Market, or a file that ends early; and as the source.
    TableError
        A matrix of a kind that is not read, or a header that is wrong; it names the line.
    CellError
        An entry that is no number, or outside the matrix.
    MissingExtraError
        For a ``coordinate`` file, if scipy is not installed; nothing is read then.
    """
    with source.open() as stream:
        header = read_header(stream, source.label)
        if header.format == "coordinate":
            sparse = load("scipy.sparse", "sparse", source.label)
        entries = _entries(stream, header, source.label)
    if header.format == "array":
        return ArrayTable(_dense(entries[:, 0], header), source.label)
    i, j = (entries[:, k].astype(np.int64) - 1 for k in (0, 1))
    values = entries[:, 2] if header.width == 3 else np.ones(len(entries))
    if header.symmetry != "general":
        off = i != j
        sign = 1.0 if header.symmetry == "symmetric" else -1.0
        i, j, values = np.append(i, j[off]), np.append(j, i[off]), np.append(values, sign * values[off])
    return SparseTable(sparse.coo_array((values, (i, j)), shape=(header.rows, header.columns)), source.label)


def open_header(source: ByteSource, request: Request) -> NumberTable:
    """What the header says, for a look; raises as `open_table`, but for what comes after the header."""
    with source.open() as stream:
        header = read_header(stream, source.label)
    form = f"Matrix Market, {header.format} {header.field} {header.symmetry}"
    return HeaderTable(source.label, header.rows, header.columns, header.entries, form)


def read_header(stream: BinaryIO, label: str) -> MarketHeader:
    """The header; the stream stands at the first entry afterwards. Raises as `open_table`."""
    words = _words(stream.readline(_LINE_BYTES))
    if not words or words[0] != "%%matrixmarket":
        raise OpenError("not a Matrix Market file: its first line does not begin with %%MatrixMarket", label)
    where = f"{label}, line 1"
    if len(words) != 5 or words[1] != "matrix":
        raise TableError("a header is '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'", where)
    for word, known in zip(words[2:], (_FORMATS, _FIELDS, _SYMMETRIES), strict=True):
        if word not in known:
            raise TableError(f"{shown(word)!r} is none of {', '.join(known)}", where)
    if words[2:4] == ["array", "pattern"]:
        raise TableError("an array of entries without values; a pattern is a coordinate file", where)
    line = 1
    while True:
        line += 1
        text = stream.readline(_LINE_BYTES)
        if not text:
            raise OpenError("the file ends before the line of its sizes", label)
        if text.strip() and not text.startswith(b"%"):
            return _with_sizes(words, text, line, label)


def _words(text: bytes) -> list[str]:
    """The words of a line, in lower case, which the format does not tell from upper case."""
    return text.decode("latin1").lower().split()


def _with_sizes(words: list[str], text: bytes, line: int, label: str) -> MarketHeader:
    """The header, given its first line and the line of sizes."""
    _, _, form, field, symmetry = words
    sizes = [int(word) if word.isascii() and word.isdigit() and len(word) < 19 else -1 for word in _words(text)]
    names = ("rows", "columns", "entries") if form == "coordinate" else ("rows", "columns")
    where = f"{label}, line {line}"
    if len(sizes) != len(names) or min(sizes) < 0:
        raise TableError(f"{len(names)} whole numbers belong here, the numbers of {', '.join(names)}", where)
    rows, columns = sizes[:2]
    if symmetry != "general" and rows != columns:
        raise TableError(f"a matrix of {rows} × {columns} cannot be {symmetry}", where)
    if form == "coordinate":
        entries = sizes[2]
    elif symmetry == "general":
        entries = rows * columns
    else:
        entries = rows * (rows + 1) // 2 - (rows if symmetry == "skew-symmetric" else 0)
    return MarketHeader(form, field, symmetry, rows, columns, entries, line)


def _entries(stream: BinaryIO, header: MarketHeader, label: str) -> Array:
    """(entries, width): the numbers of all lines."""
    parts, count, line = [np.empty((0, header.width))], 0, header.line + 1
    for piece in _pieces(stream):
        numbers = _numbers(piece, header.width)
        if numbers is None or _outside(numbers, header).any():
            raise _first_wrong(piece, line, header, label)
        parts.append(numbers)
        count += len(numbers)
        line += piece.count(b"\n")
        if count > header.entries:
            raise TableError(f"{header.entries} entries are promised, and more follow", f"{label}, line {header.line}")
    if count < header.entries:
        promised = f"{header.entries} entries are promised in line {header.line}, and {count} follow"
        raise OpenError(f"truncated: {promised}", label)
    return np.concatenate(parts)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Whole lines, some at a time; each piece ends in a line end."""
    rest = b""
    while data := stream.read(PIECE_BYTES):
        head, end, rest_of_data = data.rpartition(b"\n")
        if end:
            yield rest + head + end
            rest = rest_of_data
        else:
            rest += data
    if rest.strip():
        yield rest + b"\n"


def _numbers(piece: bytes, width: int) -> Array | None:
    """(lines, width): the numbers of some lines, None where there are others or more or fewer."""
    if b"%" in piece:  # a comment begins its line; elsewhere the sign makes a cell no number
        piece = re.sub(rb"(?m)^[ \t]*%.*$", b"", piece)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a piece of empty lines
        try:
            numbers = np.loadtxt(io.BytesIO(piece), comments=None, encoding="latin1", ndmin=2)
        except ValueError:
            return None
    if not numbers.size:
        return np.empty((0, width))
    return numbers if numbers.shape[1] == width else None


def _outside(numbers: Array, header: MarketHeader) -> NDArray[np.bool_]:
    """Which entries do not stand in the matrix."""
    if header.format == "array":
        return np.zeros(len(numbers), bool)
    i, j = numbers[:, 0], numbers[:, 1]
    inside = (i >= 1) & (i <= header.rows) & (j >= 1) & (j <= header.columns)
    outside: NDArray[np.bool_] = ~inside | (i != np.rint(i)) | (j != np.rint(j))
    return outside


def _first_wrong(piece: bytes, line: int, header: MarketHeader, label: str) -> CellError | TableError:
    """The error for the first line that is no entry."""
    for offset, text in enumerate(piece.split(b"\n")):
        words = [] if text.lstrip().startswith(b"%") else text.decode("latin1").split()
        where = f"{label}, line {line + offset}"
        if not words:
            continue
        if len(words) != header.width:
            entry = {1: "a value", 2: "row and column", 3: "row, column and value"}[header.width]
            return TableError(f"{len(words)} cells where an entry has {header.width}: {entry}", where)
        for word in words:
            if number(word) is None:
                known = convention(word)
                return CellError(f"'{shown(word)}' is {known.problem if known else 'not a number'}", where)
        values = np.array([[float(word) for word in words]])
        if _outside(values, header).any():
            size = f"{header.rows} × {header.columns}"
            return CellError(f"there is no row {words[0]}, column {words[1]} in a matrix of {size}", where)
    return TableError("a line that cannot be read", f"{label}, line {line}")


def _dense(values: Array, header: MarketHeader) -> Array:
    """The matrix whose columns stand one after the other, of a symmetric one from the diagonal downwards."""
    if header.symmetry == "general":
        return values.reshape(header.columns, header.rows).T
    A = np.zeros((header.rows, header.columns))
    skew = header.symmetry == "skew-symmetric"
    # The lower triangle by columns is the upper one by rows, transposed.
    j, i = np.triu_indices(header.rows, int(skew))
    A[i, j] = values
    A[j, i] = -values if skew else values
    return A
