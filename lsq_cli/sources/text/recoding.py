"""Text that is not UTF-8, as UTF-8: by the name of its encoding, or by its byte order mark.

What is decoded is read in order: it has no byte ranges. Prefer UTF-8 for large files, which is read as it stands.
"""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, BinaryIO

from lsq_cli.core.errors import TableError, UsageError, shown
from lsq_cli.sources.streams import BUFFER_BYTES
from lsq_cli.sources.text.lines import UTF8

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from lsq_cli.sources.blocks import ByteSource

_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(name: str | None, head: bytes) -> str:
    """What the bytes of a text are: by the name that the user gives, by its byte order mark, else UTF-8.

    Raises
    ------
    UsageError
        For a name that is no encoding.
    """
    if name is None:
        return next((encoding for mark, encoding in _BOMS.items() if head.startswith(mark)), UTF8)
    try:
        b" ".decode(name)
    except UnicodeError:
        pass  # an encoding, in which a blank takes more than a byte
    except (LookupError, ValueError):
        some = "some are latin-1, cp1252, utf-16"
        raise UsageError(f"--encoding '{shown(name)}' is none that is known; {some}") from None
    known = codecs.lookup(name).name
    return UTF8 if known == "utf-8-sig" else known


class Recoded:
    """A `ByteSource` in UTF-8 of one in another encoding; see there.

    Parameters
    ----------
    source : ByteSource
    encoding : str
    opened : (bytes, BinaryIO), optional
        A stream of the source that was opened already, and what was read of it; it is what `open` gives first.
    """

    seekable = False
    shared = False
    size: int | None = None

    def __init__(self, source: ByteSource, encoding: str, opened: tuple[bytes, BinaryIO] | None = None) -> None:
        self.label, self.rereadable = source.label, source.rereadable
        self._source, self._encoding, self._opened = source, encoding, opened

    def open(self) -> BinaryIO:
        """A stream from the first byte, whose ``read`` raises `TableError` for bytes that are not of the encoding."""
        (head, stream), self._opened = self._opened or (b"", self._source.open()), None
        return io.BufferedReader(_Recoder(head, stream, self._encoding, self.label), BUFFER_BYTES)

    def read_range(self, start: int, stop: int) -> bytes:
        """Not of text that is decoded in order."""
        raise io.UnsupportedOperation(f"{self.label}: {self._encoding} is read in order")


class _Recoder(io.RawIOBase):
    """A stream of UTF-8 made of one in another encoding."""

    def __init__(self, head: bytes, stream: BinaryIO, encoding: str, label: str) -> None:
        super().__init__()
        self._stream, self._encoding, self._label = stream, encoding, label
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._head, self._ready, self._line, self._ended = head, b"", 1, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what comes next; 0 at the end."""
        while not (self._ready or self._ended):
            self._ready = self._decoded()
        with memoryview(buffer).cast("B") as room:
            piece, self._ready = self._ready[: len(room)], self._ready[len(room) :]
            room[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    def _decoded(self) -> bytes:
        """The next piece in UTF-8."""
        piece, self._head = self._head or self._stream.read(BUFFER_BYTES), b""
        self._ended = not piece
        try:
            text = self._decoder.decode(piece, self._ended)
        except UnicodeError as error:
            raise self._refused(error) from None
        self._line += text.count("\n")
        return text.encode("utf-8", "replace")

    def _refused(self, error: UnicodeError) -> TableError:
        """The error for bytes that are not of the encoding, with their line."""
        line = self._line
        if isinstance(error, UnicodeDecodeError):
            line += error.object[: error.start].decode(error.encoding, "replace").count("\n")
        return TableError(
            f"bytes that are not {self._encoding} text; --encoding says what it is", f"{self._label}, line {line}"
        )
