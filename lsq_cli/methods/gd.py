"""Gradient descent as the user asked for it: the rule and its rate, the forecast before, the verdict after.

    λmax, λmin of G  ──►  β = 1/λmax, largest stable rate 2/λmax, steps needed  ──►  the loop of `descent.py`

Everything here is known before the first step, because G is: that the rate is too large, that the limit on
steps is too small, and which rule would do. Of a form without G, the rows themselves, only λmax is found out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.solution import Iterate, Outcome
from lsq_cli.exact.dyadic import ldexp
from lsq_cli.methods import RULES_WITH_RATE
from lsq_cli.methods.descent import Iterates, descend, side_by_side
from lsq_cli.methods.forecast import Modes, Spectrum, largest_eigenvalue
from lsq_cli.methods.steps import rule_named
from lsq_cli.methods.steps.base import Known
from lsq_cli.methods.stopping import Limits, StoppingTest

if TYPE_CHECKING:
    from lsq_cli.core.problem import Form
    from lsq_cli.core.solution import Array
    from lsq_cli.methods.steps.base import StepRule

# Which rule to recommend, the one that is rarely beaten first.
_RECOMMENDED = ("cg", "nesterov", "bb", "exact", "constant")
# A share of x0 in the null space below this is rounding.
_NULL_SHARE = 1e-10
# A run that ends so returns the point of least f that it passed, not its last one.
_BEST_IS_RESULT = (Outcome.DIVERGED, Outcome.STAGNATED)


@dataclass(frozen=True)
class Descent:
    """What the user asks of gradient descent.

    Parameters
    ----------
    step : str
        One of `methods.RULES`.
    learning_rate : float, optional
        β of `constant` and `nesterov` in the user's units; 1/λmax(AᵀA) by default.
    limits : Limits
    x0 : ndarray, shape (n,) or (n, p), optional
        The start in the user's units; 0 by default.
    normalize : bool
        Whether to descend in normalised columns (`normalizing.py`); the rate is then one for these.
    trail : Mapping, optional
        What `GradientDescent.facts` gave for the run that `x0` comes from: with the same step rule the run goes on as
        if it had never stopped. Ignored where it does not belong to `x0`.
    """

    step: str = "constant"
    learning_rate: float | None = None
    limits: Limits = field(default_factory=Limits)
    x0: Array | None = None
    normalize: bool = False
    trail: Mapping[str, Any] | None = None


class GradientDescent:
    """Descent on a form, one run a target; a method in the sense of `solving.Method`.

    Parameters
    ----------
    form : Form
    asked : Descent
    """

    name = "gd"

    def __init__(self, form: Form, asked: Descent) -> None:
        self._form, self._asked = form, asked
        self._objectives = [form.objective(t) for t in range(form.p)]
        self._spectrum = Spectrum.known(form)
        self._largest = self._spectrum.largest if self._spectrum else largest_eigenvalue(self._objectives[0])
        self._rules = [self._rule() for _ in range(form.p)]
        self._starts = [form.from_user(asked.x0, t) for t in range(form.p)]
        self._ends = [
            StoppingTest(objective, asked.limits, rule.stable)
            for objective, rule in zip(self._objectives, self._rules, strict=True)
        ]
        if asked.trail is not None:
            self._resume(asked.trail)
        self.forecast = self._forecast(asked.step, self._rate)
        self.warnings = list(self._warnings())

    def facts(self) -> dict[str, Any]:
        """The fields of `Solution` that only this method knows; after a run also what takes it up again."""
        has_rate = self._asked.step in RULES_WITH_RATE
        trail = self._trail()
        return {
            "step": self._asked.step,
            "learning_rate": self._in_user_units(self._rate) if has_rate else None,
            "largest_stable_rate": self._in_user_units(2.0 * self._default_rate) if self._largest > 0.0 else math.inf,
            "forecast": self.forecast,
            "gradient_goal": self.goal,
            "best_iteration": self.best_iteration,
            "extra": {"memory": trail} if trail else {},
        }

    def iterates(self) -> Iterates:
        """The iterates of all targets side by side, in the user's units."""
        runs = [self._run(t) for t in range(self._form.p)]
        return runs[0] if len(runs) == 1 else side_by_side(runs)

    def final(self, last: Iterate) -> Array:
        """The x to return: of a target that diverged or stagnated the best iterate, else the last one."""
        x = last.x.reshape(self._form.n, -1).copy()
        for t, ends in enumerate(self._ends):
            if ends.best is not None and ends.outcome in _BEST_IS_RESULT:
                x[:, t] = self._in_x(ends.best, t)
        return x.reshape(last.x.shape)

    @property
    def best_iteration(self) -> int | None:
        """The step that the returned x comes from, where it is not the last; None too where targets differ in it."""
        steps = {ends.best_k if ends.outcome in _BEST_IS_RESULT else None for ends in self._ends}
        return steps.pop() if len(steps) == 1 else None

    @property
    def goal(self) -> float:
        """tol·‖Aᵀb‖, which ‖∇f‖ is compared with, in the user's units; the Frobenius norm for several targets."""
        goals = (_at(z)._replace(gradient_norm=ends.goal) for z, ends in zip(self._starts, self._ends, strict=True))
        return math.hypot(*(self._form.to_user(goal, t).gradient_norm for t, goal in enumerate(goals)))

    @property
    def choice(self) -> str:
        """Which of all solutions descent ends at, where there are many."""
        if self._spectrum is not None and any(self._spectrum.null_share(z) > _NULL_SHARE for z in self._starts):
            return "x keeps the part of x0 in the null space of A, which no gradient touches"
        return "x is the solution of least norm" + (" in the normalised columns" if self._asked.normalize else "")

    def advice(self, outcome: Outcome, k: int) -> str:
        """What to try after a run that did not converge."""
        if outcome is Outcome.DIVERGED and self._rules[0].stable:
            return f"{_steps(k)} done, and f is beyond the range of doubles; try a smaller --x0, or leave it out"
        if outcome is Outcome.DIVERGED:
            largest = self._in_user_units(self._rules[0].largest_rate)
            return f"{_steps(k)} done; try a --learning-rate below {largest:.6g}, or leave it out"
        if outcome is Outcome.STAGNATED:
            reached = max(map(self._relative_gradient, range(self._form.p)))
            return (
                f"{_steps(k)} done, ‖∇f‖ is {reached:.1e}·‖Aᵀb‖ and rounding keeps it from shrinking; "
                f"try --tol {10.0 ** math.ceil(math.log10(reached)):.0e}"
                f"{' or --method normal' if self._spectrum else ''}"
            )
        better = self._better_rule()
        ways = [f"--step {better[0]}"] if better else []
        if self._form.G is not None:
            ways.append("--method normal")
        elif not ways:
            # By the rows, for want of G: no forecast, and no normal equations.
            ways.append("--step cg" if self._asked.step != "cg" else "more steps")
        return f"{_steps(k)} done{self._still_needed(k)}; try {' or '.join(ways)}"

    def _run(self, target: int) -> Iterates:
        """The run of one target in the user's units."""
        ends, start = self._ends[target], self._starts[target]
        run = descend(self._objectives[target], self._rules[target], ends, start)
        probe = _at(start)
        return run if self._form.to_user(probe, target) is probe else self._converted(run, target)

    def _converted(self, run: Iterates, target: int) -> Iterates:
        """A run of one target, brought from the form's units to the user's."""
        to_user, ends = self._form.to_user, self._ends[target]
        for iterate in run:
            yield to_user(iterate, target)
        assert ends.outcome is not None
        return ends.outcome

    def _in_x(self, z: Array, target: int) -> Array:
        """A point in the form's units as x."""
        return self._form.to_user(_at(z), target).x

    @property
    def _default_rate(self) -> float:
        """1/λmax in the form's units, the longest step under which no part of x overshoots."""
        return 1.0 / self._largest if self._largest > 0.0 else 1.0

    @property
    def _rate(self) -> float:
        """β in the form's units."""
        asked = self._asked.learning_rate
        return self._default_rate if asked is None else ldexp(asked, 2 * self._form.a_unit)

    def _in_user_units(self, rate: float) -> float:
        """A rate is an inverse square of A."""
        return ldexp(rate, -2 * self._form.a_unit)

    def _rule(self) -> StepRule:
        """A new rule of the kind that is asked for."""
        smallest = self._spectrum.smallest if self._spectrum else None
        return rule_named(self._asked.step).of(Known(self._form.n, self._rate, self._largest, smallest))

    def _trail(self) -> dict[str, Any]:
        """What x alone does not tell a run that goes on from it: the point in the form's units, and the one before."""
        if not (self._asked.normalize or self._rules[0].before):
            return {}
        points, before = [], []
        for rule, ends in zip(self._rules, self._ends, strict=True):
            if ends.last is None or ends.outcome in _BEST_IS_RESULT:
                return {}  # the result is not where the run has ended
            points.append(ends.last.tolist())
            x = rule.before.x if rule.before else None
            before.append(None if x is None else x.tolist())
        return {"step": self._asked.step, "normalize": self._asked.normalize, "points": points, "before": before}

    def _resume(self, trail: Mapping[str, Any]) -> None:
        """Go on from what an earlier run left, if that was a run of this kind and its x is x0."""
        if any(trail.get(key) != getattr(self._asked, key) for key in ("step", "normalize")):
            return
        try:
            points = np.array(trail["points"], dtype=np.float64).reshape(self._form.p, self._form.n)
            before = [None if x is None else np.array(x, dtype=np.float64).reshape(-1) for x in trail["before"]]
        except (KeyError, TypeError, ValueError):
            return  # not ours, or edited by hand: x0 alone counts
        starts = [self._form.from_user(self._in_x(z, t), t) for t, z in enumerate(points)]
        if not all(map(np.array_equal, starts, self._starts)):
            return
        self._starts = list(points)
        for rule, objective, x in zip(self._rules, self._objectives, before, strict=False):
            if x is not None and len(x) == self._form.n:
                rule.resume(objective, x)

    @cached_property
    def _modes(self) -> list[Modes]:
        """Every target's start in the eigenvectors of G."""
        assert self._spectrum is not None
        measure = self._form.measured if self._asked.normalize else None
        return [
            Modes.of(
                self._spectrum,
                objective.value_and_gradient(start)[1],
                self._asked.limits.tol * objective.gradient_norm(objective.c),
                measure,
            )
            for objective, start in zip(self._objectives, self._starts, strict=True)
        ]

    def _forecast(self, step: str, rate: float) -> float | None:
        """Steps that a rule will need for the slowest target; None where the spectrum is not known."""
        if self._spectrum is None:
            return None
        rule = rule_named(step)
        with np.errstate(over="ignore", invalid="ignore"):  # a start out of range is told when the run ends
            return max(rule.forecast(modes, rate) for modes in self._modes)

    def _better_rule(self) -> tuple[str, float] | None:
        """The best other rule that takes fewer steps than this one, no more than the limit, and its forecast."""
        if self._spectrum is None or any(modes.values.size and modes.error_at_goal >= 1.0 for modes in self._modes):
            return None  # whatever rule gets there, not one digit of x is sure
        limit = self._asked.limits.max_iter
        for step in _RECOMMENDED:
            if step != self._asked.step:
                steps = self._forecast(step, self._default_rate)
                if steps is not None and steps <= limit and (self.forecast is None or steps < self.forecast):
                    return step, steps
        return None

    def _relative_gradient(self, target: int) -> float:
        """‖∇f‖/‖Aᵀb‖ at the best point of a target; 1e-300 where either is 0."""
        objective, best = self._objectives[target], self._ends[target].best
        c_norm = objective.gradient_norm(objective.c)
        if best is None or not c_norm:
            return 1e-300
        return max(1e-300, objective.gradient_norm(objective.value_and_gradient(best)[1]) / c_norm)

    def _still_needed(self, k: int) -> str:
        """The forecast of a run that has done k steps, unless it has been refuted."""
        if self.forecast is None or self.forecast <= k:
            return ""
        if self.forecast == math.inf:
            return ", no number is enough"
        return f", {_number_of_steps(self._asked.step, self.forecast)} needed"

    def _warnings(self) -> list[str]:
        """What is certain before the first step."""
        rule, limits = self._rules[0], self._asked.limits
        if not rule.stable:
            given, largest = (f"{self._in_user_units(rate):.6g}" for rate in (self._rate, rule.largest_rate))
            bound = f"2/λmax = {largest}" if self._asked.step == "constant" else f"{largest}, the largest stable one"
            return [f"the learning rate {given} is above {bound}: f will grow without bound"]
        if self.forecast is None or self.forecast <= limits.max_iter or limits.tol == 0.0:
            return []
        better = self._better_rule()
        others = f"--step {better[0]} needs {_number_of_steps(*better)}, " if better else ""
        normal = "--method normal 1" if better else "--method normal needs 1"
        needed = f"{_number_of_steps(self._asked.step, self.forecast)} steps needed, --max-iter is {limits.max_iter}"
        if self.forecast == math.inf:
            needed = "no number of steps is enough"
        return [f"{needed}; {others}{normal}"]


def _steps(k: int) -> str:
    return f"{k} step{'s' * (k != 1)}"


def _at(z: Array) -> Iterate:
    """An iterate of which only x is known."""
    return Iterate(0, z, *[math.nan] * 5)


def _number_of_steps(step: str, steps: float) -> str:
    """A forecast in words: ``about 340``, ``at most 4e20``."""
    rounded = float(f"{steps:.2g}")
    number = f"{rounded:.0f}" if rounded < 1e6 else f"{rounded:.2g}".replace("e+0", "e").replace("e+", "e")
    return f"{'at most' if rule_named(step).forecast_is_bound else 'about'} {number}"
