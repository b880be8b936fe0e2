"""Where to go from x: the direction d of the move x ← x − t·d. What remembers nothing comes first.

    steepest     d = g
    momentum     d = g(y) − (θ/β)(x − x₋₁),   y = x + θ(x − x₋₁)
    conjugate    d = g − Σᵢ (dᵢᵀGg / dᵢᵀGdᵢ) dᵢ

A direction sees x and the gradient g there, never the rows. What it costs is its own arithmetic: ∇f is affine, so its
value beyond two points is known from those at them, and Gdᵢ was needed for the length of the step along dᵢ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.lengths import ProductSearch
    from lsq_cli.methods.previous import PreviousStep

# Numbers that conjugate directions may take, 32 MB, and as many for the changes of the gradient along them.
_KEPT_NUMBERS = 1 << 22
# Places for directions are taken into use by so many at once.
_CHUNK = 16
# A smaller curvature is no number to divide by.
_SMALLEST = 1e-300


def directions_kept(n: int) -> int:
    """How many conjugate directions are kept of n unknowns: n of them up to n = 2048, four at 10⁶."""
    return max(1, min(n, _KEPT_NUMBERS // n))


class Direction(Protocol):
    """What a step rule asks of a direction."""

    def at(self, x: Array, g: Array) -> Array:
        """The direction d (n,) at x, where the gradient is g; called once a step."""
        ...


class Steepest:
    """d = g: straight down."""

    def at(self, x: Array, g: Array) -> Array:
        """The gradient itself."""
        return g


class Momentum:
    """d = g(y) − (θ/β)(x − x₋₁): a step of length β from the point y = x + θ(x − x₋₁) that x is drifting to.

    ∇f is affine, so g(y) = (1 + θ)g − θg₋₁ needs no product of its own.

    Parameters
    ----------
    before : PreviousStep
    rate : float
        β, the length of the steps.
    smallest_eigenvalue : float, optional
        λmin of G on the space that descent moves in. With it θ = (1 − √q)/(1 + √q), q = βλmin. Without it
        θ = j/(j + 3), j steps after the last restart, which is when the drift points uphill: g(y)ᵀ(x − x₋₁) > 0.
    """

    def __init__(self, before: PreviousStep, rate: float, smallest_eigenvalue: float | None = None) -> None:
        self._before, self._rate = before, rate
        self._theta = None if smallest_eigenvalue is None else theta(rate, smallest_eigenvalue)
        self.most = 1.0 if self._theta is None else self._theta
        """The largest θ that is used."""
        self._since_restart = 0
        self._last: Array | None = None  # g(y) of the step before

    def at(self, x: Array, g: Array) -> Array:
        """g(y) − (θ/β)(x − x₋₁); the gradient at the first step."""
        before = self._before
        if before.x is None or before.g is None:
            d = g
        else:
            drift = x - before.x
            share = self._adapted(drift) if self._theta is None else self._theta
            self._last = g + share * (g - before.g)
            d = self._last - (share / self._rate) * drift
        before.x, before.g = x, g
        return d

    def _adapted(self, drift: Array) -> float:
        """θ where λmin is not known."""
        uphill = self._last is not None and float(self._last.dot(drift)) > 0.0
        self._since_restart = 0 if uphill else self._since_restart + 1
        return self._since_restart / (self._since_restart + 3.0)


def theta(rate: float, smallest_eigenvalue: float) -> float:
    """θ = (1 − √q)/(1 + √q), q = βλmin: the momentum that suits the slowest eigenvector best."""
    root = math.sqrt(min(1.0, rate * smallest_eigenvalue))
    return (1.0 - root) / (1.0 + root)


class Conjugate:
    """g made conjugate to the directions gone so far, dᵢᵀGd = 0: no step undoes what an earlier one has reached.

    In exact arithmetic the last direction is enough. Rounding loses the conjugacy to older ones where the condition is
    bad: with 120 unknowns and κ = 10⁵ it takes 44,000 steps if 32 directions are kept, and 114 if all are. So as many
    are kept as there is room for.

    Parameters
    ----------
    n : int
        Number of unknowns.
    search : ProductSearch
        What finds the lengths: it remembers Gd of the direction before. From the change of the gradient, which is tGd,
        it would come with too few digits.
    """

    def __init__(self, n: int, search: ProductSearch) -> None:
        kept = directions_kept(n)
        # Row by row d and Gd/(dᵀGd); rows that are not filled yet are 0 and add nothing.
        self._all = np.zeros((kept, n)), np.zeros((kept, n))
        self._rows = list(zip(*self._all, strict=True))
        self._directions, self._products = (array[:_CHUNK] for array in self._all)
        self._search, self._newest = search, -1

    def at(self, x: Array, g: Array) -> Array:
        """g less its parts along the directions that are kept."""
        search, newest = self._search, self._newest
        # The arrays to write into are no keywords: to parse one costs as much as the arithmetic.
        if search.curvature > _SMALLEST:
            np.divide(search.product, search.curvature, self._rows[newest][1])
        elif newest >= 0:
            self._rows[newest][1][:] = 0.0
        along = self._products.dot(g).dot(self._directions)
        # The oldest makes room, after having had its part.
        self._newest = newest = (newest + 1) % len(self._rows)
        if newest == len(self._directions):
            self._directions, self._products = (array[: newest + _CHUNK] for array in self._all)
        d = self._rows[newest][0]
        np.subtract(g, along, d)
        return d
