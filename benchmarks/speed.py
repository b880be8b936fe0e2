"""How fast `lsq solve` brings rows in, and in how much memory, against the yardsticks of ``yardsticks.py``.

    python benchmarks/speed.py [--only csv200 csv2000 digits parquet npy sizes stream] [--repeat 5] [--folder FOLDER]

Prints a table of ratios: `lsq` and its yardstick in turn, the middle of the ratios of such pairs. The data, up to
6 GB, are made in FOLDER (a new one under /tmp, taken away afterwards) and read once before they count.
Single seconds mean little on a machine that does something else as well: compare the ratios, and see "CPU".

    start     10 × 3 CSV                                        import numpy, click, rich.table
    csv200    200 MB of CSV, 21 columns of 17 digits            the same parser on the whole file, then numpy
    csv2000   2 GB of it; and through a pipe                    the same; the file
    digits    200 MB of CSV, 21 columns of one digit            resident memory
    parquet   2M × 21 doubles, --precision double and extended  polars.read_parquet, then numpy
    npy       5M × 100 doubles, --precision double              (CPU of reading + CPU of AᵀA) / cores
    sizes     10⁵, 10⁶, 10⁷ rows of 4 columns of CSV            time and memory against size
    stream    10 GB of CSV that another process makes           resident memory as it goes on
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple

import numpy as np

YARDSTICKS = [sys.executable, str(Path(__file__).parent / "yardsticks.py")]
LSQ = [sys.executable, "-m", "lsq_cli", "solve", "-q", "-f", "csv"]
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
COLUMNS = 21
CHUNK_ROWS = 100_000


class Run(NamedTuple):
    """One process that has ended."""

    seconds: float
    cpu: float
    megabytes: float
    """Resident, at most."""
    output: str


def run(command: list[str], stdin: list[str] | None = None, watch: Callable[[int], None] | None = None) -> Run:
    """Run a command, behind another if `stdin` is given; `watch` is called with its process number beside it."""
    start = perf_counter()
    feeder = subprocess.Popen(stdin, stdout=subprocess.PIPE) if stdin else None
    pipe = feeder.stdout if feeder else subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=pipe, stdout=subprocess.PIPE, env=os.environ | ONE_BLAS_THREAD)
    if watch is not None:
        threading.Thread(target=watch, args=(process.pid,), daemon=True).start()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    if feeder:
        feeder.stdout.close()
        feeder.wait()
    return Run(perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, output.decode())


def apart(work: Callable[..., None], *arguments: object) -> list[str]:
    """The command that does some of this file's work in a process of its own.

    A process begins with the memory of the one that starts it in its account, so that this one stays small.
    """
    return [sys.executable, __file__, "--apart", work.__name__, *map(str, arguments)]


# ---- data -----------------------------------------------------------------------------------------------------


def chunks(rows: int, make: Callable[[np.random.Generator, int], np.ndarray]) -> Iterator[np.ndarray]:
    """Random rows in pieces."""
    rng = np.random.default_rng(1)
    for start in range(0, rows, CHUNK_ROWS):
        yield make(rng, min(CHUNK_ROWS, rows - start))


def feed(gigabytes: str) -> None:
    """Write so much CSV to standard output."""
    pieces = [csv_text(table) for table in chunks(5 * CHUNK_ROWS, digits_17)]
    written = 0
    while written < int(gigabytes) * 10**9:
        piece = pieces[written % len(pieces)]
        sys.stdout.buffer.write(piece)
        written += len(piece)


def digits_17(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Normal data, written with all their digits."""
    return rng.standard_normal((rows, COLUMNS))


