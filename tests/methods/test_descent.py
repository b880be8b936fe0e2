"""Gradient descent: the iterates of the textbook, the verdicts, and a forecast that holds."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from descent_problems import descent, gradient, problem, run
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.solution import Outcome
from lsq_cli.methods import RULES

MONOTONE = ("constant", "exact")


def test_constant_makes_the_iterates_of_the_textbook_loop():
    A, b = problem()
    _, rows, _ = run(A, b, learning_rate=0.7, max_iter=30, tol=0)
    x = np.zeros((8, 1))
    for row in rows:
        np.testing.assert_allclose(row.x, x[:, 0], rtol=1e-11)
        x -= 0.7 * gradient(A, b, x)


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170])
def test_the_gradient_norm_asked_for_is_reached_in_the_data(step, scale):
    A, b = problem(scale=scale)
    _, rows, outcome = run(A, b, step=step, tol=1e-6)
    x = rows[-1].x * scale

    assert outcome is Outcome.CONVERGED
    assert np.linalg.norm(gradient(A / scale, b, x)) <= 1.01e-6 * np.linalg.norm((A / scale).T @ b)


@pytest.mark.parametrize("step", RULES)
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


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.sampled_from(MONOTONE),
    kind=st.sampled_from(["plain", "scaled", "shifted", "far"]),
    share=st.floats(0.01, 1.0),
)
def test_f_never_rises_but_by_rounding(seed, step, kind, share):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    A = rng.standard_normal((n + int(rng.integers(0, 50)), n))
    A = {"scaled": A * np.exp(2 * rng.standard_normal(n)), "shifted": A + 100 * rng.random(n)}.get(kind, A)
    b = A @ rng.standard_normal(n) + rng.choice([0.0, 1.0]) * rng.standard_normal(len(A))
    rate = share / np.linalg.norm(A, 2) ** 2 if step == "constant" else None
    x0 = 10 * rng.standard_normal(n) if kind == "far" else None
    _, rows, _ = run(A, b, step=step, learning_rate=rate, x0=x0, tol=0, max_iter=500)
    allowed = 8 * 2.0**-53 * float(b @ b)

    assert all(after.objective <= before.objective + allowed for before, after in pairwise(rows))


@pytest.mark.parametrize("step", RULES)
def test_what_doubles_can_not_give_is_told_and_the_best_point_returned(step):
    A, b = problem(seed=3)
    method, rows, outcome = run(A, b, step=step, tol=1e-18, max_iter=20_000)
    smallest = min(row.gradient_norm for row in rows)
    c_norm = np.linalg.norm(A.T @ b)

    assert outcome is Outcome.STAGNATED
    assert smallest <= 1e-15 * c_norm
    np.testing.assert_array_equal(method.final(rows[-1]), next(row.x for row in rows if row.gradient_norm == smallest))
    advice = method.advice(outcome, rows[-1].k)
    tol = float(advice.split("--tol ")[1].split()[0])
    assert "rounding keeps it from shrinking" in advice
    assert smallest <= tol * c_norm <= 10.0001 * smallest
    assert run(A, b, step=step, tol=tol, max_iter=20_000)[2] is Outcome.CONVERGED


@pytest.mark.parametrize("share", [1.0, 1.9, 2.0])
def test_a_stable_rate_never_ends_diverged(share):
    A, b = problem(kappa=3.0)
    _, _, outcome = run(A, b, learning_rate=share / np.linalg.norm(A, 2) ** 2 * (1 - 1e-12), tol=0, max_iter=3000)

    assert outcome in (Outcome.STAGNATED, Outcome.MAX_ITERATIONS)


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
    assert "--max-iter is 50; --step cg needs at most 16, --method normal 1" in method.warnings[0]
    assert method.advice(outcome, 50).endswith("needed; try --step cg or --method normal")


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


@pytest.mark.parametrize("step", RULES)
def test_a_start_in_the_null_space_stays_there_and_is_told_of(step):
    A, b = problem(n=4)
    A = np.hstack([A, A[:, [0]]])
    null = np.array([1.0, 0, 0, 0, -1.0])
    _, from_zero, _ = run(A, b, step=step)
    method, rows, outcome = run(A, b, step=step, x0=3 * null)

    assert outcome is Outcome.CONVERGED
    np.testing.assert_allclose(rows[-1].x, from_zero[-1].x + 3 * null, rtol=0, atol=1e-5)
    assert method.choice == "x keeps the part of x0 in the null space of A, which no gradient touches"
    assert descent(A, b, step=step).choice == "x is the solution of least norm"
    assert descent(A, b, step=step, x0=from_zero[-1].x).choice == "x is the solution of least norm"


def test_the_best_rule_gets_no_other_one_recommended():
    A, b = problem()
    method, rows, outcome = run(A, b, step="cg", max_iter=3, tol=1e-14)

    assert outcome is Outcome.MAX_ITERATIONS
    assert method.warnings == ["at most 16 steps needed, --max-iter is 3; --method normal needs 1"]
    assert method.advice(outcome, rows[-1].k) == "3 steps done, at most 16 needed; try --method normal"


def test_a_forecast_that_is_refuted_is_not_repeated():
    A, b = problem()
    method, _, outcome = run(A, b, max_iter=5)

    assert ", about 1400 needed" in method.advice(outcome, 5)
    assert method.advice(outcome, 10**9) == "1000000000 steps done; try --method normal"


def test_no_number_of_steps_reaches_a_tolerance_of_zero():
    A, b = problem()
    method, _, outcome = run(A, b, max_iter=5, tol=0)

    assert method.advice(outcome, 5) == "5 steps done, no number is enough; try --method normal"
    assert method.warnings == []


def test_large_numbers_of_steps_are_short():
    A, b = problem(kappa=1e6)
    method = descent(A, b)

    assert method.warnings[0].startswith(f"about {method.forecast:.2g} steps needed".replace("e+", "e"))
    assert 1e12 < method.forecast < 1e15


def test_the_largest_stable_rate_that_is_told_is_stable():
    for seed in range(30):
        A, b = problem(seed=seed, n=3, m=9)
        rate = descent(A, b).facts()["largest_stable_rate"]
        method, _, outcome = run(A, b, learning_rate=rate, max_iter=300)

        assert method.warnings == ["no number of steps is enough; --step cg needs at most 6, --method normal 1"]
        assert outcome is Outcome.MAX_ITERATIONS


@pytest.mark.parametrize("step", RULES)
def test_a_start_beyond_the_range_of_doubles_is_told(step):
    A, b = problem()
    with np.errstate(over="ignore", invalid="ignore"):
        method, _, outcome = run(A, b, step=step, x0=np.full(8, 1e200))

    assert outcome is Outcome.DIVERGED
    assert "try a smaller --x0" in method.advice(outcome, 0)


def test_the_command_says_what_becomes_of_a_start_in_the_null_space(run_lsq):
    table = "x,y,b\n1,1,2\n2,2,3\n3,3,5\n"
    result = run_lsq("solve", "-m", "gd", "--x0", "2,-2", "-f", "json", stdin=table)

    assert "x keeps the part of x0 in the null space of A" in result.err
    assert result.json["x"][0] - result.json["x"][1] == pytest.approx(4.0)
    assert "x is the solution of least norm" in run_lsq("solve", "-m", "gd", "--x0", "2,2", stdin=table).err


def test_the_command_says_that_rounding_ends_a_run(run_lsq):
    longley = Path(__file__).parent.parent.parent / "sample_data" / "longley.csv"
    args = ["-t", "y", "--intercept", "-m", "gd", "--step", "nesterov", "--normalize", "--tol", "1e-18"]
    result = run_lsq("solve", longley, *args, "-f", "json")

    assert result.code == 3
    assert result.json["outcome"] == "stagnated"
    assert result.err.splitlines()[-1].startswith("lsq: stagnated: ")
