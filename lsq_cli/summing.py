"""From row blocks to a `Problem`: the one pass over the rows, and what it learns on the way.

    blocks ──► kernel: sums of one block ──► fold: merged in order ──► Problem(sums, names, counts)

The kernel also counts the rows read and dropped and watches which columns of A are constant, so that a
model without an intercept can be told from one that has it under another name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.analysis import Analysis
from lsq_cli.certificate import gram_error
from lsq_cli.engines.local import fold
from lsq_cli.errorfree import ExactSums
from lsq_cli.errors import ProblemError
from lsq_cli.quadratic import DoubleSums, Quadratic

if TYPE_CHECKING:
    from lsq_cli.solution import Array
    from lsq_cli.sources.blocks import RowBlock, Rows, Source

INTERCEPT = "(intercept)"
# Rows whose sums are made both ways, to measure what rounding does to them.
_MEASURED_ROWS = 2048


@dataclass
class Summed:
    """The sums of some rows, and what was noticed about them."""

    sums: ExactSums | DoubleSums
    rows_read: int
    dropped: Counter[str]
    constants: Constants
    rounding: float
    """η, measured on the first rows of all; 0 for exact sums."""

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
        for rows in (A[1:64], A[64:]):
            (candidates,) = np.nonzero(~np.isnan(values))
            for j in candidates:
                if (rows[:, j] != values[j]).any():
                    values[j] = np.nan
        return cls(values)

    def joined(self, other: Constants) -> Constants:
        """The columns that hold the same number in both."""
        if self.values is None or other.values is None:
            return self if other.values is None else other
        return Constants(np.where(self.values == other.values, self.values, np.nan))

    def any_nonzero(self) -> bool:
        """Whether some column is a constant other than 0."""
        return self.values is not None and bool(np.any(np.nan_to_num(self.values) != 0))


@dataclass(frozen=True)
class SumRows:
    """The kernel: reads one block and sums its rows. Picklable, so that any engine can carry it."""

    precision: str
    n: int
    p: int
    intercept: bool

    def __call__(self, numbered: tuple[int, RowBlock]) -> Summed:
        """The sums of one block, which comes with its number."""
        number, block = numbered
        rows: Rows = block.read()
        exact = self.precision == "extended"
        sums = (ExactSums if exact else DoubleSums)(self.n, self.p, self.intercept)
        sums.add(rows.A, rows.b, rows.weights)
        rounding = 0.0 if exact or number else self._rounding(rows)
        return Summed(sums, rows.rows_read, Counter(rows.dropped), Constants.of(rows.A), rounding)

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
    has_constant : bool
        Whether A has a constant column, made by the intercept or found in the data.
    precision : {"extended", "double"}
    """

    sums: ExactSums | DoubleSums
    analysis: Analysis
    ridge: float
    names: tuple[str, ...]
    targets: tuple[str, ...]
    data: tuple[str, ...]
    rows_read: int
    dropped: dict[str, int]
    left_out: tuple[str, ...]
    has_constant: bool
    precision: str
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows used."""
        return self.sums.rows

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
) -> Problem:
    """Sum all rows of a source, in one pass.

    Parameters
    ----------
    source : Source
    intercept, ridge, precision, rank_tol
        As the options of ``lsq solve``.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If no row or no column is left.
    """
    names = ((INTERCEPT,) if intercept else ()) + source.names
    where = " ".join(source.data)
    if not names:
        raise ProblemError(f"{where}: no column is left to be A; --intercept alone would fit the mean")
    kernel = SumRows(precision, len(names), len(source.targets), intercept)
    total = fold(kernel, enumerate(source.blocks()))
    if total is None or total.sums.rows == 0:
        read = total.rows_read if total else 0
        why = f"all {read} rows have a missing cell" if read else "the data has no rows"
        raise ProblemError(f"{where}: {why}")
    analysis = Analysis(total.sums, ridge, rank_tol, total.rounding)
    return Problem(
        sums=total.sums,
        analysis=analysis,
        ridge=ridge,
        names=names,
        targets=source.targets,
        data=source.data,
        rows_read=total.rows_read,
        dropped=dict(sorted(total.dropped.items())),
        left_out=source.left_out,
        has_constant=intercept or total.constants.any_nonzero(),
        precision=precision,
        notes=_tolerance_note(rank_tol, analysis.tolerance),
    )


def _tolerance_note(asked: float | None, used: float) -> tuple[str, ...]:
    """The note that a rank tolerance was raised to what rounded sums can tell apart."""
    if asked is None or asked >= used:
        return ()
    return (f"--rank-tol {asked:g} is {used:.2g} here: sums in double precision cannot tell less from nothing",)
