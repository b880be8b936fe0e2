"""`lsq fit 'y ~ a' 'y ~ a + b' DATA`: models side by side on the screen, in JSON and CSV, and what is refused."""

from __future__ import annotations

import csv
import io
import json

import pytest
from statsmodels import datasets
from tables import SAMPLES

PENGUINS = SAMPLES / "penguins.csv"
FORMULAS = ("body_mass_g ~ flipper_length_mm", "body_mass_g ~ flipper_length_mm + species")
SCREEN = """\
Models
  1  body_mass_g ~ flipper_length_mm
  2  body_mass_g ~ flipper_length_mm + species

Coefficients
  name                   model 1  std. error   model 2  std. error
  (intercept)           -5780.83       305.8  -4031.48       584.2
  flipper_length_mm      49.6856       1.518   40.7054       3.071
  species[T.Chinstrap]                        -206.510       57.73
  species[T.Gentoo]                            266.810       95.26

Fit
                       model 1  model 2
  rows                     342      342
  coefficients               2        4
  residual std. error    394.3    375.5
  degrees of freedom       340      338
  R²                    0.7590   0.7826
  adjusted R²           0.7583   0.7807
  AIC                  5060.85  5029.52
  BIC                  5068.52  5044.86
  rows 342 of 344 (dropped: 2 na): a row that misses a cell of one model is out of all

F tests of what the larger model adds
  models          F  degrees of freedom        p
  1 within 2  18.39           2 and 338  2.6e-08

species is compared with Adelie
"""
GRUNFELD = """\
Models
  1  invest ~ value
  2  invest ~ capital

Coefficients
  name          model 1  std. error   model 2  std. error
  (intercept)  -6.16909       9.088   8.56506       13.97
  value        0.141093    0.005607
  capital                            0.485191     0.03586

Fit
                       model 1  model 2
  rows                     220      220
  coefficients               2        2
  residual std. error    106.8    155.6
  degrees of freedom       218      218
  R²                    0.7439   0.4564
  adjusted R²           0.7427   0.4539
  AIC                  2681.62  2847.18
  BIC                  2688.41  2853.96

no model lies within another: compare them by AIC
"""


def test_models_stand_side_by_side(run_lsq):
    result = run_lsq("fit", *FORMULAS, PENGUINS, "--missing", "drop")

    assert (result.code, result.err, result.out) == (0, "", SCREEN)


def test_models_that_are_not_nested_have_no_test(run_lsq, tmp_path):
    datasets.grunfeld.load_pandas().data.to_csv(tmp_path / "g.csv", index=False)
    result = run_lsq("fit", "invest ~ value", tmp_path / "g.csv", "invest ~ capital")

    assert (result.code, result.err, result.out) == (0, "", GRUNFELD)


def test_a_pipe_and_parts_are_read_once_and_give_the_same(run_lsq, tmp_path):
    lines = PENGUINS.read_bytes().splitlines(keepends=True)
    for k, rows in enumerate((lines[1:100], lines[100:])):
        (tmp_path / f"{k}.csv").write_bytes(b"".join([lines[0], *rows]))
    ask = ("fit", *FORMULAS, "--missing", "drop", "-f", "csv")

    whole = run_lsq(*ask, PENGUINS).out
    assert whole == run_lsq(*ask, stdin=PENGUINS.read_bytes()).out
    assert whole == run_lsq(*ask, tmp_path / "1.csv", tmp_path / "0.csv", "--jobs", "1").out


def test_json_has_each_model_as_it_would_stand_alone(run_lsq, tmp_path):
    found = run_lsq("fit", *FORMULAS, PENGUINS, "--missing", "drop", "-f", "json", "-o", tmp_path / "m.json").json

    assert found.keys() == {"models", "nested", "data", "rows", "rows_read", "dropped_rows", "passes", "version"}
    for one, formula in zip(found["models"], FORMULAS, strict=True):
        alone = run_lsq("fit", formula, PENGUINS, "--missing", "drop", "-f", "json").json
        changing = ("seconds", "options")
        assert {k: v for k, v in one.items() if k not in changing} == {
            k: v for k, v in alone.items() if k not in changing
        }
    (pair,) = found["nested"]
    assert (pair["smaller"], pair["larger"], pair["df"]) == (1, 2, [2, 338])
    assert (pair["f"], pair["f_p"]) == pytest.approx((18.3930112, 2.6153521e-8), rel=1e-7)
    assert (found["rows"], found["rows_read"], found["dropped_rows"], found["passes"]) == (342, 344, {"na": 2}, 1)
    assert json.loads((tmp_path / "m.json").read_text()) == found


def test_csv_has_the_model_first(run_lsq, tmp_path):
    out = run_lsq("fit", *FORMULAS, PENGUINS, "--missing", "drop", "-f", "csv", "-o", tmp_path / "m.csv").out
    rows = list(csv.reader(io.StringIO(out)))

    assert rows[0] == ["model", "name", "value", "std_error", "t", "p", "low", "high"]
    assert [row[0] for row in rows[1:]] == ["1"] * 2 + ["2"] * 4
    assert (tmp_path / "m.csv").read_text() == out


def test_predict_takes_one_model_of_several_only_by_name(run_lsq, tmp_path):
    run_lsq("fit", *FORMULAS, PENGUINS, "--missing", "drop", "-o", tmp_path / "m.json")
    result = run_lsq("predict", tmp_path / "m.json", PENGUINS)

    assert result.code == 1
    assert "m.json: it holds 2 models side by side, and a prediction is of one: fit that formula alone" in result.err


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("--vcov", "HC3"), "--vcov and several formulas do not go together: the F tests are those of one variance"),
        (("--ridge", "1"), "--ridge and several formulas do not go together: a ridge has no F test"),
        (("--influence", "2"), "--influence is for one formula, and there are several"),
        (("--plot", "x.png"), "--plot is for one formula, and there are several"),
        (("--each",), "--each is for one formula, and there are several"),
        (("-f", "npy"), "NPY holds one x, and several formulas have several: use table, csv or json"),
        (("-o", "x.npy"), "NPY holds one x, and several formulas have several: use table, csv or json"),
        (("-t", "y"), "--target and the formula both say what the model is"),
        (("log(y) ~ a",), "the formulas explain y and log(y); models side by side explain the same"),
        (("y ~ a | g",), "several formulas and | g do not go together; write + C(g)"),
        (("y ~ nn",), "the formula names 'nn', and there is no such column"),
    ],
)
def test_what_does_not_go_with_several_formulas(run_lsq, args, error):
    result = run_lsq("fit", "y ~ a", "y ~ a + b", *args, stdin="y,a,b,g\n1,2,3,u\n2,3,5,u\n4,4,9,v\n6,1,1,v\n")

    assert result.code == 2 and result.out == "" and error in result.err
