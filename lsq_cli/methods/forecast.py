"""How many steps a rule will take, told before the first one, from the eigenvalues of G.

In the eigenvectors of G the gradient falls apart into n numbers that a step multiplies separately:

    ĝ = Vᵀ∇f(x₀),   G = VΛVᵀ,   a step of length t along the gradient:   ĝᵢ ← (1 − tλᵢ)ĝᵢ

What a rule makes of that stands with the rule, in `steps/`.

Sources: Akaike 1959 for the final zigzag of `exact`; Greenbaum, *Iterative Methods for Solving Linear Systems*,
chapters 3 and 4, for Chebyshev's bound, with rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.core.problem import Form, Objective
    from lsq_cli.core.solution import Array

_LANCZOS_STEPS = 24


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of G, ascending (n,), and its eigenvectors (n, n); values that are all rounding are 0."""

    values: Array
    vectors: Array

    @classmethod
    def of(cls, G: Array) -> Spectrum:
        """The spectrum of a symmetric G."""
        values, vectors = np.linalg.eigh(G)
        noise = len(G) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
        return cls(np.where(values > noise, values, 0.0), vectors)

    @classmethod
    def known(cls, form: Form) -> Spectrum | None:
        """The spectrum of a form's G, made once for all who walk on it; None where it has no G."""
        if form.G is not None and form not in _KNOWN:
            _KNOWN[form] = cls.of(form.G)
        return _KNOWN.get(form)

    @property
    def largest(self) -> float:
        """λmax."""
        return float(self.values[-1])

    @property
    def smallest(self) -> float:
        """The least eigenvalue above 0; 0 where there is none."""
        positive = self.values[self.values > 0.0]
        return float(positive[0]) if positive.size else 0.0

    def null_share(self, x: Array) -> float:
        """The length of the part of `x` in the null space of G, which no gradient touches, over that of `x`."""
        largest = np.abs(x).max(initial=0.0)
        if not largest:
            return 0.0
        unit = x / largest  # whose square does not overflow
        part = self.vectors[:, self.values == 0.0].T @ unit
        return float(np.linalg.norm(part) / np.linalg.norm(unit))


# As long as the form is there.
_KNOWN: WeakKeyDictionary[Form, Spectrum] = WeakKeyDictionary()


class Modes(NamedTuple):
    """A start in the eigenvectors of G, and the gradient norm that is asked for."""

    values: Array
    """λ (r,), the eigenvalues above 0, ascending: along the others the gradient is 0 but for rounding."""
    parts: Array
    """ĝ (r,)."""
    goal: float
    measure: Array | None = None
    """(n, r): ‖measure·ĝ‖ is the norm that counts; None where it is ‖ĝ‖."""

    @classmethod
    def of(cls, spectrum: Spectrum, gradient: Array, goal: float, measure: Callable[[Array], Array] | None) -> Modes:
        """The modes of a start with this `gradient`; `measure` takes vectors (n, r) to the user's columns."""
        moving = spectrum.values > 0.0
        vectors = spectrum.vectors[:, moving]
        measured = None if measure is None else measure(vectors)
        return cls(spectrum.values[moving], vectors.T @ gradient, goal, measured)

    def norm(self, parts: Array) -> float:
        """The gradient norm that counts."""
        return float(np.linalg.norm(parts if self.measure is None else self.measure @ parts))

    @property
    def reached(self) -> bool:
        """Whether the start is good enough."""
        return not self.values.size or self.norm(self.parts) <= self.goal

    @property
    def plain_goal(self) -> float:
        """A ‖ĝ‖ that is surely small enough."""
        return self.goal if self.measure is None else self.goal / float(np.linalg.norm(self.measure, 2))

    @property
    def error_at_goal(self) -> float:
        """How large ‖x − x*‖ may still be, in units of ‖x₀ − x*‖, when ‖ĝ‖ is the goal: all of it along λmin."""
        distance = float(np.linalg.norm(self.parts / self.values))
        return self.plain_goal / float(self.values[0]) / distance if distance else 0.0

    @property
    def chebyshev(self) -> float:
        """C = κ(A)·ln(2√λmax‖x₀ − x*‖_G/goal)."""
        distance = float(np.linalg.norm(self.parts / np.sqrt(self.values)))
        ratio = 2.0 * math.sqrt(self.values[-1]) * distance / self.plain_goal
        return math.sqrt(self.values[-1] / self.values[0]) * max(0.0, math.log(ratio))


def least_steps(is_under: Callable[[float], bool]) -> float:
    """The least number of steps that is enough, to a millionth; `is_under` is false first and then true."""
    high = 1.0
    while not is_under(high):
        high *= 2.0
        if high == math.inf:
            return high
    low = high / 2.0 if high > 1.0 else 0.0
    while high - low > max(0.5, 1e-6 * high):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_under(middle) else (middle, high)
    return float(math.ceil(high))


def largest_eigenvalue(objective: Objective) -> float:
    """About λmax of an objective without a matrix, by Lanczos; never above it but for rounding.

    ∇f is affine, so Gv = ∇f(v) − ∇f(0): one pass over the rows for each of the `_LANCZOS_STEPS`.
    """
    v = np.random.default_rng(0).standard_normal(objective.n)
    v /= np.linalg.norm(v)
    basis, diagonal, beside = [v], [], []
    for _ in range(min(objective.n, _LANCZOS_STEPS)):
        w = objective.value_and_gradient(basis[-1])[1] + objective.c
        diagonal.append(float(w.dot(basis[-1])))
        for u in (*basis, *basis):  # twice: once leaves what rounding puts in
            w = w - float(w.dot(u)) * u
        length = float(np.linalg.norm(w))
        if length <= 1e-12 * abs(diagonal[0]):
            break
        basis.append(w / length)
        beside.append(length)
    size = len(diagonal)
    T = np.diag(diagonal) + np.diag(beside[: size - 1], 1) + np.diag(beside[: size - 1], -1)
    return float(np.linalg.eigvalsh(T)[-1])
