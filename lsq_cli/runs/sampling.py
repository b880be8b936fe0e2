"""Which iterates of a run are kept: k = 0, 1, 2, then spaced 1-2-5, and the last; chosen while the run goes on.

Descent may run for a million steps and its early ones move most, so the rows are spaced by factors:
k = 0, 1, 2, 5, 10, 20, 50, … Where there are more than there is room for, the earliest of these that
is no power of ten goes first: 12 rows of 100000 steps are 0, 1, 2, 10, 100, 1000, 2000, …, 100000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsq_cli.core.solution import Iterate

DEFAULT_ROWS = 12


class IterateSampler:
    """A consumer of iterates that keeps a few of them, in memory that does not grow with their number.

    Parameters
    ----------
    limit : int or None
        Rows at most; 0 keeps none, None keeps every iterate.
    """

    def __init__(self, limit: int | None = DEFAULT_ROWS) -> None:
        self._limit = limit
        self._kept: list[Iterate] = []  # without the latest, which is always shown
        self._latest: Iterate | None = None
        self._next_mark = 0

    def add(self, iterate: Iterate) -> None:
        """Takes the next iterate; k grows from call to call."""
        previous, self._latest = self._latest, iterate
        if previous is None:
            return
        if self._limit is None:
            self._kept.append(previous)
        elif previous.k >= self._next_mark:
            self._next_mark = _mark_after(previous.k)
            self._kept.append(previous)
            if len(self._kept) >= self._limit:
                del self._kept[_least_needed(self._kept)]

    def rows(self) -> tuple[Iterate, ...]:
        """The chosen iterates so far in order, the last one always among them."""
        if self._latest is None or self._limit == 0:
            return ()
        return (*self._kept, self._latest)


def _mark_after(k: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … above `k`."""
    decade: int = 10 ** (len(str(k)) - 1)
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade > k)


def _least_needed(kept: list[Iterate]) -> int:
    """The index of the row to drop first."""
    late = [place for place, row in enumerate(kept) if row.k > 2]
    between_decades = (place for place in late if str(kept[place].k).strip("0") != "1")
    return next(between_decades, late[0] if late else len(kept) - 1)
