"""How far to go along a direction d: the length t of the move x ← x − t·d.

fixed      t = β
exact      t = dᵀg / dᵀGd                             the minimum of f along d
secant     t = ΔxᵀΔx / ΔxᵀΔg                          1/curvature along the step before, at no product
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lsq_cli.core.problem import Objective
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.previous import PreviousStep


class Length(Protocol):
    """What a step rule asks of a length."""

    def along(self, objective: Objective, x: Array, g: Array, d: Array) -> float:
        """The length t of the move x − t·d from x, where the gradient is g; called once a step."""
        ...


class Fixed:
    """t = β, whatever the place.

    Parameters
    ----------
    rate : float
        β > 0.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def along(self, objective: Objective, x: Array, g: Array, d: Array) -> float:
        """β."""
        return self.rate


class ExactSearch:
    """t = dᵀg / dᵀGd, where f is least along d; ‖Ad‖² from G, or in a pass over the rows that does without Aᵀ."""

    def along(self, objective: Objective, x: Array, g: Array, d: Array) -> float:
        """dᵀg / dᵀGd; 0 along a direction that f does not change on."""
        curvature = objective.curvature(d)
        return float(d.dot(g)) / curvature if curvature > 0.0 else 0.0


class ProductSearch:
    """The same by way of Gd, which it remembers for `Conjugate`.

    Attributes
    ----------
    product : ndarray, shape (n,)
        Gd of the last direction.
    curvature : float
        dᵀGd; 0 before the first.
    """

    product: Array

    def __init__(self) -> None:
        self.curvature = 0.0

    def along(self, objective: Objective, x: Array, g: Array, d: Array) -> float:
        """dᵀg / dᵀGd; 0 along a direction that f does not change on."""
        self.product = product = objective.product(d)
        self.curvature = curvature = float(d.dot(product))
        return float(d.dot(g)) / curvature if curvature > 0.0 else 0.0


class Secant:
    """t = ΔxᵀΔx / ΔxᵀΔg with the changes over the step before; an exact search where there was none.

    Parameters
    ----------
    before : PreviousStep
    """

    def __init__(self, before: PreviousStep) -> None:
        self._before, self._first = before, ExactSearch()

    def along(self, objective: Objective, x: Array, g: Array, d: Array) -> float:
        """ΔxᵀΔx / ΔxᵀΔg."""
        before = self._before
        square = slope = 0.0
        if before.x is not None and before.g is not None:
            dx = x - before.x
            square, slope = float(dx.dot(dx)), float(dx.dot(g - before.g))
        before.x, before.g = x, g
        # A step too short for its change of gradient to be told from rounding says nothing of the curvature.
        return square / slope if slope > 0.0 else self._first.along(objective, x, g, d)
