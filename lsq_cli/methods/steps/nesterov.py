"""`nesterov`: accelerated gradient descent, with momentum. Prefer it for the theory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.methods.directions import Momentum, theta
from lsq_cli.methods.forecast import least_steps
from lsq_cli.methods.lengths import Fixed
from lsq_cli.methods.previous import PreviousStep
from lsq_cli.methods.steps.base import StepRule, checked_rate

if TYPE_CHECKING:
    from lsq_cli.methods.forecast import Modes
    from lsq_cli.methods.steps.base import Known


class Nesterov(StepRule):
    """x ← y − β∇f(y) with y = x + θ(x − x₋₁): descent with momentum.

    With λmin known, θ = (1 − √q)/(1 + √q), q = βλmin, and f − f* shrinks by 1 − √q a step: at β = 1/λmax that is
    1 − 1/κ(A), where `Constant` has 1 − 1/κ(A)². Else θ grows from 0 and starts anew when the momentum points uphill,
    which comes to about the same rate without knowing it. f may rise. Converges for β < (2 + 2θ)/(1 + 2θ)/λmax.

    Parameters
    ----------
    rate : float
        The learning rate β > 0.
    largest_eigenvalue : float
        λmax of G.
    smallest_eigenvalue : float, optional
        λmin of G on the space that descent moves in.

    References
    ----------
    Nesterov, *Introductory Lectures on Convex Optimization*, section 2.2; O'Donoghue & Candès 2015, *Found. Comput.
    Math.* 15, for the restart.
    """

    name = "nesterov"

    def __init__(self, rate: float, largest_eigenvalue: float, smallest_eigenvalue: float | None = None) -> None:
        before = PreviousStep()
        momentum = Momentum(before, checked_rate(rate), smallest_eigenvalue)
        super().__init__(momentum, Fixed(rate))
        self.before = before
        theta = momentum.most
        self._bound(rate, (2.0 + 2.0 * theta) / (1.0 + 2.0 * theta), largest_eigenvalue)

    @classmethod
    def of(cls, known: Known) -> Nesterov:
        """The rule with the learning rate that is asked for."""
        return cls(known.rate, known.largest_eigenvalue, known.smallest_eigenvalue)

    @staticmethod
    def steps_needed(modes: Modes, rate: float) -> float:
        """An upper bound: the envelope of the recurrence of two terms that the momentum makes of every λ."""
        return nesterov_steps(modes, rate)


RULE = Nesterov


def nesterov_steps(modes: Modes, rate: float) -> float:
    """A bound on the steps with the momentum of λmin: the least k from which on the envelope is under the goal.

    With a = 1 − βλ a part goes ĝφ_k, φ₀ = 1, φ₁ = a, φ_{k+1} = (1 + θ)a φ_k − θa φ_{k−1}. For a ≥ 0 the roots of the
    recurrence are complex or double, of modulus ρ = √(θa), and |φ_k| ≤ ρᵏ(1 + k(1 − θ)a/(2ρ)); for a < 0 they are real.
    """
    share = theta(rate, float(modes.values[0]))
    a = 1.0 - rate * modes.values
    low = np.maximum(a, 0.0)
    rho = np.sqrt(share * low)
    lag = np.divide((1.0 - share) * low, 2.0 * rho, out=np.zeros_like(rho), where=rho > 0.0)
    high = np.minimum(a, 0.0)
    root = np.sqrt(((1.0 + share) * high) ** 2 - 4.0 * share * high)
    r1, r2 = 0.5 * ((1.0 + share) * high - root), 0.5 * ((1.0 + share) * high + root)
    if (np.abs(r1) >= 1.0).any():
        return math.inf
    gap = np.where(root > 0.0, root, 1.0)
    w1, w2 = np.abs(high - r2) / gap, np.abs(high - r1) / gap

    def is_under(k: float) -> bool:
        real = w1 * np.abs(r1) ** k + w2 * np.abs(r2) ** k
        envelope = np.where(a < 0.0, real, rho**k * (1.0 + k * lag))
        return float(np.linalg.norm(modes.parts * envelope)) <= modes.plain_goal

    # One more, for where a = 0 the first step leaves what the second takes.
    return least_steps(is_under) + 1.0
