"""`exact`: steepest descent, each step to the minimum along the gradient. Prefer it to see the zigzag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.methods.directions import Steepest
from lsq_cli.methods.lengths import ExactSearch
from lsq_cli.methods.steps.base import StepRule

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.forecast import Modes
    from lsq_cli.methods.steps.base import Known

# A leap of the rehearsal changes what matters by this factor's power of e at most; 0.1 was off by 20 % at κ(A) = 100.
_LEAP = 0.05
_PAIRS_BETWEEN_LEAPS = 2
_MOST_REHEARSED = 10_000


class Exact(StepRule):
    """x ← x − tg with t = gᵀg / gᵀGg = gᵀg / ‖Ag‖², the minimiser of f along the gradient.

    Each step divides f − f* at least by ((κ + 1)/(κ − 1))², κ = κ(G) (Kantorovich), and a generic start
    comes close to that rate: the steps zigzag between two directions.

    References
    ----------
    Cauchy 1847; Akaike 1959, *Ann. Inst. Statist. Math.* 11.
    """

    name = "exact"
    forecast_is_bound = False

    def __init__(self) -> None:
        super().__init__(Steepest(), ExactSearch())

    @classmethod
    def of(cls, known: Known) -> Exact:
        """The rule; nothing need be known."""
        return cls()

    @staticmethod
    def steps_needed(modes: Modes, rate: float) -> float:
        """An estimate: the steps are rehearsed on ĝ, in leaps where they repeat themselves."""
        return exact_steps(modes)


RULE = Exact


def exact_steps(modes: Modes) -> float:
    """Steps of steepest descent: a rehearsal on the parts, which leaps ahead where steps repeat themselves.

    Two steps multiply the parts by |(1 − t₁λ)(1 − t₂λ)|, and once the zigzag has begun the next two by nearly the
    same. So after a few pairs the factors of the last are applied q times at once, with q so small that no part that
    matters changes its share of the whole by more than `_LEAP`, and the steps after it mend what the leap has bent.
    """
    values, parts, k = modes.values, modes.parts / np.linalg.norm(modes.parts), 0.0
    goal = modes.goal / float(np.linalg.norm(modes.parts))
    loss = 0.0
    for _ in range(_MOST_REHEARSED // (2 * _PAIRS_BETWEEN_LEAPS)):
        for _ in range(_PAIRS_BETWEEN_LEAPS):
            logs = np.zeros_like(values)
            for _ in range(2):
                if modes.norm(parts) <= goal:
                    return k
                squares = parts * parts
                factors = 1.0 - float(squares.sum()) / float(squares.dot(values)) * values
                parts, k = parts * factors, k + 1.0
                with np.errstate(divide="ignore"):
                    logs += np.maximum(np.log(np.abs(factors)), -30.0)
        shares = np.maximum(parts * parts / float(parts.dot(parts)), 1e-300)
        loss = -float(shares.dot(logs))
        if loss <= 0.0:
            continue
        remaining = math.log(modes.norm(parts) / goal) if modes.norm(parts) > goal else 0.0
        leap = int(min(_LEAP / _unevenness(logs + loss, shares), remaining / loss))
        parts, k = parts * np.exp(leap * logs), k + 2.0 * leap
    return k + 2.0 * math.log(modes.norm(parts) / goal) / loss if loss > 0.0 else math.inf


def _unevenness(drift: Array, shares: Array) -> float:
    """How fast the parts change against each other, `drift` being the log of each one's growth against the whole.

    Parts that shrink matter by a root of their share, so that those too small to steer the steps hold nothing up.
    Parts that grow matter whatever their share, but may grow the longer the smaller they are.
    """
    weights = np.where(drift > 0.0, 1.0 / (1.0 - 0.5 * np.log(shares)), shares**0.25)
    return max(float((weights * np.abs(drift)).max()), 1e-300)
