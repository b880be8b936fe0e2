"""`--by`: one fit, or one problem, for every group of the rows of a table."""

from __future__ import annotations

import sys
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import given, given_options, refuse
from lsq_cli.commands.reading import model_asked, open_named, resources_of, say_notes, say_warnings
from lsq_cli.commands.shell import CHECK_FAILED, NOT_CONVERGED, Interruption, say
from lsq_cli.core.errors import UsageError, counted, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lsq_cli.core.groups import GroupedSolution
    from lsq_cli.core.problem import Problem
    from lsq_cli.methods.gd import Descent
    from lsq_cli.problems.sampled import Sample

_OF_ONE_RUN = ("iterates", "history", "history_every", "with_x", "influence")
_MOST_SAID = 5
"""Groups that are named on standard error, of each kind of trouble."""


def check_by(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuse, before anything is read, what has no place beside many results."""
    from lsq_cli.report.groups import check_output_path
    from lsq_cli.sources.states import is_state

    for path in filter(is_state, options["data"]):
        raise UsageError(f"--by needs rows, and {shown(path)} is a state: it has the sums of all of them together")
    if options["each"]:
        raise UsageError("--each and --by do not go together: one makes a problem of every file, the other of groups")
    known = {parameter.name for parameter in ctx.command.params}
    refuse(ctx, tuple(name for name in _OF_ONE_RUN if name in known), "is for one run, and --by has one for each group")
    if "method" in known:  # the picture of a fit has a panel for each group
        refuse(ctx, ("plot",), "is for one run, and --by has one for each group")
    if options.get("precision") == "double":
        raise UsageError("--precision double and --by do not go together: groups are summed exactly")
    if given(ctx, "form") and options["form"] == "npy":
        raise UsageError("--format npy and --by do not go together: groups need names; use -f csv or -f json")
    for path in options["output"]:
        check_output_path(path)


def fit_by(ctx: click.Context, options: dict[str, Any], formula: str | None) -> None:
    """`lsq fit --by`: read, fit each group, report."""
    from lsq_cli.core.extras import load
    from lsq_cli.runs.fitting import FitOptions
    from lsq_cli.runs.fitting_groups import fit_groups

    start = perf_counter()
    Interruption()
    if not options["ridge"]:
        load("scipy.special", "fit", "the p of a coefficient")
    twice = options["vcov"] != "iid" or options["plot"] is not None
    records = open_named(options, target=options["target"], missing=options["missing"], twice=twice)
    model = model_asked(formula, records, options)
    if options["plot"] is not None and len(model.targets) > 1:
        raise UsageError("--plot draws one target; give one of them")
    asked = FitOptions(*(options[name] for name in FitOptions._fields))
    with resources_of(records, options) as resources:
        samples: list[tuple[str, Sample]] = []
        pictured = None if options["plot"] is None else samples.extend
        found = fit_groups(records, model, options["by"], asked, resources, pictured)
    if options["plot"] is not None:
        from lsq_cli.report.fit_pictures import draw_groups  # as above

        draw_groups(options["plot"], samples, found)
    _finish(ctx, options, found, start)


def solve_by(
    ctx: click.Context, options: dict[str, Any], descent_of: Callable[[dict[str, Any], Problem], Descent | None]
) -> None:
    """`lsq solve --by`: read, solve each group, report."""
    from lsq_cli.commands.reading import request_of
    from lsq_cli.problems.summing import ProblemOptions
    from lsq_cli.runs.solving_groups import select_groups, solve_groups

    start = perf_counter()
    Interruption()
    refuse_two_tables(options["data"], options["target"])
    records = open_named(options, target=options["target"], missing=options["missing"])
    selection = select_groups(records, options["by"], request_of(options))
    asked = ProblemOptions(*(options[name] for name in ProblemOptions._fields))

    def descent(problem: Problem) -> Descent:
        found = descent_of(options, problem)
        assert found is not None  # the method is no other
        return found

    with resources_of(records, options) as resources:
        descend = None if options["method"] == "normal" else descent
        found = solve_groups(records, selection, options["by"], asked, resources, descend)
    _finish(ctx, options, found, start)


def refuse_two_tables(data: tuple[str, ...], target: tuple[str, ...]) -> None:
    """`UsageError` for A and b in a file each: groups are those of one table's rows."""
    if len(data) > 1 and not target:
        raise UsageError("--by needs one table with A, b and the groups: add -t NAME, and all paths are its parts")


def _finish(ctx: click.Context, options: dict[str, Any], found: GroupedSolution, start: float) -> None:
    """Say what there is to say, write files and standard output, and end with the worst code of all groups."""
    from lsq_cli.report.groups import report

    found = replace(found, options=given_options(ctx))
    say_notes(found.notes, options)
    say_warnings(found.warnings, options)
    for kind, text in found.said():
        if kind == "error" or not options["quiet"]:
            say(kind, text)
    if options["verbose"] and not options["quiet"]:
        rows = f"{counted(found.rows_read, 'row')} read, {found.rows} used, {counted(len(found.all_groups), 'group')}"
        say("info", f"{rows}, {perf_counter() - start:.3f} s")
    report(found, options["form"], options["output"], sys.stdout)
    codes = _codes(found, options.get("min_digits"))
    if codes:
        ctx.exit(next(code for code in (1, NOT_CONVERGED, CHECK_FAILED) if code in codes))


def _codes(found: GroupedSolution, least: float | None) -> set[int]:
    """The exit codes of all groups but 0; says which groups did not converge, or have too few digits."""
    codes = {1 for one in found.all_groups if one.error is not None}
    solved = [(one, one.solution) for one in found.all_groups if one.solution is not None]
    if unfinished := [f"{shown(one.name)}: {one.advice}" for one, solution in solved if not solution.converged]:
        _say_some("not converged", unfinished)
        codes.add(NOT_CONVERGED)
    if least is not None:
        known = [(one, solution.digits) for one, solution in solved]
        few = [(one, digits) for one, digits in known if digits is None or digits < least]
        said = ["cannot be told" if digits is None else f"{digits:.1f} are sure" for _, digits in few]
        asked = f"--min-digits {least:g}"
        if few:
            pairs = zip(few, said, strict=True)
            _say_some("check failed", [f"{shown(one.name)}: {asked}: {text}" for (one, _), text in pairs])
            codes.add(CHECK_FAILED)
    return codes


def _say_some(kind: str, sentences: list[str]) -> None:
    """Say the first few of some sentences, and how many more there are."""
    for sentence in sentences[:_MOST_SAID]:
        say(kind, sentence)
    if len(sentences) > _MOST_SAID:
        say(kind, f"{len(sentences) - _MOST_SAID} more groups")
