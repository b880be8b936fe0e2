"""Seconds for the exact solution, its proof and the inverse at n = 60, 200 and 1000, from sums that are ready.

    python benchmarks/integer_solve.py [N ...]

What it is for: the integers must not be what a user waits for. To reach: 0.1 s, 1 s and 30 s; beside them
numpy.linalg.solve on the same G in doubles, which answers at once and not to the last digit.
"""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np

from lsq_cli.exact.certificate import Inverse, data_digits, sure_digits
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.integers import product
from lsq_cli.exact.rank import decide, default_tolerance

TARGETS = {60: 0.1, 200: 1.0, 1000: 30.0}


def main() -> None:
    """Print a line for each n."""
    print("    n  decide   solve  certificate  inverse   total  to reach  numpy  digits")
    for n in [int(word) for word in sys.argv[1:]] or list(TARGETS):
        N = gram(n)
        times = [perf_counter()]
        equations = NormalEquations(N, [-52] * (n + 1), 1)
        rank = decide(equations, default_tolerance(n))
        times.append(perf_counter())
        solution = equations.solve()
        x = solution.x
        times.append(perf_counter())
        digits = sure_digits(solution, x)
        value = equations.value_at(x)
        times.append(perf_counter())
        inverse = Inverse(equations)
        data_digits(inverse, x, value.residual_norms), inverse.condition, inverse.diagonal_roots
        times.append(perf_counter())
        parts = np.diff(times)
        G = (N / 2**104).astype(np.float64)
        start = perf_counter()
        np.linalg.solve(G[:n, :n], G[:n, n])
        assert rank.rank == n
        print(
            f"{n:5d} {parts[0]:7.3f} {parts[1]:7.3f} {parts[2]:12.3f} {parts[3]:8.3f} {sum(parts):7.3f}"
            f" {TARGETS.get(n, float('nan')):9.1f} {perf_counter() - start:6.3f} {digits:7.1f}"
        )


def gram(n: int) -> np.ndarray:
    """The exact sums of 2n rows of normal data of 53 bits, b beside A."""
    M = np.random.default_rng(n).standard_normal((2 * n, n + 1))
    whole = np.empty(M.shape, dtype=object)
    whole[:] = [[int(v) for v in row] for row in np.ldexp(M, 52)]
    return product(whole.T, whole)


if __name__ == "__main__":
    main()
