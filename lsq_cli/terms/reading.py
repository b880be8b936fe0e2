"""One factor of a formula, read from Python's tree of it: names, C(), I(), poly(), Q(), functions, arithmetic.

Python parses the text and never runs it. Every node of the tree is one of a short list, or an error that names what
stands there and what may.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
import warnings
from collections.abc import Iterable, Mapping

from lsq_cli.core.errors import UsageError, elided, shown
from lsq_cli.terms.expressions import DEEPEST, FUNCTIONS, MOST_PARTS, Expression
from lsq_cli.terms.factors import EMPTY, TEXT, TRUTH, Factor, Level, Table

_OPERATORS: Mapping[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
}
_CALLS = ("C", "I", "Q", "poly", *FUNCTIONS)
_CATEGORY = re.compile(r"(as\.)?(factor|ordered)\(")  # what R calls C()
POWERS = "powers are written with **, as in I(a**2) and (a + b)**2"
"""What to say of R's ``^``."""


def code_of(text: str) -> ast.expr:
    """Python's tree of a piece of a formula.

    Raises
    ------
    UsageError
        Where it is none.
    """
    try:
        with warnings.catch_warnings():  # the parser's own, such as those of odd escapes
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _refusal(text) from None


def factor_from(text: str, table: Table) -> Factor:
    """The factor that a piece of a formula is.

    Raises
    ------
    UsageError
        For what is none, and for a column that the table does not have.
    """
    code = code_of(text)
    if isinstance(code, ast.BinOp) and isinstance(code.op, ast.BitOr):
        group = shown(ast.unparse(code.right))
        raise UsageError(
            f"(… | {group}) stands for random effects, which lsq does not fit; | {group} without brackets, at the end, "
            "is an intercept for each level"
        )
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Name):
        if code.func.id == "C":
            return _category(code, table, text)
        if code.func.id == "poly":
            return _powers(code, table, text)
    column = column_of(code, table)
    if column is not None and table.kinds[column] in (TEXT, TRUTH):
        return Factor(text, category=column)
    return numbers_from(text, table, "a term")


def numbers_from(text: str, table: Table, what: str) -> Factor:
    """The factor of numbers that a piece of a formula is; `what` says in errors where it stands."""
    expression = _expression(code_of(text), table, text)
    for name in expression.columns():
        if table.kinds[name] in (TEXT, TRUTH):
            place = f" in {shown(text)}" if shown(text) != shown(name) else ""
            category = f"; as a category it is C({shown(name)})" if what == "a term" else ""
            raise UsageError(f"{shown(name)!r}{place} is {table.kinds[name]}, and {what} needs numbers{category}")
    if expression.depth > DEEPEST:
        raise UsageError(f"{shown(text)} has more than {DEEPEST} operations within operations")
    if expression.parts > MOST_PARTS:
        raise UsageError(
            f"{shown(text)} is summed exactly, which takes {expression.parts} doubles; {MOST_PARTS} are the most"
        )
    if not any(True for _ in expression.columns()):
        raise UsageError(f"{shown(text)} has no column in it")
    return Factor(text, expression)


def near(name: str, names: Iterable[str]) -> str:
    """``; did you mean 'wt'?``, or what there is."""
    known = {one.casefold(): one for one in names}
    close = [repr(shown(known[one])) for one in difflib.get_close_matches(name.casefold(), known, 3)]
    if close:
        return f"; did you mean {' or '.join(close)}?"
    every = [repr(shown(one)) for one in known.values()]
    return f"; there are {', '.join(every) if len(every) <= len(_CALLS) else elided(every)}"


def _category(code: ast.Call, table: Table, text: str) -> Factor:
    """``C(a)`` and ``C(a, base="x")``."""
    column = column_of(code.args[0], table) if len(code.args) == 1 else None
    if column is None or any(keyword.arg != "base" for keyword in code.keywords):
        raise UsageError(f'{shown(text)}: write C(column), or C(column, base="level")')
    base = _level(code.keywords[0].value, text) if code.keywords else None
    return Factor(text, category=column, base=base)


def _level(code: ast.expr, text: str) -> Level:
    """The level that ``base=`` names."""
    negative = isinstance(code, ast.UnaryOp) and isinstance(code.op, ast.USub)
    value = code.operand if isinstance(code, ast.UnaryOp) and negative else code
    if isinstance(value, ast.Constant) and isinstance(value.value, str | int | float | bool):
        level = value.value
        if isinstance(level, str | bool):
            return level
        return -float(level) if negative else float(level)
    raise UsageError(f"{shown(text)}: base is one level, a text in quotes or a number")


