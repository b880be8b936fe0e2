"""How fast `lsq` is: the whole table, one line a row, each against its yardstick in the same run.

    python benchmarks/speed.py [ROW ...] [--scale 1] [--repeat 5] [--folder FOLDER]

A line says what was done, against what, the middle of the ratios of pairs of runs (ours, then the yardstick), their
range, the same of CPU time where both are processes, what the ratio shall be at most, and whether it is. Data of up to
4 GB are made in FOLDER (a new one under /tmp, taken away afterwards) and read once before they count. `--scale 0.01`
takes a hundredth of the rows, to try the script: start-up is then all there is. Single seconds mean little on a machine
that does something else as well.

    start       a 10 × 3 CSV                                    import numpy, click, rich.table
    csv2000     2 GB of CSV, 21 columns of 17 digits            polars on the whole file, then numpy
    csv200      200 MB of it                                    the same
    memory      the most of 200 MB and 2 GB of CSV              160 MB
    npy         5M × 100 doubles, --precision double            (CPU of reading + CPU of AᵀA) / jobs
    parquet     2M × 21 doubles                                 polars.read_parquet, then numpy
    sums        AᵀA of 200k × 100 and 400k × 10 in memory       numpy.linalg.lstsq
    unknowns    n = 200, 500, 1000 in memory                    the same
    condition   n = 1000, κ = 10¹⁰                              the same
    wide        300 × 1000 with 20 dependent rows               the same
    rowwise     f and ∇f by the rows, 10⁶ × 50                  A.sum()
    by          fit --by, 10⁶ rows in 10⁴ groups                one fit of the same rows
    each        solve --each, 200 files of 1 MB                 polars and lstsq over them
    scheduler   two local workers, start-up taken off           --jobs 2
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import each
import tables
from processes import LSQ, SOLVE, YARDSTICKS, FailedError, Ratios, Run, apart, cores, pairs, read, run, timed

LSTSQ = "numpy.linalg.lstsq"
Lines = Iterator[tuple[str, str, float, Ratios]]
"""What was measured, against what, what it shall be at most, what it was."""
LINE = "{:42} {:24} {:>6} {:>11} {:>6} {:>6}  {}"


class Table:
    """Prints the lines.

    Parameters
    ----------
    folder : Path
        Where the data are made.
    scale : float
        What part of the rows.
    repeat : int
        Pairs of runs.

    Attributes
    ----------
    memory : float
        Megabytes, the most that a CSV file took so far.
    """

    def __init__(self, folder: Path, scale: float, repeat: int) -> None:
        self.folder, self.scale, self.repeat = folder, scale, repeat
        self.memory = 0.0

    def rows(self, count: float) -> int:
        """So many rows, scaled."""
        return max(50, round(count * self.scale))

    def line(self, what: str, against: str, aim: float, found: Ratios) -> None:
        """Print what pairs have found."""
        spread = f"{found.least:.2f}–{found.most:.2f}"
        reached = "reached" if found.wall <= aim else "not reached"
        cpu = f"{found.cpu:.2f}" if found.cpu else ""
        print(LINE.format(what, against, f"{found.wall:.2f}", spread, cpu, f"{aim:g}", reached), flush=True)

    def pair(self, what: str, against: str, aim: float, ours: Callable[[], Run], theirs: Callable[[], Run]) -> Ratios:
        """Measure pairs and print them."""
        found = pairs(ours, theirs, self.repeat)
        self.line(what, against, aim, found)
        return found

    def in_memory(self, work: Callable[[float, int], Lines]) -> None:
        """Print the lines of what is measured in memory, in a process of its own."""
        for text in run(apart(__file__, work, self.scale, self.repeat)).output.splitlines():
            what, against, aim, found = json.loads(text)
            self.line(what, against, aim, Ratios(*found))


def start(table: Table) -> None:
    """A small solve."""
    path = table.folder / "small.csv"
    path.write_text("x,z,y\n" + "".join(f"{k},{k * k % 7},{3 * k + k % 2}\n" for k in range(10)))
    table.pair(
        "solve 10 × 3", "importing", 0.8, lambda: run([*SOLVE, str(path)]), lambda: run([*YARDSTICKS, "imports"])
    )


def csv(table: Table, megabytes: int, aims: tuple[float, float]) -> None:
    """Text of 17 digits."""
    path = tables.made(tables.make_csv, table.folder / "table.csv", table.rows(megabytes * 2440), "digits_17")
    for precision, aim in zip(("double", "extended"), aims, strict=True):
        command = [*SOLVE, "--precision", precision, str(path)]
        ours, theirs = (lambda c=command: run(c)), (lambda: run([*YARDSTICKS, "csv", str(path)]))
        found = table.pair(f"CSV {megabytes} MB, {precision}", "polars and numpy", aim, ours, theirs)
        table.memory = max(table.memory, found.megabytes)
    path.unlink()


def csv2000(table: Table) -> None:
    """2 GB."""
    csv(table, 2000, (0.85, 1.08))


def csv200(table: Table) -> None:
    """200 MB."""
    csv(table, 200, (1.0, 1.1))


def memory(table: Table) -> None:
    """The most of the rows before, or of 200 MB."""
    if not table.memory:
        csv200(table)
    reached = "reached" if table.memory <= 160 else "not reached"
    print(LINE.format("memory of CSV, MB", "", f"{table.memory:.0f}", "", "", "160", reached), flush=True)


def npy(table: Table) -> None:
    """Arithmetic on binary input."""
    folder, rows = table.folder, table.rows(5e6)
    paths = [
        tables.made(tables.make_npy, folder / "A.npy", rows, 100),
        tables.made(tables.make_npy, folder / "b.npy", rows),
    ]

    def floor() -> Run:
        cpu = read(*paths).cpu + float(run([*YARDSTICKS, "gram", str(paths[0])]).output)
        return Run(cpu / cores(), cpu)

    command = [*SOLVE, "--precision", "double", *map(str, paths)]
    table.pair(f"NPY {rows} × 100, double", "(reading + AᵀA) / jobs", 1.2, lambda: run(command), floor)
    for path in paths:
        path.unlink()


def parquet(table: Table) -> None:
    """Columns of doubles."""
    path = tables.made(tables.make_parquet, table.folder / "table.parquet", table.rows(2e6))
    for precision in ("double", "extended"):
        command = [*SOLVE, "--precision", precision, str(path)]
        ours, theirs = (lambda c=command: run(c)), (lambda: run([*YARDSTICKS, "parquet", str(path)]))
        table.pair(f"Parquet {table.rows(2e6)} × 21, {precision}", "polars and numpy", 1.2, ours, theirs)
    path.unlink()


def sums(table: Table) -> None:
    """AᵀA of rows in memory."""
    table.in_memory(sums_here)


def sums_here(scale: float, repeat: int) -> Lines:
    """Exact and double sums of normal data."""
    import numpy as np

    from lsq_cli.exact.doublesums import DoubleSums
    from lsq_cli.exact.errorfree import ExactSums

    for m, n, exact, double in ((200_000, 100, 0.5, 0.1), (400_000, 10, 1.3, 0.2)):
        M = np.random.default_rng(1).standard_normal((max(200, round(m * scale)), n + 1))
        A, b = M[:, :n].copy(), M[:, n:].copy()
        for kind, aim in ((ExactSums, exact), (DoubleSums, double)):
            found = pairs(
                lambda A=A, b=b, kind=kind: timed(lambda: kind(A.shape[1], 1).add(A, b)),
                lambda A=A, b=b: timed(lambda: np.linalg.lstsq(A, b, rcond=None)),
                repeat,
            )
            yield f"{kind.__name__} {len(A)} × {n}", LSTSQ, aim, found


def unknowns(table: Table) -> None:
    """Many unknowns."""
    table.in_memory(unknowns_here)


def unknowns_here(scale: float, repeat: int) -> Lines:
    """The default solve at κ = 10³."""
    for n, aim in ((200, 12), (500, 8), (1000, 5)):
        yield _solved(max(40, round(n * scale)), 1e3, aim, repeat)


def condition(table: Table) -> None:
    """Many unknowns that are hard to tell apart."""
    table.in_memory(condition_here)


def condition_here(scale: float, repeat: int) -> Lines:
    """The default solve at κ = 10¹⁰."""
    yield _solved(max(40, round(1000 * scale)), 1e10, 15, repeat)


def wide(table: Table) -> None:
    """Fewer rows than unknowns, some of them dependent."""
    table.in_memory(wide_here)


def wide_here(scale: float, repeat: int) -> Lines:
    """300 × 1000, of which 20 rows are others again."""
    import numpy as np

    m, n, same = (max(2, round(size * scale)) for size in (300, 1000, 20))
    A, b = np.random.default_rng(0).standard_normal((m, n)), np.arange(float(m))
    A[m - same :], b[m - same :] = A[:same], b[:same]
    yield f"solve {m} × {n}, {same} dependent rows", LSTSQ, 20, _against_lstsq(A, b, repeat)


def _solved(n: int, kappa: float, aim: float, repeat: int) -> tuple[str, str, float, Ratios]:
    """The default solve of 4n × n."""
    from unknowns import spectrum

    return f"solve {4 * n} × {n}, κ = {kappa:.0e}", LSTSQ, aim, _against_lstsq(*spectrum(n, kappa), repeat)


def _against_lstsq(A: Any, b: Any, repeat: int) -> Ratios:
    """`lsq_cli.solve` in memory against the library."""
    import numpy as np

    import lsq_cli

    lsq_cli.solve(np.eye(40), np.ones(40))  # loads what it needs
    return pairs(
        lambda: timed(lambda: lsq_cli.solve(A, b)), lambda: timed(lambda: np.linalg.lstsq(A, b, rcond=None)), repeat
    )


def rowwise(table: Table) -> None:
    """A step by the rows."""
    table.in_memory(rowwise_here)


def rowwise_here(scale: float, repeat: int) -> Lines:
    """f and ∇f with one job and with two."""
    from rowwise import problem_of

    for jobs, aim in ((1, 1.4), (2, 0.9)):
        A, step = problem_of(max(100, round(1_000_000 * scale)), 50, jobs)
        found = pairs(lambda step=step: timed(step), lambda A=A: timed(A.sum), 3 * repeat)
        yield f"row-wise step {len(A)} × 50, jobs {jobs}", "A.sum()", aim, found


def by(table: Table) -> None:
    """A fit for every group."""
    if not _has("fit", "--by"):
        print("by: left out, for this lsq has no fit --by")
        return
    rows = table.rows(1e6)
    path = tables.made(tables.make_groups, table.folder / "groups.csv", rows, max(5, rows // 100))
    fit = [*LSQ, "fit", "y ~ x1 + x2 + x3 + x4 + x5", str(path), "-q", "-f", "json"]
    table.pair(
        f"fit --by, {rows} rows in {max(5, rows // 100)} groups",
        "one fit",
        5,
        lambda: run([*fit, "--by", "g"]),
        lambda: run(fit),
    )
    path.unlink()


def each_file(table: Table) -> None:
    """Many files."""
    ours, theirs = each.large(table.folder / "each", table.rows(9500))
    table.pair(f"solve --each, {each.FILES} files", "polars and lstsq", 1.0, lambda: run(ours), lambda: run(theirs))


def scheduler(table: Table) -> None:
    """Two workers of Dask."""
    if not _has("solve", "--scheduler"):
        print("scheduler: left out, for this lsq has no solve --scheduler")
        return
    path = tables.made(tables.make_csv, table.folder / "table.csv", table.rows(1000 * 2440), "digits_17")
    small = table.folder / "small.csv"
    small.write_text("x,y\n1,2\n2,3\n3,5\n")
    workers, threads = [*SOLVE, "--scheduler", "local:2"], [*SOLVE, "--jobs", "2"]

    def work(command: list[str]) -> Run:
        begun, done = run([*command, str(small)]), run([*command, str(path)])
        return Run(max(1e-3, done.seconds - begun.seconds), max(1e-3, done.cpu - begun.cpu), output=done.output)

    table.pair("2 local workers", "--jobs 2", 1.3, lambda: work(workers), lambda: work(threads))
    same = work(workers).output == work(threads).output
    print(f"  {'the same bits' if same else 'OTHER BITS'}")
    path.unlink()


def _has(verb: str, option: str) -> bool:
    """Whether a verb has an option."""
    return option in run([*LSQ, verb, "--help"]).output


ROWS: dict[str, Callable[[Table], None]] = {
    work.__name__: work
    for work in (start, csv2000, csv200, memory, npy, parquet, sums, unknowns, condition, wide, rowwise, by)
} | {"each": each_file, "scheduler": scheduler}


def main() -> None:
    """Make the data, run the pairs, take the data away."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all of them, where none is named")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no row {unknown[0]}; there are {' '.join(ROWS)}")
    print(LINE.format("what", "against", "ratio", "range", "CPU", "aim", ""))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        table = Table(Path(folder), options.scale, options.repeat)
        for name in options.rows or ROWS:
            try:
                ROWS[name](table)
            except FailedError as error:
                print(f"{name}: left out, for {error}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--apart"]:
        for said in globals()[sys.argv[2]](float(sys.argv[3]), int(sys.argv[4])):
            print(json.dumps(said))
    else:
        main()
