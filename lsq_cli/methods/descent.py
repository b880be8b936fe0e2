"""Gradient descent: the one loop, a generator of iterates that serves every step rule.

    x₀ given,   x ← x − t·d,   until ‖∇f(x)‖ ≤ tol·‖Aᵀb‖

The direction d and the length t are objects that a step rule brings, the end is a third (`stopping.StoppingTest`).
Prefer it to see a method work, to stop early on purpose, or where G does not fit in memory; the normal
equations are one step to the exact minimum. The loop prints nothing, writes nothing and knows no file: the
table, the history, the progress line and Ctrl-C are consumers of what it yields.

Several targets are descended in turn, each with its own step and stopping test, so that no x depends on
which others are beside it; `side_by_side` joins their iterates.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.solution import Iterate, Outcome

if TYPE_CHECKING:
    from lsq_cli.core.problem import Objective
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.steps.base import StepRule
    from lsq_cli.methods.stopping import StoppingTest

Iterates = Generator[Iterate, None, Outcome]


def descend(objective: Objective, rule: StepRule, ends: StoppingTest, x0: Array | None = None) -> Iterates:
    """Yield x₀, x₁, … of one target until `ends` says that the run is over; the return value is its outcome.

    Parameters
    ----------
    objective : Objective
    rule : StepRule
    ends : StoppingTest
    x0 : ndarray, shape (n,), optional
        The start, 0 by default; not changed.
    """
    start = perf_counter()
    x = np.zeros(objective.n) if x0 is None else np.array(x0, dtype=np.float64)
    f, g = objective.begin(x)
    ends.begin(f)
    direction_at, length_along = rule.direction.at, rule.length.along
    new = tuple.__new__  # in half the time that Iterate(…) takes
    k, t = 0, math.nan
    while True:
        gradient_norm = objective.gradient_norm(g)
        seconds = perf_counter() - start
        ends.last = x
        yield new(Iterate, (k, x, f, objective.residual_norm(x, f), gradient_norm, t, seconds))
        outcome = ends.verdict(k, x, f, gradient_norm, seconds)
        if outcome is not None:
            return outcome
        d = direction_at(x, g)
        t = length_along(objective, x, g, d)
        move = t * d
        x = x - move
        f, g = objective.advance(x, move)
        k += 1


def side_by_side(runs: Sequence[Iterates]) -> Iterates:
    """The iterates of several targets as one: x (n, p), f summed, Frobenius norms; the worst outcome counts.

    A target that has ended stays where it is while the others go on. `step_length` is that of the
    targets still moving where they agree, else nan.
    """
    rows: list[Iterate] = [next(run) for run in runs]
    outcomes: list[Outcome | None] = [None] * len(runs)
    while True:
        yield _joined(rows, [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is None])
        for t, run in enumerate(runs):
            if outcomes[t] is None:
                try:
                    rows[t] = next(run)
                except StopIteration as stop:
                    outcomes[t] = stop.value
        if None not in outcomes:
            return max((o for o in outcomes if o is not None), key=list(Outcome).index)


def _joined(rows: Sequence[Iterate], moving: Sequence[Iterate]) -> Iterate:
    """One iterate out of one of each target."""
    lengths = {row.step_length for row in moving or rows}
    return Iterate(
        max(row.k for row in rows),
        np.column_stack([row.x for row in rows]),
        math.fsum(row.objective for row in rows),
        math.hypot(*(row.residual_norm for row in rows)),
        math.hypot(*(row.gradient_norm for row in rows)),
        lengths.pop() if len(lengths) == 1 else math.nan,
        max(row.seconds for row in rows),
    )
