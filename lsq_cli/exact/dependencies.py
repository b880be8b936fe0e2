"""What dependent columns are made of, as people would write it: `x4 = x1 + x2`, `f = 32 + 1.8·c`.

The coefficients w of a_d = Σ w_k a_k come exactly, as the regression of the dependent column on the independent ones.
Each is replaced by the simplest fraction nearby (the Stern–Brocot tree), from close by to further off, and the guess
v = (w, −1) is accepted only if it is as good as the tolerance of the rank: ‖Av‖² = vᵀGv, in exact integers, at most
(T‖a_d‖)². Simple fractions may miss a short column by T of the longest term, for the rounding of that may be all that
parts them, as long as it is below 2⁻²⁷ of the column. So 0.1·a + 0.3·b is found although 0.1 is no double, and a
dependency without simple numbers is shown with ≈ and six digits. Of several relations each is shortened with the help
of the others.

Loaded for rank-deficient problems only: it needs the module `fractions`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import shown
from lsq_cli.core.solution import INTERCEPT
from lsq_cli.exact.equations import ExactSolution, NormalEquations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Dyadic

# Bits that a simple fraction is looked for within, relative to the largest term: first near, then further off.
_NEARNESS = (44, 34, 24)
# Bits that the coefficients gain before they are simplified.
_REGRESSION_BITS = 160
# Bits that are kept of coefficients without a simple fraction, relative to the largest term.
_KEPT_BITS = 110
# The part of a short column that a simple relation may miss where T is less.
_MOST_MISSED = Fraction(1, 2**27)
# Denominators that count as simple; powers of ten up to the second as decimals.
_SIMPLE_DENOMINATOR = 1000
_MOST_DECIMALS = 6
_HUGE = 10**16
# Terms of a relation that are written out, and relations that are shortened.
_MOST_TERMS = 6
_MOST_SHORTENED = 20


@dataclass(frozen=True)
class Relation:
    """a_column = Σ coefficients[k]·a_k, in the user's units.

    Attributes
    ----------
    coefficients : mapping of int to Fraction
        None is 0.
    simple : bool
        Whether all are simple fractions.
    exact : bool
        Whether the relation holds without any error: vᵀGv = 0.
    """

    column: int
    coefficients: Mapping[int, Fraction]
    simple: bool = False
    exact: bool = False

    def unit_vector(self, equations: NormalEquations) -> Array:
        """The null vector (n,) for columns of comparable length, its largest entry near 1."""
        size = _sizes(equations)
        largest = self._largest(size)
        vector = np.zeros(equations.n)
        for k, w in self._entries().items():
            vector[k] = float(w * Fraction(2) ** (size[k] - largest))
        return vector

    def text(self, names: Sequence[str]) -> str:
        """The relation in words; a column named ``(intercept)`` is a number, of many terms the first are shown."""
        sign = "=" if self.simple else "≈"
        terms = sorted(self.coefficients.items(), key=lambda item: (names[item[0]] != INTERCEPT, item[0]))
        words = " ".join(
            _term(w, names[k], first=i == 0, simple=self.simple) for i, (k, w) in enumerate(terms[:_MOST_TERMS])
        )
        more = f" + … and {len(terms) - _MOST_TERMS} more" if len(terms) > _MOST_TERMS else ""
        return f"{shown(names[self.column])} {sign} {words or '0'}{more}"

    def _entries(self) -> dict[int, Fraction]:
        """v = (w, −1), the null vector, by column."""
        return {**self.coefficients, self.column: Fraction(-1)}

    def _largest(self, size: Sequence[int]) -> int:
        """log₂ of the largest |v_j|‖a_j‖, to the next whole number or so."""
        return max(_log2(w) + size[k] for k, w in self._entries().items())


def null_vectors(equations: NormalEquations, dependent: Sequence[int]) -> list[Relation]:
    """Each dependent column's regression on the independent ones, far beyond doubles."""
    n = equations.n
    independent = [j for j in range(n) if j not in set(dependent)]
    if not independent:
        return [Relation(d, {}) for d in dependent]
    chosen = [*independent, *dependent]
    N = equations.N[np.ix_(chosen, chosen)]
    regression = NormalEquations(N, [equations.e[j] for j in chosen], len(dependent))
    solution = ExactSolution(regression, regression.factor)
    enough = solution.bits + _REGRESSION_BITS
    while solution.bits < enough:
        solution.refine()
    found = []
    for t, d in enumerate(dependent):
        numbers = [solution.interval(i, t)[0] for i in range(len(independent))]
        found.append(Relation(d, {k: _fraction(w) for k, w in zip(independent, numbers, strict=True) if w.mantissa}))
    return found


