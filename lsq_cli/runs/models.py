"""A fitted model read back from its file: names, coefficients, how the columns are made, what is known of the error.

The file is the JSON object that ``-o model.json`` wrote, of `lsq fit` or of `lsq solve`, whose columns are those of the
table by name. It is data from anywhere: every part is checked, and nothing of it is run. A file of a newer version is
refused, for it may mean what this one does not know.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import DataError, shown
from lsq_cli.core.solution import INTERCEPT, Solution, Statistics
from lsq_cli.core.version import __version__
from lsq_cli.terms.design import Design, Shape, design_of, levels_of
from lsq_cli.terms.expressions import Expression
from lsq_cli.terms.factors import NUMBER, Factor
from lsq_cli.terms.formula import Formula

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array

_MOST_COLUMNS = 100_000


class Intercepts(NamedTuple):
    """Those of the levels of a column that was absorbed.

    Attributes
    ----------
    column : str
        Its levels are among those of the design.
    values : ndarray, shape (levels, p)
    """

    column: str
    values: Array


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes
    ----------
    design : Design
        How its columns are made.
    targets : tuple of str
    x : ndarray, shape (n, p)
        nan for columns that were left out.
    covariances : tuple of ndarray, each (n, n)
        Of the x of each target; nothing where the file has no statistics.
    sigmas : tuple of float
    freedom : int
        Degrees of freedom of t.
    absorbed : Intercepts or None
        What stands in for the intercept of the design, whose x is 0 then.
    """

    design: Design
    targets: tuple[str, ...]
    x: Array
    covariances: tuple[Array, ...] = ()
    sigmas: tuple[float, ...] = ()
    freedom: int = 0
    absorbed: Intercepts | None = None


def read_model(data: bytes | dict[str, Any], label: str) -> Model:
    """The model in a file, or in the object that was read from one.

    Raises
    ------
    DataError
        For what is no model, or of a newer version; it names the file.
    """
    try:
        return _model(_object(data) if isinstance(data, bytes) else data)
    except DataError as error:
        raise DataError(error.problem, label) from None


def model_of_solution(solution: Solution) -> Model:
    """The model that a solution is."""
    if solution.groups is not None:
        raise DataError("the model has a fit for each group: take that of one, found['…'].solution")
    terms = solution.extra.get("terms")
    design = design_of(terms) if terms is not None else _plain_design(solution.names, solution.targets)
    x = solution.x.reshape(len(solution.names), -1)
    if terms is not None and "absorbed" in terms:
        return _with_intercepts(Model(design, solution.targets, x), terms["absorbed"])
    found = solution.statistics
    if found is None:
        return Model(design, solution.targets, x)
    several = (found,) if isinstance(found, Statistics) else found
    covariances, sigmas = tuple(one.covariance for one in several), tuple(one.sigma for one in several)
    return Model(design, solution.targets, x, covariances, sigmas, several[0].df_t)


def _object(data: bytes) -> dict[str, Any]:
    """The JSON object."""
    try:
        found = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise DataError("no model: lsq fit … -o model.json writes one") from None
    if not isinstance(found, dict):
        raise DataError("no model: lsq fit … -o model.json writes one")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _model(record: dict[str, Any]) -> Model:
    """The model in an object."""
    _check_version(record.get("version"))
    if isinstance(record.get("groups"), list):
        raise DataError("the file has a fit for each group, of --by; lsq predict takes the model of one fit")
    if isinstance(models := record.get("models"), list):
        raise DataError(
            f"it holds {len(models)} models side by side, and a prediction is of one: fit that formula alone"
        )
    names, targets = (_texts(record, key) for key in ("names", "targets"))
    if not names or not targets or len(names) > _MOST_COLUMNS:
        raise DataError("the model has no names or no targets")
    x = _numbers(record.get("x"), (len(names), len(targets)), "x")
    design = design_of(record["terms"]) if "terms" in record else _plain_design(names, targets)
    absorbed = record["terms"].get("absorbed") if "terms" in record else None
    hidden = int(absorbed is not None)
    of_design = (design.count() - hidden, len(design.shape.formula.targets))
    if of_design != (len(names), len(targets)) or design.names[hidden:] != names:
        raise DataError("the names of the model are not those that its terms make: was it edited?")
    if absorbed is not None:
        return _with_intercepts(Model(design, targets, x), absorbed)
    statistics = record.get("statistics")
    if statistics is None:
        return Model(design, targets, x)
    several = statistics if isinstance(statistics, list) else [statistics]
    if len(several) != len(targets) or not all(isinstance(one, dict) for one in several):
        raise DataError("the statistics of the model are not those of its targets")
    covariances = tuple(_numbers(one.get("covariance"), (len(names),) * 2, "covariance") for one in several)
    sigmas = tuple(float(_numbers([one.get("sigma")], (1, 1), "sigma")[0, 0]) for one in several)
    freedom = several[0].get("df_t", several[0].get("df_residual", 0))
    if type(freedom) is not int or freedom < 0:
        raise DataError("the degrees of freedom of the model are no whole number")
    return Model(design, targets, x, covariances, sigmas, freedom)


