"""`lsq solve`: x that minimises ½‖Ax − b‖², by the normal equations or by gradient descent."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import (
    Choice,
    Count,
    GroupedCommand,
    Number,
    by_option,
    data_arguments,
    each_option,
    given,
    given_options,
    machine_options,
    model_options,
    normalize_option,
    option,
    output_options,
    refuse,
    together,
    tolerance_option,
    verbosity,
)
from lsq_cli.commands.reading import open_data, reading_options, resources_of, say_notes, say_warnings, say_work
from lsq_cli.commands.shell import CHECK_FAILED, NOT_CONVERGED, Interruption, say
from lsq_cli.core.errors import UsageError
from lsq_cli.methods import RULES, RULES_WITH_RATE

if TYPE_CHECKING:
    from lsq_cli.core.problem import Problem
    from lsq_cli.core.solution import Solution
    from lsq_cli.methods.gd import Descent
    from lsq_cli.report.history import History
    from lsq_cli.report.pictures import Trace
    from lsq_cli.report.progress import DescentBar
    from lsq_cli.runs.solving import Run


class StepName(Choice):
    """A step rule; a number is most likely meant for --learning-rate."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The rule, or a usage error with a suggestion."""
        try:
            float(value)
        except ValueError:
            return super().convert(value, param, ctx)
        raise click.BadParameter(f"{value} is not a step rule; did you mean --learning-rate {value}?", ctx, param)


problem_options = together(
    option(
        "Problem",
        "-m",
        "--method",
        type=click.Choice(["normal", "gd"]),
        default="normal",
        metavar="METHOD",
        help="normal, or gd: gradient descent",
    ),
    model_options,
    option(
        "Problem",
        "--precision",
        type=click.Choice(["extended", "double"]),
        default="extended",
        metavar="HOW",
        help="Sums: extended (exact), double",
    ),
    option(
        "Problem",
        "--rank-tol",
        type=Number(0),
        metavar="T",
        help="Dependent below T of its length  [default: 4√n·2⁻⁵³]",
    ),
    option("Problem", "--min-digits", type=Number(0), metavar="D", help="Exit 4 when fewer digits are sure"),
)

descent_options = together(
    option(
        "Descent",
        "--step",
        type=StepName(RULES),
        default="constant",
        metavar="RULE",
        help=" ".join(RULES),
    ),
    option(
        "Descent",
        "--learning-rate",
        type=Number(above=0),
        metavar="B",
        help=f"Step length of {', '.join(RULES_WITH_RATE)}  [default: 1/λmax]",
    ),
    option("Descent", "--x0", metavar="X", help="Where to start: 1,2.5 or a file  [default: 0]"),
    tolerance_option,
    option(
        "Descent",
        "--max-iter",
        type=Count(0),
        default=100_000,
        metavar="K",
        help="Steps at most",
    ),
    option("Descent", "--time-limit", type=Number(0), metavar="S", help="Seconds of descent at most"),
    normalize_option,
)

iterate_options = together(
    option("Output", "--iterates", default="12", metavar="N", help="Rows shown: N, all or none"),
    option("Output", "--history", metavar="FILE", help="All iterates: .csv .jsonl .npy …"),
    option("Output", "--history-every", type=Count(1), default=1, metavar="K", help="Every K-th iterate"),
    option("Output", "--with-x", is_flag=True, help="With x, in the history"),
    option("Output", "--plot", metavar="FILE", help="Picture of the run: .png .svg .pdf"),
)


