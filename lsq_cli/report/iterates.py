"""Which iterates the table shows: k = 0, 1, 2, then spaced 1-2-5, and the last; chosen while the run goes on.

Descent may run for a million steps and its early ones move most, so the rows are spaced by factors:
k = 0, 1, 2, 5, 10, 20, 50, … Where there are more than the table has room for, the earliest of these that
is no power of ten goes first: 12 rows of 100000 steps are 0, 1, 2, 10, 100, 1000, 2000, …, 100000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError, shown

if TYPE_CHECKING:
    from lsq_cli.core.solution import Iterate

DEFAULT_ROWS = 12


def rows_wanted(text: str) -> int | None:
    """What ``--iterates`` says: a number of rows, ``none`` as 0, ``all`` as None.

    Raises
    ------
    UsageError
        `text` is none of these.
    """
    if text in ("all", "none"):
        return None if text == "all" else 0
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(f"--iterates: {shown(text)!r} is no number of rows; write one, as 12, or all, or none")


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


class Fall:
    """A consumer of iterates that keeps ‖∇f‖ at about evenly spaced k, in memory that does not grow with the run."""

    def __init__(self, points: int = 32) -> None:
        self._points, self._every = points, 1
        self._norms: list[float] = []
        self._latest: Iterate | None = None

    def add(self, iterate: Iterate) -> None:
        """Takes the next iterate; k grows from call to call by 1."""
        self._latest = iterate
        if iterate.k % self._every == 0:
            self._norms.append(iterate.gradient_norm)
            if len(self._norms) > 2 * self._points:
                self._norms, self._every = self._norms[::2], 2 * self._every

    def norms(self) -> list[float]:
        """As many norms as there are points at most, the first and the last among them."""
        if self._latest is None:
            return []
        last = [] if self._latest.k % self._every == 0 else [self._latest.gradient_norm]
        norms = [*self._norms, *last]
        count = min(self._points, len(norms))
        return [norms[round(place * (len(norms) - 1) / max(1, count - 1))] for place in range(count)]


def coefficient_labels(names: tuple[str, ...], targets: tuple[str, ...]) -> tuple[str, ...]:
    """A label for each number of x in C order: the name, with the target behind it where there are several."""
    if len(targets) <= 1:
        return names
    return tuple(f"{name}:{target}" for name in names for target in targets)


def _mark_after(k: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … above `k`."""
    decade: int = 10 ** (len(str(k)) - 1)
    return next(factor * decade for factor in (1, 2, 5, 10) if factor * decade > k)


def _least_needed(kept: list[Iterate]) -> int:
    """The index of the row to drop first."""
    late = [place for place, row in enumerate(kept) if row.k > 2]
    between_decades = (place for place in late if str(kept[place].k).strip("0") != "1")
    return next(between_decades, late[0] if late else len(kept) - 1)
