"""Which rows of numbers miss a cell, and why: for tables whose cells are numbers already.

A null is an empty cell, nan is ``nan``, ±inf is ``inf`` and a number of ``--na`` is ``na``; a row counts once, by its
first such cell in the order of the file. Text has its own marks, which `text/marks.py` knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lsq_cli.core.errors import CellError, UsageError, shown
from lsq_cli.sources.blocks import Cells, Reason
from lsq_cli.sources.text.numbers import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Missing


class MarkedTable(Protocol):
    """A table of numbers, some of which may mark a missing cell."""

    na: frozenset[float]


class NumberBlock(Protocol):
    """A block of a table of numbers, as far as its missing cells go."""

    @property
    def columns(self) -> tuple[int, ...]:
        """0-based positions in the file of the columns that are read."""
        ...

    @property
    def missing(self) -> Missing:
        """The policy."""
        ...

    @property
    def na(self) -> frozenset[float]:
        """Numbers that mark a missing cell."""
        ...

    def where(self, row: int, k: int) -> str:
        """The place of a cell."""
        ...


def marked_by(na: Iterable[str]) -> frozenset[float]:
    """The numbers that mark a missing cell, also as single precision stores them.

    Raises
    ------
    UsageError
        For a mark that is no number.
    """
    values = {mark: number(mark.strip()) for mark in na}
    for mark, value in values.items():
        if value is None:
            raise UsageError(f"--na '{shown(mark)}' is no number, and there are numbers alone")
    doubles = [value for value in values.values() if value is not None]
    with np.errstate(over="ignore"):
        return frozenset((*doubles, *(float(np.float32(value)) for value in doubles)))


def checked(values: Array, block: NumberBlock, nulls: NDArray[np.bool_] | None = None) -> Cells:
    """`values` with the reason of each row's first missing cell.

    Parameters
    ----------
    values : ndarray, shape (rows, k)
        nan where there is no number.
    block : NumberBlock
    nulls : ndarray of bool, shape (rows, k), optional
        Which cells are empty.

    Raises
    ------
    CellError
        For the first missing cell, where the policy is "error".
    """
    marked = np.isin(values, list(block.na)) if block.na else None
    if np.isfinite(values).all() and (marked is None or not marked.any()):
        return Cells(values, None)
    missing = ~np.isfinite(values) if marked is None else ~np.isfinite(values) | marked
    in_file_order = np.argsort(block.columns)
    first = in_file_order[missing[:, in_file_order].argmax(axis=1)]
    each = np.arange(len(values))
    reasons = np.where(np.isnan(values[each, first]), Reason.NAN, Reason.INF).astype(np.uint8)
    if nulls is not None:
        reasons[nulls[each, first]] = Reason.EMPTY
    if marked is not None:
        reasons[marked[each, first]] = Reason.NA
    reasons[~missing.any(axis=1)] = Reason.PRESENT
    if block.missing == "drop":
        return Cells(values if marked is None else np.where(marked, np.nan, values), reasons)
    row = int(np.flatnonzero(reasons)[0])
    cell = "empty" if reasons[row] == Reason.EMPTY else f"{values[row, first[row]]}"
    marks = ", which marks a missing number" if reasons[row] == Reason.NA else ""
    place = block.where(row, int(first[row]))
    raise CellError(f"the cell is {cell}{marks}; --missing drop leaves such rows out", place)
