"""What is wrong with a cell, in words, with the way out."""

from __future__ import annotations

from lsq_cli.core.errors import shown
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.text.dialect import Dialect
from lsq_cli.sources.text.numbers import convention


def text_problem(dialect: Dialect, column: int, text: str) -> str:
    """Why a cell of text cannot be used, and the way out."""
    import shlex  # only an error pays for it

    name = dialect.names[column]
    argument = name if dialect.names.count(name) == 1 and name.isprintable() else f"#{column + 1}"
    way_out = f"or leave the column out: --drop {shlex.quote(argument)}"
    if elsewhere := convention(text):
        return f"'{shown(text)}' is {elsewhere}, {way_out}"
    mark = shlex.quote(text) if text.isprintable() and len(text) <= 20 else "TEXT"
    return f"'{shown(text)}' is not a number; if it marks a missing one: --na {mark}, {way_out}"


def missing_problem(reason: Reason, text: str) -> str:
    """Why a missing cell is an error, and the way out."""
    what = {
        Reason.EMPTY: "the cell is empty",
        Reason.NA: f"'{shown(text)}' marks a missing number",
        Reason.NAN: f"'{shown(text)}' is not a number",
        Reason.INF: f"'{shown(text)}' is infinite: beyond the largest double, 1.8e308",
    }[reason]
    return f"{what}; leave such rows out with --missing drop"
