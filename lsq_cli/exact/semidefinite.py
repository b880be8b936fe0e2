"""Whether sums can be those of rows: MᵀWM has no direction in which it is below 0.

Sums of rows are semidefinite. Where more was taken away than was there they may not be, and then their least squares
mean nothing. Columns are scaled by powers of two to a diagonal S_ii in [1/16, 1/4). Two tests, the fast one first:

    doubles    Cholesky on S − cI ends well with c above all its rounding errors: S is definite
    integers   Cholesky on S + 2⁻¹²⁸·I in 192 bits; where it ends, S has an eigenvalue below 0

Sums of rows always pass. Others fail where an eigenvalue of S is below −2⁻¹²⁷; one nearer to 0 is not told from
rounding.

Source: Rump, *Verification of positive definiteness*, BIT 46 (2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.dyadic import half_lengths, shifted
from lsq_cli.exact.integers import cholesky

if TYPE_CHECKING:
    from lsq_cli.exact.dyadic import Integers

BITS = 192
"""Of the integer factor: its error, (n + 1)·2⁻¹⁹¹, is far below what is added."""
_ADDED = 128
_SURELY = 60
"""Bits of S that the doubles are made of."""


def is_semidefinite(N: Integers) -> bool:
    """Whether zᵀNz ≥ 0 for all z.

    Parameters
    ----------
    N : ndarray of int, shape (k, k)
        Symmetric. The sums may have exponents, N_ij·2^(e_i + e_j), which change nothing.
    """
    squares = N.diagonal()
    if (squares < 0).any() or N[squares == 0].any():
        return False
    kept = np.flatnonzero(squares != 0)
    if not kept.size:
        return True
    some = N[np.ix_(kept, kept)]
    h = np.array(half_lengths(some.diagonal()), dtype=object) + 1
    if _is_surely_definite(shifted(some, _SURELY - h[:, None] - h)):
        return True
    T = shifted(some, 2 * BITS - h[:, None] - h)
    each = np.arange(len(T))
    T[each, each] += 1 << (2 * BITS - _ADDED)
    return cholesky(T, BITS) is not None


def _is_surely_definite(units: Integers) -> bool:
    """Whether doubles prove that S, given in units of 2^−60, is definite."""
    S = np.asarray(units, np.float64) * 2.0**-_SURELY
    n = len(S)
    # 4n(n + 2)u is above the errors of the factor, of the trace n/4 at most, and of rounding S.
    S[np.arange(n), np.arange(n)] -= 4.0 * n * (n + 2) * 2.0**-53
    try:
        np.linalg.cholesky(S)
    except np.linalg.LinAlgError:
        return False
    return True
