"""Covariances of x other than σ²G⁻¹, in units in which every entry is a double, and the test that goes with them.

A residual of 1e-170 has a square that no double holds, and a standard error that one does: values and powers of two are
kept apart until the last step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

# A covariance whose correlations have eigenvalues in this ratio is singular but for rounding.
_SINGULAR = 1e-12


class ScaledMatrix(NamedTuple):
    """The matrix values_ij·2^(exponents_i + exponents_j), whose entries may be beyond the range of doubles.

    Attributes
    ----------
    values : ndarray, shape (n, n)
    exponents : ndarray of int, shape (n,)
    """

    values: Array
    exponents: NDArray[np.int64]

    def matrix(self) -> Array:
        """In doubles; 0 and ±inf where these end."""
        fraction, exponent = np.frexp(self.values)
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(fraction, exponent + self.exponents[:, None] + self.exponents))

    def roots(self) -> Array:
        """√ of the diagonal (n,); nan where that is below 0."""
        diagonal = self.values.diagonal()
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(np.sqrt(np.where(diagonal >= 0, diagonal, math.nan)), self.exponents))

    def scaled(self, x: Array) -> Array:
        """x (n,) in the units in which `values` is the matrix."""
        fraction, exponent = np.frexp(x)
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(fraction, exponent - self.exponents))


class Covariance(NamedTuple):
    """A covariance of x in place of σ²G⁻¹.

    Attributes
    ----------
    kind : str
        ``HC3``, ``cluster:firm``, …
    matrices : tuple of ScaledMatrix, each (n, n)
        One for each target.
    freedom : int
        Degrees of freedom of t, and of F below the line.
    """

    kind: str
    matrices: tuple[ScaledMatrix, ...]
    freedom: int


def wald(x: Array, covariance: ScaledMatrix, constant: Array | None) -> float:
    """F of the hypothesis that all coefficients but the constant are 0.

    Parameters
    ----------
    x : ndarray, shape (n,)
    covariance : ScaledMatrix, (n, n)
    constant : ndarray of shape (n,), optional
        The coefficients that make a constant.

    Returns
    -------
    float
        nan where there is nothing to test, or the covariance is singular, as with fewer clusters than coefficients.
    """
    values, contrasts = covariance.values, np.eye(len(x))
    if constant is not None:
        # All directions but the one that is constant.
        if np.count_nonzero(constant) == 1:
            contrasts = np.delete(contrasts, int(np.abs(constant).argmax()), axis=0)
        else:
            contrasts = np.linalg.svd(covariance.scaled(constant)[np.newaxis])[2][1:]
    if not len(contrasts) or not np.isfinite(values).all():
        return math.nan
    moved = contrasts @ covariance.scaled(x)
    middle = contrasts @ values @ contrasts.T
    if not (middle.diagonal() > 0).all():
        return math.nan
    # In units in which the diagonal is 1: the variances may be of very different sizes.
    scale = np.sqrt(middle.diagonal())
    correlations = middle / np.outer(scale, scale)
    spread = np.linalg.eigvalsh(correlations)
    if spread[0] < _SINGULAR * spread[-1]:
        return math.nan
    return float((moved / scale) @ np.linalg.solve(correlations, moved / scale)) / len(contrasts)
