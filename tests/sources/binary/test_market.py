"""Matrix Market files, sparse archives and scipy's arrays: the same rows as dense ones, and what is no matrix."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from table_columns import blocks_of

from lsq_cli import solve
from lsq_cli.core.errors import CellError, LsqError, MissingExtraError, OpenError, TableError, UsageError
from lsq_cli.sources.binary import market, sparse
from lsq_cli.sources.binary.arrays import ArrayTable, NumberTable
from lsq_cli.sources.binary.market import open_table
from lsq_cli.sources.binary.sparse import SparseTable
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_python, open_source
from lsq_cli.sources.streams import MemoryBytes

COORDINATE = "%%MatrixMarket matrix coordinate real general\n"


def table(text: str | bytes) -> NumberTable:
    return open_table(MemoryBytes(text.encode() if isinstance(text, str) else text, "t.mtx"))


def dense(table: NumberTable) -> np.ndarray:
    blocks = [block.read().values for block in blocks_of(table, tuple(range(len(table.columns))), "drop")]
    return np.concatenate([np.empty((0, len(table.columns))), *blocks])


def refusal(kind: type[LsqError], text: str | bytes) -> str:
    with pytest.raises(kind) as error:
        table(text)
    assert type(error.value) is kind
    return str(error.value)


def written(matrix, **options) -> bytes:
    """The file that scipy makes of a matrix."""
    if not matrix.shape[0] and not scipy.sparse.issparse(matrix):  # scipy makes this since 1.17, and hangs before
        return b"%%%%MatrixMarket matrix array real general\n%%\n%d %d\n" % matrix.shape
    file = io.BytesIO()
    scipy.io.mmwrite(file, matrix, **options)
    return file.getvalue()


def random_matrix(seed: int, rows: int, columns: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, columns)) * rng.integers(0, 2, (rows, columns))


# --- what is read


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(0, 12), st.integers(1, 6), st.integers(8, 200), st.booleans())
def test_what_scipy_writes_is_read_whatever_the_pieces(seed, rows, columns, piece, is_sparse):
    A = random_matrix(seed, rows, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market, "PIECE_BYTES", piece)
        found = table(written(scipy.sparse.coo_array(A) if is_sparse else A, precision=17))

    assert isinstance(found, SparseTable if is_sparse else ArrayTable)
    assert np.array_equal(dense(found), A)


@pytest.mark.parametrize("symmetry", ["symmetric", "skew-symmetric"])
@pytest.mark.parametrize("kind", [scipy.sparse.coo_array, np.array])
def test_the_other_half_of_a_symmetric_matrix_is_filled_in(symmetry, kind):
    A = random_matrix(3, 6, 6)
    A = A + A.T if symmetry == "symmetric" else A - A.T
    text = written(kind(A), symmetry=symmetry, precision=17)
    assert symmetry.encode() in text.splitlines()[0]

    assert np.array_equal(dense(table(text)), A)


def test_fields_header_and_blanks_in_any_spelling():
    text = "%%matrixmarket MATRIX Coordinate Pattern General\r\n%c\r\n\r\n 2  3 2 \r\n\r\n 2 3 \r\n1\t1\r\n\r\n"
    assert dense(table(text)).tolist() == [[1, 0, 0], [0, 0, 1]]

    text = "%%MatrixMarket matrix coordinate integer general\n1 2 2\n1 1 9007199254740993\n1 2 -0"
    assert dense(table(text)).tolist() == [[9007199254740992, 0]]
    assert dense(table("%%MatrixMarket matrix array double general\n2 1\n1e400\nnan")).tolist()[0] == [np.inf]


def test_entries_that_stand_twice_are_added():
    assert dense(table(COORDINATE + "1 1 3\n1 1 0.5\n1 1 2\n1 1 -1\n")).tolist() == [[1.5]]


def test_the_numbers_are_those_of_text():
    cells = ["0.1", "1e-320", "179769313486231570000e289", "-4.9406564584124654e-324", "2.2250738585072011e-308"]
    text = "%%MatrixMarket matrix array real general\n5 1\n" + "\n".join(cells)

    assert dense(table(text))[:, 0].tolist() == list(map(float, cells))


def test_a_stored_nan_is_a_missing_cell_and_an_entry_that_is_not_stored_is_not():
    found = table(COORDINATE + "3 2 2\n2 2 nan\n3 1 inf\n")
    (block,) = blocks_of(found, (0, 1), "drop")
    assert block.read().reasons.tolist() == [0, 3, 4]

    (block,) = blocks_of(found, (0, 1), "error")
    with pytest.raises(CellError, match=r"^t\.mtx, row 2, column 2: the cell is nan; --missing drop"):
        block.read()


# --- what is refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "t.mtx: not a Matrix Market file: its first line does not begin with %%MatrixMarket"),
        ("1 2 3\n", "t.mtx: not a Matrix Market file: its first line does not begin with %%MatrixMarket"),
        (COORDINATE, "t.mtx: the file ends before the line of its sizes"),
        (COORDINATE + "2 2 3\n1 1 1\n", "t.mtx: truncated: 3 entries are promised in line 2, and 1 follow"),
        (
            "%%MatrixMarket matrix array real general\n% c\n2 2\n1\n2\n3\n",
            "t.mtx: truncated: 4 entries are promised in line 3, and 3 follow",
        ),
    ],
)
def test_a_file_that_is_none_or_ends_early_is_named(text, said):
    assert refusal(OpenError, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%%MatrixMarket\n", "line 1: a header is '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'"),
        (
            "%%MatrixMarket vector array real general\n",
            "line 1: a header is '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'",
        ),
        ("%%MatrixMarket matrix dense real general\n", "line 1: 'dense' is none of coordinate, array"),
        (
            "%%MatrixMarket matrix array complex general\n",
            "line 1: 'complex' is none of real, double, integer, pattern",
        ),
        (
            "%%MatrixMarket matrix array real hermitian\n",
            "line 1: 'hermitian' is none of general, symmetric, skew-symmetric",
        ),
        (
            "%%MatrixMarket matrix array pattern general\n",
            "line 1: an array of entries without values; a pattern is a coordinate file",
        ),
        (COORDINATE + "%\n2 2\n", "line 3: 3 whole numbers belong here, the numbers of rows, columns, entries"),
        (COORDINATE + "2 -2 1\n", "line 2: 3 whole numbers belong here, the numbers of rows, columns, entries"),
        (COORDINATE + "2 2 9" + "9" * 30, "line 2: 3 whole numbers belong here, the numbers of rows, columns, entries"),
        (
            "%%MatrixMarket matrix array real general\n2 x\n",
            "line 2: 2 whole numbers belong here, the numbers of rows, columns",
        ),
        (COORDINATE.replace("general", "symmetric") + "2 3 1\n", "line 2: a matrix of 2 × 3 cannot be symmetric"),
        (COORDINATE + "2 2 1\n1 1 1\n2 2 2\n", "line 2: 1 entries are promised, and more follow"),
        (COORDINATE + "2 2 2\n1 1 1\n\n2 2 2 9\n", "line 5: 4 cells where an entry has 3: row, column and value"),
        (
            COORDINATE.replace("real", "pattern") + "2 2 1\n1 1 1\n",
            "line 3: 3 cells where an entry has 2: row and column",
        ),
        ("%%MatrixMarket matrix array real general\n2 1\n1 2\n", "line 3: 2 cells where an entry has 1: a value"),
    ],
)
def test_a_wrong_header_or_line_is_named(text, said):
    assert refusal(TableError, text) == f"t.mtx, {said}"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("1 1 0.5\n2 2 x\n", "line 4: 'x' is not a number"),
        ("1 1 1_000\n2 2 1\n", "line 3: '1_000' is written with underscores; write 1000"),
        ("1 1 1.5\n3 2 1\n", "line 4: there is no row 3, column 2 in a matrix of 2 × 2"),
        ("1 0 1.5\n2 2 1\n", "line 3: there is no row 1, column 0 in a matrix of 2 × 2"),
        ("1 1.5 1.5\n2 2 1\n", "line 3: there is no row 1, column 1.5 in a matrix of 2 × 2"),
    ],
)
def test_an_entry_that_is_none_is_named(entries, said):
    assert refusal(CellError, COORDINATE + "2 2 2\n" + entries) == f"t.mtx, {said}"


def test_the_line_is_right_many_pieces_into_the_file(monkeypatch):
    monkeypatch.setattr(market, "PIECE_BYTES", 50)
    lines = [f"{k} 1 {k}" for k in range(1, 101)]
    lines[57] += "\n\n"
    lines[80] = "81 1 eighty-one"

    assert refusal(CellError, COORDINATE + "% c\n100 1 100\n" + "\n".join(lines)) == (
        "t.mtx, line 86: 'eighty-one' is not a number"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (COORDINATE + "2 0 0\n", "t.mtx: an array of shape (2, 0) has no column"),
        ("%%MatrixMarket matrix array real general\n2 0\n", "t.mtx: an array of shape (2, 0) has no column"),
    ],
)
def test_a_matrix_without_columns_is_refused(text, said):
    assert refusal(TableError, text) == said


def test_an_error_of_the_device_is_named():
    class Failing(MemoryBytes):
        def open(self):
            stream = io.BytesIO(self.data)
            stream.read = lambda *_: (_ for _ in ()).throw(OpenError("cannot be read: input/output error", self.label))
            return stream

    with pytest.raises(OpenError, match=r"^t\.mtx: cannot be read: input/output error$"):
        open_table(Failing((COORDINATE + "1 1 1\n1 1 1\n").encode(), "t.mtx"))


# --- sparse tables, archives and arrays


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(1, 30), st.integers(1, 6), st.integers(1, 200), st.data())
def test_blocks_of_a_sparse_table_are_its_rows(seed, rows, columns, size, data):
    A = random_matrix(seed, rows, columns)
    chosen = tuple(data.draw(st.permutations(range(columns))))[: data.draw(st.integers(1, columns))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "DENSE_BYTES", size)
        patch.setattr(sparse, "BLOCK_ENTRIES", size)
        blocks = [
            pickle.loads(pickle.dumps(block))
            for block in blocks_of(SparseTable(scipy.sparse.csc_array(A)), chosen, "error")
        ]

    assert np.array_equal(np.concatenate([block.read().values for block in blocks]), A[:, chosen])
    assert np.array_equal(np.concatenate([block.read_sparse().values.toarray() for block in blocks]), A[:, chosen])
    assert all(8 * block.matrix.shape[0] * columns <= max(size, 8 * columns) for block in blocks)


def test_a_table_of_many_columns_is_cut_by_its_entries():
    matrix = scipy.sparse.eye_array(200_000, format="csr")
    table = SparseTable(matrix)

    assert len(list(blocks_of(table, tuple(range(200_000)), "error"))) == 2


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr", "dia"])
def test_what_scipy_saves_is_one_table(layout, tmp_path):
    A = random_matrix(5, 8, 4) + np.eye(8, 4)
    path = tmp_path / "A.npz"
    scipy.sparse.save_npz(path, scipy.sparse.csr_array(A).asformat(layout))
    b = tmp_path / "b.npy"
    np.save(b, np.arange(8.0))
    (rows,) = [block.read() for block in open_source([path, b], Request()).blocks()]

    assert np.array_equal(rows.A, A)
    assert open_source([path], Request(target=("1",))).targets == ("b",)


@pytest.mark.parametrize(
    "members",
    [
        {"format": "csr", "shape": [2, 3]},
        {"format": "csr", "shape": [2, 3], "data": [1.0, 2, 3], "indices": [0, 7, 2], "indptr": [0, 2, 3]},
        {"format": "csc", "shape": [2, 3], "data": [1.0, 2, 3], "indices": [0, 7, 2], "indptr": [0, 2, 3, 3]},
        {"format": "coo", "shape": [2, 3], "data": [1.0], "row": [9], "col": [1]},
        {"format": "abc", "shape": [2, 3], "data": [1.0]},
    ],
    ids=["short", "csr", "csc", "coo", "unknown"],
)
def test_a_damaged_sparse_archive_is_named_before_scipy_follows_it(members, tmp_path):
    path = tmp_path / "A.npz"
    np.savez(path, **members)

    with pytest.raises(OpenError, match=r"A\.npz: not a sparse matrix as scipy\.sparse\.save_npz writes it: "):
        open_source([path], Request())


def test_an_archive_of_a_and_b_is_still_given_alone(tmp_path):
    np.savez(tmp_path / "both.npz", A=np.eye(2), b=np.ones(2))

    with pytest.raises(UsageError, match="which holds A and b: give it alone"):
        open_source([tmp_path / "both.npz"], Request(target=("1",)))


def test_a_sparse_array_of_complex_numbers_is_refused():
    with pytest.raises(TableError, match="A: an array of complex numbers"):
        SparseTable(scipy.sparse.csr_array(np.eye(2) * 1j))


@pytest.mark.parametrize("name", ["A.mtx", "A.npz"])
def test_a_missing_package_is_named_before_anything_is_read(name, tmp_path, monkeypatch):
    path = tmp_path / name
    if name == "A.mtx":
        path.write_text(COORDINATE + "2 2 1\nthis is not read")
    else:
        scipy.sparse.save_npz(path, scipy.sparse.csr_array(np.eye(2)))
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    monkeypatch.setitem(sys.modules, "scipy", None)

    with pytest.raises(MissingExtraError) as error:
        open_source([path], Request())
    assert str(error.value) == f"{path} needs scipy: pip install 'lsq-cli[sparse]'"


def test_a_dense_array_file_needs_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)

    assert dense(table("%%MatrixMarket matrix array real general\n1 1\n7\n")).tolist() == [[7]]


# --- the same problem from any file


@pytest.fixture
def problem(tmp_path, monkeypatch):
    """A with 5 of 6 cells 0, b, and x from dense arrays; the files in many forms."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    A = rng.standard_normal((120, 6)) * (rng.random((120, 6)) < 1 / 6) + np.eye(120, 6)
    b = rng.standard_normal(120)
    scipy.io.mmwrite("A.mtx", scipy.sparse.coo_array(A), precision=17)
    scipy.sparse.save_npz("A.npz", scipy.sparse.csr_array(A))
    np.save("A.npy", A)
    np.save("b.npy", b)
    Path("b.csv").write_text("b\n" + "\n".join(map(repr, b.tolist())) + "\n")
    scipy.io.mmwrite("b.mtx", b[:, None], precision=17)
    scipy.io.mmwrite("table.mtx", scipy.sparse.coo_array(np.column_stack([A, b])), precision=17)
    for part in range(3):
        cut = slice(40 * part, 40 * (part + 1))
        scipy.io.mmwrite(f"part{part}.mtx", scipy.sparse.coo_array(np.column_stack([A, b])[cut]), precision=17)
    return A, b


