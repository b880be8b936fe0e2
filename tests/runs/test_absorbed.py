"""Absorbed intercepts, ``y ~ a | g``: the slopes and figures of a model with a column for each level of g."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pandas
import pytest
import statsmodels.formula.api as smf
from tables import SAMPLES

from lsq_cli import fit, predict
from lsq_cli.core.errors import CellError, ColumnError, DataError, ProblemError, UsageError

RNG = np.random.default_rng(20)


def panel(levels, rows, **more):
    """A table with a category of so many levels, which are in no order."""
    g = RNG.permutation(np.concatenate((np.arange(levels), RNG.integers(0, levels, rows - levels))))
    a, b = RNG.normal(size=(2, rows)) + g / levels
    h = np.array(["u", "v", "w"])[RNG.integers(0, 3, rows)]
    y = 2 * a - b + 10 * np.sin(g) + (h == "v") + RNG.normal(size=rows)
    return pandas.DataFrame({"y": y, "a": a, "b": b, "h": h, "g": g, **more})


SMALL = panel(7, 90, w=RNG.integers(1, 4, 90), v=RNG.uniform(0.1, 3, 90), k=RNG.integers(0, 5, 90)).assign(
    big=lambda frame: frame.g // 3
)
PENGUINS = pandas.read_csv(SAMPLES / "penguins.csv").dropna()


def both(frame, formula, absorbed, **options):
    """The model with the levels absorbed, and with a column for each."""
    return fit(frame, f"{formula} | {absorbed}", **options), fit(frame, f"{formula} + C({absorbed})", **options)


def slopes(found, dummies):
    """Where the slopes stand in the model with a column for each level."""
    return [dummies.names.index(name) for name in found.names]


@pytest.mark.parametrize("levels", [1, 2, 60, 500])
def test_the_slopes_are_those_of_explicit_columns_to_the_bit(levels):
    frame = panel(levels, 3 * levels + 40)
    found = fit(frame, "y ~ a + b | g")
    dummies = fit(frame, "y ~ a + b + C(g)" if levels > 1 else "y ~ a + b")

    assert found.names == ("a", "b")
    assert found.x.tolist() == dummies.x[slopes(found, dummies)].tolist()
    assert found.statistics.df_residual == dummies.statistics.df_residual == len(frame) - levels - 2


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ a + b",
        "y ~ a - 1",
        "y ~ a*h + I(b**2)",
        "y ~ a + h:b + h",
        "y ~ poly(a, 3, raw=True) + log(v)",
        "y ~ a + a:C(k)",
        "cbind(y, v) ~ a + h",
    ],
)
@pytest.mark.parametrize("weights", [None, "w", "v"])
def test_every_figure_is_that_of_explicit_columns(formula, weights):
    if weights == "v" and "v" in formula:
        weights = "w"
    found, dummies = both(SMALL, formula, "g", weights=weights)
    if "- 1" in formula:
        dummies = fit(SMALL, "y ~ a + C(g)", weights=weights)
    at = slopes(found, dummies)
    several, theirs = (one.statistics if "cbind" in formula else [one.statistics] for one in (found, dummies))

    assert found.x.tolist() == dummies.x[at].tolist()
    assert found.residual_norm == pytest.approx(dummies.residual_norm, rel=1e-14)
    assert found.objective == pytest.approx(dummies.objective, rel=1e-14)
    for mine, other in zip(several, theirs, strict=True):
        for key in ("std_error", "t", "p", "low", "high", "vif"):
            np.testing.assert_allclose(getattr(mine, key), getattr(other, key)[at], rtol=1e-12, err_msg=key)
        np.testing.assert_allclose(mine.covariance, other.covariance[np.ix_(at, at)], rtol=1e-11)
        for key in ("sigma", "r_squared", "r_squared_adjusted", "log_likelihood", "aic", "bic", "df_residual"):
            assert getattr(mine, key) == pytest.approx(getattr(other, key), rel=1e-14), key
        assert mine.df_model == len(at) and mine.r_squared_centred


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
@pytest.mark.parametrize("weights", [None, "v"])
def test_variances_of_rows_are_those_of_explicit_columns(kind, weights):
    found, dummies = both(SMALL, "y ~ a + b:h", "g", vcov=kind, weights=weights)
    at = slopes(found, dummies)

    np.testing.assert_allclose(found.statistics.covariance, dummies.statistics.covariance[np.ix_(at, at)], rtol=1e-9)
    assert found.passes == 2 and found.statistics.df_t == dummies.statistics.df_t


@pytest.mark.parametrize(("clusters", "parameters"), [("g", 3), ("big", 3), ("h", 2 + 7), ("g,h", 3), ("k,h", 2 + 7)])
def test_clusters_count_intercepts_within_them_as_one(clusters, parameters):
    found = fit(SMALL, "y ~ a + b | g", vcov=f"cluster:{clusters}")
    groups = [pandas.factorize(SMALL[name])[0] for name in clusters.split(",")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few clusters
        theirs = smf.ols("y ~ a + b + C(g)", SMALL).fit(
            cov_type="cluster", use_t=True, cov_kwds={"groups": np.column_stack(groups)}
        )
    covariance = theirs.cov_params().loc[["a", "b"], ["a", "b"]].to_numpy()
    rows, all_parameters = 90, 2 + 7

    # statsmodels has (m − 1)/(m − n) with all columns; fixest leaves out those that lie within clusters, but for one.
    expected = covariance * (rows - all_parameters) / (rows - parameters)
    np.testing.assert_allclose(found.statistics.covariance, expected, rtol=1e-9)
    assert found.statistics.df_t == min(group.max() for group in groups)


@pytest.mark.parametrize("kind", ["iid", "HC1", "HC3"])
def test_figures_of_statsmodels_with_explicit_columns(kind):
    found = fit(PENGUINS, "body_mass_g ~ flipper_length_mm*sex | species", vcov=kind)
    theirs = smf.ols("body_mass_g ~ flipper_length_mm*sex + C(species)", PENGUINS).fit(
        use_t=True, **({} if kind == "iid" else {"cov_type": kind})
    )
    mine = found.statistics

    for key, values in {"std_error": theirs.bse, "t": theirs.tvalues, "p": theirs.pvalues}.items():
        assert getattr(mine, key) == pytest.approx([values[name] for name in found.names], rel=1e-8), key
    assert mine.r_squared == pytest.approx(theirs.rsquared, rel=1e-10)
    assert mine.aic == pytest.approx(theirs.aic, rel=1e-10) and mine.bic == pytest.approx(theirs.bic, rel=1e-10)
    tested = (
        theirs.f_test(" = ".join([*found.names, "0"]))
        if len(found.names) == 1
        else theirs.f_test(np.array([[float(name == one) for name in theirs.params.index] for one in found.names]))
    )
    assert mine.f == pytest.approx(float(tested.fvalue), rel=1e-7)


def test_within_and_the_test_of_the_intercepts():
    found = fit(SMALL, "y ~ a + b | g")
    pooled, dummies = smf.ols("y ~ a + b", SMALL).fit(), smf.ols("y ~ a + b + C(g)", SMALL).fit()
    centred = SMALL[["y", "a", "b"]] - SMALL.groupby("g")[["y", "a", "b"]].transform("mean")
    f, p, _ = dummies.compare_f_test(pooled)
    what = found.extra["absorbed"]

    assert what["r_squared_within"] == pytest.approx(smf.ols("y ~ a + b - 1", centred).fit().rsquared, rel=1e-10)
    assert (what["f_levels"], what["f_levels_p"]) == pytest.approx((f, p), rel=1e-9)
    assert (what["column"], what["levels"], what["single_row_levels"]) == ("g", 7, 0)


def test_unix_times_lose_nothing_beside_their_means():
    g = np.arange(40) // 4
    time = 1_700_000_000.0 + np.arange(40) * 2.0**-9
    frame = {"y": 3 * time - 5.1e9 + g, "time": time, "g": g}
    found = fit(frame, "y ~ time | g")

    assert found.x.tolist() == [3.0] and found.statistics.sigma == 0.0
    assert found.residual_norm == 0.0 and found.data_digits < 6  # the last bits of such times are most of them


def test_what_does_not_vary_within_the_levels_is_left_out_in_words():
    frame = SMALL.assign(c=SMALL.g * 0.1 + 7, d=SMALL.a + SMALL.b)
    found = fit(frame, "y ~ c + a + b + d | g")

    assert np.isnan(found.x[0]) and np.isnan(found.x[3])
    assert found.x[1:3].tolist() == fit(frame, "y ~ a + b | g").x.tolist()
    assert found.warnings[-1].startswith("not estimated: c, d; they add nothing to the columns before: c does not vary")
    with pytest.raises(ProblemError, match="no column of the model varies within the levels of g"):
        fit(frame, "y ~ c | g")


def test_a_level_of_one_row_counts_and_changes_no_slope():
    frame = pandas.concat([SMALL, pandas.DataFrame({"y": [1e6], "a": [5.0], "b": [2.0], "h": ["u"], "g": [99]})])
    found, before = fit(frame, "y ~ a + b | g"), fit(SMALL, "y ~ a + b | g")

    assert found.x.tolist() == before.x.tolist()
    assert found.statistics.std_error == pytest.approx(before.statistics.std_error, rel=1e-14)
    assert found.extra["absorbed"]["single_row_levels"] == 1 and found.extra["absorbed"]["levels"] == 8
    robust = fit(frame.reset_index(drop=True), "y ~ a + b | g", vcov="HC3")
    assert np.isnan(robust.statistics.std_error).all() and "leverage of 1" in robust.warnings[-1]


@pytest.mark.parametrize("column", ["text", "truth", "day", "number"])
def test_levels_are_of_any_kind_and_predict_knows_them(column, tmp_path):
    frame = SMALL.assign(
        text=["née, " + str(k) for k in SMALL.g],
        truth=SMALL.g > 3,
        day=[f"2024-03-{k + 1:02d}" for k in SMALL.g],
        number=SMALL.g - 2.5,
    ).astype({"truth": object})
    path, model = tmp_path / "t.csv", tmp_path / "m.json"
    frame.to_csv(path, index=False)
    found, dummies = fit(path, f"y ~ a*h | {column}"), fit(path, f"y ~ a*h + C({column})")
    from lsq_cli.report.plain import write_json

    with open(model, "wb") as stream:
        write_json(found, stream)
    expected = predict(dummies, path, residuals=True)
    for known in (found, model):
        made = predict(known, path, residuals=True)
        np.testing.assert_allclose(made.prediction, expected.prediction, rtol=1e-12)
        np.testing.assert_allclose(made.residual, expected.residual, rtol=1e-9, atol=1e-12)


def test_intercepts_are_those_of_explicit_columns_to_the_bit():
    found, dummies = fit(SMALL, "y ~ a + b | g"), fit(SMALL, "y ~ a + b + C(g) - 1")
    terms = found.extra["terms"]["absorbed"]

    assert terms["levels"] == sorted(set(SMALL.g))
    assert terms["intercepts"] == [dummies.coefficients[f"C(g)[{k}]"] for k in range(7)]


def test_levels_without_end_have_no_place_in_the_model(monkeypatch):
    from lsq_cli.runs import absorbing

    monkeypatch.setattr(absorbing, "MOST_STORED", 5)
    found = fit(SMALL, "y ~ a | g")

    assert found.notes[-1] == "the model has no intercepts: 7 levels are more than 5; lsq predict cannot use it"
    with pytest.raises(DataError, match="does not hold the intercepts of g, which has too many levels"):
        predict(found, SMALL)


def test_the_categories_that_a_column_may_have_are_no_limit():
    levels = 12_000
    frame = {"y": RNG.normal(size=2 * levels), "a": RNG.normal(size=2 * levels), "g": np.arange(2 * levels) % levels}
    found = fit(frame, "y ~ a | g")
    a, y = (np.reshape(frame[name], (2, levels)) for name in "ay")
    a, y = a - a.mean(axis=0), y - y.mean(axis=0)

    assert found.x[0] == pytest.approx((a * y).sum() / (a * a).sum(), rel=1e-12)
    assert found.statistics.df_residual == levels - 1


def test_weights_without_a_common_measure_leave_the_last_bit_right(monkeypatch):
    from lsq_cli.problems import absorbed

    frame = panel(60, 300, v=RNG.uniform(size=300))
    exact = fit(frame, "y ~ a + b | g", weights="v")
    monkeypatch.setattr(absorbed, "MOST_BITS", 200)
    cut = fit(frame, "y ~ a + b | g", weights="v")

    assert cut.x.tolist() == exact.x.tolist()
    assert cut.statistics.std_error.tolist() == exact.statistics.std_error.tolist()
    assert cut.extra["digest"] != exact.extra["digest"]


def test_rows_of_weight_0_and_rows_with_a_missing_key_do_not_count():
    frame = SMALL.assign(w=np.where(SMALL.g == 3, 0, SMALL.w), s=[f"k{k}" if k else None for k in SMALL.g])
    some = SMALL[(SMALL.g != 3) & (SMALL.g != 0)].assign(s=lambda rows: [f"k{k}" for k in rows.g])
    found = fit(frame, "y ~ a + b | s", weights="w", missing="drop")

    assert found.x.tolist() == fit(some, "y ~ a + b | s", weights="w").x.tolist()
    assert found.extra["absorbed"]["levels"] == 5 and found.dropped_rows["empty"] == (SMALL.g == 0).sum()
    with pytest.raises(CellError, match="the cell is empty; leave such rows out"):
        fit(frame, "y ~ a + b | s")


def test_the_rest_of_the_table_is_without_the_absorbed_column():
    assert fit(SMALL[["y", "a", "g", "b"]], "y ~ . | g").names == ("a", "b")


def test_what_does_not_go_with_absorbed_levels():
    with pytest.raises(UsageError, match=r"ridge= and \| g do not go together; write \+ C\(g\)"):
        fit(SMALL, "y ~ a | g", ridge=1.0)
    model = fit(SMALL, "y ~ a | g")
    with pytest.raises(UsageError, match=r"and \| g has none; fit with \+ C\(g\)"):
        predict(model, SMALL, interval=0.9)
    with pytest.raises(CellError, match="'44' is no level of 'g' in the model"):
        predict(model, SMALL.assign(g=44))
    with pytest.raises(ColumnError, match="the model needs 'g', and there is no such column"):
        predict(model, SMALL[["a"]])


def test_a_model_that_was_edited_is_refused():
    from lsq_cli.runs.models import read_model

    model = fit(SMALL, "y ~ a | g")
    import io

    from lsq_cli.report.plain import write_json

    stream = io.BytesIO()
    write_json(model, stream)
    record = json.loads(stream.getvalue())
    for change, error in [
        ({"column": 3}, "does not say what was absorbed"),
        ({"column": "zz"}, "do not go with zz absorbed"),
        ({"levels": [1.0]}, "no list of 1 numbers or rows"),
        ({"levels": [1.0, 1.0]}, "stands twice"),
    ]:
        terms = {**record["terms"], "absorbed": {**record["terms"]["absorbed"], **change}}
        with pytest.raises(DataError, match=error):
            read_model({**record, "terms": terms}, "m.json")


def test_a_perfect_fit_leaves_nothing():
    found = fit({"y": [1, 2, 3, 7, 9, 11.0], "a": [0, 1, 2, 3, 5, 7.0], "g": list("uuuvvv")}, "y ~ a | g")

    assert found.x.tolist() == [1.0] and found.statistics.sigma == 0.0 and found.statistics.r_squared == 1.0
    assert math.isinf(found.statistics.t[0])


def test_many_slopes_go_by_doubles_that_prove_what_they_say():
    rng = np.random.default_rng(4)
    frame = pandas.DataFrame(rng.normal(size=(400, 33)), columns=[f"x{k}" for k in range(33)])
    for g in (rng.integers(0, 30, 400), np.minimum((rng.pareto(0.5, 400) * 3).astype(int), 60)):
        found, dummies = both(frame.assign(g=g), f"x0 ~ {' + '.join(frame.columns[1:])}", "g")
        assert found.x.tolist() == dummies.x[slopes(found, dummies)].tolist()
        assert found.digits == 15.9


@pytest.mark.parametrize("formula", ["y ~ a | g", "y ~ a"])
def test_numbers_whose_squares_no_double_holds(formula):
    frame = {"y": [1e300, 1.5e300, 5e300, 5.0], "a": [1e200, 3e200, 2e200, 9e200], "g": [1, 1, 2, 2]}
    found = fit(frame, formula)

    assert np.isfinite(found.x).all() and np.isfinite(found.statistics.t).all()


def test_units_far_from_1_change_nothing_but_units():
    small = SMALL.assign(a=SMALL.a * 2.0**-400, v=SMALL.v * 2.0**40)
    found, before = (fit(one, "y ~ a + b | g", vcov="HC3", weights="v") for one in (small, SMALL))

    assert (found.x * [2.0**-400, 1]).tolist() == before.x.tolist()
    np.testing.assert_allclose(found.statistics.t, before.statistics.t, rtol=1e-12)


def test_no_degree_of_freedom_leaves_the_slopes():
    found = fit({"y": [1.0, 2, 5, 7], "a": [1.0, 3, 2, 9], "b": [2.0, 2.5, 7, 1], "g": [1, 1, 2, 2]}, "y ~ a + b | g")

    assert found.statistics.df_residual == 0 and np.isnan(found.statistics.std_error).all()
    with pytest.raises(ProblemError, match="no column of the model varies within the levels of g"):
        fit({"y": [1.0, 2], "a": [1.0, 3], "g": [1, 2]}, "y ~ a | g")


def test_the_summary_says_what_was_absorbed():
    assert "90 rows of 90, absorbed g: 7 levels, sigma" in fit(SMALL, "y ~ a | g").summary()


def test_means_of_0_are_0_in_the_second_pass():
    frame = {"y": RNG.normal(size=40), "a": np.tile([-1.0, 1.0, 2.0, -2.0], 10), "g": np.repeat(range(10), 4)}
    found, dummies = both(frame, "y ~ a", "g", vcov="HC3")

    at = slopes(found, dummies)
    np.testing.assert_allclose(found.statistics.std_error, dummies.statistics.std_error[at], rtol=1e-9)
