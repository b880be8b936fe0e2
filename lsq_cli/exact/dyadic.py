"""Numbers m·2^e with integers m and e: what doubles are, and what their sums and products stay.

Integers do the arithmetic; this module is the door to and from doubles. On the way out everything is rounded
once and correctly: Python's division of integers and `math.isqrt` are exact, whatever their size.

Source: IEEE 754-2019, section 4.3 (rounding); Python documentation, `int` and `math.isqrt`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

    Integers = NDArray[np.object_]

# Bits of an integer square root that is to be rounded to a double: 53 and some more, then one sticky bit.
_ROOT_BITS = 64


class Dyadic(NamedTuple):
    """The number mantissa·2^exponent."""

    mantissa: int
    exponent: int

    def __float__(self) -> float:
        """The nearest double, correctly rounded (subnormal ones too); ±inf beyond their range."""
        try:
            if self.exponent >= 0:
                # No double is above 2^1024; without a limit the shift itself could fill the memory.
                return float(self.mantissa << min(self.exponent, 1100))
            return self.mantissa / (1 << -self.exponent)
        except OverflowError:
            return math.inf if self.mantissa > 0 else -math.inf

    def root(self) -> float:
        """The nearest double to the square root, correctly rounded; 0 for a negative number."""
        if self.mantissa <= 0:
            return 0.0
        lift = max(0, 2 * _ROOT_BITS - self.mantissa.bit_length())
        lift += (self.exponent - lift) % 2
        square = self.mantissa << lift
        root = math.isqrt(square)
        # A last bit of 1 marks an inexact root: it can never look like a tie between two doubles.
        sticky = 2 * root + (root * root != square)
        return float(Dyadic(sticky, (self.exponent - lift) // 2 - 1))


def total(terms: Iterable[Dyadic]) -> Dyadic:
    """The exact sum of some dyadic numbers."""
    kept = [term for term in terms if term.mantissa]
    if not kept:
        return Dyadic(0, 0)
    exponent = min(term.exponent for term in kept)
    return Dyadic(sum(term.mantissa << (term.exponent - exponent) for term in kept), exponent)


def dyadic(value: float) -> Dyadic:
    """A finite double, exactly, with an odd mantissa or 0."""
    numerator, denominator = value.as_integer_ratio()
    if numerator == 0:
        return Dyadic(0, 0)
    trailing = (numerator & -numerator).bit_length() - 1
    return Dyadic(numerator >> trailing, trailing - denominator.bit_length() + 1)


def ldexp(value: float, exponent: int) -> float:
    """value·2^exponent, infinite where that is too large for a double."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)


def on_one_grid(x: Array, e: list[int]) -> tuple[Integers, int]:
    """Integers z (n,) and one exponent h with x_j·2^(e_j) = z_j·2^h exactly, for finite x (n,)."""
    numbers = [dyadic(float(value)) for value in x]
    exponents = [number.exponent + e_j for number, e_j in zip(numbers, e, strict=True)]
    h = min((q for q, number in zip(exponents, numbers, strict=True) if number.mantissa), default=0)
    z = np.empty(len(numbers), dtype=object)
    z[:] = [number.mantissa << max(0, q - h) for number, q in zip(numbers, exponents, strict=True)]
    return z, h


def half_lengths(squares: Iterable[int]) -> list[int]:
    """h with squares_j·4^(−h_j) in [¼, 1), the powers of two that bring columns to about one length; 0 for 0."""
    return [(int(square).bit_length() + 1) // 2 for square in squares]


def shifted(values: Integers, places: NDArray[np.object_] | int) -> Integers:
    """floor(values·2^places), entry by entry; exact where `places` is not negative."""
    if isinstance(places, int):
        return np.asarray(values << places if places >= 0 else values >> -places, dtype=object)
    left = np.maximum(places, 0)
    return np.asarray((values << left) >> (left - places), dtype=object)
