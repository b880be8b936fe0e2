"""Arrays of numbers known to within a bound: hi + lo ± err, about 32 digits, and what each of them surely rounds to.

    a = hi + lo + δ,  |δ| ≤ err

Sums, products, quotients and roots carry the bound along, rounded up. So a number that is asked for as a double is
given only where every number within the bound rounds to the same (`rounded`); elsewhere it takes integers. Prefer
`dyadic.py` for few numbers: what is here pays where the same is done for thousands of them at once.

Source: Dekker, *Numerische Mathematik* 18 (1971); Joldes, Muller & Popescu, *ACM TOMS* 44 (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.exact.compensated import two_product, two_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

_U = 2.0**-53
_MORE = 1.0 + 2.0**-40
"""For the rounding of the bounds themselves."""


@dataclass(frozen=True, eq=False)
class Near:
    """Numbers hi + lo ± err, arrays of one shape, of which nothing over- or underflows.

    Attributes
    ----------
    hi, lo, err : ndarray
    """

    hi: Array
    lo: Array
    err: Array

    @classmethod
    def exactly(cls, values: Array) -> Near:
        """Doubles."""
        zeros = np.zeros_like(values)
        return cls(values, zeros, zeros)

    @classmethod
    def of(cls, terms: Sequence[Array]) -> Near:
        """The sum of some doubles, the largest first; exact where two doubles hold it."""
        hi, lo = terms[0], np.zeros_like(terms[0])
        err = np.zeros_like(hi)
        for term in terms[1:]:
            hi, rest = two_sum(hi, term)
            lo, missed = two_sum(lo, rest)
            err = (err + np.abs(missed)) * _MORE
        return cls(*two_sum(hi, lo), err)

    def __getitem__(self, index: Any) -> Near:
        """Some of the numbers."""
        return Near(self.hi[index], self.lo[index], self.err[index])

    @property
    def size(self) -> Array:
        """Not less than the numbers are in size."""
        return (np.abs(self.hi) + np.abs(self.lo) + self.err) * _MORE

    def widened(self, err: Array) -> Near:
        """The same, known less well."""
        return Near(self.hi, self.lo, (self.err + err) * _MORE)

    def scaled(self, exponent: NDArray[np.int64] | int) -> Near:
        """The numbers times 2^exponent."""
        return Near(np.ldexp(self.hi, exponent), np.ldexp(self.lo, exponent), np.ldexp(self.err, exponent))

    def __neg__(self) -> Near:
        return Near(-self.hi, -self.lo, self.err)

    def __add__(self, other: Near) -> Near:
        s, rest = two_sum(self.hi, other.hi)
        below = self.lo + other.lo
        hi, lo = two_sum(s, rest + below)
        rounding = 2 * _U * (np.abs(below) + np.abs(rest))
        # Where the low parts are 0 nothing was rounded.
        rounding = np.where((self.lo == 0) & (other.lo == 0), 0.0, rounding)
        return Near(hi, lo, (self.err + other.err + rounding) * _MORE)

    def __sub__(self, other: Near) -> Near:
        return self + -other

    def __mul__(self, other: Near) -> Near:
        p, rest = two_product(self.hi, other.hi)
        left, right = self.hi * other.lo, self.lo * other.hi
        hi, lo = two_sum(p, rest + (left + right))
        rounding = 3 * _U * (np.abs(left) + np.abs(right) + np.abs(rest)) + np.abs(self.lo * other.lo)
        rounding = np.where((self.lo == 0) & (other.lo == 0), 0.0, rounding)
        spread = self.size * other.err + self.err * other.size
        return Near(hi, lo, (spread + rounding) * _MORE)

    def __truediv__(self, other: Near) -> Near:
        """The quotient; the bound is infinite where `other` may be 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            least = np.abs(other.hi) - (np.abs(other.lo) + other.err) * _MORE
            q = np.where(least > 0, self.hi / other.hi, 0.0)
            rest = self - Near.exactly(q) * other
            second = np.where(least > 0, rest.hi / other.hi, 0.0)
            err = (np.abs(rest.lo) + rest.err) / least
            err += np.abs(second) * ((np.abs(other.lo) + other.err) / least + 2 * _U)
        return Near(*two_sum(q, second), np.where(least > 0, err * _MORE, np.inf))

    def root(self) -> Near:
        """The square root; the bound is infinite where the number may be 0 or less, but for an exact 0."""
        zero = (self.hi == 0) & (self.err == 0)
        least = self.hi - (np.abs(self.lo) + self.err) * _MORE
        good = least > 0.5 * self.hi
        s = np.sqrt(np.where(good, self.hi, 1.0))
        rest = self - Near.exactly(s) * Near.exactly(s)
        second = rest.hi / (2 * s)
        # √(s² + r) = s + r/2s − r²/8s³ + …
        err = (np.abs(rest.lo) + rest.err) / s + second * second / s + 2 * _U * np.abs(second)
        hi, lo = two_sum(s, second)
        nothing = np.where(zero, 0.0, np.inf)
        return Near(np.where(good, hi, 0.0), np.where(good, lo, 0.0), np.where(good, err * _MORE, nothing))

    def rounded(self) -> tuple[Array, NDArray[np.bool_]]:
        """The nearest doubles, and where they are surely that: where the whole of hi + lo ± err rounds alike."""
        hi, lo = two_sum(self.hi, self.lo)
        err = self.err * _MORE + 2 * _U * np.abs(lo)
        with np.errstate(invalid="ignore"):
            sure = (hi + (lo + err) == hi) & (hi + (lo - err) == hi)
        return hi, (sure & np.isfinite(self.err)) | (self.err == 0)
