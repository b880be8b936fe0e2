"""`lsq selftest`: the NIST linear sets, solved on this machine and compared digit by digit."""

from __future__ import annotations

import sys

import click

from lsq_cli.commands.options import GroupedCommand, format_option
from lsq_cli.commands.shell import CHECK_FAILED, say


@click.command(
    cls=GroupedCommand,
    example="lsq selftest",
    help="""Solve the NIST linear sets and count correct digits.

    For each set that comes with lsq: digits of x against the exact answer for the doubles; digits of x, its
    standard errors, the residual standard deviation and R² against the certified values. Exit codes: 0 every
    set reached its mark, 4 one did not.
    """,
)
@format_option("table", "json")
@click.pass_context
def command(ctx: click.Context, /, form: str) -> None:
    """Solve, compare, report."""
    from lsq_cli.report.checks import print_checks, write_checks_json
    from lsq_cli.runs import selftest

    checks = [selftest.check(reference) for reference in selftest.references()]
    if form == "json":
        write_checks_json(checks, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        print_checks(checks, sys.stdout)
    failed = [(check, key) for check in checks for key in check.failures]
    for check, key in failed:
        say("check failed", f"{check.name}, {key}: {check.digits[key]:.1f} digits, {check.marks[key]:g} expected")
    if failed:
        ctx.exit(CHECK_FAILED)
