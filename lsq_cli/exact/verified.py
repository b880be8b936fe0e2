"""The normal equations of exact sums solved in doubles, with a proof; where doubles prove nothing there are integers.

S y = d is the scaled system of `equations.py`, S symmetric with its diagonal in [¼, 1). R ≈ S⁻¹ comes from LAPACK, and
nothing is assumed of it. With E = I − RS and S₀ = fl(S), |S − S₀| ≤ 4Lu|S₀| for L levels of limbs, in the norm ‖·‖_∞

    ‖E‖ ≤ α = max over rows of (|I − fl(RS₀)|e + γ|R||S₀|e),    γ = (n + 4L + 2)u/(1 − (n + 4L + 2)u)

whatever the order in which BLAS adds. α < 1 proves S regular, S⁻¹ = (I − E)⁻¹R and

    ‖S⁻¹‖₂ ≤ ‖S⁻¹‖_∞ ≤ β = ‖R‖_∞/(1 − α),    λmin(S) ≥ 1/β

(S is symmetric, so its 2-norm is the least of all). The refinement y ← y + Rρ and its bounds are those of
`ExactSolution`: ρ is exact, for `LimbForm` multiplies exactly, so the error of y is at most β‖ρ‖₂, whatever R is.

What is decided here is what the integers would decide: a coefficient is given only where both ends of its interval
round alike or it is proved to be 0. Everything else, dependent columns among it, is left to the integers.

Source: Rump, *Acta Numerica* 19 (2010), section 10; Oishi & Rump, *Numerische Mathematik* 90 (2002).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lsq_cli.exact.certificate import UnitColumns
from lsq_cli.exact.equations import ExactSolution
from lsq_cli.exact.limbform import LimbForm

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.errorfree import ExactSums

_U = 2.0**-53
# Rounding of the vectors that bound α, and products that underflow.
_SPARE, _UNDERFLOW = 1.0 + 2.0**-30, 2.0**-900
# No more refinements than this many bits are worth: the rest is for exact zeros, ties and integers.
MOST_BITS = 420
_MOST_GAIN, _LEAST_GAIN = 48, 8
# Of an R with fewer bits there is no certificate.
_CERTIFICATE_GAIN = 20
# Steps of Lanczos, and the relative residual that is enough.
_LANCZOS, _CONVERGED = 96, 1e-9


class ScaledForm(Protocol):
    """What is asked of S: `LimbForm`, `bordered.BorderedForm`."""

    @property
    def n(self) -> int:
        """Its rows."""
        ...

    @property
    def levels(self) -> list[int]:
        """The levels of its limbs."""
        ...

    def scaled(self) -> Array:
        """S (n, n) in doubles, its entries at most 1, each to a relative 4·levels·2⁻⁵³."""
        ...


class DoubleInverse(NamedTuple):
    """R ≈ S⁻¹ in doubles, and what is proved of it."""

    R: Array
    S: Array
    """fl(S)."""
    misses: Array
    """The sums (n,) of |I − RS| along each row, as computed."""
    alpha: float
    """A bound on ‖I − RS‖."""
    beta: float
    """A bound on ‖S⁻¹‖."""
    gain: int
    bits: int = 53

    @classmethod
    def of(cls, form: ScaledForm) -> DoubleInverse | None:
        """The inverse of the scaled S; None where doubles do not prove that there is one."""
        S = form.scaled()
        try:
            R = np.asarray(np.linalg.inv(S), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(R).all():
            return None
        left = R @ S
        left[np.diag_indices(form.n)] -= 1.0
        found = np.abs(left).sum(axis=1)
        terms = (form.n + 4 * len(form.levels) + 2) * _U
        rows = (found + terms / (1.0 - terms) * (np.abs(R) @ np.abs(S).sum(axis=1)) + _UNDERFLOW) * _SPARE
        alpha = float(rows.max())
        if not alpha < 0.5:
            return None
        beta = float(np.abs(R).sum(axis=1).max()) / (1.0 - alpha) * _SPARE
        gain = int(-math.log2(max(float(found.max()), 2.0**-_MOST_GAIN))) - 1
        return cls(R, S, found, alpha, beta, gain) if gain >= _LEAST_GAIN else None

    @property
    def growth(self) -> int:
        """The least k with ‖S⁻¹‖ ≤ 2^(k+1)."""
        return max(0, math.frexp(self.beta)[1] - 1)

    def apply(self, rho: Integers) -> Integers:
        """Rρ, about, in the units of ρ (n, p)."""
        down = max(0, max(int(v).bit_length() for v in rho.ravel()) - 900)
        moved = self.R @ (rho >> down).astype(np.float64)
        result = np.empty(rho.shape, dtype=object)
        result[:] = [[int(v) << down for v in row] for row in moved.tolist()]
        return result

    def is_surely_regular(self, tolerance: float) -> bool:
        """Whether every column's part outside the others surely exceeds `tolerance` times its length."""
        return tolerance * tolerance * self.beta * _SPARE <= 1.0


