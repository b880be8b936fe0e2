"""What a pass over the rows may take, and who watches it: threads, memory, progress, as one value.

Every pass takes a `Resources`; the command line makes one of ``--jobs``, ``--memory`` and the bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar
from warnings import warn

from lsq_cli.core.errors import UsageError
from lsq_cli.engines.local import MEMORY, Block, Result, bytes_of, fold

if TYPE_CHECKING:
    from lsq_cli.engines.scheduler import Cluster


class Sized(Protocol):
    """A handle on some rows that knows how much of the input it covers."""

    @property
    def size(self) -> int:
        """Bytes, about."""
        ...


Rows = TypeVar("Rows", bound=Sized)


class Resources(NamedTuple):
    """How a pass over the rows is made.

    Attributes
    ----------
    jobs : int, optional
        Threads that read and sum; None for the cores of this process.
    memory : int
        Bytes that blocks in flight may take together.
    progress : callable, optional
        Called with each block, as it sets out, or on a cluster when it is done: how many bytes of the input it covers.
    cluster : Cluster, optional
        Whose workers read and sum, in place of threads.
    """

    jobs: int | None = None
    memory: int = MEMORY
    progress: Callable[[int], None] | None = None
    cluster: Cluster | None = None

    def fold(self, kernel: Callable[[Block], Result], blocks: Iterable[Block], *, waits: bool = False) -> Result | None:
        """The merged results of `kernel` on every block; see `local.fold`."""
        if self.cluster is not None:
            return self.cluster.fold(kernel, blocks, self.memory, self.progress)
        return fold(kernel, blocks, self.jobs, self.memory, waits=waits)

    def watched(self, blocks: Iterable[Rows]) -> Iterator[Rows]:
        """The blocks as they come; `progress` is called with the size of each."""
        for block in blocks:
            if self.progress is not None and self.cluster is None:
                self.progress(block.size)
            yield block
            del block  # its text, while the next is read


@contextmanager
def resources_for(jobs: int | None, memory: int | str, scheduler: str | None) -> Iterator[Resources]:
    """What a pass may take, as Python's keyword arguments say it; a cluster is there until the block ends.

    Raises
    ------
    UsageError
        For a size of memory that is none, and for jobs beside a scheduler.
    SchedulerError
        As `scheduler.connected`.
    """
    resources = Resources(jobs, bytes_of(memory))
    if scheduler is None:
        yield resources
        return
    if jobs is not None:
        raise UsageError("--jobs and --scheduler do not go together: the workers of the cluster read and sum")
    from lsq_cli.engines.scheduler import connected, local_workers  # for those who have one

    with connected(scheduler) as cluster:
        for warning in () if local_workers(scheduler) else cluster.versions():
            warn(warning, stacklevel=3)
        yield resources._replace(cluster=cluster)
