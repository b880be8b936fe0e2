"""Stacks of systems: proved enclosures, exact residuals, and nothing said of what is not proved."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lsq_cli.exact.stacked import CLASSES, Stack, near, scaled


def gram(seed, systems, rows, columns, condition):
    """Integers of Gram matrices of [A b], as digits (levels, systems, k, k), and the same as fractions."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(systems):
        M = rng.normal(size=(rows, columns + 1))
        M[:, 1] = M[:, 0] + M[:, 1] / condition
        M = np.rint(M * 2.0**40).astype(np.int64).astype(object)
        found.append(M.T @ M)
    values = np.array(found, dtype=object)
    levels, digits, left = [], [], values
    while left.any():
        digit = ((left + 2**23) % 2**24) - 2**23
        levels.append(len(levels))
        digits.append(digit.astype(np.int64))
        left = (left - digit) // 2**24
    return levels[::-1], np.array(digits[::-1]), values


def solved(N):
    """The exact solution and the inverse of a system, in fractions."""
    n = len(N) - 1
    rows = [[Fraction(int(v)) for v in N[i]] + [Fraction(int(i == j)) for j in range(n)] for i in range(n)]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for j in range(n):
            if j != i:
                rows[j] = [v - rows[j][i] * w for v, w in zip(rows[j], rows[i], strict=True)]
    return [row[n] for row in rows], [row[n + 1 :] for row in rows]


def exact(of, index):
    hi, lo = (Fraction(float(each[index])) for each in (of.hi, of.lo))
    return hi + lo, Fraction(float(of.err[index]))


@pytest.mark.parametrize(("condition", "which"), [(1e1, 0), (1e4, 1)])
def test_enclosures_hold_the_exact_solutions(condition, which):
    levels, digits, values = gram(1, 12, 9, 3, condition)
    of = scaled(levels, digits)
    stack, half = Stack(of.D), of.half
    how = CLASSES[which]
    assert (stack.alpha <= how.alpha).all()
    assert which == 0 or (stack.alpha > CLASSES[0].alpha).all()
    solution, inverse = stack.solutions(how), stack.inverses(how)

    assert not solution.failed.any()
    for g, N in enumerate(values):
        x, G = solved(N)
        for i in range(3):
            found, err = exact(solution.y, (g, i, 0))
            unit = Fraction(2) ** int(half[g, 3] - half[g, i])
            assert abs(found * unit - x[i]) <= err * unit
            assert err <= abs(found) / 2**65
            for j in range(3):
                found, err = exact(inverse.y, (g, i, j))
                unit = Fraction(2) ** int(-half[g, j] - half[g, i])
                assert abs(found * unit - G[i][j]) <= err * unit


def test_residuals_at_doubles_are_exact():
    levels, digits, values = gram(2, 5, 8, 2, 1e2)
    of = scaled(levels, digits)
    stack = Stack(of.D)
    y = np.round(np.random.default_rng(3).normal(size=(5, 2)), 9)
    rho, failed = stack.residuals(y)

    assert not failed.any()
    for g, N in enumerate(values):
        h = [int(v) for v in of.half[g]]
        S = [[Fraction(int(N[i, j])) / Fraction(2) ** (h[i] + h[j]) for j in range(3)] for i in range(3)]
        for i in range(3):
            found, err = exact(near(rho[:, :, i, 0]), g)
            right = S[i][2] - sum(S[i][j] * Fraction(float(y[g, j])) for j in range(2))
            assert abs(found - right) <= err
            assert err <= Fraction(1, 2**100)


def test_dependent_and_empty_columns_are_not_proved():
    levels, digits, _ = gram(4, 3, 8, 2, 1.0)
    digits[:, 0, 1], digits[:, 0, :, 1] = digits[:, 0, 0], digits[:, 0, :, 0]  # two columns that are the same
    digits[:, 1, 0], digits[:, 1, :, 0] = 0, 0  # a column of zeros
    of = scaled(levels, digits)
    stack = Stack(of.D)

    assert of.kept.tolist() == [0, 2]
    assert np.isinf(stack.alpha).tolist() == [True, False]
