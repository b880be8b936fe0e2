"""The promises on accuracy, from outside: through `solve` and the command line, against rational arithmetic."""

from __future__ import annotations

import copy
import gzip
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from exact_reference import (
    correct_digits,
    exact_solution,
    least_norm_solution,
    random_problem,
    ulp_error,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import solve
from lsq_cli.core.problem import About
from lsq_cli.exact.dyadic import Dyadic
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.sources.opening import open_python

TABLE = "table"


def table(seed, rows=60):
    """A table of four columns as CSV lines, the last one b: values over many magnitudes, none of them round."""
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((rows, 4)) * 10.0 ** rng.integers(-12, 13, (rows, 4))
    return [",".join(map(repr, row)) for row in M.tolist()]


def write(path, lines):
    path.write_text("u,v,w,y\n" + "".join(line + "\n" for line in lines))
    return str(path)


def bits(paths, **options):
    """What must not depend on how the rows come: x, the norms, and the digest of the sums."""
    data = {"target": "y"}
    solution = solve(paths, intercept=True, **data, **options)
    problem = read_problem(open_python(paths, **data), ProblemOptions(intercept=True))
    return (
        solution.x.tobytes(),
        solution.residual_norm,
        solution.gradient_norm,
        solution.objective,
        problem.sums.digest(),
    )


def assert_rounded_correctly(x, exact):
    for found, (right,) in zip(x, exact, strict=True):
        assert ulp_error(found, right) <= 0.5


class TestAnyOrder:
    @given(seed=st.integers(0, 10**6), data=st.data())
    @settings(max_examples=25, deadline=None)
    def test_any_split_into_files_and_any_order_gives_the_same_bits(self, seed, data, tmp_path_factory):
        folder = tmp_path_factory.mktemp(TABLE)
        lines = table(seed)
        expected = bits(write(folder / "whole.csv", lines))
        shuffled = data.draw(st.permutations(lines))
        cuts = sorted(data.draw(st.lists(st.integers(1, len(lines) - 1), max_size=5, unique=True)))
        parts = [
            write(folder / f"part{i}.csv", shuffled[start:stop])
            for i, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(lines)], strict=True))
        ]

        assert bits(data.draw(st.permutations(parts))) == expected

    def test_text_binary_compressed_and_piped_rows_have_the_same_bits(self, tmp_path, run_lsq):
        lines = table(1)
        path = tmp_path / "t.csv"
        expected = bits(write(path, lines))
        packed = tmp_path / "t.csv.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        M = np.array([[float(cell) for cell in line.split(",")] for line in lines])
        for layout in (M, np.asfortranarray(M), M[:, ::-1].copy()[:, ::-1]):
            assert solve(layout[:, :3], layout[:, 3], intercept=True).x.tobytes() == expected[0]
        piped = run_lsq("solve", "-t", "y", "--intercept", "-f", "json", stdin=path.read_bytes()).json

        assert bits(str(packed)) == expected
        assert np.array(piped["x"]).tobytes() == expected[0]
        assert piped["residual_norm"] == expected[1]

    def test_blocks_change_nothing(self):
        rng = np.random.default_rng(2)
        # Enough rows for several blocks, and both kinds of layout that are cut differently.
        A, b = rng.standard_normal((70_000, 3)), rng.standard_normal(70_000)
        order = rng.permutation(len(A))
        one, other = solve(A, b, jobs=1), solve(A[order], b[order], jobs=3)

        assert one.x.tobytes() == other.x.tobytes()
        assert one.residual_norm == other.residual_norm

    def test_in_double_the_same_rows_give_the_same_bits_whatever_the_jobs(self):
        rng = np.random.default_rng(3)
        A, b = rng.standard_normal((150_000, 3)), rng.standard_normal(150_000)
        options = {"intercept": True, "precision": "double"}
        first, *others = (
            solve(A, b, jobs=jobs, memory=memory, **options) for jobs in (1, 2, 3) for memory in (1, "1GB")
        )

        for other in others:
            assert other.x.tobytes() == first.x.tobytes()
            assert other.residual_norm == first.residual_norm


class TestConditions:
    @pytest.mark.parametrize("kappa", [1e1, 1e5, 1e10, 1e14])
    @pytest.mark.parametrize("kind", ["log-spaced", "one small"])
    @pytest.mark.parametrize("n", [2, 7, 14])
    def test_every_coefficient_is_the_nearest_double_at_any_condition(self, n, kind, kappa):
        rng = np.random.default_rng(n)
        U, V = (np.linalg.qr(rng.standard_normal((m, n)))[0] for m in (3 * n, n))
        singular = np.logspace(0, -math.log10(kappa), n)
        if kind == "one small":
            singular[:-1] = 1.0
        A = (U * singular) @ V.T * 10.0 ** rng.integers(-100, 101, n)
        b = rng.standard_normal(3 * n)
        solution = solve(A, b)

        assert_rounded_correctly(solution.x, exact_solution(A, b))
        assert (solution.digits, solution.rank) == (15.9, n)


