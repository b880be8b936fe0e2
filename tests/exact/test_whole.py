"""Rows of doubles times long integers: what Python's integers give."""

from __future__ import annotations

import numpy as np
import pytest

from lsq_cli.exact import whole
from lsq_cli.exact.dyadic import dyadic
from lsq_cli.exact.whole import WholeRows


def held(A, step):
    """A by its columns, so many at a time."""
    for start in range(0, A.shape[1], step):
        yield slice(start, min(start + step, A.shape[1])), A[:, start : start + step]


@pytest.mark.parametrize("kept", [0, 1 << 20])
@pytest.mark.parametrize("seed", range(6))
def test_products_are_those_of_integers(seed, kept, monkeypatch):
    monkeypatch.setattr(whole, "_KEPT", kept)
    monkeypatch.setattr(whole, "_TERMS", 3)
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((7, 11)) * 10.0 ** rng.integers(-300, 308, (7, 11) if seed % 2 else (7, 1))
    A[rng.random(A.shape) < 0.2] = 0.0
    A[3] = 0.0
    A[4, :3] = 1.7976931348623157e308, -5e-324, 2.0**-1074
    rows = WholeRows(7, lambda: held(A, 4))
    numbers = [[dyadic(float(v)) for v in row] for row in A]
    exact = np.array(
        [
            [v.mantissa << (v.exponent - g) if v.mantissa else 0 for v in row]
            for row, g in zip(numbers, rows.grid, strict=True)
        ],
        dtype=object,
    )
    z = np.array([[int(v) ** 3 for v in row] for row in rng.integers(-(2**62), 2**62, (11, 2))], dtype=object)

    assert (rows.image(z) == exact @ z).all()
    assert (rows.slope(z[:7]) == exact.T @ z[:7]).all()
    assert (rows.slope(z[:7], size=True) == abs(exact).T @ z[:7]).all()
