"""Statistics where columns were left out of a fit: nan for what others make, at its place among all columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array, Statistics


def among_all(found: Statistics, kept: list[int], n: int) -> Statistics:
    """The statistics of the columns that were kept at their places among all n, nan for those that were left out."""

    def spread(values: Array) -> Array:
        of_all = np.full(n, math.nan)
        of_all[kept] = values
        return of_all

    matrix = np.full((n, n), math.nan)
    matrix[np.ix_(kept, kept)] = found.covariance
    return found._replace(
        std_error=spread(found.std_error),
        t=spread(found.t),
        p=spread(found.p),
        low=spread(found.low),
        high=spread(found.high),
        vif=spread(found.vif),
        covariance=matrix,
    )
