"""What the speed of `lsq` is measured against: for each work the program that a skilled user would write by hand.

    python benchmarks/yardsticks.py imports             import numpy, click, rich.table
    python benchmarks/yardsticks.py csv FILE            polars.read_csv, normal equations in numpy; b is the last column
    python benchmarks/yardsticks.py parquet FILE        polars.read_parquet, the same
    python benchmarks/yardsticks.py read FILE...        every byte read once, into one buffer
    python benchmarks/yardsticks.py gram A.npy          AᵀA of an array in memory; prints CPU seconds, as do those below
    python benchmarks/yardsticks.py lstsq A.npy b.npy   numpy.linalg.lstsq
    python benchmarks/yardsticks.py pass A.npy          A.sum(): one read of A from memory
    python benchmarks/yardsticks.py loop A.npy b.npy    one iteration of the textbook loop x -= α Aᵀ(Ax − b)

They are processes of their own, start-up included, because that is how a user runs them; only the last four are
timed inside. Set OPENBLAS_NUM_THREADS=1 where CPU seconds are compared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import process_time

BUFFER_BYTES = 1 << 24


def imports() -> None:
    """What a small solve has to import."""
    import click  # noqa: F401
    import numpy  # noqa: F401
    import rich.table  # noqa: F401


def csv(path: str) -> None:
    """The whole file parsed, then solved."""
    import polars

    _solve(polars.read_csv(path).to_numpy())


def parquet(path: str) -> None:
    """The whole file read, then solved."""
    import polars

    _solve(polars.read_parquet(path).to_numpy())


def read(*paths: str) -> None:
    """What it takes to bring the bytes in."""
    buffer = bytearray(BUFFER_BYTES)
    for path in paths:
        with open(path, "rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass


def gram(path: str) -> None:
    """AᵀA."""
    import numpy as np

    A = np.load(path)
    _print_seconds(lambda: A.T @ A)


def lstsq(*paths: str) -> None:
    """The library's least squares."""
    import numpy as np

    A, b = map(np.load, paths)
    _print_seconds(lambda: np.linalg.lstsq(A, b))


def one_pass(path: str) -> None:
    """One read of A from memory."""
    import numpy as np

    _print_seconds(np.load(path).sum)


def loop(*paths: str) -> None:
    """One iteration of gradient descent as it stands in textbooks."""
    import numpy as np

    A, b = map(np.load, paths)
    rate, x = 1 / np.linalg.norm(A.T @ A, 2), np.zeros(A.shape[1])
    _print_seconds(lambda: x - rate * (A.T @ (A @ x - b)))


def _solve(table) -> None:
    """The normal equations of a table whose last column is b."""
    import numpy as np

    A, b = table[:, :-1], table[:, -1]
    print(np.linalg.solve(A.T @ A, A.T @ b))


def _print_seconds(work: Callable[[], object]) -> None:
    """The median of five calls after one that does not count: of CPU time, for others may be at work too."""
    seconds = []
    for _ in range(6):
        start = process_time()
        work()
        seconds.append(process_time() - start)
    print(f"{median(seconds[1:]):.6f}")


KINDS = {
    "imports": imports,
    "csv": csv,
    "parquet": parquet,
    "read": read,
    "gram": gram,
    "lstsq": lstsq,
    "pass": one_pass,
    "loop": loop,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    KINDS[sys.argv[1]](*sys.argv[2:])
