"""A further pass over groups: rows that are others than before are an error that says so."""

from __future__ import annotations

import pytest

from lsq_cli.core.errors import ProblemError
from lsq_cli.engines.resources import Resources
from lsq_cli.problems.by_group import fold_groups
from lsq_cli.sources.open_records import open_python_records
from lsq_cli.sources.records import Wanted


class Counted:
    """How many rows there are."""

    def __init__(self, rows: int = 0) -> None:
        self.rows = rows

    def of(self, record, block) -> Counted:
        return Counted(len(record.used))

    def merge(self, other: Counted) -> None:
        self.rows += other.rows


def test_each_group_has_its_rows_and_one_that_is_gone_is_an_error():
    records = open_python_records({"g": ["a", "b", "a"], "u": [1.0, 2, 3]})
    wanted, kernel, message = Wanted(("u",), ("g",)), Counted(), r"^frame: other groups than in the first pass; was it "

    found = fold_groups(records, wanted, {("a",): kernel, ("b",): kernel}, ("g",), Resources(1))
    assert {key: one.rows for key, one in found.items()} == {("a",): 2, ("b",): 1}
    with pytest.raises(ProblemError, match=message):
        fold_groups(records, wanted, {("a",): kernel, ("gone",): kernel}, ("g",), Resources(1))
