"""What is counted while rows go by: rows read, used and dropped, rows without weight, columns that are constant.

Every form of a problem is about some rows; `Tally` counts them, and `about` makes of it who the problem is. A constant
column is looked for because a model with one needs no intercept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.core.problem import About, Work
from lsq_cli.core.solution import INTERCEPT

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Rows, Source

# Rows that settle nearly every column: the rest is then hardly ever scanned.
_FIRST = 64


@dataclass(eq=False)
class Tally:
    """Counts of some rows.

    Attributes
    ----------
    rows, rows_read : int
        Rows used, and rows seen.
    weightless : int
        Rows used whose weight is 0.
    dropped : Counter
        Reason → rows dropped for it.
    constants : ndarray, shape (n,), or None
        The number that a column of A, without the intercept, holds in every row that counts; nan where it varies;
        None before the first such row.
    work : Work
    """

    rows: int = 0
    rows_read: int = 0
    weightless: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    constants: Array | None = None
    work: Work = field(default_factory=Work)

    @classmethod
    def of(cls, rows: Rows) -> Tally:
        """The counts of some rows."""
        weightless = 0 if rows.weights is None else int(np.count_nonzero(rows.weights == 0))
        counted = rows.A if not weightless or rows.weights is None else rows.A[rows.weights != 0]
        return cls(len(rows.b), rows.rows_read, weightless, Counter(rows.dropped), constants_of(counted))

    def merge(self, other: Tally) -> None:
        """Count the rows that follow."""
        self.rows += other.rows
        self.rows_read += other.rows_read
        self.weightless += other.weightless
        self.dropped.update(other.dropped)
        if self.constants is None or other.constants is None:
            self.constants = other.constants if self.constants is None else self.constants
        else:
            self.constants = np.where(self.constants == other.constants, self.constants, np.nan)
        self.work = self.work.joined(other.work)

    def subtract(self, other: Tally) -> None:
        """Count rows no more that were counted, and not looked at for constants."""
        self.rows -= other.rows
        self.rows_read -= other.rows_read
        self.weightless -= other.weightless
        self.dropped.subtract(other.dropped)

    def constant_column(self, intercept: bool) -> int | None:
        """The first column of A, the intercept included, that is a constant other than 0."""
        if intercept:
            return 0
        constants = () if self.constants is None else self.constants
        return next((j for j, value in enumerate(constants) if value != 0 and not np.isnan(value)), None)


def constants_of(A: Any) -> Array | None:
    """The number that each column of A (rows, n), dense or sparse, holds in every row; nan where it varies.

    None where there is no row.
    """
    rows, n = A.shape
    if not rows:
        return None
    if isinstance(A, np.ndarray):
        values: Array = A[0].copy()
        values[(A[1:_FIRST] != values).any(axis=0)] = np.nan
        for j in np.flatnonzero(~np.isnan(values)):
            if (A[_FIRST:, j] != values[j]).any():
                values[j] = np.nan
        return values
    # Of a sparse matrix: columns of zeros are of no interest, others have to be full.
    values = np.full(n, np.nan)
    full = np.flatnonzero(np.bincount(A.indices, minlength=n) == rows)
    if full.size:
        values[full] = constants_of(A[:, full].toarray())
    return values


def unknowns(source: Source, intercept: bool) -> tuple[str, ...]:
    """The names of x; `ProblemError` where there is none but the intercept."""
    if not (source.names or intercept):
        where = " ".join(source.data)
        raise ProblemError(f"{where}: no column is left to be A; --intercept alone would fit the mean")
    return ((INTERCEPT,) if intercept else ()) + source.names


def no_rows(source: Source, tally: Tally | None) -> ProblemError:
    """Why there is no problem, where no row can be used of those that were read."""
    read = tally.rows_read if tally else 0
    if read == 0:
        why = "the data has no rows"
    else:
        why = "its only row has a missing cell" if read == 1 else f"all {read} rows have a missing cell"
    return ProblemError(f"{' '.join(source.data)}: {why}")


def about(
    source: Source, tally: Tally, *, intercept: bool, precision: str = "extended", notes: tuple[str, ...] = ()
) -> About:
    """Who the problem is that some rows of a source make; `notes` are said after those of the source."""
    return About(
        names=unknowns(source, intercept),
        targets=source.targets,
        data=source.data,
        left_out=source.left_out,
        rows=tally.rows,
        rows_read=tally.rows_read,
        counted_rows=tally.rows - tally.weightless,
        dropped=dict(sorted(tally.dropped.items())),
        constant_column=tally.constant_column(intercept),
        precision=precision,
        warnings=source.warnings,
        notes=(*source.notes, *notes),
        work=tally.work,
    )
