"""Gradient descent as the user asked for it: the rule and its rate, the forecast before, the verdict after.

    λmax, λmin of G  ──►  β = 1/λmax, largest stable rate 2/λmax, steps needed  ──►  the loop of `descent.py`

Everything here is known before the first step, because G is: that the rate is too large, that the limit on
steps is too small, and which rule would do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.methods.descent import Iterates, abreast, descend
from lsq_cli.methods.forecast import Spectrum, constant_steps, exact_steps
from lsq_cli.methods.steps import Constant, Exact, StepRule
from lsq_cli.methods.stopping import Limits
from lsq_cli.quadratic import ldexp
from lsq_cli.solution import Iterate, Outcome

if TYPE_CHECKING:
    from lsq_cli.quadratic import Quadratic
    from lsq_cli.solution import Array

RULES = ("constant", "exact")


@dataclass(frozen=True)
class Descent:
    """What the user asks of gradient descent.

    Parameters
    ----------
    step : {"constant", "exact"}
    learning_rate : float, optional
        β of `constant` in the user's units; 1/λmax(AᵀA) by default.
    limits : Limits
    x0 : ndarray, shape (n,) or (n, p), optional
        The start in the user's units; 0 by default.
    """

    step: str = "constant"
    learning_rate: float | None = None
    limits: Limits = field(default_factory=Limits)
    x0: Array | None = None


class GradientDescent:
    """Descent on a quadratic form, one run a target; a method in the sense of `solving.Method`."""

    name = "gd"

    def __init__(self, quadratic: Quadratic, asked: Descent) -> None:
        self._quadratic, self._asked = quadratic, asked
        self._spectrum = Spectrum.of(quadratic.G)
        self._square_unit = -2 * quadratic.a_unit  # a rate is an inverse square of A
        self._least: list[Iterate | None] = [None] * quadratic.p
        self._outcomes: list[Outcome | None] = [None] * quadratic.p
        rate = self._rate()
        self._rules: list[StepRule] = [
            Constant(rate, self._spectrum.largest) if asked.step == "constant" else Exact() for _ in range(quadratic.p)
        ]
        self._starts = [quadratic.from_user(asked.x0, t) for t in range(quadratic.p)]
        self.forecast = max(self._steps(asked.step, rate, t) for t in range(quadratic.p))
        self.warnings = list(self._warnings(rate))

    def facts(self) -> dict[str, Any]:
        """The fields of `Solution` that only this method knows."""
        constant = self._asked.step == "constant"
        return {
            "step": self._asked.step,
            "learning_rate": ldexp(self._rate(), self._square_unit) if constant else None,
            "largest_stable_rate": ldexp(self._stable_rate(), self._square_unit),
            "forecast": self.forecast,
        }

    def iterates(self) -> Iterates:
        """The iterates of all targets side by side, in the user's units."""
        runs = [self._watched(t) for t in range(self._quadratic.p)]
        return runs[0] if len(runs) == 1 else abreast(runs)

    def final(self, last: Iterate) -> Array:
        """The x to return: of a target that diverged the iterate of least f, else the last one."""
        x = last.x.reshape(self._quadratic.n, -1).copy()
        for t, (outcome, least) in enumerate(zip(self._outcomes, self._least, strict=True)):
            if outcome is Outcome.DIVERGED and least is not None:
                x[:, t] = least.x
        return x.reshape(last.x.shape)

    def advice(self, outcome: Outcome, k: int) -> str:
        """What to try after a run that did not converge."""
        if outcome is Outcome.DIVERGED:
            largest = ldexp(self._stable_rate(), self._square_unit)
            return f"{k} steps done; try a --learning-rate below {largest:.6g}, or leave it out"
        needed = f"about {self.forecast:.2g} needed" if math.isfinite(self.forecast) else "no number is enough"
        others = [f"--step {rule} (about {n:.2g})" for rule, n in self._better_rules()]
        return f"{k} steps done, {needed}; try {' or '.join([*others, '--method normal'])}"

    def _watched(self, target: int) -> Iterates:
        """The run of one target in the user's units, its least iterate and its outcome remembered."""
        quadratic = self._quadratic
        rule, limits = self._rules[target], self._asked.limits
        run = descend(quadratic.objective(target), rule, limits, self._starts[target])
        least = math.inf
        while True:
            try:
                iterate = quadratic.to_user(next(run), target)
            except StopIteration as stop:
                outcome: Outcome = stop.value
                self._outcomes[target] = outcome
                return outcome
            if not rule.stable and iterate.objective < least:
                least, self._least[target] = iterate.objective, iterate
            yield iterate

    def _stable_rate(self) -> float:
        """2/λmax: f grows along the steepest direction beyond it."""
        return 2.0 / self._spectrum.largest if self._spectrum.largest > 0.0 else math.inf

    def _rate(self) -> float:
        """The constant rate in the units of G."""
        if self._asked.learning_rate is not None:
            return ldexp(self._asked.learning_rate, -self._square_unit)
        return 0.5 * self._stable_rate() if self._spectrum.largest > 0.0 else 1.0

    def _steps(self, step: str, rate: float, target: int) -> float:
        """Steps that a rule will need for one target."""
        quadratic, limits = self._quadratic, self._asked.limits
        c = quadratic.c[:, target]
        gradient = quadratic.G @ self._starts[target] - c
        goal = limits.tol * float(np.linalg.norm(c))
        if step == "constant":
            return constant_steps(self._spectrum, gradient, rate, goal)
        return exact_steps(self._spectrum, gradient, goal)

    def _better_rules(self) -> list[tuple[str, float]]:
        """Other rules that would need at most half as many steps, with their forecasts."""
        forecasts = [
            (rule, max(self._steps(rule, 0.5 * self._stable_rate(), t) for t in range(self._quadratic.p)))
            for rule in RULES
            if rule != self._asked.step
        ]
        return [(rule, steps) for rule, steps in forecasts if steps <= 0.5 * self.forecast and math.isfinite(steps)]

    def _warnings(self, rate: float) -> list[str]:
        """What is certain before the first step."""
        stable = self._stable_rate()
        if self._asked.step == "constant" and rate > stable:
            given, largest = (ldexp(value, self._square_unit) for value in (rate, stable))
            return [f"the learning rate {given:.6g} is above 2/λmax = {largest:.6g}: f will grow without bound"]
        if self.forecast > self._asked.limits.max_iter and self._asked.limits.tol > 0.0:
            others = [f"--step {rule} needs about {n:.2g}" for rule, n in self._better_rules()]
            return [
                f"about {self.forecast:.2g} steps needed, --max-iter is {self._asked.limits.max_iter}; "
                + "; ".join([*others, "--method normal needs 1"])
            ]
        return []
