"""Numbers known to within a bound: the bounds hold, and what is said to be rounded is."""

from __future__ import annotations

import operator
from fractions import Fraction

import numpy as np
import pytest

from lsq_cli.exact.compensated import two_sum
from lsq_cli.exact.near import Near

COUNT = 400


def some(seed, positive=False):
    """Numbers of many sizes, of which some are exact and some are doubles."""
    rng = np.random.default_rng(seed)
    high = rng.normal(size=COUNT) * 10.0 ** rng.integers(-4, 5, COUNT)
    if positive:
        high = np.abs(high)
    low = high * rng.normal(size=COUNT) * 2.0**-56 * rng.integers(0, 2, COUNT)
    err = np.abs(high) * 2.0 ** -rng.integers(80, 120, COUNT) * rng.integers(0, 2, COUNT)
    return Near(*two_sum(high, low), err)


def value(near, k):
    return Fraction(float(near.hi[k])) + Fraction(float(near.lo[k]))


def ends(near, k):
    """The ends of what the number may be, and its middle."""
    err = Fraction(float(near.err[k]))
    return value(near, k) - err, value(near, k), value(near, k) + err


@pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_bounds_hold_at_the_ends_of_the_operands(operation):
    a, b = some(1), some(2)
    found = operation(a, b)
    size = np.abs(a.hi) + np.abs(b.hi) if operation in (operator.add, operator.sub) else np.abs(found.hi)
    bound = found.err / size

    for k in range(COUNT):
        low, _, high = ends(found, k)
        assert all(low <= operation(x, y) <= high for x in ends(a, k) for y in ends(b, k))
    assert np.median(bound) < 2.0**-75


def test_roots_have_bounds_that_hold():
    a = some(3, positive=True)
    found = a.root()

    for k in range(COUNT):
        low, _, high = ends(found, k)
        assert low**2 <= ends(a, k)[0]
        assert ends(a, k)[2] <= high**2
    nothing, doubtful = Near.exactly(np.zeros(1)).root(), Near(np.zeros(1), np.zeros(1), np.ones(1)).root()
    assert (nothing.hi[0], nothing.err[0], doubtful.err[0]) == (0.0, 0.0, np.inf)


def test_what_is_sure_is_the_nearest_double_and_ties_go_to_even():
    a = some(4)
    found, sure = a.rounded()

    assert 0.5 < sure.mean() <= 1
    for k in np.flatnonzero(sure):
        assert {float(end) for end in ends(a, k)} == {found[k]}
    halves = Near(np.array([1.0, 1.0, 1.0]), np.array([2.0**-53, 2.0**-53, 0.0]), np.array([0.0, 2.0**-100, 0.0]))
    assert halves.rounded()[0].tolist() == [1.0] * 3
    assert halves.rounded()[1].tolist() == [True, False, True]


def test_a_sum_of_many_doubles_is_exact_where_two_hold_it():
    terms = [np.array([2.0**24, 1.0]), np.array([1.0, 2.0**-60]), np.array([2.0**-40, 2.0**-130])]
    found = Near.of(terms)

    assert found.err.tolist()[0] == 0
    assert value(found, 0) == 2**24 + 1 + Fraction(1, 2**40)
    low, _, high = ends(found, 1)
    assert low <= 1 + Fraction(1, 2**60) + Fraction(1, 2**130) <= high


def test_a_quotient_by_what_may_be_0_says_nothing():
    found = Near.exactly(np.ones(2)) / Near(np.array([0.0, 1.0]), np.zeros(2), np.array([0.0, 2.0]))

    assert np.isinf(found.err).all()
    assert not found.rounded()[1].any()
