"""The fast reader, the walk from cell to cell and Python's own `float` and `csv` agree on random tables."""

from __future__ import annotations

import csv
import io
from unittest import mock

import numpy as np
from byte_sources import Bytes, pipe
from csv_strategies import MUTATIONS, quoted, tables, text, written
from hypothesis import given, settings
from hypothesis import strategies as st
from table_columns import blocks_of

import lsq_cli.sources.text.csv as csv_room
from lsq_cli.core.errors import DataError
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.text.csv import CsvTable
from lsq_cli.sources.text.deciding import TextOptions
from lsq_cli.sources.text.marks import MARKS
from lsq_cli.sources.text.numbers import number


def expected_value(cell: str) -> float:
    return float("nan") if cell in MARKS or cell == "-77" else float(cell)


def expected_reason(row: tuple[str, ...]) -> Reason:
    for cell in row[1:]:
        if cell in MARKS or cell == "-77":
            return MARKS.get(cell, Reason.NA)
        if not np.isfinite(float(cell)):
            return Reason.NAN if np.isnan(float(cell)) else Reason.INF
    return Reason.PRESENT


@settings(max_examples=250, deadline=None)
@given(tables(), st.sampled_from([3, 20, 100, 10**6]), st.booleans())
def test_every_cell_is_what_float_makes_of_it(made, size, streamed):
    data, delimiter, rows, lines = made
    columns = tuple(range(1, len(rows[0])))
    source = pipe(data) if streamed else Bytes(data)
    with mock.patch.object(csv_room, "BLOCK_BYTES", size):
        table = CsvTable(source, TextOptions(delimiter=delimiter, header=True, na=("-77",), comment="#"))
        blocks = list(blocks_of(table, columns, "drop"))
    cells = [block.read() for block in blocks]
    values = np.concatenate([block.values for block in cells])
    walked = np.concatenate([block.grid().walk(columns, "drop") for block in blocks])
    reasons = [
        reason
        for block in cells
        for reason in (block.reasons if block.reasons is not None else [0] * len(block.values))
    ]

    assert np.array_equal(values, [[expected_value(cell) for cell in row[1:]] for row in rows], equal_nan=True)
    assert np.array_equal(values, walked, equal_nan=True)
    assert np.array_equal(np.signbit(values[values == 0]), np.signbit(walked[walked == 0]))
    assert reasons == [expected_reason(row) for row in rows]
    places = [
        block.grid().where(row, 0) for block, read in zip(blocks, cells, strict=True) for row in range(len(read.values))
    ]
    assert places == [f"{source.label}, line {line}, column 1 'n0'" for line in lines]


def by_the_library(data: bytes, columns: tuple[int, ...]) -> np.ndarray | None:
    """The numbers by `csv.reader` and `number`; None where a row is ragged or a cell is no number."""
    lines = io.StringIO(data.decode().replace("\r\n", "\n").replace("\r", "\n"), newline="")
    rows = [
        row for row in csv.reader(lines, skipinitialspace=True) if any(cell.strip() for cell in row) or len(row) > 1
    ]
    rows = [[cell.strip() for cell in row] for row in rows if not row[0].startswith("#")]
    if any(len(row) != 3 for row in rows):
        return None
    found = [[number(row[column]) for column in columns] for row in rows[1:]]
    return None if any(value is None for row in found for value in row) else np.array(found, dtype=float)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(written, st.one_of(written, text.map(quoted)), written), min_size=1, max_size=4),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(MUTATIONS), st.booleans()), min_size=1, max_size=2),
    st.sampled_from([5, 10**6]),
)
def test_damaged_text_is_refused_or_means_what_every_reader_sees(rows, quotes, mutations, size):
    one, other = (quoted, str) if quotes else (str, quoted)
    data = ("a,b,c\n" + "".join(f"{one(a)},{b},{other(c)}\n" for a, b, c in rows)).encode()
    for place, sign, instead in mutations:
        place = 6 + place % (len(data) - 6)
        data = data[:place] + sign + data[place + instead :]
    columns = (2, 0)
    try:
        with mock.patch.object(csv_room, "BLOCK_BYTES", size):
            table = CsvTable(Bytes(data), TextOptions(delimiter=",", header=True))
            got = np.concatenate([block.read().values for block in blocks_of(table, columns, "error")])
    except DataError:
        return
    expected = by_the_library(data, columns)

    assert expected is not None
    assert np.array_equal(got, expected)
