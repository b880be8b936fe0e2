"""What the verbs share: options declared once, help in groups, checks of which options go together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from lsq_cli.core.errors import UsageError, printable
from lsq_cli.core.version import __version__

HEADINGS = ("Data", "Problem", "Descent", "Output", "Machine")
_NAMES = 23  # one width for all headings: the descriptions stand in one column

F = TypeVar("F", bound=Callable[..., Any])

# What these make of a word can be said since click 8.2 and 8.4 only; to a type checker, which has a new one.
if TYPE_CHECKING:
    Choice = click.Choice[str]
    _Real = click.ParamType[float]
    _Whole = click.ParamType[int]
else:
    Choice = click.Choice
    _Real = _Whole = click.ParamType


def version_option() -> click.Option:
    """``--version``, the same for every command."""

    def show(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
        if asked and not ctx.resilient_parsing:
            click.echo(f"lsq {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=show, help="Show the version and exit."
    )


class GroupedOption(click.Option):
    """An option that knows under which heading of the help it stands."""

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The names and the text of the help with the default; ``--[no-]header`` for a pair, or it fills the line."""
        record = super().get_help_record(ctx)
        if record is None:
            return record
        names, text = record
        if "[default: " not in text:
            text = f"{text}  [default: {self._default_shown()}]"
        return (f"--[no-]{self.opts[0].removeprefix('--')}" if self.secondary_opts else names), text

    def _default_shown(self) -> str:
        """The default in a word; for most options without one nothing is done."""
        if self.is_flag:
            return "on" if self.default is True else "off"
        if isinstance(self.default, float):
            return f"{self.default:g}".replace("e-0", "e-")
        return str(self.default) if isinstance(self.default, (int, str)) else "none"


