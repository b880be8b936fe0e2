"""Cells of text as levels: each text once, and for every row which one it is.

A column of text is read as `Coded` and never as a list of words: what is asked of the words (are they missing marks,
dates, levels that the model knows) is asked once for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.sources.blocks import Cells, Missing, Reason
    from lsq_cli.sources.column import Column


class Coded(NamedTuple):
    """A column of text of some rows."""

    levels: tuple[str, ...]
    """The texts, each once."""
    codes: NDArray[np.intp]
    """(rows,) positions in `levels`."""
    reasons: tuple[Reason, ...]
    """Of each level: why it is missing, if it is."""


class WordBlock(Protocol):
    """A handle on rows of which some columns are text."""

    @property
    def size(self) -> int:
        """As that of a `CellBlock`."""
        ...

    @property
    def footprint(self) -> int:
        """As that of a `CellBlock`."""
        ...

    def read_words(self) -> tuple[Cells, tuple[Coded, ...]]:
        """The numbers as `CellBlock.read` gives them, and the columns of text."""
        ...

    def where(self, row: int, k: int) -> str:
        """The place of a cell: its row, and its column among those of numbers and, after them, of text."""
        ...


class WordTable(Protocol):
    """A table whose columns of text can be read."""

    def word_blocks(
        self, numbers: tuple[Column, ...], words: tuple[Column, ...], missing: Missing
    ) -> Iterator[WordBlock]:
        """Handles on all rows in order; see `Table.blocks`."""
        ...


def coded(texts: Sequence[str | bytes]) -> tuple[list[str | bytes], NDArray[np.intp]]:
    """Each text once, in the order in which they were met, and for every row which one it is."""
    numbers: dict[str | bytes, int] = {}
    codes = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts), np.intp, len(texts))
    return list(numbers), codes


def joined(levels: Sequence[str], codes: NDArray[np.intp], reasons: Sequence[Reason]) -> Coded:
    """Levels of which several may be the same text, as one of each."""
    numbers: dict[str, int] = {}
    places = np.array([numbers.setdefault(level, len(numbers)) for level in levels], np.intp)
    of = dict(zip(levels, reasons, strict=True))
    return Coded(tuple(numbers), places[codes] if len(places) else codes, tuple(of[level] for level in numbers))
