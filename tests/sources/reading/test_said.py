"""What is said of how a text was read: warnings where the evidence is thin, notes, the dialect and its evidence."""

from __future__ import annotations

import numpy as np
import pytest
from byte_sources import Bytes, pipe

from lsq_cli import gradient, solve
from lsq_cli.core.errors import TableError, UsageError
from lsq_cli.sources.text.csv import CsvTable
from lsq_cli.sources.text.deciding import TextOptions

YEARS = "1990,1991,1992\n5.5,1,2\n7,2.5,3\n9,4,7.5\n"
DOUBT = "t.csv: the first row, '1990', '1991', '1992', is taken for numbers; if these are names: --header"


@pytest.fixture
def years(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(YEARS)
    return "t.csv"


@pytest.mark.parametrize("verb", [["solve"], ["compare", "--time-limit", "0.01"], ["gradient"]])
def test_every_verb_that_reads_says_what_was_assumed(verb, years, run_lsq):
    assert f"lsq: warning: {DOUBT}\n" in run_lsq(*verb, years).err
    assert "warning" not in run_lsq(*verb, years, "-q").err


def test_what_was_assumed_stands_in_the_result(years, run_lsq):
    assert run_lsq("solve", years, "-f", "json").json["warnings"][0] == DOUBT
    assert DOUBT in " ".join(run_lsq("solve", years).out.split())
    in_python = DOUBT.replace("--header", "header=True")
    assert in_python in solve(years).warnings
    assert in_python in gradient(years).warnings


def test_the_comments_of_all_blocks_are_counted_once(run_lsq, tmp_path, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 40)
    (tmp_path / "t.csv").write_text("# above\nx,y\n" + "1,2\n2,5\n3,4\n# half-time\n" * 20)

    for options in ((), ("-m", "gd"), ("--jobs", "1")):
        said = run_lsq("solve", tmp_path / "t.csv", *options).err
        assert f"lsq: note: {tmp_path / 't.csv'}: 20 lines that begin with # left out as comments\n" in said


def test_a_table_knows_its_dialect_and_why():
    table = CsvTable(Bytes(b"# made by hand\nwho;h;w\nAnn;1;2\nBob;2;3\n"), TextOptions())
    why = {decision.what: ": ".join(filter(None, decision[1:])) for decision in table.decisions}

    assert (table.dialect.delimiter, table.dialect.decimal, table.dialect.encoding) == (";", ".", "utf-8")
    assert why == {
        "encoding": "UTF-8",
        "leading lines": "1 that begin with #",
        "delimiter": "';': it splits the first 3 rows into 3 cells each",
        "decimal mark": "'.'",
        "header": "the first row: the word 'h' above numbers",
        "comments": "lines that begin with #",
        "missing marks": "the usual",
    }
    assert table.form == "CSV, ';' between cells, a header"


@pytest.mark.parametrize(
    ("text", "options", "what", "decided"),
    [
        ("title\na,y\n1,2\n", {"skip": 1}, "leading lines", "1 left out by --skip"),
        ("a y\n1 2\n", {"delimiter": "blanks"}, "delimiter", "blanks: --delimiter says so"),
        ("3\n5\n", {}, "delimiter", "one column: nothing splits the first rows evenly"),
        ("1,5;2\n2;3\n", {"decimal": ","}, "decimal mark", "',': --decimal says so"),
        ("1,2\n3,4\n", {"header": True}, "header", "the first row: --header says so"),
        ("1,2\n3,4\n", {}, "header", "none: the number '1' above numbers"),
        (
            "# a b\n1 2\n3 5\n",
            {},
            "header",
            "a line that begins with #: it has as many words, right above the first row",
        ),
        ("a,y\n1,2\n", {"comment": "none"}, "comments", "none: --comment says so"),
        ("a,y\n1,2\n", {"na": ("-9",), "no_default_na": True}, "missing marks", "'-9'"),
        ("a,y\n1,2\n", {"na": ("-9",)}, "missing marks", "the usual, '-9'"),
        ("a,y\n1,2\n", {"no_default_na": True}, "missing marks", "none"),
    ],
)
def test_every_decision_says_what_was_taken_and_why(text, options, what, decided):
    table = CsvTable(Bytes(text.encode()), TextOptions(**options))
    (decision,) = [decision for decision in table.decisions if decision.what == what]

    assert ": ".join(filter(None, decision[1:])) == decided


@pytest.mark.parametrize(
    ("text", "options", "form"),
    [
        ("1,5;2\n2;3\n", {"decimal": ","}, "CSV, ';' between cells, decimal commas, no header"),
        ("# a b\n1 2\n3 5\n", {}, "CSV, blanks between cells, names in a comment"),
        ("3\n5\n", {}, "CSV, one column, no header"),
    ],
)
def test_the_form_says_the_dialect_in_a_few_words(text, options, form):
    assert CsvTable(Bytes(text.encode()), TextOptions(**options)).form == form


def test_another_format_under_the_name_of_text_is_named_with_the_option_that_reads_it(tmp_path, monkeypatch, run_lsq):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "t.csv").open("wb") as file:
        np.save(file, np.array([[1.0, 2.0], [2.0, 5.0], [3.0, 4.0]]))

    assert "line 1: begins as npy does, and not as text; --input-format npy reads it" in run_lsq("solve", "t.csv").err
    assert run_lsq("solve", "t.csv", "--input-format", "npy").code == 0


