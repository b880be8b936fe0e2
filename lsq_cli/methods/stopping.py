"""When a descent ends: one pure function a reason, and the limits that the user sets.

converged      ‖∇f(x)‖ ≤ tol·‖Aᵀb‖: the gradient relative to what it was at x = 0
diverged       f(x) > 10·f(x₀), or f no longer a number, at a rate that can diverge
stagnated      no smaller gradient for many steps, and the smallest was at the level of rounding
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lsq_cli.solution import Outcome

UNIT_ROUNDOFF = 2.0**-53


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


def converged(gradient_norm: float, tol: float, c_norm: float) -> bool:
    """Whether ‖∇f‖ ≤ tol·‖Aᵀb‖."""
    return gradient_norm <= tol * c_norm


def ceiling(f0: float, beta: float, stable: bool) -> float:
    """The f above which a run has diverged: 10·f₀ and the rounding of f; infinite at a rate that cannot diverge."""
    return math.inf if stable else 10.0 * f0 + 64.0 * UNIT_ROUNDOFF * beta


def out_of_limits(k: int, seconds: float, limits: Limits) -> Outcome | None:
    """The limit that is used up, if any."""
    if k >= limits.max_iter:
        return Outcome.MAX_ITERATIONS
    if limits.time_limit is not None and seconds >= limits.time_limit:
        return Outcome.TIME_LIMIT
    return None
