"""Parquet tables: the same rows as CSV from any file, and every way in which one can be no table of numbers."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import gzip
import io
import json
import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_columns import blocks_of, of_kind, text_of

from lsq_cli.core.errors import CellError, ColumnError, DataError, LsqError, MissingExtraError, OpenError, TableError
from lsq_cli.sources.binary import parquet
from lsq_cli.sources.binary.parquet import ParquetTable
from lsq_cli.sources.blocks import Reason, Rows
from lsq_cli.sources.column import Kind
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source
from lsq_cli.sources.streams import FileBytes, MemoryBytes

TABLE = pa.table({"u": [1.0, 2.0, 3.0], "kind": ["a", "b", None], "v": [4, 5, 6], "y": [True, False, True]})


def stored(table: pa.Table, **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def in_memory(table: pa.Table, **options) -> ParquetTable:
    return ParquetTable(MemoryBytes(stored(table, **options), "t.parquet"))


def rows_of(table: ParquetTable, columns: tuple[int, ...], missing="error") -> np.ndarray:
    return np.concatenate([block.read().values for block in blocks_of(table, columns, missing)])


def read_rows(path: str | Path, **request) -> list[Rows]:
    return [block.read() for block in open_source([path], Request(**request)).blocks()]


def refusal(kind: type[LsqError], path: str | Path, **request) -> str:
    with pytest.raises(kind) as error:
        read_rows(path, **request)
    assert type(error.value) is kind
    return str(error.value)


def test_columns_have_names_and_those_of_text_are_left_out(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(TABLE))
    source = open_source([path], Request())

    assert (source.names, source.targets, source.left_out) == (("u", "v"), ("y",), ("kind",))
    assert source.forms == (f"{path}: Parquet, 3 rows in 1 row group",)
    (rows,) = [block.read() for block in source.blocks()]
    assert (rows.A.tolist(), rows.b.tolist()) == ([[1, 4], [2, 5], [3, 6]], [[1], [0], [1]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 15), st.sampled_from([0, 100, 1 << 30]), st.permutations(range(4)))
def test_any_cut_gives_the_same_rows(rows, group, large, columns):
    numbers = np.random.default_rng(rows).standard_normal((rows, 4))
    table = in_memory(pa.table(dict(zip("abcd", numbers.T, strict=True))), row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "LARGE_BYTES", large)
        patch.setattr(parquet, "BATCH_BYTES", 200)
        blocks = list(blocks_of(table, tuple(columns), "error"))
        values = [pickle.loads(pickle.dumps(block)).read().values for block in blocks]

    assert np.array_equal(np.concatenate([np.empty((0, 4)), *values]), numbers[:, columns])
    assert all(block.size > 0 and block.footprint > 0 for block in blocks)


def test_every_kind_of_number_is_the_nearest_double():
    big = 2**53 + 1
    table = pa.table(
        {
            "int64": pa.array([big, -(2**63)], pa.int64()),
            "uint64": pa.array([2**64 - 1, 3], pa.uint64()),
            "int8": pa.array([-128, 127], pa.int8()),
            "half": pa.array(np.array([1.5, 0.1], np.float16)),
            "float": pa.array([1.5, 0.1], pa.float32()),
            "decimal": pa.array(
                [decimal.Decimal("0.1"), decimal.Decimal("12345678901234567890.3")], pa.decimal128(30, 1)
            ),
            "bool": [True, False],
        }
    )
    values = rows_of(in_memory(table), tuple(range(7)))

    assert values[0].tolist() == [float(big), float(2**64), -128.0, 1.5, 1.5, 0.1, 1.0]
    assert values[1].tolist() == [
        -(2.0**63),
        3.0,
        127.0,
        float(np.float16(0.1)),
        float(np.float32(0.1)),
        12345678901234567890.3,
        0.0,
    ]


def test_other_columns_count_as_text_with_their_first_cell():
    table = pa.table(
        {
            "text": [None, "ann", "bob"],
            "day": [datetime.date(2024, 1, 2)] * 3,
            "list": [[1], [2], [3]],
            "nothing": pa.nulls(3),
            "kind": pa.array(["p", "q", "p"]).dictionary_encode(),
            "x": [1, 2, 3],
        }
    )

    assert text_of(in_memory(table)) == {0: "ann", 1: "date32[day]", 2: "list<element: int64>", 3: "", 4: "p"}


def of_pandas(said: object) -> pa.Table:
    """A table with what pandas writes beside the schema."""
    table = pa.table({"x": [1.0, 2, 4], "id": [10, 20, 35], "y": [1.0, 3, 4]})
    return table.replace_schema_metadata({"pandas": json.dumps(said) if not isinstance(said, bytes) else said})


def test_the_index_that_pandas_wrote_is_left_out_and_there_when_selected(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(of_pandas({"index_columns": ["id"], "columns": []})))
    source = open_source([path], Request())

    assert (source.names, source.targets, source.left_out) == (("x",), ("y",), ("id",))
    assert source.notes[1] == "left out as the index that pandas wrote: 'id' (choose with --columns)"
    assert open_source([path], Request(columns=("id,y",))).names == ("id",)


@pytest.mark.parametrize(
    "said",
    [
        {"index_columns": [{"kind": "range", "start": 0, "stop": 3, "step": 1}]},
        {"index_columns": ["gone"]},
        {"index_columns": 7},
        [],
        b"no JSON",
        b"\xff",
    ],
)
def test_other_words_of_pandas_leave_all_columns(said):
    assert of_kind(in_memory(of_pandas(said)), Kind.NUMBER) == {0, 1, 2}


def test_dates_by_their_type():
    table = pa.table({"day": [datetime.date(2024, 1, 2)], "at": [datetime.datetime(2024, 1, 2)], "s": ["2024-01-02"]})

    assert of_kind(in_memory(table), Kind.DATE) == {0, 1}


def test_a_text_column_that_is_asked_for_is_named(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(TABLE))

    assert refusal(ColumnError, path, target=("kind",)) == (
        f"{path}, column 2 'kind': no number in its first 1000 rows, but text such as 'a'; "
        "--target needs a column of numbers"
    )


def test_null_is_an_empty_cell_nan_is_nan_and_inf_is_inf():
    table = in_memory(
        pa.table({"x": [1.0, None, 2.0, np.nan, 5.0], "y": pa.array([1, 2, None, None, 5]), "z": [0, 0, 0, 0, np.inf]})
    )
    (block,) = blocks_of(table, (2, 1, 0), "drop")

    assert block.read().reasons.tolist() == [Reason.PRESENT, Reason.EMPTY, Reason.EMPTY, Reason.NAN, Reason.INF]


@pytest.mark.parametrize("large", [0, 1 << 30])
@pytest.mark.parametrize(("cell", "said"), [(None, "empty"), (np.nan, "nan"), (-np.inf, "-inf")])
def test_the_first_missing_cell_is_named_by_its_row_in_the_file(cell, said, large, tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    values = [float(k) for k in range(20)]
    values[13] = cell
    path.write_bytes(stored(pa.table({"a": range(20), "b c": values, "y": range(20)}), row_group_size=6))
    monkeypatch.setattr(parquet, "LARGE_BYTES", large)
    monkeypatch.setattr(parquet, "BATCH_BYTES", 48)

    assert refusal(CellError, path) == (
        f"{path}, row 14, column 2 'b c': the cell is {said}; --missing drop leaves such rows out"
    )
    (dropped,) = [rows.dropped for rows in read_rows(path, missing="drop") if rows.dropped]
    assert dropped == {said.strip("-"): 1}


def test_columns_of_one_name_are_told_apart_by_position():
    table = pa.Table.from_arrays([pa.array([1, 2]), pa.array([5, 6]), pa.array([3, 4])], names=["x", "y", "x"])

    assert rows_of(in_memory(table), (2, 0)).tolist() == [[3, 1], [4, 2]]


def test_a_name_with_a_dot_is_a_name():
    table = pa.table({"a": [{"b": 7}, {"b": 8}], "a.b": [1, 2], "a.c": [3, 4]})

    assert rows_of(in_memory(table), (2, 1)).tolist() == [[3, 1], [4, 2]]


def test_parts_are_matched_by_name_and_a_differing_header_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"u": [1], "v": [2], "y": [3]}), "p1.parquet")
    pq.write_table(pa.table({"y": [30], "v": [20], "u": [10]}), "p2.parquet")
    Path("p3.csv").write_text("v,u,y\n200,100,300\n")
    source = open_source(["p*.parquet", "p3.csv"], Request(target=("y",)))

    assert [block.read().A.tolist() for block in source.blocks()] == [[[1, 2]], [[10, 20]], [[100, 200]]]
    pq.write_table(pa.table({"u": [1], "w": [2], "y": [3]}), "p4.parquet")
    assert refusal(TableError, "p*.parquet", target=("y",)) == (
        "p4.parquet: another header than p1.parquet: it lacks 'v' and it has 'w' besides"
    )


def test_a_and_b_may_be_two_files_of_different_row_groups(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    numbers = np.arange(60.0).reshape(20, 3)
    pq.write_table(pa.table({"u": numbers[:, 0], "v": numbers[:, 1]}), "A.parquet", row_group_size=7)
    pq.write_table(pa.table({"y": numbers[:, 2]}), "b.parquet", row_group_size=4)
    rows = [block.read() for block in open_source(["A.parquet", "b.parquet"], Request()).blocks()]

    assert np.array_equal(np.vstack([np.hstack([r.A, r.b]) for r in rows]), numbers)


# --- what can go wrong


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (0, "not a Parquet file: it does not begin with PAR1"),
        (3, "not a Parquet file: it does not begin with PAR1"),
        (100, "truncated: a Parquet file ends with PAR1, as it begins"),
        (-1, "truncated: a Parquet file ends with PAR1, as it begins"),
    ],
)
def test_a_truncated_file_is_named(kept, said, tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(TABLE)[:kept])

    assert refusal(OpenError, path) == f"{path}: {said}"


def test_a_damaged_table_of_contents_is_named(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")

    assert refusal(OpenError, path).startswith(f"{path}: broken Parquet data: ")


def test_damaged_files_are_named_or_read_whatever_the_damage():
    whole = bytearray(stored(pa.table({"a": [1.0, 2, 3], "b": [1.0, None, 3], "s": ["x", "y", "z"]})))
    rng = random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(DataError):
            table = ParquetTable(MemoryBytes(bytes(data), "t.parquet"))
            rows_of(table, tuple(range(len(table.columns)))[:2], "drop")


def test_a_file_that_shrinks_while_it_is_read_is_one_error(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(pa.table({"x": np.random.default_rng(0).standard_normal(5000)}), row_group_size=1000))
    table = ParquetTable(FileBytes(str(path), str(path), None, path.stat().st_size))
    blocks = list(blocks_of(table, (0,), "error"))
    blocks[0].read()
    with path.open("r+b") as file:
        file.truncate(20_000)

    with pytest.raises(OpenError, match=r"t\.parquet: broken Parquet data: "):
        blocks[-1].read()


def test_an_error_of_the_device_keeps_its_words(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(TABLE))
    table = ParquetTable(FileBytes(str(path), str(path), None, path.stat().st_size))
    (block,) = blocks_of(table, (0,), "error")

    class Failing(io.FileIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("lsq_cli.sources.binary.parquet._stream", lambda _: Failing(path))
    with pytest.raises(OpenError) as error:
        block.read()
    assert str(error.value) == f"{path}: cannot be read: input/output error"


def test_a_file_without_columns_is_refused():
    with pytest.raises(TableError, match=r"^t\.parquet: has no column$"):
        in_memory(pa.table({}))


def test_a_missing_package_is_named_before_anything_is_read(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    path.write_bytes(stored(TABLE))
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert refusal(MissingExtraError, path) == f"{path} needs pyarrow: pip install 'lsq-cli[fast]'"


# --- the same problem from any file


def test_the_shell_gives_the_same_bits_from_parquet_and_from_text(run_lsq, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    A = rng.standard_normal((400, 3)) * [1, 1e6, 1e-3]
    columns = dict(zip("uvwy", np.column_stack([A, A @ [1, 2, 3] + rng.standard_normal(400)]).T, strict=True))
    rows = [",".join(map(repr, row)) for row in np.column_stack(list(columns.values())).tolist()]
    Path("t.csv").write_text("\n".join(["u,v,w,y", *rows]) + "\n")
    pq.write_table(pa.table(columns), "t.parquet", row_group_size=150)
    Path("t.parquet.gz").write_bytes(gzip.compress(Path("t.parquet").read_bytes()))
    order = ("y", "v", "u", "w")
    for part in range(3):
        cut = slice(150 * part, 150 * (part + 1))
        pq.write_table(pa.table({name: columns[name][cut] for name in order}), f"part{part}.parquet")
    expected = run_lsq("solve", "t.csv", "-t", "y", "-f", "json").json

    for args, stdin in (
        (["t.parquet"], b""),
        (["t.parquet.gz"], b""),
        (["part*.parquet", "--columns", "u,v,w"], b""),
        (["-"], Path("t.parquet").read_bytes()),
    ):
        found = run_lsq("solve", *args, "-t", "y", "-f", "json", stdin=stdin).json
        for key in ("x", "objective", "residual_norm", "gradient_norm", "digits", "rows", "names"):
            assert found[key] == expected[key]


def far(tmp_path, kind, value):
    """A table with a column that Python's own types cannot hold, and two of numbers."""
    path = tmp_path / "t.parquet"
    odd = pa.array([value] * 3, pa.int64()).cast(kind)
    pq.write_table(pa.table({"when": odd, "x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 7.0]}), path)
    return path


@pytest.mark.parametrize(
    ("kind", "value"),
    [(pa.timestamp("ms"), 2**55), (pa.timestamp("us", tz="Mars/Olympus"), 1), (pa.timestamp("s"), -(2**40))],
    ids=str,
)
def test_columns_that_nobody_asks_for_are_never_decoded(kind, value, tmp_path, run_lsq):
    result = run_lsq("solve", far(tmp_path, kind, value), "-f", "json")

    assert result.json["names"] == ["x"]
    assert result.json["left_out"] == ["when"]
    assert result.json["rows"] == 3


def test_a_damaged_page_is_found_by_its_check_sum(tmp_path, run_lsq):
    path = tmp_path / "t.parquet"
    numbers = np.random.default_rng(0).standard_normal((2000, 2))
    table = pa.table({"x": numbers[:, 0], "y": numbers[:, 1]})
    pq.write_table(table, path, write_page_checksum=True, use_dictionary=False, compression="none")
    data = bytearray(path.read_bytes())
    place = data.find(numbers[1000, 0].tobytes())
    data[place] ^= 1
    path.write_bytes(data)
    result = run_lsq("solve", path)

    assert result.code == 1
    assert "broken Parquet data" in result.err
