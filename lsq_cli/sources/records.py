"""Rows of a table by the names of their columns: numbers, dates, categories and weights, without the missing ones.

What a model with a formula is made of, at fit and at predict. Prefer `rows.py` where A and b are columns of numbers
as they stand; what is read here is looked up by name, and text is read as levels (`words.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import CellError, ColumnError, SourceConsumedError, shown
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.column import Column, Kind
from lsq_cli.sources.columns import match_part
from lsq_cli.sources.dates import seconds
from lsq_cli.sources.names import quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Cells, Missing, Table
    from lsq_cli.sources.words import Coded

Level = str | float | bool
_COUNTS = (Kind.COUNTS, Kind.INDEX)
"""Columns that number the rows: read where they are named, and no part of the rest."""


class Wanted(NamedTuple):
    """Which columns are read, by name, and as what.

    Attributes
    ----------
    numbers : tuple of str
        As doubles; dates are seconds since 1970.
    categories : tuple of str
        As levels.
    weights : str or None
    kept : tuple of str
        As text, whether missing or not.
    may_miss : frozenset of str
        Those of `numbers` that keep their row where they miss: they are nan there.
    """

    numbers: tuple[str, ...]
    categories: tuple[str, ...] = ()
    weights: str | None = None
    kept: tuple[str, ...] = ()
    may_miss: frozenset[str] = frozenset()


class Levels(NamedTuple):
    """A category of some rows."""

    levels: tuple[Level, ...]
    """Those of these rows, and perhaps others."""
    codes: NDArray[np.intp]
    """(rows,) positions in `levels`."""


class Record(NamedTuple):
    """Some rows, those that miss a cell gone."""

    numbers: Mapping[str, Array]
    """Column → (rows,), finite but for those that may miss."""
    categories: Mapping[str, Levels]
    weights: Array | None
    """(rows,), each ≥ 0."""
    used: NDArray[np.intp]
    """(rows,) their positions among the rows that were read."""
    rows_read: int
    dropped: Mapping[str, int]
    kept: Mapping[str, list[str]]
    """Column → the text of all rows that were read."""


@dataclass(frozen=True)
class RecordBlock:
    """A handle on consecutive rows.

    Parameters
    ----------
    block : CellBlock or WordBlock
    wanted : Wanted
    numbers, words : tuple of Column
        What the block reads, in its order.
    missing : {"error", "drop"}
    """

    block: Any
    wanted: Wanted
    numbers: tuple[Column, ...]
    words: tuple[Column, ...]
    missing: Missing

    @property
    def size(self) -> int:
        """Bytes of the table that it covers."""
        return int(self.block.size)

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading takes."""
        return int(self.block.footprint)

    def read(self) -> Record:
        """The rows whose cells are all there.

        Raises
        ------
        CellError
            For text among numbers or dates, a negative weight, and a missing cell where none may be missing.
        """
        cells, coded = self.block.read_words() if self.words else (self.block.read(), ())
        texts = {column.name: one for column, one in zip(self.words, coded, strict=True)}
        reasons = self._reasons(cells, texts)
        used = np.arange(len(reasons)) if not reasons.any() else np.flatnonzero(reasons == Reason.PRESENT)
        values = {column.name: cells.values[used, k] for k, column in enumerate(self.numbers)}
        for name in self.wanted.numbers:
            if name not in values:
                values[name] = self._dates(name, texts[name], used)
        counts = Counter(Reason(int(reason)).name.lower() for reason in reasons[reasons != Reason.PRESENT])
        return Record(
            {name: values[name] for name in self.wanted.numbers},
            {name: self._levels(name, values, texts, used) for name in self.wanted.categories},
            self._weights(values, used),
            used,
            len(reasons),
            dict(counts),
            {name: self._texts(name, cells, texts) for name in self.wanted.kept},
        )

    def where(self, row: int, name: str) -> str:
        """The place of a cell, given its row among those read."""
        names = [column.name for column in (*self.numbers, *self.words)]
        return str(self.block.where(row, names.index(name)))

    def place(self, row: int) -> str:
        """The place of a row: its line, where the table has lines."""
        return str(self.block.where(row, 0)).rpartition(", column ")[0]

    def _reasons(self, cells: Cells, texts: Mapping[str, Coded]) -> NDArray[np.uint8]:
        """Why each row goes: by its first missing cell in the order of the file."""
        rows = len(cells.values)
        reasons = np.zeros(rows, np.uint8) if cells.reasons is None else cells.reasons.copy()
        first = np.full(rows, np.iinfo(np.intp).max)
        if cells.reasons is not None:
            positions = np.array([column.position for column in self.numbers])
            order = np.argsort(positions)
            required = np.array([column.name not in self.wanted.may_miss for column in self.numbers], bool)
            missing = ~np.isfinite(cells.values[:, order]) & required[order]
            reasons[~missing.any(axis=1)] = Reason.PRESENT
            first = np.where(reasons != Reason.PRESENT, positions[order][missing.argmax(axis=1)], first)
        for column in self.words:
            asked = column.name in self.wanted.numbers or column.name in self.wanted.categories
            if not asked or column.name in self.wanted.may_miss:
                continue  # its row stays
            found = texts[column.name]
            of_row = np.array(found.reasons, np.uint8)[found.codes]
            if of_row.any() and self.missing == "error":
                row = int((of_row != Reason.PRESENT).argmax())
                text = found.levels[found.codes[row]]
                said = f"'{shown(text)}' marks a missing value" if text else "the cell is empty"
                place = self.where(row, column.name)
                raise CellError(f"{said}; leave such rows out with --missing drop", place)
            earlier = (of_row != Reason.PRESENT) & (column.position < first)
            reasons[earlier], first[earlier] = of_row[earlier], column.position
        return reasons

    def _dates(self, name: str, found: Coded, used: NDArray[np.intp]) -> Array:
        """A column of dates as seconds."""
        values = [np.nan if reason else seconds(text) for text, reason in zip(found.levels, found.reasons, strict=True)]
        codes = found.codes[used]
        wrong = np.array([value is None for value in values], bool)[codes]
        if wrong.any():
            row = int(used[int(wrong.argmax())])
            text = found.levels[found.codes[row]]
            raise CellError(
                f"'{shown(text)}' is no date, and the first cells of the column are: write 2024-03-01, or take it as a "
                "category with C()",
                self.where(row, name),
            )
        return np.array([0.0 if value is None else value for value in values])[codes]

    def _levels(
        self, name: str, values: Mapping[str, Array], texts: Mapping[str, Coded], used: NDArray[np.intp]
    ) -> Levels:
        """A category of the rows in use."""
        if name not in values:
            return Levels(texts[name].levels, texts[name].codes[used])
        found, codes = np.unique(values[name], return_inverse=True)
        truth = any(column.name == name and column.kind is Kind.TRUTH for column in self.numbers)
        return Levels(tuple(map(bool, found)) if truth else tuple(found.tolist()), codes.reshape(-1))

    def _weights(self, values: Mapping[str, Array], used: NDArray[np.intp]) -> Array | None:
        """The weights; `CellError` for the first that is negative."""
        if self.wanted.weights is None:
            return None
        weights = values[self.wanted.weights]
        if (weights < 0).any():
            row = int((weights < 0).argmax())
            place = self.where(int(used[row]), self.wanted.weights)
            raise CellError(f"the weight is {weights[row]:g}; weights must be 0 or more", place)
        return weights

    def _texts(self, name: str, cells: Cells, texts: Mapping[str, Coded]) -> list[str]:
        """A column as text, all rows."""
        if name in texts:
            return [texts[name].levels[code] for code in texts[name].codes.tolist()]
        k = next(k for k, column in enumerate(self.numbers) if column.name == name)
        return [repr(value).removesuffix(".0") for value in cells.values[:, k].tolist()]


