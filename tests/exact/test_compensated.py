"""Sums and products in two doubles, held to fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lsq_cli.exact.compensated import two_product, two_sum

ANY = st.floats(-1e300, 1e300)
# No product of these overflows, nor does its rounding error become subnormal.
MODERATE = st.floats(-1e100, 1e100).filter(lambda value: value == 0 or abs(value) > 1e-100)


@given(st.tuples(ANY, ANY))
def test_a_sum_and_what_rounding_took_are_the_exact_sum(terms):
    a, b = terms
    s, e = two_sum(np.array([a]), np.array([b]))

    assert s[0] == a + b
    assert Fraction(s[0]) + Fraction(e[0]) == Fraction(a) + Fraction(b)


@given(st.tuples(MODERATE, MODERATE))
def test_a_product_and_what_rounding_took_are_the_exact_product(factors):
    w, x = factors
    p, e = two_product(np.array([w]), np.array([x]))

    assert p[0] == w * x
    assert Fraction(p[0]) + Fraction(e[0]) == Fraction(w) * Fraction(x)
