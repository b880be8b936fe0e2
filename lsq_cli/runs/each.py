"""The same work on many files at once: results in the order of the files, an error in the place of the file it is of.

    paths ──► threads, a file each ──► Done(path, result or error), in the order of the paths

Prefer it to a loop in the shell, where every file pays for the start of a process. One thread reads and sums one file.
At most twice as many files as threads are in flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

from lsq_cli.core.errors import LsqError
from lsq_cli.engines.local import usable_cores

Result = TypeVar("Result")


class Done(NamedTuple, Generic[Result]):
    """What became of one file."""

    path: str
    result: Result | None
    error: LsqError | None = None


def each(paths: Sequence[str], work: Callable[[str], Result], jobs: int | None = None) -> Iterator[Done[Result]]:
    """Do `work` on every path, and yield what became of each in the order of `paths`.

    Parameters
    ----------
    paths : sequence of str
    work : callable
        From a path to its result; an `LsqError` that it raises is that path's alone.
    jobs : int, optional
        Threads; by default as many as there are cores for this process.
    """

    def done(path: str) -> Done[Result]:
        try:
            return Done(path, work(path))
        except LsqError as error:
            return Done(path, None, error)

    threads = min(jobs or usable_cores(), len(paths))
    if threads <= 1:
        yield from map(done, paths)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Done[Result]]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(done, path))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # After Ctrl-C the files that have not begun are let go, and nobody waits for the others.
        pool.shutdown(wait=False, cancel_futures=True)
