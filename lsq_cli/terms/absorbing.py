"""``| g`` at the end of a formula: the column whose levels have an intercept each, that is taken out and not shown.

    y ~ a + b | g        the slopes of y ~ a + b + C(g), for as many levels as there are

A bar within brackets is another matter, as in ``(1 | g)``: those are random effects, which no least squares finds.
"""

from __future__ import annotations

import ast

from lsq_cli.core.errors import UsageError, shown
from lsq_cli.terms.factors import Table
from lsq_cli.terms.reading import code_of, column_of


def without_absorbed(text: str) -> tuple[str, str | None]:
    """A formula before its ``|``, and what stands behind it; None where there is no bar outside brackets and quotes.

    Raises
    ------
    UsageError
        For a second bar.
    """
    depth, quote, bars = 0, "", []
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign == "|" and depth <= 0:
            bars.append(place)
        depth += (sign in "([{") - (sign in ")]}") if not quote else 0
    if not bars:
        return text, None
    if len(bars) > 1:
        raise _several(text[bars[0] + 1 :].replace("|", " | "))
    return text[: bars[0]], text[bars[0] + 1 :].strip()


def absorbed_column(text: str, table: Table) -> str:
    """The column that the part behind ``|`` names: ``g``, ``C(g)`` or ``Q("odd name")``.

    Raises
    ------
    UsageError
        For several, for what is no column, and for a column that the table does not have.
    """
    if not text:
        raise UsageError("behind | in a formula stands the column whose levels have an intercept each: y ~ a | g")
    if ":" in text and '"' not in text and "'" not in text:
        raise _several(text)
    code = code_of(text)
    if isinstance(code, ast.BinOp):
        raise _several(text)
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Name) and code.func.id == "C":
        if len(code.args) == 1 and not code.keywords:
            code = code.args[0]
        else:
            raise UsageError(f"| {shown(text)}: an absorbed column has no base; write | C(column)")
    if (column := column_of(code, table)) is None:
        raise UsageError(f"| {shown(text)}: behind | stands one column of the table")
    return column


def _several(text: str) -> UsageError:
    """Why more than one column is not absorbed."""
    return UsageError(
        f"| {shown(' '.join(text.split()))}: one column is absorbed, exactly; put the one with fewer levels among the "
        "terms: y ~ a + C(h) | g"
    )