def simplified(equations: NormalEquations, relation: Relation, tolerance: float) -> Relation:
    """The relation in simple fractions, or else without the terms that are only noise, where that passes the test."""
    size = _sizes(equations)
    largest = relation._largest(size)
    terms = relation.coefficients
    for nearness in _NEARNESS:
        margins = {k: Fraction(2) ** (largest - size[k] - nearness) for k in terms}
        guess = _simple_fractions(terms, margins)
        if guess is not None:
            candidate = Relation(relation.column, guess, simple=True)
            checked = _checked(equations, candidate, tolerance)
            if checked is not None:
                return checked
    for nearness in reversed(_NEARNESS):
        kept = {k: w for k, w in terms.items() if _log2(w) + size[k] > largest - nearness}
        checked = _checked(equations, Relation(relation.column, kept), tolerance)
        if checked is not None:
            terms = kept
            break
    steps = {k: Fraction(2) ** (largest - size[k] - _KEPT_BITS) for k in terms}
    return Relation(relation.column, {k: round(w / steps[k]) * steps[k] for k, w in terms.items()})


def _simple_fractions(terms: Mapping[int, Fraction], margins: Mapping[int, Fraction]) -> dict[int, Fraction] | None:
    """The simplest fraction within its margin of each term, but for zeros; None as soon as one is not simple."""
    found = {}
    for k, w in terms.items():
        fraction = simplest_between(w - margins[k], w + margins[k])
        if not is_simple(fraction):
            return None
        if fraction:
            found[k] = fraction
    return found


def shortened(equations: NormalEquations | None, relations: list[Relation], tolerance: float) -> list[Relation]:
    """The same dependencies, each with fewer columns where adding another one's multiple makes it so.

    Without equations all of them hold exactly, and so do their combinations.
    """
    result = list(relations)
    if len(relations) > _MOST_SHORTENED:
        return result
    for i, relation in enumerate(relations):
        for other in relations:
            for candidate in _combinations(relation, other):
                if len(candidate.coefficients) < len(result[i].coefficients):
                    result[i] = _checked(equations, candidate, tolerance) or result[i]
    return result


def _combinations(relation: Relation, other: Relation) -> list[Relation]:
    """The relation plus each multiple of an earlier column's that rids it of a column."""
    if other.column >= relation.column or not (relation.simple and other.simple):
        return []
    found = []
    for shared in relation.coefficients.keys() & other.coefficients.keys():
        factor = relation.coefficients[shared] / other.coefficients[shared]
        terms = dict(relation.coefficients)
        for k, v in other._entries().items():
            terms[k] = terms.get(k, Fraction(0)) - factor * v
        found.append(Relation(relation.column, {k: w for k, w in sorted(terms.items()) if w}, simple=True))
    return [candidate for candidate in found if all(is_simple(w) for w in candidate.coefficients.values())]


def _checked(equations: NormalEquations | None, relation: Relation, tolerance: float) -> Relation | None:
    """The relation, marked as exact where it is, if it is good enough; None otherwise."""
    if equations is None:
        return replace(relation, exact=True)
    square, allowed = _missed(equations, relation, tolerance)
    return replace(relation, exact=square == 0) if square <= allowed else None


def holds(equations: NormalEquations, relation: Relation, tolerance: float) -> bool:
    """Whether the relation is as good as the tolerance asks."""
    return _checked(equations, relation, tolerance) is not None


