"""The history file: every iterate, streamed, whole or absent."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lsq_cli.core.errors import MissingExtraError, OutputError, UsageError
from lsq_cli.core.solution import Iterate
from lsq_cli.report.history import History, check_history_path

SCALARS = ["k", "objective", "residual_norm", "gradient_norm", "step_length", "seconds"]


def steps(count, x=None):
    """`count` iterates; the numbers of one are told from those of another."""
    for k in range(count):
        here = np.array([1.0, 2.0]) * k if x is None else x * k
        yield Iterate(k, here, np.float64(100.5 - k), 10.25, 0.1 * k, math.nan if k == 0 else 0.5, k / 8)


def write(path, count, every=1, with_x=False, names=("u", "v"), targets=(), x=None):
    with History(str(path), names, every, with_x, targets) as history:
        for iterate in steps(count, x):
            history.add(iterate)


class TestCsv:
    def test_has_a_header_and_a_line_for_each_iterate(self, tmp_path):
        write(tmp_path / "h.csv", 3)

        assert (tmp_path / "h.csv").read_bytes() == (
            b"k,objective,residual_norm,gradient_norm,step_length,seconds\n"
            b"0,100.5,10.25,0.0,nan,0.0\n"
            b"1,99.5,10.25,0.1,0.5,0.125\n"
            b"2,98.5,10.25,0.2,0.5,0.25\n"
        )

    def test_has_x_under_the_names_of_the_coefficients(self, tmp_path):
        write(tmp_path / "h.csv", 2, with_x=True, names=("(intercept)", "a,b"))

        assert (tmp_path / "h.csv").read_bytes() == (
            b'k,objective,residual_norm,gradient_norm,step_length,seconds,(intercept),"a,b"\n'
            b"0,100.5,10.25,0.0,nan,0.0,0.0,0.0\n"
            b"1,99.5,10.25,0.1,0.5,0.125,1.0,2.0\n"
        )

    def test_has_a_column_for_each_coefficient_of_each_target(self, tmp_path):
        x = np.array([[1.0, 2.0], [3.0, 4.0]])
        write(tmp_path / "h.csv", 2, with_x=True, targets=("b1", "b2"), x=x)

        rows = list(csv.DictReader((tmp_path / "h.csv").read_text().splitlines()))
        assert list(rows[1].items())[6:] == [("u:b1", "1.0"), ("u:b2", "2.0"), ("v:b1", "3.0"), ("v:b2", "4.0")]

    def test_gives_a_name_that_is_taken_its_position(self, tmp_path):
        write(tmp_path / "h.csv", 1, with_x=True, names=("k", "a", "a", "a.3"), x=np.zeros(4))

        header = (tmp_path / "h.csv").read_text().splitlines()[0]
        assert header.split(",")[6:] == ["k.1", "a", "a.3", "a.3.4"]


class TestJsonLines:
    def test_has_an_object_for_each_iterate(self, tmp_path):
        write(tmp_path / "h.jsonl", 2)

        assert (tmp_path / "h.jsonl").read_bytes() == (
            b'{"k": 0, "objective": 100.5, "residual_norm": 10.25, "gradient_norm": 0.0, "step_length": null, '
            b'"seconds": 0.0}\n'
            b'{"k": 1, "objective": 99.5, "residual_norm": 10.25, "gradient_norm": 0.1, "step_length": 0.5, '
            b'"seconds": 0.125}\n'
        )

    def test_has_x_as_the_model_has_it(self, tmp_path):
        write(tmp_path / "h.jsonl", 2, with_x=True)
        write(tmp_path / "p.jsonl", 2, with_x=True, targets=("b1", "b2"), x=np.array([[1.0, 2.0], [3.0, 4.0]]))

        rows = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
        several = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
        assert [row["x"] for row in rows] == [[0.0, 0.0], [1.0, 2.0]]
        assert [row["x"] for row in several] == [[[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]]]


class TestNpy:
    def test_is_an_array_with_a_field_for_each_number(self, tmp_path):
        write(tmp_path / "h.npy", 3)

        history = np.load(tmp_path / "h.npy", allow_pickle=False)
        assert list(history.dtype.names) == SCALARS
        assert history["k"].tolist() == [0, 1, 2]
        assert history["objective"].tolist() == [100.5, 99.5, 98.5]
        assert history["gradient_norm"].tolist() == [0.0, 0.1, 0.2]
        assert np.isnan(history["step_length"]).tolist() == [True, False, False]
        assert history["seconds"].tolist() == [0.0, 0.125, 0.25]

    @pytest.mark.parametrize("x", [np.array([1.0, 2.0]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], order="F")])
    def test_has_a_field_x_of_the_shape_of_x(self, tmp_path, x):
        targets = ("b1", "b2", "b3") if x.ndim == 2 else ("b",)
        write(tmp_path / "h.npy", 4, with_x=True, targets=targets, x=x)

        assert np.array_equal(np.load(tmp_path / "h.npy")["x"], np.array([x * k for k in range(4)]))

    @pytest.mark.parametrize("count", [0, 1, 9, 10, 1001])
    def test_knows_its_number_of_rows_whatever_its_digits(self, tmp_path, count):
        write(tmp_path / "h.npy", count)

        assert np.load(tmp_path / "h.npy")["k"].tolist() == list(range(count))

    def test_is_refused_where_the_head_cannot_be_written_last(self, tmp_path):
        pipe = tmp_path / "h.npy"
        os.mkfifo(pipe)

        with pytest.raises(OutputError) as caught:
            check_history_path(str(pipe))

        assert str(caught.value) == (
            f"cannot write {pipe}: the head of an .npy file is written last, which a pipe does not allow; "
            "use .csv or .jsonl"
        )


@given(count=st.integers(0, 40), every=st.integers(1, 15), suffix=st.sampled_from(["csv", "jsonl", "npy", "parquet"]))
@settings(max_examples=40, deadline=None)
def test_every_kth_row_and_the_last_are_written(tmp_path_factory, count, every, suffix):
    path = tmp_path_factory.mktemp("history") / f"h.{suffix}"

    write(path, count, every)

    if suffix == "parquet":
        ks = parquet.read_table(path)["k"].to_pylist()
    elif suffix == "npy":
        ks = np.load(path)["k"].tolist()
    elif suffix == "csv":
        ks = [int(row["k"]) for row in csv.DictReader(path.read_text().splitlines())]
    else:
        ks = [json.loads(line)["k"] for line in path.read_text().splitlines()]
    assert ks == sorted({*range(0, count, every), *([count - 1] if count else [])})


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npy", "parquet"])
def test_numbers_read_back_to_the_same_double(tmp_path, suffix):
    values = [0.1 + 0.2, 5e-324, -0.0, 1.7976931348623157e308]
    iterate = Iterate(0, np.array([values[1]]), *values, 1 / 3)
    path = tmp_path / f"h.{suffix}"
    with History(str(path), ("x",), 1, True) as history:
        history.add(iterate)

    if suffix == "parquet":
        numbers = [column.to_pylist()[0] for column in parquet.read_table(path).columns[1:6]]
    elif suffix == "npy":
        numbers = list(np.load(path)[0].tolist()[1:6])
    elif suffix == "csv":
        numbers = [float(cell) for cell in list(csv.reader(path.read_text().splitlines()))[1][1:6]]
    else:
        numbers = [json.loads(path.read_text())[name] for name in SCALARS[1:]]
    assert list(map(float.hex, numbers)) == list(map(float.hex, [*values, 1 / 3]))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npy", "parquet"])
def test_a_run_that_fails_leaves_the_old_history(tmp_path, suffix):
    path = tmp_path / f"h.{suffix}"
    path.write_bytes(b"old")

    def interrupted():
        with History(str(path), ("u", "v"), 1, True) as history:
            for iterate in steps(1000):
                history.add(iterate)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_disk_that_fills_up_is_said(tmp_path, suffix):
    path = tmp_path / f"h.{suffix}"
    path.symlink_to("/dev/full")

    with pytest.raises(OutputError, match="the disk is full"):
        write(path, 3)


def test_a_header_that_finds_no_room_is_said(tmp_path):
    (tmp_path / "h.csv").symlink_to("/dev/full")

    with pytest.raises(OutputError, match="the disk is full"):
        write(tmp_path / "h.csv", 0, with_x=True, names=tuple(f"column {k}" for k in range(10_000)))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npy"])
def test_memory_does_not_grow_with_the_run(tmp_path, suffix):
    def most_memory(count):
        tracemalloc.start()
        write(tmp_path / f"h.{suffix}", count, with_x=True)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    most_memory(10)
    assert most_memory(3000) < most_memory(300) + 20_000


class TestParquet:
    def test_has_the_columns_and_numbers_of_the_csv(self, tmp_path):
        for suffix in ("csv", "parquet"):
            write(tmp_path / f"h.{suffix}", 7, every=3, with_x=True, names=("k", "v"), targets=())
        rows = list(csv.reader((tmp_path / "h.csv").read_text().splitlines()))
        table = parquet.read_table(tmp_path / "h.parquet")

        assert table.column_names == rows[0]
        found = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        np.testing.assert_array_equal(found, np.array(rows[1:], dtype=float))

    def test_several_targets_have_a_column_each(self, tmp_path):
        write(tmp_path / "h.parquet", 2, with_x=True, targets=("a", "b"), x=np.array([[1.0, 2.0], [3.0, 4.0]]))
        table = parquet.read_table(tmp_path / "h.parquet")

        assert table.column_names[6:] == ["u:a", "u:b", "v:a", "v:b"]
        assert [column.to_pylist()[1] for column in table.columns[6:]] == [1.0, 2.0, 3.0, 4.0]

    def test_is_written_in_groups_of_bounded_size(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lsq_cli.report.history._GROUP", 80)
        write(tmp_path / "h.parquet", 35, with_x=True)
        file = parquet.ParquetFile(tmp_path / "h.parquet")

        assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10, 10, 10, 5]
        assert file.read()["k"].to_pylist() == list(range(35))

    def test_without_its_package_the_way_out_is_said_before_anything_is_read(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        with pytest.raises(MissingExtraError, match=r"h.parquet needs pyarrow: pip install 'lsq-cli\[fast\]'"):
            check_history_path("h.parquet")


@pytest.mark.parametrize("name", ["h.txt", "h", "h.xlsx"])
def test_another_suffix_is_a_usage_error(name):
    with pytest.raises(UsageError) as caught:
        History(name, ("x",))

    assert str(caught.value) == f"cannot tell the format of {name}: end the name in .csv, .jsonl, .npy or .parquet"


def test_a_folder_that_does_not_exist_is_said_before_anything_is_read(tmp_path):
    with pytest.raises(OutputError, match=r"the folder .* does not exist; make it first"):
        check_history_path(str(tmp_path / "out" / "h.csv"))
