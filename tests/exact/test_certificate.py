"""What is claimed about digits must be true, and not far below the truth."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from exact_reference import correct_digits, exact_solution, fractions_of, gram, random_problem, solve_fractions

from lsq_cli.core.errors import ProblemError
from lsq_cli.exact.certificate import Inverse, data_digits, double_digits, gram_error, joined, sure_digits
from lsq_cli.exact.equations import NormalEquations


def equations(A, b):
    N, e = gram(A, b)
    return NormalEquations(N, e, N.shape[0] - A.shape[1])


def rounded_gram(A, b):
    """The sums in plain doubles, as integers."""
    M = np.column_stack([A, b])
    S = M.T @ M
    low = min(int(np.frexp(np.abs(S[S != 0]).min())[1]) - 54, 0) & ~1
    N = np.empty(S.shape, dtype=object)
    N[:] = [[int(Fraction(float(v)) * Fraction(2) ** -low) for v in row] for row in S]
    return N, [low // 2] * len(S)


@pytest.mark.parametrize("seed", range(60))
def test_sure_digits_are_never_above_the_truth_and_hardly_below(seed):
    rng = np.random.default_rng(seed)
    A, b = random_problem(rng)
    exact = exact_solution(A, b)
    if exact is None:
        return
    solution = equations(A, b).solve()
    for power in (-1, -6, -11, -15):
        x = solution.x * (1 + 10.0**power * rng.uniform(-1, 1, solution.x.shape))
        claimed, true = sure_digits(solution, x), correct_digits(x, exact)

        assert claimed <= max(true, 0.0)
        assert claimed >= min(true - 0.01, 15.9)


@pytest.mark.parametrize("seed", range(40))
def test_the_rounded_solution_has_all_digits(seed):
    A, b = random_problem(np.random.default_rng(seed))
    if exact_solution(A, b) is None:
        return
    solution = equations(A, b).solve()

    assert sure_digits(solution, solution.x) == 15.9


def test_an_exact_zero_has_all_digits_as_zero_and_none_otherwise():
    A = np.column_stack([np.ones(3), [1.0, 2.0, 3.0]])
    solution = equations(A, np.array([1.0, 2.0, 1.0])).solve()

    assert sure_digits(solution, np.array([[4 / 3], [0.0]])) == 15.9
    assert sure_digits(solution, np.array([[4 / 3], [1e-300]])) == 0.0


def test_the_worst_target_counts_and_zero_is_no_digit_of_anything_else():
    A, B = np.eye(2), np.array([[1.0, 3.0], [2.0, 4.0]])
    solution = equations(A, B).solve()

    assert sure_digits(solution, B) == 15.9
    assert sure_digits(solution, np.array([[1.0, 3.0], [2.0, 4.0 + 4e-6]])) == pytest.approx(6.0, abs=1e-3)
    assert sure_digits(solution, B * [[1, 0], [1, 1]]) == 0.0
    assert sure_digits(solution, -B) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_x_that_is_not_finite_has_no_digit(bad):
    assert sure_digits(equations(np.eye(1), np.ones(1)).solve(), np.array([bad])) == 0.0


def test_digits_hold_where_x_is_far_outside_the_usual_range():
    A, b = np.diag([1e150, 1e-150]), np.array([1e-150, 1e150])
    solution = equations(A, b).solve()

    assert sure_digits(solution, solution.x) == 15.9
    assert sure_digits(solution, solution.x * (1 + 1e-9)) == pytest.approx(9.0, abs=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1e100, 1e-100])
def test_the_inverse_is_right_to_its_last_digits_whatever_the_condition(scale):
    # Columns 10⁻⁹ apart: the inverse in doubles would have none.
    t = np.arange(1.0, 8.0)
    A = np.column_stack([np.ones(7), t, t + 1e-9 * t**2]) * [1.0, scale, 1.0]
    n = 3
    F = fractions_of(*gram(A, np.ones(7)))
    exact = solve_fractions([row[:n] for row in F[:n]], [[Fraction(int(i == j)) for j in range(n)] for i in range(n)])
    inverse = Inverse(equations(A, np.ones(7)))

    for i in range(n):
        assert inverse.diagonal_roots[i] == pytest.approx(
            math.sqrt(float(exact[i][i] * Fraction(scale) ** (2 * (i == 1)))) / (scale if i == 1 else 1), rel=1e-15
        )
    lengths = np.linalg.norm(A, axis=0)
    right = np.array([[float(v) for v in row] for row in exact]) * lengths[:, None] * lengths
    assert inverse.scaled == pytest.approx(right, rel=1e-11)


def test_the_condition_is_that_of_columns_of_unit_length():
    A = np.random.default_rng(1).standard_normal((20, 4))
    unit = A / np.linalg.norm(A, axis=0)

    assert Inverse(equations(A * [1e-80, 1.0, 1e80, 3.0], np.ones(20))).condition == pytest.approx(
        np.linalg.cond(unit), rel=1e-12
    )


@pytest.mark.parametrize("gap", [1e-6, 1e-10, 1e-13])
def test_the_condition_is_right_where_its_square_is_beyond_doubles(gap):
    # Unit columns with cosine c have κ² = (1 + c)/(1 − c), here with tan(angle) = gap.
    A = np.array([[1.0, 1.0], [0.0, gap]])
    cosine_gap = Fraction(gap) ** 2 / 2  # 1 − c, to a relative gap²
    expected = math.sqrt(2 / float(cosine_gap))

    assert Inverse(equations(A, np.ones(2))).condition == pytest.approx(expected, rel=1e-9)


def test_a_singular_matrix_has_no_inverse():
    with pytest.raises(ProblemError, match="depend on each other"):
        Inverse(equations(np.ones((3, 2)), np.ones(3)))


@pytest.mark.parametrize("seed", range(100))
def test_digits_of_rounded_sums_are_not_above_the_truth(seed):
    A, b = random_problem(np.random.default_rng(1000 + seed))
    A = np.where(np.abs(A) > 1e30, A * 1e-80, A)
    exact = exact_solution(A, b)
    M, f = rounded_gram(A, b)
    system = NormalEquations(M, f, 1)
    if exact is None or not system.is_surely_regular(1e-8):
        return
    x = system.solve().x
    eta = gram_error(gram(A, b), (M, f))
    claimed, true = double_digits(Inverse(system), x, eta), correct_digits(x, exact)

    assert claimed <= max(true, 0.0)
    assert claimed == 0.0 or claimed >= true - 6


def test_rounded_sums_near_singular_claim_nothing():
    A = np.array([[1.0, 1.0], [0.0, 1e-7]])

    assert double_digits(Inverse(equations(A, np.ones(2))), np.ones((2, 1)), 1e-14) == 0.0


def test_the_error_of_sums_is_measured_and_never_below_ten_roundings():
    A, b = np.full((1000, 1), 0.1), np.ones(1000)
    N, e = gram(A, b)
    M = N.copy()
    M[0, 1] = M[1, 0] = N[0, 1] + N[0, 1] // 10**12

    assert gram_error((N, e), (N, e)) == 10 * 2.0**-53
    # One entry of cosine 1 is off by 10⁻¹², twice, for the matrix is symmetric.
    assert gram_error((N, e), (M, e)) == pytest.approx(4 * math.sqrt(2) * 1e-12, rel=1e-3)
    assert gram_error((N, e), (N * 16, [v - 2 for v in e])) == 10 * 2.0**-53


def test_data_digits_bound_what_a_change_in_the_last_bit_does():
    rng = np.random.default_rng(4)
    for gap in (1.0, 1e-3, 1e-6):
        A = rng.standard_normal((12, 3))
        A[:, 2] = A[:, 1] + gap * A[:, 2]
        b = A @ [1.0, 2.0, 3.0] + 0.1 * rng.standard_normal(12)
        system = equations(A, b)
        x = system.solve().x
        claimed = data_digits(Inverse(system), x, system.value_at(x).residual_norms)
        moved = [exact_solution(*(v * (1 + 2.0**-52 * rng.choice([-1, 1], v.shape)) for v in (A, b))) for _ in range(5)]
        survived = min(correct_digits(x, y) for y in moved)

        assert claimed <= survived
        assert claimed >= survived - 3


def test_data_digits_do_not_depend_on_units():
    rng = np.random.default_rng(8)
    A, b = rng.standard_normal((12, 3)), rng.standard_normal(12)
    claims = []
    for units, unit in (([1.0, 1.0, 1.0], 1.0), ([2.0**400, 2.0**-300, 1.0], 2.0**-100)):
        system = equations(A * units, b * unit)
        x = system.solve().x
        claims.append(data_digits(Inverse(system), x, system.value_at(x).residual_norms))

    assert claims[0] == pytest.approx(claims[1], abs=1e-9)


def test_a_coefficient_of_0_has_no_sure_digit_unless_its_target_is_0_and_does_not_count_in_what_the_data_support():
    system = equations(np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0]]))
    inverse = Inverse(system)

    assert double_digits(inverse, np.array([[1.0, 0.0], [1.0, 0.0]]), 1e-15) > 14
    assert data_digits(inverse, np.array([[1.0, 0.0], [1.0, 0.0]]), (0.0, 0.0)) > 15
    assert double_digits(inverse, np.array([[1.0, 0.5], [1.0, 0.0]]), 1e-15) == 0.0
    assert data_digits(inverse, np.array([[0.0, 0.0], [1.0, 0.0]]), (0.0, 0.0)) > 15


def test_two_errors_together_leave_fewer_digits_than_each():
    assert joined(15.9, 0.0) == 0.0
    assert joined(6.0, 6.0) == pytest.approx(6 - math.log10(2))
    assert joined(3.0, 15.0) == pytest.approx(3.0, abs=1e-9)
