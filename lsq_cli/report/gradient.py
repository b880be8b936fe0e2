"""A `Gradient` for people, as a derivation with the user's own numbers in it, and for programs as JSON.

Long vectors are shortened to their ends everywhere; JSON has them whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TextIO

from lsq_cli.report.fitting import Grid
from lsq_cli.report.iterates import coefficient_labels
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import Page, decimal_aligned, significant
from lsq_cli.report.plain import Writable, write_json_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.core.solution import Array
    from lsq_cli.runs.gradient import Gradient

_KEYS = (
    *("data", "rows", "rows_read", "dropped_rows", "names", "targets", "loss", "x", "objective", "residual"),
    *("jacobian", "gradient", "gradient_from_normal", "finite_difference", "largest_difference", "learning_rate"),
    *("largest_stable_rate", "next", "next_objective", "verdict", "version"),
)
_FACTORS = {"half": "", "sum": "2", "mean": "(2/m)"}  # of Aᵀr in the gradient
_LONGEST_VECTOR = 5  # longer ones are shown by their first numbers and the last
_FIRST = 3
_FIRST_ROWS = 2
_LONGEST_TABLE = 40
_SHOWN_ENDS = 15
_PARTIALS = 4  # so many partial derivatives are written out
_TERMS = 3  # … with so many terms, where there are more rows than are kept
_DIGITS = 10


class Formulas(NamedTuple):
    """How the objective and its parts are written."""

    f: str
    x: str
    h: str
    """The inner function, h(x)."""
    dh: str
    g: str
    """The outer function, g(u)."""
    dg: str
    jacobian: str
    gradient: str
    normal: str


def formulas(result: Gradient) -> Formulas:
    """The formulas of an objective, with its factor and its weights where they belong."""
    factor = _FACTORS[result.loss]
    W = "W" if result.weighted else ""
    square = "uᵀWu" if W else "‖u‖²"
    g = {"half": f"½{square}", "sum": square, "mean": f"{square}/m"}[result.loss]
    outer = f"{factor}uᵀ{W}"
    if result.identity:
        minus = f"−{factor}(b − a)"
        return Formulas("L", "a", "b − a", "−I", g, outer, f"{minus}ᵀ", minus, f"{factor}(Ia − Ib)")
    normal = f"Aᵀ{W}Ax − Aᵀ{W}b"
    return Formulas(
        "f",
        "x",
        "Ax − b",
        "A",
        g,
        outer,
        f"{factor}(Ax − b)ᵀ{W}A",
        f"{factor}Aᵀ{W}(Ax − b)",
        f"{factor}({normal})" if factor else normal,
    )


def write_gradient_json(result: Gradient, stream: Writable) -> None:
    """The JSON object on one line: every key."""
    write_json_line({key: getattr(result, key) for key in _KEYS}, stream)


def print_gradient(result: Gradient, stream: TextIO) -> None:
    """Prints `result` on `stream`: ruled tables on a terminal, plain text elsewhere."""
    print_page(lambda page: sections(result, page), stream)


def sections(result: Gradient, page: Page) -> list[Section]:
    """The derivation in order, spelled for `page`."""
    parts: list[Section] = [
        shapes(result, page),
        chain(result, page),
        partials(result, page),
        components(result, page),
        step(result, page),
    ]
    if result.verdict is not None:
        parts.append(Lines("Your gradient", (page.message(result.verdict),)))
    return parts


def shapes(result: Gradient, page: Page) -> Grid:
    """Every letter with its shape and its meaning."""
    m, n, p = len(result.residual), len(result.names), len(result.targets)
    write = formulas(result)
    names, targets = (_names(each, page) for each in (result.names, result.targets))
    what = "the identity: one unknown a row" if result.identity else f"a column for each of {names}"
    if result.rows_read > result.rows:
        what += f"; {result.rows_read - result.rows} of {result.rows_read} rows dropped"
    rows = [
        ("A", _shape(m, n), what),
        (write.x, _shape(n, p), f"the point: {_column(result.x)}"),
        ("b", _shape(m, p), targets),
        (f"∂{write.f}/∂{write.x}", _shape(p, n), "the Jacobian: a row" if p == 1 else "the Jacobian: a row a target"),
        (f"∇{write.f}", _shape(n, p), "the gradient: its transpose, a column" if p == 1 else "its transpose"),
    ]
    return Grid("Shapes", (), [(page.label(a), page.label(b), page.label(c)) for a, b, c in rows], "llt")


def chain(result: Gradient, page: Page) -> Grid:
    """The chain rule step by step, each with its shape and its value."""
    m, n, p = len(result.residual), len(result.names), len(result.targets)
    w = formulas(result)
    f, x = w.f, w.x
    inner = -result.residual if result.identity else result.residual
    outer = "…" if result.weighted else _rows(result.scale * inner.reshape(m, p).T, p)
    rows = [
        (f"h({x}) = {w.h}", _shape(m, p), _column(inner)),
        (f"g(u) = {w.g}, {f}({x}) = g(h({x}))", "1 × 1", significant(result.objective)),
        (f"h'({x}) = {w.dh}", _shape(m, n), "" if result.identity else _rows(result.first[0], m)),
        (f"g'(u) = {w.dg} at u = h({x})", _shape(p, m), outer),
        (f"∂{f}/∂{x} = g'(h({x}))·h'({x}) = {w.jacobian}", _shape(p, n), _rows(result.jacobian, p)),
        (f"∇{f}({x}) = (∂{f}/∂{x})ᵀ = {w.gradient}", _shape(n, p), _column(result.gradient)),
    ]
    title = page.label(f"Chain rule: {f} = g∘h")
    return Grid(title, (), [(page.label(a), page.label(b), page.label(c)) for a, b, c in rows], "tlt")


def partials(result: Gradient, page: Page) -> Lines:
    """The first partial derivatives of the first target, written out as the sums that they are."""
    f, m = formulas(result).f, len(result.residual)
    factor = _FACTORS[result.loss] and f"{_FACTORS[result.loss]}·"
    lines = []
    for j, name in enumerate(result.names[:_PARTIALS]):
        value = significant(float(result.gradient[j, 0]), _DIGITS)
        if result.identity:
            terms = f"−{factor or '1·'}({_gap(result, j)})"
        else:
            terms = _sum_of_products(result, j)
            terms = f"{factor}({terms})" if factor else terms
        lines.append(f"{page.label(f'∂{f}/∂')}{page.name(name)} = {page.label(terms)} = {value}")
    if len(result.names) > _PARTIALS:
        lines.append(page.label(f"… {len(result.names) - _PARTIALS} more"))
    rule = f"−{factor}(bᵢ − aᵢ)" if result.identity else f"{factor}Σᵢ {'wᵢ·' if result.weighted else ''}Aᵢⱼ·rᵢ"
    what = f"∂{f}/∂aᵢ = {rule}" if result.identity else f"∂{f}/∂xⱼ = {rule} over {m} rows"
    return Lines(page.label(f"Partial derivatives: {what}"), tuple(lines))


def components(result: Gradient, page: Page) -> Grid:
    """Every component of the gradient, made in three ways, between the point and the next one."""
    w = formulas(result)
    columns = [
        (page.label(f"{w.x} now"), result.x, 6),
        (page.label(w.gradient), result.gradient, _DIGITS),
        (page.label(w.normal), result.gradient_from_normal, _DIGITS),
        ("by differences", result.finite_difference, _DIGITS),
        (page.label(f"{w.x} − β∇{w.f}"), result.next, 6),
    ]
    labels = coefficient_labels(result.names, result.targets)
    count = len(labels)
    shown = [*range(_SHOWN_ENDS), *range(count - _SHOWN_ENDS, count)] if count > _LONGEST_TABLE else [*range(count)]
    lists = [("", *(page.name(labels[k]) for k in shown))]
    for title, values, digits in columns:
        numbers = decimal_aligned([significant(value, digits) for value in values.ravel()[shown].tolist()])
        lists.append((title, *numbers))
    if count > _LONGEST_TABLE:
        dots = page.label("…")
        lists = [(*column[: _SHOWN_ENDS + 1], dots, *column[_SHOWN_ENDS + 1 :]) for column in lists]
    header, *rows = zip(*lists, strict=True)
    differences = f"by differences: ({w.f}({w.x} + he) − {w.f}({w.x} − he))/2h with h = 2^-20 and {w.f} not rounded"
    below = f"{differences}; largest difference {significant(result.largest_difference)}"
    if len(shown) < count:
        below += f"; left out: {count - len(shown)} of {count} rows, --format json has all"
    # The point stands among the shapes already.
    return Grid("Gradient", header, rows, "lrrrrr", page.label(below), spare=((1,),), elsewhere="see Shapes")


def step(result: Gradient, page: Page) -> Grid:
    """The step of descent from here, and what it does to f."""
    w = formulas(result)
    stable = result.largest_stable_rate
    verdict = "" if result.learning_rate < stable else ": not below the largest stable β"
    rows = [
        ("β", significant(result.learning_rate) + verdict),
        ("largest stable β", f"{significant(stable)}, 2/λmax of the Hessian"),
        (f"{w.f}({w.x})", significant(result.objective)),
        (f"{w.f}({w.x} − β∇{w.f})", significant(result.next_objective)),
    ]
    return Grid(page.label(f"One step: {w.x} − β∇{w.f}"), (), [(page.label(a), page.label(b)) for a, b in rows], "lt")


def _shape(rows: int, columns: int) -> str:
    return f"{rows} × {columns}"


def _names(names: Sequence[str], page: Page) -> str:
    """Names with commas between them, the middle of many left out."""
    spelled = [page.name(name) for name in names]
    return ", ".join(spelled if len(spelled) <= _LONGEST_VECTOR else [*spelled[:_FIRST], "…", spelled[-1]])


def _row(values: Array) -> str:
    """``(1, 2, …, 9)``, the middle of many left out."""
    numbers = values.tolist() if len(values) <= _LONGEST_VECTOR else [*values[:_FIRST].tolist(), values[-1]]
    shown = [significant(float(value)) for value in numbers]
    if len(values) > len(shown):
        shown.insert(_FIRST, "…")
    return f"({', '.join(shown)})"


def _rows(first: Array, count: int) -> str:
    """A matrix of `count` rows, row by row, of which the first are given; one row without brackets of its own."""
    if count == 1:
        return _row(first[0])
    rows = [_row(row) for row in first[: count if count == len(first) <= _FIRST_ROWS + 1 else _FIRST_ROWS]]
    return f"({', '.join([*rows, '…'] if count > len(rows) else rows)})"


def _column(values: Array) -> str:
    """A column, written as a row that is transposed; several beside each other row by row."""
    columns = values.reshape(len(values), -1)
    return f"{_row(columns[:, 0])}ᵀ" if columns.shape[1] == 1 else _rows(columns, len(columns))


def _sum_of_products(result: Gradient, j: int) -> str:
    """``4·(-4.97) + 6·(-6.98) + …``, the products of a column of A and r."""
    A, weights = result.first
    m = len(result.residual)
    count = m if m <= len(A) else _TERMS
    r = result.residual.reshape(m, -1)[:, 0]
    terms = []
    for i in range(count):
        weight = f"{_factor(float(weights[i]))}·" if result.weighted else ""
        terms.append(f"{weight}{_factor(float(A[i, j]))}·{_factor(float(r[i]))}")
    return " + ".join([*terms, "…"] if m > count else terms)


def _gap(result: Gradient, i: int) -> str:
    """``4.97 − 1``: b − a of one row."""
    a = float(result.x.ravel()[i])
    return f"{significant(a - float(result.residual.ravel()[i]))} − {_factor(a)}"


def _factor(value: float) -> str:
    """A number as a factor: in brackets where it has a minus."""
    text = significant(value)
    return f"({text})" if text.startswith("-") else text
