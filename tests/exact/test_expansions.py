"""Sums and products of columns without a rounding error."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lsq_cli.exact.expansions import OutOfRange, added, multiplied, negated


def _value(parts, row):
    return sum(Fraction(float(part[row])) for part in parts)


def test_powers_are_exact_in_as_many_doubles_as_the_exponent():
    x = np.random.default_rng(1).normal(size=300) * 10.0 ** np.random.default_rng(2).integers(-3, 4, 300)
    power = (x,)
    for k in range(2, 11):
        power = multiplied(power, (x,))
        assert len(power) == k
        assert all(_value(power, row) == Fraction(float(x[row])) ** k for row in range(300))


def test_the_first_part_is_the_nearest_double():
    x, y = np.random.default_rng(3).normal(size=(2, 200))
    product = multiplied((x,), (y,))

    assert (product[0] == x * y).all()


def test_sums_and_products_of_longer_numbers_are_exact():
    a, b, c = np.random.default_rng(4).normal(size=(3, 200)) * np.array([[1e12], [1.0], [1e-9]])
    total = added((a,), added((b,), (c,)))
    square = multiplied(total, total)
    less = added(square, negated((a,)))

    for row in range(200):
        exact = sum(Fraction(float(v[row])) for v in (a, b, c))
        assert _value(total, row) == exact
        assert _value(less, row) == exact**2 - Fraction(float(a[row]))


@pytest.mark.parametrize(("x", "row"), [([1.0, 1e200], 1), ([1.0, 2.0, 1e-160], 2)])
def test_a_product_out_of_range_names_its_row(x, row):
    with pytest.raises(OutOfRange) as caught:
        multiplied((np.array(x),), (np.array(x),))

    assert caught.value.row == row


def test_zeros_are_in_range():
    assert multiplied((np.array([0.0, 1e-300]),), (np.array([1e-300, 0.0]),))[0].tolist() == [0.0, 0.0]
