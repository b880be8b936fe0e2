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
from lsq_cli.core.keywords import WRITTEN, Texts, in_words_of_python, refuse_negative, said_in_keywords
from lsq_cli.core.solution import Solution, Statistics
from lsq_cli.engines.blas import one_thread
from lsq_cli.engines.local import MEMORY
from lsq_cli.engines.resources import Resources, resources_for
from lsq_cli.methods import RULES, RULES_WITH_RATE
from lsq_cli.methods.gd import Descent
from lsq_cli.methods.stopping import Limits
from lsq_cli.problems import choosing
from lsq_cli.problems.statistics import statistics_of
from lsq_cli.problems.summing import ProblemOptions
from lsq_cli.runs.sampling import IterateSampler
from lsq_cli.runs.solving import Run
from lsq_cli.sources.points import checked_start

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.problems.summed import SummedProblem
    from lsq_cli.runs.gradient import Gradient
    from lsq_cli.sources.blocks import Source

DATA_OPTIONS = ("target", "columns", "drop", "weights", "missing", *WRITTEN)
"""The keyword arguments about the data, the same for every function."""
_DESCENT = ("step", "learning_rate", "x0", "tol", "max_iter", "time_limit", "normalize")


@in_words_of_python
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
    iterates: bool | int = False,
    rows: bool = False,
    jobs: int | None = None,
    memory: int | str = MEMORY,
    scheduler: str | None = None,
    statistics: bool = False,
    target: Texts = (),
    columns: Texts = (),
    drop: Texts = (),
    by: Texts = (),
    weights: Any = None,
    missing: Literal["error", "drop"] = "error",
    na: Texts = (),
    no_default_na: bool = False,
    skip: int = 0,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: Literal[".", ","] | None = None,
    comment: Literal["#", "none"] | None = None,
    encoding: str | None = None,
    sheet: str | int | None = None,
    input_format: str | None = None,
) -> Solution:
    """Find the x that minimises ½‖Ax − b‖² + ½λ‖x‖².

    Parameters
    ----------
    A : array_like (m, n), data frame, path, list of paths, or Source
        The matrix, or a table that holds A and b. A frame of pandas, polars, pyarrow or any package that speaks Arrow's
        or the dataframe protocol keeps the names of its columns.
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
    iterates : bool or int
        Keep every iterate in ``Solution.iterates``; or so many at most: 0, 1, 2, then spaced 1-2-5, and the last.
    rows : bool
        Descend by passes over the rows although AᵀA would fit; only with ``method="gd"``.
    jobs : int, optional
        Threads that read and sum; by default as many as there are cores for this process.
    memory : int or str
        For row buffers, in bytes or as ``"64MB"``: it bounds how many blocks are in flight.
    scheduler : str, optional
        A Dask cluster that reads and sums, ``"tcp://host:8786"``, or ``"local:4"`` for processes of this machine.
    statistics : bool
        Put standard errors, t, p, R², F and others into ``Solution.statistics``; only with ``method="normal"`` and
        no ridge; needs scipy (extra ``fit``).
    target, columns, drop, missing, na, no_default_na, skip, header, delimiter, decimal, comment, encoding, sheet
    input_format
        As the options of ``lsq solve`` of these names; one text or several where an option may be repeated.
    by : str or several, optional
        Columns whose values make groups of rows, with one problem for each: ``Solution.groups``. Needs a table.
    weights : array_like (m,) or str, optional
        w ≥ 0 of each row, or the name of their column.

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
    """
    start, given = perf_counter(), locals()
    _check(precision, ridge, rank_tol)
    if statistics and (method != "normal" or ridge):
        raise UsageError('statistics are those of plain least squares: method="normal" and no ridge')
    asked = {name: given[name] for name in _DESCENT if given[name] is not None and given[name] is not False}
    options = ProblemOptions(intercept, ridge, precision, rank_tol)
    with resources_for(jobs, memory, scheduler) as resources:
        if by:
            refused = {"b": b is not None, **{name: given[name] for name in ("iterates", "rows", "statistics")}}
            data = {name: given[name] for name in DATA_OPTIONS}
            return said_in_keywords(_by_group(A, by, data, options, resources, method, asked, refused))
        source = _source(A, b, **{name: given[name] for name in DATA_OPTIONS})
        # Statistics are made of the sums, whatever the form that would suit x alone.
        summed = choosing.read_summed(source, options, resources) if statistics else None
        problem = summed or choosing.read(source, options, resources, method=method, rows=rows)
        run = Run(problem, _descent(method, asked, problem))
        sampler = IterateSampler(None if iterates is True else int(iterates))
        for iterate in run:
            sampler.add(iterate)
        solution = run.solution(sampler.rows() if iterates else None, perf_counter() - start)
        return said_in_keywords(replace(solution, statistics=_statistics(summed, solution) if summed else None))


