"""Covariances of x that do not ask for one variance in all rows: a second pass over the rows.

    V = G⁻¹ M G⁻¹,    M = Σ ω_i a_i a_iᵀ

    HC0   ω = r²              HC2   ω = r²/(1 − h)        h = aᵀG⁻¹a, the leverage of the row
    HC1   HC0 · m/(m − n)     HC3   ω = r²/(1 − h)²
    cluster   M = Σ_g s_g s_gᵀ, s_g = Σ_{i in g} r_i a_i, times G/(G − 1) · (m − 1)/(m − n)
    two ways  the sum of both less that of the pairs

The rows are taken in the coordinates u of `second_pass.py`: h = ‖u‖², and the sums of ω u uᵀ lose no digits to the
condition of A. They are exact, hence the same in any order. With weights (precisions) a row of A and r are those times
√w. r is divided by a power of two near its largest, so that r² is a double in any units.

n counts every parameter. Where L intercepts were taken out (`absorbed.py`), n = r + L; but with clusters n = r + 1 if
each of their levels lies within one cluster, for they vary with it. That is fixest's rule for one factor.

Sources: White, *Econometrica* 48 (1980); MacKinnon & White, *Journal of Econometrics* 29 (1985); Cameron, Gelbach &
Miller, *Journal of Business & Economic Statistics* 29 (2011); the small-sample factors are statsmodels'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import ProblemError, elided, shown
from lsq_cli.exact.dyadic import Dyadic
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.keyed import KeyedSums
from lsq_cli.problems.covariances import Covariance, ScaledMatrix
from lsq_cli.problems.designed import MOST_KEYS, combined, present
from lsq_cli.problems.second_pass import FULL, Fitted, FittedRows, SecondPass

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.records import Record, RecordBlock


@dataclass
class Meat:
    """What some rows add to M.

    Attributes
    ----------
    squares : list of ExactSums
        Σ ω u uᵀ of each target; empty with clusters.
    groups : list of list of KeyedSums
        Of each target, Σ r u by each way of grouping.
    full : str
        The place of a row with a leverage of 1, if there is one.
    pairs : list of set
        Of each cluster column, the pairs of a level that was taken out and a cluster in which it has rows.
    """

    squares: list[ExactSums]
    groups: list[list[KeyedSums]] = field(default_factory=list)
    full: str = ""
    pairs: list[set[Hashable]] = field(default_factory=list)

    def merge(self, other: Meat) -> None:
        """Take in the rows that follow."""
        for mine, theirs in zip(self.squares, other.squares, strict=True):
            mine.merge(theirs)
        for my_ways, their_ways in zip(self.groups, other.groups, strict=True):
            for way, other_way in zip(my_ways, their_ways, strict=True):
                way.merge(other_way)
                if len(way.keys) > MOST_KEYS:
                    raise ProblemError(f"--vcov: more than {MOST_KEYS} clusters")
        self.full = self.full or other.full
        for mine_too, theirs_too in zip(self.pairs, other.pairs, strict=True):
            mine_too |= theirs_too


@dataclass(frozen=True)
class SumMeat:
    """The kernel of the second pass."""

    fit: Fitted
    kind: str
    ways: tuple[tuple[str, ...], ...]
    """The columns of each way of grouping."""
    units: tuple[int, ...]
    """Of each target: r is told in units of 2^unit."""

    def __call__(self, block: RecordBlock) -> Meat:
        """What one block adds."""
        return self.of(block.read(), block)

    def of(self, read: Record, block: RecordBlock) -> Meat:
        """What some rows of a block add."""
        found, n = FittedRows.of(self.fit, read, block), self.fit.problem.equations.n
        record, residuals = found.record, found.residuals
        meat = Meat([] if self.ways else [ExactSums(n - 1, 1) for _ in residuals])
        meat.groups = [[KeyedSums(n) for _ in self.ways] for _ in residuals] if self.ways else []
        keys = [combined([present(record.categories[name]) for name in names]) for names in self.ways]
        if (centre := self.fit.centre) is not None:
            meat.pairs = [
                set(combined([present(record.categories[name]) for name in (centre.column, *names)])[0])
                for names in self.ways
                if len(names) == 1
            ]
        for rows, U in found.whitened():
            omega = self._factors(found.leverages_of(rows, U), meat, block, record.used[rows])
            for t, r in enumerate(residuals):
                weighted = np.ldexp(r[rows] * found.roots[rows], -self.units[t])
                if not self.ways:
                    meat.squares[t].add(U[:, :-1], U[:, -1:], weighted**2 * omega)
                for way, (names, codes) in zip(meat.groups[t] if self.ways else [], keys, strict=False):
                    scores = U * weighted[:, None]
                    way.add(names, codes[rows], [(scores[:, j],) for j in range(n)])
        return meat

    def _factors(self, leverage: Array, meat: Meat, block: RecordBlock, used: NDArray[np.intp]) -> Array:
        """ω/r² of some rows."""
        if self.kind not in ("HC2", "HC3"):
            return np.ones(len(leverage))
        left = 1.0 - leverage
        full = left < FULL
        if full.any():
            row = int(used[int(full.argmax())])
            meat.full = meat.full or block.place(row)
        power = 1 if self.kind == "HC2" else 2
        return np.asarray(1.0 / np.where(full, 1.0, left) ** power)


def robust_covariance(again: SecondPass, kind: str, clusters: tuple[str, ...]) -> tuple[Covariance, tuple[str, ...]]:
    """The covariance of x of a kind other than iid, in a second pass; and what to beware of.

    Parameters
    ----------
    again : SecondPass
        That reads the clusters among its categories.
    kind : str
        ``HC0`` to ``HC3`` or ``cluster:…``.
    clusters : tuple of str
        The one or two columns of a ``cluster:``.
    """
    fit = again.fit
    return covariance_of(again.fold(kernel_of(fit, kind, clusters)), fit, kind, clusters)


def kernel_of(fit: Fitted, kind: str, clusters: tuple[str, ...]) -> SumMeat:
    """What goes over the rows of a regression for a covariance of some kind."""
    ways = tuple((name,) for name in clusters) + ((clusters,) if len(clusters) == 2 else ())
    return SumMeat(fit, kind, tuple(tuple(sorted(way)) for way in ways), _units(fit))


def _units(fit: Fitted) -> tuple[int, ...]:
    """The exponent of ‖r‖ of each target; 0 for a perfect fit."""
    scale = 0 if fit.centre is None else math.frexp(fit.centre.scale)[1]
    squares = fit.problem.solution.least_squares()
    return tuple((rss.mantissa.bit_length() + rss.exponent - scale) // 2 if rss.mantissa > 0 else 0 for rss in squares)


def covariance_of(meat: Meat, fit: Fitted, kind: str, clusters: tuple[str, ...]) -> tuple[Covariance, tuple[str, ...]]:
    """The covariance of x that all rows make, and what to beware of; see `robust_covariance`.

    Raises
    ------
    ProblemError
        If there is one cluster only.
    """
    rows, rank = fit.problem.about.counted_rows, fit.problem.rank
    centre, scale = fit.centre, 1.0
    if centre is not None:
        nested = any(len(pairs) == len(centre.places) for pairs in meat.pairs)
        rank, scale = rank + (1 if nested else len(centre.places)), centre.scale**2
    freedom = max(0, rows - rank)

    def unwhitened(M: Array, t: int, factor: float = 1.0) -> ScaledMatrix:
        values, exponents = fit.problem.inverse.unwhitened(M)
        return ScaledMatrix(values * scale * factor, exponents + units[t])

    units = _units(fit)
    if clusters:
        matrices = tuple(unwhitened(_clustered(ways_of, rows, rank), t) for t, ways_of in enumerate(meat.groups))
        counts = [len(way.keys) for way in meat.groups[0][: len(clusters)]]
        if min(counts) < 2:
            raise ProblemError(f"--vcov {shown(kind)}: {shown(clusters[counts.index(min(counts))])} has one value only")
        return Covariance(kind, matrices, min(counts) - 1), _below_zero(matrices, fit.problem.about.names)
    small = rows / freedom if kind == "HC1" and freedom else 1.0
    matrices = tuple(unwhitened(_doubles(sums), t, small) for t, sums in enumerate(meat.squares))
    if meat.full:
        matrices = tuple(matrix._replace(values=np.full_like(matrix.values, np.nan)) for matrix in matrices)
        warning = (
            f"{meat.full} has a leverage of 1: it is fitted whatever its value, and {kind} divides by 0; "
            "--vcov HC1 has standard errors"
        )
        return Covariance(kind, matrices, freedom), (warning,)
    return Covariance(kind, matrices, freedom), ()


def _below_zero(matrices: tuple[ScaledMatrix, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """A warning for variances that came out below 0, as the difference of two ways of grouping can."""
    wrong = [name for k, name in enumerate(names) if any(matrix.values[k, k] < 0 for matrix in matrices)]
    if not wrong:
        return ()
    return (f"two ways of grouping leave a variance below 0: no standard error for {elided(map(shown, wrong))}",)


def _doubles(sums: ExactSums) -> Array:
    """Exact sums as doubles."""
    N, e = sums.integers()
    return np.array([[float(Dyadic(int(v), e[i] + e[j])) for j, v in enumerate(row)] for i, row in enumerate(N)])


def _clustered(ways: list[KeyedSums], rows: int, rank: int) -> Array:
    """M of one or two ways of grouping, with the factors for small samples."""
    parts = []
    for way in ways:
        N, e = way.integers()
        scores = np.asarray((N << e if e >= 0 else N / (1 << -e)), dtype=np.float64)
        G = len(way.keys)
        parts.append(scores.T @ scores * (G / max(1, G - 1) * ((rows - 1) / max(1, rows - rank))))
    return np.asarray(parts[0] if len(parts) == 1 else parts[0] + parts[1] - parts[2])
