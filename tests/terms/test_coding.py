"""Which levels get a column: as patsy decides it."""

from __future__ import annotations

import itertools

import pandas
import patsy
import pytest

from lsq_cli.terms.coding import codings

FRAME = pandas.DataFrame(
    [(*map(str, levels), 0.5 + k) for k, levels in enumerate(itertools.product("xyz", "pq", "rst"))],
    columns=["f", "g", "h", "n"],
)
MODELS = [
    "f", "0 + f", "f + g", "0 + f + g", "f:g", "0 + f:g", "f + f:g", "0 + f + f:g", "g + f:g", "f*g*h", "0 + f*g*h",
    "f:g + g:h", "0 + f:g + g:h", "f:g:h", "f + g:h", "0 + f + g:h + f:h", "f + f:g:h", "(f + g + h)**2 - f",
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_codings_are_those_of_patsy(model):
    design = patsy.dmatrix(model, FRAME).design_info
    ours = {}
    spanned = {frozenset()} if "Intercept" in design.term_names else set()
    for term in design.terms:
        if term.factors:
            names = [factor.name() for factor in term.factors]
            ours[term.name()] = codings(names, spanned)

    theirs = {
        term.name(): [
            {factor.name(): matrix.matrix.shape[0] == matrix.matrix.shape[1] for factor, matrix in coded.items()}
            for coded in (sub.contrast_matrices for sub in subterms)
        ]
        for term, subterms in design.term_codings.items()
        if term.factors
    }
    assert ours == theirs
