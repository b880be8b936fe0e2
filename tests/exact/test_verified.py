"""Doubles that prove what they say: the same bits as the integers wherever they answer, and no answer elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from lsq_cli.core.problem import About
from lsq_cli.exact.doubleinverse import DoubleInverse
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.limbform import LimbForm
from lsq_cli.exact.verified import Verified, largest_eigenpair
from lsq_cli.problems import summed
from lsq_cli.problems.summed import SummedProblem

STRUCTURES = ["spectrum", "integers", "simple", "zeros", "ties", "dependent", "units", "near", "consistent", "decimals"]


@pytest.fixture(autouse=True)
def every_size(monkeypatch):
    """Doubles are asked for problems of any size."""
    monkeypatch.setattr(summed, "LEAST_VERIFIED", 1)


def sample(seed):
    """A (m, n), b (m, p), weights, ridge and intercept of a random problem of some structure."""
    rng = np.random.default_rng(seed)
    structure = STRUCTURES[seed % len(STRUCTURES)]
    n, p = int(rng.integers(1, 25 if seed % 7 else 61)), int(rng.integers(1, 3))
    m = n + int(rng.integers(2, 2 * n + 10))
    A, x = rng.standard_normal((m, n)), rng.standard_normal((n, p))
    noise = 10.0 ** rng.uniform(-12, 1) * rng.standard_normal((m, p))
    if structure == "spectrum":
        U, V = np.linalg.qr(A)[0], np.linalg.qr(rng.standard_normal((n, n)))[0]
        A = (U * 10.0 ** -np.linspace(0, rng.uniform(0, 14), n)) @ V
    elif structure in ("integers", "simple", "zeros", "ties"):
        A = rng.integers(-9, 10, (m, n)).astype(float)
        x = rng.integers(-9, 10, (n, p)).astype(float)
        if structure == "zeros":
            x[rng.random(n) < 0.5] = 0.0
        if structure == "ties":
            x[0] = 1.0 + 2.0**-53
        noise = rng.integers(-9, 10, (m, p)) * (structure == "integers")
    elif structure == "dependent" and n > 1:
        A[:, -1] = A[:, :-1].sum(axis=1) if seed % 2 else A[:, 0]
    elif structure == "units":
        A = A * 10.0 ** rng.integers(-100, 101, n)
        x = np.ones((n, p)) / np.abs(A).max(axis=0)[:, None]
    elif structure == "near" and n > 1:
        A[:, -1] = A[:, 0] + 10.0 ** rng.uniform(-14, 0) * rng.standard_normal(m)
    elif structure == "consistent":
        noise = 0.0
    elif structure == "decimals":
        A = np.round(100 * A, 2)
    b = A @ x + noise
    weights = rng.choice([0.0, 0.5, 1.0, 3.7], m) if rng.random() < 0.3 else None
    return A, b, weights, float(rng.choice([0.0, 0.0, 0.1, 3.0, 1e-12])), bool(rng.random() < 0.3)


def problems(A, b, weights=None, ridge=0.0, intercept=False):
    """The same problem twice: with doubles, and by integers alone."""
    n, p = A.shape[1] + intercept, b.shape[1]
    sums = ExactSums(n, p, intercept)
    sums.add(A, b, weights)
    about = About(tuple(f"x{i}" for i in range(n)), tuple(f"y{t}" for t in range(p)))
    quick, slow = SummedProblem(about, sums, ridge), SummedProblem(about, sums, ridge)
    slow.verified = None  # a cached property
    return quick, slow


@pytest.mark.parametrize("first", range(0, 500, 25))
def test_x_f_norms_and_rank_are_the_same_bits_and_digits_no_more(first):
    for seed in range(first, first + 25):
        quick, slow = problems(*sample(seed))

        assert quick.rank == slow.rank, seed
        assert quick.x.tobytes() == slow.x.tobytes(), seed
        assert (quick.dependencies(), quick.columns.affected) == (slow.dependencies(), slow.columns.affected), seed
        for x in (quick.x, np.zeros_like(quick.x), quick.x * (1 + 1e-9)):
            assert quick.value_at(x) == slow.value_at(x), seed
            if slow.is_regular:
                assert quick.digits(x) <= slow.digits(x), seed
        if slow.is_regular:
            assert quick.data_digits <= slow.data_digits, seed
            assert quick.data_digits > slow.data_digits - 0.05, seed
            assert quick.condition is None or quick.condition == pytest.approx(slow.condition, rel=1e-9), seed


def test_well_conditioned_problems_need_no_integers():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((120, 40))
    quick, _ = problems(A, A @ rng.standard_normal((40, 2)) + rng.standard_normal((120, 2)), ridge=0.25, intercept=True)

    assert quick.verified.solution is not None
    assert quick.x.shape == (41, 2) and quick.digits(quick.x) > 15 and quick.condition > 1
    assert "equations" not in vars(quick)


def test_exact_coefficients_are_proved_by_putting_them_in():
    A = np.random.default_rng(1).integers(-9, 10, (80, 40)).astype(float)
    x = np.arange(40.0)[:, None] % 3
    quick, _ = problems(A, A @ x)

    assert quick.verified.solution is not None
    assert (quick.x == x).all()
    assert quick.value_at(quick.x).residual_norm == 0.0


def test_columns_that_depend_exactly_need_no_integers():
    rng = np.random.default_rng(2)
    A = rng.integers(-9, 10, (50, 12)).astype(float)
    A[:, 9], A[:, 4], A[:, 11] = A[:, 3], 2 * A[:, 1] - A[:, 0] / 4, A[:, 3] + A[:, 5] / 8
    quick, slow = problems(A, rng.standard_normal((50, 2)), intercept=True)

    assert quick.rank == 10 and quick.digits(quick.x) == 15.9
    assert "equations" not in vars(quick)
    assert quick.dependencies() == slow.dependencies()
    assert quick.columns == slow.columns
    assert quick.x.tobytes() == slow.x.tobytes()


def test_columns_that_depend_but_for_rounding_are_left_to_the_integers():
    A = np.random.default_rng(2).standard_normal((50, 10))
    A[:, 9] = A[:, 3] + A[:, 4]
    quick, _ = problems(A, A[:, :1])

    assert quick.verified is None
    assert quick.rank == 9


def test_the_bound_on_the_inverse_holds():
    rng = np.random.default_rng(3)
    A = rng.standard_normal((60, 30)) * 10.0 ** -np.linspace(0, 4, 30)
    sums = ExactSums(30, 1)
    sums.add(A, A[:, :1] + 1.0)
    form = LimbForm.of(sums)
    inverse = DoubleInverse.of(form)

    assert np.linalg.norm(np.linalg.inv(form.scaled()), 2) <= inverse.beta
    assert inverse.alpha < 0.5


def test_products_with_limbs_are_those_of_the_integers():
    rng = np.random.default_rng(4)
    sums = ExactSums(5, 2)
    for scale in (1.0, 1e-20, 1e12):
        sums.add(scale * rng.standard_normal((30, 5)), rng.standard_normal((30, 2)))
    N, e = sums.integers()
    form = LimbForm.of(sums)
    z = np.array([[int(v) for v in row] for row in rng.integers(-(2**62), 2**62, (7, 3))], dtype=object)
    z *= 12345678901234567890**3

    unit = np.full((7, 7), 0, dtype=object)
    np.fill_diagonal(unit, 1)
    held = form.times(unit)
    for i, j in np.ndindex(7, 7):
        # The units of the two differ by powers of two.
        assert held[i, j] * 2 ** (form.e[i] + form.e[j] + 900) == N[i, j] * 2 ** (e[i] + e[j] + 900)
    assert (form.times(z) == held @ z).all()


def test_the_largest_eigenpair_is_that_of_lapack():
    rng = np.random.default_rng(5)
    for n in (1, 2, 30, 150):
        A = rng.standard_normal((n + 1, n))
        value, vector = largest_eigenpair(A.T @ A)

        assert value == pytest.approx(np.linalg.eigvalsh(A.T @ A)[-1], rel=1e-12)
        np.testing.assert_allclose(A.T @ (A @ vector), value * vector, atol=1e-6 * value)
    assert Verified.of(ExactSums(1, 1), 0.0, 1e-15) is None
