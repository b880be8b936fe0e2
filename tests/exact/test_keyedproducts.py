"""Sums of products by key, without a rounding error."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lsq_cli.exact.keyedproducts import KeyedProducts

PAIRS = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]
NAMES = [f"k{k}" for k in range(5)]


def _exact(sums):
    return {
        key: [Fraction(N) * Fraction(2) ** e for N, e in (sums.value(row, pair) for pair in range(len(sums.pairs)))]
        for key, row in sums.keys.items()
    }


def _expected(left, right, codes):
    def of(columns, j, row):
        return sum(Fraction(float(part[row])) for part in columns[j])

    return {
        NAMES[k]: [sum(of(left, i, row) * of(right, j, row) for row in np.flatnonzero(codes == k)) for i, j in PAIRS]
        for k in range(len(NAMES))
        if (codes == k).any()
    }


def _columns(rng, rows):
    wild = rng.normal(size=(2, rows)) * 10.0 ** rng.integers(-140, 140, (2, rows))
    wild[1, 3] = 5e-324
    return [(rng.normal(size=rows),), (wild[0], wild[1]), (rng.integers(-9, 9, rows) * 1.0,)]


def test_products_are_exact_whatever_the_sizes_and_the_split():
    rng = np.random.default_rng(1)
    columns, codes = _columns(rng, 400), rng.integers(0, 5, 400)
    whole, parted = KeyedProducts(PAIRS), KeyedProducts(PAIRS)
    whole.add(NAMES, codes, columns)
    for rows in (slice(300, 400), slice(0, 7), slice(7, 300)):
        met = np.unique(codes[rows])
        part = KeyedProducts(PAIRS)
        part.add(
            [NAMES[k] for k in met],
            np.searchsorted(met, codes[rows]),
            [tuple(values[rows] for values in parts) for parts in columns],
        )
        parted.merge(part)

    assert _exact(whole) == _exact(parted) == _expected(columns, columns, codes)


def test_one_side_may_be_weighted_and_a_group_may_be_long():
    rng = np.random.default_rng(2)
    left = [(rng.random(9000),) for _ in range(3)]
    right = [(np.broadcast_to(1.0, 9000),), (rng.normal(size=9000) + 1e9,), (np.zeros(9000),)]
    codes = np.repeat([1, 0], [8500, 500])
    sums = KeyedProducts(PAIRS)
    sums.add(NAMES[:2], codes, left, right)

    assert _exact(sums) == _expected(left, right, codes)


def test_digits_are_the_values_of_all_keys_at_once():
    rng = np.random.default_rng(3)
    columns, codes = _columns(rng, 50), np.arange(50) % 5
    sums = KeyedProducts(PAIRS)
    for _ in range(3):
        sums.add(NAMES, codes, columns)
    levels, digits = sums.digits(np.arange(5))
    values = [
        [
            sum(
                Fraction(int(of[row, place])) * Fraction(2) ** (24 * (level + sums.reference(i) + sums.reference(j)))
                for level, of in zip(levels, digits, strict=True)
            )
            for place, (i, j) in enumerate(PAIRS)
        ]
        for row in range(5)
    ]

    assert all((abs(of) <= 1 << 23).all() for of in digits)
    assert values == list(_exact(sums).values())
