"""`lsq gradient`: derivatives against rational arithmetic, one step, one column alone, and the naming of mistakes."""

from __future__ import annotations

import io
import math
import re
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from lsq_cli import gradient
from lsq_cli.core.errors import ProblemError, UsageError
from lsq_cli.engines.local import MEMORY, fold
from lsq_cli.engines.resources import Resources
from lsq_cli.report.gradient import print_gradient, sections
from lsq_cli.report.layout import plain_text, print_ruled
from lsq_cli.report.page import Page
from lsq_cli.runs.at_point import Affine, residuals
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
    """Whether numbers are those of fractions to within a unit in the last place."""
    return [float(v) for v in np.ravel(found)] == pytest.approx([float(v) for v in expected], rel=4e-16, abs=0)


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


def test_too_many_unknowns_are_refused_before_a_row_is_read(run_lsq, tmp_path):
    np.save(tmp_path / "A.npy", np.zeros((2, 2049)))
    np.save(tmp_path / "b.npy", np.zeros(2))
    tracemalloc.start()
    result = run_lsq("gradient", tmp_path / "A.npy", tmp_path / "b.npy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (result.code, result.raw) == (1, b"")
    assert peak < 8 * 2049**2
    assert result.err.endswith(
        "2049 unknowns: lsq gradient sums AᵀA to check itself, for at most 2048; leave columns out with --columns or "
        "--drop, or see ‖∇f‖ with lsq solve --method gd, which goes by the rows\n"
    )


def test_differences_need_no_more_than_the_sums_themselves():
    A, b, x = problem(3, m=20, n=200)
    model = Affine(open_python(A, b), x[:, None], intercept=False, resources=Resources())
    tracemalloc.start()
    model.differences()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * 8 * 200**2


def test_the_name_stays_a_function_whatever_was_imported_before():
    import lsq_cli
    import lsq_cli.runs.gradient

    assert callable(lsq_cli.gradient)


# Mistakes


def random_problem(rng):
    """A problem with columns of different sizes at a point that is no minimum, and what its gradient is made of."""
    m, n = int(rng.integers(3, 30)), int(rng.integers(1, 6))
    A = rng.standard_normal((m, n)) * 10.0 ** rng.integers(-3, 4, n)
    b = rng.standard_normal(m) * 10.0 ** rng.integers(-3, 4)
    intercept, loss = bool(rng.integers(2)), str(rng.choice(sorted(FACTORS)))
    M = np.column_stack((np.ones(m), A)) if intercept else A
    x = rng.standard_normal(M.shape[1]) * 10.0 ** rng.integers(-3, 4)
    return A, b, M, x, loss, intercept


def made(mistake, A, b, M, x, s):
    """The gradient with a mistake in it."""
    r = M @ x - b
    g, m = s * M.T @ r, len(b)
    spoiled = g.copy()
    spoiled[m % len(g)] *= 1.37
    return {
        "right": g,
        "right, a column": g[:, None],
        "right, nine digits": np.array([float(f"{v:.8e}") for v in g]),
        "row for column": g[None, :],
        "2×": 2 * g,
        "½": g / 2,
        "1/m": g / m,
        "m": g * m,
        "sign": -g,
        "sign and 2×": -2 * g,
        "Aᵀ forgotten": r,
        "Aᵀ forgotten, as a row": -2 * r[None, :],
        "Aᵀb left out": s * M.T @ M @ x,
        "AᵀAx left out": -s * M.T @ b,
        "intercept left out": g[1:],
        "intercept left out of the residual too": s * A.T @ (A @ x[1:] - b) if len(x) > A.shape[1] else g[1:],
        "one component off": spoiled,
        "off": g + abs(g).max() * (1.37 + np.arange(len(g))),
    }[mistake]


@pytest.mark.parametrize(
    "mistake",
    [
        *("right", "right, a column", "right, nine digits", "row for column", "2×", "½", "1/m", "m", "sign"),
        *("sign and 2×", "Aᵀ forgotten", "Aᵀ forgotten, as a row", "Aᵀb left out", "AᵀAx left out"),
        *("intercept left out", "intercept left out of the residual too", "one component off", "off"),
    ],
)
def test_each_mistake_is_named_over_random_problems(mistake):
    rng = np.random.default_rng(len(mistake))
    tried = 0
    while tried < 60:
        A, b, M, x, loss, intercept = random_problem(rng)
        few = {"row for column": 2, "one component off": 2}.get(mistake, 1)
        if M.shape[1] < few or (mistake.startswith("intercept") and not intercept):
            continue
        if mistake in ("Aᵀb left out", "AᵀAx left out") and np.linalg.norm(b) < 1e-6 * np.linalg.norm(M @ x):
            continue  # nothing that could be seen to be missing
        tried += 1
        mine = made(mistake, A, b, M, x, FACTORS[loss](len(b)))
        verdict = gradient(A, b, at=x, objective=loss, intercept=intercept, mine=mine).verdict
        named = {"m": ("m:", "2× or m:"), "2×": ("2×:", "2× or m:"), "off": ("off:", "one component off:", "1/m")}
        expected = named.get(mistake, (mistake.split(",")[0].replace(" of the residual too", ""),))

        assert verdict.startswith(expected), (verdict, A.shape, loss)


def test_a_right_gradient_at_a_minimum_is_called_right():
    rng = np.random.default_rng(8)
    for _ in range(60):
        A, b, M, _, loss, intercept = random_problem(rng)
        x = np.linalg.lstsq(M, b, rcond=None)[0]
        mine = FACTORS[loss](len(b)) * M.T @ (M @ x - b)

        assert gradient(A, b, at=x, objective=loss, intercept=intercept, mine=mine).verdict.startswith("right:")


def test_what_a_verdict_says_besides():
    A, b, x = problem(9)
    r = A @ x - b
    g = A.T @ r

    def of(mine, **options):
        return gradient(A, b, **{"at": x, **options}, mine=mine).verdict

    assert "it is the gradient of ‖r‖² (--objective sum)" in of(2 * g)
    assert "it is the gradient of ½‖r‖² (--objective half)" in of(g, objective="mean")
    assert "would climb" in of(-g)
    assert of(np.array([g[0], -g[1], g[2]])).startswith("one component off: x2 is")
    assert of(np.array([g[0], -g[1], g[2]])).endswith("(sign); the others agree")
    assert of(np.round(g, 4)).endswith("was it rounded?")
    assert of(2 * g[None, :]).startswith("row for column, and 2×:")
    assert of(np.append(r.sum(), g)).startswith("intercept too many")
    assert of(np.ones(5)).startswith("wrong shape: 5 × 1 numbers, but ∇f is 3 × 1, one for each of x1, x2, x3")
    assert of(np.ones((3, 2))).startswith("wrong shape: 3 × 2")
    assert of(np.ones(12)).startswith("Aᵀ forgotten: these are 12 numbers, one a row of A")
    assert "so compare at another --at too" in of(-A.T @ b, at=None)
    assert gradient(A[:3], b[:3], at=x, mine=A[:3] @ x - b[:3]).verdict.startswith("Aᵀ forgotten")


def test_an_intercept_left_out_does_not_hide_another_mistake():
    A, b, _ = problem(10)
    x = np.array([1.0, 2, 3, 4])
    g = A.T @ (np.column_stack((np.ones(12), A)) @ x - b)

    assert "without it, 2×:" in gradient(A, b, at=x, intercept=True, mine=2 * g).verdict
    assert "without it, one component off: x3" in gradient(A, b, at=x, intercept=True, mine=g + np.eye(3)[2]).verdict
    without = np.append(5.0, A.T @ (A @ x[1:] - b))
    without[0] = (A @ x[1:] - b).sum()
    assert gradient(A, b, at=x, intercept=True, mine=without).verdict.startswith("intercept left out: of Ax")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("g.txt", "148.7\n150.89\n25.58\n", "right"),
        ("g.csv", "148.7,150.89,25.58\n", "row for column"),
        ("g.txt", "148.7 150.89 25.58\n", "row for column"),
        ("g.csv", "name,value\nloaves,25.58\napples,148.7\npears,150.89\n", "right"),
        ("g.json", '{"names": ["apples", "pears", "loaves"], "x": [-148.7, -150.89, -25.58]}', "sign"),
    ],
)
def test_a_gradient_comes_from_files_of_every_kind(name, content, word, run_lsq, tmp_path):
    (tmp_path / name).write_text(content)
    args = [*MARKET, "--at", "1,2,0.5", "--mine", tmp_path / name]

    assert run_lsq("gradient", *args, "-f", "json").json["verdict"].startswith(f"{word}:")
    assert f"Your gradient\n  {word}: " in run_lsq("gradient", *args).out


