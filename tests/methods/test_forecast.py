"""The forecast: exact for `constant`, within a factor of two for `exact`, never exceeded for the others."""

from __future__ import annotations

import numpy as np
import pytest
from descent_problems import counting_problem, descent, finish, form, problem
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.solution import Outcome
from lsq_cli.methods import RULES
from lsq_cli.methods.forecast import Spectrum, largest_eigenvalue
from lsq_cli.methods.steps import rule_named


def forecast_and_count(A, b, **asked):
    method = descent(A, b, max_iter=10**6, **asked)
    rows, outcome = finish(method)

    assert outcome is Outcome.CONVERGED
    return method.forecast, rows[-1].k


def agrees(step, forecast, count):
    """Whether a forecast holds what it promises."""
    if rule_named(step).forecast_is_bound:
        return count <= forecast
    return count / 2 - 1 <= forecast <= 2 * count + 1


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("seed", range(20))
def test_it_holds_at_a_condition_of_10(step, seed):
    A, b, _ = counting_problem(10, seed)
    forecast, count = forecast_and_count(A, b, step=step)

    assert agrees(step, forecast, count), (forecast, count)


@pytest.mark.parametrize(("step", "seeds"), [("constant", 1), ("exact", 3), ("bb", 20), ("nesterov", 10), ("cg", 20)])
def test_it_holds_at_a_condition_of_100(step, seeds):
    for seed in range(seeds):
        A, b, _ = counting_problem(100, seed)
        forecast, count = forecast_and_count(A, b, step=step)

        assert agrees(step, forecast, count), (seed, forecast, count)


@pytest.mark.parametrize("step", ["bb", "cg"])
def test_it_holds_at_a_condition_of_1000(step):
    for seed in range(4):
        A, b, _ = counting_problem(1000, seed)
        forecast, count = forecast_and_count(A, b, step=step)

        assert agrees(step, forecast, count), (seed, forecast, count)


def test_that_of_constant_is_the_count():
    for seed in range(5):
        A, b = problem(kappa=20.0, seed=seed)
        forecast, count = forecast_and_count(A, b, learning_rate=0.7)

        assert forecast == pytest.approx(count, abs=1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.sampled_from(RULES),
    tol=st.sampled_from([1e-2, 1e-5, 1e-11]),
    normalize=st.booleans(),
    ridge=st.sampled_from([0.0, 1e-2]),
)
def test_it_holds_for_random_problems_tolerances_starts_and_columns(seed, step, tol, normalize, ridge):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    A = rng.standard_normal((n + int(rng.integers(1, 30)), n)) * np.exp(0.5 * rng.standard_normal(n))
    if np.linalg.cond(A) > 100:
        return
    b = A @ rng.standard_normal(n) + rng.standard_normal(len(A))
    x0 = rng.standard_normal(n) if seed % 2 else None
    asked = {"ridge": ridge, "step": step, "tol": tol, "normalize": normalize, "x0": x0}
    forecast, count = forecast_and_count(A, b, **asked)

    assert agrees(step, forecast, count), (forecast, count)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 40),
    kappa=st.floats(1.01, 60.0),
    kind=st.sampled_from(["log", "even", "one small", "one large"]),
    step=st.sampled_from(RULES),
)
def test_it_holds_for_every_kind_of_spectrum(seed, n, kappa, kind, step):
    rng = np.random.default_rng(seed)
    values = {
        "log": np.geomspace(1 / kappa, 1, n),
        "even": np.linspace(1 / kappa, 1, n),
        "one small": np.append(1 / kappa, np.ones(n - 1)),
        "one large": np.append(np.full(n - 1, 1 / kappa), 1),
    }[kind]
    A = values[:, None] * np.linalg.qr(rng.standard_normal((n, n)))[0]
    forecast, count = forecast_and_count(A, A @ rng.standard_normal(n), step=step)

    assert agrees(step, forecast, count), (forecast, count)


@pytest.mark.parametrize("share", [0.01, 0.5, 1.2, 1.35])
def test_that_of_nesterov_holds_at_other_rates(share):
    for seed in range(5):
        A, b = problem(kappa=5.0, seed=seed)
        forecast, count = forecast_and_count(A, b, step="nesterov", learning_rate=share)

        assert count <= forecast <= 4 * count + 20


def test_the_bounds_are_of_some_use():
    A, b, _ = counting_problem(100, 0)
    forecasts = {step: forecast_and_count(A, b, step=step) for step in ("bb", "nesterov", "cg")}

    assert all(forecast <= 10 * count for forecast, count in forecasts.values()), forecasts


@pytest.mark.parametrize("step", RULES)
def test_a_start_that_is_good_enough_needs_no_step(step):
    A, b = problem()
    x = np.linalg.lstsq(A, b, rcond=None)[0]

    assert forecast_and_count(A, b, step=step, x0=x) == (0.0, 0)


@pytest.mark.parametrize("step", RULES)
def test_no_number_of_steps_makes_the_gradient_nothing(step):
    A, b = problem()

    assert descent(A, b, step=step, tol=0).forecast == np.inf


@pytest.mark.parametrize("step", ["constant", "nesterov"])
def test_an_unstable_rate_is_never_there(step):
    A, b = problem()

    assert descent(A, b, step=step, learning_rate=2.5).forecast == np.inf


def test_eigenvalues_that_are_rounding_are_nought():
    A, _ = problem(n=4)
    spectrum = Spectrum.of(np.hstack([A, A]).T @ np.hstack([A, A]))

    assert np.count_nonzero(spectrum.values) == 4
    assert spectrum.smallest == pytest.approx(0.02, rel=1e-9)
    assert spectrum.null_share(np.array([1.0, 0, 0, 0, -1, 0, 0, 0])) == pytest.approx(1)
    assert spectrum.null_share(np.array([1e200, 0, 0, 0, -1e200, 0, 0, 0])) == pytest.approx(1)
    assert spectrum.null_share(np.zeros(8)) == 0.0
    assert Spectrum.of(np.zeros((2, 2))).smallest == 0.0


@pytest.mark.parametrize("n", [1, 2, 30])
def test_the_largest_eigenvalue_is_found_without_the_matrix(n):
    A, b = problem(n=n, kappa=100.0)

    assert largest_eigenvalue(form(A, b).objective(0)) == pytest.approx(1.0, rel=1e-6)
    assert largest_eigenvalue(form(0 * A, b).objective(0)) == 0.0
