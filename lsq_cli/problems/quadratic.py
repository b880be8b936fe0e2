"""The problem in small: rows summed into one quadratic form, and everything that follows from it.

    f(x) = ½‖Ax − b‖² = ½xᵀGx − cᵀx + ½bᵀb,    G = AᵀA (n, n),  c = Aᵀb (n, p),

so one pass over the rows serves the normal equations Gx = c, any number of descent steps (∇f = Gx − c) and
the residual ‖Ax − b‖ = √(2f) at any x. The sums come from `exact/errorfree.py` or `exact/doublesums.py`, each with a
power of two for every column.

`Quadratic` adds the ridge, ½λ‖x‖² on all but the intercept, and hands out one `QuadraticObjective` a target.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.solution import Iterate
from lsq_cli.exact.doublesums import regrid
from lsq_cli.exact.dyadic import ldexp

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.doublesums import Exponents, Sums

# Up to this power of two a column's own units are used in descent: λmax, f and x then fit easily.
_PLAIN_EXPONENT = 200


class QuadraticObjective:
    """f(x) = ½xᵀGx − cᵀx + ½bᵀb of one target, in doubles: n² work for a value and a gradient, no row.

    Parameters
    ----------
    G : ndarray, shape (n, n)
        AᵀA + λI (no λ on an intercept).
    c : ndarray, shape (n,)
    b_squared : float
        bᵀb.
    ridge : ndarray, shape (n,), or None
        The λ of each unknown, for the residual: f without ½Σλᵢxᵢ². None for no ridge.
    """

    passes = 1

    def __init__(self, G: Array, c: Array, b_squared: float, ridge: Array | None = None) -> None:
        self.G, self.c, self.b_squared, self.ridge = G, c, b_squared, ridge
        self.n = len(c)
        # Where a descent is: f there, what rounding has kept from it, and ∇f.
        self._f, self._lost, self._g = 0.5 * b_squared, 0.0, -c

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x) = Gx − c; f carries a rounding error of about 2⁻⁵³bᵀb."""
        g = self.G.dot(x)  # .dot and not @: half the overhead, which is what counts at small n
        g -= self.c
        return 0.5 * (float(x.dot(g)) - float(x.dot(self.c)) + self.b_squared), g

    def begin(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x), at the start of a descent."""
        self._f, self._g = self.value_and_gradient(x)
        self._lost = 0.0
        return self._f, self._g

    def advance(self, x: Array, move: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x) after x ← x − move: f has fallen by ½·moveᵀ(∇f before + ∇f after), exactly so on a parabola.

        f from x alone is rounded like bᵀb, and like its terms xᵢcᵢ where these cancel; it would rise and fall by
        that at every step. Its fall is rounded like itself, and added up as Kahan does.
        """
        before = self._f
        g = self.G.dot(x)
        g -= self.c
        fall = 0.5 * float(move.dot(self._g + g)) - self._lost
        f = before - fall
        self._f, self._g, self._lost = f, g, (before - f) - fall
        return 0.0 if f < 0.0 else f, g  # where b is met exactly, what is left of f is its rounding

    def curvature(self, d: Array) -> float:
        """dᵀGd."""
        return float(d.dot(self.G.dot(d)))

    def product(self, d: Array) -> Array:
        """Gd."""
        product: Array = self.G.dot(d)
        return product

    def residual_norm(self, x: Array, f: float) -> float:
        """‖Ax − b‖ = √(2f − λ‖x‖²) at an x whose f is known."""
        square = 2.0 * f if self.ridge is None else 2.0 * f - float((self.ridge * x).dot(x))
        return math.sqrt(square) if square > 0.0 else 0.0

    def gradient_norm(self, g: Array) -> float:
        """‖g‖."""
        return math.sqrt(g.dot(g))

    def rounding(self, x: Array) -> float:
        """2⁻⁵³·‖|G||x| + |c|‖, about the norm of the rounding error of ∇f(x)."""
        return 2.0**-53 * self.gradient_norm(np.abs(self.G).dot(np.abs(x)) + np.abs(self.c))


class Quadratic:
    """The finished sums of a problem with p targets, in units that descent can work in.

    Parameters
    ----------
    sums : Sums
    ridge : float
        λ of ½λ‖x‖².

    Attributes
    ----------
    G : ndarray, shape (n, n)
        AᵀA + λI in units of 2^(2·a_unit): a power of two common to all columns, so that a step of descent
        on it is a step of descent on the user's A; 0 unless the columns are huge or tiny.
    c : ndarray, shape (n, p)
        Aᵀb, in units of 2^(a_unit + b_unit[t]).
    b_squared : ndarray, shape (p,)
        bᵀb, in units of 2^(2·b_unit[t]).
    """

    def __init__(self, sums: Sums, ridge: float = 0.0) -> None:
        self.sums, self.lam = sums, ridge
        self.n, self.p, self.rows, self.intercept = sums.n, sums.p, sums.rows, sums.intercept
        n = self.n
        S, exponents = sums.doubles()
        e = np.array(exponents, dtype=np.int64)
        self.a_unit = _unit(e[:n], S.diagonal()[:n])
        self.b_unit = [_unit(e[n + t : n + t + 1], S.diagonal()[n + t : n + t + 1]) for t in range(self.p)]
        units = np.array([self.a_unit] * n + self.b_unit, dtype=np.int64)
        with np.errstate(under="ignore"):
            S = regrid(S, e - units)
        self.c, self.b_squared = S[:n, n:], S.diagonal()[n:].copy()
        self.ridge = np.full(n, math.ldexp(ridge, -2 * self.a_unit))
        if self.intercept:
            self.ridge[0] = 0.0
        self.G = S[:n, :n] + np.diag(self.ridge)

    def objective(self, target: int) -> QuadraticObjective:
        """f of one target."""
        c = np.ascontiguousarray(self.c[:, target])
        return QuadraticObjective(self.G, c, float(self.b_squared[target]), self.ridge if self.lam else None)

    def measured(self, vectors: Array) -> Array:
        """Gradients (n, r) as they are in the user's columns, but for a power of two: as they are here."""
        return vectors

    def to_user(self, iterate: Iterate, target: int) -> Iterate:
        """An iterate of one target in the user's units."""
        a, b = self.a_unit, self.b_unit[target]
        if not (a or b):
            return iterate
        k, x, f, residual, gradient, length, seconds = iterate
        return Iterate(
            k,
            np.ldexp(x, b - a),
            ldexp(f, 2 * b),
            ldexp(residual, b),
            ldexp(gradient, a + b),
            length if length == 1.0 else ldexp(length, -2 * a),
            seconds,
        )

    def from_user(self, x: Array | None, target: int) -> Array:
        """A start given in the user's units, (n,) or (n, p), in those of this form; zeros for None."""
        if x is None:
            return np.zeros(self.n)
        column = x if x.ndim == 1 else x[:, target]
        return np.asarray(np.ldexp(column, self.a_unit - self.b_unit[target]))


def _unit(e: Exponents, diagonal: Array) -> int:
    """The common power of two of some columns: 0 where their own units are comfortable, else the largest."""
    used = e[diagonal > 0]
    return int(used.max()) if used.size and np.abs(used).max() > _PLAIN_EXPONENT else 0
