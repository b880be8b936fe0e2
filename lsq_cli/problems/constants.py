"""The constant that several columns of A make together, as those of all levels of a category.

R² is centred where a constant is in A's span, whether it is a column or is made of several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.exact.equations import NormalEquations
from lsq_cli.problems.statistics import Mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.problems.designed import Assembled
    from lsq_cli.problems.summed import SummedProblem


def implicit_mean(problem: SummedProblem, gram: Assembled, kept: Sequence[int]) -> Mean | None:
    """The constant that several columns of A make together, as those of all levels of a category."""
    if problem.about.constant_column is not None or problem.ridge:
        return None
    chosen = [*kept, len(gram.N) - 1]
    ones = NormalEquations(gram.N[np.ix_(chosen, chosen)], [gram.unit // 2] * len(chosen), 1).solve()
    if ones.least_squares()[0].mantissa:
        return None
    # In units that suit the columns', which the problem has in another form.
    e, n = problem.equations.e, problem.equations.n
    u = min(gram.unit - max(e), gram.unit // 2)
    sums = gram.N[-1, [*kept, *range(len(gram.N) - 1 - problem.equations.p, len(gram.N) - 1)]]
    products = tuple(int(s) << (gram.unit - u - exponent) for s, exponent in zip(sums, e, strict=True))
    return Mean(int(gram.N[-1, -1]) << (gram.unit - 2 * u), products[n:], products[:n], ones.x[:, 0])
