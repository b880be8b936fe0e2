"""The results of those groups that `problems.stacked_fits` can tell all at once; the others are solved one by one.

What is here has the bits that `fitting.solution_of` and `solving.Run` have for the group alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lsq_cli.core.solution import ALL_DIGITS, Outcome, Solution
from lsq_cli.core.version import __version__
from lsq_cli.problems.stacked_fits import can_stack, stacked, statistics_of_groups

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lsq_cli.core.solution import Statistics
    from lsq_cli.problems.grouped import GroupedSums
    from lsq_cli.problems.stacked_fits import Values
    from lsq_cli.terms.design import Design


def stacked_solutions(
    sums: GroupedSums,
    design: Design,
    *,
    data: tuple[str, ...],
    names: tuple[str, ...],
    targets: tuple[str, ...],
    rank_tol: float | None,
    confidence: float | None,
    extra: Mapping[str, Any],
) -> dict[int, Solution]:
    """The solutions of groups, by their numbers; nothing where the design cannot be stacked.

    Parameters
    ----------
    sums : GroupedSums
    design : Design
    data, names, targets, extra
        Fields of the solutions.
    rank_tol : float, optional
    confidence : float, optional
        Of the intervals; without it no statistics are made.
    """
    if not can_stack(design):
        return {}
    found: dict[int, Solution] = {}
    rows = sums.counts.rows.tolist()
    for values in stacked(sums, design, rank_tol, statistics=confidence is not None):
        statistics: Iterable[Statistics | None] = [None] * len(values.groups)
        if confidence is not None:
            statistics = statistics_of_groups(values, confidence)
        for k, (group, of_one) in enumerate(zip(values.groups.tolist(), statistics, strict=True)):
            found[group] = _solution(values, k, rows[group], of_one, data, names, targets, extra)
    return found


def _solution(
    values: Values,
    k: int,
    rows: int,
    statistics: Statistics | None,
    data: tuple[str, ...],
    names: tuple[str, ...],
    targets: tuple[str, ...],
    extra: Mapping[str, Any],
) -> Solution:
    """The solution of one group; every coefficient is rounded once, so that all its digits are sure."""
    return Solution(
        method="normal",
        outcome=Outcome.CONVERGED,
        data=data,
        rows=rows,
        rows_read=rows,
        columns=len(names),
        rank=len(names),
        names=names,
        targets=targets,
        x=values.x[k],
        objective=float(values.objective[k]),
        residual_norm=float(values.residual_norm[k]),
        gradient_norm=float(values.gradient_norm[k]),
        condition=float(values.condition[k]),
        digits=ALL_DIGITS,
        data_digits=float(values.data_digits[k]),
        iterations=1,
        precision="extended",
        version=__version__,
        statistics=statistics,
        extra=extra,
    )
