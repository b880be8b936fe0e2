"""A descent that was stopped and goes on from the model it wrote: the same bits as in one go."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from descent_problems import problem
from processes import opened_when_written, start

from lsq_cli import solve
from lsq_cli.methods import RULES

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
SAME_BITS = ("constant", "exact", "bb", "nesterov")


@pytest.mark.parametrize("step", SAME_BITS)
@pytest.mark.parametrize("options", [{}, {"intercept": True, "normalize": True}, {"ridge": 0.1}], ids=str)
@pytest.mark.parametrize("p", [1, 3])
def test_in_pieces_it_reaches_the_same_bits(step, options, p):
    A, b = problem(kappa=8.0, p=p)
    asked = {"method": "gd", "step": step, **options}
    whole = solve(A, b, **asked, max_iter=47, tol=1e-9)
    piece = solve(A, b, **asked, max_iter=0, tol=1e-9)
    for before, after in pairwise([0, 1, 2, 17, 47]):
        piece = solve(A, b, **asked, x0=piece, max_iter=after - before, tol=1e-9)

    np.testing.assert_array_equal(piece.x, whole.x)


@pytest.mark.parametrize("step", RULES)
@pytest.mark.parametrize("more", [(), ("--normalize", "--intercept")], ids=["plain", "normalised"])
def test_from_the_model_that_the_command_wrote(step, more, run_lsq, tmp_path):
    args = ["solve", SAMPLES / "longley.csv", "-t", "y", "-m", "gd", "--step", step, "-f", "json", "-q", *more]
    whole = run_lsq(*args, "--max-iter", 60).json
    model = tmp_path / "m.json"
    run_lsq(*args, "--max-iter", 23, "-o", model)
    rest = run_lsq(*args, "--max-iter", 37, "--x0", model).json

    if step == "cg":  # it begins with the gradient again
        assert rest["objective"] <= run_lsq(*args, "--max-iter", 23).json["objective"]
    else:
        assert rest["x"] == whole["x"]


def test_a_sharper_tolerance_goes_on_where_the_first_was_reached(tmp_path):
    A, b = problem()
    first = solve(A, b, method="gd", step="bb", tol=1e-4)
    rest = solve(A, b, method="gd", step="bb", tol=1e-10, x0=first)
    whole = solve(A, b, method="gd", step="bb", tol=1e-10)

    assert first.converged
    assert first.iterations + rest.iterations == whole.iterations
    np.testing.assert_array_equal(rest.x, whole.x)


def test_a_memory_that_does_not_belong_to_x0_counts_for_nothing(run_lsq, tmp_path):
    args = ["solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "-m", "gd", "--step", "bb", "-f", "json", "-q"]
    model = tmp_path / "m.json"
    run_lsq(*args, "--max-iter", 5, "-o", model)
    record = json.loads(model.read_text())
    fresh = run_lsq(*args, "--max-iter", 4, "--x0", ",".join(map(repr, record["x"]))).json["x"]
    for change in (
        {"step": "exact"},
        {"normalize": True},
        {"points": [[1.0, 2.0, 3.0]]},
        {"points": "nonsense"},
        {"points": None},
        {"before": [None]},
        {"before": [[1.0]]},
    ):
        model.write_text(json.dumps({**record, "memory": {**record["memory"], **change}}))

        assert run_lsq(*args, "--max-iter", 4, "--x0", model).json["x"] == fresh, change
    model.write_text(json.dumps({**record, "memory": 7}))

    assert run_lsq(*args, "--max-iter", 4, "--x0", model).json["x"] == fresh
    assert run_lsq(*args, "--step", "exact", "--max-iter", 4, "--x0", model).code == 3


def test_only_what_x_does_not_tell_is_remembered():
    A, b = problem()
    memories = {step: solve(A, b, method="gd", step=step, max_iter=5).extra.get("memory", {}).keys() for step in RULES}

    assert memories["bb"] == memories["nesterov"] == {"step", "normalize", "points", "before"}
    assert memories["constant"] == memories["exact"] == memories["cg"] == set()
    assert "memory" in solve(A, b, method="gd", normalize=True, max_iter=5).extra
    assert "memory" not in solve(A, b, method="gd", step="bb", tol=1e-18).extra  # its x is not the last point


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["constant", "bb"])
def test_after_ctrl_c_it_goes_on_to_the_same_bits(number, step, run_lsq, tmp_path):
    data, history, model = tmp_path / "data.npy", tmp_path / "h.csv", tmp_path / "m.json"
    os.mkfifo(history)
    # κ(G) = 10¹⁰: more steps than the run has time for.
    np.save(data, np.hstack(problem(kappa=1e5, m=200, n=120)))
    options = ["-m", "gd", "--step", step, "--tol", 0, "-f", "json", "-q"]
    stopped = start(
        "solve", data, *options, "--max-iter", 10**9, "--history", history, "--history-every", 100, "-o", model
    )
    with opened_when_written(history) as rows:
        stopped.send_signal(number)
        rows.read()
    _, err = stopped.communicate(timeout=60)

    assert stopped.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], err
    done = json.loads(model.read_text())["iterations"]
    rest = run_lsq("solve", data, *options, "--x0", model, "--max-iter", 500).json
    whole = run_lsq("solve", data, *options, "--max-iter", done + 500).json

    assert rest["x"] == whole["x"]
