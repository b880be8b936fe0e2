"""For Python: the verbs of the command line as functions on arrays, paths and sources.

>>> from lsq_cli import solve
>>> solve([[1, 0], [1, 1], [1, 2]], [1, 3, 5]).x
array([1., 2.])
"""

from __future__ import annotations

import math
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from lsq_cli.core.errors import UsageError
from lsq_cli.core.solution import Solution
from lsq_cli.engines.blas import one_thread
from lsq_cli.engines.local import MEMORY, bytes_of
from lsq_cli.engines.resources import Resources
from lsq_cli.methods import RULES, RULES_WITH_RATE
from lsq_cli.methods.gd import Descent
from lsq_cli.methods.stopping import Limits
from lsq_cli.problems import choosing
from lsq_cli.problems.statistics import statistics_of
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.runs.solving import Run
from lsq_cli.sources.points import checked_start

if TYPE_CHECKING:
    from collections.abc import Callable

    from lsq_cli.core.problem import Problem
    from lsq_cli.runs.gradient import Gradient

DATA_OPTIONS = ("target", "columns", "drop", "weights", "missing", "na", "delimiter", "header", "input_format")
"""The keyword arguments about the data, the same for every function."""


@one_thread()
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
    normalize: bool = False,
    iterates: bool = False,
    rows: bool = False,
    jobs: int | None = None,
    memory: int | str = MEMORY,
    statistics: bool = False,
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
    step, learning_rate, x0, tol, max_iter, time_limit, normalize
        As the options of ``lsq solve`` of these names; only with ``method="gd"``. `x0` is array_like, or a `Solution`
        from which descent goes on as if it had never stopped.
    iterates : bool
        Keep every iterate in ``Solution.iterates``.
    rows : bool
        Descend by passes over the rows although AᵀA would fit; only with ``method="gd"``.
    jobs : int, optional
        Threads that read and sum; by default as many as there are cores for this process.
    memory : int or str
        For row buffers, in bytes or as ``"64MB"``: it bounds how many blocks are in flight.
    statistics : bool
        Put standard errors, σ and R² into ``Solution.statistics``; only with ``method="normal"`` and no ridge.
    **data
        The data options of ``lsq solve``: target, columns, drop, weights, missing, na, delimiter, header,
        input_format; for arrays `weights` is an array (m,).

    Returns
    -------
    Solution
        ``Solution.notes`` says how the data was understood, as the command does on standard error.

    Raises
    ------
    DataError
        If a row or a column cannot be used.
    UsageError
        If options contradict each other.
    TypeError
        For a keyword that is no option.
    """
    from lsq_cli.sources.opening import open_python

    _refuse_unknown(solve, data)
    start = perf_counter()
    asked = {
        "step": step,
        "learning_rate": learning_rate,
        "x0": x0,
        "tol": tol,
        "max_iter": max_iter,
        "time_limit": time_limit,
        "normalize": normalize or None,
    }
    _check(precision, ridge, rank_tol)
    if statistics and (method != "normal" or ridge):
        raise UsageError('statistics are those of plain least squares: method="normal" and no ridge')
    asked = {name: value for name, value in asked.items() if value is not None}
    source = open_python(A, b, **data)
    options, resources = ProblemOptions(intercept, ridge, precision, rank_tol), Resources(jobs, bytes_of(memory))
    # Statistics are made of the sums, whatever the form that would suit x alone.
    summed = read_problem(source, options, resources) if statistics else None
    problem = summed or choosing.read(source, options, resources, method=method, rows=rows)
    run = Run(problem, _descent(method, asked, problem))
    kept = [iterate for iterate in run if iterates]
    solution = run.solution(tuple(kept) if iterates else None, perf_counter() - start)
    return replace(solution, statistics=statistics_of(summed)) if summed else solution


@one_thread()
def gradient(
    A: Any,
    b: Any = None,
    *,
    at: Any = None,
    objective: Literal["half", "sum", "mean"] | None = None,
    mine: Any = None,
    learning_rate: float | None = None,
    intercept: bool = False,
    jobs: int | None = None,
    memory: int | str = MEMORY,
    **data: Any,
) -> Gradient:
    """Find the Jacobian and the gradient of ½‖Ax − b‖² at one x, checked three ways, and the step from there.

    Parameters
    ----------
    A : array_like (m, n), path, list of paths, or Source
        The matrix, or a table that holds A and b; one column alone means A = I and the loss ‖b − a‖².
    b : array_like (m,) or (m, p), or path, optional
        The right-hand side, where A does not hold it.
    at : array_like (n,) or (n, p), optional
        The point x; 0 by default.
    objective : {"half", "sum", "mean"}, optional
        ½‖r‖², ‖r‖² or ‖r‖²/m; "half" by default, "sum" for one column alone.
    mine : array_like, optional
        A gradient of your own; `Gradient.verdict` names what is wrong with it.
    learning_rate : float, optional
        β of the step; 1/λmax of the Hessian by default.
    intercept : bool
        Put a column of ones first.
    jobs, memory, **data
        As for `solve`.

    Returns
    -------
    Gradient
        ``Gradient.notes`` says how the data was understood.

    Raises
    ------
    DataError
        If a row or a column cannot be used.
    UsageError
        If options contradict each other.
    TypeError
        For a keyword that is no option.
    """
    from lsq_cli.runs.gradient import LOSSES, differentiate  # `solve` does without
    from lsq_cli.sources.opening import open_python
    from lsq_cli.sources.points import finite_values

    _refuse_unknown(gradient, data)
    if objective not in (None, *LOSSES):
        raise UsageError(f"objective must be one of {', '.join(LOSSES)}, not {objective!r}")
    if learning_rate is not None and not 0.0 < learning_rate < math.inf:
        raise UsageError(f"learning_rate must be a number > 0, not {learning_rate!r}")
    source = open_python(A, b, **data) if hasattr(A, "blocks") else open_python(A, b, alone=True, **data)
    return differentiate(
        source,
        at=None if at is None else lambda names, targets: checked_start(at, names, targets, "at"),
        loss=objective,
        mine=None if mine is None else lambda names, targets: finite_values(mine, "mine"),
        learning_rate=learning_rate,
        intercept=intercept,
        resources=Resources(jobs, bytes_of(memory)),
    )


def _refuse_unknown(function: Callable[..., Any], data: dict[str, Any]) -> None:
    """`TypeError`, in Python's own words, for a keyword that is no data option; with the one that was meant."""
    unknown = next((name for name in data if name not in DATA_OPTIONS), None)
    if unknown is None:
        return
    import difflib  # only here, on the way to an error
    import inspect

    known = [name for name in inspect.signature(function).parameters if name not in ("A", "b", "data")]
    near = difflib.get_close_matches(unknown, [*known, *DATA_OPTIONS], 1)
    meant = f". Did you mean '{near[0]}'?" if near else ""
    raise TypeError(f"{function.__name__}() got an unexpected keyword argument '{unknown}'{meant}")


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
    if isinstance(asked.get("x0"), Solution):
        asked["x0"], asked["trail"] = asked["x0"].x, asked["x0"].extra.get("memory")
    if "x0" in asked:
        asked["x0"] = checked_start(asked["x0"], problem.about.names, problem.about.targets, "x0")
    limits = Limits(**{name: asked.pop(name) for name in ("tol", "max_iter", "time_limit") if name in asked})
    descent = Descent(**asked, limits=limits)
    if descent.step not in RULES:
        raise UsageError(f"step must be one of {', '.join(RULES)}, not {descent.step!r}")
    if descent.learning_rate is not None and descent.step not in RULES_WITH_RATE:
        raise UsageError(f'learning_rate belongs to step="constant" or "nesterov", not to step="{descent.step}"')
    return descent
