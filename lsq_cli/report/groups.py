"""The results of many groups: one page for people, one JSON object, one CSV whose first columns say which group it is.

Nothing is computed here: every number stands in the `GroupedSolution`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TextIO

from lsq_cli.core.errors import UsageError, counted
from lsq_cli.core.solution import one_decimal, value_text
from lsq_cli.report.files import AtomicFile, check_path
from lsq_cli.report.fitting import Grid
from lsq_cli.report.layout import Lines, Section, print_page
from lsq_cli.report.page import Page, coefficient, decimal_aligned, significant
from lsq_cli.report.plain import (
    ALWAYS,
    WITH_THEIR_OPTION,
    all_statistics,
    csv_rows,
    json_text,
    write_csv_row,
)
from lsq_cli.report.regression import coefficient_columns, decimals, probability, rows_of, share, standing

if TYPE_CHECKING:
    from lsq_cli.core.groups import GroupedSolution
    from lsq_cli.core.solution import GroupResult, Solution, Statistics
    from lsq_cli.report.plain import Writable

_LONGEST = 200
"""Rows of a table that a terminal shows."""
_MOST_SAID = 12
"""Warnings that a page shows."""
_OF_ALL = ("method", "data", "options", "rows_read", "targets", "precision", "seconds", "version", "passes")
"""What stands at the top alone."""


def report(found: GroupedSolution, form: str, output: tuple[str, ...], stream: TextIO) -> None:
    """Write the files, then standard output: a reader that closes the pipe early still finds the files."""
    with ExitStack() as stack:  # the files take their names when all of them are complete
        for path in output:
            WRITERS[check_output_path(path)](found, stack.enter_context(AtomicFile(path)))
    if form == "table":
        print_page(lambda page: sections(found, page), stream)
        return
    WRITERS[f".{form}"](found, stream.buffer)
    stream.buffer.flush()


def write_json(found: GroupedSolution, stream: Writable) -> None:
    """The JSON object on one line: what belongs to one fit stands in ``groups``, and is null at the top."""
    record = {key: getattr(found, key) for key in ALWAYS}
    record |= {key: value for key in WITH_THEIR_OPTION if (value := getattr(found, key)) is not None}
    # Group by group: the text of ten thousand of them takes more room than all else.
    stream.write(json_text(record)[:-1].encode() + b', "groups": [')
    for k, one in enumerate(found.all_groups):
        text = json_text(_group_record(one, several=len(found.targets) > 1))
        stream.write(b", " * bool(k) + text.encode())
    rest = json_text(found.extra)[1:]
    stream.write(b"]" + (b", " if found.extra else b"") + rest.encode() + b"\n")


def _group_record(one: GroupResult, *, several: bool) -> dict[str, Any]:
    """One entry of ``groups``."""
    record: dict[str, Any] = {"group": {name: _plain(value) for name, value in one.group.items()}}
    if one.error is not None:
        record["error"] = one.error
    record |= {key: getattr(one, key) for key in ALWAYS if key not in _OF_ALL}
    record |= {key: value for key in WITH_THEIR_OPTION if (value := getattr(one, key)) is not None}
    del record["dropped_rows"]
    if one.solution is None:
        record["converged"] = record["outcome"] = None
    elif one.solution.statistics is not None:
        statistics = [of._asdict() for of in all_statistics(one.solution)]
        record["statistics"] = statistics if several else statistics[0]
    return record


def _plain(value: Any) -> Any:
    """A value as the file has it: 6 for the number 6.0."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def write_csv(found: GroupedSolution, stream: Writable) -> None:
    """``group``, then the columns of one fit; for several columns ``group_NAME`` each. Groups with a result only."""
    heads = ("group",) if len(found.by) == 1 else tuple(f"group_{name}" for name in found.by)
    solved = [one for one in found.all_groups if one.solution is not None]
    header = next(csv_rows(solved[0].solution)) if solved and solved[0].solution else ("name", "value")
    write_csv_row((*heads, *header), stream)
    for one in solved:
        assert one.solution is not None
        rows = csv_rows(one.solution)
        next(rows)
        values = tuple(map(value_text, one.group.values()))
        for row in rows:
            write_csv_row((*values, *row), stream)


