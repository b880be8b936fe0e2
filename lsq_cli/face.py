"""The Python face: the verbs of the command line as functions on arrays, paths and sources.

>>> from lsq_cli import solve
>>> solve([[1, 0], [1, 1], [1, 2]], [1, 3, 5]).x
array([1., 2.])
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from lsq_cli.errors import UsageError
from lsq_cli.methods.gd import RULES, Descent
from lsq_cli.methods.stopping import Limits
from lsq_cli.solving import Run
from lsq_cli.sources.starts import checked_start
from lsq_cli.summing import read_problem

if TYPE_CHECKING:
    from lsq_cli.solution import Solution
    from lsq_cli.summing import Problem


def solve(
    A: Any,
    b: Any = None,
    *,
    method: Literal["normal", "gd"] = "normal",
    intercept: bool = False,
    ridge: float = 0.0,
    precision: Literal["extended", "double"] = "extended",
    rank_tol: float | None = None,
    step: str | None = None,
    learning_rate: float | None = None,
    x0: Any = None,
    tol: float | None = None,
    max_iter: int | None = None,
    time_limit: float | None = None,
    iterates: bool = False,
    **data: Any,
) -> Solution:
    """Find the x that minimises ½‖Ax − b‖² + ½λ‖x‖².

    Parameters
    ----------
    A : array_like (m, n), path, list of paths, or Source
        The matrix, or a table that holds A and b.
    b : array_like (m,) or (m, p), or path, optional
        The right-hand side, where A does not hold it.
    method : {"normal", "gd"}
        The normal equations, or gradient descent.
    intercept : bool
        Put a column of ones first.
    ridge : float
        λ ≥ 0, not applied to the intercept.
    precision : {"extended", "double"}
        How AᵀA is summed: exactly, or rounded, which is faster.
    rank_tol : float, optional
        A column whose part outside the others is below this of its length counts as dependent.
    step, learning_rate, x0, tol, max_iter, time_limit
        As the options of ``lsq solve`` of these names; only with ``method="gd"``. `x0` is array_like.
    iterates : bool
        Keep every iterate in ``Solution.iterates``.
    **data
        The data options of ``lsq solve``: target, columns, drop, weights, missing, na, delimiter, header,
        input_format; for arrays `weights` is an array (m,).

    Returns
    -------
    Solution

    Raises
    ------
    DataError
        If a row or a column cannot be used.
    UsageError
        If options contradict each other.
    """
    from lsq_cli.sources.opening import open_python

    start = perf_counter()
    asked = {
        "step": step,
        "learning_rate": learning_rate,
        "x0": x0,
        "tol": tol,
        "max_iter": max_iter,
        "time_limit": time_limit,
    }
    _check(precision, ridge, rank_tol)
    asked = {name: value for name, value in asked.items() if value is not None}
    problem = read_problem(
        open_python(A, b, **data), intercept=intercept, ridge=ridge, precision=precision, rank_tol=rank_tol
    )
    descent = _descent(method, asked, problem)
    run = Run(problem, descent)
    rows = [iterate for iterate in run if iterates]
    return run.solution(tuple(rows) if iterates else None, perf_counter() - start)


def _check(precision: str, ridge: float, rank_tol: float | None) -> None:
    """Refuse values that the command line's own types would refuse."""
    if precision not in ("extended", "double"):
        raise UsageError(f'precision must be "extended" or "double", not {precision!r}')
    for name, value in {"ridge": ridge, "rank_tol": rank_tol or 0.0}.items():
        if not 0.0 <= value < math.inf:
            raise UsageError(f"{name} must be a number ≥ 0, not {value!r}")


def _descent(method: str, asked: dict[str, Any], problem: Problem) -> Descent | None:
    """The settings of descent, checked; None for the normal equations."""
    if method == "normal":
        for name in asked:
            raise UsageError(f'{name} belongs to gradient descent: add method="gd"')
        return None
    if method != "gd":
        raise UsageError(f'method must be "normal" or "gd", not {method!r}')
    if "x0" in asked:
        asked["x0"] = checked_start(asked["x0"], problem.names, problem.targets, "x0")
    limits = Limits(**{name: asked.pop(name) for name in ("tol", "max_iter", "time_limit") if name in asked})
    descent = Descent(**asked, limits=limits)
    if descent.step not in RULES:
        raise UsageError(f"step must be one of {', '.join(RULES)}, not {descent.step!r}")
    if descent.learning_rate is not None and descent.step != "constant":
        raise UsageError(f'learning_rate belongs to step="constant", not to step="{descent.step}"')
    return descent
