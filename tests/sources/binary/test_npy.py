"""NPY tables: every kind of number, order and container gives the same doubles; broken files are named."""

import bz2
import contextlib
import gzip
import io
import lzma
import pickle
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_columns import blocks_of, names_of

from lsq_cli.core.errors import CellError, DataError, OpenError, SourceConsumedError, TableError
from lsq_cli.sources.binary import arrays
from lsq_cli.sources.binary.arrays import ArrayTable, NumberTable
from lsq_cli.sources.binary.npy import NpyTable
from lsq_cli.sources.binary.npz import arrays_of
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.streams import FileBytes, MemoryBytes, StreamBytes

DTYPES = [
    "?",
    "i1",
    "<i2",
    ">i4",
    "<i8",
    ">i8",
    "u1",
    ">u2",
    "<u4",
    "<u8",
    "<f2",
    ">f2",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
    "g",
]


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def in_memory(array: np.ndarray) -> NpyTable:
    return NpyTable(MemoryBytes(npy_bytes(array), "A.npy"))


def on_pipe(array: np.ndarray) -> NpyTable:
    return NpyTable(StreamBytes(io.BytesIO(npy_bytes(array)), "standard input"))


def from_bytes(data: bytes) -> NpyTable:
    return NpyTable(MemoryBytes(data, "A.npy"))


def values_of(table: NumberTable, columns: tuple[int, ...] | None = None) -> np.ndarray:
    chosen = tuple(range(len(table.columns))) if columns is None else columns
    blocks = [block.read() for block in blocks_of(table, chosen, "error")]
    assert all(cells.reasons is None and cells.values.dtype == np.float64 for cells in blocks)
    return np.concatenate([cells.values for cells in blocks] or [np.empty((0, len(chosen)))])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 4 * 3 * 8)  # four rows of three columns


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_order_reads_the_same_from_file_pipe_and_gzip(tmp_path, small_blocks, dtype, order):
    array = np.asarray(np.arange(33).reshape(11, 3) % 7, dtype=dtype, order=order)
    plain, packed = tmp_path / "A.npy", tmp_path / "A.npy.gz"
    plain.write_bytes(npy_bytes(array))
    packed.write_bytes(gzip.compress(npy_bytes(array)))

    tables = [
        NpyTable(FileBytes(str(plain), "A", None, plain.stat().st_size)),
        NpyTable(FileBytes(str(packed), "A", "gzip", packed.stat().st_size)),
        on_pipe(array),
        ArrayTable(array),
    ]

    for table in tables:
        np.testing.assert_array_equal(values_of(table), array.astype(float))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 30),
    columns=st.integers(1, 4),
    order=st.sampled_from("CF"),
    dtype=st.sampled_from(["<f8", ">f8", "<f4", ">i2"]),
    chosen=st.permutations([0, 1, 2, 3]),
    count=st.integers(0, 4),
    block=st.integers(1, 200),
)
def test_any_choice_of_columns_comes_in_the_order_asked_for(rows, columns, order, dtype, chosen, count, block):
    array = np.asarray(np.arange(rows * columns).reshape(rows, columns), dtype=dtype, order=order)
    wanted = tuple(k for k in chosen if k < columns)[:count]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK_BYTES", block)
        for table in (in_memory(array), on_pipe(array), ArrayTable(array)):
            np.testing.assert_array_equal(values_of(table, wanted), array.astype(float)[:, list(wanted)])


def test_one_dimension_is_one_column():
    for table in (in_memory(np.arange(5.0)), on_pipe(np.arange(5.0)), ArrayTable(np.arange(5.0))):
        assert names_of(table) == ("x1",)
        assert table.rows == 5
        np.testing.assert_array_equal(values_of(table), np.arange(5.0)[:, None])


def test_a_table_without_rows_has_no_blocks():
    for array in (np.empty((0, 3)), np.empty((0, 3), order="F"), np.empty(0)):
        for table in (in_memory(array), on_pipe(array), ArrayTable(array)):
            assert list(blocks_of(table, (0,), "error")) == []


