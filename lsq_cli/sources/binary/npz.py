"""NPZ archives: the arrays ``A`` and ``b`` of a ZIP file, each read as a stream, stored or deflated.

The members are read in order, never by ranges, so that the archive's own check sums are checked.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from lsq_cli.core.errors import OpenError, SourceConsumedError, TableError, UsageError
from lsq_cli.sources.binary.npy import NpyTable
from lsq_cli.sources.names import listed
from lsq_cli.sources.streams import guarded

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import ByteSource, Table
    from lsq_cli.sources.columns import Request

# A compression that zipfile does not know, a password, names that are no text, records cut short or out of range.
_BROKEN = (
    *(OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError),
    *(ValueError, struct.error, OverflowError, LookupError, lzma.LZMAError),
)


@dataclass
class MemberBytes:
    """A member of an archive, decompressed."""

    archive: ByteSource
    member: str
    size: int | None
    label: str
    rereadable: bool = field(default=True, init=False)
    seekable: bool = field(default=False, init=False)
    shared: bool = field(default=False, init=False)

    def open(self) -> BinaryIO:
        """A stream from the first byte; its ``read`` raises `OpenError`."""
        below = self.archive.open()
        try:
            return guarded(zipfile.ZipFile(below).open(self.member), self.label, "zip", _BROKEN, below)
        except _BROKEN as error:
            below.close()
            raise OpenError(f"broken zip data: {error}", self.label) from None

    def read_range(self, start: int, stop: int) -> bytes:
        """Not of a member: raises `SourceConsumedError`."""
        raise SourceConsumedError(f"{self.label} has no byte {start}:{stop} to go to; it is read in order")


def members_of(archive: ByteSource) -> dict[str, int]:
    """The members of an archive that can be sought in, with their sizes in bytes.

    Raises
    ------
    OpenError
        Not a ZIP archive, or a broken one.
    """
    try:
        with archive.open() as stream, zipfile.ZipFile(stream) as opened:
            return {info.filename: info.file_size for info in opened.infolist()}
    except _BROKEN as error:
        raise OpenError(f"broken zip data: {error}", archive.label) from None


def open_table(source: ByteSource, request: Request) -> Table:
    """The one sparse matrix in an archive.

    Raises
    ------
    UsageError
        For A and b, which are two tables.
    """
    if not is_sparse(source):
        raise UsageError(f"{source.label} is an .npz, which holds A and b: give it alone, without --target")
    from lsq_cli.sources.binary.sparse import table_of_archive  # for those who have scipy

    return table_of_archive(source)


def open_header(source: ByteSource, request: Request) -> Table:
    """The shape of the one sparse matrix in an archive, for a look; raises as `open_table`."""
    sizes = members_of(source)
    if not ("shape.npy" in sizes and "data.npy" in sizes and is_sparse(source)):
        return open_table(source, request)
    members = [MemberBytes(source, f"{name}.npy", sizes[f"{name}.npy"], source.label) for name in ("shape", "data")]
    try:
        shape, data = map(NpyTable, members)
    except TableError:  # of blocks of dense matrices, say
        return open_table(source, request)
    sides = [float(cell) for cell in shape.sample(2).cells[0] if cell is not None]
    if len(sides) != 2:
        return open_table(source, request)
    from lsq_cli.sources.binary.sparse import HeaderTable  # for sparse matrices only

    return HeaderTable(source.label, int(sides[0]), int(sides[1]), data.rows * len(data.columns), "sparse")


def is_sparse(archive: ByteSource) -> bool:
    """Whether an archive holds one sparse matrix, and not A and b."""
    from lsq_cli.sources.binary.sparse import is_sparse_archive

    return is_sparse_archive(members_of(archive))


def arrays_of(archive: ByteSource) -> tuple[NpyTable, NpyTable]:
    """The tables A and b of an archive that can be sought in.

    Raises
    ------
    OpenError
        Not a ZIP archive, or a broken one.
    TableError
        For an archive without them; it says which arrays there are.
    """
    sizes = members_of(archive)
    lacking = [name for name in ("A", "b") if f"{name}.npy" not in sizes]
    if lacking:
        there = listed(name.removesuffix(".npy") for name in sizes) or "nothing"
        raise TableError(f"no array {' and no '.join(map(repr, lacking))} in it, but {there}", archive.label)
    A, b = (
        NpyTable(MemberBytes(archive, f"{name}.npy", sizes[f"{name}.npy"], f"{archive.label}, {name}"))
        for name in ("A", "b")
    )
    return A, b
