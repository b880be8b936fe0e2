"""Dyadic numbers, matrices of integers, and the normal equations in them, against rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from exact_reference import exact_solution, fractions_of, gram, random_problem, ulp_error
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.errors import ProblemError
from lsq_cli.exact.dyadic import Dyadic, dyadic, on_one_grid, shifted, total
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.integers import cholesky, inverse_of_factor, product

finite = st.floats(allow_nan=False, allow_infinity=False)

# Longley (1967), from the NIST Statistical Reference Datasets: y, then six predictors.
LONGLEY = """
60323 83.0 234289 2356 1590 107608 1947 61122 88.5 259426 2325 1456 108632 1948 60171 88.2 258054 3682 1616 109773 1949
61187 89.5 284599 3351 1650 110929 1950 63221 96.2 328975 2099 3099 112075 1951 63639 98.1 346999 1932 3594 113270 1952
64989 99.0 365385 1870 3547 115094 1953 63761 100.0 363112 3578 3350 116219 1954 66019 101.2 397469 2904 3048 117388
1955 67857 104.6 419180 2822 2857 118734 1956 68169 108.4 442769 2936 2798 120445 1957 66513 110.8 444546 4681 2637
121950 1958 68655 112.6 482704 3813 2552 123366 1959 69564 114.2 502601 3931 2514 125368 1960 69331 115.7 518173 4806
2572 127852 1961 70551 116.9 554894 4007 2827 130081 1962
"""
LONGLEY_X = [-3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683]
LONGLEY_X += [-1.03322686717359, -0.0511041056535807, 1829.15146461355]
LONGLEY_SIGMA = 304.854073561965


def whole(matrix, bits):
    """Numbers as integers in units of 2^−bits."""
    result = np.empty(matrix.shape, dtype=object)
    result[:] = [[int(Fraction(float(v)) * 2**bits) for v in row] for row in matrix]
    return result


def equations(A, b, **options):
    N, e = gram(A, b)
    return NormalEquations(N, e, N.shape[0] - A.shape[1], **options)


# Dyadic numbers


@given(finite)
def test_a_double_goes_in_and_out_unchanged(value):
    assert float(dyadic(value)) == value


@given(st.integers(-(10**40), 10**40), st.integers(-1300, 1300))
def test_a_dyadic_number_becomes_the_nearest_double(mantissa, exponent):
    exact = Fraction(mantissa) * Fraction(2) ** exponent
    try:
        nearest = exact.numerator / exact.denominator
    except OverflowError:
        nearest = math.copysign(math.inf, mantissa)

    assert float(Dyadic(mantissa, exponent)) == nearest


def test_a_huge_exponent_is_infinite_without_filling_the_memory():
    assert float(Dyadic(-1, 10**15)) == -math.inf


@given(st.integers(1, 10**60), st.integers(-1500, 1500))
def test_a_root_is_the_nearest_double(mantissa, exponent):
    root = Dyadic(mantissa, exponent).root()
    square = Fraction(mantissa) * Fraction(2) ** exponent
    if root == math.inf or root < 1e-300:
        return
    half = Fraction(math.ulp(root)) / 2

    assert (Fraction(root) - half) ** 2 <= square <= (Fraction(root) + half) ** 2


def test_the_root_of_a_negative_number_is_zero():
    assert Dyadic(-4, 0).root() == 0.0


@given(st.lists(finite, max_size=8))
def test_a_total_is_exact(values):
    exact = total(dyadic(v) for v in values)

    assert Fraction(exact.mantissa) * Fraction(2) ** exact.exponent == sum(Fraction(v) for v in values)


@given(st.lists(st.tuples(finite, st.integers(-200, 200)), max_size=6))
def test_numbers_meet_on_one_grid_without_rounding(pairs):
    x = np.array([v for v, _ in pairs])
    z, h = on_one_grid(x, [e for _, e in pairs])

    for value, (v, e) in zip(z, pairs, strict=True):
        assert value * Fraction(2) ** h == Fraction(v) * Fraction(2) ** e


def test_shifting_rounds_down():
    values = np.array([-5, 5, 7], dtype=object)

    assert shifted(values, -1).tolist() == [-3, 2, 3]
    assert shifted(values, np.array([2, -2, 0], dtype=object)).tolist() == [-20, 1, 7]


# Matrices of integers


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 300))
def test_a_product_is_exact_at_any_size(seed, rows, k, columns, bits):
    rng = np.random.default_rng(seed)
    X, Y = np.full((rows, k), 0, dtype=object), np.full((k, columns), 0, dtype=object)
    for matrix in (X, Y):
        for index in np.ndindex(matrix.shape):
            matrix[index] = int.from_bytes(rng.bytes(bits // 8 + 1), "little", signed=True)

    expected = [[sum(X[i, s] * Y[s, j] for s in range(k)) for j in range(columns)] for i in range(rows)]
    assert product(X, Y).tolist() == expected


def random_positive(n, bits, seed=0):
    """A positive definite S with a diagonal in [¼, 1), times 4^bits."""
    A = np.random.default_rng(seed).standard_normal((n + 3, n))
    A /= np.sqrt((A * A).sum(axis=0)) * 1.1
    return whole(A.T, 60) @ whole(A, 60) * 4**bits // 2**120


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 40])
@pytest.mark.parametrize("bits", [100, 192, 256])
def test_a_factor_and_its_inverse_keep_the_bounds_that_proofs_rest_on(n, bits):
    T = random_positive(n, bits)
    L = cholesky(T, bits)
    X = inverse_of_factor(L, bits)

    E = np.tril(T - L @ L.T)
    R = (np.eye(n, dtype=int).astype(object) << 2 * bits) - L @ X
    assert not np.triu(L, 1).any()
    assert not np.triu(X, 1).any()
    assert ((E >= 0) & (2 * L.diagonal() >= E)).all()
    assert ((R >= 0) & (L.diagonal()[:, None] > R)).all()


@pytest.mark.parametrize("n", [2, 30])
def test_a_matrix_that_is_not_positive_definite_has_no_factor(n):
    T = random_positive(n, 100)
    T[-1, :] = T[0, :]
    T[:, -1] = T[:, 0]
    T[-1, -1] = T[0, 0] - 4 * 2**100  # more than the factor's rounding could hide

    assert cholesky(T, 100) is None


@pytest.mark.parametrize("n", [2, 30])
def test_a_factor_too_near_singular_for_its_bits_has_no_inverse(n):
    L = cholesky(random_positive(n, 100), 100)
    L[1, 1] = 1

    assert inverse_of_factor(L, 100) is None


# The solution


@pytest.mark.parametrize("seed", range(150))
def test_every_coefficient_is_the_exact_solution_rounded(seed):
    A, b = random_problem(np.random.default_rng(seed))
    exact = exact_solution(A, b)
    if exact is None:
        with pytest.raises(ProblemError, match="depend on each other"):
            equations(A, b).solve()
        return

    x = equations(A, b).solve().x
    assert all(ulp_error(float(found), right[0]) <= 0.5 for found, right in zip(x[:, 0], exact, strict=True))


@pytest.mark.parametrize("scale", [1e-14, 1e-20, 1e-40, 1e-120])
def test_columns_nearer_than_doubles_can_tell_take_more_bits_and_are_as_exact(scale):
    A = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, scale], [0.0, -3 * scale]])
    b = np.array([1.0, 2.0, 1.0, 1.0])
    exact = exact_solution(A, b)

    x = equations(A, b).solve().x
    assert all(ulp_error(float(found), right[0]) <= 0.5 for found, right in zip(x[:, 0], exact, strict=True))


def test_longley_agrees_with_nist_to_the_digits_published():
    table = np.array([float(word) for word in LONGLEY.split()]).reshape(16, 7)
    A, b = np.column_stack([np.ones(16), table[:, 1:]]), table[:, 0]
    solution = equations(A, b).solve()

    assert [float(f"{v:.15g}") for v in solution.x[:, 0]] == LONGLEY_X
    sigma = solution.least_squares()[0].root() / math.sqrt(16 - 7)
    assert sigma == pytest.approx(LONGLEY_SIGMA, rel=3e-15)


def test_the_wampler_polynomial_comes_out_as_written():
    t = np.arange(21.0)
    A = np.vander(t, 6, increasing=True)
    solution = equations(A, A.sum(axis=1)).solve()

    assert solution.x.tolist() == [[1.0]] * 6
    assert float(solution.least_squares()[0]) == 0.0


def test_an_offset_of_a_unix_time_costs_no_digit():
    t = 1.7e12 + np.arange(50.0)
    x = equations(np.column_stack([np.ones(50), t]), 2 * t + 1).solve().x

    assert x.tolist() == [[1.0], [2.0]]


def test_targets_beside_each_other_get_what_each_gets_alone():
    rng = np.random.default_rng(3)
    A, B = rng.standard_normal((20, 4)), rng.standard_normal((20, 3)) * [1e-200, 1.0, 1e150]
    together = equations(A, B).solve()

    for t in range(3):
        alone = equations(A, B[:, t]).solve()
        assert (together.x[:, t] == alone.x[:, 0]).all()
        assert together.least_squares()[t].root() == alone.least_squares()[0].root()


def test_a_coefficient_that_is_exactly_zero_is_zero_beside_one_that_is_no_double():
    A = np.column_stack([np.ones(3), [1.0, 2.0, 3.0]])
    solution = equations(A, np.array([1.0, 2.0, 1.0])).solve()

    assert solution.x.tolist() == [[4 / 3], [0.0]]
    assert solution.is_zero(1, 0)
    assert not solution.is_zero(0, 0)


def test_a_perfect_fit_that_is_no_double_has_a_residual_of_exactly_zero():
    solution = equations(np.array([[3.0], [6.0], [9.0]]), np.array([1.0, 2.0, 3.0])).solve()

    assert solution.x.tolist() == [[1 / 3]]
    assert float(solution.least_squares()[0]) == 0.0


def test_a_solution_half_way_between_two_doubles_is_one_of_them():
    b = np.array([1.0 + 2.0**-52, 1.0])
    x = equations(np.ones((2, 1)), b).solve().x

    assert x[0, 0] in (1.0, 1.0 + 2.0**-52)


def test_a_target_of_zeros_has_the_solution_zero():
    solution = equations(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2)).solve()

    assert solution.x.tolist() == [[0.0], [0.0]]
    assert solution.is_zero(0, 0)


def test_coefficients_beyond_the_range_of_doubles_are_infinite_or_subnormal():
    A = np.diag([1e-200, 1e300, 1e300])
    b = np.array([-1e200, 1.0, 1e-12])
    x = equations(A, b).solve().x[:, 0]

    assert x[0] == -math.inf
    assert x[1] == pytest.approx(1e-300, rel=1e-15)
    assert x[2] == float(Fraction(1e-12) / Fraction(1e300)) > 0.0


@pytest.mark.parametrize("ridge", [0.1, 1e-30, 1e-300, 3.0, 2.0**60])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_ridge_joins_the_diagonal_exactly_but_not_the_intercepts(ridge, intercept):
    A = np.column_stack([np.ones(6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.5], [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]])
    b = np.array([1.0, 0.5, 2.0, 1.0, 3.0, 1.25])
    exact = exact_solution(A, b, ridge, intercept)

    x = equations(A, b, ridge=ridge, intercept=intercept).solve().x
    assert all(ulp_error(float(found), right[0]) <= 0.5 for found, right in zip(x[:, 0], exact, strict=True))


def test_a_ridge_makes_every_matrix_regular_but_one_with_an_empty_unpenalised_column():
    A = np.column_stack([np.zeros(4), np.arange(4.0)])
    with pytest.raises(ProblemError, match="depend on each other"):
        equations(A, np.ones(4), ridge=1.0, intercept=True).solve()

    assert equations(A, np.ones(4), ridge=1.0).solve().x[0, 0] == 0.0


def test_surely_regular_is_said_of_good_columns_only():
    good = np.column_stack([np.ones(5), np.arange(5.0)])

    assert equations(good, np.ones(5)).is_surely_regular(1e-15)
    assert not equations(good, np.ones(5)).is_surely_regular(0.9)
    assert not equations(good[:, [0, 1, 1]], np.ones(5)).is_surely_regular(1e-15)


# f, ‖r‖ and ∇f


def exact_values(A, b, x, ridge, intercept):
    """f, ‖r‖², ∇f as fractions, of one target."""
    n = A.shape[1]
    F = fractions_of(*gram(A, b))
    lam = [Fraction(0) if intercept and i == 0 else Fraction(ridge) for i in range(n)]
    X = [Fraction(float(v)) for v in x]
    v = [*X, Fraction(-1)]
    square = sum(v[i] * F[i][j] * v[j] for i in range(n + 1) for j in range(n + 1))
    gradient = [sum(F[i][j] * v[j] for j in range(n + 1)) + lam[i] * X[i] for i in range(n)]
    return (square + sum(w * z * z for w, z in zip(lam, X, strict=True))) / 2, square, gradient


def rounded(fraction):
    return fraction.numerator / fraction.denominator


@pytest.mark.parametrize("seed", range(30))
def test_values_at_any_x_are_exact_and_rounded_once(seed):
    rng = np.random.default_rng(seed)
    A, b = random_problem(rng)
    A = np.where(np.abs(A) > 1e30, A * 1e-80, A)
    x = rng.standard_normal(A.shape[1])
    ridge, intercept = float(rng.choice([0.0, 0.3])), bool(rng.integers(2))
    f, square, gradient = exact_values(A, b, x, ridge, intercept)
    system = equations(A, b, ridge=ridge, intercept=intercept)
    value = system.value_at(x)

    assert value.objective == rounded(f)
    assert ulp_error(value.residual_norm**2, square) < 3
    assert value.residual_norms == (value.residual_norm,)
    assert system.gradient_at(x).tolist() == [rounded(g) for g in gradient]
    assert ulp_error(value.gradient_norm**2, sum(g * g for g in gradient)) < 3


def test_a_residual_far_below_the_data_keeps_all_its_digits():
    rng = np.random.default_rng(5)
    A = rng.integers(-100, 100, (30, 3)).astype(float)
    b = A @ [1.0, 2.0, 3.0] + 2.0**-40 * rng.integers(-9, 9, 30)
    x = np.array([1.0, 2.0, 3.0])

    r = math.sqrt(sum(Fraction(v) ** 2 for v in (A @ x - b).tolist()))
    assert equations(A, b).value_at(x).residual_norm == pytest.approx(r, rel=3e-16)


def test_norms_of_several_targets_are_frobenius_norms():
    rng = np.random.default_rng(6)
    A, B, X = rng.standard_normal((9, 2)), rng.standard_normal((9, 2)), rng.standard_normal((2, 2))
    value = equations(A, B).value_at(X)
    each = [equations(A, B[:, t]).value_at(X[:, t]) for t in range(2)]

    assert value.residual_norms == tuple(v.residual_norm for v in each)
    assert value.residual_norm == pytest.approx(np.linalg.norm(A @ X - B), rel=1e-14)
    assert value.objective == pytest.approx(sum(v.objective for v in each), rel=1e-15)
    assert value.gradient_norm == pytest.approx(np.linalg.norm(A.T @ (A @ X - B)), rel=1e-13)
    assert equations(A, B).gradient_at(X).shape == (2, 2)


def test_values_at_the_solution_of_the_identity_are_zero():
    value = equations(np.eye(2), np.array([1.0, 2.0])).value_at(np.array([1.0, 2.0]))

    assert value == (0.0, 0.0, 0.0, (0.0,))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_x_that_is_not_finite_has_infinite_values(bad):
    value = equations(np.eye(2), np.ones(2)).value_at(np.array([1.0, bad]))

    assert value == (math.inf, math.inf, math.inf, (math.inf,))
