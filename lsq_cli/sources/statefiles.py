"""States: `.lsqs` files, which hold the exact sums of a table's rows in place of the rows.

An NPZ archive whose members are not compressed and bear no date, so that equal contents are equal bytes. It is never
pickled: ``numpy.load(path, allow_pickle=False)`` reads it. docs/state.md says what every array means. The last one is
the SHA-256 of all others, as they stand in the archive.

What is read here are arrays; `problems/states.py` makes sums of them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from hashlib import sha256
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import OpenError, shown
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.paths import is_remote, status_of
from lsq_cli.sources.streams import open_raw

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
REASONS = tuple(reason.name.lower() for reason in Reason if reason)
"""Why rows were dropped, in the order of the rows of `dropped`."""
_ANY = -1


class _Form(NamedTuple):
    """What an array of the file has to be."""

    kind: str
    shape: tuple[int, ...]
    """Of any length where it says −1."""


_FORMS = {
    "version": _Form("<i8", ()),
    "names": _Form("U", (_ANY,)),
    "target": _Form("U", (_ANY,)),
    "weights": _Form("U", (_ANY,)),
    "rows": _Form("<i8", ()),
    "weightless": _Form("<i8", ()),
    "reasons": _Form("U", (_ANY,)),
    "dropped": _Form("<i8", (_ANY, _ANY)),
    "log_weights": _Form("<u4", (1, _ANY)),
    "exponents": _Form("<i8", (_ANY,)),
    "sums": _Form("<u4", (_ANY, _ANY)),
}
_CHECKSUM = "checksum"
_MAGIC = b"PK\x03\x04"
"""How an archive begins."""
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP archive can name


class StateFile(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    names : tuple of str
        The k columns.
    target : tuple of str
        Those that are b unless others are named; nothing where the last is.
    weights : str or None
        The column that weighed the rows; it is none of `names`.
    rows, weightless : int
        Rows used, and those of them whose weight is 0.
    dropped : ndarray of int64, shape (4, k) or (4, k + 1)
        Rows left out, by reason and by the column that missed a cell, the weights last.
    log_weights : ndarray of uint32, shape (1, D)
        Σ log w in units of 2⁻⁴⁰, as digits to the base 2³².
    exponents : ndarray of int64, shape (k + 1,)
    sums : ndarray of uint32, shape ((k + 1)(k + 2)/2, D)
        Of a column of ones and the k columns; see `exact/canonical.py`.
    """

    names: tuple[str, ...]
    target: tuple[str, ...]
    weights: str | None
    rows: int
    weightless: int
    dropped: NDArray[np.int64]
    log_weights: NDArray[np.uint32]
    exponents: NDArray[np.int64]
    sums: NDArray[np.uint32]


def read_state(path: str) -> StateFile:
    """The state in a file.

    Raises
    ------
    OpenError
        For a file that cannot be opened, is an address, is damaged, or was written in a newer format.
    """
    label = shown(path, 4096)
    if is_remote(path):
        raise OpenError("states are read from folders of this machine: fetch it first, then give the file", label)
    status_of(path)
    try:
        with open_raw(path, label) as stream:
            data = stream.read(len(_MAGIC))
            # What is no archive is not read on: a device or a table of that name could be of any size.
            data += stream.read() if data == _MAGIC else b""
    except OSError as error:
        raise OpenError(f"cannot be read: {(error.strerror or str(error)).lower()}", label) from None
    return unpacked(data, label)


def packed(state: StateFile) -> bytes:
    """The bytes of the file, the same for the same contents."""
    arrays: dict[str, NDArray[Any]] = {
        "version": np.array(VERSION, "<i8"),
        "names": _texts(state.names),
        "target": _texts(state.target),
        "weights": _texts(() if state.weights is None else (state.weights,)),
        "rows": np.array(state.rows, "<i8"),
        "weightless": np.array(state.weightless, "<i8"),
        "reasons": _texts(REASONS),
        "dropped": state.dropped,
        "log_weights": state.log_weights,
        "exponents": state.exponents,
        "sums": state.sums,
    }
    members = {name: _npy(array) for name, array in arrays.items()}
    members[_CHECKSUM] = _npy(np.array(_digest(members)))
    import zipfile  # for states alone, and not for all who may be given one

    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return held.getvalue()


