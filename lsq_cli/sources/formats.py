"""The formats that are read, a line each: the suffixes and first bytes that tell them, the module that reads them.

A module of a format has a function ``open_table(source, request)`` that makes a `Table` of some bytes. It is imported
for its own files only. To add a format, write the module and its line here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import ByteSource, Table
    from lsq_cli.sources.columns import Request


class Format(NamedTuple):
    """One format.

    Attributes
    ----------
    name : str
        As ``--input-format`` knows it.
    module : str
        Of this folder; it reads the format.
    suffixes : tuple of str
        That files of it end with.
    heads : tuple of bytes
        First bytes that no other format has.
    from_the_end : bool
        Whether its contents are listed at the end; then what comes through a pipe, or compressed, is held whole.
    function : str
        What makes the table.
    header : str
        What makes one of the header alone, for a look, where `function` reads all.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    heads: tuple[bytes, ...] = ()
    from_the_end: bool = False
    function: str = "open_table"
    header: str = ""

    def open_table(self, source: ByteSource, request: Request, *, header_alone: bool = False) -> Table:
        """The table in some bytes of this format; raises what the module of the format raises.

        With `header_alone` no more is read than its header, or first rows; it may then have no blocks.
        """
        function = (self.header if header_alone else "") or self.function
        table: Table = getattr(import_module(f"lsq_cli.sources.{self.module}"), function)(source, request)
        return table


FORMATS = (
    Format("csv", "text.csv", (".csv", ".txt")),
    Format("tsv", "text.csv", (".tsv",), function="open_tab_separated"),
    Format("npy", "binary.npy", (".npy",), (b"\x93NUMPY",)),
    Format("npz", "binary.npz", (".npz",), from_the_end=True, header="open_header"),
    Format("zip", "binary.npz", (".zip",), (b"PK\x03\x04", b"PK\x05\x06"), from_the_end=True),
    Format("parquet", "binary.parquet", (".parquet",), (b"PAR1",), from_the_end=True),
    Format("xlsx", "binary.sheets", (".xlsx", ".xlsm", ".xlsb"), from_the_end=True),
    Format("xls", "binary.sheets", (".xls",), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), from_the_end=True),
    Format("ods", "binary.sheets", (".ods",), from_the_end=True),
    Format("mtx", "binary.market", (".mtx",), (b"%%Matrix",), header="open_header"),
)
TEXT = FORMATS[0]
"""What is taken for text that no first bytes tell otherwise."""


def named(name: str) -> Format | None:
    """The format of this name."""
    return next((each for each in FORMATS if each.name == name), None)


def by_suffix(suffix: str) -> Format | None:
    """The format whose files end with ``.csv``, ``.npy``, …"""
    return next((each for each in FORMATS if suffix in each.suffixes), None)


def by_head(head: bytes) -> Format:
    """The format by the first bytes of a file."""
    return next((each for each in FORMATS if any(map(head.startswith, each.heads))), TEXT)