class DoubleCertificate(UnitColumns):
    """The condition, and what `certificate.data_digits` asks, from R.

    Notes
    -----
    S⁻¹ − R = (I − RS)S⁻¹: what that may add is added.
    """

    def __init__(self, form: LimbForm, inverse: DoubleInverse) -> None:
        super().__init__(form)
        self._form, lengths = form, self._lengths[: form.n]
        self._own = lengths
        self._S = inverse.S / np.outer(lengths, lengths)
        self._R = (inverse.R + inverse.R.T) * (0.5 * np.outer(lengths, lengths))
        missed = inverse.misses * (inverse.beta * lengths)
        more = 1.0 + 2.0**-40  # for the rounding of what follows
        self._diagonal: Array = (np.abs(self._R.diagonal()) + missed * lengths) * more
        self._rows: Array = (np.linalg.norm(self._R, axis=1) + missed) * more

    @property
    def diagonal(self) -> Array:
        """(S⁻¹)_ii (n,), not less than it is."""
        return self._diagonal

    @property
    def rows(self) -> Array:
        """‖row i of S⁻¹‖₂ (n,), not less than it is."""
        return self._rows

    @cached_property
    def condition(self) -> float:
        """√(λmax(S)/λmin(S)): the condition number of A with columns of unit length, to about 12 digits.

        λmin(S) is the Rayleigh quotient of R's first eigenvector, with an exact vᵀSv: its error is the square of v's.
        """
        top, _ = largest_eigenpair(self._S)
        _, v = largest_eigenpair(self._R)
        y = v / self._own
        stretched = y * self._own
        return max(1.0, math.sqrt(top * float(stretched @ stretched) / self._form.square(y)))


def largest_eigenpair(M: Array) -> tuple[float, Array]:
    """λmax of a symmetric positive definite M and its eigenvector, by Lanczos; by LAPACK where that is too slow."""
    n = len(M)
    v = np.random.default_rng(0).standard_normal(n)
    basis = np.zeros((min(n, _LANCZOS) + 1, n))
    basis[0] = v / np.linalg.norm(v)
    diagonal, beside = [], []
    for k in range(min(n, _LANCZOS)):
        w = M @ basis[k]
        diagonal.append(float(w @ basis[k]))
        for _ in range(2):  # twice: once leaves what rounding puts in
            w -= (basis[: k + 1] @ w) @ basis[: k + 1]
        beside.append(float(np.linalg.norm(w)))
        if k % 8 == 7 or beside[-1] <= _CONVERGED * diagonal[0]:
            values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
            # The residual of the pair; the error of the value is its square over the gap, or the residual itself.
            if beside[-1] * abs(float(vectors[-1, -1])) <= _CONVERGED * float(values[-1]):
                return float(values[-1]), vectors[:, -1] @ basis[: k + 1]
        basis[k + 1] = w / beside[-1]
    values, vectors = np.linalg.eigh(M)
    return float(values[-1]), vectors[:, -1]


class Verified:
    """A problem whose columns doubles prove to be independent.

    Parameters
    ----------
    form : LimbForm
    inverse : DoubleInverse
    """

    def __init__(self, form: LimbForm, inverse: DoubleInverse) -> None:
        self.form, self._inverse = form, inverse

    @classmethod
    def of(cls, sums: ExactSums, ridge: float, tolerance: float) -> Verified | None:
        """The problem of some sums; None where doubles do not prove that every column exceeds the tolerance."""
        form = LimbForm.of(sums, ridge)
        inverse = None if form is None else DoubleInverse.of(form)
        if form is None or inverse is None or not inverse.is_surely_regular(tolerance):
            return None
        return cls(form, inverse)

    @cached_property
    def solution(self) -> ExactSolution | None:
        """The solution, if every rounding is decided in a few steps; None where the integers have to look."""
        solution = ExactSolution(self.form, self._inverse)
        while not solution.decided:
            if solution.bits > MOST_BITS:
                return None
            solution.refine()
        return solution

    @cached_property
    def certificate(self) -> DoubleCertificate | None:
        """The condition, and how x changes with the data; None where R has too few digits for that."""
        if self._inverse.gain < _CERTIFICATE_GAIN:
            return None
        return DoubleCertificate(self.form, self._inverse)
