"""Problems with a known answer, made block by block: A with a given condition number, x, and b.

    A = Q C,    QᵀQ = m·I,    C = S Vᵀ,    b = A x + e,    Aᵀe = 0

S holds n singular values, evenly spaced on a log scale, whose first is κ times the last; V is orthogonal. Q never
exists as a whole: it is a stack of blocks Qᵢ of kᵢ rows with QᵢᵀQᵢ = kᵢ·I, which add up to

    AᵀA = Σ CᵀQᵢᵀQᵢC = m·CᵀC = m·V S² Vᵀ,

so that κ(A) = κ whatever the number of blocks. V is turned until every column of C has length 1, so every column of A
has length √m and κ is the condition of the column-scaled A as well, the one that `lsq solve` prints.

κ holds up to the rounding of A's entries. Errors in the orthogonality of Qᵢ and V multiply A from the left and the
right by almost orthogonal matrices, (I + E)A(I + F), which change each singular value by a relative ‖E‖ + ‖F‖ only
(Ostrowski); rounding the product Q·C adds to A, which is the only thing that can change the least of them by more.

The noise e is made orthogonal to the columns of its block, and of length S√kᵢ. So x is the least-squares solution
itself and not a neighbour of it, and ‖Ax − b‖ = S√m: two known numbers to hold a solver to. Rounding A and b to doubles
moves the solution from x by about u·κ of its length, with noise by u·κ²·S more, u = 2⁻⁵³ (Wedin 1973).

Sources: Bendel & Mickey 1978, *Comm. Statist. Simulation Comput.* 7 (the rotations that give columns of length 1);
Davies & Higham 2000, *BIT* 40 (their stable form); Stewart 1980, *SIAM J. Numer. Anal.* 17 (random orthogonal Q).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import UsageError

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array

BLOCK_DOUBLES = 1 << 18
"""Doubles of A in one block: 2 MB. The last block has up to twice as many."""

_LEAST_SHAPE = 2  # a block has at least so many times as many rows as columns


class KnownProblem:
    """A least-squares problem whose solution is known; the same arguments give the same numbers.

    Parameters
    ----------
    rows, columns : int
        m and n, m ≥ n ≥ 1.
    condition : float
        κ ≥ 1, of A and of the column-scaled A.
    noise : float
        Root mean square of e = b − Ax, which is orthogonal to A's columns.
    seed : int

    Attributes
    ----------
    x : ndarray, shape (n,)
        The solution: numbers between 0.001 and 9.999 in size, three decimals each.

    Raises
    ------
    UsageError
        For sizes and numbers that no such problem has.
    """

    def __init__(self, rows: int, columns: int, condition: float = 10.0, noise: float = 0.0, seed: int = 0) -> None:
        _check(rows, columns, condition, noise)
        self.rows, self.columns, self.noise, self._seed = rows, columns, noise, seed
        rng = np.random.default_rng([seed, 0])
        size = rng.integers(1, 9999, columns, endpoint=True)
        self.x: Array = rng.choice([-1, 1], columns) * size / 1000.0
        self._C = unit_columns(singular_values(columns, condition)[:, None] * _orthonormal(columns, columns, rng))

    def blocks(self) -> Iterator[tuple[Array, Array]]:
        """Consecutive rows of A (k, n) and b (k,)."""
        rng = np.random.default_rng([self._seed, 1])
        height = max(_LEAST_SHAPE * self.columns, BLOCK_DOUBLES // self.columns)
        left = self.rows
        while left:
            # What is left is never less than a whole block, for fewer rows than columns cannot be orthonormal.
            k = height if left >= 2 * height else left
            left -= k
            yield self._block(k, rng)

    def _block(self, k: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """`k` rows."""
        Q = _orthonormal(k, self.columns, rng)
        A = (math.sqrt(k) * Q) @ self._C
        b = A @ self.x
        if self.noise:
            e = rng.standard_normal(k)
            for _ in range(2):  # once more, for what rounding left along the columns
                e -= Q @ (Q.T @ e)
            b += self.noise * math.sqrt(k) / np.linalg.norm(e) * e
        return A, b


def singular_values(n: int, condition: float) -> Array:
    """σ (n,), log-spaced, σ₁/σₙ = κ and Σσ² = n, so that columns of length 1 can have them."""
    values = np.geomspace(1.0, 1.0 / condition, n)
    return np.asarray(values * math.sqrt(n / float(values @ values)))


def unit_columns(C: Array) -> Array:
    """C·W for an orthogonal W that gives every column length 1; needs Σᵢⱼ Cᵢⱼ² = n.

    Each rotation mixes the shortest column cᵢ and the longest cⱼ of those left, by the angle with tan = t,

        (‖cⱼ‖² − 1)t² − 2(cᵢᵀcⱼ)t + (‖cᵢ‖² − 1) = 0,

    after which cᵢ is done. The root of smaller size is taken, in the form that does not cancel.
    """
    C = C.copy()
    squares = (C * C).sum(axis=0)
    left = np.ones(len(squares), dtype=bool)
    for _ in range(len(squares) - 1):
        i = int(np.where(left, squares, np.inf).argmin())
        j = int(np.where(left, squares, -np.inf).argmax())
        left[i] = False
        short, long = squares[i] - 1.0, squares[j] - 1.0
        if short >= 0.0 or long <= 0.0:
            continue  # all that are left have length 1 but for rounding
        inner = float(C[:, i] @ C[:, j])
        t = short / (inner + math.copysign(math.sqrt(inner * inner - short * long), inner))
        cosine = 1.0 / math.hypot(1.0, t)
        C[:, i], C[:, j] = cosine * (C[:, i] - t * C[:, j]), cosine * (C[:, j] + t * C[:, i])
        squares[j] += short
    return C


def _orthonormal(k: int, n: int, rng: np.random.Generator) -> Array:
    """A random (k, n) matrix with orthonormal columns."""
    return np.asarray(np.linalg.qr(rng.standard_normal((k, n)))[0])


def _check(rows: int, columns: int, condition: float, noise: float) -> None:
    """Refuse what cannot be made."""
    if not 1 <= columns <= rows:
        raise UsageError(f"{rows} rows and {columns} columns: a single solution needs M ≥ N ≥ 1")
    if not 1.0 <= condition < math.inf:
        raise UsageError(f"a condition number is 1 or more, not {condition:g}")
    if columns == 1 and condition != 1.0:
        raise UsageError(f"one column alone has condition 1, not {condition:g}")
    if not 0.0 <= noise < math.inf:
        raise UsageError(f"the noise must be a number ≥ 0, not {noise:g}")
    if noise and rows == columns:
        raise UsageError("no noise is orthogonal to a square A: make M larger than N, or leave the noise out")
