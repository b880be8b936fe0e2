"""A wide problem in doubles that prove what they say: K y = b, bordered where rows of A depend on each other.

What is decided here is what integers would decide. A rank is given only where it leaves no doubt: independent rows are
proved to be so by a wide margin, dependent ones either depend exactly or every column stays within half of the
tolerance. See `exact/verified.py`, `exact/nullrows.py` and `exact/bordered.py`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.bordered import BorderedForm
from lsq_cli.exact.doubleinverse import DoubleInverse
from lsq_cli.exact.equations import ExactSolution
from lsq_cli.exact.limbform import LimbForm
from lsq_cli.exact.nullrows import NullRows, count_independent, exact_null_rows, near_null_rows
from lsq_cli.exact.staged import StagedInverse
from lsq_cli.exact.verified import MOST_BITS
from lsq_cli.problems.widesolution import WideSolution

if TYPE_CHECKING:
    from lsq_cli.exact.doubleinverse import ProvedInverse
    from lsq_cli.exact.errorfree import ExactSums
    from lsq_cli.exact.whole import WholeRows
    from lsq_cli.problems.widerows import WideRows

# Powers of two between the columns' sizes, or the rows', that proofs in the user's units can bear.
_MOST_SPREAD = 64


class VerifiedRows:
    """A wide problem whose rank doubles prove.

    Parameters
    ----------
    whole : WholeRows
    form : BorderedForm
    inverse : ProvedInverse
    exact : bool
        Whether dependent rows depend exactly.
    """

    def __init__(self, whole: WholeRows, form: BorderedForm, inverse: ProvedInverse, exact: bool) -> None:
        self._whole, self._form, self._inverse, self.exact = whole, form, inverse, exact
        self.missing = form.n - whole.m
        """Rows that are made of others."""

    @classmethod
    def of(
        cls, rows: WideRows, whole: WholeRows, sums: ExactSums, of_rows: float, of_columns: float
    ) -> VerifiedRows | None:
        """The problem in doubles; None where they leave a doubt.

        Parameters
        ----------
        rows : WideRows
            A (m, n).
        whole : WholeRows
            The same.
        sums : ExactSums
            AAᵀ.
        of_rows, of_columns : float
            What is left of an independent row, of such a column, at least.
        """
        form = LimbForm.of(sums)
        spread = _spread(rows)
        if form is None or spread > _MOST_SPREAD:
            return None
        # In columns of another unit what is left of a row changes by no more than their spread.
        least = max(of_rows, of_columns) * 2.0**spread
        inverse = DoubleInverse.of(form)
        if inverse is not None and inverse.is_surely_regular(least):
            return cls(whole, BorderedForm.of_rows(form, rows.b, []), inverse, True)
        bordered = _bordered(rows, whole, form, least, of_columns)
        if bordered is not None:
            return cls(whole, *bordered)
        staged = StagedInverse.of(form)
        if staged is None or not staged.is_surely_regular(least):
            return None
        return cls(whole, BorderedForm.of_rows(form, rows.b, []), staged, True)

    @cached_property
    def solution(self) -> WideSolution | None:
        """The solution, if every rounding is decided in a few steps; None where the integers have to look."""
        solution = WideSolution(self._whole, ExactSolution(self._form, self._inverse), self._whole.m, MOST_BITS)
        return solution if solution.settled else None


def _bordered(
    rows: WideRows, whole: WholeRows, form: LimbForm, least: float, of_columns: float
) -> tuple[BorderedForm, DoubleInverse, bool] | None:
    """The form for dependent rows, its inverse, and whether they depend exactly; None where doubles leave a doubt."""
    if rows.weights is not None and (rows.weights != rows.weights[0]).any():
        return None
    null = _null_rows(rows, whole, form, least, of_columns)
    bordered = None if null is None else BorderedForm.of_rows(form, rows.b, null.V)
    inverse = None if bordered is None else DoubleInverse.of(bordered)
    return None if null is None or bordered is None or inverse is None else (bordered, inverse, null.exact)


def _null_rows(rows: WideRows, whole: WholeRows, form: LimbForm, least: float, of_columns: float) -> NullRows | None:
    """What no combination of the rows of A reaches."""
    # A row much shorter than others may be nothing to the columns.
    sizes = [e + h for e, h, square in zip(form.e, form.half, form.squares, strict=True) if square]
    spread = max(sizes, default=0) - min(sizes, default=0)
    if spread > _MOST_SPREAD:
        return None
    least = least * 2.0**spread * rows.A.shape[1]
    found = exact_null_rows(form, least)
    if found is not None:
        return found
    r = count_independent(form)
    if not r or r == whole.m or not isinstance(rows.A, np.ndarray):
        return None
    return near_null_rows(rows.A, whole, r, of_columns, least)


def _spread(rows: WideRows) -> int:
    """Powers of two between the largest numbers of A's columns that are not 0."""
    low, high = 4096, -4096
    for _, A in rows.columns():
        largest = np.abs(A).max(axis=0, initial=0.0)
        tops = np.frexp(largest[largest > 0.0])[1]
        low, high = min(low, int(tops.min(initial=4096))), max(high, int(tops.max(initial=-4096)))
    return max(0, high - low)