def test_nul_bytes_can_be_taken_out(tmp_path, monkeypatch, run_lsq):
    monkeypatch.chdir(tmp_path)
    data = b"x,y\n1,2\n2,\x005\n"
    (tmp_path / "t.csv").write_bytes(data)

    assert "tr -d '\\000' takes such bytes out" in run_lsq("solve", "t.csv").err
    assert run_lsq("solve", stdin=data.replace(b"\0", b"")).code == 0


@pytest.mark.parametrize("made", [Bytes, pipe])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_with_a_byte_order_mark_is_read_from_a_file_and_a_pipe(made, encoding, monkeypatch):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 40)
    table = CsvTable(made(("größe,y\r\n" + "1.5,2\r\n" * 100).encode(encoding)), TextOptions())
    blocks = [block.read().values for block in table.blocks(table.columns, "error")]

    assert np.array_equal(np.concatenate(blocks), [[1.5, 2]] * 100)
    assert table.columns[0].name == "größe"
    assert table.decisions[0] == ("encoding", encoding.upper(), "its byte order mark says so")
    assert table.rereadable == (made is Bytes)


def test_bytes_that_are_not_of_the_encoding_are_an_error_with_their_line():
    text = ("a,y\n" + "1,2\n" * 200_000 + "ä,3\n").encode("latin-1")
    table = CsvTable(Bytes(text), TextOptions(encoding="ascii"))

    with pytest.raises(TableError, match=r"^data.csv, line 200002: bytes that are not ascii text; --encoding says"):
        [block.read() for block in table.blocks(table.columns, "error")]


@pytest.mark.parametrize("name", ["latin-99", "rot13", "hex", "a\0b", ""])
def test_an_encoding_that_is_none_is_a_usage_error(name):
    with pytest.raises(UsageError, match=r"^--encoding '.*' is none that is known"):
        CsvTable(Bytes(b"1,2\n"), TextOptions(encoding=name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, "--decimal is one of . and ,, not ';'"),
        ({"comment": "%"}, "--comment is one of # and none, not '%'"),
        ({"skip": -1}, "--skip is a number of lines, 0 or more, not -1"),
    ],
)
def test_values_that_an_option_does_not_take_are_usage_errors(options, message):
    with pytest.raises(UsageError) as error:
        TextOptions(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "option",
    [["--skip", "1"], ["--decimal", ","], ["--comment", "none"], ["--encoding", "latin-1"], ["--no-default-na"]],
)
def test_options_of_text_are_refused_by_name_for_tables_of_numbers(option, tmp_path, run_lsq):
    np.save(tmp_path / "t.npy", np.eye(3))
    result = run_lsq("solve", tmp_path / "t.npy", *option)

    assert result.code == 2
    assert f"Error: {option[0]} is for delimited text; " in result.err
