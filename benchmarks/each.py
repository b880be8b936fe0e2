"""`lsq solve --each` on 200 files of 1 MB against a script of polars and numpy, and on 200 tiny files against one.

    python benchmarks/each.py [FOLDER]

Both sides run in turn; the ratios are of wall time and of CPU time, the median of the pairs.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FILES, PAIRS = 200, 5
LSQ = [sys.executable, "-m", "lsq_cli", "solve", "-t", "y", "--intercept", "-q"]
SCRIPT = """
import json, sys
import numpy as np, polars as pl
for path in sys.argv[1:]:
    table = pl.read_csv(path)
    y = table["y"].to_numpy()
    A = np.column_stack([np.ones(len(y)), table.drop("y").to_numpy()])
    x = np.linalg.lstsq(A, y, rcond=None)[0]
    print(json.dumps({"data": path, "x": x.tolist()}))
"""


def tables(folder: Path, rows: int, columns: int) -> list[str]:
    """The paths of `FILES` tables, made where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    paths = [folder / f"t{k:03}.csv" for k in range(FILES)]
    for path in paths:
        A = rng.standard_normal((rows, columns))
        b = A @ np.arange(1.0, columns + 1) + 0.1 * rng.standard_normal(rows)
        header = ",".join([*(f"x{j + 1}" for j in range(columns)), "y"])
        if not path.exists():
            np.savetxt(path, np.column_stack([A, b]), delimiter=",", header=header, comments="", fmt="%.15g")
    return list(map(str, paths))


def large(folder: Path, rows: int = 9500) -> tuple[list[str], list[str]]:
    """The commands of both sides on files of 1 MB, or of fewer rows."""
    paths = tables(folder, rows, 5)
    return [*LSQ, "--each", *paths], [sys.executable, "-c", SCRIPT, *paths]


def seconds(argv: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(title: str, ours: list[str], theirs: list[str]) -> None:
    """Print the ratios of one command to another."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(PAIRS)]
    wall, cpu = (statistics.median(a[k] / b[k] for a, b in pairs) for k in (0, 1))
    print(f"{title}: {wall:.2f} of the wall time, {cpu:.2f} of the CPU time")


def main() -> None:
    """Make the tables, run both."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    ours, theirs = large(folder / "large")
    tiny = tables(folder / "tiny", 10, 3)
    print(f"{FILES} files of {os.path.getsize(ours[-1]) / 1e6:.1f} MB, {PAIRS} pairs")
    compare("--each on large files, to polars and numpy", ours, theirs)
    compare("--each on tiny files, to one of them", [*LSQ, "--each", *tiny], [*LSQ, "-f", "json", tiny[0]])


if __name__ == "__main__":
    main()
