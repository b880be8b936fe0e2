"""Which columns depend on which, in words; and the solution of least norm."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exact_reference import correct_digits, exact_solution, gram, least_norm_solution, ulp_error
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import solve
from lsq_cli.exact.certificate import sure_digits
from lsq_cli.exact.dependencies import remedy, sentences, simplest_between
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.rank import decide, default_tolerance, least_norm


def equations(A, b=None):
    b = np.arange(len(A)) % 7 + 0.5 if b is None else b
    N, e = gram(A, b)
    return NormalEquations(N, e, N.shape[0] - A.shape[1])


def words(A, names=None, tolerance=None):
    """The dependencies of A's columns, as the user reads them."""
    A = np.asarray(A, dtype=float)
    rank = decide(equations(A), tolerance or default_tolerance(A.shape[1]))
    names = names or [f"x{i + 1}" for i in range(A.shape[1])]
    return list(sentences(rank.relations, names))


@pytest.fixture
def x():
    """Three unrelated columns of 30 rows."""
    return np.random.default_rng(2).standard_normal((30, 3))


ONE = np.ones((30, 1))
WITH_INTERCEPT = ["(intercept)", "a", "b", "c", "d"]


# The decision


def test_independent_columns_have_full_rank_and_nothing_to_say(x):
    rank = decide(equations(x), default_tolerance(3))

    assert (rank.rank, rank.independent, rank.dependent, rank.affected) == (3, (0, 1, 2), (), ())
    assert sentences(rank.relations, "abc") == ()
    assert remedy(rank.relations, "abc") == ""


def test_a_column_a_millionth_of_a_millionth_away_is_kept_at_a_million_rows():
    m = 10**6
    # a = ±1, b = a + 10⁻¹²·c with c = ±1 orthogonal to a: the sums of the million rows, written down.
    gap = Fraction(1, 10**12)
    scale = 10**24
    N = np.array([[m, m, 3], [m, m + m * gap**2, 1], [3, 1, m]], dtype=object) * scale
    N[:] = [[int(v) for v in row] for row in N]

    assert decide(NormalEquations(N, [0, 0, 0], 1), default_tolerance(2)).rank == 2


@pytest.mark.parametrize("gap", [1e-12, 1e-13, 1e-14])
def test_a_column_near_another_is_kept_and_solved_exactly(x, gap):
    A = np.column_stack([x, x[:, 0] + gap * x[:, 1] ** 2])

    assert decide(equations(A), default_tolerance(4)).rank == 4
    exact, found = exact_solution(A, np.ones(30)), equations(A, np.ones(30)).solve().x
    assert all(ulp_error(float(v), w[0]) <= 0.5 for v, w in zip(found[:, 0], exact, strict=True))


def test_the_tolerance_is_a_share_of_the_columns_own_length(x):
    A = np.column_stack([x[:, 0], x[:, 0] + 1e-6 * x[:, 1]])

    assert decide(equations(A), 1e-7).rank == 2
    assert decide(equations(A), 1e-5).rank == 1
    assert decide(equations(A * [1e-90, 1e90]), 1e-7).rank == 2
    assert decide(equations(A * [1e-90, 1e90]), 1e-5).rank == 1


def test_tolerance_zero_finds_exact_dependencies_only(x):
    near = np.column_stack([x, x[:, 0] + 1e-15 * x[:, 1]])
    exact = np.column_stack([x, 2 * x[:, 0]])

    assert decide(equations(near), 0.0).rank == 4
    assert decide(equations(exact), 0.0).dependent == (3,)


def test_a_well_spread_pivot_order_is_needed_and_taken():
    # c = 100 − a − b with b tiny: judged by b's own length, only rounding would seem to separate them.
    rng = np.random.default_rng(1)
    a, b = np.round(50 + 5 * rng.standard_normal(30), 3), np.round(0.01 * rng.uniform(0, 1, 30), 5)
    A = np.column_stack([np.ones(30), a, 100 - a - b, b])

    assert words(A, ["(intercept)", "a", "c", "b"]) == ["b = 100 − a − c"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 22), st.booleans())
def test_the_rank_is_that_of_the_factors_whatever_the_units(seed, r, extra, units):
    rng = np.random.default_rng(seed)
    A = rng.integers(-9, 10, (30, r)) @ rng.integers(-3, 4, (r, r + extra)).astype(float)
    scale = 2.0 ** rng.integers(-300, 300, r + extra) if units else np.ones(r + extra)

    assert decide(equations(A * scale), default_tolerance(r + extra)).rank == np.linalg.matrix_rank(A, tol=1e-6)


# The words


