"""Where to go from x: the direction d of the move x ← x − t·d. What remembers nothing comes first.

    steepest     d = g
    momentum     d = g(y) − (θ/β)(x − x₋₁),   y = x + θ(x − x₋₁)
    conjugate    d = g − Σᵢ (yᵢᵀg / yᵢᵀdᵢ) dᵢ,   yᵢ = gᵢ − gᵢ₊₁

A direction sees x and the gradient g there, never the rows. That is enough because ∇f is affine: its value between
or beyond two points is known from the values at them, and Gdᵢ is the change of the gradient along dᵢ over its length.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.methods.lengths import ExactSearch
    from lsq_cli.solution import Array

# Numbers that conjugate directions may take, 32 MB, and as many for the changes of the gradient along them.
_KEPT_NUMBERS = 1 << 22
# Places for directions are taken into use by so many at once.
_CHUNK = 16


def directions_kept(n: int) -> int:
    """How many conjugate directions are kept of n unknowns: n of them up to n = 2048, four at 10⁶."""
    return max(1, min(n, _KEPT_NUMBERS // n))


class Direction(Protocol):
    """What a step rule asks of a direction."""

    def at(self, x: Array, g: Array) -> Array:
        """The direction d (n,) at x, where the gradient is g; called once a step."""
        ...


class Before:
    """The step before: x₋₁ and the gradient there, for what looks back; None at first."""

    def __init__(self) -> None:
        self.x: Array | None = None
        self.g: Array | None = None


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
    before : Before
    rate : float
        β, the length of the steps.
    smallest_eigenvalue : float, optional
        λmin of G on the space that descent moves in. With it θ = (1 − √q)/(1 + √q), q = βλmin. Without it
        θ = j/(j + 3), j steps after the last restart, which is when the drift points uphill: g(y)ᵀ(x − x₋₁) > 0.
    """

    def __init__(self, before: Before, rate: float, smallest_eigenvalue: float | None = None) -> None:
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
    are kept as there is room for. Gdᵢ is taken from yᵢ = gᵢ − gᵢ₊₁ = tᵢGdᵢ.

    Parameters
    ----------
    n : int
        Number of unknowns.
    search : ExactSearch
        What finds the lengths: it knows dᵀg = yᵀd of the direction before.
    """

    def __init__(self, n: int, search: ExactSearch) -> None:
        kept = directions_kept(n)
        # Row by row d, y and 1/(yᵀd); rows that are not filled yet are 0 and add nothing.
        self._all = np.zeros((kept, n)), np.zeros((kept, n)), np.zeros(kept)
        self._directions, self._changes, self._weights = (array[:_CHUNK] for array in self._all)
        self._newest, self._search = -1, search
        self._d: Array | None = None
        self._g: Array | None = None

    def at(self, x: Array, g: Array) -> Array:
        """g less its parts along the directions that are kept."""
        if self._d is not None and self._g is not None:
            self._keep(self._d, self._g - g)
        parts = self._changes.dot(g)
        parts *= self._weights
        self._g, self._d = g, g - parts.dot(self._directions)
        return self._d

    def _keep(self, d: Array, y: Array) -> None:
        """Put a direction and the change of the gradient along it in the place of the oldest."""
        self._newest = place = (self._newest + 1) % len(self._all[0])
        if place == len(self._directions):
            self._directions, self._changes, self._weights = (array[: place + _CHUNK] for array in self._all)
        self._directions[place], self._changes[place] = d, y
        slope = self._search.slope
        self._weights[place] = 1.0 / slope if slope > 1e-300 else 0.0  # else it is nothing but rounding
