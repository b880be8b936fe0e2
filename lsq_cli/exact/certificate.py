"""How many digits of an x are sure: against the exact solution, against rounded sums, against the data's last bit.

    digits       = min_i −log₁₀(err_i / |x_i|), within 0–15.9

Three errors, three functions. All in columns of unit length and ‖b‖ = 1: x_i‖a_i‖/‖b‖ for x_i, S for the Gram
matrix, R_i = ‖row i of S⁻¹‖₂, u = 2⁻⁵³.

- `sure_digits`: the sums are exact, and so is the solution x* they are compared with. A proof, and for an x from
  anywhere: the normal equations, descent, a file.
- `double_digits`: the sums were rounded, S + δS and c + δc with an error of η in norm. To first order
  δx = S⁻¹(δc − δS x), so err_i = η R_i √(1 + ‖x‖²)/(1 − η‖S⁻¹‖) + u|x_i|.
- `data_digits`: A and b in their last bit, each entry by a relative 2u:
  err_i = 2u(√(S⁻¹)_ii √(1 + ‖x‖²) + R_i‖r‖).

Source: Wedin, *BIT* 13 (1973); Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 7 and 20.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lsq_cli.core.solution import ALL_DIGITS
from lsq_cli.exact.dyadic import Dyadic, dyadic, half_lengths, shifted, total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers
    from lsq_cli.exact.equations import NormalEquations
    from lsq_cli.exact.form import ExactForm

_UNIT_ROUNDOFF = 2.0**-53
# Log10 and a division of doubles err by far less than this.
_SLACK = 1e-12
# So much more where doubles are held to integers, whose logarithms are not rounded alike.
_DOUBLES_SLACK = 1.5 * _SLACK
# The least double with all its bits.
_LEAST = 2.0**-1021
# Fraction bits of S on its way to doubles.
_FIXED_BITS = 128


class UnitColumns:
    """A problem in columns of unit length and ‖b‖ = 1: what its certificates are told in.

    Parameters
    ----------
    form : ExactForm

    Attributes
    ----------
    is_zero_target : ndarray of bool, shape (p,)
        Targets that are 0 in every row, whose solution is exactly 0.
    """

    def __init__(self, form: ExactForm) -> None:
        self._n = form.n
        self._scale = [e + h for e, h in zip(form.e, form.half, strict=True)]
        # ‖a_i‖ = lengths[i]·2^scale[i], and ‖b‖ likewise: in two parts, for the product may leave the range.
        self._lengths = np.array([Dyadic(v, -2 * h).root() for v, h in zip(form.squares, form.half, strict=True)])
        self.is_zero_target = self._lengths[form.n :] == 0.0

    def unit_solution(self, x: Array) -> Array:
        """x_i‖a_i‖/‖b‖ (n, p) for x (n, p) in the user's units; 0 for a target that is 0."""
        a, b = np.array(self._scale[: self._n]), np.array(self._scale[self._n :])
        lengths = np.where(self.is_zero_target, np.inf, self._lengths[self._n :])
        fraction, exponent = np.frexp(x)
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(fraction * self._lengths[: self._n, None] / lengths, exponent + a[:, None] - b))

    def unit_residual(self, norms: tuple[float, ...]) -> Array:
        """‖r‖/‖b‖ (p,); 0 for a target that is 0."""
        lengths = np.where(self.is_zero_target, np.inf, self._lengths[self._n :])
        # The norm itself may be beyond the largest double.
        with np.errstate(over="ignore"):
            return np.asarray(np.ldexp(np.array(norms) / lengths, -np.array(self._scale[self._n :])))


