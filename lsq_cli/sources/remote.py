"""Bytes of a store or a server, read in ranges: ``http(s)://``, ``s3://`` and what else fsspec knows.

Prefer a file where there is one. A range is asked for again when the answer is short or fails, and named when it stays
so. A server that does not give ranges is read once, in order, as a pipe is. Credentials and addresses are those of
fsspec and its packages (``AWS_ENDPOINT_URL``, ``FSSPEC_S3_ANON``).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from lsq_cli.core.errors import OpenError, shown
from lsq_cli.core.extras import load
from lsq_cli.sources.streams import HEAD_BYTES, StreamBytes, compression_of, peeked, readable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from lsq_cli.sources.blocks import ByteSource

PIECE_BYTES = 1 << 22
"""Bytes that a stream asks for at a time."""
_TRIES = 4
_PAUSE = 0.2
"""Seconds before a second try; twice as many before each further one."""


def by_pattern(path: str) -> list[str]:
    """The objects that a pattern of a store matches, sorted by name; the address itself where it is no pattern.

    Raises
    ------
    OpenError
        If none matches, or the store cannot be listed.
    """
    if not any(sign in path for sign in "*?[") or path.lower().startswith("http"):
        if "*" in path:
            raise OpenError("a web server does not list its files: give the address of each", shown(path, 4096))
        return [path]
    store, inside = _store(path)
    try:
        found = sorted(store.glob(inside))
    except Exception as error:
        raise _failed(error, path) from None
    if not found:
        raise OpenError("no object matches this pattern", shown(path, 4096))
    return [str(store.unstrip_protocol(each)) for each in found]


def open_remote(path: str, label: str, compression_suffix: str) -> tuple[ByteSource, bytes]:
    """The bytes behind an address, decompressed, and the first of them.

    Raises
    ------
    OpenError
        If it does not answer, or nothing is there.
    MissingExtraError
        Without fsspec, or the package for this kind of store.
    """
    store, inside = _store(path)
    about = _asked(lambda: store.info(inside), label)
    size = about.get("size")
    begin = _asked(lambda: store.cat_file(inside, start=0, end=HEAD_BYTES), label)
    by_ranges = size is not None and len(begin) <= min(HEAD_BYTES, size)
    if not by_ranges:
        return _in_order(store, inside, label, compression_suffix)
    compression = compression_of(compression_suffix, begin)
    source = RemoteBytes(path, label, compression, size, _mark(about))
    with source.open() as stream:
        return source, stream.read(HEAD_BYTES)


@dataclass
class RemoteBytes:
    """An object or a file of a server that gives ranges.

    Parameters
    ----------
    path, label : str
        The address, and what errors call it.
    compression : str or None
    stored : int
        Bytes as they are stored.
    mark : str
        The version that was opened, as the server names it; empty where it does not. Asked for again with the last
        bytes, so that rows of two versions are not taken for one table.
    """

    path: str
    label: str
    compression: str | None
    stored: int
    mark: str = ""
    rereadable: bool = field(default=True, init=False)
    shared: bool = field(default=True, init=False)
    seekable: bool = field(init=False)
    size: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.seekable = self.compression is None
        self.size = self.stored if self.seekable else None

    def open(self) -> BinaryIO:
        """A stream from the first byte; its ``read`` raises `OpenError`."""
        return readable(cast("BinaryIO", _Ranges(self)), self.label, self.compression)

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`, fewer where the file ends.

        Raises
        ------
        OpenError
            If they do not come, or not all, however often they are asked for; if the version is another at the end.
        """
        stop = min(stop, self.stored)
        if start >= stop:
            return b""
        store, inside = _store(self.path)
        data: bytes = _asked(
            lambda: store.cat_file(inside, start=start, end=stop), self.label, lambda found: len(found) == stop - start
        )
        if len(data) != stop - start:
            raise OpenError(
                f"the server's answer is damaged: {len(data)} bytes where {stop - start} were asked for, "
                f"{_TRIES} times, from byte {start} on",
                self.label,
            )
        if stop == self.stored and self.mark:
            store.invalidate_cache()  # what was listed before
            if _mark(_asked(lambda: store.info(inside), self.label)) != self.mark:
                raise OpenError("was changed while it was read: run it again when nobody writes there", self.label)
        return data


