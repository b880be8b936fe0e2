"""Pictures of a regression: what is drawn is what statsmodels has, and says what it is."""

from __future__ import annotations

import re
import sys

import numpy as np
import pandas
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from tables import SAMPLES, table

from lsq_cli.problems.sampled import POINTS, Sample, sample
from lsq_cli.runs.fitting import fit
from lsq_cli.runs.fitting_groups import fit_groups
from lsq_cli.runs.modelling import model_of
from lsq_cli.sources.open_records import open_python_records

PENGUINS = ("body_mass_g ~ flipper_length_mm + species", SAMPLES / "penguins.csv", "--missing", "drop")
HEADS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def sampled(data, formula: str, resources=None) -> Sample:
    """What a picture is drawn from."""
    found: list[Sample] = []
    records = open_python_records(data, missing="drop", twice=True)
    fit(
        records,
        model_of(records, formula),
        resources=resources,
        once_more=lambda again, solution: found.append(sample(again, solution.statistics)),
    )
    return found[0]


def words_of(picture) -> str:
    """The text of a picture, which matplotlib keeps in comments beside the glyphs."""
    return " ".join(re.findall("<!-- (.*?) -->", picture.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "formula"), [("penguins", PENGUINS[0]), ("stackloss", "stackloss ~ airflow*acidconc")]
)
def test_the_points_are_those_of_statsmodels(name, formula):
    frame = table(name)
    found = sampled(frame, formula).points
    model = smf.ols(formula, frame).fit()
    theirs = sm.OLS(model.model.endog, model.model.exog).fit().get_influence()
    order, expected = np.argsort(found.residual), np.argsort(model.resid.to_numpy())

    for ours, other in (
        (found.residual, model.resid.to_numpy()),
        (found.fitted, model.fittedvalues.to_numpy()),
        (found.standardized, theirs.resid_studentized_internal),
        (found.leverage, theirs.hat_matrix_diag),
        (found.distance, theirs.cooks_distance[0]),
    ):
        np.testing.assert_allclose(ours[order], other[expected], rtol=1e-7)


def test_the_band_is_that_of_the_mean():
    frame = table("engel")
    line = sampled(frame, "foodexp ~ income + I(income**2)").line
    model = smf.ols("foodexp ~ income + I(income**2)", frame).fit()
    theirs = model.get_prediction(pandas.DataFrame({"income": line.predictor})).summary_frame()

    assert (line.name, line.predictor[0], line.predictor[-1]) == ("income", frame.income.min(), frame.income.max())
    np.testing.assert_allclose(line.fitted, theirs["mean"], rtol=1e-8)
    np.testing.assert_allclose(line.low, theirs["mean_ci_lower"], rtol=1e-8)
    np.testing.assert_allclose(line.high, theirs["mean_ci_upper"], rtol=1e-8)


def test_of_many_rows_the_same_sample_whatever_the_threads_with_the_outermost_in_it(tmp_path):
    from lsq_cli.engines.resources import Resources

    rng = np.random.default_rng(16)
    frame = pandas.DataFrame({"a": rng.normal(size=60_000), "y": rng.normal(size=60_000)})
    frame.loc[59_000, "y"] = 9.0
    frame.to_csv(tmp_path / "t.csv", index=False)
    one, two = (sampled(tmp_path / "t.csv", "y ~ a", Resources(jobs)) for jobs in (1, 2))

    assert (one.rows, len(one.points.residual)) == (60_000, POINTS)
    assert one.points.residual.tolist() == two.points.residual.tolist()
    assert one.places == two.places and "59002" in one.places
    assert abs(np.mean(one.points.predictor)) < 0.1  # a sample of all, not of the first
    expected, found = one.quantiles()
    assert (np.diff(expected) >= 0).all() and (np.diff(found) >= 0).all()
    assert found[-1] == max(one.outer.standardized)
    assert expected[-1] == pytest.approx(4.306, abs=1e-3)  # the quantile of the largest of 60,000


