"""How honest `digits` is: what is claimed against what is true, on fresh problems with known exact solutions.

    python benchmarks/certificate.py [PROBLEMS] [SEED]

Problems of 1–6 columns, 8–60 rows and √κ up to 10¹⁴: normal data, constants, two-valued columns, few decimals, years,
units of 10^±100. Every x is compared with the solution in rational arithmetic. A claim above the truth is a lie and
has to be rare for rounded sums (a first-order bound with a measured η) and impossible for exact ones; a claim far
below it is a digit not sold. `data_digits` is claimed of x when last bits of random entries flip; the promise is that a
flip leaves all but one of the digits claimed. 10⁴ problems take a minute.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from exact_reference import correct_digits, exact_solution, gram, random_problem

from lsq_cli.core.errors import ProblemError
from lsq_cli.exact.certificate import Inverse, data_digits, double_digits, gram_error, sure_digits
from lsq_cli.exact.doublesums import DoubleSums
from lsq_cli.exact.equations import NormalEquations


def main() -> None:
    """Print claims against truth for exact sums, for descent-like guesses and for rounded sums."""
    problems = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    gaps: dict[str, list[float]] = {
        "exact sums": [],
        "any x, exact sums": [],
        "rounded sums": [],
        "flipped last bits": [],
    }
    skipped = 0
    for _ in range(problems):
        A, b = random_problem(rng)
        truth = exact_solution(A, b)
        if truth is None:
            skipped += 1
            continue
        N, e = gram(A, b)
        equations = NormalEquations(N, e, 1)
        solution = equations.solve()
        near = solution.x * (1 + 10.0 ** rng.uniform(-17, -1, solution.x.shape) * rng.choice([-1, 1], solution.x.shape))
        for kind, x in (("exact sums", solution.x), ("any x, exact sums", near)):
            gaps[kind].append(sure_digits(solution, x) - correct_digits(x, truth))
        gaps["rounded sums"].append(rounded_gap(A, b, truth, N, e))
        gaps["flipped last bits"].append(flipped_gap(rng, A, b, equations, solution.x))
    print(f"{problems} problems, {skipped} of them singular and left out")
    print("sums                  claims  too high   worst  median gap  (claimed − true digits)")
    for kind, found in gaps.items():
        values = np.array([gap for gap in found if not math.isnan(gap)])
        lies = int((values > 0).sum())
        print(f"{kind:20s} {len(values):7d} {lies:9d} {values.max():7.2f} {np.median(values):11.2f}")


def rounded_gap(A, b, truth, N, e) -> float:
    """Claimed less true digits of the normal equations on sums in plain double precision."""
    sums = DoubleSums(A.shape[1], 1)
    sums.add(A, b[:, None])
    M, f = sums.integers()
    equations = NormalEquations(M, f, 1)
    try:
        x = equations.solve().x
    except ProblemError:  # singular to rounding: nothing is claimed
        return math.nan
    claimed = double_digits(Inverse(equations), x, gram_error((N, e), (M, f)))
    return claimed - correct_digits(x, truth) if claimed else math.nan


def flipped_gap(rng, A, b, equations, x) -> float:
    """Claimed less true digits of x when last bits flip, each with probability ½."""
    claimed = data_digits(Inverse(equations), x, equations.value_at(x).residual_norms)
    moved = (v.view(np.uint64) ^ rng.integers(0, 2, v.shape, np.uint64) for v in map(np.ascontiguousarray, (A, b)))
    truth = exact_solution(*(v.view(np.float64) for v in moved))
    return claimed - (0.0 if truth is None else correct_digits(x, truth))


if __name__ == "__main__":
    main()
