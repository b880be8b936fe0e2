"""Many small systems Sy = d solved at once in doubles, with a proof for each; what is not proved is for the integers.

S is the Gram matrix of a group's columns, scaled by powers of two to a diagonal in [¼, 1). It comes as digits of 24
bits (`keyedproducts.py`), and stays exact: S = Σ D_t·2^(−24t). Everything is done for all systems in one call:

    R ≈ S⁻¹              LAPACK, one system after the other within one call
    ρ = d − S y          exactly: products of D with digits of y are integers that doubles add up without rounding
    y ← y + Rρ           rounded to the next digit, 24 or 12 bits a step

The proof: as in `doubleinverse.py` α bounds ‖I − RS‖, β = ‖R‖/(1 − α) bounds ‖S⁻¹‖ and 1/λmin(S), and the error of y is
at most β‖ρ‖₂. A digit is gained at every step as long as α < 2⁻²⁶ (2⁻¹⁴ for those of 12 bits); systems beyond are left
out, and so are those in which a rounding is not decided.

No product is rounded: |D| ≤ 2²³ and |Z| ≤ 2²⁴, so that sixteen products of them stay below 2⁵².

Prefer `Verified` for one large system, `NormalEquations` for the rest.

Source: Rump, *Acta Numerica* 19 (2010), section 10; Ozaki, Ogita, Oishi & Rump, *Numerical Algorithms* 59 (2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.exact.keyedproducts import BITS
from lsq_cli.exact.near import Near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]

MOST_UNKNOWNS = 16
"""So many products of digits are added without rounding."""
_HALF = 1 << (BITS - 1)
_U = 2.0**-53
_SPARE, _UNDERFLOW = 1.0 + 2.0**-30, 2.0**-900
_MOST_DIGITS = 24
"""Systems of more, whose columns span sizes that are far apart, are left out."""
_LEAST_EIGENVALUE = 2.0**-44


class Class(NamedTuple):
    """How systems of some condition are refined."""

    alpha: float
    """Those with a larger α are none of it."""
    bits: int
    """Gained by a step."""
    down: int
    """Digits by which right-hand sides are moved down, that the first step has no more than a digit."""
    steps: int


CLASSES = (Class(2.0**-26, 24, 0, 6), Class(2.0**-14, 12, 1, 14))


class Refined(NamedTuple):
    """Solutions of some systems (g, n, q), and what is left of the right-hand sides."""

    y: Near
    rho: Whole
    """(digits, g, k, q), of 2^(−24·(digit + down)): d − Sy in the first n rows, and in the last what dᵀy leaves."""
    sizes: Array
    """(g, q), not less than ‖ρ‖₂ of the first n rows."""
    down: int
    failed: Flags
    """(g,) systems in which a step took more than a digit."""


class Stack:
    """Systems of n unknowns and one target.

    Parameters
    ----------
    D : ndarray of int64, shape (digits, g, k, k), k = n + 1
        S with d in its last row and column: Σ D_t·2^(−24t), |D| ≤ 2²³, the diagonal in [¼, 1).
    """

    def __init__(self, D: Whole) -> None:
        self.digits, self.count, self.k = D.shape[0], D.shape[1], D.shape[2]
        self.n = n = self.k - 1
        self.D = D
        self._rows = np.ascontiguousarray(D[:, :, :, :n].transpose(1, 0, 2, 3), dtype=np.float64)
        self.S = _doubles(D[:, :, :n, :n])
        self._prove()

    def _prove(self) -> None:
        """R, α (g,) and β (g,)."""
        n, S = self.n, self.S
        regular = np.linalg.eigvalsh(S)[:, 0] > _LEAST_EIGENVALUE
        self.R: Array = np.linalg.inv(np.where(regular[:, None, None], S, np.eye(n)))
        found = np.abs(self.R @ S - np.eye(n)).sum(axis=2)
        terms = (n + 4 * self.digits + 2) * _U
        row_sums = np.abs(S).sum(axis=2)[:, :, None]
        rows = (found + terms / (1.0 - terms) * (np.abs(self.R) @ row_sums)[:, :, 0] + _UNDERFLOW) * _SPARE
        alpha = rows.max(axis=1)
        self.alpha: Array = np.where(regular & (alpha < 0.5), alpha, np.inf)
        norms = np.abs(self.R).sum(axis=2).max(axis=1)
        self.beta: Array = norms / (1.0 - np.where(np.isfinite(self.alpha), self.alpha, 0.0)) * _SPARE

    def entry(self, i: int, j: int) -> Near:
        """S_ij (g,), exactly as long as two doubles hold it."""
        return _near(self.D[:, :, i, j])

    def diagonal(self) -> Array:
        """S_ii (g, k) in doubles, that of the target last."""
        return _doubles(np.diagonal(self.D, axis1=2, axis2=3))

    def part(self, chosen: Flags) -> Stack:
        """Some of the systems."""
        new = object.__new__(Stack)
        new.digits, new.k, new.n = self.digits, self.k, self.n
        new.D, new.count = self.D[:, chosen], int(np.count_nonzero(chosen))
        new._rows, new.S, new.R = self._rows[chosen], self.S[chosen], self.R[chosen]
        new.alpha, new.beta = self.alpha[chosen], self.beta[chosen]
        return new

    def solutions(self, how: Class) -> Refined:
        """S⁻¹d (g, n, 1)."""
        return self._refined(self.D[:, :, :, self.n :], how)

    def inverses(self, how: Class) -> Refined:
        """S⁻¹ (g, n, n)."""
        identity = np.zeros((1, self.count, self.k, self.n), np.int64)
        identity[0, :, : self.n] = np.eye(self.n, dtype=np.int64)
        return self._refined(identity, how._replace(steps=how.steps - 1))

    def _refined(self, rhs: Whole, how: Class) -> Refined:
        """The solutions for right-hand sides (digits, g, k, q)."""
        n, q = self.n, rhs.shape[3]
        limbs = -(-how.bits * how.steps // BITS) + 1
        rho = np.zeros((max(self.digits + limbs, len(rhs) + how.down), self.count, self.k, q), np.int64)
        rho[how.down : how.down + len(rhs)] = rhs
        y = np.zeros((limbs, self.count, n, q), np.int64)
        failed = np.zeros(self.count, np.bool_)
        for step in range(how.steps):
            limb = -(-how.bits * step // BITS)
            move = self.R @ _doubles(rho[:, :, :n])
            Z = np.rint(move * 2.0 ** (how.bits * step))
            over = (np.abs(Z) > 2.0 ** (how.bits + (how.bits < BITS))).any(axis=(1, 2))
            failed |= over
            Z[over] = 0.0
            Z *= 2.0 ** (BITS * limb - how.bits * step)
            y[limb] += Z.astype(np.int64)
            self._subtract(rho, Z, limb)
        _carry(y)
        sizes = np.sqrt((_doubles(rho[:, :, :n]) ** 2).sum(axis=1)) * _SPARE * 2.0 ** (BITS * how.down)
        found = _near(y).scaled(BITS * how.down)
        return Refined(found.widened((self.beta[:, None] * sizes * _SPARE)[:, None, :]), rho, sizes, how.down, failed)

    def _subtract(self, rho: Whole, Z: Array, limb: int) -> None:
        """ρ −= S Z·2^(−24·limb), exactly, in carried digits."""
        g, n, q = Z.shape
        products = self._rows.reshape(g, self.digits * self.k, n) @ Z
        whole = products.reshape(g, self.digits, self.k, q).astype(np.int64).transpose(1, 0, 2, 3)
        rho[limb : limb + self.digits] -= whole
        _carry(rho)

    def residuals(self, y: Array) -> tuple[Whole, Flags]:
        """The digits (digits, g, k, 1) of d − Sy at some y (g, n) of doubles, and where y has too many digits."""
        left = y[:, :, None].copy()
        limbs = 7
        rho = np.zeros((self.digits + limbs, self.count, self.k, 1), np.int64)
        rho[: self.digits] = self.D[:, :, :, self.n :]
        failed = np.zeros(self.count, np.bool_)
        for limb in range(limbs):
            Z = np.rint(left * 2.0 ** (BITS * limb))
            over = (np.abs(Z) > 2.0**BITS).any(axis=(1, 2))
            failed |= over
            Z[over] = 0.0
            left -= Z * 2.0 ** (-BITS * limb)
            self._subtract(rho, Z, limb)
        return rho, failed | left.any(axis=(1, 2))


class Scaled(NamedTuple):
    """Sums of groups on a common grid."""

    D: Whole
    """(digits, g, k, k); see `Stack`."""
    half: NDArray[np.int64]
    """(g, k): the sums are D·2^(half_i + half_j)."""
    kept: NDArray[np.intp]
    """Which of the groups these are: those that are not left out."""


def scaled(levels: list[int], digits: Whole) -> Scaled:
    """The sums (levels, g, k, k) = Σ digits·2^(24·level), levels from coarse to fine, with a diagonal in [¼, 1)."""
    diagonal = np.zeros(digits.shape[1:3])
    for level, of in zip(reversed(levels), reversed(digits), strict=True):
        diagonal += np.ldexp(of.diagonal(axis1=1, axis2=2).astype(np.float64), BITS * level)
    half = ((np.frexp(diagonal)[1] + 1) // 2).astype(np.int64)
    finest = levels[-1]
    whole = -(-2 * half.max(axis=1) // BITS) - finest + 1
    kept = np.flatnonzero((diagonal > 0).all(axis=1) & (whole <= _MOST_DIGITS))
    half = half[kept]
    shift = half[:, :, None] + half[:, None, :]
    up = -(-shift // BITS)
    count = int(up.max(initial=0)) - finest + 1
    filled = np.zeros((levels[0] - finest + 2, len(kept), *digits.shape[2:]), np.int64)  # the last stays 0
    for level, of in zip(levels, digits, strict=True):
        filled[levels[0] - level] = of[kept]
    D = np.empty((max(count, 1), *filled.shape[1:]), np.int64)
    factor = np.int64(1) << (BITS * up - shift)
    for t in range(len(D)):
        place = levels[0] - up + t
        place[(place < 0) | (place >= len(filled) - 1)] = len(filled) - 1
        D[t] = np.take_along_axis(filled, place[None], axis=0)[0] * factor
    _carry(D)
    return Scaled(D, half, kept)


def _carry(digits: Whole) -> None:
    """Bring all digits but the first (digits, …) into [−2²³, 2²³)."""
    for t in range(len(digits) - 1, 0, -1):
        over = (digits[t] + _HALF) >> BITS
        digits[t] -= over << BITS
        digits[t - 1] += over


def _doubles(digits: Whole) -> Array:
    """Σ digits_t·2^(−24t) in doubles, from fine to coarse: each to a relative 4·digits·2⁻⁵³."""
    total = np.zeros(digits.shape[1:])
    for t in range(len(digits) - 1, -1, -1):
        total += digits[t] * 2.0 ** (-BITS * t)
    return total


def _near(digits: Whole) -> Near:
    """The same to 32 digits."""
    return Near.of([digits[t] * 2.0 ** (-BITS * t) for t in range(len(digits))])


def near(digits: Whole, down: int = 0) -> Near:
    """What digits of 2^(−24·(digit − down)) are worth."""
    return _near(digits).scaled(BITS * down)
