"""Rows of the problem: what is beside what, which rows go, and where the cuts fall."""

import pickle
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.errors import CellError, SourceConsumedError, TableError
from lsq_cli.sources.binary import arrays
from lsq_cli.sources.binary.arrays import ArrayTable
from lsq_cli.sources.binary.npy import NpyTable
from lsq_cli.sources.blocks import Cells, Missing, Reason, Source
from lsq_cli.sources.column import Column, positions_of
from lsq_cli.sources.columns import Request, select, select_side_by_side
from lsq_cli.sources.rows import OneTable, SideBySide
from lsq_cli.sources.streams import FileBytes


@dataclass(frozen=True)
class ListedBlock:
    """Rows of a `ListedTable`; None stands for an empty cell."""

    path: str
    rows: list[list[float | None]]
    start: int
    columns: tuple[Column, ...]
    missing: Missing

    def read(self) -> Cells:
        chosen = [[row[k] for k in positions_of(self.columns)] for row in self.rows]
        values = np.array([[np.nan if cell is None else cell for cell in row] for row in chosen], float)
        reasons = np.array([Reason.EMPTY if None in row else Reason.PRESENT for row in chosen], np.uint8)
        if self.missing == "error" and reasons.any():
            row = int(reasons.argmax())
            raise CellError("an empty cell", self.where(row, chosen[row].index(None)))
        return Cells(values.reshape(len(chosen), len(self.columns)), reasons if reasons.any() else None)

    def where(self, row: int, k: int) -> str:
        return f"{self.path}, line {self.start + row + 2}, column {self.columns[k].position + 1}"


@dataclass
class ListedTable:
    """A table with a header and no idea of its length, as CSV is; in blocks of the lengths given, then of two."""

    header: str
    rows: list[list[float | None]]
    path: str = "data.csv"
    lengths: tuple[int, ...] = ()
    rereadable: bool = True
    waits: bool = False
    notes: tuple[str, ...] = ()
    form: str = "a list"

    def __post_init__(self) -> None:
        self.columns = tuple(Column(name, k, self.path, named=True) for k, name in enumerate(self.header.split()))

    def blocks(self, columns: tuple[Column, ...], missing: Missing) -> Iterator[ListedBlock]:
        start, lengths = 0, iter(self.lengths)
        while start < len(self.rows):
            stop = start + next(lengths, 2)
            yield ListedBlock(self.path, self.rows[start:stop], start, columns, missing)
            start = stop


def one(*tables, **request) -> Source:
    asked = Request(**request)
    return OneTable(tuple(t.path for t in tables), tables, select(tables[0], asked), asked.missing)


def beside(A, b, weights=None, **request) -> Source:
    asked = Request(**request)
    return SideBySide((A.path, b.path), A, b, select_side_by_side(A, b, asked), asked.missing, weights)


def joined(source: Source) -> tuple[list, list, list | None, int, dict[str, int]]:
    """A, b and the weights of all rows, the rows read, and the rows dropped."""
    blocks = [block.read() for block in source.blocks()]
    dropped: Counter[str] = Counter()
    for rows in blocks:
        assert rows.A.shape == (len(rows.b), len(source.names))
        assert rows.b.shape == (len(rows.b), len(source.targets))
        dropped.update(rows.dropped)
    A = [row for rows in blocks for row in rows.A.tolist()]
    b = [row for rows in blocks for row in rows.b.tolist()]
    weights = [w for rows in blocks for w in rows.weights.tolist()] if source.weighted else None
    return A, b, weights, sum(rows.rows_read for rows in blocks), dict(dropped)


def test_columns_of_one_table_are_a_b_and_weights():
    source = one(ListedTable("w u y v", [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]), target=("y",), weights="w")

    assert (source.names, source.targets, source.weighted) == (("u", "v"), ("y",), True)
    assert joined(source) == ([[2, 4], [6, 8], [10, 12]], [[3], [7], [11]], [1, 5, 9], 3, {})


def test_a_and_b_of_one_array_are_views_of_it():
    array = np.arange(12.0).reshape(4, 3)
    (block,) = one(ArrayTable(array)).blocks()
    rows = block.read()

    assert np.shares_memory(rows.A, array)
    assert np.shares_memory(rows.b, array)


def test_parts_follow_each_other_with_their_columns_matched_by_name():
    first = ListedTable("u v w y", [[1, 2, 9, 3]])
    second = ListedTable("y w v u", [[30, 90, 20, 10]], path="2.csv")

    assert joined(one(first, second, target=("y",), weights="w")) == (
        [[1, 2], [10, 20]],
        [[3], [30]],
        [9, 90],
        2,
        {},
    )