def test_a_sum_names_the_later_column(x):
    assert words(np.column_stack([x, x[:, 0] + x[:, 1]])) == ["x4 = x1 + x2"]
    assert words(np.column_stack([x[:, 0] + x[:, 1], x])) == ["x3 = x1 − x2"]


def test_decimal_factors_are_found_though_no_double_is_one(x):
    d = np.round(x, 2)

    assert words(np.column_stack([d, 0.1 * d[:, 0] + 0.3 * d[:, 1]]), list("abcd")) == ["d = 0.1·a + 0.3·b"]


def test_units_of_temperature_are_told_with_their_constant(x):
    c = np.round(20 + 5 * x[:, :1], 1)

    assert words(np.hstack([ONE, c, 32 + 1.8 * c]), ["(intercept)", "c", "f"]) == ["f = 32 + 1.8·c"]


def test_shares_that_sum_to_a_hundred_are_told(x):
    s = np.round(10 * abs(x[:, :2]), 1)

    assert words(np.hstack([ONE, s, 100 - s.sum(1, keepdims=True)]), WITH_INTERCEPT) == ["c = 100 − a − b"]


def test_the_dummy_trap_is_told():
    D = np.eye(3)[np.arange(30) % 3]

    assert words(np.hstack([ONE, D]), ["(intercept)", "d1", "d2", "d3"]) == ["d3 = 1 − d1 − d2"]


def test_a_constant_beside_an_intercept_is_a_number_and_an_empty_column_is_zero(x):
    A = np.hstack([ONE, x[:, :1], 5 * ONE, 0 * ONE])

    assert words(A, WITH_INTERCEPT) == ["b = 5", "c = 0"]


def test_a_shift_of_a_unix_time_is_told_to_the_second():
    t = 1.7e9 + 37.0 * (np.arange(30) % 11)[:, None]

    assert words(np.hstack([ONE, t, t - 1.25e9]), WITH_INTERCEPT) == ["b = −1250000000 + a"]


def test_a_mean_of_three_is_told_in_thirds(x):
    assert words(np.column_stack([x, x.sum(1) / 3])) == ["x4 = 1/3·x1 + 1/3·x2 + 1/3·x3"]


def test_a_chain_of_dependencies_is_told_by_its_links(x):
    first = x[:, 0] + x[:, 1]

    assert words(np.column_stack([x, first, first + x[:, 2]])) == ["x4 = x1 + x2", "x5 = x3 + x4"]


def test_factors_that_are_not_simple_are_told_approximately(x):
    A = np.column_stack([x, np.pi * x[:, 0] - 0.123456789 * x[:, 1]])

    assert words(A) == ["x4 ≈ 3.14159·x1 − 0.123457·x2"]


def test_a_factor_far_from_one_is_told_approximately(x):
    assert words(np.column_stack([x, 2.0**400 * x[:, 0]])) == ["x4 ≈ 2.58225e+120·x1"]


def test_long_dependencies_are_cut():
    x = np.random.default_rng(3).integers(-9, 9, (40, 23)).astype(float)

    assert words(np.column_stack([x, x.sum(axis=1)])) == ["x24 = x1 + x2 + x3 + x4 + x5 + x6 + … and 17 more"]


def test_control_characters_in_names_are_shown_not_sent(x):
    (sentence,) = words(np.column_stack([x, x[:, 0]]), ["a\x1b[2J", "b", "c", "d"])

    assert sentence == "d = a\\x1b[2J"


def test_only_what_the_dependency_touches_is_affected_and_the_remedy_removes_it(x):
    A = np.column_stack([x, x[:, 0] - x[:, 2], x[:, 0]])
    rank = decide(equations(A), default_tolerance(5))

    assert rank.affected == (0, 2, 3, 4)
    assert remedy(rank.relations, ["a", "b", "c", "my d", "e"]) == "--drop 'my d,e'"
    assert remedy(rank.relations, ["a", "b", "c", "d,d", "e"]) == "--drop e --drop d,d"
    assert decide(equations(A[:, list(rank.independent)]), default_tolerance(3)).rank == 3


def test_exact_and_rounded_dependencies_are_told_apart(x):
    rounded = decide(equations(np.column_stack([x, x[:, 0] + x[:, 1]])), default_tolerance(4))
    exact = decide(equations(np.column_stack([x, 2 * x[:, 0]])), default_tolerance(4))

    assert [(r.simple, r.exact) for r in rounded.relations] == [(True, False)]
    assert [(r.simple, r.exact) for r in exact.relations] == [(True, True)]


