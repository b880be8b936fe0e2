"""Spreadsheets: one sheet as a table, by the rules of delimited text; errors name sheet, row and column."""

from __future__ import annotations

import datetime
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsq_cli import solve
from lsq_cli.core.errors import LsqError
from lsq_cli.sources.binary.sheet_text import as_text
from lsq_cli.sources.binary.sheets import SheetTable
from lsq_cli.sources.text.deciding import TextOptions

SHEETS = Path(__file__).parent / "sheets"
ROWS = [["a", "who", "y"], [1, "p", 2], [2, "q", 5.5], [3, "r", 7]]
SLOPE = "name,value\na,2.4285714285714284\n"


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Write ``t.xlsx`` of these sheets."""
    monkeypatch.chdir(tmp_path)

    def write(*rows, **more):
        written = openpyxl.Workbook()
        for number, (name, cells) in enumerate({"Data": rows, **more}.items()):
            sheet = written.active if number == 0 else written.create_sheet()
            sheet.title = name
            for row in cells:
                sheet.append(row)
        written.save("t.xlsx")
        return "t.xlsx"

    return write


def test_a_sheet_is_a_table_with_its_header_and_its_text(book, run_lsq):
    result = run_lsq("solve", book(*ROWS), "-f", "csv")

    assert result.out == SLOPE
    assert "left out as text: 'who' (such as 'p')" in result.err


@pytest.mark.parametrize("name", ["t.xls", "t.ods"])
def test_the_other_spreadsheets_are_read_alike(name, run_lsq):
    assert run_lsq("solve", SHEETS / name, "-q", "-f", "csv").out == SLOPE


@pytest.mark.parametrize("name", ["t.xls", "t.ods", "t.xlsx"])
def test_a_spreadsheet_without_a_suffix_is_told_by_its_first_bytes(name, book, run_lsq):
    path = Path(book(*ROWS)) if name == "t.xlsx" else SHEETS / name

    assert run_lsq("solve", "-q", "-f", "csv", stdin=path.read_bytes()).out == SLOPE


@pytest.mark.parametrize("sheet", ["Second", "2"])
def test_a_sheet_is_chosen_by_name_or_number(sheet, book, run_lsq):
    path = book(["x", "y"], [1, 9], [2, 9.5], [4, 1], Second=ROWS)

    assert run_lsq("solve", path, "--sheet", sheet, "-q", "-f", "csv").out == SLOPE
    assert solve(path, sheet=2).x.tolist() == solve(path, sheet="Second").x.tolist()


@pytest.mark.parametrize("sheet", ["Third", "0", "3", "-1"])
def test_a_sheet_that_is_not_there_is_named_with_those_that_are(sheet, book, run_lsq):
    result = run_lsq("solve", book(*ROWS, Second=ROWS), "--sheet", sheet)

    assert result.code == 2
    assert f"--sheet '{sheet}': t.xlsx has no such sheet; there are 'Data', 'Second'" in result.err


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["a", "y"], [1, 2], ["x", 3], [2, 5]], "row 3, column 1 'a': 'x' is not a number"),
        ([["a", "y"], [1, 2], [None, 3], [2, 5]], "row 3, column 1 'a': the cell is empty"),
        ([["a", "y"], [1, 2], ["5%", 3], [2, 5]], "row 3, column 1 'a': '5%' is written with a percent sign"),
        ([["a", "y"], [1, 2], ["#DIV/0!", 3], [2, 5]], "row 3, column 1 'a'"),
        ([["a", "y"]], ": a header and no rows below it"),
        ([[]], ": the sheet is empty"),
    ],
)
def test_errors_name_the_sheet_the_row_and_the_column(rows, says, book, run_lsq):
    result = run_lsq("solve", book(*rows))

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith(f"lsq: error: t.xlsx, sheet 'Data'{says if says[0] == ':' else ', ' + says}")


def test_titles_are_named_and_skipped(book, run_lsq):
    path = book(["Report"], [], *ROWS[:1], *ROWS[1:])

    assert "--skip" in run_lsq("solve", path).err
    assert run_lsq("solve", path, "--skip", "2", "-q", "-f", "csv").out == SLOPE


def test_numbers_above_numbers_are_rows_and_years_are_doubtful(book, run_lsq):
    assert run_lsq("solve", book([1, 2], [2, 4.1], [3, 6.3]), "-f", "json").json["rows"] == 3
    assert "--header" in run_lsq("solve", book([1990, 1991, 1992], [5.5, 1, 2], [7, 2.5, 3], [9, 4, 7.5])).err
    named = run_lsq("solve", "t.xlsx", "--header", "-f", "json").json
    assert named["names"] == ["1990", "1991"]


def test_dates_truth_values_and_marks(book, run_lsq):
    days = [datetime.datetime(2024, 5, day) for day in (1, 2, 3, 4)]
    path = book(["when", "ok", "y"], *([day, day.day > 2, [2, "NA", 4, 5][k]] for k, day in enumerate(days)))
    result = run_lsq("solve", path, "--missing", "drop", "-f", "json").json

    assert (result["names"], result["left_out"], result["dropped_rows"]) == (["ok"], ["when"], {"na": 1})
    assert result["x"] == [4.5]


@pytest.mark.parametrize("option", [("--delimiter", ";"), ("--encoding", "latin-1"), ("--decimal", ",")])
def test_options_of_text_alone_are_refused(option, book, run_lsq):
    result = run_lsq("solve", book(*ROWS), *option)

    assert result.code == 2
    assert f"{option[0]} is for delimited text; t.xlsx is" in result.err


def test_a_sheet_is_for_spreadsheets(tmp_path, run_lsq):
    (tmp_path / "t.csv").write_text("a,y\n1,2\n2,4\n")
    result = run_lsq("solve", tmp_path / "t.csv", "--sheet", "1")

    assert result.code == 2
    assert "--sheet is for spreadsheets" in result.err


@pytest.mark.parametrize("cut", [200, 1000, -100, -1])
@pytest.mark.parametrize("name", ["t.xls", "t.ods", "t.xlsx"])
def test_a_damaged_spreadsheet_is_an_error_of_one_line(cut, name, book, run_lsq, capfd):
    data = Path(book(*ROWS)).read_bytes() if name == "t.xlsx" else (SHEETS / name).read_bytes()
    Path(name).write_bytes(data[:cut])
    result = run_lsq("solve", name)

    assert capfd.readouterr().err == ""  # where the package itself would write
    assert result.code in (0, 1)
    assert result.code == 0 or (result.err.startswith(f"lsq: error: {name}") and result.err.count("\n") == 1)


def test_the_missing_extra_is_named_before_anything_is_read(book, run_lsq, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)

    assert (
        run_lsq("solve", book(*ROWS)).err == "lsq: error: t.xlsx needs python_calamine: pip install 'lsq-cli[excel]'\n"
    )


doubles = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(doubles, doubles), min_size=1, max_size=6))
def test_numbers_come_out_as_the_doubles_that_they_are(rows):
    table = SheetTable(as_text([["u", "v"], *rows]), "t.xlsx, sheet 'S'", "t.xlsx", TextOptions(delimiter=","))
    values = np.concatenate([block.read().values for block in table.blocks(table.columns, "error")])

    assert values.tobytes() == np.array(rows).tobytes()


@given(st.lists(st.lists(st.one_of(doubles, st.text(max_size=5), st.booleans()), min_size=2, max_size=4), max_size=5))
def test_any_sheet_is_text_or_a_clear_error(rows):
    with suppress(LsqError):
        SheetTable(as_text(rows), "t.xlsx, sheet 'S'", "t.xlsx", TextOptions(delimiter=","))

    assert as_text(rows).count(b"\n") <= len(rows)
    as_text(rows).decode()
