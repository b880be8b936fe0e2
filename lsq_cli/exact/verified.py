"""The normal equations of exact sums solved in doubles, with a proof; where doubles prove nothing there are integers.

S y = d is the scaled system of `equations.py`. Its inverse in doubles comes with a bound on ‖S⁻¹‖: `doubleinverse.py`,
or `staged.py` where S is badly conditioned. The refinement y ← y + Rρ and its bounds are those of `ExactSolution`: ρ is
exact, for `LimbForm` multiplies exactly, so the error of y is at most β‖ρ‖₂, whatever R is.

What is decided here is what the integers would decide: a coefficient is given only where both ends of its interval
round alike or it is proved to be 0. Everything else, dependent columns among it, is left to the integers.

Source: Rump, *Acta Numerica* 19 (2010), section 10.
"""

from __future__ import annotations

import math
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.certificate import UnitColumns
from lsq_cli.exact.doubleinverse import DoubleInverse
from lsq_cli.exact.equations import ExactSolution
from lsq_cli.exact.limbform import LimbForm
from lsq_cli.exact.rank import Rank
from lsq_cli.exact.staged import StagedInverse

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.bordered import BorderedForm
    from lsq_cli.exact.doubleinverse import ProvedInverse
    from lsq_cli.exact.errorfree import ExactSums

MOST_BITS = 420
"""No more refinements than this many bits are worth: the rest is for exact zeros, ties and integers."""
# Of an R with fewer bits there is no certificate, nor where this much of an entry may be missed.
_CERTIFICATE_GAIN, _MOST_ADDED = 20, 2.0**-5
# Steps of Lanczos, and the relative residual that is enough.
_LANCZOS, _CONVERGED = 96, 1e-9
# Bits of a right side that is made from doubles, and of the solution relative to ‖S⁻¹‖.
_FIXED_BITS, _ENOUGH_BITS = 64, 64


class DoubleCertificate(UnitColumns):
    """The condition, and what `certificate.data_digits` asks, from R.

    Notes
    -----
    What R may miss of S⁻¹ is added.
    """

    def __init__(self, form: LimbForm, inverse: ProvedInverse) -> None:
        super().__init__(form)
        self._form, self._inverse, lengths = form, inverse, self._lengths[: form.n]
        self._own = lengths
        self._S = inverse.S / np.outer(lengths, lengths)
        self._R = (inverse.R + inverse.R.T) * (0.5 * np.outer(lengths, lengths))
        missed = inverse.errors * lengths
        more = 1.0 + 2.0**-40  # for the rounding of what follows
        self._diagonal: Array = (np.abs(self._R.diagonal()) + missed * lengths) * more
        self._rows: Array = (np.linalg.norm(inverse.R * lengths, axis=1) * lengths + missed) * more

    @property
    def is_sharp(self) -> bool:
        """Whether what was added is little."""
        least = np.minimum(np.abs(self._R.diagonal()), self._rows)
        return bool((self._inverse.errors * self._own <= _MOST_ADDED * least).all())

    @property
    def diagonal(self) -> Array:
        """(S⁻¹)_ii (n,), not less than it is."""
        return self._diagonal

    @property
    def rows(self) -> Array:
        """‖row i of S⁻¹‖₂ (n,), not less than it is."""
        return self._rows

    @cached_property
    def condition(self) -> float:
        """√(λmax(S)/λmin(S)): the condition number of A with columns of unit length, to about 12 digits.

        λmin(S) is the Rayleigh quotient of R's first eigenvector v, with an exact vᵀSv: its error is the square of v's,
        times κ(S). Where that is too much, vᵀS⁻¹v is made exactly, and the error is the square alone.
        """
        top, _ = largest_eigenpair(self._S)
        _, v = largest_eigenpair(self._R)
        if self._inverse.staged:
            return max(1.0, math.sqrt(top * self._inverse_square(v * self._own) / float(v @ v)))
        y = v / self._own
        stretched = y * self._own
        return max(1.0, math.sqrt(top * float(stretched @ stretched) / self._form.square(y)))

    def _inverse_square(self, d: Array) -> float:
        """dᵀS⁻¹d, to 60 bits or so, for d (n,)."""
        form, n, p = copy(self._form), self._form.n, self._form.p
        fixed = [int(v) for v in np.rint(np.ldexp(d, _FIXED_BITS - 2)).tolist()]
        form.half = [*form.half[:n], *[_FIXED_BITS] * p]
        form.targets = np.full((n, p), 0, dtype=object)
        for i, v in enumerate(fixed):
            form.targets[i, :] = v << (form.half[i] + 2)
        solution = ExactSolution(form, self._inverse)
        while solution.bits < _ENOUGH_BITS:
            solution.refine(try_short=False)
        product = int(solution.scaled[:, 0] @ np.array(fixed, dtype=object))
        return math.ldexp(float(product >> solution.bits), 2 - _FIXED_BITS)


