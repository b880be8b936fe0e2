"""Dates and times as ISO 8601 has them."""

import pytest

from lsq_cli.sources.dates import is_date


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-31",
        "2024-05-31T12:00",
        "2024-05-31 12:00:59",
        "2024-05-31T12:00:59.123456Z",
        "2024-05-31T12:00:00+02:00",
        "1969-12-31T23:59:60Z",
    ],
)
def test_dates_and_times_are_dates(text):
    assert is_date(text)


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-05", "2024-13-01", "31.05.2024", "05/31/2024", "2024-05-31x", "12:00"]
)
def test_other_text_is_none(text):
    assert not is_date(text)
