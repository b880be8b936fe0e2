"""What a method yields (`Iterate`), how it may end (`Outcome`) and what a run returns (`Solution`).

It imports nothing of the package above this room: methods, reports and commands all speak in these three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


INTERCEPT = "(intercept)"
"""What the column of ones is called among the names."""

_SHOWN, _SHOWN_IN_HTML = 4, 100
ALL_DIGITS = 15.9
"""As many digits as a double can have right: −log₁₀ 2⁻⁵³, rounded down."""


def one_decimal(digits: float) -> str:
    """Digits with one decimal, rounded down: no more than are sure."""
    return f"{math.floor(10 * digits + 1e-9) / 10:.1f}"


class Outcome(StrEnum):
    """How a run ended, the better ends first; the word is that of the JSON object."""

    CONVERGED = "converged"
    STAGNATED = "stagnated"
    MAX_ITERATIONS = "max_iterations"
    TIME_LIMIT = "time_limit"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        return _SENTENCES.get(self, self.value)


_SENTENCES = {
    Outcome.STAGNATED: "stagnated: the gradient is as small as doubles can make it",
    Outcome.MAX_ITERATIONS: "not converged: the limit on iterations was reached",
    Outcome.TIME_LIMIT: "not converged: the limit on time was reached",
    Outcome.DIVERGED: "diverged: the learning rate is too large",
}


class Iterate(NamedTuple):
    """One step of a method, in the user's units. A tuple, for one is made at every step of descent."""

    k: int
    x: Array  # (n,) or (n, p)
    objective: float  # f(x) = ½‖Ax − b‖² (+ ½λ‖x‖²)
    residual_norm: float  # ‖Ax − b‖
    gradient_norm: float  # ‖Aᵀ(Ax − b)‖
    step_length: float  # the β of x − βd that led here; nan at k = 0
    seconds: float  # since the method began


class Statistics(NamedTuple):
    """What regression says of a fit to one target; see `lsq_cli.problems.statistics`. nan where it is not defined.

    The fields are the keys of ``statistics`` in the JSON object, in its order.

    Attributes
    ----------
    std_error, t, p, low, high, vif : ndarray, shape (n,)
        Of each coefficient: standard error, x over it, two-sided p, interval, variance inflation factor.
    covariance : ndarray, shape (n, n)
        Of x.
    sigma : float
        The residual standard error √(RSS/(m − r)).
    r_squared, r_squared_adjusted : float
    r_squared_centred : bool
        Whether R² is that of deviations from the mean, for a constant is in A's span.
    f, f_p : float
        The test that all coefficients but the constant are 0.
    df_model, df_residual, df_t : int
        Degrees of freedom of the model without its constant, of the residuals, and of t.
    log_likelihood, aic, bic : float
        As statsmodels has them.
    vcov : str
        The kind of covariance: ``iid``, ``HC0`` to ``HC3``, ``cluster:NAME``.
    confidence : float
        Of the intervals.
    """

    std_error: Array
    t: Array
    p: Array
    low: Array
    high: Array
    vif: Array
    covariance: Array
    sigma: float
    r_squared: float
    r_squared_adjusted: float
    r_squared_centred: bool
    f: float
    f_p: float
    df_model: int
    df_residual: int
    df_t: int
    log_likelihood: float
    aic: float
    bic: float
    vcov: str
    confidence: float


class Influence(NamedTuple):
    """A row that moves x, see `lsq_cli.problems.influence`; the fields are the keys of the JSON object.

    Attributes
    ----------
    file : str
        The table it stands in.
    line, row : int or None
        Its line, from 1; or where the table has no lines the number of the row.
    residual, leverage, distance : float
        b − Ax, h and Cook's distance.
    x : ndarray, shape (n,)
        The coefficients without the row, exactly; nan for those that are left out.
    """

    file: str
    line: int | None
    row: int | None
    residual: float
    leverage: float
    distance: float
    x: Array

    def moved_most(self, x: Array, std_error: Array) -> int | None:
        """The place of the coefficient that moves farthest from `x`, in standard errors; None if that is not known."""
        moves = [
            abs(there - here) / error if error > 0 and not math.isnan(there - here) else -1.0
            for here, there, error in zip(x.tolist(), self.x.tolist(), std_error.tolist(), strict=True)
        ]
        most = max(moves)
        return None if most < 0 else moves.index(most)


