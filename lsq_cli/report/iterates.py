"""What the reports need of iterates: how many rows were asked for, how ‖∇f‖ fell, a label for each number of x."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.core.errors import UsageError, shown

if TYPE_CHECKING:
    from lsq_cli.core.solution import Iterate


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
