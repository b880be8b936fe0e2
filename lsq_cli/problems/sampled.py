"""Some rows of a fit for its pictures: a bounded sample that does not depend on threads, and the rows that stand out.

A row's place in its block and the block's in the file are hashed to a number, and the rows of the least numbers are
kept (Vitter's reservoir, without its random numbers): every row has the same chance, and the same files give the same
sample, whatever the number of jobs. Up to `POINTS` rows all are kept.

The rows that stand out are always there: those of largest standardized residual and of largest Cook's distance.

    s = r√w/(σ√(1 − h))        D = s²h/(q(1 − h))

Source: Vitter, *ACM Transactions on Mathematical Software* 11 (1985), for the reservoir.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np

from lsq_cli.core.extras import load
from lsq_cli.problems.by_group import fold_groups
from lsq_cli.problems.design_rows import DesignRows, dense
from lsq_cli.problems.designed import evaluated
from lsq_cli.problems.second_pass import FULL, Fitted, FittedRows
from lsq_cli.sources.records import Record
from lsq_cli.terms.design import Design, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array, Statistics
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.grouped import Key
    from lsq_cli.problems.second_pass import SecondPass
    from lsq_cli.sources.records import RecordBlock, Records, Wanted

POINTS = 2000
STANDING_OUT = 3
"""So many rows by their residual, and as many by their distance."""
LINE_POINTS = 200


class Points(NamedTuple):
    """Some rows of a fit, each entry (rows,)."""

    target: Array
    fitted: Array
    residual: Array
    """b − Ax."""
    standardized: Array
    leverage: Array
    distance: Array
    predictor: Array
    """The one column of numbers that explains; empty where there are more, or none."""

    def rows(self, chosen: NDArray[np.intp]) -> Points:
        """Some of them."""
        return Points(*(column[chosen] if len(column) else column for column in self))

    def joined(self, other: Points) -> Points:
        """These and others."""
        return Points(*(np.concatenate(both) for both in zip(self, other, strict=True)))


class Line(NamedTuple):
    """The fit along its one predictor, and the band in which its mean lies; each array (points,)."""

    name: str
    """The predictor."""
    predictor: Array
    fitted: Array
    low: Array
    high: Array


@dataclass
class Sample:
    """What a picture of a fit is drawn from.

    Attributes
    ----------
    points : Points
        The sample; it may have the rows that stand out among its own.
    numbers : ndarray of uint64, shape (points,)
        Their hashed places, ascending.
    rows : int
        How many there are in all, those of leverage 1 apart.
    outer : Points
        The rows that stand out, by |s| and by D.
    places : list of str
        Where these stand: ``41`` for line 41.
    """

    points: Points
    numbers: NDArray[np.uint64]
    rows: int
    outer: Points
    places: list[str]
    line: Line | None = None
    """Where one column of numbers explains."""

    def merge(self, other: Sample) -> None:
        """Take in the rows that follow."""
        points, numbers = self.points.joined(other.points), np.concatenate((self.numbers, other.numbers))
        kept = np.argsort(numbers, kind="stable")[:POINTS]
        self.points, self.numbers = points.rows(kept), numbers[kept]
        outer, places = self.outer.joined(other.outer), [*self.places, *other.places]
        kept = _standing_out(outer)
        self.outer, self.places = outer.rows(kept), [places[k] for k in kept.tolist()]
        self.rows += other.rows

    def quantiles(self) -> tuple[Array, Array]:
        """Normal quantiles and standardized residuals, ascending.

        The residuals of largest |s| are the outermost of all rows, so that they are at their true quantiles though the
        rows between are a sample.
        """
        special = load("scipy.special", "fit", "normal quantiles")
        found = np.sort(self.points.standardized)
        shares = (np.arange(len(found)) + 0.5) / max(1, len(found))
        if self.rows > len(found):
            outer = np.sort(self.outer.standardized[np.argsort(-np.abs(self.outer.standardized))[:STANDING_OUT]])
            below = int(np.count_nonzero(outer < 0))
            ranks = np.concatenate((np.arange(below), self.rows - np.arange(len(outer) - below, 0, -1)))
            found, shares = np.concatenate((found, outer)), np.concatenate((shares, (ranks + 0.5) / self.rows))
            order = np.argsort(found, kind="stable")
            found, shares = found[order], np.sort(shares)
        return np.asarray(special.ndtri(shares)), found


@dataclass(frozen=True)
class SampleRows:
    """The kernel: the sample of one block."""

    fit: Fitted
    sigma: float
    predictor: str | None

    def __call__(self, block: RecordBlock) -> Sample:
        """That of all its rows."""
        return self.of(block.read(), block)

    def of(self, record: Record, block: RecordBlock) -> Sample:
        """Of some rows those that have the least numbers, and those that stand out."""
        found = FittedRows.of(self.fit, record, block)
        leverage = found.leverages()
        kept = np.flatnonzero(leverage <= 1.0 - FULL)
        used = found.record.used[kept]
        h, r = leverage[kept], found.residuals[0][kept]
        s = r * found.roots[kept] / (self.sigma * np.sqrt(1.0 - h))
        target = found.targets[0][kept]
        x = np.empty(0) if self.predictor is None else found.record.numbers[self.predictor][kept]
        points = Points(target, target - r, r, s, h, s * s * h / (self.fit.problem.rank * (1.0 - h)), x)
        start = crc32(block.place(int(used[0])).encode()) if len(used) else 0
        numbers = _hashed((np.uint64(start) << np.uint64(32)) + used.astype(np.uint64))
        few, outer = np.argsort(numbers, kind="stable")[:POINTS], _standing_out(points)
        places = [block.place(int(row)).rpartition(" ")[2] for row in used[outer]]
        return Sample(points.rows(few), numbers[few], len(used), points.rows(outer), places)


def sample(again: SecondPass, statistics: Statistics) -> Sample:
    """The rows that a picture of a fit shows, in a second pass, and the line through them where there is one.

    Parameters
    ----------
    again : SecondPass
        Of a fit to one target.
    statistics : Statistics
        Its own, with σ > 0.
    """
    predictor = only_predictor(again.fit)
    found = again.fold(SampleRows(again.fit, statistics.sigma, predictor))
    found.line = _line(again.fit, predictor, found, statistics)
    return found


def samples_of_groups(
    records: Records,
    wanted: Wanted,
    by: tuple[str, ...],
    fits: Mapping[Key, tuple[Fitted, Statistics]],
    resources: Resources,
) -> dict[Key, Sample]:
    """The sample of each of some groups, each with its line, in one more pass; see `by_group.fold_groups`."""
    predictors = {key: only_predictor(fit) for key, (fit, _) in fits.items()}
    kernels = {key: SampleRows(fit, known.sigma, predictors[key]) for key, (fit, known) in fits.items()}
    for fit, _ in fits.values():
        fit.prepare()
    found: dict[Key, Sample] = fold_groups(records, wanted, kernels, by, resources)
    for key, (fit, known) in fits.items():
        found[key].line = _line(fit, predictors[key], found[key], known)
    return {key: found[key] for key in fits}


def _line(fit: Fitted, predictor: str | None, found: Sample, statistics: Statistics) -> Line | None:
    """ŷ ± t·√(aVaᵀ) from the least to the largest value of the one predictor among the points, if there is one."""
    if predictor is None or not found.rows:
        return None
    special = load("scipy.special", "fit", "a band")
    values = np.concatenate((found.points.predictor, found.outer.predictor))
    grid = np.linspace(values.min(), values.max(), LINE_POINTS)
    record = Record({predictor: grid}, {}, None, np.arange(len(grid)), len(grid), {}, {})
    design = fit.design
    shape = Shape(replace(design.shape.formula, targets=()))
    products = evaluated(shape, record, _Grid()).of_columns
    places = list(DesignRows(Design(shape, design.levels, design.kinds)).places({}, len(grid)))
    kept = list(fit.kept)
    A = dense(places, products, len(design.columns), slice(0, len(grid)))[:, kept]
    mean = A @ fit.problem.x[:, 0]
    spread = np.sqrt(np.vecdot(A @ statistics.covariance[np.ix_(kept, kept)], A))
    reach = float(special.stdtrit(statistics.df_t, 0.5 + statistics.confidence / 2)) * spread
    return Line(predictor, grid, mean, mean - reach, mean + reach)


class _Grid:
    """The place of points that are no rows of a table."""

    def where(self, row: int, name: str) -> str:
        """In words."""
        return f"the line of the picture, point {row + 1}, {name}"


def only_predictor(fit: Fitted) -> str | None:
    """The column of numbers that alone explains; None where there are more, or a category."""
    formula = fit.design.shape.formula
    explaining = {name for term in formula.terms for factor in term for name in factor.columns()}
    return explaining.pop() if len(explaining) == 1 and not fit.design.shape.categories else None


def _standing_out(points: Points) -> NDArray[np.intp]:
    """The rows of largest |s| and of largest D, in their order."""
    by_residual, by_distance = (
        np.argsort(-values, kind="stable")[:STANDING_OUT] for values in (np.abs(points.standardized), points.distance)
    )
    return np.union1d(by_residual, by_distance)


def _hashed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number mixed well (the last step of SplitMix64: Steele, Lea & Flood, OOPSLA 2014)."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
