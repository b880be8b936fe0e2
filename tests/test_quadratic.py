"""The quadratic form: sums that neither overflow nor vanish, and f, ∇f that are what the rows say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.quadratic import DoubleSums, Quadratic


def summed(A, b, weights=None, intercept=False, cuts=()):
    """The sums of some rows, block by block."""
    sums = DoubleSums(A.shape[1] + intercept, b.shape[1], intercept)
    for part in np.split(np.arange(len(A)), cuts):
        block = DoubleSums(A.shape[1] + intercept, b.shape[1], intercept)
        block.add(A[part], b[part], None if weights is None else weights[part])
        sums.merge(block)
    return sums


def gram(sums):
    """MᵀWM in extended exponent range: (mantissas, exponents)."""
    S, e = sums.doubles()
    return S, np.add.outer(e, e)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.booleans())
def test_sums_of_any_split_are_the_gram_matrix(seed, n, p, intercept, weighted):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 50))
    A, b = rng.standard_normal((m, n)), rng.standard_normal((m, p))
    w = rng.uniform(0, 3, m) if weighted else None
    S, e = gram(summed(A, b, w, intercept, np.sort(rng.integers(0, m, 3))))
    M = np.hstack([np.ones((m, int(intercept))), A, b])
    expected = M.T @ (M if w is None else M * w[:, None])

    np.testing.assert_allclose(np.ldexp(S, e), expected, rtol=1e-13, atol=1e-13)
    assert (S == S.T).all()


@pytest.mark.parametrize("scale", [1e-150, 1e-300, 1e150, 1e300])
@pytest.mark.parametrize("weighted", [False, True])
def test_columns_of_any_magnitude_neither_overflow_nor_vanish(scale, weighted):
    rng = np.random.default_rng(1)
    A, b = rng.standard_normal((40, 3)), rng.standard_normal((40, 1))
    w = rng.uniform(1, 2, 40) * (scale if weighted else 1.0) if weighted else None
    factors = np.array([scale, 1.0, 1.0])
    S, _ = summed(A * factors, b, w, cuts=[7]).doubles()
    plain, _ = summed(A, b, None if w is None else w / scale, cuts=[7]).doubles()

    # Scaled to diagonals in [¼, 1), correlations are the same up to a power of two for each column.
    def correlation(G):
        d = np.sqrt(G.diagonal())
        return G / d / d[:, None]

    np.testing.assert_allclose(correlation(S), correlation(plain), rtol=1e-12, atol=1e-14)


def test_a_column_of_zeros_and_then_large_numbers_keeps_both():
    A = np.array([[0.0], [0.0], [3e200], [4e200]])
    b = np.array([[1.0], [1.0], [1.0], [1.0]])
    S, e = gram(summed(A, b, cuts=[2]))

    assert np.ldexp(S[0, 0], e[0, 0] - 2 * 660) == pytest.approx((5e200 / 2.0**660) ** 2)
    assert np.ldexp(S[0, 1], e[0, 1]) == pytest.approx(7e200)


def test_the_integers_are_what_was_summed():
    A, b = np.array([[3.0, 0.25], [1.0, 7.0]]), np.array([[2.0], [5.0]])
    N, e = summed(A, b).integers()
    M = np.hstack([A, b])

    for i in range(3):
        for j in range(3):
            assert N[i, j] * 2.0 ** (e[i] + e[j]) == (M.T @ M)[i, j]


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_value_and_gradient_are_those_of_the_rows(scale):
    rng = np.random.default_rng(2)
    A, b, x = rng.standard_normal((30, 4)) * scale, rng.standard_normal((30, 2)), rng.standard_normal((4, 2)) / scale
    value = Quadratic(summed(A, b)).evaluate(x)
    r = A @ x - b

    assert value.objective == pytest.approx(0.5 * np.sum(r * r), rel=1e-12)
    assert value.residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-12)
    assert value.gradient_norm == pytest.approx(np.linalg.norm((A / scale).T @ r) * scale, rel=1e-12)


def test_ridge_is_on_every_unknown_but_the_intercept():
    rng = np.random.default_rng(3)
    A, b, x = rng.standard_normal((30, 2)), rng.standard_normal((30, 1)), rng.standard_normal(3)
    value = Quadratic(summed(A, b, intercept=True), ridge=2.5).evaluate(x)
    r = x[0] + A @ x[1:] - b[:, 0]

    assert value.objective == pytest.approx(0.5 * r @ r + 1.25 * x[1:] @ x[1:], rel=1e-12)
    assert value.residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-12)
