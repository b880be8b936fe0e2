"""Paths as users give them: what the system knows of one, what a pattern stands for, what was meant by a wrong one."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

from lsq_cli.core.errors import OpenError, UsageError, shown
from lsq_cli.sources.names import either, listed, quoted

STDIN = "-"
STANDARD_INPUT = "standard input"
"""What messages call it."""


def refuse_two_streams(paths: Sequence[str]) -> None:
    """`UsageError` for a second ``-`` or named pipe: one program that writes both would wait for ever."""
    if paths.count(STDIN) > 1:
        raise UsageError("- is standard input and can stand for one path only")
    streams = [path for path in paths if path == STDIN or _is_pipe(path)]
    if len(streams) > 1:
        raise UsageError(f"{listed(streams)} are pipes, and one path can be; write the other to a file")


def _is_pipe(path: str) -> bool:
    """Whether a path is a named pipe, or another stream that has no size."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False  # and `status_of` says why when it is opened
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def status_of(path: str) -> os.stat_result:
    """What the system knows of a path; `OpenError` in words."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        raise OpenError(f"no such file{_advice(path)}", shown(path, 4096)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OpenError(f"cannot be opened: {reason.lower()}", shown(path, 4096)) from None


def _advice(path: str) -> str:
    """What else could be meant by a file that is not there."""
    folder, name = os.path.split(path)
    if "~" in path and not path.startswith("~"):
        return f"; for a formula there is: lsq fit '{shown(path, 200)}' DATA"
    if _is_pattern(path):
        return " (a pattern of files needs -t NAME)"
    try:
        there = os.listdir(folder or ".")
    except OSError:
        return f", nor a folder {quoted(folder)}"
    import difflib  # only here, on the way to an error

    near = difflib.get_close_matches(name, there, 3, 0.75)
    return f"; did you mean {either([quoted(os.path.join(folder, other)) for other in near])}?" if near else ""


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")


def is_remote(path: str) -> bool:
    """Whether a path is an address: ``https://…``, ``s3://…``."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path) is not None


def path_of(path: str) -> str:
    """A path without what follows the ``?`` of a web address, where the suffix is looked for."""
    return re.split(r"[?#]", path, maxsplit=1)[0] if path.lower().startswith(("http://", "https://")) else path


def expanded(path: str) -> list[str]:
    """The files that a pattern matches, sorted by name; the path itself if it is a file or no pattern."""
    if is_remote(path):
        from lsq_cli.sources.remote import by_pattern  # few are

        return by_pattern(path)
    if not _is_pattern(path) or os.path.lexists(path):
        return [path]
    import glob

    paths = sorted(glob.glob(path, recursive=True))
    if not paths:
        raise OpenError("no file matches this pattern", shown(path, 4096))
    return paths
