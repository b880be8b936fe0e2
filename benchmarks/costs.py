"""What a number costs: nanoseconds of CPU time for each step, and beside it the least that the machine takes for it.

    python benchmarks/costs.py [--repeat 7]

    parse     a cell of CSV of 17 digits, and of 3         polars alone on the same text, its numbers not touched
    sum       a number of A in exact and double sums       AᵀA by BLAS (exact: of the three slices of each column)
    rows      a number of A in f and ∇f by the rows        A.sum()
    solve     the exact solution over n³                   numpy.linalg.inv over n³

What it is for: how long a run will take, and which step to look at. One thread; the least of the repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy

import argparse
from collections.abc import Callable
from time import process_time

import numpy as np
from rowwise import problem_of

from lsq_cli.core.problem import About
from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.sources.text import fast
from lsq_cli.sources.text.csv import CsvBlock
from lsq_cli.sources.text.dialect import Dialect

SLICES = 3
"""Of normal data, and of three decimals."""


def least(work: Callable[[], object], repeat: int) -> float:
    """CPU seconds of the quickest call but the first."""
    work()
    seconds = []
    for _ in range(repeat):
        start = process_time()
        work()
        seconds.append(process_time() - start)
    return min(seconds)


def line(what: str, ours: float, limit: float, count: float) -> None:
    """Print nanoseconds each."""
    print(f"{what:44} {1e9 * ours / count:8.2f} {1e9 * limit / count:8.2f} {ours / limit:6.2f}", flush=True)


def parse(repeat: int, columns: int = 21) -> None:
    """Cells of text."""
    import polars

    schema = {str(k): polars.Float64 for k in range(columns)}
    for digits, decimals in ((17, 17), (3, 2)):
        table = np.random.default_rng(0).standard_normal((8_000_000 // (columns * (digits + 2)), columns))
        text = polars.DataFrame(table.round(decimals)).write_csv(include_header=False).encode()
        dialect = Dialect("table.csv", ",", tuple(map(str, range(columns))))
        block = CsvBlock(None, dialect, tuple(range(columns)), "error", 0, len(text), 1, text, True)
        assert fast.parser() is not None
        alone = lambda text=text: polars.read_csv(text, has_header=False, quote_char=None, schema=schema)  # noqa: E731
        line(f"parse, {digits} digits", least(block.read, repeat), least(alone, repeat), table.size)


def sums(repeat: int) -> None:
    """Numbers of A."""
    for n in (10, 100, 1000):
        M = np.random.default_rng(n).standard_normal((4_000_000 // n if n < 1000 else 4000, n + 1))
        A, b = M[:, :n].copy(), M[:, n:].copy()
        S = np.random.default_rng(n).standard_normal((SLICES * (n + 1), len(A)))
        for kind, product in ((ExactSums, lambda S=S: S @ S.T), (DoubleSums, lambda A=A: A.T @ A)):
            ours = least(lambda A=A, b=b, kind=kind: kind(A.shape[1], 1).add(A, b), repeat)
            line(f"{kind.__name__}, n = {n}", ours, least(product, repeat), A.size)


def rows(repeat: int) -> None:
    """A step by the rows."""
    A, step = problem_of(400_000, 50, 1)
    line("f and ∇f by the rows, n = 50", least(step, repeat), least(A.sum, repeat), A.size)


def solve(repeat: int) -> None:
    """The exact solution of sums that are there."""
    for n in (100, 200, 500):
        rng = np.random.default_rng(n)
        sums = ExactSums(n, 1)
        sums.add(rng.standard_normal((4 * n, n)), rng.standard_normal((4 * n, 1)))
        S = sums.doubles()[0][:n, :n]
        about = About(tuple(map(str, range(n))), ("b",))
        ours = least(lambda about=about, sums=sums: SummedProblem(about, sums).x, repeat)
        line(f"exact solution, n = {n}, by n³", ours, least(lambda S=S: np.linalg.inv(S), repeat), n**3)


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    print(f"{'ns each':44} {'lsq':>8} {'limit':>8} {'ratio':>6}")
    for work in (parse, sums, rows, solve):
        work(options.repeat)


if __name__ == "__main__":
    main()
