"""Formats that are known but not read, and zip archives: each is named, with a way out that works."""

from __future__ import annotations

import io
import json
import shlex
import sqlite3
import subprocess
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lsq_cli.core.errors import OpenError
from lsq_cli.sources.known import KNOWN, refuse_known

TABLE = "a,y\n1,2\n2,4\n3,7\n"
SLOPE = "name,value\na,2.2142857142857144\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_a_format_is_told_by_its_suffix_and_by_its_first_bytes(known):
    for suffix, head in [*((suffix, b"") for suffix in known.suffixes), *(("", head) for head in known.heads)]:
        with pytest.raises(OpenError) as caught:
            refuse_known(suffix, head, f"my data{suffix}", "my data")
        assert str(caught.value).startswith(f"my data: {known.name} is not read; turn it into CSV first: ")
        assert "{" not in str(caught.value)


@pytest.mark.parametrize("content", [b'[{"a": 1, "y": 2}]\n', b'{"a": [1, 2]}', b"[[1, 2], [3, 4]]", b'\n {"a": 1}\n'])
@pytest.mark.parametrize("name", ["t.json", "t.csv", "t"])
def test_json_is_said_to_be_json(content, name, run_lsq):
    Path(name).write_bytes(content)
    result = run_lsq("solve", name)

    assert (result.code, result.raw) == (1, b"")
    assert result.err.startswith(f"lsq: error: {name}: JSON is not read; turn it into CSV first: python -c ")
    assert "input-format" not in result.err


def test_a_table_whose_first_cell_has_a_bracket_is_none(run_lsq):
    Path("t.csv").write_text(TABLE.replace("a,", "[a],"))

    assert run_lsq("solve", "t.csv", "-f", "csv").code == 0


def test_the_way_out_of_a_database_works(run_lsq):
    with closing(sqlite3.connect("my data.db")) as database, database:
        database.execute("create table TABLE_NAME (a, y)")
        database.executemany("insert into TABLE_NAME values (?, ?)", [(1, 2), (2, 4), (3, 7)])
    error = run_lsq("solve", "my data.db").err
    command = error.strip().split("first: ")[1]

    assert command == "sqlite3 -header -csv 'my data.db' 'SELECT * FROM TABLE_NAME' > 'my data.csv'"
    if subprocess.run(["sh", "-c", "command -v sqlite3"], capture_output=True, check=False).returncode == 0:
        subprocess.run(command, shell=True, check=True)
        assert run_lsq("solve", "my data.csv", "-q", "-f", "csv").out == SLOPE


def test_the_way_out_of_a_tar_archive_works(run_lsq):
    Path("t.csv").write_text(TABLE)
    with tarfile.open("t.tar.gz", "w:gz") as archive:
        archive.add("t.csv")
    Path("t.csv").unlink()
    error = run_lsq("solve", "t.tar.gz").err
    assert error == "lsq: error: t.tar.gz: a tar archive is not read; turn it into CSV first: tar -xf t.tar.gz\n"
    subprocess.run(shlex.split(error.strip().split("first: ")[1]), check=True)

    assert run_lsq("solve", "t.csv", "-q", "-f", "csv").out == SLOPE


def test_a_pipe_is_named_too(run_lsq):
    result = run_lsq("solve", stdin=json.dumps([{"a": 1}]))

    assert result.err.startswith("lsq: error: standard input: JSON is not read; turn it into CSV first: ")
    assert "read_json('FILE').to_csv('FILE.csv'" in result.err


@pytest.mark.parametrize("member", ["t.csv", "folder/t.tsv", "t.npy", "data"])
@pytest.mark.parametrize("name", ["t.zip", "t", "t.csv.zip"])
def test_a_zip_archive_with_one_table_is_read(member, name, run_lsq):
    rows = [[1.0, 2.0], [2.0, 4.0], [3.0, 7.0]]
    array = io.BytesIO()
    np.save(array, np.array(rows))
    content = (
        array.getvalue() if member.endswith("npy") else TABLE.replace(",", "\t" if "tsv" in member else ",").encode()
    )
    Path(name).write_bytes(zipped(**{member: content, "__MACOSX/._t.csv": b"\0", ".DS_Store": b"\0"}))
    result = run_lsq("solve", name, "-q", "-f", "csv")

    assert result.out == (SLOPE.replace("a,2", "x1,2") if member.endswith("npy") else SLOPE), result


def test_a_zip_archive_comes_through_a_pipe_too(run_lsq):
    assert run_lsq("solve", "-q", "-f", "csv", stdin=zipped(**{"t.csv": TABLE.encode()})).out == SLOPE


def test_a_zip_archive_of_several_files_names_them(run_lsq):
    Path("t.zip").write_bytes(zipped(**{"a.csv": TABLE.encode(), "b.csv": TABLE.encode()}))

    assert run_lsq("solve", "t.zip").err == (
        "lsq: error: t.zip: a zip archive of 2 files, 'a.csv', 'b.csv'; unpack it (unzip FILE) and give the table "
        "alone, or the parts of one table with -t NAME\n"
    )


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "t.zip: a zip archive without a file in it"),
        ({"t.json": b"[]"}, "t.zip, t.json: JSON is not read"),
        ({"t.csv": b"a,y\n1,x\n2,4\n"}, "t.zip, t.csv, line 2, column 2 'y': 'x' is not a number"),
        ({"u.zip": b"PK\x03\x04"}, "t.zip, u.zip: a zip archive inside a zip archive; unpack it first"),
    ],
)
def test_what_is_wrong_inside_an_archive_is_named(members, says, run_lsq):
    Path("t.zip").write_bytes(zipped(**members))

    assert run_lsq("solve", "t.zip").err.startswith(f"lsq: error: {says}")
