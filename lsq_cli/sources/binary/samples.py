"""The first rows of a table of numbers as text, for show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lsq_cli.sources.blocks import Sample

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array


def sample_of(values: Array, na: frozenset[float]) -> Sample:
    """Some rows of numbers (rows, columns), each in as few digits as tell it.

    Missing cells are nan, inf, and the numbers of `na`, which mark them.
    """

    def said(value: float) -> str | None:
        return repr(value).removesuffix(".0") if math.isfinite(value) and value not in na else None

    rows, columns = values.shape
    return Sample(rows, tuple(tuple(map(said, values[:, k].tolist())) for k in range(columns)))