@pytest.mark.parametrize(("shape", "word"), [((3,), "right"), ((3, 1), "right"), ((1, 3), "row for column")])
def test_the_shape_of_an_array_in_a_file_counts(shape, word, run_lsq, tmp_path):
    np.save(tmp_path / "g.npy", np.reshape([148.7, 150.89, 25.58], shape))
    record = run_lsq("gradient", *MARKET, "--at", "1,2,0.5", "--mine", tmp_path / "g.npy", "-f", "json").json

    assert record["verdict"].startswith(word)


def test_names_that_leave_the_intercept_out_are_understood(run_lsq, tmp_path):
    (tmp_path / "g.csv").write_text("name,value\nloaves,-91.92\napples,-230.8\npears,-155.61\n")
    record = run_lsq("gradient", *MARKET, "--intercept", "--mine", tmp_path / "g.csv", "-f", "json").json

    assert record["verdict"].startswith("intercept left out")


# The page


@pytest.mark.parametrize(
    ("loss", "formula"),
    [("half", "= Aᵀ(Ax − b) "), ("sum", "= 2Aᵀ(Ax − b) "), ("mean", "= (2/m)Aᵀ(Ax − b) ")],
)
def test_the_page_tells_the_chain_rule_with_the_values(loss, formula, run_lsq):
    out = run_lsq("gradient", *MARKET, "--at", "1,2,0.5", "--objective", loss).out

    assert formula in out
    assert "h(x) = Ax − b " in out
    assert "the Jacobian: a row" in out
    assert "the gradient: its transpose, a column" in out
    assert "4·3.53 + 6·0.02 + 0·5.5 + …" in out


