"""Designs: their columns and names, how they are written and read, and limits."""

from __future__ import annotations

import json

import pytest

from lsq_cli.core.errors import DataError, UsageError
from lsq_cli.terms.design import Design, Shape, design_of
from lsq_cli.terms.factors import Table
from lsq_cli.terms.formula import parse

KINDS = {"y": "number", "a": "number", "b": "number", **{f"g{k}": "text" for k in range(9)}}
LEVELS = {f"g{k}": ("p", "q", "r")[: 2 + (k == 0)] for k in range(9)}


def design(formula):
    shape = Shape(parse(formula, Table(KINDS)))
    return Design(shape, {name: LEVELS[name] for name in shape.categories}, KINDS)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("y ~ a", ["(intercept)", "a"]),
        ("y ~ g0 + a - 1", ["g0[p]", "g0[q]", "g0[r]", "a"]),
        ("y ~ C(g0, base='q')", ["(intercept)", "C(g0, base='q')[T.p]", "C(g0, base='q')[T.r]"]),
        ("y ~ g1:a", ["(intercept)", "g1[p]:a", "g1[q]:a"]),
        ("y ~ a:g1 + a", ["(intercept)", "a", "a:g1[T.q]"]),
        ("y ~ poly(a, 2, raw=True)", ["(intercept)", "poly(a, 2, raw=True)[1]", "poly(a, 2, raw=True)[2]"]),
        ("y ~ g0:g1", ["(intercept)", "g1[T.q]", "g0[T.q]:g1[p]", "g0[T.r]:g1[p]", "g0[T.q]:g1[q]", "g0[T.r]:g1[q]"]),
    ],
)
def test_names_and_order_are_patsys(formula, names):
    found = design(formula)

    assert list(found.names) == names
    assert found.count() == len(names)


@pytest.mark.parametrize(
    "formula", ["y ~ a*g0 + log(b)", "cbind(y, I(a**2)) ~ C(g0, base='q') + poly(b, 3, raw=True) - 1"]
)
def test_a_design_is_read_back_from_json(formula):
    first = design(formula)
    again = design_of(json.loads(json.dumps(first.to_json())))

    assert again.names == first.names
    assert again.columns == first.columns
    assert again.shape.products == first.shape.products


def test_a_base_that_is_none_is_named():
    with pytest.raises(DataError, match="there is no level 'pp'; did you mean 'p'"):
        design("y ~ C(g0, base='pp')").names  # noqa: B018


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        (f"y ~ {':'.join(f'g{k}' for k in range(8))}", "a term has more than 7 categories"),
        (f"y ~ ({' + '.join(f'g{k}' for k in range(9))})**7", "too many products of categories"),
        ("y ~ " + ":".join(f"poly(a + {k}, 12, raw=True)" for k in range(8)), "more than 2048 products of powers"),
        ("y ~ a:I(b**24)", "is summed exactly, which takes 25 doubles; 24 at most"),
    ],
)
def test_models_beyond_the_limits_are_refused_at_once(formula, error):
    with pytest.raises(UsageError, match=error):
        design(formula).shape.check()
