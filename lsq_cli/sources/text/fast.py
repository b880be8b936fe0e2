"""The fast parser of delimited text, polars, behind the guards that make it agree with ``numpy.loadtxt``.

polars rounds as correctly as loadtxt and is several times faster, but it is lenient where loadtxt is strict, and
has its own idea of rows. So it only ever says "these are the numbers" or "I am not sure" (None), and then the
slower way has the last word. It is sure of text in which

    every row has the table's number of cells: a short one leaves the last cell of the row null, so that the last
    column is always read; a row that is too long makes polars refuse the text where it reads all columns, and
    where it does not, there are more delimiters than there should be;
    every cell of the columns asked for is a finite number by polars' grammar, which is part of loadtxt's;
    no quote, nothing like a comment, no byte order mark, no carriage return and no line equal to the header occurs;
    single characters part the cells, not runs of blanks.

With quotes it is asked again once `cells.Grid` has counted the cells and found every quote around a whole one.

polars takes 0.15 s to import, as long as loadtxt takes for some 12 MB: it is imported for a file that is larger
(`LARGE_BYTES`), when a stream has given half as much, or when many small tables have had as much together, and not for
very many columns (`MOST_COLUMNS`). It runs its own threads, as many as there are cores, beside those of the engine.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence, Set
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import MissingExtraError
from lsq_cli.core.extras import load
from lsq_cli.sources.text.lines import BOM, count_of
from lsq_cli.sources.text.numbers import number
from lsq_cli.sources.text.shape import BLANKS_BETWEEN

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray
    from polars import DataFrame, Series

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.text.dialect import Dialect

LARGE_BYTES = 12_000_000
"""Text beyond which polars is worth its import."""
SMALL_BYTES = 100_000
"""Text below which it is the slower one, even where it is there."""
MOST_COLUMNS = 10_000
"""Columns up to which it is the faster one: it takes 10 µs a column, beside what it takes a cell."""
PIECE_CELLS = 1 << 18
"""Cells that polars is given at a time where a block has more than twice as many: short ones, up to 4 million in a
block, shall not all stand in memory twice."""


def parser() -> ModuleType | None:
    """polars, None where `advice` says why; best called first in the thread that reads, where no read waits then."""
    return _found()[0]


def advice() -> str:
    """What to install where there is no `parser`."""
    return _found()[1]


@cache
def _found() -> tuple[ModuleType | None, str]:
    """What `parser` and `advice` say."""
    try:
        polars = load("polars", "fast", "reading large CSV files several times faster")
    except MissingExtraError as error:
        return None, str(error)
    except ImportError:  # broken, which is no reason to read nothing
        return None, "reading large CSV files several times faster needs polars, which cannot be imported"
    # Its own handler of Ctrl-C lets a read from a pipe go on (pola-rs/polars#21739); Python's ends it.
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)
    return polars, ""


def whole_lines(text: bytes, dialect: Dialect, columns: Sequence[int]) -> Array | None:
    """The doubles in some columns of lines as they stand in the file, if nothing about these is unusual.

    Parameters
    ----------
    text : bytes
        Sound UTF-8 text, each line ended by ``\\n``.
    dialect : Dialect
        How it is written.
    columns : sequence of int, not empty
        0-based positions.

    Returns
    -------
    ndarray, shape (rows, k), in Fortran order, or None
        All finite.
    """
    if not _is_plain(text, dialect, columns):
        return None
    size = _piece_bytes(text, dialect)
    if 2 * size >= len(text):
        return _finite(text, dialect, columns)
    numbers = np.empty((len(columns), count_of("\n", text))).T
    row = stop = 0
    while stop < len(text):
        start, stop = stop, text.find(b"\n", min(stop + size, len(text) - 1)) + 1
        part = _finite(text[start:stop], dialect, columns)
        if part is None:
            return None
        numbers[row : row + len(part)] = part
        row += len(part)
    return numbers


def rows_alone(text: bytes, dialect: Dialect, columns: Sequence[int]) -> Array | None:
    """The doubles in some columns of rows, or None where polars refuses a cell or finds none in it.

    Parameters
    ----------
    text : bytes
        Rows of the table's width, each ended by ``\\n``, without comments; quotes only around whole cells.
    dialect : Dialect
    columns : sequence of int, not empty

    Returns
    -------
    ndarray, shape (rows, k), in Fortran order, or None
        With nan and inf where the text says so.
    """
    frame = _frame(text, dialect, {*columns}, {*columns})
    return None if frame is None else _array(frame, columns)


class _SmallTables:
    """What the small tables of this process have had so far; about, where threads count at the same time."""

    size = 0


def one_of_many(text: int) -> bool:
    """Whether so many bytes of a small table are for polars, after those of other small tables; counts them."""
    _SmallTables.size += text
    return text >= SMALL_BYTES and _SmallTables.size >= LARGE_BYTES


Words = list[tuple[list[str], "NDArray[np.intp]"]]
"""Columns of text: of each the texts that occur, each once, and for every row which one it is."""


def lines_with_words(
    text: bytes, dialect: Dialect, columns: Sequence[int], words: Sequence[int]
) -> tuple[Array, Words] | None:
    """What `whole_lines` gives, and some columns of text; a text that is empty is an empty cell."""
    if not columns or not _is_plain(text, dialect, columns):
        return None
    last = len(dialect.names) - 1
    numeric, wanted = {*columns}, {*columns, *words, last}
    frame = _frame(text, dialect, numeric, wanted, may_miss={*words} - {*columns, last})
    if frame is None or (len(wanted) <= last and count_of(dialect.delimiter, text) != len(frame) * last):
        return None
    numbers = _array(frame, columns)
    return (numbers, [_coded(frame[str(k)].fill_null("")) for k in words]) if np.isfinite(numbers).all() else None


def _coded(cells: Series) -> tuple[list[str], NDArray[np.intp]]:
    """Each text once, and for every row which one it is."""
    levels = cells.unique(maintain_order=True)
    numbered = levels.to_frame("level").with_row_index("code")
    codes = cells.to_frame("level").join(numbered, on="level", how="left", maintain_order="left")["code"]
    return levels.to_list(), codes.to_numpy().astype(np.intp)


def _is_plain(text: bytes, dialect: Dialect, columns: Sequence[int]) -> bool:
    """Whether nothing in the text is read differently by polars: no mark, quote, comment, second header."""
    if b'"' in text or dialect.may_have_comments(text):
        return False
    # A second header is text in a column of numbers, unless these columns have numbers for names.
    if dialect.header is not None and all(
        number(dialect.names[column], dialect.decimal) is not None for column in columns
    ):
        header = dialect.header + b"\n"
        if text.startswith(header) or b"\n" + header in text:
            return False
    return True


def _piece_bytes(text: bytes, dialect: Dialect) -> int:
    """Text of about `PIECE_CELLS`, by its first lines."""
    sample = text[:8192]
    cells = sample.count(dialect.delimiter.encode()) + sample.count(b"\n")
    return PIECE_CELLS * len(sample) // max(cells, 1)


def _finite(text: bytes, dialect: Dialect, columns: Sequence[int]) -> Array | None:
    """`whole_lines` of text in which nothing but the cells can be unusual."""
    last = len(dialect.names) - 1
    frame = _frame(text, dialect, {*columns}, {*columns, last})
    if frame is None:
        return None
    # polars looks for more cells than there should be only where it reads all columns.
    if len(frame.columns) <= last and count_of(dialect.delimiter, text) != len(frame) * last:
        return None
    numbers = _array(frame, columns)
    return numbers if np.isfinite(numbers).all() else None


def _frame(
    text: bytes, dialect: Dialect, numeric: set[int], wanted: set[int], may_miss: Set[int] = frozenset()
) -> DataFrame | None:
    """The wanted columns, some of them as doubles, or None where a cell of theirs is none or must not miss and does."""
    polars = parser()
    if polars is None or dialect.delimiter == BLANKS_BETWEEN or text.startswith(BOM):
        return None
    try:
        frame: DataFrame = polars.read_csv(
            dialect.parsed(text),
            has_header=False,
            separator=dialect.parsed_delimiter,
            quote_char='"' if b'"' in text else None,
            schema={str(k): polars.Float64 if k in numeric else polars.String for k in range(len(dialect.names))},
            columns=None if len(wanted) == len(dialect.names) else sorted(wanted),
        )
    except polars.exceptions.PolarsError:
        return None
    missing = any(column.null_count() for column in frame.iter_columns() if int(column.name) not in may_miss)
    return None if missing else frame


def _array(frame: DataFrame, columns: Sequence[int]) -> Array:
    """Some columns of a frame, in that order."""
    names = [str(column) for column in columns]
    numbers: Array = (frame if frame.columns == names else frame.select(names)).to_numpy()
    return numbers
