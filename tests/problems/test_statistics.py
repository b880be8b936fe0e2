"""Standard errors, σ and R², against the same formulas in rational arithmetic."""

from __future__ import annotations

import io
import json
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from exact_reference import fractions_of, gram, random_problem, solve_fractions

from lsq_cli import solve
from lsq_cli.core.errors import UsageError
from lsq_cli.report.plain import write_json


def root(value: Fraction) -> Fraction:
    """The square root to 50 digits."""
    with localcontext() as context:
        context.prec = 50
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def exact_statistics(A, b, centred):
    """Standard errors, σ, R² and adjusted R² of a full-rank problem, as fractions; the mean is that of b."""
    m, n = A.shape
    F = fractions_of(*gram(A, b))
    G, c = [row[:n] for row in F[:n]], [row[n:] for row in F[:n]]
    x = [row[0] for row in solve_fractions(G, c)]
    inverse = solve_fractions(G, [[Fraction(int(i == k)) for k in range(n)] for i in range(n)])
    rss = F[n][n] - sum(x_i * c_i[0] for x_i, c_i in zip(x, c, strict=True))
    values = [Fraction(float(v)) for v in b]
    mean = sum(values) / m if centred else 0
    tss = sum((v - mean) ** 2 for v in values)
    errors = [root(rss / (m - n) * inverse[i][i]) for i in range(n)]
    adjusted = 1 - (rss / (m - n)) / (tss / (m - centred))
    return errors, root(rss / (m - n)), 1 - rss / tss, adjusted


def wrong(found, right):
    """The relative error of a double, the error itself at 0."""
    return float(abs(Fraction(float(found)) - right) / (abs(right) or 1))


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("where", ["intercept", "last column", "nowhere"])
def test_statistics_are_the_formulas_to_thirteen_digits(where, seed):
    rng = np.random.default_rng(seed)
    A, b = random_problem(rng, 4)
    varies = np.ptp(A, axis=0) > 0
    A = A[:, varies] if varies.any() else rng.standard_normal((len(b), 2))
    constant = {"intercept": 1.0, "last column": 0.1, "nowhere": None}[where]
    full = A if constant is None else np.column_stack([A, np.full(len(A), constant)])
    if where == "intercept":
        full = np.roll(full, 1, axis=1)
    if np.linalg.matrix_rank(full / np.abs(full).max(axis=0)) < full.shape[1]:
        return
    errors, sigma, plain, adjusted = exact_statistics(full, b, constant is not None)
    found = solve(A if where == "intercept" else full, b, intercept=where == "intercept", statistics=True).statistics

    assert max(map(wrong, found.std_error, errors)) < 1e-14
    assert wrong(found.sigma, sigma) <= 2**-52
    # R² itself may be near 0: what is exact is its error against 1.
    assert abs(Fraction(found.r_squared) - plain) <= 2**-53
    assert abs(Fraction(found.r_squared_adjusted) - adjusted) <= 2**-53 * max(1, abs(adjusted))
    assert found.r_squared_centred is (constant is not None)
    assert found.df_residual == len(b) - full.shape[1]


def test_units_change_standard_errors_as_algebra_says():
    rng = np.random.default_rng(1)
    A, b = rng.standard_normal((30, 3)), rng.standard_normal(30)
    plain = solve(A, b, intercept=True, statistics=True).statistics
    moved = solve(A * [2.0**400, 1.0, 2.0**-400], b * 2.0**-100, intercept=True, statistics=True).statistics

    assert moved.std_error.tolist() == (plain.std_error * 2.0 ** np.array([-100, -500, -100, 300])).tolist()
    assert moved.sigma == plain.sigma * 2.0**-100
    assert (moved.r_squared, moved.r_squared_adjusted) == (plain.r_squared, plain.r_squared_adjusted)


def test_a_perfect_fit_has_no_error_at_all():
    t = np.arange(21.0)
    found = solve(np.column_stack([t**k for k in range(6)]), sum(t**k for k in range(6)), statistics=True).statistics

    assert not found.std_error.any()
    assert (found.sigma, found.r_squared, found.r_squared_adjusted) == (0.0, 1.0, 1.0)


