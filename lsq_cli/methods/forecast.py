"""How many steps a rule will take, told before the first one, from the eigenvalues of G.

In the eigenvectors of G the gradient falls apart into n numbers that a step multiplies separately, so for
`constant` the count is not an estimate of a rate but the solution of

    Σᵢ ĝᵢ² (1 − βλᵢ)^{2k} = (tol·‖Aᵀb‖)²,    ĝ = Vᵀ∇f(x₀),  G = VΛVᵀ

for k, by bisection. For `exact` some steps are rehearsed on ĝ and their rate is drawn out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.solution import Array


_REHEARSAL = 2000


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of G, ascending (n,), and its eigenvectors (n, n); values that are all rounding are 0."""

    values: Array
    vectors: Array

    @classmethod
    def of(cls, G: Array) -> Spectrum:
        """The spectrum of a symmetric G."""
        values, vectors = np.linalg.eigh(G)
        noise = len(G) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
        return cls(np.where(values > noise, values, 0.0), vectors)

    @property
    def largest(self) -> float:
        """λmax."""
        return float(self.values[-1])

    @property
    def smallest(self) -> float:
        """The least eigenvalue above 0; 0 where there is none."""
        positive = self.values[self.values > 0.0]
        return float(positive[0]) if positive.size else 0.0


def constant_steps(spectrum: Spectrum, gradient: Array, rate: float, target: float) -> float:
    """Steps of length `rate` until ‖∇f‖ ≤ `target`, from a start with this gradient; inf where never."""
    parts = np.abs(spectrum.vectors.T @ gradient)
    # Along an eigenvalue of 0 the gradient is 0 but for rounding, and no step changes it.
    parts = parts[spectrum.values > 0.0]
    factors = np.abs(1.0 - rate * spectrum.values[spectrum.values > 0.0])
    with np.errstate(divide="ignore"):
        logs = np.log(factors)

    def norm(k: float) -> float:
        return float(np.linalg.norm(parts * np.exp(k * logs))) if k else float(np.linalg.norm(parts))

    if norm(0.0) <= target:
        return 0.0
    if target <= 0.0 or (factors >= 1.0).any():
        return math.inf
    high = 1.0
    while norm(high) > target:
        high *= 2.0
    low = high / 2.0
    while high - low > max(0.5, 1e-6 * high):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if norm(middle) > target else (low, middle)
    return float(math.ceil(high))


def exact_steps(spectrum: Spectrum, gradient: Array, target: float) -> float:
    """About how many steps of steepest descent bring ‖∇f‖ from that of `gradient` to `target`; inf where never.

    Steps are taken for real on the parts ĝ. Where `_REHEARSAL` of them are not enough, the rest is between
    two bounds: the loss of the second half goes on, or it falls to that of the final zigzag between two
    eigenvectors, (κ + 1)/(κ − 1) a step with κ = κ(G) (Akaike 1959). Their geometric mean is the estimate.
    """
    values = spectrum.values[spectrum.values > 0.0]
    parts = (spectrum.vectors.T @ gradient)[spectrum.values > 0.0]
    norms = []
    for k in range(_REHEARSAL + 1):
        squares = parts * parts
        norms.append(math.sqrt(float(squares.sum())))
        if norms[-1] <= target:
            return float(k)
        parts = parts * (1.0 - float(squares.sum()) / float(squares.dot(values)) * values)
    loss = math.log(norms[_REHEARSAL // 2] / norms[-1]) / (_REHEARSAL - _REHEARSAL // 2)
    # log1p, for at κ = 10¹⁶ the ratio itself rounds to 1.
    slowest = math.log1p(2.0 / (spectrum.largest / spectrum.smallest - 1.0))
    if target <= 0.0 or loss <= 0.0:
        return math.inf
    return float(math.ceil(_REHEARSAL + math.log(norms[-1] / target) / math.sqrt(loss * min(loss, slowest))))
