"""The step rules: how many steps they take, that they reach the solution, and what they do where numbers run out."""

from __future__ import annotations

import numpy as np
import pytest
from descent_problems import counting_problem, descent, form, gradient, problem, run

from lsq_cli.core.errors import UsageError
from lsq_cli.core.solution import Outcome
from lsq_cli.methods import RULES, RULES_WITH_RATE
from lsq_cli.methods.directions import directions_kept
from lsq_cli.methods.steps import rule_named
from lsq_cli.methods.steps.cg import ConjugateGradient
from lsq_cli.methods.steps.constant import Constant
from lsq_cli.methods.steps.nesterov import Nesterov

# Medians over 20 seeds of plain implementations, κ → rule → steps until ‖x − x*‖ ≤ 1e-8‖x*‖.
PLAIN = {
    (10, "constant"): 1628,
    (10, "exact"): 809,
    (10, "bb"): 113,
    (10, "nesterov"): 184,
    (10, "cg"): 24,
    (100, "bb"): 1417,
    (100, "nesterov"): 1910,
    (100, "cg"): 34,
    (1000, "cg"): 51,
}


def steps_to(A, b, x, step):
    """Steps until x is right to eight digits."""
    for row in descent(A, b, step=step, tol=0, max_iter=10**6).iterates():
        if np.linalg.norm(row.x - x) <= 1e-8 * np.linalg.norm(x):
            return row.k
    raise AssertionError(f"{step} ended before")


@pytest.mark.parametrize(("kappa", "step"), PLAIN)
def test_no_rule_takes_more_steps_than_a_plain_implementation(kappa, step):
    counts = [steps_to(*counting_problem(kappa, seed), step) for seed in range(7)]

    # 1.05 over 20 seeds (benchmarks/descent.py); the median of 7 scatters.
    assert np.median(counts) <= 1.15 * PLAIN[kappa, step]


