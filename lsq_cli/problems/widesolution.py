"""x = Aᵀy of a wide problem between bounds that are narrowed until every coefficient can be rounded; see `wide.py`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.dyadic import Dyadic

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.equations import ExactSolution
    from lsq_cli.exact.whole import WholeRows


class WideSolution:
    """The solution of least norm, from the bounds of y.

    Parameters
    ----------
    whole : WholeRows
        A (m, n).
    y : ExactSolution
        Its first m unknowns are y.
    m : int
    most_bits : int, optional
        No refinement beyond this many bits; `settled` then tells whether they were enough.

    Attributes
    ----------
    settled : bool
        Whether both ends of every interval round alike, or the coefficient is surely 0.
    """

    def __init__(self, whole: WholeRows, y: ExactSolution, m: int, most_bits: int | None = None) -> None:
        self._whole, self._y, self._m = whole, y, m
        form = y.equations
        # x_j·2^(−e_b − coarser) is a whole number over the determinant, for a_ij is one times 2^grid_i.
        self._coarser = min(0, min(g - e for g, e in zip(whole.grid, form.e, strict=False)))
        self._measure()
        while not self.settled and y.bits < (y.enough_bits if most_bits is None else most_bits):
            y.refine()
            self._measure()

    def interval(self, j: int, t: int) -> tuple[Dyadic, Dyadic]:
        """Coefficient j of target t and a bound on its error."""
        if self._is_zero(j, t):
            return Dyadic(0, 0), Dyadic(0, 0)
        return Dyadic(int(self._x[j, t]), self._unit[t]), Dyadic(int(self._errors[j, t]), self._unit[t])

    @cached_property
    def x(self) -> Array:
        """(n, p), each coefficient the double nearest to the exact one."""
        n, p = self._x.shape
        return np.array([[float(self.interval(j, t)[0]) for t in range(p)] for j in range(n)]).reshape(n, p)

    @property
    def settled(self) -> bool:
        """Whether every coefficient can be rounded."""
        return all(self._rounds(j, t) for j, t in np.ndindex(self._x.shape))

    def _measure(self) -> None:
        """Σ a_ij y_i in integers of 2^unit, and the bounds on their errors."""
        m, p, grid = self._m, self._y.equations.p, self._whole.grid
        y, errors, self._unit = np.full((m, p), 0, dtype=object), np.full((m, p), 0, dtype=object), []
        for t in range(p):
            bounds = [self._y.interval(i, t) for i in range(m)]
            exponents = [q.exponent + g for pair, g in zip(bounds, grid, strict=True) for q in pair if q.mantissa]
            unit = min(exponents, default=0)
            self._unit.append(unit)
            for i, (value, error) in enumerate(bounds):
                y[i, t], errors[i, t] = (q.mantissa << max(0, q.exponent + grid[i] - unit) for q in (value, error))
        self._x = self._whole.slope(y)
        self._errors = self._whole.slope(errors, size=True)

    def _rounds(self, j: int, t: int) -> bool:
        x, error = int(self._x[j, t]), int(self._errors[j, t])
        low, high = (float(Dyadic(x + side * error, self._unit[t])) for side in (-1, 1))
        return low == high or self._is_zero(j, t)

    def _is_zero(self, j: int, t: int) -> bool:
        """Whether the coefficient is proved to be exactly 0: a fraction over det K closer to 0 than any other."""
        x, error = abs(int(self._x[j, t])), int(self._errors[j, t])
        if error == 0:
            return x == 0
        form = self._y.equations
        units = self._unit[t] - form.e[form.n + t] - self._coarser
        return (x + error).bit_length() + units + form.hadamard <= 0
