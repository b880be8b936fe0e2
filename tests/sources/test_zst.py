"""Zstandard streams: whole ones give their bytes, whatever their frames; those that are cut off are an error."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli.core.errors import MissingExtraError, OpenError
from lsq_cli.sources import zstd
from lsq_cli.sources.blocks import Rows
from lsq_cli.sources.columns import Request
from lsq_cli.sources.opening import open_source
from lsq_cli.sources.streams import FileBytes
from lsq_cli.sources.zstd import ZstdReader

TABLE = b"x,y\n1,2\n3,5\n" + b"4,7\n" * 5000


def read(data: bytes) -> bytes:
    return io.BufferedReader(ZstdReader(io.BytesIO(data), zstandard)).read()


def read_rows(path: Path) -> list[Rows]:
    return [block.read() for block in open_source([path], Request()).blocks()]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=2000), max_size=5), st.integers(1, 5000))
def test_frames_that_follow_each_other_are_one_stream(frames, piece):
    data = b"".join(map(zstandard.compress, frames))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zstd, "_PIECE", piece)

        assert read(data) == b"".join(frames)


def test_a_stream_of_many_pieces_is_read_whole():
    data = np.random.default_rng(0).integers(0, 60, 300_000).astype(np.uint8).tobytes()

    assert read(zstandard.compress(data)) == data


def test_frames_that_are_to_be_skipped_are_skipped():
    assert read(b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + zstandard.compress(b"x")) == b"x"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_stream_that_is_cut_off_is_an_error_wherever_it_is_cut(kept, tmp_path):
    path = tmp_path / "t.csv.zst"
    data = zstandard.compress(TABLE, 3)
    path.write_bytes(data[: int(kept * len(data))])

    with pytest.raises(OpenError) as error:
        read_rows(path)
    assert (
        str(error.value)
        == f"{path}: broken zstd data: Compressed file ended before the end-of-stream marker was reached"
    )


def test_bytes_behind_the_last_frame_are_an_error(tmp_path):
    path = tmp_path / "t.csv.zst"
    path.write_bytes(zstandard.compress(b"x,y\n1,2\n") + b"and more of it")

    with pytest.raises(OpenError, match=r"t\.csv\.zst: broken zstd data: "):
        open_source([path], Request())


def test_damage_is_an_error_with_the_file_s_name(tmp_path):
    path = tmp_path / "t.csv.zst"
    data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(TABLE))
    data[-3] ^= 1
    path.write_bytes(data)

    with pytest.raises(OpenError, match=r"t\.csv\.zst: broken zstd data: "):
        FileBytes(str(path), str(path), "zstd", len(data)).open().read()


def test_a_missing_package_is_named_before_anything_is_read(tmp_path, monkeypatch):
    path = tmp_path / "t.csv.zst"
    path.write_bytes(zstandard.compress(TABLE))
    monkeypatch.setitem(sys.modules, "zstandard", None)

    with pytest.raises(MissingExtraError) as error:
        open_source([path], Request())
    assert str(error.value) == f"{path} needs zstandard: pip install 'lsq-cli[fast]'"


def test_the_shell_gets_the_same_numbers_and_one_line_of_error(run_lsq, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_bytes(TABLE)
    Path("t.csv.zst").write_bytes(zstandard.compress(TABLE))
    Path("cut.csv.zst").write_bytes(zstandard.compress(TABLE)[:-4])
    plain, packed = (run_lsq("solve", path, "-f", "csv") for path in ("t.csv", "t.csv.zst"))

    assert plain.raw == packed.raw
    assert run_lsq("solve", "-f", "csv", stdin=Path("t.csv.zst").read_bytes()).raw == plain.raw
    cut = run_lsq("solve", "cut.csv.zst")
    assert (cut.code, cut.raw) == (1, b"")
    assert cut.err == (
        "lsq: error: cut.csv.zst: broken zstd data: Compressed file ended before the end-of-stream marker was reached\n"
    )
