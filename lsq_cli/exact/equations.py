"""The normal equations Gx = c in exact integers: the solution to the last bit, its proof, and f, ‖r‖, ∇f at any x.

The sums of the rows come as integers N and exponents e, (MᵀM)_ij = N_ij·2^(e_i + e_j) with M = [A b]. Columns are
scaled by powers of two to a diagonal in [¼, 1), which rounds nothing:

    S y = d,   S_ij = N_ij·2^(−h_i − h_j),   x_i = y_i·2^(e_b + h_b − e_i − h_i)

S ≈ LLᵀ is factored in F-bit integers (`integers.py`), X ≈ L⁻¹, and y is refined until it is known well enough:

    ρ = d − S y   (exact)          y ← y + XᵀXρ   (each time at least 60 bits more)

Proof. S − LLᵀ = E with ‖E‖ ≤ (n + 1)·2^(1−F), and ‖L⁻¹‖² ≤ (1 + 2⁻⁵⁰)·‖X‖_F². A factor is accepted only if
‖E‖·‖X‖_F² ≤ 2⁻⁶⁰, so λmin(S) ≥ 1/(2‖X‖_F²), hence for any y

    |y_i − y*_i| ≤ ‖S⁻¹ρ‖ ≤ 2‖X‖_F²·‖ρ‖        0 ≤ 2f(y) − 2f(y*) = ρᵀS⁻¹ρ ≤ 2‖X‖_F²·‖ρ‖²

No estimate enters. A coefficient is rounded to a double when both ends of its interval round alike. An interval
never shuts out 0, so that needs its own proof: N z = w has integer entries, by Cramer's rule z_i is a fraction over
det N ≤ Π N_ii (Hadamard), and what is closer to 0 than 1/Π N_ii is 0. The same holds for the least ‖r‖².

Forming AᵀA "squares the condition number" only where it is rounded. Here nothing is, and F grows with need.

Source: Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 7, 10 and 12; Rump, *Acta Numerica* 19
(2010), on verified solutions; for Hadamard's bound Horn & Johnson, *Matrix Analysis*, 7.8.1.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.exact.dyadic import Dyadic, dyadic, shifted, total
from lsq_cli.exact.form import ExactForm
from lsq_cli.exact.integers import cholesky, inverse_of_factor, product

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers

# Bits of the first factor: enough for √κ(S) up to 2⁵⁵ and a multiple of the 16-bit limbs of `integers.py`.
FACTOR_BITS = 192
# Bits that every refinement must gain at least.
_GAIN = 60
# From so many bits on it is worth a try whether y is a short fraction.
_SHORT_BITS = 2 * 53
# No refinement beyond this many bits, where only exact zeros remain to be proved.
_MOST_BITS = 1 << 14


class Factor(NamedTuple):
    """X ≈ L⁻¹ of S = LLᵀ, accepted only with the proof in the module's docstring."""

    X: Integers
    """(n, n), lower, in units of 2^−bits."""
    bits: int
    diagonal: list[int]
    """(XᵀX)_ii, in units of 2^(−2·bits): the diagonal of S⁻¹ to a relative 2⁻⁵⁹."""
    growth: int
    """The least k with 2^k ≥ ‖X‖_F²; λmin(S) ≥ 2^(−k−1)."""

    @classmethod
    def of(cls, N: Integers, half: list[int], bits: int) -> Factor | None:
        """The factor of S in integers of `bits` bits; None where these are too few, or S is singular."""
        h = np.array(half, dtype=object)
        L = cholesky(shifted(N, 2 * bits - h[:, None] - h), bits)
        X = None if L is None else inverse_of_factor(L, bits)
        if X is None:
            return None
        # Below the diagonal X is full; above it there is nothing to square.
        diagonal = [int(X[i:, i] @ X[i:, i]) for i in range(len(X))]
        growth = max(0, sum(diagonal).bit_length() - 2 * bits)
        if (len(X) + 1).bit_length() + 1 + growth + _GAIN > bits:
            return None
        return cls(X, bits, diagonal, growth)

    @property
    def gain(self) -> int:
        """Bits that one refinement gains."""
        return self.bits - self.growth - (len(self.X) + 1).bit_length() - 1

    def apply(self, rho: Integers) -> Integers:
        """S⁻¹ρ ≈ XᵀXρ, in the units of ρ (n, p)."""
        return shifted(product(self.X.T, shifted(product(self.X, rho), -self.bits)), -self.bits)


