"""Wide problems with dependent rows: doubles with a proof give the bits of the integers, which go by AᵀA."""

from __future__ import annotations

import numpy as np
import pytest

from lsq_cli import solve
from lsq_cli.problems import choosing
from lsq_cli.problems.summing import ProblemOptions, read_problem
from lsq_cli.problems.wide import WideProblem
from lsq_cli.sources.opening import open_python

KINDS = ["copies", "sums", "product", "integers", "zero row", "units", "consistent", "late columns"]


def sample(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A (m, n) with some dependent rows, and b (m, 2)."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    m, n = int(rng.integers(32, 38)), int(rng.integers(38, 44))
    q = int(rng.integers(1, 5))
    A, b = rng.standard_normal((m, n)), rng.standard_normal((m, 2))
    if kind in ("copies", "late columns"):
        A[m - q :] = A[:q]
        if kind == "late columns":
            A[:, 1] = A[:, 0]
    elif kind == "sums":
        A[m - q :] = A[:q] + A[q : 2 * q]
    elif kind == "product":
        A = rng.standard_normal((m, m - q)) @ rng.standard_normal((m - q, n))
    elif kind == "integers":
        A = rng.integers(-9, 10, (m, n)).astype(float)
        A[3 : 3 + q] = 2 * A[m - q :] - A[10 : 10 + q]
        b = rng.integers(-9, 10, (m, 2)).astype(float)
    elif kind == "zero row":
        A[5 : 5 + q] = 0.0
    elif kind == "units":
        A *= 2.0 ** rng.integers(-5, 6, (m, 1))
        A[m - q :] = A[:q] * 0.25
    elif kind == "consistent":
        A = rng.integers(-9, 10, (m, n)).astype(float)
        A[m - q :] = A[:q]
        b = A @ rng.integers(-3, 4, (n, 2))
    return A, b


@pytest.mark.parametrize("seed", [*range(16), 26, 34])
def test_x_f_norms_and_rank_are_those_of_the_integers(seed):
    A, b = sample(seed)
    quick, slow = choosing.read(open_python(A, b)), read_problem(open_python(A, b))

    assert isinstance(quick, WideProblem)
    assert quick.verified is not None and quick.verified.missing
    assert quick.rank == slow.rank
    assert quick.x.tobytes() == slow.x.tobytes()
    assert quick.value_at(quick.x) == slow.value_at(slow.x)
    most = slow.digits(slow.x)
    assert most is None or quick.digits(quick.x) <= most


def test_x_is_the_shortest_of_the_best_and_says_so():
    A, b = sample(0)
    found = solve(A, b)
    rank = np.linalg.matrix_rank(A)

    assert found.x == pytest.approx(np.linalg.lstsq(A, b, rcond=1e-12)[0], rel=1e-9)
    assert (found.rank, found.digits, found.condition, found.dependencies) == (rank, 15.9, None, ())
    assert found.warnings == (
        f"rank {rank}: {len(A)} rows, of which {len(A) - rank} are made of others, do not determine {A.shape[1]} "
        "unknowns, many x are as good: x is the solution of least norm",
    )


def test_rows_that_rounding_alone_keeps_apart_have_no_sure_digits():
    A, b = sample(1)

    assert solve(A, b).digits is None


@pytest.mark.parametrize("change", ["weights", "noise", "between", "spread"])
def test_where_doubles_leave_a_doubt_the_sums_decide(change):
    A, b = sample(1)
    weights = None
    if change == "weights":
        weights = np.arange(1.0, len(A) + 1)
    elif change == "noise":  # a relation of columns with terms that may be rounding
        A[:, 1] = A[:, 0]
    elif change == "between":
        A[-1] = A[0] + 2.0**-17 * np.random.default_rng(1).standard_normal(A.shape[1])
        A[-2] = A[1]
    else:
        A = A * 2.0 ** np.arange(-50, -50 + 3 * A.shape[1], 3)

    problem = choosing.read(open_python(A, b, weights=weights))
    assert getattr(problem, "verified", None) is None or not isinstance(problem, WideProblem)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_coarse_rank_tolerance_is_heard(seed):
    A, b = sample(seed)
    options = ProblemOptions(rank_tol=0.5)
    problem = choosing.read(open_python(A, b), options)

    assert problem.rank == read_problem(open_python(A, b), options).rank < np.linalg.matrix_rank(A)
