"""`lsq fit`: its screens and files, and what it refuses before anything is read."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pandas
import pytest
from tables import SAMPLES, table

from lsq_cli import fit

PENGUINS = SAMPLES / "penguins.csv"
FORMULA = "body_mass_g ~ flipper_length_mm + species"
SCREEN = """\
body_mass_g ~ flipper_length_mm + species

Coefficients
  name                  estimate  std. error      t        p  95% low     high
  (intercept)           -4031.48       584.2  -6.90  2.6e-11  -5180.5  -2882.4
  flipper_length_mm      40.7054       3.071  13.25  1.4e-32   34.665   46.746
  species[T.Chinstrap]  -206.510       57.73  -3.58  0.00040  -320.07  -92.954
  species[T.Gentoo]      266.810       95.26   2.80   0.0054   79.425   454.19

Fit
  rows                 342 of 344 (dropped: 2 na)
  residual std. error  375.5 on 338 degrees of freedom
  R²                   0.7826, adjusted 0.7807
  F                    405.7 on 3 and 338, p < 1e-99
  AIC, BIC             5029.52, 5044.86

species is compared with Adelie
"""


def test_the_screen_says_what_a_biologist_asks(run_lsq):
    result = run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop")

    assert (result.code, result.err) == (0, "")
    assert result.out == SCREEN
    assert max(map(len, result.out.splitlines())) <= 80


def test_a_pipe_gives_the_same_and_so_do_parts(run_lsq, tmp_path):
    lines = PENGUINS.read_bytes().splitlines(keepends=True)
    for k, rows in enumerate((lines[1:100], lines[100:])):
        (tmp_path / f"{k}.csv").write_bytes(b"".join([lines[0], *rows]))
    whole = run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop", "-f", "csv")
    piped = run_lsq("fit", FORMULA, "--missing", "drop", "-f", "csv", stdin=PENGUINS.read_bytes())
    parted = run_lsq("fit", FORMULA, tmp_path / "1.csv", tmp_path / "0.csv", "--missing", "drop", "-f", "csv")

    assert whole.out == piped.out == parted.out


def test_columns_that_others_nearly_make_are_named_with_their_variance_inflation(run_lsq):
    longley = SAMPLES / "longley.csv"
    large = run_lsq("fit", "y ~ x1 + x2 + x3 + x4 + x5 + x6", longley).out.splitlines()[-1]
    small = "".join(
        run_lsq("fit", f"y ~ {terms}", longley).out for terms in ("x1 + x4", "x1*x4", "poly(x1, 2, raw=True)")
    )

    # As in R: car::vif(lm(y ~ ., longley)).
    assert large == "variance inflation of 10 and more: x1 136, x2 1789, x3 33.6, x5 399, x6 759"
    assert "variance inflation" not in small


@pytest.mark.parametrize("model", [("y ~ .",), ("-t", "y")], ids=["formula", "target"])
def test_columns_that_number_the_rows_are_left_out_in_words(run_lsq, model):
    rows = "".join(f"{k},{k * k % 7},,{k * 3 % 5 + k}\n" for k in range(1, 12))
    left_out = run_lsq("fit", *model, "-f", "csv", stdin=f",a,e,y\n{rows}".encode())

    assert [line.split(",")[0] for line in left_out.out.splitlines()] == ["name", "(intercept)", "a"]
    assert left_out.err.splitlines() == [
        "lsq: note: left out as empty in the first 1000 rows: 'e' (name it to take it in)",
        "lsq: note: left out as row numbers: 'column1' (name it to take it in)",
    ]


def test_columns_that_a_formula_names_or_drops_are_not_spoken_of(run_lsq):
    rows = "".join(f"{k},{k * k % 7},{k * 3 % 5 + k}\n" for k in range(1, 12))
    for options in (("y ~ . + column1",), ("y ~ . - column1",), ("y ~ a",), ("y ~ .", "--drop", "column1")):
        assert run_lsq("fit", *options, stdin=f",a,y\n{rows}".encode()).err == ""


@pytest.mark.parametrize("kind", ["HC1", "HC3", "cluster:island", "cluster:island,year"])
def test_rows_of_a_pipe_are_kept_for_a_second_pass(run_lsq, kind):
    options = ("fit", FORMULA, "--missing", "drop", "--vcov", kind)
    result = run_lsq(*options, stdin=PENGUINS.read_bytes())

    assert result.out == run_lsq(*options, PENGUINS).out
    assert "standard errors for rows that " in result.out
    assert run_lsq(*options, PENGUINS, "-f", "json").json["passes"] == 2


def test_json_has_every_figure_of_the_contract(run_lsq):
    record = run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop", "-f", "json").json
    found = fit(table("penguins"), FORMULA, missing="drop")

    assert list(record["statistics"])[:6] == ["std_error", "t", "p", "low", "high", "vif"]
    assert record["statistics"]["p"] == found.statistics.p.tolist()
    assert record["statistics"]["vif"][0] is None
    assert (record["statistics"]["vcov"], record["statistics"]["confidence"]) == ("iid", 0.95)
    assert record["terms"]["levels"] == {"species": ["Adelie", "Chinstrap", "Gentoo"]}
    assert record["terms"]["bases"] == {"species": "Adelie"}
    assert len(record["digest"]) == 64


def test_csv_has_errors_and_intervals_beside_the_value(run_lsq):
    lines = run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop", "-f", "csv").out.splitlines()
    several = run_lsq("fit", "cbind(body_mass_g, year) ~ species", PENGUINS, "--missing", "drop", "-f", "csv")

    assert lines[0] == "name,value,std_error,t,p,low,high"
    assert float(lines[2].split(",")[1]) == fit(table("penguins"), FORMULA, missing="drop").x[1]
    assert several.out.startswith("name,body_mass_g,year,std_error_body_mass_g,t_body_mass_g,")


def test_other_screens(run_lsq):
    plain = run_lsq(
        "fit", "-t", "body_mass_g", "--columns", "species,year", "--no-intercept", PENGUINS, "--missing", "drop"
    )
    ridge = run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop", "--ridge", "3")
    less = run_lsq("fit", "body_mass_g ~ flipper_length_mm + I(3*flipper_length_mm)", PENGUINS, "--missing", "drop")
    several = run_lsq("fit", "cbind(body_mass_g, year) ~ species", PENGUINS, "--missing", "drop", "--confidence", "0.9")

    assert plain.out.startswith("body_mass_g ~ 0 + species + year\n")
    assert "species[Adelie]" in plain.out
    assert ridge.err == "lsq: note: a ridge has no standard errors: x is biased on purpose\n"
    assert "std. error" not in ridge.out
    assert "lsq: warning: not estimated: I(3 * flipper_length_mm); it adds nothing" in less.err
    assert "  I(3 * flipper_length_mm)\n" in less.out
    assert "Coefficients of year\n" in several.out and "90% low" in several.out


def test_without_a_constant_r_squared_says_so(run_lsq):
    out = run_lsq("fit", "body_mass_g ~ bill_depth_mm - 1", PENGUINS, "--missing", "drop").out

    assert "(about 0: no constant in the model)" in out


def test_files_are_written_and_the_array_read_back(run_lsq, tmp_path):
    result = run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop", "-f", "npy", "-o", tmp_path / "m.json")

    assert np.load(io.BytesIO(result.raw)).tolist() == json.loads((tmp_path / "m.json").read_text())["x"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((PENGUINS,), "what is to be explained? give a formula in quotes, lsq fit 'y ~ a + b' DATA, or -t NAME"),
        (("y ~ a", PENGUINS, "-t", "year"), "--target and the formula both say what the model is"),
        (("y ~ a", PENGUINS, "--columns", "year"), "--columns and the formula both say what the model is"),
        (("y ~ a", PENGUINS, "--no-intercept"), "--no-intercept is - 1 in a formula: write it there"),
        (("y ~ a", PENGUINS, "--confidence", "95"), "--confidence is a share below 1, as 0.95"),
        (("y ~ a", PENGUINS, "--vcov", "robust"), "--vcov 'robust' is none of iid, HC0"),
        (("y ~ a", PENGUINS, "--vcov", "HC1", "--ridge", "1"), "a ridge has no standard errors"),
        (("y ~ a", PENGUINS, "-o", "x.txt"), "end the name in .json, .csv or .npy"),
        (("body ~ year", PENGUINS), "the formula names 'body', and there is no such column"),
        (
            ("year ~ __import__('os')", PENGUINS),
            "__import__() is no function of a formula; there are 'C', 'I', 'Q', 'poly'",
        ),
    ],
)
def test_usage_errors_are_one_line_and_code_2(run_lsq, arguments, error):
    result = run_lsq("fit", *arguments)

    assert (result.code, result.out) == (2, "")
    assert error in result.err


def test_data_errors_name_the_cell(run_lsq, tmp_path):
    days = "".join(f"{k},2024-01-01,{'ab'[k % 2]}\n" for k in range(1000))
    (tmp_path / "d.csv").write_text(f"y,d,g\n{days}3,soon,a\n4,2024-01-04,NA\n")
    date = run_lsq("fit", "y ~ d", tmp_path / "d.csv")
    missing = run_lsq("fit", "y ~ g", tmp_path / "d.csv")
    cluster = run_lsq("fit", "y ~ g", tmp_path / "d.csv", "--vcov", "cluster:h", "--missing", "drop")

    assert (date.code, missing.code, cluster.code) == (1, 1, 1)
    assert f"{tmp_path / 'd.csv'}, line 1002, column 2 'd': 'soon' is no date" in date.err
    assert "line 1003, column 3 'g': 'NA' marks a missing value; leave such rows out with --missing drop" in missing.err
    assert "--vcov 'h': no such column" in cluster.err


def test_dates_are_seconds_since_1970(run_lsq, tmp_path):
    (tmp_path / "d.csv").write_text("y,d\n1,1970-01-01\n2,1970-01-01T00:00:01Z\n3.5,1970-01-01T00:00:02+00:00\n")
    record = run_lsq("fit", "y ~ d", tmp_path / "d.csv", "-f", "json").json

    assert record["x"][1] == 1.25


def test_the_hint_of_solve_leads_here(run_lsq):
    assert f"for a formula there is: lsq fit '{FORMULA}' DATA" in run_lsq("solve", FORMULA, PENGUINS).err


def test_parquet_and_csv_are_fitted_alike(run_lsq, tmp_path):
    frame = table("made")
    frame["day"] = pandas.to_datetime([f"2024-01-{1 + k % 28:02d}" for k in range(len(frame))])
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.astype({"g": "category"}).to_parquet(tmp_path / "d.parquet", index=False)
    formula = "y ~ a*g + h + flag + day"
    text, arrow = (
        run_lsq("fit", formula, tmp_path / f"d.{suffix}", "-f", "json", "--missing", "drop").json
        for suffix in ("csv", "parquet")
    )

    frame.astype({"day": str, "flag": str}).to_excel(tmp_path / "d.xlsx", index=False)
    sheet = run_lsq("fit", formula, tmp_path / "d.xlsx", "-f", "json", "--missing", "drop").json

    assert text["names"] == arrow["names"] == sheet["names"]
    np.testing.assert_allclose(text["x"], sheet["x"], rtol=1e-9)  # a sheet keeps 15 digits
    assert text["x"] == arrow["x"] == fit(frame, formula, missing="drop").x.tolist()
    assert text["digest"] == arrow["digest"]


def test_large_text_is_read_as_small_text_is(run_lsq, tmp_path, monkeypatch):
    frame = table("made")
    frame.loc[3, "g"] = ""
    frame.loc[8, "g"] = " north "
    frame.to_csv(tmp_path / "d.csv", index=False)
    command = ("fit", "y ~ a + g + C(k) + flag", tmp_path / "d.csv", "-f", "json", "--missing", "drop")
    small = run_lsq(*command).json
    monkeypatch.setattr("lsq_cli.sources.text.fast.LARGE_BYTES", 1)
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 2000)
    large = run_lsq(*command).json

    assert {**small, "seconds": 0} == {**large, "seconds": 0}


@pytest.mark.parametrize(
    ("package", "says"),
    [
        ("patsy", "a formula needs patsy: pip install 'lsq-cli[fit]'"),
        ("scipy.special", "the p of a coefficient needs scipy: pip install 'lsq-cli[fit]'"),
    ],
)
def test_a_missing_package_is_named_before_a_row_is_read(run_lsq, monkeypatch, tmp_path, package, says):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "t.csv").write_text("y,a\n1,2\n2,3\n" + "3,4\n" * 2000 + "oops,5\n")
    result = run_lsq("fit", "y ~ a", tmp_path / "t.csv")

    assert (result.code, result.err) == (1, f"lsq: error: {says}\n")


def test_a_ridge_without_a_formula_needs_no_further_package(run_lsq, monkeypatch):
    for package in ("patsy", "scipy", "scipy.special"):
        monkeypatch.setitem(sys.modules, package, None)

    assert run_lsq("fit", "-t", "y", SAMPLES / "longley.csv", "--ridge", "1").code == 0


INFLUENCE = """\
Influence, by Cook's distance
  line  residual  leverage  distance  moves most                from        to
    41      1192  0.008993   0.02305  (intercept)           -4031.48  -4130.39
   316    -877.4   0.01568   0.02209  species[T.Chinstrap]   -206.51  -192.063
   171      1069  0.009102   0.01877  flipper_length_mm      40.7054   40.4304
  x without each row: -f json
