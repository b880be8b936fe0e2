"""A CSV on `local:2` against `--jobs 2`, after start-up; and the memory of the scheduler while it runs.

    python benchmarks/cluster.py [MB]

Two processes of one thread each against two threads of one process. Starting processes takes seconds, whatever the
file, and is left out. Medians of three paired runs. What the scheduler holds is counted in tasks, each with
handles of a few kilobytes: flat means that they are as many for a long file as for a short one.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import dask
import numpy as np
from distributed import LocalCluster

from lsq_cli.engines.resources import Resources
from lsq_cli.engines.scheduler import ONE_THREAD, connected
from lsq_cli.problems.summing import read_problem
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source


def table(path: Path, megabytes: int, columns: int = 10) -> None:
    """Write a CSV of about that size."""
    rows = np.random.default_rng(1).normal(size=(20_000, columns + 1))
    piece = "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist())
    with path.open("w") as file:
        file.write(",".join(f"c{k}" for k in range(columns)) + ",y\n")
        for _ in range(max(1, megabytes * 1_000_000 // len(piece))):
            file.write(piece)


def seconds(path: Path, resources: Resources) -> float:
    """Of one pass over the rows."""
    start = perf_counter()
    read_problem(open_source([str(path)], Request(target=("y",))), None, resources)
    return perf_counter() - start


def main() -> None:
    """Print the ratio, and what the scheduler holds."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        table(path, megabytes)
        with (
            dask.config.set(ONE_THREAD),
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs="CRITICAL",
                local_directory=folder,
            ) as own,
            connected(own.scheduler_address) as cluster,
        ):
            scheduler = own.scheduler
            most = [0]

            def look(_: int) -> None:
                most[0] = max(most[0], len(scheduler.tasks))

            seconds(path, Resources(cluster=cluster))  # the parsers are imported
            seconds(path, Resources(2))
            pairs = [
                (seconds(path, Resources(2)), seconds(path, Resources(cluster=cluster, progress=look)))
                for _ in range(3)
            ]
        ratio = statistics.median(there / here for here, there in pairs)
        print(f"{path.stat().st_size / 1e6:.0f} MB: local:2 takes {ratio:.2f} of --jobs 2, after start-up (aim 1.3)")
        print(f"tasks that the scheduler knows at most: {most[0]}")


if __name__ == "__main__":
    main()
