"""Sums by key, without a rounding error."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lsq_cli.exact.keyed import KeyedSums


def _exact(sums):
    N, e = sums.integers()
    return {key: [Fraction(int(v)) * Fraction(2) ** e for v in N[k]] for key, k in sums.keys.items()}


def test_sums_are_exact_whatever_the_sizes_and_the_split():
    rng = np.random.default_rng(1)
    v = rng.normal(size=(2, 999)) * 10.0 ** rng.integers(-290, 290, (2, 999))
    v[1, 5] = 5e-324
    codes = rng.integers(0, 7, 999)
    names = [f"k{k}" for k in range(7)]
    whole, parted = KeyedSums(2), KeyedSums(2)
    whole.add(names, codes, [(v[0], v[1]), (v[1],)])
    for piece in (slice(700, 999), slice(0, 10), slice(10, 700)):
        met = np.unique(codes[piece])
        part = KeyedSums(2)
        part.add(
            [names[k] for k in met], np.searchsorted(met, codes[piece]), [(v[0, piece], v[1, piece]), (v[1, piece],)]
        )
        parted.merge(part)

    expected = {
        names[k]: [
            sum(map(Fraction, v[:, codes == k].ravel().tolist())),
            sum(map(Fraction, v[1, codes == k].tolist())),
        ]
        for k in range(7)
    }
    assert _exact(whole) == _exact(parted) == expected


def test_no_rows_no_sums():
    sums = KeyedSums(3)

    assert sums.integers()[0].shape == (0, 3)
