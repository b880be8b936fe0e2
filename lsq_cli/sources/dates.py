"""Dates and times as ISO 8601 has them: ``2024-05-31``, ``2024-05-31T12:00:00Z``; as numbers seconds since 1970 began.

A time without a zone is taken for UTC. Days of any other form, ``01/03/2024`` among them, are text.
"""

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


def seconds(text: str) -> float | None:
    """The seconds from 1970-01-01T00:00:00Z to a date, to the microsecond; None for what is none."""
    if not is_date(text):
        return None
    from datetime import UTC, datetime, timedelta  # tables with dates pay for it

    try:
        moment = datetime.fromisoformat(re.sub(r"([.,]\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
