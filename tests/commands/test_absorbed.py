"""`lsq fit 'y ~ a | g'`: what its screens and files say of what was absorbed."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from statsmodels import datasets
from tables import SAMPLES

PENGUINS = SAMPLES / "penguins.csv"
SCREEN = """\
invest ~ value + capital | firm

Coefficients
  name     estimate  std. error      t        p   95% low     high
  value    0.110129     0.01130   9.75  1.0e-18  0.087852  0.13241
  capital  0.310033     0.01654  18.74  1.7e-46   0.27742  0.34264

Fit
  rows                 220
  absorbed             firm, 11 levels, not shown; equal intercepts: F 49.21, p = 2.6e-49
  residual std. error  50.30 on 207 degrees of freedom
  R²                   0.9461, adjusted 0.9429, within 0.7667
  F of the slopes      340.1 on 2 and 207, p = 3.8e-66
  AIC, BIC             2360.85, 2404.97
"""


@pytest.fixture
def grunfeld(tmp_path):
    path = tmp_path / "grunfeld.csv"
    panel().to_csv(path, index=False)
    return path


def panel():
    """Investment of eleven firms over twenty years."""
    return datasets.grunfeld.load_pandas().data


def test_the_screen_says_what_was_absorbed(run_lsq, grunfeld):
    result = run_lsq("fit", "invest ~ value + capital | firm", grunfeld)

    assert (result.code, result.err, result.out) == (0, "", SCREEN)


def test_standard_errors_of_clusters_are_those_that_are_published(run_lsq, grunfeld):
    frame = panel()
    frame[frame.firm != "American Steel"].to_csv(grunfeld, index=False)
    found = run_lsq("fit", "invest ~ value + capital | firm", grunfeld, "--vcov", "cluster:firm", "-f", "json").json

    # xtreg invest mvalue kstock, fe vce(robust), as Stata prints it; those of feols with its default too.
    assert found["x"] == pytest.approx([0.1101238, 0.3100653], abs=5e-8)
    assert found["statistics"]["std_error"] == pytest.approx([0.0151945, 0.0527518], abs=5e-8)


def test_json_and_csv_have_the_slopes_and_say_what_was_absorbed(run_lsq, grunfeld):
    found = run_lsq("fit", "invest ~ value + capital | firm", grunfeld, "-f", "json").json
    table = run_lsq("fit", "invest ~ value + capital | firm", grunfeld, "-f", "csv")
    lines = table.out.splitlines()

    assert found["names"] == ["value", "capital"] and found["columns"] == found["rank"] == 2
    assert found["absorbed"].keys() == {
        *("column", "levels", "single_row_levels", "r_squared_within", "f_levels", "f_levels_p")
    }
    assert (found["absorbed"]["column"], found["absorbed"]["levels"], found["passes"]) == ("firm", 11, 1)
    assert len(found["terms"]["absorbed"]["intercepts"]) == 11
    assert [line.split(",")[0] for line in lines] == ["name", "value", "capital"]
    assert table.err == "lsq: note: absorbed: firm, 11 levels, not shown\n"


def test_levels_of_one_row_are_counted_on_the_screen(run_lsq):
    rows = "".join(f"{k % 5 + k},{k * k % 7},g{min(k, 6)}\n" for k in range(12))
    result = run_lsq("fit", "y ~ a | g", stdin=f"y,a,g\n{rows}")

    assert "absorbed             g, 7 levels, 6 of them of one row, not shown; equal intercepts: F " in result.out


def test_a_pipe_parts_and_any_jobs_give_the_same(run_lsq, tmp_path):
    lines = PENGUINS.read_bytes().splitlines(keepends=True)
    for k, rows in enumerate((lines[1:100], lines[100:])):
        (tmp_path / f"{k}.csv").write_bytes(b"".join([lines[0], *rows]))
    ask = ("fit", "body_mass_g ~ flipper_length_mm*sex | species", "--missing", "drop", "-f", "csv", "--vcov", "HC3")
    whole = run_lsq(*ask, PENGUINS)

    assert whole.code == 0
    assert whole.out == run_lsq(*ask, stdin=PENGUINS.read_bytes()).out
    assert whole.out == run_lsq(*ask, tmp_path / "1.csv", tmp_path / "0.csv", "--jobs", "1").out


def test_predict_has_the_intercept_of_each_row(run_lsq, grunfeld, tmp_path):
    for formula, name in (("| firm", "a.json"), ("+ C(firm)", "b.json")):
        assert run_lsq("fit", f"invest ~ value + capital {formula}", grunfeld, "-o", tmp_path / name).code == 0
    found, expected = (
        np.genfromtxt(
            run_lsq("predict", tmp_path / name, grunfeld, "--residuals").out.splitlines(), delimiter=",", skip_header=1
        )
        for name in ("a.json", "b.json")
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    refused = run_lsq("predict", tmp_path / "a.json", grunfeld, "--interval", "0.9")
    assert refused.code == 2 and "--interval needs the covariance of the intercepts" in refused.err


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("y ~ a | g + h",), "| g + h: one column is absorbed, exactly; put the one with fewer levels among the terms"),
        (("y ~ a | g", "--ridge", "1"), "--ridge and | g do not go together; write + C(g)"),
        (("y ~ a | g", "--influence", "1"), "--influence and | g do not go together; write + C(g)"),
        (("y ~ a | g", "--plot", "x.png"), "--plot and | g do not go together; write + C(…)"),
        (("y ~ (1 | g)",), "(… | g) stands for random effects, which lsq does not fit"),
        (("y ~ 1 | g",), "the formula 'y ~ 1 | g' has no slope; y ~ C(g) has the means of the levels"),
    ],
)
def test_what_is_refused_by_name(run_lsq, args, error):
    result = run_lsq("fit", *args, stdin="y,a,g,h\n1,2,u,v\n2,3,u,w\n4,4,v,v\n")

    assert result.code == 2 and error in result.err and result.err.count("\n") <= 4


def test_each_table_has_levels_of_its_own(run_lsq, tmp_path):
    for name, frame in pandas.read_csv(PENGUINS).dropna().groupby("sex"):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    result = run_lsq(
        "fit", "body_mass_g ~ bill_length_mm | species", "--each", tmp_path / "male.csv", tmp_path / "female.csv"
    )

    assert result.code == 0 and result.out.count('"levels": 3') == 2
