"""The rows that move x most: Cook's distance, from a second pass over the rows, and x without each of them.

    D = r²h/(q σ²(1 − h)²)

with r = b − Ax, h the leverage, q coefficients and σ² = ‖r‖²/(m − q): how far x goes when the row is left out, in
units of its covariance. With weights r is r√w, as h is.

x without a row is not approximated: the row is taken out of the exact sums and they are solved again, so that it is
what a run on a file without the row gives, to the bit. A row without which the data no longer tell one of the
coefficients has a leverage of 1 and no distance; it is named in a warning. An outlier so far off that its leverage is 1
but for rounding has one, from f at the x without it.

Sources: Cook, *Technometrics* 19 (1977); Belsley, Kuh & Welsch, *Regression Diagnostics* (1980), ch. 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import elided
from lsq_cli.core.solution import Influence
from lsq_cli.problems.designed import DesignSums, SumRecords, taken
from lsq_cli.problems.second_pass import FULL, Fitted, FittedRows, SecondPass

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.records import Record, RecordBlock


class Candidate(NamedTuple):
    """A row that may be among the K, with all that is needed to take it out of the sums."""

    distance: float
    residual: float
    leverage: float
    place: str
    record: Record
    """The row alone."""

    def where(self, row: int, name: str) -> str:
        """The place of one of its cells, near enough."""
        return self.place


class TakingOut(NamedTuple):
    """How a row is taken out: of the sums of all rows, which are then solved again."""

    total: DesignSums
    solved: Callable[[DesignSums], Array]
    """x (n,) from sums, nan for columns that are left out."""


@dataclass
class Ranked:
    """The K rows of largest distance among some rows, the largest first; of equals the earlier first.

    Attributes
    ----------
    rows : list of Candidate
    full : list of Candidate
        The rows whose leverage is 1 but for rounding; they are no more than coefficients.
    """

    count: int
    rows: list[Candidate]
    full: list[Candidate]

    def merge(self, other: Ranked) -> None:
        """Take in the rows that follow."""
        # sorted() keeps the order of equals.
        self.rows = sorted([*self.rows, *other.rows], key=attrgetter("distance"), reverse=True)[: self.count]
        self.full = [*self.full, *other.full]


@dataclass(frozen=True)
class RankRows:
    """The kernel of the second pass."""

    fit: Fitted
    sigma: float
    count: int

    def __call__(self, block: RecordBlock) -> Ranked:
        """The K rows of one block."""
        found = FittedRows.of(self.fit, block.read(), block)
        leverages, used = found.leverages(), found.record.used
        full = leverages > 1.0 - FULL
        left = np.where(full, 1.0, 1.0 - leverages)
        # Divided by σ first: in small or large units its square is no double.
        scaled = found.residuals[0] * found.roots / self.sigma / left
        distances = np.where(full, -1.0, scaled**2 * leverages / self.fit.problem.rank)
        first = np.argsort(-distances, kind="stable")[: self.count]

        def candidate(k: int) -> Candidate:
            return Candidate(
                float(distances[k]),
                float(found.residuals[0][k]),
                float(leverages[k]),
                block.place(int(used[k])),
                taken(found.record, np.array([k], np.intp))._replace(rows_read=1, dropped={}, kept={}),
            )

        chosen = [candidate(k) for k in first.tolist() if not full[k]]
        return Ranked(self.count, chosen, [candidate(k) for k in np.flatnonzero(full).tolist()])


def influence(
    again: SecondPass, taking_out: TakingOut, count: int, sigma: float
) -> tuple[tuple[Influence, ...], tuple[str, ...]]:
    """The rows of largest distance, and what to beware of.

    Parameters
    ----------
    again : SecondPass
        Of a fit to one target.
    taking_out : TakingOut
    count : int
        K: how many rows at most.
    sigma : float
        Where it is 0 or not defined no row has a distance.
    """
    if not sigma > 0.0:
        why = "the fit is perfect" if sigma == 0.0 else "no degree of freedom is left"
        return (), (f"no row has a distance: {why}",)
    found = again.fold(RankRows(again.fit, sigma, count))
    one_row = SumRecords(again.fit.design.shape)

    def without(row: Candidate) -> Array:
        return taking_out.solved(taking_out.total.without(one_row.of(row.record, row)))

    ranked, alone = [(row, without(row)) for row in found.rows], []
    for row in found.full:
        x = without(row)
        if np.isfinite(x[list(again.fit.kept)]).all():
            ranked.append((row._replace(distance=_distance(again.fit, x, sigma)), x))
        else:
            alone.append(row.place)
    ranked.sort(key=lambda pair: -pair[0].distance)
    rows = tuple(
        Influence(*_file_and_row(row.place), row.residual, row.leverage, row.distance, x) for row, x in ranked[:count]
    )
    if not alone:
        return rows, ()
    one = len(alone) == 1
    return rows, (
        f"{elided(alone, between='; ')}: a leverage of 1, so that {'it has' if one else 'they have'} no distance; "
        f"without {'it' if one else 'them'} a coefficient is not determined",
    )


def _distance(fit: Fitted, x: Array, sigma: float) -> float:
    """D = (x₍ᵢ₎ − x)ᵀG(x₍ᵢ₎ − x)/(q σ²) = 2(f(x₍ᵢ₎) − f(x))/(q σ²), for an h so near to 1 that 1 − h has no digits."""
    there = fit.problem.value_at(x[list(fit.kept)]).objective
    rise = there - fit.problem.value_at(fit.problem.x[:, 0]).objective
    return 2.0 * (rise / sigma / sigma) / fit.problem.rank


def _file_and_row(place: str) -> tuple[str, int | None, int | None]:
    """The file, the line and the number of the row in ``data.csv, line 7`` or ``data.npy, row 7``; one of them None."""
    file, _, numbered = place.rpartition(", ")
    kind, _, number = numbered.partition(" ")
    return (file, int(number), None) if kind == "line" else (file, None, int(number))
