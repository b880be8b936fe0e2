"""What is in states: their columns with means, the rows used and dropped, and each column's part in the problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from lsq_cli.problems.states import State, merged
from lsq_cli.sources.statefiles import REASONS
from lsq_cli.sources.states import open_states

if TYPE_CHECKING:
    from lsq_cli.sources.columns import Request


@dataclass(frozen=True)
class StateColumn:
    """One column; the fields are the keys of the JSON object, in its order.

    Attributes
    ----------
    position : int
        From 1.
    mean : float or None
        Weighted, where the rows are; None without a row that counts.
    dropped : mapping
        Reason → rows that went for a cell of it.
    part : str
        ``A``, ``b`` or ``left out``.
    """

    position: int
    name: str
    mean: float | None
    dropped: dict[str, int]
    part: str


@dataclass(frozen=True)
class StateLook:
    """What was seen; the fields are the keys of the JSON object, in its order.

    Attributes
    ----------
    data : tuple of str
        The paths as given, of states that are merged.
    rows, rows_read, weightless : int
        Used, seen, and used with weight 0.
    weights : str or None
    weights_dropped : mapping
        Reason → rows that went for a missing weight.
    columns : tuple of StateColumn
    names, targets : tuple of str
        Of the problem that `lsq solve` would make.
    digest : str
        A hash of the rows' number and the sums of all columns.
    """

    data: tuple[str, ...]
    arrangement: str
    rows: int
    rows_read: int
    weightless: int
    weights: str | None
    weights_dropped: dict[str, int]
    dropped_rows: dict[str, int]
    columns: tuple[StateColumn, ...]
    names: tuple[str, ...]
    targets: tuple[str, ...]
    digest: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def look_at_states(paths: Sequence[str], request: Request) -> StateLook:
    """Look into states; raises as `open_states` and `merged`."""
    source = open_states(paths, request)
    state = merged(source.files)
    in_order = [source.columns[place] for place in source.places]
    p = len(source.targets)
    parts = {**dict.fromkeys(in_order[:-p], "A"), **dict.fromkeys(in_order[-p:], "b")}
    means = _means(state)
    columns = tuple(
        StateColumn(k + 1, name, means[k], _dropped(state, k), parts.get(name, "left out"))
        for k, name in enumerate(state.names)
    )
    return StateLook(
        source.data,
        "states of one table" if len(source.files) > 1 else "a state",
        state.rows,
        state.rows + int(state.dropped.sum()),
        state.weightless,
        state.weights,
        {} if state.weights is None else _dropped(state, len(state.names)),
        state.dropped_by_reason(),
        columns,
        source.names,
        source.targets,
        state.sums.of_columns(range(len(state.names) + 1), 0, state.rows).digest(),
        source.notes,
        source.warnings,
    )


def _means(state: State) -> list[float | None]:
    """Σwa/Σw of each column, rounded once."""
    N, e = state.sums.integers()
    if not N[0, 0]:
        return [None] * len(state.names)
    return [float(Fraction(N[0, k], N[0, 0]) * Fraction(2) ** (e[k] - e[0])) for k in range(1, len(e))]


def _dropped(state: State, column: int) -> dict[str, int]:
    """Reason → rows that went for a cell of one column."""
    return {reason: count for reason, count in zip(REASONS, state.dropped[:, column].tolist(), strict=True) if count}
