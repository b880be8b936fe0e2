"""`lsq predict`: a saved model on new rows."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas
import pytest
import statsmodels.formula.api as smf
from tables import SAMPLES, table

from lsq_cli import fit, predict, solve

PENGUINS = SAMPLES / "penguins.csv"
WRITTEN = ("prediction", "low", "high", "residual")
FORMULA = "body_mass_g ~ flipper_length_mm*species + log(bill_depth_mm) + C(year)"


@pytest.fixture
def model(run_lsq, tmp_path):
    path = tmp_path / "m.json"
    assert run_lsq("fit", FORMULA, PENGUINS, "--missing", "drop", "-o", path).code == 0
    return path


def rows_of(result):
    """The cells of CSV, as a frame."""
    return frame_of(io.BytesIO(result.raw))


def frame_of(csv):
    """A file of predictions; pandas' own numbers may be off by a last bit."""
    frame = pandas.read_csv(csv, dtype=dict.fromkeys(WRITTEN, str))
    return frame.assign(**{name: frame[name].astype(float) for name in WRITTEN if name in frame})


def test_predictions_and_intervals_are_those_of_statsmodels(run_lsq, model):
    frame = table("penguins")
    theirs = smf.ols(FORMULA.replace("log(", "np.log("), frame).fit().get_prediction(frame.dropna()).summary_frame(0.1)
    result = run_lsq("predict", model, PENGUINS, "--interval", "0.9", "--residuals", "--keep", "species,year")
    ours = rows_of(result).loc[frame.dropna().index]

    assert list(ours) == ["species", "year", "prediction", "low", "high", "residual"]
    np.testing.assert_allclose(ours.prediction, theirs["mean"], rtol=1e-9)
    np.testing.assert_allclose(ours.low, theirs["obs_ci_lower"], rtol=1e-9)
    np.testing.assert_allclose(ours.high, theirs["obs_ci_upper"], rtol=1e-9)
    np.testing.assert_allclose(ours.residual, frame.dropna().body_mass_g - ours.prediction, rtol=1e-9, atol=1e-9)
    assert (result.code, "no prediction where a cell is missing: 2 rows (2 na)" in result.err) == (0, True)


def test_rows_stay_in_their_place_whatever_the_format(run_lsq, model, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 1000)
    piped = run_lsq("predict", model, "-", "--keep", "year", stdin=PENGUINS.read_bytes())
    for suffix in ("csv", "npy", "parquet"):
        keep = () if suffix == "npy" else ("--keep", "year")
        assert run_lsq("predict", model, PENGUINS, *keep, "-o", tmp_path / f"p.{suffix}", "-q").code == 0
    text = frame_of(tmp_path / "p.csv")
    array = np.load(tmp_path / "p.npy")
    arrow = pandas.read_parquet(tmp_path / "p.parquet")

    assert piped.raw == (tmp_path / "p.csv").read_bytes()
    assert len(array) == 344 and np.isnan(array).nonzero()[0].tolist() == [3, 271]
    np.testing.assert_array_equal(text.prediction, array)
    np.testing.assert_array_equal(arrow.prediction, array)
    assert arrow.year.tolist() == text.year.tolist()


def test_columns_may_stand_anywhere_and_others_are_ignored(run_lsq, model, tmp_path):
    frame = table("penguins").dropna()
    frame[["year", "sex", "bill_depth_mm", "species", "flipper_length_mm"]].to_csv(tmp_path / "n.csv", index=False)
    found = rows_of(run_lsq("predict", model, tmp_path / "n.csv"))

    np.testing.assert_array_equal(found.prediction, predict(str(model), frame).prediction)


def test_python_predicts_from_a_solution_a_file_and_a_frame(model):
    frame = table("penguins")
    solution = fit(frame, FORMULA, missing="drop")
    held = predict(solution, frame, interval=0.95, residuals=True)

    np.testing.assert_array_equal(held.prediction, predict(model, PENGUINS).prediction)
    used = ~np.isnan(held.prediction)
    assert (held.low < held.prediction)[used].all() and held.high is not None
    np.testing.assert_allclose(np.nansum(held.residual**2), solution.residual_norm**2, rtol=1e-12)
    assert predict(solution, frame.iloc[:0]).prediction.shape == (0,)