class TestUnitsAndOffsets:
    @given(
        seed=st.integers(0, 10**6),
        powers=st.lists(st.integers(-150, 150), min_size=4, max_size=4),
        intercept=st.booleans(),
    )
    @settings(max_examples=40, deadline=None)
    def test_columns_in_any_units_are_solved_exactly(self, seed, powers, intercept):
        rng = np.random.default_rng(seed)
        A, b = rng.standard_normal((12, 3)), rng.standard_normal(12)
        scaled, target = A * 10.0 ** np.array(powers[:3]), b * 10.0 ** powers[3]
        full = np.column_stack([np.ones(12), scaled]) if intercept else scaled
        solution, plain = solve(scaled, target, intercept=intercept), solve(A, b, intercept=intercept)

        assert_rounded_correctly(solution.x, exact_solution(full, target))
        assert solution.digits == 15.9
        units = np.array(([0] if intercept else []) + powers[:3])
        with np.errstate(over="ignore", under="ignore"):
            assert solution.x == pytest.approx(plain.x * 10.0 ** (powers[3] - units.astype(float)), rel=1e-10)
        assert solution.condition == pytest.approx(plain.condition, rel=1e-10) or intercept

    @pytest.mark.parametrize("offset", [1.7e9, 1.7e12, -3e15])
    @pytest.mark.parametrize("seed", range(5))
    def test_an_offset_beside_an_intercept_moves_the_intercept_alone(self, seed, offset):
        rng = np.random.default_rng(seed)
        # Multiples of ½ that stay exact beside the offset.
        A, b = rng.integers(-1000, 1000, (15, 2)) / 2, rng.standard_normal(15)
        moved = A + np.array([offset, 0.0])
        solution, plain = solve(moved, b, intercept=True), solve(A, b, intercept=True)
        exact = exact_solution(np.column_stack([np.ones(15), moved]), b)

        assert_rounded_correctly(solution.x, exact)
        assert solution.x[1:].tolist() == plain.x[1:].tolist()
        assert solution.residual_norm == pytest.approx(plain.residual_norm, rel=1e-6)

    @pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 10**3), ("ns", 10**9)])
    def test_a_unix_time_column_has_the_right_slope(self, unit, per_second, run_lsq):
        seconds = [1_700_000_000 + 60 * k for k in range(50)]
        rows = "".join(f"{t * per_second},{3 + 2 * (t - seconds[0])}\n" for t in seconds)
        result = run_lsq("solve", "--intercept", "-f", "json", stdin=f"time_{unit},y\n{rows}").json

        assert result["x"] == [3 - 2.0 * seconds[0], 2 / per_second]
        assert (result["digits"], result["rank"], result["residual_norm"]) == (
            15.9,
            2,
            0.0 if unit == "s" else result["residual_norm"],
        )


class TestWeights:
    @given(seed=st.integers(0, 10**6), data=st.data())
    @settings(max_examples=25, deadline=None)
    def test_a_weight_counts_the_row_to_the_bit_and_zero_leaves_it_out(self, seed, data):
        rng = np.random.default_rng(seed)
        A, b = rng.standard_normal((20, 3)) * 10.0 ** rng.integers(-8, 9, (20, 3)), rng.standard_normal(20)
        counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=20, max_size=20)))
        if counts.sum() < 8 or np.count_nonzero(counts) < 5:
            return
        repeated = np.repeat(np.arange(20), counts)
        weighted = solve(A, b, weights=counts.astype(float), intercept=True)
        plain = solve(A[repeated], b[repeated], intercept=True)

        assert weighted.x.tobytes() == plain.x.tobytes()
        assert weighted.residual_norm == plain.residual_norm
        assert weighted.objective == plain.objective
        assert (weighted.digits, weighted.data_digits) == (plain.digits, plain.data_digits)


