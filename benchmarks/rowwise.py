"""One iteration by the rows against one read of A: 10⁶ × 50 doubles in memory, f and ∇f by `rowwise.py`.

    python benchmarks/rowwise.py [ROWS [COLUMNS]]

The yardstick is ``A.sum()`` on one thread, which reads every number of A once and does nothing else with it. Both are
run in turn, and the middle of the ratios is printed. What one job reaches depends on the processor's prefetching, for
Aᵀr finds the numbers in its cache and Ax has to wait for them; what two reach depends on what else the memory serves.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable
from time import perf_counter

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lsq_cli.engines.resources import Resources
from lsq_cli.problems import choosing
from lsq_cli.sources.opening import open_python

REPEATS = 15


def problem_of(rows: int, columns: int, jobs: int) -> tuple[np.ndarray, Callable[[], object]]:
    """A (rows, columns) in memory, and one step: f and ∇f at some x."""
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((rows, columns)), rng.standard_normal(rows)
    x = rng.standard_normal(columns)
    problem = choosing.read(open_python(A, b), resources=Resources(jobs), method="gd", rows=True)
    objective = problem.form().objective(0)
    return A, lambda: objective.value_and_gradient(x)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def main(rows: int = 1_000_000, columns: int = 50) -> None:
    """Print one line for each number of jobs."""
    print(f"{rows} × {columns}, {8e-6 * rows * columns:.0f} MB")
    for jobs in (1, 2):
        A, step = problem_of(rows, columns, jobs)
        pairs = [(seconds(A.sum), seconds(step)) for _ in range(REPEATS)]
        ratio = statistics.median(ours / theirs for theirs, ours in pairs)
        best = min(ours for _, ours in pairs) / min(theirs for theirs, _ in pairs)
        print(f"jobs {jobs}: {ratio:.2f} × A.sum() in the middle, {best:.2f} × best against best")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