@pytest.mark.parametrize("target", ["Ozone", "log(Ozone)", "cbind(Ozone, log(Ozone))"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_target_takes_no_prediction_away(run_lsq, tmp_path, target, suffix):
    rows = [(41, 7.4, 67), (36, 8.0, 72), (None, 12.6, 74), (18, 11.5, None), (None, None, 56), (28, 14.9, 66)]
    frame = pandas.DataFrame(rows, columns=["Ozone", "Wind", "Temp"])
    data, model = tmp_path / f"d.{suffix}", tmp_path / "m.json"
    frame.to_csv(data, index=False) if suffix == "csv" else frame.to_parquet(data)
    run_lsq("fit", f"{target} ~ Wind", data, "--missing", "drop", "-o", model)
    alone = run_lsq("predict", model, data, "--interval", "0.9")
    result = run_lsq("predict", model, data, "--interval", "0.9", "--residuals")
    with_residuals = pandas.read_csv(io.BytesIO(result.raw), dtype=str)
    residuals = [name for name in with_residuals if name.startswith("residual")]

    expected = pandas.read_csv(io.BytesIO(alone.raw), dtype=str)
    pandas.testing.assert_frame_equal(with_residuals.drop(columns=residuals), expected)
    assert with_residuals[residuals].isna().all(axis=1).tolist() == frame.Ozone.isna().tolist()
    assert all(expected[name].isna().tolist() == frame.Wind.isna().tolist() for name in expected)
    assert "no prediction where a cell is missing: 1 row (" in alone.err
    assert result.err == f"{alone.err}lsq: warning: no residual where only the target is missing: 1 row\n"


def test_a_target_that_explains_too_is_needed(run_lsq, tmp_path):
    (tmp_path / "d.csv").write_text("y,a\n1,1\n2,3\n4,2\n,5\n7,4\n9,6\n")
    run_lsq("fit", "y ~ a + I(y**2)", tmp_path / "d.csv", "--missing", "drop", "-o", tmp_path / "m.json")
    result = run_lsq("predict", tmp_path / "m.json", tmp_path / "d.csv", "--residuals")

    assert result.out.splitlines()[4] == ","
    assert result.err == "lsq: warning: no prediction where a cell is missing: 1 row (1 empty)\n"


def test_a_missing_date_that_is_the_target_takes_no_prediction_away(run_lsq, tmp_path):
    (tmp_path / "d.csv").write_text("day,a\n2024-03-01,1\n2024-03-02,2\nNA,3\n2024-03-05,4\n2024-03-04,5\n")
    run_lsq("fit", "day ~ a", tmp_path / "d.csv", "--missing", "drop", "-o", tmp_path / "m.json")
    found = rows_of(run_lsq("predict", tmp_path / "m.json", tmp_path / "d.csv", "--residuals"))

    assert found.prediction.notna().all()
    assert found.residual.isna().tolist() == [False, False, True, False, False]


def test_a_model_of_solve_predicts_by_the_names_of_its_columns(run_lsq, tmp_path):
    frame = table("longley")
    run_lsq("solve", SAMPLES / "longley.csv", "-t", "y", "--intercept", "-o", tmp_path / "s.json")
    found = rows_of(run_lsq("predict", tmp_path / "s.json", SAMPLES / "longley.csv", "--residuals"))
    x = solve(frame.drop(columns="y").to_numpy(), frame.y, intercept=True).x

    np.testing.assert_allclose(found.prediction, x[0] + frame.drop(columns="y").to_numpy() @ x[1:], rtol=1e-9)
    np.testing.assert_allclose(found.residual, frame.y - found.prediction, atol=1e-6)


def test_several_targets_have_each_their_columns(run_lsq, tmp_path):
    run_lsq("fit", "cbind(body_mass_g, year) ~ species", PENGUINS, "--missing", "drop", "-o", tmp_path / "m.json")
    out = run_lsq("predict", tmp_path / "m.json", PENGUINS, "--residuals", "-q").out

    assert out.splitlines()[0] == "prediction_body_mass_g,residual_body_mass_g,prediction_year,residual_year"


def test_columns_that_were_left_out_do_not_count(run_lsq, tmp_path):
    formula = "body_mass_g ~ flipper_length_mm + I(2*flipper_length_mm)"
    run_lsq("fit", formula, PENGUINS, "--missing", "drop", "-o", tmp_path / "m.json", "-q")
    found = rows_of(run_lsq("predict", tmp_path / "m.json", PENGUINS, "--interval", "0.95", "-q"))
    plain = fit(table("penguins"), "body_mass_g ~ flipper_length_mm", missing="drop")

    expected = predict(plain, table("penguins"), interval=0.95)
    np.testing.assert_allclose(found.prediction, expected.prediction, rtol=1e-13)
    np.testing.assert_allclose(found.high, expected.high, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "arguments", "code", "error"),
    [
        (lambda f: f.drop(columns="species"), (), 1, "the model needs 'species', and there is no such column"),
        (lambda f: f.rename(columns={"species": "Spezies"}), (), 1, "did you mean 'Spezies'?"),
        (lambda f: f.replace("Gentoo", "Gentu"), (), 1, "'Gentu' is no level of 'species' in the model; did you"),
        (lambda f: f.assign(year=2031), (), 1, "'2031' is no level of 'year' in the model"),
        (lambda f: f.assign(flipper_length_mm="long"), (), 1, "it holds text such as 'long', and the model takes"),
        (lambda f: f.assign(flipper_length_mm="2024-01-01"), (), 1, "it holds dates, and the model takes numbers"),
        (lambda f: f.assign(bill_depth_mm=-1.0), (), 1, "log(bill_depth_mm) is not a finite number where"),
        (lambda f: f, ("--keep", "nome"), 1, "--keep 'nome': no such column"),
        (lambda f: f, ("--interval", "95"), 2, "--interval is a share below 1, as 0.95"),
        (lambda f: f, ("--keep", "year", "-o", "p.npy"), 2, "--keep has no place in .npy"),
        (lambda f: f.drop(columns="body_mass_g"), ("--residuals",), 1, "the model needs 'body_mass_g'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_model_is_named(run_lsq, model, tmp_path, change, arguments, code, error):
    change(table("penguins").dropna()).to_csv(tmp_path / "n.csv", index=False)
    result = run_lsq("predict", model, tmp_path / "n.csv", *arguments)

    assert result.code == code
    assert error in result.err


def test_an_interval_needs_standard_errors(run_lsq, tmp_path):
    run_lsq("fit", "body_mass_g ~ year", PENGUINS, "--missing", "drop", "--ridge", "1", "-o", tmp_path / "m.json", "-q")
    result = run_lsq("predict", tmp_path / "m.json", PENGUINS, "--interval", "0.9")

    assert (result.code, "--interval needs a model with standard errors" in result.err) == (2, True)


def test_text_and_numbers_of_one_level_are_the_same_level(run_lsq, tmp_path):
    (tmp_path / "a.csv").write_text("y,k,flag\n1,True,true\n2,False,false\n4,x,true\n3,True,false\n7,False,true\n")
    (tmp_path / "b.csv").write_text("k,flag\ntrue,TRUE\nFalse,False\n")
    run_lsq("fit", "y ~ C(k) + flag", tmp_path / "a.csv", "-o", tmp_path / "m.json", "-q")
    result = run_lsq("predict", tmp_path / "m.json", tmp_path / "b.csv")

    assert (result.code, len(result.out.splitlines())) == (0, 3), result


def _nested(depth):
    expression = ["column", "flipper_length_mm"]
    for _ in range(depth):
        expression = ["negative", expression]
    return expression


EDITS = {
    "no object": lambda m: [1],
    "no version": lambda m: m.pop("version") and m,
    "newer": lambda m: m | {"version": "99.1.0"},
    "no names": lambda m: m | {"names": []},
    "names that are none": lambda m: m | {"names": [3] * len(m["names"])},
    "one x too few": lambda m: m | {"x": m["x"][1:]},
    "x of text": lambda m: m | {"x": ["1"] * len(m["x"])},
    "x beyond doubles": lambda m: m | {"x": [10**400, *m["x"][1:]]},
    "terms of another model": lambda m: m | {"terms": m["terms"] | {"intercept": False}},
    "terms that are none": lambda m: m | {"terms": [1, 2]},
    "a term without a factor": lambda m: m | {"terms": m["terms"] | {"terms": [[99]]}},
    "a million terms": lambda m: m | {"terms": m["terms"] | {"terms": [[0]] * 1_000_000}},
    "code": lambda m: _expression(m, ["__import__('os').system", ["column", "a"]]),
    "deep": lambda m: _expression(m, _nested(300)),
    "a high power": lambda m: _expression(m, ["power", ["column", "flipper_length_mm"], 10**9]),
    "levels twice": lambda m: m | {"terms": m["terms"] | {"levels": {"species": ["a", "a"], "year": [1]}}},
    "no levels": lambda m: m | {"terms": m["terms"] | {"levels": {}}},
    "levels of lists": lambda m: m | {"terms": m["terms"] | {"levels": {"species": [[]], "year": [1]}}},
    "no kinds": lambda m: m | {"terms": m["terms"] | {"kinds": {}}},
    "huge levels": lambda m: m | {"terms": m["terms"] | {"levels": {"species": list(range(10**6)), "year": [1]}}},
    "statistics that are none": lambda m: m | {"statistics": 3},
    "covariance of one row": lambda m: m | {"statistics": m["statistics"] | {"covariance": [[1.0]]}},
    "degrees that are none": lambda m: m | {"statistics": m["statistics"] | {"df_t": 2.5}},
}  # fmt: skip


def _expression(model, expression):
    factors = [
        factor | ({"expression": expression} if "expression" in factor else {}) for factor in model["terms"]["factors"]
    ]
    return model | {"terms": model["terms"] | {"factors": factors}}


@pytest.mark.parametrize("edit", EDITS)
def test_a_model_that_was_edited_is_one_line(run_lsq, model, tmp_path, edit, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model.write_text(json.dumps(EDITS[edit](json.loads(model.read_text()))))
    result = run_lsq("predict", model, PENGUINS, "--interval", "0.9")

    assert result.code == 1, result
    assert result.err.startswith(f"lsq: error: {model}: ") and result.err.count("\n") == 1
    assert len(result.err) < 600


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", '{"version": NaN}', "\xff", "name,value\na,1\n"])
def test_what_is_no_model_is_one_line(run_lsq, tmp_path, text):
    (tmp_path / "m.json").write_text(text, encoding="latin-1")
    result = run_lsq("predict", tmp_path / "m.json", PENGUINS)

    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert "no model" in result.err


def test_a_model_of_a_newer_version_says_so(run_lsq, model):
    model.write_text(json.dumps(json.loads(model.read_text()) | {"version": "99.1.0"}))

    assert "written by lsq 99.1.0, newer than this one" in run_lsq("predict", model, PENGUINS).err


def test_the_data_are_not_overwritten(run_lsq, model, tmp_path):
    result = run_lsq("predict", model, PENGUINS, "-o", model)

    assert result.code == 2


def test_the_rows_before_an_unseen_level_are_written_and_a_file_is_not(run_lsq, tmp_path):
    model = tmp_path / "m.json"
    assert run_lsq("fit", "y ~ a + g", "-o", model, stdin="a,g,y\n1,u,1\n2,v,3\n3,u,2\n4,v,6\n").code == 0
    rows = "".join(f"{k},{'uv'[k % 2]}\n" for k in range(40_000))
    whole = run_lsq("predict", model, stdin=f"a,g\n{rows}").out.splitlines()
    result = run_lsq("predict", model, stdin=f"a,g\n{rows}5,w\n6,u\n")

    assert result.code == 1
    assert result.out.splitlines() == whole
    assert "line 40002, column 2 'g': 'w' is no level of 'g' in the model" in result.err
    result = run_lsq("predict", model, "-o", tmp_path / "p.csv", stdin=f"a,g\n{rows}5,w\n")
    assert result.code == 1 and not (tmp_path / "p.csv").exists()
