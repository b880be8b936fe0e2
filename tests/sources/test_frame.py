"""Data frames in memory: names are kept, text is named as such, missing cells are missing."""

from __future__ import annotations

import datetime

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from lsq_cli import gradient, solve
from lsq_cli.core.errors import ColumnError, DataError

DATA = {
    "u": [1.0, 2.0, 3.0, 5.0, 8.0],
    "who": ["ann", "bob", "cy", "di", "ed"],
    "v": [2, 1, 4, None, 3],
    "flag": [True, False, True, True, False],
    "when": [datetime.datetime(2024, 1, day) for day in range(1, 6)],
    "y": [1.0, 2.0, 3.5, 3.0, 9.0],
}


class Speaks:
    """Somebody's frame, which has one of the protocols and nothing else."""

    def __init__(self, name, frame):
        setattr(type(self), name, lambda self, *args, **options: getattr(frame, name)(*args, **options))


def speaker(name):
    return type("Speaker", (Speaks,), {})(name, pyarrow.table(DATA))


FRAMES = {
    "pandas": pandas.DataFrame(DATA),
    "pandas with its own missing values": pandas.DataFrame(DATA).convert_dtypes(),
    "polars": polars.DataFrame(DATA),
    "pyarrow": pyarrow.table(DATA),
    "Arrow's protocol": speaker("__arrow_c_stream__"),
    "the dataframe protocol": speaker("__dataframe__"),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
class TestEveryFrame:
    def test_keeps_its_names(self, frame):
        found = solve(frame, target="y", missing="drop", intercept=True)
        A = np.array([[1, 1, 2, 1], [1, 2, 1, 0], [1, 3, 4, 1], [1, 8, 3, 0.0]])

        assert found.names == ("(intercept)", "u", "v", "flag")
        assert found.targets == ("y",)
        assert set(found.left_out) == {"who", "when"}
        assert found.dropped_rows == {"nan": 1}
        assert found.x == pytest.approx(np.linalg.lstsq(A, [1, 2, 3.5, 9], rcond=None)[0])

    def test_takes_columns_by_name(self, frame):
        assert solve(frame, target="y", columns=["u", "flag"]).names == ("u", "flag")
        assert solve(frame, target="y", columns="u").coefficients == {"u": pytest.approx(102.5 / 103)}
        assert gradient(frame, target="y", columns="u").names == ("u",)

    def test_names_a_text_column_as_such(self, frame):
        with pytest.raises(ColumnError, match=r"A, column 2 'who': .* but text such as 'ann'"):
            solve(frame, target="y", columns=["u", "who"])
        with pytest.raises(DataError, match='missing="drop" leaves such rows out'):
            solve(frame, target="y")


@pytest.mark.parametrize("frame", [FRAMES["pandas"], FRAMES["polars"]], ids=["pandas", "polars"])
def test_a_series_is_b_with_its_name(frame):
    found = solve(frame[["u", "flag"]], frame["y"])

    assert (found.names, found.targets) == (("u", "flag"), ("y",))


def test_an_array_beside_a_frame_is_b():
    assert solve(FRAMES["pandas"][["u"]], [1.0, 2, 3, 4, 5]).names == ("u",)


def test_a_frame_without_columns_is_refused():
    with pytest.raises(DataError, match="has no column"):
        solve(pandas.DataFrame(), target="y")


def test_so_many_iterates_are_kept_as_were_asked_for():
    A, b = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20.0)
    kept = [len(solve(A, b, method="gd", iterates=number).iterates) for number in (4, True)]

    assert kept[0] == 4 < kept[1]
    assert solve(A, b, method="gd").iterates is None
