"""Time and memory as the data grow.

    python benchmarks/growth.py [--only sizes pipe digits stream] [--repeat 3] [--gigabytes 10] [--folder FOLDER]

    sizes     10⁵, 10⁶, 10⁷ rows of 4 columns of CSV: time and resident memory against size
    pipe      200 MB of CSV through a pipe against the file
    digits    200 MB of CSV, 21 columns of one digit: the most memory that cells take
    stream    10 GB of CSV that another process makes: resident memory as it goes on

What it is for: memory must not grow with the data, nor the time of a row.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import tables
from processes import SOLVE, apart, pairs, run


def sizes(folder: Path, options: argparse.Namespace) -> None:
    """Cost against size."""
    for rows in (10**5, 10**6, 10**7):
        path = tables.made(tables.make_csv, folder / f"{rows}.csv", rows, "digits_17_of_4")
        runs = [run([*SOLVE, str(path)]) for _ in range(options.repeat)]
        seconds = median(one.seconds for one in runs)
        print(
            f"CSV {rows:8} × 4, {path.stat().st_size / 1e6:5.0f} MB  {seconds:6.2f} s  "
            f"{1e6 * seconds / rows:6.2f} s per 10⁶ rows  {max(one.megabytes for one in runs):4.0f} MB",
            flush=True,
        )
        path.unlink()


def pipe(folder: Path, options: argparse.Namespace) -> None:
    """A pipe against a file."""
    path = tables.made(tables.make_csv, folder / "pipe.csv", 488_000, "digits_17")
    found = pairs(lambda: run(SOLVE, stdin=["cat", str(path)]), lambda: run([*SOLVE, str(path)]), options.repeat)
    print(f"CSV 200 MB, pipe against file  {found.wall:.2f} ({found.least:.2f}–{found.most:.2f})", flush=True)
    path.unlink()


def digits(folder: Path, options: argparse.Namespace) -> None:
    """Text that is nearly all delimiters."""
    path = tables.made(tables.make_csv, folder / "digits.csv", 4_800_000, "digits_1")
    runs = [run([*SOLVE, str(path)]) for _ in range(options.repeat)]
    seconds = median(one.seconds for one in runs)
    print(f"CSV 200 MB of one digit  {seconds:6.2f} s  {max(one.megabytes for one in runs):4.0f} MB", flush=True)
    path.unlink()


def stream(folder: Path, options: argparse.Namespace) -> None:
    """Resident memory while a stream goes by that is nowhere as a whole."""
    done = run(SOLVE, stdin=apart(tables.__file__, tables.feed, options.gigabytes), watch=print_memory)
    print(f"{options.gigabytes} GB through a pipe: {done.seconds:.0f} s, at most {done.megabytes:.0f} MB")


def print_memory(process: int) -> None:
    """Print the resident memory of a process every few seconds until it ends."""
    start = perf_counter()
    try:
        while True:
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
            if pages:
                print(f"    {perf_counter() - start:5.0f} s  {megabytes:5.0f} MB", flush=True)
            sleep(5)
    except OSError:
        return


WORKS = {work.__name__: work for work in (sizes, pipe, digits, stream)}


def main() -> None:
    """Make the data, run, take the data away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=WORKS, default=list(WORKS), metavar="WHAT")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name in options.only:
            WORKS[name](Path(folder), options)


if __name__ == "__main__":
    main()