def test_integers_beyond_two_to_the_53_become_the_nearest_double_as_text_does():
    numbers = [2**53 + 1, 2**63 - 1, -(2**53) - 3]

    assert values_of(ArrayTable(np.array(numbers)))[:, 0].tolist() == [float(str(number)) for number in numbers]


def test_a_long_double_beyond_the_doubles_is_inf_and_named():
    huge = np.array([[1.0], [2.0]], dtype="g")
    huge[1] = np.longdouble("1e400")
    if np.isinf(huge[1, 0]):
        pytest.skip("long doubles are doubles here")

    with pytest.raises(CellError, match=r"A, row 2, column 1: the cell is inf"):
        values_of(ArrayTable(huge))


def test_doubles_in_order_are_read_as_views():
    array = np.arange(12.0).reshape(4, 3)
    (block,) = blocks_of(ArrayTable(array), (1, 2), "error")

    assert np.shares_memory(block.read().values, array)


@pytest.mark.parametrize("make", [in_memory, on_pipe, ArrayTable])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_missing_cell_is_named_by_row_and_column(small_blocks, make, order):
    array = np.asarray(np.ones((9, 3)), order=order)
    array[6, 2] = np.nan
    array[7, 0] = np.inf
    table = make(array)

    with pytest.raises(CellError) as error:
        values_of(table)

    assert str(error.value) == f"{table.path}, row 7, column 3: the cell is nan; --missing drop leaves such rows out"


def test_missing_cells_in_columns_that_are_not_used_do_not_count(small_blocks):
    array = np.ones((9, 3))
    array[4, 1] = np.nan

    assert len(values_of(in_memory(array), (0, 2))) == 9


def test_the_reason_of_a_row_is_its_first_missing_cell_in_file_order():
    array = np.ones((4, 3))
    array[1] = [np.inf, 1, np.nan]
    array[2] = [1, np.nan, -np.inf]
    array[3] = [1, 1, -np.inf]

    (block,) = blocks_of(ArrayTable(array), (2, 1, 0), "drop")

    assert block.read().reasons.tolist() == [Reason.PRESENT, Reason.INF, Reason.NAN, Reason.INF]


def test_a_masked_cell_is_missing():
    array = np.ma.masked_array([[1, 2], [3, 4]], mask=[[False, False], [False, True]])

    with pytest.raises(CellError, match=r"A, row 2, column 2: the cell is nan"):
        values_of(ArrayTable(array))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[1 + 2j]]), "an array of complex numbers; store their real and imaginary parts as columns"),
        (np.array([[None]]), "an array of Python objects, which are not unpickled; store it with .astype(float)"),
        (np.array([["a"]]), "an array of text, not numbers"),
        (np.array([[b"a"]]), "an array of text, not numbers"),
        (np.zeros(3, dtype=[("x", float)]), "an array of records; store the fields as columns of one array of numbers"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "an array of dates; store them as numbers"),
        (np.array([1], dtype="m8[s]"), "an array of time spans; store them as numbers"),
        (np.zeros((2, 3, 4)), "an array of shape (2, 3, 4) is no table; rows × columns are needed"),
        (np.array(1.0), "an array of shape () is no table; rows × columns are needed"),
        (np.zeros((3, 0)), "an array of shape (3, 0) has no column"),
    ],
)
def test_arrays_that_are_no_tables_of_numbers_are_refused(array, words):
    with pytest.raises(TableError) as error:
        ArrayTable(array, "A.npy")
    assert str(error.value) == f"A.npy: {words}"

    with pytest.raises(TableError) as error:
        in_memory(array)
    assert str(error.value) == f"A.npy: {words}"


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(TableError, match=r"A: not a table of numbers: "):
        ArrayTable([[1, 2], [3]])


def test_a_truncated_file_is_refused_before_any_row_is_read():
    data = npy_bytes(np.ones((10, 2)))

    with pytest.raises(OpenError, match=r"A.npy: truncated: 287 bytes where its header promises 288"):
        from_bytes(data[:-1])


