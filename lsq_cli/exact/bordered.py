"""Symmetric sums held as limbs, bordered with what they leave open: the solution of least norm in one regular system.

    ⎡K   V⎤ ⎡y⎤   ⎡d⎤
    ⎣Vᵀ  0⎦ ⎣μ⎦ = ⎣0⎦

*Rows.* K = AAᵀ, d = b, and V (m, q) spans what no combination of the columns reaches (AᵀV = 0 where the dependencies
hold exactly). x = Aᵀy then has the least norm and the least ‖Ax − b‖, for Ky − b = −Vμ is normal to all that A reaches.

*Columns.* K = AᵀA, d = Aᵀb, and V (n, q) spans the null space of A. y is x, of least norm by Vᵀx = 0, and μ is 0.

The system is symmetric, not definite, and regular; the bounds of `doubleinverse.py` ask for no more.

Source: Björck, *Numerical Methods for Least Squares Problems*, 1.6 (augmented systems).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.dyadic import on_one_grid
from lsq_cli.exact.form import ExactForm

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Dyadic, Integers
    from lsq_cli.exact.limbform import LimbForm


class BorderedForm(ExactForm):
    """The system above for p right sides, y its first unknowns.

    Parameters
    ----------
    K : LimbForm
    V : list of q lists of Dyadic
        Its columns; none for what is regular.
    targets : ndarray of int, shape (size of y, p)
        d in the units of the rows of K, times 2^(its e).
    e, squares : list of int, length p
        As those of `ExactForm`, of the targets.
    """

    def __init__(self, K: LimbForm, V: list[list[Dyadic]], targets: Integers, e: list[int], squares: list[int]) -> None:
        self._K, self._m, q = K, K.n, len(V)
        self.levels = K.levels
        border, sizes = [], []
        self._V = np.full((K.n, q), 0, dtype=object)
        for k, column in enumerate(V):
            self._V[:, k], unit, size = _on_grid(column, K)
            border.append(unit)
            sizes.append(1 << (2 * size - 1))
        zeros = np.full((q, targets.shape[1]), 0, dtype=object)
        super().__init__(
            [*K.e[: K.n], *border, *e],
            [*K.squares[: K.n], *sizes, *squares],
            np.concatenate((targets, zeros)),
            0.0,
            slice(0),
        )
        self.wanted = K.n
        if q:
            # Rows of S have at most n entries below 1: what Hadamard's bound says of any matrix.
            self.hadamard = sum(2 * h for h in self.half[: self.n]) + math.ceil(self.n / 2 * math.log2(self.n))

    @classmethod
    def of_rows(cls, K: LimbForm, b: Array, V: list[list[Dyadic]]) -> BorderedForm:
        """The system for K = AAᵀ, without targets, and b (m, p)."""
        targets, e, squares = np.full(b.shape, 0, dtype=object), [], []
        for t in range(b.shape[1]):
            targets[:, t], unit = on_one_grid(b[:, t], [-e_i for e_i in K.e])
            e.append(unit)
            # In place of a sum of squares, which has no meaning here, a number that brings b to the size of 1.
            size = max(int(v).bit_length() - h for v, h in zip(targets[:, t], K.half, strict=True))
            squares.append(1 << (2 * max(1, size)))
        return cls(K, V, targets, e, squares)

    @classmethod
    def of_columns(cls, K: LimbForm, V: list[list[Dyadic]]) -> BorderedForm:
        """The system for K = AᵀA with Aᵀb for its targets."""
        return cls(K, V, K.targets, K.e[K.n :], K.squares[K.n :])

    def times(self, z: Integers) -> Integers:
        """The matrix times z (n + p, r); 0 below."""
        m = self._m
        y, mu = z[:m], z[m : self.n]
        image = np.full(z.shape, 0, dtype=object)
        image[:m] = self._K.times(np.concatenate((y, np.full((self._K.p, z.shape[1]), 0, dtype=object))))[:m]
        if len(mu):
            image[:m] += self._V @ mu
            image[m : self.n] = self._V.T @ y
        return image

    def scaled(self) -> Array:
        """S (m + q, m + q) in doubles, its entries at most 1, to the relative error of `LimbForm.scaled`."""
        m = self._m
        S = np.zeros((self.n, self.n))
        S[:m, :m] = self._K.scaled()
        for (i, k), v in np.ndenumerate(self._V):
            if v:
                down = self.half[i] + self.half[m + k]
                S[i, m + k] = S[m + k, i] = v / (1 << down)
        return S


def _on_grid(column: list[Dyadic], K: LimbForm) -> tuple[Integers, int, int]:
    """Whole numbers (m,) and a unit f with v_i = whole_i·2^(e_i + f), and the h that makes whole_i·2^(−h_i − h) < 1."""
    f = min(v.exponent - e for v, e in zip(column, K.e, strict=False) if v.mantissa)
    top = max(
        v.mantissa.bit_length() + v.exponent - e - f - h
        for v, e, h in zip(column, K.e, K.half, strict=False)
        if v.mantissa
    )
    lift = max(0, 1 - top)
    whole = np.full(len(column), 0, dtype=object)
    whole[:] = [
        v.mantissa << (v.exponent - e - f + lift) if v.mantissa else 0 for v, e in zip(column, K.e, strict=False)
    ]
    return whole, f - lift, top + lift
