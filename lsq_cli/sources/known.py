"""Formats that are known but not read: told by suffix or first bytes, and named with a command that makes CSV of them.

Nothing is converted in silence: which table of a database or which node of a tree is meant, only its owner knows.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from lsq_cli.core.errors import OpenError, shown


class Known(NamedTuple):
    """A format that is not read.

    Attributes
    ----------
    name : str
        What people call it.
    command : str
        Makes CSV of it; ``{path}`` is the file, ``{csv}`` one of its name that ends in ``.csv``.
    suffixes : tuple of str
    heads : tuple of bytes
        First bytes that nothing else has.
    """

    name: str
    command: str
    suffixes: tuple[str, ...] = ()
    heads: tuple[bytes, ...] = ()


def _pandas(reader: str, **arguments: str) -> str:
    """The command that reads with pandas and writes CSV."""
    more = "".join(f", {name}={value}" for name, value in arguments.items())
    return f"python -c \"import pandas; pandas.read_{reader}('{{path}}'{more}).to_csv('{{csv}}', index=False)\""


KNOWN = (
    Known(
        "SQLite",
        "sqlite3 -header -csv {path} 'SELECT * FROM TABLE_NAME' > {csv}",
        (".db", ".sqlite", ".sqlite3"),
        (b"SQLite format 3\0",),
    ),
    Known("JSON Lines", _pandas("json", lines="True"), (".jsonl", ".ndjson")),
    Known("JSON", _pandas("json"), (".json",)),
    Known("HDF5", _pandas("hdf"), (".h5", ".hdf5", ".hdf"), (b"\x89HDF\r\n\x1a\n",)),
    Known("Feather (Arrow)", _pandas("feather"), (".feather", ".arrow", ".ipc"), (b"ARROW1", b"FEA1")),
    Known("ORC", _pandas("orc"), (".orc",), (b"ORC\x08", b"ORC\x0a", b"ORC\x00")),
    Known("Avro", "duckdb -csv -c \"FROM read_avro('{path}')\" > {csv}", (".avro",), (b"Obj\x01",)),
    Known(
        "a pickle, which can run code when it is loaded,",
        _pandas("pickle"),
        (".pkl", ".pickle"),
        (b"\x80\x02", b"\x80\x03", b"\x80\x04\x95", b"\x80\x05\x95"),
    ),
    Known("Stata", _pandas("stata"), (".dta",), (b"<stata_dta>",)),
    Known("SAS", _pandas("sas"), (".sas7bdat", ".xpt")),
    Known("SPSS", _pandas("spss"), (".sav", ".zsav"), (b"$FL2@(#)", b"$FL3@(#)")),
    Known("R data", "Rscript -e \"write.csv(readRDS('{path}'), '{csv}', row.names=FALSE)\"", (".rds",)),
    Known("R data", "Rscript -e \"write.csv(get(load('{path}')), '{csv}', row.names=FALSE)\"", (".rdata", ".rda")),
    Known(
        "MATLAB",
        'python -c "import numpy, scipy.io; '
        "numpy.savetxt('{csv}', scipy.io.loadmat('{path}')['NAME'], delimiter=',')\"",
        (".mat",),
        (b"MATLAB 5.0",),
    ),
    Known("XML", _pandas("xml"), (".xml",), (b"<?xml", b"\xef\xbb\xbf<?xml")),
    Known(
        "HTML",
        "python -c \"import pandas; pandas.read_html('{path}')[0].to_csv('{csv}', index=False)\"",
        (".html", ".htm"),
        (b"<!DOCTYPE html", b"<!doctype html", b"<html", b"<HTML"),
    ),
    Known("PDF", "pdftotext -layout {path} {csv}", (".pdf",), (b"%PDF-",)),
    Known("a tar archive", "tar -xf {path}", (".tar", ".tgz", ".tbz2", ".txz")),
    Known(".Z (compress)", "gzip -dc {path} > {csv}", (".z",), (b"\x1f\x9d",)),
    Known("LZ4", "lz4 -dc {path} > {csv}", (".lz4",), (b"\x04\x22\x4d\x18",)),
    Known("Brotli", "brotli -dc {path} > {csv}", (".br",)),
    Known("7z", "7z x {path}", (".7z",), (b"7z\xbc\xaf\x27\x1c",)),
    Known("RAR", "unrar x {path}", (".rar",), (b"Rar!\x1a\x07",)),
)


def refuse_known(suffix: str, head: bytes, path: str | None, label: str) -> None:
    """`OpenError` for a file of a format that is known but not read.

    Parameters
    ----------
    suffix : str
        Of the file, in lower case; empty where it tells one of our own formats.
    head : bytes
        The first bytes of the file, decompressed.
    path : str or None
        The file, for the command; None for a pipe.
    label : str
        What errors call it.
    """
    known = next(
        (each for each in KNOWN if suffix in each.suffixes or head.startswith(each.heads or (b"\0\0no",))), None
    )
    if known is None and _begins_json(head):
        known = next(each for each in KNOWN if each.name == "JSON")
    if known is None:
        return
    from shlex import quote  # only here, on the way to an error

    where = "FILE" if path is None else path
    root = os.path.splitext(where)[0] or where
    # Inside quotes of the command a quote of the path would end them: such a path is left to its owner.
    inside = "'{path}'" in known.command
    names = {"path": where, "csv": f"{root}.csv"}
    if not inside:
        names = {key: quote(name) for key, name in names.items()}
    elif "'" in where or '"' in where or "\\" in where:
        names = {"path": "FILE", "csv": "FILE.csv"}
    command = known.command.format(**names)
    raise OpenError(f"{known.name} is not read; turn it into CSV first: {shown(command, 4096)}", label)


def _begins_json(head: bytes) -> bool:
    """Whether text begins as a list of lists or objects does in JSON, or as an object with a name."""
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    after = bare[1:].lstrip()
    return (bare[:1] == b"[" and after[:1] in (b"[", b"{")) or (bare[:1] == b"{" and after[:1] == b'"')