def test_a_part_with_another_header_is_refused_before_any_row_is_read():
    with pytest.raises(TableError, match=r"2.csv: another header than data.csv: it lacks 'y' and it has 'z' besides"):
        one(ListedTable("u y", [[1, 2]]), ListedTable("u z", [[1, 2]], path="2.csv"), target=("y",))


def test_a_missing_cell_is_an_error_of_its_table():
    source = one(ListedTable("u y", [[1, 2], [3, 4], [5, None]]))

    with pytest.raises(CellError, match=r"data.csv, line 4, column 2: an empty cell"):
        joined(source)


def test_rows_that_miss_a_cell_are_dropped_and_counted():
    rows = [[1, 2], [None, 4], [5, 6], [7, None], [np.inf, 8]]
    source = one(ListedTable("u y", rows[:4]), missing="drop")
    assert joined(source) == ([[1], [5]], [[2], [6]], None, 4, {"empty": 2})

    source = one(ArrayTable(np.array([[1, 2], [np.nan, 4], [5, 6], [7, np.inf], [np.inf, np.nan]])), missing="drop")
    assert joined(source) == ([[1], [5]], [[2], [6]], None, 5, {"nan": 1, "inf": 2})


def test_a_row_goes_from_both_tables_and_counts_once_for_the_first():
    A = ListedTable("u", [[1], [None], [3], [None]])
    b = ArrayTable(np.array([1.0, np.nan, np.inf, 4]), "b")

    assert joined(beside(A, b, missing="drop")) == ([[1]], [[1]], None, 4, {"empty": 2, "inf": 1})


def test_a_negative_weight_is_named_by_its_place():
    table = ListedTable("w u y", [[1, 1, 1], [1, 1, 1], [0, 1, 1], [-2.5, 1, 1]])

    with pytest.raises(CellError) as error:
        joined(one(table, weights="w"))
    assert str(error.value) == "data.csv, line 5, column 1: the weight is -2.5; weights must be 0 or more"


def test_a_negative_weight_of_a_part_is_named_by_its_position_there():
    first = ListedTable("w u y", [[1, 1, 1]])
    second = ListedTable("u y w", [[1, 1, -1]], path="2.csv")

    with pytest.raises(CellError, match=r"2.csv, line 2, column 3: the weight is -1; weights must be 0 or more"):
        joined(one(first, second, target=("y",), weights="w"))


def test_a_negative_weight_in_a_row_that_is_dropped_does_not_count():
    table = ListedTable("w u y", [[1, 1, 2], [-1, None, 1], [3, 4, 5]])

    assert joined(one(table, weights="w", missing="drop")) == ([[1], [4]], [[2], [5]], [1, 3], 3, {"empty": 1})


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_weight_that_is_missing_is_an_error_or_drops_its_row(weight):
    array = np.array([[1, 2, 3], [weight, 4, 5]])

    with pytest.raises(CellError, match=r"A, row 2, column 1: the cell is"):
        joined(one(ArrayTable(array), weights="1"))
    assert joined(one(ArrayTable(array), weights="1", missing="drop"))[2] == [1]


def test_weights_may_stand_beside_b_or_be_an_array_of_their_own():
    A, b = np.arange(6.0).reshape(3, 2), np.array([[1.0, 7], [2, 8], [3, 9]])
    expected = ([[0, 1], [2, 3], [4, 5]], [[7], [8], [9]], [1, 2, 3], 3, {})

    assert joined(beside(ArrayTable(A), ArrayTable(b, "b"), weights=ArrayTable(b[:, 0], "weights"), drop=("b1",))) == (
        expected
    )
    listed = ListedTable("w y", b.tolist(), path="b.csv")
    assert joined(SideBySide(("A", "b"), *_weighted_beside(A, listed), "error")) == expected


def _weighted_beside(A, b):
    table = ArrayTable(A)
    return table, b, select_side_by_side(table, b, Request(weights="w"))


