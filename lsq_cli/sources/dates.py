"""Dates and times as ISO 8601 has them: ``2024-05-31``, ``2024-05-31T12:00:00Z``."""

from __future__ import annotations

import re

_DATE = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?:[01]\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?|:60)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)


def is_date(text: str) -> bool:
    """Whether a cell is a date, or a date and a time, to the day or finer."""
    return _DATE.fullmatch(text) is not None
