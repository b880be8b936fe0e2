"""States: how much faster one is solved than its rows, and whether many writers or kills ever cost a row or a file.

    python benchmarks/states.py [--only ratio writers kills] [--rows 10000000] [--writers 200] [--kills 50]

    ratio      10⁷ × 21 doubles of NPY: lsq solve of the state against lsq solve of the file, and lsq collect against it
    writers    200 times lsq collect --into one state, all at once: every row is to be counted once
    kills      lsq collect --into killed (SIGKILL) at 50 random moments, and 50 times a process that does nothing but
               write the state again and again: it is to be the old one or a new one, whole

Ratios are the middle of pairs run in turn. The x of the state and of the file are compared to the bit.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import numpy as np

from lsq_cli.runs.collecting import bytes_of, merge

LSQ = [sys.executable, "-m", "lsq_cli"]
COLUMNS = 21
CHUNK = 500_000
PAIRS = 3


def lsq(*arguments: object) -> tuple[float, bytes]:
    """Seconds and standard output of a run that has to succeed."""
    start = perf_counter()
    done = subprocess.run([*LSQ, *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return perf_counter() - start, done.stdout


def ratio(folder: Path, rows: int) -> None:
    """Solving a state against solving its rows."""
    path, state = folder / "table.npy", folder / "table.lsqs"
    rng = np.random.default_rng(17)
    table = np.lib.format.open_memmap(path, "w+", np.float64, (rows, COLUMNS))
    for first in range(0, rows, CHUNK):
        table[first : first + CHUNK] = rng.normal(size=(min(CHUNK, rows - first), COLUMNS))
    table.flush()
    del table
    solving, collecting = [], []
    lsq("collect", path, "-o", state, "-q")
    for _ in range(PAIRS):
        whole, x = lsq("solve", path, "--intercept", "-q", "-f", "csv")
        part, same = lsq("solve", state, "--intercept", "-q", "-f", "csv")
        gathered, _ = lsq("collect", path, "-o", state, "-q")
        if x != same:
            sys.exit("the state has another x than its rows")
        solving.append(part / whole)
        collecting.append(gathered / whole)
    size = state.stat().st_size / path.stat().st_size
    print(
        f"ratio    solve the state / solve {rows} rows: {median(solving):.3f} ({min(solving):.3f}–{max(solving):.3f})"
    )
    print(f"         collect / solve the rows: {median(collecting):.2f}; bytes of the state / of the file: {size:.1e}")


def small(folder: Path) -> Path:
    """A table of 100 rows."""
    path = folder / "part.csv"
    rows = np.random.default_rng(3).normal(size=(100, 5))
    np.savetxt(path, rows, delimiter=",", header="a,b,c,d,y", comments="")
    lsq("collect", path, "-o", folder / "part.lsqs", "-q")
    return path


def copies(folder: Path, count: int) -> bytes:
    """The state of the small table taken `count` times."""
    return bytes_of(merge([str(folder / "part.lsqs")] * count)[0])


def writers(folder: Path, count: int) -> None:
    """Many at once."""
    part, target = small(folder), folder / "all.lsqs"
    command = [*LSQ, "collect", str(part), "--into", str(target), "-q", "--jobs", "1"]
    start = perf_counter()
    running = [subprocess.Popen(command) for _ in range(count)]
    codes = [process.wait() for process in running]
    right = target.read_bytes() == copies(folder, count)
    left = list(folder.glob(".lsq-*"))
    print(f"writers  {count} at once: {codes.count(0)} ended well, every row once: {right}, files left: {len(left)}")
    print(f"         {perf_counter() - start:.0f} s in all, start-up included")


_WRITER = """
import sys
from lsq_cli.commands.states import change_state
from lsq_cli.runs.collecting import added, merge
part, _ = merge([sys.argv[1]])
print("ready", flush=True)
while True:
    change_state(sys.argv[2], lambda: added(sys.argv[2], part))
"""


def kills(folder: Path, count: int) -> None:
    """Killed while it starts, sums, waits, writes; and while it writes alone."""
    part, target = small(folder), folder / "killed.lsqs"
    collect = [*LSQ, "collect", str(part), "--into", str(target), "-q", "--jobs", "1"]
    usual = median(lsq(*collect[len(LSQ) :])[0] for _ in range(5))
    writer = [sys.executable, "-c", _WRITER, str(folder / "part.lsqs"), str(target)]
    random.seed(17)
    changed = {"collect": 0, "writer": 0}
    for k in range(2 * count):
        old, loop = target.read_bytes(), k >= count
        process = subprocess.Popen(writer if loop else collect, stdout=subprocess.PIPE)
        if loop:
            process.stdout.readline()
        sleep(random.uniform(0.0, 0.05) if loop else random.uniform(0.7, 1.15) * usual)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        new = target.read_bytes()
        changed["writer" if loop else "collect"] += new != old
        rows = rows_in(target)
        if rows % 100 or new != copies(folder, rows // 100):
            sys.exit("kills    a state that is neither the old one nor a new one")
    lsq(*collect[len(LSQ) :])
    left = list(folder.glob(".lsq-*"))
    right = rows_in(target) == rows + 100
    print(
        f"kills    of {count} each: a new state {changed['collect']} times (collect) and {changed['writer']} (writer),"
    )
    print(f"         else the old one; one more after all: {right}, files left: {len(left)}")


def rows_in(path: Path) -> int:
    """The rows of a state; numpy refuses one that is damaged."""
    with np.load(path, allow_pickle=False) as arrays:
        return int(arrays["rows"])


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=["ratio", "writers", "kills"])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--writers", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="lsq-states-"))
    try:
        if "ratio" in asked.only:
            ratio(folder, asked.rows)
        if "writers" in asked.only:
            writers(folder, asked.writers)
        if "kills" in asked.only:
            kills(folder, asked.kills)
    finally:
        if asked.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
