"""What the verbs that read rows share: opening DATA, the bar while it is read, and what -v says of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import option, together
from lsq_cli.commands.shell import Terminated, say
from lsq_cli.core.errors import OpenError, UsageError, counted, elided, shown

if TYPE_CHECKING:
    from lsq_cli.core.problem import About
    from lsq_cli.engines.resources import Resources
    from lsq_cli.engines.scheduler import Cluster
    from lsq_cli.runs.gradient import Gradient
    from lsq_cli.sources.blocks import Source
    from lsq_cli.sources.columns import Request
    from lsq_cli.sources.records import Records
    from lsq_cli.terms.formula import Formula

WRITTEN = (
    *("na", "no_default_na", "skip", "header", "delimiter", "decimal", "comment", "encoding", "sheet", "input_format"),
)
"""The options that say how the data are written: fields of `Request` of these names."""
_REQUEST = ("target", "columns", "drop", "weights", "missing", *WRITTEN)

reading_options = together(
    option(
        "Output", "--progress/--no-progress", default=None, help="Bar; lines in a log  [default: terminal, after 1 s]"
    ),
    option("Output", "-v", "--verbose", is_flag=True, help="How DATA was understood, and times"),
)


def request_of(options: dict[str, Any], *, alone: bool = False) -> Request:
    """What the options say about the data."""
    from lsq_cli.sources.columns import Request

    return Request(**{name: options[name] for name in _REQUEST}, alone=alone)


def open_data(options: dict[str, Any], *, alone: bool = False) -> Source:
    """A and b where the arguments and the data options say they are; b may be `alone`, with no A beside it."""
    from lsq_cli.sources.opening import open_source

    request = request_of(options, alone=alone)
    if not options["data"]:
        refuse_a_terminal()
    try:
        source = open_source(options["data"], request, sys.stdin.buffer)
    except (OpenError, UsageError) as error:  # three paths without -t are refused before any is opened
        from lsq_cli.commands.hints import refuse_columns_as_files  # on the way to an error

        refuse_columns_as_files(options["data"], request, error)
        raise
    if options.get("verbose") and not options["quiet"]:
        for form in source.forms:
            say("info", form)
        say("info", f"A: {elided(map(shown, source.names)) or 'no column'}; b: {elided(map(shown, source.targets))}")
    return source


def open_named(options: dict[str, Any], **asked: Any) -> Records:
    """One table whose columns are asked for by name; `asked` are further fields of the request."""
    from lsq_cli.sources.columns import Request
    from lsq_cli.sources.open_records import open_records

    request = Request(**{name: options[name] for name in WRITTEN}, **asked)
    if not options["data"]:
        refuse_a_terminal()
    try:
        records = open_records(options["data"], request, sys.stdin.buffer)
    except OpenError as error:
        if options.get("target"):
            from lsq_cli.commands.hints import refuse_columns_as_files  # on the way to an error

            refuse_columns_as_files(options["data"], request, error)
        raise
    if options.get("verbose") and not options["quiet"]:
        for form in records.forms:
            say("info", form)
    return records


def model_asked(formula: str | None, records: Records, options: dict[str, Any]) -> Formula:
    """The formula, or the one that -t and the columns make."""
    from lsq_cli.runs.modelling import model_of

    names = ("target", "columns", "drop", "weights", "by")
    asked = {name: options[name] for name in names}
    return model_of(records, formula, **asked, intercept=not options["no_intercept"])


def refuse_a_terminal() -> None:
    """`UsageError` with the help of the verb that was called, where the table would have to be typed."""
    if sys.stdin.isatty():
        verb = click.get_current_context().command_path
        raise UsageError(f"no data: give a path, or pipe a table to standard input ({verb} --help)")


@contextmanager
def resources_of(source: Source | Records, options: dict[str, Any]) -> Iterator[Resources]:
    """Threads and memory as the options say, and a bar on standard error where it is wanted."""
    from lsq_cli.engines.resources import Resources
    from lsq_cli.report.progress import ReadingBar, wanted

    resources = Resources(options["jobs"], options["memory"])
    try:
        with ExitStack() as stack:
            if options["scheduler"] is not None:
                resources = resources._replace(cluster=stack.enter_context(_cluster(options)))
            if wanted(options["progress"], sys.stderr, options["quiet"]):
                bar = stack.enter_context(ReadingBar(sys.stderr, source.size))
                resources = resources._replace(progress=bar.add)
            yield resources
    except (KeyboardInterrupt, Terminated):
        say_notes(source.notes, options)  # what was to be said after the last row
        raise


@contextmanager
def _cluster(options: dict[str, Any]) -> Iterator[Cluster]:
    """The cluster that ``--scheduler`` names, with what there is to say of its workers."""
    from lsq_cli.engines.scheduler import connected, local_workers  # for those who have one

    if options["jobs"] is not None:
        raise UsageError("--jobs and --scheduler do not go together: the workers of the cluster read and sum")
    with connected(options["scheduler"]) as cluster:
        if not local_workers(options["scheduler"]):
            say_warnings(cluster.versions(), options)
        yield cluster


def say_notes(notes: Iterable[str], options: dict[str, Any]) -> None:
    """How the data was understood; after the last row, for some of it is known only then."""
    if not options["quiet"]:
        for note in notes:
            say("note", note)


def say_warnings(warnings: Iterable[str], options: dict[str, Any]) -> None:
    """What to beware of."""
    if not options["quiet"]:
        for warning in warnings:
            say("warning", warning)


def say_work(result: About | Gradient, times: str, options: dict[str, Any]) -> None:
    """With -v, how many rows there were, and the times."""
    if options["verbose"] and not options["quiet"]:
        say("info", f"{counted(result.rows_read, 'row')} read, {result.rows} used")
        say("info", times)
