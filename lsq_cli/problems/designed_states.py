"""A regression's sums out of a state: a column of the model is a column of the state, or 1.

What `designed.py` sums row by row has been summed already where every column of A and b is a plain one. A power, a
product, a function or a category needs the rows, and is refused by its name: it can be a column of its own when the
rows are collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError, shown
from lsq_cli.problems.designed import DesignSums
from lsq_cli.problems.states import LOG_BITS, State, merged, refuse_empty
from lsq_cli.problems.tally import Tally

if TYPE_CHECKING:
    from lsq_cli.sources.open_records import StateRecords
    from lsq_cli.terms.design import Numbers, Shape
    from lsq_cli.terms.factors import Factor


def refuse_what_needs_rows(records: StateRecords, asked: Mapping[str, object]) -> None:
    """`UsageError` for the first option that is asked for; all of them go by the rows."""
    for name in (name for name, wanted in asked.items() if wanted):
        raise UsageError(f"{name} goes by the rows, and {shown(records.data[0], 1000)} is a state, sums without rows")


def designed(records: StateRecords, shape: Shape) -> DesignSums:
    """The sums that a model needs; what is to be said of the state goes to the notes of `records`.

    Raises
    ------
    UsageError
        For a column of the model that the state does not have.
    DataError, ProblemError
        For sums that cannot be those of rows, and where no row counts.
    """
    state = merged(records.files)
    refuse_empty(state, " ".join(records.data))
    if shape.categories:
        raise _needs_rows(shape.categories[0], "a category")
    columns = [_column(numbers, state) for numbers in shape.products]
    columns += [_target(target, state) for target in shape.formula.targets]
    sums = state.of_columns(columns, len(shape.formula.targets))
    sums.intercept = False
    tally = Tally(state.rows, state.rows + int(state.dropped.sum()), state.weightless)
    tally.dropped.update(state.dropped_by_reason())
    records.notes = state.notes()
    return DesignSums(sums, {}, {}, tally, state.log_weights / (1 << LOG_BITS))


def _column(numbers: Numbers, state: State) -> int:
    """Where a product of numbers stands in the sums of a state; 0 for that of none, which is 1."""
    if not numbers:
        return 0
    if len(numbers) > 1 or numbers[0].operation != "column":
        raise _needs_rows(":".join(map(str, numbers)), "no column of the state")
    return state.names.index(numbers[0].of[0]) + 1


def _target(target: Factor, state: State) -> int:
    """Where a target stands."""
    if target.expression is None:
        raise _needs_rows(target.name, "a category")
    return _column((target.expression,), state)


def _needs_rows(name: str, why: str) -> UsageError:
    """Why a column of a model cannot be made of sums."""
    return UsageError(
        f"{shown(name)} is {why}, and takes the rows to sum: a state has the products of two of its columns alone; "
        "give the rows, or collect them with such a column"
    )