@given(st.fractions(max_denominator=10**6), st.fractions(min_value=0, max_value=1, max_denominator=10**6))
def test_the_simplest_fraction_is_inside_and_none_of_smaller_denominator_is(low, width):
    found = simplest_between(low, low + width)

    assert low <= found <= low + width
    assert all((low * q).__ceil__() > (low + width) * q for q in range(1, min(found.denominator, 60)))


# Least norm


def assert_least_norm(A, b, exact_to=16.0):
    """x is the exact least-squares solution of least norm, to all its digits."""
    system = equations(A, b)
    rank = decide(system, default_tolerance(A.shape[1]))
    assert rank.rank < A.shape[1]
    solution = least_norm(system, rank).solve()
    expected = least_norm_solution(A, b)

    assert correct_digits(solution.x, expected) >= min(exact_to, 15.9)
    return solution


@pytest.mark.parametrize("seed", range(20))
def test_exact_dependencies_give_the_exact_least_norm(seed):
    rng = np.random.default_rng(seed)
    r, n = int(rng.integers(1, 4)), int(rng.integers(4, 7))
    A = rng.integers(-9, 10, (12, r)).astype(float) @ rng.integers(-3, 4, (r, n))
    A[:, 0] += A[:, 0] == 0
    A[:, -1] = A[:, 0]
    b = rng.standard_normal(12)
    solution = assert_least_norm(A, b)

    assert sure_digits(solution, solution.x) == 15.9


def test_several_targets_have_each_their_least_norm():
    rng = np.random.default_rng(5)
    A = rng.integers(-9, 10, (12, 2)).astype(float) @ np.array([[1, 0, 1], [0, 1, 1]])

    assert_least_norm(A, rng.standard_normal((12, 2)))


@pytest.mark.parametrize("power", [-40, 40, 300])
def test_the_norm_is_that_of_the_users_units_not_of_scaled_columns(power):
    rng = np.random.default_rng(6)
    A = rng.integers(-9, 10, (12, 2)).astype(float)
    A = np.column_stack([A, (A[:, 0] + A[:, 1]) * 2.0**power])

    assert_least_norm(A, rng.standard_normal(12))


def test_the_intercept_takes_part_in_the_norm():
    D = np.eye(3)[np.arange(12) % 3]
    A = np.hstack([np.ones((12, 1)), D])
    b = np.arange(12.0) ** 2
    solution = assert_least_norm(A, b)

    assert solution.x == pytest.approx(np.linalg.lstsq(A, b[:, None], rcond=None)[0], rel=1e-12)


def test_an_empty_column_gets_zero():
    A = np.column_stack([np.arange(5.0), np.zeros(5)])

    assert assert_least_norm(A, np.ones(5)).x[1, 0] == 0.0


def test_a_wide_problem_is_solved_by_the_same_sums():
    rng = np.random.default_rng(7)
    A, b = rng.integers(-9, 10, (3, 6)).astype(float), rng.standard_normal(3)
    solution = assert_least_norm(A, b)

    assert solution.x[:, 0] == pytest.approx(A.T @ np.linalg.solve(A @ A.T, b), rel=1e-12)


def test_dependencies_up_to_rounding_give_what_lstsq_gives(x):
    rng = np.random.default_rng(9)
    A = np.column_stack([x, 0.1 * x[:, 0] + 0.3 * x[:, 1], x @ [0.7, np.pi, -0.2]])
    b = rng.standard_normal((30, 1))
    system = equations(A, b)
    found = least_norm(system, decide(system, default_tolerance(5))).solve().x

    assert found == pytest.approx(np.linalg.lstsq(A, b, rcond=1e-12)[0], rel=1e-11)


def test_all_columns_empty_is_rank_zero_and_x_zero():
    system = equations(np.zeros((4, 2)))
    rank = decide(system, default_tolerance(2))

    assert rank.rank == 0
    assert least_norm(system, rank).solve().x.tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("rank_tol", [None, 1e-12, 1e-8])
def test_columns_whose_singular_values_fall_without_a_gap_are_made_by_the_others_up_to_the_tolerance(rank_tol):
    # Surface gravity above a buried mass, from 60 points: the singular values fall by ten every two or three.
    s = (np.arange(60) + 0.5) / 60
    A = 0.25 * (0.25**2 + (s[:, None] - s) ** 2) ** -1.5 / 60
    b = A @ np.sin(np.pi * s)
    solution = solve(A, b, rank_tol=rank_tol)
    tolerance = rank_tol or default_tolerance(60)

    assert solution.rank < 60
    assert solution.residual_norm <= tolerance * np.linalg.norm(A) * np.linalg.norm(solution.x)
