"""The tables that are read to be measured: random, the same every time, made in processes of their own.

python benchmarks/tables.py --apart make_csv PATH ROWS KIND
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from processes import apart, read, run

COLUMNS = 21
CHUNK_ROWS = 100_000


def made(work: Callable[..., None], path: Path, *arguments: object) -> Path:
    """The file, made in a process of its own and read once."""
    run(apart(__file__, work, path, *arguments))
    read(path)
    return path


def chunks(rows: int, make: Callable[[np.random.Generator, int], np.ndarray]) -> Iterator[np.ndarray]:
    """Random rows in pieces."""
    rng = np.random.default_rng(1)
    for start in range(0, rows, CHUNK_ROWS):
        yield make(rng, min(CHUNK_ROWS, rows - start))


def digits_17(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Normal data, written with all their digits."""
    return rng.standard_normal((rows, COLUMNS))


def digits_1(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Integers of one digit."""
    return rng.integers(0, 10, (rows, COLUMNS))


def digits_17_of_4(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Narrow normal data."""
    return rng.standard_normal((rows, 4))


def csv_text(table: np.ndarray) -> bytes:
    """A table as CSV without a header."""
    import polars

    return polars.DataFrame(table).write_csv(include_header=False).encode()


def make_csv(path: str, rows: str, kind: str) -> None:
    """Write a CSV with a header."""
    with open(path, "wb") as stream:
        for number, table in enumerate(chunks(int(rows), globals()[kind])):
            if not number:
                stream.write(",".join(f"c{k}" for k in range(table.shape[1])).encode() + b"\n")
            stream.write(csv_text(table))


def make_groups(path: str, rows: str, groups: str) -> None:
    """Write a CSV of y, five columns and the name of a group."""
    rng, count = np.random.default_rng(1), int(rows)
    A, g = rng.standard_normal((count, 5)), rng.integers(0, int(groups), count)
    y = A @ np.arange(1.0, 6) + rng.standard_normal(count)
    import polars

    columns = {"y": y} | {f"x{k + 1}": A[:, k] for k in range(5)} | {"g": g}
    polars.DataFrame(columns).write_csv(path)


def make_parquet(path: str, rows: str) -> None:
    """Write a table in row groups."""
    import pyarrow
    from pyarrow import parquet

    names = [f"c{k}" for k in range(COLUMNS)]
    with parquet.ParquetWriter(path, pyarrow.schema([(name, pyarrow.float64()) for name in names])) as writer:
        for table in chunks(int(rows), digits_17):
            writer.write_table(pyarrow.table(list(table.T), names=names))


def make_npy(path: str, rows: str, columns: str = "") -> None:
    """Write an array of two dimensions, or of one."""
    rng, count = np.random.default_rng(1), int(rows)
    shape = (count, int(columns)) if columns else (count,)
    with open(path, "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
        for start in range(0, count, CHUNK_ROWS):
            stream.write(rng.standard_normal((min(CHUNK_ROWS, count - start), *shape[1:])).tobytes())


def feed(gigabytes: str) -> None:
    """Write so much CSV to standard output."""
    pieces = [csv_text(table) for table in chunks(5 * CHUNK_ROWS, digits_17)]
    written = 0
    while written < float(gigabytes) * 1e9:
        piece = pieces[written % len(pieces)]
        sys.stdout.buffer.write(piece)
        written += len(piece)


if __name__ == "__main__":
    if sys.argv[1:2] != ["--apart"]:
        sys.exit(__doc__)
    globals()[sys.argv[2]](*sys.argv[3:])
