"""The header of a table, as column arguments speak of it: names, positions, patterns, and near misses.

`columns.py` decides with it which columns are A, b and the weights. It reads no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, NamedTuple

from lsq_cli.core.errors import ColumnError, DataError, elided, shown

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import Table


class Found(NamedTuple):
    """What a piece of an argument stands for."""

    positions: tuple[int, ...]
    kind: str
    """``name``, ``position`` or ``pattern``."""


class Header:
    """The columns of one table, as arguments call them.

    Parameters
    ----------
    table : Table
    names : sequence of str, optional
        Instead of the table's, for the b of a file without a header.
    """

    def __init__(self, table: Table, names: Iterable[str] | None = None) -> None:
        self.path = table.path
        self.names = table.names if names is None else tuple(names)
        self.has_header = table.has_header
        self.text = table.text_columns
        self._empty: Set[int] = getattr(table, "empty_columns", frozenset())
        self._unreadable: Mapping[int, DataError] = getattr(table, "unreadable_columns", {})
        self._positions: dict[str, list[int]] = {}
        for position, name in enumerate(self.names):
            self._positions.setdefault(name, []).append(position)

    def pieces(self, argument: str) -> list[str]:
        """The argument itself if it is a name, else what stands between its commas."""
        return [argument] if argument in self._positions else argument.split(",")

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
            if name in self._positions:
                return Found((self._only(name),), "name")
        if re.fullmatch(r"[+-]?[0-9]+", stripped):
            return self._at(int(stripped))
        if "*" in stripped or "?" in stripped:
            pattern = re.compile(re.escape(stripped).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
            matches = tuple(k for k, name in enumerate(self.names) if pattern.fullmatch(name))
            return Found(matches, "pattern") if matches else None
        return None

    def _at(self, number: int) -> Found | None:
        """The column at a position as people count, from either end."""
        position = number - 1 if number > 0 else number + len(self.names)
        return Found((position,), "position") if number and 0 <= position < len(self.names) else None

    def _only(self, name: str) -> int:
        """The position of a name that stands once."""
        positions = self._positions[name]
        if len(positions) > 1:
            numbers = [f"#{k + 1}" for k in positions]
            raise ColumnError(
                f"{len(positions)} columns are called {quoted(name)}; say which by its position: {either(numbers)}",
                self.path,
            )
        return positions[0]

    def unknown(self, piece: str, option: str) -> ColumnError:
        """The error for a piece that names no column, with what it may have meant."""
        piece, last = piece.strip(), len(self.names)
        if not piece:
            problem = f"{option} has an empty name; separate names by one comma"
        elif re.fullmatch(r"#[0-9]+|[+-]?[0-9]+", piece):
            problem = f"{option} {piece}: there is no such column; positions run from 1 to {last}"
        elif "*" in piece or "?" in piece:
            problem = f"{option} {quoted(piece)} matches no column; there are {listed(self.names)}"
        elif not self.has_header:
            problem = f"{option} {quoted(piece)}: no such column; without a header give a position from 1 to {last}"
        elif near := _near(piece, self.names):
            problem = f"{option} {quoted(piece)}: no such column; did you mean {either(near)}?"
        else:
            problem = f"{option} {quoted(piece)}: no such column; there are {listed(self.names)}"
        return ColumnError(problem, self.path)

    def take(self, option: str, arguments: Iterable[str], excluded: frozenset[int], passed: set[int]) -> list[int]:
        """The columns that arguments select, each once, in their order.

        Columns in `excluded` are skipped; columns of text that a pattern matches go to `passed`.
        """
        taken: dict[int, None] = {}
        for argument in arguments:
            for piece in self.pieces(argument):
                found = self.find(piece)
                if found is None:
                    raise self.unknown(piece, option)
                wanted = [k for k in found.positions if k not in excluded]
                if found.kind == "pattern":
                    passed.update(k for k in wanted if k in self.text)
                    wanted = [k for k in wanted if k not in self.text]
                taken.update(dict.fromkeys(wanted))
        for position in taken:
            self.check_numbers(position, option)
        return list(taken)

    def columns(self, arguments: tuple[str, ...], excluded: frozenset[int], passed: set[int]) -> list[int]:
        """What ``--columns`` selects, or the rest where it is not given."""
        return self.take("--columns", arguments, excluded, passed) if arguments else self.rest(excluded, passed)

    def rest(self, excluded: frozenset[int], passed: set[int]) -> list[int]:
        """All columns of numbers that are not excluded, in file order; those of text go to `passed`."""
        left = [k for k in range(len(self.names)) if k not in excluded]
        passed.update(k for k in left if k in self.text)
        taken = [k for k in left if k not in self.text]
        for position in taken:
            self.check_numbers(position)
        return taken

    def check_numbers(self, position: int, option: str = "") -> None:
        """Raise `DataError` where a column cannot be used, for it is text or cannot be read.

        One that only misses its first cells can be: what is missing is told, or left out, cell by cell.
        """
        self.check_readable((position,))
        if position in self.text and position not in self._empty:
            example = self.text[position]
            said = f"but text such as {quoted(example)}" if example else "and it is no column of numbers"
            way_out = f"; {option} needs a column of numbers" if option else ""
            raise ColumnError(f"no number in its first 1000 rows, {said}{way_out}", self.place(position))

    def check_readable(self, positions: Iterable[int]) -> None:
        """Raise the `DataError` that the table keeps for one of these columns."""
        for position in positions:
            if position in self._unreadable:
                raise self._unreadable[position]

    def place(self, position: int) -> str:
        """``data.csv, column 3 'Ozone'``."""
        name = f" {quoted(self.names[position])}" if self.has_header else ""
        return f"{self.path}, column {position + 1}{name}"

    def title(self, position: int) -> str:
        """``'Ozone'``, or ``number 3`` where there is no header."""
        return quoted(self.names[position]) if self.has_header else f"number {position + 1}"


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