def test_the_page_writes_weights_where_they_belong(run_lsq):
    out = run_lsq("gradient", "-t", "y", "--weights", "w", stdin="x,y,w\n1,2,3\n2,5,1\n").out

    assert "(Ax − b)ᵀWA" in out
    assert "AᵀWAx − AᵀWb" in out
    assert "= 3·1·(-2) + 1·2·(-5) = -16" in out


def test_the_page_of_one_column_alone_speaks_of_a_and_l(run_lsq):
    out = run_lsq("gradient", "--at", "1,2", stdin="3\n5\n").out

    assert "∂L/∂a = g'(h(a))·h'(a) = −2(b − a)ᵀ" in out
    assert "∂L/∂a1 = −2·(3 − 1) = -4" in out
    assert "One step: a − β∇L" in out


def test_the_page_of_several_targets_shows_matrices_row_by_row(run_lsq):
    out = run_lsq("gradient", "-t", "y,z", stdin="u,v,y,z\n1,2,3,4\n5,6,7,8\n").out

    assert "the Jacobian: a row a target" in out
    assert "2 × 2  ((-38, -48), (-44, -56))" in out
    assert "2 × 2  ((-38, -44), (-48, -56))" in out
    assert "∂f/∂u = 1·(-3) + 5·(-7) = -38" in out


def test_long_vectors_are_elided_and_json_has_them_whole(run_lsq):
    table = "\n".join(map(str, range(100)))
    out = run_lsq("gradient", stdin=table).out

    assert "(0, 1, 2, …, 99)ᵀ" in out
    assert "left out: 70 of 100 rows, --format json has all" in out
    assert "… 96 more" in out
    assert len(out.splitlines()) < 80
    assert len(run_lsq("gradient", "-f", "json", stdin=table).json["gradient"]) == 100


def test_the_page_can_be_printed_in_ascii_and_on_a_terminal():
    result = gradient(*MARKET, mine=[1, 2, 3])
    plain = plain_text(sections(result, Page("ascii")))
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    print_ruled(sections(result, Page(console.encoding, console.width)), console)

    assert plain.isascii()
    assert "grad f(x) = (df/dx)^T = A^T(Ax - b)" in plain
    assert "AᵀAx − Aᵀb" in console.file.getvalue()

    stream = io.StringIO()
    print_gradient(result, stream)

    assert "Chain rule: f = g∘h" in stream.getvalue()


def test_a_column_of_zeros_leaves_every_rate_stable():
    found = gradient([[0.0], [0.0]], [1.0, 2.0])

    assert (found.learning_rate, found.largest_stable_rate) == (1, math.inf)
    assert found.gradient.tolist() == [[0]]


def test_quiet_says_nothing(run_lsq):
    assert run_lsq("gradient", "-q", stdin="x,y\n1,2\n2,3\n").err == ""
    assert "b is the last column" in run_lsq("gradient", stdin="x,y\n1,2\n2,3\n").err


def test_verbose_says_how_the_data_was_understood_and_the_times(run_lsq):
    lines = run_lsq("gradient", *MARKET, "-v").err.splitlines()

    assert lines[0].endswith("A.csv: CSV, ',' between cells, a header")
    assert lines[2] == "lsq: info: A: apples, pears, loaves; b: paid"
    assert lines[3] == "lsq: info: 10 rows read, 10 used"
    assert re.fullmatch(
        r"lsq: info: [\d.]+ s reading and [\d.]+ s summing in all threads, [\d.]+ s from start to end", lines[4]
    )
    assert len(lines) == 5
    assert run_lsq("gradient", *MARKET, "-v", "-q").err == ""


def test_verbose_names_no_column_where_there_is_none(run_lsq):
    assert "lsq: info: A: no column; b: b\n" in run_lsq("gradient", "-v", stdin="b\n1\n2\n").err


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


def test_a_long_reading_is_shown_where_it_is_asked_for(run_lsq, monkeypatch):
    for name in ("DELAY", "LINE_INTERVAL"):
        monkeypatch.setattr(f"lsq_cli.report.progress.{name}", 0.0)

    assert run_lsq("gradient", *MARKET, "--progress").err.startswith("lsq: reading: ")
    assert run_lsq("gradient", *MARKET).err == ""