class NormalEquations(ExactForm):
    """Gx = c for p targets, from exact sums; see the module's docstring for the method and its proof.

    Parameters
    ----------
    N : ndarray of int, shape (n + p, n + p)
        Symmetric, of Python integers: (MᵀM)_ij = N_ij·2^(e_i + e_j) with M = [A b].
    e : list of int, length n + p
    p : int
        Number of targets.
    ridge : float
        λ ≥ 0, taken exactly; joins the diagonal of G.
    intercept : bool
        Whether column 0 is an intercept, which the ridge leaves alone.
    """

    def __init__(self, N: Integers, e: list[int], p: int, ridge: float = 0.0, intercept: bool = False) -> None:
        penalised = slice(int(intercept), len(e) - p)
        self.N, e = _with_ridge(N, e, dyadic(ridge), penalised)
        super().__init__(e, [int(v) for v in self.N.diagonal()], self.N[: len(e) - p, len(e) - p :], ridge, penalised)
        self._factor: Factor | None = None

    def times(self, z: Integers) -> Integers:
        """N z (n + p, q), for z (n + p, q)."""
        return product(self.N, z)

    @property
    def factor(self) -> Factor:
        """The proved factor of S, in as many bits as it takes.

        Raises
        ------
        ProblemError
            If G is singular (ask `rank.decide` before).
        """
        bits = FACTOR_BITS
        # λmin(S) of a regular S is above 2^−2n/Π N_ii, for det N is at least 1: more bits than that cannot help.
        while self._factor is None and bits <= 4 * (self.hadamard + 2 * self.n + FACTOR_BITS):
            self._factor = self._factor_in(bits)
            bits *= 2
        if self._factor is None:
            raise ProblemError("the columns of A depend on each other: the normal equations have no single solution")
        return self._factor

    def is_surely_regular(self, tolerance: float) -> bool:
        """Whether every column's part outside the others surely exceeds `tolerance` times its length.

        A proof where it says True: that part is at least √λmin(S) of the column. False only means that
        `rank.decide` has to look closer.
        """
        if self._factor is None:
            self._factor = self._factor_in(FACTOR_BITS)
        return self._factor is not None and math.ldexp(1.0, -self._factor.growth - 1) >= tolerance * tolerance

    def _factor_in(self, bits: int) -> Factor | None:
        """The factor of S in so many bits, if these are enough."""
        return Factor.of(self.N[: self.n, : self.n], self.half[: self.n], bits)

    def solve(self) -> ExactSolution:
        """The exact solution for all targets, bracketed so tightly that every coefficient can be rounded.

        Raises
        ------
        ProblemError
            If G is singular.
        """
        solution = ExactSolution(self, self.factor)
        while not solution.settled and solution.bits < solution.enough_bits:
            solution.refine()
        return solution


