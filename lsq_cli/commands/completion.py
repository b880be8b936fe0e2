"""`lsq completion`: the script with which a shell completes verbs, options, files and column names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lsq_cli.commands.options import GroupedCommand

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=GroupedCommand,
    example='eval "$(lsq completion bash)"',
    help="""Print a script that completes verbs, options and column names.

    \b
    bash   eval "$(lsq completion bash)"         in ~/.bashrc
    zsh    eval "$(lsq completion zsh)"          in ~/.zshrc
    fish   lsq completion fish | source          in ~/.config/fish/config.fish

    The names are those of the table that stands on the line before: lsq solve cars.csv -t <TAB>.
    """,
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    """Print the script of one shell."""
    script = get_completion_class(shell)
    assert script is not None  # for click knows all of `SHELLS`
    click.echo(script(ctx.find_root().command, {}, "lsq", "_LSQ_COMPLETE").source())
