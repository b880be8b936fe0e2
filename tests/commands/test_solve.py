"""`lsq solve` from outside: what its numbers mean, recomputed from the data; formats; the Python face."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lsq_cli import solve
from lsq_cli.core.errors import UsageError
from lsq_cli.problems.summing import read_problem
from lsq_cli.runs.solving import Run
from lsq_cli.sources.opening import open_python

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
# NIST StRD certified values.
LONGLEY = [
    -3482258.63459582,
    15.0618722713733,
    -0.358191792925910e-01,
    -2.02022980381683,
    -1.03322686717359,
    -0.511041056535807e-01,
    1829.15146461355,
]
NORRIS = [-0.262323073774029, 1.00211681802045]


def table(path):
    """A CSV of numbers as an array."""
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)


def correct_digits(found, certified):
    return min(-math.log10(abs(f - c) / abs(c) + 1e-17) for f, c in zip(found, certified, strict=True))


def problem(m=200, n=4, p=1, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n))
    return A, A @ rng.standard_normal((n, p)) + 0.1 * rng.standard_normal((m, p))


def test_longley_and_norris_have_the_certified_digits(run_lsq):
    longley = run_lsq("solve", SAMPLES / "longley.csv", "-t", "y", "--intercept", "-f", "json").json
    norris = run_lsq("solve", SAMPLES / "norris.csv", "--intercept", "-f", "json").json

    assert correct_digits(longley["x"], LONGLEY) >= 13
    assert correct_digits(norris["x"], NORRIS) >= 13


@pytest.mark.parametrize("method", [["-m", "normal"], ["-m", "gd"], ["-m", "gd", "--step", "exact"]])
def test_every_number_of_the_result_is_that_of_its_x_in_the_data(method, run_lsq):
    result = run_lsq("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", *method, "-f", "json").json
    A, b = table(SAMPLES / "A.csv"), table(SAMPLES / "b.csv")[:, 0]
    x = np.array(result["x"])
    r = A @ x - b

    assert np.linalg.norm(A.T @ r) <= 1.01e-8 * np.linalg.norm(A.T @ b)
    assert result["objective"] == pytest.approx(0.5 * r @ r, rel=1e-9)
    assert result["residual_norm"] == pytest.approx(np.linalg.norm(r), rel=1e-9)
    assert result["gradient_norm"] == pytest.approx(np.linalg.norm(A.T @ r), abs=1e-12)
    assert result["condition"] == pytest.approx(np.linalg.cond(A / np.linalg.norm(A, axis=0)), rel=1e-9)
    assert (result["rows"], result["rows_read"], result["columns"], result["rank"]) == (10, 10, 3, 3)
    assert (result["passes"], result["converged"], result["outcome"]) == (1, True, "converged")
    assert (result["names"], result["targets"]) == (["apples", "pears", "loaves"], ["paid"])


@pytest.mark.parametrize("method", ["normal", "gd"])
@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_ridge_and_intercept_minimise_what_they_say(method, ridge):
    A, b = problem()
    solution = solve(A, b + 5.0, method=method, ridge=ridge, intercept=True)
    M = np.hstack([np.ones((len(A), 1)), A])
    gradient = M.T @ (M @ solution.x - b[:, 0] - 5.0) + ridge * np.array([0, *solution.x[1:]])

    assert np.linalg.norm(gradient) <= 1.1e-8 * np.linalg.norm(M.T @ (b + 5.0))
    assert solution.names[0] == "(intercept)"


def test_weights_count_rows_and_zero_leaves_them_out(run_lsq, tmp_path):
    weighted, repeated = tmp_path / "w.csv", tmp_path / "r.csv"
    weighted.write_text("x,y,w\n1,2,2\n2,3,1\n3,5,0\n4,4,1\n")
    repeated.write_text("x,y\n1,2\n1,2\n2,3\n4,4\n")
    a = run_lsq("solve", weighted, "--weights", "w", "-t", "y", "--intercept", "-f", "json").json
    b = run_lsq("solve", repeated, "-t", "y", "--intercept", "-f", "json").json

    assert a["names"] == ["(intercept)", "x"]
    assert a["x"] == b["x"]


def test_several_targets_are_solved_together():
    A, b = problem(p=3)
    together = solve(A, b)

    assert together.x.shape == (4, 3)
    for t in range(3):
        np.testing.assert_array_equal(together.x[:, t], solve(A, b[:, t]).x)
    assert together.residual_norm == pytest.approx(np.linalg.norm(A @ together.x - b), rel=1e-12)


def test_dependent_columns_give_the_shortest_solution_and_a_warning(run_lsq, tmp_path):
    A, b = problem(n=3)
    A = np.hstack([A, A[:, [0]] + A[:, [1]]])
    solution = solve(A, b)

    assert solution.rank == 3
    assert "rank 3 of 4" in solution.warnings[0]
    np.testing.assert_allclose(solution.x, np.linalg.lstsq(A, b[:, 0], rcond=None)[0], rtol=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_columns_that_rounded_sums_cannot_tell_apart_are_dependent_there_and_no_error(seed):
    rng = np.random.default_rng(seed)
    n = 20
    U, V = (np.linalg.qr(rng.standard_normal((size, n)))[0] for size in (25, n))
    A = (U * np.logspace(0, -14, n)) @ V.T
    b = rng.standard_normal(25)

    assert solve(A, b).rank == n
    rounded = solve(A, b, precision="double")
    assert rounded.rank < n
    assert 'precision="extended"' in rounded.warnings[0]


def test_formats_carry_the_same_numbers(run_lsq, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ["solve", SAMPLES / "A.csv", SAMPLES / "b.csv"]
    outputs = ["-o", "x.json", "-o", "x.csv", "-o", "x.npy"]
    as_json = run_lsq(*args, "-f", "json", *outputs)
    as_csv = list(csv.reader(io.StringIO(run_lsq(*args, "-f", "csv").out)))
    as_npy = np.load(io.BytesIO(run_lsq(*args, "-f", "npy").raw))
    x = as_json.json["x"]

    assert as_csv[0] == ["name", "value"]
    assert [float(row[1]) for row in as_csv[1:]] == x == as_npy.tolist() == np.load("x.npy").tolist()
    assert json.loads(Path("x.json").read_text()) | {"seconds": 0} == as_json.json | {"seconds": 0}
    assert Path("x.csv").read_text().splitlines()[0] == "name,value"


def test_history_has_every_iterate_and_the_table_a_choice_of_them(run_lsq, tmp_path):
    args = ["solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-m", "gd", "-f", "json", "--iterates", "5"]
    result = run_lsq(*args, "--history", tmp_path / "h.csv", "--with-x").json
    rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))

    assert [int(row["k"]) for row in rows] == list(range(result["iterations"] + 1))
    assert [float(rows[-1][name]) for name in result["names"]] == result["x"]
    assert [row["k"] for row in result["iterates"]][:3] == [0, 1, 2]
    assert result["iterates"][-1]["k"] == result["iterations"]
    assert len(result["iterates"]) == 5


def test_a_start_is_taken_from_numbers_files_and_models_by_name(run_lsq, tmp_path):
    args = ["solve", SAMPLES / "A.csv", SAMPLES / "b.csv"]
    model = tmp_path / "m.json"
    run_lsq(*args, "-o", model, "-o", tmp_path / "x.csv", "-o", tmp_path / "x.npy")
    x = json.loads(model.read_text())["x"]
    numbers = ",".join(map(repr, x))
    (tmp_path / "shuffled.csv").write_text(f"name,value\nloaves,{x[2]!r}\napples,{x[0]!r}\npears,{x[1]!r}\n")
    for start in (numbers, model, tmp_path / "x.csv", tmp_path / "x.npy", tmp_path / "shuffled.csv"):
        result = run_lsq(*args, "-m", "gd", "--x0", start, "-f", "json").json

        assert result["iterations"] == 0, start
        assert result["x"] == x


def test_a_run_that_diverges_says_so_before_and_after(run_lsq):
    result = run_lsq("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-m", "gd", "--learning-rate", "0.01", "-f", "json")

    assert result.code == 3
    assert result.json["outcome"] == "diverged"
    note, warning, few, verdict = result.err.splitlines()
    assert note == "lsq: note: no intercept: add --intercept"
    assert few == "lsq: warning: not one digit of the worst coefficient is sure; --method normal gives 15.9"
    assert warning.startswith("lsq: warning: the learning rate 0.01 is above 2/λmax = 0.00772501")
    assert verdict.startswith("lsq: diverged: 3 steps done; try a --learning-rate below 0.00772501")


def test_a_run_out_of_steps_names_what_would_do(run_lsq):
    result = run_lsq("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-m", "gd", "--max-iter", "7", "-q")

    assert result.code == 3
    assert result.err == "lsq: not converged: 7 steps done, about 340 needed; try --step cg or --method normal\n"
    assert "7" in result.out


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_what_changes_the_meaning_of_x_is_stated_once_in_every_format(form, run_lsq):
    args = ["solve", SAMPLES / "penguins.csv", "-t", "body_mass_g", "--missing", "drop", "-f", form]
    stated = ["left out as text: 'species', 'island', 'sex' (the first with 'Adelie')", "no intercept: add --intercept"]
    result = run_lsq(*args)

    assert result.err.splitlines() == [f"lsq: note: {note}" for note in stated]
    assert "no intercept" not in run_lsq(*args, "--intercept").err
    assert run_lsq(*args, "-q").err == ""
    assert form != "json" or result.json["warnings"] == stated
    assert form == "json" or "no intercept" not in result.out


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_few_sure_digits_are_a_warning_in_every_format(form, run_lsq):
    args = ["solve", SAMPLES / "longley.csv", "-t", "y", "--intercept", "-f", form]
    warning = "not one digit of the worst coefficient is sure; --method normal gives 15.9"
    result = run_lsq(*args, "-m", "gd", "--step", "cg")

    assert result.code == 0
    assert result.err == f"lsq: warning: {warning}\n"
    assert form == "csv" or warning in result.out
    assert run_lsq(*args).err == ""


def test_few_sure_digits_of_rounded_sums_point_to_exact_ones(run_lsq, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{1e7 + k},{k % 3}\n" for k in range(20)))
    result = run_lsq("solve", path, "--intercept", "-t", "y", "--precision", "double", "-f", "csv")

    assert "digits of the worst coefficient are sure; --precision extended loses none to rounding\n" in result.err


def test_a_rule_that_leaves_no_digit_sure_is_not_recommended(run_lsq):
    args = ["solve", SAMPLES / "longley.csv", "-t", "y", "--intercept", "-m", "gd", "--max-iter", "9", "-q"]

    assert run_lsq(*args).err == "lsq: not converged: 9 steps done, about 4.6e9 needed; try --method normal\n"


def test_one_step_is_one_step(run_lsq):
    args = ["solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-m", "gd", "--max-iter", "1", "-q"]

    assert run_lsq(*args).err.startswith("lsq: not converged: 1 step done, ")


def test_names_that_are_markup_or_control_characters_do_nothing_to_the_screen(run_lsq):
    result = run_lsq("solve", stdin=b"[red]x[/red],\x1b[31mevil,y\n1,2,3\n2,1,4\n5,7,1\n")

    assert "[red]x[/red]" in result.out
    assert "\x1b" not in result.out + result.err
    assert r"\x1b[31mevil" in result.out


class CountingSource:
    """A source that counts how often its rows are asked for."""

    def __init__(self, source) -> None:
        self._source, self.passes, self.reads = source, 0, 0

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def blocks(self) -> Iterator[object]:
        self.passes += 1
        for block in self._source.blocks():
            self.reads += 1
            yield block


@pytest.mark.parametrize("method", ["normal", "gd"])
def test_the_rows_are_read_once(method):
    A, b = problem(m=400_000)
    source = CountingSource(open_python(A, b))
    solution = solve(source, method=method)

    assert (source.passes, solution.passes) == (1, 1)
    assert source.reads > 1


def test_a_run_can_be_watched_step_by_step():
    A, b = problem()
    run = Run(read_problem(open_python(A, b)))

    assert [iterate.k for iterate in run] == [0, 1]
    assert run.solution().converged


def test_options_of_the_other_method_are_refused_in_python_too():
    A, b = problem()
    with pytest.raises(UsageError, match="tol belongs to gradient descent"):
        solve(A, b, tol=1e-3)
    with pytest.raises(UsageError, match="learning_rate belongs to step"):
        solve(A, b, method="gd", step="exact", learning_rate=0.1)
    with pytest.raises(UsageError, match="step must be one of"):
        solve(A, b, method="gd", step="newton")


@pytest.mark.parametrize(
    ("option", "value"),
    [("tol", math.nan), ("tol", -1.0), ("max_iter", -3), ("time_limit", math.inf), ("ridge", math.nan)],
)
def test_numbers_that_the_shell_would_refuse_are_refused_in_python(option, value):
    A, b = problem()
    with pytest.raises(UsageError, match=f"{option} must be a number ≥ 0"):
        solve(A, b, method="gd", **{option: value})


def test_the_condition_is_of_the_columns_alone_whatever_the_ridge():
    A, b = problem()

    assert solve(A, b, ridge=10.0).condition == solve(A, b).condition
    assert solve(A[:, :1], b).condition >= 1.0


def test_json_has_coefficients_by_name_and_the_options_that_were_given(run_lsq):
    args = ["-m", "gd", "--max-iter", "400", "--drop", "loaves", "-f", "json", "-q"]
    record = run_lsq("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", *args).json

    assert record["coefficients"] == dict(zip(["apples", "pears"], record["x"], strict=True))
    assert record["options"] == {"method": "gd", "max_iter": 400, "drop": ["loaves"], "format": "json", "quiet": True}


def test_no_iterates_in_csv_is_no_contradiction(run_lsq):
    args = ["solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-f", "csv", "--iterates"]

    assert run_lsq(*args, "none").code == 0
    assert run_lsq(*args, "3").code == 2


def test_a_read_that_is_interrupted_still_says_its_notes(run_lsq, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lsq_cli.problems.choosing.read", interrupted)
    result = run_lsq("solve", SAMPLES / "penguins.csv", "-t", "body_mass_g")

    assert (result.code, result.raw) == (130, b"")
    assert "lsq: note: left out as text: 'species'" in result.err