def digits_1(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Integers of one digit."""
    return rng.integers(0, 10, (rows, COLUMNS))


def csv_text(table: np.ndarray) -> bytes:
    """A table as CSV without a header."""
    import polars

    return polars.DataFrame(table).write_csv(include_header=False).encode()


def digits_17_of_4(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Narrow normal data."""
    return rng.standard_normal((rows, 4))


def make_csv(path: str, rows: str, kind: str) -> None:
    """Write a CSV with a header."""
    with open(path, "wb") as stream:
        for number, table in enumerate(chunks(int(rows), globals()[kind])):
            if not number:
                stream.write(",".join(f"c{k}" for k in range(table.shape[1])).encode() + b"\n")
            stream.write(csv_text(table))


def make_parquet(path: str, rows: str) -> None:
    """Write a table in row groups."""
    import pyarrow
    from pyarrow import parquet

    names = [f"c{k}" for k in range(COLUMNS)]
    with parquet.ParquetWriter(path, pyarrow.schema([(name, pyarrow.float64()) for name in names])) as writer:
        for table in chunks(int(rows), digits_17):
            writer.write_table(pyarrow.table(list(table.T), names=names))


def make_npy(path: str, rows: str, columns: str = "") -> None:
    """Write an array of two dimensions, or of one."""
    rng, count = np.random.default_rng(1), int(rows)
    shape = (count, int(columns)) if columns else (count,)
    with open(path, "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
        for start in range(0, count, CHUNK_ROWS):
            stream.write(rng.standard_normal((min(CHUNK_ROWS, count - start), *shape[1:])).tobytes())


# ---- what is measured -------------------------------------------------------------------------------------------


class Bench:
    """Runs pairs and prints a line for each."""

    def __init__(self, folder: Path, repeat: int) -> None:
        self.folder, self.repeat = folder, repeat
        print(f"{'what':32} {'lsq':>8} {'yardstick':>9} {'ratio':>6} {'aim':>5}   {'CPU':>11}  {'memory':>7}")

    def pair(self, what: str, aim: float, ours: Callable[[], Run], theirs: Callable[[], Run]) -> None:
        """The middle of the ratios of `repeat` pairs, one after the other."""
        pairs = [(ours(), theirs()) for _ in range(self.repeat)]
        ratio = median(mine.seconds / other.seconds for mine, other in pairs)
        seconds = [median(side.seconds for side in sides) for sides in zip(*pairs, strict=True)]
        cpu = [median(side.cpu for side in sides) for sides in zip(*pairs, strict=True)]
        memory = max(mine.megabytes for mine, _ in pairs)
        print(
            f"{what:32} {seconds[0]:6.2f} s {seconds[1]:7.2f} s {ratio:6.2f} {aim:5.2f}   "
            f"{cpu[0]:4.1f} / {cpu[1]:4.1f}  {memory:4.0f} MB",
            flush=True,
        )

    def start(self) -> None:
        """A small solve."""
        path = self.folder / "small.csv"
        path.write_text("x,z,y\n" + "".join(f"{k},{k * k % 7},{3 * k + k % 2}\n" for k in range(10)))
        self.pair("10 × 3", 1.25, lambda: run([*LSQ, str(path)]), lambda: run([*YARDSTICKS, "imports"]))

    def csv(self, megabytes: int) -> None:
        """Text of 17 digits."""
        path = self.folder / f"{megabytes}.csv"
        run(apart(make_csv, path, megabytes * 2440, "digits_17"))
        read(path)
        small = megabytes <= 200
        for precision, aim in (("double", 1.0 if small else 0.9), ("extended", 1.2 if small else 1.15)):
            self.pair(
                f"CSV {megabytes} MB, {precision}",
                aim,
                lambda precision=precision: run([*LSQ, "--precision", precision, str(path)]),
                lambda: run([*YARDSTICKS, "csv", str(path)]),
            )
        self.pair(
            f"CSV {megabytes} MB, pipe against file",
            1.15,
            lambda: run(LSQ, stdin=["cat", str(path)]),
            lambda: run([*LSQ, str(path)]),
        )
        path.unlink()

    def digits(self) -> None:
        """Text that is nearly all delimiters."""
        path = self.folder / "digits.csv"
        run(apart(make_csv, path, 4_800_000, "digits_1"))
        read(path)
        self.pair("CSV 200 MB of one digit", 1.0, *[lambda: run([*LSQ, str(path)])] * 2)
        path.unlink()

    def parquet(self, rows: int = 2_000_000) -> None:
        """Columns of doubles."""
        path = self.folder / "table.parquet"
        run(apart(make_parquet, path, rows))
        read(path)
        for precision in ("double", "extended"):
            self.pair(
                f"Parquet {rows} × {COLUMNS}, {precision}",
                1.1,
                lambda precision=precision: run([*LSQ, "--precision", precision, str(path)]),
                lambda: run([*YARDSTICKS, "parquet", str(path)]),
            )
        path.unlink()

    def npy(self, rows: int = 5_000_000, columns: int = 100) -> None:
        """Arithmetic on binary input."""
        paths = [str(self.folder / name) for name in ("A.npy", "b.npy")]
        run(apart(make_npy, paths[0], rows, columns))
        run(apart(make_npy, paths[1], rows))
        read(*paths)

        def bound() -> Run:
            reading = run([*YARDSTICKS, "read", *paths])
            seconds = (reading.cpu + float(run([*YARDSTICKS, "gram", paths[0]]).output)) / cores()
            return Run(seconds, seconds * cores(), 0, "")

        self.pair(f"NPY {rows} × {columns}, double", 1.2, lambda: run([*LSQ, "--precision", "double", *paths]), bound)
        imports = run([*LSQ, str(self.small())]).megabytes
        print(f"{'':32} of the memory {imports:.0f} MB are the program's own")
        for path in paths:
            os.unlink(path)

    def small(self) -> Path:
        """A table that takes no memory to speak of."""
        path = self.folder / "small.csv"
        path.write_text("x,y\n1,2\n2,3\n3,5\n")
        return path

    def sizes(self) -> None:
        """Cost against size."""
        for rows in (10**5, 10**6, 10**7):
            path = self.folder / f"{rows}.csv"
            run(apart(make_csv, path, rows, "digits_17_of_4"))
            read(path)
            runs = [run([*LSQ, str(path)]) for _ in range(self.repeat)]
            seconds = median(one.seconds for one in runs)
            size = path.stat().st_size / 1e6
            print(
                f"CSV {rows:8} × 4, {size:5.0f} MB         {seconds:6.2f} s  {1e6 * seconds / rows:6.2f} s per 10⁶ rows"
                f"  {max(one.megabytes for one in runs):4.0f} MB",
                flush=True,
            )
            path.unlink()

    def stream(self, gigabytes: int = 10) -> None:
        """Resident memory while a stream goes by that is nowhere as a whole."""
        done = run(LSQ, stdin=apart(feed, gigabytes), watch=print_memory)
        print(f"{gigabytes} GB through a pipe: {done.seconds:.0f} s, at most {done.megabytes:.0f} MB")


def read(*paths: str | Path) -> None:
    """Bring files into the system's cache."""
    run([*YARDSTICKS, "read", *map(str, paths)])


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def print_memory(process: int) -> None:
    """Print the resident memory of a process every few seconds until it ends."""
    start = perf_counter()
    try:
        while True:
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            if pages:
                print(
                    f"    {perf_counter() - start:5.0f} s  {pages * os.sysconf('SC_PAGE_SIZE') / 1e6:5.0f} MB",
                    flush=True,
                )
            sleep(5)
    except OSError:
        return


def main() -> None:
    """Make the data, run the pairs, take the data away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = ("start", "csv200", "csv2000", "digits", "parquet", "npy", "sizes", "stream")
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds, metavar="WHAT")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        bench = Bench(folder, options.repeat)
        works = {kind: getattr(bench, kind, None) for kind in kinds}
        works |= {"csv200": lambda: bench.csv(200), "csv2000": lambda: bench.csv(2000)}
        for kind in options.only:
            works[kind]()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--apart"]:
        globals()[sys.argv[2]](*sys.argv[3:])
    else:
        main()
