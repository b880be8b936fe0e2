"""Gradient descent: the iterates of the textbook, the verdicts, and a forecast that holds."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from lsq_cli.methods.gd import Descent, GradientDescent
from lsq_cli.methods.stopping import Limits
from lsq_cli.quadratic import DoubleSums, Quadratic
from lsq_cli.solution import Outcome


def problem(kappa=10.0, seed=0, m=60, n=8, p=1, scale=1.0):
    """A (m, n) with singular values from 1 to 1/κ, b (m, p) with a residual."""
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((size, n)))[0] for size in (m, n))
    A = (U * np.logspace(0, -math.log10(kappa), n)) @ V.T
    return A * scale, A @ rng.standard_normal((n, p)) + 0.1 * rng.standard_normal((m, p))


def quadratic(A, b):
    sums = DoubleSums(A.shape[1], b.shape[1])
    sums.add(A, b)
    return Quadratic(sums)


def run(A, b, **asked):
    """All iterates and the outcome."""
    limits = Limits(**{key: asked.pop(key) for key in ("tol", "max_iter", "time_limit") if key in asked})
    method = GradientDescent(quadratic(A, b), Descent(limits=limits, **asked))
    rows, generator = [], method.iterates()
    while True:
        try:
            rows.append(next(generator))
        except StopIteration as stop:
            return method, rows, stop.value


def gradient(A, b, x):
    return A.T @ (A @ x.reshape(A.shape[1], -1) - b)


def test_constant_makes_the_iterates_of_the_textbook_loop():
    A, b = problem()
    _, rows, _ = run(A, b, learning_rate=0.7, max_iter=30, tol=0)
    x = np.zeros((8, 1))
    for row in rows:
        np.testing.assert_allclose(row.x, x[:, 0], rtol=1e-11)
        x -= 0.7 * gradient(A, b, x)


@pytest.mark.parametrize("step", ["constant", "exact"])
@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170])
def test_the_gradient_norm_asked_for_is_reached_in_the_data(step, scale):
    A, b = problem(scale=scale)
    _, rows, outcome = run(A, b, step=step, tol=1e-6)
    x = rows[-1].x * scale

    assert outcome is Outcome.CONVERGED
    assert np.linalg.norm(gradient(A / scale, b, x)) <= 1.01e-6 * np.linalg.norm((A / scale).T @ b)


@pytest.mark.parametrize("step", ["constant", "exact"])
def test_every_number_of_an_iterate_is_that_of_its_x(step):
    A, b = problem(p=1)
    _, rows, _ = run(A, b, step=step, max_iter=20)
    for row in rows:
        r = A @ row.x - b[:, 0]

        assert row.objective == pytest.approx(0.5 * r @ r, rel=1e-12)
        assert row.residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-12)
        assert row.gradient_norm == pytest.approx(np.linalg.norm(A.T @ r), rel=1e-10)


def test_exact_takes_the_minimum_along_the_gradient():
    A, b = problem()
    _, rows, _ = run(A, b, step="exact", max_iter=10)
    for before, after in pairwise(rows):
        d = gradient(A, b, before.x)[:, 0]

        assert abs(d @ gradient(A, b, after.x)[:, 0]) <= 1e-12 * (d @ d)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("step", ["constant", "exact"])
def test_f_never_rises_but_by_rounding(step, seed):
    A, b = problem(kappa=30.0, seed=seed)
    _, rows, _ = run(A, b, step=step, max_iter=2000)
    allowed = 8 * 2.0**-53 * float(b[:, 0] @ b[:, 0])

    assert all(after.objective <= before.objective + allowed for before, after in pairwise(rows))


@pytest.mark.parametrize("kappa", [3.0, 30.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_forecast_of_constant_is_the_count_and_that_of_exact_within_a_factor_of_two(kappa, seed):
    A, b = problem(kappa=kappa, seed=seed)
    constant, rows, _ = run(A, b)

    assert constant.forecast == pytest.approx(rows[-1].k, rel=0.01, abs=1)

    exact, rows, _ = run(A, b, step="exact")

    assert rows[-1].k / 2 <= exact.forecast <= rows[-1].k * 2


def test_a_rate_above_the_stable_one_is_announced_and_ends_diverged_at_the_least_iterate():
    A, b = problem()
    method, rows, outcome = run(A, b, learning_rate=2.1)

    assert outcome is Outcome.DIVERGED
    assert "above 2/λmax = 2" in method.warnings[0]
    assert rows[-1].objective > 10 * rows[0].objective
    least = min(rows, key=lambda row: row.objective)
    np.testing.assert_array_equal(method.final(rows[-1]), least.x)
    assert "try a --learning-rate below 2" in method.advice(outcome, rows[-1].k)


def test_a_rate_so_large_that_numbers_overflow_diverges_too():
    A, b = problem()
    with np.errstate(over="ignore", invalid="ignore"):
        _, rows, outcome = run(A, b, learning_rate=1e300)

    assert outcome is Outcome.DIVERGED
    assert len(rows) < 5


def test_the_largest_stable_rate_is_two_over_the_largest_eigenvalue():
    A, b = problem()
    method, _, _ = run(A * 3.0, b, max_iter=0)

    assert method.facts()["largest_stable_rate"] == pytest.approx(2 / 9, rel=1e-12)
    assert method.facts()["learning_rate"] == pytest.approx(1 / 9, rel=1e-12)


def test_the_limit_on_steps_ends_the_run_with_advice():
    A, b = problem(kappa=100.0)
    method, rows, outcome = run(A, b, max_iter=50)

    assert outcome is Outcome.MAX_ITERATIONS
    assert rows[-1].k == 50
    assert "--method normal" in method.advice(outcome, 50)
    assert "--max-iter is 50" in method.warnings[0]


def test_the_limit_on_time_ends_the_run():
    A, b = problem(kappa=1000.0)
    _, _, outcome = run(A, b, time_limit=0.05, max_iter=10**9)

    assert outcome is Outcome.TIME_LIMIT


def test_a_start_at_the_solution_is_not_moved_from_and_is_not_changed():
    A, b = problem()
    x0 = np.linalg.lstsq(A, b, rcond=None)[0][:, 0]
    copy = x0.copy()
    _, rows, outcome = run(A, b, x0=x0)

    assert outcome is Outcome.CONVERGED
    assert len(rows) == 1
    np.testing.assert_array_equal(x0, copy)


def test_no_target_depends_on_those_beside_it():
    A, b = problem(p=3)
    _, rows, _ = run(A, b, step="exact")
    for t in range(3):
        _, alone, _ = run(A, b[:, [t]], step="exact")

        np.testing.assert_array_equal(rows[-1].x[:, t], alone[-1].x)
        np.testing.assert_array_equal(rows[3].x[:, t], alone[3].x)


def test_norms_of_several_targets_are_frobenius_norms():
    A, b = problem(p=2)
    _, rows, _ = run(A, b, max_iter=4)
    r = A @ rows[4].x - b

    assert rows[4].x.shape == (8, 2)
    assert rows[4].residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-12)
    assert rows[4].gradient_norm == pytest.approx(np.linalg.norm(A.T @ r), rel=1e-10)


def test_a_zero_matrix_converges_at_once():
    _, rows, outcome = run(np.zeros((4, 2)), np.ones((4, 1)))

    assert outcome is Outcome.CONVERGED
    assert len(rows) == 1
