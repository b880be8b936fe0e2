"""Pictures of a run: they are drawn, say what they show, and do not change with the weather."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from lsq_cli.core.solution import Iterate
from lsq_cli.report.pictures import Trace

TWO = "u,v,b\n1,0.9,2\n0.4,1.3,1\n2,1.1,3\n1,1,1.5\n"
HEADS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize(
    ("suffix", "method"), [("png", []), ("svg", ["-m", "gd"]), ("pdf", ["-m", "gd", "--learning-rate", "9"])]
)
def test_every_format_is_drawn_for_every_method_and_outcome(suffix, method, run_lsq, tmp_path):
    picture = tmp_path / f"p.{suffix}"
    result = run_lsq("solve", *method, "--plot", picture, "-f", "csv", stdin=TWO)

    assert result.code in (0, 3), result
    assert picture.read_bytes().startswith(HEADS[suffix])
    assert [p.name for p in tmp_path.iterdir()] == [picture.name]


def words_of(svg: Path) -> str:
    """The text of a picture, which matplotlib keeps in comments beside the glyphs."""
    return " ".join(re.findall("<!-- (.*?) -->", svg.read_text(encoding="utf-8")))


def test_two_unknowns_show_the_path_with_the_columns_on_the_axes(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    run_lsq("solve", "-m", "gd", "--plot", picture, stdin=TWO.replace("u,v", "wid$th$,[red]v"))
    words = words_of(picture)

    for word in ("Convergence", "steps k", "f(x) − f*", "The path on the contours of f", "wid$th$", "[red]v"):
        assert word in words


def test_the_title_names_rule_rate_and_forecast(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    run_lsq("solve", "-m", "gd", "--learning-rate", "0.1", "--plot", picture, stdin=TWO)

    assert re.search(r"gradient descent, constant, rate 0.1: \d+ steps, about \d+ forecast", words_of(picture))


def test_the_one_step_of_the_normal_equations_shows_the_path_alone(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    run_lsq("solve", "--plot", picture, stdin=TWO)

    assert "normal equations: 1 step" in words_of(picture)
    assert "The path on the contours of f" in words_of(picture)
    assert "Convergence" not in words_of(picture)


@pytest.mark.parametrize("args", [["--intercept"], ["--columns", "u", "-t", "b"], ["-t", "u,b"]])
def test_one_step_in_other_than_two_unknowns_is_refused(args, run_lsq, tmp_path):
    result = run_lsq("solve", *args, "--plot", tmp_path / "p.png", stdin=TWO)

    assert result.code == 2
    assert "--plot with --method normal is for two unknowns" in result.err and "add --method gd" in result.err
    assert not list(tmp_path.iterdir())


def test_an_exact_zero_is_drawn_at_the_floor_and_marked(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    run_lsq("solve", "-m", "gd", "--plot", picture, stdin="x,b\n1,2\n2,4\n3,6\n")

    assert "‖∇f(x)‖ is 0" in words_of(picture) and "f(x) − f* is 0" in words_of(picture)


def test_three_unknowns_show_convergence_alone(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    run_lsq("solve", "-m", "gd", "--intercept", "--plot", picture, stdin=TWO)

    assert "Convergence" in words_of(picture)
    assert "path" not in words_of(picture)


def test_the_same_run_is_the_same_picture(run_lsq, tmp_path):
    for name in ("p.svg", "q.svg"):
        run_lsq("solve", "-m", "gd", "--plot", tmp_path / name, stdin=TWO)

    assert (tmp_path / "p.svg").read_bytes() == (tmp_path / "q.svg").read_bytes()


def test_a_trace_keeps_the_beginning_whole_and_the_rest_sparse_but_never_loses_the_last():
    trace, x = Trace(), np.zeros(1)
    for k in range(100_001):
        trace.add(Iterate(k, x, 1.0, 1.0, 1.0, 1.0, 0.0))
    kept = [row.k for row in trace.rows()]

    assert kept[:80] == list(range(80))
    assert kept[-1] == 100_000
    assert len(kept) < 2000


def test_a_trace_keeps_the_height_of_a_zigzag():
    trace, x = Trace(), np.zeros(1)
    for k in range(20_000):
        trace.add(Iterate(k, x, 1.0, 1.0, 1e-3 if k % 2 else 1e3, 1.0, 0.0))
    rows = trace.rows()

    assert [row.k for row in rows] == sorted({row.k for row in rows})
    for low in range(0, 20_000, 1000):
        norms = {row.gradient_norm for row in rows if low <= row.k < low + 1000}
        assert norms == {1e-3, 1e3}


def test_without_matplotlib_the_install_line_is_named_before_a_row_is_read(run_lsq, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run_lsq("solve", "--plot", tmp_path / "p.png", "nowhere.csv")

    assert result.code == 1
    assert "pip install 'lsq-cli[plot]'" in result.err


def test_a_picture_of_unknown_kind_is_a_usage_error(run_lsq):
    result = run_lsq("solve", "--plot", "p.bmp", stdin=TWO)

    assert result.code == 2
    assert ".png, .svg or .pdf" in result.err
