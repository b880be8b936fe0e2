"""The linear reference sets of NIST, solved here and compared digit by digit.

Two measures, in digits, −log₁₀ of the relative error (of the error itself where the right value is 0), at most 15.9:

- against the exact answer for the doubles: x is rounded correctly, so every coefficient has all 15.9;
- against the certified values, for x, standard errors, σ and R². These belong to the data in decimals, which no
  program reading doubles ever sees, and are printed to 15 digits. How many of them the exact answer for the doubles
  has, rounded down, stands with each set as its mark: 13 to 15, and all where the data are integers.

A set has passed when it reaches every mark. Data, certified values and marks are in ``nist/nist.json``.

Source: NIST Statistical Reference Datasets, Linear Least Squares; McCullough, *The American Statistician* 52 (1998),
for the measure.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.core.solution import ALL_DIGITS
from lsq_cli.problems.statistics import statistics_of
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.sources.opening import open_python

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lsq_cli.core.solution import Array
    from lsq_cli.problems.summed import SummedProblem

DATA = Path(__file__).parent / "nist" / "nist.json"
CERTIFIED = ("x", "std_error", "residual_std", "r_squared")


@dataclass(frozen=True)
class Reference:
    """One set: the problem, what is known of its answer, and the marks to reach.

    Attributes
    ----------
    A : ndarray, shape (m, n), or (m, n − 1) with an intercept
    b : ndarray, shape (m,)
    certified : mapping
        For each of `CERTIFIED` the values that NIST publishes.
    exact : tuple of Fraction, length n
        The least-squares solution of A and b as they are in doubles, to 25 digits.
    marks : mapping
        For each of `CERTIFIED` the digits that must agree.
    """

    name: str
    model: str
    level: str
    intercept: bool
    A: Array
    b: Array
    certified: Mapping[str, tuple[Fraction, ...]]
    exact: tuple[Fraction, ...]
    marks: Mapping[str, float]


@dataclass(frozen=True)
class Check:
    """The digits that were reached on one set; keys are ``exact`` and those of `CERTIFIED`."""

    name: str
    model: str
    level: str
    rows: int
    columns: int
    digits: Mapping[str, float]
    marks: Mapping[str, float]

    @property
    def failures(self) -> tuple[str, ...]:
        """The keys whose mark was not reached."""
        return tuple(key for key, mark in self.marks.items() if not self.digits[key] >= mark)

    @property
    def passed(self) -> bool:
        """Whether every mark was reached."""
        return not self.failures


def references() -> list[Reference]:
    """The sets that the package carries."""
    return [_reference(entry) for entry in json.loads(DATA.read_text(encoding="utf-8"))["sets"]]


def check(reference: Reference) -> Check:
    """Solve one set and count digits."""
    problem = read_problem(open_python(reference.A, reference.b), ProblemOptions(reference.intercept))
    found = _found(problem)
    digits = {"exact": _worst(found["x"], reference.exact)}
    digits |= {key: _worst(found[key], reference.certified[key]) for key in CERTIFIED}
    return Check(
        name=reference.name,
        model=reference.model,
        level=reference.level,
        rows=problem.about.rows,
        columns=len(problem.about.names),
        digits=digits,
        marks={"exact": ALL_DIGITS, **reference.marks},
    )


def correct_digits(found: float, right: Fraction) -> float:
    """Digits of a double that agree with the right value, 0–15.9."""
    if not math.isfinite(found):
        return 0.0
    error = abs(Fraction(found) - right) / (abs(right) or 1)
    # Apart, for a fraction of long integers may be too small for a double.
    return (
        min(ALL_DIGITS, max(0.0, math.log10(error.denominator) - math.log10(error.numerator))) if error else ALL_DIGITS
    )


def _reference(entry: Mapping[str, Any]) -> Reference:
    """One set from its JSON object."""
    # A power of a decimal, rounded once to a double like the data themselves.
    A = [
        [float(Fraction(value) ** power) for value in column]
        for column in entry["columns"].values()
        for power in range(1, entry["degree"] + 1)
    ]
    certified = {key: entry["certified"][key] for key in CERTIFIED}
    return Reference(
        name=entry["name"],
        model=entry["model"],
        level=entry["difficulty"],
        intercept=entry["intercept"],
        A=np.array(A, dtype=np.float64).T,
        b=np.array(entry["y"], dtype=np.float64),
        certified={key: _fractions(texts) for key, texts in certified.items()},
        exact=_fractions(entry["exact"]),
        marks=entry["marks"],
    )


def _fractions(texts: str | Sequence[str]) -> tuple[Fraction, ...]:
    """One published number or several, exactly."""
    return tuple(map(Fraction, [texts] if isinstance(texts, str) else texts))


def _found(problem: SummedProblem) -> dict[str, list[float]]:
    """What was computed, under the keys of `CERTIFIED`."""
    found = statistics_of(problem, probabilities=False)[0]
    statistics = found._asdict() | {"residual_std": found.sigma}
    x = {"x": problem.x[:, 0].tolist()}
    return x | {key: np.atleast_1d(statistics[key]).tolist() for key in CERTIFIED[1:]}


def _worst(found: Iterable[float], right: Iterable[Fraction]) -> float:
    """The digits of the worst of several numbers."""
    return min(correct_digits(f, r) for f, r in zip(found, right, strict=True))
