"""An inverse of S in doubles with a proof: S symmetric, its diagonal in [¼, 1), scaled as `equations.py` has it.

R ≈ S⁻¹ comes from LAPACK, and nothing is assumed of it. With E = I − RS and S₀ = fl(S), |S − S₀| ≤ 4Lu|S₀| for L levels
of limbs, in the norm ‖·‖_∞

    ‖E‖ ≤ α = max over rows of (|I − fl(RS₀)|e + γ|R||S₀|e),    γ = (n + 4L + 2)u/(1 − (n + 4L + 2)u)

whatever the order in which BLAS adds. α < 1 proves S regular, S⁻¹ = (I − E)⁻¹R and

    ‖S⁻¹‖₂ ≤ ‖S⁻¹‖_∞ ≤ β = ‖R‖_∞/(1 − α),    λmin(S) ≥ 1/β

(S is symmetric, so its 2-norm is the least of all). Where κ(S) is too large for that: `staged.py`.

Source: Rump, *Acta Numerica* 19 (2010), section 10; Oishi & Rump, *Numerische Mathematik* 90 (2002).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers

U = 2.0**-53
SPARE, UNDERFLOW = 1.0 + 2.0**-30, 2.0**-900
"""Rounding of the vectors that bound α, and products that underflow."""
LEAST_GAIN = 8
"""Bits that a refinement gains at least."""
_MOST_GAIN = 48


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


class ProvedInverse:
    """An inverse of S in doubles, and what is proved of it: `DoubleInverse`, `staged.StagedInverse`.

    Attributes
    ----------
    R : ndarray, shape (n, n)
        About S⁻¹.
    S : ndarray, shape (n, n)
        fl(S).
    errors : ndarray, shape (n,)
        A bound on the sum of |S⁻¹ − R| along each row.
    alpha : float
        A bound on what an application misses, in norm.
    beta : float
        A bound on ‖S⁻¹‖.
    gain : int
        Bits that one refinement gains.
    staged : bool
        Whether S is too badly conditioned for its own inverse.
    """

    R: Array
    S: Array
    errors: Array
    alpha: float
    beta: float
    gain: int
    bits = 53
    staged = False

    @property
    def growth(self) -> int:
        """The least k with ‖S⁻¹‖ ≤ 2^(k+1)."""
        return max(0, math.frexp(self.beta)[1] - 1)

    def apply(self, rho: Integers) -> Integers:
        """S⁻¹ρ, about, in the units of ρ (n, p)."""
        raise NotImplementedError

    def is_surely_regular(self, tolerance: float) -> bool:
        """Whether every column's part outside the others surely exceeds `tolerance` times its length."""
        return tolerance * tolerance * self.beta * SPARE <= 1.0


class DoubleInverse(ProvedInverse):
    """R ≈ S⁻¹ in doubles, with the proof in the head of this module.

    Parameters
    ----------
    R, S : ndarray, shape (n, n)
    found : ndarray, shape (n,)
        The sums of |I − RS| along each row, as computed.
    alpha : float
        A bound on ‖I − RS‖.
    """

    def __init__(self, R: Array, S: Array, found: Array, alpha: float) -> None:
        self.R, self.S, self.alpha = R, S, alpha
        self.beta = float(np.abs(R).sum(axis=1).max()) / (1.0 - alpha) * SPARE
        self.errors = found * self.beta
        self.gain = gain_of(found)

    @classmethod
    def of(cls, form: ScaledForm) -> DoubleInverse | None:
        """The inverse of the scaled S; None where doubles do not prove that there is one."""
        S = form.scaled()
        R = inverse_of(S)
        if R is None:
            return None
        left = R @ S
        left[np.diag_indices(form.n)] -= 1.0
        found = np.abs(left).sum(axis=1)
        terms = (form.n + 4 * len(form.levels) + 2) * U
        rows = (found + terms / (1.0 - terms) * (np.abs(R) @ np.abs(S).sum(axis=1)) + UNDERFLOW) * SPARE
        alpha = float(rows.max())
        return cls(R, S, found, alpha) if alpha < 0.5 and gain_of(found) >= LEAST_GAIN else None

    def apply(self, rho: Integers) -> Integers:
        """Rρ, about, in the units of ρ (n, p)."""
        down = max(0, max(int(v).bit_length() for v in rho.ravel()) - 900)
        moved = self.R @ (rho >> down).astype(np.float64)
        result = np.empty(rho.shape, dtype=object)
        result[:] = [[int(v) << down for v in row] for row in moved.tolist()]
        return result


def inverse_of(S: Array) -> Array | None:
    """What LAPACK takes for the inverse; None for none."""
    try:
        R = np.asarray(np.linalg.inv(S), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return R if np.isfinite(R).all() else None


def gain_of(found: Array) -> int:
    """Bits that a refinement gains where the rows of I − RS have these sums."""
    largest = float(found.max())
    return int(-math.log2(max(largest, 2.0**-_MOST_GAIN))) - 1 if largest < 1.0 else 0
