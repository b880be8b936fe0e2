"""Which iterates the table keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.errors import UsageError
from lsq_cli.core.solution import Iterate
from lsq_cli.report.iterates import Fall, coefficient_labels, rows_wanted
from lsq_cli.runs.sampling import IterateSampler

MARKS = [0, *(factor * 10**decade for decade in range(9) for factor in (1, 2, 5))]
X = np.zeros(1)


def chosen(last, limit, every=1):
    sampler = IterateSampler(limit)
    for k in range(0, last + 1, every):
        sampler.add(Iterate(k, X, 1.0, 1.0, 1.0, 1.0, 0.0))
    return [row.k for row in sampler.rows()]


@pytest.mark.parametrize(
    ("last", "ks"),
    [
        (0, [0]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (7, [0, 1, 2, 5, 7]),
        (1234, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1234]),
        (2000, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]),
        (2001, [0, 1, 2, 10, 20, 50, 100, 200, 500, 1000, 2000, 2001]),
        (100_000, [0, 1, 2, 10, 100, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]),
    ],
)
def test_twelve_rows_are_spaced_by_factors_and_end_with_the_last(last, ks):
    assert chosen(last, 12) == ks


def test_when_only_powers_of_ten_are_left_the_earliest_goes():
    assert chosen(20_000, 6) == [0, 1, 2, 1000, 10_000, 20_000]
    assert chosen(20_000, 5) == [0, 1, 2, 10_000, 20_000]


def test_few_rows_are_the_first_and_the_last():
    assert chosen(100, 4) == [0, 1, 2, 100]
    assert chosen(100, 3) == [0, 1, 100]
    assert chosen(100, 2) == [0, 100]
    assert chosen(100, 1) == [100]


def test_none_keeps_nothing_and_all_keeps_everything():
    assert chosen(100, 0) == []
    assert chosen(100, None) == list(range(101))


def test_without_iterates_there_are_no_rows():
    assert IterateSampler().rows() == ()


@given(last=st.integers(0, 3000), limit=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_any_length_gives_at_most_the_rows_asked_for(last, limit):
    ks = chosen(last, limit)

    marks = [k for k in MARKS if k < last]
    assert len(ks) <= limit
    assert ks == sorted(set(ks))
    assert ks[-1] == last
    assert set(ks[:-1]) <= set(marks)
    assert len(ks) == min(limit, len(marks) + 1)
    if len(marks) < limit:
        assert ks[:-1] == marks


def test_memory_does_not_grow_with_the_run():
    sampler = IterateSampler(12)

    kept = set()
    for k in range(30_000):
        sampler.add(Iterate(k, X, 1.0, 1.0, 1.0, 1.0, 0.0))
        kept.add(len(sampler.rows()))

    assert max(kept) == 12


@pytest.mark.parametrize(("text", "rows"), [("12", 12), ("0", 0), ("none", 0), ("all", None)])
def test_the_option_says_how_many_rows(text, rows):
    assert rows_wanted(text) == rows


@pytest.mark.parametrize("text", ["", "-1", "1.5", "some", "１２", "1e3"])
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(UsageError) as caught:
        rows_wanted(text)

    assert str(caught.value) == f"--iterates: '{text}' is no number of rows; write one, as 12, or all, or none"


def test_a_coefficient_of_several_targets_is_labelled_with_both_names():
    assert coefficient_labels(("u", "v"), ("b",)) == ("u", "v")
    assert coefficient_labels(("u", "v"), ("b1", "b2")) == ("u:b1", "u:b2", "v:b1", "v:b2")


@pytest.mark.parametrize("steps", [0, 1, 5, 31, 32, 1000, 12345])
def test_a_fall_keeps_norms_at_even_distances_with_both_ends(steps):
    fall = Fall(32)
    for k in range(steps + 1):
        fall.add(Iterate(k, np.zeros(1), 0.0, 0.0, float(k), 0.0, 0.0))
    norms = fall.norms()

    assert len(norms) == min(32, steps + 1)
    assert (norms[0], norms[-1]) == (0.0, steps)
    gaps = np.diff(norms)
    assert steps == 0 or (gaps.max() <= 2.1 * max(1, steps / 31) and gaps.min() > 0)
