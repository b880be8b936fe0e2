"""JSON, CSV and NPY of a Solution, byte for byte, and numbers that read back to the same double."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys

import numpy as np
import polars
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lsq_cli.core.errors import OutputError, UsageError
from lsq_cli.core.solution import Iterate, Outcome, Solution
from lsq_cli.report.plain import check_output_path, write_csv, write_json, write_npy, write_outputs

doubles = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def solution(**changes):
    """A line through five points."""
    fields = {
        "method": "normal",
        "outcome": Outcome.CONVERGED,
        "data": ("A.csv", "b.csv"),
        "rows": 5,
        "rows_read": 5,
        "columns": 2,
        "rank": 2,
        "names": ("(intercept)", "x1"),
        "targets": ("b",),
        "x": np.array([0.1, -2.5e-17]),
        "objective": 0.5,
        "residual_norm": 1.0,
        "gradient_norm": 0.0,
        "version": "0.1",
    }
    return Solution(**{**fields, **changes})


def output(write, answer):
    stream = io.BytesIO()
    write(answer, stream)
    return stream.getvalue()


def parsed(**changes):
    return json.loads(output(write_json, solution(**changes)))


class TestJson:
    def test_is_one_line_with_its_keys_in_order(self):
        assert output(write_json, solution(options={"intercept": True})).decode() == (
            '{"method": "normal", "outcome": "converged", "converged": true, "data": ["A.csv", "b.csv"], '
            '"options": {"intercept": true}, "rows": 5, "rows_read": 5, "columns": 2, "rank": 2, '
            '"names": ["(intercept)", "x1"], "targets": ["b"], "x": [0.1, -2.5e-17], '
            '"coefficients": {"(intercept)": 0.1, "x1": -2.5e-17}, "objective": 0.5, "residual_norm": 1.0, '
            '"gradient_norm": 0.0, "condition": null, "digits": null, "data_digits": null, "iterations": 0, '
            '"passes": 1, "precision": "double", "seconds": 0.0, "dropped_rows": {}, "left_out": [], '
            '"dependencies": [], "warnings": [], "version": "0.1"}\n'
        )

    def test_ends_with_what_the_options_add(self):
        rows = (
            Iterate(0, np.array([0.0, 0.0]), 4.0, 2.0, 1.0, math.nan, 0.0),
            Iterate(1, np.array([0.1, 0.2]), 3.0, 1.5, 0.5, 0.25, 0.125),
        )
        text = output(
            write_json,
            solution(
                step="constant",
                learning_rate=0.25,
                largest_stable_rate=0.5,
                forecast=4e20,
                iterates=rows,
                extra={"statistics": {"sigma": np.float64(2.0), "t": np.array([[1.0, math.inf]])}, "groups": []},
            ),
        ).decode()

        assert text.partition('"version": "0.1", ')[2] == (
            '"step": "constant", "learning_rate": 0.25, "largest_stable_rate": 0.5, "forecast": 4e+20, "iterates": ['
            '{"k": 0, "x": [0.0, 0.0], "objective": 4.0, "residual_norm": 2.0, "gradient_norm": 1.0, '
            '"step_length": null, "seconds": 0.0}, '
            '{"k": 1, "x": [0.1, 0.2], "objective": 3.0, "residual_norm": 1.5, "gradient_norm": 0.5, '
            '"step_length": 0.25, "seconds": 0.125}], '
            '"statistics": {"sigma": 2.0, "t": [[1.0, null]]}, "groups": []}\n'
        )

    @pytest.mark.parametrize(
        ("outcome", "word"),
        [
            (Outcome.STAGNATED, "stagnated"),
            (Outcome.MAX_ITERATIONS, "max_iterations"),
            (Outcome.TIME_LIMIT, "time_limit"),
            (Outcome.DIVERGED, "diverged"),
            (Outcome.INTERRUPTED, "interrupted"),
        ],
    )
    def test_says_the_outcome_in_one_word(self, outcome, word):
        record = parsed(outcome=outcome)

        assert (record["outcome"], record["converged"]) == (word, False)

    def test_gives_x_of_several_targets_as_a_list_for_each_coefficient(self):
        assert parsed(x=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))["x"] == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]

    def test_has_null_for_numbers_that_are_not_finite(self):
        record = parsed(x=np.array([math.nan, -math.inf]), objective=np.float64(math.inf), rank=None)

        assert (record["x"], record["objective"], record["rank"]) == ([None, None], None, None)

    def test_counts_dropped_rows_by_reason(self):
        record = parsed(rows_read=8, dropped_rows={"na": np.int64(2), "empty": 1})

        assert record["dropped_rows"] == {"na": 2, "empty": 1}

    def test_keeps_letters_of_every_script_and_escapes_only_controls(self):
        text = output(write_json, solution(names=("Größe ‖∇f‖", 'a"\x1b\n'))).decode("utf-8")

        assert '"names": ["Größe ‖∇f‖", "a\\"\\u001b\\n"]' in text

    def test_has_a_byte_of_a_path_that_is_no_utf8_as_text_that_every_reader_takes(self):
        answer = solution(data=(os.fsdecode(b"caf\xe9.csv"), "caf\xe9.csv", "caf\\xe9"))
        text = output(write_json, answer)

        assert json.loads(text.decode("utf-8"))["data"] == ["caf\\xe9.csv", "caf\xe9.csv", "caf\\xe9"]
        # A lone half of a surrogate pair is refused by polars, pyarrow and others.
        assert polars.read_ndjson(text)["data"][0].to_list() == ["caf\\xe9.csv", "caf\xe9.csv", "caf\\xe9"]

    @pytest.mark.parametrize("sign", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2028", "\ufeff", "\U000e0001"])
    def test_escapes_whatever_a_terminal_might_obey_in_files_too(self, sign):
        text = output(write_json, solution(names=(sign, "ö"))).decode("utf-8")

        assert text.removesuffix("\n").isprintable()
        assert json.loads(text)["names"] == [sign, "ö"]

    @given(x=st.lists(doubles, min_size=2, max_size=2), names=st.lists(texts, min_size=2, max_size=2))
    @settings(max_examples=60, deadline=None)
    @example(x=[5e-324, -0.0], names=["\u2028", "\x9b"])
    @example(x=[1.7976931348623157e308, 0.1 + 0.2], names=["", "\\"])
    def test_reads_back_to_the_same_doubles_and_names(self, x, names):
        record = parsed(x=np.array(x), names=tuple(names))

        assert list(map(float.hex, record["x"])) == list(map(float.hex, x))
        assert record["names"] == names


class TestCsv:
    def test_has_a_line_for_each_coefficient(self):
        assert output(write_csv, solution()) == b"name,value\n(intercept),0.1\nx1,-2.5e-17\n"

    def test_has_a_column_for_each_target(self):
        answer = solution(x=np.array([[1.0, 2.0], [0.1, 1e300]]), targets=("b1", "b,2"))

        assert output(write_csv, answer) == b'name,b1,"b,2"\n(intercept),1.0,2.0\nx1,0.1,1e+300\n'

    def test_has_a_column_with_its_name_for_one_target_of_a_matrix(self):
        answer = solution(x=np.array([[1.0], [2.0]]), targets=("y",))

        assert output(write_csv, answer) == b"name,y\n(intercept),1.0\nx1,2.0\n"

    def test_writes_what_is_not_finite_as_words(self):
        answer = solution(x=np.array([math.nan, -math.inf]))

        assert output(write_csv, answer) == b"name,value\n(intercept),nan\nx1,-inf\n"

    def test_quotes_a_name_that_would_be_read_as_a_comment_or_lose_blanks(self):
        assert output(write_csv, solution(names=("#1", " a"))) == b'name,value\n"#1",0.1\n" a",-2.5e-17\n'

    @given(x=st.lists(doubles, min_size=2, max_size=2), names=st.lists(texts, min_size=2, max_size=2))
    @settings(max_examples=60, deadline=None)
    @example(x=[5e-324, -0.0], names=['a"b', '"'])
    @example(x=[1.0, 2.0], names=["a\rb", "a\r\nb"])
    def test_reads_back_to_the_same_doubles_and_names(self, x, names):
        text = output(write_csv, solution(x=np.array(x), names=tuple(names))).decode("utf-8")

        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header == ["name", "value"]
        assert [row[0] for row in rows] == names
        assert [float(row[1]).hex() for row in rows] == list(map(float.hex, x))


class TestNpy:
    @pytest.mark.parametrize(
        "x",
        [
            np.array([0.1, -0.0]),
            np.array([[1.0, 2.0, math.nan], [4.0, 5.0, -math.inf]]),
            np.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
            np.arange(4.0)[::2],
            np.array([1.0, 2.0], dtype=">f8"),
        ],
    )
    def test_loads_as_the_array_that_x_is(self, x):
        loaded = np.load(io.BytesIO(output(write_npy, solution(x=x))), allow_pickle=False)

        assert loaded.dtype == np.dtype("<f8")
        assert loaded.shape == x.shape
        assert loaded.tobytes() == x.astype("<f8").tobytes()

    def test_goes_through_a_pipe(self):
        read, write = os.pipe()

        with open(write, "wb") as stream:
            write_npy(solution(), stream)

        with open(read, "rb") as stream:
            assert np.load(io.BytesIO(stream.read())).tolist() == [0.1, -2.5e-17]


class TestOutputs:
    def test_are_the_bytes_of_their_format(self, tmp_path):
        paths = [tmp_path / "x.json", tmp_path / "x.csv", tmp_path / "x.NPY"]

        write_outputs(solution(), tuple(map(str, paths)))

        written = [path.read_bytes() for path in paths]
        assert written == [output(write, solution()) for write in (write_json, write_csv, write_npy)]

    def test_are_absent_together_when_one_cannot_be_written(self, tmp_path):
        (tmp_path / "x.csv").write_bytes(b"old")
        (tmp_path / "full.npy").symlink_to("/dev/full")
        paths = tuple(str(tmp_path / name) for name in ("x.json", "x.csv", "full.npy"))

        with pytest.raises(OutputError, match="the disk is full"):
            write_outputs(solution(), paths)

        assert sorted(os.listdir(tmp_path)) == ["full.npy", "x.csv"]
        assert (tmp_path / "x.csv").read_bytes() == b"old"

    def test_have_a_format_that_is_checked_before_anything_is_written(self, tmp_path):
        assert check_output_path(str(tmp_path / "x.csv")) == ".csv"
        with pytest.raises(UsageError, match=r"cannot tell the format of x\.xlsx: end the name in .json, .csv or .npy"):
            check_output_path("x.xlsx")
        with pytest.raises(OutputError, match="does not exist; make it first"):
            check_output_path(str(tmp_path / "out" / "x.csv"))


def test_json_needs_neither_rich_nor_numpy_on_top_of_the_solution():
    code = "import sys, lsq_cli.report.plain; print(*{'rich', 'numpy', 'json', 'csv'} & set(sys.modules))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"\n"
