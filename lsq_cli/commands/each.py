"""`--each`: every path is a table and a problem of its own; a line for each, which may be an error."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lsq_cli.commands.options import given, given_options, refuse
from lsq_cli.commands.reading import request_of
from lsq_cli.commands.shell import CHECK_FAILED, NOT_CONVERGED, Interruption, say
from lsq_cli.core.errors import OpenError, UsageError, shown

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.core.solution import Solution
    from lsq_cli.methods.gd import Descent

_WORST_FIRST = (1, NOT_CONVERGED, CHECK_FAILED, 0)


class Solved(NamedTuple):
    """One file's solution, and what there is to say of it."""

    solution: Solution
    advice: str = ""
    """What to try next, of a run that did not converge."""


def check_each(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuse, before anything is read, what has no place beside many results."""
    if not options["data"]:
        raise UsageError("--each needs paths: every path is a problem of its own")
    refuse(ctx, ("output", "history", "plot"), "is for one result, and --each has many: send standard output to a file")
    refuse(ctx, ("scheduler",), "is for one table, and --each has many, each read by one thread: leave it out")
    if given(ctx, "form") and options["form"] not in ("json", "csv"):
        raise UsageError(f"--each writes a line a file: use -f json or -f csv, not -f {options['form']}")


def solve_each(
    ctx: click.Context, options: dict[str, Any], descent_of: Callable[[dict[str, Any], Problem], Descent | None]
) -> None:
    """`run_each` for ``lsq solve``."""
    run_each(ctx, options, lambda path: _solved(path, options, descent_of))


def run_each(ctx: click.Context, options: dict[str, Any], work: Callable[[str], Solved]) -> None:
    """Do `work` on file by file, several at once; write results in the order of the paths; exit with the worst code."""
    from lsq_cli.report.many import CsvLines, JsonLines
    from lsq_cli.runs.each import each

    Interruption()
    written = given_options(ctx)
    lines = (CsvLines if options["form"] == "csv" else JsonLines)(sys.stdout.buffer)
    notes: Counter[str] = Counter()
    codes = {0}
    for path, solved, error in each(_paths(options), work, options["jobs"]):
        if solved is not None:
            solution = replace(solved.solution, options=written)
            error = lines.add(solution)
            notes.update(solution.notes)
        if error is not None:
            # A formula's error speaks of columns and knows no file.
            message = f"{shown(path, 4096)}: {error}" if isinstance(error, UsageError) else str(error)
            lines.add_error(path, message)
            say("error", message)
            codes.add(1)
        elif solved is not None:
            codes |= _said(path, solved, options)
    sys.stdout.buffer.flush()
    if not options["quiet"]:
        for note, count in notes.items():
            say("note", note if count == 1 else f"{note} ({count} files)")
    ctx.exit(next(code for code in _WORST_FIRST if code in codes))


def _paths(options: dict[str, Any]) -> list[str]:
    """The files, patterns expanded; one that matches nothing stands for itself, and is an error in its place."""
    from lsq_cli.sources.paths import expanded, refuse_two_streams

    paths: list[str] = []
    for path in options["data"]:
        try:
            paths += expanded(path)
        except OpenError:
            paths.append(path)
    refuse_two_streams(paths)
    return paths


def _solved(
    path: str, options: dict[str, Any], descent_of: Callable[[dict[str, Any], Problem], Descent | None]
) -> Solved:
    """One file from its first byte to its solution, by one thread."""
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.choosing import read
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.report.iterates import rows_wanted
    from lsq_cli.runs.sampling import IterateSampler
    from lsq_cli.runs.solving import Run
    from lsq_cli.sources.opening import open_source

    start = perf_counter()
    source = open_source((path,), request_of(options), sys.stdin.buffer)
    asked = ProblemOptions(*(options[name] for name in ProblemOptions._fields))
    problem = read(source, asked, Resources(1, options["memory"]), method=options["method"])
    run = Run(problem, descent_of(options, problem), table=True)
    sampler = IterateSampler(rows_wanted(options["iterates"]))
    for iterate in run:
        sampler.add(iterate)
    rows = sampler.rows() if options["iterates_asked"] else None
    solution = run.solution(rows, perf_counter() - start)
    return Solved(solution, "" if solution.converged else run.advice)


def _said(path: str, solved: Solved, options: dict[str, Any]) -> set[int]:
    """Say what is to be said of one solution, and return its exit codes."""
    solution, where = solved.solution, shown(path, 4096)
    codes = set()
    if not options["quiet"]:
        for warning in solution.warnings:
            if warning not in solution.notes:
                say("warning", f"{where}: {warning}")
    if not solution.converged:
        say("not converged", f"{where}: {solved.advice}")
        codes.add(NOT_CONVERGED)
    least = options.get("min_digits")
    if least is not None and (solution.digits is None or solution.digits < least):
        sure = "cannot be told" if solution.digits is None else f"{solution.digits:.1f} are sure"
        say("check failed", f"{where}: --min-digits {least:g}: {sure}")
        codes.add(CHECK_FAILED)
    return codes
