"""Progress on standard error: a bar while rows are read, and one while descent runs.

It is shown on a terminal, or where it is asked for, and only after a second, so that a short run does not import rich.
rich draws the bar, at most ten times a second, when `add` is called; there is no thread. The bar is erased before
anything else is printed. Where the cursor cannot move, as in a log file, there are plain lines, one every few seconds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TextIO

from lsq_cli.report.page import Page

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress

    from lsq_cli.core.solution import Iterate

DELAY = 1.0
"""Seconds before anything is shown."""
INTERVAL = 0.1
"""Seconds between two drawings, at least."""
LINE_INTERVAL = 5.0
"""The same where every drawing is a line of its own."""
_BAR_CELLS = 24  # leaves room for the numbers on a screen of 80


def wanted(asked: bool | None, stream: TextIO, quiet: bool = False) -> bool:
    """Whether to show progress: as the user asked, else on a terminal that can move its cursor; never when quiet."""
    if quiet:
        return False
    return asked if asked is not None else can_redraw(stream)


def can_redraw(stream: TextIO) -> bool:
    """Whether what is shown on `stream` can be taken back."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class _Bar:
    """A bar that appears when it has something to show after a second, and is erased at the end; or lines that stay.

    Parameters
    ----------
    what : str
        What stands before the bar.
    stream : text stream
        Standard error.
    clock : callable
        Seconds.
    """

    def __init__(self, what: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self._what, self._stream, self._clock = what, stream, clock
        self._redraws = can_redraw(stream)
        self._start, self._next = clock(), clock() + DELAY
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        """The bar, not yet shown."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Erase what is shown."""
        if self._progress is not None:
            self._progress.stop()

    def _seconds_if_due(self) -> float | None:
        """Seconds since the beginning, if it is time to draw."""
        now = self._clock()
        if now < self._next:
            return None
        self._next = now + (INTERVAL if self._redraws else LINE_INTERVAL)
        return now - self._start

    def _draw(self, done: int, total: float | None, account: str) -> None:
        """Show the bar at `done` of `total`, None for no end, with an `account` behind it."""
        if not self._redraws:
            self._stream.write(f"lsq: {self._what}: {account}\n")
            self._stream.flush()
        elif self._progress is None:
            self._progress = _progress(self._what, self._stream, self._clock)
            self._progress.add_task(self._what, completed=done, total=total, account=account)
            self._progress.start()
        else:
            self._progress.update(self._progress.task_ids[0], completed=done, total=total, account=account)
            self._progress.refresh()


class ReadingBar(_Bar):
    """How many bytes have been read, of how many, how fast and how long it will take.

    Parameters
    ----------
    stream : text stream
        Standard error.
    total : int, optional
        Bytes in all; None for a pipe, whose bar has no end.
    clock : callable
        Seconds.
    """

    def __init__(self, stream: TextIO, total: int | None = None, clock: Callable[[], float] = perf_counter) -> None:
        super().__init__("reading", stream, clock)
        self._total, self._done = total, 0

    def add(self, count: int) -> None:
        """So many bytes more are read."""
        self._done += count
        seconds = self._seconds_if_due()
        if seconds is not None:
            total = self._total if self._total is None else max(self._total, self._done)
            self._draw(self._done, total, reading_account(self._done, total, seconds))


class DescentBar(_Bar):
    """A consumer of iterates that shows k, ‖∇f‖ and how long it will take.

    Parameters
    ----------
    stream : text stream
        Standard error.
    total : float
        Steps at most, or as forecast.
    time_limit : float, optional
        Seconds of descent at most.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        total: float,
        time_limit: float | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        super().__init__("descending", stream, clock)
        self._total, self._time_limit, self._page = total, time_limit, Page(stream.encoding or "utf-8")

    def add(self, iterate: Iterate) -> None:
        """Takes the next iterate."""
        seconds = self._seconds_if_due()
        if seconds is not None:
            total = max(self._total, iterate.k)
            left = self._seconds_left(iterate, total, seconds)
            account = descent_account(iterate.k, total, iterate.gradient_norm, left)
            # The bar is one of milliseconds: whichever end comes first, it is full then.
            whole = 1e3 * (seconds + left) if left < math.inf else None
            self._draw(round(1e3 * seconds), whole, self._page.label(account))

    def _seconds_left(self, iterate: Iterate, total: float, seconds: float) -> float:
        """Until the last step, or until the time is up; inf where nothing tells."""
        by_steps = (total - iterate.k) / iterate.k * seconds if iterate.k else math.inf
        by_time = math.inf if self._time_limit is None else max(0.0, self._time_limit - iterate.seconds)
        return min(by_steps, by_time)


def reading_account(done: int, total: int | None, seconds: float) -> str:
    """``1.2 of 4.0 GB, 410 MB/s, 0:07 left``."""
    rate = done / seconds if seconds > 0.0 else 0.0
    speed = f"{in_units(rate)}/s"
    if total is None:
        return f"{in_units(done)}, {speed}, {clock_time(seconds)}"
    left = f", {clock_time((total - done) / rate)} left" if rate > 0.0 else ""
    return f"{in_units(done)} of {in_units(total)}, {speed}{left}"


def descent_account(k: int, total: float, gradient_norm: float, left: float) -> str:
    """``step 12345 of 161761, ‖∇f‖ 3.2e-05, 0:40 left``; `left` is in seconds, inf where it is not known."""
    until = f", {clock_time(left)} left" if left < math.inf else ""
    return f"step {k} of {total:.0f}, ‖∇f‖ {gradient_norm:.1e}{until}"


def in_units(count: float) -> str:
    """``1.2 GB``: bytes with two significant digits or more."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 9.95 else f"{count:.1f} {unit}"
        count /= 1000.0
    return f"{count:.0f} TB" if count >= 9.95 else f"{count:.1f} TB"


def clock_time(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``1:02:03``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _progress(what: str, stream: TextIO, clock: Callable[[], float]) -> Progress:
    """A bar on `stream`, not begun."""
    from rich.console import Console  # 20 ms, and 30 more for progress: not for a run of less than a second
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(_BAR_CELLS), TextColumn("{task.fields[account]}", markup=False))
    return Progress(
        *columns,
        console=Console(file=stream, force_terminal=True),
        auto_refresh=False,
        transient=True,
        get_time=clock,
        redirect_stdout=False,
        redirect_stderr=False,
    )
