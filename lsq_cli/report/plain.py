"""A Solution for programs: one line of JSON, CSV or NPY, with numbers that read back to the same double.

Prefer JSON for all that is known (it is the model that ``lsq predict`` and ``--x0`` read), CSV for a
spreadsheet, NPY for numpy. Text is UTF-8 with ``\\n`` whatever the locale; a number that is not finite is null
in JSON, for JSON has no other word for it. Floats are written by `repr`: the shortest decimal that reads back.

Names read back unchanged, and control characters in them never reach a terminal: JSON escapes each one (``\\u009b``);
CSV has no escapes, so a file gets them as they are and a terminal gets them escaped, as in a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from lsq_cli.core.errors import printable
from lsq_cli.core.solution import Statistics
from lsq_cli.report.files import AtomicFile, check_path

if TYPE_CHECKING:
    from lsq_cli.core.solution import Iterate, Solution

ALWAYS = (
    *("method", "outcome", "converged", "data", "options", "rows", "rows_read"),
    *("columns", "rank", "names", "targets", "x", "coefficients", "objective", "residual_norm", "gradient_norm"),
    *("condition", "digits", "data_digits", "iterations", "passes"),
    *("precision", "seconds", "dropped_rows", "left_out", "dependencies", "warnings", "version"),
)
_IN_CSV = ("std_error", "t", "p", "low", "high")
WITH_THEIR_OPTION = ("step", "learning_rate", "largest_stable_rate", "forecast")


class Writable(Protocol):
    """Where bytes go: a `AtomicFile`, or the buffer of standard output."""

    def write(self, data: bytes, /) -> object:
        """Takes all of `data`."""
        ...

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        ...


def write_json(solution: Solution, stream: Writable) -> None:
    """The JSON object on one line."""
    write_json_line(json_record(solution), stream)


def json_record(solution: Solution) -> dict[str, Any]:
    """The JSON object: every key, always in this order."""
    record = {key: getattr(solution, key) for key in ALWAYS}
    record |= {key: value for key in WITH_THEIR_OPTION if (value := getattr(solution, key)) is not None}
    if solution.iterates is not None:
        record["iterates"] = [iterate_record(row, with_x=True) for row in solution.iterates]
    if solution.statistics is not None:
        several = [found._asdict() for found in all_statistics(solution)]
        record["statistics"] = several if solution.x.ndim == 2 else several[0]
    if solution.influence is not None:
        record["influence"] = [row._asdict() for row in solution.influence]
    return {**record, **solution.extra}


def write_csv(solution: Solution, stream: Writable) -> None:
    """``name,value``, a line for each coefficient; with several targets ``name,`` and a column for each.

    With statistics ``std_error,t,p,low,high`` follow, for several targets once for each: ``std_error_b1``.
    """
    for row in csv_rows(solution):
        write_csv_row(row, stream)


def csv_rows(solution: Solution) -> Iterator[tuple[str | float, ...]]:
    """The header, then a row for each coefficient."""
    several = solution.x.ndim == 2
    header, columns = (
        ["name", *(solution.targets if several else ("value",))],
        [*solution.x.reshape(len(solution.x), -1).T],
    )
    for target, found in zip(solution.targets, all_statistics(solution), strict=False):
        header += [f"{key}_{target}" if several else key for key in _IN_CSV]
        columns += [getattr(found, key) for key in _IN_CSV]
    yield tuple(header)
    lines = zip(*(column.tolist() for column in columns), strict=True)
    for name, values in zip(solution.names, lines, strict=True):
        yield (name, *values)


def write_npy(solution: Solution, stream: Writable) -> None:
    """x as an array of doubles, (n,) or (n, p)."""
    write_npy_header("<f8", solution.x.shape, stream)
    stream.write(solution.x.astype("<f8", copy=False).tobytes())


def all_statistics(solution: Solution) -> tuple[Statistics, ...]:
    """The statistics of each target; nothing where there are none."""
    found = solution.statistics
    if found is None:
        return ()
    return (found,) if isinstance(found, Statistics) else found


WRITERS: Mapping[str, Callable[[Solution, Writable], None]] = {
    ".json": write_json,
    ".csv": write_csv,
    ".npy": write_npy,
}


def check_output_path(path: str) -> str:
    """The format, ``.json``, ``.csv`` or ``.npy``, of an ``-o`` file; for before the data is read.

    Raises
    ------
    UsageError
        Another suffix.
    OutputError
        No such folder, a folder, or no permission.
    """
    return check_path(path, tuple(WRITERS))


def write_outputs(solution: Solution, paths: tuple[str, ...]) -> None:
    """Writes the ``-o`` files; where one cannot be written, none is.

    Raises
    ------
    UsageError, OutputError
        As `check_output_path`; also for a full disk.
    """
    with ExitStack() as stack:  # the files take their names when all of them are complete
        for path in paths:
            WRITERS[check_output_path(path)](solution, stack.enter_context(AtomicFile(path)))


def iterate_record(iterate: Iterate, *, with_x: bool) -> dict[str, Any]:
    """An iterate as a JSON object: k, x if wanted, then the scalars."""
    record = iterate._asdict()
    if not with_x:
        del record["x"]
    return record


def write_json_line(record: Mapping[str, Any], stream: Writable) -> None:
    """`record` as one line of JSON; arrays become lists, numbers that are not finite null."""
    stream.write(json_text(record).encode() + b"\n")


def json_text(record: Mapping[str, Any]) -> str:
    """The same as text without the end of the line."""
    import json  # half a millisecond that a table does without

    text = json.dumps(_jsonable(record), ensure_ascii=False, allow_nan=False)
    if not text.isprintable():
        for sign in set(text):
            text = text if sign.isprintable() else text.replace(sign, _json_escape(sign))
    return text


def write_csv_row(cells: tuple[str | float, ...], stream: Writable) -> None:
    """One line of CSV: text quoted where it must be, numbers by `repr`."""
    line = ",".join(quoted_cell(_text(cell, stream)) if isinstance(cell, str) else repr(cell) for cell in cells)
    stream.write(line.encode("utf-8", "backslashreplace") + b"\n")


def write_npy_header(descr: object, shape: tuple[int, ...], stream: Writable) -> None:
    """The head of an .npy file in C order; its length does not depend on the number of rows."""
    from numpy.lib import format as npy  # only here: JSON and CSV need nothing of numpy

    npy.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})


def _jsonable(value: Any) -> Any:
    """`value` in the types of JSON."""
    if isinstance(value, float):  # first, for nearly all are
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_jsonable(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): _jsonable(entry) for key, entry in value.items()}
    return _jsonable(value.tolist()) if hasattr(value, "tolist") else value


def _json_escape(sign: str) -> str:
    """A character that is not printable, within a string of JSON."""
    if "\ud800" <= sign <= "\udfff":
        # Half of a pair, as in a path that is no UTF-8: many readers refuse a string that has one. It becomes text.
        return printable(sign).replace("\\", "\\\\")
    import json

    return json.dumps(sign)[1:-1]


def _text(cell: str, stream: Writable) -> str:
    """`cell` as it is, but for a terminal without what it would obey."""
    return printable(cell) if not cell.isprintable() and stream.isatty() else cell


def quoted_cell(text: str) -> str:
    """`text` as a CSV cell that every reader gives back unchanged, this program's own among them."""
    # The csv module leaves a carriage return, a leading # (our comment sign) and outer blanks unquoted.
    if any(sign in text for sign in ',"\r\n') or text.startswith("#") or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text