class Inverse(UnitColumns):
    """G⁻¹ and what follows from it, to about 15 digits whatever the condition of A.

    Parameters
    ----------
    equations : NormalEquations

    Notes
    -----
    G⁻¹ = XᵀX with X = L⁻¹ computed in integers and rounded to doubles at the end: each diagonal entry is a sum of
    squares, in which nothing cancels. Errors: diagonal correctly rounded to a few ulp; an off-diagonal entry of the
    full matrix n·u of the root of its two diagonal ones.

    Raises
    ------
    ProblemError
        If G is singular.
    """

    def __init__(self, equations: NormalEquations) -> None:
        super().__init__(equations)
        n, self._factor = equations.n, equations.factor
        h = np.array(equations.half[:n], dtype=object)
        fixed = shifted(equations.N[:n, :n], _FIXED_BITS - h[:, None] - h)
        self._S = (fixed / (1 << _FIXED_BITS)).astype(np.float64) / np.outer(self._lengths[:n], self._lengths[:n])

    @cached_property
    def diagonal_roots(self) -> Array:
        """√(G⁻¹)_ii (n,), in the user's units: standard errors but for σ."""
        bits = self._factor.bits
        roots = [Dyadic(v, -2 * (bits + s)).root() for v, s in zip(self._factor.diagonal, self._scale, strict=False)]
        return np.array(roots)

    @cached_property
    def _root(self) -> Array:
        """X ≈ L⁻¹ in doubles."""
        return np.asarray((self._factor.X / (1 << self._factor.bits)).astype(np.float64))

    def whitened(self, A: Array) -> Array:
        """Rows of A (rows, n) in the coordinates in which AᵀA is the identity: ‖a‖² is then the leverage of a row."""
        return np.asarray(np.ldexp(A, -np.array(self._scale[: self._n])) @ self._root.T)

    def unwhitened(self, M: Array) -> tuple[Array, NDArray[np.int64]]:
        """G⁻¹MG⁻¹ as C (n, n) and s (n,), entry by entry C_ij·2^(s_i + s_j), of an M (n, n) as `whitened` has it."""
        return np.asarray(self._root.T @ M @ self._root), -np.array(self._scale[: self._n], dtype=np.int64)

    @cached_property
    def scaled(self) -> Array:
        """S⁻¹ (n, n) for columns of unit length."""
        X = self._root * self._lengths[: self._n]
        return np.asarray(X.T @ X)

    @cached_property
    def matrix(self) -> Array:
        """G⁻¹ (n, n), in the user's units; ±inf where these are beyond the range of doubles."""
        scale, lengths = np.array(self._scale[: self._n], dtype=np.int64), self._lengths[: self._n]
        fraction, exponent = np.frexp(self.scaled / np.outer(lengths, lengths))
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(fraction, exponent - scale[:, None] - scale))

    @cached_property
    def condition(self) -> float:
        """√(λmax(S)·λmax(S⁻¹)): the condition number of A with columns of unit length, to about 12 digits."""
        top, bottom = (float(np.linalg.eigvalsh(matrix)[-1]) for matrix in (self._S, self.scaled))
        return max(1.0, math.sqrt(top * bottom))

    @cached_property
    def rows(self) -> Array:
        """R_i = ‖row i of S⁻¹‖₂, (n,)."""
        return np.asarray(np.linalg.norm(self.scaled, axis=1))

    @property
    def diagonal(self) -> Array:
        """(S⁻¹)_ii (n,)."""
        return np.asarray(self.scaled.diagonal())


class Sensitivity(Protocol):
    """What is asked of an inverse to tell how x changes with the data: `Inverse`, `verified.DoubleCertificate`."""

    @property
    def condition(self) -> float:
        """The condition number of A with columns of unit length."""
        ...

    @property
    def diagonal(self) -> Array:
        """(S⁻¹)_ii (n,)."""
        ...

    @property
    def rows(self) -> Array:
        """‖row i of S⁻¹‖₂ (n,)."""
        ...

    def unit_solution(self, x: Array) -> Array:
        """As `UnitColumns.unit_solution`."""
        ...

    def unit_residual(self, norms: tuple[float, ...]) -> Array:
        """As `UnitColumns.unit_residual`."""
        ...


def gram_error(exact: tuple[Integers, list[int]], rounded: tuple[Integers, list[int]]) -> float:
    """η, a bound on the error of rounded sums, measured on some rows that were summed both ways.

    Parameters
    ----------
    exact, rounded : tuple of N (k, k) and e (k,)
        The Gram matrices of the same rows as integers; see `NormalEquations`.

    Returns
    -------
    float
        max(10u, 4 × the measured difference), in columns of unit length and the Frobenius norm. Constant and
        two-valued columns make it up to 90u: their rounding errors all fall to the same side.
    """
    (N, e), (M, f) = exact, rounded
    k = len(e)
    half = half_lengths(N.diagonal())
    h, up = np.array(half, dtype=object), np.array([a + b for a, b in zip(e, half, strict=True)], dtype=object)
    exactly = shifted(N, _FIXED_BITS - h[:, None] - h)
    drift = np.array(f, dtype=object) - up
    roundly = shifted(M, _FIXED_BITS + drift[:, None] + drift)
    lengths = np.array([Dyadic(int(v), -_FIXED_BITS).root() or 1.0 for v in exactly.diagonal()])
    scaled = ((roundly - exactly) / (1 << _FIXED_BITS)).astype(np.float64).reshape(k, k) / np.outer(lengths, lengths)
    return max(10 * _UNIT_ROUNDOFF, 4 * float(np.linalg.norm(scaled)))


class Bracketed(Protocol):
    """A solution between bounds: `equations.ExactSolution`, `wide.WideSolution`."""

    def interval(self, i: int, t: int) -> tuple[Dyadic, Dyadic]:
        """Coefficient i of target t and a bound on its error."""
        ...


