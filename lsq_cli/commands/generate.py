"""`lsq generate`: a least-squares problem with a known x, written as a stream."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import Count, GroupedCommand, Number, option, verbosity
from lsq_cli.commands.shell import Interruption, say
from lsq_cli.core.errors import UsageError

if TYPE_CHECKING:
    from lsq_cli.report.matrices import MatrixWriter
    from lsq_cli.report.plain import Writable
    from lsq_cli.runs.generating import KnownProblem

_STANDARD_OUTPUT = ("-", "/dev/stdout")
_DEFAULT_CONDITION = 10.0


@click.command(
    cls=GroupedCommand,
    example="lsq generate 1000 5 A.csv b.csv --condition 1e6 > x.csv",
    short_help="Write a problem whose x is known.",
    help="""Write A (M rows, N columns), b = Ax + noise, and print the x.

    The names end in .csv or .npy, each also .gz, .bz2 or .xz; - is CSV on standard output. The same name
    twice makes one table with b as its last column: lsq generate 1000 5 - - | lsq solve. The noise is
    orthogonal to the columns of A, so x is the least-squares solution and ‖Ax − b‖ is S√M. K is the
    condition of A as it is, and of A with its columns scaled to one length.
    """,
)
@click.argument("rows", metavar="M", type=Count(1))
@click.argument("columns", metavar="N", type=Count(1))
@click.argument("a_path", metavar="A", type=click.Path(allow_dash=True))
@click.argument("b_path", metavar="b", type=click.Path(allow_dash=True))
@option("Problem", "--condition", type=Number(1), metavar="K", help="Condition number of A  [default: 10]")
@option("Problem", "--noise", type=Number(0), default=0.0, metavar="S", help="Root mean square of Ax − b")
@option("Problem", "--seed", type=Count(0), default=0, metavar="I", help="Same seed, same bytes")
@option("Output", "-o", "--output", metavar="FILE", help="Write x to .csv or .npy  [default: standard output]")
@verbosity
def command(rows: int, columns: int, a_path: str, b_path: str, **options: Any) -> None:
    """Check the names, make the blocks, write them, print x."""
    from lsq_cli.report.files import check_path, refuse_same

    Interruption()
    paths = _distinct(a_path, b_path)
    if options["output"] is not None:
        check_path(options["output"], (".csv", ".npy"))
        refuse_same([path for path in (*paths, options["output"]) if path not in _STANDARD_OUTPUT])
    from lsq_cli.runs.generating import KnownProblem

    condition = options["condition"]
    if condition is None:
        condition = 1.0 if columns == 1 else _DEFAULT_CONDITION
    problem = KnownProblem(rows, columns, condition, options["noise"], options["seed"])
    with ExitStack() as stack:  # the files take their names when all of them are complete
        _write(problem, paths, stack)
        if options["output"] is not None:
            from lsq_cli.report.files import AtomicFile

            _write_x(problem, stack.enter_context(AtomicFile(options["output"])), options["output"])
    if options["output"] is None:
        if not set(paths) & set(_STANDARD_OUTPUT):
            _write_x(problem, sys.stdout.buffer, "")
        elif not options["quiet"]:
            say("note", "x is not written: standard output has the table; -o x.csv keeps x")
    sys.stdout.buffer.flush()


def _distinct(a_path: str, b_path: str) -> tuple[str, ...]:
    """The two paths, or the one that both name."""
    if a_path == b_path or os.path.realpath(a_path) == os.path.realpath(b_path):
        return (a_path,)
    if a_path in _STANDARD_OUTPUT and b_path in _STANDARD_OUTPUT:
        raise UsageError("A and b both go to standard output: for one table name it the same way twice, - -")
    return (a_path, b_path)


def _write(problem: KnownProblem, paths: tuple[str, ...], stack: ExitStack) -> None:
    """The rows, to A and b apart or side by side."""
    import numpy as np

    names = tuple(f"x{k + 1}" for k in range(problem.columns))
    if len(paths) == 1:
        table = _writer(paths[0], (*names, "b"), problem.rows, stack)
        for A, b in problem.blocks():
            table.add(np.column_stack([A, b]))
        table.finish()
        return
    writers = [
        _writer(path, columns, problem.rows, stack) for path, columns in zip(paths, (names, ("b",)), strict=True)
    ]
    for A, b in problem.blocks():
        writers[0].add(A)
        writers[1].add(b[:, None])
    for writer in writers:
        writer.finish()


def _writer(path: str, names: tuple[str, ...], rows: int, stack: ExitStack) -> MatrixWriter:
    """A matrix on its way to a file or to standard output."""
    from lsq_cli.report.files import AtomicFile
    from lsq_cli.report.matrices import MatrixWriter, check_matrix_path

    if path in _STANDARD_OUTPUT:
        return MatrixWriter(sys.stdout.buffer, names, rows)
    form, compression = check_matrix_path(path)
    return MatrixWriter(stack.enter_context(AtomicFile(path)), names, rows, form, compression)


def _write_x(problem: KnownProblem, stream: Writable, path: str) -> None:
    """The known x: ``name,value`` lines, or an NPY array."""
    from lsq_cli.report.plain import write_csv_row, write_npy_header

    if path.lower().endswith(".npy"):
        write_npy_header("<f8", problem.x.shape, stream)
        stream.write(problem.x.astype("<f8").tobytes())
        return
    write_csv_row(("name", "value"), stream)
    for k, value in enumerate(problem.x.tolist()):
        write_csv_row((f"x{k + 1}", value), stream)
