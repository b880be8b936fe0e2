"""Absorbed intercepts against a plain fit of the same rows: ``python benchmarks/absorbed.py [rows] [levels]``.

The yardstick is ``y ~ a + b + c + d + e`` of the same table, read from the same file, in the same run. Expected: the
sums by level cost a pass over the columns and a dictionary of the levels, and the levels a few long integers each.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from lsq_cli import fit

RUNS = 3


def main(rows: int = 1_000_000, levels: int = 100_000) -> None:
    """Print the ratio of medians, for numbers and for text as levels."""
    rng = np.random.default_rng(1)
    g = rng.integers(0, levels, rows)
    X = rng.normal(size=(rows, 5)).round(4)
    y = (X @ [1, 2, 3, 4, 5] + np.sin(g) + rng.normal(size=rows)).round(4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        with open(path, "w") as stream:
            stream.write("y,a,b,c,d,e,g,name\n")
            for values, level in zip(np.column_stack([y, X]).tolist(), g.tolist(), strict=True):
                stream.write(",".join(map(repr, values)) + f",{level},firm{level}\n")
        plain = "y ~ a + b + c + d + e"
        formulas = {"number": f"{plain} | g", "text": f"{plain} | name", "number, cluster:g": f"{plain} | g"}
        found: dict[str, list[float]] = {name: [] for name in ("plain", *formulas)}
        for _ in range(RUNS):
            for name in found:
                vcov = "cluster:g" if "cluster" in name else "iid"
                start = perf_counter()
                fit(path, formulas.get(name, plain), vcov=vcov)
                found[name].append(perf_counter() - start)
    yardstick = median(found["plain"])
    print(f"{rows} rows, {levels} levels; a plain fit is 1")
    for name in formulas:
        print(f"  levels as {name:<18} {median(found[name]) / yardstick:6.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
