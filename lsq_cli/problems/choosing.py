"""Which form a problem takes: its sums, or its rows; of states, which have no rows, always their sums.

    AᵀA fits                          the sums AᵀA and Aᵀb (`summed.py`): one pass, after which no row is needed
    wide (m < n), normal equations    AAᵀ, the smaller matrix, in place of AᵀA (`wide.py`)
    gradient descent, else            the rows (`rowwise.py`): a pass for every step
    normal equations, else            an error that says so

Where A is wide, the sums serve descent alone: what is known of x before and after it, AAᵀ tells too.

"Fits" is a matter of time as well as of room: exact sums take twenty times n² doubles, and what is proved on them n³
operations, on long integers where doubles prove nothing. So descent goes by the rows beyond `SUMMED` unknowns, and
beyond `SUMMED_SPARSE` where A is sparse and a pass over it costs next to nothing. The normal equations, which have no
other way, are refused beyond `SOLVED`.

Whether A is wide is known when its rows have ended: the first n rows are read ahead, and kept until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from lsq_cli.core.errors import ProblemError, UsageError
from lsq_cli.engines.resources import Resources
from lsq_cli.problems.summing import ProblemOptions, read_problem, read_sums, summed_problem, usable
from lsq_cli.problems.tally import Tally, about, no_rows, unknowns
from lsq_cli.sources.spool import HeldRows, Spool
from lsq_cli.sources.states import StateSource, no_rows_in, refuse_scheduler

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.problems.passes import Span, Survey
    from lsq_cli.problems.summed import SummedProblem
    from lsq_cli.problems.wide import WideProblem
    from lsq_cli.sources.blocks import RowBlock, Source

SUMMED = 2048
"""Descent on more unknowns goes by the rows: the exact sums cost as much as some thousand passes over them."""
SUMMED_SPARSE = 512
"""The same for a sparse A: G would take 2 MB."""
SOLVED = 4096
"""The normal equations are refused for more unknowns unless A is wide: the sums would take more than 6 GB."""
WIDE_ROWS = 2048
"""Of so many rows at most AAᵀ is solved where AᵀA cannot be: 0.9 GB, and 12 times as long as `numpy.linalg.lstsq`."""
WIDE_NUMBERS = 1 << 25
"""Of a wide A so many numbers are held where AᵀA cannot be: 256 MB."""


def read(
    source: Source,
    options: ProblemOptions | None = None,
    resources: Resources | None = None,
    *,
    method: str = "normal",
    rows: bool = False,
) -> Problem:
    """Read a source once, into the form that suits the problem and the method.

    Parameters
    ----------
    source : Source
    options : ProblemOptions, optional
    resources : Resources, optional
    method : {"normal", "gd"}
    rows : bool
        Whether descent goes by the rows although the sums would fit.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If no row or no column is left, or there are too many unknowns for the method.
    UsageError
        For `rows` with the normal equations.
    """
    options, resources = options or ProblemOptions(), resources or Resources()
    if isinstance(source, StateSource):
        refuse_scheduler(source.data[0], resources.cluster)
        return _of_states(source, options, rows=rows)
    n = len(unknowns(source, options.intercept))
    if rows and method != "gd":
        raise UsageError('rows=True is a way to descend: add method="gd"')
    if method == "gd" and (rows or n > _most_summed(source)):
        if resources.cluster is not None:
            raise UsageError(
                f"--scheduler: descent on {n} unknowns goes by the rows, for every step, and does so on one machine: "
                "leave out --scheduler, or choose fewer columns"
            )
        return _by_rows(source, options, resources)
    ahead = Ahead(source, options)
    wide = ahead.wide_problem()
    if method == "normal":
        if wide is not None:
            return wide
        if n > SOLVED:
            raise ahead.too_many_unknowns()
    total = read_sums(source, ahead.blocks(), options, resources, measured=wide is None)
    if wide is None:
        return summed_problem(total, source, options)
    return wide.with_sums(usable(total, source), options.precision)


def read_summed(source: Source, options: ProblemOptions, resources: Resources) -> SummedProblem:
    """Read a source once, into its sums, whatever form suits x alone; raises as `read`."""
    if isinstance(source, StateSource):
        refuse_scheduler(source.data[0], resources.cluster)
        return _of_states(source, options)
    return read_problem(source, options, resources)


def _of_states(source: StateSource, options: ProblemOptions, *, rows: bool = False) -> SummedProblem:
    """The problem of states, whose rows were summed before."""
    from lsq_cli.problems.states import state_problem  # for states alone

    if rows:
        raise no_rows_in(source.data[0])
    return state_problem(source, options)


class Ahead:
    """The first rows of a source, read until it is known whether there are as many as unknowns.

    Parameters
    ----------
    source : Source
    options : ProblemOptions
        With a ridge AAᵀ is of no use and no row is read.
    """

    def __init__(self, source: Source, options: ProblemOptions) -> None:
        self._source, self._options = source, options
        self._names = unknowns(source, options.intercept)
        self._rest = source.blocks()
        self._held: list[HeldRows] = []
        # Whether there are fewer, so that these are all.
        self._ended = False
        rows = numbers = 0
        n = 0 if options.ridge else len(self._names)
        fits = n <= SOLVED
        while rows < n and (fits or (rows <= WIDE_ROWS and numbers <= WIDE_NUMBERS)):
            block = next(self._rest, None)
            if block is None:
                self._ended = True
                return
            # Left sparse where it can be of no use but for AAᵀ.
            held = block.read() if fits else block.read_sparse()
            self._held.append(HeldRows(held, block.size, 0, block if self._source.rereadable else None))
            rows += len(held.b)
            numbers += held.A.size

    def blocks(self) -> Iterator[RowBlock]:
        """Handles on all rows, those of the first that were read."""
        return chain(self._held, self._rest)

    def wide_problem(self) -> WideProblem | None:
        """The problem by AAᵀ, if these are all rows and they are independent."""
        if not (self._ended and self._held):
            return None
        from lsq_cli.problems.wide import WideProblem  # for the few problems that are wide
        from lsq_cli.problems.widerows import WideRows

        many, intercept = [held.rows for held in self._held], self._options.intercept
        rows = WideRows.of(many, intercept)
        if not len(rows.b):
            return None
        tally = Tally()
        for each in many:
            tally.merge(Tally.of(each))
        problem = WideProblem(about(self._source, tally, intercept=intercept), rows, self._options.rank_tol)
        return problem if problem.is_solved else None

    def too_many_unknowns(self) -> ProblemError:
        """Why the normal equations are refused, and the way out."""
        n = len(self._names)
        why = f"{n} unknowns: AᵀA would take {8e-9 * n * n:.2g} GB and its exact solution hours"
        if self._ended:
            why += ", and AAᵀ does not help, for rows of A depend on each other"
        return ProblemError(f"{' '.join(self._source.data)}: {why}; --method gd goes by the rows")


def _most_summed(source: Source) -> int:
    """Unknowns up to which descent goes by the sums."""
    return SUMMED_SPARSE if source.sparse else SUMMED


def _by_rows(source: Source, options: ProblemOptions, resources: Resources) -> Problem:
    """The problem by its rows: the first pass, and the rows kept where they come only once."""
    from lsq_cli.problems.passes import Span  # for the few problems that are too large to sum
    from lsq_cli.problems.rowwise import RowForm, RowwiseProblem

    survey, spans = _survey(source, options, resources)
    if survey is None or not survey.tally.rows:
        raise no_rows(source, survey.tally if survey else None)
    form = RowForm(
        spans or (lambda: (Span((block,)) for block in source.blocks())),
        survey,
        intercept=options.intercept,
        ridge=options.ridge,
        resources=resources._replace(progress=None),
    )
    n = form.n
    size = f"{8e-6 * n * n:.0f} MB" if n < 10_000 else f"{8e-9 * n * n:.1f} GB"
    note = f"{n} unknowns, for which AᵀA would take {size}: every step is a pass over the rows, in double precision"
    notes = () if n <= _most_summed(source) else (note,)
    who = about(source, survey.tally, intercept=options.intercept, precision="double", notes=notes)
    return RowwiseProblem(who, form)


def _survey(
    source: Source, options: ProblemOptions, resources: Resources
) -> tuple[Survey | None, Callable[[], Iterable[Span]] | None]:
    """The first pass, and what gives the rows again; None where the source itself does."""
    from lsq_cli.problems.passes import Span, Survey, Surveyor  # as above

    n = len(unknowns(source, options.intercept))
    kernel, blocks = Surveyor(n, options.intercept), resources.watched(source.blocks())
    # A sparse A is held as it is, and would be much larger as the rows of a temporary file; only b comes once.
    if source.in_memory or (source.sparse and not source.rereadable):
        held = [HeldRows(block.read_sparse()) for block in blocks]
        together = Span.of_held(held)
        return resources.fold(kernel, held), lambda: together
    if source.rereadable:
        return resources.fold(kernel, blocks, waits=source.waits), None
    spool, survey = Spool(len(source.names), len(source.targets), source.weighted), None
    for block in blocks:
        rows = block.read()
        spool.add(rows)
        found = Survey.of(rows, n, options.intercept)
        if survey is None:
            survey = found
        else:
            survey.merge(found)
    return survey, lambda: (Span((block,)) for block in spool.blocks())
