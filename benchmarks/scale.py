"""How long a pass takes on many workers: measured constants, a simulation of the engine, checked on 1 and 2 workers.

    python benchmarks/scale.py [MB]

The constants are seconds for a megabyte as it is stored (cutting, where lsq runs; reading and summing, on one core) and
seconds for a task (handing it out and taking its result, merging included). The simulation is the loop of
`engines/scheduler.py`: tasks go out in order, twice as many as there are threads are out, results are taken in order.
docs/scale.md says what follows.
"""

from __future__ import annotations

import heapq
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from cluster import table
from distributed import LocalCluster

from lsq_cli.engines import scheduler
from lsq_cli.engines.local import merged
from lsq_cli.engines.resources import Resources
from lsq_cli.engines.scheduler import RUN, connected
from lsq_cli.problems.summing import SumRows, numbered_blocks, read_problem
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source

TERABYTE = 1e6  # megabytes


class Constants(NamedTuple):
    """What a form of a table costs."""

    block: float
    """Megabytes of a block."""
    cut: float
    """Seconds for a megabyte, where lsq runs."""
    work: float
    """Seconds for a megabyte, on a worker."""
    task: float
    """Seconds for a task, where lsq and the scheduler run."""


def simulated(of: Constants, megabytes: float, workers: int, run: int = RUN) -> float:
    """Seconds that the engine takes for so many megabytes."""
    now, free, out = 0.0, [0.0] * workers, deque[float]()
    piece = of.block * run
    for _ in range(max(1, round(megabytes / piece))):
        if len(out) >= max(2, 2 * workers):
            now = max(now, out.popleft()) + of.task / 2
        now += of.cut * piece + of.task / 2
        end = max(now, heapq.heappop(free)) + of.work * piece
        heapq.heappush(free, end)
        out.append(end)
    for end in out:
        now = max(now, end) + of.task / 2
    return now


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The least of some runs."""
    found = []
    for _ in range(times):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)


def source_of(path: Path):
    """A and b in the columns of a file."""
    return open_source([str(path)], Request(target=("y",)))


def measured(path: Path, task: float) -> Constants:
    """The constants of a file."""
    megabytes = path.stat().st_size / 1e6
    source = source_of(path)
    cut = seconds(lambda: [None for _ in source.blocks()])
    kernel = SumRows("extended", len(source.names), 1, False)
    handles = [pickle.dumps(block) for block in numbered_blocks(source.blocks())]  # without the text
    work = seconds(lambda: merged(map(kernel, map(pickle.loads, handles))))
    return Constants(megabytes / len(handles), cut / megabytes, work / megabytes, task)


def written(folder: Path, megabytes: int) -> list[Path]:
    """The table as CSV and as Parquet."""
    import pyarrow.csv
    import pyarrow.parquet

    csv, parquet = folder / "t.csv", folder / "t.parquet"
    table(csv, megabytes)
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(csv), parquet, row_group_size=100_000, compression="snappy")
    return [csv, parquet]


def main() -> None:
    """Print the constants, the check and the forecast."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = written(folder, megabytes)
        options = {"threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0, "silence_logs": "CRITICAL"}
        taken: dict[tuple[Path, int], float] = {}
        task = 0.0
        for workers in (1, 2):
            with (
                LocalCluster(n_workers=workers, local_directory=name, **options) as own,
                connected(own.scheduler_address) as cluster,
            ):
                rows = np.random.default_rng(2).normal(size=(8, 11))
                tiny = folder / "tiny.npy"
                np.save(tiny, rows)
                block = next(iter(numbered_blocks(open_source([str(tiny)], Request()).blocks())))
                kernel = SumRows("double", 10, 1, False, False)  # goes one block a task
                scheduler._AHEAD, before = 100, scheduler._AHEAD  # as many are out on a large cluster
                task = seconds(lambda c=cluster, k=kernel, b=block: c.fold(k, [b] * 400), 2) / 400
                scheduler._AHEAD = before
                for path in paths:
                    read = Resources(cluster=cluster)
                    read_problem(source_of(path), None, read)  # the readers are imported
                    taken[path, workers] = seconds(lambda p=path, r=read: read_problem(source_of(p), None, r))
        for path in paths:
            of, size = measured(path, task), path.stat().st_size / 1e6
            print(f"{path.suffix}: blocks of {of.block:.1f} MB; ms for a MB: {1e3 * of.cut:.2f} cutting, ", end="")
            print(f"{1e3 * of.work:.2f} reading and summing; ms for a task: {1e3 * of.task:.2f}")
            for workers in (1, 2):
                ratio = simulated(of, size, workers) / taken[path, workers]
                print(f"  {workers} workers, {size:.0f} MB: the simulation says {ratio:.2f} of what it takes")
            for workers in (10, 100, 1000):
                whole = simulated(of, TERABYTE, workers)
                ideal = of.work * TERABYTE / workers
                print(
                    f"  1 TB on {workers} workers: {whole / 60:.1f} min, {ideal / whole:.0%} of it work of every worker"
                )


if __name__ == "__main__":
    main()
