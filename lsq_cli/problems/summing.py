"""From row blocks to sums: the one pass over the rows.

blocks ──► kernel: sums and counts of one block ──► fold: merged in order ──► `SummedProblem`
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from lsq_cli.core.errors import ProblemError
from lsq_cli.core.problem import Work
from lsq_cli.engines.resources import Resources
from lsq_cli.exact.certificate import gram_error
from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.problems.tally import Tally, about, no_rows, unknowns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lsq_cli.sources.blocks import RowBlock, Rows, Source

# Rows whose sums are made both ways, to measure what rounding does to them.
_MEASURED_ROWS = 2048


class ProblemOptions(NamedTuple):
    """What is asked of a problem, whatever its rows: the options of ``lsq solve`` of these names."""

    intercept: bool = False
    ridge: float = 0.0
    precision: str = "extended"
    rank_tol: float | None = None


@dataclass(eq=False)
class Summed:
    """The sums of some rows, and their counts."""

    sums: ExactSums | DoubleSums
    tally: Tally
    rounding: float = 0.0
    """η, measured on the first rows of all; 0 for exact sums."""

    def merge(self, other: Summed) -> None:
        """Take in the rows that follow."""
        if isinstance(self.sums, ExactSums):
            assert isinstance(other.sums, ExactSums)
            self.sums.merge(other.sums)
        else:
            assert isinstance(other.sums, DoubleSums)
            self.sums.merge(other.sums)
        self.tally.merge(other.tally)


class NumberedBlock(NamedTuple):
    """A block and its number, from 0."""

    number: int
    block: RowBlock

    @property
    def size(self) -> int:
        """Bytes that the block covers, about."""
        return self.block.size

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading the block takes."""
        return self.block.footprint


@dataclass(frozen=True, eq=False)
class SumRows:
    """The kernel: reads one block and sums its rows. Picklable, so that any engine can carry it."""

    precision: str
    n: int
    p: int
    intercept: bool
    measured: bool = True
    """Whether η is to be known: it is where rounded sums tell x."""

    @property
    def regroups(self) -> bool:
        """Whether results may be merged in any grouping: exact sums may, rounded ones in their order alone."""
        return self.precision == "extended"

    def __call__(self, numbered: NumberedBlock) -> Summed:
        """The sums of one block, which comes with its number."""
        start = perf_counter()
        rows = numbered.block.read()
        reading = perf_counter() - start
        summed = self.of(rows, numbered.number)
        summed.tally.work = summed.tally.work._replace(reading=reading)
        return summed

    def of(self, rows: Rows, number: int) -> Summed:
        """The sums of the rows of the block with this number."""
        start = perf_counter()
        exact = self.precision == "extended"
        sums = (ExactSums if exact else DoubleSums)(self.n, self.p, self.intercept)
        sums.add(rows.A, rows.b, rows.weights)
        rounding = 0.0 if exact or number or not self.measured else self._rounding(rows)
        tally = Tally.of(rows)
        tally.work = Work(summing=perf_counter() - start)
        return Summed(sums, tally, rounding)

    def _rounding(self, rows: Rows) -> float:
        """η as the first rows show it: their sums made both ways."""
        few = slice(0, _MEASURED_ROWS)
        exact, rounded = (kind(self.n, self.p, self.intercept) for kind in (ExactSums, DoubleSums))
        for sums in (exact, rounded):
            sums.add(rows.A[few], rows.b[few], None if rows.weights is None else rows.weights[few])
        return gram_error(exact.integers(), rounded.integers())


def numbered_blocks(blocks: Iterable[RowBlock]) -> Iterator[NumberedBlock]:
    """The blocks with their numbers."""
    return map(NumberedBlock, count(), blocks)


def read_sums(
    source: Source, blocks: Iterable[RowBlock], options: ProblemOptions, resources: Resources, *, measured: bool = True
) -> Summed | None:
    """The sums of the blocks of a source, in one pass; None where there is no block.

    Parameters
    ----------
    source : Source
    blocks : iterable
        Those of the source, of which some may have been read ahead.
    options : ProblemOptions
    resources : Resources
    measured : bool
        As in `SumRows`.

    Raises
    ------
    DataError
        Where a row cannot be used.
    """
    n = len(unknowns(source, options.intercept))
    kernel = SumRows(options.precision, n, len(source.targets), options.intercept, measured)
    return resources.fold(kernel, numbered_blocks(resources.watched(blocks)), waits=source.waits)


def read_problem(
    source: Source, options: ProblemOptions | None = None, resources: Resources | None = None
) -> SummedProblem:
    """Sum all rows of a source, in one pass.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If no row or no column is left.
    """
    options, resources = options or ProblemOptions(), resources or Resources()
    return summed_problem(read_sums(source, source.blocks(), options, resources), source, options)


def summed_problem(total: Summed | None, source: Source, options: ProblemOptions) -> SummedProblem:
    """The problem that the sums of all rows of a source make.

    Raises
    ------
    ProblemError
        If no row is left, or none that counts.
    """
    total = usable(total, source)
    # The tolerance in use is known only once the sums are there, and a note may have to name it.
    who = about(source, total.tally, intercept=options.intercept, precision=options.precision)
    return SummedProblem(who, total.sums, options.ridge, options.rank_tol, total.rounding)


def usable(total: Summed | None, source: Source) -> Summed:
    """Sums of rows of which one counts at least; `ProblemError` where there is none."""
    if total is None or total.tally.rows == 0:
        raise no_rows(source, total.tally if total else None)
    rows = total.tally.rows
    if total.tally.weightless == rows:
        raise ProblemError(f"{' '.join(source.data)}: all {rows} weights are 0, so no row counts")
    return total
