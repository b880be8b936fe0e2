"""Bytes from a file, a pipe or memory, decompressed on the way: the `ByteSource`s that tables are parsed from.

`opening.py` makes them and nobody else does. `FileBytes` and `MemoryBytes` are picklable and can be read
again; a regular file without compression can also be read by ranges, so that workers fetch their own block.
`StreamBytes` (standard input, a named pipe) gives its bytes once.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO

from lsq_cli.core.errors import MissingExtraError, OpenError, SourceConsumedError
from lsq_cli.core.extras import load

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from lsq_cli.sources.blocks import ByteSource

BUFFER_BYTES = 1 << 18
PIPE_BYTES = 1 << 20
HEAD_BYTES = 64
"""Enough of a file's beginning to tell every format that we know by its first bytes."""

COMPRESSION_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
_COMPRESSION_HEADS = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
# "BZh" could begin a CSV header; the first block's mark (π in BCD), or that of an empty stream (√π), could not.
_BZIP2_MARKS = (b"1AY&SY", b"\x17rE8P\x90")


def compression_of(suffix: str, head: bytes) -> str | None:
    """``gzip``, ``bzip2``, ``xz``, ``zstd`` or None: by the suffix, else by the first bytes."""
    if suffix in COMPRESSION_SUFFIXES:
        return COMPRESSION_SUFFIXES[suffix]
    if head.startswith(b"BZh") and head[4:10] in _BZIP2_MARKS:
        return "bzip2"
    return next((kind for magic, kind in _COMPRESSION_HEADS.items() if head.startswith(magic)), None)


@dataclass
class FileBytes:
    """A regular file, decompressed where `compression` says so.

    Parameters
    ----------
    path, label : str
        The file, and what errors call it.
    compression : str or None
        ``gzip``, ``bzip2``, ``xz`` or ``zstd``.
    file_size : int
        Bytes on disk.
    inode : int, optional
        What the system knows the file by: it is opened again for each of its blocks, and another may have been given
        its name meanwhile.
    """

    path: str
    label: str
    compression: str | None
    file_size: int
    inode: int | None = None
    elsewhere: bool = field(default=False, init=False)
    """Whether another process opened it first, perhaps on another machine."""
    rereadable: bool = field(default=True, init=False)
    shared: bool = field(default=True, init=False)
    seekable: bool = field(init=False)
    size: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.seekable = self.compression is None
        self.size = self.file_size if self.seekable else None

    def open(self) -> BinaryIO:
        """A stream from the first byte; its ``read`` raises `OpenError`."""
        return readable(self._same_file(), self.label, self.compression)

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`, fewer where the file ends; `OpenError` when it cannot be read."""
        with self._same_file() as raw:
            try:
                raw.seek(start)
                return raw.read(stop - start)
            except OSError as error:
                raise unreadable(error, self.label) from None

    def _same_file(self) -> BinaryIO:
        """The file without a buffer; `OpenError` where its name is another's by now, or here."""
        raw = open_raw(self.path, self.label)
        if self.elsewhere and (size := os.fstat(raw.fileno()).st_size) != self.file_size:
            raw.close()
            raise OpenError(
                f"another file: it has {size} bytes, and had {self.file_size} where it was opened", self.label
            )
        if self.inode is not None and os.fstat(raw.fileno()).st_ino != self.inode:
            raw.close()
            raise OpenError("another file took its place while it was read; start again", self.label)
        return raw

    def __getstate__(self) -> dict[str, object]:
        """With the whole path, and without the inode, which may be another on another machine."""
        return self.__dict__ | {"path": os.path.abspath(self.path), "inode": None, "elsewhere": True}


@dataclass
class MemoryBytes:
    """Bytes that are in memory already."""

    data: bytes
    label: str
    rereadable: bool = field(default=True, init=False)
    seekable: bool = field(default=True, init=False)
    shared: bool = field(default=False, init=False)
    size: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.data)

    def open(self) -> BinaryIO:
        """A stream from the first byte."""
        return io.BytesIO(self.data)

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`."""
        return self.data[start:stop]


@dataclass
class StreamBytes:
    """A stream that gives its bytes once: standard input or a named pipe, decompressed already."""

    stream: BinaryIO
    label: str
    rereadable: bool = field(default=False, init=False)
    seekable: bool = field(default=False, init=False)
    shared: bool = field(default=False, init=False)
    size: int | None = field(default=None, init=False)
    _opened: bool = field(default=False, init=False)

    def open(self) -> BinaryIO:
        """The stream; `SourceConsumedError` the second time."""
        if self._opened:
            raise SourceConsumedError(f"{self.label} can be read only once; write it to a file first")
        self._opened = True
        return self.stream

    def read_range(self, start: int, stop: int) -> bytes:
        """Not of a stream: raises `SourceConsumedError`."""
        raise SourceConsumedError(f"{self.label} has no byte {start}:{stop} to go to; it is read in order, once")


def open_raw(path: str, label: str) -> BinaryIO:
    """The file without a buffer of Python's; `OpenError` in words."""
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise unreadable(error, label) from None