@pytest.mark.parametrize(
    "args",
    [
        ("A.mtx", "b.csv"),
        ("A.mtx", "b.mtx"),
        ("A.npz", "b.npy"),
        ("A.npy", "b.mtx"),
        ("table.mtx",),
        ("part*.mtx", "-t", "7"),
        ("-", "b.csv"),
        ("part0.mtx", "-", "part2.mtx", "-t", "-1"),
    ],
    ids=" ".join,
)
def test_the_shell_gives_the_same_bits_as_from_dense_files(problem, args, run_lsq):
    stdin = Path("A.mtx" if args[0] == "-" else "part1.mtx").read_bytes() if "-" in args else b""
    expected = run_lsq("solve", "A.npy", "b.npy", "-f", "json").json
    found = run_lsq("solve", *args, "-f", "json", stdin=stdin).json

    for key in ("x", "residual_norm", "objective", "gradient_norm", "rank", "digits", "rows"):
        assert found[key] == expected[key], key


def test_python_takes_scipy_s_arrays(problem):
    A, b = problem
    expected = solve(A, b).x.tolist()

    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.dok_array):
        assert solve(kind(A), b).x.tolist() == expected
    assert solve(scipy.sparse.csr_array(np.column_stack([A, b]))).x.tolist() == expected
    weights = np.arange(120.0)
    assert solve(scipy.sparse.csr_array(A), b, weights=weights).x.tolist() == solve(A, b, weights=weights).x.tolist()
    assert open_python(scipy.sparse.csr_array(A), b).forms[0] == f"A: sparse, 120 × 6, {np.count_nonzero(A)} entries"


