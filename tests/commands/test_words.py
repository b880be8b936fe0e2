"""The words of help, screens and messages: plain, with every default, and examples that can be run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from lsq_cli.commands import VERBS

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "sample_data"


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_shows_its_default_on_its_line(verb, run_lsq):
    lines = run_lsq(verb, "--help").out.splitlines()
    options = [line for line in lines if re.match(r" {2}-.* {2}", line) and not re.search("--help|--version", line)]

    assert all(re.search(r"\[default: [^\]]+\]$", line) for line in options)
    assert len(lines) <= 75 and max(map(len, lines)) <= 80


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("generate", "completion")])
def test_the_example_of_a_help_runs_on_what_is_shipped(verb, run_lsq, monkeypatch, tmp_path):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    for state in ("monday", "tuesday", "week"):  # those that the examples of states speak of
        run_lsq("collect", "sample_data/longley.csv", "-o", f"{state}.lsqs")
    example = re.search(r"Example: +lsq (.*)", run_lsq(verb, "--help").out)[1]

    assert run_lsq(*shlex.split(example)).code == 0


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--delimiter", "[default: detected]"),
        ("--[no-]header", "[default: detected]"),
        ("--input-format", "[default: detected]"),
        ("--learning-rate", "Step length of constant, nesterov"),
        ("--rank-tol", "Dependent below T of its length"),
        ("--memory", "Memory for rows in flight"),
    ],
)
def test_help_says_it_plainly(option, text, run_lsq):
    line = next(line for line in run_lsq("solve", "--help").out.splitlines() if line.strip().startswith(option))

    assert text in line


def test_the_summary_has_digits_with_one_decimal(run_lsq):
    out = run_lsq("solve", SAMPLES / "longley.csv", "-t", "y", "--intercept", "-m", "gd", "--step", "cg").out

    assert "  correct digits, guaranteed  0.0\n" in out
    assert "  digits the data support     10.0\n" in out


def test_cells_are_separated_and_not_apart(run_lsq):
    assert "cells separated by ','" in run_lsq("solve", stdin="a,b\n1,2\n3\n").err


def test_one_answer_among_many_is_had_by_dropping_columns(run_lsq):
    table = "a,b,y\n1,2,1\n2,4,3\n3,6,2\n"

    assert "for one answer only: --drop b" in run_lsq("solve", stdin=table).err


def test_one_row_is_not_rows(run_lsq):
    assert "lsq: info: 1 row read, 1 used" in run_lsq("solve", "-v", stdin="x,y\n1,2\n").err
    assert "1 row does not determine 2 unknowns" in run_lsq("solve", stdin="x,z,y\n1,2,3\n").err
