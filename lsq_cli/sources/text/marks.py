"""The cells that say "no number here": the marks that everybody uses, and those of the user."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.text.numbers import number

MARKS = {"": Reason.EMPTY, **dict.fromkeys(("NA", "N/A", "#N/A", "null", "NULL", "None"), Reason.NA)}
"""The cells that say "no number here"; NaN belongs to the grammar of numbers, in any case."""


@dataclass(frozen=True)
class Marks:
    """What marks a missing cell in one table.

    Attributes
    ----------
    own : tuple of str
        Marks of the user, beyond `MARKS`.
    """

    own: tuple[str, ...] = ()

    @cached_property
    def texts(self) -> dict[str, Reason]:
        """Text of a missing cell → why it is missing."""
        return MARKS | dict.fromkeys(self.own, Reason.NA)

    @cached_property
    def numeric(self) -> bool:
        """Whether a mark, like -999, would be read as a number."""
        return any(number(mark) is not None for mark in self.texts)

    def judge(self, text: str) -> tuple[float, Reason] | None:
        """The number in a stripped cell and why it is missing, if it is; None for text."""
        if text in self.texts:
            return math.nan, self.texts[text]
        value = number(text)
        if value is None or math.isfinite(value):
            return None if value is None else (value, Reason.PRESENT)
        return value, Reason.NAN if math.isnan(value) else Reason.INF


DEFAULT = Marks()
"""Those of a table about which the user said nothing."""
