"""What is wrong with a cell, in words, with the way out."""

from __future__ import annotations

from lsq_cli.core.errors import shown
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.text.conventions import (
    COMMA,
    EITHER,
    THOUSANDS,
    Convention,
    convention,
    invisible,
    meant_by_comma,
    with_point,
)
from lsq_cli.sources.text.dialect import Dialect
from lsq_cli.sources.text.marks import SHEET_ERRORS
from lsq_cli.sources.text.ways import na_option, without_sign


def text_problem(dialect: Dialect, column: int, text: str, comma: str | None = None) -> str:
    """Why a cell of text cannot be used, and the way out.

    Parameters
    ----------
    dialect : Dialect
    column : int
        0-based position.
    text : str
    comma : str, optional
        What a comma means that can be read in two ways; by default what stands between cells tells.
    """
    comma = comma or meant_by_comma((), dialect.delimiter)
    way_out = f"or leave the column out: {_drop(dialect, column)}"
    if text in SHEET_ERRORS:
        marks = f"take it for a missing cell with {na_option(text)}"
        return f"'{shown(text)}' is a spreadsheet's error; mend the formula, {marks}, {way_out}"
    found = convention(text, dialect.decimal)
    if found is not None and text != found.here:
        return f"'{shown(text)}' {_elsewhere(dialect, text, found, comma)}, {way_out}"
    if seen := invisible(text):
        sign = next(sign for sign in text if invisible(sign))
        clean = without_sign(sign, dialect.label)
        return f"'{shown(text)}' is not a number, and holds {seen}; {clean} takes that out, {way_out}"
    if mark := na_option(text):
        return f"'{shown(text)}' is not a number; if it marks a missing one: {mark}, {way_out}"
    return f"'{shown(text)}' is not a number; {way_out.removeprefix('or ')}"


def missing_problem(reason: Reason, text: str) -> str:
    """Why a missing cell is an error, and the way out."""
    what = {
        Reason.EMPTY: "the cell is empty",
        Reason.NA: f"'{shown(text)}' marks a missing number",
        Reason.NAN: f"'{shown(text)}' is not a number",
        Reason.INF: f"'{shown(text)}' is infinite: beyond the largest double, 1.8e308",
    }[reason]
    return f"{what}; leave such rows out with --missing drop"


def _drop(dialect: Dialect, column: int) -> str:
    """The option that leaves a column out."""
    import shlex  # only an error pays for it

    name = dialect.names[column]
    argument = name if dialect.names.count(name) == 1 and name.isprintable() else f"#{column + 1}"
    return f"--drop {shlex.quote(argument)}"


def _elsewhere(dialect: Dialect, text: str, found: Convention, comma: str) -> str:
    """By which convention a cell is a number, and how to write it here."""
    if "holds" in found.kind:
        sign = next(sign for sign in text if invisible(sign))
        return f"{found.problem}; {without_sign(sign, dialect.label)} takes it out of the file"
    if dialect.decimal == ",":
        if found.kind == EITHER:
            plain = text.replace(".", "")
            return f"is written with a point: a thousands mark (write {plain}) or a decimal point (leave out --decimal)"
        return f"is {found.problem}"
    kind = comma if found.kind == EITHER else found.kind
    if kind == EITHER:
        here = with_point(text)
        return f"is written with a comma: decimal (--decimal , reads {here}) or a thousands mark (write {found.here})"
    if kind == COMMA:
        return f"is written with {COMMA}: --decimal , reads such numbers, or write {with_point(text)}"
    if found.kind == EITHER:
        return f"is written with {THOUSANDS}; write {found.here}"
    return f"is {found.problem}"
