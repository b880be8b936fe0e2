"""Numbers longer than a double: columns that are exact sums of columns of doubles.

    x² = P + E        two doubles          x¹⁰ = P₁ + … + P₁₀        ten

`added` and `multiplied` round nothing. Their parts, largest first, do not overlap as a rule, so that the first is the
nearest double and as few as the number needs are not 0. Prefer them for products of columns that go into exact sums;
a value that is shown needs the first part only.

A product is exact unless a part of it leaves the range of doubles. Where it does, `OutOfRange` names the row.

Source: Shewchuk, "Adaptive precision floating-point arithmetic", *Discrete & Computational Geometry* 18 (1997).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.compensated import two_product, two_sum

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array

    Parts = tuple[Array, ...]

_LARGEST = 2.0**990
"""Above this splitting a factor, or adding up, could overflow."""
_SMALLEST = 2.0**-968
"""A product below this may have a last part below the smallest double."""


class OutOfRange(ArithmeticError):  # noqa: N818 - it is what happened, and is turned into an error that names the cell
    """A number that sums of doubles cannot hold, in this row."""

    def __init__(self, row: int) -> None:
        super().__init__(f"row {row}")
        self.row = row


def added(left: Parts, right: Parts) -> Parts:
    """left + right exactly, in as many parts as both have."""
    return _distilled((*left, *right))


def negated(parts: Parts) -> Parts:
    """−parts."""
    return tuple(-part for part in parts)


def multiplied(left: Parts, right: Parts) -> Parts:
    """left · right exactly, in as many parts as both have together.

    Raises
    ------
    OutOfRange
        Where a product is too large or too small for doubles.
    """
    pieces: list[Array] = []
    for a in left:
        for b in right:
            _check_factors(a, b)
            pieces += two_product(a, b)
    pieces.sort(key=lambda piece: -float(np.abs(piece).max(initial=0.0)))
    return _distilled(tuple(pieces), len(left) + len(right))


def _check_factors(a: Array, b: Array) -> None:
    """`OutOfRange` for the first row whose product is not exact."""
    with np.errstate(over="ignore", under="ignore"):
        size = np.abs(a * b)
        wrong = (size > _LARGEST) | (np.abs(a) > _LARGEST) | (np.abs(b) > _LARGEST)
        wrong |= (size < _SMALLEST) & (a != 0) & (b != 0)
    if wrong.any():
        raise OutOfRange(int(wrong.argmax()))


def _distilled(parts: Parts, wanted: int | None = None) -> Parts:
    """The same sum in parts that do not overlap, the largest first; those beyond `wanted` go where they are 0.

    A pass of two-sums from the smallest to the largest leaves the rounded sum in front and what was lost behind;
    the same again for what is behind.
    """
    wanted = len(parts) if wanted is None else wanted
    left = list(parts)
    for _ in range(len(parts)):
        for first in range(len(left) - 1):
            for k in range(len(left) - 1, first, -1):
                left[k - 1], left[k] = two_sum(left[k - 1], left[k])
        if not any(part.any() for part in left[wanted:]):
            return tuple(left[:wanted])
    wrong = np.logical_or.reduce([part != 0 for part in left[wanted:]])
    raise OutOfRange(int(wrong.argmax()))
