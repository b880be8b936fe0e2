"""Sums of blocks on this machine: `fold` runs a kernel over all blocks and merges in block order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, Self, TypeVar

Block = TypeVar("Block")


class Mergeable(Protocol):
    """A partial result."""

    def merge(self, other: Self) -> None:
        """Take in the result of the blocks that follow."""
        ...


Result = TypeVar("Result", bound=Mergeable)


def fold(kernel: Callable[[Block], Result], blocks: Iterable[Block]) -> Result | None:
    """The merged results of `kernel` on every block; None where there is no block.

    The order of merging is the order of the blocks, whatever the engine, so that rounded sums get the same
    bits from one thread, eight, or a cluster.
    """
    total: Result | None = None
    for block in blocks:
        part = kernel(block)
        if total is None:
            total = part
        else:
            total.merge(part)
    return total
