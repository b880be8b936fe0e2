"""Sums of blocks on a Dask cluster: the same fold as `local.py`, in the same order, hence to the same bits.

    handles ──► tasks of some consecutive blocks ──► workers read and sum ──► merged here, in block order

Handles travel, rows do not: a worker opens the file itself, by its path, and must see it as this process does. What
comes back are sums. A kernel that says its results may be merged in any grouping (`regroups`: exact sums) gets tasks of
`RUN` blocks, which are merged where they were made, so that this process takes in one result for `RUN` blocks; other
results come one by one. Only so many tasks are out as keep the workers busy, and as many bytes with them as are
allowed: memory is bounded here, at the scheduler and at the workers, whatever the length of the input.

A worker that dies loses its tasks, and the scheduler gives them to another. Prefer it where one machine is not enough,
or reads too slowly; on one machine `local.py` needs no processes to be started.

Source: Rocklin, "Dask: Parallel Computation with Blocked algorithms and Task Scheduling", SciPy 2015.
"""

from __future__ import annotations

import os
import pickle
import platform
import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from itertools import chain
from multiprocessing import resource_tracker
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, SIGTERM, pthread_sigmask, signal
from tempfile import TemporaryDirectory
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import LsqError, OpenError, SchedulerError, UsageError, shown
from lsq_cli.core.extras import load
from lsq_cli.core.version import __version__
from lsq_cli.engines.blas import one_thread
from lsq_cli.engines.local import MEMORY, merged

if TYPE_CHECKING:
    from lsq_cli.engines.local import Block, Result

RUN = 8
"""Blocks of a task whose results may be merged in any grouping."""
_AHEAD = 2
"""Tasks out for each thread of the workers."""
_LIGHT = 1 << 16
"""Bytes of a handle that brings no rows along."""
_LOOK = 2.0
"""Seconds between two looks for workers, while no result comes."""
_TIMEOUT = 10.0
"""Seconds in which a scheduler has to answer."""
ONE_THREAD = {"distributed.nanny.pre-spawn-environ.POLARS_MAX_THREADS": 1}
"""In Dask's configuration: the parser of a process of ours has one thread too; Dask sees to BLAS."""
_SCHEMES = ("tcp://", "tls://")


