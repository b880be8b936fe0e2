"""Sums in double precision: what merging keeps, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from lsq_cli.exact import doublesums
from lsq_cli.exact.doublesums import DoubleSums


def summed(M: np.ndarray) -> DoubleSums:
    sums = DoubleSums(M.shape[1] - 1, 1)
    sums.add(M[:, :-1], M[:, -1:])
    return sums


@pytest.mark.parametrize("scale", [1.0, 1e200])
def test_sums_that_are_merged_into_others_stay_as_they_were(scale):
    M = np.random.default_rng(0).standard_normal((60, 4))
    parts = [summed(M[:20]), summed(scale * M[20:40]), summed(M[40:])]
    before = [part.integers() for part in parts]
    total = DoubleSums(3, 1)

    for part in parts:
        total.merge(part)

    for part, (N, e) in zip(parts, before, strict=True):
        assert part.integers()[1] == e
        assert (part.integers()[0] == N).all()


def test_adding_some_rows_at_a_time_gives_the_same_bits(monkeypatch):
    M = np.random.default_rng(0).standard_normal((700, 12))
    parts = [summed(M[:300]), summed(1e10 * M[300:])]
    totals = []
    for band in (1, 50, 1 << 20):
        monkeypatch.setattr(doublesums, "_BAND", band)
        total = DoubleSums(11, 1)
        for part in parts * 3:
            total.merge(part)
        totals.append(total.doubles())

    assert all(S.tobytes() == totals[0][0].tobytes() and e == totals[0][1] for S, e in totals)