def largest_eigenpair(M: Array) -> tuple[float, Array]:
    """λmax of a symmetric positive definite M and its eigenvector, by Lanczos; by LAPACK where that is too slow."""
    n = len(M)
    v = np.random.default_rng(0).standard_normal(n)
    basis = np.zeros((min(n, _LANCZOS) + 1, n))
    basis[0] = v / np.linalg.norm(v)
    diagonal, beside = [], []
    for k in range(min(n, _LANCZOS)):
        w = M @ basis[k]
        diagonal.append(float(w @ basis[k]))
        for _ in range(2):  # twice: once leaves what rounding puts in
            w -= (basis[: k + 1] @ w) @ basis[: k + 1]
        beside.append(float(np.linalg.norm(w)))
        if k % 8 == 7 or beside[-1] <= _CONVERGED * diagonal[0]:
            values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
            # The residual of the pair; the error of the value is its square over the gap, or the residual itself.
            if beside[-1] * abs(float(vectors[-1, -1])) <= _CONVERGED * float(values[-1]):
                return float(values[-1]), vectors[:, -1] @ basis[: k + 1]
        basis[k + 1] = w / beside[-1]
    values, vectors = np.linalg.eigh(M)
    return float(values[-1]), vectors[:, -1]


class Verified:
    """A problem whose rank doubles prove.

    Parameters
    ----------
    form : LimbForm
    inverse : ProvedInverse
    rank : Rank, optional
        Of dependent columns; `system` then gives the solution of least norm. All are independent by default.
    system : BorderedForm, optional
    """

    def __init__(
        self, form: LimbForm, inverse: ProvedInverse, rank: Rank | None = None, system: BorderedForm | None = None
    ) -> None:
        self.form, self._inverse = form, inverse
        self._system = system or form
        self.rank = rank or Rank(form.n, tuple(range(form.n)))
        self.staged = inverse.staged
        """Whether it took two stages."""

    @classmethod
    def of(cls, sums: ExactSums, ridge: float, tolerance: float) -> Verified | None:
        """The problem of some sums; None where doubles leave a doubt of the rank."""
        form = LimbForm.of(sums, ridge)
        if form is None:
            return None
        inverse: ProvedInverse | None = DoubleInverse.of(form)
        if inverse is None and not ridge:
            from lsq_cli.exact.exactrank import exact_rank  # as in `rank.decide`: for dependent columns only

            found = exact_rank(form, tolerance)
            if found is not None:
                return cls(form, found[2], found[0], found[1])
        inverse = inverse or StagedInverse.of(form)
        if inverse is None or not inverse.is_surely_regular(tolerance):
            return None
        return cls(form, inverse)

    @cached_property
    def solution(self) -> ExactSolution | None:
        """The solution, if every rounding is decided in a few steps; None where the integers have to look."""
        solution = ExactSolution(self._system, self._inverse)
        while not solution.decided:
            if solution.bits > MOST_BITS:
                return None
            solution.refine()
        return solution

    @cached_property
    def certificate(self) -> DoubleCertificate | None:
        """The condition, and how x changes with the data; None where R has too few digits for that."""
        if self.rank.dependent or self._inverse.gain < _CERTIFICATE_GAIN:
            return None
        certificate = DoubleCertificate(self.form, self._inverse)
        return certificate if certificate.is_sharp else None