"""


def test_the_rows_that_move_x_most_have_a_table_of_their_own(run_lsq):
    asked = ("fit", FORMULA, PENGUINS, "--missing", "drop", "--influence", "3")
    result = run_lsq(*asked)

    assert (result.code, result.err) == (0, "")
    assert result.out == SCREEN.replace("\nspecies is", f"\n{INFLUENCE}\nspecies is")
    assert max(map(len, result.out.splitlines())) <= 80
    piped = run_lsq("fit", FORMULA, *asked[3:], "-f", "json", stdin=PENGUINS.read_bytes()).json
    assert [(row["file"], row["line"]) for row in piped["influence"]] == [("standard input", k) for k in (41, 316, 171)]
    assert list(piped["influence"][0]) == ["file", "line", "row", "residual", "leverage", "distance", "x"]
    assert piped["passes"] == 2


def test_influence_that_would_not_be_shown_is_refused(run_lsq, tmp_path):
    asked = ("fit", FORMULA, PENGUINS, "--missing", "drop", "--influence", "3")

    for form in ("csv", "npy"):
        result = run_lsq(*asked, "-f", form)
        assert (result.code, result.raw) == (2, b"")
        assert f"--influence has no place in --format {form}: use table or json, or -o FILE.json" in result.err
    assert run_lsq(*asked, "-f", "csv", "-o", tmp_path / "m.json").code == 0
    assert len(json.loads((tmp_path / "m.json").read_text())["influence"]) == 3
    result = run_lsq(*asked, "--ridge", "1")
    assert "--influence and --ridge do not go together: Cook's distance is that of plain least squares" in result.err


def test_an_f_that_few_clusters_leave_open_says_so(run_lsq):
    few = run_lsq(
        "fit", "body_mass_g ~ flipper_length_mm + species", PENGUINS, "--missing", "drop", "--vcov", "cluster:island"
    )

    assert "  F                    not told: 3 clusters for 3 coefficients\n" in few.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("y ~ a + b", "--drop", "b"), "--drop and the formula both name 'b'; take it out of one of them"),
        (("y ~ a | b", "--drop", "b"), "--drop and the formula both name 'b'; take it out of one of them"),
        (("y ~ .", "--drop", "y"), "--drop and the formula both name 'y'; take it out of one of them"),
        (("-t", "y", "--drop", "y"), "--target and --drop both name 'y'; take it out of one of them"),
        (("-t", "y", "--columns", "a,y"), "--target and --columns both name 'y'; it cannot explain itself"),
        (
            ("y ~ a", "--weights", "b", "--drop", "b"),
            "--weights and --drop both name 'b'; --weights alone keeps it out of the model",
        ),
    ],
)
def test_a_column_with_two_roles_is_refused(run_lsq, tmp_path, arguments, said):
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n2,1,5\n3,2,4\n4,1,7\n")
    found = run_lsq("fit", *arguments, tmp_path / "t.csv")
    assert (found.code, found.err.splitlines()[-1]) == (2, f"Error: {said}")


def test_drop_takes_columns_from_the_rest_of_a_formula(run_lsq, tmp_path):
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n2,1,5\n3,2,4\n4,1,7\n")
    assert run_lsq("fit", "y ~ .", tmp_path / "t.csv", "--drop", "b", "-f", "json").json["names"] == [
        "(intercept)",
        "a",
    ]
    assert run_lsq("fit", "-t", "y", "--columns", "*", tmp_path / "t.csv", "-f", "json").json["names"][1:] == ["a", "b"]


def test_influence_on_a_file_with_lines_and_one_with_rows_says_which_may_be_meant(run_lsq, tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{a!r},{y!r}\n" for a, y in rng.normal(size=(9, 2)).tolist()))
    pandas.DataFrame({"a": [1.0, 2.0, 9.0], "y": [2.0, 1.0, 9.0]}).to_parquet(tmp_path / "t.parquet")
    paths = (tmp_path / "t.csv", tmp_path / "t.parquet")
    assert "line or row  residual" in run_lsq("fit", "y ~ a", *paths, "--influence", "12").out