@click.command(
    cls=GroupedCommand,
    example="lsq solve sample_data/longley.csv -t y --columns x1,x2 --intercept",
    help="""Find the x that minimises ½‖Ax − b‖².

    DATA is A, then b; or one table whose last column is b; or, with -t, parts of one table. Without DATA
    the table comes through the pipe. Exit codes: 0 solved, 1 data or run error, 2 usage, 3 not converged,
    4 a check failed.
    """,
)
@data_arguments
@each_option
@by_option
@problem_options
@descent_options
@output_options
@iterate_options
@machine_options
@verbosity
@reading_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Read, sum, iterate, report: in that order, and files before standard output."""
    start = perf_counter()
    _check_usage(ctx, options)
    if options["by"]:
        from lsq_cli.commands.groups import check_by, solve_by  # for those who ask for it

        check_by(ctx, options)
        solve_by(ctx, options, _descent)
        return
    if options["each"]:
        from lsq_cli.commands.each import solve_each  # for those who ask for it

        solve_each(ctx, options, _descent)
        return
    interruption = Interruption()
    problem = _read(options)
    solving = perf_counter()
    if options["method"] == "gd":
        interruption.postpone()
    from lsq_cli.core.solution import Outcome
    from lsq_cli.runs.solving import Run

    if options["plot"] is not None and options["method"] == "normal":
        from lsq_cli.report.pictures import refuse_one_step

        refuse_one_step(problem.about.names, problem.about.targets)
    run = Run(problem, _descent(options, problem), interruption.requested, table=True)
    say_notes(run.notes, options)
    say_warnings(run.warnings, options)
    solution, norms = _consume(run, options, start)
    solution = replace(solution, options=given_options(ctx))
    say_warnings([text for text in solution.warnings if text not in (*run.notes, *run.warnings)], options)
    say_work(problem.about, _times(problem, perf_counter() - solving), options)
    _report(solution, norms, options)
    if interruption.exit_code:
        ctx.exit(interruption.exit_code)
    least = options["min_digits"]
    too_few = least is not None and (solution.digits is None or solution.digits < least)
    if too_few:
        sure = "cannot be told" if solution.digits is None else f"{solution.digits:.1f} are sure"
        say("check failed", f"--min-digits {least:g}: {sure}")
    if not solution.converged:
        said = solution.outcome if solution.outcome in (Outcome.DIVERGED, Outcome.STAGNATED) else "not converged"
        say(said, run.advice)
        ctx.exit(NOT_CONVERGED)
    if too_few:
        ctx.exit(CHECK_FAILED)


def _check_usage(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuse, before anything is read, options that do not go together and files that cannot be written."""
    from lsq_cli.report.files import refuse_same
    from lsq_cli.report.iterates import rows_wanted
    from lsq_cli.report.plain import check_output_path

    if options["method"] == "normal":
        descent = ("step", "learning_rate", "x0", "tol", "max_iter", "time_limit", "normalize")
        refuse(ctx, descent, "belongs to gradient descent: add --method gd, or leave it out of --method normal")
    elif options["step"] not in RULES_WITH_RATE:
        theirs = " or ".join(RULES_WITH_RATE)
        refuse(ctx, ("learning_rate",), f"belongs to --step {theirs}, not to --step {options['step']}")
    if (options["rank_tol"] or 0.0) >= 1.0:
        raise UsageError("--rank-tol is a share of a column's length, below 1")
    if options["each"]:
        from lsq_cli.commands.each import check_each

        check_each(ctx, options)
    if options["history"] is None:
        refuse(ctx, ("history_every", "with_x"), "belongs to --history: add --history FILE")
    else:
        from lsq_cli.report.history import check_history_path

        check_history_path(options["history"])
    if options["plot"] is not None:
        from lsq_cli.report.pictures import check_picture_path

        check_picture_path(options["plot"])
    rows_wanted(options["iterates"])
    for path in options["output"]:
        check_output_path(path)
    results = [path for path in (*options["output"], options["history"], options["plot"]) if path is not None]
    refuse_same(results, options["data"])
    if (
        given(ctx, "iterates")
        and options["iterates"] != "none"
        and options["form"] in ("csv", "npy")
        and not any(path.endswith(".json") for path in options["output"])
    ):
        raise UsageError(f"--iterates has no place in --format {options['form']}: use table or json, or --history FILE")
    if options["form"] == "npy" and sys.stdout.isatty():
        raise UsageError("--format npy is binary and standard output is a terminal: add > x.npy, or use -o x.npy")
    options["iterates_asked"] = given(ctx, "iterates")


def _read(options: dict[str, Any]) -> Problem:
    """The first pass over the rows, as a rule the only one."""
    from lsq_cli.problems.choosing import read
    from lsq_cli.problems.summing import ProblemOptions

    source = open_data(options)
    asked = ProblemOptions(*(options[name] for name in ProblemOptions._fields))
    with resources_of(source, options) as resources:
        return read(source, asked, resources, method=options["method"])


