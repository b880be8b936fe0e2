"""Step rules: a direction and a length for every step x ← x − t·d. A module a rule, named as ``--step`` names it.

               direction d      length t          products with G, beside the one for ∇f
    constant   g                β                 0    the textbook's gradient descent
    exact      g                exact search      1    steepest descent
    bb         g                secant            0    Barzilai and Borwein
    nesterov   g and drift      β                 0    accelerated gradient descent
    cg         conjugate        exact search      1    conjugate gradient on AᵀA

Which to prefer: `cg` to get there, `constant` to see descent at work, `exact` for the zigzag that a perfect search
ends in, `bb` for what one clever number does, `nesterov` for the theory. With κ = κ(A), so κ² = κ(G), the first two
take a number of steps that grows as κ², the other three as κ.

A rule sees nothing but the objective, so the same rule works on sums and on rows. Each brings its own forecast.
To add one, copy a module, name its class as `RULE`, and write its line into `methods/__init__.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsq_cli.methods.steps.base import StepRule


def rule_named(name: str) -> type[StepRule]:
    """The class of the step rule of this name, one of `methods.RULES`."""
    rule: type[StepRule] = import_module(f"lsq_cli.methods.steps.{name}").RULE
    return rule
