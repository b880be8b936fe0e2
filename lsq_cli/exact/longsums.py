"""Sums that are finished, as long integers: what a problem asks of its sums, and no more.

Prefer `ExactSums` where rows are added, and for sums of a few hundred bits, whose limbs doubles can hold. Sums with a
common denominator, as those within the levels of a category, may have thousands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.dyadic import Dyadic, half_lengths

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers


class LongSums:
    """The sums (MᵀWM)_ij = N_ij·2^(e_i + e_j) of the rows of M = [A b].

    Parameters
    ----------
    n, p : int
        Columns of A and of b.
    rows : int
    N : ndarray of int, shape (n + p, n + p)
    e : list of int
    """

    intercept = False

    def __init__(self, n: int, p: int, rows: int, N: Integers, e: list[int]) -> None:
        self.n, self.p, self.rows, self._value = n, p, rows, (N, e)

    def add(self, A: Array, b: Array, weights: Array | None = None) -> None:
        """Finished sums take no rows."""
        raise NotImplementedError("these sums are finished")

    def integers(self) -> tuple[Integers, list[int]]:
        """The value."""
        return self._value

    def doubles(self) -> tuple[Array, list[int]]:
        """The value scaled and rounded, as `ExactSums.doubles`."""
        N, e = self._value
        half = half_lengths(N.diagonal())
        S = [[float(Dyadic(int(v), -half[i] - half[j])) for j, v in enumerate(row)] for i, row in enumerate(N)]
        return np.array(S), [h + f if h else 0 for h, f in zip(half, e, strict=True)]

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the number of rows and the value."""
        from hashlib import sha256  # only states need it

        N, e = self._value
        upper = " ".join(f"{number:x}" for number in N[np.triu_indices(len(e))])
        return sha256(f"{self.n} {self.p} {self.rows} {e} {upper}".encode()).hexdigest()
