"""The fast parser of delimited text, polars, behind the guards that make it agree with ``numpy.loadtxt``.

polars rounds as correctly as loadtxt and is several times faster, but it is lenient where loadtxt is strict, and
has its own idea of rows. So it only ever says "these are the numbers" or "I am not sure" (None), and then the
slower way has the last word. It is sure of text in which

    every row has the table's number of cells: a row that is too long makes polars refuse the text, a short
    one leaves the last cell of the row null, so that the last column is always looked at;
    every cell of the columns asked for is a finite number by polars' grammar, which is part of loadtxt's;
    no quote, no comment, no byte order mark, no carriage return and no line equal to the header occurs;
    single characters part the cells, not runs of blanks.

With quotes it is asked again once `cells.Grid` has counted the cells and found every quote around a whole one.

polars takes 0.15 s to import, as long as loadtxt takes for about 10 MB on two cores: it is imported when more is known
to come (`LARGE_BYTES`). It runs its own threads, as many as there are cores, beside those of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.sources.layout import BLANKS_BETWEEN, may_have_comments, number

if TYPE_CHECKING:
    from lsq_cli.solution import Array
    from lsq_cli.sources.layout import Layout

LARGE_BYTES = 16_000_000
"""Text beyond which polars is worth its import."""
BOM = b"\xef\xbb\xbf"
ADVICE = "polars would read large CSV files several times faster: pip install 'lsq-cli[fast]'"


@cache
def available() -> bool:
    """Whether polars is installed; it is not imported."""
    return find_spec("polars") is not None


def whole_lines(text: bytes, layout: Layout, columns: Sequence[int]) -> Array | None:
    """The doubles in some columns of lines as they stand in the file, if nothing about these is unusual.

    Parameters
    ----------
    text : bytes
        Sound UTF-8 text, each line ended by ``\\n``.
    layout : Layout
        How it is written.
    columns : sequence of int, not empty
        0-based positions.

    Returns
    -------
    ndarray, shape (rows, k), in Fortran order, or None
        All finite.
    """
    if layout.numeric_marks or b'"' in text or may_have_comments(text) or text.startswith(BOM):
        return None
    # A second header is text in a column of numbers, unless these columns have numbers for names.
    if layout.header is not None and all(number(layout.names[column]) is not None for column in columns):
        header = layout.header + b"\n"
        if text.startswith(header) or b"\n" + header in text:
            return None
    numbers = rows_alone(text, layout, columns, counted=False)
    return numbers if numbers is not None and np.isfinite(numbers).all() else None


def rows_alone(text: bytes, layout: Layout, columns: Sequence[int], counted: bool = True) -> Array | None:
    """The doubles in some columns of rows, or None where polars refuses a cell or finds none in it.

    Parameters
    ----------
    text : bytes
        Rows, each ended by ``\\n``, without comments; quotes only around whole cells.
    layout : Layout
    columns : sequence of int, not empty
    counted : bool
        Whether every row is known to have the right number of cells.

    Returns
    -------
    ndarray, shape (rows, k), in Fortran order, or None
        With nan and inf where the text says so.
    """
    if layout.delimiter == BLANKS_BETWEEN or not available():
        return None
    import polars  # only here: it takes as long as the whole of a small solve

    names = [str(position) for position in range(len(layout.names))]
    last = len(names) - 1
    wanted = sorted({*columns} if counted else {*columns, last})
    used = set(columns)
    try:
        frame = polars.read_csv(
            text,
            has_header=False,
            separator=layout.delimiter,
            quote_char='"' if b'"' in text else None,
            schema={name: polars.Float64 if k in used else polars.String for k, name in enumerate(names)},
            columns=wanted,
        )
    except polars.exceptions.PolarsError:
        return None
    if any(column.null_count() for column in frame.iter_columns()):
        return None
    if [*columns] != wanted:
        frame = frame.select([names[column] for column in columns])
    numbers: Array = frame.to_numpy()
    return numbers
