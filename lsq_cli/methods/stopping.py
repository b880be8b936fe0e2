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

from lsq_cli.core.errors import UsageError
from lsq_cli.core.solution import Outcome

if TYPE_CHECKING:
    from lsq_cli.core.problem import Objective
    from lsq_cli.core.solution import Array

UNIT_ROUNDOFF = 2.0**-53
PATIENCE = 200
# Below so many times the rounding error of ∇f a gradient that does not shrink is taken for that error.
_ROUNDING = 8.0


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

    Raises
    ------
    UsageError
        For a limit that is not finite or below 0.
    """

    tol: float = 1e-8
    max_iter: int = 100_000
    time_limit: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("tol", self.tol), ("max_iter", self.max_iter), ("time_limit", self.time_limit or 0.0)):
            if not 0.0 <= value < math.inf:
                raise UsageError(f"{name} must be a number ≥ 0, not {value!r}")


class StoppingTest:
    """Asked after every step whether the run has come to an end.

    Parameters
    ----------
    objective : Objective
    limits : Limits
    stable : bool
        Whether the step rule cannot make f grow without bound.

    Attributes
    ----------
    outcome : Outcome or None
        How the run has ended; None while it goes on.
    last : ndarray, shape (n,), or None
        The x that the run has come to; None before it has begun.
    best : ndarray, shape (n,), or None
        The x of least ‖∇f‖ so far; of least f where the rule may diverge. None where there was no number.
    best_k : int
        The step that led to `best`.
    goal : float
        tol·‖Aᵀb‖, in the units of the objective.
    """

    def __init__(self, objective: Objective, limits: Limits, stable: bool) -> None:
        self._objective, self._stable, self._limits = objective, stable, limits
        self.goal = limits.tol * objective.gradient_norm(objective.c)
        self._time_limit = math.inf if limits.time_limit is None else limits.time_limit
        self._ceiling, self._least = math.inf, math.inf
        self._look = 0  # the step at which to look for more than convergence
        self.outcome: Outcome | None = None
        self.last: Array | None = None
        self.best: Array | None = None
        self.best_k = 0

    def begin(self, f0: float) -> None:
        """The run begins at a point where f is `f0`."""
        if not self._stable:
            self._ceiling = 10.0 * f0 + 64.0 * UNIT_ROUNDOFF * self._objective.b_squared

    def verdict(self, k: int, x: Array, f: float, gradient_norm: float, seconds: float) -> Outcome | None:
        """How the run ends at step k, at x; None where it goes on."""
        size = gradient_norm if self._stable else f
        if size < self._least:
            self._least, self.best, self.best_k = size, x, k
        # Nearly always nothing has happened, and this is all that is asked.
        if (
            self.goal < gradient_norm < math.inf
            and f <= self._ceiling
            and k < self._look
            and seconds < self._time_limit
        ):
            return None
        self.outcome = self._ending(k, x, f, gradient_norm, seconds)
        self._look = min(k + PATIENCE, self._limits.max_iter)
        return self.outcome

    def _ending(self, k: int, x: Array, f: float, gradient_norm: float, seconds: float) -> Outcome | None:
        """Which ending it is, if any."""
        if gradient_norm <= self.goal:
            return Outcome.CONVERGED
        if not (f <= self._ceiling and gradient_norm < math.inf):
            return Outcome.DIVERGED
        waited = k - self.best_k >= PATIENCE
        if waited and self._stable and self._least <= _ROUNDING * self._objective.rounding(x):
            return Outcome.STAGNATED
        if k >= self._limits.max_iter:
            return Outcome.MAX_ITERATIONS
        return Outcome.TIME_LIMIT if seconds >= self._time_limit else None
