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
    # In units that suit the targets', which the problem has in another form.
    e = problem.equations.e[problem.equations.n :]
    u = min(gram.unit - max(e), gram.unit // 2)
    sums = gram.N[-1]
    targets = sums[len(sums) - 1 - len(e) : -1]
    products = tuple(int(s) << (gram.unit - u - exponent) for s, exponent in zip(targets, e, strict=True))
    return Mean(int(sums[-1]) << (gram.unit - 2 * u), products, ones.x[:, 0])
