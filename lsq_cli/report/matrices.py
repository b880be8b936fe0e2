"""A matrix written block by block, as CSV or NPY, compressed where the name says so: constant memory at any size.

Prefer NPY for anything large: CSV spends its time on spelling doubles, each in the fewest digits that read back to it.
The same numbers give the same bytes; a gzip file carries no time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from lsq_cli.core.errors import UsageError
from lsq_cli.report.files import check_path
from lsq_cli.report.plain import write_csv_row, write_npy_header

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.report.plain import Writable

_FORMATS = (".csv", ".npy")
_COMPRESSIONS = (".gz", ".bz2", ".xz")


class Compressor(Protocol):
    """What zlib, bz2 and lzma offer alike."""

    def compress(self, data: bytes, /) -> bytes:
        """What is ready so far."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


def check_matrix_path(path: str) -> tuple[str, str]:
    """The format, ``.csv`` or ``.npy``, and the compression or "", of a matrix file.

    Raises
    ------
    UsageError
        Another suffix.
    OutputError
        No such folder, a folder, or no permission.
    """
    last = check_path(path, (*_FORMATS, *_COMPRESSIONS))
    if last in _FORMATS:
        return last, ""
    form = os.path.splitext(path[: -len(last)])[1].lower()
    if form not in _FORMATS:
        raise UsageError(f"cannot tell the format of {path}: end the name in .csv{last} or .npy{last}")
    return form, last


class MatrixWriter:
    """Writes a matrix on a stream.

    Parameters
    ----------
    stream : Writable
    names : tuple of str
        Of the columns: the header of a CSV.
    rows : int
        How many will come; an NPY file says so before the first.
    form, compression : str
        As `check_matrix_path` returns them.
    """

    def __init__(
        self, stream: Writable, names: tuple[str, ...], rows: int, form: str = ".csv", compression: str = ""
    ) -> None:
        self._stream, self._form = stream, form
        self._compressor = _compressor(compression)
        if form == ".npy":
            write_npy_header("<f8", (rows, len(names)) if len(names) > 1 else (rows,), self)
        else:
            write_csv_row(names, self)

    def add(self, rows: Array) -> None:
        """Write the rows (k, n) that come next."""
        if self._form == ".npy":
            self.write(rows.astype("<f8", copy=False).tobytes())
        else:
            lines = (",".join(map(repr, row)) for row in rows.tolist())
            self.write("".join(f"{line}\n" for line in lines).encode())

    def finish(self) -> None:
        """Write what a compressor still holds."""
        if self._compressor is not None:
            self._stream.write(self._compressor.flush())

    def write(self, data: bytes, /) -> None:
        """Take bytes on their way to the stream."""
        self._stream.write(data if self._compressor is None else self._compressor.compress(data))

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()


def _compressor(suffix: str) -> Compressor | None:
    """The compressor of a suffix, its module imported only where it is used."""
    if suffix == ".gz":
        import zlib

        return zlib.compressobj(wbits=31)  # with the head of a gzip file, its time left 0
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2Compressor()
    if suffix == ".xz":
        import lzma

        return lzma.LZMACompressor()
    return None
