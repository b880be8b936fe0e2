"""The integers of exact sums as limbs of doubles, for products with vectors that BLAS forms exactly.

    N_ij = Σ_l limb_l,ij·2^(22·(last − level_l)),    |limb| ≤ 2²¹

They are the limbs of `ExactSums` as they stand: no Python integer is made of the n² entries, only of vectors. A vector
z of integers is cut into limbs of 22 bits itself; a product of limbs is at most 2⁴², so that 2048 of them are added in
doubles without rounding, in whatever order, and more columns are taken in pieces.

Prefer it to `NormalEquations` where n is large and N is needed for products alone.

Source: Ozaki, Ogita, Oishi & Rump, *Numerical Algorithms* 59 (2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.dyadic import Dyadic, dyadic, on_one_grid
from lsq_cli.exact.form import ExactForm
from lsq_cli.exact.limbs import W

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.errorfree import ExactSums

# Products of limbs that are added without rounding: 2^(53 − 42).
_COLUMNS = 2048
# Bits from the first to the last limb that doubles bear.
_MOST_BITS = 700


class LimbForm(ExactForm):
    """Gx = c with the integers of its sums held as limbs.

    Parameters
    ----------
    levels : list of int
        From coarse to fine.
    limbs : ndarray, shape (levels, k, k)
    reference : list of int, length k
    p : int
    ridge : float
        λ, which the limbs have already.
    penalised : slice
    """

    def __init__(
        self, levels: list[int], limbs: Array, reference: list[int], p: int, ridge: float, penalised: slice
    ) -> None:
        self.levels, self.limbs, self._reference = levels, limbs, reference
        n, last = len(reference) - p, levels[-1]
        # (MᵀM)_ij = N_ij·2^(r_i + r_j − 22·last).
        squares = self._joined(limbs.diagonal(axis1=1, axis2=2))
        targets = self._joined(limbs[:, :n, n:])
        super().__init__([r - W // 2 * last for r in reference], [int(v) for v in squares], targets, ridge, penalised)

    @classmethod
    def of(cls, sums: ExactSums, ridge: float = 0.0) -> LimbForm | None:
        """The form of some sums; None where they span so many levels that doubles could under- or overflow."""
        levels, limbs, reference = sums.limbs()
        penalised = slice(int(sums.intercept), sums.n)
        if levels and ridge:
            levels, limbs = _with_ridge(levels, limbs, reference, ridge, penalised)
        if not levels or (levels[-1] - levels[0]) * W > _MOST_BITS:
            return None
        return cls(levels, limbs, reference, sums.p, ridge, penalised)

    def part(self, rows: list[int], targets: list[int]) -> LimbForm:
        """The regression of some columns on others, both by their numbers, without a ridge."""
        chosen = [*rows, *targets]
        limbs = np.ascontiguousarray(self.limbs[:, chosen][:, :, chosen])
        return LimbForm(self.levels, limbs, [self._reference[i] for i in chosen], len(targets), 0.0, slice(0))

    def times(self, z: Integers) -> Integers:
        """N z (k, q) exactly, for z (k, q)."""
        digits = balanced(z)
        count, k, q = digits.shape
        beside = np.ascontiguousarray(digits.transpose(1, 0, 2)).reshape(k, count * q)
        sums = np.zeros((len(self.levels), k, count * q), dtype=np.int64)
        for start in range(0, k, _COLUMNS):
            piece = slice(start, start + _COLUMNS)
            for place, limb in enumerate(self.limbs):
                sums[place] += (limb[:, piece] @ beside[piece]).astype(np.int64)
        # By the power of two they stand for; the numbers of a power are few and below 2⁵³.
        first = self.levels[0]
        powers = np.zeros((self.levels[-1] - first + count, k, q), dtype=np.int64)
        for place, level in enumerate(self.levels):
            powers[level - first : level - first + count] += sums[place].reshape(k, count, q).transpose(1, 0, 2)
        return joined(powers)

    def square(self, y: Array) -> float:
        """yᵀSy, rounded once, for y (n,) in the columns of S."""
        z, h = on_one_grid(y, [-half for half in self.half[: self.n]])
        padded = np.concatenate((z, np.full(self.p, 0, dtype=object)))
        return float(Dyadic(int(self.times(padded[:, None])[:, 0] @ padded), 2 * h))

    def scaled(self) -> Array:
        """S (n, n) in doubles with its diagonal in [¼, 1), S_ij = N_ij·2^(−h_i − h_j), to a relative 4·levels·2⁻⁵³.

        The coarsest limb that is not 0 is at least as large as all below it: no sum of some of them is above three
        times the whole.
        """
        n, first = self.n, self.levels[0]
        S = np.zeros((n, n))
        for level, limb in zip(reversed(self.levels), reversed(self.limbs), strict=True):
            S += limb[:n, :n] * 2.0 ** (-W * (level - first))
        up = np.array([W // 2 * (self.levels[-1] - first) - h for h in self.half[:n]], dtype=np.int64)
        return np.asarray(np.ldexp(np.ldexp(S, up[:, None]), up))

    def _joined(self, limbs: Array) -> Integers:
        """The integers of some entries, of which these are the limbs (levels, …)."""
        powers = np.zeros((self.levels[-1] - self.levels[0] + 1, *limbs.shape[1:]), dtype=np.int64)
        for level, limb in zip(self.levels, limbs, strict=True):
            powers[level - self.levels[0]] = limb
        return joined(powers)


def joined(powers: NDArray[np.int64]) -> Integers:
    """Σ powers[i]·2^(22·(last − i)), entry by entry."""
    result = powers[0].astype(object)
    for part in powers[1:]:
        result = (result << W) + part.astype(object)
    return np.asarray(result, dtype=object)


def balanced(z: Integers) -> Array:
    """Limbs (count, k, q) of integers in [−2²¹, 2²¹), coarse to fine: z = Σ limbs[i]·2^(22·(count − 1 − i))."""
    half = 1 << (W - 1)
    digits: list[Array] = []
    while not digits or z.any():
        digit = ((z + half) & (2 * half - 1)) - half
        digits.append(digit.astype(np.float64))
        z = (z - digit) >> W
    return np.array(digits[::-1])


def _with_ridge(
    levels: list[int], limbs: Array, reference: list[int], ridge: float, penalised: slice
) -> tuple[list[int], Array]:
    """The limbs with λ on the penalised part of the diagonal, on more levels where λ needs them."""
    lam = dyadic(ridge)
    chosen = range(len(reference))[penalised]
    # λ·2^(−2r_j) = whole_j·2^(−22·finest) in integers.
    lowest = min(lam.exponent - 2 * reference[j] for j in chosen) if chosen else 0
    finest = max(levels[-1], -(lowest // W))
    by_level = dict(zip(levels, limbs, strict=True))
    for j in chosen:
        left, level = lam.mantissa << (lam.exponent - 2 * reference[j] + W * finest), finest
        while left:
            if level not in by_level:
                by_level[level] = np.zeros_like(limbs[0])
            # The entry's own digit is part of what is carried.
            left += int(by_level[level][j, j])
            digit = ((left + (1 << (W - 1))) & ((1 << W) - 1)) - (1 << (W - 1))
            by_level[level][j, j] = digit
            left, level = (left - digit) >> W, level - 1
    order = sorted(by_level)
    return order, np.array([by_level[level] for level in order])
