"""Regressions beyond what statsmodels can tell: exactness, one pass, dropped columns, what is refused."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas
import pytest
from tables import SAMPLES, table

from lsq_cli import fit, solve
from lsq_cli.core.errors import CellError, DataError, ProblemError, UsageError

NIST = json.loads((Path(__file__).parent.parent.parent / "lsq_cli/runs/nist/nist.json").read_text())["sets"]


def digits(found, right):
    """Digits that agree."""
    error = abs(Fraction(float(found)) - Fraction(right)) / (abs(Fraction(right)) or 1)
    return 15.9 if error == 0 else min(15.9, -math.log10(error))


@pytest.mark.parametrize("one", NIST, ids=lambda one: one["name"])
def test_certified_values_of_nist_from_the_raw_columns(one):
    frame = {"y": one["y"], **one["columns"]}
    terms = [f"poly({name}, {one['degree']}, raw=True)" if one["degree"] > 1 else name for name in one["columns"]]
    found = fit(frame, f"y ~ {' + '.join(terms)}{'' if one['intercept'] else ' - 1'}")
    certified = one["certified"]
    statistics = found.statistics

    # What rounding y and x to doubles leaves of the certified digits: see the marks of `lsq selftest`.
    assert min(map(digits, found.x, certified["x"])) >= min(13, one["marks"]["x"])
    assert min(map(digits, statistics.std_error, certified["std_error"])) >= min(13, one["marks"]["std_error"])
    assert digits(statistics.sigma, certified["residual_std"]) >= min(13, one["marks"]["residual_std"])


def test_categories_give_the_bits_of_explicit_columns():
    frame = table("made").dropna()
    ours = fit(frame, "y ~ a + g + b:g")
    levels = sorted(frame.g.unique())
    columns = {"a": frame.a.to_numpy()}
    columns |= {f"g[T.{level}]": (frame.g == level).to_numpy(float) for level in levels[1:]}
    columns |= {f"b:g[{level}]": frame.b.to_numpy() * (frame.g == level).to_numpy() for level in levels}
    A = np.column_stack(list(columns.values()))
    dense = solve(A, frame.y.to_numpy(), intercept=True, statistics=True)
    order = [ours.names.index(name) for name in ("(intercept)", "a")]

    assert ours.x[order].tolist() == dense.x[:2].tolist()
    assert sorted(ours.x.tolist()) == sorted(dense.x.tolist())
    assert ours.statistics.sigma == dense.statistics.sigma
    assert ours.objective == dense.objective


def test_products_are_exact():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 40)) + 1e4
    y = np.array([float(Fraction(p) * Fraction(q)) for p, q in zip(a.tolist(), b.tolist(), strict=True)])
    frame = {"a": a.tolist(), "b": b.tolist(), "y": y.tolist()}
    found = fit(frame, "y ~ a:b - 1")
    G = sum((Fraction(p) * Fraction(q)) ** 2 for p, q in zip(a.tolist(), b.tolist(), strict=True))
    c = sum(Fraction(p) * Fraction(q) * Fraction(t) for p, q, t in zip(a.tolist(), b.tolist(), y.tolist(), strict=True))

    assert found.x[0] == float(c / G)


def test_any_order_and_split_of_the_rows_gives_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 900)
    frame = table("made")
    paths = []
    for k, part in enumerate((frame[100:], frame[:37], frame[37:100])):
        part.to_csv(tmp_path / f"{k}.csv", index=False)
        paths.append(str(tmp_path / f"{k}.csv"))
    formula = "y ~ poly(a, 3, raw=True)*g + C(k) + flag"
    whole = fit(frame, formula, missing="drop", weights="w")
    parted = fit(paths, formula, missing="drop", weights="w", jobs=2)

    assert whole.names == parted.names
    assert whole.x.tolist() == parted.x.tolist()
    assert whole.extra["digest"] == parted.extra["digest"]
    assert whole.statistics.covariance.tolist() == parted.statistics.covariance.tolist()


def test_without_a_formula_all_other_columns_explain_the_target():
    frame = table("penguins")
    plain = fit(frame, target="body_mass_g", drop="year", missing="drop")
    named = fit(frame, "body_mass_g ~ . - year", missing="drop")
    some = fit(frame, target="body_mass_g", columns=["year", "species"], intercept=False, missing="drop")

    assert plain.names == named.names
    assert plain.x.tolist() == named.x.tolist()
    assert some.names == ("year", "species[Adelie]", "species[Chinstrap]", "species[Gentoo]")


def test_dependent_columns_are_left_out_as_r_does():
    frame = table("made").dropna()
    frame["a2"], frame["twice"] = frame.a * 3 + 1, frame.k * 2
    found = fit(frame, "y ~ a + a2 + k + twice + g")
    without = fit(frame, "y ~ a + k + g")
    kept = [k for k, name in enumerate(found.names) if name not in ("a2", "twice")]

    assert np.isnan(found.x[[found.names.index("a2"), found.names.index("twice")]]).all()
    assert found.x[kept].tolist() == without.x.tolist()
    assert found.statistics.std_error[kept].tolist() == without.statistics.std_error.tolist()
    assert (found.rank, found.columns) == (6, 8)
    assert "not estimated: a2, twice; they add nothing to the columns before: a2 = " in found.warnings[0]
    assert "twice = 2·k" in found.warnings[0]


def test_several_targets_are_fitted_each_as_alone():
    frame = table("penguins")
    both = fit(
        frame, "cbind(body_mass_g, log(bill_depth_mm)) ~ species + flipper_length_mm", missing="drop", vcov="HC3"
    )
    alone = fit(frame, "log(bill_depth_mm) ~ species + flipper_length_mm", missing="drop", vcov="HC3")

    assert both.targets == ("body_mass_g", "log(bill_depth_mm)")
    assert both.x[:, 1].tolist() == alone.x.tolist()
    np.testing.assert_allclose(both.statistics[1].std_error, alone.statistics.std_error, rtol=1e-13)


def test_dates_are_seconds_and_truth_values_categories():
    days = pandas.date_range("2024-01-01", periods=5, freq="D")
    frame = pandas.DataFrame({"y": [1.0, 2.0, 4.0, 4.0, 5.5], "day": days, "flag": [True, False, True, True, False]})
    found = fit(frame, "y ~ day + flag")
    seconds = np.array([1704067200 + 86400.0 * k for k in range(5)])
    expected = solve(np.column_stack([frame.flag, seconds]), frame.y, intercept=True)

    assert found.names == ("(intercept)", "flag[T.True]", "day") or found.names == (
        "(intercept)",
        "day",
        "flag[T.True]",
    )
    assert sorted(found.x.tolist()) == sorted(expected.x.tolist())


def test_a_ridge_has_no_statistics():
    found = fit(table("longley"), "y ~ x1 + x2", ridge=2.0)
    expected = solve(table("longley")[["x1", "x2"]].to_numpy(), table("longley").y, intercept=True, ridge=2.0)

    assert found.statistics is None
    assert found.x.tolist() == expected.x.tolist()
    assert "a ridge has no standard errors: x is biased on purpose" in found.notes


def test_a_leverage_of_one_is_named():
    frame = pandas.DataFrame({"y": [1.0, 2.0, 4.0, 9.0], "a": [1.0, 2.0, 3.0, 4.0], "g": ["p", "p", "p", "q"]})
    found = fit(frame, "y ~ a + g", vcov="HC3")

    assert np.isnan(found.statistics.std_error).all()
    assert found.warnings == (
        'frame, row 3 has a leverage of 1: it is fitted whatever its value, and HC3 divides by 0; vcov="HC1" has '
        "standard errors",
    )


def test_a_variance_below_zero_is_said():
    found = fit(table("penguins"), "body_mass_g ~ species*sex", missing="drop", vcov="cluster:island,year")
    empty = [name for name, error in zip(found.names, found.statistics.std_error, strict=True) if np.isnan(error)]

    assert empty
    assert found.warnings == (
        f"two ways of grouping leave a variance below 0: no standard error for {', '.join(empty)}",
    )


def test_a_perfect_fit_is_one():
    found = fit({"y": [1, 3, 5, 7], "a": [0, 1, 2, 3]}, "y ~ a")

    assert found.x.tolist() == [1.0, 2.0]
    assert (found.statistics.sigma, found.statistics.r_squared, found.statistics.f) == (0.0, 1.0, math.inf)


@pytest.mark.parametrize(
    ("formula", "options", "error", "message"),
    [
        ("y ~ log(b - 1)", {}, CellError, "log(b - 1) is not a finite number where b is"),
        ("y ~ I(a**20*k**4)", {"power": 1e20}, CellError, "is beyond the range of doubles here; give the column in"),
        ("y ~ C(g, base='nord')", {}, DataError, "there is no level 'nord'; did you mean 'north'?"),
        ("y ~ a", {"vcov": "HC4"}, UsageError, 'vcov="HC4" is none of iid, HC0, HC1, HC2, HC3, cluster:NAME'),
        ("y ~ a", {"vcov": "hc1"}, UsageError, "did you mean HC1?"),
        ("y ~ a", {"vcov": "cluster:"}, UsageError, "takes one column, or two with a comma between them"),
        ("y ~ a", {"vcov": "cluster:one"}, ProblemError, "one has one value only"),
        ("y ~ a", {"vcov": "HC1", "ridge": 1.0}, UsageError, "a ridge has no standard errors"),
        ("y ~ a", {"confidence": 1.0}, UsageError, "confidence must be between 0 and 1, not 1.0"),
        ("y ~ a", {"target": "y"}, UsageError, "leave out target, columns and intercept"),
        (None, {}, UsageError, 'give a formula, "y ~ a + b", or target='),
        ("y ~ a", {"missing": "keep"}, UsageError, 'missing must be "error" or "drop"'),
        ("y ~ b", {"missing": "error"}, CellError, 'the cell is empty; missing="drop" leaves such rows out'),
        ("y ~ 0 + zero", {}, ProblemError, "every column of the model is 0"),
        ("y ~ a", {"weights": "g"}, DataError, "needs a column of numbers"),
        ("y ~ id", {}, ProblemError, "more than 10000 levels"),
    ],
)  # fmt: skip
def test_what_is_refused(formula, options, error, message):
    frame = table("made")
    frame["one"] = "the same"
    power = options.pop("power", 1.0)
    frame["a"] *= power
    frame["zero"] = 0.0
    if formula == "y ~ id":
        frame = pandas.DataFrame({"y": np.arange(10_001.0), "id": [f"r{k}" for k in range(10_001)]})
    with pytest.raises(error) as caught:
        fit(frame, formula, **{"missing": "drop", **options})

    assert message in str(caught.value)


def test_a_category_of_one_level_is_said():
    frame = table("made")
    frame["one"] = "the same"
    found = fit(frame, "y ~ a + one", missing="drop")

    assert found.warnings == ("one has one level only, 'the same': it explains nothing",)
    assert found.names == ("(intercept)", "a")


def test_summary_is_text():
    text = fit(SAMPLES / "penguins.csv", "body_mass_g ~ species", missing="drop").summary()

    assert text.splitlines()[0].split() == ["body_mass_g", "x", "std_error", "t", "p", "low", "high"]
    assert "342 rows of 344, sigma 462.274 on 339 degrees of freedom" in text


def test_rows_of_weight_zero_do_not_count():
    frame = table("made").dropna()
    frame["w"] = np.where(np.arange(len(frame)) % 3, frame.w, 0.0)
    counted = frame[frame.w > 0]
    for vcov in ("iid", "HC3", "cluster:k"):
        all_rows = fit(frame, "y ~ a + g + b", weights="w", vcov=vcov)
        some_rows = fit(counted, "y ~ a + g + b", weights="w", vcov=vcov)

        assert all_rows.x.tolist() == some_rows.x.tolist()
        np.testing.assert_allclose(all_rows.statistics.std_error, some_rows.statistics.std_error, rtol=1e-13)
        assert all_rows.statistics.log_likelihood == pytest.approx(some_rows.statistics.log_likelihood, rel=1e-13)
        assert all_rows.statistics.df_residual == some_rows.statistics.df_residual
        assert (all_rows.rows, some_rows.rows) == (len(frame), len(counted))


def test_blocks_without_a_row_in_use_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 60)
    rows = [f"{k},{k * k % 7},{'pqr'[k % 3]}" for k in range(30)]
    (tmp_path / "gaps.csv").write_text("\n".join(["y,a,g", *rows[:15], *["NA,1,p"] * 40, *rows[15:]]) + "\n")
    (tmp_path / "whole.csv").write_text("\n".join(["y,a,g", *rows]) + "\n")
    for formula in ("y ~ a*g", "y ~ a", "y ~ g - 1"):
        gaps = fit(tmp_path / "gaps.csv", formula, missing="drop", vcov="HC1")
        whole = fit(tmp_path / "whole.csv", formula, vcov="HC1")

        assert gaps.x.tolist() == whole.x.tolist()
        assert gaps.statistics.std_error.tolist() == whole.statistics.std_error.tolist()
        assert gaps.dropped_rows == {"na": 40}


def test_arrays_and_text_without_a_header_are_named_by_position(tmp_path):
    rng = np.random.default_rng(3)
    A = rng.normal(size=(30, 3))
    np.save(tmp_path / "A.npy", A)
    np.savetxt(tmp_path / "A.csv", A, delimiter=",", fmt="%.17g")
    expected = solve(A[:, :2], A[:, 2], intercept=True, statistics=True)
    for name in ("A.npy", "A.csv"):
        found = fit(tmp_path / name, "x3 ~ x1 + x2")
        assert found.x.tolist() == expected.x.tolist()
        assert found.statistics.std_error.tolist() == expected.statistics.std_error.tolist()


def test_no_row_in_use_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("y,a\nNA,1\n2,NA\n")
    with pytest.raises(ProblemError, match="all 2 rows have a missing cell"):
        fit(tmp_path / "t.csv", "y ~ a", missing="drop")
    with pytest.raises(ProblemError, match="all 2 weights are 0, so no row counts"):
        fit({"y": [1.0, 2.0], "a": [1.0, 3.0], "w": [0.0, 0.0]}, "y ~ a", weights="w")
