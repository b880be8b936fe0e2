"""A further pass over the rows for each of their groups: every group's rows of a block go to a kernel of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.engines.local import Result
from lsq_cli.problems.designed import taken
from lsq_cli.problems.grouped import group_codes

if TYPE_CHECKING:
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.grouped import Key
    from lsq_cli.sources.records import Record, RecordBlock, Records, Wanted

Made = TypeVar("Made", covariant=True)


class OfRows(Protocol[Made]):
    """What makes a result of some rows of a block."""

    def of(self, record: Record, block: RecordBlock) -> Made:
        """That of some rows."""
        ...


@dataclass
class OfGroups(Generic[Result]):
    """The results of some groups of rows."""

    found: dict[Key, Result]

    def merge(self, other: OfGroups[Result]) -> None:
        """Take in the rows that follow."""
        for key, result in other.found.items():
            if key in self.found:
                self.found[key].merge(result)
            else:
                self.found[key] = result


@dataclass(frozen=True)
class EachGroup(Generic[Result]):
    """The kernel: rows of other groups than those of `kernels` are passed over."""

    kernels: Mapping[Key, OfRows[Result]]
    by: tuple[str, ...]

    def __call__(self, block: RecordBlock) -> OfGroups[Result]:
        """The results of one block."""
        record = block.read()
        keys, codes = group_codes(record, self.by)
        order = np.argsort(codes, kind="stable")
        stops = np.searchsorted(codes[order], np.arange(len(keys)), side="right").tolist()
        found = {}
        for key, start, stop in zip(keys, [0, *stops], stops, strict=False):
            if key in self.kernels:
                found[key] = self.kernels[key].of(taken(record, order[start:stop]), block)
        return OfGroups(found)


def fold_groups(
    records: Records, wanted: Wanted, kernels: Mapping[Key, Any], by: tuple[str, ...], resources: Resources
) -> dict[Key, Any]:
    """The merged result of each group, in one more pass.

    Parameters
    ----------
    records : Records
        That can be read again.
    wanted : Wanted
        What the first pass read, `by` among its categories.
    kernels : mapping
        Group → its `OfRows`.
    by : tuple of str
        The columns that make the groups.
    resources : Resources
    """
    blocks = resources.watched(records.blocks(wanted))
    merged = resources.fold(EachGroup(kernels, by), blocks, waits=records.waits)
    found = {} if merged is None else merged.found
    if set(found) != set(kernels):
        raise ProblemError(
            f"{' '.join(records.data)}: other groups than in the first pass; was it written to meanwhile?"
        )
    return found
