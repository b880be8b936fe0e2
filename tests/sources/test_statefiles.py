"""The file of a state: numpy reads it alone, equal contents are equal bytes, and no damage goes unseen."""

from __future__ import annotations

import io
import time
import zipfile
from hashlib import sha256

import numpy as np
import pytest

from lsq_cli.core.errors import OpenError
from lsq_cli.sources import statefiles
from lsq_cli.sources.columns import Request
from lsq_cli.sources.statefiles import StateFile, packed, unpacked
from lsq_cli.sources.whole import open_whole

EMPTY = np.zeros((4, 2), "<i8")
ONE = StateFile(
    ("a", "y"), ("y",), None, 1, 0, EMPTY, np.zeros((1, 1), "<u4"), np.zeros(3, "<i8"), np.ones((6, 1), "<u4")
)


def held(state: StateFile) -> tuple:
    return tuple(value.tolist() if isinstance(value, np.ndarray) else value for value in state)


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(parts: dict[str, bytes]) -> bytes:
    """An archive with a checksum that fits, as somebody else could make it."""
    parts = {name: content for name, content in parts.items() if name != "checksum.npy"}
    whole = sha256()
    for name, content in parts.items():
        whole.update(name.removesuffix(".npy").encode() + content)
    parts["checksum.npy"] = npy(np.array(whole.hexdigest()))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_what_was_written_is_read_back():
    for names in (("a", "y"), ("", "Größe in m²"), ("x" * 300, "x")):
        state = ONE._replace(names=names, target=names[1:])

        assert held(unpacked(packed(state), "s")) == held(state)


def test_the_bytes_do_not_depend_on_the_time(monkeypatch):
    before = packed(ONE)
    monkeypatch.setattr(time, "time", lambda: 2e9)

    assert packed(ONE) == before


def test_numpy_reads_it_alone():
    with np.load(io.BytesIO(packed(ONE)), allow_pickle=False) as arrays:
        assert arrays["names"].tolist() == ["a", "y"]
        assert set(arrays) >= {"version", "rows", "sums", "exponents", "checksum"}


def read(data: bytes) -> tuple | str:
    """What is in a file, or what is wrong with it."""
    try:
        return held(unpacked(data, "s"))
    except OpenError as error:
        return str(error)


def test_every_byte_that_is_changed_is_seen_or_changes_nothing():
    data = packed(ONE)
    seen = 0
    for place in range(len(data)):
        found = read(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        seen += isinstance(found, str)
        assert found == held(ONE) or found.startswith("s: ")

    assert seen > len(data) // 2


def test_every_cut_is_seen():
    data = packed(ONE)
    for length in range(len(data)):
        with pytest.raises(OpenError, match=r"s: is (empty|damaged or cut off, or is no state): it cannot be read"):
            unpacked(data[:length], "s")


def test_a_newer_version_is_named():
    parts = members(packed(ONE)) | {"version.npy": npy(np.array(7)), "news.npy": npy(np.arange(3))}

    with pytest.raises(OpenError, match=r"^s: was written by a newer lsq, in version 7 of the format; this one reads"):
        unpacked(archived(parts), "s")


def test_a_number_changed_by_hand_has_a_wrong_checksum():
    parts = members(packed(ONE))
    whole = archived(parts)
    changed = members(whole) | {"rows.npy": npy(np.array(2))}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in changed.items():
            archive.writestr(name, content)

    assert held(unpacked(whole, "s")) == held(ONE)
    with pytest.raises(OpenError, match=r"^s: its checksum is wrong: it was changed after it was written"):
        unpacked(stream.getvalue(), "s")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("names", np.array(["a", "a"])),
        ("names", np.array(["a"])),
        ("target", np.array(["z"])),
        ("target", np.array(["y", "y"])),
        ("weights", np.array(["v", "w"])),
        ("rows", np.array(1.0)),
        ("dropped", np.zeros((4, 3), "<i8")),
        ("exponents", np.zeros(2, "<i8")),
        ("sums", np.zeros((6, 0), "<u4")),
        ("sums", np.zeros((5, 1), "<u4")),
        ("sums", np.zeros((6, 1), ">u4")),
        ("reasons", np.array(["empty", "na", "nan", "moon"])),
        ("version", np.array(0)),
        ("sums", None),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name, array):
    parts = members(packed(ONE))
    if array is None:
        del parts[f"{name}.npy"]
    else:
        parts[f"{name}.npy"] = npy(array)

    with pytest.raises(OpenError, match=r"^s: its arrays are not those of a state"):
        unpacked(archived(parts), "s")


def test_pickles_and_sizes_that_are_claimed_are_never_taken():
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], object), allow_pickle=True)
    huge = npy(np.zeros((6, 1), "<u4")).replace(b"(6, 1)", b"(6, 9999999999999)"[:6])
    header = npy(np.zeros((6, 1), "<u4"))
    claimed = header.replace(b"(6, 1), }            ", b"(6, 99999999999), }  ")
    assert claimed != header
    for content in (pickled.getvalue(), claimed, huge[:-3], b"", b"\x93NUMPY\x01\x00\xff\xff{"):
        parts = members(packed(ONE)) | {"sums.npy": content}

        with pytest.raises(OpenError, match=r"^s: its arrays are not those of a state"):
            unpacked(archived(parts), "s")


def test_members_that_lie_in_one_another_are_refused_before_they_are_read(monkeypatch):
    data = bytearray(packed(ONE))
    place = data.rindex(b"PK\x01\x02")  # the last entry of the directory
    for at in (place + 20, place + 24):  # its size as kept, and its size
        data[at : at + 4] = (2**31).to_bytes(4, "little")
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))

    with pytest.raises(OpenError, match=r"^s: is damaged or cut off, or is no state"):
        unpacked(bytes(data), "s")


def test_what_is_no_archive_is_not_read_on(tmp_path):
    (tmp_path / "zero.lsqs").symlink_to("/dev/zero")

    with pytest.raises(OpenError, match=r"zero.lsqs: is damaged or cut off, or is no state"):
        statefiles.read_state(str(tmp_path / "zero.lsqs"))


def test_another_archive_is_no_state():
    stream = io.BytesIO()
    np.savez(stream, A=np.eye(2), b=np.ones(2))

    with pytest.raises(OpenError, match=r"^s: is no state of lsq: it does not say its version"):
        unpacked(stream.getvalue(), "s")
    stream = io.BytesIO()
    np.savez_compressed(stream, version=np.array(1))
    with pytest.raises(OpenError, match=r"^s: is damaged or cut off, or is no state"):
        unpacked(stream.getvalue(), "s")


def test_the_reasons_are_those_of_rows():
    assert statefiles.REASONS == ("empty", "na", "nan", "inf")


def test_rows_are_counted_by_their_first_cell_in_the_file(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c,d\n1,,NA,4\n1,2,3,inf\nNaN,2,,4\n5,6,7,8\n")
    request = Request(columns=("c", "a", "b"), target=("d",), missing="drop")
    whole = open_whole([str(tmp_path / "t.csv")], request)
    block = next(iter(whole.source.blocks()))
    _, losses = block.read_with_losses(whole.positions)

    assert whole.names == ("c", "a", "b", "d")
    # Rows: empty, na, nan, inf; columns: c, a, b, d.
    assert losses[:, whole.order].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