def _missed(equations: NormalEquations, relation: Relation, tolerance: float) -> tuple[int, Fraction]:
    """‖Av‖² and how large it may be, in one unit; see the head of this file."""
    entries = relation._entries()
    chosen = sorted(entries)
    grid = min(equations.e[k] for k in chosen)
    v = [entries[k] * 2 ** (equations.e[k] - grid) for k in chosen]
    whole = math.lcm(*(w.denominator for w in v))
    z = np.array([int(w * whole) for w in v], dtype=object)
    N = equations.N[np.ix_(chosen, chosen)]
    lengths = [int(z_j * z_j * N_jj) for z_j, N_jj in zip(z, N.diagonal(), strict=True)]
    own = lengths[chosen.index(relation.column)]
    T = Fraction(tolerance)
    allowed = min(T**2 * max(lengths), max(T, _MOST_MISSED) ** 2 * own) if relation.simple else T**2 * own
    return int(z @ (N @ z)), allowed


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of least denominator (and then numerator) in the closed interval: the Stern–Brocot tree's first."""
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest_between(-high, -low)
    # Continued fractions: the whole parts agree until the interval holds a whole number.
    parts = []
    while math.ceil(low) > high:
        parts.append(math.floor(low))
        low, high = 1 / (high - parts[-1]), 1 / (low - parts[-1])
    result = Fraction(math.ceil(low))
    for whole in reversed(parts):
        result = whole + 1 / result
    return result


def is_simple(w: Fraction) -> bool:
    """Whether people would write it as a decimal of few digits or a small fraction."""
    if abs(w.numerator) >= _HUGE:
        return False
    return w.denominator <= _SIMPLE_DENOMINATOR or 10**_MOST_DECIMALS % w.denominator == 0


def _term(w: Fraction, name: str, *, first: bool, simple: bool) -> str:
    """One term of a relation, its sign in front."""
    sign = ("−" if w < 0 else "") if first else ("− " if w < 0 else "+ ")
    number = _number(abs(w), simple)
    if name == INTERCEPT:
        return sign + number
    return sign + (shown(name) if number == "1" else f"{number}·{shown(name)}")


def _number(w: Fraction, simple: bool) -> str:
    """A positive fraction as a decimal where that is finite and short, else as p/q; six digits if it is not simple."""
    if not simple:
        return f"{float(w):.6g}"
    if 10**_MOST_DECIMALS % w.denominator:
        return f"{w.numerator}/{w.denominator}"
    whole, part = divmod(w.numerator * (10**_MOST_DECIMALS // w.denominator), 10**_MOST_DECIMALS)
    return f"{whole}.{part:0{_MOST_DECIMALS}d}".rstrip("0").rstrip(".")


def _sizes(equations: NormalEquations) -> list[int]:
    """log₂‖a_j‖ of each column, to the next whole number."""
    return [e + h for e, h in zip(equations.e, equations.half, strict=True)]


def _log2(w: Fraction) -> int:
    """log₂|w| of a fraction that is not 0, to the next whole number or so."""
    return abs(w.numerator).bit_length() - w.denominator.bit_length()


def _fraction(number: Dyadic) -> Fraction:
    """A dyadic number as a fraction."""
    return number.mantissa * Fraction(2) ** number.exponent


def sentences(relations: Sequence[Relation], names: Sequence[str]) -> tuple[str, ...]:
    """All relations in words."""
    return tuple(relation.text(names) for relation in relations)


def remedy(relations: Sequence[Relation], names: Sequence[str]) -> str:
    """The options that leave the dependent columns out: ``--drop x4,x5``; the others are independent."""
    from shlex import quote

    dependent = [names[relation.column] for relation in relations]
    # A name with a comma in it would be split.
    alone = [name for name in dependent if "," in name]
    together = ",".join(name for name in dependent if "," not in name)
    return " ".join(f"--drop {quote(argument)}" for argument in [together, *alone] if argument)