def test_a_file_that_shrinks_after_it_was_opened_is_refused(tmp_path):
    path = tmp_path / "A.npy"
    path.write_bytes(npy_bytes(np.ones((10, 2))))
    (block,) = blocks_of(NpyTable(FileBytes(str(path), "A.npy", None, 288)), (0, 1), "error")
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(OpenError, match=r"A.npy: truncated: 200 bytes where its header promises 288"):
        block.read()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_truncated_pipe_is_refused(order):
    data = npy_bytes(np.ones((10, 2), order=order))
    table = NpyTable(StreamBytes(io.BytesIO(data[:-1]), "standard input"))

    with pytest.raises(OpenError, match=r"standard input: truncated: the file ends before its last row"):
        values_of(table)


def test_a_header_that_promises_more_than_memory_holds_is_truncated():
    header = npy_bytes(np.ones((0, 2), order="F"))
    broken = header.replace(b"False", b"True ").replace(b"(0, 2)", b"(10000000000000, 2)").replace(b" " * 13, b"", 1)
    assert len(broken) == len(header)

    with pytest.raises(OpenError, match=r"truncated"):
        values_of(NpyTable(StreamBytes(io.BytesIO(broken), "-")))


def test_what_is_not_npy_is_said_to_be_so():
    for data in (b"", b"a,b\n1,2\n", b"\x93NUMPY\x01\x00\x00"):
        with pytest.raises(OpenError, match=r"A.npy: not an NPY file: "):
            from_bytes(data)


def test_a_negative_shape_is_a_broken_header():
    data = npy_bytes(np.ones((3, 2))).replace(b"(3, 2)", b"(-3,2)")

    with pytest.raises(OpenError, match=r"A.npy: not an NPY file: its shape is \(-3, 2\)"):
        from_bytes(data)


def test_a_header_written_by_python_2_is_read_without_a_warning():
    data = npy_bytes(np.ones((3, 2))).replace(b"(3, 2), }", b"(3L, 2L)}")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values_of(from_bytes(data)).shape == (3, 2)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 127), st.binary(min_size=1, max_size=4))
def test_a_header_with_changed_bytes_is_read_or_refused_with_a_data_error(at, changed):
    data = bytearray(npy_bytes(np.arange(6.0).reshape(3, 2)))
    data[at : at + len(changed)] = changed
    with contextlib.suppress(DataError):
        values_of(from_bytes(bytes(data[:176])))


def test_a_pipe_gives_its_rows_once():
    table = on_pipe(np.ones((3, 2)))
    assert not table.rereadable
    assert values_of(table).shape == (3, 2)

    with pytest.raises(SourceConsumedError, match=r"standard input can be read only once; write it to a file first"):
        blocks_of(table, (0,), "error")


@pytest.mark.parametrize("order", ["C", "F"])
def test_pickled_handles_read_the_same(tmp_path, small_blocks, order):
    array = np.asarray(np.random.default_rng(3).normal(size=(11, 3)), order=order)
    path = tmp_path / "A.npy"
    np.save(path, array)
    for table in (NpyTable(FileBytes(str(path), "A", None, path.stat().st_size)), on_pipe(array), ArrayTable(array)):
        blocks = pickle.loads(pickle.dumps(list(blocks_of(table, (2, 0), "error"))))

        np.testing.assert_array_equal(np.concatenate([block.read().values for block in blocks]), array[:, [2, 0]])


def test_the_pickle_of_a_block_of_an_array_holds_its_rows_only():
    table = ArrayTable(np.zeros((1_000_000, 4)))
    block = next(blocks_of(table, (0, 1, 2, 3), "error"))

    assert len(pickle.dumps(block)) < arrays.BLOCK_BYTES + 1000


