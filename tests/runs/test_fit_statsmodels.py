"""Every figure of a regression against statsmodels, which takes another way to it, to 8 digits at least."""

from __future__ import annotations

import warnings

import numpy as np
import pandas
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.outliers_influence import variance_inflation_factor
from tables import table

from lsq_cli import fit

MODELS = [
    ("longley", "y ~ x1 + x2 + x3 + x4 + x5 + x6"),
    ("longley", "y ~ x1 + x2 - 1"),
    ("stackloss", "stackloss ~ airflow + watertemp + acidconc"),
    ("stackloss", "stackloss ~ airflow * watertemp"),
    ("engel", "foodexp ~ income"),
    ("engel", "log(foodexp) ~ log(income) + I(income**2)"),
    ("modechoice", "choice ~ ttme + invc + invt + C(mode)"),
    ("modechoice", "ttme ~ 0 + C(mode) + hinc:C(mode)"),
    ("penguins", "body_mass_g ~ flipper_length_mm + species"),
    ("penguins", "body_mass_g ~ species*sex + bill_depth_mm:species"),
    ("penguins", "body_mass_g ~ 0 + species + C(year)"),
    ("penguins", "body_mass_g ~ 1"),
    ("penguins", "body_mass_g ~ bill_length_mm + I(bill_length_mm**2) + I(bill_length_mm**3)"),
    ("made", "y ~ a + b + k + g"),
    ("made", "y ~ a*g + h:b"),
    ("made", "y ~ g + h + flag + g:h"),
    ("made", "y ~ (g + h + flag)**2 - 1"),
    ("made", "y ~ C(k) + sqrt(a) + exp(b)"),
    ("made", "y ~ g:h - 1"),
]
FIGURES = {
    "sigma": lambda m: np.sqrt(m.scale),
    "r_squared": lambda m: m.rsquared,
    "r_squared_adjusted": lambda m: m.rsquared_adj,
    "f": lambda m: m.fvalue,
    "f_p": lambda m: m.f_pvalue,
    "df_model": lambda m: m.df_model,
    "df_residual": lambda m: m.df_resid,
    "log_likelihood": lambda m: m.llf,
    "aic": lambda m: m.aic,
    "bic": lambda m: m.bic,
}
DIGITS = 1e-8


def theirs(formula, frame, weights=None, **options):
    """What statsmodels says."""
    for name in ("log", "sqrt", "exp"):
        formula = formula.replace(f"{name}(", f"np.{name}(")
    model = smf.ols(formula, frame) if weights is None else smf.wls(formula, frame, weights=frame[weights])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on singular tests and few observations, in words of its own
        return model.fit(use_t=True, **options)


