"""Rows once more, when x is known: their residuals and their leverages, block by block.

    r = b − Ax        h = ‖u‖²,  u the row in the coordinates in which AᵀA is the identity

r is added up with what rounding takes away, and u comes from the exact factor (`Inverse.whitened`), whose digits are
not lost to the condition of A. x is the rounded one: where |a x| is far above |b|, r has fewer digits. With weights a
row of A and r are those times √w, and rows of weight 0 do not count.

What is made of them is for `robust.py` (covariances) and `influence.py` (Cook's distance).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.exact.expansions import negated
from lsq_cli.problems.design_rows import DesignRows, Place, dense, fitted
from lsq_cli.problems.designed import evaluated, present, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.engines.local import Result
    from lsq_cli.engines.resources import Resources
    from lsq_cli.exact.expansions import Parts
    from lsq_cli.problems.summed import SummedProblem
    from lsq_cli.sources.records import Record, RecordBlock, Records, Wanted
    from lsq_cli.terms.design import Design

FULL = 1e-8
"""A leverage within this of 1 is 1: the row is fitted whatever b it has."""
_PIECE = 1 << 18
"""Numbers of A that are made at a time."""


class Centre(NamedTuple):
    """Intercepts that were taken out (`absorbed.py`), and what takes them out of a row.

    Attributes
    ----------
    column : str
        Whose levels have them.
    places : mapping
        Level → its row below.
    means : (ndarray, ndarray), each (levels, n)
        Of the kept columns, as the sum of two.
    shares : ndarray, shape (levels,)
        1/W_g, what the intercept adds to the leverage of a row of weight 1.
    intercepts : ndarray, shape (levels, p)
    scale : float
        By which the sums of the problem are too large.
    """

    column: str
    places: Mapping[Any, int]
    means: tuple[Array, Array]
    shares: Array
    intercepts: Array
    scale: float

    def rows_of(self, record: Record) -> NDArray[np.intp]:
        """The row of each row's level."""
        levels, codes = present(record.categories[self.column])
        return np.array([self.places[level] for level in levels], np.intp)[codes]


class Fitted(NamedTuple):
    """A regression whose rows are gone through once more.

    Attributes
    ----------
    design : Design
    problem : SummedProblem
        Of the columns that are kept.
    kept : tuple of int
        Their positions in the design.
    centre : Centre, optional
        Intercepts that the problem is without.
    """

    design: Design
    problem: SummedProblem
    kept: tuple[int, ...]
    centre: Centre | None = None

    def prepare(self) -> None:
        """Make what the threads of a pass share here once, and not in each of them."""
        self.problem.inverse.scaled  # noqa: B018


class SecondPass(NamedTuple):
    """Where the rows of a regression are, for one pass more.

    Attributes
    ----------
    records : Records
        That can be read again.
    wanted : Wanted
        What the first pass read.
    fit : Fitted
    resources : Resources
    """

    records: Records
    wanted: Wanted
    fit: Fitted
    resources: Resources

    def fold(self, kernel: Callable[[RecordBlock], Result]) -> Result:
        """The merged results of `kernel` on every block."""
        self.fit.prepare()
        blocks = self.resources.watched(self.records.blocks(self.wanted))
        found = self.resources.fold(kernel, blocks, waits=self.records.waits)
        assert found is not None  # the first pass had rows
        return found


class FittedRows(NamedTuple):
    """The rows of a block, those of weight 0 gone.

    Attributes
    ----------
    record : Record
    targets, residuals : list of ndarray, each (rows,)
        b in doubles and b − Ax, of each target.
    roots : ndarray, shape (rows,)
        √w; ones without weights.
    """

    record: Record
    targets: list[Array]
    residuals: list[Array]
    roots: Array
    fit: Fitted
    products: list[Parts]
    places: list[Place]
    levels: NDArray[np.intp] | None
    """Where the centre has the level of each row."""

    @classmethod
    def of(cls, fit: Fitted, record: Record, block: RecordBlock) -> FittedRows:
        """Those of some rows of a block, as they were read from it."""
        if record.weights is not None:
            record = taken(record, np.flatnonzero(record.weights))
        rows, design = len(record.used), fit.design
        products = evaluated(design.shape, record, block)
        places = list(DesignRows(design).places(record.categories, rows))
        x = np.full((len(design.columns), len(products.of_targets)), np.nan)
        x[list(fit.kept)] = fit.problem.x
        levels = None if fit.centre is None else fit.centre.rows_of(record)
        residuals = []
        for t, target in enumerate(products.of_targets):
            alone = () if fit.centre is None else (fit.centre.intercepts[levels, t],)
            residuals.append(-fitted(places, products.of_columns, x[:, t], (*negated(target), *alone)))
        roots = np.ones(rows) if record.weights is None else np.sqrt(record.weights)
        targets = [np.asarray(sum(parts)) for parts in products.of_targets]
        return cls(record, targets, residuals, roots, fit, products.of_columns, places, levels)

    def whitened(self) -> Iterator[tuple[slice, Array]]:
        """Some rows at a time, and their u·√w (rows, n)."""
        n = len(self.fit.design.columns)
        step = max(1, _PIECE // n)
        for start in range(0, len(self.roots), step):
            rows = slice(start, min(start + step, len(self.roots)))
            A = dense(self.places, self.products, n, rows)[:, list(self.fit.kept)]
            if self.fit.centre is not None and self.levels is not None:
                high, low = (means[self.levels[rows]] for means in self.fit.centre.means)
                A = (A - high) - low
            yield rows, self.fit.problem.inverse.whitened(A) * self.roots[rows, np.newaxis]

    def leverages(self) -> Array:
        """h (rows,)."""
        leverages = np.empty(len(self.roots))
        for rows, U in self.whitened():
            leverages[rows] = self.leverages_of(rows, U)
        return leverages

    def leverages_of(self, rows: slice, U: Array) -> Array:
        """The h of some rows, of their u·√w."""
        found = np.asarray(np.vecdot(U, U))
        if self.fit.centre is not None and self.levels is not None:
            found *= self.fit.centre.scale
            found += self.fit.centre.shares[self.levels[rows]] * self.roots[rows] ** 2
        return found