def test_exact_rank_survives_the_format():
    pattern = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 2], [1, 0, 1]], float)

    assert solve(scipy.sparse.csr_array(pattern), [1, 2, 3, 4]).rank == 2


@pytest.mark.parametrize(
    ("sizes", "what"),
    [("1099511627776 1099511627776", "rows"), ("3 20000000", "columns"), ("20000000 3", "rows")],
)
def test_memory_follows_the_entries_and_not_the_declared_size(sizes, what, tmp_path, run_lsq):
    path = tmp_path / "h.mtx"
    path.write_text(f"%%MatrixMarket matrix coordinate real general\n{sizes} 1\n1 1 1.0\n")
    result = run_lsq("solve", path)

    assert result.code == 1
    size = sizes.replace(" ", " × ")
    assert result.err == (
        f"lsq: error: {path}: {size} with 1 entries: more than 10000000 {what} are empty; leave them out\n"
    )


@pytest.mark.parametrize("line", ["1 1 5%", "1 1 5 %", "1 1 5 % note", "1 1 %5"])
def test_a_percent_sign_behind_a_number_is_no_comment(line, tmp_path, run_lsq):
    path = tmp_path / "t.mtx"
    path.write_text(f"%%MatrixMarket matrix coordinate real general\n2 2 2\n{line}\n% a comment\n2 2 1\n")
    result = run_lsq("solve", path)

    assert (result.code, result.raw) == (1, b"")
    assert result.err.startswith(f"lsq: error: {path}, line 3: ")


def test_a_percent_sign_behind_a_number_of_an_array_is_no_comment(tmp_path, run_lsq):
    path = tmp_path / "t.mtx"
    path.write_text("%%MatrixMarket matrix array real general\n2 2\n1\n5%\n3\n2\n")

    assert run_lsq("solve", path).err == (
        f"lsq: error: {path}, line 4: '5%' is written with a percent sign; write 0.05\n"
    )
