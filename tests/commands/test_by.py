"""`--by`: its screens and files, exit codes, and what it refuses before anything is read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from tables import SAMPLES

from lsq_cli import fit

PENGUINS = SAMPLES / "penguins.csv"
FORMULA = "body_mass_g ~ flipper_length_mm + island"
FIT = ("fit", FORMULA, PENGUINS, "--missing", "drop", "--by", "species")
SCREEN = """\
body_mass_g ~ flipper_length_mm + island, by species

Coefficients
  species    name                 estimate  std. error      t        p  95% low     high
  Adelie     (intercept)          -2625.94       974.3  -2.70   0.0079  -4551.3  -700.57
             flipper_length_mm     33.5580       5.150   6.52  1.1e-09   23.380   43.736
             island[T.Dream]      -52.6996       82.32  -0.64     0.52  -215.39   109.99
             island[T.Torgersen]  -83.8467       84.84  -0.99     0.32  -251.51   83.820
  Gentoo     (intercept)          -6787.28        1093  -6.21  7.6e-09  -8950.3  -4624.3
             flipper_length_mm     54.6225       5.028  10.86  1.3e-19   44.668   64.577
  Chinstrap  (intercept)          -3037.20       997.1  -3.05   0.0033  -5027.9  -1046.5
             flipper_length_mm     34.5734       5.088   6.79  3.7e-09   24.414   44.732
             island[T.Dream]

Fits
  species    rows  std. error   df      R²  adjusted      F        p
  Adelie      151       407.9  147  0.2244    0.2086  14.18  3.6e-08
  Gentoo      123       360.2  121  0.4937    0.4896  118.0  1.3e-19
  Chinstrap    68       297.0   66  0.4116    0.4027  46.17  3.7e-09

All groups
  groups  3
  rows    342 of 344 (dropped: 2 na)

island is compared with Biscoe

Warnings
  Gentoo: no row has island Dream, Torgersen; left out: island[T.Dream], island[T.Torgersen]
  Chinstrap: not estimated: island[T.Dream]; it adds nothing to the columns before: island[T.Dream] = 1
  Chinstrap: no row has island Biscoe, Torgersen; left out: island[T.Torgersen]
"""
SCREENS = Path(__file__).parent / "screens"


def firms():
    """A panel like Grunfeld's: firms of very different sizes over the same years, the last with two years only."""
    rng = np.random.default_rng(1935)
    lines = []
    for firm, size in (("Wonder", 700.0), ("Steel, US", 2000.0), ("Oil", 130.0), ("New", 50.0)):
        for year in range(1935, 1937 if firm == "New" else 1948):
            value, capital = size * rng.uniform(0.6, 1.4), size * rng.uniform(0.1, 0.5)
            invest = 0.1 * value + 0.3 * capital + size * 0.02 * rng.normal()
            lines.append([firm, year, round(invest, 2), round(value, 2), round(capital, 2)])
    return pandas.DataFrame(lines, columns=["firm", "year", "invest", "value", "capital"])


@pytest.fixture
def panel(tmp_path):
    path = tmp_path / "panel.csv"
    firms().to_csv(path, index=False)
    return path


def test_the_screen_of_penguins_by_species(run_lsq):
    result = run_lsq(*FIT)

    assert result.code == 0
    assert result.out == SCREEN
    assert result.err.splitlines() == [f"lsq: warning: {line[2:]}" for line in SCREEN.splitlines()[-3:]]


def test_the_screen_of_a_panel_by_firm(run_lsq, panel, stored):
    result = run_lsq("fit", "invest ~ value + capital", panel, "--by", "firm")

    assert result.code == 0
    assert result.err == "lsq: warning: New: too small: 2 rows for 3 coefficients\n"
    stored(SCREENS / "fit-by-firm.txt", result.out)


def test_the_screen_of_solve_by_firm(run_lsq, panel, stored):
    result = run_lsq("solve", "-t", "invest", "--columns", "value,capital", "--intercept", panel, "--by", "firm")

    assert result.code == 0
    stored(SCREENS / "solve-by-firm.txt", result.out)


def test_json_has_what_belongs_to_one_fit_in_groups_only(run_lsq, panel):
    found = run_lsq("fit", "invest ~ value", panel, "--by", "firm", "-f", "json").json
    alone = fit(firms().query("firm == 'Oil'"), "invest ~ value")
    oil, new = found["groups"][2:]

    assert [found[key] for key in ("x", "names", "coefficients", "rank", "digits", "iterations")] == [None] * 6
    assert (found["rows"], found["rows_read"], found["options"]["by"]) == (41, 41, ["firm"])
    assert found["terms"]["formula"] == "invest ~ value"
    assert oil["group"] == {"firm": "Oil"}
    assert oil["coefficients"] == dict(zip(alone.names, alone.x.tolist(), strict=True))
    assert oil["statistics"]["std_error"] == alone.statistics.std_error.tolist()
    assert new["group"] == {"firm": "New"}
    assert new["x"] is not None  # two rows for two coefficients
    assert new["statistics"]["sigma"] is None


