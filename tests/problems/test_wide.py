"""Wide problems by AAᵀ: the solution of least norm, against rational arithmetic, and when another way is taken."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import solve
from lsq_cli.core.errors import ProblemError
from lsq_cli.core.problem import About
from lsq_cli.engines.resources import Resources
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.methods.gd import Descent
from lsq_cli.methods.stopping import Limits
from lsq_cli.problems import choosing, widerows
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.problems.wide import WideProblem
from lsq_cli.problems.widerows import WideRows
from lsq_cli.runs.comparing import compare, read_both
from lsq_cli.runs.solving import Run
from lsq_cli.sources.blocks import Rows
from lsq_cli.sources.opening import open_python


def fractions(A: np.ndarray) -> list[list[Fraction]]:
    return [[Fraction(v) for v in row] for row in A.tolist()]


def exact_least_norm(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Aᵀ(AAᵀ)⁻¹b in rational arithmetic, each number rounded once; for independent rows."""
    rows, m = fractions(A), len(A)
    system = [
        [sum(u * v for u, v in zip(p, q, strict=True)) for q in rows] + t
        for p, t in zip(rows, fractions(b), strict=True)
    ]
    for i in range(m):
        pivot = next(k for k in range(i, m) if system[k][i])
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [v / system[i][i] for v in system[i]]
        for k in range(m):
            if k != i:
                factor = system[k][i]
                system[k] = [u - factor * v for u, v in zip(system[k], system[i], strict=True)]
    y = [row[m:] for row in system]
    return np.array(
        [[float(sum(rows[i][j] * y[i][t] for i in range(m))) for t in range(b.shape[1])] for j in range(A.shape[1])]
    )


def wide_problem(A, b, weights=None, intercept=False) -> WideProblem:
    return WideProblem(About((), ()), WideRows.of([Rows(A, b, weights, len(b), {})], intercept))


def random_wide(seed: int, m: int, extra: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, m + extra)) * 10.0 ** rng.uniform(-spread, spread, (m, 1))
    A *= 10.0 ** rng.uniform(-spread, spread, m + extra)
    return A, rng.standard_normal((m, 2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 4), st.sampled_from([0, 3, 60]), st.booleans())
def test_every_coefficient_is_the_exact_one_rounded_once(seed, m, extra, spread, is_sparse):
    A, b = random_wide(seed, m, extra, spread)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widerows, "_PIECE", 8)
        found = wide_problem(scipy.sparse.csr_array(A) if is_sparse else A, b)

        assert found.independent_rows
        assert np.array_equal(found.x, exact_least_norm(A, b))
        assert found.digits(found.x) == 15.9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 4))
