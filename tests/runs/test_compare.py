"""`lsq compare`: its numbers are those of `lsq solve`, the rows are read once, long rules are forecast."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest

from lsq_cli import solve
from lsq_cli.core.errors import ProblemError
from lsq_cli.methods import RULES
from lsq_cli.methods.steps import rule_named
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.report.comparison import sections
from lsq_cli.report.layout import plain_text
from lsq_cli.report.page import Page
from lsq_cli.runs.comparing import PRECISIONS, compare, read_both
from lsq_cli.sources.opening import open_python

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
FILES = (SAMPLES / "A.csv", SAMPLES / "b.csv")


def hard(condition=1e4, m=200, n=6):
    """A problem that no simple rule solves soon."""
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.standard_normal((k, n)))[0] for k in (m, n))
    return (U * np.geomspace(1, 1 / condition, n)) @ V.T, rng.standard_normal(m)


def ticking(step=0.001):
    """A clock that goes on by `step` whenever it is looked at."""
    return itertools.count(0.0, step).__next__


def test_every_precision_method_and_rule_has_a_line(run_lsq):
    runs = run_lsq("compare", *FILES, "-f", "json").json["runs"]

    expected = [(p, *rule) for p in PRECISIONS for rule in [("normal", None), *(("gd", step) for step in RULES)]]
    assert [(run["precision"], run["method"], run["step"]) for run in runs] == expected


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_numbers_are_those_of_solve(precision, run_lsq):
    runs = run_lsq("compare", *FILES, "--ridge", 2, "--intercept", "-f", "json").json["runs"]
    for run in runs:
        if run["precision"] == precision:
            options = ["-m", "gd", "--step", run["step"]] if run["step"] else []
            solved = run_lsq(
                "solve", *FILES, *options, "--precision", precision, "--ridge", 2, "--intercept", "-f", "json"
            ).json
            for key in ("iterations", "passes", "residual_norm", "gradient_norm", "digits", "outcome"):
                assert run[key] == solved[key], (run["step"], key)
            assert run["forecast"] == solved.get("forecast")


def test_the_tolerance_is_that_of_descent(run_lsq):
    loose, tight = (run_lsq("compare", *FILES, "--tol", tol, "-f", "json").json for tol in ("1e-2", "1e-9"))

    assert loose["tol"] == 1e-2
    for a, b in zip(loose["runs"], tight["runs"], strict=True):
        assert a["iterations"] < b["iterations"] or a["step"] in (None, "cg")


def test_rows_are_read_once_and_summed_to_the_same_bits_as_alone():
    A, b = hard()
    source = open_python(A, b)
    reads = []
    blocks = source.blocks

    def counted():
        reads.append(1)
        return blocks()

    source.blocks = counted
    both = read_both(source, ProblemOptions(intercept=True, ridge=0.5))

    assert len(reads) == 1
    for precision, problem in zip(PRECISIONS, both, strict=True):
        alone = read_problem(open_python(A, b), ProblemOptions(intercept=True, ridge=0.5, precision=precision))
        assert problem.about.precision == precision
        assert problem.rounding == alone.rounding
        np.testing.assert_array_equal(problem.x, alone.x)
        np.testing.assert_array_equal(problem.quadratic.G, alone.quadratic.G)


def test_a_pipe_is_enough(run_lsq):
    table = (SAMPLES / "longley.csv").read_bytes()
    result = run_lsq("compare", "-t", "y", "--time-limit", 0.1, "-f", "json", stdin=table)

    assert result.json["rows"] == 16
    assert result.json["data"] == ["-"]


def test_the_time_of_the_pass_is_shared_out_by_work():
    A, b = hard()
    extended, double = read_both(open_python(A, b))
    entries = list(compare((extended, double)))

    assert extended.about.work.reading == double.about.work.reading
    for problem, entry in zip([extended] * 6 + [double] * 6, entries, strict=True):
        assert entry.seconds == pytest.approx(sum(problem.about.work) + entry.solving_seconds)


def test_a_rule_that_would_take_too_long_is_forecast_and_not_run():
    problems = read_both(open_python(*hard(1e6)))
    entries = {entry.step: entry for entry in compare(problems[:1], time_limit=60.0, clock=ticking())}
    slow = entries["constant"]

    # Each iterate looks at the clock once, so an iteration takes a thousandth of a second.
    assert (slow.outcome, slow.iterations, slow.passes, slow.digits) == ("forecast", None, None, None)
    assert slow.forecast > 1e9
    assert slow.solving_seconds == pytest.approx(slow.forecast * 0.001, rel=0.05)
    assert entries["cg"].outcome in ("converged", "stagnated")


def test_a_rule_within_the_limit_is_run():
    problems = read_both(open_python(*hard(30.0)))
    entries = list(compare(problems[:1], time_limit=1e9, clock=ticking()))

    assert {entry.outcome for entry in entries} == {"converged"}


def test_a_rule_that_no_number_of_steps_is_enough_for_is_forecast_too():
    problems = read_both(open_python(*hard(1e4)))
    entries = list(compare(problems[:1], tol=0.0, time_limit=60.0, clock=ticking()))
    constant = entries[1]

    assert (constant.step, constant.outcome, constant.forecast) == ("constant", "forecast", math.inf)
    text = plain_text(sections(problems[0], entries, Page()))
    assert "gd constant, extended: not run, no number of steps is enough" in text


def test_bounds_and_estimates_are_told_apart():
    problems = read_both(open_python(*hard(1e6)))
    entries = list(compare(problems[:1], time_limit=1.0, clock=ticking()))
    text = plain_text(sections(problems[0], entries, Page()))

    for entry in entries[1:]:
        assert entry.forecast_is_bound == rule_named(entry.step).forecast_is_bound
    assert "gd constant, extended: not run, about " in text
    assert "gd nesterov, extended: not run, at most " in text
    constant, nesterov = (
        next(line for line in text.splitlines() if f"gd {step} " in line) for step in ("constant", "nesterov")
    )
    assert constant.count("~") == 3 and nesterov.count("<") == 3


def test_the_table_names_what_each_took_and_reached(run_lsq):
    out = run_lsq("compare", *FILES).out
    lines = out.splitlines()

    assert "Sums in extended precision" in lines and "Sums in double precision" in lines
    header = "method       seconds   solving  iterations  passes   ‖Ax − b‖      ‖∇f‖  digits  outcome"
    assert [line.split() for line in lines].count(header.split()) == 2
    normal = next(line.split() for line in lines if line.startswith("  normal"))
    assert normal[3:] == ["1", "1", "0.0724123", "4.84e-15", "15.9", "converged"]
    assert "Not converged" not in out and "Different answers" not in out


def test_answers_that_differ_are_named(run_lsq):
    args = [SAMPLES / "longley.csv", "-t", "y", "--intercept", "--time-limit", 0.1]
    out = run_lsq("compare", *args).out
    runs = {(run["step"], run["precision"]): run for run in run_lsq("compare", *args, "-f", "json").json["runs"]}

    assert "\nDifferent answers\n" in out
    assert "  gd cg, extended: x5 is -0.322226, not -0.0511041\n" in out
    assert runs["cg", "extended"]["differs"] == "x5 is -0.322226, not -0.0511041"
    assert runs["cg", "extended"]["agreement"] == 0.0
    assert runs[None, "extended"]["agreement"] is None
    assert runs[None, "double"]["agreement"] > 5 and runs[None, "double"]["differs"] is None


def test_a_run_has_ten_seconds_by_default(run_lsq):
    assert run_lsq("compare", *FILES, "-f", "json").json["time_limit"] == 10


def test_what_was_left_out_is_stated_in_every_format(run_lsq):
    args = ["compare", SAMPLES / "penguins.csv", "-t", "body_mass_g", "--missing", "drop", "--columns"]
    result = run_lsq(*args, "bill_length_mm,bill_depth_mm", "-f", "json", "--time-limit", 0.1)

    assert result.err == "lsq: note: no intercept: add --intercept\n"
    assert result.json["warnings"] == ["no intercept: add --intercept"]


def test_csv_has_a_line_a_run_with_empty_cells_for_the_unknown(run_lsq):
    table = run_lsq("generate", 60, 4, "-", "-", "--condition", "1e7", "-q").raw
    rows = list(csv.DictReader(io.StringIO(run_lsq("compare", "-f", "csv", "--time-limit", "0.06", stdin=table).out)))

    assert len(rows) == 2 * (1 + len(RULES))
    assert list(rows[0])[:5] == ["method", "step", "precision", "outcome", "seconds"]
    assert (rows[0]["method"], rows[0]["step"], rows[0]["forecast"]) == ("normal", "", "")
    assert (rows[1]["outcome"], rows[1]["iterations"]) == ("forecast", "")
    assert {row["forecast_is_bound"] for row in rows} == {"true", "false"}
    assert float(rows[1]["forecast"]) > 1e9


def test_dependent_columns_are_a_warning_and_leave_digits_open(run_lsq, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("u,v,w,y\n" + "".join(f"{u},{v},{u + v},{u - v + u % 3}\n" for u in range(4) for v in range(3)))
    result = run_lsq("compare", path, "-t", "y", "-f", "json")

    assert result.code == 0
    assert result.json["rank"] == 2
    assert "no intercept" in result.err.splitlines()[0]
    assert result.err.splitlines()[1].startswith("lsq: warning: the columns of A depend on each other")
    assert run_lsq("compare", path, "-t", "y", "-f", "json", "-q").err == ""


def test_normalized_columns_are_those_of_solve(run_lsq):
    options = [SAMPLES / "longley.csv", "-t", "y", "--intercept", "--normalize", "-f", "json"]
    runs = run_lsq("compare", *options, "--time-limit", 1).json["runs"]
    solved = run_lsq("solve", *options, "-m", "gd", "--step", "cg").json

    assert (runs[5]["step"], runs[5]["iterations"]) == ("cg", solved["iterations"])
    assert runs[5]["digits"] == solved["digits"] > 5


def test_several_targets_are_compared_together(run_lsq, tmp_path):
    A, _ = hard(10.0)
    np.save(tmp_path / "A.npy", A)
    np.save(tmp_path / "b.npy", np.random.default_rng(1).standard_normal((len(A), 3)))
    result = run_lsq("compare", tmp_path / "A.npy", tmp_path / "b.npy", "-f", "json").json

    assert len(result["targets"]) == 3
    assert {run["outcome"] for run in result["runs"]} == {"converged"}


def test_a_run_that_is_interrupted_shows_what_was_done_so_far():
    problems = read_both(open_python(*hard()))
    asked = iter([False] * 40 + [True] * 1000)
    entries = list(compare(problems, interrupted=lambda: next(asked)))

    assert 1 < len(entries) < 12
    assert entries[-1].outcome == "interrupted"
    assert "interrupted" in plain_text(sections(problems[0], entries, Page()))


def test_ctrl_c_prints_the_table_so_far(run_lsq, monkeypatch):
    from lsq_cli.runs import comparing

    inner = comparing.compare

    def with_a_signal(*args, **options):
        for number, entry in enumerate(inner(*args, **options)):
            if number == 1:
                signal.raise_signal(signal.SIGINT)
            yield entry

    monkeypatch.setattr(comparing, "compare", with_a_signal)
    result = run_lsq("compare", *FILES, "-f", "csv")

    assert result.code == 130
    assert [line.split(",")[1] for line in result.out.splitlines()[1:]] == ["", "constant"]


def test_nothing_is_printed_where_the_data_is_wrong(run_lsq):
    result = run_lsq("compare", stdin="x,y\n1,2\n3,oops\n")

    assert (result.code, result.raw) == (1, b"")
    assert "line 3, column 2 'y'" in result.err


def test_no_row_is_an_error_in_both_precisions():
    with pytest.raises(ProblemError, match="all 2 rows have a missing cell"):
        read_both(open_python([[math.nan], [math.nan]], [1.0, 2.0], missing="drop"))


def test_a_wide_problem_is_solved_by_its_rows_in_both_precisions():
    A, b = np.random.default_rng(2).standard_normal((4, 9)), np.arange(4.0)
    problems = read_both(open_python(A, b))
    entries = list(compare(problems))
    solved = solve(A, b)

    assert [(entry.precision, entry.digits) for entry in entries if not entry.step] == [(p, 15.9) for p in PRECISIONS]
    for problem in problems:
        assert problem.rank == 4
        np.testing.assert_array_equal(problem.x[:, 0], solved.x)
    assert all(entry.digits > 4 for entry in entries)


@pytest.mark.parametrize("normalize", [False, True])
def test_what_every_rule_needs_of_the_sums_is_made_once_in_a_precision(normalize, monkeypatch):
    seen = []
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda G: seen.append(len(G)) or eigh(G))
    A, b = np.random.default_rng(3).standard_normal((40, 36)), np.arange(40.0)
    list(compare(read_both(open_python(A, b)), tol=1e-2, normalize=normalize))

    assert seen.count(36) == 2


def test_a_wide_problem_sums_its_rows_once_and_solves_twice(monkeypatch):
    A, b = np.random.default_rng(4).standard_normal((34, 40)), np.arange(34.0)
    extended, double = read_both(open_python(A, b))

    assert extended.sums is double.sums
    assert extended.verified is not double.verified
    assert np.array_equal(extended.x, double.x) and extended.solution is not double.solution


def test_json_is_one_line_that_says_what_was_asked(run_lsq):
    result = run_lsq("compare", *FILES, "-f", "json", "--time-limit", 5)

    assert result.out.count("\n") == 1
    assert json.loads(result.out)["time_limit"] == 5
    assert (result.json["names"], result.json["condition"]) == (
        ["apples", "pears", "loaves"],
        pytest.approx(2.52752, rel=1e-5),
    )
