"""`constant`: the textbook's gradient descent, one learning rate for all steps. Prefer it to see descent at work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.methods.directions import Steepest
from lsq_cli.methods.forecast import least_steps
from lsq_cli.methods.lengths import Fixed
from lsq_cli.methods.steps.base import StepRule, checked_rate

if TYPE_CHECKING:
    from lsq_cli.methods.forecast import Modes
    from lsq_cli.methods.steps.base import Known


class Constant(StepRule):
    """x ← x − βg with one β for all steps.

    The error along an eigenvector of G with eigenvalue λ shrinks by |1 − βλ| a step: it converges for
    0 < β < 2/λmax, and at β = 1/λmax by 1 − 1/κ(G) along the slowest. f never rises for β ≤ 2/λmax.

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
    forecast_is_bound = False

    def __init__(self, rate: float, largest_eigenvalue: float) -> None:
        super().__init__(Steepest(), Fixed(checked_rate(rate)))
        self._bound(rate, 2.0, largest_eigenvalue)

    @classmethod
    def of(cls, known: Known) -> Constant:
        """The rule with the learning rate that is asked for."""
        return cls(known.rate, known.largest_eigenvalue)

    @staticmethod
    def steps_needed(modes: Modes, rate: float) -> float:
        """An estimate, in truth the exact count: the least k with ‖(1 − βΛ)ᵏĝ‖ ≤ goal, by bisection."""
        return constant_steps(modes, rate)


RULE = Constant


def constant_steps(modes: Modes, rate: float) -> float:
    """Steps of length `rate`: every part is multiplied by the same 1 − βλ at each."""
    factors = np.abs(1.0 - rate * modes.values)
    if (factors >= 1.0).any():
        return math.inf
    with np.errstate(divide="ignore"):
        logs = np.log(factors)
    return least_steps(lambda k: modes.norm(modes.parts * np.exp(k * logs)) <= modes.goal)
