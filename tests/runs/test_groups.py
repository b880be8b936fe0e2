"""One fit a group: the bits of a run on the group's rows, in any order, split and number of threads."""

from __future__ import annotations

import pickle

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table

from lsq_cli import fit, predict, solve
from lsq_cli.core.errors import DataError, ProblemError, UsageError
from lsq_cli.core.solution import Solution
from lsq_cli.engines.resources import Resources
from lsq_cli.problems.grouped import SumGroups
from lsq_cli.problems.stacked_fits import stacked
from lsq_cli.runs.grouping import read_groups
from lsq_cli.runs.modelling import model_of
from lsq_cli.sources.open_records import open_python_records
from lsq_cli.sources.records import Wanted
from lsq_cli.terms.design import Shape

SAME = ("x", "objective", "residual_norm", "gradient_norm", "digits", "rank", "names", "rows")
SAME_STATISTICS = (
    *("std_error", "t", "p", "low", "high", "vif", "sigma", "r_squared", "r_squared_adjusted", "r_squared_centred"),
    *("f", "f_p", "df_model", "df_residual", "log_likelihood", "aic", "bic", "vcov"),
)
ABOUT = ("condition", "data_digits")


def assert_same(one, alone):
    """That a group's fit has the bits of a run on its rows."""
    for name in SAME:
        np.testing.assert_array_equal(getattr(one, name), getattr(alone, name), name)
    for name in ABOUT:
        ours, theirs = getattr(one, name), getattr(alone, name)
        assert ours == theirs or ours == pytest.approx(theirs, rel=1e-9), name
    if alone.statistics is None:
        assert one.statistics is None
        return
    many = [
        found if isinstance(found, tuple) and not hasattr(found, "sigma") else (found,)
        for found in (one.statistics, alone.statistics)
    ]
    for ours, theirs in zip(*many, strict=True):
        for name in SAME_STATISTICS:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
        scale = np.sqrt(np.outer(theirs.covariance.diagonal(), theirs.covariance.diagonal()))
        same = np.abs(ours.covariance - theirs.covariance) <= 1e-9 * scale
        assert (same | np.isnan(theirs.covariance)).all()


def rows_of(frame, one):
    """The rows of a group."""
    chosen = np.logical_and.reduce([frame[name] == value for name, value in one.group.items()])
    return frame[chosen]


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ a + b",
        "y ~ a + b + k - 1",
        "y ~ 1",
        "y ~ a + flag",
        "y ~ poly(k, 2, raw=True) + log(b)",
        "cbind(y, a) ~ k + b",
        "y ~ a * h + C(k, base=3)",
    ],
)
@pytest.mark.parametrize("vcov", ["iid", "HC3", "cluster:k"])
def test_a_group_has_the_bits_of_a_run_on_its_rows(formula, vcov):
    frame = table("made")
    found = fit(frame, formula, by="g", missing="drop", vcov=vcov)

    assert [one.name for one in found.groups] == list(dict.fromkeys(frame.g[frame.b.notna() | ("b" not in formula)]))
    for one in found.groups:
        alone = fit(rows_of(frame, one), formula, missing="drop", vcov=vcov)
        assert_same(one, alone)


@pytest.mark.parametrize("options", [{"weights": "w"}, {"ridge": 0.5}, {"rank_tol": 1e-3}, {"confidence": 0.5}])
def test_options_are_those_of_one_run(options):
    frame = table("made").dropna()
    frame.loc[frame.index[:9], "w"] = 0.0
    found = fit(frame, "y ~ a + k", by="g", **options)
    for one in found.groups:
        alone = fit(rows_of(frame, one), "y ~ a + k", **options)
        for name in ("x", "objective", "residual_norm", "gradient_norm", "rows"):
            np.testing.assert_array_equal(getattr(one, name), getattr(alone, name))
        if alone.statistics is not None:
            for name in ("std_error", "sigma", "t", "low", "f", "r_squared", "df_residual"):
                np.testing.assert_array_equal(getattr(one.statistics, name), getattr(alone.statistics, name))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_order_any_parts_and_any_threads_give_the_same_bits(data, tmp_path_factory):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    rows, groups = data.draw(st.integers(12, 60)), data.draw(st.integers(1, 6))
    spread = data.draw(st.sampled_from([1.0, 1e-9, 1e9]))
    frame = pandas.DataFrame({"g": rng.integers(0, groups, rows), "a": rng.normal(size=rows) * spread})
    frame["b"] = 1e3 + rng.normal(size=rows)
    frame["y"] = frame.a + frame.b + rng.normal(size=rows).round(2)
    parts = np.array_split(rng.permutation(rows), data.draw(st.integers(1, 4)))
    folder = tmp_path_factory.mktemp("parts")
    for k, part in enumerate(parts):
        frame.iloc[part].to_csv(folder / f"{k}.csv", index=False)
    paths = [folder / f"{k}.csv" for k in range(len(parts))]
    found = fit(paths, "y ~ a + b", by="g", jobs=data.draw(st.integers(1, 3)))

    for one in found.groups:
        of_group = rows_of(frame, one)
        if len(of_group) < 3:
            assert one.solution is None
            assert "too small" in one.warnings[0]
        else:
            assert_same(one, fit(of_group, "y ~ a + b"))


