"""The rows that move x most: distances as statsmodels has them, and x without a row as a run without it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from tables import SAMPLES, table

from lsq_cli import fit
from lsq_cli.core.errors import UsageError

MODELS = [
    ("longley", "y ~ x1 + x2 + x6", None),
    ("stackloss", "stackloss ~ airflow * watertemp", "airflow"),
    ("engel", "foodexp ~ income", "income"),
    ("penguins", "body_mass_g ~ flipper_length_mm + species*sex", "year"),
    ("made", "y ~ a + b + g:h - 1", "w"),
]


@pytest.mark.parametrize(("name", "formula", "weights"), MODELS)
def test_distances_are_those_of_statsmodels(name, formula, weights):
    frame = table(name)
    for weighing in {None, weights}:
        model = smf.ols(formula, frame) if weighing is None else smf.wls(formula, frame, weights=frame[weighing])
        fitted = model.fit()
        theirs = sm.OLS(model.wendog, model.wexog).fit().get_influence()  # of weighted rows there is none
        found = fit(frame, formula, missing="drop", weights=weighing, influence=7).influence
        expected = pandas.Series(theirs.cooks_distance[0], fitted.resid.index).nlargest(7)

        assert [row.row for row in found] == expected.index.tolist()
        np.testing.assert_allclose([row.distance for row in found], expected, rtol=1e-8)
        places = [fitted.resid.index.get_loc(row.row) for row in found]
        np.testing.assert_allclose([row.leverage for row in found], theirs.hat_matrix_diag[places], rtol=1e-8)
        np.testing.assert_allclose([row.residual for row in found], fitted.resid.iloc[places], rtol=1e-8)


@pytest.mark.parametrize(("name", "formula", "weights"), MODELS)
def test_x_without_a_row_is_that_of_a_run_without_it_to_the_bit(name, formula, weights):
    frame = table(name)
    for row in fit(frame, formula, missing="drop", weights=weights, influence=3).influence:
        alone = fit(frame.drop(index=row.row), formula, missing="drop", weights=weights)

        assert row.x.tolist() == alone.x.tolist()


def test_a_row_is_found_by_its_line_in_its_file(tmp_path):
    lines = (SAMPLES / "penguins.csv").read_text().splitlines(keepends=True)
    parts = [tmp_path / "1.csv", tmp_path / "2.csv"]
    parts[0].write_text("".join(["# a remark\n", *lines[:200]]))
    parts[1].write_text("".join([lines[0], *lines[200:]]))
    formula = "body_mass_g ~ flipper_length_mm + species"
    whole = fit(SAMPLES / "penguins.csv", formula, missing="drop", influence=4).influence
    found = fit([str(part) for part in parts], formula, missing="drop", influence=4).influence

    assert [row.distance for row in found] == [row.distance for row in whole]
    for row, other in zip(found, whole, strict=True):
        number = other.line - 1
        assert (row.file, row.line) == ((str(parts[0]), number + 2) if number < 200 else (str(parts[1]), number - 198))
        assert lines[number] == Path(row.file).read_text().splitlines(keepends=True)[row.line - 1]


@pytest.mark.parametrize("jobs", [1, 3])
def test_any_number_of_threads_finds_the_same(jobs, tmp_path):
    rng = np.random.default_rng(16)
    frame = pandas.DataFrame({"a": rng.normal(size=70_000), "y": rng.normal(size=70_000)})
    frame.iloc[[5, 66_000], 1] = 50.0  # equals, but for a
    frame.iloc[66_000, 0] = frame.iloc[5, 0]
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = fit(tmp_path / "t.csv", "y ~ a", influence=2, jobs=jobs).influence

    assert [row.line for row in found] == [7, 66_002]
    assert found[0].distance == found[1].distance


def test_a_row_of_leverage_1_has_no_distance_and_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("g,y\na,1\na,2\nlone,9\na,4\nb,1\nb,2\n")
    solution = fit(tmp_path / "t.csv", "y ~ g", influence=9)

    assert [row.line for row in solution.influence] == [5, 2, 6, 7, 3]
    assert solution.warnings[-1] == (
        f"{tmp_path}/t.csv, line 4: a leverage of 1, so that it has no distance; "
        "without it a coefficient is not determined"
    )


def test_rows_of_weight_0_are_no_candidates():
    frame = {"a": [1.0, 2, 3, 4, 5], "y": [1.0, 2, 1, 3, 900], "w": [1.0, 1, 2, 1, 0]}
    found = fit(frame, "y ~ a", weights="w", influence=5).influence

    assert sorted(row.row for row in found) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "why"),
    [(5, "the fit is perfect"), (2, "no degree of freedom is left")],
)
def test_where_nothing_is_left_of_the_residuals_no_row_has_a_distance(rows, why):
    frame = {"a": list(range(rows)), "y": [2.0 * k + 1 for k in range(rows)]}
    solution = fit(frame, "y ~ a", influence=2)

    assert solution.influence == ()
    assert f"no row has a distance: {why}" in solution.warnings


def test_what_does_not_go_with_it_is_refused_by_name():
    frame = {"a": [1.0, 2, 4], "y": [1.0, 2, 3], "z": [1.0, 0, 3]}

    with pytest.raises(UsageError, match=r"^influence= takes one target: x without a row is another matter for each$"):
        fit(frame, "cbind(y, z) ~ a", influence=1)
    with pytest.raises(UsageError, match=r"^influence and ridge do not go together: Cook's distance"):
        fit(frame, "y ~ a", influence=1, ridge=1.0)
    with pytest.raises(UsageError, match=r"^influence is a number of rows, 1 at least, not 0$"):
        fit(frame, "y ~ a", influence=0)
    for wrong in (2.5, True, "3"):
        with pytest.raises(UsageError, match=r"^influence is a number of rows, 1 at least, not "):
            fit(frame, "y ~ a", influence=wrong)


@pytest.mark.parametrize("far", [1e5, 1e7])
def test_an_outlier_of_leverage_1_but_for_rounding_comes_first(far):
    rng = np.random.default_rng(18)
    a, y = rng.normal(size=30), rng.normal(size=30)
    a[17] = far
    solution = fit({"a": a, "y": y}, "y ~ a", influence=2)
    row = solution.influence[0]
    A = np.column_stack([np.ones(30), a])
    moved = A @ (solution.x - row.x)

    assert row.row == 17 and 1 - row.leverage < 1e-8
    assert not [warning for warning in solution.warnings if "leverage" in warning]
    np.testing.assert_allclose(row.distance, moved @ moved / (2 * solution.statistics.sigma**2), rtol=1e-9)
