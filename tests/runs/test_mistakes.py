"""A gradient of one's own: each classic mistake is named, over random problems and in files of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsq_cli import gradient

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
MARKET = (SAMPLES / "A.csv", SAMPLES / "b.csv")
FACTORS = {"half": lambda m: 1.0, "sum": lambda m: 2.0, "mean": lambda m: 2.0 / m}


def problem(seed, m=12, n=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, n)), rng.standard_normal(m), rng.standard_normal(n)


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
