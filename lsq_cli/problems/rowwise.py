"""The problem by its rows: f and ∇f from a pass over A, where G = AᵀA does not fit or A is sparse and n large.

    r = Ax − b,    f(x) = ½ Σ wᵢrᵢ² + ½λ‖x‖²,    ∇f(x) = Aᵀ(w∘r) + λx

Prefer the sums (`summed.py`) wherever n² doubles fit: they are made of the rows once, and an iteration then takes
n² operations and not mn. The loop of descent and the step rules cannot tell the two apart. What takes the whole of G is
not to be had here: rank, condition, proved digits, a forecast. `passes.py` makes the pass.

Everything is in double precision and in the user's units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import DataError, ProblemError
from lsq_cli.core.problem import Value
from lsq_cli.problems.passes import Part, Pass

if TYPE_CHECKING:
    from lsq_cli.core.problem import About, Form
    from lsq_cli.core.solution import Array, Iterate
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.passes import Span, Survey


@dataclass(frozen=True)
class RowwiseProblem:
    """A problem whose rows are read for every step of descent; a `Problem`.

    Parameters
    ----------
    about : About
    rows : RowForm
    """

    about: About
    rows: RowForm
    rank = None
    x = None
    condition = None
    data_digits = None

    @property
    def passes(self) -> int:
        """How often the rows have been read."""
        return self.rows.passes

    @property
    def hessian(self) -> Array:
        """Not known: (0, 0)."""
        return np.empty((0, 0))

    @cached_property
    def _objectives(self) -> list[RowwiseObjective]:
        """f of each target."""
        return [self.rows.objective(t) for t in range(self.rows.p)]

    def value_at(self, x: Array) -> Value:
        """f, ‖Ax − b‖ and ‖∇f‖ at `x`, (n,) or (n, p), in double precision: a pass for every target."""
        values, residuals, gradients = [], [], []
        for objective, column in zip(self._objectives, x.reshape(len(x), -1).T, strict=True):
            f, g = objective.value_and_gradient(np.ascontiguousarray(column))
            values.append(f)
            residuals.append(objective.residual_norm(column, f))
            gradients.append(objective.gradient_norm(g))
        return Value(math.fsum(values), math.hypot(*residuals), math.hypot(*gradients), tuple(residuals))

    def digits(self, x: Array) -> None:
        """Not known."""
        return

    def dependencies(self) -> tuple[str, ...]:
        """Not known."""
        return ()

    def rank_warning(self, choice: str) -> tuple[str, ...]:
        """Nothing: the rank is not known."""
        return ()

    def form(self, *, normalize: bool = False) -> Form:
        """The rows; `ProblemError` for columns of length 1, which are made of the sums."""
        if normalize:
            raise ProblemError(
                f"--normalize changes the columns of AᵀA, and {len(self.about.names)} unknowns are too many to have "
                "it; scale the columns of A beforehand"
            )
        return self.rows


class RowForm:
    """A problem with p targets whose rows can be read again and again; a `Form` without G.

    Parameters
    ----------
    spans : callable
        Gives all rows, the same spans every time.
    survey : Survey
        Of these rows.
    intercept, ridge
        As in `ProblemOptions`.
    resources : Resources

    Attributes
    ----------
    passes : int
        How often the rows have been read, the survey included.

    Raises
    ------
    ProblemError
        If the squares of the numbers are beyond the range of doubles.
    """

    G = None
    a_unit = 0

    def __init__(
        self,
        spans: Callable[[], Iterable[Span]],
        survey: Survey,
        *,
        intercept: bool = False,
        ridge: float = 0.0,
        resources: Resources,
    ) -> None:
        self.c = -np.column_stack([part.slope for part in survey.parts])
        self.b_squared = [part.square for part in survey.parts]
        self.n, self.p = self.c.shape
        self.rows, self.passes = survey.tally.rows, 1
        self.intercept, self.lam = intercept, ridge
        self.ridge = np.full(self.n, ridge)
        if intercept:
            self.ridge[0] = 0.0
        self._spans, self._resources = spans, resources
        if not (np.isfinite(self.c).all() and np.isfinite(self.b_squared).all()):
            raise ProblemError(
                "the squares of these numbers are beyond 1.8e308: divide the columns of A or b by a power of ten"
            )

    def sweep(self, x: Array, target: int | None, *, slope: bool = True, magnitude: bool = False) -> Part:
        """One pass over the rows.

        Raises
        ------
        DataError
            If the rows are not those of the first pass any more.
        """
        self.passes += 1
        part = self._resources.fold(Pass(x, self.intercept, target, slope, magnitude), self._spans())
        if part is None or part.rows != self.rows:
            now = part.rows if part else 0
            raise DataError(f"the data has changed while it was read: {self.rows} rows at first, {now} now")
        return part

    def objective(self, target: int) -> RowwiseObjective:
        """f of one target."""
        return RowwiseObjective(self, target)

    def measured(self, vectors: Array) -> Array:
        """Gradients (n, r) as they are in the user's columns: as they are here."""
        return vectors

    def to_user(self, iterate: Iterate, target: int) -> Iterate:
        """An iterate in the user's units: as it is."""
        return iterate

    def from_user(self, x: Array | None, target: int) -> Array:
        """The start of one target; zeros for None."""
        if x is None:
            return np.zeros(self.n)
        return x if x.ndim == 1 else np.ascontiguousarray(x[:, target])


