"""Numbers that mark a missing cell, in formats that hold numbers already."""

from __future__ import annotations

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from scipy.sparse import csr_array, save_npz

from lsq_cli import solve
from lsq_cli.core.errors import CellError, UsageError

ROWS = np.array([[1.0, 2.0], [-999.0, 3.0], [2.0, 5.0], [3.0, np.nan], [4.0, 7.5]])
KEPT = ROWS[[0, 2, 4]]


@pytest.fixture
def write(tmp_path):
    def writer(form: str, rows: np.ndarray) -> str:
        path = tmp_path / f"t.{form.partition(' ')[0]}"
        if path.suffix == ".parquet":
            pyarrow.parquet.write_table(pyarrow.table({"a": rows[:, 0], "y": rows[:, 1]}), path)
        elif path.suffix == ".npz":
            np.savez(path, A=rows[:, :1], b=rows[:, 1])
        else:
            np.save(path, np.asfortranarray(rows) if form.endswith("fortran") else rows)
        return str(path)

    return writer


@pytest.mark.parametrize("form", ["npy", "npy fortran", "npz", "parquet"])
@pytest.mark.parametrize("mark", ["-999", "-9.99e2"])
def test_a_number_marks_a_missing_cell_in_every_format(form, mark, write, run_lsq):
    found = run_lsq("solve", write(form, ROWS), "--na", mark, "--missing", "drop", "-f", "json").json

    assert found["rows"] == 3
    assert found["dropped_rows"] == {"na": 1, "nan": 1}
    assert found["x"] == solve(KEPT[:, 0], KEPT[:, 1]).x.tolist()


@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_single_precision_is_marked_as_it_stores_the_number(form, write, run_lsq):
    rows = np.array([[1, 2], [-999.9, 3], [2, 5]], np.float32)

    assert run_lsq("solve", write(form, rows), "--na", "-999.9", "--missing", "drop", "-f", "json").json["rows"] == 2


def test_a_marked_cell_is_an_error_that_names_it(write, run_lsq):
    said = run_lsq("solve", write("npy", ROWS), "--na", "-999").err

    cell = "t.npy, row 2, column 1: the cell is -999.0, which marks a missing number"
    assert said.endswith(f"{cell}; --missing drop leaves such rows out\n")


def test_arrays_have_marks_too():
    assert solve(ROWS[:3], na="-999", missing="drop").rows == 2
    with pytest.raises(CellError, match="row 2, column 1: the cell is -999"):
        solve(ROWS[:3], na=["-999"])


def test_a_row_counts_by_its_first_missing_cell():
    both = np.array([[-999.0, np.nan], [np.nan, -999.0], [1.0, 2.0]])

    assert solve(both, na="-999", missing="drop").dropped_rows == {"na": 1, "nan": 1}


def test_a_mark_that_is_a_word_is_refused_where_there_are_numbers_alone(write):
    with pytest.raises(UsageError, match=r'^na="x" is no number'):
        solve(write("npy", ROWS), na="x")


def test_a_sparse_matrix_has_no_marks(tmp_path, run_lsq):
    save_npz(tmp_path / "A.npz", csr_array(np.eye(3)))
    (tmp_path / "b.csv").write_text("1\n-9\n3\n")

    assert "--na is for delimited text" in run_lsq("solve", tmp_path / "A.npz", tmp_path / "A.npz", "--na", "0").err
    found = run_lsq("solve", tmp_path / "A.npz", tmp_path / "b.csv", "--na", "-9", "--missing", "drop", "-f", "json")
    assert found.json["rows"] == 2
