"""What was meant by an option or a path that is not there: names of other programs, columns and equations as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lsq_cli.core.errors import LsqError, UsageError, shown

if TYPE_CHECKING:
    from lsq_cli.sources.columns import Request

_CALLED = {
    "--learning-rate": ("--lr", "--alpha", "--eta", "--rate", "--step-size", "--stepsize", "--beta"),
    "--max-iter": ("--iterations", "--maxiter", "--epochs", "--max-iterations", "--n-iter", "--steps"),
    "--ridge": ("--lambda", "--l2", "--reg"),
    "--delimiter": ("--sep", "--separator", "--delim"),
    "--tol": ("--tolerance", "--eps", "--epsilon"),
    "--columns": ("--features", "--predictors"),
    "--target": ("--response", "--label"),
    "--x0": ("--init", "--start"),
    "--intercept": ("--add-constant", "--bias", "--fit-intercept"),
}
_MEANT = {other: name for name, others in _CALLED.items() for other in others}
_NOT_NEEDED = {"--no-intercept": "there is no intercept unless --intercept asks for one; leave it out"}


def refuse_unknown(error: click.NoSuchOption, ctx: click.Context) -> None:
    """`UsageError` for an option that other programs have, with the name that it has here; else nothing."""
    name = error.option_name
    known = {flag for parameter in ctx.command.params for flag in parameter.opts}
    if name in _NOT_NEEDED and "--intercept" in known:
        raise click.UsageError(f"no such option {name}: {_NOT_NEEDED[name]}", ctx)
    if _MEANT.get(name) in known:
        raise click.UsageError(f"no such option {name}: it is called {_MEANT[name]} here", ctx)


def refuse_columns_as_files(paths: Sequence[str], request: Request, error: LsqError) -> None:
    """`UsageError` where paths that are not there are an equation, or columns of one that is: ``-t mpg wt hp``."""
    missing = [path for path in paths if path != "-" and not os.path.lexists(path)]
    if equation := next((path for path in missing if "=" in path and os.sep not in path), None):
        left, _, right = equation.partition("=")
        formula = f"{left.strip()} ~ {right.strip()}"
        raise UsageError(
            f"{shown(equation)}: no such file; a formula has a ~ in it: lsq fit '{shown(formula)}'"
        ) from error
    there = [path for path in paths if os.path.isfile(path)]
    if not missing or not there:
        return
    from lsq_cli.sources.opening import open_table

    names = {column.name for column in open_table(there[0], request).columns}
    if set(missing) <= names:
        raise UsageError(
            f"{', '.join(map(shown, missing))}: no file, but {'columns' if len(missing) > 1 else 'a column'} of "
            f"{shown(there[0])}; for A: --columns {','.join(map(shown, missing))}"
        ) from error
