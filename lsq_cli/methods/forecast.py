"""How many steps a rule will take, told before the first one, from the eigenvalues of G.

In the eigenvectors of G the gradient falls apart into n numbers that a step multiplies separately:

    ĝ = Vᵀ∇f(x₀),   G = VΛVᵀ,   a step of length t along the gradient:   ĝᵢ ← (1 − tλᵢ)ĝᵢ

constant    an estimate, in truth the exact count: the least k with ‖(1 − βΛ)ᵏĝ‖ ≤ goal, by bisection
exact       an estimate: the steps are rehearsed on ĝ, in leaps where they repeat themselves
nesterov    an upper bound: the momentum makes a recurrence of two terms out of every λᵢ, whose size is known for all k
cg          an upper bound, Chebyshev's:  ½C with C = κ(A)·ln(2√λmax‖x₀ − x*‖_G/goal); 2n where no direction is dropped
bb          an upper bound by experience: 2C. What is proved is as slow as `constant`; over every spectrum tried, with
            2 to 300 eigenvalues and κ(A) from 3 to 10⁴, the count was at most 1.01 C

Sources: Akaike 1959 for the final zigzag of `exact`; Greenbaum, *Iterative Methods for Solving Linear Systems*,
chapters 3 and 4, for Chebyshev's bound, with rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.methods.directions import directions_kept, theta

if TYPE_CHECKING:
    from lsq_cli.core.problem import Objective
    from lsq_cli.core.solution import Array

# A leap of the rehearsal changes what matters by this factor's power of e at most; 0.1 was off by 20 % at κ(A) = 100.
_LEAP = 0.05
_PAIRS_BETWEEN_LEAPS = 2
_MOST_REHEARSED = 10_000
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
    def chebyshev(self) -> float:
        """C = κ(A)·ln(2√λmax‖x₀ − x*‖_G/goal)."""
        distance = float(np.linalg.norm(self.parts / np.sqrt(self.values)))
        ratio = 2.0 * math.sqrt(self.values[-1]) * distance / self.plain_goal
        return math.sqrt(self.values[-1] / self.values[0]) * max(0.0, math.log(ratio))


def steps_needed(step: str, modes: Modes, rate: float) -> float:
    """The forecast for the rule named `step`; `rate` is β where it has one; inf where no number is enough."""
    if modes.reached:
        return 0.0
    if not (modes.goal > 0.0 and modes.norm(modes.parts) < math.inf):
        return math.inf
    if step == "constant":
        return constant_steps(modes, rate)
    if step == "exact":
        return exact_steps(modes)
    if step == "nesterov":
        return nesterov_steps(modes, rate)
    return bb_steps(modes) if step == "bb" else cg_steps(modes)


def is_bound(step: str) -> bool:
    """Whether the forecast for a rule is an upper bound and not an estimate."""
    return step not in ("constant", "exact")


def constant_steps(modes: Modes, rate: float) -> float:
    """Steps of length `rate`: every part is multiplied by the same 1 − βλ at each."""
    factors = np.abs(1.0 - rate * modes.values)
    if (factors >= 1.0).any():
        return math.inf
    with np.errstate(divide="ignore"):
        logs = np.log(factors)
    return _least(lambda k: modes.norm(modes.parts * np.exp(k * logs)) <= modes.goal)


def exact_steps(modes: Modes) -> float:
    """Steps of steepest descent: a rehearsal on the parts, which leaps ahead where steps repeat themselves.

    Two steps multiply the parts by |(1 − t₁λ)(1 − t₂λ)|, and once the zigzag has begun the next two by nearly the
    same. So after a few pairs the factors of the last are applied q times at once, with q so small that no part that
    matters changes its share of the whole by more than `_LEAP`, and the steps after it mend what the leap has bent.
    """
    values, parts, k = modes.values, modes.parts / np.linalg.norm(modes.parts), 0.0
    goal = modes.goal / float(np.linalg.norm(modes.parts))
    loss = 0.0
    for _ in range(_MOST_REHEARSED // (2 * _PAIRS_BETWEEN_LEAPS)):
        for _ in range(_PAIRS_BETWEEN_LEAPS):
            logs = np.zeros_like(values)
            for _ in range(2):
                if modes.norm(parts) <= goal:
                    return k
                squares = parts * parts
                factors = 1.0 - float(squares.sum()) / float(squares.dot(values)) * values
                parts, k = parts * factors, k + 1.0
                with np.errstate(divide="ignore"):
                    logs += np.maximum(np.log(np.abs(factors)), -30.0)
        shares = np.maximum(parts * parts / float(parts.dot(parts)), 1e-300)
        loss = -float(shares.dot(logs))
        if loss <= 0.0:
            continue
        remaining = math.log(modes.norm(parts) / goal) if modes.norm(parts) > goal else 0.0
        leap = int(min(_LEAP / _unevenness(logs + loss, shares), remaining / loss))
        parts, k = parts * np.exp(leap * logs), k + 2.0 * leap
    return k + 2.0 * math.log(modes.norm(parts) / goal) / loss if loss > 0.0 else math.inf


def _unevenness(drift: Array, shares: Array) -> float:
    """How fast the parts change against each other, `drift` being the log of each one's growth against the whole.

    Parts that shrink matter by a root of their share, so that those too small to steer the steps hold nothing up.
    Parts that grow matter whatever their share, but may grow the longer the smaller they are.
    """
    weights = np.where(drift > 0.0, 1.0 / (1.0 - 0.5 * np.log(shares)), shares**0.25)
    return max(float((weights * np.abs(drift)).max()), 1e-300)


def nesterov_steps(modes: Modes, rate: float) -> float:
    """A bound on the steps with the momentum of λmin: the least k from which on the envelope is under the goal.

    With a = 1 − βλ a part goes ĝφ_k, φ₀ = 1, φ₁ = a, φ_{k+1} = (1 + θ)a φ_k − θa φ_{k−1}. For a ≥ 0 the roots of the
    recurrence are complex or double, of modulus ρ = √(θa), and |φ_k| ≤ ρᵏ(1 + k(1 − θ)a/(2ρ)); for a < 0 they are real.
    """
    share = theta(rate, float(modes.values[0]))
    a = 1.0 - rate * modes.values
    low = np.maximum(a, 0.0)
    rho = np.sqrt(share * low)
    lag = np.divide((1.0 - share) * low, 2.0 * rho, out=np.zeros_like(rho), where=rho > 0.0)
    high = np.minimum(a, 0.0)
    root = np.sqrt(((1.0 + share) * high) ** 2 - 4.0 * share * high)
    r1, r2 = 0.5 * ((1.0 + share) * high - root), 0.5 * ((1.0 + share) * high + root)
    if (np.abs(r1) >= 1.0).any():
        return math.inf
    gap = np.where(root > 0.0, root, 1.0)
    w1, w2 = np.abs(high - r2) / gap, np.abs(high - r1) / gap

    def is_under(k: float) -> bool:
        real = w1 * np.abs(r1) ** k + w2 * np.abs(r2) ** k
        envelope = np.where(a < 0.0, real, rho**k * (1.0 + k * lag))
        return float(np.linalg.norm(modes.parts * envelope)) <= modes.plain_goal

    # One more, for where a = 0 the first step leaves what the second takes.
    return _least(is_under) + 1.0


def cg_steps(modes: Modes) -> float:
    """A bound on the steps of conjugate gradients: Chebyshev's; 2n where all directions are kept."""
    bound, n = float(np.ceil(0.5 * modes.chebyshev)) + 1.0, len(modes.values)
    return min(bound, 2.0 * n) if directions_kept(n) == n else bound


def bb_steps(modes: Modes) -> float:
    """A bound on the steps of Barzilai and Borwein, by experience."""
    return float(np.ceil(2.0 * modes.chebyshev)) + 10.0


def _least(is_under: Callable[[float], bool]) -> float:
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
