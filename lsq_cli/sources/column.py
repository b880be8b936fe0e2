"""What one column of a table is: its name, its place, what its cells are, and whether it can be used.

A table says what its columns are once, as a tuple of `Column`s, and the same objects go from there to the last: an
argument of the command line finds them (`names.py`), a `Selection` holds those of A, b and the weights
(`columns.py`), and a table is asked for the cells of some of them. Where they stand in the file is looked at by the
reader of the file alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lsq_cli.core.errors import ColumnError, DataError, shown


class Kind(StrEnum):
    """What the cells of a column are, by the type that the file says or by the first 1000 rows."""

    NUMBER = "number"
    TRUTH = "true/false"
    """Of a type that has these two values; they are read as 1 and 0."""
    TEXT = "text"
    DATE = "date"
    """Text or a type of its own: ISO 8601."""
    COUNTS = "counts rows"
    """0, 1, 2, … or 1, 2, 3, … under an empty cell of the header."""
    INDEX = "index"
    """Numbers that pandas says are its index."""
    EMPTY = "empty"
    """Missing cells alone; numbers may follow."""
    UNREADABLE = "unreadable"
    """Numbers in another convention: `Column.error` says which."""


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """One column of a table; it is equal to itself alone.

    Attributes
    ----------
    name : str
        As the header has it, else made of the position: ``x3``, or ``column3`` under an empty cell.
    position : int
        0-based, in the file.
    table : str
        Where it comes from: the path of the table.
    kind : Kind
    example : str
        A cell, where the kind is not that of numbers and any cell is there.
    named : bool
        Whether the table has a header.
    error : DataError or None
        Why it cannot be read, though its kind may be a part of a problem.
    """

    name: str
    position: int
    table: str
    kind: Kind = Kind.NUMBER
    example: str = ""
    named: bool = False
    error: DataError | None = None

    @property
    def numbers_rows(self) -> bool:
        """Whether it says which row it is, and is no measurement."""
        return self.kind in (Kind.COUNTS, Kind.INDEX)

    @property
    def passed_over(self) -> bool:
        """Whether "the rest" and patterns leave it out: what they take are numbers, or errors."""
        return self.kind not in (Kind.NUMBER, Kind.TRUTH, Kind.UNREADABLE)

    def check(self, option: str = "") -> None:
        """Raise `DataError` where the column cannot be a part of the problem, for it is text or cannot be read.

        One that only misses its first cells can be: what is missing is told, or left out, cell by cell. So can one that
        numbers the rows.
        """
        if self.error is not None:
            raise self.error
        if self.kind in (Kind.TEXT, Kind.DATE):
            words = "text" if self.kind is Kind.TEXT else "dates"
            said = f"but {words} such as '{shown(self.example)}'" if self.example else "and it is no column of numbers"
            way_out = f"; {option} needs a column of numbers" if option else ""
            raise ColumnError(f"no number in its first 1000 rows, {said}{way_out}", self.place)

    @property
    def place(self) -> str:
        """``data.csv, column 3 'Ozone'``."""
        name = f" '{shown(self.name)}'" if self.named else ""
        return f"{self.table}, column {self.position + 1}{name}"

    @property
    def title(self) -> str:
        """``'Ozone'``, or ``number 3`` where there is no header."""
        return f"'{shown(self.name)}'" if self.named else f"number {self.position + 1}"


def columns_of_numbers(table: str, count: int) -> tuple[Column, ...]:
    """The columns of a table of numbers without a header: ``x1``, ``x2``, …"""
    return tuple(Column(f"x{k + 1}", k, table) for k in range(count))


def positions_of(columns: Iterable[Column]) -> tuple[int, ...]:
    """Where some columns stand in their file, for its reader."""
    return tuple(column.position for column in columns)


def plain_names(letter: str, count: int) -> tuple[str, ...]:
    """``b`` for one column without a name, ``b1``, ``b2``, … for more."""
    return (letter,) if count == 1 else tuple(f"{letter}{k + 1}" for k in range(count))