class Records:
    """A table, or parts of one, whose columns are asked for by name.

    Parameters
    ----------
    data : tuple of str
        The paths as given.
    parts : sequence of Table
        In the order of their rows; columns are matched by name to the first.
    missing : {"error", "drop"}
    """

    def __init__(self, data: tuple[str, ...], parts: Sequence[Table], missing: Missing) -> None:
        self.data, self._parts, self._missing = data, parts, missing
        self.first, self.columns = parts[0], parts[0].columns
        self.rereadable = all(table.rereadable for table in parts)
        self.waits = any(table.waits for table in parts)
        counts = Counter(column.name for column in self.columns)
        self.repeated = frozenset(name for name, count in counts.items() if count > 1)
        self._consumed = False

    @property
    def kinds(self) -> dict[str, str]:
        """Column → number, text, true/false, date or empty, by the first rows."""
        return {column.name: _kind(column) for column in self.columns}

    @property
    def counts(self) -> frozenset[str]:
        """Columns that number the rows, and are no part of "the rest"."""
        return frozenset(column.name for column in self.columns if column.kind in _COUNTS)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know; each sentence once, however many parts say it."""
        return tuple(dict.fromkeys(note for table in self._parts for note in table.notes))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was assumed about how the parts are written, where that is not sure."""
        return tuple(dict.fromkeys(warning for table in self._parts for warning in table.warnings))

    @property
    def forms(self) -> tuple[str, ...]:
        """How each part is written, with its path."""
        return tuple(f"{table.path}: {table.form}" for table in self._parts)

    @property
    def size(self) -> int | None:
        """Bytes of all parts, where they are known."""
        sizes = [table.size for table in self._parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def blocks(self, wanted: Wanted) -> Iterator[RecordBlock]:
        """Handles on all rows, in order.

        Raises
        ------
        ColumnError, TableError
            For a column that cannot be read as it is wanted, and a part with other columns than the first.
        SourceConsumedError
            The second time, for a stream.
        """
        if self._consumed and not self.rereadable:
            raise SourceConsumedError(f"the rows of {', '.join(self.data)} can be read only once")
        self._consumed = True
        numbers, words = self._split(wanted)
        for table in self._parts:
            here = tuple(match_part(self._parts[0], table, columns) for columns in (numbers, words))
            yield from self._of_part(table, here[0], here[1], wanted)

    def _of_part(
        self, table: Any, numbers: tuple[Column, ...], words: tuple[Column, ...], wanted: Wanted
    ) -> Iterator[RecordBlock]:
        """The blocks of one part."""
        if not words:
            found = table.blocks(numbers, self._missing)
        elif hasattr(table, "word_blocks"):
            found = table.word_blocks(numbers, words, self._missing)
        else:
            raise ColumnError(f"text is not read from {table.form.partition(',')[0]}", words[0].place)
        for block in found:
            yield RecordBlock(block, wanted, numbers, words, self._missing)
            del block  # its text, while the next is read

    def _split(self, wanted: Wanted) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
        """The columns to read as numbers, and as text."""
        called = {column.name: column for column in self.columns}
        kinds = self.kinds
        needed = (*wanted.numbers, *wanted.categories, *(() if wanted.weights is None else (wanted.weights,)))
        numbers: dict[str, Column] = {}
        words: dict[str, Column] = {}
        for name in dict.fromkeys(needed):
            column = called[name]
            if column.error is not None:
                raise column.error
            is_word = kinds[name] in (Kind.TEXT, Kind.DATE) or (kinds[name] == Kind.EMPTY and name in wanted.categories)
            if name == wanted.weights and is_word:
                raise ColumnError(f"--weights {quoted(name)} needs a column of numbers", column.place)
            (words if is_word else numbers)[name] = column
        for name in wanted.kept:
            if name not in words and (name not in numbers or hasattr(self._parts[0], "word_blocks")):
                (words if hasattr(self._parts[0], "word_blocks") else numbers)[name] = called[name]
        return tuple(numbers.values()), tuple(words.values())


def _kind(column: Column) -> str:
    """What the cells of a column are, as a formula sees it."""
    return str(Kind.NUMBER if column.kind in (Kind.UNREADABLE, *_COUNTS) else column.kind)
