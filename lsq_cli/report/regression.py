"""A regression for people: coefficients with what is known of each, how well the whole fits, what was left out.

Nothing is computed here: every number stands in the `Solution`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TextIO

from lsq_cli.core.errors import elided
from lsq_cli.report.fitting import Grid
from lsq_cli.report.influence import influence_grid
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import Page, significant
from lsq_cli.report.plain import all_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.core.groups import GroupedSolution
    from lsq_cli.core.solution import Solution, Statistics

_INFLATED = 10.0
"""A variance inflation that is worth a word: nine tenths of what the column says, the others say too."""
_LONGEST = 200
"""Coefficients that a terminal shows."""


def print_fit(solution: Solution, stream: TextIO) -> None:
    """Prints a regression on `stream`: ruled tables on a terminal, plain text elsewhere."""
    print_page(lambda page: sections(solution, page), stream)


def sections(solution: Solution, page: Page) -> list[Section]:
    """What there is to say about a regression, in order, spelled for `page`."""
    statistics = all_statistics(solution)
    parts: list[Section] = []
    if terms := solution.extra.get("terms"):
        parts.append(Lines("", (page.message(terms["formula"]),)))
    for t, target in enumerate(solution.targets):
        found = statistics[t] if statistics else None
        title = f"Coefficients of {page.name(target)}" if len(solution.targets) > 1 else "Coefficients"
        parts.append(_coefficients(solution, t, found, page, title))
        if found is not None:
            parts.append(
                _fit(solution, t, found, page, "Fit" if len(solution.targets) == 1 else f"Fit of {page.name(target)}")
            )
    if not statistics:
        parts.append(Grid("Fit", (), rows_of(solution), "lt"))
    if solution.influence:
        parts.append(influence_grid(solution, solution.influence, page))
    terms = solution.extra.get("terms") or {}
    if lines := (*standing(solution, solution.names, terms, page), *_inflated(solution, statistics, page)):
        parts.append(Lines("", lines))
    if solution.warnings:
        parts.append(Lines("Warnings", tuple(map(page.message, solution.warnings))))
    return parts


def _coefficients(solution: Solution, t: int, found: Statistics | None, page: Page, title: str) -> Grid:
    """Name, estimate, standard error, t, p and interval of each coefficient."""
    x = solution.x.reshape(len(solution.names), -1)[:, t].tolist()
    shown = range(len(x)) if page.width is None else range(min(len(x), _LONGEST))
    columns = coefficient_columns([(solution.names[k], x[k], found, k) for k in shown], page)
    header, *rows = zip(*columns, strict=True)
    below = f"{len(x) - len(shown)} more coefficients: -f csv" if len(shown) < len(x) else ""
    # The interval follows from the estimate and its standard error.
    spare = ((5, 6),) if len(header) > 2 else ()
    return Grid(title, header, rows, "l" + "r" * (len(header) - 1), below, spare, "-f csv has them")


def coefficient_columns(rows: Sequence[tuple[str, float, Statistics | None, int]], page: Page) -> list[tuple[str, ...]]:
    """The columns of a table of coefficients, each with its header.

    Parameters
    ----------
    rows : sequence
        Name, estimate, what is known of the fit and the position in that.
    page : Page
    """
    columns: list[tuple[str, ...]] = [
        ("name", *(page.name(name) for name, *_ in rows)),
        ("estimate", *numbers([value for _, value, *_ in rows])),
    ]
    known = [(found, k) for *_, found, k in rows if found is not None]
    if not known:
        return columns
    values = {
        key: [float(getattr(found, key)[k]) for found, k in known] for key in ("std_error", "t", "p", "low", "high")
    }
    percent = significant(100 * known[0][0].confidence)
    return [
        *columns,
        ("std. error", *numbers(values["std_error"], 4)),
        ("t", *map(fixed, values["t"])),
        ("p", *map(probability, values["p"])),
        (f"{percent}% low", *numbers(values["low"], 5)),
        ("high", *numbers(values["high"], 5)),
    ]


def _fit(solution: Solution, t: int, found: Statistics, page: Page, title: str) -> Grid:
    """How well the whole fits."""
    rows = [*rows_of(solution), *_absorbed(solution, t, page)]
    rows += [
        ("residual std. error", f"{decimals(found.sigma, 4)} on {found.df_residual} degrees of freedom"),
        (
            page.label("R²"),
            f"{share(found.r_squared)}, adjusted {share(found.r_squared_adjusted)}"
            + ("" if found.r_squared_centred else " (about 0: no constant in the model)")
            + _within(solution, t),
        ),
        (
            "F of the slopes" if "absorbed" in solution.extra else "F",
            _f(found),
        ),
        ("AIC, BIC", f"{significant(found.aic)}, {significant(found.bic)}"),
    ]
    return Grid(title, (), [row for row in rows if "nan" not in row[1].split(",")[0]], "lt")


def _f(found: Statistics) -> str:
    """F with its degrees of freedom and p, or why it is not told."""
    if math.isnan(found.f) and found.vcov.startswith("cluster") and found.df_model > found.df_t:
        return f"not told: {found.df_t + 1} clusters for {found.df_model} coefficients"
    return f"{decimals(found.f, 4)} on {found.df_model} and {found.df_t}, p {probability(found.f_p, '= ')}"


def rows_of(solution: Solution | GroupedSolution) -> list[tuple[str, ...]]:
    """The rows used, and those dropped."""
    dropped = ", ".join(f"{count} {reason}" for reason, count in solution.dropped_rows.items())
    rows = str(solution.rows) if not dropped else f"{solution.rows} of {solution.rows_read} (dropped: {dropped})"
    return [("rows", rows)]


def standing(solution: Solution, names: Sequence[str], terms: dict[str, Any], page: Page) -> tuple[str, ...]:
    """What the standard errors assume, and which level each category is compared with."""
    kinds = dict.fromkeys(_kind(found, page) for found in all_statistics(solution) if found.vcov != "iid")
    return (*kinds, *level_lines(names, terms, page))


def _absorbed(solution: Solution, t: int, page: Page) -> list[tuple[str, ...]]:
    """What was taken out, and whether it differs between the levels."""
    what = solution.extra.get("absorbed")
    if not what:
        return []
    levels = f"{what['levels']} levels" if what["levels"] != 1 else "1 level"
    alone = f", {what['single_row_levels']} of them of one row" if what["single_row_levels"] else ""
    f, p = (one[t] if isinstance(one, list) else one for one in (what["f_levels"], what["f_levels_p"]))
    differs = "" if math.isnan(f) else f"; equal intercepts: F {decimals(f, 4)}, p {probability(p, '= ')}"
    return [("absorbed", page.message(f"{what['column']}, {levels}{alone}, not shown{differs}"))]


def _within(solution: Solution, t: int) -> str:
    """R² of what the levels leave."""
    what = solution.extra.get("absorbed")
    found = what["r_squared_within"] if what else math.nan
    found = found[t] if isinstance(found, list) else found
    return "" if math.isnan(found) else f", within {share(found)}"


def level_lines(names: Sequence[str], terms: dict[str, Any], page: Page) -> tuple[str, ...]:
    """Which level each category is compared with."""
    coded = [name for name in names if "[T." in name]
    return tuple(
        page.message(f"{name} is compared with {_level(base)}")
        for name, base in terms.get("bases", {}).items()
        if any(f"{name}[T." in one for one in coded)
    )


def _inflated(solution: Solution, statistics: tuple[Statistics, ...], page: Page) -> tuple[str, ...]:
    """The columns that others nearly make, by their variance inflation; those of products and powers always do."""
    terms: dict[str, Any] = solution.extra.get("terms") or {}
    has_products = any(len(term) > 1 for term in terms.get("terms", ()))
    has_powers = any(factor.get("degree") for factor in terms.get("factors", ()))
    if not statistics or has_products or has_powers or "absorbed" in terms:
        return ()
    found = zip(solution.names, statistics[0].vif.tolist(), strict=True)
    large = [f"{page.name(name)} {decimals(vif, 3)}" for name, vif in found if vif >= _INFLATED]
    return (f"variance inflation of 10 and more: {elided(large)}",) if large else ()


def _level(level: object) -> str:
    """A level as names have it."""
    return repr(level).removesuffix(".0") if isinstance(level, float) else str(level)


def _kind(found: Statistics, page: Page) -> str:
    """What the standard errors assume, in words."""
    kind, _, of = found.vcov.partition(":")
    if kind == "cluster":
        shared = " or ".join(of.split(","))
        freedom = f"t with {found.df_t} degrees of freedom"
        text = f"standard errors for rows that vary together where they share {shared}; {freedom}"
    else:
        text = f"standard errors for rows that have a variance each ({kind})"
    return page.message(text)


def numbers(values: list[float], digits: int = 6) -> list[str]:
    """Numbers of so many digits; a coefficient that was left out is an empty cell."""
    return ["" if math.isnan(value) else decimals(value, digits) for value in values]


def decimals(value: float, digits: int) -> str:
    """A number with so many digits, zeros at its end included."""
    if not math.isfinite(value) or (value != 0 and not 1e-5 <= abs(value) < 1e9):
        return significant(value, digits)
    whole = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(0, digits - 1 - whole)}f}"


def fixed(value: float) -> str:
    """A t with two decimals."""
    if math.isnan(value):
        return ""
    return f"{value:.2f}" if abs(value) < 1e5 else f"{value:.3g}"


def share(value: float) -> str:
    """R² with four decimals, more where it is near 1."""
    return f"{value:.4f}" if not 0.9999 < value < 1 else f"1 - {1 - value:.2g}"


def probability(value: float, equal: str = "") -> str:
    """A p with two significant digits."""
    if math.isnan(value):
        return ""
    return f"{equal}{value:#.2g}" if value >= 1e-99 else "< 1e-99"