def compare(ours, model, figures=FIGURES):
    """Every figure, coefficients by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels computes when it is asked
        _compare(ours, model, figures)


def _compare(ours, model, figures):
    names = [name.replace("np.", "").replace("Intercept", "(intercept)") for name in model.params.index]
    assert sorted(names) == sorted(ours.names)
    order = [ours.names.index(name) for name in names]
    found = ours.statistics
    interval = model.conf_int()
    for key, right in {
        "std_error": model.bse,
        "t": model.tvalues,
        "p": model.pvalues,
        "low": interval[0],
        "high": interval[1],
    }.items():
        # A p of 1e-200 has the relative error of its t times 500.
        slack = 1e-6 if key == "p" else DIGITS
        # What lies near 0 by chance has the digits of its standard error.
        near = DIGITS * model.bse if key in ("low", "high") else 1e-300
        wrong = np.abs(getattr(found, key)[order] - right) > slack * np.abs(right) + near
        assert not wrong.any(), (key, getattr(found, key)[order], right)
    assert (np.abs(ours.x[order] - model.params) <= DIGITS * (np.abs(model.params) + model.bse)).all()
    scale = np.sqrt(np.outer(model.bse, model.bse))
    np.testing.assert_allclose(
        found.covariance[np.ix_(order, order)] / scale**2, model.cov_params() / scale**2, atol=DIGITS
    )
    for key in figures:
        slack = 1e-6 if key == "f_p" else DIGITS
        near = 1e-14 if key.startswith("r_squared") else 1e-300
        np.testing.assert_allclose(getattr(found, key), FIGURES[key](model), rtol=slack, atol=near, err_msg=key)
    assert ours.rows == model.nobs


@pytest.mark.parametrize(("name", "formula"), MODELS)
def test_plain_and_weighted_regressions(name, formula):
    frame = table(name)
    compare(fit(frame, formula, missing="drop"), theirs(formula, frame))
    weights = {"made": "w", "penguins": "year", "longley": "x6", "stackloss": "airflow", "engel": "income"}.get(name)
    if weights is not None:
        compare(fit(frame, formula, missing="drop", weights=weights), theirs(formula, frame, weights))


ROBUST = [
    ("penguins", "body_mass_g ~ flipper_length_mm + species", "island,year"),
    ("made", "y ~ a + b + g", "k,h"),
    ("made", "y ~ a + b + g - 1", "k,h"),
    ("stackloss", "stackloss ~ airflow + watertemp + acidconc", "acidconc,watertemp"),
    ("engel", "foodexp ~ income + I(income**2)", None),
]


@pytest.mark.parametrize(("name", "formula", "clusters"), ROBUST)
@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3", "one", "two"])
@pytest.mark.parametrize("weighted", [False, True])
def test_robust_and_clustered_regressions(name, formula, clusters, kind, weighted):
    frame = table(name)
    weights = {"made": "w", "penguins": "year", "stackloss": "airflow", "engel": "income"}[name] if weighted else None
    if kind.startswith("HC"):
        vcov, options = kind, {"cov_type": kind}
    elif clusters is None:
        return
    else:
        columns = clusters.split(",")[: 1 if kind == "one" else 2]
        used = frame.loc[theirs(formula, frame).model.data.row_labels]
        groups = np.column_stack([pandas.factorize(used[column])[0] for column in columns])
        vcov = f"cluster:{','.join(columns)}"
        options = {"cov_type": "cluster", "cov_kwds": {"groups": groups[:, 0] if kind == "one" else groups}}
        frame = used
    model = theirs(formula, frame, weights, **options)
    ours = fit(frame, formula, missing="drop", weights=weights, vcov=vcov)
    # Without a constant column statsmodels has no test of the whole; with few clusters it divides by almost 0, and
    # with columns of very different sizes it takes the covariance for singular.
    has_f = "- 1" not in formula and (kind.startswith("HC") or ours.statistics.df_t >= ours.columns - 1)
    has_f = has_f and (kind.startswith("HC") or name != "made")
    compare(ours, model, [key for key in FIGURES if has_f or key not in ("f", "f_p")])
    if not kind.startswith("HC") and ours.statistics.df_t < ours.columns - 1 and kind == "one":
        assert np.isnan(ours.statistics.f)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("longley", "y ~ x1 + x2 + x3 + x4 + x5 + x6"),
        ("longley", "y ~ x1 + x2 + x3 - 1"),
        ("made", "y ~ a*g + h:b"),
        ("made", "y ~ 0 + g + a + h"),
        ("made", "y ~ 0 + a:g + g"),
        ("made", "y ~ a + C(k)"),
    ],
)
@pytest.mark.parametrize("weights", [None, "w"])
def test_variance_inflation_is_that_of_statsmodels(name, formula, weights):
    frame = table(name).dropna()
    if weights == "w":
        frame = frame.assign(w=np.arange(len(frame)) % 3 + 1.0)
    model = theirs(formula, frame, weights)
    columns = model.model.wexog  # the rows times √w, as WLS has them
    names = list(model.params.index)
    found = fit(frame, formula, weights=weights)
    constant = model.model.exog @ np.linalg.lstsq(model.model.exog, np.ones(len(frame)), rcond=None)[0]
    root = np.sqrt(model.model.weights) if weights else np.ones(len(frame))
    for one, vif in zip(found.names, found.statistics.vif, strict=True):
        if one == "(intercept)":
            assert np.isnan(vif)
            continue
        k = names.index(one)
        others = np.delete(columns, k, axis=1)
        # About the mean where the other columns make a constant; with weights that is a column of √w.
        ones = root[:, None]
        left = ones - others @ np.linalg.lstsq(others, ones, rcond=None)[0]
        has_constant = np.linalg.norm(left) < 1e-7 * np.linalg.norm(ones)
        column = columns[:, k]
        total = column - root * (root @ column) / (root @ root) if has_constant else column
        rest = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
        assert vif == pytest.approx((total @ total) / (rest @ rest), rel=1e-7), one
        if weights is None and "(intercept)" in found.names:  # without, it may centre the columns all the same
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on the condition of Longley's columns
                assert vif == pytest.approx(variance_inflation_factor(columns, k), rel=1e-6), one
    assert np.allclose(constant, 1) == found.statistics.r_squared_centred
