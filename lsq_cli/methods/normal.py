"""The normal equations AᵀAx = Aᵀb: one Newton step from x = 0 to the exact minimum of a quadratic.

    x₀ = 0,    x₁ = x₀ − (∇²f)⁻¹∇f(x₀) = G⁻¹c,    G = AᵀA, c = Aᵀb

Prefer it to descent whenever G fits in memory: it is direct, needs no rate and no tolerance. G is scaled to
a unit diagonal first, S = D⁻¹GD⁻¹, which by van der Sluis is within √n of the best scaling there is, then
factored by Cholesky. The squared condition number that textbooks warn of comes from rounding while G is
summed, not from the equations.

Where columns depend on each other Cholesky fails and x is the one of least norm in the user's units.

Source: Higham, *Accuracy and Stability of Numerical Algorithms*, chapters 10 and 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.methods.descent import Iterates, abreast
from lsq_cli.solution import Iterate, Outcome

if TYPE_CHECKING:
    from lsq_cli.quadratic import Quadratic
    from lsq_cli.solution import Array


@dataclass(frozen=True)
class NewtonStep:
    """x = G⁻¹c, with what was learned about A on the way.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        In the units of the quadratic form.
    rank : int
    condition : float or None
        √κ(S): the condition number of A with its columns scaled to length 1; None where rank < n.
    """

    x: Array
    rank: int
    condition: float | None

    @classmethod
    def of(cls, quadratic: Quadratic) -> NewtonStep:
        """The solution of a quadratic form in double precision, target by target so that none depends on another."""
        G, c = quadratic.G, quadratic.c
        d = np.sqrt(np.where(G.diagonal() > 0.0, G.diagonal(), 1.0))
        S, s = G / d[:, None] / d, c / d[:, None]
        eigenvalues, vectors = np.linalg.eigh(S)
        # Rounding of the sums alone moves a zero eigenvalue of S by about this much.
        positive = eigenvalues > len(S) * np.finfo(np.float64).eps
        if positive.all():
            L = np.linalg.cholesky(S)
            columns = [np.linalg.solve(L.T, np.linalg.solve(L, column)) / d for column in s.T]
            return cls(np.column_stack(columns), len(S), math.sqrt(eigenvalues[-1] / eigenvalues[0]))
        V, values = vectors[:, positive], eigenvalues[positive]
        null_space, _ = np.linalg.qr(vectors[:, ~positive] / d[:, None])
        columns = [V @ ((V.T @ column) / values) / d for column in s.T]
        shortest = [x - null_space @ (null_space.T @ x) for x in columns]
        return cls(np.column_stack(shortest), len(values), None)


class Normal:
    """The normal equations as a method: two iterates, 0 and the solution."""

    name = "normal"

    def __init__(self, quadratic: Quadratic, step: NewtonStep) -> None:
        self._quadratic, self._step = quadratic, step
        self.warnings: list[str] = []

    def iterates(self) -> Iterates:
        """Yield x₀ = 0 and the Newton step, all targets side by side."""
        runs = [self._one(t) for t in range(self._quadratic.p)]
        return runs[0] if len(runs) == 1 else abreast(runs)

    def final(self, last: Iterate) -> Array:
        """The solution."""
        return last.x

    def facts(self) -> dict[str, Any]:
        """Nothing beyond what every method knows."""
        return {}

    def advice(self, outcome: Outcome, k: int) -> str:
        """Nothing: the method always ends at its solution."""
        return ""

    def _one(self, target: int) -> Iterates:
        """The two iterates of one target."""
        start = perf_counter()
        objective = self._quadratic.objective(target)
        solution = self._step.x[:, target]
        for k, (x, length) in enumerate([(np.zeros_like(solution), math.nan), (solution, 1.0)]):
            f, g = objective.value_and_gradient(x)
            norm = math.sqrt(g.dot(g))
            iterate = Iterate(k, x, f, objective.residual_norm(x, f), norm, length, perf_counter() - start)
            yield self._quadratic.to_user(iterate, target)
        return Outcome.CONVERGED