class TestDigits:
    """`digits` is a promise: never above the truth, and in the median within two digits of it."""

    PROBLEMS = 250
    WAYS = (
        ("normal", "extended"),
        ("normal", "double"),
        ("gd", "extended"),
        ("gd", "double"),
    )

    @pytest.mark.parametrize(("method", "precision"), WAYS)
    def test_what_is_claimed_is_true_and_hardly_below_the_truth(self, method, precision):
        rng = np.random.default_rng(11)
        options = {"step": "exact", "max_iter": 60} if method == "gd" else {}
        gaps = []
        for _ in range(self.PROBLEMS):
            A, b = random_problem(rng)
            exact = exact_solution(A, b)
            if exact is None:
                continue
            solution = solve(A, b, method=method, precision=precision, **options)
            if solution.digits is None:
                assert precision == "double" and solution.rank < A.shape[1]
                continue
            true = min(15.9, max(0.0, correct_digits(solution.x, exact)))

            assert solution.digits <= true
            gaps.append(true - solution.digits)

        assert len(gaps) > self.PROBLEMS / 2
        assert np.median(gaps) <= 2

    def test_the_answer_of_exact_sums_is_always_sure(self):
        rng = np.random.default_rng(12)
        for _ in range(40):
            A, b = random_problem(rng)
            if exact_solution(A, b) is not None:
                assert solve(A, b).digits == 15.9

    def test_coefficients_that_are_exactly_nought_cost_no_digits(self):
        rng = np.random.default_rng(14)
        A, b = np.zeros((40, 10)), np.zeros(40)
        A[:20, :5], A[20:, 5:], b[:20] = rng.normal(size=(20, 5)), rng.normal(size=(20, 5)), rng.normal(size=20)
        solution = solve(A, b)

        assert solution.x[5:].tolist() == [0.0] * 5
        assert_rounded_correctly(solution.x, exact_solution(A, b))
        assert solution.digits == 15.9
        assert solution.data_digits > 13

    def test_data_digits_survive_a_flip_of_last_bits(self):
        rng = np.random.default_rng(13)
        margins = []
        for _ in range(120):
            A, b = random_problem(rng, 4)
            if exact_solution(A, b) is None:
                continue
            solution = solve(A, b)
            for _ in range(3):
                B, c = (flipped(rng, values) for values in (A, b))
                moved = exact_solution(B, c)
                kept = 0.0 if moved is None else correct_digits(solution.x, moved)

                assert kept >= solution.data_digits - 1
                margins.append(kept - solution.data_digits)

        assert np.median(margins) <= 3


def flipped(rng, values):
    """Some doubles with a random choice of last bits flipped."""
    whole = np.ascontiguousarray(values).view(np.uint64) ^ rng.integers(0, 2, values.shape, dtype=np.uint64)
    return whole.view(np.float64)


class TestResiduals:
    @pytest.mark.parametrize("method", ["normal", "gd"])
    @pytest.mark.parametrize("size", [1e-3, 1e-9, 1e-12, 1e-14])
    def test_the_norm_is_right_to_the_last_digit_however_small(self, method, size):
        rng = np.random.default_rng(21)
        A = rng.standard_normal((30, 3))
        b = A @ [1.0, -2.0, 3.0] + size * rng.standard_normal(30)
        solution = solve(A, b, method=method)
        rows = [[Fraction(v) for v in row] for row in np.column_stack([A, -b]).tolist()]
        z = [Fraction(float(v)) for v in [*solution.x, 1.0]]
        square = sum(sum(a * v for a, v in zip(row, z, strict=True)) ** 2 for row in rows)

        assert solution.residual_norm == Dyadic(square.numerator, 1 - square.denominator.bit_length()).root()
        assert solution.objective == float(square / 2)

    def test_a_perfect_fit_has_a_residual_of_zero(self):
        t = np.arange(21.0)
        solution = solve(np.column_stack([t**k for k in range(1, 6)]), sum(t**k for k in range(6)), intercept=True)

        assert solution.x.tolist() == [1.0] * 6
        assert (solution.residual_norm, solution.gradient_norm, solution.objective) == (0.0, 0.0, 0.0)


