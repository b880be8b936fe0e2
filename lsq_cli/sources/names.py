"""The columns of a table as arguments call them: by name, position or pattern; and near misses.

`columns.py` decides with it which columns are A, b and the weights. It reads no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from typing import TYPE_CHECKING, NamedTuple

from lsq_cli.core.errors import ColumnError, elided, shown

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import Table
    from lsq_cli.sources.column import Column


class Found(NamedTuple):
    """What a piece of an argument stands for."""

    columns: tuple[Column, ...]
    kind: str
    """``name``, ``position`` or ``pattern``."""


class Header:
    """The columns of one table, as arguments call them.

    Parameters
    ----------
    table : Table
    names : sequence of str, optional
        What they are called instead, as b of a file without a header is.
    """

    def __init__(self, table: Table, names: Iterable[str] | None = None) -> None:
        self.path, self._table = table.path, table
        self.columns = table.columns
        self.names = tuple(column.name for column in table.columns) if names is None else tuple(names)
        self._called: dict[str, list[Column]] = {}
        for name, column in zip(self.names, self.columns, strict=True):
            self._called.setdefault(name, []).append(column)

    @property
    def is_text(self) -> bool:
        """Whether the table is delimited text."""
        return self._table.form.startswith("CSV")

    def pieces(self, argument: str) -> list[str]:
        """The argument itself if it is a name, else what stands between its commas."""
        return [argument] if argument in self._called else argument.split(",")

    def find(self, piece: str) -> Found | None:
        """The columns that a piece names; None if there is none.

        Raises
        ------
        ColumnError
            A name that stands twice in the header.
        """
        stripped = piece.strip()
        if re.fullmatch(r"#[0-9]+", stripped):
            return self._at(int(stripped[1:]))
        for name in (piece, stripped):
            if name in self._called:
                return Found((self._only(name),), "name")
        if re.fullmatch(r"[+-]?[0-9]+", stripped):
            return self._at(int(stripped))
        if "*" in stripped or "?" in stripped:
            pattern = re.compile(re.escape(stripped).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
            named = zip(self.names, self.columns, strict=True)
            matches = tuple(column for name, column in named if pattern.fullmatch(name))
            return Found(matches, "pattern") if matches else None
        return None

    def _at(self, number: int) -> Found | None:
        """The column at a position as people count, from either end."""
        position = number - 1 if number > 0 else number + len(self.columns)
        if number and 0 <= position < len(self.columns):
            return Found((self.columns[position],), "position")
        return None

    def _only(self, name: str) -> Column:
        """The column of a name that stands once."""
        columns = self._called[name]
        if len(columns) > 1:
            numbers = [f"#{column.position + 1}" for column in columns]
            raise ColumnError(
                f"{len(columns)} columns are called {quoted(name)}; say which by its position: {either(numbers)}",
                self.path,
            )
        return columns[0]

    def unknown(self, piece: str, option: str) -> ColumnError:
        """The error for a piece that names no column, with what it may have meant."""
        piece, last = piece.strip(), len(self.columns)
        if not piece:
            problem = f"{option} has an empty name; separate names by one comma"
        elif re.fullmatch(r"#[0-9]+|[+-]?[0-9]+", piece):
            problem = f"{option} {piece}: there is no such column; positions run from 1 to {last}"
        elif "*" in piece or "?" in piece:
            problem = f"{option} {quoted(piece)} matches no column; there are {listed(self.names)}"
        elif not self.columns[0].named:
            problem = f"{option} {quoted(piece)}: no such column; without a header give a position from 1 to {last}"
        elif near := _near(piece, self.names):
            problem = f"{option} {quoted(piece)}: no such column; did you mean {either(near)}?"
        else:
            problem = f"{option} {quoted(piece)}: no such column; there are {listed(self.names)}"
        return ColumnError(problem, self.path)

    def every(self, option: str, arguments: Iterable[str]) -> tuple[Column, ...]:
        """The columns that arguments name, of whatever kind, each once and in their order."""
        found: dict[Column, None] = {}
        for argument in arguments:
            for piece in self.pieces(argument):
                one = self.find(piece)
                if one is None:
                    raise self.unknown(piece, option)
                found.update(dict.fromkeys(one.columns))
        return tuple(found)

    def take(
        self, option: str, arguments: Iterable[str], excluded: Set[Column], passed: set[Column]
    ) -> tuple[Column, ...]:
        """The columns that arguments select, each once, in their order.

        Columns in `excluded` are skipped; those that a pattern passes over go to `passed`.
        """
        taken: dict[Column, None] = {}
        for argument in arguments:
            for piece in self.pieces(argument):
                found = self.find(piece)
                if found is None:
                    raise self.unknown(piece, option)
                wanted = [column for column in found.columns if column not in excluded]
                if found.kind == "pattern":
                    passed.update(column for column in wanted if column.passed_over)
                    wanted = [column for column in wanted if not column.passed_over]
                taken.update(dict.fromkeys(wanted))
        for column in taken:
            column.check(option)
        return tuple(taken)

    def taken(self, arguments: tuple[str, ...], excluded: Set[Column], passed: set[Column]) -> tuple[Column, ...]:
        """What ``--columns`` selects, or the rest where it is not given."""
        return self.take("--columns", arguments, excluded, passed) if arguments else self.rest(excluded, passed)

    def rest(self, excluded: Set[Column], passed: set[Column]) -> tuple[Column, ...]:
        """All columns of numbers that are not excluded, in file order; the others go to `passed`."""
        left = [column for column in self.columns if column not in excluded]
        passed.update(column for column in left if column.passed_over)
        taken = tuple(column for column in left if not column.passed_over)
        for column in taken:
            column.check()
        return taken


def quoted(name: str) -> str:
    """A name in quotes, safe to print."""
    return f"'{shown(name)}'"


def listed(names: Iterable[str]) -> str:
    """The first names in quotes, and how many more there are."""
    return elided(map(quoted, names))


def either(words: list[str]) -> str:
    """``a, b or c``."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _near(name: str, names: tuple[str, ...]) -> list[str]:
    """Up to three names that look like `name`, in quotes and in their order."""
    import difflib  # only here, on the way to an error

    near = difflib.get_close_matches(name.casefold(), [known.casefold() for known in names], 3)
    return [quoted(known) for known in names if known.casefold() in near][:3]