def _with_ridge(N: Integers, e: list[int], lam: Dyadic, penalised: slice) -> tuple[Integers, list[int]]:
    """N and e of MᵀM with λ on the penalised part of the diagonal, on finer grids where λ needs them."""
    if lam.mantissa == 0:
        return N, e
    down = np.zeros(len(e), dtype=object)
    down[penalised] = [max(0, e_i - lam.exponent // 2) for e_i in e[penalised]]
    finer = shifted(N, down[:, None] + down)
    e = [e_i - int(d) for e_i, d in zip(e, down, strict=True)]
    for i in range(len(e))[penalised]:
        finer[i, i] += lam.mantissa << (lam.exponent - 2 * e[i])
    return finer, e


class ApproximateInverse(Protocol):
    """What refinement needs to know of S⁻¹."""

    @property
    def bits(self) -> int:
        """Bits that it is held in."""
        ...

    @property
    def growth(self) -> int:
        """A k with λmin(S) ≥ 2^(−k−1), proved."""
        ...

    @property
    def gain(self) -> int:
        """Bits that one refinement gains."""
        ...

    def apply(self, rho: Integers) -> Integers:
        """S⁻¹ρ, about, in the units of ρ (n, p)."""
        ...


class ExactSolution:
    """The solution of Gx = c between bounds that `refine` narrows without end.

    Parameters
    ----------
    equations : ExactForm
    factor : ApproximateInverse

    Attributes
    ----------
    bits : int
        The solution is held in units of 2^−bits of its scaled self y.
    """

    def __init__(self, equations: ExactForm, factor: ApproximateInverse) -> None:
        self.equations, self._factor = equations, factor
        n, half = equations.n, equations.half
        self._half = np.array(half[:n], dtype=object)[:, None]
        self._half_b = np.array(half[n:], dtype=object)
        self._most = max(half[:n])
        # d and S y meet on one grid without rounding from this many bits on.
        self.bits = max(0, max(half[n:]) - self._most)
        self._y = np.full((n, equations.p), 0, dtype=object)
        self._measure()
        # From where on an exact zero is proved; out of reach, a few refinements have to do.
        proof = equations.hadamard + 2 * self._most + max(half[n:]) + 2 * self._factor.growth + 64
        self._provable = proof <= _MOST_BITS
        # Twice as many for a coefficient half-way between two doubles.
        self.enough_bits = 2 * proof if self._provable else 8 * factor.bits

    def refine(self, *, try_short: bool = True) -> None:
        """One step y ← y + XᵀXρ in a finer unit, or straight to y where it is a short fraction and that is tried."""
        gain, drop = self._factor.gain, self._half + self._most
        self._y = shifted(self._y, gain) + self._factor.apply(shifted(self._rho, gain - drop))
        self.bits += gain
        self._measure()
        if try_short and self.bits >= max(2 * gain, _SHORT_BITS) and not self.settled:
            self._try_short()

    @property
    def scaled(self) -> Integers:
        """y (n, p) in units of 2^−bits."""
        return self._y

    def _try_short(self) -> None:
        """Put y's nearest fractions of half as many bits in its place where they solve the equations exactly."""
        y, spare = self._y, self.bits // 2
        self._y = shifted(shifted(y + (1 << (spare - 1)), -spare), spare)
        self._measure()
        if self._rho.any():
            self._y = y
            self._measure()

    def _measure(self) -> None:
        """The exact ρ = d − S y, the bounds that follow from it, and the least 2f."""
        equations, y = self.equations, self._y
        n, top = equations.n, self.bits + self._most
        z = shifted(y, self._most - self._half)
        w = shifted(equations.targets, (top - self._half_b)[None, :] + 0 * self._half)
        # Column by column in units of 2^−(top + h_i).
        padded = np.concatenate((z, np.full((equations.p, equations.p), 0, dtype=object)))
        self._rho = w - equations.times(padded)[:n]
        units = shifted(abs(self._rho), -(self._half + self._most)) + np.where(self._rho != 0, 1, 0)
        lengths = [math.isqrt(int((column * column).sum())) + bool(column.any()) for column in units.T]
        self.errors = [length << (self._factor.growth + 1) for length in lengths]
        squares = [v << 2 * (top - int(h)) for v, h in zip(equations.squares[n:], self._half_b, strict=True)]
        self._squares = [
            square - int(w[:, t] @ z[:, t]) - int(z[:, t] @ self._rho[:, t]) for t, square in enumerate(squares)
        ]
        self._excess = [length * error << 2 * self._most for length, error in zip(lengths, self.errors, strict=True)]

    @property
    def settled(self) -> bool:
        """Whether every coefficient and every least ‖r‖² is known to the last bit of a double."""
        return all(
            self._square_settled(t) and all(self._settled(i, t) for i in range(self.equations.wanted))
            for t in range(self.equations.p)
        )

    @property
    def decided(self) -> bool:
        """As `settled`, and no coefficient that may be 0 is left open, even where a proof of that is out of reach."""
        return self.settled and not any(
            self._may_be_zero(i, t) for i, t in np.ndindex(self.equations.wanted, self.equations.p)
        )

    def _may_be_zero(self, i: int, t: int) -> bool:
        """Whether 0 is in a coefficient's interval without a proof that it is the value."""
        return abs(int(self._y[i, t])) <= self.errors[t] and not self.is_zero(i, t)

    def _settled(self, i: int, t: int) -> bool:
        """Whether both ends of a coefficient's interval round to one double, or it is surely 0."""
        low, high = (self._number(int(self._y[i, t]) + side * self.errors[t], i, t) for side in (-1, 1))
        # Ends on both sides of 0 may round to it, the nearest double, long before it is proved to be the value.
        around_0 = self._provable and low.mantissa * high.mantissa <= 0
        if float(low) == float(high) and not around_0:
            return True
        return self.is_zero(i, t) or self._half_way(i, t) is not None

    def _square_settled(self, t: int) -> bool:
        """Whether the least ‖r‖² is known to 60 bits, or surely 0."""
        return self._excess[t] << 60 <= self._squares[t] or self._square_is_zero(t)

    def is_zero(self, i: int, t: int) -> bool:
        """Whether coefficient i of target t is proved to be exactly 0."""
        if self.errors[t] == 0:
            return not self._y[i, t]
        # |z_i| < 1/Π N_ii, in the integers' own units: z_i = y_i·2^(h_b − h_i).
        largest = abs(int(self._y[i, t])) + self.errors[t]
        units = self.bits + int(self._half[i, 0]) - int(self._half_b[t]) - self.equations.hadamard
        return largest.bit_length() <= units

    def _half_way(self, i: int, t: int) -> float | None:
        """The double, of even mantissa, that a coefficient proved to be half-way between two rounds to; else None.

        With m/2^k half-way, |z_i − m/2^k| is a fraction over 2^k·det N: 0, if it is below 1/(2^k Π N_jj).
        """
        low, high = (self._number(int(self._y[i, t]) + side * self.errors[t], i, t) for side in (-1, 1))
        if math.nextafter(float(low), math.inf) != float(high) or math.isinf(float(high)):
            return None
        both = total([dyadic(float(low)), dyadic(float(high))])
        middle = Dyadic(both.mantissa, both.exponent - 1)  # between both ends, for they round to its two sides
        units = self.equations.e[self.equations.n + t] - self.equations.e[i]
        k = max(0, units - middle.exponent)
        known = self.bits + int(self._half[i, 0]) - int(self._half_b[t]) - self.equations.hadamard
        return float(middle) if (2 * self.errors[t]).bit_length() <= known - k else None

    def _square_is_zero(self, t: int) -> bool:
        """Whether the least ‖r‖² is proved to be exactly 0."""
        top = self.bits + self._most - int(self._half_b[t])
        return self._squares[t] <= 0 or self._squares[t].bit_length() <= 2 * top - self.equations.hadamard

    def _number(self, y: int, i: int, t: int) -> Dyadic:
        """The coefficient in the user's units that y, in units of 2^−bits, stands for."""
        e, n = self.equations.e, self.equations.n
        return Dyadic(y, e[n + t] + int(self._half_b[t]) - e[i] - int(self._half[i, 0]) - self.bits)

    def middle(self, i: int, t: int) -> Dyadic:
        """Coefficient i of target t as it is known so far, in the user's units."""
        return self._number(int(self._y[i, t]), i, t)

    def interval(self, i: int, t: int) -> tuple[Dyadic, Dyadic]:
        """Coefficient i of target t and a bound on its error, in the user's units."""
        if self.is_zero(i, t):
            return Dyadic(0, 0), Dyadic(0, 0)
        return self._number(int(self._y[i, t]), i, t), self._number(self.errors[t], i, t)

    @cached_property
    def x(self) -> Array:
        """The solution (wanted, p), each coefficient the double nearest to the exact one.

        Infinite or subnormal where the user's units make it so. Half-way between two doubles it is the one of even
        mantissa, wherever that can be proved; of some hundred unknowns either may be returned.
        """
        n, p = self.equations.wanted, self.equations.p
        return np.array([[self._rounded(i, t) for t in range(p)] for i in range(n)]).reshape(n, p)

    def _rounded(self, i: int, t: int) -> float:
        """Coefficient i of target t as a double."""
        middle = None if self.errors[t] == 0 else self._half_way(i, t)
        return float(self.interval(i, t)[0]) if middle is None else middle

    def least_squares(self) -> tuple[Dyadic, ...]:
        """The least 2f of each target, Σ w r² (+ λ‖x‖²), to a relative 2⁻⁶⁰; exactly 0 where it is proved to be."""
        e, n = self.equations.e, self.equations.n
        return tuple(
            Dyadic(0, 0)
            if self._square_is_zero(t)
            else Dyadic(square, 2 * (e[n + t] - self.bits - self._most + int(h)))
            for t, (square, h) in enumerate(zip(self._squares, self._half_b, strict=True))
        )
