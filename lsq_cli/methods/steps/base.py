"""What every step rule is: a direction, a length, and a forecast of the steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from lsq_cli.core.errors import UsageError

if TYPE_CHECKING:
    from lsq_cli.core.problem import Objective
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.directions import Direction
    from lsq_cli.methods.forecast import Modes
    from lsq_cli.methods.lengths import Length
    from lsq_cli.methods.previous import PreviousStep


class Known(NamedTuple):
    """What a rule may be made of."""

    n: int
    """Unknowns."""
    rate: float
    """β, the learning rate."""
    largest_eigenvalue: float
    """λmax of G."""
    smallest_eigenvalue: float | None
    """λmin of G on the space that descent moves in; None where it is not known."""


class StepRule:
    """x ← x − t·d: the direction and the length that the loop of `descent.py` asks at every step.

    Parameters
    ----------
    direction : Direction
    length : Length

    Attributes
    ----------
    direction, length
        For one run: they may remember what came before.
    name : str
        As ``--step`` knows it.
    largest_rate : float
        Above this learning rate f grows without bound; infinite for a rule that finds its own lengths.
    stable : bool
        Whether it cannot.
    before : PreviousStep or None
        What the rule remembers of the step before; None for a rule that looks only at x and ∇f(x). With it a run
        can be taken up where it stopped, to the same bits.
    """

    name: ClassVar[str]
    forecast_is_bound: ClassVar[bool] = True
    """Whether the forecast is an upper bound and not an estimate."""

    @classmethod
    def of(cls, known: Known) -> StepRule:
        """The rule for a problem of which this is known."""
        raise NotImplementedError

    @classmethod
    def forecast(cls, modes: Modes, rate: float) -> float:
        """The steps from a start with these modes; `rate` is β where there is one; inf where no number is enough."""
        if modes.reached:
            return 0.0
        if not (modes.goal > 0.0 and modes.norm(modes.parts) < math.inf):
            return math.inf
        return cls.steps_needed(modes, rate)

    @staticmethod
    def steps_needed(modes: Modes, rate: float) -> float:
        """The forecast of a start that is finite and not yet good enough."""
        raise NotImplementedError

    def __init__(self, direction: Direction, length: Length) -> None:
        self.direction, self.length = direction, length
        self.largest_rate, self.stable = math.inf, True
        self.before: PreviousStep | None = None

    def _bound(self, rate: float, factor: float, largest_eigenvalue: float) -> None:
        """Note that rates up to factor/λmax are stable, and whether `rate` is one."""
        # With the rounding of factor/λmax, for that is the number that users are told.
        self.stable = rate * largest_eigenvalue <= factor * (1.0 + 1e-15)
        if largest_eigenvalue > 0.0:
            self.largest_rate = factor / largest_eigenvalue

    def resume(self, objective: Objective, x: Array) -> None:
        """Remember `x` as the step before; nothing for a rule that does not look back."""
        if self.before is not None:
            self.before.x, self.before.g = x, objective.value_and_gradient(x)[1]


def checked_rate(rate: float) -> float:
    """`rate` if it is a learning rate.

    Raises
    ------
    UsageError
        If it is not a positive number.
    """
    if not 0.0 < rate < math.inf:
        raise UsageError(f"the learning rate must be a positive number, not {rate:g}")
    return rate
