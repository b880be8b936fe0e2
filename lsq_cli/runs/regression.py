"""Regression from Python: `fit` and `predict` on data frames and files, as `lsq fit` and `lsq predict` do it.

They are handed out by the package itself, and loaded when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any, Literal

from lsq_cli.core.errors import UsageError
from lsq_cli.core.keywords import WRITTEN, Texts, in_words_of_python, refuse_negative, said_in_keywords
from lsq_cli.core.solution import Solution
from lsq_cli.engines.blas import one_thread
from lsq_cli.engines.local import MEMORY
from lsq_cli.engines.resources import Resources, resources_for
from lsq_cli.problems.kinds import check_vcov
from lsq_cli.runs.absorbing import fit_absorbed
from lsq_cli.runs.fitting import FitOptions
from lsq_cli.runs.fitting import fit as fit_records
from lsq_cli.runs.modelling import model_of
from lsq_cli.runs.models import model_of_solution, read_model
from lsq_cli.runs.predicting import Prediction, Predictions, PredictOptions
from lsq_cli.sources.open_records import open_python_records
from lsq_cli.sources.opening import read_whole
from lsq_cli.sources.states import refuse_states


@in_words_of_python
@one_thread()
def fit(
    data: Any,
    formula: str | None = None,
    *,
    target: Texts = (),
    columns: Texts = (),
    drop: Texts = (),
    by: Texts = (),
    intercept: bool = True,
    weights: str | None = None,
    ridge: float = 0.0,
    vcov: str = "iid",
    confidence: float = 0.95,
    influence: int | None = None,
    rank_tol: float | None = None,
    jobs: int | None = None,
    memory: int | str = MEMORY,
    scheduler: str | None = None,
    missing: Literal["error", "drop"] = "error",
    na: Texts = (),
    no_default_na: bool = False,
    skip: int = 0,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    comment: str | None = None,
    encoding: str | None = None,
    sheet: str | int | None = None,
    input_format: str | None = None,
) -> Solution:
    """Fit a linear model to a table by least squares, and say how sure its coefficients are.

    Parameters
    ----------
    data : data frame, mapping of name to array_like, path or list of paths
    formula : str, optional
        As in R and statsmodels, ``"y ~ a + C(g)"``, or ``"y ~ a | g"`` with an intercept for each level of g, which is
        not among the names; without it `target` is what all other columns explain.
    by : str or several, optional
        Columns whose values make groups of rows, with one fit for each: ``Solution.groups``.
    intercept : bool
        Without a formula: whether there is a column of ones.
    weights : str, optional
        The name of the column that weighs the rows.
    vcov : str
        ``"iid"``, ``"HC0"`` to ``"HC3"``, ``"cluster:g"`` or ``"cluster:g,h"``.
    influence : int, optional
        So many rows of largest Cook's distance are told in ``influence``, with x without each.
    target, columns, drop, ridge, confidence, rank_tol, jobs, memory, scheduler, missing, na, no_default_na, skip
    header, delimiter, decimal, comment, encoding, sheet, input_format
        As the options of ``lsq fit`` of these names.

    Returns
    -------
    Solution
        With ``statistics``, unless there is a ridge; ``summary()`` is its text, and `predict` takes it.

    Raises
    ------
    DataError
        If a row or a column cannot be used.
    UsageError
        If the formula cannot be read, or options contradict each other.
    MissingExtraError
        Without patsy or scipy (extra ``fit``).
    """
    given = locals()
    with resources_for(jobs, memory, scheduler) as resources:
        solution = _fitted(
            data,
            formula,
            {"target": target, "columns": columns, "drop": drop, "by": by},
            FitOptions(weights, ridge, rank_tol, vcov, confidence, influence),
            {name: given[name] for name in ("missing", *WRITTEN)},
            resources,
            intercept=intercept,
        )
    return said_in_keywords(solution)


@in_words_of_python
@one_thread()
def predict(
    model: Solution | str | PathLike[str],
    data: Any,
    *,
    residuals: bool = False,
    interval: float | None = None,
    na: Texts = (),
    no_default_na: bool = False,
    skip: int = 0,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    comment: str | None = None,
    encoding: str | None = None,
    sheet: str | int | None = None,
    input_format: str | None = None,
) -> Predictions:
    """Say what a fitted model makes of new rows.

    Parameters
    ----------
    model : Solution or path
        What `fit` or `solve` returned, or the file that ``-o model.json`` wrote.
    data : data frame, mapping of name to array_like, path or list of paths
        Columns are looked up by name; others are ignored.
    residuals : bool
        Also b − Ax, where `data` has b.
    interval : float, optional
        Also where a new row lies with this probability, as 0.95.

    Returns
    -------
    Predictions
        ``prediction``, ``low``, ``high`` and ``residual``, each (m,) or (m, p), nan in rows that miss a cell.

    Raises
    ------
    DataError
        If the model or a row cannot be read, a column is missing, a level is none of the model's.
    """
    given = locals()
    if interval is not None and not 0.0 < interval < 1.0:
        raise UsageError(f"interval must be between 0 and 1, not {interval!r}")
    if isinstance(model, Solution):
        fitted = model_of_solution(model)
    else:
        fitted = read_model(read_whole(fspath(model)), fspath(model))
    several = data if isinstance(data, list | tuple) else (data,)
    refuse_states([path for path in several if isinstance(path, str | PathLike)])
    records = open_python_records(data, missing="drop", **{name: given[name] for name in WRITTEN})
    return Prediction(fitted, records, PredictOptions(residuals, interval)).held()


def _fitted(
    data: Any,
    formula: str | None,
    model: Mapping[str, Texts],
    options: FitOptions,
    written: Mapping[str, Any],
    resources: Resources,
    *,
    intercept: bool,
) -> Solution:
    """Fit a model to a data frame or to files; `UsageError` for arguments that contradict each other."""
    check_vcov(options.vcov)
    refuse_negative(ridge=options.ridge, rank_tol=options.rank_tol or 0.0)
    if not 0.0 < options.confidence < 1.0:
        raise UsageError(f"confidence must be between 0 and 1, not {options.confidence!r}")
    if options.ridge and options.vcov != "iid":
        raise UsageError("vcov and ridge do not go together: a ridge has no standard errors")
    if options.influence is not None and options.ridge:
        raise UsageError("influence and ridge do not go together: Cook's distance is that of plain least squares")
    whole = hasattr(options.influence, "__index__") and not isinstance(options.influence, bool)
    if options.influence is not None and not (whole and options.influence >= 1):
        raise UsageError(f"influence is a number of rows, 1 at least, not {options.influence!r}")
    chosen = {name: (texts,) if isinstance(texts, str) else tuple(texts) for name, texts in model.items()}
    if formula is not None and (chosen["target"] or chosen["columns"] or not intercept):
        raise UsageError("the formula says what the model is: leave out target, columns and intercept")
    if formula is None and not chosen["target"]:
        raise UsageError('what is to be explained? give a formula, "y ~ a + b", or target=')
    if options.influence is not None and chosen["by"]:
        raise UsageError("influence and by do not go together: fit the rows of one group alone")
    twice = options.vcov != "iid" or options.influence is not None
    records = open_python_records(data, twice=twice, weights=options.weights, **written)
    asked = model_of(records, formula, **chosen, weights=options.weights, intercept=intercept)
    if chosen["by"]:
        from lsq_cli.runs.fitting_groups import fit_groups  # for those who ask for it

        return fit_groups(records, asked, chosen["by"], options, resources)
    return (fit_records if asked.absorbed is None else fit_absorbed)(records, asked, options, resources)
