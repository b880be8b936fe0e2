"""What the columns of a table are, in short, and its blocks by the positions of columns."""

from collections.abc import Iterator, Sequence

from lsq_cli.core.errors import DataError
from lsq_cli.sources.blocks import CellBlock, Missing, Table
from lsq_cli.sources.column import Kind


def blocks_of(table: Table, positions: Sequence[int] | None, missing: Missing) -> Iterator[CellBlock]:
    """The blocks with the columns at these positions, or with all."""
    positions = range(len(table.columns)) if positions is None else positions
    return table.blocks(tuple(table.columns[k] for k in positions), missing)


def names_of(table: Table) -> tuple[str, ...]:
    """The names of all columns."""
    return tuple(column.name for column in table.columns)


def text_of(table: Table) -> dict[int, str]:
    """Position → an example, of the columns that "the rest" passes over."""
    return {column.position: column.example for column in table.columns if column.passed_over}


def of_kind(table: Table, kind: Kind) -> set[int]:
    """The positions of the columns of a kind."""
    return {column.position for column in table.columns if column.kind is kind}


def errors_of(table: Table) -> dict[int, DataError]:
    """Position → why it cannot be read, of the columns that cannot."""
    return {column.position: column.error for column in table.columns if column.error is not None}
