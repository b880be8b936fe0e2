"""One pass over the rows at a point x: r = Ax − b and, while the rows are in the cache, Aᵀ(w∘r).

    Σ wᵢrᵢ²    and    Aᵀ(w∘r)

Both products are made piece by piece, each piece small enough for the cache: Aᵀr finds there what Ax has just
brought, so A comes from memory once a pass. A pass takes 4mn operations, or 4 for each entry of a sparse A.

The parts of all blocks are added in the order of the blocks, so the bits do not depend on the threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.problems.tally import Tally

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import RowBlock, Rows

# Doubles of one piece of rows, 2 MB. Pieces of 0.5 MB fit an L2 cache, but then two threads wait for the interpreter
# between the calls: at 50 columns two jobs took as long as one.
_PIECE = 1 << 18
# Columns from which the rows' own dot products beat BLAS, which takes several rows at once and so defeats the
# processor's prefetching: 1.75 against 2.3 reads of A for a pass at 50 columns.
_LONG_ROW = 48
# Blocks of held rows in one span: 16 MB or so.
_TOGETHER = 8


class Span(NamedTuple):
    """Consecutive blocks that one thread takes together."""

    blocks: tuple[RowBlock, ...]

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading them takes, one after the other."""
        return max(block.footprint for block in self.blocks)

    @classmethod
    def of_held(cls, blocks: Iterable[RowBlock]) -> list[Span]:
        """Blocks whose rows are held, so many together that handing them to a thread costs nothing beside them."""
        handles = iter(blocks)
        return [cls(several) for several in iter(lambda: tuple(islice(handles, _TOGETHER)), ())]


@dataclass
class Part:
    """What some rows add to Σ wᵢrᵢ² and to Aᵀ(w∘r), at one x and for one target."""

    square: float
    slope: Array
    """(n,), zeros where it was not asked for."""
    rows: int = 0

    def merge(self, other: Part) -> None:
        """Add what the rows that follow add."""
        self.square += other.square
        self.slope += other.slope
        self.rows += other.rows


@dataclass(frozen=True)
class Pass:
    """The kernel: r = Ax − b of one block and, while its rows are in the cache, Aᵀ(w∘r).

    Parameters
    ----------
    x : ndarray, shape (n,)
    intercept : bool
        Whether the first of the n columns is one of ones, which the rows do not hold.
    target : int or None
        The column of b; None for b = 0.
    slope : bool
        Whether Aᵀ(w∘r) is asked for.
    magnitude : bool
        Whether to take |A|, |x| and −|b| in place of A, x and b: what rounding errors are measured by.
    """

    x: Array
    intercept: bool
    target: int | None
    slope: bool = True
    magnitude: bool = False

    def __call__(self, span: Span) -> Part:
        """The part of some blocks."""
        # Overflow is an outcome of descent, not an accident; what the caller's thread ignores, this one does not.
        with np.errstate(over="ignore", invalid="ignore"):
            part, *parts = (self.of(block.read_sparse()) for block in span.blocks)
            for more in parts:
                part.merge(more)
            return part

    def of(self, rows: Rows) -> Part:
        """The part of some rows."""
        total = len(rows.b)
        part = Part(0.0, np.zeros(len(self.x)), total)
        first = int(self.intercept)
        height = max(64, _PIECE // max(1, len(self.x))) if isinstance(rows.A, np.ndarray) else total
        for start in range(0, total, max(1, height)):
            piece = slice(start, start + height)
            A = rows.A if height >= total else rows.A[piece]
            r = self._residual(A, rows.b[piece])
            wr = r if rows.weights is None else r * rows.weights[piece]
            part.square += float(r.dot(wr))
            if self.slope:
                part.slope[first:] += (abs(A) if self.magnitude else A).T.dot(wr)
                if self.intercept:
                    part.slope[0] += wr.sum()
        return part

    def _residual(self, A: Any, b: Array) -> Array:
        """Ax − b of a piece."""
        first = int(self.intercept)
        x = self.x
        if self.magnitude:
            A, x, b = abs(A), np.abs(x), -np.abs(b)
        r = _product(A, x[first:])
        if self.intercept:
            r += x[0]
        if self.target is not None:
            r -= b[:, self.target]
        return r


@dataclass
class Survey:
    """What the first pass learns: Aᵀ(w∘r) and Σ wᵢrᵢ² at x = 0, and the counts."""

    parts: list[Part]
    """One a target."""
    tally: Tally

    @classmethod
    def of(cls, rows: Rows, n: int, intercept: bool) -> Survey:
        """What some rows say."""
        return cls([Pass(np.zeros(n), intercept, t).of(rows) for t in range(rows.b.shape[1])], Tally.of(rows))

    def merge(self, other: Survey) -> None:
        """Take in the rows that follow."""
        for part, more in zip(self.parts, other.parts, strict=True):
            part.merge(more)
        self.tally.merge(other.tally)


@dataclass(frozen=True)
class Surveyor:
    """The kernel of the first pass."""

    n: int
    intercept: bool

    def __call__(self, block: RowBlock) -> Survey:
        """What one block says."""
        with np.errstate(over="ignore", invalid="ignore"):
            return Survey.of(block.read_sparse(), self.n, self.intercept)


def _product(A: Any, x: Array) -> Array:
    """Ax of a piece."""
    by_rows = isinstance(A, np.ndarray) and len(x) >= _LONG_ROW and A.strides[1] == A.itemsize
    r: Array = np.vecdot(A, x) if by_rows else A.dot(x)
    return r
