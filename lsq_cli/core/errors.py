"""Everything that can go wrong, as one tree; it imports nothing of the package.

LsqError                    exit code 1, one line on standard error
├── UsageError              exit code 2: options or paths that do not go together
├── DataError               what was read cannot be used; names file, line, column, cell
│   ├── OpenError           no such file, a directory, unreadable, a broken container
│   ├── TableError          empty, ragged, a second header, row counts that differ
│   ├── CellError           text where a number belongs, a missing cell
│   └── ColumnError         unknown, ambiguous or twice-named columns
├── ProblemError            the numbers are fine, the problem is not: no column, a bad x0
├── OutputError             a result that cannot be written
├── SchedulerError          a cluster that does not answer, or goes away
├── MissingExtraError       an optional package is missing or too old
└── SourceConsumedError     rows of a stream that were asked for twice

Only `commands/` turns these into exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable

_MOST_LISTED = 8


class LsqError(Exception):
    """The root: a message for people, with what to try next."""

    exit_code = 1


class UsageError(LsqError):
    """Options or paths that contradict each other; the message names them."""

    exit_code = 2


class DataError(LsqError):
    """Data that cannot be used, with the place where it stands.

    Parameters
    ----------
    problem : str
        What is wrong, in plain words, with the way out.
    where : str, optional
        The place as people count it: ``data.csv, line 7, column 3 'Ozone'``.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem = problem
        self.where = where
        self.seen = b""
        """The first bytes of the text that the error speaks of, where it could not be told how it is written."""

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # Exception's own pickling would pass the joined message as `problem`.
        return type(self), (self.problem, self.where)


class OpenError(DataError):
    """A file that cannot be opened or whose container is broken."""


class TableError(DataError):
    """A table whose shape is wrong."""


class CellError(DataError):
    """One cell that is not a finite number."""


class ColumnError(DataError):
    """A column argument that names no column, or more than one."""


class ProblemError(LsqError):
    """Numbers that are fine one by one but make no solvable problem."""


class OutputError(LsqError):
    """A result that cannot be written; nothing is left half-written."""


class SchedulerError(LsqError):
    """A cluster that does not answer, goes away, or has workers that do not fit."""


class MissingExtraError(LsqError):
    """An optional package is needed, or a newer one; the message is the ``pip install`` line."""


class SourceConsumedError(LsqError):
    """The rows of a stream that can be read only once were asked for again."""


def printable(text: str) -> str:
    """`text` as a screen can show it: controls escaped, a byte of a path that is no UTF-8 as ``\\xe9``; never cut."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(sign: str) -> str:
    """A character that is not printable in those that are."""
    # Where Python keeps a byte of a path that it cannot decode (PEP 383).
    escaped_byte = "\udc80" <= sign <= "\udcff"
    return f"\\x{ord(sign) - 0xDC00:02x}" if escaped_byte else sign.encode("unicode_escape").decode()


def shown(text: str, width: int = 40) -> str:
    """`text` from the data, safe on a terminal: control characters escaped, long text cut in the middle."""
    safe = printable(text)
    if len(safe) <= width:
        return safe
    head = (width - 1) * 2 // 3
    return f"{safe[:head]}…{safe[len(safe) - (width - 1 - head) :]}"


def counted(number: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def elided(words: Iterable[str], between: str = ", ") -> str:
    """``a, b, c and 7 more``: all of a few words, the first of many."""
    every = list(words)
    more = f" and {len(every) - _MOST_LISTED} more" if len(every) > _MOST_LISTED else ""
    return between.join(every[:_MOST_LISTED]) + more
