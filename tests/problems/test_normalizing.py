"""`--normalize`: descent in columns of length 1, centred beside an intercept; all that is reported is the user's."""

from __future__ import annotations

import numpy as np
import pytest
from descent_problems import gradient

from lsq_cli import solve
from lsq_cli.core.errors import LsqError
from lsq_cli.core.solution import Outcome
from lsq_cli.methods import RULES


def table(seed=0, m=50, n=4, p=1):
    """A with columns of very different units and offsets, and b."""
    rng = np.random.default_rng(seed)
    A = (rng.standard_normal((m, n)) + np.arange(n)) * 10.0 ** rng.integers(-5, 6, n)
    return A, A @ (rng.standard_normal((n, p)) / np.linalg.norm(A, axis=0)[:, None]) + 0.1 * rng.standard_normal((m, p))


def by_hand(A, b, intercept, ridge):
    """The textbook's descent in normalised columns: iterates as x in the user's units."""
    m, n = A.shape
    means = A.mean(axis=0) if intercept else np.zeros(n)
    lengths = np.linalg.norm(A - means, axis=0)
    M = (A - means) / lengths
    penalty = ridge / lengths**2
    if intercept:
        M, penalty = np.hstack([np.full((m, 1), m**-0.5), M]), np.append(0.0, penalty)
    H = M.T @ M + np.diag(penalty)
    rate, z = 1.0 / np.linalg.norm(H, 2), np.zeros(M.shape[1])
    while True:
        slopes = z[intercept:] / lengths
        yield np.append(z[0] / np.sqrt(m) - means @ slopes, slopes) if intercept else slopes
        z = z - rate * (H @ z - M.T @ b[:, 0])


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 2.0])
@pytest.mark.parametrize("precision", ["extended", "double"])
def test_the_iterates_are_those_of_descent_in_normalised_columns(intercept, ridge, precision):
    A, b = table()
    options = {"intercept": intercept, "ridge": ridge, "precision": precision, "tol": 0, "max_iter": 30}
    solution = solve(A, b, method="gd", normalize=True, iterates=True, **options)
    for row, x in zip(solution.iterates, by_hand(A, b, intercept, ridge), strict=False):
        np.testing.assert_allclose(row.x, x, rtol=1e-8, atol=1e-10 * np.abs(x).max())


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 1e-3])
def test_every_number_of_an_iterate_is_that_of_its_x_in_the_data(step, intercept, ridge):
    A, b = table(1)
    options = {"intercept": intercept, "ridge": ridge, "max_iter": 12, "tol": 1e-6}
    solution = solve(A, b, method="gd", step=step, normalize=True, iterates=True, **options)
    M = np.hstack([np.ones((len(A), 1)), A]) if intercept else A
    penalty = ridge * np.append(np.zeros(int(intercept)), np.ones(A.shape[1]))
    scale = np.linalg.norm(M.T @ b)
    for row in solution.iterates:
        r = M @ row.x - b[:, 0]
        slope = M.T @ r + penalty * row.x

        assert row.objective == pytest.approx(0.5 * r @ r + 0.5 * row.x @ (penalty * row.x), rel=1e-9)
        assert row.residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-9)
        assert row.gradient_norm == pytest.approx(np.linalg.norm(slope), abs=1e-10 * scale)


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("intercept", [False, True])
def test_the_gradient_that_was_asked_for_is_reached_in_the_users_columns(step, intercept):
    A, b = table(2, p=2)
    solution = solve(A, b, method="gd", step=step, intercept=intercept, normalize=True)
    M = np.hstack([np.ones((len(A), 1)), A]) if intercept else A

    assert solution.outcome is Outcome.CONVERGED
    for t in range(2):
        norm = np.linalg.norm(gradient(M, b[:, [t]], solution.x[:, t]))
        assert norm <= 1.01e-8 * np.linalg.norm(M.T @ b[:, t])


