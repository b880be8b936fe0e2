"""Exact sums as arrays: one form for one value, whatever the order and the parts they were made in.

    (MᵀWM)_ij = N_ij · 2^(e_i + e_j)

`Limbs.integers` gives N and e by the value alone. Here the integers N, on and above the diagonal and row by row,
become digits to the base 2³², the lowest first, in two's complement and no more of them than the largest needs. So
equal sums are equal arrays, to the bit: they can be stored, sent, hashed and compared. Prefer `ExactSums` to add rows;
prefer this to hand sums on, to another process, machine or day.

Sums that were taken from other sums need not be those of any rows. `check` finds what is below 0 at once, and
`semidefinite.py` the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.limbs import Limbs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.exact.dyadic import Integers

    Digits = NDArray[np.uint32]

BASE_BITS = 32


def digits_of(values: Iterable[int]) -> Digits:
    """Integers as digits (values, D), little-endian in base 2³² and in two's complement, with the least D for all."""
    numbers = list(values)
    bits = max(((number if number >= 0 else ~number).bit_length() for number in numbers), default=0) + 1
    width = -(-bits // BASE_BITS)
    data = b"".join([number.to_bytes(4 * width, "little", signed=True) for number in numbers])
    return np.frombuffer(data, "<u4").reshape(len(numbers), width)


def integers_of(digits: Digits) -> list[int]:
    """The integers that `digits_of` was given."""
    data, width = np.ascontiguousarray(digits, "<u4").tobytes(), 4 * digits.shape[1]
    return [int.from_bytes(data[k : k + width], "little", signed=True) for k in range(0, len(data), width)]


class CanonicalSums(NamedTuple):
    """The exact value of a symmetric (k, k) matrix of sums; equal values have equal arrays.

    Attributes
    ----------
    exponents : ndarray of int64, shape (k,)
        e.
    digits : ndarray of uint32, shape (k(k + 1)/2, D)
        N_11, N_12, …, N_1k, N_22, …, N_kk; see `digits_of`.
    """

    exponents: NDArray[np.int64]
    digits: Digits

    @classmethod
    def of(cls, sums: ExactSums | Limbs) -> CanonicalSums:
        """The sums of some rows."""
        N, e = sums.integers()
        return cls(np.array(e, np.int64), digits_of(N[np.triu_indices(len(e))].tolist()))

    @property
    def columns(self) -> int:
        """k."""
        return len(self.exponents)

    def integers(self) -> tuple[Integers, list[int]]:
        """N (k, k) and e (k,), as `ExactSums.integers` gives them."""
        N = np.zeros((self.columns, self.columns), dtype=object)
        upper = np.triu_indices(self.columns)
        N[upper] = integers_of(self.digits)
        N.T[upper] = N[upper]
        return N, self.exponents.tolist()

    def combined(self, other: CanonicalSums, sign: int = 1) -> CanonicalSums:
        """These sums with those of other rows added, or with sign −1 taken away."""
        total, part = (Limbs.from_integers(*sums.integers()) for sums in (self, other))
        total.merge(part, sign)
        return CanonicalSums.of(total)

    def of_columns(self, columns: Sequence[int], p: int, rows: int) -> ExactSums:
        """The sums of some columns, in that order, of which the last p are targets; `rows` were added."""
        N, e = self.integers()
        chosen = list(columns)
        return ExactSums.from_integers(len(chosen) - p, p, rows, N[np.ix_(chosen, chosen)], [e[k] for k in chosen])

    def check(self) -> int | None:
        """The last column whose sum of squares cannot be one: below 0, else too small beside a product; else None.

        Of rows, N_ii ≥ 0 and N_ij² ≤ N_ii·N_jj (Cauchy and Schwarz); the powers of two cancel.
        """
        N, _ = self.integers()
        squares = N.diagonal()
        if (squares < 0).any():
            return int(np.flatnonzero(squares < 0)[-1])
        # Row by row, for all these products at once would take more room than the sums.
        backwards = range(self.columns - 1, -1, -1)
        return next((i for i in backwards if (squares[i] * squares < N[i] * N[i]).any()), None)
