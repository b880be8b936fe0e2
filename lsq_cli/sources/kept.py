"""A stream that is read twice: its bytes, kept in a temporary file of the folder ``TMPDIR``.

The file has no name and is gone when the program ends. Prefer a regular file, which is read again where it stands.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, BinaryIO, cast

from lsq_cli.core.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from lsq_cli.sources.blocks import ByteSource

_PIECE_BYTES = 1 << 22


class KeptBytes:
    """The bytes of a stream in a temporary file; a `ByteSource` that can be read at any place.

    Parameters
    ----------
    source : ByteSource

    Raises
    ------
    OutputError
        Where there is no room for it; it names the folder.
    """

    rereadable = True
    seekable = True
    shared = False

    def __init__(self, source: ByteSource) -> None:
        self.label = source.label
        folder = ""
        try:
            folder = tempfile.gettempdir()
            self._file = tempfile.TemporaryFile(prefix="lsq-", buffering=0)  # noqa: SIM115, it is closed with this
            weakref.finalize(self, self._file.close)
            size = 0
            with source.open() as stream:
                while piece := stream.read(_PIECE_BYTES):
                    left = memoryview(piece)
                    while left:
                        left = left[self._file.write(left) :]
                    size += len(piece)
        except OSError as error:
            where = f" in {folder}" if folder else ""
            raise OutputError(
                f"temporary file{where}: {(error.strerror or str(error)).lower()}; rows that come through a pipe and "
                "are read twice are kept there: set TMPDIR to a folder with room, or write them to a file first"
            ) from None
        self.size: int | None = size

    def open(self) -> BinaryIO:
        """A stream from the first byte."""
        return cast("BinaryIO", BufferedReader(_From(self)))

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`."""
        pieces: list[bytes] = []
        while start < stop and (piece := os.pread(self._file.fileno(), stop - start, start)):
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)


class _From(RawIOBase):
    """A stream over kept bytes, with a place of its own."""

    def __init__(self, kept: KeptBytes) -> None:
        super().__init__()
        self._kept, self._at = kept, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` as far as bytes are left."""
        room = memoryview(buffer)
        data = self._kept.read_range(self._at, self._at + len(room))
        room[: len(data)] = data
        self._at += len(data)
        return len(data)
