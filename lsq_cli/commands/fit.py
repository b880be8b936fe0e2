"""`lsq fit`: regression on a table, with a formula, and what is known of each coefficient."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import (
    Count,
    GroupedCommand,
    Number,
    by_option,
    data_arguments,
    each_option,
    given_options,
    machine_options,
    option,
    output_options,
    together,
    verbosity,
)
from lsq_cli.commands.reading import model_asked, open_named, reading_options, resources_of, say_notes, say_warnings
from lsq_cli.commands.shell import Interruption, say
from lsq_cli.core.errors import ProblemError, UsageError, counted, shown

if TYPE_CHECKING:
    from lsq_cli.core.solution import Solution
    from lsq_cli.problems.sampled import Sample
    from lsq_cli.problems.second_pass import SecondPass
    from lsq_cli.sources.records import Records

model_options = together(
    option("Problem", "--no-intercept", is_flag=True, help="No column of ones: - 1 in a formula"),
    option(
        "Problem",
        "--ridge",
        type=Number(0),
        default=0.0,
        metavar="LAMBDA",
        help="Add ½λ‖x‖²; no standard errors  [default: 0]",
    ),
    option(
        "Problem",
        "--vcov",
        default="iid",
        show_default=True,
        metavar="KIND",
        help="iid, HC0 to HC3, cluster:COL[,COL]",
    ),
    option(
        "Problem",
        "--confidence",
        type=Number(above=0),
        default=0.95,
        show_default=True,
        metavar="C",
        help="Of the intervals",
    ),
    option("Problem", "--influence", type=Count(1), metavar="K", help="The K rows that move x most  [default: none]"),
    option("Problem", "--rank-tol", type=Number(0), metavar="T", help="Dependent below  [default: 4√n·2⁻⁵³]"),
)


@click.command(
    cls=GroupedCommand,
    example="lsq fit 'y ~ x1 + x6' sample_data/longley.csv",
    short_help="Regression with a formula, standard errors and p.",
    help="""Fit a linear model by least squares, and say how sure its coefficients are.

    The first argument with a ~ is the formula, as in R and statsmodels; without one, -t says what is
    explained and all other columns explain it. Every path is a part of one table. Text and true/false
    columns are categories, C(year) makes one of numbers, dates are seconds since 1970. With | g at its end
    the formula has an intercept for each level of g, which is not shown. Several formulas stand side by side.
    """,
)
@data_arguments
@each_option
@by_option
@model_options
@output_options
@option("Output", "--plot", metavar="FILE", help="Residuals: .png .svg .pdf")
@machine_options
@verbosity
@reading_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Read, sum, solve, report: in that order, and files before standard output."""
    start = perf_counter()
    formulas, options["data"] = _formulas_and_paths(options["data"])
    formula = formulas[0] if formulas else None
    _check_usage(formula, options)
    if formulas:
        _load_patsy()
    if options["by"]:
        from lsq_cli.commands.groups import check_by, fit_by  # for those who ask for it

        check_by(ctx, options)
        if len(formulas) > 1:
            raise UsageError("--by takes one formula: several stand side by side for one table")
        fit_by(ctx, options, formula)
        return
    if len(formulas) > 1:
        _several(ctx, formulas, options, start)
        return
    if options["each"]:
        from lsq_cli.commands.each import Solved, check_each, run_each  # for those who ask for it

        check_each(ctx, options)
        alone = {"jobs": 1, "progress": False, "verbose": False}
        run_each(ctx, options, lambda path: Solved(_fitted(formula, {**options, **alone, "data": (path,)})))
        return
    Interruption()
    sampled: list[Sample] = []
    solution = _fitted(formula, options, sampled)
    solution = replace(solution, options=given_options(ctx))
    say_notes((*solution.notes, *_unshown(solution, options)), options)
    say_warnings(solution.warnings, options)
    _say_rows(solution, options, start)
    for sample in sampled:
        from lsq_cli.report.fit_pictures import draw_fit  # for those who ask for it

        draw_fit(options["plot"], sample, solution)
    _report(solution, options)


def _load_patsy() -> None:
    """Import patsy without pandas, which it takes in where it is installed: most of the start, and 60 MB, for nothing.

    For the command alone: in somebody's Python patsy would be without it for good.
    """
    from lsq_cli.core.extras import load

    modules: dict[str, Any] = sys.modules
    hidden = "pandas" not in modules
    if hidden:
        modules["pandas"] = None
    try:
        load("patsy", "fit", "a formula")
    finally:
        if hidden:
            del modules["pandas"]


def _fitted(formula: str | None, options: dict[str, Any], sampled: list[Sample] | None = None) -> Solution:
    """The regression on the table, which is read here; the rows that a picture shows go to `sampled`."""
    from lsq_cli.runs.fitting import FitOptions, fit

    records = _open(options)
    model = model_asked(formula, records, options)
    asked = FitOptions(*(options[name] for name in FitOptions._fields))
    with resources_of(records, options) as resources:
        plotted = sampled is not None and options["plot"] is not None
        if model.absorbed is not None:
            from lsq_cli.runs.absorbing import fit_absorbed  # for those who ask for it

            if plotted:
                raise UsageError(f"--plot and | {shown(model.absorbed)} do not go together; write + C(…)")
            return fit_absorbed(records, model, asked, resources)
        if sampled is None or not plotted:
            return fit(records, model, asked, resources)
        if len(model.targets) > 1:
            raise UsageError("--plot draws one target; give one of them")
        return fit(records, model, asked, resources, lambda again, found: sampled.append(_sample(again, found)))


