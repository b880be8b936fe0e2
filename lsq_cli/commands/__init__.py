"""The command line: one file a verb, what they share in `options.py`, the way out in `shell.py`.

A verb's module is imported when it is called for, and numpy only when it runs: `lsq --help` needs neither.
"""

from __future__ import annotations

import os
from importlib import import_module

import click

from lsq_cli.commands.options import version_option
from lsq_cli.commands.shell import main_of
from lsq_cli.core.errors import shown

# One thread in BLAS, before numpy starts its own: threads run across blocks, and rounding must not depend on how many.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

VERBS = {
    "solve": "Find the x that minimises ½‖Ax − b‖².",
    "fit": "Regression with a formula, standard errors and p.",
    "predict": "What a fitted model says of new rows.",
    "gradient": "Derive the gradient of ½‖Ax − b‖² at a point.",
    "compare": "Try every method, precision and step rule.",
    "look": "Show how the data would be read.",
    "collect": "Keep the exact sums of a table in place of its rows.",
    "merge": "Join the sums of several states.",
    "subtract": "Take the rows of a state out of another.",
    "generate": "Write a problem whose x is known.",
    "selftest": "Solve the NIST linear sets and count correct digits.",
    "completion": "Print a script that completes verbs, options and column names.",
}
"""The verbs in the order of the manual, each with the first line of its help."""


class Verbs(click.Group):
    """The group of all verbs, each in a module of its own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the manual."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"lsq_cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs and what they do, from the table: to import all their modules would take longer than the rest."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the first argument names, or a usage error with the one that was meant."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"no command '{shown(args[0])}'{_meant(args[0])}")
        return super().resolve_command(ctx, args)


def _meant(word: str) -> str:
    """What a word may stand for that is no verb."""
    import difflib  # only here, on the way to an error

    if near := difflib.get_close_matches(word.lower(), VERBS, 1):
        return f"; did you mean {near[0]}?"
    if os.path.exists(word):
        return f"; it is a file: lsq solve {shown(word)}"
    return f"; there are {', '.join(VERBS)}"


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help="""Least squares from the shell, at any size, to the last digit.

    \b
    Example:  lsq solve sample_data/A.csv sample_data/b.csv

    Every command has its own help: lsq solve --help.
    """,
)
def lsq() -> None:
    """The root of all verbs."""


lsq.params.append(version_option())


main = main_of(lsq)
