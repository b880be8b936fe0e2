"""The same problem in columns of length 1, where descent has it easier: ``--normalize``.

    z_j = ℓ_j x_j,   ℓ_j = ‖a_j‖;      beside an intercept   ℓ_j = ‖a_j − ā_j‖,   z₀ = √Σw·(x₀ + Σ ā_j x_j)

In z the columns are aⱼ/ℓⱼ, or (aⱼ − āⱼ)/ℓⱼ with the intercept at right angles to all of them: units and offsets are
gone, which is most of what makes κ large in practice. Prefer it wherever columns differ in units or have a mean that
is not small beside their spread; descent in the user's own columns is for seeing why.

Centring is a rank-one change, Gⱼₖ − (Σ w aⱼ)(Σ w aₖ)/Σw, that cancels all but the last digits of columns with a large
offset; so it is made on the exact integer sums, and the result rounded once. The ridge stays in the user's units,
½λ‖x‖² = ½Σ (λ/ℓⱼ²) zⱼ². Everything that leaves this module is in the user's units again, but for rates and step
lengths, which have no meaning there.

Source: Higham, *Accuracy and Stability of Numerical Algorithms*, section 7.3 (van der Sluis: scaling to columns of
length 1 is within √n of the best).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.solution import Iterate
from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.exact.dyadic import ldexp
from lsq_cli.problems.quadratic import QuadraticObjective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.problems.quadratic import Quadratic

# λ/ℓ² stays under 4 to this power: a column far shorter than that is scaled less, or its ridge would overflow.
_RIDGE_BITS = 100
# Where sums are rounded, a column that centring shortens by so many bits, squared, is constant but for rounding.
_ROUNDING_BITS = 45


class NormalizedObjective(QuadraticObjective):
    """f of one target in z; gradients are measured as they are in the user's columns.

    Parameters
    ----------
    G, c, b_squared, ridge
        As for `QuadraticObjective`, in z.
    columns : Columns
    """

    def __init__(self, G: Array, c: Array, b_squared: float, ridge: Array | None, columns: Columns) -> None:
        super().__init__(G, c, b_squared, ridge)
        self._columns = columns

    def gradient_norm(self, g: Array) -> float:
        """‖∇f(x)‖ from the gradient in z."""
        in_x = self._columns.gradient(g)
        return math.sqrt(in_x.dot(in_x))


class Columns:
    """How the normalised columns are made from the user's: their lengths and means.

    Parameters
    ----------
    mantissas : ndarray, shape (n,)
        ℓ over its power of two, near 1.
    exponents : ndarray of int, shape (n,)
        That power: ℓ_j = mantissas_j·2^exponents_j.
    tilt : ndarray, shape (n,), or None
        √Σw·ā_j/ℓ_j, 0 for the intercept itself; None without an intercept.
    unit : int
        The power of two in which gradients are measured.
    """

    def __init__(self, mantissas: Array, exponents: NDArray[np.int64], tilt: Array | None, unit: int) -> None:
        self._mantissas, self._exponents, self._tilt = mantissas, exponents, tilt
        self._lengths = np.ldexp(mantissas, exponents - unit)
        self._inverse = 1.0 / mantissas
        self._factors: dict[int, Array] = {}

    def gradient(self, g: Array) -> Array:
        """∇f(x) (n,) from that in z: what z changes by with x, transposed."""
        if self._tilt is not None:
            g = g + self._tilt * g[0]
        return self._lengths * g

    def gradients(self, V: Array) -> Array:
        """As `gradient`, of many at once (n, r)."""
        if self._tilt is not None:
            V = V + np.multiply.outer(self._tilt, V[0])
        return self._lengths[:, None] * V

    def to_x(self, z: Array, unit: int) -> Array:
        """x from z, which is in units of 2^unit."""
        factors = self._factors.get(unit)
        if factors is None:
            with np.errstate(over="ignore"):
                factors = np.ldexp(self._inverse, unit - self._exponents)
            # Not infinite, so that 0 stays 0.
            factors = self._factors[unit] = np.minimum(factors, np.finfo(np.float64).max)
        x = z * factors
        if self._tilt is not None:
            x[0] -= factors[0] * self._tilt.dot(z)
        return x

    def to_z(self, x: Array, unit: int) -> Array:
        """z in units of 2^unit from x."""
        z = np.ldexp(x * self._mantissas, self._exponents - unit)
        if self._tilt is not None:
            z[0] += self._tilt.dot(z)
        return np.asarray(z)


class Normalized:
    """A `Quadratic` in the normalised columns z; a `Form`.

    Parameters
    ----------
    quadratic : Quadratic
    """

    a_unit = 0
    """Columns of length 1 have no unit."""

    def __init__(self, quadratic: Quadratic) -> None:
        self.n, self.p = quadratic.n, quadratic.p
        self._quadratic, self._b_unit = quadratic, quadratic.b_unit
        n = self.n
        N, e = quadratic.sums.integers()
        least = [math.frexp(quadratic.lam)[1] // 2 - _RIDGE_BITS - e_j for e_j in e[:n]] if quadratic.lam else []
        S, h = _scaled(N, n, quadratic.intercept, isinstance(quadratic.sums, DoubleSums), least)
        mantissas: Array = np.sqrt(np.where(S.diagonal()[:n] > 0.125, S.diagonal()[:n], 1.0))
        tilt = _tilt(N, h, mantissas) if quadratic.intercept else None
        exponents = h + np.array(e, dtype=np.int64)
        self._columns = Columns(mantissas, exponents[:n], tilt, quadratic.a_unit)
        self._ridge = np.array([ldexp(quadratic.lam, -2 * int(e_j)) for e_j in exponents[:n]]) / mantissas**2
        if quadratic.intercept:
            self._ridge[0] = 0.0
        self.G = S[:n, :n] / np.multiply.outer(mantissas, mantissas) + np.diag(self._ridge)
        units = exponents[n:] - np.array(self._b_unit, dtype=np.int64)
        self.c = np.ldexp(S[:n, n:] / mantissas[:, None], units)

    def objective(self, target: int) -> NormalizedObjective:
        """f of one target."""
        c, b_squared = np.ascontiguousarray(self.c[:, target]), float(self._quadratic.b_squared[target])
        return NormalizedObjective(self.G, c, b_squared, self._ridge if self._quadratic.lam else None, self._columns)

    def measured(self, vectors: Array) -> Array:
        """Gradients (n, r) in z as they are in the user's columns."""
        return self._columns.gradients(vectors)

    def to_user(self, iterate: Iterate, target: int) -> Iterate:
        """An iterate of one target in the user's units; its step length stays that in z."""
        a, b = self._quadratic.a_unit, self._b_unit[target]
        k, z, f, residual, gradient, length, seconds = iterate
        x = self._columns.to_x(z, b)
        return Iterate(k, x, ldexp(f, 2 * b), ldexp(residual, b), ldexp(gradient, a + b), length, seconds)

    def from_user(self, x: Array | None, target: int) -> Array:
        """A start given in the user's units, (n,) or (n, p), in z; zeros for None."""
        if x is None:
            return np.zeros(self.n)
        return self._columns.to_z(x if x.ndim == 1 else x[:, target], self._b_unit[target])


