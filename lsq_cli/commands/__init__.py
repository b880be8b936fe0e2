"""The command line: one file a verb, what they share in `options.py`, the way out in `edge.py`.

A verb's module is imported when it is called for, and numpy only when it runs: `lsq --help` needs neither.
"""

from __future__ import annotations

import os
from importlib import import_module

import click

from lsq_cli.commands.edge import main_of
from lsq_cli.version import __version__

# One thread in BLAS, before numpy starts its own: threads run across blocks, and rounding must not depend on how many.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

VERBS = ("solve",)


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


@click.command(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    help="""Least squares from the shell, at any size, to the last digit.

    \b
    Example:  lsq solve sample_data/A.csv sample_data/b.csv

    Every command has its own help: lsq solve --help.
    """,
)
@click.version_option(__version__, prog_name="lsq", message="%(prog)s %(version)s")
def lsq() -> None:
    """The root of all verbs."""


main = main_of(lsq)