def _times(problem: Problem, solving: float) -> str:
    """Where the seconds went, as far as they were taken."""
    reading, summing = problem.about.work
    of_rows = f"{reading:.3f} s reading and {summing:.3f} s summing in all threads, " if any(problem.about.work) else ""
    return f"{of_rows}{solving:.3f} s solving"


def _descent(options: dict[str, Any], problem: Problem) -> Descent | None:
    """What is asked of gradient descent; None for the normal equations."""
    if options["method"] == "normal":
        return None
    from lsq_cli.methods.gd import Descent
    from lsq_cli.methods.stopping import Limits
    from lsq_cli.sources.points import read_start, read_trail

    x0 = None if options["x0"] is None else read_start(options["x0"], problem.about.names, problem.about.targets)
    trail = None if options["x0"] is None else read_trail(options["x0"])
    limits = Limits(options["tol"], options["max_iter"], options["time_limit"])
    return Descent(options["step"], options["learning_rate"], limits, x0, options["normalize"], trail)


def _consume(run: Run, options: dict[str, Any], start: float) -> tuple[Solution, list[float]]:
    """Let the run go by, into the table's rows, the history and ‖∇f‖ over the run."""
    from lsq_cli.report.iterates import Fall, rows_wanted
    from lsq_cli.runs.sampling import IterateSampler

    names, targets = run.problem.about.names, run.problem.about.targets
    sampler = IterateSampler(rows_wanted(options["iterates"]))
    trace, fall = _trace(options), Fall() if options["method"] == "gd" and options["form"] == "table" else None
    with _history(options, names, targets) as history, _bar(run, options) as bar:
        consumers = [consumer.add for consumer in (sampler, history, trace, bar, fall) if consumer is not None]
        for iterate in run:
            for add in consumers:
                add(iterate)
    show = options["iterates_asked"] or options["form"] == "table"
    solution = run.solution(sampler.rows() if show else None, perf_counter() - start)
    if trace is not None:
        _draw(options["plot"], trace, run.problem, solution)
    return solution, fall.norms() if fall else []


def _bar(run: Run, options: dict[str, Any]) -> AbstractContextManager[DescentBar | None]:
    """The line that a long descent shows on standard error, where it is wanted."""
    from lsq_cli.report.progress import DescentBar, wanted

    if options["method"] == "normal" or not wanted(options["progress"], sys.stderr, options["quiet"]):
        return nullcontext()
    steps = options["max_iter"] if run.forecast is None else min(run.forecast, options["max_iter"])
    return DescentBar(sys.stderr, steps, options["time_limit"])


def _trace(options: dict[str, Any]) -> Trace | None:
    """The iterates that a picture shows, where one is asked for."""
    if options["plot"] is None:
        return None
    from lsq_cli.report.pictures import Trace

    return Trace()


def _draw(path: str, trace: Trace, problem: Problem, solution: Solution) -> None:
    """Draw the iterates before the minimum that they are after."""
    from lsq_cli.report.pictures import Landscape, draw
    from lsq_cli.report.tables import run_in_short

    x = problem.x
    if x is None:
        # f* is not known: the least f of the run stands for it.
        least = min(trace.rows(), key=lambda row: row.objective)
        minimum, best = least.objective, least.x
    else:
        minimum = problem.value_at(x).objective
        best = x[:, 0] if len(problem.about.targets) == 1 else x
    landscape = Landscape(problem.about.names, minimum, best, problem.hessian, run_in_short(solution))
    draw(path, trace.rows(), landscape)


def _history(
    options: dict[str, Any], names: tuple[str, ...], targets: tuple[str, ...]
) -> AbstractContextManager[History | None]:
    """The history file, where one is asked for."""
    if not options["history"]:
        return nullcontext()
    from lsq_cli.report.history import History

    return History(options["history"], names, options["history_every"], options["with_x"], targets)


def _report(solution: Solution, norms: list[float], options: dict[str, Any]) -> None:
    """Write the files, then standard output: a reader that closes the pipe early still finds the files."""
    from lsq_cli.report import plain

    plain.write_outputs(solution, options["output"])
    form = options["form"]
    if form == "table":
        from lsq_cli.report.tables import print_solution

        print_solution(solution, sys.stdout, norms)
        return
    plain.WRITERS[f".{form}"](solution, sys.stdout.buffer)
    sys.stdout.buffer.flush()
