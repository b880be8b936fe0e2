"""Both methods, both precisions and every step rule on one problem: what each costs and what it reaches.

    rows ──► one pass, each block summed both ways ──► the normal equations, then every rule, on either sums

The rows are read once: a second read would be faster, from the disk cache. The seconds of a run are those of all
reading, of the summing in its own precision, and of its method.

Where A is wide the normal equations use AAᵀ, as in ``lsq solve`` (`choosing.py`). More unknowns than `SUMMED` are
refused: without AᵀA there are neither normal equations nor a forecast.

The eigenvalues of AᵀA, which every rule needs, are made once in a precision, and count for each rule.

A rule that would need longer than the limit is stopped as soon as the time of one iteration is known. Its forecast
stands in its place.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import ProblemError, shown
from lsq_cli.core.problem import Work
from lsq_cli.core.solution import ALL_DIGITS
from lsq_cli.engines.resources import Resources
from lsq_cli.methods import RULES
from lsq_cli.methods.forecast import Spectrum
from lsq_cli.methods.gd import Descent
from lsq_cli.methods.steps import rule_named
from lsq_cli.methods.stopping import Limits
from lsq_cli.problems.choosing import SUMMED, Ahead
from lsq_cli.problems.summing import ProblemOptions, Summed, SumRows, numbered_blocks, summed_problem, usable
from lsq_cli.problems.tally import unknowns
from lsq_cli.runs.solving import FEW_DIGITS, Run

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.core.solution import Array, Solution
    from lsq_cli.problems.summing import NumberedBlock
    from lsq_cli.sources.blocks import Source

PRECISIONS = ("extended", "double")
TIME_LIMIT = 10.0
"""Seconds that a run of descent may take, by default."""
_MEASURED = 0.05  # seconds of steps that tell what one takes


class Entry(NamedTuple):
    """What one method, rule and precision took and reached; None where a value is not known."""

    method: str
    step: str | None
    precision: str
    outcome: str
    """The word of an `Outcome`, or ``forecast`` for a rule that was not run to its end."""
    seconds: float
    """Reading, summing and solving; what they would take, for a forecast."""
    solving_seconds: float
    """Of it solving alone."""
    iterations: int | None
    forecast: float | None
    """Steps needed, as told before the first."""
    forecast_is_bound: bool
    """Whether they are an upper bound rather than an estimate."""
    passes: int | None
    residual_norm: float | None
    gradient_norm: float | None
    digits: float | None
    agreement: float | None = None
    """Digits in common with the normal equations on exact sums, those of the worst coefficient; None for that run."""
    differs: str | None = None
    """With fewer than 4 in common, which coefficient differs most, and by what."""


@dataclass
class SummedBothWays:
    """The sums of some rows in both precisions."""

    extended: Summed
    double: Summed

    def merge(self, other: SummedBothWays) -> None:
        """Take in the rows that follow."""
        self.extended.merge(other.extended)
        self.double.merge(other.double)


@dataclass(frozen=True)
class SumBothWays:
    """The kernel: reads one block and sums its rows exactly and in double."""

    n: int
    p: int
    intercept: bool
    measured: bool
    """As in `SumRows`."""

    def __call__(self, block: NumberedBlock) -> SummedBothWays:
        """The sums of one block, which comes with its number."""
        start = perf_counter()
        rows = block.block.read()
        reading = perf_counter() - start
        extended, double = (
            SumRows(precision, self.n, self.p, self.intercept, self.measured).of(rows, block.number)
            for precision in PRECISIONS
        )
        for summed in (extended, double):
            summed.tally.work = summed.tally.work._replace(reading=reading)
        return SummedBothWays(extended, double)


def read_both(
    source: Source, options: ProblemOptions | None = None, resources: Resources | None = None
) -> tuple[Problem, Problem]:
    """The problem summed exactly and in double, in one pass; `About.work` holds its share of the time of the pass.

    Parameters and errors are those of `choosing.read`; `ProblemError` for more than `choosing.SUMMED` unknowns.
    """
    options, resources = options or ProblemOptions(), resources or Resources()
    n = len(unknowns(source, options.intercept))
    if n > SUMMED:
        raise _too_many_unknowns(source, n)
    start = perf_counter()
    ahead = Ahead(source, options)
    # One AAᵀ for both; each one's normal equations are solved and timed.
    wide = ahead.wide_problem()
    kernel = SumBothWays(n, len(source.targets), options.intercept, wide is None)
    total = resources.fold(kernel, numbered_blocks(resources.watched(ahead.blocks())), waits=source.waits)
    seconds = perf_counter() - start
    both = (None, None) if total is None else (total.extended, total.double)
    if total is not None:
        tallies = (total.extended.tally, total.double.tally)
        reading = tallies[0].work.reading
        share = seconds / max(reading + sum(tally.work.summing for tally in tallies), sys.float_info.min)
        for tally in tallies:
            tally.work = Work(reading * share, tally.work.summing * share)
    extended, double = (
        summed_problem(summed, source, options._replace(precision=precision))
        if wide is None
        else wide.with_sums(usable(summed, source), precision)
        for precision, summed in zip(PRECISIONS, both, strict=True)
    )
    return extended, double


def _too_many_unknowns(source: Source, n: int) -> ProblemError:
    """Why nothing is compared, and what to use instead."""
    return ProblemError(
        f"{' '.join(source.data)}: {n} unknowns: lsq compare sums AᵀA, for at most {SUMMED}; leave columns out with "
        "--columns or --drop, or use lsq solve --method gd, which goes by the rows"
    )


def compare(
    problems: tuple[Problem, ...],
    tol: float = 1e-8,
    time_limit: float = TIME_LIMIT,
    normalize: bool = False,
    interrupted: Callable[[], bool] | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Iterator[Entry]:
    """Yield an entry for every precision and, in it, for the normal equations and every step rule.

    Parameters
    ----------
    problems : tuple of Problem
        The same rows, in different precisions.
    tol : float
        Descent stops when ‖∇f‖ ≤ tol·‖Aᵀb‖.
    time_limit : float
        Seconds of descent above which a rule is forecast.
    normalize : bool
        Whether descent walks in columns of length 1.
    interrupted : callable, optional
        Asked at every step; when it says True, nothing more is begun.
    clock : callable
        Seconds.
    """
    limits = Limits(tol, sys.maxsize, time_limit)
    for problem in problems:
        shared = 0.0
        for step in (None, *RULES):
            descent = None if step is None else Descent(step, limits=limits, normalize=normalize)
            if step == RULES[0]:
                start = clock()
                Spectrum.known(problem.form(normalize=normalize))
                shared = clock() - start
            yield _entry(problem, descent, time_limit, interrupted, clock, problems[0].x, shared)
            if interrupted is not None and interrupted():
                return


def _entry(
    problem: Problem,
    descent: Descent | None,
    time_limit: float,
    interrupted: Callable[[], bool] | None,
    clock: Callable[[], float],
    right: Array | None,
    shared: float,
) -> Entry:
    """One run to its end, or to where its forecast is known to be too long.

    `right` is the exact x (n, p), `shared` the seconds of what was done once for all rules and each of them needs.
    """
    start = clock()
    run = Run(problem, descent, interrupted)
    step = None if descent is None else descent.step
    forecast = run.forecast
    projected = _seconds_if_too_long(run, forecast, time_limit, clock)
    bound = step is not None and rule_named(step).forecast_is_bound
    rows, precision = sum(problem.about.work), problem.about.precision
    if projected is not None:
        seconds = (rows + shared + projected, shared + projected)
        return Entry("gd", step, precision, "forecast", *seconds, None, forecast, bound, None, None, None, None)
    solving = shared + clock() - start
    solution = run.solution()
    first = step is None and precision == PRECISIONS[0]
    agreement, differs = (None, None) if right is None or first else _compared(solution, right)
    return Entry(
        method=solution.method,
        step=step,
        precision=precision,
        outcome=solution.outcome,
        seconds=rows + solving,
        solving_seconds=solving,
        iterations=solution.iterations,
        forecast=forecast,
        forecast_is_bound=bound,
        passes=solution.passes,
        residual_norm=solution.residual_norm,
        gradient_norm=solution.gradient_norm,
        digits=solution.digits,
        agreement=agreement,
        differs=differs,
    )


def _compared(solution: Solution, right: Array) -> tuple[float, str | None]:
    """The digits that an x has in common with the right one, and in words where they are few."""
    x = solution.x.reshape(right.shape)
    with np.errstate(all="ignore"):
        apart = np.where(x == right, 0.0, abs(x - right) / abs(right))
    worst = int(np.argmax(np.where(np.isfinite(apart), apart, np.inf)))
    error = float(apart.ravel()[worst])
    digits = min(ALL_DIGITS, max(0.0, -math.log10(error))) if 0.0 < error < math.inf else ALL_DIGITS * (error == 0.0)
    if digits >= FEW_DIGITS:
        return digits, None
    i, t = divmod(worst, right.shape[1])
    of = f" of {shown(solution.targets[t])}" if right.shape[1] > 1 else ""
    return digits, f"{shown(solution.names[i])}{of} is {x[i, t]:.6g}, not {right[i, t]:.6g}"


def _seconds_if_too_long(
    run: Run, forecast: float | None, time_limit: float, clock: Callable[[], float]
) -> float | None:
    """Iterate over a run; where it will take longer than the limit stop, and return the seconds it would take."""
    start, measured = clock(), forecast is None
    for iterate in run:
        seconds = clock() - start
        if not measured and iterate.k and seconds >= _MEASURED:
            measured = True
            needed = math.inf if forecast is None else forecast * seconds / iterate.k
            if needed > time_limit:
                return needed
    return None
