"""The exact sums against numpy.linalg.lstsq: seconds of both, in turns, and the ratio of their medians.

    python benchmarks/exact_sums.py [--repeat 5] [--only 400000x10]

BLAS has one thread, as in each thread of `lsq`, unless OPENBLAS_NUM_THREADS says otherwise. The
aim is 0.7 at 200,000 × 100 and 1.5 at 400,000 × 10 on normal data; the other data say how the number of slices
tells. `blocks` is the same normal data as separate sums of 1 MB of rows each, merged: what an engine does.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from statistics import median
from time import perf_counter

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lsq_cli.exact.errorfree import ExactSums

KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "normal": lambda M: M,
    "blocks": lambda M: M,
    "lognormal": np.exp,
    "3 decimals": lambda M: M.round(3),
    "float32": lambda M: M.astype(np.float32).astype(np.float64),
    "integers": lambda M: (1000 * M).round(),
    "weighted": lambda M: M,
}


def exact(A: np.ndarray, b: np.ndarray, kind: str) -> None:
    """Sum the rows, in one call or in blocks."""
    n = A.shape[1]
    weights = np.random.default_rng(2).random(len(A)) if kind == "weighted" else None
    sums = ExactSums(n, 1)
    if kind != "blocks":
        sums.add(A, b, weights)
        return
    rows = 2**20 // (8 * n)
    for first in range(0, len(A), rows):
        block = ExactSums(n, 1)
        block.add(A[first : first + rows], b[first : first + rows])
        sums.merge(block)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def main() -> None:
    """Print one line for each size and kind of data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", choices=["200000x100", "400000x10"])
    options = parser.parse_args()
    print(f"OPENBLAS_NUM_THREADS={os.environ.get('OPENBLAS_NUM_THREADS', '')}, {os.cpu_count()} cores")
    for size in [options.only] if options.only else ["200000x100", "400000x10"]:
        m, n = map(int, size.split("x"))
        for kind, make in KINDS.items():
            M = make(np.random.default_rng(1).standard_normal((m, n + 1)))
            A, b = M[:, :n].copy(), M[:, n:].copy()
            pairs = [
                (seconds(lambda A=A, b=b: np.linalg.lstsq(A, b)), seconds(lambda A=A, b=b, k=kind: exact(A, b, k)))
                for _ in range(options.repeat)
            ]
            theirs, ours = (median(side) for side in zip(*pairs, strict=True))
            print(
                f"{size:>10} {kind:10}  lstsq {theirs:6.3f} s  exact {ours:6.3f} s  {ours / theirs:5.2f} ×", flush=True
            )


if __name__ == "__main__":
    main()
