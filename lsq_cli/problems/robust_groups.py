"""Covariances as those of `robust.py` for every group of the rows, in one more pass over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.problems.designed import taken
from lsq_cli.problems.grouped import group_codes
from lsq_cli.problems.robust import Meat, SumMeat, covariance_of, kernel_of

if TYPE_CHECKING:
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.grouped import Key
    from lsq_cli.problems.second_pass import Fitted
    from lsq_cli.problems.statistics import Covariance
    from lsq_cli.sources.records import RecordBlock, Records, Wanted


@dataclass
class Meats:
    """What some rows add to the M of each group."""

    of_groups: dict[Key, Meat]

    def merge(self, other: Meats) -> None:
        """Take in the rows that follow."""
        for key, meat in other.of_groups.items():
            if key in self.of_groups:
                self.of_groups[key].merge(meat)
            else:
                self.of_groups[key] = meat


@dataclass(frozen=True)
class SumMeats:
    """The kernel: each group's rows of a block go to its own."""

    kernels: Mapping[Key, SumMeat]
    by: tuple[str, ...]

    def __call__(self, block: RecordBlock) -> Meats:
        """What one block adds."""
        record = block.read()
        keys, codes = group_codes(record, self.by)
        order = np.argsort(codes, kind="stable")
        stops = np.searchsorted(codes[order], np.arange(len(keys)), side="right").tolist()
        found = {}
        for key, start, stop in zip(keys, [0, *stops], stops, strict=False):
            if key in self.kernels:
                found[key] = self.kernels[key].of(taken(record, order[start:stop]), block)
        return Meats(found)


def robust_by_group(
    records: Records,
    wanted: Wanted,
    by: tuple[str, ...],
    fits: Mapping[Key, Fitted],
    kind: str,
    clusters: tuple[str, ...],
    resources: Resources,
) -> dict[Key, tuple[Covariance | ProblemError, tuple[str, ...]]]:
    """The covariance of the x of each group, or why it has none, and what to beware of.

    Parameters
    ----------
    records, wanted, kind, clusters, resources
        As for `robust.robust_covariance`.
    by : tuple of str
        The columns that make the groups.
    fits : mapping
        Group → its regression.
    """
    for fit in fits.values():
        fit.problem.inverse.scaled  # noqa: B018 - made here once, and not in every thread
    kernels = {key: kernel_of(fit, kind, clusters) for key, fit in fits.items()}
    blocks = resources.watched(records.blocks(wanted))
    meats = resources.fold(SumMeats(kernels, by), blocks, waits=records.waits)
    assert meats is not None  # the first pass had rows
    found: dict[Key, tuple[Covariance | ProblemError, tuple[str, ...]]] = {}
    for key, fit in fits.items():
        try:
            found[key] = covariance_of(meats.of_groups[key], fit, kind, clusters)
        except ProblemError as error:
            found[key] = (error, ())
    return found
