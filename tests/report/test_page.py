"""How numbers are written: six digits in a summary, those that are sure in a coefficient, points below each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.report.page import coefficient, decimal_aligned, significant


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "sure", "text"),
        [
            (1 / 3, 15.9, "0.3333333333333333"),
            (0.1 + 0.2, 15.95, "0.30000000000000004"),
            (2.0, 15.9, "2"),
            (1e22, 15.9, "1e+22"),
            (1 / 3, 15.8, "0.333333333333333"),
            (1 / 3, 3.99, "0.333"),
            (1 / 3, 0.2, "0.3"),
            (1 / 3, 0.0, "0.3"),
            (1 / 3, None, "0.3333333333"),
            (-0.0, 15.9, "0"),
            (-0.0, None, "0"),
            (math.nan, 15.9, "nan"),
            (-math.inf, None, "-inf"),
        ],
    )
    def test_coefficients_have_the_digits_that_are_sure(self, value, sure, text):
        assert coefficient(value, sure) == text
        assert coefficient(np.float64(value), sure) == text

    @given(st.floats(allow_nan=False, allow_infinity=False))
    @settings(max_examples=100, deadline=None)
    def test_a_coefficient_that_is_all_sure_reads_back(self, value):
        assert float(coefficient(value, 15.9)) == value
        assert len(coefficient(value, 15.9).lower().partition("e")[0].strip("-0.").replace(".", "")) <= 17

    def test_summary_numbers_have_six_digits(self):
        assert [significant(value) for value in (1234567.0, 0.000123456789, 2.5, -0.0, None)] == [
            "1.23457e+06",
            "0.000123457",
            "2.5",
            "0",
            "not known",
        ]

    def test_decimal_points_stand_below_each_other(self):
        numbers = ["1", "-20.5", "3e-05", "0.125", "nan"]

        assert decimal_aligned(numbers) == ["  1    ", "-20.5  ", "  3e-05", "  0.125", "nan    "]
        assert decimal_aligned([]) == []