def test_hundreds_of_groups_of_every_condition_have_the_bits_of_runs_on_their_rows():
    rng = np.random.default_rng(5)
    count, rows = 150, 12
    g = np.repeat(np.arange(count), rows)
    size, shift = 10.0 ** rng.integers(-6, 7, count), 10.0 ** rng.integers(-2, 9, count)
    frame = pandas.DataFrame(
        {"g": g, "a": rng.normal(size=len(g)) * size[g] + shift[g], "k": rng.integers(0, 3, len(g))}
    )
    frame["y"] = np.where(g % 7 == 0, 3 + 2 * frame.k, frame.a + frame.k + rng.normal(size=len(g)))
    frame.loc[g % 11 == 3, "a"] = 1.0
    frame.loc[g % 13 == 5, "y"] = 4.0
    frame.loc[g % 17 == 6, "y"] = 0.0
    order = rng.permutation(len(frame))
    found = fit(frame.iloc[order], "y ~ a + k", by="g")

    for one in found.groups:
        assert_same(one, fit(rows_of(frame, one), "y ~ a + k"))


def test_blocks_and_their_sums_travel_to_other_processes():
    records = open_python_records(table("made").dropna())
    shape = Shape(model_of(records, "y ~ a + h", by=("g",)))
    kernel = pickle.loads(pickle.dumps(SumGroups(shape, ("g",), 10**9)))
    here, there = None, None
    for block in records.blocks(Wanted(shape.numbers, ("h", "g"))):
        here, there = kernel(block), pickle.loads(pickle.dumps(kernel(block)))

    assert here.groups == there.groups
    for categories, sums in here.products.items():
        assert [sums.value(row, 0) for row in range(4)] == [
            there.products[categories].value(row, 0) for row in range(4)
        ]


def test_doubles_decide_nearly_all_ordinary_groups():
    rng = np.random.default_rng(7)
    frame = pandas.DataFrame({"g": np.arange(3000) % 200, "a": rng.normal(size=3000) * 5 + 70, "b": rng.random(3000)})
    frame["y"] = frame.a - frame.b + rng.normal(size=3000)
    records = open_python_records(frame)
    read = read_groups(records, model_of(records, "y ~ a + b", by=("g",)), ("g",), None, Resources())

    decided = sum(len(values.groups) for values in stacked(read.sums, read.design, None, statistics=True))
    assert decided >= 195


@pytest.mark.parametrize("options", [{}, {"method": "gd", "step": "cg"}, {"ridge": 2.0}])
def test_solve_by_group_has_the_bits_of_solve(options):
    frame = table("made").dropna()
    found = solve(frame, target="y", columns=["a", "k"], by=["g", "flag"], intercept=True, weights="w", **options)

    assert len(found.groups) == 8
    for one in found.groups:
        alone = solve(rows_of(frame, one), target="y", columns=["a", "k"], intercept=True, weights="w", **options)
        for name in (*SAME, "outcome", "iterations", "warnings"):
            np.testing.assert_array_equal(getattr(one, name), getattr(alone, name), name)


def test_levels_and_bases_are_the_tables_and_absent_ones_are_named():
    frame = table("penguins").dropna(subset=["body_mass_g"])
    found = fit(frame, "body_mass_g ~ flipper_length_mm + island", by="species")
    gentoo, chinstrap = found["Gentoo"], found["Chinstrap"]

    assert gentoo.names == ("(intercept)", "flipper_length_mm")  # on Biscoe alone, the base
    assert gentoo.left_out == ("island[T.Dream]", "island[T.Torgersen]")
    assert "no row has island Dream, Torgersen; left out: island[T.Dream], island[T.Torgersen]" in gentoo.warnings
    # On Dream alone: the base has no row, and the column of Dream is the intercept.
    assert chinstrap.names == ("(intercept)", "flipper_length_mm", "island[T.Dream]")
    assert np.isnan(chinstrap.x[2])
    assert chinstrap.warnings[0].startswith("not estimated: island[T.Dream]")