@in_words_of_python
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
    scheduler: str | None = None,
    target: Texts = (),
    columns: Texts = (),
    drop: Texts = (),
    weights: Any = None,
    missing: Literal["error", "drop"] = "error",
    na: Texts = (),
    no_default_na: bool = False,
    skip: int = 0,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: Literal[".", ","] | None = None,
    comment: Literal["#", "none"] | None = None,
    encoding: str | None = None,
    sheet: str | int | None = None,
    input_format: str | None = None,
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
    jobs, memory, scheduler, target, columns, drop, weights, missing, na, no_default_na, skip, header, delimiter
        As for `solve`.
    decimal, comment, encoding, sheet, input_format
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
    """
    given = locals()
    from lsq_cli.runs.gradient import LOSSES, differentiate  # `solve` does without
    from lsq_cli.sources.points import finite_values

    if objective not in (None, *LOSSES):
        raise UsageError(f"objective must be one of {', '.join(LOSSES)}, not {objective!r}")
    if learning_rate is not None and not 0.0 < learning_rate < math.inf:
        raise UsageError(f"learning_rate must be a number > 0, not {learning_rate!r}")
    with resources_for(jobs, memory, scheduler) as resources:
        source = _source(A, b, alone=not hasattr(A, "blocks"), **{name: given[name] for name in DATA_OPTIONS})
        found = differentiate(
            source,
            at=None if at is None else lambda names, targets: checked_start(at, names, targets, "at"),
            loss=objective,
            mine=None if mine is None else lambda names, targets: finite_values(mine, "mine"),
            learning_rate=learning_rate,
            intercept=intercept,
            resources=resources,
        )
    return said_in_keywords(found)


def _by_group(
    A: Any,
    by: Texts,
    data: dict[str, Any],
    options: ProblemOptions,
    resources: Resources,
    method: str,
    asked: dict[str, Any],
    refused: dict[str, bool],
) -> Solution:
    """One problem for each group of the rows of a table; `refused` are arguments that groups do not go with."""
    from lsq_cli.runs.solving_groups import open_groups, solve_groups  # for those who ask for it

    for name, is_given in refused.items():
        if is_given:
            raise UsageError(f"{name} and by do not go together; fit(…, by=…) has statistics")
    if options.precision == "double":
        raise UsageError('precision="double" and by do not go together: groups are summed exactly')
    columns = (by,) if isinstance(by, str) else tuple(by)
    records, selection = open_groups(A, columns, data)
    if method == "normal":
        for name in asked:
            raise UsageError(f'{name} belongs to gradient descent: add method="gd"')
        return solve_groups(records, selection, columns, options, resources)

    def descent_of(problem: Problem) -> Descent:
        descent = _descent(method, dict(asked), problem)
        assert descent is not None  # the method is no other
        return descent

    return solve_groups(records, selection, columns, options, resources, descent_of)


def _statistics(problem: SummedProblem, solution: Solution) -> Statistics | tuple[Statistics, ...]:
    """Those of the one target, or of each."""
    found = statistics_of(problem)
    return found[0] if solution.x.ndim == 1 else found


def _source(A: Any, b: Any, **data: Any) -> Source:
    """Where A and b are; what is left at its default is not asked for."""
    from lsq_cli.sources.opening import open_python

    def is_default(value: Any) -> bool:
        return value is None or (isinstance(value, str | tuple | int) and value in ((), "error", False))

    # header=False is a choice, alone=False is not.
    asked = {name: value for name, value in data.items() if name == "header" or not is_default(value)}
    return open_python(A, b, **{name: value for name, value in asked.items() if value is not None})


def _check(precision: str, ridge: float, rank_tol: float | None) -> None:
    """Refuse values that the command line's own types would refuse."""
    if precision not in ("extended", "double"):
        raise UsageError(f'precision must be "extended" or "double", not {precision!r}')
    refuse_negative(ridge=ridge, rank_tol=rank_tol or 0.0)


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
