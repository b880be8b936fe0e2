"""Models side by side: for people a column a model, for programs each as it would stand alone, and the nested pairs.

    JSON  {"models": [the object of each], "nested": [{"smaller", "larger", "f", "f_p", "df"}], …}
    CSV   model,name,value,std_error,t,p,low,high

Models are counted from 1, in the order of their formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, TextIO

from lsq_cli.report.files import AtomicFile
from lsq_cli.report.fitting import Grid
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import Page, significant
from lsq_cli.report.plain import (
    all_statistics,
    check_output_path,
    csv_rows,
    json_record,
    write_csv_row,
    write_json_line,
)
from lsq_cli.report.regression import decimals, level_lines, numbers, probability, rows_of, share

if TYPE_CHECKING:
    from lsq_cli.core.solution import Solution, Statistics
    from lsq_cli.report.plain import Writable
    from lsq_cli.runs.several import Several


def print_several(found: Several, stream: TextIO) -> None:
    """Prints models side by side on `stream`."""
    print_page(lambda page: sections(found, page), stream)


def sections(found: Several, page: Page) -> list[Section]:
    """What there is to say of the models, in order."""
    models = found.models
    listed: list[tuple[str, ...]] = [
        (str(k), page.message(one.extra["terms"]["formula"])) for k, one in enumerate(models, 1)
    ]
    parts: list[Section] = [Grid("Models", (), listed, "rt"), _coefficients(models, page), _fits(models, page)]
    if found.nested:
        parts.append(_tests(found))
    else:
        parts.append(Lines("", ("no model lies within another: compare them by AIC",)))
    if lines := tuple(
        dict.fromkeys(line for one in models for line in level_lines(one.names, one.extra["terms"], page))
    ):
        parts.append(Lines("", lines))
    if warnings := tuple(dict.fromkeys(warning for one in models for warning in one.warnings)):
        parts.append(Lines("Warnings", tuple(map(page.message, warnings))))
    return parts


def write_json(found: Several, stream: Writable) -> None:
    """The JSON object on one line."""
    first = found.models[0]
    nested = [
        {
            "smaller": pair.smaller + 1,
            "larger": pair.larger + 1,
            "f": pair.test.f,
            "f_p": pair.test.p,
            "df": [pair.test.more, pair.test.freedom],
        }
        for pair in found.nested
    ]
    shared = {key: getattr(first, key) for key in ("data", "rows", "rows_read", "dropped_rows", "passes", "version")}
    write_json_line({"models": [json_record(one) for one in found.models], "nested": nested, **shared}, stream)


def write_csv(found: Several, stream: Writable) -> None:
    """``model,name,value,…``, a line for each coefficient of each model."""
    for k, one in enumerate(found.models, 1):
        header, *rows = csv_rows(one)
        if k == 1:
            write_csv_row(("model", *header), stream)
        for row in rows:
            write_csv_row((str(k), *row), stream)


WRITERS: Mapping[str, Callable[[Several, Writable], None]] = {".json": write_json, ".csv": write_csv}


def write_outputs(found: Several, paths: tuple[str, ...]) -> None:
    """Writes the ``-o`` files; where one cannot be written, none is."""
    with ExitStack() as stack:
        for path in paths:
            WRITERS[check_output_path(path)](found, stack.enter_context(AtomicFile(path)))


def _coefficients(models: tuple[Solution, ...], page: Page) -> Grid:
    """The estimates and their standard errors, a row for each name that a model has."""
    names = tuple(dict.fromkeys(name for one in models for name in one.names))
    columns = [("name", *map(page.name, names))]
    for k, one in enumerate(models, 1):
        places = {name: place for place, name in enumerate(one.names)}
        for title, values, digits in ((f"model {k}", one.x, 6), ("std. error", _statistics(one).std_error, 4)):
            cells = numbers(values.tolist(), digits)
            columns.append((title, *(cells[places[name]] if name in places else "" for name in names)))
    header, *rows = zip(*columns, strict=True)
    spare = (tuple(range(2, 1 + 2 * len(models), 2)),)
    return Grid("Coefficients", header, rows, "l" + "r" * (2 * len(models)), "", spare, "-f csv has them")


def _fits(models: tuple[Solution, ...], page: Page) -> Grid:
    """How well each fits."""
    columns = [
        (
            *("rows", "coefficients", "residual std. error", "degrees of freedom"),
            *(page.label("R²"), page.label("adjusted R²"), "AIC", "BIC"),
        )
    ]
    for one in models:
        found = _statistics(one)
        columns.append(
            (
                str(one.rows),
                str(one.rank),
                decimals(found.sigma, 4),
                str(found.df_residual),
                share(found.r_squared) + ("" if found.r_squared_centred else " (about 0)"),
                share(found.r_squared_adjusted),
                significant(found.aic),
                significant(found.bic),
            )
        )
    header = ("", *(f"model {k}" for k in range(1, len(models) + 1)))
    dropped = rows_of(models[0])[0][1]
    below = f"rows {dropped}: a row that misses a cell of one model is out of all" if models[0].dropped_rows else ""
    return Grid("Fit", header, list(zip(*columns, strict=True)), "l" + "r" * len(models), below)


def _tests(found: Several) -> Grid:
    """The F test of each nested pair."""
    rows = [
        (
            f"{pair.smaller + 1} within {pair.larger + 1}",
            *numbers([pair.test.f], 4),
            f"{pair.test.more} and {pair.test.freedom}",
            probability(pair.test.p),
        )
        for pair in found.nested
    ]
    return Grid("F tests of what the larger model adds", ("models", "F", "degrees of freedom", "p"), rows, "lrrr")


def _statistics(one: Solution) -> Statistics:
    """Those of its one target."""
    return all_statistics(one)[0]
