"""Atomic writes: a file is whole or absent, and no reader finds half a result under its name.

    temporary file in the target's folder  →  write  →  close  →  rename over the target

A rename within one folder is a single step of the file system (POSIX `rename`), so a full disk, an error
or Ctrl-C leaves what stood there before, and no temporary file. Devices, named pipes and ``/dev/fd/N``
cannot be renamed over; they are written directly.

Prefer `check_path` before the data is read, `AtomicFile` to write. A reader that closes its pipe is no error
of ours: `BrokenPipeError` passes through; every other failure is an `OutputError` that says what to do.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from lsq_cli.core.errors import OutputError, UsageError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")


def check_path(path: str, suffixes: tuple[str, ...]) -> str:
    """The suffix among `suffixes` that `path` is to be written as; touches nothing.

    A device or pipe whose name has no suffix, as ``/dev/stdout``, is written as the first of them.

    Raises
    ------
    UsageError
        The suffix is none of `suffixes`.
    OutputError
        The folder does not exist, `path` is a folder, or writing there is not allowed.
    """
    suffix = os.path.splitext(path)[1].lower()
    if not suffix and _is_special(path):
        suffix = suffixes[0]
    if suffix not in suffixes:
        known = " or ".join([", ".join(suffixes[:-1]), suffixes[-1]] if len(suffixes) > 1 else suffixes)
        raise UsageError(f"cannot tell the format of {_named(path)}: end the name in {known}")
    _check_writable(path)
    return suffix


def refuse_same(paths: Sequence[str], data: Sequence[str] = ()) -> None:
    """Refuse two results under one name, and one under the name of `data`: the later would replace the earlier.

    Raises
    ------
    UsageError
        Naming the path.
    """
    seen: set[str] = set()
    inputs = {os.path.realpath(path) for path in data}
    for path in paths:
        real = os.path.realpath(path)
        if real in inputs and not _is_special(path):
            raise UsageError(f"{shown(path, 1000)} holds the data; name another file for the result")
        if real in seen and not _is_special(path):
            raise UsageError(f"{shown(path, 1000)} is named for two results; the second would replace the first")
        seen.add(real)


class AtomicFile:
    """A binary file that takes its name only when its `with` block ends well.

    Parameters
    ----------
    path : str
        The target. A symbolic link stays a link, and a file that is replaced keeps its permissions.
    temporary : str, optional
        The temporary file, where nobody else can be writing it: what a killed run left of it is written over.
    durable : bool
        Whether the file is on the disk before it takes its name, so that a power failure leaves the old or the new.

    Raises
    ------
    OutputError
        On entering, writing and leaving: no such folder, a folder, no permission, a full disk.
    """

    def __init__(self, path: str, *, temporary: str | None = None, durable: bool = False) -> None:
        self.path, self._given, self._durable = path, temporary, durable
        self.special = _is_special(path)
        """Whether it is a device or pipe, which is written directly and cannot be rewound."""
        self._target = ""
        self._temporary = ""  # stands on the disk while it is not empty
        self._stream: BinaryIO = BytesIO()

    def __enter__(self) -> Self:
        """Opens the temporary file, or the device itself."""
        _check_writable(self.path)
        try:
            self._open_special() if self.special else self._open_temporary()
        except OSError as error:
            self.discard()
            raise refusal(self.path, error) from error
        return self

    def write(self, data: bytes, /) -> int:
        """Appends `data`."""
        try:
            return self._stream.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise refusal(self.path, error) from error

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    @property
    def closed(self) -> bool:
        """Whether it is complete or given up."""
        return self._stream.closed

    def rewind(self) -> None:
        """Goes back to the first byte, to write over a header; not where `straight`."""
        try:
            self._stream.seek(0)
        except OSError as error:  # what was buffered is written first
            raise refusal(self.path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Gives the file its name, or removes it when the block failed."""
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()

    def commit(self) -> None:
        """Closes the file and gives it its name."""
        try:
            if self._temporary and self._durable:
                self._stream.flush()
                os.fsync(self._stream.fileno())
            self._stream.close()
            if self._temporary:
                os.replace(self._temporary, self._target)
                self._temporary = ""
                if self._durable:
                    _sync_folder(self._target)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise refusal(self.path, error) from error

    def discard(self) -> None:
        """Removes what is there so far; after `commit` it does nothing."""
        with suppress(OSError):  # closing tries once more to write what could not be written
            self._stream.close()
        if self._temporary:
            with suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = ""

    def _open_special(self) -> None:
        """Opens the device or pipe itself."""
        descriptor = _descriptor(self.path)
        # Opened by name, a standard output that goes to a file would be written from its first byte again.
        opened = os.open(self.path, os.O_WRONLY) if descriptor is None else os.dup(descriptor)
        self._stream = os.fdopen(opened, "wb")

    def _open_temporary(self) -> None:
        """Opens a new file in the target's folder, with the permissions that the target has or would get."""
        self._target = os.path.realpath(self.path)
        # A name of its own, for the target's name and a suffix may be too long together.
        name = f".lsq-{os.getpid()}-{os.urandom(4).hex()}.part"
        temporary = self._given or os.path.join(os.path.dirname(self._target), name)
        permissions = _permissions(self._target)
        how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if self._given else os.O_EXCL)
        opened = os.open(temporary, how, 0o666 if permissions is None else permissions)
        self._temporary = temporary
        self._stream = os.fdopen(opened, "wb")
        if permissions is not None:
            os.chmod(temporary, permissions)  # gives back what the umask took away


def _sync_folder(path: str) -> None:
    """Bring the new name to the disk."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system that cannot do so has renamed all the same
            os.fsync(folder)
    finally:
        os.close(folder)


def _named(path: str) -> str:
    """`path` as an error shows it: whole, unless it is absurdly long."""
    return shown(path, 1000)


def _descriptor(path: str) -> int | None:
    """The open file that `path` stands for: 1 for ``/dev/stdout``, N for ``/dev/fd/N``."""
    folder = next((folder for folder in _DESCRIPTORS if path.startswith(folder)), None)
    number = path.removeprefix(folder) if folder else ""
    return int(number) if number.isdecimal() else _STANDARD.get(path)


def _is_special(path: str) -> bool:
    """Whether `path` is something other than a regular file, present or to come, or a folder."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _permissions(path: str) -> int | None:
    """The permission bits of the file at `path`, None where there is none yet."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode) & 0o777
    except FileNotFoundError:
        return None


def _check_writable(path: str) -> None:
    """Raises the `OutputError` that can be foreseen for `path`."""
    if not path or "\0" in path:
        raise OutputError(f"cannot write '{_named(path)}': that is no file name")
    if _descriptor(path) is not None:
        return
    if os.path.isdir(path):
        raise OutputError(f"cannot write {_named(path)}: it is a folder; name a file in it")
    # What a symbolic link points to decides, not the folder in which the link stands.
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        named = _named(os.path.dirname(path) or folder)
        raise OutputError(f"cannot write {_named(path)}: the folder {named} does not exist; make it first")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise OutputError(f"cannot write {_named(path)}: no permission to change that file; choose another name")
    if not (_is_special(path) or os.access(folder, os.W_OK | os.X_OK)):
        raise OutputError(f"cannot write {_named(path)}: no permission to make files in its folder; choose another")


def refusal(path: str, error: OSError) -> OutputError:
    """`error` of the operating system in our words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full; make room or choose another folder"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = "no permission; choose another folder"
    else:
        reason = f"{error.strerror or error}; choose another file"
    return OutputError(f"cannot write {_named(path)}: {reason}")
