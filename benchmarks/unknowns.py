"""Many unknowns: the exact solution in memory against numpy.linalg.lstsq of the same run, in pairs.

    python benchmarks/unknowns.py [--pairs 5] [--unknowns 200 500 1000] [--condition 1e3]
    python benchmarks/unknowns.py --wide
    python benchmarks/unknowns.py --same 500       the routes held to each other on random problems, n to 300

What it is for: a proof must not cost more than the yardstick times what is stated in README.md. BLAS has one thread for
both, as in the command. The last form prints how many problems each route answered, and stops at the first difference.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy

import argparse
from collections.abc import Iterator
from statistics import median
from time import perf_counter

import numpy as np

import lsq_cli
from lsq_cli.core.problem import About
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems import choosing
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.sources.opening import open_python


def main() -> None:
    """Print a line for each size, or for each kind of answer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--unknowns", type=int, nargs="+", default=[200, 500, 1000])
    parser.add_argument("--condition", type=float, default=1e3)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--same", type=int, default=0)
    options = parser.parse_args()
    if options.same:
        same(options.same)
    elif options.wide:
        for title, A, b in wide():
            report(f"300 x 1000, {title}", A, b, options.pairs)
    else:
        for n in options.unknowns:
            report(f"n = {n}, condition {options.condition:g}", *spectrum(n, options.condition), options.pairs)


def spectrum(n: int, condition: float) -> tuple[np.ndarray, np.ndarray]:
    """A (4n, n) with singular values from 1 down to 1/condition, and b with a residual."""
    rng = np.random.default_rng(n)
    U, _ = np.linalg.qr(rng.standard_normal((4 * n, n)))
    V, _ = np.linalg.qr(rng.standard_normal((n, n)))
    A = (U * np.logspace(0, -np.log10(condition), n)) @ V.T
    return A, A @ rng.standard_normal(n) + 1e-3 * rng.standard_normal(4 * n)


def wide() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Wide tables: independent rows, and 20 rows that others make exactly or but for rounding."""
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((300, 1000)), np.arange(300.0)
    yield "independent rows", A, b
    yield "20 rows are copies", np.vstack([A[:280], A[:20]]), b
    yield "20 rows are sums, rounded", np.vstack([A[:280], A[:20] + A[20:40]]), b
    yield "a product of rank 280", rng.standard_normal((300, 280)) @ rng.standard_normal((280, 1000)), b


def report(title: str, A: np.ndarray, b: np.ndarray, pairs: int) -> None:
    """Print the median of the paired ratios, and their range."""
    kept, seconds = ratios(A, b, pairs)
    print(f"{title:34s} {median(kept):8.1f}  {min(kept):.1f}-{max(kept):.1f}  {median(seconds):8.3f} s")


def ratios(A: np.ndarray, b: np.ndarray, pairs: int) -> tuple[list[float], list[float]]:
    """The time of `solve` over that of `lstsq`, pair by pair, and its seconds."""
    found, seconds = [], []
    for _ in range(pairs + 1):
        start = perf_counter()
        np.linalg.lstsq(A, b, rcond=None)
        middle = perf_counter()
        lsq_cli.solve(A, b)
        seconds.append(perf_counter() - middle)
        found.append(seconds[-1] / (middle - start))
    # The first pair loads modules.
    return found[1:], seconds[1:]


STRUCTURES = ("spectrum", "integers", "simple", "zeros", "ties", "decimals", "dependent", "units", "near", "wide")


def sample(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A (m, n), n from 32 to 300, and b of a random problem of some structure."""
    rng = np.random.default_rng(seed)
    structure = STRUCTURES[seed % len(STRUCTURES)]
    n = int(rng.integers(32, 301))
    if structure == "dependent":
        n = int(rng.integers(32, 60))  # for what takes minutes in integers
    A, b = spectrum(n, 10.0 ** rng.uniform(0, 14))
    if structure in ("integers", "simple", "zeros", "ties"):
        A = rng.integers(-9, 10, A.shape).astype(float)
        x = rng.integers(-9, 10, n).astype(float)
        if structure == "zeros":
            x[rng.random(n) < 0.5] = 0.0
        if structure == "ties":
            x[0] = 1.0 + 2.0**-53
        b = A @ x + rng.integers(-9, 10, len(A)) * (structure == "integers")
    elif structure == "decimals":
        A = np.round(100 * rng.standard_normal(A.shape), 2)
    elif structure == "dependent":
        A[:, -1] = A[:, 0] + A[:, 1]
    elif structure == "units":
        A = A * 10.0 ** rng.integers(-100, 101, n)
        b = A @ (1.0 / np.abs(A).max(axis=0)) + rng.standard_normal(len(A))
    elif structure == "near":
        A[:, -1] = A[:, 0] + 10.0 ** rng.uniform(-14, 0) * rng.standard_normal(len(A))
    elif structure == "wide":
        m, n = int(rng.integers(32, 41)), int(rng.integers(42, 49))
        A, b = rng.standard_normal((m, n)), rng.standard_normal(m)
        if seed % 3:
            A[m - 3 :] = A[:3] if seed % 3 == 1 else A[:3] + A[3:6]
    return A, b


def same(count: int) -> None:
    """Solve random problems in doubles and in integers, and compare all that is promised."""
    answered: dict[str, int] = {}
    for seed in range(count):
        A, b = sample(seed)
        rng = np.random.default_rng(seed)
        n = A.shape[1]
        wide = len(A) < n
        ridge = 0.0 if wide else float(rng.choice([0.0, 0.0, 1e-3, 7.0]))
        weights = rng.choice([0.5, 1.0, 3.0], len(A)) if seed % 7 == 0 and not wide else None
        sums = ExactSums(n, 1)
        sums.add(A, b[:, None], weights)
        about = About(tuple(map(str, range(n))), ("b",))
        quick, slow = SummedProblem(about, sums, ridge), SummedProblem(about, sums, ridge)
        vars(slow)["verified"] = None
        if wide:
            quick = choosing.read(open_python(A, b))
            if seed % 3 == 0:  # the sums would take columns for dependent; rows by the integers
                slow = choosing.read(open_python(A, b))
                vars(slow)["verified"] = None
        assert quick.rank == slow.rank, seed
        assert quick.x.tobytes() == slow.x.tobytes(), seed
        assert quick.value_at(quick.x) == slow.value_at(quick.x), seed
        for x in (quick.x, quick.x * (1 + 1e-9)):
            digits, most = quick.digits(x), slow.digits(x)
            assert most is None or digits <= most, seed
        kind = "integers"
        if quick.verified and quick.verified.solution:
            kind = "wide, doubles" if wide else "two stages" if quick.verified.staged else "doubles"
        answered[kind] = answered.get(kind, 0) + 1
        if seed % 50 == 49:
            print(f"{seed + 1} problems, the same bits: {answered}", flush=True)


if __name__ == "__main__":
    main()
