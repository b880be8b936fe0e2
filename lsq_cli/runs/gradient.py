"""`lsq gradient`: f, its Jacobian and its gradient at one x, checked three ways, and one step of descent from there.

    half   f = ½‖Ax − b‖²        ∇f = Aᵀ(Ax − b)         Hessian AᵀA
    sum    f = ‖Ax − b‖²         ∇f = 2Aᵀ(Ax − b)        2AᵀA
    mean   f = ‖Ax − b‖²/m       ∇f = (2/m)Aᵀ(Ax − b)    (2/m)AᵀA

All three have the same minimiser; they differ in the length of the gradient, and so in the learning rates that
are stable: x − β∇f converges for β below 2/λmax of the Hessian. For one column alone A = I, the unknown is called
a, and the loss is ‖b − a‖² with ∇L = −2(b − a).

The numbers come from `at_point.py`, the verdict on a user's own gradient from `mistakes.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from lsq_cli.core.errors import ProblemError, UsageError
from lsq_cli.core.solution import INTERCEPT
from lsq_cli.core.version import __version__
from lsq_cli.engines.resources import Resources
from lsq_cli.runs.at_point import IdentityEvaluation, PointEvaluation
from lsq_cli.runs.mistakes import Truth, verdict

if TYPE_CHECKING:
    from lsq_cli.core.problem import Work
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Source

LOSSES = ("half", "sum", "mean")
_ALONE = "one column alone: A = I, and the unknown is called a"
Numbers = TypeVar("Numbers", float, "Array")


@dataclass(frozen=True)
class Gradient:
    """f, its derivatives and one step at one x; the fields are the keys of the JSON object, in its order.

    Attributes
    ----------
    names, targets : tuple of str
        The n unknowns and the p targets.
    loss : {"half", "sum", "mean"}
    x, next : ndarray, shape (n,) or (n, p)
        The point, and the one a step further: x − β∇f.
    objective, next_objective : float
        f at both.
    residual : ndarray, shape (m,) or (m, p)
        r = Ax − b; a − b for one column alone.
    jacobian : ndarray, shape (p, n)
        ∂f/∂x, a row for each target.
    gradient, gradient_from_normal, finite_difference : ndarray, shape (n, p)
        ∇f as Aᵀ(Ax − b), as AᵀAx − Aᵀb, and as central differences of f: columns.
    largest_difference : float
        Between `finite_difference` and `gradient`.
    largest_stable_rate : float
        2/λmax of the Hessian.
    verdict : str or None
        On the user's own gradient: a word or two, a colon, and what to know.
    scale : float
        f is this times ½‖r‖².
    warnings, notes : tuple of str
        What to beware of in the data, and how it was understood, which the command says on standard error alone.
    first : tuple of ndarray
        The first rows of A (k, n) and their weights (k,), for show.
    work : Work
        What the pass over the rows took.
    """

    data: tuple[str, ...]
    rows: int
    rows_read: int
    dropped_rows: Mapping[str, int]
    names: tuple[str, ...]
    targets: tuple[str, ...]
    loss: str
    x: Array
    objective: float
    residual: Array
    jacobian: Array
    gradient: Array
    gradient_from_normal: Array
    finite_difference: Array
    largest_difference: float
    learning_rate: float
    largest_stable_rate: float
    next: Array
    next_objective: float
    verdict: str | None
    version: str
    # Not in the JSON object.
    identity: bool
    weighted: bool
    scale: float
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    first: tuple[Array, Array]
    work: Work


@np.errstate(over="ignore", invalid="ignore")
def differentiate(
    source: Source,
    *,
    at: Callable[[Sequence[str], Sequence[str]], Array] | None = None,
    loss: str | None = None,
    mine: Callable[[Sequence[str], Sequence[str]], Array] | None = None,
    learning_rate: float | None = None,
    intercept: bool = False,
    resources: Resources | None = None,
) -> Gradient:
    """f and its derivatives at one x, in one pass over a source.

    Parameters
    ----------
    source : Source
        Without a column of A it stands for A = I.
    at : callable, optional
        From names and targets to x, (n,) or (n, p); 0 by default.
    loss : {"half", "sum", "mean"}, optional
        "half" by default, "sum" for one column alone.
    mine : callable, optional
        From names and targets to a gradient of the user's own, to be compared.
    learning_rate : float, optional
        β of the step; 1/λmax of the Hessian by default.
    intercept : bool
        Put a column of ones first.
    resources : Resources, optional

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        If there is no row, or `at` or `mine` does not fit.
    UsageError
        For weights where they have no meaning.
    """
    model, names = _model(source, at, intercept, resources or Resources())
    loss = loss or ("sum" if model.identity else "half")
    if loss == "mean" and source.weighted:
        raise UsageError("--objective mean with --weights could divide by the rows or by the weights; use sum")
    scaled = Scale(1 if loss == "half" else 2, model.rows if loss == "mean" else 1)
    gradient, differences = scaled(model.gradient()), scaled(model.differences())
    curvature = scaled(model.largest_eigenvalue)
    rate = learning_rate or (1 / curvature if curvature else 1.0)
    following = model.x - rate * gradient
    judgement = None
    if mine is not None:
        judgement = verdict(mine(names, source.targets), _truth(model, names, source.targets, scaled))
    return Gradient(
        data=source.data,
        rows=model.rows,
        rows_read=model.tally.rows_read,
        dropped_rows=dict(sorted(model.tally.dropped.items())),
        names=names,
        targets=source.targets,
        loss=loss,
        x=_squeezed(model.x),
        objective=scaled(model.value(model.x)),
        residual=_squeezed(model.residual),
        jacobian=gradient.T,
        gradient=gradient,
        gradient_from_normal=scaled(model.gradient_from_normal()),
        finite_difference=differences,
        largest_difference=float(abs(differences - gradient).max()),
        learning_rate=rate,
        largest_stable_rate=2 / curvature if curvature else math.inf,
        next=_squeezed(following),
        next_objective=scaled(model.value(following)),
        verdict=judgement,
        version=__version__,
        identity=model.identity,
        weighted=source.weighted,
        scale=scaled(1.0),
        warnings=source.warnings,
        notes=(*source.notes, _ALONE) if model.identity else source.notes,
        first=model.first,
        work=model.tally.work,
    )


class Scale(NamedTuple):
    """The factor times/over between ½‖r‖² and an objective, and all that is linear in it."""

    times: int
    over: int

    def __call__(self, value: Numbers) -> Numbers:
        """`value` of ½‖r‖² for the objective."""
        return value * self.times / self.over


def _squeezed(values: Array) -> Array:
    """(k,) for one target, (k, p) for more: the form in which x is given and reported."""
    return values[:, 0] if values.shape[1] == 1 else values


def _model(
    source: Source, at: Callable[[Sequence[str], Sequence[str]], Array] | None, intercept: bool, resources: Resources
) -> tuple[PointEvaluation | IdentityEvaluation, tuple[str, ...]]:
    """The problem at its point, and the names of its unknowns."""
    names = ((INTERCEPT,) if intercept else ()) + source.names
    p = len(source.targets)
    if names:
        x = np.zeros((len(names), p)) if at is None else _for_each(at(names, source.targets), p)
        return PointEvaluation(source, x, intercept, resources), names
    if p > 1:
        raise ProblemError(f"{' '.join(source.data)}: no column is left to be A; one column alone may be without")
    if source.weighted:
        raise UsageError("--weights needs a column of A; for one column alone every row has its own unknown")
    model = IdentityEvaluation(source, resources)
    names = tuple(f"a{i + 1}" for i in range(model.n))
    if at is not None:
        model.x = at(names, source.targets).reshape(-1, 1)
    return model, names


def _for_each(x: Array, p: int) -> Array:
    """A point (n,) or (n, p) as (n, p): n numbers alone are that of every target."""
    return np.repeat(x[:, None], p, axis=1) if x.ndim == 1 else x


def _truth(
    model: PointEvaluation | IdentityEvaluation, names: tuple[str, ...], targets: tuple[str, ...], scaled: Scale
) -> Truth:
    """What the user's own gradient is compared with."""
    return Truth(
        gradient=scaled(model.gradient()),
        rounding=scaled(model.rounding),
        residual=model.residual,
        omissions={what: scaled(values) for what, values in model.omissions().items()},
        names=names,
        targets=targets,
        scale=scaled(1.0),
        identity=model.identity,
        intercept=model.intercept,
        at_zero=not model.x.any(),
    )