def _scaled(N: Integers, n: int, intercept: bool, rounded: bool, least: list[int]) -> tuple[Array, NDArray[np.int64]]:
    """S (k, k) and h (k,) with N_ij = S_ij·2^(h_i + h_j), the n columns centred, each S_ij rounded once.

    The diagonal is in (¼, 2); 0 for a column that is constant, and small where `least` (n,) keeps h from going lower.
    """
    d, M = 1, N
    if intercept:
        d = N[0, 0]
        M = d * N
        M[1:, 1:] -= np.multiply.outer(N[0, 1:], N[0, 1:])
        # The column of ones is at right angles to what is centred; its products with b stay.
        M[0, 1:n] = M[1:n, 0] = 0
    before, squares = d * N.diagonal(), M.diagonal().copy()
    gone = [j for j in range(n) if squares[j] << _ROUNDING_BITS * rounded <= before[j] * rounded]
    M[gone], M[:, gone] = 0, 0
    squares[gone], squares[n:] = before[gone], before[n:]  # targets are measured from 0
    h = np.array([(int(v).bit_length() - int(d).bit_length() + 1) // 2 for v in squares], dtype=object)
    for j in range(int(intercept), len(least)):
        h[j] = max(h[j], least[j])
    shift = np.add.outer(h, h)
    S = (M << np.maximum(-shift, 0)) / (d << np.maximum(shift, 0))
    return S.astype(np.float64), h.astype(np.int64)


def _tilt(N: Integers, h: NDArray[np.int64], mantissas: Array) -> Array:
    """√Σw·ā_j/ℓ_j (n,): how far column j leans to the column of ones; 0 for the intercept itself."""
    leaning = [0.0]
    for j in range(1, len(mantissas)):
        shift = int(h[j] - h[0])
        leaning.append((N[0, j] << max(-shift, 0)) / (N[0, 0] << max(shift, 0)))
    return np.asarray(np.array(leaning) * (mantissas[0] / mantissas))
