"""Rows of a table in any number at a time: how a stream is cut to the blocks of another beside it.

A block of cells names its rows only once it has been read, so the cells are held here and the block is kept
to name their places in error messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.sources.blocks import CellBlock, Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive rows of a block that has been read."""

    block: CellBlock
    start: int
    cells: Cells

    def cut(self, first: int, stop: int) -> Piece:
        """Rows `first` up to `stop` of these."""
        values, reasons = self.cells
        return Piece(
            self.block,
            self.start + first,
            Cells(values[first:stop], None if reasons is None else reasons[first:stop]),
        )


@dataclass(frozen=True, eq=False)
class HeldCells:
    """Rows that are in memory, with the blocks they came from."""

    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """How many."""
        return sum(len(piece.cells.values) for piece in self.pieces)

    @property
    def size(self) -> int:
        """Bytes of the blocks, which one cut in two counts twice."""
        return sum(piece.block.size for piece in self.pieces)

    @property
    def footprint(self) -> int:
        """Bytes of the rows, and of the array that joins them."""
        return 2 * sum(piece.cells.values.nbytes for piece in self.pieces)

    def read(self) -> Cells:
        """The rows in one array."""
        if len(self.pieces) == 1:
            return self.pieces[0].cells
        values = np.concatenate([piece.cells.values for piece in self.pieces])
        if all(piece.cells.reasons is None for piece in self.pieces):
            return Cells(values, None)
        return Cells(values, np.concatenate([_reasons_of(piece.cells) for piece in self.pieces]))

    def where(self, row: int, k: int) -> str:
        """The place of a cell, as the block says it that the row came from."""
        for piece in self.pieces:
            if row < len(piece.cells.values):
                return piece.block.where(piece.start + row, k)
            row -= len(piece.cells.values)
        raise IndexError(row)


class Cutter:
    """The rows of a table, handed out in any number at a time."""

    def __init__(self, blocks: Iterator[CellBlock]) -> None:
        self._blocks = blocks
        self._held: Piece | None = None
        self._taken = 0

    def next_length(self) -> int:
        """Rows of the next block that has any; 0 at the end."""
        while self._held is None:
            block = next(self._blocks, None)
            if block is None:
                return 0
            cells = block.read()
            self._held = Piece(block, 0, cells) if len(cells.values) else None
        return len(self._held.cells.values)

    def take(self, rows: int) -> HeldCells:
        """The next `rows` rows, fewer at the end."""
        pieces: list[Piece] = []
        while rows and (length := self.next_length()):
            piece, self._held = self._held, None
            assert piece is not None  # for it has a length
            if length > rows:
                piece, self._held = piece.cut(0, rows), piece.cut(rows, length)
            pieces.append(piece)
            rows -= len(piece.cells.values)
            self._taken += len(piece.cells.values)
        return HeldCells(tuple(pieces))

    def count_to_the_end(self) -> int:
        """Rows of the whole table, after reading what is left."""
        while rows := self.next_length():
            self.take(rows)
        return self._taken


def _reasons_of(cells: Cells) -> NDArray[np.uint8]:
    """The reasons as an array, where no cell may be missing too."""
    return np.zeros(len(cells.values), np.uint8) if cells.reasons is None else cells.reasons