def test_the_names_of_the_rules_are_those_of_the_classes():
    assert [rule_named(name).name for name in RULES] == list(RULES)
    assert {*RULES} >= {"constant", "exact", "bb", "nesterov", "cg"}
    assert {*RULES_WITH_RATE} < {*RULES}


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_every_rule_reaches_the_solution(step, ridge, seed):
    A, b = problem(kappa=20.0, seed=seed, p=2)
    _, rows, outcome = run(A, b, ridge=ridge, step=step, tol=1e-12, max_iter=10**6)
    stacked = np.vstack([A, np.sqrt(ridge) * np.eye(8)])

    assert outcome is Outcome.CONVERGED
    x = np.linalg.lstsq(stacked, np.vstack([b, np.zeros((8, 2))]), rcond=None)[0]
    np.testing.assert_allclose(rows[-1].x, x, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_rule_copes_with_columns_that_depend_on_each_other(step, n):
    A, b = problem(n=n)
    A = np.hstack([A, A])
    _, rows, outcome = run(A, b, step=step)

    assert outcome is Outcome.CONVERGED
    np.testing.assert_allclose(rows[-1].x, np.linalg.lstsq(A, b[:, 0], rcond=None)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("step", RULES)
def test_a_zero_matrix_and_a_zero_target_end_at_once(step):
    A, b = problem()

    assert len(run(np.zeros((4, 2)), np.ones((4, 1)), step=step)[1]) == 1
    assert len(run(A, 0 * b, step=step)[1]) == 1


@pytest.mark.parametrize("step", RULES)
def test_one_eigenvalue_takes_one_step_and_a_second_for_rounding(step):
    A = np.linalg.qr(np.random.default_rng(0).standard_normal((9, 4)))[0]
    _, rows, outcome = run(A, np.arange(9.0), step=step)

    assert outcome is Outcome.CONVERGED
    assert rows[-1].k <= 2


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("scale", [1e-160, 1e-30, 1e30, 1e160])
def test_a_common_unit_changes_nothing(step, scale):
    A, b = problem()
    _, plain, _ = run(A, b, step=step)
    _, rows, _ = run(A * scale, b, step=step)

    assert abs(rows[-1].k - plain[-1].k) <= 0.1 * plain[-1].k
    np.testing.assert_allclose(rows[-1].x * scale, plain[-1].x, rtol=1e-5)


def test_the_first_step_of_bb_is_exact_and_the_second_goes_as_far_as_the_first():
    A, b = problem()
    _, exact, _ = run(A, b, step="exact", max_iter=2)
    _, rows, _ = run(A, b, step="bb", max_iter=2)

    np.testing.assert_array_equal(rows[1].x, exact[1].x)
    # The secant over an exact step is the exact length of that step.
    assert rows[2].step_length == pytest.approx(rows[1].step_length, rel=1e-10)


def test_nesterov_makes_the_iterates_of_the_textbook():
    A, b = problem()
    largest, smallest = np.linalg.norm(A, 2) ** 2, np.linalg.norm(A, -2) ** 2
    root = np.sqrt(smallest / largest)
    theta = (1 - root) / (1 + root)
    _, rows, _ = run(A, b, step="nesterov", max_iter=40, tol=0)
    before = x = np.zeros((8, 1))
    for row in rows:
        np.testing.assert_allclose(row.x, x[:, 0], rtol=1e-9)
        y = x + theta * (x - before)
        before, x = x, y - gradient(A, b, y) / largest


def test_without_the_smallest_eigenvalue_nesterov_restarts_and_is_nearly_as_fast():
    A, b, x = counting_problem(100, 0)
    objective = form(A, b[:, None]).objective(0)
    rule = Nesterov(1.0, 1.0)
    at, length = rule.direction.at, rule.length.along
    z, k = np.zeros(20), 0
    while np.linalg.norm(z - x) > 1e-8 * np.linalg.norm(x):
        g = objective.value_and_gradient(z)[1]
        d = at(z, g)
        z = z - length(objective, z, g, d) * d
        k += 1

    assert k <= 2 * 1910


def test_nesterov_says_which_rates_are_stable_and_is_right():
    A, b = problem()
    method, _, _ = run(A, b, step="nesterov", max_iter=0)
    largest = method._rules[0].largest_rate

    assert 4 / 3 < largest < 2
    assert run(A, b, step="nesterov", learning_rate=0.98 * largest, max_iter=3000)[2] is Outcome.CONVERGED
    method, _, outcome = run(A, b, step="nesterov", learning_rate=1.02 * largest, max_iter=3000)
    assert outcome is Outcome.DIVERGED
    assert "the largest stable one: f will grow without bound" in method.warnings[0]
    assert "--learning-rate below 1." in method.advice(outcome, 30)


def test_directions_of_cg_are_conjugate_as_long_as_they_are_kept():
    A, b = problem(kappa=1e4, n=30)
    rule, objective = ConjugateGradient(30), form(A, b).objective(0)
    x, directions = np.zeros(30), []
    for _ in range(20):
        g = objective.value_and_gradient(x)[1]
        d = rule.direction.at(x, g).copy()
        directions.append(d / np.sqrt(objective.curvature(d)))
        x = x - rule.length.along(objective, x, g, d) * d
    D = np.array(directions)

    assert np.abs(D @ objective.G @ D.T - np.eye(20)).max() <= 1e-6


@pytest.mark.parametrize("kappa", [1e2, 1e5, 1e7])
def test_cg_ends_after_as_many_steps_as_unknowns_whatever_the_condition(kappa):
    A, b = problem(kappa=kappa, m=130, n=100)
    _, rows, outcome = run(A, b, step="cg")

    assert outcome is Outcome.CONVERGED
    assert rows[-1].k <= 110


def test_cg_keeps_few_directions_of_very_many_unknowns():
    assert [directions_kept(n) for n in (1, 2048, 4096, 10**6, 10**8)] == [1, 2048, 1024, 4, 1]


def test_cg_with_few_directions_still_gets_there(monkeypatch):
    monkeypatch.setattr("lsq_cli.methods.directions._KEPT_NUMBERS", 60)
    A, b = problem(kappa=20.0, n=20)
    _, rows, outcome = run(A, b, step="cg", tol=1e-10)

    assert directions_kept(20) == 3
    assert outcome is Outcome.CONVERGED
    assert rows[-1].k <= 100


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("rule", [Constant, Nesterov])
def test_a_learning_rate_is_a_positive_number(rule, rate):
    with pytest.raises(UsageError, match="the learning rate must be a positive number"):
        rule(rate, 1.0)
