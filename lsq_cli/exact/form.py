"""The quadratic form of exact sums: f, ‖Ax − b‖ and ∇f at any x, each number rounded once.

With M = [A b] and v = (x, −1), all of them come from one product with the integers N of (MᵀM)_ij = N_ij·2^(e_i + e_j):

    2f = vᵀ(MᵀM)v,    ∇f = the first n entries of (MᵀM)v

How the integers are held, as Python's or as limbs of doubles, is for the classes that follow: `NormalEquations`,
`LimbForm`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.problem import Value
from lsq_cli.exact.dyadic import Dyadic, dyadic, half_lengths, on_one_grid, total

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers


class ExactForm(ABC):
    """Gx = c for p targets, and the form that it minimises.

    Parameters
    ----------
    e : list of int, length n + p
        (MᵀM + λI)_ij = N_ij·2^(e_i + e_j).
    squares : list of int, length n + p
        The diagonal of N.
    targets : ndarray of int, shape (n, p)
        The last columns of N.
    ridge : float
        λ, which N has already.
    penalised : slice
        Where λ stands.

    Attributes
    ----------
    half : list of int, length n + p
        squares_j·4^(−half_j) lies in [¼, 1).
    hadamard : int
        log₂ of a bound on det N of A's columns.
    wanted : int
        So many unknowns, the first, are asked for: all n but where the system is bordered.
    """

    def __init__(self, e: list[int], squares: list[int], targets: Integers, ridge: float, penalised: slice) -> None:
        self.n: int = targets.shape[0]
        self.wanted = self.n
        self.p: int = targets.shape[1]
        self.e, self.squares, self.targets = e, squares, targets
        self.ridge, self.penalised = ridge, penalised
        self.half = half_lengths(squares)
        self.hadamard = sum(v.bit_length() for v in squares[: self.n])

    @abstractmethod
    def times(self, z: Integers) -> Integers:
        """N z (n + p, q), for z (n + p, q)."""

    def value_at(self, x: Array) -> Value:
        """f, ‖Ax − b‖ and ‖∇f‖ at any x (n,) or (n, p): exact integers, each number rounded once.

        The residual norm is right to the last digit even where r is 10⁻¹² of b. An x that is not finite has
        infinite values.
        """
        columns = x.reshape(self.n, self.p)
        if not np.isfinite(columns).all():
            return Value(math.inf, math.inf, math.inf, (math.inf,) * self.p)
        twice_f: list[Dyadic] = []
        residuals: list[Dyadic] = []
        gradient: list[Dyadic] = []
        for t, (form, slopes) in enumerate(self._forms(columns)):
            twice_f.append(form)
            residuals.append(total([form, *self._penalty(columns[:, t])]))
            gradient += [Dyadic(s.mantissa * s.mantissa, 2 * s.exponent) for s in slopes]
        f = total(twice_f)
        return Value(
            float(Dyadic(f.mantissa, f.exponent - 1)),
            total(residuals).root(),
            total(gradient).root(),
            tuple(square.root() for square in residuals),
        )

    def gradient_at(self, x: Array) -> Array:
        """∇f(x) = Gx − c (+ λx), shaped as x, each component correctly rounded."""
        slopes = [[float(s) for s in slopes] for _, slopes in self._forms(x.reshape(self.n, self.p))]
        return np.array(slopes).T.reshape(x.shape)

    def _forms(self, x: Array) -> list[tuple[Dyadic, list[Dyadic]]]:
        """2f = vᵀ(MᵀM + λI)v and ∇f, the first n entries of (MᵀM + λI)v, with v = (x, −1), of each target, exactly."""
        n, e = self.n, self.e
        Z, units = np.full((n + self.p, self.p), 0, dtype=object), []
        for t in range(self.p):
            z, h = on_one_grid(np.append(x[:, t], -1.0), [*e[:n], e[n + t]])
            Z[:n, t], Z[n + t, t] = z[:n], z[n]
            units.append(h)
        image = self.times(Z)
        return [
            (
                Dyadic(int(image[:, t] @ Z[:, t]), 2 * h),
                [Dyadic(int(v), e[i] + h) for i, v in enumerate(image[:n, t])],
            )
            for t, h in enumerate(units)
        ]

    def _penalty(self, x: Array) -> list[Dyadic]:
        """−λx_i², term by term: what 2f has more than ‖r‖²."""
        if self.ridge == 0.0:
            return []
        lam, terms = dyadic(self.ridge), [dyadic(float(v)) for v in x[self.penalised]]
        return [Dyadic(-lam.mantissa * v.mantissa**2, lam.exponent + 2 * v.exponent) for v in terms]
