"""The cells that say "no number here": the marks that everybody uses, and those of the user.

A mark of the user that is a number, such as -999, marks every spelling of its value: -999.0 and -9.99e2 too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.text.numbers import number

MARKS = {
    "": Reason.EMPTY,
    **dict.fromkeys(("NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>"), Reason.NA),
    **dict.fromkeys(("null", "NULL", "None", "\\N"), Reason.NA),
    **dict.fromkeys(("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"), Reason.NAN),
}
"""pandas' list, and ``\\N`` of databases; NaN belongs to the grammar of numbers, in any case."""
SHEET_ERRORS = frozenset(
    (
        *("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!", "#FIELD!"),
        *("#BLOCKED!", "#CONNECT!", "#BUSY!", "#UNKNOWN!", "#GETTING_DATA", "#ERROR!"),
        *("Err:502", "Err:503", "Err:504", "Err:508"),
    )
)
"""What spreadsheets write where a formula has no value; with a # in front, they are no comments."""


@dataclass(frozen=True)
class Marks:
    """What marks a missing cell in one table.

    Attributes
    ----------
    own : tuple of str
        Marks of the user.
    default : bool
        Whether those of `MARKS` count too.
    decimal : str
        The decimal mark of the table.
    """

    own: tuple[str, ...] = ()
    default: bool = True
    decimal: str = "."

    @cached_property
    def texts(self) -> dict[str, Reason]:
        """Text of a missing cell → why it is missing."""
        own = {mark: MARKS.get(mark, Reason.NA) for mark in self.own if self._value(mark) is None}
        return (MARKS if self.default else {}) | own

    @cached_property
    def values(self) -> frozenset[float]:
        """The numbers that mark a missing cell."""
        return frozenset(value for mark in self.own if (value := self._value(mark)) is not None)

    def judge(self, text: str) -> tuple[float, Reason] | None:
        """The number in a stripped cell and why it is missing, if it is; None for text."""
        if text in self.texts:
            return math.nan, self.texts[text]
        value = number(text, self.decimal)
        if value is None:
            return None
        if value in self.values:
            return math.nan, Reason.NA
        if math.isfinite(value):
            return value, Reason.PRESENT
        return value, Reason.NAN if math.isnan(value) else Reason.INF

    def _value(self, mark: str) -> float | None:
        """The number that a mark is; None for text and for nan, which is equal to nothing."""
        value = number(mark, self.decimal)
        if value is None:
            value = number(mark)
        return None if value is None or math.isnan(value) else value

    def reason(self, text: str) -> Reason:
        """Why a stripped cell of a column of text is missing, if it is: numbers are text there, nan is not."""
        judged = self.judge(text)
        return Reason.PRESENT if judged is None or judged[1] is Reason.INF else judged[1]


DEFAULT = Marks()
"""Those of a table about which the user said nothing."""
