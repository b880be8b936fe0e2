"""One model within another: the F test of what the larger one has more.

    F = ((RSS₁ − RSS₂)/(r₂ − r₁)) / (RSS₂/(m − r₂))        of ranks r₁ < r₂ on m rows

RSS₁ and RSS₂ come from the exact solutions, so that their difference is as exact as they are, however small.

Source: Seber & Lee, *Linear Regression Analysis*, section 4.3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.extras import load
from lsq_cli.exact.dyadic import Dyadic, total
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.problems.statistics import quotient

if TYPE_CHECKING:
    from lsq_cli.problems.summed import SummedProblem


class NestedTest(NamedTuple):
    """The F test of a pair; nan where there is no degree of freedom."""

    f: float
    p: float
    more: int
    freedom: int


def residual_squares(problem: SummedProblem) -> tuple[Dyadic, ...]:
    """RSS of each target: that of the independent columns, for the others add nothing."""
    if problem.is_regular:
        return problem.solution.least_squares()
    equations = problem.equations
    kept = [*problem.columns.independent, *range(equations.n, equations.n + equations.p)]
    if len(kept) == equations.p:
        return tuple(Dyadic(int(equations.N[k, k]), 2 * equations.e[k]) for k in kept)
    return (
        NormalEquations(equations.N[np.ix_(kept, kept)], [equations.e[k] for k in kept], equations.p)
        .solve()
        .least_squares()
    )


def tested(smaller: Dyadic, larger: Dyadic, more: int, freedom: int) -> NestedTest:
    """The F test of a pair.

    Parameters
    ----------
    smaller, larger : Dyadic
        RSS of the smaller and of the larger model, in the same units.
    more : int
        r₂ − r₁.
    freedom : int
        m − r₂.
    """
    if more <= 0 or freedom <= 0:
        return NestedTest(math.nan, math.nan, more, freedom)
    gained = total([smaller, Dyadic(-larger.mantissa, larger.exponent)])
    above = Dyadic(max(0, gained.mantissa) * freedom, gained.exponent)  # below 0 by RSS' last bits alone
    f = quotient(above, Dyadic(larger.mantissa * more, larger.exponent))
    special = load("scipy.special", "fit", "the p of an F test")
    return NestedTest(f, float(special.fdtrc(more, freedom, f)), more, freedom)