class RowwiseObjective:
    """f(x) and ∇f(x) of one target by one pass over the rows; an `Objective`.

    Parameters
    ----------
    form : RowForm
    target : int
    """

    def __init__(self, form: RowForm, target: int) -> None:
        self._form, self._target = form, target
        self.n, self.b_squared = form.n, form.b_squared[target]
        self.c = np.ascontiguousarray(form.c[:, target])

    @property
    def passes(self) -> int:
        """How often the rows have been read, for any target."""
        return self._form.passes

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x) = Aᵀ(w∘(Ax − b)) + λx; at x = 0 known from the first pass."""
        if not x.any():
            return 0.5 * self.b_squared, -self.c
        part = self._form.sweep(x, self._target)
        penalty = self._form.ridge * x
        return 0.5 * (part.square + float(penalty.dot(x))), part.slope + penalty

    def begin(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x), at the start of a descent."""
        return self.value_and_gradient(x)

    def advance(self, x: Array, move: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x): here f comes from the residual itself, and nothing cancels."""
        return self.value_and_gradient(x)

    def curvature(self, d: Array) -> float:
        """‖Ad‖² + λ‖d‖², each row weighed: a pass that does not need Aᵀ."""
        return self._form.sweep(d, None, slope=False).square + float((self._form.ridge * d).dot(d))

    def product(self, d: Array) -> Array:
        """Aᵀ(w∘Ad) + λd: a pass."""
        return self._form.sweep(d, None).slope + self._form.ridge * d

    def residual_norm(self, x: Array, f: float) -> float:
        """‖Ax − b‖ = √(2f − λ‖x‖²) at an x whose f is known."""
        square = 2.0 * f - (float((self._form.ridge * x).dot(x)) if self._form.lam else 0.0)
        return math.sqrt(square) if square > 0.0 else 0.0

    def gradient_norm(self, g: Array) -> float:
        """‖g‖."""
        return math.sqrt(g.dot(g))

    def rounding(self, x: Array) -> float:
        """2⁻⁵³·‖|A|ᵀ(w∘(|A||x| + |b|)) + λ|x|‖, about the norm of the rounding error of ∇f(x); a pass."""
        slope = self._form.sweep(x, self._target, magnitude=True).slope
        return 2.0**-53 * self.gradient_norm(slope + self._form.ridge * np.abs(x))
