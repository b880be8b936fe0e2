"""Canonical sums: one array for one value, in whatever order it was made; and sums that cannot be those of rows."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.exact.canonical import CanonicalSums, digits_of, integers_of
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.semidefinite import is_semidefinite

DOUBLES = st.floats(allow_nan=False, allow_infinity=False, width=64)
NUMBERS = st.one_of(DOUBLES, st.integers(-9, 9).map(float), st.sampled_from([0.0, 5e-324, -1.5e308, 1e16, 0.1]))


def tables(least: int = 0, most: int = 8):
    return st.integers(1, 3).flatmap(
        lambda k: st.lists(st.lists(NUMBERS, min_size=k, max_size=k), min_size=least, max_size=most).map(
            lambda rows: np.array(rows, dtype=float).reshape(len(rows), k)
        )
    )


def sums_of(rows: np.ndarray) -> CanonicalSums:
    sums = ExactSums(rows.shape[1], 0)
    sums.add(rows, np.empty((len(rows), 0)))
    return CanonicalSums.of(sums)


def bits(sums: CanonicalSums) -> tuple[bytes, bytes, tuple[int, ...]]:
    return sums.exponents.tobytes(), sums.digits.tobytes(), sums.digits.shape


@settings(deadline=None)
@given(st.lists(st.integers(-(2**200), 2**200), min_size=1))
def test_digits_read_back_and_are_no_more_than_the_largest_needs(values):
    digits = digits_of(values)

    assert integers_of(digits) == values
    width = digits.shape[1]
    assert width == 1 or any(
        not -(1 << 32 * (width - 1) - 1) <= value < 1 << (32 * (width - 1) - 1) for value in values
    )


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_sums_are_the_same_bits_in_any_order_and_grouping(rows, data):
    whole = sums_of(rows)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), min_size=2, max_size=2)))
    parts = [sums_of(part) for part in np.split(rows, cuts)]

    assert all(bits(one.combined(two).combined(three)) == bits(whole) for one, two, three in permutations(parts))
    assert bits(parts[0].combined(parts[1].combined(parts[2]))) == bits(whole)


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_what_is_taken_away_leaves_no_trace(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    first, second = sums_of(rows[:cut]), sums_of(rows[cut:])

    assert bits(first.combined(second).combined(second, -1)) == bits(first)


@settings(max_examples=40, deadline=None)
@given(tables(least=1))
def test_the_sums_of_rows_pass_every_test(rows):
    sums = sums_of(rows)

    assert sums.check() is None
    assert is_semidefinite(sums.integers()[0])


def test_dependent_columns_are_semidefinite_and_one_row_too_few_is_not():
    rng = np.random.default_rng(3)
    A = rng.normal(size=(40, 6)) * 10.0 ** rng.integers(-9, 9, 6)
    A[:, 5] = A[:, 0] + A[:, 1]
    whole = sums_of(A)

    assert is_semidefinite(whole.integers()[0])
    less = whole.combined(sums_of(A[:1] * 1.5 + 7.0), -1)
    assert not is_semidefinite(less.integers()[0])


def test_a_tiny_row_that_was_never_there_is_found_where_nothing_hides_it():
    A = np.array([[1.0, 1.0], [2.0, 2.0]])
    less = sums_of(A).combined(sums_of(np.array([[1e-9, -1e-9]])), -1)

    assert less.check() is None or less.check() >= 0
    assert not is_semidefinite(less.integers()[0])


@pytest.mark.parametrize("row", [[3.0, 0.0], [0.0, 1e-300]])
def test_a_square_below_0_is_found_at_once(row):
    less = sums_of(np.zeros((1, 2))).combined(sums_of(np.array([row])), -1)

    assert less.check() == row.index(max(row))


def test_columns_are_chosen_in_any_order():
    A = np.random.default_rng(1).normal(size=(9, 4))
    chosen = sums_of(A).of_columns([2, 0], 1, 9)

    assert (chosen.n, chosen.p, chosen.rows) == (1, 1, 9)
    direct = ExactSums(1, 1)
    direct.add(A[:, [2]], A[:, [0]])
    assert chosen == direct
