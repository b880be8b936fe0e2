"""Reference answers in rational arithmetic, for small problems: slow, obvious, and independent of the package."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def gram(A, b):
    """Exact sums of [A b]: N (k, k) of Python integers and e (k,), from the doubles' own fractions."""
    M = np.hstack([A, np.reshape(b, (len(A), -1))])
    columns, exponents = [], []
    for column in M.T:
        fractions = [Fraction(float(v)) for v in column]
        shift = max((f.denominator.bit_length() - 1 for f in fractions), default=0)
        columns.append([int(f * (1 << shift)) for f in fractions])
        exponents.append(-shift)
    k = len(columns)
    N = np.empty((k, k), dtype=object)
    for i in range(k):
        for j in range(k):
            N[i, j] = sum(x * y for x, y in zip(columns[i], columns[j], strict=True))
    return N, exponents


def fractions_of(N, e):
    """(MᵀM)_ij as fractions."""
    k = len(e)
    return [[Fraction(N[i, j]) * Fraction(2) ** (e[i] + e[j]) for j in range(k)] for i in range(k)]


def solve_fractions(G, C):
    """X with GX = C by Gauss–Jordan, or None where G is singular."""
    n = len(G)
    rows = [list(g) + list(c) for g, c in zip(G, C, strict=True)]
    for i in range(n):
        pivot = next((r for r in range(i, n) if rows[r][i] != 0), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i and rows[r][i] != 0:
                rows[r] = [v - rows[r][i] * w for v, w in zip(rows[r], rows[i], strict=True)]
    return [row[n:] for row in rows]


def exact_solution(A, b, ridge=0.0, intercept=False):
    """The exact least-squares solution, n lists of p fractions; None where A is rank-deficient."""
    n = A.shape[1]
    F = fractions_of(*gram(A, b))
    for i in range(int(intercept), n):
        F[i][i] += Fraction(ridge)
    return solve_fractions([row[:n] for row in F[:n]], [row[n:] for row in F[:n]])


def least_norm_solution(A, b):
    """The exact least-squares solution of least norm, n lists of p fractions, for exactly dependent columns.

    With B the independent columns and A = B K, it is Kᵀ(KKᵀ)⁻¹(BᵀB)⁻¹Bᵀb.
    """
    n = A.shape[1]
    rows = [[Fraction(float(v)) for v in row] for row in A]
    K, pivots = [row[:] for row in rows], []
    for j in range(n):  # reduced row echelon form: its nonzero rows are K
        found = next((r for r in range(len(pivots), len(K)) if K[r][j] != 0), None)
        if found is None:
            continue
        i = len(pivots)
        K[i], K[found] = K[found], K[i]
        K[i] = [v / K[i][j] for v in K[i]]
        for r in range(len(K)):
            if r != i and K[r][j] != 0:
                K[r] = [v - K[r][j] * w for v, w in zip(K[r], K[i], strict=True)]
        pivots.append(j)
    K = K[: len(pivots)]
    basic = exact_solution(A[:, pivots], b)
    KKt = [[sum(x * y for x, y in zip(u, v, strict=True)) for v in K] for u in K]
    middle = solve_fractions(KKt, basic)
    return [[sum(K[i][j] * middle[i][t] for i in range(len(K))) for t in range(len(basic[0]))] for j in range(n)]


def ulp_error(found, exact):
    """The distance of a double from a fraction in units of the double's last place."""
    if exact == 0:
        return 0.0 if found == 0 else math.inf
    return float(abs(Fraction(found) - exact) / Fraction(math.ulp(found)))


def correct_digits(x, exact):
    """−log₁₀ of the worst relative error of x (n, p) against fractions; 17 where nothing is wrong."""
    worst = 17.0
    for row, fractions in zip(np.reshape(x, (len(x), -1)), exact, strict=True):
        for found, right in zip(row, fractions, strict=True):
            if right == 0:
                worst = min(worst, 17.0 if found == 0 else 0.0)
                continue
            error = abs(Fraction(float(found)) / right - 1)
            if error:
                worst = min(worst, -(math.log10(error.numerator) - math.log10(error.denominator)))
    return worst


def random_problem(rng, most_columns=6):
    """A (m, n) and b (m,) with columns as they occur: normal, constant, two-valued, decimals, years; any units."""
    n, m = int(rng.integers(1, most_columns + 1)), int(rng.integers(8, 61))
    kinds = {
        "normal": lambda: rng.standard_normal(m),
        "constant": lambda: np.full(m, rng.choice([1.0, 0.1, 3.7])),
        "two values": lambda: rng.choice([0.1, 0.7], m),
        "decimals": lambda: np.round(rng.uniform(0, 100, m), 2),
        "years": lambda: rng.integers(1950, 2030, m).astype(float),
    }
    A = np.column_stack([kinds[str(kind)]() for kind in rng.choice(list(kinds), n)])
    if n > 1 and rng.random() < 0.5:
        # One column near another: √κ up to 10¹⁴ or so.
        A[:, -1] = A[:, 0] + 10.0 ** rng.uniform(-14, 0) * np.abs(A[:, 0]).max() * rng.standard_normal(m)
    b = A @ rng.standard_normal(n) + 10.0 ** rng.uniform(-12, 1) * rng.standard_normal(m)
    if rng.random() < 0.3:
        A = A * 10.0 ** rng.integers(-100, 101, n)
    return A, b
