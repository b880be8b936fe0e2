"""Step rules: how far to go from x, and in which direction. One small class a rule.

A rule answers one question, `step(objective, x, g)`: the direction d and the length t of the move
x ← x − t·d. It sees the objective only through its face, so the same rule works on sums and on rows.

    constant    d = g,  t = β                       the textbook's gradient descent
    exact       d = g,  t = gᵀg / ‖Ag‖²             steepest descent with exact line search

Which to prefer: `constant` to see descent at work, `exact` when λmax is not to be trusted to a number.
Both need a number of steps proportional to the square of A's condition number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from lsq_cli.errors import UsageError

if TYPE_CHECKING:
    from lsq_cli.problem import Objective
    from lsq_cli.solution import Array


class StepRule(Protocol):
    """What the loop of `descent.py` asks of a rule."""

    name: str

    stable: bool
    """Whether f cannot grow under this rule but by rounding."""

    def step(self, objective: Objective, x: Array, g: Array) -> tuple[Array, float]:
        """The direction d (n,) and the length t of the move x − t·d."""
        ...


class Constant:
    """x ← x − βg with one β for all steps.

    The error along an eigenvector of G with eigenvalue λ shrinks by |1 − βλ| a step: it converges for
    0 < β < 2/λmax, and at β = 1/λmax by 1 − 1/κ(G) along the slowest. f never rises for β ≤ 1/λmax.

    Parameters
    ----------
    rate : float
        The learning rate β > 0.
    largest_eigenvalue : float
        λmax of G.

    References
    ----------
    Goodfellow, Bengio & Courville, *Deep Learning*, section 4.3.
    """

    name = "constant"

    def __init__(self, rate: float, largest_eigenvalue: float) -> None:
        if not 0.0 < rate < math.inf:
            raise UsageError(f"the learning rate must be a positive number, not {rate:g}")
        self.rate = rate
        self.stable = rate * largest_eigenvalue <= 2.0

    def step(self, objective: Objective, x: Array, g: Array) -> tuple[Array, float]:
        """d = g, t = β."""
        return g, self.rate


class Exact:
    """x ← x − tg with t = gᵀg / ‖Ag‖², the minimiser of f along the gradient.

    Each step divides f − f* at least by ((κ + 1)/(κ − 1))², κ = κ(G) (Kantorovich), and a generic start
    comes close to that rate: the steps zigzag between two directions.

    References
    ----------
    Cauchy 1847; Akaike 1959, *Ann. Inst. Statist. Math.* 11.
    """

    name = "exact"
    stable = True

    def step(self, objective: Objective, x: Array, g: Array) -> tuple[Array, float]:
        """d = g, t = gᵀg / ‖Ag‖²."""
        curvature = objective.curvature(g)
        return g, float(g.dot(g)) / curvature if curvature > 0.0 else 0.0