WRITERS: Mapping[str, Callable[[GroupedSolution, Writable], None]] = {".json": write_json, ".csv": write_csv}


def check_output_path(path: str) -> str:
    """The format of an ``-o`` file; raises as `plain.check_output_path`, and for ``.npy``."""
    if path.lower().endswith(".npy"):
        raise UsageError(f"-o {path} and --by do not go together: groups need names; use .csv or .json")
    return check_path(path, tuple(WRITERS))


def sections(found: GroupedSolution, page: Page) -> list[Section]:
    """What there is to say, in order, spelled for `page`."""
    parts: list[Section] = []
    if terms := found.extra.get("terms"):
        parts.append(Lines("", (f"{page.message(terms['formula'])}, by {', '.join(map(page.name, found.by))}",)))
    several = len(found.targets) > 1
    for t, target in enumerate(found.targets):
        of = f" of {page.name(target)}" if several else ""
        if terms:
            parts.append(_coefficients(found, t, page, f"Coefficients{of}"))
            if any(all_statistics(one.solution) for one in found.all_groups if one.solution):
                parts.append(_fits(found, t, page, f"Fits{of}"))
    if not terms:
        parts += [_solutions(found, page), _runs(found, page)]
    parts.append(Grid("All groups", (), [("groups", str(len(found.all_groups))), *rows_of(found)], "lt"))
    first = next((one.solution for one in found.all_groups if one.solution is not None), None)
    if terms and first is not None and (lines := standing(first, _all_names(found), terms, page)):
        parts.append(Lines("", lines))
    said = [f"{page.message(one.name)}: {page.message(text)}" for one, text in _warnings(found)]
    said += map(page.message, found.warnings)
    if len(said) > _MOST_SAID:
        said = [*said[:_MOST_SAID], f"{len(said) - _MOST_SAID} more: -f json has them"]
    if said:
        parts.append(Lines("Warnings", tuple(said)))
    return parts


def _warnings(found: GroupedSolution) -> Iterator[tuple[GroupResult, str]]:
    """Each group with what is said of it."""
    for one in found.all_groups:
        for text in (*one.warnings, *((one.error,) if one.error else ())):
            yield one, text


def _all_names(found: GroupedSolution) -> tuple[str, ...]:
    """The names of all columns that some group has."""
    names = (name for one in found.all_groups if one.solution is not None for name in one.solution.names)
    return tuple(dict.fromkeys(names))


def _labels(found: GroupedSolution, one: GroupResult, page: Page, rows: int) -> list[tuple[str, ...]]:
    """The values of the group beside its first row, and nothing beside the others."""
    return [tuple(page.name(value_text(value)) for value in one.group.values())] + [("",) * len(found.by)] * (rows - 1)


def _grid(
    found: GroupedSolution,
    page: Page,
    title: str,
    header: tuple[str, ...],
    blocks: list[tuple[GroupResult, list[tuple[str, ...]]]],
    align: str,
    spare: tuple[tuple[int, ...], ...] = (),
) -> Grid:
    """A table whose first columns say which group a row is of."""
    rows = [
        (*label, *row) for one, of in blocks for label, row in zip(_labels(found, one, page, len(of)), of, strict=True)
    ]
    left = 0 if page.width is None else len(rows) - _LONGEST
    below = f"{counted(left, 'more row')}: -f csv" if left > 0 else ""
    shown_rows = rows if left <= 0 else rows[:_LONGEST]
    heads, by = tuple(map(page.name, found.by)), len(found.by)
    moved = tuple(tuple(column + by for column in columns) for columns in spare)
    return Grid(title, (*heads, *header), shown_rows, "l" * by + align, below, moved, "-f csv has them")


