"""When a descent ends: the test after every step, and the limits that the user sets.

converged      ‖∇f(x)‖ ≤ tol·‖Aᵀb‖: the gradient relative to what it was at x = 0
stagnated      no smaller gradient for `PATIENCE` steps, and the smallest was as small as rounding lets it be
diverged       f(x) > 10·f(x₀), or f no longer a number, at a rate that can diverge
limits         steps, seconds

A rise of f alone proves nothing: `bb` and `nesterov` make f rise on their way down, and at the bottom rounding does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsq_cli.solution import Outcome

if TYPE_CHECKING:
    from lsq_cli.problem import Objective
    from lsq_cli.solution import Array

UNIT_ROUNDOFF = 2.0**-53
PATIENCE = 200
# Below so many times the rounding error of ∇f a gradient that does not shrink is taken for that error.
_ROUNDING = 4.0


@dataclass(frozen=True)
class Limits:
    """Where a descent stops.

    Parameters
    ----------
    tol : float
        Relative size of the gradient that counts as solved, ≥ 0.
    max_iter : int
        Steps at most.
    time_limit : float or None
        Seconds of descent at most.
    """

    tol: float = 1e-8
    max_iter: int = 100_000
    time_limit: float | None = None


class StoppingTest:
    """Asked after every step whether the run has come to an end, and to which.

    Parameters
    ----------
    objective : Objective
    limits : Limits
    f0 : float
        f at the start.
    stable : bool
        Whether the step rule cannot make f grow without bound.
    """

    def __init__(self, objective: Objective, limits: Limits, f0: float, stable: bool) -> None:
        self._objective = objective
        self._goal = limits.tol * objective.gradient_norm(objective.c)
        self._max_iter = limits.max_iter
        self._time_limit = math.inf if limits.time_limit is None else limits.time_limit
        self._ceiling = math.inf if stable else 10.0 * f0 + 64.0 * UNIT_ROUNDOFF * objective.beta
        self._smallest, self._next_look = math.inf, PATIENCE

    def outcome(self, k: int, x: Array, f: float, gradient_norm: float, seconds: float) -> Outcome | None:
        """How the run ends at step k, at x; None where it goes on."""
        if gradient_norm <= self._goal:
            return Outcome.CONVERGED
        if not (f <= self._ceiling and gradient_norm < math.inf):
            return Outcome.DIVERGED
        if gradient_norm < self._smallest:
            self._smallest, self._next_look = gradient_norm, k + PATIENCE
        elif k >= self._next_look:
            if self._smallest <= _ROUNDING * self._objective.rounding(x):
                return Outcome.STAGNATED
            self._next_look = k + PATIENCE
        if k >= self._max_iter:
            return Outcome.MAX_ITERATIONS
        return Outcome.TIME_LIMIT if seconds >= self._time_limit else None
