"""The quadratic form: sums that neither overflow nor vanish, and f, ∇f that are what the rows say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.solution import Iterate
from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.problems.quadratic import Quadratic


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


@pytest.mark.parametrize(
    ("scale", "ridge"), [(1.0, 0.0), (1.0, 2.5), (1e-200, 0.0), (1e200, 0.0), (1e-150, 2.5), (1e150, 2.5)]
)
def test_value_and_gradient_are_those_of_the_rows(scale, ridge):
    rng = np.random.default_rng(2)
    A, b, x = rng.standard_normal((30, 3)), rng.standard_normal((30, 2)), rng.standard_normal(4)
    quadratic = Quadratic(summed(A * scale, b, intercept=scale == 1.0), ridge * scale * scale)
    M = np.hstack([np.ones((30, 1)), A]) if scale == 1.0 else A
    x, lam = x[: M.shape[1]], np.full(M.shape[1], ridge)
    lam[0] = 0.0 if scale == 1.0 else ridge
    for t in range(2):
        objective = quadratic.objective(t)
        point = quadratic.from_user(x / scale, t)
        f, g = objective.value_and_gradient(point)
        row = Iterate(0, point, f, objective.residual_norm(point, f), math.sqrt(g @ g), 0.5, 0.0)
        iterate = quadratic.to_user(row, t)
        r = M @ x - b[:, t]

        np.testing.assert_allclose(iterate.x, x / scale, rtol=0)
        assert iterate.residual_norm == pytest.approx(np.linalg.norm(r), rel=1e-12)
        assert iterate.objective == pytest.approx(0.5 * r @ r + 0.5 * lam @ (x * x), rel=1e-12)
        assert iterate.gradient_norm / scale == pytest.approx(np.linalg.norm(M.T @ r + lam * x), rel=1e-12)


def test_adding_blocks_one_by_one_loses_nothing_to_the_number_of_blocks():
    A, b = np.full((20_000, 1), 0.1), np.full((20_000, 1), 0.3)
    S, e = summed(A, b, cuts=range(1, 20_000)).doubles()

    assert np.ldexp(S[0, 0], 2 * e[0]) == 20_000 * (0.1 * 0.1)
