"""Step rules: a direction and a length for every step x ← x − t·d. One small class a rule.

               direction d      length t          products with G, beside the one for ∇f
    constant   g                β                 0    the textbook's gradient descent
    exact      g                exact search      1    steepest descent
    bb         g                secant            0    Barzilai and Borwein
    nesterov   g and drift      β                 0    accelerated gradient descent
    cg         conjugate        exact search      1    conjugate gradient on AᵀA

Which to prefer: `cg` to get there, `constant` to see descent at work, `exact` for the zigzag that a perfect search
ends in, `bb` for what one clever number does, `nesterov` for the theory. With κ = κ(A), so κ² = κ(G), the first two
take a number of steps that grows as κ², the other three as κ.

A rule sees the objective only through its face, so the same rule works on sums and on rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError
from lsq_cli.methods.directions import Before, Conjugate, Momentum, Steepest
from lsq_cli.methods.lengths import ExactSearch, Fixed, ProductSearch, Secant

if TYPE_CHECKING:
    from lsq_cli.core.problem import Objective
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.directions import Direction
    from lsq_cli.methods.lengths import Length


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
    before : Before or None
        What the rule remembers of the step before; None for a rule that looks only at x and ∇f(x). With it a run
        can be taken up where it stopped, to the same bits.
    """

    name: str

    def __init__(self, direction: Direction, length: Length) -> None:
        self.direction, self.length = direction, length
        self.largest_rate, self.stable = math.inf, True
        self.before: Before | None = None

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

    def __init__(self, rate: float, largest_eigenvalue: float) -> None:
        super().__init__(Steepest(), Fixed(checked_rate(rate)))
        self._bound(rate, 2.0, largest_eigenvalue)


class Exact(StepRule):
    """x ← x − tg with t = gᵀg / gᵀGg = gᵀg / ‖Ag‖², the minimiser of f along the gradient.

    Each step divides f − f* at least by ((κ + 1)/(κ − 1))², κ = κ(G) (Kantorovich), and a generic start
    comes close to that rate: the steps zigzag between two directions.

    References
    ----------
    Cauchy 1847; Akaike 1959, *Ann. Inst. Statist. Math.* 11.
    """

    name = "exact"

    def __init__(self) -> None:
        super().__init__(Steepest(), ExactSearch())


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
        before = Before()
        super().__init__(Steepest(), Secant(before))
        self.before = before


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
        before = Before()
        momentum = Momentum(before, checked_rate(rate), smallest_eigenvalue)
        super().__init__(momentum, Fixed(rate))
        self.before = before
        theta = momentum.most
        self._bound(rate, (2.0 + 2.0 * theta) / (1.0 + 2.0 * theta), largest_eigenvalue)


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