def _with_intercepts(model: Model, absorbed: object) -> Model:
    """A model whose design has an intercept for each level of a column."""
    design = model.design
    if not (isinstance(absorbed, dict) and isinstance(column := absorbed.get("column"), str)):
        raise DataError("the model does not say what was absorbed")
    if absorbed.get("levels") is None:
        raise DataError(f"the model does not hold the intercepts of {shown(column)}, which has too many levels")
    if not (design.shape.formula.intercept and isinstance(design.kinds.get(column), str)):
        raise DataError(f"the terms of the model do not go with {shown(column)} absorbed")
    levels = levels_of(column, absorbed["levels"])
    values = _numbers(absorbed.get("intercepts"), (len(levels), len(model.targets)), "intercepts")
    known = {**design.levels, column: levels}
    x = np.vstack((np.zeros((1, len(model.targets))), model.x))
    return replace(model, design=replace(design, levels=known), x=x, absorbed=Intercepts(column, values))


def _check_version(version: object) -> None:
    """`DataError` for a model of a newer version, or of none."""
    if not isinstance(version, str) or not re.match(r"\d+(\.\d+)*", version):
        raise DataError("no model: it does not say which version of lsq wrote it")
    if _parts(version) > _parts(__version__):
        raise DataError(f"written by lsq {shown(version)}, newer than this one ({__version__}): update lsq")


def _parts(version: str) -> list[int]:
    """``0.12.1`` as numbers."""
    found = re.match(r"\d+(\.\d+)*", version)
    assert found is not None  # it was checked
    return [int(part[:9]) for part in found[0].split(".")]


def _texts(record: dict[str, Any], key: str) -> tuple[str, ...]:
    """A list of texts."""
    found = record.get(key)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise DataError(f"no model: it has no list of {key}")
    return tuple(found)


def _numbers(values: object, shape: tuple[int, int], key: str) -> Array:
    """Numbers of a shape (n,) or (n, p); null is nan."""
    rows = values if isinstance(values, list) else []
    flat = [one for row in rows for one in (row if isinstance(row, list) else [row])]
    wrong = any(not (one is None or (isinstance(one, int | float) and not isinstance(one, bool))) for one in flat)
    if len(rows) != shape[0] or len(flat) != shape[0] * shape[1] or wrong:
        raise DataError(f"the {key} of the model is no list of {shape[0]} numbers or rows")
    try:
        return np.array([math.nan if one is None else float(one) for one in flat]).reshape(shape)
    except OverflowError:
        raise DataError(f"a number in the {key} of the model is beyond the largest double") from None


def _plain_design(names: tuple[str, ...], targets: tuple[str, ...]) -> Design:
    """The design of a model without terms: its columns are those of the table."""
    factors = tuple(Factor(name, Expression.column(name)) for name in names if name != INTERCEPT)
    left = tuple(Factor(name, Expression.column(name)) for name in targets)
    formula = Formula("", left, tuple((factor,) for factor in factors), INTERCEPT in names)
    return Design(Shape(formula), {}, dict.fromkeys(formula.columns(), NUMBER))
