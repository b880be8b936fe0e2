"""The second stage: badly conditioned problems in doubles, with a bound that holds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lsq_cli.core.problem import About
from lsq_cli.exact import staged
from lsq_cli.exact.doubleinverse import DoubleInverse
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.limbform import LimbForm
from lsq_cli.exact.staged import Limbs, StagedInverse
from lsq_cli.problems.summed import SummedProblem


def spectrum(n: int, condition: float, seed: int = 0) -> np.ndarray:
    """A (3n, n) of this condition."""
    rng = np.random.default_rng(seed)
    U, V = np.linalg.qr(rng.standard_normal((3 * n, n)))[0], np.linalg.qr(rng.standard_normal((n, n)))[0]
    return (U * np.logspace(0, -np.log10(condition), n)) @ V.T


def problem(A: np.ndarray) -> SummedProblem:
    sums = ExactSums(A.shape[1], 1)
    sums.add(A, A.sum(axis=1, keepdims=True) + 1.0)
    return SummedProblem(About(tuple(f"x{i}" for i in range(A.shape[1])), ("y",)), sums)


@pytest.mark.parametrize("condition", [1e8, 1e10, 1e12])
def test_a_badly_conditioned_problem_needs_no_integers_for_x(condition):
    quick, slow = problem(spectrum(40, condition)), problem(spectrum(40, condition))
    slow.verified = None  # a cached property

    assert quick.verified is not None and quick.verified.staged
    assert quick.x.tobytes() == slow.x.tobytes()
    assert "equations" not in vars(quick)
    assert (quick.rank, quick.value_at(quick.x)) == (slow.rank, slow.value_at(slow.x))
    assert slow.data_digits - 0.05 < quick.data_digits <= slow.data_digits
    assert quick.condition == pytest.approx(slow.condition, rel=1e-9)
    for x in (quick.x, quick.x * (1 + 1e-12), 0 * quick.x):
        assert quick.digits(x) <= slow.digits(x)


def test_the_bound_on_the_inverse_holds():
    form = LimbForm.of(problem(spectrum(12, 1e9) * 10.0 ** np.arange(12)).sums)
    inverse = StagedInverse.of(form)
    unit = np.full((13, 12), 0, dtype=object)
    np.fill_diagonal(unit, 1)
    N, n = form.times(unit)[:12], 12
    # S⁻¹ by Gauss in rationals.
    rows = [
        [Fraction(int(N[i, j])) / 2 ** (form.half[i] + form.half[j]) for j in range(n)]
        + [Fraction(i == j) for j in range(n)]
        for i in range(n)
    ]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [u - rows[k][i] * v for u, v in zip(rows[k], rows[i], strict=True)]
    exact = [row[n:] for row in rows]

    assert DoubleInverse.of(form) is None and inverse.alpha < 1e-6
    assert max(sum(map(abs, row)) for row in exact) <= Fraction(inverse.beta)
    for row, found, error in zip(exact, inverse.R.tolist(), inverse.errors.tolist(), strict=True):
        assert sum(abs(v - Fraction(u)) for v, u in zip(row, found, strict=True)) <= Fraction(error)


@pytest.mark.parametrize("room", [1, 1 << 40])
def test_the_product_is_that_of_integers(room, monkeypatch):
    monkeypatch.setattr(staged, "_ROOM", room)
    form = LimbForm.of(problem(spectrum(9, 1e6, seed=2) * 2.0 ** np.arange(9)).sums)
    half = np.array(form.half[:9])
    first = Limbs.of(np.random.default_rng(1).standard_normal((9, 9)), 3)
    found = staged._product(first, form, half - half.min(), int(half.min()))
    unit = np.full((10, 9), 0, dtype=object)
    np.fill_diagonal(unit, 1)
    N, left = form.times(unit)[:9], first.doubles()

    for i in range(9):
        exact = [
            sum(Fraction(left[i, k]) * int(N[k, j]) for k in range(9)) / 2 ** int(half[j] + half.min())
            for j in range(9)
        ]
        wrong = [
            abs(v - Fraction(u)) - abs(Fraction(u)) / 2**51
            for v, u in zip(exact, found.values[i].tolist(), strict=True)
        ]
        assert sum(max(w, Fraction(0)) for w in wrong) <= Fraction(found.missed[i])


def test_singular_sums_are_left_to_the_integers():
    A = spectrum(20, 10.0)
    A[:, 19] = A[:, 3]

    assert StagedInverse.of(LimbForm.of(problem(A).sums)) is None
    assert problem(A).rank == 19
