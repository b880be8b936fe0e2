"""One writer at a time: a file that is read, changed and written again by many processes loses nothing.

    lock  →  read  →  change  →  temporary file, on the disk  →  rename  →  unlock

The lock is one of the system (`flock`) on an empty file beside the target, ``.lsq-….lock``: when its holder ends,
however it ends, the system gives it back, so that no lock is ever stale. The holder removes that file before it lets
go, and who waited for a file that has been removed begins anew. What a killed run left, that file or the temporary
one, is used again by the next.

On NFS the lock holds between the machines if the server's lock service runs (Linux sends `flock` to it); where a file
system has no locks, the run is refused and nothing is written.

Source: POSIX, `rename` and `fsync`; the Linux manual, flock(2).
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from lsq_cli.core.errors import OutputError, shown
from lsq_cli.report.files import refusal

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


def beside(path: str, suffix: str) -> str:
    """A file in the folder of `path` that belongs to it; a name of its own, for together they might be too long."""
    folder, name = os.path.split(os.path.realpath(path))
    return os.path.join(folder, f".lsq-{sha256(os.fsencode(name)).hexdigest()[:16]}.{suffix}")


class Locked:
    """Within its `with` block no other process is in such a block for the same path.

    Parameters
    ----------
    path : str
        The target, which need not be there yet.

    Raises
    ------
    OutputError
        On entering: no permission in that folder, or a file system without locks.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = beside(path, "lock")
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Waits until the path is free."""
        while True:
            try:
                self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise refusal(self.path, error) from error
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                if self._is_current():
                    return self
            except OSError as error:
                os.close(self._descriptor)
                raise OutputError(
                    f"cannot lock {shown(self.path, 1000)}: its file system has no locks ({error.strerror}); write a "
                    "state of its own with -o, and join them with lsq merge"
                ) from error
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lets the next one in."""
        with suppress(OSError):  # one that cannot be removed, or is gone, is in nobody's way
            os.unlink(self._lock)
        os.close(self._descriptor)

    def _is_current(self) -> bool:
        """Whether the file that is locked is still the one of that name."""
        try:
            there = os.stat(self._lock)
        except FileNotFoundError:
            return False
        mine = os.fstat(self._descriptor)
        return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)
