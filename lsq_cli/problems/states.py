"""A state: the exact sums of a table's rows, which can be kept, added, taken away again and solved without the rows.

    rows ──► sums of [1 a₁ … a_k] ──► state ──► any b, columns, ridge or intercept of these

For every product of two columns is a sum of the state, and so is every column's with 1. Adding states is adding their
sums, which are exact: any order and any grouping gives the same contents to the bit, and what was added can be taken
away. x, ‖Ax − b‖ and the hash of the sums are those of the rows.

After a subtraction the sums may be none of any rows. Counts and squares below 0 are found here, at once; a direction
in which the sums are below 0 when they are solved (`exact/semidefinite.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import DataError, ProblemError, UsageError, counted, elided, shown
from lsq_cli.core.problem import About
from lsq_cli.core.solution import INTERCEPT
from lsq_cli.exact.canonical import CanonicalSums, digits_of, integers_of
from lsq_cli.exact.semidefinite import is_semidefinite
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.problems.tally import unknowns
from lsq_cli.sources.statefiles import REASONS, StateFile
from lsq_cli.sources.states import common_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.exact.errorfree import ExactSums
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.sources.states import StateSource

_MOST_EXPONENT = 1 << 13
"""Sums of doubles and weights have exponents far below it."""
_MOST_ROWS = 1 << 53
"""More were never counted; totals of some hundred such states still fit 64 bits."""
LOG_BITS = 40
"""Σ log w is kept in units of 2^−40, for sums of doubles would depend on their order."""


@dataclass(frozen=True, eq=False)
class State:
    """The sums and the counts of some rows.

    Attributes
    ----------
    names : tuple of str
        The k columns.
    target : tuple of str
        Those that are b unless others are named.
    weights : str or None
    rows, weightless : int
    dropped : ndarray of int64, shape (4, k) or (4, k + 1)
        By reason and column, the weights last.
    log_weights : int
    sums : CanonicalSums
        Of a column of ones and the k columns.
    """

    names: tuple[str, ...]
    target: tuple[str, ...]
    weights: str | None
    rows: int
    weightless: int
    dropped: NDArray[np.int64]
    log_weights: int
    sums: CanonicalSums

    @classmethod
    def of_file(cls, file: StateFile, path: str) -> State:
        """The state in a file; `DataError` for sums that cannot be those of a table."""
        counts = (file.names, file.target, file.weights, file.rows, file.weightless, file.dropped)
        (log_weights,) = integers_of(file.log_weights)
        state = cls(*counts, log_weights, CanonicalSums(file.exponents, file.sums))
        if wrong := state.wrong():
            raise DataError(f"its sums cannot be those of a table: {wrong}", path)
        return state

    def to_file(self) -> StateFile:
        """What is written."""
        return StateFile(
            self.names,
            self.target,
            self.weights,
            self.rows,
            self.weightless,
            self.dropped,
            digits_of([self.log_weights]),
            self.sums.exponents,
            self.sums.digits,
        )

    def merged(self, other: State, names: tuple[str, ...] | None = None) -> State:
        """The rows of both; `names` is the order of the columns, else that of this state."""
        return self._combined(other, 1, names or self.names)

    def without(self, other: State, path: str, beside: str) -> State:
        """The rows of this state at `beside` but for those of the one at `path`.

        Raises
        ------
        DataError
            Where the rows of `other` cannot have been among these.
        """
        rest = self._combined(other, -1, self.names)
        rest = replace(rest, target=self.target)
        if wrong := rest.wrong():
            raise DataError(f"its rows cannot all be among those of {beside}: without them {wrong}", path)
        return rest

    def wrong(self) -> str | None:
        """Why the sums can be those of no table; None where nothing speaks against it."""
        if self.rows < 0:
            return f"there are {self.rows} rows"
        if not 0 <= self.weightless <= self.rows or (self.weightless and self.weights is None):
            return f"{self.weightless} of {self.rows} rows have no weight"
        if (self.dropped < 0).any():
            reason, column = np.argwhere(self.dropped < 0)[0].tolist()
            named = shown([*self.names, self.weights or ""][column])
            return f"{self.dropped[reason, column]} rows are dropped for {REASONS[reason]} in {named!r}"
        if self.rows + sum(map(int, self.dropped.flat)) > _MOST_ROWS:
            return "there are more rows than can be counted"
        if (np.abs(self.sums.exponents) > _MOST_EXPONENT).any():
            return "they are beyond those of doubles"
        N, e = self.sums.integers()
        if any(_beyond_doubles(N[0, 0], e[0], N[k, k], e[k]) for k in range(1, len(e))):
            return "they are beyond those of doubles"
        if self.weights is None and N[0, 0] * 4 ** max(0, e[0]) != self.rows * 4 ** max(0, -e[0]):
            return "the column of ones has another sum than there are rows"
        if self.rows == self.weightless and (N.any() or self.log_weights):
            return "no row counts, and the sums are not 0"
        if (column := self.sums.check()) is not None:
            named = shown((INTERCEPT, *self.names)[column])
            why = "below 0" if N[column, column] < 0 else "too small beside its products with other columns"
            return f"the sum of squares of {named!r} is {why}"
        return None

    def dropped_by_reason(self) -> dict[str, int]:
        """Reason → rows, as `Solution.dropped_rows` has them."""
        each = zip(REASONS, self.dropped.sum(axis=1).tolist(), strict=True)
        return dict(sorted((reason, count) for reason, count in each if count))

    def dropped_by_column(self) -> dict[str, int]:
        """Column → rows that went for a cell of it."""
        columns = (*self.names, *(() if self.weights is None else (self.weights,)))
        each = zip(columns, self.dropped.sum(axis=0).tolist(), strict=True)
        return {name: count for name, count in each if count}

    def notes(self) -> tuple[str, ...]:
        """What was decided when the rows were summed."""
        by_column = self.dropped_by_column()
        total = sum(by_column.values())
        told = elided(f"{shown(name)!r} ({count})" for name, count in by_column.items())
        dropped = (f"{counted(total, 'row')} went at collect for a missing cell in {told}",) if total else ()
        weighed = () if self.weights is None else (f"rows were weighed by {shown(self.weights)!r} at collect",)
        return (*weighed, *dropped)

    def about(self, source: StateSource, columns: Sequence[int]) -> About:
        """Who the problem is that some columns of A make, of which 0 is that of ones."""
        names = tuple((INTERCEPT, *self.names)[column] for column in columns)
        constant = [place for place, column in enumerate(columns) if self._constant[column]]
        return About(
            names=names,
            targets=source.targets,
            data=source.data,
            rows=self.rows,
            rows_read=self.rows + int(self.dropped.sum()),
            counted_rows=self.rows - self.weightless,
            dropped=self.dropped_by_reason(),
            constant_column=constant[0] if constant else None,
            warnings=source.warnings,
            notes=(*source.notes, *self.notes()),
        )

    def of_columns(self, columns: Sequence[int], p: int) -> ExactSums:
        """The sums of some columns, of which 0 is that of ones, and the last p are targets.

        Raises
        ------
        ProblemError
            Where no row counts, or the sums are those of no rows.
        """
        sums = self.sums.of_columns(columns, p, self.rows)
        if not is_semidefinite(sums.integers()[0]):
            raise ProblemError(
                "the sums are those of no rows: in some direction they are below 0; was something taken away that was "
                "never added (lsq subtract)?"
            )
        sums.intercept = len(columns) > p and columns[0] == 0
        return sums

    def _combined(self, other: State, sign: int, names: tuple[str, ...]) -> State:
        """The rows of both, or with sign −1 those of `other` taken away."""
        mine, theirs = self._in_order(names), other._in_order(names)
        return State(
            names,
            # A mark that only one of them has is none: no order of merging may matter.
            self.target if self.target == other.target else (),
            self.weights,
            self.rows + sign * other.rows,
            self.weightless + sign * other.weightless,
            mine.dropped + sign * theirs.dropped,
            self.log_weights + sign * other.log_weights,
            mine.sums.combined(theirs.sums, sign),
        )

    def _in_order(self, names: tuple[str, ...]) -> State:
        """The same with the columns in another order."""
        if names == self.names:
            return self
        places = [self.names.index(name) for name in names]
        sums = CanonicalSums.of(self.sums.of_columns([0, *(place + 1 for place in places)], 0, self.rows))
        of_weights = [] if self.weights is None else [len(places)]
        return replace(self, names=names, dropped=self.dropped[:, [*places, *of_weights]], sums=sums)

    @cached_property
    def _constant(self) -> list[bool]:
        """Whether each column, first that of ones, is one number, not 0, in all rows that count: Σw·Σwa² = (Σwa)²."""
        N = self.sums.integers()[0]
        squares = N.diagonal()
        return [bool(one) for one in (squares != 0) & (N[0, 0] * squares == N[0] ** 2)]


def _beyond_doubles(weights: int, e: int, squares: int, e_squares: int) -> bool:
    """Whether Σwa² is more than Σw·2²⁰⁴⁸, which no a < 2¹⁰²⁴ makes; each sum is an integer times 4^e."""
    shift = 2 * (e + 1024 - e_squares)
    return squares << max(0, -shift) > weights << max(0, shift)


def merged(states: Iterable[tuple[str, StateFile]]) -> State:
    """The rows of all states.

    Raises
    ------
    DataError
        For a state of other columns or weights than the first, and for sums that cannot be those of a table.
    """

    def joined(one: tuple[str, State, StateFile], other: tuple[str, State, StateFile]) -> tuple[str, State, StateFile]:
        (path, state, file), (other_path, more, other_file) = one, other
        names = common_names(file, other_file, other_path, path)
        return path, state.merged(more, names), file._replace(names=names)

    opened = ((shown(path, 4096), State.of_file(file, shown(path, 4096)), file) for path, file in states)
    return reduce(joined, opened)[1]


def state_problem(source: StateSource, options: ProblemOptions) -> SummedProblem:
    """The problem that the columns of some states make.

    Raises
    ------
    DataError, ProblemError
        For sums that cannot be those of rows, and where no row counts.
    UsageError
        For sums in double precision, which are made of rows.
    """
    where = " ".join(source.data)
    if options.precision != "extended":
        raise UsageError(f"--precision {options.precision} is a way to sum rows; a state is summed exactly: {where}")
    state = merged(source.files)
    refuse_empty(state, where)
    unknowns(source, options.intercept)
    p = len(source.targets)
    columns = [0] if options.intercept else []
    columns += [state.names.index(source.columns[place]) + 1 for place in source.places]
    about = state.about(source, columns[:-p])
    problem = SummedProblem(about, state.of_columns(columns, p), options.ridge, options.rank_tol)
    problem.passes = 0
    return problem


def refuse_empty(state: State, where: str) -> None:
    """`ProblemError` for a state of which no row counts."""
    if not state.rows:
        read = int(state.dropped.sum())
        raise ProblemError(f"{where}: {f'all {read} rows have a missing cell' if read else 'the state has no rows'}")
    if state.rows == state.weightless:
        raise ProblemError(f"{where}: all {state.rows} weights are 0, so no row counts")
