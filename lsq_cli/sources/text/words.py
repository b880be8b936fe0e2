"""Blocks of delimited text of which some columns are read as text: numbers and words in one look at the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lsq_cli.sources.blocks import Cells
from lsq_cli.sources.text import fast
from lsq_cli.sources.text.dialect import unquoted
from lsq_cli.sources.text.lines import sound_text
from lsq_cli.sources.words import Coded, coded, joined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lsq_cli.sources.text.cells import Grid
    from lsq_cli.sources.text.dialect import Dialect


class NumberBlock(Protocol):
    """A block of text with the columns of numbers: a `csv.CsvBlock`."""

    @property
    def dialect(self) -> Dialect:
        """How it is written."""
        ...

    @property
    def columns(self) -> tuple[int, ...]:
        """The positions of the columns of numbers."""
        ...

    @property
    def line(self) -> int:
        """The number of its first line."""
        ...

    @property
    def large(self) -> bool:
        """Whether to ask the fast parser first."""
        ...

    @property
    def size(self) -> int:
        """Bytes of the text."""
        ...

    @property
    def footprint(self) -> int:
        """As that of a `CellBlock`."""
        ...

    def text(self) -> bytes:
        """The bytes."""
        ...

    def grid(self) -> Grid:
        """The cells."""
        ...

    def read(self) -> Cells:
        """The numbers."""
        ...


@dataclass(frozen=True)
class CsvWordBlock:
    """A block of which some columns are read as text.

    Parameters
    ----------
    block : NumberBlock
        With the columns of numbers.
    words : tuple of int
        The positions of those of text.
    """

    block: NumberBlock
    words: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return self.block.size

    @property
    def footprint(self) -> int:
        """As that of the block, which is reckoned for all cells."""
        return self.block.footprint

    def read_words(self) -> tuple[Cells, tuple[Coded, ...]]:
        """The numbers, and the columns of text; raises as `CsvBlock.read`."""
        block = self.block
        if block.large and not block.dialect.marks.values:
            text = sound_text(block.text(), block.line, block.dialect.label)
            found = fast.lines_with_words(text, block.dialect, block.columns, self.words)
            if found is not None:
                return Cells(found[0], None), tuple(self._coded(*one) for one in found[1])
        cells, grid = block.read(), block.grid()
        return cells, tuple(self._coded(*coded(grid.column(k))) for k in self.words)

    def where(self, row: int, k: int) -> str:
        """The place of a cell, given its row and its column."""
        position = (*self.block.columns, *self.words)[k]
        return self.block.grid().where(row, position)

    def _coded(self, raw: Sequence[str | bytes], codes: NDArray[np.intp]) -> Coded:
        """Cells as they stand in the file, each once, as what they say."""
        levels = [unquoted(cell.encode() if isinstance(cell, str) else cell) for cell in raw]
        return joined(levels, codes, [self.block.dialect.marks.reason(level) for level in levels])