class GroupedCommand(click.Command):
    """A command whose help shows an example first and its options under headings."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.params.append(version_option())

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, then what the command does."""
        formatter.write("\n")
        with formatter.indentation():
            formatter.write_text(f"Example:  {self.example}")
        super().format_help_text(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, heading by heading in the order of their declaration."""
        groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups[getattr(parameter, "group", "Output")].append(record)
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl([(f"{names:<{_NAMES}}", text) for names, text in records], col_spacing=1)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments; an option that other programs have is answered with its name here."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            from lsq_cli.commands.hints import refuse_unknown  # on the way to an error

            refuse_unknown(error, ctx)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and show a `UsageError` as click shows its own."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise click.UsageError(printable(str(error)), ctx) from error


class Number(_Real):
    """A finite number within bounds; nan and inf are refused by name."""

    name = "number"

    def __init__(self, least: float = -math.inf, *, above: float = -math.inf) -> None:
        self.least, self.above = least, above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error that says what would do."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        if number < self.least:
            self.fail(f"{value} is below {self.least:g}", param, ctx)
        if number <= self.above:
            self.fail(f"{value} is not above {self.above:g}", param, ctx)
        return number


class Count(_Whole):
    """A whole number, no less than some other."""

    name = "integer"

    def __init__(self, least: int) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a usage error that says what would do."""
        count = click.INT.convert(value, param, ctx)
        if count < self.least:
            self.fail(f"{count} is below {self.least}", param, ctx)
        return count


class Size(_Whole):
    """Bytes of memory, as in 64MB or 1G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes, or a usage error that shows how to write them."""
        from lsq_cli.engines.local import bytes_of  # `--help` has no use for an engine

        try:
            return bytes_of(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def option(group: str, *names: str, **kwargs: Any) -> Callable[[F], F]:
    """`click.option` under a heading of the help."""
    return click.option(*names, cls=GroupedOption, group=group, **kwargs)


def together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order of the help."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def format_option(*forms: str) -> Callable[[F], F]:
    """``-f``: what standard output carries, the first by default; the parameter is called ``form``."""
    return option(
        "Output",
        *("-f", "--format", "form"),
        type=click.Choice(forms),
        default=forms[0],
        metavar="FORMAT",
        help=f"{', '.join(forms[:-1])} or {forms[-1]}",
    )


def given(ctx: click.Context, name: str) -> bool:
    """Whether the user wrote this option."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def given_options(ctx: click.Context) -> dict[str, Any]:
    """The options that the user wrote, by name: ``{"max_iter": 7}``."""
    written = {}
    for parameter in ctx.command.params:
        if isinstance(parameter, click.Option) and parameter.name and given(ctx, parameter.name):
            name = max(parameter.opts, key=len).removeprefix("--").replace("-", "_")
            value = ctx.params[parameter.name]
            written[name] = list(value) if isinstance(value, tuple) else value
    return written


def refuse(ctx: click.Context, names: tuple[str, ...], why: str) -> None:
    """A usage error for options that belong to a method or rule that is not in use; `why` names it."""
    flags = {p.name: max(p.opts, key=len) for p in ctx.command.params}
    for name in names:
        if given(ctx, name):
            raise UsageError(f"{flags[name]} {why}")


def _column_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """What the shell offers for a column; loaded for it alone."""
    from lsq_cli.commands.column_names import column_names

    return list(column_names(ctx, param, incomplete))


_COMPLETED: dict[str, Any] = {"shell_complete": _column_names}

text_options = together(
    option("Data", "--na", multiple=True, metavar="TEXT", help="Marks a missing cell  [default: NA, NaN, empty, …]"),
    option("Data", "--no-default-na", is_flag=True, help="Only --na marks missing cells"),
    option("Data", "--skip", type=Count(0), default=0, metavar="N", help="Leave out the first N lines"),
    option("Data", "--header/--no-header", default=None, help="First row has names  [default: detected]"),
    option("Data", "--delimiter", metavar="CHAR", help="Between cells  [default: detected]"),
    option(
        "Data", "--decimal", type=click.Choice([".", ","]), metavar="MARK", help="Decimal mark: . or ,  [default: .]"
    ),
    option(
        "Data",
        "--comment",
        type=click.Choice(["#", "none"]),
        metavar="MARK",
        help="Comments begin with: #, none  [default: detected]",
    ),
    option("Data", "--sheet", metavar="NAME", help="Of a spreadsheet, or its number  [default: first]"),
    option("Data", "--encoding", metavar="NAME", help="Of text  [default: UTF-8, or as its BOM says]"),
    option("Data", "--input-format", metavar="FORMAT", help="csv, npy, parquet, mtx, …  [default: detected]"),
)

data_arguments = together(
    click.argument("data", nargs=-1, type=click.Path(allow_dash=True)),
    option(
        "Data",
        "-t",
        "--target",
        multiple=True,
        metavar="COL",
        **_COMPLETED,
        help="Columns that are b  [default: the last]",
    ),
    option(
        "Data",
        "--columns",
        multiple=True,
        metavar="COL",
        **_COMPLETED,
        help="Columns of A: names, numbers, *  [default: the rest]",
    ),
    option("Data", "--drop", multiple=True, metavar="COL", **_COMPLETED, help="Columns to leave out"),
    option("Data", "--weights", metavar="COL", **_COMPLETED, help="Column that weighs the rows, w ≥ 0"),
    option(
        "Data",
        "--missing",
        type=click.Choice(["error", "drop"]),
        default="error",
        metavar="POLICY",
        help="Missing cells: error or drop rows",
    ),
    text_options,
)

each_option = option("Data", "--each", is_flag=True, help="Each path is a problem of its own")

by_option = option("Data", "--by", multiple=True, metavar="COL", **_COMPLETED, help="One fit for each of its values")

intercept_option = option("Problem", "--intercept", is_flag=True, help="A column of ones, first: (intercept)")

model_options = together(
    intercept_option,
    option(
        "Problem", "--ridge", type=Number(0), default=0.0, metavar="LAMBDA", help="Add ½λ‖x‖², not on the intercept"
    ),
)

tolerance_option = option(
    "Descent",
    "--tol",
    type=Number(0),
    default=1e-8,
    metavar="T",
    help="Stop when ‖∇f‖ ≤ T·‖Aᵀb‖",
)

normalize_option = option("Descent", "--normalize", is_flag=True, help="Descend in columns of length 1")

output_options = together(
    format_option("table", "json", "csv", "npy"),
    option("Output", "-o", "--output", multiple=True, metavar="FILE", help="Also to .json (model), .csv, .npy"),
)

machine_options = together(
    option("Machine", "--jobs", type=Count(1), metavar="N", help="Threads that read and sum  [default: the cores]"),
    option("Machine", "--memory", type=Size(), default="256MB", metavar="SIZE", help="Memory for rows in flight"),
    option("Machine", "--scheduler", metavar="ADDRESS", help="Dask's: tcp://… tls://… or local:N"),
)

verbosity = together(
    option("Output", "-q", "--quiet", is_flag=True, help="No notes, no warnings"),
)
