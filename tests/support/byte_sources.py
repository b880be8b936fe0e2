"""Bytes in memory as a file or as a pipe gives them, for the readers of text."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from lsq_cli.core.errors import SourceConsumedError


@dataclass
class Bytes:
    """A `ByteSource` in memory; `opened` keeps its streams so that tests see them closed."""

    data: bytes
    rereadable: bool = True
    seekable: bool = True
    shared: bool = True
    label: str = "data.csv"
    size: int | None = None
    piece: int = 1 << 30
    opened: list[_Pieces] = field(default_factory=list, repr=False)

    def open(self):
        if self.opened and not self.rereadable:
            raise SourceConsumedError(self.label)
        self.opened.append(_Pieces(self.data, self.piece))
        return self.opened[-1]

    def read_range(self, start, stop):
        assert self.seekable
        return self.data[start:stop]

    def __getstate__(self):
        assert self.seekable, "an open pipe cannot be pickled"
        return self.__dict__ | {"opened": []}


class _Pieces(io.BytesIO):
    """Gives at most `piece` bytes at a time, as a pipe does."""

    def __init__(self, data, piece):
        super().__init__(data)
        self.piece = piece
        self.given = 0

    def read(self, size=-1):
        piece = super().read(min(size, self.piece))
        self.given += len(piece)
        return piece

    def readinto(self, room):
        piece = self.read(len(room))
        room[: len(piece)] = piece
        return len(piece)


def pipe(data: bytes) -> Bytes:
    return Bytes(data, rereadable=False, seekable=False, label="standard input", piece=7)