def test_columns_in_other_units_are_no_harder():
    A, b = table(3)
    plain = solve(A / np.linalg.norm(A, axis=0), b, method="gd")
    scaled = solve(A, b, method="gd", normalize=True)

    assert scaled.converged
    # The end is told by the gradient in the user's columns, whose norm is another one.
    assert plain.iterations / 3 <= scaled.iterations <= 3 * plain.iterations
    assert not solve(A, b, method="gd", max_iter=10 * scaled.iterations).converged


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e9])
def test_a_date_in_seconds_gets_the_right_slope_in_some_steps(unit):
    days = np.arange(40.0)
    seconds = (1.7e9 + 86400.0 * days) * unit
    b = 3.0 + 2.0 * days + np.sin(days)
    solution = solve(seconds[:, None], b, method="gd", intercept=True, normalize=True, tol=1e-14)
    slope = np.polyfit(days, b, 1)[0]

    assert solution.iterations <= 3
    assert solution.x[1] * 86400.0 * unit == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("intercept", [False, True])
def test_huge_and_tiny_columns_beside_each_other(scale, intercept):
    A, b = table(4)
    units = np.array([scale, 1.0, 1 / scale, 1.0])
    options = {"method": "gd", "step": "cg", "intercept": intercept, "normalize": True}
    x = solve(A, b, **options).x
    scaled = solve(A * units, b, tol=1e-12, **options).x

    np.testing.assert_allclose(scaled * np.append(np.ones(int(intercept)), units), x, rtol=1e-5)


def test_a_ridge_that_outweighs_a_tiny_column_pins_it():
    A, b = table(5)
    A[:, 0] *= 1e-200
    solution = solve(A, b, method="gd", step="cg", ridge=1.0, normalize=True, max_iter=50)

    assert abs(solution.x[0]) <= 1e-12
    np.testing.assert_allclose(solution.x[1:], solve(A[:, 1:], b, ridge=1.0).x, rtol=1e-5)


@pytest.mark.parametrize("precision", ["extended", "double"])
def test_a_constant_column_beside_the_intercept_is_left_alone(precision):
    A, b = table(6, n=2)
    A = np.hstack([A, np.full((len(A), 1), 0.1)])
    solution = solve(A, b, method="gd", intercept=True, normalize=True, precision=precision)

    assert solution.converged
    assert solution.x[3] == 0.0
    if precision == "extended":  # rounded sums leave it open whether the column is constant
        assert "x is the solution of least norm in the normalised columns" in solution.warnings[0]
    np.testing.assert_allclose(solution.x[:3], solve(A[:, :2], b, intercept=True).x, rtol=1e-4)


def test_a_start_in_the_users_units_is_the_first_iterate():
    A, b = table(7)
    x0 = np.array([1.0, *solve(A, b).x])
    solution = solve(A, b, method="gd", intercept=True, normalize=True, x0=x0, max_iter=3, iterates=True)

    np.testing.assert_allclose(solution.iterates[0].x, x0, rtol=1e-12)


def test_weights_count_in_means_and_lengths():
    A, b = table(8)
    weights = np.repeat([1.0, 2.0], 25)
    twice = np.repeat(np.arange(50), weights.astype(int))
    options = {"method": "gd", "intercept": True, "normalize": True, "max_iter": 20, "tol": 0}
    weighted = solve(A, b, weights=weights, **options)
    repeated = solve(A[twice], b[twice], **options)

    np.testing.assert_array_equal(weighted.x, repeated.x)


def test_it_belongs_to_descent_and_to_sums():
    A, b = table()
    with pytest.raises(LsqError, match="normalize belongs to gradient descent"):
        solve(A, b, normalize=True)
    with pytest.raises(LsqError, match="normalize=True"):
        solve(A, b, method="gd", normalize=True, rows=True)


def test_it_is_an_option_of_the_command(run_lsq):
    table = "t,y\n1700000000,1\n1700086400,3\n1700172800,4\n1700259200,8\n"
    result = run_lsq("solve", "-t", "y", "--intercept", "-m", "gd", "--normalize", "-f", "json", stdin=table).json

    assert result["converged"]
    assert result["x"][1] * 86400 == pytest.approx(2.2, rel=1e-7)
    assert run_lsq("solve", "-t", "y", "--normalize", stdin=table).code == 2