def _powers(code: ast.Call, table: Table, text: str) -> Factor:
    """``poly(a, 3, raw=True)``."""
    raw = [keyword for keyword in code.keywords if keyword.arg == "raw"]
    degree = code.args[1] if len(code.args) == 2 else None
    right = isinstance(degree, ast.Constant) and type(degree.value) is int and len(raw) == len(code.keywords)
    if not (right and isinstance(degree, ast.Constant)):
        raise UsageError(f"{shown(text)}: write poly(a, 3, raw=True), which is a, a**2 and a**3")
    if not raw or not (isinstance(raw[0].value, ast.Constant) and raw[0].value.value is True):
        raise UsageError(
            f"{shown(text)}: R's orthogonal polynomials are not made; with raw=True the columns are plain powers, "
            "which lose no digit here"
        )
    expression = numbers_from(ast.unparse(code.args[0]), table, "a term").expression
    assert expression is not None
    count = int(str(degree.value))
    if not 1 <= count * expression.parts <= MOST_PARTS:
        raise UsageError(f"{shown(text)}: a degree from 1 to {MOST_PARTS // expression.parts} is summed exactly")
    return Factor(text, expression, count)


def column_of(code: ast.expr, table: Table) -> str | None:
    """The column that a name or ``Q("odd name")`` is; None for anything else.

    Raises
    ------
    UsageError
        For a column that the table does not have.
    """
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Name) and code.func.id == "Q":
        if len(code.args) != 1 or code.keywords or not isinstance(code.args[0], ast.Constant):
            raise UsageError('Q() takes a name in quotes: Q("odd name")')
        return _known(str(code.args[0].value), table)
    if isinstance(code, ast.Name):
        return _known(code.id, table)
    # R's names have dots in them: Sepal.Length.
    dotted = ast.unparse(code) if isinstance(code, ast.Attribute) else None
    return dotted if dotted in table.kinds else None


def _known(name: str, table: Table) -> str:
    """`name`, if it is that of one column."""
    if name in table.repeated:
        raise UsageError(f"{shown(name)!r} is the name of several columns; give each its own first")
    if name not in table.kinds:
        raise UsageError(f"the formula names {shown(name)!r}, and there is no such column{near(name, table.kinds)}")
    if table.kinds[name] == EMPTY:
        raise UsageError(f"the column {shown(name)!r} is empty in the first 1000 rows")
    return name


def _expression(code: ast.expr, table: Table, text: str, depth: int = 2 * DEEPEST) -> Expression:
    """The expression that a tree is."""
    if depth == 0:
        raise UsageError(f"{shown(text)} has more than {DEEPEST} operations within operations")
    if (column := column_of(code, table)) is not None:
        return Expression.column(column)
    if (
        isinstance(code, ast.Constant)
        and type(code.value) in (int, float)
        and math.isfinite(value := _float(code.value))
    ):
        return Expression("number", (value,))
    if isinstance(code, ast.UnaryOp) and isinstance(code.op, ast.USub | ast.UAdd):
        inner = _expression(code.operand, table, text, depth - 1)
        return Expression("negative", (inner,)) if isinstance(code.op, ast.USub) else inner
    if isinstance(code, ast.BinOp) and isinstance(code.op, ast.Pow):
        exponent = code.right.value if isinstance(code.right, ast.Constant) else None
        if type(exponent) is not int or not 1 <= exponent <= MOST_PARTS:
            raise UsageError(f"{shown(text)}: a power is a whole number from 1 to {MOST_PARTS}; roots are sqrt()")
        return Expression("power", (_expression(code.left, table, text, depth - 1), exponent))
    if isinstance(code, ast.BinOp) and type(code.op) in _OPERATORS:
        sides = tuple(_expression(side, table, text, depth - 1) for side in (code.left, code.right))
        return Expression(_OPERATORS[type(code.op)], sides)
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Name):
        name = code.func.id
        if len(code.args) == 1 and not code.keywords and (name in FUNCTIONS or name == "I"):
            inner = _expression(code.args[0], table, text, depth - 1)
            return inner if name == "I" else Expression(name, (inner,))
        if name not in _CALLS and not _CATEGORY.match(name + "("):
            raise UsageError(f"{shown(name)}() is no function of a formula{near(name, _CALLS)}")
    raise _refusal(text, code)


def _float(value: object) -> float:
    """A number of a formula as a double; infinite where it is too large."""
    try:
        return float(str(value))
    except (OverflowError, ValueError):
        return math.inf


def _refusal(text: str, code: ast.expr | None = None) -> UsageError:
    """The error for what a formula cannot say."""
    said = shown(text if code is None else ast.unparse(code), 60)
    if isinstance(code, ast.Attribute) or (isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute)):
        last = code.attr if isinstance(code, ast.Attribute) else getattr(code.func, "attr", "")
        hint = f"write {last}(…)" if last in FUNCTIONS else 'a name with a dot is written Q("a.b")'
        return UsageError(f"{said}: attributes are not read in a formula; {hint}")
    if isinstance(code, ast.BinOp) and isinstance(code.op, ast.BitXor):
        return UsageError(f"{said}: {POWERS}")
    if _CATEGORY.match(said):
        return UsageError(f"{said}: a category is written C(column), as in C(year)")
    return UsageError(
        f'{said!r} cannot stand in a formula; columns, Q("odd name"), C(), I(), poly(), {", ".join(FUNCTIONS)}, '
        "numbers and arithmetic can"
    )
