"""From row blocks to a `Problem`: the one pass over the rows, and what it learns on the way.

    blocks ──► kernel: sums of one block ──► fold: merged in order ──► Problem(sums, names, counts)

The kernel also counts the rows read and dropped and watches which columns of A are constant, so that a
model without an intercept can be told from one that has it under another name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.core.solution import INTERCEPT
from lsq_cli.engines.local import MEMORY, fold
from lsq_cli.exact.certificate import gram_error
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.analysis import Analysis
from lsq_cli.problems.quadratic import DoubleSums, Quadratic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lsq_cli.core.solution import Array
    from lsq_cli.problems.wide import WideAnalysis
    from lsq_cli.sources.blocks import RowBlock, Rows, Source

# Rows whose sums are made both ways, to measure what rounding does to them.
_MEASURED_ROWS = 2048


class Work(NamedTuple):
    """Seconds of work, those of all threads together."""

    reading: float = 0.0
    summing: float = 0.0

    def joined(self, other: Work) -> Work:
        """The work of both."""
        return Work(self.reading + other.reading, self.summing + other.summing)


@dataclass
class Summed:
    """The sums of some rows, and what was noticed about them."""

    sums: ExactSums | DoubleSums
    rows_read: int
    dropped: Counter[str]
    constants: Constants
    rounding: float
    """η, measured on the first rows of all; 0 for exact sums."""
    weightless: int = 0
    """Rows of weight 0."""
    work: Work = field(default_factory=Work)

    def merge(self, other: Summed) -> None:
        """Take in the rows that follow."""
        if isinstance(self.sums, ExactSums):
            assert isinstance(other.sums, ExactSums)
            self.sums.merge(other.sums)
        else:
            assert isinstance(other.sums, DoubleSums)
            self.sums.merge(other.sums)
        self.rows_read += other.rows_read
        self.dropped.update(other.dropped)
        self.constants = self.constants.joined(other.constants)
        self.weightless += other.weightless
        self.work = self.work.joined(other.work)


@dataclass(frozen=True)
class Constants:
    """Which columns of A hold one same number in every row seen, and which number; nothing before the first row."""

    values: Array | None = None  # (n,); nan where the column varies

    @classmethod
    def of(cls, A: Array) -> Constants:
        """The constant columns of some rows."""
        if not len(A):
            return cls()
        values = A[0].copy()
        # A look at the first rows settles nearly every column: the rest is then hardly ever scanned.
        values[(A[1:64] != values).any(axis=0)] = np.nan
        for j in np.flatnonzero(~np.isnan(values)):
            if (A[64:, j] != values[j]).any():
                values[j] = np.nan
        return cls(values)

    def joined(self, other: Constants) -> Constants:
        """The columns that hold the same number in both."""
        if self.values is None or other.values is None:
            return self if other.values is None else other
        return Constants(np.where(self.values == other.values, self.values, np.nan))

    def first_nonzero(self) -> int | None:
        """The first column that is a constant other than 0."""
        if self.values is None:
            return None
        return next((j for j, value in enumerate(self.values) if value != 0 and not np.isnan(value)), None)


class Numbered(NamedTuple):
    """A block and its number, from 0."""

    number: int
    block: RowBlock

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading the block takes."""
        return self.block.footprint


@dataclass(frozen=True)
class SumRows:
    """The kernel: reads one block and sums its rows. Picklable, so that any engine can carry it."""

    precision: str
    n: int
    p: int
    intercept: bool
    measured: bool = True
    """Whether η is to be known: it is where rounded sums tell x."""

    def __call__(self, numbered: Numbered) -> Summed:
        """The sums of one block, which comes with its number."""
        start = perf_counter()
        rows = numbered.block.read()
        reading = perf_counter() - start
        summed = self.of(rows, numbered.number)
        summed.work = summed.work._replace(reading=reading)
        return summed

    def of(self, rows: Rows, number: int) -> Summed:
        """The sums of the rows of the block with this number."""
        start = perf_counter()
        exact = self.precision == "extended"
        sums = (ExactSums if exact else DoubleSums)(self.n, self.p, self.intercept)
        sums.add(rows.A, rows.b, rows.weights)
        rounding = 0.0 if exact or number or not self.measured else self._rounding(rows)
        counted = rows.A if rows.weights is None else rows.A[rows.weights != 0]
        constants, weightless = Constants.of(counted), len(rows.A) - len(counted)
        work = Work(summing=perf_counter() - start)
        return Summed(sums, rows.rows_read, Counter(rows.dropped), constants, rounding, weightless, work)

    def _rounding(self, rows: Rows) -> float:
        """η as the first rows show it: their sums made both ways."""
        few = slice(0, _MEASURED_ROWS)
        exact, rounded = (kind(self.n, self.p, self.intercept) for kind in (ExactSums, DoubleSums))
        for sums in (exact, rounded):
            sums.add(rows.A[few], rows.b[few], None if rows.weights is None else rows.weights[few])
        return gram_error(exact.integers(), rounded.integers())


