"""The solutions of many files: JSON, a line each, or one long CSV whose first column says which file a row is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.core.errors import ProblemError, shown
from lsq_cli.report.plain import csv_rows, write_csv_row, write_json, write_json_line

if TYPE_CHECKING:
    from lsq_cli.core.solution import Solution
    from lsq_cli.report.plain import Writable


class JsonLines:
    """The object of ``-f json``, a line a file; ``{"data": …, "error": …}`` for one that could not be solved."""

    def __init__(self, stream: Writable) -> None:
        self._stream = stream

    def add(self, solution: Solution) -> ProblemError | None:
        """Writes one solution."""
        write_json(solution, self._stream)
        return None

    def add_error(self, path: str, error: str) -> None:
        """Writes what is wrong with a file."""
        write_json_line({"data": [path], "error": error}, self._stream)


class CsvLines:
    """``data``, then the columns of ``-f csv``, which are the same for all files; a line a coefficient."""

    def __init__(self, stream: Writable) -> None:
        self._stream = stream
        self._header: tuple[str, ...] = ()

    def add(self, solution: Solution) -> ProblemError | None:
        """Writes one solution; an error where its targets are not those of the files before."""
        names, *rows = csv_rows(solution)
        header = ("data", *map(str, names))
        if self._header not in ((), header):
            here, before = (", ".join(map(shown, each[2:])) for each in (header, self._header))
            return ProblemError(
                f"{' '.join(solution.data)}: the columns would be {here}, and are {before} for the files before; "
                "choose the same with --target, or use -f json"
            )
        if not self._header:
            self._header = header
            write_csv_row(header, self._stream)
        for row in rows:
            write_csv_row((" ".join(solution.data), *row), self._stream)
        return None

    def add_error(self, path: str, error: str) -> None:
        """Nothing: a table of coefficients has no place for it; it stands on standard error."""