class CountingBytes(MemoryBytes):
    """Counts how often each byte was asked for by range."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, "A.npy")
        self.reads: Counter[int] = Counter()

    def read_range(self, start: int, stop: int) -> bytes:
        self.reads.update(range(start, stop))
        return super().read_range(start, stop)


@pytest.mark.parametrize("order", ["C", "F"])
def test_each_number_is_read_once(small_blocks, order):
    source = CountingBytes(npy_bytes(np.ones((11, 3), order=order)))
    values_of(NpyTable(source))

    assert source.reads == dict.fromkeys(range(128, 128 + 11 * 3 * 8), 1)


def test_in_fortran_order_only_the_columns_in_use_are_read(small_blocks):
    source = CountingBytes(npy_bytes(np.ones((11, 3), order="F")))
    values_of(NpyTable(source), (1,))

    assert source.reads == dict.fromkeys(range(128 + 11 * 8, 128 + 22 * 8), 1)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_file_is_never_in_memory_as_a_whole(tmp_path, order):
    path = tmp_path / "A.npy"
    np.save(path, np.zeros((900_000, 10), order=order))
    table = NpyTable(FileBytes(str(path), "A", None, path.stat().st_size))
    tracemalloc.start()
    rows = sum(len(block.read().values) for block in blocks_of(table, tuple(range(10)), "error"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rows == 900_000
    assert peak < 4 * arrays.BLOCK_BYTES < path.stat().st_size / 3


def npz(tmp_path: Path, save=np.savez, **arrays: np.ndarray) -> FileBytes:
    path = tmp_path / "data.npz"
    save(path, **arrays)
    return FileBytes(str(path), "data.npz", None, path.stat().st_size)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_holds_a_and_b_stored_or_deflated(tmp_path, small_blocks, save):
    A, b = np.arange(33.0).reshape(11, 3), np.arange(11)
    tables = arrays_of(npz(tmp_path, save, A=A, b=b, C=b))

    for _ in range(2):
        np.testing.assert_array_equal(values_of(tables[0]), A)
        np.testing.assert_array_equal(values_of(tables[1]), b[:, None])
    assert [table.path for table in tables] == ["data.npz, A", "data.npz, b"]


def test_an_archive_without_a_or_b_says_what_it_holds(tmp_path):
    with pytest.raises(TableError) as error:
        arrays_of(npz(tmp_path, A=np.ones(2), y=np.ones(2)))
    assert str(error.value) == "data.npz: no array 'b' in it, but 'A', 'y'"

    with pytest.raises(TableError, match=r"data.npz: no array 'A' and no 'b' in it, but nothing"):
        arrays_of(npz(tmp_path))


def test_a_broken_archive_is_named(tmp_path):
    with pytest.raises(OpenError, match=r"data.npz: broken zip data: File is not a zip file"):
        arrays_of(MemoryBytes(b"PK\x03\x04 and no more", "data.npz"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_changed_byte_in_an_archive_is_found(tmp_path, save):
    source = npz(tmp_path, save, A=np.random.default_rng(0).normal(size=(50, 2)), b=np.ones(50))
    data = bytearray(Path(source.path).read_bytes())
    data[400] ^= 0x10

    with pytest.raises(OpenError, match=r"data.npz, A: broken zip data: "):
        values_of(arrays_of(MemoryBytes(bytes(data), "data.npz"))[0])


def test_a_member_of_an_archive_has_no_ranges(tmp_path):
    A, _ = arrays_of(npz(tmp_path, A=np.ones(3), b=np.ones(3)))

    with pytest.raises(SourceConsumedError, match=r"data.npz, A has no byte 0:5 to go to; it is read in order"):
        A._source.read_range(0, 5)


@pytest.mark.parametrize(("pack", "kind"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_a_compressed_file_that_breaks_off_is_named(tmp_path, pack, kind):
    path = tmp_path / "A.npy.packed"
    path.write_bytes(pack(npy_bytes(np.random.default_rng(0).normal(size=(9000, 2))))[:-20])
    source = FileBytes(str(path), "A.npy.packed", kind, path.stat().st_size)

    with pytest.raises(OpenError, match=f"A.npy.packed: broken {kind} data: Compressed file ended"):
        values_of(NpyTable(source))


@pytest.mark.parametrize("bits", [0x7F800001, 0xFF800001, 0x7FA00000])
def test_a_signalling_nan_is_a_missing_cell_and_no_warning_of_pythons(bits, tmp_path, run_lsq):
    values = np.array([[1, 2], [2, 0], [3, 7]], dtype=np.float32)
    values[1, 1] = np.array([bits], dtype=np.uint32).view(np.float32)[0]
    raw = values.copy()
    raw.view(np.uint32)[1, 1] = bits
    np.save(tmp_path / "t.npy", raw)
    result = run_lsq("solve", tmp_path / "t.npy")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "row 2, column 2: the cell is nan" in result.err
