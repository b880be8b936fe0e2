"""`lsq fit --by` on 10⁶ rows in 10⁴ groups of 5 columns against one fit of the same rows, in time and memory.

    python benchmarks/groups.py [FOLDER] [--columns 5] [--pairs 5]

Both run in turn, as commands; the ratios are medians of the pairs. It also says how many groups doubles decided, and
with `--same N` holds N groups, bit for bit, to runs on their rows alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars

ROWS, GROUPS = 10**6, 10**4


def tables(folder: Path, columns: int) -> list[Path]:
    """The rows as CSV and as Parquet, in no order of the groups; made where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"groups{columns}.{suffix}" for suffix in ("csv", "parquet")]
    if all(path.exists() for path in paths):
        return paths
    rng = np.random.default_rng(0)
    A = rng.normal(size=(ROWS, columns)).round(4)
    y = (A @ np.arange(1, columns + 1) + rng.normal(size=ROWS)).round(4)
    frame = polars.DataFrame({"g": rng.integers(0, GROUPS, ROWS), **{f"x{j}": A[:, j] for j in range(columns)}, "y": y})
    frame.write_csv(paths[0])
    frame.write_parquet(paths[1])
    return paths


def measured(argv: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and megabytes at most of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(argv)} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def compare(path: Path, columns: int, pairs: int) -> None:
    """Print the ratios of all groups to one fit."""
    formula = f"y ~ {' + '.join(f'x{j}' for j in range(columns))}"
    one = [sys.executable, "-m", "lsq_cli", "fit", formula, str(path), "-q", "-f", "csv"]
    runs = [(measured([*one, "--by", "g"]), measured(one)) for _ in range(pairs)]
    wall, cpu = ([ours[k] / theirs[k] for ours, theirs in runs] for k in (0, 1))
    memory = [statistics.median(run[side][2] for run in runs) for side in (0, 1)]
    for name, ratios in (("wall time", wall), ("CPU time", cpu)):
        print(f"{path.suffix}: {statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f}) of the {name}")
    print(f"{path.suffix}: {memory[0]:.0f} MB, one fit {memory[1]:.0f} MB")


def same(path: Path, columns: int, count: int) -> None:
    """Hold groups to runs on their rows alone, and say how many of all were decided in doubles."""
    from lsq_cli import fit
    from lsq_cli.runs import stacking

    decided, of_stack = 0, stacking.stacked

    def counting(*args, **kwargs):
        nonlocal decided
        for values in of_stack(*args, **kwargs):
            decided += len(values.groups)
            yield values

    stacking.stacked = counting
    formula = f"y ~ {' + '.join(f'x{j}' for j in range(columns))}"
    found, frame = fit(path, formula, by="g"), polars.read_parquet(path)
    print(f"{decided} of {len(found.groups)} groups decided in doubles")
    different = 0
    for one in found.groups[:count]:
        alone = fit(frame.filter(polars.col("g") == one.group["g"]), formula)
        pairs = [(one.x, alone.x), (one.statistics.std_error, alone.statistics.std_error)]
        pairs.append((np.array([one.statistics.sigma]), np.array([alone.statistics.sigma])))
        different += any(ours.tobytes() != theirs.tobytes() for ours, theirs in pairs)
    print(f"{different} of {min(count, len(found.groups))} groups differ from a run on their rows")


def main() -> None:
    """Make the tables, run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=tempfile.gettempdir())
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--same", type=int, default=0)
    asked = parser.parse_args()
    csv, parquet = tables(Path(asked.folder), asked.columns)
    if asked.same:
        same(parquet, asked.columns, asked.same)
        return
    for path in (csv, parquet):
        compare(path, asked.columns, asked.pairs)


if __name__ == "__main__":
    main()
