"""Where text is cut into blocks: by its bytes alone, whatever it comes from."""

from __future__ import annotations

import fcntl
import io
import os

import pytest
from byte_sources import Bytes, pipe
from hypothesis import given, settings
from hypothesis import strategies as st
from table_columns import blocks_of

import lsq_cli.sources.text.csv as csv_room
from lsq_cli.core.errors import OpenError
from lsq_cli.sources.streams import PIPE_BYTES, widen
from lsq_cli.sources.text import chunks
from lsq_cli.sources.text.chunks import last_cut
from lsq_cli.sources.text.csv import CsvTable
from lsq_cli.sources.text.deciding import TextOptions
from lsq_cli.sources.text.dialect import comment
from lsq_cli.sources.text.marks import DEFAULT

rows = st.lists(
    st.sampled_from([b"1,2", b"33.5,4", b'"5",6', b'"a\nb",7', b"", b"# no row", b"8,\xc3\xa9"]), max_size=30
)


def cuts(source, size: int) -> list[tuple[int, int, int]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_room, "BLOCK_BYTES", size)
        table = CsvTable(source, TextOptions(delimiter=",", header=True))
        return [(block.line, block.start, block.stop) for block in blocks_of(table, (0,), "error")]


@settings(max_examples=200, deadline=None)
@given(rows, st.integers(8, 60), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans())
def test_a_file_and_a_pipe_are_cut_alike_and_nothing_is_lost(lines, size, end, ended):
    text = end.join([b"x,y", b"0,1", *lines]) + (end if ended else b"")
    text = text.replace(b"\n", end) if end == b"\r" else text
    found = cuts(Bytes(text, size=len(text)), size)

    assert found == cuts(pipe(text), size)
    assert [start for _, start, _ in found[1:]] == [stop for *_, stop in found[:-1]]
    assert found[-1][2] == len(text)
    ends = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert all(
        line == 1 + len(text[:start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").splitlines())
        for line, start, _ in found
    )
    assert ends.startswith(b"x,y\n")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"1", b",", b'"', b"\n", b"\r", b"\r\n"]), max_size=12), st.integers(1, 5))
def test_a_cut_is_after_the_last_line_end_with_an_even_number_of_quotes_before_it(signs, step):
    text = b"".join(signs)
    ends = [k + 1 for k, sign in enumerate(text) if sign in b"\r\n" and text.count(b'"', 0, k) % 2 == 0]
    newlines = [end for end in ends if text[end - 1 : end] == b"\n"]
    returns = [end for end in ends if text[end - 1 : end] == b"\r" and end < len(text)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "TAIL_BYTES", step)

        assert last_cut(bytearray(text), comment(DEFAULT)) == max(newlines or returns or [0])


def test_quotes_in_comments_do_not_move_the_cut():
    assert last_cut(b'1,2\n# 5" and\n3,"4\n', comment(DEFAULT)) == 13
    assert last_cut(b'"\n# a"\n1,2\n', comment(DEFAULT)) == 11


@pytest.mark.parametrize("size", [100, 102])  # at the end of a line, and inside one
@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_file_that_shrinks_while_it_is_read_is_an_error(monkeypatch, quote, size):
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 30)
    text = b"x,y\n" + b"%b1%b,2\n" % (quote, quote) * 50
    source = Bytes(text, size=len(text))
    blocks = blocks_of(CsvTable(source, TextOptions()), (0, 1), "error")
    next(blocks)
    source.data = text[:size]
    if not source.opened[-1].closed:  # with quotes the blocks come from a stream
        source.opened[-1].truncate(size)

    with pytest.raises(OpenError, match=rf"^data.csv: it became shorter while it was read: {size} bytes where it had"):
        [block.read() for block in blocks]  # of which none fails before


@pytest.mark.skipif(not hasattr(fcntl, "F_GETPIPE_SZ"), reason="pipes have one size here")
def test_a_pipe_is_given_room_and_nothing_else_is_touched(tmp_path):
    reader, writer = os.pipe()
    with open(reader, "rb") as pipe_end, open(writer, "wb"), open(tmp_path / "file", "wb+") as file:
        widen(pipe_end)
        widen(file)
        widen(io.BytesIO())

        assert fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ) == PIPE_BYTES