@dataclass(frozen=True)
class Problem:
    """Everything the rows had to say: nothing after this reads them again.

    Attributes
    ----------
    names, targets : tuple of str
        The n unknowns, with ``(intercept)`` first where one was asked for, and the p targets.
    constant_column : int or None
        A column of A that holds one number other than 0 in all rows that count, made by the intercept or found.
    counted_rows : int
        Rows used whose weight is not 0.
    precision : {"extended", "double"}
    notes : tuple of str
        Those of the source, and what is to be said of the sums.
    work : Work
        What reading and summing took.
    """

    sums: ExactSums | DoubleSums
    analysis: Analysis | WideAnalysis
    ridge: float
    names: tuple[str, ...]
    targets: tuple[str, ...]
    data: tuple[str, ...]
    rows_read: int
    dropped: dict[str, int]
    left_out: tuple[str, ...]
    constant_column: int | None
    counted_rows: int
    precision: str
    notes: tuple[str, ...]
    work: Work
    passes = 1

    @property
    def rows(self) -> int:
        """Rows used."""
        return self.sums.rows

    @property
    def rank(self) -> int:
        """Number of independent columns."""
        return self.analysis.rank

    @property
    def hessian(self) -> Array:
        """∇²f = AᵀA + λI (n, n) in doubles, but for a factor."""
        return self.quadratic.G

    @property
    def has_constant(self) -> bool:
        """Whether A has a constant column, and so can fit a mean."""
        return self.constant_column is not None

    @cached_property
    def quadratic(self) -> Quadratic:
        """The sums in doubles, as descent walks on them."""
        return Quadratic(self.sums, self.ridge)


def read_problem(
    source: Source,
    *,
    intercept: bool = False,
    ridge: float = 0.0,
    precision: str = "extended",
    rank_tol: float | None = None,
    jobs: int | None = None,
    memory: int = MEMORY,
    on_block: Callable[[int], None] | None = None,
    blocks: Iterable[RowBlock] | None = None,
    analysis: WideAnalysis | None = None,
) -> Problem:
    """Sum all rows of a source, in one pass.

    Parameters
    ----------
    source : Source
    intercept, ridge, precision, rank_tol, jobs, memory
        As the options of ``lsq solve``; `memory` in bytes, `jobs` None for the cores of this process.
    on_block : callable, optional
        Told of each block, as it sets out, how many bytes of the input it covers.
    blocks : iterable, optional
        Those of the source, where some of them have been read ahead.
    analysis : WideAnalysis, optional
        What is known of x, where the sums need not tell it.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If no row or no column is left.
    """
    kernel = SumRows(precision, len(unknowns(source, intercept)), len(source.targets), intercept, analysis is None)
    total = fold(kernel, numbered(source, on_block, blocks), jobs, memory, waits=source.waits)
    return problem_of(total, source, analysis, intercept=intercept, ridge=ridge, precision=precision, rank_tol=rank_tol)


def unknowns(source: Source, intercept: bool) -> tuple[str, ...]:
    """The names of x; `ProblemError` where there is none but the intercept."""
    if not (source.names or intercept):
        where = " ".join(source.data)
        raise ProblemError(f"{where}: no column is left to be A; --intercept alone would fit the mean")
    return ((INTERCEPT,) if intercept else ()) + source.names


def numbered(
    source: Source, on_block: Callable[[int], None] | None = None, blocks: Iterable[RowBlock] | None = None
) -> Iterator[Numbered]:
    """The blocks of a source, or these, with their numbers; `on_block` is told the size of each."""
    return map(Numbered, count(), told(source.blocks() if blocks is None else blocks, on_block))


def told(blocks: Iterable[RowBlock], on_block: Callable[[int], None] | None) -> Iterator[RowBlock]:
    """The blocks as they come; `on_block` is told the size of each."""
    for block in blocks:
        if on_block is not None:
            on_block(block.size)
        yield block
        del block  # its text, while the next is read


def no_rows(source: Source, read: int) -> ProblemError:
    """Why there is no problem, where no row can be used of so many that were read."""
    why = f"all {read} rows have a missing cell" if read else "the data has no rows"
    return ProblemError(f"{' '.join(source.data)}: {why}")


def problem_of(
    total: Summed | None,
    source: Source,
    analysis: WideAnalysis | None = None,
    *,
    intercept: bool,
    ridge: float,
    precision: str,
    rank_tol: float | None,
) -> Problem:
    """The problem that the sums of all rows of a source make; see `read_problem`."""
    if total is None or total.sums.rows == 0:
        raise no_rows(source, total.rows_read if total else 0)
    if total.weightless == total.sums.rows:
        raise ProblemError(f"{' '.join(source.data)}: all {total.sums.rows} weights are 0, so no row counts")
    known = analysis or Analysis(total.sums, ridge, rank_tol, total.rounding)
    return Problem(
        sums=total.sums,
        analysis=known,
        ridge=ridge,
        names=unknowns(source, intercept),
        targets=source.targets,
        data=source.data,
        rows_read=total.rows_read,
        dropped=dict(sorted(total.dropped.items())),
        left_out=source.left_out,
        constant_column=0 if intercept else total.constants.first_nonzero(),
        counted_rows=total.sums.rows - total.weightless,
        precision=precision,
        notes=(*source.notes, *_tolerance_note(rank_tol, known.tolerance)),
        work=total.work,
    )


def _tolerance_note(asked: float | None, used: float) -> tuple[str, ...]:
    """The note that a rank tolerance was raised to what rounded sums can tell apart."""
    if asked is None or asked >= used:
        return ()
    return (f"--rank-tol {asked:g} is {used:.2g} here: sums in double precision cannot tell less from nothing",)
