"""What is wrong with a user's gradient: each classic mistake is made here, and the result compared with theirs.

    2×, ½, 1/m, m    another objective was differentiated, or the 2 of the square was lost
    sign             −∇f: Ax − b and b − Ax were mixed up
    row for column   the Jacobian (Ax − b)ᵀA, not transposed
    Aᵀ forgotten     m numbers, one a row: the chain rule's inner derivative is missing
    intercept        the column of ones has a component of its own, the sum of r
    left out         a term of AᵀAx − Aᵀb
    one component    all others agree

A component agrees if nine digits are right, or if the difference is no larger than the rounding error of doubles. (At
a minimum the sums cancel, and a gradient computed in doubles has no correct digit.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import elided, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array

_TOLERANCE = 5e-9
"""Half a unit in the ninth significant digit."""


class Truth(NamedTuple):
    """The true gradient, and what is needed to recognise a mistake."""

    gradient: Array
    """∇f (n, p)."""
    rounding: Array
    """What rounding may do to each component of a gradient formed in doubles (n, p)."""
    residual: Array
    """r (m, p)."""
    omissions: Mapping[str, Array]
    """What the gradient (n, p) would be with a term left out, by the term."""
    names: tuple[str, ...]
    targets: tuple[str, ...]
    scale: float
    """f is this times ½‖r‖²."""
    identity: bool
    """Whether A = I, so that there is no Aᵀ to forget."""
    intercept: bool
    at_zero: bool
    """Whether x = 0, where AᵀAx cannot be wrong."""

    @property
    def rows(self) -> int:
        """m."""
        return len(self.residual)

    def agrees(self, mine: Array, factor: float = 1.0) -> NDArray[np.bool_]:
        """Which components of `mine` (n, p) are those of `factor`·∇f."""
        return np.asarray(abs(mine - factor * self.gradient) <= abs(factor) * self.allowed)

    @property
    def allowed(self) -> Array:
        """How far a component may be from its true value."""
        return _TOLERANCE * abs(self.gradient) + self.rounding

    def component_name(self, index: int) -> str:
        """The name of a component, counted along the rows of ∇f."""
        i, t = divmod(index, len(self.targets))
        return shown(self.names[i]) + (f" of {shown(self.targets[t])}" if len(self.targets) > 1 else "")


def verdict(mine: Array, truth: Truth) -> str:
    """The mistake in a gradient, or that there is none: a word or two, a colon, and what to know.

    Parameters
    ----------
    mine : ndarray
        As it was given: (n,), a column (n, 1) or (n, p), a row (1, n) or (p, n), or something else.
    truth : Truth
    """
    n, p = truth.gradient.shape
    columns = mine.reshape(-1, 1) if p == 1 and (mine.ndim < 2 or 1 in mine.shape) else mine
    turned = p == 1 and mine.ndim == 2 and len(mine) == 1 < mine.size
    if p > 1 and mine.shape == (p, n) and (n != p or truth.agrees(mine.T).all() > truth.agrees(mine).all()):
        columns, turned = mine.T, True
    found = _judge(columns, truth)
    if not turned or len(columns) != n or found.startswith("Aᵀ forgotten"):
        return found
    explanation = f"{p} × {n}, as the Jacobian is; the gradient is its transpose, {n} × {p}"
    if found.startswith("right"):
        return f"row for column: the numbers are right but stand as {explanation}"
    return f"row for column, and {found}; and it stands as {explanation}"


def _judge(mine: Array, truth: Truth) -> str:
    """The verdict on numbers that stand as columns."""
    n, p = truth.gradient.shape
    if mine.shape == (n, p):
        tests = (_right, _factor, _omission, _residual, _differing)
        return next(found for test in tests if (found := test(mine, truth)))
    if mine.ndim == 2 and mine.shape[1] == p:
        if truth.intercept and len(mine) == n - 1 and not _is_residual(mine, truth):
            return _without_intercept(mine, truth)
        if not truth.intercept and len(mine) == n + 1 and truth.agrees(mine[1:]).all():
            return "intercept too many: the others are right, and the first is that of a column of ones: --intercept"
        if len(mine) == truth.rows:
            return _one_per_row(mine, truth)
    size = " × ".join(map(str, mine.shape))
    return f"wrong shape: {size} numbers, but ∇f is {n} × {p}, one for each of {elided(map(shown, truth.names))}"


def _right(mine: Array, truth: Truth) -> str:
    """For a gradient that agrees in every component; else nothing."""
    if not truth.agrees(mine).all():
        return ""
    if (abs(truth.gradient) <= truth.rounding).all():
        return "right: but ∇f is 0 here but for rounding, and so is every multiple of it; compare at another --at too"
    if truth.at_zero and not truth.identity:
        return "right: every component agrees; at x = 0 the term AᵀAx is 0, so compare at another --at too"
    return "right: every component agrees"


def _factor(mine: Array, truth: Truth) -> str:
    """For a multiple of the gradient; else nothing."""
    for factor, word in _factors(truth.rows):
        if truth.agrees(mine, factor).all():
            loss = _loss_of(factor * truth.scale, truth)
            explanation = f"; it is the gradient of {loss}" if loss else ""
            if factor == -1:
                explanation = "; x − β∇f would climb: r is Ax − b, not b − Ax"
            return f"{word}: every component is {_times(factor)} that of ∇f{explanation}"
    return ""


def _factors(m: int) -> list[tuple[float, str]]:
    """Factors that a gradient is often wrong by, and what they are called; those that are equal here together."""
    words: dict[float, str] = {}
    for factor, word in ((2.0, "2×"), (0.5, "½"), (1 / m, "1/m"), (float(m), "m")):
        words[factor] = f"{words[factor]} or {word}" if factor in words else word
    words = {2 / m: "2/m", m / 2: "m/2"} | words
    words.pop(1.0, None)
    return [(-1.0, "sign"), *words.items(), *((-factor, f"sign and {word}") for factor, word in words.items())]


def _times(factor: float) -> str:
    named = {-1.0: "minus", 2.0: "twice", 0.5: "half"}
    return named.get(factor) or f"{factor:.10g} times"


def _loss_of(scale: float, truth: Truth) -> str:
    """The objective that is `scale` times ½‖r‖²; nothing where it has no name."""
    known = {1.0: "half", 2.0: "sum", 2.0 / truth.rows: "mean"}
    formula = {"half": "½‖r‖²", "sum": "‖r‖²", "mean": "‖r‖²/m"}
    option = next((word for value, word in known.items() if math.isclose(value, scale)), "")
    return f"{formula[option]} (--objective {option})" if option else ""


def _omission(mine: Array, truth: Truth) -> str:
    """For a gradient that lacks a term; else nothing."""
    for what, values in truth.omissions.items():
        if (abs(mine - values) <= _TOLERANCE * abs(values) + truth.rounding).all():
            if what == "intercept":
                return "intercept left out: of Ax, which it shifts by its own coefficient; it has its component in ∇f"
            return f"{what} left out: the rest of AᵀAx − Aᵀb is right" if not truth.identity else f"{what} left out"
    return ""


def _residual(mine: Array, truth: Truth) -> str:
    """For a residual in place of a gradient of the same size; else nothing."""
    return "" if truth.identity or not _is_residual(mine, truth) else _one_per_row(mine, truth)


def _is_residual(mine: Array, truth: Truth) -> bool:
    """Whether `mine` is r, but for one of the usual factors."""
    r = truth.residual
    if mine.shape != r.shape:
        return False
    allowed = _TOLERANCE * abs(r).max()
    factors = [1.0, *(factor for factor, _ in _factors(truth.rows))]
    return any((abs(mine - factor * r) <= abs(factor) * allowed).all() for factor in factors)


def _one_per_row(mine: Array, truth: Truth) -> str:
    """For m numbers, one for each row."""
    m, (n, _) = truth.rows, truth.gradient.shape
    what = "the residual r = Ax − b or a multiple of it" if _is_residual(mine, truth) else "one a row of A"
    return f"Aᵀ forgotten: these are {m} numbers, {what}; the chain rule has Aᵀ before r, which makes {n} of them"


def _without_intercept(mine: Array, truth: Truth) -> str:
    """For a gradient that has one component less, for there is an intercept."""
    rest = truth._replace(gradient=truth.gradient[1:], rounding=truth.rounding[1:], names=truth.names[1:])
    without = truth.omissions["intercept"][1:]
    explanation = "the column of ones has a component too, the sum of r"
    if rest.agrees(mine).all():
        return f"intercept left out: the others are right; {explanation}"
    if (abs(mine - without) <= _TOLERANCE * abs(without) + rest.rounding).all():
        return f"intercept left out: of the residual too; {explanation}"
    return f"intercept left out: {explanation}; without it, {_factor(mine, rest) or _differing(mine, rest)}"


def _differing(mine: Array, truth: Truth) -> str:
    """For numbers that no known mistake explains: which differ, and by how much."""
    wrong = np.flatnonzero(~truth.agrees(mine))
    far = abs(mine - truth.gradient).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(far > 0, far / abs(truth.gradient).ravel(), 0.0)
    worst = int(wrong[relative[wrong].argmax()])
    yours, right = float(mine.ravel()[worst]), float(truth.gradient.ravel()[worst])
    explanation = (
        f"{truth.component_name(worst)} is {yours:.10g}, and should be {right:.10g}{_hint(yours, right, truth.rows)}"
    )
    if len(wrong) == 1 < mine.size:
        return f"one component off: {explanation}; the others agree"
    digits = max(0, math.floor(-math.log10(relative[worst]))) if 0 < relative[worst] < math.inf else 0
    close = f"; it agrees to {digits} digits: was it rounded?" if digits >= 3 else ""
    return f"off: {len(wrong)} of {mine.size} components differ, most of all {explanation}{close}"


def _hint(yours: float, right: float, m: int) -> str:
    """The usual factor between two numbers, if there is one."""
    for factor, word in _factors(m):
        if right and math.isclose(yours, factor * right, rel_tol=_TOLERANCE):
            return f" ({word})"
    return ""