def _sample(again: SecondPass, solution: Solution) -> Sample:
    """The rows that the picture shows."""
    from lsq_cli.core.solution import Statistics
    from lsq_cli.problems.sampled import sample

    found = solution.statistics
    if not (isinstance(found, Statistics) and found.sigma > 0.0):
        raise ProblemError(
            "--plot: there are no residuals to draw: the fit is perfect, or no degree of freedom is left"
        )
    return sample(again, found)


def _several(ctx: click.Context, formulas: tuple[str, ...], options: dict[str, Any], start: float) -> None:
    """Fit several formulas in one pass, and report them side by side."""
    from lsq_cli.commands.several import check_several, report_several  # for those who ask for it
    from lsq_cli.runs.fitting import FitOptions
    from lsq_cli.runs.several import fit_several

    check_several(ctx, options)
    Interruption()
    records = _open(options)
    models = [model_asked(formula, records, options) for formula in formulas]
    asked = FitOptions(*(options[name] for name in FitOptions._fields))
    with resources_of(records, options) as resources:
        found = fit_several(records, models, asked, resources)
    _say_rows(found.models[0], options, start)
    report_several(found, given_options(ctx), options)


def _unshown(solution: Solution, options: dict[str, Any]) -> tuple[str, ...]:
    """A note on what was absorbed, for the forms that have no place for it."""
    what = solution.extra.get("absorbed")
    if what is None or options["form"] not in ("csv", "npy"):
        return ()
    return (f"absorbed: {shown(what['column'])}, {counted(what['levels'], 'level')}, not shown",)


def _say_rows(solution: Solution, options: dict[str, Any], start: float) -> None:
    """With --verbose: how many rows there were, and how long it took."""
    if options["verbose"] and not options["quiet"]:
        rows = f"{counted(solution.rows_read, 'row')} read, {solution.rows} used"
        say("info", f"{rows}, {perf_counter() - start:.3f} s")


def _formulas_and_paths(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arguments that are formulas, and the others."""
    from glob import glob

    from lsq_cli.terms.formula import looks_like_formula

    formulas: list[str] = []
    for argument in arguments:
        # A second one may be a file that is gone, or a pattern: it is a formula if nothing else.
        if looks_like_formula(argument) and not os.path.lexists(argument) and not (formulas and glob(argument)):
            formulas.append(argument)
    return tuple(formulas), tuple(argument for argument in arguments if argument not in formulas)


def _check_usage(formula: str | None, options: dict[str, Any]) -> None:
    """Refuse, before anything is read, options that do not go together and files that cannot be written."""
    from lsq_cli.problems.kinds import check_vcov
    from lsq_cli.report.files import refuse_same
    from lsq_cli.report.plain import check_output_path

    if formula is None and not options["target"]:
        raise UsageError("what is to be explained? give a formula in quotes, lsq fit 'y ~ a + b' DATA, or -t NAME")
    if formula is not None:
        for name in ("target", "columns"):
            if options[name]:
                raise UsageError(f"--{name} and the formula both say what the model is; give one of them")
        if options["no_intercept"]:
            raise UsageError("--no-intercept is - 1 in a formula: write it there")
    if options["confidence"] >= 1:
        raise UsageError("--confidence is a share below 1, as 0.95")
    if (options["rank_tol"] or 0.0) >= 1.0:
        raise UsageError("--rank-tol is a share of a column's length, below 1")
    check_vcov(options["vcov"])
    if options["ridge"] and options["vcov"] != "iid":
        raise UsageError("--vcov and --ridge do not go together: a ridge has no standard errors")
    if options["ridge"] and options["influence"]:
        raise UsageError("--influence and --ridge do not go together: Cook's distance is that of plain least squares")
    if options["ridge"] and options["plot"]:
        raise UsageError("--plot and --ridge do not go together: it draws leverages, those of plain least squares")
    for path in options["output"]:
        check_output_path(path)
    if options["plot"] is not None:
        from lsq_cli.report.pictures import check_picture_path

        check_picture_path(options["plot"])
    in_json = any(path.endswith(".json") for path in options["output"])
    if options["influence"] and options["form"] in ("csv", "npy") and not in_json:
        raise UsageError(f"--influence has no place in --format {options['form']}: use table or json, or -o FILE.json")
    refuse_same([*options["output"], *([options["plot"]] if options["plot"] else [])], options["data"])
    if options["form"] == "npy" and sys.stdout.isatty():
        raise UsageError("--format npy is binary and standard output is a terminal: add > x.npy, or use -o x.npy")


def _open(options: dict[str, Any]) -> Records:
    """The table, with what was found about it."""
    from lsq_cli.core.extras import load

    if not options["ridge"]:
        load("scipy.special", "fit", "the p of a coefficient")
    twice = options["vcov"] != "iid" or options["influence"] is not None or options["plot"] is not None
    asked = {name: options[name] for name in ("target", "missing", "weights")}
    return open_named(options, **asked, twice=twice)


def _report(solution: Solution, options: dict[str, Any]) -> None:
    """Write the files, then standard output."""
    from lsq_cli.report import plain

    plain.write_outputs(solution, options["output"])
    if options["form"] == "table":
        from lsq_cli.report.regression import print_fit

        print_fit(solution, sys.stdout)
        return
    plain.WRITERS[f".{options['form']}"](solution, sys.stdout.buffer)
    sys.stdout.buffer.flush()