def test_groups_come_in_the_order_in_which_they_appear_and_are_what_the_file_has(tmp_path):
    path = tmp_path / "t.csv"
    days = ["2024-03-02", "2024-03-01"]
    lines = [f"{k % 2 * 5 + 1},{days[k // 2 % 2]},{str(k % 3 == 0).lower()},{k},{k * k % 7}" for k in range(24)]
    path.write_text("\n".join(["number,day,truth,a,y", *lines]))

    assert [one.group for one in fit(path, "y ~ a", by="number").groups] == [{"number": 1.0}, {"number": 6.0}]
    assert [one.group["day"] for one in fit(path, "y ~ a", by="day").groups] == days
    assert [one.group["truth"] for one in fit(path, "y ~ a", by="truth").groups] == ["true", "false"]
    assert [one.group["flag"] for one in fit(table("made"), "y ~ a", by="flag").groups] == [True, False]
    both = fit(path, "y ~ a", by=["day", "number"])
    assert list(both.groups[1].group.items()) == [("day", days[0]), ("number", 6.0)]
    assert both[days[0], 6].name == "2024-03-02, 6"


def test_a_missing_group_follows_the_policy(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("g,a,y\n" + "".join(f"{'xz'[k % 2] if k != 3 else 'NA'},{k},{k * k}\n" for k in range(10)))
    with pytest.raises(DataError, match=r"line 5, column 1 'g': 'NA' marks a missing value"):
        fit(path, "y ~ a", by="g")
    found = fit(path, "y ~ a", by="g", missing="drop")

    assert (found.rows, found.rows_read, dict(found.dropped_rows)) == (9, 10, {"na": 1})
    assert [one.rows for one in found.groups] == [5, 4]


def test_the_rest_is_without_the_columns_that_make_the_groups():
    frame = table("made").dropna()[["g", "a", "k", "y"]]

    assert fit(frame, "y ~ .", by="g").groups[0].names == ("(intercept)", "a", "k")
    assert fit(frame, target="y", by="g").groups[0].names == ("(intercept)", "a", "k")
    assert solve(frame, target="y", by="g").groups[0].names == ("a", "k")


def test_at_the_top_there_is_what_all_groups_share():
    found = fit(table("made").dropna(), "y ~ a", by="g")

    assert isinstance(found, Solution)
    assert found.x is found.names is found.coefficients is found.rank is found.statistics is None
    assert found.converged
    assert repr(found) == "<GroupedSolution: 4 groups by g, converged>"
    assert "estimate" in found.summary() or "std" in found.summary()
    with pytest.raises(KeyError):
        found["nowhere"]


def test_a_group_predicts_and_all_together_do_not():
    frame = table("made").dropna()
    found = fit(frame, "y ~ a + h", by="g")
    rows = frame[frame.g == "east"]
    alone = predict(fit(rows, "y ~ a + h"), rows)

    assert predict(found["east"].solution, rows).prediction.tolist() == alone.prediction.tolist()
    with pytest.raises(DataError, match="a fit for each group"):
        predict(found, rows)


def test_what_goes_wrong_in_one_group_is_that_groups_error():
    frame = pandas.DataFrame({"g": list("aaaabbbb"), "x": [0.0] * 4 + [1.0, 2, 3, 4], "y": range(8)})
    found = fit(frame, "y ~ x - 1", by="g")

    assert found.groups[0].error == "frame: every column of the model is 0"
    assert found.groups[0].x is None
    assert found.groups[1].solution is not None
    assert not found.converged


def test_more_groups_than_memory_are_refused():
    frame = pandas.DataFrame({"g": np.arange(3000) // 2, "x": np.arange(3000.0), "y": np.arange(3000.0) % 7})
    with pytest.raises(ProblemError, match=r"by=: 1500 groups so far, and their sums take \d+ MB, more than memory="):
        fit(frame, "y ~ x", by="g", memory="200kB")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "y"}, r'by="y": the column is what is to be explained'),
        ({"by": "w", "weights": "w"}, r'by="w": the column weighs the rows'),
        ({"by": "nothing"}, "no such column"),
    ],
)
def test_columns_that_cannot_make_groups_are_refused(arguments, message):
    with pytest.raises((UsageError, DataError), match=message):
        fit(table("made"), "y ~ a", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"b": [1.0]}, "b and by do not go together"),
        ({"statistics": True}, "statistics and by do not go together"),
        ({"precision": "double"}, 'precision="double" and by'),
        ({"weights": [1.0]}, "weights and by"),
        ({"method": "gd", "rows": True}, "rows and by"),
    ],
)
def test_arguments_of_solve_that_groups_do_not_go_with_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        solve(table("made"), target="y", by="g", **arguments)


def test_groups_and_absorbed_intercepts_are_refused_together():
    frame = {"g": ["a", "b"] * 4, "h": ["x"] * 4 + ["y"] * 4, "u": range(8), "y": [1.0, 2, 4, 3, 5, 7, 6, 9]}

    with pytest.raises(UsageError, match=r"^by= and \| g do not go together; write \+ C\(g\)$"):
        fit(frame, "y ~ u | g", by="h")
