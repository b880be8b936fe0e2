"""`lsq gradient`: derivatives against rational arithmetic, one step, and one column alone."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import gradient
from lsq_cli.core.errors import ProblemError, UsageError
from lsq_cli.engines.local import MEMORY, fold
from lsq_cli.engines.resources import Resources
from lsq_cli.runs.at_point import PointEvaluation, residuals
from lsq_cli.sources.opening import open_python

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
MARKET = (SAMPLES / "A.csv", SAMPLES / "b.csv")
FACTORS = {"half": lambda m: 1.0, "sum": lambda m: 2.0, "mean": lambda m: 2.0 / m}


def exact(A, b, x, weights=None):
    """r, ½Σwr² and AᵀWr as fractions, for b (m,) and x (n,)."""
    A, b, x = ([Fraction(float(v)) for v in np.ravel(each)] for each in (A, b, x))
    m, n = len(b), len(x)
    rows = [A[i * n : (i + 1) * n] for i in range(m)]
    w = [Fraction(1)] * m if weights is None else [Fraction(float(v)) for v in weights]
    r = [sum((a * v for a, v in zip(row, x, strict=True)), -b_i) for row, b_i in zip(rows, b, strict=True)]
    f = sum(w_i * r_i**2 for w_i, r_i in zip(w, r, strict=True)) / 2
    g = [sum(w_i * row[j] * r_i for w_i, row, r_i in zip(w, rows, r, strict=True)) for j in range(n)]
    return r, f, g


def problem(seed, m=12, n=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, n)), rng.standard_normal(m), rng.standard_normal(n)


def close(found, expected):
    """Whether numbers are those of fractions to within a unit in the last place, also of the least doubles."""
    return [float(v) for v in np.ravel(found)] == pytest.approx([float(v) for v in expected], rel=4e-16, abs=5e-324)


numbers = st.floats(-1e3, 1e3, allow_subnormal=False)


@st.composite
def problems(draw):
    m, n = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    cells = draw(st.lists(numbers, min_size=m * n + m + n, max_size=m * n + m + n))
    scales = draw(st.lists(st.integers(-150, 150), min_size=n, max_size=n))
    A = np.array(cells[: m * n]).reshape(m, n) * 2.0 ** np.array(scales)
    return A, np.array(cells[m * n : m * n + m]), np.array(cells[m * n + m :]) / 2.0 ** np.array(scales)


@settings(max_examples=80, deadline=None)
@given(problems(), st.sampled_from(sorted(FACTORS)))
def test_the_three_ways_give_the_exact_gradient_whatever_the_numbers(drawn, loss):
    A, b, x = drawn
    r, f, g = exact(A, b, x)
    times, over = (1 if loss == "half" else 2), (len(b) if loss == "mean" else 1)
    found = gradient(A, b, at=x, objective=loss)

    assert close(found.residual, r)
    assert close([found.objective], [f * times / over])
    for way in (found.gradient, found.gradient_from_normal, found.finite_difference, found.jacobian):
        assert close(way, [v * times / over for v in g])


def test_the_residual_has_twice_the_digits_of_a_double():
    A, b, x = problem(0, m=50, n=6)
    b = A @ x  # so that nearly all of it cancels
    r, rest = residuals(A, b[:, None], x[:, None])
    expected, _, _ = exact(A, b, x)

    for found, left, right in zip(r.ravel(), rest.ravel(), expected, strict=True):
        assert abs(Fraction(float(found)) + Fraction(float(left)) - right) <= Fraction(2) ** -100


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(
    "paths", [MARKET, (SAMPLES / "longley.csv",), (SAMPLES / "norris.csv",)], ids=["market", "longley", "norris"]
)
def test_differences_agree_on_the_sample_data_to_more_than_nine_digits(paths, intercept, run_lsq):
    n = {"A.csv": 3, "longley.csv": 6, "norris.csv": 1}[paths[0].name] + intercept
    for at in ("0," * n, "0.37," * n):
        args = [*paths, "--at", at.rstrip(","), "-f", "json", *(["--intercept"] if intercept else [])]
        record = run_lsq("gradient", *args).json
        g = np.array(record["gradient"])

        assert (abs(np.array(record["finite_difference"]) - g) <= 1e-14 * abs(g)).all()
        assert (abs(np.array(record["gradient_from_normal"]) - g) <= 1e-14 * abs(g)).all()
        assert record["largest_difference"] <= 1e-14 * abs(g).max()


def test_at_a_minimum_the_three_ways_still_agree():
    A, b, _ = problem(1, m=40)
    x = np.linalg.lstsq(A, b, rcond=None)[0]
    found = gradient(A, b, at=x)

    assert 0 < abs(found.gradient).max() < 1e-13
    assert close(found.gradient, exact(A, b, x)[2])
    assert close(found.finite_difference, found.gradient.ravel())
    assert close(found.gradient_from_normal, found.gradient.ravel())


def test_json_has_its_keys_in_their_shapes(run_lsq):
    record = run_lsq("gradient", *MARKET, "--at", "1,2,0.5", "-f", "json").json
    A, b = (np.loadtxt(path, delimiter=",", skiprows=1) for path in MARKET)
    r = A @ [1, 2, 0.5] - b

    assert record["objective"] == pytest.approx(r @ r / 2)
    assert record["residual"] == pytest.approx(r)
    assert np.array(record["jacobian"]) == pytest.approx((r @ A)[None, :])
    assert np.array(record["gradient"]) == pytest.approx((A.T @ r)[:, None])
    assert np.array(record["gradient_from_normal"]).shape == np.array(record["finite_difference"]).shape == (3, 1)
    assert record["next"] == pytest.approx(np.array([1, 2, 0.5]) - record["learning_rate"] * A.T @ r)
    assert record["verdict"] is None
    assert (record["loss"], record["names"]) == ("half", ["apples", "pears", "loaves"])


@pytest.mark.parametrize("loss", FACTORS)
def test_the_step_is_one_of_descent_on_the_objective_that_was_asked_for(loss):
    A, b, x = problem(2)
    s = FACTORS[loss](len(b))
    found = gradient(A, b, at=x, objective=loss)
    largest = s * np.linalg.eigvalsh(A.T @ A)[-1]
    r = A @ found.next - b

    assert found.learning_rate == pytest.approx(1 / largest)
    assert found.largest_stable_rate == pytest.approx(2 / largest)
    assert found.next_objective == pytest.approx(s * r @ r / 2)
    assert found.next_objective < found.objective


def test_a_rate_of_ones_own_is_taken_and_called_too_large_where_it_is(run_lsq):
    A, b, x = problem(3)

    assert gradient(A, b, at=x, learning_rate=0.01).next == pytest.approx(x - 0.01 * A.T @ (A @ x - b))

    result = run_lsq("gradient", *MARKET, "--learning-rate", "0.1")

    assert "not below the largest stable β" in result.out


def test_scales_beyond_the_square_root_of_doubles_change_nothing():
    A, b, x = problem(4)
    scales = np.array([2.0**-400, 1.0, 2.0**400])
    plain, scaled = gradient(A, b, at=x), gradient(A * scales, b, at=x / scales)

    assert (scaled.gradient == plain.gradient * scales[:, None]).all()
    assert (scaled.residual == plain.residual).all()
    assert scaled.largest_difference == 0


def test_weights_count_rows_and_an_intercept_is_a_column_of_ones():
    A, b, _ = problem(5)
    weights = np.arange(12) % 4
    x = np.array([0.3, 1, -2, 0.1])
    found = gradient(A, b, at=x, weights=weights, intercept=True)
    repeated = gradient(np.repeat(A, weights, axis=0), np.repeat(b, weights), at=x, intercept=True)

    assert (found.gradient == repeated.gradient).all()
    assert (found.finite_difference == repeated.gradient).all()
    assert found.objective == repeated.objective
    assert close(found.gradient, exact(np.column_stack((np.ones(12), A)), b, x, weights)[2])
    assert found.names[0] == "(intercept)"


def test_several_targets_have_a_column_each():
    A, b, x = problem(6)
    B, X = np.column_stack((b, b[::-1])), np.column_stack((x, 2 * x))
    found = gradient(A, B, at=X)

    assert found.gradient == pytest.approx(A.T @ (A @ X - B))
    assert found.jacobian.shape == (2, 3)
    assert found.residual.shape == (12, 2)
    assert found.next == pytest.approx(X - found.learning_rate * found.gradient)
    assert found.finite_difference == pytest.approx(found.gradient)
    assert gradient(A, B, at=X, mine=found.gradient.T).verdict.startswith("row for column")
    assert "x3 of b2 is" in gradient(A, B, at=X, mine=found.gradient + np.diag([0, 0, 1.0])[:, 1:]).verdict


def test_parts_of_one_table_are_one_problem(run_lsq, tmp_path):
    A, b, _ = problem(7)
    lines = [",".join(map(repr, row)) for row in np.column_stack((A, b)).tolist()]
    (tmp_path / "all.csv").write_text("\n".join(["u,v,w,y", *lines]))
    (tmp_path / "p1.csv").write_text("\n".join(["u,v,w,y", *lines[:5]]))
    (tmp_path / "p2.csv").write_text("\n".join(["u,v,w,y", *lines[5:]]))
    whole = run_lsq("gradient", tmp_path / "all.csv", "-t", "y", "-f", "json").json
    parts = run_lsq("gradient", tmp_path / "p1.csv", tmp_path / "p2.csv", "-t", "y", "-f", "json").json

    assert whole.pop("data") != parts.pop("data")
    assert whole == parts


def test_one_column_alone_is_the_loss_between_a_and_b(run_lsq):
    result = run_lsq("gradient", "--at", "1,2,3", "-f", "json", stdin="y\n3\n5\n4\n")
    record = result.json

    assert record["loss"] == "sum"
    assert record["objective"] == 4 + 9 + 1
    assert record["residual"] == [-2, -3, -1]
    assert record["jacobian"] == [[-4, -6, -2]]
    assert record["gradient"] == record["gradient_from_normal"] == record["finite_difference"] == [[-4], [-6], [-2]]
    assert (record["learning_rate"], record["largest_stable_rate"]) == (0.5, 1)
    assert (record["next"], record["next_objective"]) == ([3, 5, 4], 0)
    assert result.err == "lsq: note: one column alone: A = I, and the unknown is called a\n"


def test_one_column_alone_takes_the_other_objectives_and_names_mistakes():
    b, a = np.array([3.0, 5, 4, 0.1]), np.array([1.0, 2, 3, 0.3])

    assert gradient(b, at=a, objective="half").gradient.ravel() == pytest.approx(a - b)
    assert gradient(b, at=a, objective="mean").gradient.ravel() == pytest.approx((a - b) / 2)
    assert close(gradient(b, at=a).finite_difference, [2 * v for v in exact(np.eye(4), b, a)[2]])
    assert gradient(b, at=a, mine=-2 * (b - a)).verdict.startswith("right: every component agrees")
    assert gradient(b, at=a, mine=2 * (b - a)).verdict.startswith("sign:")
    assert gradient(b, at=a, mine=a - b).verdict.startswith("½: ")
    assert gradient(b, at=a, mine=2 * a).verdict.startswith("b left out")


def test_one_column_beside_an_intercept_is_a_mean():
    found = gradient([1.0, 2.0, 6.0], intercept=True)

    assert found.names == ("(intercept)",)
    assert found.gradient.tolist() == [[-9]]
    assert found.next.tolist() == [3]


def test_one_column_alone_has_no_weights_and_two_targets_need_a_matrix():
    with pytest.raises(UsageError, match="weights= needs a column of A"):
        gradient(np.ones((3, 2)), weights="x1")
    with pytest.raises(ProblemError, match="no column is left to be A"):
        gradient(np.ones((3, 2)), target="x1,x2")
    with pytest.raises(ProblemError, match="the data has no rows"):
        gradient(np.ones((0, 1)))
    with pytest.raises(ProblemError, match="the data has no rows"):
        gradient(np.ones((0, 2)), np.ones(0))


def test_numbers_beyond_the_range_of_doubles_are_refused():
    with pytest.raises(ProblemError, match="beyond the range of doubles"):
        gradient([[1e300], [1.0]], [1.0, 2.0], at=[1e300])
    with pytest.raises(ProblemError, match="beyond the range of doubles"):
        gradient([-1e308, 1.0], at=[1e308, 0])


def test_the_python_face_refuses_what_the_shell_would():
    with pytest.raises(UsageError, match="objective must be one of half, sum, mean"):
        gradient([[1.0]], [1.0], objective="median")
    with pytest.raises(UsageError, match="learning_rate must be a number > 0"):
        gradient([[1.0]], [1.0], learning_rate=-1.0)
    with pytest.raises(ProblemError, match="at has 2 numbers, the problem has 1 unknowns"):
        gradient([[1.0]], [1.0], at=[1, 2])
    with pytest.raises(ProblemError, match="mine has a number that is not finite"):
        gradient([[1.0]], [1.0], mine=[math.nan])


def test_differences_need_no_more_than_the_sums_themselves():
    A, b, x = problem(3, m=20, n=200)
    model = PointEvaluation(open_python(A, b), x[:, None], intercept=False, resources=Resources())
    tracemalloc.start()
    model.differences()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * 8 * 200**2


def test_the_name_stays_a_function_whatever_was_imported_before():
    import lsq_cli
    import lsq_cli.runs.gradient

    assert callable(lsq_cli.gradient)


def test_a_column_of_zeros_leaves_every_rate_stable():
    found = gradient([[0.0], [0.0]], [1.0, 2.0])

    assert (found.learning_rate, found.largest_stable_rate) == (1, math.inf)
    assert found.gradient.tolist() == [[0]]


@pytest.mark.parametrize("columns", ["u,y", "y"])
def test_threads_and_memory_are_used_and_change_nothing(columns, run_lsq, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 256)
    seen = []

    def watched(kernel, blocks, jobs=None, memory=MEMORY, **more):
        seen.append((jobs, memory))
        return fold(kernel, blocks, jobs, memory, **more)

    monkeypatch.setattr("lsq_cli.engines.resources.fold", watched)
    path = tmp_path / "t.csv"
    path.write_text("u,y\n" + "".join(f"{k},{k * k % 17 / 7}\n" for k in range(400)))
    args = ["gradient", path, "--columns", columns, "-f", "json"]
    one, many = run_lsq(*args, "--jobs", 1), run_lsq(*args, "--jobs", 3, "--memory", "1kB")

    assert one.raw == many.raw
    assert len(one.json["residual"]) == one.json["rows_read"] == 400
    assert seen == [(1, MEMORY), (3, 1000)]


def test_one_point_is_that_of_every_target(run_lsq, tmp_path):
    (tmp_path / "A.csv").write_text("u,v\n1,2\n3,4\n5,6.5\n")
    (tmp_path / "b.csv").write_text("p,q\n1,2\n2,3\n3,9\n")
    found = run_lsq("gradient", tmp_path / "A.csv", tmp_path / "b.csv", "--at", "1,2", "-f", "json").json

    A, b = np.array([[1, 2], [3, 4], [5, 6.5]]), np.array([[1, 2], [2, 3], [3, 9.0]])
    x = np.array([[1.0, 1], [2, 2]])
    assert found["x"] == x.tolist()
    np.testing.assert_allclose(found["gradient"], A.T @ (A @ x - b), rtol=1e-14)