def test_a_group_is_drawn_from_the_points_of_its_own_run():
    frame = table("penguins")
    found: list[tuple[str, Sample]] = []
    records = open_python_records(frame, missing="drop", twice=True)
    fit_groups(
        records,
        model_of(records, "body_mass_g ~ flipper_length_mm", by=("species",)),
        ("species",),
        None,
        None,
        found.extend,
    )

    assert [name for name, _ in found] == ["Adelie", "Gentoo", "Chinstrap"]
    for name, of in found:
        alone = sampled(frame[frame.species == name], "body_mass_g ~ flipper_length_mm")
        for ours, other in zip(of.points, alone.points, strict=True):
            np.testing.assert_array_equal(np.sort(ours), np.sort(other))
        np.testing.assert_allclose(of.line.high, alone.line.high, rtol=1e-12)


def test_groups_have_a_panel_each_and_the_title_says_how_many_are_left(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    rows = "".join(f"{g},{u},{u * u % 7 + g}\n" for g in range(14) for u in range(5))
    result = run_lsq("fit", "y ~ u", "--by", "g", "--plot", picture, "-f", "json", stdin="g,u,y\n" + rows)
    words = words_of(picture)

    assert (result.code, result.json["passes"]) == (0, 2)
    assert "y ~ u, by g: 12 of 14 groups" in words
    run_lsq("fit", "y ~ u + I(u**2) + g", "--by", "g", "--plot", picture, stdin="g,u,y\n" + rows)
    result = run_lsq("fit", *PENGUINS, "--by", "sex", "--plot", picture, "-f", "csv")
    words = words_of(picture)
    assert result.code == 0
    assert "by sex" in words and "female" in words and "residuals b − Ax" in words and "groups" not in words


def test_groups_without_residuals_are_no_picture(run_lsq, tmp_path):
    result = run_lsq(
        "fit", "y ~ u", "--by", "g", "--plot", tmp_path / "p.png", stdin="g,u,y\n1,1,1\n1,2,2\n2,1,1\n2,2,3\n"
    )

    assert (result.code, result.raw) == (1, b"")
    assert "--plot: no group has residuals to draw" in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", HEADS)
def test_every_format_is_drawn(suffix, run_lsq, tmp_path):
    picture = tmp_path / f"p.{suffix}"
    result = run_lsq("fit", *PENGUINS, "--plot", picture, "-f", "csv")

    assert (result.code, result.err) == (0, "")
    assert picture.read_bytes().startswith(HEADS[suffix])
    assert [p.name for p in tmp_path.iterdir()] == [picture.name]


def test_a_picture_says_what_it_shows_and_numbers_rows_by_their_lines(run_lsq, tmp_path):
    picture = tmp_path / "p.svg"
    result = run_lsq("fit", *PENGUINS, "--plot", picture, "-f", "json")
    words = words_of(picture)

    assert result.json["passes"] == 2
    for word in (PENGUINS[0], "Residuals", "Normal quantiles", "Scale", "Leverage", "fitted values", "41", "316"):
        assert word in words
    assert "band" not in words
    run_lsq("fit", "body_mass_g ~ flipper_length_mm", *PENGUINS[1:], "--plot", picture)
    assert "the fit, with the 95 % band of its mean" in words_of(picture)


def test_the_same_fit_is_the_same_picture_also_from_a_pipe(run_lsq, tmp_path):
    for name in ("p.svg", "q.svg"):
        run_lsq("fit", PENGUINS[0], *PENGUINS[2:], "--plot", tmp_path / name, stdin=PENGUINS[1].read_bytes())

    assert (tmp_path / "p.svg").read_bytes() == (tmp_path / "q.svg").read_bytes()


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("y ~ a", "--ridge", "1"), 2, "--plot and --ridge do not go together: it draws leverages"),
        (("cbind(y, z) ~ a",), 2, "--plot draws one target; give one of them"),
        (("cbind(y, z) ~ a", "--by", "a"), 2, "--plot draws one target; give one of them"),
        (("z ~ a",), 1, "--plot: there are no residuals to draw: the fit is perfect, or no degree of freedom is left"),
        (("y ~ a", "--each", "t.csv"), 2, "--plot is for one result, and --each has many"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(args, code, said, run_lsq, tmp_path):
    result = run_lsq("fit", *args, "--plot", tmp_path / "p.png", stdin="a,y,z\n1,2,2\n2,3,4\n3,5,6\n")

    assert (result.code, result.raw) == (code, b"")
    assert said in result.err
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_install_line_is_named_before_a_row_is_read(run_lsq, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run_lsq("fit", "y ~ a", "--plot", tmp_path / "p.png", "nowhere.csv")

    assert result.code == 1
    assert "pip install 'lsq-cli[plot]'" in result.err
