"""One problem in every format and container, in one file or several: the same sums and the same x, to the bit."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import scipy.io
import scipy.sparse
import zstandard

from lsq_cli.engines.resources import Resources
from lsq_cli.problems.summing import read_problem
from lsq_cli.sources.binary import arrays, parquet
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source
from lsq_cli.sources.text import csv

PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}
FORMATS = (".csv", ".npy", ".npz", ".parquet", ".mtx")
ROWS, PARTS = 700, 9


def written(table: np.ndarray, suffix: str, names: str = "uvwy") -> bytes:
    """A table in one format."""
    file = io.BytesIO()
    if suffix == ".csv":
        return (",".join(names) + "\n" + "".join(",".join(map(repr, row)) + "\n" for row in table.tolist())).encode()
    if suffix == ".npy":
        np.save(file, table)
    elif suffix == ".npz":
        scipy.sparse.save_npz(file, scipy.sparse.csr_array(table))
    elif suffix == ".parquet":
        columns = dict(zip(names, table.T, strict=True))
        pyarrow.parquet.write_table(pyarrow.table(columns), file, row_group_size=100)
    else:
        scipy.io.mmwrite(file, scipy.sparse.coo_array(table), precision=17)
    return file.getvalue()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    """Many blocks of every file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(csv, "BLOCK_BYTES", 3000)
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 3000)
    monkeypatch.setattr(parquet, "LARGE_BYTES", 2000)
    monkeypatch.setattr(parquet, "BATCH_BYTES", 1000)


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    rng = np.random.default_rng(3)
    A = rng.standard_normal((ROWS, 3)) * [1e-5, 1, 1e7] * (rng.random((ROWS, 3)) < 0.7)
    return np.column_stack([A, A @ [1e5, -2, 3e-7] + rng.standard_normal(ROWS)])


@pytest.fixture(scope="module")
def expected(table) -> tuple[str, list, float]:
    return solved("-", stdin=written(table, ".npy"))


def solved(*paths: str, stdin: bytes = b"", jobs: int = 1) -> tuple[str, list, float]:
    """The digest of the sums, x and the residual norm."""
    source = open_source(paths, Request(target=("-1",)), io.BytesIO(stdin))
    problem = read_problem(source, resources=Resources(jobs))
    x = problem.x
    return problem.sums.digest(), x.tolist(), problem.value_at(x).residual_norm


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("suffix", FORMATS)
def test_one_file_a_pipe_and_nine_parts_give_the_same_bits(suffix, packing, table, expected):
    whole = PACKED[packing](written(table, suffix))
    Path(f"t{suffix}{packing}").write_bytes(whole)
    for k, part in enumerate(np.array_split(table, PARTS)):
        Path(f"part{k}{suffix}{packing}").write_bytes(PACKED[packing](written(part, suffix)))

    assert solved(f"t{suffix}{packing}", jobs=2) == expected
    assert solved("-", stdin=whole) == expected
    assert solved(f"part*{suffix}{packing}", jobs=3) == expected


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_a_and_b_may_be_of_any_two_formats(first, second, table, expected):
    Path(f"A{first}").write_bytes(written(table, first, "uvwy"))
    Path(f"b{second}").write_bytes(written(table[:, 3:], second, "y"))
    problem = read_problem(
        open_source([f"A{first}", f"b{second}"], Request(columns=("1,2,3",))), resources=Resources(2)
    )

    assert problem.x.tolist() == expected[1]
