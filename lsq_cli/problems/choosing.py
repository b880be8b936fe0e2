"""Which form a problem takes: its sums, or its rows.

    AᵀA fits                          the sums AᵀA and Aᵀb (`summing.py`): one pass, after which no row is needed
    wide (m < n), normal equations    AAᵀ, the smaller matrix, in place of AᵀA (`wide.py`)
    gradient descent, else            the rows (`rowwise.py`): a pass for every step
    normal equations, else            an error that says so

Where A is wide, the sums serve descent alone: what is known of x before and after it, AAᵀ tells too.

"Fits" is a matter of time as well as of room: exact sums take ten times n² doubles, and what is proved on them n³
operations on long integers. So descent goes by the rows beyond `SUMMED` unknowns, and beyond `SUMMED_SPARSE` where A
is sparse and a pass over it costs next to nothing. The normal equations, which have no other way, are refused beyond
`SOLVED`.

Whether A is wide is known when its rows have ended: the first n rows are read ahead, and kept until then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import ProblemError, UsageError
from lsq_cli.engines.local import MEMORY, fold
from lsq_cli.exact.equations import Value
from lsq_cli.problems.summing import Work, no_rows, read_problem, told, unknowns
from lsq_cli.sources.spool import HeldRows, Spool

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.problems.rowwise import RowForm, RowwiseObjective, Survey
    from lsq_cli.problems.summing import Problem
    from lsq_cli.problems.wide import WideAnalysis
    from lsq_cli.sources.blocks import RowBlock, Source

SUMMED = 2048
"""Descent on more unknowns goes by the rows: G would take 32 MB, its exact solution some minutes."""
SUMMED_SPARSE = 512
"""The same for a sparse A: G would take 2 MB."""
SOLVED = 4096
"""The normal equations are refused for more unknowns unless A is wide: G would take 128 MB."""
NO_WORK = Work()
"""Where the time is not taken."""
WIDE_ROWS = 1024
"""Of so many rows at most AAᵀ is solved where AᵀA cannot be: a minute."""
WIDE_NUMBERS = 1 << 25
"""Of a wide A so many numbers are held where AᵀA cannot be: 256 MB."""


@dataclass(frozen=True)
class RowProblem:
    """A problem whose rows are read for every step of descent; the face of `summing.Problem` without sums."""

    quadratic: RowForm
    survey: Survey
    names: tuple[str, ...]
    targets: tuple[str, ...]
    data: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()
    work: Work = NO_WORK
    precision = "double"
    rank = None

    @property
    def analysis(self) -> RowAnalysis:
        """What is known of any x."""
        return RowAnalysis(self.quadratic)

    @property
    def rows(self) -> int:
        """Rows used."""
        return self.survey.rows

    @property
    def rows_read(self) -> int:
        """Rows seen."""
        return self.survey.rows_read

    @property
    def dropped(self) -> dict[str, int]:
        """Reason → rows dropped for it."""
        return dict(sorted(self.survey.dropped.items()))

    @property
    def has_constant(self) -> bool:
        """Whether A has a constant column, and so can fit a mean."""
        return self.survey.constant_column is not None

    @property
    def passes(self) -> int:
        """How often the rows have been read."""
        return self.quadratic.passes

    @property
    def hessian(self) -> Array:
        """Not known: (0, 0)."""
        return np.empty((0, 0))


class RowAnalysis:
    """What the rows tell of an x without G: f, ‖r‖ and ∇f, in double precision. The rest is not known."""

    condition = None
    data_digits = None

    def __init__(self, form: RowForm) -> None:
        self._objectives: list[RowwiseObjective] = [form.objective(t) for t in range(form.p)]

    def value_at(self, x: Array) -> Value:
        """f, ‖Ax − b‖ and ‖∇f‖ at `x`, (n,) or (n, p): a pass for every target."""
        values, residuals, gradients = [], [], []
        for objective, column in zip(self._objectives, x.reshape(len(x), -1).T, strict=True):
            f, g = objective.value_and_gradient(np.ascontiguousarray(column))
            values.append(f)
            residuals.append(objective.residual_norm(column, f))
            gradients.append(objective.gradient_norm(g))
        return Value(math.fsum(values), math.hypot(*residuals), math.hypot(*gradients), tuple(residuals))

    def digits(self, x: Array) -> None:
        """Not known."""
        return

    def dependencies(self, names: Sequence[str]) -> tuple[str, ...]:
        """Not known."""
        return ()

    def rank_warning(self, names: Sequence[str], choice: str) -> tuple[str, ...]:
        """Nothing: the rank is not known."""
        return ()


@dataclass(frozen=True)
class WideProblem:
    """A problem with fewer rows than unknowns, for the normal equations; the face of `summing.Problem` without sums."""

    analysis: WideAnalysis
    names: tuple[str, ...]
    targets: tuple[str, ...]
    data: tuple[str, ...]
    left_out: tuple[str, ...]
    rows: int
    rows_read: int
    dropped: dict[str, int]
    has_constant: bool
    notes: tuple[str, ...] = ()
    work: Work = NO_WORK
    precision = "extended"
    passes = 1

    @property
    def rank(self) -> int:
        """As many as there are rows that count."""
        return self.analysis.rank

    @property
    def hessian(self) -> Array:
        """∇²f = AᵀA (n, n) in doubles, without weights; for two unknowns, to draw them, else (0, 0)."""
        return self.analysis.gram() if len(self.names) == 2 else np.empty((0, 0))


def read(
    source: Source,
    *,
    method: str = "normal",
    rows: bool = False,
    intercept: bool = False,
    ridge: float = 0.0,
    precision: str = "extended",
    rank_tol: float | None = None,
    jobs: int | None = None,
    memory: int = MEMORY,
    on_block: Callable[[int], None] | None = None,
) -> Problem | WideProblem | RowProblem:
    """Read a source once, into the form that suits the problem and the method.

    Parameters
    ----------
    source : Source
    method : {"normal", "gd"}
    rows : bool
        Whether descent goes by the rows although the sums would fit.
    intercept, ridge, precision, rank_tol, jobs, memory, on_block
        As those of `summing.read_problem`.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If no row or no column is left, or there are too many unknowns for the method.
    UsageError
        For `rows` with the normal equations.
    """
    names = unknowns(source, intercept)
    n = len(names)
    if rows and method != "gd":
        raise UsageError('rows=True is a way to descend: add method="gd"')
    if method == "gd" and (rows or n > (SUMMED_SPARSE if source.sparse else SUMMED)):
        return _by_rows(source, names, intercept, ridge, jobs, memory, on_block)
    ahead = Ahead(source, intercept, ridge)
    wide = ahead.wide_analysis(rank_tol)
    if method == "normal":
        if wide is not None:
            return ahead.wide_problem(wide)
        if n > SOLVED:
            raise ahead.too_many_unknowns()
    return read_problem(
        source,
        intercept=intercept,
        ridge=ridge,
        precision=precision,
        rank_tol=rank_tol,
        jobs=jobs,
        memory=memory,
        on_block=on_block,
        blocks=ahead.blocks(),
        analysis=wide,
    )


class Ahead:
    """The first rows of a source, read until it is known whether there are as many as unknowns.

    Parameters
    ----------
    source : Source
    intercept : bool
    ridge : float
        With one, AAᵀ is of no use and no row is read.
    """

    def __init__(self, source: Source, intercept: bool, ridge: float) -> None:
        self._source, self._intercept = source, intercept
        self._names = unknowns(source, intercept)
        self._rest = source.blocks()
        self._held: list[HeldRows] = []
        # Whether there are fewer, so that these are all.
        self._ended = False
        rows = numbers = 0
        n = 0 if ridge else len(self._names)
        fits = n <= SOLVED
        while rows < n and (fits or (rows <= WIDE_ROWS and numbers <= WIDE_NUMBERS)):
            block = next(self._rest, None)
            if block is None:
                self._ended = True
                return
            # Left sparse where it can be of no use but for AAᵀ.
            held = block.read() if fits else block.read_sparse()
            self._held.append(HeldRows(held, block.size, 0))
            rows += len(held.b)
            numbers += held.A.size

    def blocks(self) -> Iterator[RowBlock]:
        """Handles on all rows, those of the first that were read."""
        return chain(self._held, self._rest)

    def wide_analysis(self, rank_tol: float | None) -> WideAnalysis | None:
        """What AAᵀ tells, if these are all rows and they are independent."""
        if not (self._ended and self._held):
            return None
        from lsq_cli.problems.wide import WideAnalysis, WideRows  # for the few problems that are wide

        rows = WideRows.of([held.rows for held in self._held], self._intercept)
        if not len(rows.b):
            return None
        analysis = WideAnalysis(rows, rank_tol)
        return analysis if analysis.independent_rows else None

    def wide_problem(self, analysis: WideAnalysis) -> WideProblem:
        """The problem that needs no more than its analysis."""
        from lsq_cli.problems.rowwise import constants_of, first_constant  # as above

        many = [held.rows for held in self._held]
        return WideProblem(
            analysis=analysis,
            names=self._names,
            targets=self._source.targets,
            data=self._source.data,
            left_out=self._source.left_out,
            rows=sum(len(each.b) for each in many),
            rows_read=sum(each.rows_read for each in many),
            dropped=dict(sorted(sum((Counter(each.dropped) for each in many), Counter[str]()).items())),
            has_constant=first_constant(constants_of(analysis.rows.A)) is not None,
            notes=self._source.notes,
        )

    def too_many_unknowns(self) -> ProblemError:
        """Why the normal equations are refused, and the way out."""
        n = len(self._names)
        why = f"{n} unknowns: AᵀA would take {8e-9 * n * n:.2g} GB and its exact solution hours"
        if self._ended:
            why += ", and AAᵀ does not help, for rows of A depend on each other"
        return ProblemError(f"{' '.join(self._source.data)}: {why}; --method gd goes by the rows")


def _by_rows(
    source: Source,
    names: tuple[str, ...],
    intercept: bool,
    ridge: float,
    jobs: int | None,
    memory: int,
    on_block: Callable[[int], None] | None,
) -> RowProblem:
    """The problem by its rows: the first pass, and the rows kept where they come only once."""
    from lsq_cli.problems.rowwise import (  # for the few problems that are too large to sum
        RowForm,
        Span,
        Survey,
        Surveyor,
    )

    kernel = Surveyor(len(names), intercept)
    survey: Survey | None
    again: Callable[[], Iterable[RowBlock]] = source.blocks
    together: list[Span] = []
    # A sparse A is held as it is, and would be much larger as the rows of a temporary file; only b comes once.
    if source.in_memory or (source.sparse and not source.rereadable):
        held = [HeldRows(block.read_sparse()) for block in told(source.blocks(), on_block)]
        survey, together = fold(kernel, held, jobs, memory), Span.of_held(held)
    elif source.rereadable:
        survey = fold(kernel, told(source.blocks(), on_block), jobs, memory, waits=source.waits)
    else:
        spool, survey = Spool(len(source.names), len(source.targets), source.weighted), None
        for block in told(source.blocks(), on_block):
            rows = block.read()
            spool.add(rows)
            found = Survey.of(rows, len(names), intercept)
            survey = found if survey is None else survey.joined(found)
        again = spool.blocks
    if survey is None or not survey.rows:
        raise no_rows(source, survey.rows_read if survey else 0)

    def spans() -> Iterable[Span]:
        return together or (Span((block,)) for block in again())

    form = RowForm(spans, survey, intercept=intercept, ridge=ridge, jobs=jobs, memory=memory)
    n = len(names)
    size = f"{8e-6 * n * n:.0f} MB" if n < 10_000 else f"{8e-9 * n * n:.1f} GB"
    note = f"{n} unknowns, for which AᵀA would take {size}: every step is a pass over the rows, in double precision"
    asked = n <= (SUMMED_SPARSE if source.sparse else SUMMED)
    notes = source.notes if asked else (*source.notes, note)
    return RowProblem(form, survey, names, source.targets, source.data, source.left_out, notes)
