"""The normal equations AᵀAx = Aᵀb: one Newton step from x = 0 to the exact minimum of a quadratic.

    x₀ = 0,    x₁ = x₀ − (∇²f)⁻¹∇f(x₀) = G⁻¹c,    G = AᵀA, c = Aᵀb

Prefer it to descent whenever G fits in memory: it is direct, needs no rate and no tolerance. The squared condition
number that textbooks warn of comes from rounding while G is summed, not from the equations: on exact sums x₁ is the
exact solution, each coefficient rounded once. Where columns depend on each other it is the one of least norm in the
user's units.

Source: Higham, *Accuracy and Stability of Numerical Algorithms*, chapters 10 and 20.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.solution import Iterate, Outcome

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.descent import Iterates


class Normal:
    """The normal equations as a method: two iterates, 0 and the solution; a method in the sense of `solving.Method`."""

    name = "normal"
    choice = "x is the solution of least norm"

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.warnings: list[str] = []

    def iterates(self) -> Iterates:
        """Yield x₀ = 0 and the Newton step; (n,) for one target, else (n, p)."""
        start = perf_counter()
        solution = self._problem.x
        assert solution is not None, "a problem without a solution of its own is read for descent alone"
        x = solution if solution.shape[1] > 1 else solution[:, 0]
        for k, (point, length) in enumerate([(np.zeros_like(x), math.nan), (x, 1.0)]):
            value = self._problem.value_at(point)
            seconds = perf_counter() - start
            yield Iterate(k, point, value.objective, value.residual_norm, value.gradient_norm, length, seconds)
        return Outcome.CONVERGED

    def final(self, last: Iterate) -> Array:
        """The solution."""
        return last.x

    def facts(self) -> dict[str, Any]:
        """Nothing beyond what every method knows."""
        return {}

    def advice(self, outcome: Outcome, k: int) -> str:
        """Nothing: the method always ends at its solution."""
        return ""