def _mark(about: dict[str, Any]) -> str:
    """The version of an object: its ETag, which listings of a store have too."""
    return str(about.get("ETag") or "")


def _asked(ask: Callable[[], Any], label: str, is_whole: Callable[[Any], bool] = lambda _: True) -> Any:
    """An answer, asked for again some times where it fails or is not whole; `OpenError` for what fails to the end."""
    answer, failure = None, None
    for attempt in range(_TRIES):
        if attempt:
            sleep(_PAUSE * 2 ** (attempt - 1))
        try:
            answer, failure = ask(), None
        except Exception as error:  # each kind of store has its own
            failure = error
            if isinstance(_cause(error), FileNotFoundError | PermissionError):
                break  # asking again is of no use
            continue
        if is_whole(answer):
            break
    if failure is not None:
        raise _failed(failure, label)
    return answer


class _Ranges(io.RawIOBase):
    """A stream over ranges, of which it holds one."""

    def __init__(self, source: RemoteBytes) -> None:
        super().__init__()
        self._source, self._at = source, 0
        self._first, self._piece = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.stored}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` as far as the piece goes; 0 at the end."""
        if not self._first <= self._at < self._first + len(self._piece):
            self._first, self._piece = self._at, self._source.read_range(self._at, self._at + PIECE_BYTES)
        with memoryview(buffer).cast("B") as room:
            begin = self._at - self._first
            data = self._piece[begin : begin + len(room)]
            room[: len(data)] = data
        self._at += len(data)
        return len(data)


def _in_order(store: Any, inside: str, label: str, compression_suffix: str) -> tuple[ByteSource, bytes]:
    """A server without ranges: its one answer, read once, and the first bytes, which are put back."""
    try:
        raw = store.open(inside, "rb", block_size=0)
    except Exception as error:
        raise _failed(error, label) from None
    head, stream = peeked(readable(cast("BinaryIO", _Answer(raw)), label), label)
    if compression := compression_of(compression_suffix, head):
        head, stream = peeked(readable(stream, label, compression), label)
    return StreamBytes(stream, label), head


class _Answer(io.RawIOBase):
    """An answer as it comes; whatever its package raises is an `OSError`."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what comes next; 0 at the end."""
        with memoryview(buffer).cast("B") as room:
            try:
                data = self._raw.read(len(room))
            except Exception as error:
                raise OSError(_said(error)) from None
            room[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _store(path: str) -> tuple[Any, str]:
    """What fsspec has for an address, and the path in there."""
    core = load("fsspec.core", "cluster", shown(path, 200))
    scheme = path.partition("://")[0].lower()
    if scheme in ("http", "https"):
        load("aiohttp", "cluster", shown(path, 200))
    elif scheme == "s3":
        load("s3fs", "cluster", shown(path, 200))
    try:
        return cast("tuple[Any, str]", core.url_to_fs(path))
    except (ImportError, ValueError) as error:
        raise OpenError(f"no address that can be read: {_said(error)}", shown(path, 4096)) from None
    except Exception as error:  # some kinds of store call their server here
        raise _failed(error, path) from None


def _cause(error: Exception) -> Exception:
    """What a store means: for a web server everything is a file that is not there, caused by what is the matter."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception) and getattr(cause, "status", 404) != 404:
        return PermissionError() if getattr(cause, "status", 0) in (401, 403) else cause
    if isinstance(error, FileNotFoundError) and isinstance(cause, OSError):
        return cause
    return error


def _failed(error: Exception, path: str) -> OpenError:
    """What a store says, in one line."""
    error = _cause(error)
    if isinstance(error, FileNotFoundError):
        return OpenError("nothing is there", shown(path, 4096))
    if isinstance(error, PermissionError):
        return OpenError("the server refuses access", shown(path, 4096))
    return OpenError(f"cannot be read: {_said(error)}", shown(path, 4096))


def _said(error: Exception) -> str:
    """An error of somebody else's in one short line."""
    lines = str(error).splitlines() or [""]
    return shown(lines[0].strip() or type(error).__name__, 160)
