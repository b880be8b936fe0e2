"""Which rows of numbers miss a cell, and why: for tables whose cells are numbers already.

A null is an empty cell, nan is ``nan`` and ±inf is ``inf``; a row counts once, by its first such cell in the order of
the file. Text has its own marks, which `text/marks.py` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from lsq_cli.core.errors import CellError
from lsq_cli.sources.blocks import Cells, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Missing


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

    def where(self, row: int, k: int) -> str:
        """The place of a cell."""
        ...


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
    if np.isfinite(values).all():
        return Cells(values, None)
    missing = ~np.isfinite(values)
    in_file_order = np.argsort(block.columns)
    first = in_file_order[missing[:, in_file_order].argmax(axis=1)]
    each = np.arange(len(values))
    reasons = np.where(np.isnan(values[each, first]), Reason.NAN, Reason.INF).astype(np.uint8)
    if nulls is not None:
        reasons[nulls[each, first]] = Reason.EMPTY
    reasons[~missing.any(axis=1)] = Reason.PRESENT
    if block.missing == "drop":
        return Cells(values, reasons)
    row = int(np.flatnonzero(reasons)[0])
    cell = "empty" if reasons[row] == Reason.EMPTY else f"{values[row, first[row]]}"
    place = block.where(row, int(first[row]))
    raise CellError(f"the cell is {cell}; --missing drop leaves such rows out", place)