def unpacked(data: bytes, label: str) -> StateFile:
    """What `packed` was given; `label` names the file in errors.

    Raises
    ------
    OpenError
        As `read_state`.
    """
    members = _members(data, label)
    version = _array(members.get("version", b""))
    if version is None or version.dtype.kind not in "iu" or version.shape:
        raise OpenError("is no state of lsq: it does not say its version", label)
    if version > VERSION:
        raise OpenError(
            f"was written by a newer lsq, in version {version} of the format; this one reads version {VERSION}: "
            "pip install --upgrade lsq-cli",
            label,
        )
    checksum = _array(members.get(_CHECKSUM, b""))
    if checksum is None or str(checksum) != _digest(members):
        raise OpenError("its checksum is wrong: it was changed after it was written; take another copy", label)
    found = {name: array for name, content in members.items() if (array := _array(content)) is not None}
    if version < VERSION or not _is_whole(found):
        raise OpenError("its arrays are not those of a state: it was not written by lsq collect", label)
    weights = found["weights"].tolist()
    return StateFile(
        tuple(found["names"].tolist()),
        tuple(found["target"].tolist()),
        weights[0] if weights else None,
        int(found["rows"]),
        int(found["weightless"]),
        found["dropped"],
        found["log_weights"],
        found["exponents"],
        found["sums"],
    )


def _members(data: bytes, label: str) -> dict[str, bytes]:
    """The members of the archive by name, in their order."""
    import zipfile  # as above

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise zipfile.BadZipFile
            # Members that lie in one another would be as large as one likes.
            if sum(entry.file_size for entry in entries) > len(data):
                raise zipfile.BadZipFile
            return {entry.filename.removesuffix(".npy"): archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        why = "is empty" if not data else "is damaged or cut off, or is no state"
        raise OpenError(f"{why}: it cannot be read; take another copy, or collect it again", label) from None


def _array(content: bytes) -> NDArray[Any] | None:
    """The array of a member; None where it is none. Nothing of the size that it claims is made."""
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            return None
        shape, by_columns, kind = np.lib.format.read_array_header_1_0(stream)
        if kind.hasobject or (by_columns and len(shape) > 1):
            return None
        return np.frombuffer(stream.read(), kind).reshape(shape)
    except (ValueError, TypeError, SyntaxError, OverflowError, TokenError):
        return None


def _is_whole(arrays: dict[str, NDArray[Any]]) -> bool:
    """Whether all arrays are there and fit together."""
    for name, form in _FORMS.items():
        array = arrays.get(name)
        if array is None or array.ndim != len(form.shape) or not _is_kind(array, form.kind):
            return False
        if any(wanted not in (_ANY, length) for wanted, length in zip(form.shape, array.shape, strict=True)):
            return False
    k, weighing = len(arrays["names"]), len(arrays["weights"])
    names = arrays["names"].tolist()
    return (
        weighing <= 1
        and len(set(names)) == k
        and len(set(arrays["target"].tolist())) == len(arrays["target"])
        and set(arrays["target"].tolist()) <= set(names)
        and tuple(arrays["reasons"].tolist()) == REASONS
        and arrays["dropped"].shape == (len(REASONS), k + weighing)
        and arrays["exponents"].shape == (k + 1,)
        and arrays["sums"].shape[0] == (k + 1) * (k + 2) // 2
        and min(arrays["sums"].shape[1], arrays["log_weights"].shape[1]) > 0
    )


def _is_kind(array: NDArray[Any], kind: str) -> bool:
    return array.dtype.kind == "U" if kind == "U" else array.dtype.str == kind


def _texts(texts: Sequence[str]) -> NDArray[np.str_]:
    return np.array(texts, f"<U{max(map(len, texts), default=0) or 1}")


def _npy(array: NDArray[Any]) -> bytes:
    """An array as numpy writes it."""
    held = io.BytesIO()
    # Little-endian in rows, whatever the machine.
    whole = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    np.lib.format.write_array(held, whole, (1, 0), allow_pickle=False)
    return held.getvalue()


def _digest(members: dict[str, bytes]) -> str:
    """SHA-256 of all members but the checksum, each after its name."""
    whole = sha256()
    for name, content in members.items():
        if name != _CHECKSUM:
            whole.update(name.encode())
            whole.update(content)
    return whole.hexdigest()
