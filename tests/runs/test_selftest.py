"""`lsq selftest`: passes as it stands, and notices a single digit that is off."""

from __future__ import annotations

import io
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from exact_reference import exact_solution
from rich.console import Console

from lsq_cli.report import checks as report
from lsq_cli.report.layout import print_ruled
from lsq_cli.report.page import Page
from lsq_cli.runs import selftest

NAMES = ["Norris", "Pontius", "NoInt1", "Longley", "Wampler1", "Wampler2"]
STATED = json.loads(selftest.DATA.read_text(encoding="utf-8"))


@pytest.fixture
def spoiled(tmp_path, monkeypatch):
    """Put a spoiled copy of the data in its place."""

    def spoil(change) -> None:
        stated = json.loads(json.dumps(STATED))
        change({entry["name"]: entry for entry in stated["sets"]})
        (tmp_path / "nist.json").write_text(json.dumps(stated), encoding="utf-8")
        monkeypatch.setattr(selftest, "DATA", tmp_path / "nist.json")

    return spoil


def test_every_set_passes(run_lsq):
    result = run_lsq("selftest")

    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == NAMES
    assert all(line.split()[3] == "15.9" and line.endswith("passed") for line in lines[2:-1])


def test_json_has_digits_and_marks_of_every_set(run_lsq):
    result = run_lsq("selftest", "--format", "json").json

    assert result["passed"] is True
    assert [entry["name"] for entry in result["sets"]] == NAMES
    for entry in result["sets"]:
        assert entry["digits"].keys() == entry["marks"].keys() == {"exact", *selftest.CERTIFIED}
        assert all(entry["digits"][key] >= mark for key, mark in entry["marks"].items())
        assert entry["digits"]["exact"] == 15.9
        assert min(entry["digits"].values()) >= 13


def test_a_wrong_digit_in_the_exact_answer_is_found(run_lsq, spoiled):
    spoiled(lambda sets: sets["Longley"]["exact"].__setitem__(2, "-0.03581917929259103"))
    result = run_lsq("selftest")

    assert result.code == 4
    assert result.err.startswith("lsq: check failed: Longley, exact: 15.")
    assert result.err.endswith(" digits, 15.9 expected\n")
    assert [line.split()[-1] for line in result.out.splitlines()[2:-1]].count("FAILED") == 1


def test_a_cell_of_the_data_that_is_off_is_found_in_every_number(run_lsq, spoiled):
    spoiled(lambda sets: sets["Norris"]["y"].__setitem__(0, 0.1000001))
    result = run_lsq("selftest", "-f", "json")
    norris = result.json["sets"][0]

    assert result.code == 4
    assert (result.json["passed"], norris["passed"]) == (False, False)
    assert max(norris["digits"][key] for key in norris["digits"] if key != "r_squared") < 13
    assert all(f"Norris, {key}:" in result.err for key in selftest.CERTIFIED)
    assert all(entry["passed"] for entry in result.json["sets"][1:])


@pytest.mark.parametrize("key", selftest.CERTIFIED)
def test_a_certified_value_that_is_off_is_found(key, run_lsq, spoiled):
    def change(sets):
        certified = sets["NoInt1"]["certified"]
        value = certified[key] if isinstance(certified[key], str) else certified[key][0]
        wrong = str(float(value) * (1 + 1e-12))
        certified[key] = wrong if isinstance(certified[key], str) else [wrong]

    spoiled(change)
    result = run_lsq("selftest", "-f", "json")

    assert result.code == 4
    assert result.err.count("\n") == 1
    assert f"check failed: NoInt1, {key}: 12.0 digits" in result.err


@pytest.mark.parametrize("reference", selftest.references(), ids=lambda reference: reference.name)
def test_the_exact_answers_are_those_of_rational_arithmetic(reference):
    A = np.column_stack([np.ones(len(reference.A)), reference.A]) if reference.intercept else reference.A
    for (right,), stated in zip(exact_solution(A, reference.b), reference.exact, strict=True):
        assert abs(stated / right - 1) < Fraction(1, 10**23)


def test_digits_are_of_the_relative_error_and_of_the_error_itself_at_zero():
    assert selftest.correct_digits(1.001, Fraction(1)) == pytest.approx(3.0)
    assert selftest.correct_digits(-2.0, Fraction(2)) == 0.0
    assert selftest.correct_digits(1e-7, Fraction(0)) == pytest.approx(7.0)
    assert selftest.correct_digits(0.0, Fraction(0)) == selftest.correct_digits(0.1, Fraction("0.1")) == 15.9
    assert selftest.correct_digits(math.nan, Fraction(1)) == 0.0


def test_on_a_terminal_the_table_has_rules():
    check = selftest.check(selftest.references()[2])
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=120)
    print_ruled(report.sections([check], Page("utf-8", 120)), console)
    text = console.file.getvalue()

    assert "NoInt1" in text
    assert "────" in text
