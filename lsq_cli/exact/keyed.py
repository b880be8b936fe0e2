"""Exact sums by key: the total of some columns over the rows of each group, without one rounding error.

    total_k = Σ v_i over the rows i of group k

What a category adds to AᵀA: the columns of its levels are 0 and 1, so their products with anything are sums of it over
the rows of a level. No column of zeros and ones is ever made. The groups need not be known beforehand, and the sums
know no order, split or merge. Prefer `ExactSums` for products of columns of numbers.

How. A column is cut into slices of 26 bits whose units are powers of 2²⁶, the same for all rows. The slices are
integers, so that the doubles that count them up by key are exact, and so are the long integers they are added to.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.expansions import Parts

    Codes = NDArray[np.intp]

_BITS = 26


class KeyedSums:
    """The exact sums of some columns by key.

    Parameters
    ----------
    columns : int
        How many are summed.

    Attributes
    ----------
    keys : dict
        Key → its number, in the order in which they were met.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.keys: dict[Hashable, int] = {}
        self._slices: dict[int, NDArray[np.int64]] = {}
        """Exponent of the unit → sums (keys or more, columns)."""

    def add(self, keys: Sequence[Hashable], codes: Codes, columns: Sequence[Parts]) -> None:
        """Add rows.

        Parameters
        ----------
        keys : sequence
            Those of these rows, each once.
        codes : ndarray of int, shape (rows,)
            The position in `keys` of each row's.
        columns : sequence of tuple of ndarray
            The columns, each as doubles (rows,) whose exact sum it is.
        """
        places = self._places(keys)
        for j, parts in enumerate(columns):
            for part in parts:
                for exponent, totals in _sliced(part, codes, len(keys)):
                    self._level(exponent)[places, j] += totals

    def merge(self, other: KeyedSums) -> None:
        """Add the rows of `other`."""
        self._take_in(other, 1)

    def subtract(self, other: KeyedSums) -> None:
        """Take away the rows of `other`, which were added before; their keys stay."""
        self._take_in(other, -1)

    def _take_in(self, other: KeyedSums, sign: int) -> None:
        """Add the rows of `other` so many times."""
        places = self._places(list(other.keys))
        for exponent, totals in other._slices.items():
            self._level(exponent)[places] += sign * totals[: len(places)]

    def integers(self) -> tuple[Integers, int]:
        """The value: N (keys, columns) and e, the sums being N·2^e."""
        K, lowest = len(self.keys), min(self._slices, default=0)
        N = np.zeros((K, self.columns), dtype=object)
        for exponent, totals in self._slices.items():
            N += totals[:K].astype(object) << (exponent - lowest)
        return N, lowest

    def _places(self, keys: Sequence[Hashable]) -> Codes:
        """The numbers of some keys; new ones are added."""
        return np.array([self.keys.setdefault(key, len(self.keys)) for key in keys], dtype=np.intp)

    def _level(self, exponent: int) -> NDArray[np.int64]:
        """The sums of one unit, with room for all keys."""
        K = len(self.keys)
        found = self._slices.get(exponent)
        if found is None or len(found) < K:
            room = np.zeros((max(K, 0 if found is None else 2 * len(found)), self.columns), np.int64)
            if found is not None:
                room[: len(found)] = found
            self._slices[exponent] = found = room
        return found


def _sliced(part: Array, codes: Codes, K: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """The sums by key of each slice of a column, with the exponent of its unit."""
    largest = max(float(part.max(initial=0.0)), -float(part.min(initial=0.0)))
    exponent = _BITS * (-(-int(np.frexp(largest)[1]) // _BITS) - 1)  # |part| ≤ 2^26 units
    left, piece = part.copy(), np.empty_like(part)
    while left.any():
        np.rint(_scaled(left, -exponent, piece), out=piece)
        yield exponent, np.bincount(codes, piece, K).astype(np.int64)
        left -= _scaled(piece, exponent, piece)
        exponent -= _BITS


def _scaled(values: Array, exponent: int, out: Array) -> Array:
    """values·2^exponent; a product is faster than `ldexp`, and as exact where the factor is a normal double."""
    if abs(exponent) < 1000:
        return np.multiply(values, 2.0**exponent, out=out)
    return np.ldexp(values, exponent, out=out)
