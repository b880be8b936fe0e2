"""Some hundred damaged files of every format; ``benchmarks/mutations.py`` tries as many as one likes."""

from __future__ import annotations

from random import Random

import pytest
from mutations import run, seeds, trials

FILES = seeds()


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_ends_in_a_result_or_one_line(seed):
    ends, faults = run(trials(Random(seed), 100, FILES))

    assert not faults
    assert sum(ends.values()) == 100


def test_the_seeds_themselves_are_read():
    good = {name: data for name, data in FILES.items() if name not in ("decimal.csv", "titles.csv", "latin.csv")}
    whole = [
        trial._replace(data=good[trial.name], options=("--missing", "drop")) for trial in trials(Random(0), 200, good)
    ]
    ends, faults = run(whole)

    assert not faults
    assert set(ends) <= {"0", "1"}
    assert ends["0"] > ends["1"]