class Cluster:
    """A connection to a scheduler; `connected` makes one.

    Parameters
    ----------
    client : distributed.Client
    address : str
        As the user wrote it.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client, self.address = client, address

    @property
    def threads(self) -> int:
        """Of all workers."""
        return sum(int(worker["nthreads"]) for worker in self._workers().values())

    def fold(
        self,
        kernel: Callable[[Block], Result],
        blocks: Iterable[Block],
        memory: int = MEMORY,
        progress: Callable[[int], None] | None = None,
    ) -> Result | None:
        """The merged results of `kernel` on every block; see `local.fold`.

        Parameters
        ----------
        kernel, blocks
            Which are pickled.
        memory : int
            Bytes of handles on their way: those of a pipe, say, bring their rows along.
        progress : callable, optional
            Called with the bytes of the input that a task covers, when its result is there.

        Raises
        ------
        SchedulerError
            If the scheduler goes away, or a task fails for a reason that is none of the data's.
        LsqError
            What the kernel raised for the first block, in their order, that failed.
        """
        run = RUN if getattr(kernel, "regroups", False) else 1
        try:
            return merged(self._results(kernel, _tasks(blocks, run), memory, progress or (lambda size: None)))
        except LsqError:
            raise
        except Exception as error:  # Dask has many for a scheduler or workers that are gone
            raise SchedulerError(f"{self.address}: the cluster is lost: {_said(error)}; start again") from None

    def versions(self) -> tuple[str, ...]:
        """Warnings on workers that have other versions of Python or numpy.

        Raises
        ------
        SchedulerError
            For a worker without lsq, or with another version of it, and where there is no worker.
        """
        if not self._workers():
            raise SchedulerError(f"{self.address}: the scheduler has no worker; start one: dask worker {self.address}")
        try:
            found = self._client.run(versions_here, on_error="return")
        except Exception as error:
            raise SchedulerError(f"{self.address}: the workers do not answer: {_said(error)}") from None
        ours, warnings = versions_here(), []
        for worker, theirs in sorted(found.items()):
            if isinstance(theirs, BaseException):
                raise SchedulerError(
                    f"the worker {worker} cannot load lsq: {_said(theirs)}; install lsq-cli {__version__}"
                )
            if theirs.lsq != ours.lsq:
                raise SchedulerError(
                    f"the worker {worker} has lsq {theirs.lsq}, and here is {ours.lsq}: install the same"
                )
            others = [
                f"{name} {other}, and here is {own}"
                for name, other, own in zip(ours._fields[1:], theirs[1:], ours[1:], strict=True)
                if other != own
            ]
            if others:
                warnings.append(f"the worker {worker} has {'; '.join(others)}")
        return tuple(warnings)

    def _workers(self) -> dict[str, Any]:
        """What the scheduler knows of its workers."""
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def _results(
        self,
        kernel: Callable[[Block], Result],
        tasks: Iterator[_Task],
        memory: int,
        progress: Callable[[int], None],
    ) -> Generator[Result, None, None]:
        """The results in block order, with a bounded number of tasks out, and of bytes with them."""
        most = max(2, _AHEAD * self.threads)
        out: deque[tuple[Any, int, int]] = deque()
        carried = pickle.dumps(kernel)  # with every task: what is scattered is lost with the worker that has it
        sent = 0
        try:
            for task in chain(tasks, (None,)):
                weight = 0 if task is None else sum(map(len, task.handles))
                while out and (task is None or len(out) >= most or sent + weight > memory):
                    future, size, weighed = out.popleft()
                    yield self._result(future)
                    sent -= weighed
                    progress(size)
                if task is not None:
                    future = self._client.submit(summed, carried, task.handles, pure=False)
                    out.append((future, task.size, weight))
                    sent += weight
        finally:
            for future, *_ in out:
                with suppress(Exception):
                    future.cancel()

    def _result(self, future: Any) -> Any:
        """The result of a task; raises what it raised."""
        silent = 0.0
        while True:
            try:
                done = future.result(timeout=_LOOK)
                break
            except TimeoutError:  # at work, or lost
                silent = 0.0 if self._workers() else silent + _LOOK
                if silent > _TIMEOUT:
                    raise SchedulerError(f"{self.address}: no worker is left; start some and run again") from None
            except Exception as error:
                if type(error).__name__ != "KilledWorker":
                    raise
                raise SchedulerError(
                    f"{self.address}: workers died again and again over the same rows; if it was for want of memory, "
                    "give each worker more of it, or fewer threads"
                ) from None
        future.release()
        if isinstance(done, LsqError):
            raise done
        return done


class _Task(NamedTuple):
    """Consecutive blocks that one worker reads."""

    handles: list[bytes]
    """Pickled."""
    size: int
    """Bytes of the input that they cover."""


def _tasks(blocks: Iterable[Any], run: int) -> Iterator[_Task]:
    """The blocks, up to `run` together; one that brings its rows along goes alone."""
    handles: list[bytes] = []
    size = 0
    for block in blocks:
        handles.append(pickle.dumps(block, protocol=5))
        size += int(getattr(block, "size", 0))
        del block  # its text, while the next is read
        if len(handles) == run or len(handles[-1]) > _LIGHT:
            yield _Task(handles, size)
            handles, size = [], 0
    if handles:
        yield _Task(handles, size)


class Versions(NamedTuple):
    """What has to be the same for the same bits."""

    lsq: str
    python: str
    numpy: str


def versions_here() -> Versions:
    """Those of this process."""
    return Versions(__version__, platform.python_version(), np.__version__)


@one_thread()
def summed(kernel: bytes, handles: list[bytes]) -> Any:
    """What a worker does: the merged result of some blocks, or the `LsqError` of the first that failed.

    With one thread of BLAS: with more, rounded sums come out otherwise.
    """
    try:
        return merged(map(_kernel(kernel), map(pickle.loads, handles)))
    except OpenError as error:
        from distributed import get_worker

        return OpenError(f"{error.problem} (as the worker {get_worker().address} sees it)", error.where)
    except LsqError as error:
        return error
    except MemoryError:
        from distributed import get_worker

        return SchedulerError(
            f"the worker {get_worker().address} has not enough memory; give it more, or fewer threads"
        )


@lru_cache(maxsize=2)
def _kernel(pickled: bytes) -> Callable[[Any], Any]:
    """A kernel; the same for all tasks of a pass."""
    kernel: Callable[[Any], Any] = pickle.loads(pickled)
    return kernel


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """A cluster by its address; when the block ends nothing of ours is left there, of ``local:N`` no process.

    Parameters
    ----------
    address : str
        ``tcp://host:port``, ``tls://host:port`` (with the certificates of Dask's configuration), or ``local:N`` for N
        processes of one thread each on this machine.

    Raises
    ------
    UsageError
        For another address.
    SchedulerError
        If nothing answers there.
    MissingExtraError
        Without dask's distributed.
    """
    count = local_workers(address)
    distributed, dask = (load(name, "cluster", "--scheduler") for name in ("distributed", "dask"))
    quiet = {"logging": {"distributed": "critical"}, "distributed.worker.daemon": True, **ONE_THREAD}
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # for processes that are started here
    with dask.config.set(quiet):
        _silence()
        if count:
            with (
                TemporaryDirectory(prefix="lsq-", ignore_cleanup_errors=True) as folder,
                dask.config.set({"temporary-directory": folder}),
                _local(distributed, count, folder) as own,
                _client(distributed, own, address) as client,
            ):
                yield Cluster(client, address)
            return
        with _client(distributed, address, address) as client:
            yield Cluster(client, address)


def local_workers(address: str) -> int:
    """N of ``local:N``, 0 for the address of a scheduler.

    Raises
    ------
    UsageError
        For what is neither.
    """
    kind, _, number = address.partition(":")
    if kind == "local" and number.isascii() and number.isdigit() and 1 <= int(number) <= 1024:
        return int(number)
    if address.startswith(_SCHEMES) and len(address) > len(_SCHEMES[0]):
        return 0
    meant = f"; did you mean tcp://{address}?" if re.fullmatch(r"[\w.-]+:\d+", address) and kind != "local" else ""
    raise UsageError(f"--scheduler {shown(address)!r} is none of tcp://HOST:PORT, tls://HOST:PORT and local:N{meant}")


@contextmanager
def _local(distributed: Any, count: int, folder: str) -> Iterator[Any]:
    """A cluster of processes on this machine."""
    resource_tracker.ensure_running()  # when it starts it lets signals through that are held back below
    with ExitStack() as stack:
        with _uninterrupted():  # half started it could not be stopped
            own = distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",  # a free port: that of the default may be taken
                scheduler_kwargs={"dashboard": False},
                host="127.0.0.1",
                memory_limit=0,  # blocks in flight are bounded by their number
                local_directory=folder,
                silence_logs="CRITICAL",
            )
            stack.callback(_stop, own)
            own.wait_for_workers(count, timeout=60)
        yield own


def _stop(own: Any) -> None:
    """End the processes of a cluster."""
    with _uninterrupted(), suppress(Exception):
        own.close(timeout=10)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block ends; only the main thread is told of them at all.

    Threads and processes that are started meanwhile never see Ctrl-C: what a terminal sends to all of them is for the
    one that ends the others in order.
    """
    if current_thread() is not main_thread():
        yield
        return
    waiting: list[int] = []
    before = {which: signal(which, lambda number, _: waiting.append(number)) for which in (SIGINT, SIGTERM)}
    masked = pthread_sigmask(SIG_BLOCK, {SIGINT})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, masked)
        for which, handler in before.items():
            signal(which, handler)
        if waiting:
            os.kill(os.getpid(), waiting[0])


@contextmanager
def _client(distributed: Any, where: Any, address: str) -> Iterator[Any]:
    """A client of a scheduler."""
    try:
        client = distributed.Client(where, timeout=_TIMEOUT, set_as_default=False)
    except Exception as error:
        raise SchedulerError(
            f"{address}: no scheduler answers there ({_said(error)}); start one: dask scheduler"
        ) from None
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=2)


def _silence() -> None:
    """Nothing of what Dask logs is for the user: what matters comes as an error."""
    import logging

    for name in ("tornado", "asyncio", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _said(error: BaseException) -> str:
    """The first line of a foreign error."""
    return shown((str(error) or type(error).__name__).splitlines()[0], 200)
