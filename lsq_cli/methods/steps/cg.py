"""`cg`: conjugate gradients on AᵀA. Prefer it to get there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.methods.directions import Conjugate, directions_kept
from lsq_cli.methods.lengths import ProductSearch
from lsq_cli.methods.steps.base import StepRule

if TYPE_CHECKING:
    from lsq_cli.methods.forecast import Modes
    from lsq_cli.methods.steps.base import Known


class ConjugateGradient(StepRule):
    """x ← x − td with d conjugate to all directions before it and t the exact length along it.

    After k steps x is the best point of x₀ + span{g, Gg, …, Gᵏ⁻¹g}, so without rounding it ends after at most as many
    steps as G has different eigenvalues, and ‖x − x*‖_G shrinks at least by (κ − 1)/(κ + 1) a step, κ = κ(A). No rule
    that knows only products with G can do better. A run that is taken up begins with the gradient again.

    Parameters
    ----------
    n : int
        Number of unknowns.

    References
    ----------
    Hestenes & Stiefel 1952, *J. Res. Nat. Bur. Standards* 49; for rounding Greenbaum, *Iterative Methods for Solving
    Linear Systems*, chapter 4.
    """

    name = "cg"

    def __init__(self, n: int) -> None:
        search = ProductSearch()
        super().__init__(Conjugate(n, search), search)

    @classmethod
    def of(cls, known: Known) -> ConjugateGradient:
        """The rule for so many unknowns."""
        return cls(known.n)

    @staticmethod
    def steps_needed(modes: Modes, rate: float) -> float:
        """An upper bound, Chebyshev's."""
        return cg_steps(modes)


RULE = ConjugateGradient


def cg_steps(modes: Modes) -> float:
    """A bound on the steps of conjugate gradients: Chebyshev's; 2n where all directions are kept."""
    bound, n = float(np.ceil(0.5 * modes.chebyshev)) + 1.0, len(modes.values)
    return min(bound, 2.0 * n) if directions_kept(n) == n else bound