def test_a_negative_weight_beside_b_is_named_by_its_line_there():
    A = ListedTable("u", [[1]] * 5, lengths=(5,))
    b = ListedTable("y w", [[1, 1], [1, 1], [1, 1], [1, -3], [1, 1]], path="b.csv")
    asked = Request(weights="w")
    source = SideBySide(("data.csv", "b.csv"), A, b, select_side_by_side(A, b, asked), "error")

    with pytest.raises(CellError, match=r"b.csv, line 5, column 2: the weight is -3; weights must be 0 or more"):
        joined(source)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(0, 12),
    lengths=st.tuples(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8)),
    gaps=st.sets(st.tuples(st.integers(0, 11), st.integers(0, 2))),
)
def test_two_streams_are_joined_row_by_row_however_they_are_cut(rows, lengths, gaps):
    cells = [[None if (k, j) in gaps else 10.0 * k + j for j in range(3)] for k in range(rows)]
    A = ListedTable("u v", [row[:2] for row in cells], lengths=tuple(lengths[0]))
    b = ListedTable("y", [row[2:] for row in cells], path="b.csv", lengths=tuple(lengths[1]))
    kept = [row for row in cells if None not in row]

    got = joined(beside(A, b, missing="drop"))

    gone = {"empty": rows - len(kept)} if len(kept) < rows else {}
    assert got == ([row[:2] for row in kept], [row[2:] for row in kept], None, rows, gone)


@pytest.mark.parametrize("make", ["streams", "mixed", "arrays"])
@pytest.mark.parametrize(("m", "k"), [(5, 7), (7, 5), (0, 3), (3, 0)])
def test_tables_of_different_lengths_are_refused_with_both_counts(make, m, k):
    A = ArrayTable(np.ones((m, 2)), "A.csv") if make == "arrays" else ListedTable("u", [[1.0]] * m, "A.csv")
    b = ListedTable("y", [[1.0]] * k, "b.csv") if make == "streams" else ArrayTable(np.ones(k), "b.csv")

    with pytest.raises(TableError) as error:
        joined(beside(A, b))
    assert str(error.value) == f"A.csv has {m} rows and b.csv has {k}; row k of one belongs to row k of the other"


def test_one_row_more_suggests_a_header():
    with pytest.raises(TableError) as error:
        joined(beside(ListedTable("u", [[1.0]] * 6, "A.csv"), ListedTable("y", [[1.0]] * 7, "b.csv")))
    assert str(error.value) == (
        "A.csv has 6 rows and b.csv has 7; is the first row of one a header? (--header, --no-header)"
    )


def test_the_third_table_has_to_be_as_long_too():
    with pytest.raises(TableError, match=r"A has 3 rows and weights has 4"):
        beside(ArrayTable(np.ones(3)), ArrayTable(np.ones(3), "b"), ArrayTable(np.ones(4), "weights"))


def test_a_stream_gives_its_rows_once():
    source = beside(ListedTable("u", [[1.0]], rereadable=False), ListedTable("y", [[1.0]], "b.csv"))
    assert not source.rereadable
    joined(source)

    with pytest.raises(SourceConsumedError) as error:
        source.blocks()
    assert str(error.value) == "the rows of data.csv, b.csv can be read only once; write them to a file first"


def test_a_file_gives_its_rows_again():
    source = beside(ListedTable("u", [[1.0]]), ListedTable("y", [[2.0]], "b.csv"))

    assert joined(source) == joined(source)


def npy_pair(tmp_path, rows, columns):
    rng = np.random.default_rng(5)
    A, b = rng.normal(size=(rows, columns)), rng.normal(size=rows)
    tables = []
    for name, array in (("A.npy", A), ("b.npy", b)):
        np.save(tmp_path / name, array)
        size = (tmp_path / name).stat().st_size
        tables.append(NpyTable(FileBytes(str(tmp_path / name), name, None, size)))
    return A, b, tables


def test_two_npy_files_are_handles_of_ranges_that_stay_small_when_pickled(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 800)
    A, b, tables = npy_pair(tmp_path, 1000, 10)
    blocks = list(beside(*tables).blocks())
    pickled = [pickle.dumps(block) for block in blocks]

    assert len(blocks) == 100
    assert max(map(len, pickled)) < 2000
    rows = [pickle.loads(each).read() for each in pickled]
    np.testing.assert_array_equal(np.concatenate([each.A for each in rows]), A)
    np.testing.assert_array_equal(np.concatenate([each.b for each in rows])[:, 0], b)


def test_two_npy_files_are_never_in_memory_as_a_whole(tmp_path):
    _, _, tables = npy_pair(tmp_path, 400_000, 8)
    tracemalloc.start()
    total = sum(block.read().rows_read for block in beside(*tables).blocks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total == 400_000
    assert peak < 4 * arrays.BLOCK_BYTES


def test_held_rows_of_two_streams_can_be_pickled():
    A = ListedTable("u", [[float(k)] for k in range(5)], lengths=(3, 2))
    blocks = list(beside(A, ListedTable("y", [[float(k)] for k in range(5)], "b.csv")).blocks())

    assert [pickle.loads(pickle.dumps(block)).read().b.tolist() for block in blocks] == [[[0], [1], [2]], [[3], [4]]]
