"""Gradient descent: steps against plain implementations, the forecast, the cost of a step, and the textbook loop.

    python benchmarks/descent.py counts [--seeds 20] [--long]
    python benchmarks/descent.py iteration
    python benchmarks/descent.py loop [--rows 1000000]

`counts`: A is 60 × 20 with singular values log-spaced from 1 to 1/κ and b = Ax. Steps until ‖x − x*‖ ≤ 1e-8‖x*‖, the
median over the seeds against that of implementations as a skilled user would write them; and, to the tolerance 1e-8,
the count over the forecast: 0.5 to 2 for an estimate, at most 1 for a bound. `--long` adds what takes minutes.

`iteration`: one step at n = 50, its record yielded, against one `G @ x` in numpy: at most 7.

`loop`: 10,000 steps on a table in memory, its exact sums included, against the loop x −= β Aᵀ(Ax − b), of which 10
steps are timed: at most 0.005; and the iterates of both agree. Run with OPENBLAS_NUM_THREADS=1 or as it is: `lsq`
runs one BLAS thread in each of its own.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from itertools import islice
from statistics import median
from time import perf_counter, process_time

import numpy as np

from lsq_cli import solve
from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.methods import RULES
from lsq_cli.methods.gd import Descent, GradientDescent
from lsq_cli.methods.steps import rule_named
from lsq_cli.methods.stopping import Limits
from lsq_cli.problems.normalizing import Normalized
from lsq_cli.problems.quadratic import Quadratic

PLAIN = {
    10: {"constant": 1628, "exact": 809, "bb": 113, "nesterov": 184, "cg": 24},
    100: {"constant": 161_761, "exact": 66_752, "bb": 1417, "nesterov": 1910, "cg": 34},
    1000: {"bb": 20_473, "nesterov": 20_139, "cg": 51},
}
# κ and rules that take long.
LONG = {(100, "constant"), (100, "exact"), (1000, "bb"), (1000, "nesterov")}


def problem(kappa: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (60, 20), b (60,), x (20,)."""
    rng = np.random.default_rng([kappa, seed])
    U = np.linalg.qr(rng.standard_normal((60, 20)))[0]
    V = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    A = (U * np.logspace(0, -np.log10(kappa), 20)) @ V.T
    x = rng.standard_normal(20)
    return A, A @ x, x


def quadratic(A: np.ndarray, b: np.ndarray) -> Quadratic:
    """The sums, in double."""
    sums = DoubleSums(A.shape[1], 1)
    sums.add(A, b[:, None])
    return Quadratic(sums)


def steps_to(A: np.ndarray, b: np.ndarray, x: np.ndarray, step: str) -> int:
    """Steps until x is right to eight digits."""
    method = GradientDescent(quadratic(A, b), Descent(step, limits=Limits(0, 10**7)))
    goal = 1e-8 * float(np.linalg.norm(x))
    return next(row.k for row in method.iterates() if math.dist(row.x, x) <= goal)


def count_over_forecast(A: np.ndarray, b: np.ndarray, step: str) -> float:
    """Steps to the tolerance over the steps that were forecast."""
    method = GradientDescent(quadratic(A, b), Descent(step, limits=Limits(1e-8, 10**7)))
    for row in method.iterates():
        steps = row.k
    assert method.forecast is not None
    return steps / method.forecast


def counts(options: argparse.Namespace) -> None:
    """Steps and forecasts."""
    print(f"{'κ':>5} {'step':9} {'median':>8} {'plain':>8} {'ratio':>6}   count / forecast")
    for kappa, plain in PLAIN.items():
        for step, theirs in plain.items():
            if (kappa, step) in LONG and not options.long:
                continue
            problems = [problem(kappa, seed) for seed in range(options.seeds)]
            ours = median(steps_to(*each, step) for each in problems)
            ratios = [count_over_forecast(A, b, step) for A, b, _ in problems]
            kind = "at most 1" if rule_named(step).forecast_is_bound else "0.5 to 2"
            print(
                f"{kappa:5} {step:9} {ours:8.0f} {theirs:8} {ours / theirs:6.3f}   "
                f"{min(ratios):.2f} to {max(ratios):.2f} ({kind})",
                flush=True,
            )


def seconds_each(work: Callable[[], object], times: int) -> float:
    """Seconds of this process that one of some calls takes."""
    start = process_time()
    for _ in range(times):
        work()
    return (process_time() - start) / times


def seconds_a_step(form: Quadratic | Normalized, step: str, normalize: bool) -> float:
    """Seconds of this process that a step takes, its record included; the steps are many and do not converge."""
    method = GradientDescent(form, Descent(step, limits=Limits(0, 10**6), normalize=normalize))
    rows = islice(method.iterates(), 200)
    next(rows)
    start = process_time()
    steps = sum(1 for _ in rows)
    return (process_time() - start) / steps


def iteration(options: argparse.Namespace) -> None:
    """The cost of a step, in turns with the product."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((1000, 50)) * np.logspace(0, -3, 50) @ np.linalg.qr(rng.standard_normal((50, 50)))[0]
    form, x = quadratic(A, rng.standard_normal(1000)), np.ones(50)
    forms: dict[bool, Quadratic | Normalized] = {False: form, True: Normalized(form)}
    for normalize, where in forms.items():
        for step in RULES:
            pairs = [
                (seconds_each(lambda: form.G @ x, 200), seconds_a_step(where, step, normalize)) for _ in range(200)
            ]
            product, one = (median(side) for side in zip(*pairs, strict=True))
            print(
                f"{step:9} {'normalised' if normalize else '':10}  G @ x {1e6 * product:5.2f} µs  "
                f"a step {1e6 * one:5.2f} µs  {one / product:5.2f} ×",
                flush=True,
            )


def loop(options: argparse.Namespace) -> None:
    """The textbook's loop over the rows, and the same steps on their sums."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((options.rows, 50))
    b = A @ rng.standard_normal(50) + rng.standard_normal(options.rows)
    rate = 1e-3 / float(np.linalg.norm(A.T @ A, 2))  # so small that 10,000 steps do not reach the end
    x = np.zeros(50)
    start = perf_counter()
    for _ in range(10):
        x -= rate * (A.T @ (A @ x - b))
    theirs = 1000 * (perf_counter() - start)
    options_ours = {"method": "gd", "learning_rate": rate, "tol": 0.0}
    start = perf_counter()
    steps = solve(A, b, max_iter=10_000, **options_ours).iterations
    ours = perf_counter() - start
    assert steps == 10_000
    tenth = solve(A, b, max_iter=10, **options_ours).x
    digits = -math.log10(float(np.max(np.abs(tenth - x) / np.abs(x))))
    print(f"textbook loop {theirs:.1f} s (10 steps × 1000)  lsq {ours:.2f} s  {ours / theirs:.5f} ×")
    print(f"after 10 steps the same x to {digits:.1f} digits")


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["counts", "iteration", "loop"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    {"counts": counts, "iteration": iteration, "loop": loop}[options.what](options)


if __name__ == "__main__":
    main()