def test_small_integers_give_exact_zeros_and_exact_fits(seed, m, extra):
    rng = np.random.default_rng(seed)
    A = np.hstack([np.eye(m), rng.integers(-2, 3, (m, extra)), np.zeros((m, 1))])
    b = A @ np.append(np.zeros(m + extra), 1.0).reshape(-1, 1)
    found = wide_problem(A, b)

    assert found.x.tolist() == np.zeros((m + extra + 1, 1)).tolist()
    assert found.digits(found.x) == 15.9
    assert found.value_at(found.x) == (0.0, 0.0, 0.0, (0.0,))
    x = wide_problem(A, A[:, :1]).x
    assert np.array_equal(x, exact_least_norm(A, A[:, :1]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_values_at_any_x_are_exact(seed, m, extra, weighted):
    A, b = random_wide(seed, m, extra, 5)
    weights = np.random.default_rng(seed).random(m) if weighted else None
    x = np.random.default_rng(seed + 1).standard_normal((m + extra, 2))
    found = wide_problem(A, b, weights).value_at(x)
    X, w = fractions(x), [Fraction(1)] * m if weights is None else [Fraction(v) for v in weights.tolist()]
    r = [
        [sum(a * X[j][t] for j, a in enumerate(row)) - b_i[t] for t in range(2)]
        for row, b_i in zip(fractions(A), fractions(b), strict=True)
    ]
    f = sum(w_i * v * v for w_i, row in zip(w, r, strict=True) for v in row)
    g = [
        sum(w_i * row[t] * Fraction(A[i, j]) for i, (w_i, row) in enumerate(zip(w, r, strict=True)))
        for j in range(m + extra)
        for t in range(2)
    ]

    assert found.objective == float(f / 2)
    assert found.residual_norm == pytest.approx(float(f) ** 0.5, rel=1e-15)
    assert found.gradient_norm == pytest.approx(float(sum(v * v for v in g)) ** 0.5, rel=1e-15)


def test_an_x_that_is_not_finite_has_infinite_values():
    A, b = random_wide(0, 2, 1, 0)

    assert wide_problem(A, b).value_at(np.full((3, 2), np.nan)) == (np.inf, np.inf, np.inf, (np.inf, np.inf))


def test_digits_tell_a_wrong_x():
    A, b = random_wide(1, 3, 2, 0)
    found = wide_problem(A, b)

    assert 5.9 < found.digits(found.x * (1 + 1e-6)) < 6.1


# --- the way that a problem takes


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("intercept", [False, True])
def test_a_wide_problem_gives_what_lstsq_gives(kind, intercept):
    A, b = random_wide(2, 6, 5, 1)
    found = solve(kind(A), b, intercept=intercept)
    M = np.hstack([np.ones((6, 1)), A]) if intercept else A

    assert found.x == pytest.approx(np.linalg.lstsq(M, b, rcond=None)[0], rel=1e-9)
    assert np.array_equal(found.x, exact_least_norm(M, b))
    assert (found.rank, found.digits, found.rows, found.passes, found.condition) == (6, 15.9, 6, 1, None)
    assert found.dependencies == ()
    assert found.warnings == (
        f"6 rows do not determine {11 + intercept} unknowns, many x fit exactly: x is the solution of least norm",
    )


def test_it_is_the_solution_that_the_sums_give():
    A, b = random_wide(3, 3, 2, 0)

    assert np.array_equal(solve(A, b).x, read_problem(open_python(A, b)).x)


@pytest.mark.parametrize("precision", ["extended", "double"])
@pytest.mark.parametrize("intercept", [False, True])
def test_descent_walks_on_the_sums_and_is_judged_by_the_rows(precision, intercept):
    A, b = random_wide(10, 5, 4, 0)
    options = {"method": "gd", "intercept": intercept, "precision": precision, "tol": 1e-3}
    asked = ProblemOptions(intercept, precision=precision)
    found, problem = solve(A, b, **options), read_problem(open_python(A, b), asked)
    last = list(Run(problem, Descent(limits=Limits(1e-3))))[-1]
    normal = solve(A, b, intercept=intercept)

    assert np.array_equal(found.x, last.x)
    assert (found.iterations, found.rank, found.precision) == (last.k, 5, precision)
    M = np.hstack([np.ones((5, 1)), A]) if intercept else A
    wrong = abs(found.x - normal.x) / abs(normal.x)
    assert found.digits == pytest.approx(-np.log10(wrong.max()), abs=1e-3)
    assert found.residual_norm == wide_problem(M, b).value_at(found.x).residual_norm
    assert found.dependencies == ()
    assert found.warnings == (
        f"5 rows do not determine {9 + intercept} unknowns, many x fit exactly: x is the solution of least norm",
    )


def test_descent_from_elsewhere_says_which_of_the_many_solutions_it_finds():
    A, b = random_wide(11, 2, 2, 0)

    assert solve(A, b, method="gd", x0=np.ones((4, 2))).warnings == (
        "2 rows do not determine 4 unknowns, many x fit exactly: "
        "x keeps the part of x0 in the null space of A, which no gradient touches",
    )


@pytest.mark.parametrize("options", [{}, {"precision": "double"}])
def test_descent_on_a_wide_problem_solves_no_equations_of_n_unknowns(options, monkeypatch):
    sizes = []
    plain = NormalEquations.__init__

    def watched(self, N, e, p, *more):
        sizes.append(len(e) - p)
        plain(self, N, e, p, *more)

    monkeypatch.setattr(NormalEquations, "__init__", watched)
    A, b = random_wide(12, 3, 40, 0)
    solve(A, b, method="gd", **options)
    list(compare(read_both(open_python(A, b))))

    assert set(sizes) == {3}


@pytest.mark.parametrize("change", ["ridge", "dependent rows"])
def test_descent_with_a_ridge_or_dependent_rows_is_judged_by_the_sums(change):
    A, b = random_wide(13, 4, 3, 0)
    if change == "dependent rows":
        A[3] = A[1] - A[0]
    problem = choosing.read(open_python(A, b), ProblemOptions(ridge=0.5 if change == "ridge" else 0.0), method="gd")

    assert isinstance(problem, SummedProblem)
    assert problem.rank == (7 if change == "ridge" else 3)


def test_rows_that_depend_on_each_other_go_by_the_sums():
    A, b = random_wide(4, 3, 4, 0)
    A[2] = A[0] + A[1]
    found = solve(A, b)

    assert found.rank == 2
    assert found.x == pytest.approx(np.linalg.pinv(A, rcond=1e-12) @ b, rel=1e-9)


def test_weights_count_as_rows_or_not_at_all():
    A, b = random_wide(5, 4, 3, 0)
    found = solve(A, b, weights=[1.0, 0.0, 2.0, 1e-3])

    assert np.array_equal(found.x, exact_least_norm(A[[0, 2, 3]], b[[0, 2, 3]]))
    assert (found.rank, found.rows) == (3, 4)


def test_a_ridge_goes_by_the_sums():
    A, b = random_wide(6, 2, 3, 0)
    x = solve(A, b, ridge=0.5).x

    assert x == pytest.approx(A.T @ np.linalg.solve(A @ A.T + 0.5 * np.eye(2), b), rel=1e-12)


def test_dropped_rows_and_constant_columns_are_counted():
    A, b = random_wide(7, 4, 3, 0)
    A[1, 2] = np.nan
    A[:, 0] = 3.0
    problem = choosing.read(open_python(A, b, missing="drop"))

    assert isinstance(problem, WideProblem)
    about = problem.about
    assert (about.rows, about.rows_read, about.dropped, about.has_constant) == (3, 4, {"nan": 1}, True)


def test_only_the_first_n_rows_are_read_ahead():
    A, b = random_wide(8, 5000, 0, 0)
    A = A[:, :3]
    problem = choosing.read(open_python(A, b))

    assert not isinstance(problem, WideProblem)
    assert problem.sums == read_problem(open_python(A, b)).sums
    told: list[int] = []
    choosing.read(open_python(A, b), resources=Resources(progress=told.append))
    assert sum(told) == A.nbytes


def test_rows_that_all_miss_a_cell_are_the_error_they_always_were():
    with pytest.raises(ProblemError, match="its only row has a missing cell"):
        solve([[np.nan, 1.0]], [1.0], missing="drop")


def test_wide_problems_of_very_many_unknowns_need_no_sums(monkeypatch):
    monkeypatch.setattr(choosing, "SOLVED", 5)
    rng = np.random.default_rng(9)
    A = scipy.sparse.csr_array(rng.random((20, 5000)) * (rng.random((20, 5000)) < 0.01))
    A = A + scipy.sparse.eye_array(20, 5000)
    b = rng.standard_normal(20)
    found = solve(A, b)

    assert found.x == pytest.approx(scipy.sparse.linalg.lsqr(A, b, atol=1e-15, btol=1e-15)[0], abs=1e-12)
    assert (found.rank, found.digits) == (20, 15.9)


@pytest.mark.parametrize(("rows", "limit"), [(9, "SOLVED"), (6, "WIDE_ROWS"), (6, "WIDE_NUMBERS")])
def test_too_many_unknowns_for_the_normal_equations_are_refused(rows, limit, monkeypatch):
    monkeypatch.setattr(choosing, "SOLVED", 5)
    monkeypatch.setattr(choosing, limit, 5)
    monkeypatch.setattr("lsq_cli.sources.binary.arrays.BLOCK_BYTES", 8)

    with pytest.raises(ProblemError) as error:
        solve(np.eye(rows, 8), np.ones(rows))
    assert str(error.value) == (
        'A b: 8 unknowns: AᵀA would take 5.1e-07 GB and its exact solution hours; method="gd" goes by the rows'
    )


def test_dependent_rows_of_too_many_unknowns_are_refused(monkeypatch):
    monkeypatch.setattr(choosing, "SOLVED", 5)

    with pytest.raises(ProblemError, match='AAᵀ does not help, for rows of A depend on each other; method="gd"'):
        solve(np.ones((3, 8)), np.ones(3))


def test_a_ridge_on_too_many_unknowns_is_refused(monkeypatch):
    monkeypatch.setattr(choosing, "SOLVED", 5)

    with pytest.raises(ProblemError, match=r'its exact solution hours; method="gd" goes by the rows$'):
        solve(np.eye(3, 8), np.ones(3), ridge=1.0)


def test_the_shell_says_what_kind_of_solution_it_is(run_lsq, tmp_path):
    (tmp_path / "t.csv").write_text("u,v,y\n1,2,5\n")
    result = run_lsq("solve", tmp_path / "t.csv", "-f", "json")

    assert result.json["x"] == [1.0, 2.0]
    assert result.err.splitlines()[-1] == (
        "lsq: warning: 1 row does not determine 2 unknowns, many x fit exactly: x is the solution of least norm"
    )
