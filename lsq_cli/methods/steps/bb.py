"""`bb`: the steps of Barzilai and Borwein. Prefer it for what one clever number does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.methods.directions import Steepest
from lsq_cli.methods.lengths import Secant
from lsq_cli.methods.previous import PreviousStep
from lsq_cli.methods.steps.base import StepRule

if TYPE_CHECKING:
    from lsq_cli.methods.forecast import Modes
    from lsq_cli.methods.steps.base import Known


class BarzilaiBorwein(StepRule):
    """x ← x − tg with t = ΔxᵀΔx / ΔxᵀΔg, Δ the change over the step before; the first step is exact.

    The exact length of the step before, used one step late; that breaks the zigzag of `Exact`. 1/t is a mean of the
    eigenvalues of G, another one at each step, so f rises at times, and steeply. It converges for every G, at a
    linear rate that is no worse than that of `Constant` in theory and nearer to that of `Nesterov` in practice.

    References
    ----------
    Barzilai & Borwein 1988, *IMA J. Numer. Anal.* 8; for the convergence Raydan 1993, *IMA J. Numer. Anal.* 13, and
    Dai & Liao 2002, *IMA J. Numer. Anal.* 22.
    """

    name = "bb"

    def __init__(self) -> None:
        before = PreviousStep()
        super().__init__(Steepest(), Secant(before))
        self.before = before

    @classmethod
    def of(cls, known: Known) -> BarzilaiBorwein:
        """The rule; nothing need be known."""
        return cls()

    @staticmethod
    def steps_needed(modes: Modes, rate: float) -> float:
        """An upper bound by experience; see `bb_steps`."""
        return bb_steps(modes)


RULE = BarzilaiBorwein


def bb_steps(modes: Modes) -> float:
    """A bound by experience: 2C, with C as in `Modes.chebyshev`.

    What is proved is as slow as `constant`. Over every spectrum tried, of 2 to 300 eigenvalues with κ(A) from 3 to
    10⁴, the count was at most 1.01 C.
    """
    return float(np.ceil(2.0 * modes.chebyshev)) + 10.0
