"""Rows by the names of their columns: numbers, dates, levels, weights, whatever the format."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack

import numpy as np
import pandas
import pytest

from lsq_cli.core.errors import CellError, ColumnError, OutputError, SourceConsumedError, UsageError
from lsq_cli.sources.columns import Request
from lsq_cli.sources.dates import seconds
from lsq_cli.sources.frames import FrameTable
from lsq_cli.sources.open_records import open_python_records, open_records
from lsq_cli.sources.records import Wanted

TEXT = """\
id,y,g,d,f
 a ,1,north,2024-01-01,true
b,NA,south,2024-01-02,false
c,3,,2024-01-03,true
"d,e",4, north,NA,true
"""


def read(records, wanted):
    """All rows of a small table."""
    (block,) = records.blocks(wanted)
    return block, block.read()


def levels(record, name):
    """The level of each row."""
    category = record.categories[name]
    return [category.levels[code] for code in category.codes]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TEXT)
    return str(path)


@pytest.fixture
def piped():
    """The same through a pipe."""
    with ExitStack() as stack:

        def opened():
            read_end, write_end = os.pipe()
            os.write(write_end, TEXT.encode())
            os.close(write_end)
            return stack.enter_context(os.fdopen(read_end, "rb", buffering=0))

        yield opened


def test_columns_of_every_kind_are_read_by_name(text):
    records = open_records([text], Request(missing="drop"))
    block, record = read(records, Wanted(("y", "d"), ("g", "f"), kept=("id", "y")))

    assert records.kinds == {"id": "text", "y": "number", "g": "text", "d": "date", "f": "text"}
    assert (record.rows_read, record.used.tolist(), record.dropped) == (4, [0], {"na": 2, "empty": 1})
    assert record.numbers["y"].tolist() == [1.0] and record.numbers["d"].tolist() == [1704067200.0]
    assert (levels(record, "g"), levels(record, "f")) == (["north"], ["true"])
    assert record.kept == {"id": ["a", "b", "c", "d,e"], "y": ["1", "NA", "3", "4"]}
    assert block.where(3, "g") == f"{text}, line 5, column 3 'g'"


def test_a_missing_cell_is_named_the_first_in_the_file(text):
    with pytest.raises(CellError, match="line 3, column 2 'y': 'NA' marks a missing number"):
        read(open_records([text], Request()), Wanted(("y",), ("g",)))
    with pytest.raises(CellError, match="line 4, column 3 'g': the cell is empty; leave such rows out"):
        read(open_records([text], Request()), Wanted((), ("g",)))


def test_blanks_and_quotes_are_not_part_of_a_level(text):
    _, record = read(open_records([text], Request(missing="drop")), Wanted((), ("g",)))

    assert levels(record, "g") == ["north", "south", "north"]


def test_parts_are_matched_by_name(tmp_path):
    (tmp_path / "a.csv").write_text("y,g\n1,p\n2,q\n")
    (tmp_path / "b.csv").write_text("g,y\nq,3\n")
    records = open_records([str(tmp_path / name) for name in ("a.csv", "b.csv")], Request())
    found = [block.read() for block in records.blocks(Wanted(("y",), ("g",)))]

    assert [levels(record, "g") for record in found] == [["p", "q"], ["q"]]
    assert [record.numbers["y"].tolist() for record in found] == [[1.0, 2.0], [3.0]]


def test_negative_weights_and_text_for_weights_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("y,w,g\n1,1,p\n2,-1,q\n")
    records = open_records([str(tmp_path / "a.csv")], Request())

    with pytest.raises(CellError, match="line 3, column 2 'w': the weight is -1; weights must be 0 or more"):
        read(records, Wanted(("y",), weights="w"))
    with pytest.raises(ColumnError, match="--weights 'g' needs a column of numbers"):
        read(records, Wanted(("y",), weights="g"))


def test_a_stream_gives_its_rows_once_unless_they_are_kept(piped):
    once, twice = (open_records(["-"], Request(missing="drop", twice=twice), piped()) for twice in (False, True))
    wanted = Wanted(("y",), ("g",))

    assert len(list(once.blocks(wanted))) == 1
    with pytest.raises(SourceConsumedError, match="can be read only once"):
        next(once.blocks(wanted))
    assert [read(twice, wanted)[1].numbers["y"].tolist() for _ in range(3)] == [[1.0, 4.0]] * 3


def test_no_room_for_a_kept_stream_names_the_folder(monkeypatch, tmp_path, piped):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.TemporaryFile", full)

    with pytest.raises(OutputError, match=rf"temporary file in {tmp_path}: no space left on device; .*TMPDIR"):
        open_records(["-"], Request(twice=True), piped())


def test_data_frames_keep_their_names_and_kinds():
    import polars
    import pyarrow

    frame = pandas.DataFrame(
        {
            "n": [1, 2, 3],
            "x": [0.5, None, 2.5],
            "s": ["a", None, "b"],
            "c": pandas.Categorical(["u", "v", "u"]),
            "t": [True, False, True],
            "d": pandas.to_datetime(["2024-01-01", "2024-01-02", None]),
            "i": pandas.array([1, None, 3], dtype="Int64"),
        }
    )
    kinds = {"n": "number", "x": "number", "s": "text", "c": "text", "t": "true/false", "d": "date", "i": "number"}
    for data in (frame, polars.from_pandas(frame), pyarrow.Table.from_pandas(frame)):
        records = open_python_records(data, missing="drop")
        _, record = read(records, Wanted(("n", "x", "d", "i"), ("s", "c", "t"), kept=("s", "i")))

        assert records.kinds == kinds
        assert (record.used.tolist(), record.dropped) == ([0], {"empty": 2})
        assert (levels(record, "s"), levels(record, "c"), levels(record, "t")) == (["a"], ["u"], [True])
        assert record.numbers["d"].tolist() == [1704067200.0]
        assert record.kept == {"s": ["a", "", "b"], "i": ["1", "", "3"]}


def test_what_is_no_frame_is_refused():
    with pytest.raises(UsageError, match="its columns have names"):
        open_python_records(np.ones((3, 2)))
    with pytest.raises(Exception, match="of different lengths"):
        FrameTable({"a": [1, 2], "b": [1]})
    with pytest.raises(Exception, match="has no column"):
        FrameTable({})
    assert FrameTable({"a": [1.5, math.nan], "b": ["x", ""]}).sample(5).cells == (("1.5", None), ("x", None))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970-01-01", 0.0),
        ("1969-12-31T23:59:59Z", -1.0),
        ("2024-02-29 12:00", 1709208000.0),
        ("2024-02-29T12:00:00.25+02:00", 1709200800.25),
        ("2024-02-29T12:00:00.123456789Z", 1709208000.123456),
        ("2023-02-29", None),
        ("01/03/2024", None),
        ("soon", None),
    ],
)
def test_dates_are_seconds_since_1970(text, value):
    assert seconds(text) == value
