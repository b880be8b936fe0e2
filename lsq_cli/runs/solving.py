"""One run: a problem, a method, its iterates, and the `Solution` at the end.

    source ──► choosing.read ──► Run ──► iterate over it ──► run.solution()

The command and `api.py` both go through here. A `Run` is an iterator with consumers (a table, a
history file, a progress line); it knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lsq_cli.core.errors import ProblemError, shown
from lsq_cli.core.solution import Iterate, Outcome, Solution, one_decimal
from lsq_cli.core.version import __version__
from lsq_cli.methods.normal import Normal

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.descent import Iterates
    from lsq_cli.methods.gd import Descent


FEW_DIGITS = 4.0
"""With fewer sure digits than these a result is warned of."""
_NO_INTERCEPT = "no intercept: add --intercept"
_CONSEQUENTIAL = ("left out", _NO_INTERCEPT)


class Method(Protocol):
    """What a run asks of a method; everything is in the user's units."""

    name: str
    warnings: list[str]
    """What is certain before the first iterate."""

    @property
    def choice(self) -> str:
        """Which of all solutions x is, where there are many."""
        ...

    def iterates(self) -> Iterates:
        """The generator of iterates, whose return value is the outcome."""
        ...

    def final(self, last: Iterate) -> Array:
        """The x to return, given the last iterate."""
        ...

    def facts(self) -> dict[str, Any]:
        """The fields of `Solution` that only this method knows."""
        ...

    def advice(self, outcome: Outcome, k: int) -> str:
        """What to try when the run did not converge after k steps."""
        ...


class Run:
    """One method at work on one problem: iterate over it, then ask for its `solution`.

    Parameters
    ----------
    problem : Problem
    descent : Descent, optional
        What is asked of gradient descent; None for the normal equations.
    interrupted : callable, optional
        Asked after every iterate; when it says True the run ends there.
    table : bool
        Whether A comes from a table, where a missing intercept is worth a note; an array is meant as it is.

    Attributes
    ----------
    notes, warnings : tuple of str
        How the data was understood, and what to beware of, before the first iterate.
    outcome : Outcome or None
        None until the run has ended.
    """

    def __init__(
        self,
        problem: Problem,
        descent: Descent | None = None,
        interrupted: Callable[[], bool] | None = None,
        *,
        table: bool = False,
    ) -> None:
        self.problem = problem
        self.outcome: Outcome | None = None
        self._interrupted = interrupted
        self._method = _method(problem, descent)
        self._last: Iterate | None = None
        about = problem.about
        self.notes = about.notes if about.has_constant or not table else (*about.notes, _NO_INTERCEPT)
        self.warnings = (*about.warnings, *problem.rank_warning(self._method.choice), *self._method.warnings)

    def __iter__(self) -> Iterator[Iterate]:
        """Yield the iterates, until the method or the user ends the run."""
        iterates = self._method.iterates()
        descending = not isinstance(self._method, Normal)
        # Overflow is an outcome of descent, not an accident.
        with np.errstate(over="ignore", invalid="ignore"):
            while True:
                try:
                    self._last = iterate = next(iterates)
                except StopIteration as stop:
                    self.outcome = stop.value
                    return
                yield iterate
                # The normal equations are solved by now: to end at their x = 0 would serve nobody.
                if descending and self._interrupted is not None and self._interrupted():
                    self.outcome = Outcome.INTERRUPTED
                    return

    @property
    def forecast(self) -> float | None:
        """The steps that descent will take; None for a method without a forecast."""
        forecast: float | None = self._method.facts().get("forecast")
        return forecast

    @property
    def consequential(self) -> tuple[str, ...]:
        """The notes that change what x means: they stand among the warnings of a result."""
        return tuple(note for note in self.notes if note.startswith(_CONSEQUENTIAL))

    @property
    def advice(self) -> str:
        """What to try next, for a run that did not converge."""
        assert self.outcome is not None and self._last is not None
        return self._method.advice(self.outcome, self._last.k)

    def solution(self, iterates: tuple[Iterate, ...] | None = None, seconds: float = 0.0) -> Solution:
        """The result of a run that has ended; `iterates` are the rows that the report shows."""
        assert self.outcome is not None and self._last is not None, "iterate over the run first"
        problem, about = self.problem, self.problem.about
        x = self._method.final(self._last)
        digits = problem.digits(x)
        # The iterates of the normal equations have exact values already.
        value = self._last if isinstance(self._method, Normal) else problem.value_at(x)
        return Solution(
            method=self._method.name,
            outcome=self.outcome,
            data=about.data,
            rows=about.rows,
            rows_read=about.rows_read,
            columns=len(about.names),
            rank=problem.rank,
            names=about.names,
            targets=about.targets,
            x=x,
            objective=value.objective,
            residual_norm=value.residual_norm,
            gradient_norm=value.gradient_norm,
            condition=problem.condition,
            digits=digits,
            data_digits=problem.data_digits,
            passes=problem.passes,
            precision=about.precision,
            iterations=self._last.k,
            seconds=seconds,
            dropped_rows=about.dropped,
            left_out=about.left_out,
            dependencies=problem.dependencies(),
            warnings=(*self.warnings, *self._few_digits(digits), *self.consequential),
            notes=self.notes,
            version=__version__,
            iterates=iterates,
            **self._method.facts(),
        )

    def _few_digits(self, digits: float | None) -> tuple[str, ...]:
        """A warning where x may be wrong, with what does better."""
        if digits is None or digits >= FEW_DIGITS:
            return ()
        problem, normal = self.problem, isinstance(self._method, Normal)
        if not normal and problem.rank != len(problem.about.names):
            return ()  # of many solutions descent may find another one
        exact = None if problem.x is None else problem.digits(problem.x)
        way = ""
        if not normal and exact is not None and exact > digits + 1.0:
            way = f"; --method normal gives {one_decimal(exact)}"
        elif problem.about.precision == "double":
            way = "; --precision extended loses none to rounding"
        if digits < 1.0:
            return (f"not one digit of the worst coefficient is sure{way}",)
        return (f"only {one_decimal(digits)} digits of the worst coefficient are sure{way}",)


def _refuse_overflow(problem: Problem) -> None:
    """`ProblemError` for a solution that doubles cannot hold."""
    assert problem.x is not None, "the normal equations are for problems that know their solution"
    beyond = ~np.isfinite(problem.x).all(axis=1)
    if beyond.any():
        name = shown(problem.about.names[int(np.argmax(beyond))])
        raise ProblemError(
            f"the coefficient of {name!r} is beyond the largest double, 1.8e308; give the column in smaller units"
        )


def _method(problem: Problem, descent: Descent | None) -> Method:
    """The normal equations, or descent as it is asked for."""
    if descent is None:
        _refuse_overflow(problem)
        return Normal(problem)
    from lsq_cli.methods.gd import GradientDescent  # descent and its forecasts are not for everybody

    return GradientDescent(problem.form(normalize=descent.normalize), descent)