def widen(raw: BinaryIO) -> None:
    """Let a pipe hold `PIPE_BYTES`: each time it runs empty both programs and our threads take turns, for 64 KB."""
    try:
        import fcntl  # not everywhere

        fcntl.fcntl(raw.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError, ValueError):
        pass  # no pipe, another system, or more than the user may have


def readable(raw: BinaryIO, label: str, compression: str | None = None, *, owned: bool = True) -> BinaryIO:
    """A buffered stream over `raw`, decompressed; failures are `OpenError`s that name `label`.

    Closing it closes `raw` too if it is `owned`.
    """
    plain: BinaryIO = io.BufferedReader(_Guarded(raw, label, owned=owned), BUFFER_BYTES)
    if compression is None:
        return plain
    stream, broken = _decompressor(compression, plain, label)
    return guarded(stream, label, compression, broken, below=plain)


def guarded(
    stream: IO[bytes] | io.BufferedIOBase | io.RawIOBase,
    label: str,
    container: str,
    broken: tuple[type[Exception], ...],
    below: BinaryIO,
) -> BinaryIO:
    """A stream out of a `container`, whose exceptions in `broken` become `OpenError`; closing it closes `below`."""
    return io.BufferedReader(_Guarded(stream, label, container, broken, below=below), BUFFER_BYTES)


def peeked(stream: BinaryIO, label: str) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and a stream that still begins with them."""
    try:
        head = stream.read(HEAD_BYTES)
    except OpenError:
        stream.close()
        raise
    return head, io.BufferedReader(_Guarded(stream, label, head=head), BUFFER_BYTES)


def head_of(source: ByteSource) -> bytes:
    """The first bytes of a source that can be read again."""
    with source.open() as stream:
        return stream.read(HEAD_BYTES)


def read_exactly(stream: BinaryIO, count: int) -> bytes:
    """`count` bytes, fewer only at the end of the stream, whatever a broken header made of `count`."""
    if count <= 64 * BUFFER_BYTES:
        return stream.read(count)
    data = bytearray()
    while len(data) < count and (piece := stream.read(min(64 * BUFFER_BYTES, count - len(data)))):
        data += piece
    return bytes(data)


def read_into(stream: IO[bytes] | io.BufferedIOBase | io.RawIOBase, room: memoryview) -> int:
    """Fill `room` with what comes next, without a copy on the way where the stream can; 0 at the end."""
    readinto = getattr(stream, "readinto", None)
    if readinto is not None:
        return int(readinto(room) or 0)
    piece = stream.read(len(room)) or b""
    room[: len(piece)] = piece
    return len(piece)


def _decompressor(
    kind: str, plain: BinaryIO, label: str
) -> tuple[io.BufferedIOBase | io.RawIOBase, tuple[type[Exception], ...]]:
    """A decompressing stream and what it raises on broken data."""
    # Each module is imported by the files that need it only.
    if kind == "gzip":
        import gzip
        import zlib

        return gzip.GzipFile(fileobj=plain, mode="rb"), (OSError, EOFError, zlib.error)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2File(plain), (OSError, EOFError)
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(plain), (OSError, EOFError, lzma.LZMAError)
    from lsq_cli.sources.zstd import ZstdReader

    try:
        zstandard = load("zstandard", "fast", label)
    except MissingExtraError:
        plain.close()
        raise
    return ZstdReader(plain, zstandard), (OSError, EOFError, zstandard.ZstdError)


def unreadable(error: OSError, label: str) -> OpenError:
    """What the system says of a file that cannot be read."""
    return OpenError(f"cannot be read: {(error.strerror or str(error)).lower()}", label)


class _Guarded(io.RawIOBase):
    """A stream with its first bytes put back, whose failures are `OpenError`s that name the file."""

    def __init__(
        self,
        inner: IO[bytes] | io.BufferedIOBase | io.RawIOBase,
        label: str,
        container: str | None = None,
        broken: tuple[type[Exception], ...] = (OSError,),
        *,
        head: bytes = b"",
        below: BinaryIO | None = None,
        owned: bool = True,
    ) -> None:
        super().__init__()
        self._inner, self._below, self._owned = inner, below, owned
        self._label, self._container, self._broken, self._head = label, container, broken, head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what comes next; 0 at the end."""
        with memoryview(buffer).cast("B") as room:
            if not self._head:
                return self._fill(room)
            piece, self._head = self._head[: len(room)], self._head[len(room) :]
            room[: len(piece)] = piece
        return len(piece)

    def _fill(self, room: memoryview) -> int:
        try:
            return read_into(self._inner, room)
        except self._broken as error:
            if self._container is None or getattr(error, "errno", None) is not None:
                raise unreadable(error if isinstance(error, OSError) else OSError(error), self._label) from None
            raise OpenError(f"broken {self._container} data: {error}", self._label) from None

    def seekable(self) -> bool:
        return self._inner.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        if not self.closed and self._owned:
            self._inner.close()
            if self._below is not None:
                self._below.close()
        super().close()
