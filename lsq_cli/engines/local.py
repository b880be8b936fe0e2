"""Sums of blocks on this machine: `fold` runs a kernel over all blocks, in threads, and merges in block order.

The order of merging is the order of the blocks, whatever the engine, so that rounded sums get the same bits from
one thread, eight, or a cluster. The calling thread makes the handles, which for a pipe means to read it, and merges;
`jobs` other threads run the kernel, where numpy and the parsers let go of the interpreter. There is one more of them
where the kernel waits for threads of a parser, so that the cores are busy meanwhile: with two jobs that makes 2 GB of
CSV faster by a sixth, and anything else slower. One job, or one block, is done without any thread.

What is in flight is bounded twice: by the memory that the blocks say they take while they are read
(`Handle.footprint`), one block being always allowed, and by their number, one more than `jobs`. The next block is read
only when there is room for it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, Self, TypeVar

from lsq_cli.core.errors import UsageError

if TYPE_CHECKING:
    from threading import Thread

MEMORY = 256_000_000
"""Bytes of row buffers allowed by default."""


class Handle(Protocol):
    """A block that is yet to be read."""

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading it takes, about."""
        ...


class Mergeable(Protocol):
    """A partial result."""

    def merge(self, other: Self) -> None:
        """Take in the result of the blocks that follow."""
        ...


Block = TypeVar("Block", bound=Handle)
Result = TypeVar("Result", bound=Mergeable)


def fold(
    kernel: Callable[[Block], Result],
    blocks: Iterable[Block],
    jobs: int | None = None,
    memory: int = MEMORY,
    *,
    waits: bool = False,
) -> Result | None:
    """The merged results of `kernel` on every block.

    Parameters
    ----------
    kernel : callable
        Called with each block, in any thread.
    blocks : iterable
        Handles, gone through in the calling thread.
    jobs : int, optional
        Threads that run the kernel; by default as many as there are cores for this process.
    memory : int
        Bytes that blocks in flight may take together.
    waits : bool
        Whether the kernel waits most of the time for threads that are none of ours; one more thread runs it then.

    Returns
    -------
    result or None
        None where there is no block.

    Raises
    ------
    UsageError
        For `jobs` below 1.
    Exception
        What the kernel raised for the first block, in their order, that failed; what `blocks` raised, if no block
        before failed. No further block is begun then, and no thread is left.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs must be 1 or more, not {jobs}")
    jobs = jobs or usable_cores()
    handles = iter(blocks)
    head = list(islice(handles, 2)) if jobs > 1 else []
    handles = chain(head, handles)
    if len(head) < 2:
        return merged(map(kernel, handles))
    del head
    with closing(_in_threads(_Workers(kernel, jobs, jobs + waits, memory), handles)) as results:
        return merged(results)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bytes_of(size: str | int) -> int:
    """The bytes in ``64MB``, ``1.5G``, ``512KiB`` or a plain number.

    Raises
    ------
    UsageError
        For anything else, and for nothing.
    """
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([kmgt]?)(i?)b?", str(size).strip(), re.ASCII | re.IGNORECASE)
    count = 0
    if match and (match[2] or not match[3]):
        count = int(float(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2].lower() or " "))
    if count < 1:
        raise UsageError(f"{size!r} is no size of memory: write it as 64MB or 1G")
    return count


def merged(results: Iterable[Result]) -> Result | None:
    """All results in one."""
    total: Result | None = None
    for part in results:
        if total is None:
            total = part
        else:
            total.merge(part)
    return total


def _in_threads(workers: _Workers[Block, Result], blocks: Iterator[Block]) -> Generator[Result, None, None]:
    """The results of the workers in the order of the blocks."""
    failure: Exception | None = None
    try:
        while not workers.failed:
            while not workers.has_room(0):
                workers.wait()
                yield from workers.results_in_order()
            try:
                block = next(blocks)
            except StopIteration:
                break
            except Exception as error:  # a block before may have failed too, and comes first then
                failure = error
                break
            footprint = block.footprint
            while not workers.has_room(footprint):
                workers.wait()
                yield from workers.results_in_order()
            workers.submit(block, footprint)
            del block  # its text is the worker's to forget
            yield from workers.results_in_order()
        while workers.unmerged:
            workers.wait()
            yield from workers.results_in_order()
        if failure is not None:
            raise failure
    finally:
        workers.stop()


class _Done(NamedTuple, Generic[Result]):
    """What became of a block."""

    number: int
    result: Result | None
    error: BaseException | None


class _Workers(Generic[Block, Result]):
    """Threads at work on some blocks. All methods but `_work` belong to the thread that made it.

    The threads are daemons: one that hangs in a read cannot keep the process from ending.
    """

    def __init__(self, kernel: Callable[[Block], Result], jobs: int, threads: int, memory: int) -> None:
        from queue import SimpleQueue  # not needed for small inputs

        self._kernel, self._size, self._most, self._memory = kernel, threads, jobs + 1, memory
        self._tasks: SimpleQueue[tuple[int, Block] | None] = SimpleQueue()
        self._done: SimpleQueue[_Done[Result]] = SimpleQueue()
        self._threads: list[Thread] = []
        self._footprints: dict[int, int] = {}  # of the blocks that are not finished
        self._finished: dict[int, _Done[Result]] = {}  # not merged
        self._submitted = self._merged = 0
        self._last: float = math.inf  # no block with a higher number is begun
        self.failed = False

    @property
    def unmerged(self) -> int:
        """Blocks whose results were not handed out yet."""
        return self._submitted - self._merged

    def has_room(self, footprint: int) -> bool:
        """Whether one more block of this size may be in flight."""
        if not self.unmerged:
            return True
        if len(self._footprints) >= self._most or self.unmerged >= 3 * self._most:
            return False
        return sum(self._footprints.values()) + footprint <= self._memory

    def submit(self, block: Block, footprint: int) -> None:
        """Let a thread run the kernel on the next block."""
        if len(self._threads) < self._size:
            from threading import Thread

            self._threads.append(Thread(target=self._work, daemon=True))
            self._threads[-1].start()
        self._footprints[self._submitted] = footprint
        self._tasks.put((self._submitted, block))
        self._submitted += 1

    def wait(self) -> None:
        """Wait until one more block is finished."""
        self._note(self._done.get())

    def results_in_order(self) -> Iterator[Result]:
        """The results of finished blocks up to the first that is not; raises the error of one that failed."""
        while not self._done.empty():
            self._note(self._done.get())
        while (done := self._finished.pop(self._merged, None)) is not None:
            if done.error is not None:
                raise done.error
            self._merged += 1
            assert done.result is not None  # for there was no error
            yield done.result

    def stop(self) -> None:
        """Begin no more blocks, and wait for those that were begun."""
        self._last = -1
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _note(self, done: _Done[Result]) -> None:
        """Take in what a thread reports."""
        del self._footprints[done.number]
        self._finished[done.number] = done
        self.failed |= done.error is not None

    def _work(self) -> None:
        """What each thread does. Blocks are taken in order, so that of those before a failed one none is left out."""
        while (task := self._tasks.get()) is not None:
            number, block = task
            if number > self._last:
                continue
            try:
                done = _Done(number, self._kernel(block), None)
            except BaseException as error:
                self._last = min(self._last, number)
                done = _Done(number, None, error)
            del task, block  # with its text, before the next comes
            self._done.put(done)
            del done
