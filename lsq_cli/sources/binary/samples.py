"""The first rows of a table of numbers as text, for show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lsq_cli.sources.blocks import Sample

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array


def sample_of(values: Array) -> Sample:
    """Some rows of numbers (rows, columns), each in as few digits as tell it; nan and inf are missing cells."""
    rows, columns = values.shape
    return Sample(rows, tuple(tuple(map(_said, values[:, k].tolist())) for k in range(columns)))


def _said(value: float) -> str | None:
    return repr(value).removesuffix(".0") if math.isfinite(value) else None