class TestRank:
    def test_a_column_a_millionth_of_a_millionth_away_is_kept_at_a_million_rows(self):
        rng = np.random.default_rng(31)
        A = rng.standard_normal((1000, 3))
        A[:, 2] = A[:, 0] + 1e-12 * A[:, 2]
        b = A @ [1.0, 2.0, 3.0] + rng.standard_normal(1000)
        sums = ExactSums(3, 1)
        sums.add(A, b[:, None])
        # The same rows again and again: 2¹⁰ times, the solution stays.
        for _ in range(10):
            sums.merge(copy.deepcopy(sums))
        many, few = SummedProblem(About((), ()), sums), solve(A, b)

        assert sums.rows == 1_024_000
        assert (many.rank, few.rank) == (3, 3)
        assert many.x[:, 0].tolist() == few.x.tolist()
        assert_rounded_correctly(few.x, exact_solution(A, b))

    def test_it_is_kept_in_rows_that_are_all_different_too(self):
        rng = np.random.default_rng(32)
        A = rng.standard_normal((1_000_000, 2))
        A[:, 1] = A[:, 0] + 1e-12 * A[:, 1]
        solution = solve(A, rng.standard_normal(len(A)))

        assert (solution.rank, solution.digits) == (2, 15.9)

    def test_the_tolerance_decides_what_counts_as_dependent(self, run_lsq):
        rng = np.random.default_rng(33)
        A = rng.standard_normal((30, 2))
        A[:, 1] = A[:, 0] + 1e-6 * A[:, 1]
        rows = "".join(f"{u!r},{v!r},{u + v!r}\n" for u, v in A.tolist())
        args = ("solve", "-t", "y", "-f", "json")
        kept = run_lsq(*args, stdin="u,v,y\n" + rows).json
        joined = run_lsq(*args, "--rank-tol", "1e-4", stdin="u,v,y\n" + rows)

        assert (kept["rank"], kept["dependencies"]) == (2, [])
        assert (joined.code, joined.json["rank"]) == (0, 1)
        assert joined.json["dependencies"] == ["v ≈ u"]
        assert "--drop v" in joined.err

    def test_dependencies_are_told_in_the_table_in_json_and_in_a_warning(self, run_lsq):
        rows = "x1,x2,x3,y\n1,2,3,1\n4,1,5,2\n2,2,4,9\n0,3,3,1\n5,5,10,2\n"
        shown = run_lsq("solve", stdin=rows)
        told = run_lsq("solve", "-f", "json", stdin=rows).json

        assert "Dependencies\n  x3 = x1 + x2\n" in shown.out
        assert told["dependencies"] == ["x3 = x1 + x2"]
        assert (told["rank"], told["columns"]) == (2, 3)
        assert "x3 = x1 + x2" in told["warnings"][0]
        assert "lsq: warning: the columns of A depend on each other, rank 2 of 3: x3 = x1 + x2" in shown.err

    @pytest.mark.parametrize("seed", range(4))
    def test_wide_problems_have_the_solution_of_least_norm(self, seed):
        rng = np.random.default_rng(seed)
        A, b = rng.integers(-9, 10, (4, 7)).astype(float), rng.integers(-9, 10, 4).astype(float)
        solution = solve(A, b)
        exact = least_norm_solution(A, b)

        assert_rounded_correctly(solution.x, exact)
        assert solution.rank == 4
        assert solution.x == pytest.approx(np.linalg.lstsq(A, b, rcond=None)[0], rel=1e-9)

    @pytest.mark.parametrize("seed", range(3))
    def test_wide_problems_of_any_doubles_have_it_too(self, seed):
        rng = np.random.default_rng(100 + seed)
        A, b = rng.standard_normal((5, 9)), rng.standard_normal(5)
        solution = solve(A, b)

        assert solution.rank == 5
        assert solution.x == pytest.approx(np.linalg.lstsq(A, b, rcond=None)[0], rel=1e-9)
        assert solution.residual_norm <= 1e-13


class TestMinDigits:
    def test_fewer_digits_than_asked_for_end_with_exit_four_and_the_result(self, run_lsq, tmp_path):
        path = tmp_path / "p.csv"
        rng = np.random.default_rng(41)
        path.write_text(
            "u,v,y\n" + "".join(",".join(map(repr, row)) + "\n" for row in rng.uniform(1, 2, (50, 3)).tolist())
        )
        args = ("solve", path, "-t", "y", "--precision", "double", "-f", "json")
        note = "lsq: note: no intercept: add --intercept\n"
        digits = run_lsq(*args).json["digits"]
        passed, failed = run_lsq(*args, "--min-digits", digits - 0.1), run_lsq(*args, "--min-digits", digits + 0.1)

        assert 5 < digits < 15.9
        assert passed.code == 0
        assert failed.code == 4
        assert failed.err == note + f"lsq: check failed: --min-digits {digits + 0.1:g}: {digits:.1f} are sure\n"
        assert failed.json["digits"] == digits
        assert run_lsq("solve", path, "--min-digits", 15.9).code == 0

    def test_digits_that_cannot_be_told_are_too_few(self, run_lsq):
        # The third column is 0.1 u + 0.2 v, rounded: x is open to rounding.
        u = np.arange(1.0, 9.0)
        v = u**2
        rows = "".join(
            ",".join(map(repr, row)) + "\n" for row in np.column_stack([u, v, 0.1 * u + 0.2 * v, u * v]).tolist()
        )
        result = run_lsq("solve", "-t", "y", "--min-digits", "1", "-f", "json", stdin="u,v,w,y\n" + rows)

        assert result.code == 4
        assert result.json["digits"] is None
        assert "check failed: --min-digits 1: cannot be told" in result.err

    def test_not_converged_is_the_greater_news(self, run_lsq):
        rows = "x,y\n1,2\n2,3\n3,5\n"
        args = ("solve", "--intercept", "--method", "gd", "--max-iter", "2", "--min-digits", "12")
        result = run_lsq(*args, "-f", "json", stdin=rows)

        assert result.code == 3
        assert "check failed" in result.err
        assert json.loads(result.raw)["outcome"] == "max_iterations"
