"""Names and paths with control characters: no terminal obeys them, and every file gives them back as they were."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest
from terminal import on_a_terminal

ESCAPE, CSI, LINE_END = "a\x1b[31m", "b\x9b31m", "c\nd"
NAMES = (ESCAPE, CSI, LINE_END)
HEADER = f'{ESCAPE},{CSI},"{LINE_END}",y\n'
TABLE = HEADER + "1,2,0,3\n4,5,1,6\n7,8,1,10\n1,1,2,2\n3,5,5,6\n"
FILE = "t\x1b[31m\n.csv"
# Sequences that a screen would obey, none of which is ours: our own tables are bold, never red.
OBEYED = ("\x1b[31m", "\x9b")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).write_text(TABLE)
    (tmp_path / "dependent.csv").write_text(
        HEADER + "".join(f"{i},{j},{i + j},{i * j}\n" for i in range(3) for j in range(3))
    )
    (tmp_path / "text.csv").write_text(HEADER + "1,u\x1b[31m,3,4\n2,v\x9b,9,1\n3,w,3,3\n5,x,3,3\n")
    (tmp_path / "bad.csv").write_text(HEADER + "1,2,3,4\n2,v\x9b\x1b[31m,9,1\n")
    (tmp_path / "no_rows.csv").write_text(HEADER)
    return tmp_path


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("solve", FILE, "-v"), r"a\x1b[31m"),
        (("solve", FILE, "-f", "csv"), "c\\nd,"),
        (("solve", FILE, "-f", "json"), r'"b\u009b31m"'),
        (("solve", FILE, "-q", "-m", "gd", "-f", "csv", "--history", "/dev/tty", "--with-x"), r"a\x1b[31m,b\x9b31m,"),
        (("solve", "dependent.csv"), r"c\nd = a\x1b[31m + b\x9b31m"),
        (("solve", "text.csv"), r"left out as text: 'b\x9b31m' (such as 'u\x1b[31m')"),
        (("solve", "bad.csv"), r"column 2 'b\x9b31m': 'v\x9b\x1b[31m'"),
        (("solve", "no_rows.csv"), "no rows"),
        (("solve", FILE, "-t", "\x1b[31m"), r"'\x1b[31m'"),
        (("solve", FILE, "--input-format", "\x1b[31m"), r"--input-format \x1b[31m"),
        (("solve", FILE, "-o", "\x1b[31m/x.csv"), r"\x1b[31m/x.csv"),
        (("gradient", FILE, "--at", "1,2"), r"a\x1b[31m, b\x9b31m, c\nd"),
        (("compare", "dependent.csv", "--time-limit", "1"), r"c\nd = a\x1b[31m + b\x9b31m"),
    ],
    ids=lambda each: " ".join(each).replace(FILE, "FILE") if isinstance(each, tuple) else None,
)
def test_a_terminal_obeys_nothing_that_stands_in_the_data(args, says, folder):
    shown = on_a_terminal(*args)

    assert says in shown
    assert not any(sequence in shown for sequence in OBEYED)
    assert "c\nd" not in shown and "t\x1b[31m\n" not in shown


def test_an_error_is_one_line_whatever_the_path(folder, run_lsq):
    result = run_lsq("solve", FILE + "x\n.csv")

    assert result.code == 1
    assert result.err == "lsq: error: t\\x1b[31m\\n.csvx\\n.csv: no such file (a pattern of files needs -t NAME)\n"


def test_a_csv_file_gives_the_names_back_to_every_reader(folder, run_lsq):
    run_lsq("solve", FILE, "-o", "x.csv")
    rows = list(csv.reader(io.StringIO((folder / "x.csv").read_text(encoding="utf-8"), newline="")))

    assert tuple(row[0] for row in rows[1:]) == NAMES
    assert run_lsq("solve", FILE, "-m", "gd", "--x0", "x.csv", "-f", "json").json["iterations"] == 0


def test_a_pipe_gets_the_names_as_they_are(folder, run_lsq):
    out = run_lsq("solve", FILE, "-f", "csv").out

    assert out.startswith(f"name,value\n{ESCAPE},")
    assert [row[0] for row in csv.reader(io.StringIO(out, newline=""))][1:] == list(NAMES)


def test_a_model_gives_the_names_back(folder, run_lsq):
    run_lsq("solve", FILE, "-o", "m.json")

    assert tuple(json.loads((folder / "m.json").read_text(encoding="utf-8"))["names"]) == NAMES
    assert run_lsq("solve", FILE, "-m", "gd", "--x0", "m.json", "-f", "json").json["iterations"] == 0


def test_a_path_that_is_no_utf8_is_shown_by_its_bytes(folder, run_lsq):
    path = os.fsdecode(b"caf\xe9.csv")
    (folder / path).write_text(TABLE)

    assert run_lsq("solve", path, "-f", "json").json["data"] == ["caf\\xe9.csv"]
    assert "lsq: info: caf\\xe9.csv: CSV" in run_lsq("solve", path, "-v").err
    assert run_lsq("solve", path + "x").err.startswith(
        "lsq: error: caf\\xe9.csvx: no such file; did you mean 'caf\\xe9"
    )