def _coefficients(found: GroupedSolution, t: int, page: Page, title: str) -> Grid:
    """Estimate, standard error, t, p and interval of each coefficient of each group."""
    solved = [one.solution for one in found.all_groups if one.solution is not None]
    rows = [pair for solution in solved for pair in _one_target(solution, t)]
    header, *lines = zip(*coefficient_columns(rows, page), strict=True)
    places = iter(lines)
    blocks: list[tuple[GroupResult, list[tuple[str, ...]]]] = []
    for one in found.all_groups:
        if one.solution is None:
            blocks.append((one, [("too small" if one.error is None else "error", *[""] * (len(header) - 1))]))
        else:
            blocks.append((one, [next(places) for _ in one.solution.names]))
    spare = ((5, 6),) if len(header) > 2 else ()
    return _grid(found, page, title, header, blocks, "l" + "r" * (len(header) - 1), spare)


def _one_target(solution: Solution, t: int) -> Iterator[tuple[str, float, Statistics | None, int]]:
    """Name, estimate, the statistics and the position in them of each coefficient."""
    statistics = all_statistics(solution)
    x = solution.x.reshape(len(solution.names), -1)[:, t].tolist()
    for k, (name, value) in enumerate(zip(solution.names, x, strict=True)):
        yield name, value, statistics[t] if statistics else None, k


def _fits(found: GroupedSolution, t: int, page: Page, title: str) -> Grid:
    """How well each fit is."""
    header = ("rows", "std. error", "df", page.label("R²"), "adjusted", "F", "p")
    blocks = []
    for one in found.all_groups:
        if one.solution is None:
            blocks.append((one, [(str(one.rows), *[""] * (len(header) - 1))]))
            continue
        of = all_statistics(one.solution)[t]
        row = (
            str(one.rows),
            _known(of.sigma, lambda value: decimals(value, 4)),
            str(of.df_residual),
            _known(of.r_squared, share),
            _known(of.r_squared_adjusted, share),
            _known(of.f, lambda value: decimals(value, 4)),
            probability(of.f_p),
        )
        blocks.append((one, [row]))
    return _grid(found, page, title, header, blocks, "r" * len(header), ((4,), (4, 5, 6)))


def _known(value: float, text: Callable[[float], str]) -> str:
    """A number as text, or nothing where it is not defined."""
    return "" if value != value else text(value)


def _solutions(found: GroupedSolution, page: Page) -> Grid:
    """Names and x of each group, a column for each target."""
    several = len(found.targets) > 1
    heads = tuple(map(page.name, found.targets)) if several else ("x",)
    blocks: list[tuple[GroupResult, list[tuple[str, ...]]]] = []
    for one in found.all_groups:
        if one.solution is None:
            blocks.append((one, [("too small" if one.error is None else "error", *[""] * len(heads))]))
            continue
        x = one.solution.x.reshape(len(one.solution.names), -1).T.tolist()
        digits = one.solution.digits
        columns = [decimal_aligned([coefficient(value, digits) for value in column]) for column in x]
        names = [page.name(name) for name in one.solution.names]
        blocks.append((one, list(zip(names, *columns, strict=True))))
    return _grid(found, page, "Solutions", ("name", *heads), blocks, "l" + "l" * len(heads))


def _runs(found: GroupedSolution, page: Page) -> Grid:
    """How each group was solved."""
    descent = found.method == "gd"
    header = ("rows", "rank", page.label("‖Ax − b‖"), *(("iterations",) if descent else ()), "digits", "outcome")
    blocks = []
    for one in found.all_groups:
        solution = one.solution
        if solution is None:
            blocks.append((one, [(str(one.rows), *[""] * (len(header) - 1))]))
            continue
        row = (
            str(one.rows),
            str(solution.rank),
            significant(solution.residual_norm),
            *((str(solution.iterations),) if descent else ()),
            "not known" if solution.digits is None else one_decimal(solution.digits),
            solution.outcome.value,
        )
        blocks.append((one, [row]))
    return _grid(found, page, "Groups", header, blocks, "r" * (len(header) - 1) + "l")