def sure_digits(solution: Bracketed, x: Array, *, in_doubles: bool = False) -> float:
    """Correct significant digits of the worst coefficient of x (n, p) against the exact solution.

    Never too optimistic: the distance from x to the far end of the exact coefficient's interval, in integers, over
    the near end. A coefficient that is exactly 0 has all digits if x has 0 there, none else.

    With `in_doubles`, for a solution of `verified.py`, it is never more than what the integers would say, whose
    intervals may be wider: all that is known of them is that both ends round to the same double.
    """
    if not np.isfinite(x).all():
        return 0.0
    found = x.reshape(len(x), -1)
    digits = _digits_if_settled if in_doubles else _digits_of_one
    return min((digits(*solution.interval(i, t), float(v)) for (i, t), v in np.ndenumerate(found)), default=ALL_DIGITS)


def _digits_if_settled(exact: Dyadic, error: Dyadic, x: float) -> float:
    """The sure digits of one coefficient by any interval whose ends round to the same double."""
    nearest = float(exact)
    if error.mantissa == 0 or not _LEAST <= abs(nearest) < math.inf:
        return _digits_of_one(exact, error, x, _DOUBLES_SLACK)
    if x == nearest:
        return ALL_DIGITS
    # Neither the middle nor an end of another one is further than half a unit in the last place from this middle.
    return _digits_of_one(exact, total([error, dyadic(2.0 * math.ulp(nearest))]), x, _DOUBLES_SLACK)


def _digits_of_one(exact: Dyadic, error: Dyadic, x: float, slack: float = _SLACK) -> float:
    """The sure digits of one coefficient."""
    negated = Dyadic(-exact.mantissa, exact.exponent)
    distance = total([dyadic(x), negated])
    worst = total([Dyadic(abs(distance.mantissa), distance.exponent), error])
    if worst.mantissa == 0:
        return ALL_DIGITS
    least = total([Dyadic(abs(exact.mantissa), exact.exponent), Dyadic(-error.mantissa, error.exponent)])
    if least.mantissa <= 0:
        # An interval around 0 has no digit, unless it is so short that 0 is the nearest double all over it.
        return ALL_DIGITS if x == float(worst) == 0.0 else 0.0
    return _clipped(math.log2(least.mantissa) + least.exponent, math.log2(worst.mantissa) + worst.exponent, slack)


def _clipped(size: float, error: float, slack: float = _SLACK) -> float:
    """log₁₀ of the ratio of two numbers given by their logarithms to base 2, within 0–15.9."""
    less = slack * (1 + abs(size) + abs(error))
    return min(ALL_DIGITS, max(0.0, (size - error) * math.log10(2.0) - less))


def double_digits(inverse: Inverse, x: Array, eta: float) -> float:
    """Digits of x (n, p) that are sure although the sums were rounded by η.

    Parameters
    ----------
    inverse : Inverse
        Of the rounded sums.
    eta : float
        Bound on the error of the Gram matrix of [A b] with columns of unit length; see `gram_error`.
    """
    amplified = eta * float(np.linalg.norm(inverse.scaled, 2))
    # Beyond this the exact S could be singular.
    if not amplified < 0.5:
        return 0.0
    y = inverse.unit_solution(x)
    if not np.isfinite(y).all():
        return 0.0
    spread = eta / (1.0 - amplified) * np.sqrt(1.0 + (y * y).sum(axis=0))
    errors = np.outer(inverse.rows, spread) + _UNIT_ROUNDOFF * np.abs(y)
    # Relative to the exact coefficient, which may be smaller than the one found.
    return _worst(errors, np.maximum(np.abs(y) - errors, 0.0), inverse.is_zero_target & (x == 0))


def data_digits(inverse: Sensitivity, x: Array, residual_norms: tuple[float, ...]) -> float:
    """Digits of x (n, p) that survive a change of the data in its last bit; `residual_norms` (p,) as ‖Ax − b‖."""
    y = inverse.unit_solution(x)
    if not np.isfinite(y).all():
        return 0.0
    spread = np.sqrt(1.0 + (y * y).sum(axis=0))
    roots = np.sqrt(inverse.diagonal)
    moved = np.outer(roots, spread) + np.outer(inverse.rows, inverse.unit_residual(residual_norms))
    # A coefficient of 0 has no first digit from which to count: the others tell.
    return _worst(2 * _UNIT_ROUNDOFF * moved, np.abs(y), x == 0)


def joined(first: float, second: float) -> float:
    """Digits that are sure when two errors add up, each with its own sure digits."""
    if min(first, second) <= 0.0:
        return 0.0
    return _clipped(0.0, math.log2(10.0**-first + 10.0**-second))


def _worst(errors: Array, sizes: Array, right: NDArray[np.bool_]) -> float:
    """The digits of the worst coefficient (n, p), of those that are not known to be exactly `right`."""
    digits = [
        _clipped(math.log2(size), math.log2(error)) if size > 0 else 0.0
        for error, size in zip(errors[~right].tolist(), sizes[~right].tolist(), strict=True)
    ]
    return min(digits, default=ALL_DIGITS)
