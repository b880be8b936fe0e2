"""Processes that are run to be measured: their time, their CPU time, their memory.

`run` is one process, `apart` the command that does a function of a script in a process of its own, `pairs` the ratios
of two in turn. What is in memory is measured in such a process too, so that BLAS has one thread, as in the command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

YARDSTICKS = [sys.executable, str(Path(__file__).parent / "yardsticks.py")]
LSQ = [sys.executable, "-m", "lsq_cli"]
SOLVE = [*LSQ, "solve", "-q", "-f", "csv"]
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Run(NamedTuple):
    """One process that has ended."""

    seconds: float
    cpu: float
    megabytes: float = 0.0
    """Resident, at most."""
    output: str = ""


class Ratios(NamedTuple):
    """What pairs of runs say."""

    wall: float
    """The middle of the ratios of wall time, ours to theirs."""
    cpu: float
    """The same of CPU time, which others on the machine disturb less."""
    least: float
    most: float
    """The range of the ratios of wall time."""
    seconds: float
    """Of ours, the median."""
    megabytes: float
    """Of ours, the most."""


class FailedError(Exception):
    """A process ended with an error."""


def run(command: list[str], stdin: list[str] | None = None, watch: Callable[[int], None] | None = None) -> Run:
    """Run a command, behind another if `stdin` is given; `watch` is called with its process number beside it.

    Raises
    ------
    FailedError
        With the last line it wrote on standard error.
    """
    start = perf_counter()
    feeder = subprocess.Popen(stdin, stdout=subprocess.PIPE) if stdin else None
    pipe = feeder.stdout if feeder else subprocess.DEVNULL
    # An installed package has its bytecode, and so must ours.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | ONE_BLAS_THREAD
    process = subprocess.Popen(
        command, stdin=pipe, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    )
    if watch is not None:
        threading.Thread(target=watch, args=(process.pid,), daemon=True).start()
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(process.stderr))
    listener.start()
    output = process.stdout.read()
    listener.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise FailedError(f"{' '.join(command)} ended with {process.returncode}: {''.join(said[-1:]).strip()}")
    if feeder:
        feeder.stdout.close()
        feeder.wait()
    return Run(perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, output)


def timed(work: Callable[[], object]) -> Run:
    """One call in this process."""
    start, cpu = perf_counter(), process_time()
    work()
    return Run(perf_counter() - start, process_time() - cpu)


def apart(script: str, work: Callable[..., None], *arguments: object) -> list[str]:
    """The command that calls a function of a script in a process of its own.

    A process begins with the memory of the one that starts it in its account: this one stays small.
    """
    return [sys.executable, script, "--apart", work.__name__, *map(str, arguments)]


def pairs(ours: Callable[[], Run], theirs: Callable[[], Run], repeat: int) -> Ratios:
    """The ratios of `repeat` pairs, one side after the other."""
    both = [(ours(), theirs()) for _ in range(repeat)]
    wall = [mine.seconds / other.seconds for mine, other in both]
    cpu = [mine.cpu / other.cpu for mine, other in both]
    mine = [one for one, _ in both]
    return Ratios(
        median(wall),
        median(cpu),
        min(wall),
        max(wall),
        median(one.seconds for one in mine),
        max(one.megabytes for one in mine),
    )


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def read(*paths: str | Path) -> Run:
    """Bring files into the system's cache, and what that takes."""
    return run([*YARDSTICKS, "read", *map(str, paths)])
