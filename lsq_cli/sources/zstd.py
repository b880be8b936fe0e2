"""Zstandard streams, decompressed on the way; a file that is cut off is an error and not an end.

The readers of the package `zstandard` take the end of the bytes for the end of the data, wherever it comes. Here a
frame that has begun must end. Frames that follow each other are one stream, as with ``zstd -d``.

Source: RFC 8878.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Compressed bytes taken at a time. They are decompressed as a whole, and a block of 128 KB takes 15 bytes and more
# in any real file: so this bounds what is held to some 40 MB for a file of one line a million times over, and to
# some 16 KB for ordinary numbers.
_PIECE = 1 << 12


class ZstdReader(io.RawIOBase):
    """The bytes that a compressed stream stands for.

    Parameters
    ----------
    below : binary stream
        The compressed bytes.
    zstandard : module
        The package, which the caller has found to be there.
    """

    def __init__(self, below: BinaryIO, zstandard: Any) -> None:
        super().__init__()
        self._below, self._decompressor = below, zstandard.ZstdDecompressor()
        self._frame: Any = None  # the one that has begun and not ended
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what comes next; 0 at the end.

        Raises
        ------
        EOFError
            If the end comes in the middle of a frame.
        zstandard.ZstdError
            For bytes that are no such stream.
        """
        while not self._held:
            piece = self._below.read(_PIECE)
            if not piece:
                if self._frame is not None:
                    raise EOFError("Compressed file ended before the end-of-stream marker was reached")
                return 0
            self._held = memoryview(self._decompressed(piece))
        with memoryview(buffer).cast("B") as room:
            count = min(len(room), len(self._held))
            room[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _decompressed(self, piece: bytes) -> bytes:
        """What the next compressed bytes stand for, frame after frame."""
        parts = []
        while piece:
            frame = self._frame or self._decompressor.decompressobj()
            parts.append(frame.decompress(piece))
            self._frame, piece = (None, frame.unused_data) if frame.eof else (frame, b"")
        return b"".join(parts)
