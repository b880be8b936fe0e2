"""From rows to a state: one pass, in which nothing is rounded and every row that goes is counted by its cell.

blocks ──► kernel: sums, counts and losses of one block ──► fold: merged in order ──► `State`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.exact.canonical import CanonicalSums
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.states import LOG_BITS, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.engines.resources import Resources
    from lsq_cli.sources.rows import ProblemRows
    from lsq_cli.sources.whole import Whole

MOST_COLUMNS = 4096
"""As many as the normal equations take; the sums of more would be 128 MB and more."""


@dataclass
class Collected:
    """The sums and the counts of some rows."""

    sums: ExactSums
    rows: int
    weightless: int
    losses: NDArray[np.int64]
    log_weights: int

    def merge(self, other: Collected) -> None:
        """Take in the rows that follow."""
        self.sums.merge(other.sums)
        self.rows += other.rows
        self.weightless += other.weightless
        self.losses += other.losses
        self.log_weights += other.log_weights


@dataclass(frozen=True)
class CollectRows:
    """The kernel: reads one block and sums its rows. Picklable, so that any engine can carry it."""

    n: int
    p: int
    positions: tuple[tuple[int, ...], ...]

    def __call__(self, block: ProblemRows) -> Collected:
        """The sums of one block."""
        rows, losses = block.read_with_losses(self.positions)
        sums = ExactSums(self.n + 1, self.p, intercept=True)
        sums.add(rows.A, rows.b, rows.weights)
        weightless = 0 if rows.weights is None else int(np.count_nonzero(rows.weights == 0))
        return Collected(sums, len(rows.b), weightless, losses, _log_weights(rows.weights))


def collected(whole: Whole, resources: Resources) -> State:
    """The state of a table.

    Raises
    ------
    DataError
        Where a row cannot be used.
    ProblemError
        For too many columns, and a table without rows.
    """
    k, p = len(whole.names), len(whole.source.targets)
    if k > MOST_COLUMNS:
        where = " ".join(whole.source.data)
        raise ProblemError(f"{where}: {k} columns, and a state has {MOST_COLUMNS} at most; choose with --columns")
    kernel = CollectRows(k - p, p, whole.positions)
    blocks = resources.watched(cast("Iterator[ProblemRows]", whole.source.blocks()))
    total: Collected | None = resources.fold(kernel, blocks, waits=whole.source.waits)
    if total is None:
        raise ProblemError(f"{' '.join(whole.source.data)}: the data has no rows")
    return State(
        whole.names,
        whole.target,
        whole.weights,
        total.rows,
        total.weightless,
        total.losses[:, whole.order],
        total.log_weights,
        CanonicalSums.of(total.sums),
    )


def _log_weights(weights: Array | None) -> int:
    """Σ log w of the weights above 0, each rounded to 2^−40 and summed exactly."""
    if weights is None:
        return 0
    logs = np.log(weights[weights > 0])
    whole = np.rint(logs)
    rest = np.rint((logs - whole) * 2.0**LOG_BITS)
    return (int(whole.astype(np.int64).sum()) << LOG_BITS) + int(rest.astype(np.int64).sum())