def test_csv_says_first_which_group_a_row_is_of(run_lsq, panel):
    rows = list(csv.reader(io.StringIO(run_lsq("fit", "invest ~ value", panel, "--by", "firm", "-f", "csv").out)))
    both = run_lsq(
        "solve", "-t", "invest", "--columns", "value", panel, "--by", "year", "--by", "firm", "-f", "csv", "-q"
    )

    assert rows[0] == ["group", "name", "value", "std_error", "t", "p", "low", "high"]
    assert [row[0] for row in rows[1:4]] == ["Wonder", "Wonder", "Steel, US"]
    assert both.out.splitlines()[0] == "group_year,group_firm,name,value"
    assert both.out.splitlines()[1].startswith("1935,Wonder,value,")


def test_files_hold_what_standard_output_does(run_lsq, panel, tmp_path):
    asked = ("fit", "invest ~ value", panel, "--by", "firm")
    run_lsq(*asked, "-o", tmp_path / "a.json", "-o", tmp_path / "a.csv")

    assert (tmp_path / "a.csv").read_text() == run_lsq(*asked, "-f", "csv").out
    assert json.loads((tmp_path / "a.json").read_text())["groups"] == run_lsq(*asked, "-f", "json").json["groups"]
    predicted = run_lsq("predict", tmp_path / "a.json", panel)
    assert predicted.code == 1
    assert "a fit for each group, of --by; lsq predict takes the model of one fit" in predicted.err


def test_a_pipe_serves_a_covariance_that_reads_twice(run_lsq, panel):
    asked = ("fit", "invest ~ value", "--by", "firm", "--vcov", "HC3", "-f", "csv", "-q")

    assert run_lsq(*asked, stdin=panel.read_bytes()).out == run_lsq(*asked, panel).out


def test_the_worst_group_makes_the_exit_code(run_lsq, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("g,x,z,y\n" + "".join(f"{'ab'[k // 5]},{k % 5 * (k // 5)},{k * k},{k}\n" for k in range(10)))
    broken = run_lsq("fit", "y ~ x - 1", path, "--by", "g", "-f", "json")
    assert broken.code == 1
    assert "lsq: error: a: " in broken.err
    assert [one.get("error") is None for one in json.loads(broken.raw)["groups"]] == [False, True]

    slow = run_lsq(
        *(
            "solve",
            "-t",
            "y",
            "--columns",
            "x,z",
            path,
            "--by",
            "g",
            "-m",
            "gd",
            "--max-iter",
            "1",
            "--min-digits",
            "9",
        ),
        *("-f", "json"),
    )
    assert slow.code == 3
    assert "lsq: not converged: b: 1 step" in slow.err
    assert "lsq: check failed: b: --min-digits 9" in slow.err
    assert run_lsq("solve", "-t", "y", "--columns", "z", path, "--by", "g", "--min-digits", "16").code == 4
    assert run_lsq("solve", "-t", "y", "--columns", "z", path, "--by", "g", "--min-digits", "15").code == 0


def test_of_many_warnings_the_first_few_are_said(run_lsq, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("g,x,y\n" + "".join(f"{k},{k},{k}\n" for k in range(30)))
    result = run_lsq("fit", "y ~ x", path, "--by", "g")

    assert result.code == 0
    assert result.err.splitlines()[:3] == [
        "lsq: warning: no group has a result",
        "lsq: warning: 0: too small: 1 row for 2 coefficients",
        "lsq: warning: 1: too small: 1 row for 2 coefficients",
    ]
    assert result.err.splitlines()[-1] == "lsq: warning: 25 more about other groups: -f json has them"
    assert len(result.err.splitlines()) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("solve", "--each"), "--each and --by do not go together"),
        (("solve", "-f", "npy"), "--format npy and --by do not go together: groups need names; use -f csv or -f json"),
        (("solve", "-o", "x.npy"), "-o x.npy and --by do not go together: groups need names; use .csv or .json"),
        (("solve", "--iterates", "3"), "--iterates is for one run, and --by has one for each group"),
        (("solve", "--history", "h.csv"), "--history is for one run, and --by has one for each group"),
        (("solve", "--plot", "p.png", "-m", "gd"), "--plot is for one run, and --by has one for each group"),
        (("solve", "--precision", "double"), "--precision double and --by do not go together"),
        (("fit", "--influence", "3"), "--influence is for one run, and --by has one for each group"),
        (("fit", "--each"), "--each and --by do not go together"),
        (("fit", "-f", "npy"), "--format npy and --by do not go together"),
        (("solve", "--by", "invest"), "--by 'invest': the column is what is to be explained"),
    ],
)
def test_what_does_not_go_with_groups_is_refused(run_lsq, panel, arguments, message):
    verb, *options = arguments
    result = run_lsq(verb, "-t", "invest", *options, panel, "--by", "firm")

    assert result.code == 2
    assert message in " ".join(result.err.split())


def test_a_state_has_no_groups(run_lsq, panel, tmp_path):
    run_lsq("collect", panel, "-o", tmp_path / "s.lsqs")
    result = run_lsq("solve", "-t", "invest", tmp_path / "s.lsqs", "--by", "year")

    assert result.code == 2
    assert "is a state: it has the sums of all of them together" in " ".join(result.err.split())


def test_a_and_b_apart_have_no_groups(run_lsq):
    result = run_lsq("solve", SAMPLES / "A.csv", SAMPLES / "b.csv", "--by", "apples")

    assert result.code == 2
    assert "--by needs one table with A, b and the groups: add -t NAME, and all paths are its parts" in result.err