def test_weights_are_precisions_and_rows_of_weight_zero_do_not_count():
    rng = np.random.default_rng(2)
    A, b = rng.standard_normal((12, 2)), rng.standard_normal(12)
    weights = np.array([0, 1, 4, 9] * 3, dtype=float)
    half = np.sqrt(weights)[:, None]
    # The weighted problem is the plain one with rows multiplied by √w; its constant column is √w.
    scaled = np.hstack([half, A * half])[weights > 0]
    errors, sigma, *_ = exact_statistics(scaled, (b * half[:, 0])[weights > 0], False)
    found = solve(A, b, weights=weights, intercept=True, statistics=True).statistics
    mean = (weights * b).sum() / weights.sum()
    rss = float(sigma) ** 2 * 6

    assert max(map(wrong, found.std_error, errors)) < 1e-14
    assert wrong(found.sigma, sigma) <= 2**-52
    assert found.r_squared == pytest.approx(1 - rss / (weights * (b - mean) ** 2).sum(), rel=1e-13)
    assert (found.df_residual, found.r_squared_centred) == (6, True)


def test_a_column_that_varies_only_where_the_weight_is_zero_is_constant():
    A = np.array([[2.0, 1.0], [2.0, 2.0], [7.0, 5.0], [2.0, 4.0]])
    found = solve(A, [1.0, 3.0, 100.0, 2.0], weights=[1.0, 1.0, 0.0, 1.0], statistics=True).statistics
    without = solve(A[[0, 1, 3]], [1.0, 3.0, 2.0], statistics=True).statistics

    assert found.r_squared_centred
    assert (found.r_squared, found.sigma) == (without.r_squared, without.sigma)


def test_targets_beside_each_other_have_each_their_own():
    rng = np.random.default_rng(3)
    A, B = rng.standard_normal((20, 3)), rng.standard_normal((20, 2)) * [1.0, 1e6]
    both = solve(A, B, intercept=True, statistics=True).statistics

    for t, found in enumerate(both):
        alone = solve(A, B[:, t], intercept=True, statistics=True).statistics
        for key, value in alone._asdict().items():
            np.testing.assert_array_equal(getattr(found, key), value)


def test_dependent_columns_leave_open_their_own_errors_only():
    rng = np.random.default_rng(4)
    A, b = rng.integers(-9, 9, (20, 3)).astype(float), rng.standard_normal(20)
    found = solve(np.column_stack([A, A[:, 0] + A[:, 1]]), b, statistics=True).statistics
    without = solve(A, b, statistics=True).statistics

    assert np.isnan(found.std_error).tolist() == [True, True, False, True]
    assert found.std_error[2] == without.std_error[2]
    assert (found.sigma, found.r_squared) == (without.sigma, without.r_squared)
    assert found.df_residual == 17


def test_what_is_not_defined_is_nan_and_null_in_json():
    as_many_rows = solve(np.eye(3), [1.0, 2.0, 4.0], statistics=True).statistics
    no_spread = solve([[1.0], [2.0], [3.0]], [5.0, 5.0, 5.0], intercept=True, statistics=True).statistics
    nothing = solve(np.zeros((3, 1)), [1.0, 2.0, 4.0], statistics=True)
    stream = io.BytesIO()
    write_json(nothing, stream)
    written = json.loads(stream.getvalue())["statistics"]

    assert math.isnan(as_many_rows.sigma) and np.isnan(as_many_rows.std_error).all()
    assert (as_many_rows.r_squared, as_many_rows.df_residual) == (1.0, 0)
    assert math.isnan(as_many_rows.r_squared_adjusted)
    assert math.isnan(no_spread.r_squared) and no_spread.sigma == 0.0
    assert written["std_error"] == [None]
    assert (written["sigma"], written["r_squared"]) == (math.sqrt(7), 0.0)


def test_json_has_them_only_when_asked():
    stream = io.BytesIO()
    write_json(solve([[1, 0], [1, 1], [1, 2]], [1, 3, 6]), stream)

    assert "statistics" not in json.loads(stream.getvalue())


def test_rounded_sums_give_about_the_same():
    rng = np.random.default_rng(5)
    A, b = rng.standard_normal((500, 3)), rng.standard_normal(500)
    exact, rounded = (
        solve(A, b, intercept=True, precision=how, statistics=True).statistics for how in ("extended", "double")
    )

    assert rounded.std_error == pytest.approx(exact.std_error, rel=1e-12)
    assert rounded.r_squared == pytest.approx(exact.r_squared, rel=1e-10)


@pytest.mark.parametrize("options", [{"method": "gd"}, {"ridge": 1.0}])
def test_statistics_of_anything_but_plain_least_squares_are_refused(options):
    with pytest.raises(UsageError, match="plain least squares"):
        solve(np.eye(3), [1.0, 2.0, 3.0], statistics=True, **options)
