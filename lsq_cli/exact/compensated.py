"""Sums and products of doubles together with what rounding takes from them: two doubles for one exact number.

    a + b = s + e,    s = fl(a + b)        `two_sum`, 6 operations, and nothing is assumed of the sizes
    w · x = p + e,    p = fl(w·x)          `two_product`, 17 operations

Prefer these where a double is a little too short and an integer too slow: sums that must not drift, residuals that
cancel. Where every digit counts there is `errorfree.py`.

Source: Knuth, *The Art of Computer Programming* 2, section 4.2.2; Dekker, "A floating-point technique for extending
the available precision", *Numerische Mathematik* 18 (1971).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """s, e with s + e = a + b exactly and s = fl(a + b) (Knuth), where nothing overflows."""
    s = a + b
    of_b = s - a  # the part of b that s has; s less that is the part of a
    return s, (a - (s - of_b)) + (b - of_b)


def two_product(w: Array, X: Array) -> tuple[Array, Array]:
    """P, E with P + E = w·X exactly and P = fl(w·X) (Veltkamp and Dekker), where nothing under- or overflows."""
    P = w * X
    w_high, X_high = _high(w), _high(X)
    w_low, X_low = w - w_high, X - X_high
    E = ((w_high * X_high - P) + w_high * X_low + w_low * X_high) + w_low * X_low
    return P, E


def _high(x: Array) -> Array:
    """The upper 26 bits of x, rounded to nearest."""
    c = (2.0**27 + 1) * x
    return c - (c - x)
