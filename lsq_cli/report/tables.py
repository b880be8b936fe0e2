"""A Solution for people: summary, coefficients, iterates, warnings, and the model as a formula.

Nothing is computed here: every number stands in the `Solution`. In a file or pipe nothing is left out. On a terminal
the middle of a long x is left out, with a note on where to find it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TextIO

from lsq_cli.core.errors import counted
from lsq_cli.core.solution import INTERCEPT, Outcome, one_decimal
from lsq_cli.report.fitting import Grid
from lsq_cli.report.iterates import coefficient_labels
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import SUMMARY_DIGITS, Page, coefficient, decimal_aligned, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.core.solution import Solution

_LONGEST_X = 40  # more coefficients than this are elided on a terminal
_SHOWN_ENDS = 15  # … to so many at each end
_KEPT_X = 3  # so many columns of x stand among the iterates before anything else but k and ‖∇f‖
_WIDEST_X = 40  # more columns of x than this do not stand among the iterates, however wide the page
_FEW_DIGITS = 6  # data that support fewer are remarked upon
_ESTIMATED = ("constant", "exact")
_METHODS = {"normal": "normal equations", "gd": "gradient descent"}


def print_solution(solution: Solution, stream: TextIO, norms: Sequence[float] = ()) -> None:
    """Prints `solution` on `stream`: ruled on a terminal, plain text elsewhere; `norms` are ‖∇f‖ over the run."""
    print_page(lambda page: sections(solution, page, norms), stream)


def sections(solution: Solution, page: Page, norms: Sequence[float] = ()) -> list[Section]:
    """What there is to say about `solution`, in order, spelled for `page`."""
    parts: list[Section] = [summary(solution, page), coefficients(solution, page)]
    if line := support(solution):
        parts.append(Lines("", (line,)))
    if line := best_row(solution):
        parts.append(Lines("", (page.label(line),)))
    if solution.iterates:
        parts.append(iterates(solution, page))
        if blocks := page.fall(norms):
            parts.append(Lines("", (f"log ‖∇f‖  {blocks}  k = 0 … {solution.iterations}",)))
    if solution.dependencies:
        parts.append(Lines("Dependencies", tuple(map(page.message, solution.dependencies))))
    if warnings := [warning for warning in solution.warnings if warning not in solution.notes]:
        parts.append(Lines("Warnings", tuple(map(page.message, warnings))))
    if line := formula(solution, page):
        parts.append(Lines("", (line,)))
    return parts


def summary(solution: Solution, page: Page) -> Grid:
    """Labels and values: the problem, how it was solved, how well."""
    descent = {
        "step rule": solution.step,
        "learning rate": solution.learning_rate,
        "largest stable rate": solution.largest_stable_rate,
        "forecast": _forecast(solution),
    }
    by_rows = solution.method == "gd" and solution.rank is None  # which only the sums tell
    how = "a pass over the rows for every step" if by_rows else f"sums in {solution.precision} precision"
    rows: dict[str, str | float | None] = {
        "method": f"{_METHODS.get(solution.method, solution.method)}, {how}",
        **{label: value for label, value in descent.items() if value is not None},
        "rows": solution.rows,
        **_rows_apart(solution, page),
        "columns": solution.columns,
        "rank": solution.rank,
        "scaled condition": solution.condition,
        "objective": solution.objective,
        page.label("‖Ax − b‖"): solution.residual_norm,
        page.label("‖∇f‖"): page.label(_gradient(solution)),
        "iterations": solution.iterations,
        "passes over the data": solution.passes,
        "correct digits, guaranteed": "not known" if solution.digits is None else one_decimal(solution.digits),
        **({} if solution.data_digits is None else {"digits the data support": one_decimal(solution.data_digits)}),
        "outcome": solution.outcome.sentence,
    }
    return Grid("Summary", (), [(label, _summary_value(value)) for label, value in rows.items()], "lt")


def coefficients(solution: Solution, page: Page) -> Grid:
    """Names and x, a column for each target."""
    targets = tuple(map(page.name, solution.targets)) if solution.x.ndim == 2 else ("x",)
    n, p = len(solution.names), len(targets)
    elided = page.width is not None and n > _LONGEST_X
    indices = [*range(_SHOWN_ENDS), *range(n - _SHOWN_ENDS, n)] if elided else list(range(n))

    x = solution.x.reshape(n, p)[indices].T.tolist()
    names = [page.name(solution.names[index]) for index in indices]
    numbers = [decimal_aligned([coefficient(value, solution.digits) for value in column]) for column in x]
    if elided:
        for column in (names, *numbers):
            column.insert(_SHOWN_ENDS, page.label("…"))
    columns = [("name", *names), *((target, *column) for target, column in zip(targets, numbers, strict=True))]
    header, *rows = zip(*columns, strict=True)
    spare = tuple(tuple(range(kept + 1, p + 1)) for kept in range(p - 1, 0, -1))
    below = f"left out: {n - len(indices)} of {n} rows; -f csv or -o FILE.csv has all" if elided else ""
    return Grid("Solution", header, rows, "l" + "r" * p, below, spare, "-f csv has all")


def iterates(solution: Solution, page: Page) -> Grid:
    """The rows of `solution.iterates`, with x when its columns fit; few unknowns matter more than other columns."""
    rows = solution.iterates or ()
    columns = [
        ("k", *(str(row.k) for row in rows)),
        ("f(x)", *(significant(row.objective) for row in rows)),
        (page.label("‖Ax − b‖"), *(significant(row.residual_norm) for row in rows)),
        (page.label("‖∇f‖"), *(significant(row.gradient_norm) for row in rows)),
        ("step", *("" if math.isnan(row.step_length) else significant(row.step_length) for row in rows)),
    ]
    if solution.x.size <= _WIDEST_X:
        labels = map(page.name, coefficient_labels(solution.names, solution.targets))
        numbers = zip(*(row.x.ravel().tolist() for row in rows), strict=True)
        final = solution.iterations if solution.best_iteration is None else solution.best_iteration
        shown = [_shown_digits(solution) if row.k == final else SUMMARY_DIGITS for row in rows]
        columns += [
            (label, *decimal_aligned([significant(value, digits) for value, digits in zip(column, shown, strict=True)]))
            for label, column in zip(labels, numbers, strict=True)
        ]
    x = tuple(range(5, len(columns)))
    few = ((4,), (2, 4), (1, 2, 4)) if len(x) <= _KEPT_X else ()
    spare = (*few, x, (4, *x), (2, 4, *x))
    header, *lines = zip(*columns, strict=True)
    return Grid("Iterates", header, lines, "r" * len(header), "", spare, "--history FILE --with-x has all")


def support(solution: Solution) -> str:
    """A sentence for data whose own rounding leaves few digits of x; else nothing."""
    if solution.data_digits is None or solution.data_digits >= _FEW_DIGITS:
        return ""
    whole = int(solution.data_digits)
    if whole == 0:
        return "The data support not one digit of some coefficient; their last bit moves all of it."
    digits = f"{whole} digit{'s' * (whole > 1)}"
    return f"The data support {digits} of every coefficient; their last bit moves the rest."


def run_in_short(solution: Solution) -> str:
    """``gradient descent, constant, rate 0.0039: 340 steps, about 340 forecast``."""
    rate = None if solution.learning_rate is None else f"rate {significant(solution.learning_rate, 3)}"
    how = ", ".join(filter(None, (_METHODS.get(solution.method, solution.method), solution.step, rate)))
    forecast = _forecast(solution)
    told = f", {forecast.removesuffix(' steps')} forecast" if forecast else ""
    return f"{how}: {counted(solution.iterations, 'step')}{told}"


def best_row(solution: Solution) -> str:
    """Which iterate x is, where it is not the last one; else nothing."""
    if solution.best_iteration is None or solution.best_iteration == solution.iterations:
        return ""
    least = "f" if solution.outcome is Outcome.DIVERGED else "‖∇f‖"
    best, last = solution.best_iteration, solution.iterations
    return f"x is that of row k = {best}, where {least} is least; the run ended at k = {last}."


def formula(solution: Solution, page: Page) -> str:
    """``y ≈ 2.05 + 3.97·x`` for at most four coefficients of one target that did not diverge; else nothing."""
    x = solution.x.ravel().tolist()
    if len(x) > 4 or len(solution.targets) != 1 or not all(map(math.isfinite, x)) or solution.outcome == "diverged":
        return ""
    terms = ""
    for value, name in zip(x, solution.names, strict=True):
        minus = value < 0
        sign = (" − " if minus else " + ") if terms else ("−" if minus else "")
        factor = "" if name == INTERCEPT else page.label("·") + page.name(name)
        terms += page.label(sign) + significant(abs(value), _shown_digits(solution)) + factor
    return f"{page.name(solution.targets[0])} {page.label('≈')} {terms}"


def _shown_digits(solution: Solution) -> int:
    """Digits of x in the formula and in its row: those of a summary, but no more than are sure."""
    return SUMMARY_DIGITS if solution.digits is None else min(SUMMARY_DIGITS, max(1, int(solution.digits)))


def _gradient(solution: Solution) -> str:
    """‖∇f‖, beside what descent compares it with."""
    norm = significant(solution.gradient_norm)
    goal = solution.gradient_goal
    return norm if goal is None else f"{norm}, to be at most ‖Aᵀb‖·tol = {significant(goal)}"


def _forecast(solution: Solution) -> str | None:
    """The steps that descent was to take: an estimate or, for rules that are harder to tell, an upper bound."""
    if solution.forecast is None or not math.isfinite(solution.forecast):
        return None
    return f"{'about' if solution.step in _ESTIMATED else 'at most'} {significant(solution.forecast)} steps"


def _summary_value(value: str | float | None) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else significant(value)


def _rows_apart(solution: Solution, page: Page) -> dict[str, str]:
    """The rows and columns that were read and not used, where there are any."""
    apart = {}
    if solution.rows_read != solution.rows or solution.dropped_rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in solution.dropped_rows.items())
        apart["rows read"] = str(solution.rows_read)
        apart["rows dropped"] = f"{sum(solution.dropped_rows.values())} ({reasons})" if reasons else "0"
    if solution.left_out:
        apart["columns left out"] = ", ".join(map(page.name, solution.left_out))
    return apart
