"""The solution in integers: what is half-way between two doubles is rounded as IEEE 754 says, on every route to it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.errorfree import ExactSums


@pytest.mark.parametrize("scale", [1.0, -3.0, 2.0**-300, 7.0 * 2.0**200])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("up", [0, 1])
def test_a_coefficient_half_way_between_two_doubles_has_an_even_mantissa(scale, sign, up):
    # x₁ is the mean of two neighbours; x₂, no short fraction, keeps the system from being solved by short ones.
    low = 1.0 + up * 2.0**-52
    A = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0], [0.0, 1.0]]) * [1.0, scale]
    b = sign * np.array([low, math.nextafter(low, 2.0), 1.0, 1.0])
    expected = sign * (1.0 if up == 0 else 1.0 + 2.0**-51)

    for order in (slice(None), slice(None, None, -1)):
        sums = ExactSums(2, 1)
        sums.add(A[order], b[order, None])
        assert NormalEquations(*sums.integers(), 1).solve().x[0, 0] == expected