@dataclass(frozen=True, repr=False, eq=False)
class Solution:
    """The answer and all that is known about it; the same fields for every method.

    The fields are the keys of the JSON object, in its order, but for `notes`; None where a value is not known.

    Attributes
    ----------
    x : ndarray, shape (n,) or (n, p)
        The coefficients, in the order of `names`.
    residual_norm, gradient_norm : float
        √(Σ wᵢ rᵢ²) and ‖∇f(x)‖ at the printed x; Frobenius norms for several targets.
    condition : float or None
        Condition number of A with its columns scaled to length 1.
    digits, data_digits : float or None
        Significant digits of the worst coefficient that are surely right; and how many survive a
        change in the last bit of the data.
    passes : int
        How often the rows were read.
    options : mapping
        The options that were given, by name.
    gradient_goal : float or None
        tol·‖Aᵀb‖, which descent compares ‖∇f‖ with.
    best_iteration : int or None
        The step that x comes from, where it is not the last: of a descent that diverged or stagnated.
    warnings, notes : tuple of str
        What to beware of; and how the data was understood, which the command says on standard error alone.
    """

    method: str
    outcome: Outcome
    data: tuple[str, ...]
    rows: int
    rows_read: int
    columns: int
    rank: int | None
    names: tuple[str, ...]
    targets: tuple[str, ...]
    x: Array
    objective: float | None
    residual_norm: float | None
    gradient_norm: float | None
    condition: float | None = None
    digits: float | None = None
    data_digits: float | None = None
    iterations: int = 0
    passes: int = 1
    precision: str = "double"
    seconds: float = 0.0
    dropped_rows: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    version: str = ""
    # Present only with the option or method that makes them.
    step: str | None = None
    learning_rate: float | None = None
    largest_stable_rate: float | None = None
    forecast: float | None = None
    gradient_goal: float | None = None
    best_iteration: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    iterates: tuple[Iterate, ...] | None = None
    statistics: Statistics | tuple[Statistics, ...] | None = None
    """For several targets one each."""
    influence: tuple[Influence, ...] | None = None
    """The rows of largest Cook's distance, the largest first."""
    groups: tuple[GroupResult, ...] | None = None
    """The results of each group of rows, where groups were asked for; see `GroupResult`."""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the run reached what was asked of it."""
        return self.outcome is Outcome.CONVERGED

    @property
    def coefficients(self) -> dict[str, float | list[float]]:
        """Name → the number of x, or for several targets one for each."""
        return dict(zip(self.names, self.x.tolist(), strict=True))

    def summary(self) -> str:
        """The coefficients, what is known of each, and how well the whole fits, as text."""
        from lsq_cli.core.summary import summary_of  # who prints pays for it

        return summary_of(self)

    def __repr__(self) -> str:
        """The outcome and the first coefficients, on a line or two."""
        shown = [f"{name}={value}" for name, value in list(self.coefficients.items())[:_SHOWN]]
        more = [f"… {len(self.names) - _SHOWN} more"] if len(self.names) > _SHOWN else []
        return f"<Solution: {', '.join([self.outcome, *self._facts(), *shown, *more])}>"

    def _repr_html_(self) -> str:
        """The coefficients as a table, for notebooks."""
        from html import escape  # for notebooks alone

        heads = ["name", *(self.targets if self.x.ndim == 2 else ("x",))]
        rows = [
            [name, *map(repr, value if isinstance(value, list) else [value])]
            for name, value in self.coefficients.items()
        ]
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[:_SHOWN_IN_HTML]
        )
        head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
        left = len(rows) - _SHOWN_IN_HTML
        more = f"<p>… {left} more</p>" if left > 0 else ""
        caption = escape(", ".join([self.outcome.sentence, *self._facts()]))
        return f"<table><caption>{caption}</caption><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>{more}"

    def _facts(self) -> list[str]:
        """‖Ax − b‖ and the sure digits, where they are known."""
        norm = [] if self.residual_norm is None else [f"‖Ax − b‖ = {self.residual_norm:.6g}"]
        return norm if self.digits is None else [*norm, f"{self.digits:.1f} digits"]


@dataclass(frozen=True, eq=False)
class GroupResult:
    """One group.

    Attributes
    ----------
    group : mapping
        Column → its value in this group.
    rows : int
        Rows used.
    solution : Solution or None
        None where the group is too small, which `warnings` say, or could not be solved, which `error` says.
    left_out : tuple of str
        The columns of the table's model that the group has not, for no row has their level.
    warnings : tuple of str
    error : str or None
    advice : str
        What to try next, of a run that did not converge.
    """

    group: Mapping[str, str | float | bool]
    rows: int
    solution: Solution | None
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    advice: str = ""

    @property
    def name(self) -> str:
        """The values, for people: ``Adelie, 2007``."""
        return ", ".join(map(value_text, self.group.values()))

    def __repr__(self) -> str:
        """The group and what became of it."""
        return f"<{self.name}: {self.error or self.solution or '; '.join(self.warnings)}>"

    def __getattr__(self, name: str) -> Any:
        """What belongs to one fit is that of the solution; None where there is none."""
        if name.startswith("_"):
            raise AttributeError(name)
        solution = self.__dict__.get("solution")
        if solution is not None:
            return getattr(solution, name)
        if name in Solution.__dataclass_fields__ or hasattr(Solution, name):
            return None
        raise AttributeError(name)


def value_text(value: str | float | bool) -> str:
    """A value as the file has it: 6 for the number 6.0."""
    return repr(value + 0.0).removesuffix(".0") if isinstance(value, float) else str(value)
