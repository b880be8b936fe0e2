"""Several formulas side by side: each is the fit of its own, and nested pairs have the F test of statsmodels."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import statsmodels.formula.api as smf
from tables import SAMPLES, table

from lsq_cli import fit
from lsq_cli.core.errors import ProblemError, UsageError
from lsq_cli.runs.fitting import FitOptions
from lsq_cli.runs.modelling import model_of
from lsq_cli.runs.several import fit_several
from lsq_cli.sources.open_records import open_python_records

PENGUINS = pandas.read_csv(SAMPLES / "penguins.csv").dropna()
MADE = table("made").dropna()


def several(frame, *formulas, **options):
    records = open_python_records(frame, missing="drop")
    asked = FitOptions(**options)
    return fit_several(records, [model_of(records, text, weights=asked.weights) for text in formulas], asked)


FORMULAS = [
    "y ~ a",
    "y ~ a + g",
    "y ~ a*g + h",
    "y ~ g - 1",
    "y ~ log(a) + C(k)",
    "y ~ a + I(a*b) + b",
    "y ~ g:a - 1",
    "y ~ 1",
]


@pytest.mark.parametrize("weights", [None, "w"])
def test_each_model_is_the_fit_of_its_own_to_the_bit(weights):
    found = several(MADE, *FORMULAS, weights=weights)

    for one, text in zip(found.models, FORMULAS, strict=True):
        alone = fit(MADE, text, weights=weights)
        assert (one.names, one.x.tolist(), one.rank) == (alone.names, alone.x.tolist(), alone.rank), text
        assert one.extra == alone.extra and one.notes == alone.notes and one.warnings == alone.warnings
        for key, value in alone.statistics._asdict().items():
            if not isinstance(value, str):
                np.testing.assert_allclose(getattr(one.statistics, key), value, rtol=1e-13, err_msg=f"{text} {key}")


@pytest.mark.parametrize("weights", [None, "w"])
def test_nested_pairs_have_the_test_of_statsmodels(weights):
    found = several(MADE, "y ~ a", "y ~ a + g", "y ~ g - 1", "y ~ a*g", "y ~ b", weights=weights)
    fits = [
        smf.ols(text, MADE).fit() if weights is None else smf.wls(text, MADE, weights=MADE[weights]).fit()
        for text in ("y ~ a", "y ~ a + g", "y ~ g - 1", "y ~ a*g", "y ~ b")
    ]

    assert [(pair.smaller, pair.larger) for pair in found.nested] == [(0, 1), (2, 1), (0, 3), (1, 3), (2, 3)]
    for pair in found.nested:
        f, p, more = fits[pair.larger].compare_f_test(fits[pair.smaller])
        assert (pair.test.f, pair.test.p) == pytest.approx((f, p), rel=1e-7)
        assert (pair.test.more, pair.test.freedom) == (more, fits[pair.larger].df_resid)


def test_a_model_lies_within_another_by_what_its_columns_span():
    found = several(MADE, "y ~ I(a + b)", "y ~ a + b", "y ~ b + a", "y ~ 0 + a", "y ~ I(a**2)")

    # The second and the third are one model, and the last lies within none.
    assert sorted((pair.larger, pair.smaller) for pair in found.nested) == [(1, 0), (1, 3), (2, 0), (2, 3)]


def test_a_perfect_larger_model_has_an_infinite_f():
    frame = {"y": [1.0, 3.0, 5.0, 8.0, 9.0], "a": [0.0, 1, 2, 3, 4], "b": [0.0, 0, 0, 1, 0]}
    found = several(frame, "y ~ a", "y ~ a + b")

    assert found.nested[0].test.f == float("inf") and found.nested[0].test.p == 0.0


def test_rows_that_miss_a_cell_of_one_model_are_out_of_all():
    frame = pandas.read_csv(SAMPLES / "penguins.csv")
    found = several(frame, "body_mass_g ~ flipper_length_mm", "body_mass_g ~ flipper_length_mm + sex")
    whole = frame.dropna(subset=["sex"])

    assert [one.rows for one in found.models] == [len(whole)] * 2
    assert found.models[0].dropped_rows == found.models[1].dropped_rows == {"empty": len(frame) - len(whole)}
    assert found.models[0].x.tolist() == fit(whole, "body_mass_g ~ flipper_length_mm").x.tolist()


@pytest.mark.parametrize(
    ("formulas", "error"),
    [
        (("y ~ a", "log(a) ~ b"), "the formulas explain y and log(a); models side by side explain the same"),
        (("y ~ a", "cbind(y, a) ~ b"), "'cbind(y, a) ~ b' has several targets; models side by side have one"),
        (("y ~ a", "y ~ a | g"), "several formulas and | g do not go together; write + C(g)"),
        (("y ~ a",) * 51, "51 formulas are more than 50"),
    ],
)
def test_models_that_cannot_stand_side_by_side(formulas, error):
    with pytest.raises(UsageError) as caught:
        several(MADE, *formulas)

    assert str(caught.value) == error


def test_too_many_columns_together_are_refused():
    frame = {
        "y": [float(k) for k in range(1500)],
        "g": [f"a{k}" for k in range(1500)],
        "h": [f"b{k}" for k in range(1500)],
    }
    with pytest.raises(ProblemError, match="the models have 2999 columns together, more than 2048"):
        several(frame, "y ~ g", "y ~ h")
