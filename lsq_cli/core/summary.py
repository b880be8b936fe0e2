"""A Solution as a few lines of text, for Python: the coefficients, what is known of each, how well the whole fits.

The command line has screens of its own in `report/`; this needs nothing but the Solution.
"""

from __future__ import annotations

import math
from typing import Any

_KEYS = ("std_error", "t", "p", "low", "high")


def summary_of(solution: Any) -> str:
    """The coefficients of each target of a `Solution` as a table, and a line about the fit."""
    found = solution.statistics
    several = [found] if hasattr(found, "sigma") else list(found or [None] * len(solution.targets))
    x = solution.x.reshape(len(solution.names), -1)
    parts = [_target(solution, target, x[:, t].tolist(), several[t]) for t, target in enumerate(solution.targets)]
    return "\n\n".join(parts + [f"warning: {warning}" for warning in solution.warnings])


def _target(solution: Any, target: str, x: list[float], found: Any) -> str:
    """One target."""
    columns = [[target, *solution.names], ["x", *map(_number, x)]]
    if found is not None:
        columns += [[key, *map(_number, getattr(found, key).tolist())] for key in _KEYS]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", _fit(solution, found)])


def _fit(solution: Any, found: Any) -> str:
    """How well the whole fits."""
    absorbed = solution.extra.get("absorbed")
    taken = f", absorbed {absorbed['column']}: {absorbed['levels']} levels" if absorbed else ""
    rows = f"{solution.rows} rows of {solution.rows_read}{taken}"
    if found is None:
        return f"{rows}, {solution.outcome}"
    return (
        f"{rows}, sigma {_number(found.sigma)} on {found.df_residual} degrees of freedom, "
        f"R2 {_number(found.r_squared)}, F {_number(found.f)} (p {_number(found.f_p)}), "
        f"AIC {_number(found.aic)}, BIC {_number(found.bic)}, standard errors {found.vcov}"
    )


def _number(value: float) -> str:
    """A number with 6 digits; nothing for what is not defined."""
    return "" if math.isnan(value) else f"{value:.6g}"
