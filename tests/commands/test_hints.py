"""What was meant: options of other programs, columns given as files, points written as Python writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminal import on_a_terminal

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
MARKET = (SAMPLES / "A.csv", SAMPLES / "b.csv")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *((name, "--learning-rate") for name in ("--lr", "--alpha", "--eta", "--rate")),
        *((name, "--max-iter") for name in ("--iterations", "--maxiter", "--epochs")),
        *((name, "--ridge") for name in ("--lambda", "--l2")),
        ("--sep", "--delimiter"),
    ],
)
def test_an_option_of_other_programs_is_named_as_it_is_here(typed, meant, run_lsq):
    result = run_lsq("solve", *MARKET, typed, "1")

    assert (result.code, result.raw) == (2, b"")
    assert f"no such option {typed}: it is called {meant} here" in result.err


def test_no_intercept_is_what_is_done_anyway(run_lsq):
    result = run_lsq("solve", *MARKET, "--no-intercept")

    assert result.code == 2
    assert (
        "no such option --no-intercept: there is no intercept unless --intercept asks for one; leave it out"
        in result.err
    )


def test_an_option_that_this_verb_lacks_is_not_promised(run_lsq):
    result = run_lsq("gradient", *MARKET, "--epochs", "1")

    assert result.code == 2
    assert "it is called" not in result.err


@pytest.mark.parametrize("target", [["-t", "y"], []])
def test_columns_given_as_files_are_pointed_to_the_option_for_columns(target, run_lsq):
    path = SAMPLES / "longley.csv"
    result = run_lsq("solve", path, *target, "x1", "x2")

    assert result.code == 2
    assert "x1, x2: no file, but columns of " in result.err
    assert result.err.endswith("for A: --columns x1,x2\n")
    assert "no such file" in run_lsq("solve", path, *target[:1] or ["-t"], "y", "x1", "nowhere").err


@pytest.mark.parametrize("at", ["[1, 2, 0.5]", "1 2 0.5", "(1,2,.5)", " 1,2,0.5 "])
def test_a_point_is_understood_as_people_write_it(at, run_lsq):
    expected = run_lsq("gradient", *MARKET, "--at", "1,2,0.5", "-f", "json").json

    assert run_lsq("gradient", *MARKET, "--at", at, "-f", "json").json == expected


@pytest.mark.parametrize("verb", ["solve", "gradient", "compare", "look"])
def test_no_data_on_a_terminal_points_to_the_help_of_the_verb(verb):
    assert f"no data: give a path, or pipe a table to standard input (lsq {verb} --help)" in on_a_terminal(verb)


def test_an_equation_in_the_place_of_a_formula_is_told_apart_from_a_file(run_lsq):
    result = run_lsq("solve", "y = x1 + x2", SAMPLES / "longley.csv")

    assert result.code == 2
    assert "Error: y = x1 + x2: no such file; a formula has a ~ in it: lsq fit 'y ~ x1 + x2'\n" in result.err
    hive = run_lsq("solve", "year=2024/part.csv", SAMPLES / "longley.csv")
    assert hive.err == "lsq: error: year=2024/part.csv: no such file, nor a folder 'year=2024'\n"


def test_an_empty_standard_input_is_no_empty_file(run_lsq):
    result = run_lsq("solve", "-t", "y")

    said = "nothing came through it; pipe a table into it, or give a path"
    assert (result.code, result.err) == (1, f"lsq: error: standard input: {said}\n")
