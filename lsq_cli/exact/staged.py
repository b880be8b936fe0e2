"""The second stage of `doubleinverse.py`, for S whose inverse in doubles proves nothing: κ(S) from 10¹¹ to 10²⁶ or so.

R₁ = inv(fl(S) + εI) is no inverse of such an S, and yet a good preconditioner: with ε = 16√n·u, above what rounding did
to S and to R₁, the eigenvalues of R₁S lie between λmin(S)/ε and 1. So

    Q = R₁S, exact but for its last bits        T = inv(fl(Q))        S⁻¹ ≈ T R₁

T R₁ is never rounded to one matrix where that matters: the bound is that of TQ, and R₁ρ is made exactly before T is
applied. With E = I − TQ, Q₀ = fl(Q), |Q − Q₀| ≤ 4u|Q₀| + δ, in the norm ‖·‖_∞

    ‖E‖ ≤ α = max over rows of (|I − fl(TQ₀)|e + γ|T||Q₀|e + |T|δe),    γ = (n + 6)u/(1 − (n + 6)u)
    ‖S⁻¹‖ ≤ β = max over rows of (|fl(TR₁)|e + γ|T||R₁|e)/(1 − α),      α < 1

The product. R₁ is rounded to three limbs of 22 bits a row (any R₁ will do), S has its limbs already. BLAS multiplies
limbs without rounding; products of one power of two are integers, added from coarse to fine: what cancels, cancels
exactly.

Source: Rump, "Inversion of extremely ill-conditioned matrices in floating-point", *Japan J. Indust. Appl. Math.* 26
(2009), of whom ε is a variant; Ozaki, Ogita, Oishi & Rump, *Numerical Algorithms* 59 (2012).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.exact.doubleinverse import (
    LEAST_GAIN,
    SPARE,
    UNDERFLOW,
    DoubleInverse,
    ProvedInverse,
    U,
    gain_of,
    inverse_of,
)
from lsq_cli.exact.limbform import LimbForm, balanced, joined
from lsq_cli.exact.limbs import W

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers

# Limbs of R₁. With two the rounding of R₁ is what limits the condition of Q, not ε.
_LIMBS = 3
# ε in units of √n·u.
_ADDED = 16.0
# Products of limbs that are added without rounding: 2^(53 − 42).
_COLUMNS = 2048
# Sums of integers are kept below this before they are moved up by 22 bits.
_ROOM = 1 << 40
# Levels of doubles that follow where integers are full.
_MORE_LEVELS = 3
# Bits of ρ that count.
_RESIDUAL_BITS = 220


class Limbs(NamedTuple):
    """A matrix (n, n) of doubles by rows: Σ_a limbs[a]·2^(exponents_i − 22·a)."""

    limbs: Array
    exponents: NDArray[np.int64]

    @classmethod
    def of(cls, M: Array, count: int) -> Limbs:
        """The matrix rounded to so many limbs of each row."""
        top = np.frexp(np.abs(M).max(axis=1))[1].astype(np.int64)
        left = np.ldexp(M, (W - 1 - top)[:, None])
        limbs = np.empty((count, *M.shape))
        for limb in limbs:
            np.rint(left, out=limb)
            left = (left - limb) * 2.0**W
        return cls(limbs, top - (W - 1))

    def doubles(self) -> Array:
        """The same as one matrix: exactly, for a matrix of doubles keeps at most 53 bits of each number."""
        total = sum(limb * 2.0 ** (-W * a) for a, limb in enumerate(self.limbs))
        return np.asarray(np.ldexp(total, self.exponents[:, None]))

    def times(self, z: Integers) -> tuple[Integers, int]:
        """The product with z (n, p), exactly: whole numbers times 2 to a power."""
        digits = balanced(z)
        count, n, p = digits.shape
        beside = np.ascontiguousarray(digits.transpose(1, 0, 2)).reshape(n, count * p)
        powers = np.zeros((len(self.limbs) + count - 1, n, p), dtype=np.int64)
        for a, limb in enumerate(self.limbs):
            for start in range(0, n, _COLUMNS):
                piece = slice(start, start + _COLUMNS)
                part = (limb[:, piece] @ beside[piece]).astype(np.int64)
                powers[a : a + count] += part.reshape(n, count, p).transpose(1, 0, 2)
        unit = self.exponents - W * (len(self.limbs) - 1)
        lowest = int(unit.min())
        return joined(powers) << (unit - lowest).astype(object)[:, None], lowest


class StagedInverse(ProvedInverse):
    """T R₁ ≈ S⁻¹, and what is proved of it.

    Parameters
    ----------
    first : Limbs
        R₁ times 2^−shift, column by column.
    shift : ndarray of int, shape (n,)
        Not negative.
    T, S : ndarray, shape (n, n)
    found : ndarray, shape (n,)
        The sums of |I − TQ| along each row, as computed.
    missed : ndarray, shape (n,)
        Bounds on them.
    """

    staged = True

    def __init__(self, first: Limbs, shift: NDArray[np.int64], T: Array, S: Array, found: Array, missed: Array) -> None:
        self._first, self._shift, self._T, self.S = first, shift, T, S
        self.alpha = float(missed.max())
        R1 = np.ldexp(first.doubles(), shift)
        self.R = T @ R1
        terms = (len(T) + 6) * U
        lost = terms / (1.0 - terms) * (np.abs(T) @ np.abs(R1).sum(axis=1)) * SPARE
        self.beta = float((np.abs(self.R).sum(axis=1) + lost).max()) / (1.0 - self.alpha) * SPARE
        self.errors = missed * self.beta + lost
        self.gain = gain_of(found)

    @classmethod
    def of(cls, form: LimbForm) -> StagedInverse | None:
        """The inverse of the scaled S; None where doubles do not prove that there is one."""
        S = form.scaled()
        R = inverse_of(S + np.diag(np.full(form.n, _ADDED * math.sqrt(form.n) * U)))
        if R is None:
            return None
        half = np.array(form.half[: form.n], dtype=np.int64)
        shift = half - half.min()
        first = Limbs.of(np.ldexp(R, -shift), _LIMBS)
        Q = _product(first, form, shift, int(half.min()))
        T = inverse_of(Q.values)
        if T is None:
            return None
        left = T @ Q.values
        left[np.diag_indices(form.n)] -= 1.0
        found = np.abs(left).sum(axis=1)
        terms, size = (form.n + 6) * U, np.abs(T)
        rows = terms / (1.0 - terms) * (size @ np.abs(Q.values).sum(axis=1)) + size @ Q.missed
        missed = (found + rows + UNDERFLOW) * SPARE
        if not (missed.max() < 0.5 and gain_of(found) >= LEAST_GAIN):
            return None
        return cls(first, shift, T, S, found, missed)

    def apply(self, rho: Integers) -> Integers:
        """T(R₁ρ), about, in the units of ρ (n, p); R₁ρ exactly but for bits of ρ that do not count."""
        down = max(0, max(int(v).bit_length() for v in rho.ravel()) - _RESIDUAL_BITS)
        image, unit = self._first.times((rho >> down) << self._shift.astype(object)[:, None])
        less = max(0, max(int(v).bit_length() for v in image.ravel()) - 900)
        moved = self._T @ (image >> less).astype(np.float64)
        result = np.empty(rho.shape, dtype=object)
        result[:] = [[_whole(v, unit + less + down) for v in row] for row in moved.tolist()]
        return result


class _Product(NamedTuple):
    """Q in doubles, to a relative 2⁻⁵¹ and what is missed beside that."""

    values: Array
    missed: Array
    """(n,) a bound on the sums of each row."""


def _product(first: Limbs, form: LimbForm, shift: NDArray[np.int64], half: int) -> _Product:
    """R₁S: Σ_k P_k·2^(exponents_i − shift_j − 2·half + 22·(last − first level − k)), P_k of whole numbers."""
    span, count, n = form.levels[-1] - form.levels[0], len(first.limbs), form.n
    total, more = np.zeros((n, n), dtype=np.int64), np.zeros((n, n))
    full: int | None = None
    missed, last = 0.0, span + count - 1
    for k, P in enumerate(_levels(first, form)):
        if full is None:
            if int(max(total.max(), -total.min())) >= _ROOM:
                full = k - 1
            else:
                total = (total << W) + P
        if full is not None:
            more += P * 2.0 ** (-W * (k - full))
            if k - full == _MORE_LEVELS:
                last, missed = k, count * n * 2.0 ** (2 * W - 2 - W * (_MORE_LEVELS + 1)) * SPARE
                break
    # In units of the level up to which integers were added; what doubles round is below 2⁻⁵⁰ of 2⁵⁶⁻²².
    unit = first.exponents - 2 * half + W * (span - (last if full is None else full))
    if full is not None:
        missed += count * n * 2.0 ** (2 * W - 2 - W - 50)
    values = np.ldexp(np.ldexp(total.astype(np.float64) + more, -shift), unit[:, None])
    return _Product(values, np.ldexp(missed * float(np.ldexp(1.0, -shift).sum()), unit))


def _levels(first: Limbs, form: LimbForm) -> Iterator[NDArray[np.int64]]:
    """The products of limbs whose powers of two add up to the same, from coarse to fine."""
    count, n = len(first.limbs), form.n
    stack, by_level = first.limbs.reshape(count * n, n), dict(zip(form.levels, form.limbs, strict=True))
    waiting = [np.zeros((n, n), dtype=np.int64) for _ in range(count)]
    for level in range(form.levels[0], form.levels[-1] + 1):
        if level in by_level:
            limb = by_level[level][:n, :n]
            for start in range(0, n, _COLUMNS):
                piece = slice(start, start + _COLUMNS)
                products = stack[:, piece] @ limb[piece]
                for a in range(count):
                    waiting[a] += products[a * n : (a + 1) * n].astype(np.int64)
        yield waiting[0]
        waiting = [*waiting[1:], np.zeros((n, n), dtype=np.int64)]
    yield from waiting[:-1]


def _whole(value: float, exponent: int) -> int:
    """value·2^exponent without its fraction."""
    fraction, more = math.frexp(value)
    whole, places = int(fraction * 2.0**53), more - 53 + exponent
    return whole << places if places >= 0 else whole >> -places


def proved_inverse(form: LimbForm) -> ProvedInverse | None:
    """The inverse of the scaled S in doubles, in one stage or two; None where these prove nothing."""
    return DoubleInverse.of(form) or StagedInverse.of(form)
