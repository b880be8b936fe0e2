"""K y = b with K = AAᵀ held as limbs, and where rows of A depend on each other, y kept away from what they leave open.

With V (m, q) such that Vᵀ spans what no combination of the independent rows reaches (AᵀV = 0 where the dependencies
hold exactly), x = Aᵀy of least norm and least ‖Ax − b‖ comes from

    ⎡K   V⎤ ⎡y⎤   ⎡b⎤
    ⎣Vᵀ  0⎦ ⎣μ⎦ = ⎣0⎦

for then Ky − b = −Vμ is normal to all that A reaches. The system is symmetric, not definite, and regular; the bounds of
`verified.py` ask for no more.

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
    """The system above for p right sides, its first m unknowns y.

    Parameters
    ----------
    K : LimbForm
        AAᵀ, without targets.
    b : ndarray, shape (m, p)
    V : list of q lists of m Dyadic
        Its columns; none for independent rows.
    """

    def __init__(self, K: LimbForm, b: Array, V: list[list[Dyadic]]) -> None:
        self._K, m, q = K, K.n, len(V)
        self.levels = K.levels
        e, squares = list(K.e), list(K.squares)
        self._V = np.full((m, q), 0, dtype=object)
        for k, column in enumerate(V):
            self._V[:, k], unit, size = _on_grid(column, K)
            e.append(unit)
            squares.append(1 << (2 * size - 1))
        targets = np.full((m + q, b.shape[1]), 0, dtype=object)
        for t in range(b.shape[1]):
            targets[:m, t], unit = on_one_grid(b[:, t], [-e_i for e_i in e[:m]])
            e.append(unit)
            # In place of a sum of squares, which has no meaning here, a number that brings b to the size of 1.
            size = max(int(v).bit_length() - h for v, h in zip(targets[:m, t], K.half, strict=True))
            squares.append(1 << (2 * max(1, size)))
        super().__init__(e, squares, targets, 0.0, slice(0))
        if q:
            # Rows of S have at most m + q entries below 1: what Hadamard's bound says of any matrix.
            self.hadamard = sum(2 * h for h in self.half[: self.n]) + math.ceil(self.n / 2 * math.log2(self.n))

    def times(self, z: Integers) -> Integers:
        """The matrix times z (m + q + p, r); 0 below."""
        m = self._K.n
        y, mu = z[:m], z[m : self.n]
        image = np.full(z.shape, 0, dtype=object)
        image[:m] = self._K.times(y)
        if len(mu):
            image[:m] += self._V @ mu
            image[m : self.n] = self._V.T @ y
        return image

    def scaled(self) -> Array:
        """S (m + q, m + q) in doubles, its entries at most 1, to the relative error of `LimbForm.scaled`."""
        m = self._K.n
        S = np.zeros((self.n, self.n))
        S[:m, :m] = self._K.scaled()
        for (i, k), v in np.ndenumerate(self._V):
            if v:
                down = self.half[i] + self.half[m + k]
                S[i, m + k] = S[m + k, i] = v / (1 << down)
        return S


def _on_grid(column: list[Dyadic], K: LimbForm) -> tuple[Integers, int, int]:
    """Whole numbers (m,) and a unit f with v_i = whole_i·2^(e_i + f), and the h that makes whole_i·2^(−h_i − h) < 1."""
    f = min(v.exponent - e for v, e in zip(column, K.e, strict=True) if v.mantissa)
    top = max(
        v.mantissa.bit_length() + v.exponent - e - f - h
        for v, e, h in zip(column, K.e, K.half, strict=True)
        if v.mantissa
    )
    lift = max(0, 1 - top)
    whole = np.full(len(column), 0, dtype=object)
    whole[:] = [
        v.mantissa << (v.exponent - e - f + lift) if v.mantissa else 0 for v, e in zip(column, K.e, strict=True)
    ]
    return whole, f - lift, top + lift
