"""Delimited text: its dialect, its blocks, its numbers, and every error that names a line."""

from __future__ import annotations

import gc
import io
import pickle

import numpy as np
import pytest
from byte_sources import Bytes, pipe
from table_columns import blocks_of, errors_of, names_of, of_kind, text_of

import lsq_cli.sources.text.cells as cells_room
import lsq_cli.sources.text.csv as csv_room
import lsq_cli.sources.text.head as head_room
from lsq_cli.core.errors import CellError, DataError, SourceConsumedError, TableError, UsageError, shown
from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.column import Kind
from lsq_cli.sources.text.conventions import convention
from lsq_cli.sources.text.csv import CsvTable, values
from lsq_cli.sources.text.deciding import TextOptions
from lsq_cli.sources.text.numbers import number

NAN, INF = float("nan"), float("inf")


def table(text: str | bytes, **options) -> CsvTable:
    return CsvTable(Bytes(text.encode() if isinstance(text, str) else text), TextOptions(**options))


def numbers(text: str | bytes, columns=None, missing="error", **options) -> np.ndarray:
    return rows_of(table(text, **options), columns, missing)


def rows_of(made: CsvTable, columns=None, missing="error") -> np.ndarray:
    columns = tuple(range(len(made.columns))) if columns is None else columns
    return np.concatenate([np.empty((0, len(columns))), *(b.read().values for b in blocks_of(made, columns, missing))])


def reasons(text: str, columns=None, **options) -> list[Reason]:
    made = table(text, **options)
    columns = tuple(range(len(made.columns))) if columns is None else columns
    found = [block.read().reasons for block in blocks_of(made, columns, "drop")]
    return [Reason(reason) for block in found if block is not None for reason in block]


def same(got, expected) -> bool:
    return np.array_equal(got, np.array(expected, dtype=float), equal_nan=True)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 16)


# ---- delimiter ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\t", ";", ",", "|", " "])
def test_each_delimiter_is_found(sign):
    text = "a b c\n1 2 3\n4 5 6\n".replace(" ", sign)

    assert names_of(table(text)) == ("a", "b", "c")
    assert same(numbers(text), [[1, 2, 3], [4, 5, 6]])


def test_an_earlier_delimiter_wins_where_both_split_alike():
    assert names_of(table("a, b;c\nx, y;3\n")) == ("a, b", "c")


def test_a_comma_before_blanks_is_a_comma_table():
    assert same(numbers("duration,iprod\n7, .01138\n9, -.5\n"), [[7, 0.01138], [9, -0.5]])


def test_delimiters_inside_quotes_do_not_count():
    made = table('"a;b;c","d;e"\n1,2\n')

    assert names_of(made) == ("a;b;c", "d;e")


def test_runs_of_blanks_part_cells_and_may_lead_or_trail():
    assert same(numbers("  1   2\t3  \n 4 5    6\n\t7 8 9"), [[1, 2, 3], [4, 5, 6], [7, 8, 9]])


def test_blanks_inside_quotes_do_not_part_cells():
    text = '"my name" other\n"a b" 1\n"c  d" 2\n'

    assert names_of(table(text)) == ("my name", "other")
    assert same(numbers(text, (1,)), [[1], [2]])


def test_letters_whose_bytes_are_latin1_blanks_do_not_part_cells():
    assert same(numbers("la b\nlà5 1\nà5… 2\n", (1,)), [[1], [2]])


def test_what_nothing_splits_is_one_column():
    assert names_of(table("1.5\n2\n")) == ("x1",)
    assert names_of(table("Temperature (C), mean\n1.5\n2\n")) == ("Temperature (C), mean",)


@pytest.mark.parametrize("word", ["tab", "\\t", "\t"])
def test_a_tab_has_names(word):
    assert names_of(table("a;b\tc;d\n1\t2\n", delimiter=word)) == ("a;b", "c;d")


@pytest.mark.parametrize("word", ["space", "blanks", " "])
def test_space_means_runs_of_blanks(word):
    assert same(numbers("1   2\n3 4\n", delimiter=word), [[1, 2], [3, 4]])


def test_a_delimiter_that_is_given_is_taken():
    assert same(numbers("1:2\n3:4\n", delimiter=":"), [[1, 2], [3, 4]])
    assert names_of(table("a,b|c\n1,2|3\n", delimiter="|")) == ("a,b", "c")


@pytest.mark.parametrize("bad", ["", "ab", '"', "\n", "5", "é", "#", "."])
def test_a_delimiter_that_is_none_is_a_usage_error(bad):
    with pytest.raises(UsageError, match="--delimiter takes one character, or tab or space, not"):
        table("1,2\n", delimiter=bad)


# ---- header and names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n", ("a", "b")),
        ("1,2\n3,4\n", ("x1", "x2")),
        ("NA,2\n3,4\n", ("x1", "x2")),
        ("nan,inf\n3,4\n", ("x1", "x2")),
        ('"2001","2002"\n1,2\n', ("2001", "2002")),
        ('"2001","2002"\n"1","2"\n', ("x1", "x2")),
        ('"2001",""\nNA,2\n3,4\n', ("2001", "column2")),
        ('"2001",""\nNA,2\n"3",4\n', ("x1", "x2")),
        ('"","Ozone"\n"1",41\n', ("column1", "Ozone")),
        (" a , b \n1,2\n", ("a", "b")),
        ('"a ""b""",c\n1,2\n', ('a "b"', "c")),
        ('"a\nb,c",d\n1,2\n', ("a\nb,c", "d")),
        ("'OBS' 'GPA'\n1 2\n", ("OBS", "GPA")),
        ("'OBS'\t'GPA'\n1\t2\n", ("OBS", "GPA")),
        ("'OBS',GPA'\n1,2\n", ("'OBS'", "GPA'")),
        ("a,a\n1,2\n", ("a", "a")),
        ("# made by hand\n\na,b\n1,2\n", ("a", "b")),
        ("# x y\n1 2\n", ("x", "y")),
        ("température,b\n1,2\n", ("température", "b")),
    ],
)
def test_the_header_rule_and_the_names(text, names):
    made = table(text)

    assert names_of(made) == names
    assert made.columns[0].named == (names[0] != "x1")


def test_header_options_overrule():
    assert names_of(table("1,2\n3,4\n", header=True)) == ("1", "2")
    assert same(numbers("1,2\n3,4\n", header=True), [[3, 4]])
    made = table("a,b\n1,2\n", header=False)
    assert names_of(made) == ("x1", "x2")
    assert not made.columns[0].named


def test_a_missing_mark_of_the_user_makes_no_header():
    with pytest.raises(TableError, match=r"--header .* --no-header .* --na -$"):
        table("-,2\n3,4\n")
    assert not table("-,2\n3,4\n", na=("-",)).columns[0].named


# ---- lines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_byte_order_mark_and_the_last_line(end, last, bom, small_blocks):
    text = end.join(["a,b", "1,2", '3,"4"', "", "5,6"]) + end * last
    made = table(bom + text.encode())

    assert names_of(made) == ("a", "b")
    assert same(rows_of(made), [[1, 2], [3, 4], [5, 6]])
    with pytest.raises(CellError, match="line 6, column 2 'b': 'x' is not a number"):
        numbers(bom + (text.rstrip("\r\n") + end + "7,x").encode())


def test_comments_and_empty_lines_are_no_rows(small_blocks):
    text = '# it\'s "odd\na,b\n\n1,2\n   \n# "\n3,4\n#5\n\n7,8\n\n\n#end'

    assert same(numbers(text), [[1, 2], [3, 4], [7, 8]])


def test_a_comment_inside_quotes_is_text():
    assert same(numbers('a,b\n"x\n#y",1\n# no\n"z\n\n",2\n', (1,)), [[1], [2]])


def test_a_row_that_begins_with_a_missing_mark_is_no_comment():
    text = "a,b\n#N/A,1\n#N/As are a comment\n3,4\n"

    assert reasons(text) == [Reason.NA, Reason.PRESENT]
    assert reasons("a,b\n#DIV/0!,1\n3,4\n", na=("#DIV/0!",)) == [Reason.NA, Reason.PRESENT]


def test_an_empty_line_in_one_column_is_a_missing_cell_but_not_at_the_end(small_blocks):
    text = "y\n\n1\n\n# no row\n2\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n3\n  \n\n# end\n\n"

    assert reasons(text, comment="#") == [0, 1, 0, *[1] * 17, 0]
    assert same(numbers(text, missing="drop", comment="#"), [[1], [NAN], [2], *[[NAN]] * 17, [3]])
    assert same(numbers("1\n2\n\n\n"), [[1], [2]])
    assert same(numbers("1\r\n2\r\n\r\n"), [[1], [2]])


def test_empty_lines_before_the_first_row_of_one_column_are_no_rows():
    assert same(numbers("\n \n1\n2\n"), [[1], [2]])
    assert same(numbers("\ny\n\n\t\n1\n2\n"), [[1], [2]])
    assert same(numbers("\ny\n1\n2\n"), [[1], [2]])


def test_one_column_is_one_whatever_delimiter_was_given():
    assert same(numbers("y\n1\n\n2\n", delimiter="tab", missing="drop"), [[1], [NAN], [2]])


def test_one_column_of_nothing_but_quoted_emptiness():
    assert reasons('y\n""\n""\n') == [Reason.EMPTY, Reason.EMPTY]


# ---- numbers --------------------------------------------------------------------------------------------------

GOOD = [
    "1",
    "+1",
    "-1",
    ".5",
    "5.",
    "1e5",
    "1E-5",
    "+.5e+3",
    " 7 ",
    "\t7",
    "0.1",
    "1e400",
    "-inf",
    "Infinity",
    "NaN",
    "+nan",
]
BAD = ["1_000", "0x1A", "$5", "--1", "1e", ".", "e5", "1d5", "nan()", "١", "1\xa0", "5%", "True", "1.5.2", "−1"]


@pytest.mark.parametrize("cell", GOOD)
def test_what_loadtxt_takes_for_a_number(cell):
    made = table(f"a;b\n1;{cell}\n", delimiter=";")
    (block,) = blocks_of(made, (0, 1), "drop")
    expected = np.loadtxt(io.StringIO(f"1;{cell}\n"), delimiter=";", ndmin=2)

    assert same(block.read().values, expected)
    assert same([[1, number(cell.strip())]], expected)


@pytest.mark.parametrize("cell", BAD)
def test_what_loadtxt_refuses_is_named(cell):
    with pytest.raises(CellError, match=r"^data.csv, line 3, column 2 'b': '.*' (is|holds) "):
        numbers(f"a;b\n1;2\n3;{cell}\n")
    assert number(cell) is None


def test_columns_come_in_the_order_asked_for():
    assert same(numbers("a,b,c\n1,2,3\n4,5,6\n", (2, 0)), [[3, 1], [6, 4]])
    assert same(numbers("a,b,c\n1,NA,3\n4,5,6\n", (2, 0)), [[3, 1], [6, 4]])


def test_no_columns_still_counts_rows():
    assert numbers("a,b\n1,2\n3,4\n", ()).shape == (2, 0)


def test_quoted_numbers_are_numbers():
    assert same(numbers('a,b\n"1"," 2 "\n"3" , "4"\n"5\n",6\n'), [[1, 2], [3, 4], [5, 6]])


def test_blanks_before_a_quote_keep_delimiters_inside_it():
    text = 'a,b,c\n "1,2,3",5,6\n  "x",7,8\n'

    assert same(numbers(text, (1, 2)), [[5, 6], [7, 8]])


# ---- missing cells --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        *[(mark, Reason.EMPTY) for mark in ("", "  ", '""', '" "')],
        *[
            (mark, Reason.NA)
            for mark in ("NA", "N/A", "#N/A", "null", "NULL", "None", "n/a", "<NA>", "\\N", '"NA"', ' "NA" ')
        ],
        *[(mark, Reason.NA) for mark in (" NA ", "-999", "-999.0", "-9.99e2", '" -999"', "?")],
        *[(mark, Reason.NAN) for mark in ("NaN", "nan", "-NAN")],
        *[(mark, Reason.INF) for mark in ("inf", "-Infinity", "1e400", "-1e999")],
        *[(mark, Reason.PRESENT) for mark in ("1", "-999.1", '"-999.5"')],
    ],
)
def test_each_missing_mark_has_its_reason(cell, reason):
    text = f"a,b\n1,2\n{cell},4\n5,6\n"

    assert reasons(text, na=("-999", " ? ")) == ([0, reason, 0] if reason else [])


def test_a_row_counts_once_by_its_first_missing_cell_in_the_file():
    text = "a,b,c\nNA,,inf\n1,,NA\n1,2,inf\n1,2,3\n"

    assert reasons(text, (2, 0, 1)) == [Reason.NA, Reason.EMPTY, Reason.INF, Reason.PRESENT]
    assert reasons(text, (2,)) == [Reason.INF, Reason.NA, Reason.INF, Reason.PRESENT]


def test_missing_cells_of_unused_columns_do_not_count():
    assert same(numbers("a,b\nNA,1\n,2\n", (1,)), [[1], [2]])


def test_a_mark_with_quotes_or_delimiters_is_found_by_its_text():
    text = 'a,b\n"no ""value""",1\n"n,a",2\n3,4\n'

    assert reasons(text, na=('no "value"', "n,a")) == [Reason.NA, Reason.NA, Reason.PRESENT]
    assert reasons('a,b\n"""x""",1\n2,3\n', na=('"x"',)) == [Reason.NA, Reason.PRESENT]


@pytest.mark.parametrize("cells", [1, 4, 1 << 16])
def test_missing_cells_are_found_however_many_are_looked_at_at_a_time(monkeypatch, cells):
    monkeypatch.setattr(cells_room, "_MARKED_CELLS", cells)
    text = 'a,b,c\n1,,NA\n , 2," N/A"\n3,"",4\n,"5",NA\n6,7,8\n'

    kept = [[1, NAN, NAN], [NAN, 2, NAN], [3, NAN, 4], [NAN, 5, NAN], [6, 7, 8]]
    assert same(numbers(text, missing="drop"), kept)
    assert reasons(text) == [Reason.EMPTY] * 4 + [Reason.PRESENT]
    assert reasons(text, (2, 1)) == [Reason.EMPTY, Reason.NA, Reason.EMPTY, Reason.NA, Reason.PRESENT]


def test_text_is_an_error_even_where_the_row_would_be_dropped():
    with pytest.raises(CellError, match="line 2, column 2 'b': 'x' is not a number"):
        numbers("a,b\nNA,x\n1,2\n", missing="drop")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "the cell is empty; leave such rows out with --missing drop"),
        ("N/A", "'N/A' marks a missing number; leave such rows out with --missing drop"),
        ("NaN", "'NaN' is not a number; leave such rows out with --missing drop"),
        ("1e400", "'1e400' is infinite: beyond the largest double, 1.8e308; leave such rows out with --missing drop"),
    ],
)
def test_a_missing_cell_is_an_error_that_names_it(cell, message):
    with pytest.raises(CellError) as error:
        numbers(f"a,Ozone\n1,2\n# c\n\n3,{cell}\n5,x\n")
    assert str(error.value) == f"data.csv, line 5, column 2 'Ozone': {message}"


# ---- columns of text ------------------------------------------------------------------------------------------


def test_columns_without_a_number_are_text_with_an_example():
    text = "n,text,empty,marks,mixed,date\n1,abc,,NA,NA,1970-01-01\n2,de,,,2,1970-01-02\n"

    assert text_of(table(text)) == {1: "abc", 2: "", 3: "", 5: "1970-01-01"}
    assert text_of(table("a,b\n,1\nNA,2\nred,3\n")) == {0: "red"}


def test_dates_are_told_from_text_by_all_cells_of_the_first_thousand_rows():
    made = table("n,day,mixed,late\n1,1970-01-01,1970-01-01,NA\n2,NA,tomorrow,1970-01-02T12:00Z\n")

    assert of_kind(made, Kind.DATE) == {1, 3}
    assert of_kind(made, Kind.TEXT) == {2}
    assert text_of(made)[3] == "1970-01-02T12:00Z"


@pytest.mark.parametrize(
    ("text", "counting"),
    [
        (",u,y\n0,5,1\n1,6,2\n2,7,3\n", {0}),
        ('"","u","y"\n"1",5,1\n"2",6,2\n', {0}),
        ("u,,y\n5,1,1\n6,2,2\n", {1}),
        ("k,u,y\n0,5,1\n1,6,2\n", set()),  # it has a name
        (",u,y\n2,5,1\n3,6,2\n", set()),  # it begins elsewhere
        (",u,y\n0,5,1\n1.0,6,2\n", set()),
        (",u,y\n0,5,1\n,6,2\n", set()),
        ("0,5,1\n1,6,2\n", set()),  # no header
        (",u,y\n" + "".join(f"{k},5,1\n" for k in range(2000)), {0}),
        (",u,y\n" + "".join(f"{k},5,1\n" for k in range(1000)) + "7,5,1\n", {0}),
        (",u,y\n" + "".join(f"{k},5,1\n" for k in range(999)) + "7,5,1\n", set()),
    ],
)
def test_columns_without_a_name_that_count_the_rows_are_known_by_their_first_thousand(text, counting):
    assert of_kind(table(text), Kind.COUNTS) == counting
    assert of_kind(CsvTable(pipe(text.encode()), TextOptions()), Kind.COUNTS) == counting


def test_a_column_that_misses_its_first_cells_is_told_from_text():
    made = table("a,late,text\n" + "1,,x\n2,NA,\n" * 600 + "3,4,y\n5,6,z\n")

    assert of_kind(made, Kind.EMPTY) == {1}
    assert same(rows_of(made, (0, 1), "drop")[-3:], [[2, NAN], [3, 4], [5, 6]])
    with pytest.raises(CellError, match=r"^data\.csv, line 2, column 2 'late': the cell is empty; leave such rows out"):
        rows_of(made, (0, 1))


def test_a_thousand_rows_decide(small_blocks):
    late = "a,b\n" + "x,1\n" * 999 + "2,1\n"
    too_late = "a,b\n" + "x,1\n" * 1000 + "2,1\n"

    assert text_of(table(late)) == {}
    assert text_of(table(too_late)) == {0: "x"}
    wide = "a,b\n" + f"{'x' * 500},1\n" * 1200  # longer than the first piece of the head
    assert text_of(table(wide)) == {0: "x" * 500}
    assert same(rows_of(CsvTable(pipe(wide.encode()), TextOptions()), (1,)), [[1]] * 1200)


COMMAS = "a decimal comma: --decimal , reads such numbers, or"
CONVENTIONS = [
    ("1,5", f"written with {COMMAS} write 1.5"),
    ("-1.234,5", f"written with {COMMAS} write -1234.5"),
    (",5", f"written with {COMMAS} write .5"),
    ("0,123", f"written with {COMMAS} write 0.123"),
    ("1,234", f"written with {COMMAS} write 1.234"),
    ("1,234,567", "written with thousands marks; write 1234567"),
    ("1'234", "written with thousands marks; write 1234"),
    ("1\u202f234", "written with thousands marks; write 1234"),
    ("1.234.567", "written with thousands marks; write 1234567"),
    ("1,23,456", "written with thousands marks; write 123456"),
    ("1_000", "written with underscores; write 1000"),
    ("$5", "written with a currency sign; write 5"),
    ("-$1,234.50", "written with a currency sign and thousands marks; write -1234.50"),
    ("5 €", "written with a currency sign; write 5"),
    ("5%", "written with a percent sign; write 0.05"),
    ("12.5 ‰", "written with a per mille sign; write 0.0125"),
    ("(300)", "written with accounting brackets; write -300"),
    ("($310.00)", "written with accounting brackets and a currency sign; write -310.00"),
    ("300-", "written with the minus behind; write -300"),
    ("1.0D+02", "written with a Fortran exponent; write 1.0e+02"),
    ("1.25-103", "written with a Fortran exponent; write 1.25e-103"),
    ("2.5×10^3", "written with a power of ten; write 2.5e3"),
    ("−5", "written with the minus sign U+2212; write -5"),
    ("１1", "written with digits or signs outside ASCII; write 11"),
    ("0x1A", "hexadecimal; write 26"),
]


@pytest.mark.parametrize(("cell", "words"), CONVENTIONS)
def test_a_column_in_another_convention_is_unreadable_not_text(cell, words):
    made = table(f"a;price list\n1;\n2;{cell}\n3;{cell}\n")

    assert not text_of(made)
    assert list(errors_of(made)) == [1]
    error = errors_of(made)[1]
    assert isinstance(error, CellError)
    way_out = "or leave the column out: --drop 'price list'"
    place = "data.csv, line 3, column 2 'price list'"
    assert str(error) == f"{place}: '{shown(cell)}' is {words}, {way_out}"


@pytest.mark.parametrize(("cell", "words"), CONVENTIONS)
def test_what_to_write_is_a_number(cell, words):
    assert number(words.rpartition("write ")[2]) is not None


@pytest.mark.parametrize(
    "cell", ["12 kg", "1974Q1", "12D3", "1.5.2", "2020-01-01", "12:30", "<5", "a1", "5x100", "10-20", "0x" + "f" * 90]
)
def test_words_units_and_dates_are_in_no_convention(cell):
    assert convention(cell) is None


def test_a_cell_that_can_only_be_a_decimal_comma_decides_for_its_column():
    made = table("a;b\n1,234;1\n2,5;2\n")

    assert "line 3, column 1 'a': '2,5' is written with a decimal comma" in str(errors_of(made)[0])


def test_one_word_among_odd_numbers_makes_the_column_text():
    assert text_of(table("a;b\n1,5;1\nlow;2\n")) == {0: "low"}


def test_an_odd_number_among_numbers_is_named_where_it_stands():
    with pytest.raises(CellError) as error:
        numbers("a;b\n1;2\n1,5;2\n")
    way_out = "or leave the column out: --drop a"
    assert str(error.value) == f"data.csv, line 3, column 1 'a': '1,5' is written with {COMMAS} write 1.5, {way_out}"


def test_text_in_a_column_of_numbers_names_the_cell_and_two_ways_out():
    with pytest.raises(CellError) as error:
        numbers('"a b","a b"\n1,2\n3,"n. d."\n')
    place = "data.csv, line 3, column 2 'a b'"
    ways = "if it marks a missing one: --na 'n. d.', or leave the column out: --drop '#2'"
    assert str(error.value) == f"{place}: 'n. d.' is not a number; {ways}"


def test_long_or_unprintable_text_is_cut_and_escaped():
    with pytest.raises(CellError) as error:
        numbers("a,b\n1,2\n3,\x1b[31m" + "z" * 100 + "\n")
    assert "'\\x1b[31mzz" in str(error.value)
    assert "--na" not in str(error.value)
    assert len(str(error.value)) < 200


# ---- errors of shape ------------------------------------------------------------------------------------------


def message(text: str | bytes, **options) -> str:
    with pytest.raises(TableError) as error:
        numbers(text, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_empty_file():
    assert message("") == "data.csv: the file is empty"
    assert message("\n# nothing\n\n") == "data.csv: no rows"
    assert message(b"\xef\xbb\xbf") == "data.csv: no rows"


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "y\n", "y\n\n\n", "a,b\n# c\n\n"])
def test_a_header_alone(text):
    assert message(text) == "data.csv: a header and no rows below it"


WAY_OUT = "is one missing, or is a delimiter inside a cell that wants quotes?"


def test_ragged_rows_are_errors_even_in_unused_columns(small_blocks):
    text = "a,b,c\n" + "1,2,3\n" * 30 + "# c\n\n1,2\n"

    with pytest.raises(TableError) as error:
        numbers(text, (0,))
    assert str(error.value) == f"data.csv, line 34: 2 cells where the header has 3, cells separated by ','; {WAY_OUT}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,c\n1,2,3\n1,2,3,4\n1,2,3\n", "line 3: 4 cells where line 1 has 3, cells separated by ','"),
        ("1\t2\n3\n" + "1\t2\n" * 30, "line 2: 1 cell where line 1 has 2, cells separated by tabs"),
        ("1 2\n" * 20 + "1 2 3\n", "line 21: 3 cells where the first row has 2, cells separated by blanks"),
        (
            "a,b\n1,2\n" + "1,2\n" * 30 + '"1,2",\n3\n',
            "line 34: 1 cell where the header has 2, cells separated by ','",
        ),
    ],
)
def test_ragged_rows_near_the_top(text, expected):
    assert message(text) == f"data.csv, {expected}; {WAY_OUT}"


ENDS = [
    ("a,b\n1,2,\n3,4,\n", {}, 2, "3 cells where line 1 has 2, for it ends with ','; end line 1 with ',' too"),
    ("a;b\n1;2; ;\n3;4;;\n", {}, 2, "4 cells where line 1 has 2, for it ends with ';'; end line 1 with ';' too"),
    ("y\n1,\n2,\n", {}, 2, "2 cells where line 1 has 1, for it ends with ','; end line 1 with ',' too"),
    ("a,b\n" + "1,2\n" * 30 + "3,4,\n", {}, 32, "3 cells where the header has 2, for it ends with ','; end the header"),
    ("1,2\n" * 30 + '"3\n",4,\n', {}, 31, "3 cells where the first row has 2, for it ends with ','; end the first row"),
    (
        "a\tb\n1\t2\t\n",
        {"delimiter": "tab"},
        2,
        "3 cells where line 1 has 2, for it ends with a tab; end line 1 with a tab too",
    ),
    ("a,b,\n1,2\n3,4\n", {}, 2, "2 cells where line 1 has 3, for line 1 ends with ','; end the rows with ',' too"),
]


@pytest.mark.parametrize(("text", "options", "line", "words"), ENDS)
def test_a_delimiter_too_many_at_the_end_is_named(text, options, line, words):
    said = message(text, **options)

    assert said.startswith(f"data.csv, line {line}: {words}")
    assert said.endswith(("or take it out", "or take it out there"))


def test_a_quoted_delimiter_or_a_cell_of_its_own_at_the_end_is_none_too_many():
    assert "or is a delimiter inside a cell" in message("a,b\n" + "1,2\n" * 30 + '3,4,""\n')
    assert "or is a delimiter inside a cell" in message("a,b\n" + "1,2\n" * 30 + '3,4,","\n')
    assert "or is a delimiter inside a cell" in message("a,b,\n1,2,3\n1,2\n" + "1,2,3\n" * 3)


def test_row_names_without_a_header_are_told_from_ragged_rows():
    text = '"x" "y"\n"1" 2 3\n"7" 4 5\n'

    expected = (
        "3 cells where line 1 has 2, cells separated by blanks; a title above the table? --skip 1 leaves it out; "
    )
    assert message(text).startswith(f"data.csv, line 2: {expected}row names without a header of their own?")


def test_sentences_are_no_ragged_table():
    assert text_of(table("note\nit rained\nno rain at all\n")) == {0: "it rained"}


def test_a_second_header_is_files_joined_with_cat(small_blocks):
    words = "the header once more; files joined with cat? give them as paths"

    assert message("name,y1\nx,1\n" + "y,2\n" * 20 + "name,y1\nx,1\n") == f"data.csv, line 23: {words}"
    assert message('"a\nb",c\r\n1,2\r\n"a\nb",c\r\n') == f"data.csv, line 4: {words}"


def test_a_quote_left_open_names_its_line(small_blocks):
    words = 'the quote (") that opens here is never closed; close it or take it out'
    text = "a,b\n" + "1,2\n" * 20 + '3,"4\n5,6\n'

    assert message(text) == f"data.csv, line 22: {words}"
    assert message('"a,b\n1,2\n') == f"data.csv, line 1: {words}"
    assert message('# "\na,"b\n1,2\n') == f"data.csv, line 2: {words}"
    assert message('1,2\n3,"4') == f"data.csv, line 2: {words}"


def test_a_quote_inside_a_cell_is_refused():
    words = 'a quote (") that does not enclose a whole cell; inside a cell in quotes write each quote twice'

    assert message('a,b\n1,2\n5" pipe,3\n6" pipe,4\n') == f"data.csv, line 3: {words}"
    assert message('a",b"\n1,2\n3,4\n', delimiter=",") == f"data.csv, line 1: {words}"
    assert message('a,b\n"1"5,2\n') == f"data.csv, line 2: {words}"
    assert message('a,b\nx,"1\n"2",3\n', delimiter=",") == f"data.csv, line 2: {words}"


@pytest.mark.parametrize(
    ("row", "why"), [('1,"', r'was a quote \("\) left open\?$'), ("1,2", r"is it a table of text\?$")]
)
def test_a_row_without_end_does_not_swallow_memory(monkeypatch, row, why):
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 64)
    monkeypatch.setattr(head_room, "HEAD_BYTES", 16)
    monkeypatch.setattr(head_room, "LIMIT_BYTES", 256)
    monkeypatch.setattr(csv_room, "LIMIT_BYTES", 256)
    source = pipe(b"a,b\n" + b"1,2\n" * 40 + row.encode() + (b"\n" if '"' in row else b"0") * 10_000)

    with pytest.raises(TableError, match=f"^standard input, line 42: the row .* does not end within 0 MB; {why}"):
        rows_of(CsvTable(source, TextOptions()))
    assert source.opened[0].given < 1000
    with pytest.raises(TableError, match="line 1: the row that begins here does not end"):
        table(b'"' + b"x" * 10_000 + b"\n1\n")


def test_neither_empty_lines_nor_comments_are_read_without_end(monkeypatch):
    monkeypatch.setattr(head_room, "HEAD_BYTES", 16)
    monkeypatch.setattr(head_room, "LIMIT_BYTES", 256)
    source = pipe(b"\n# no row\n" * 10_000)

    with pytest.raises(TableError, match=r"^standard input: no row in the first 0 MB, only comments and empty lines$"):
        CsvTable(source, TextOptions())
    assert source.opened[0].given < 1100


# ---- bytes that are no text -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named_with_its_way_out(encoding):
    text = "a,b\n1,2\n3,4\n".encode(encoding)

    if encoding == "utf-16":  # with a byte order mark
        assert same(numbers(text), [[1, 2], [3, 4]])
    else:
        expected = f"UTF-16 text without a byte order mark: --encoding {encoding} reads it"
        assert message(text) == f"data.csv, line 1: {expected}"
    assert same(numbers(text, encoding=encoding), [[1, 2], [3, 4]])


def test_bytes_that_are_not_utf8_are_named_with_their_line(small_blocks):
    text = "a,b\n" + "x,1\n" * 20 + "é,2\n"
    words = "the byte 0xe9 is not UTF-8 text; if it is Latin-1: --encoding latin-1"

    assert message(text.encode("latin1")) == f"data.csv, line 22: {words}"
    assert same(numbers(text, (1,))[-1:], [[2]])


def test_binary_data_is_named():
    assert message(b"a,b\n1,2\n3,\x004\n5,\0\0\0").startswith(
        "data.csv, line 3: a NUL byte: binary data, or a damaged file"
    )
    zeros = pipe(bytes(1_000_000))  # in which no line ends
    with pytest.raises(TableError, match=r"^standard input, line 1: a NUL byte: binary data"):
        CsvTable(zeros, TextOptions())
    assert zeros.opened[0].given < 100_000
    words = "line 2: the byte 0xff is not text: binary data, or a damaged file"
    assert words in message(b"P\x01\n\xff\xd8\n")


# ---- blocks ---------------------------------------------------------------------------------------------------

LONG = "a,b,c\n" + "".join(f'{k},"{k}.5, {k}",{k * 3}\n' for k in range(200))
EXPECTED = [[k, k * 3] for k in range(200)]


@pytest.mark.parametrize("size", [1, 7, 16, 100, 2000, 10**6])
def test_a_file_and_a_pipe_are_cut_alike_at_line_ends(monkeypatch, size):
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", size)
    monkeypatch.setattr(head_room, "LIMIT_BYTES", 10**6)
    monkeypatch.setattr(head_room, "HEAD_BYTES", 64)
    of_file = [block.read().values for block in blocks_of(table(LONG), (0, 2), "error")]
    of_pipe = [
        block.read().values for block in blocks_of(CsvTable(pipe(LONG.encode()), TextOptions()), (0, 2), "error")
    ]

    assert same(np.concatenate(of_file), EXPECTED)
    assert all(np.array_equal(one, other) for one, other in zip(of_file, of_pipe, strict=True))


def test_cuts_do_not_fall_inside_quotes(monkeypatch):
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 10)
    text = 'a,b\n1,"x\n\ny, ""z""\n"\n2,"\n"\n3,4\n# "\n5,"6"\n'

    assert same(numbers(text, (0,)), [[1], [2], [3], [5]])


def test_a_block_of_a_file_is_pickled_without_its_bytes(small_blocks):
    source = Bytes(LONG.encode())
    blocks = list(blocks_of(CsvTable(source, TextOptions()), (0, 2), "error"))
    block = blocks[5]
    copy = pickle.loads(pickle.dumps(block))

    assert copy.data is None
    assert source.data[copy.start : copy.stop] == block.data
    assert same(copy.read().values, block.read().values)
    assert copy.where(0, 1) == block.where(0, 1)
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]


def test_a_block_of_a_pipe_is_pickled_with_its_bytes_and_without_the_pipe(small_blocks):
    block = list(blocks_of(CsvTable(pipe(LONG.encode()), TextOptions()), (0, 2), "error"))[3]
    copy = pickle.loads(pickle.dumps(block))

    assert copy.source is None
    assert same(copy.read().values, block.read().values)


def test_the_place_of_a_cell_counts_all_lines_of_the_file(small_blocks):
    lines = ["# c", "", "a,b", "1,2", '"3\n",4', "# c", "", "5,6", "7,8"]
    made = table("\n".join(lines) + "\n")
    places = [
        block.where(row, 1) for block in blocks_of(made, (0, 1), "error") for row in range(len(block.read().values))
    ]

    assert places == [f"data.csv, line {line}, column 2 'b'" for line in (4, 6, 9, 10)]


def test_a_table_can_be_read_again_where_its_bytes_can():
    made = table("a,b\n1,2\n")

    assert made.rereadable
    assert same(rows_of(made), rows_of(made))


def test_a_stream_keeps_its_head_and_is_read_once():
    made = CsvTable(pipe(b"a,b\n1,2\n"), TextOptions())

    assert not made.rereadable
    assert same(rows_of(made), [[1, 2]])
    with pytest.raises(SourceConsumedError):
        rows_of(made)


def test_streams_are_closed_after_use_and_after_errors():
    source, broken = Bytes(b"a,b\n1,2\n"), Bytes(b"")
    rows_of(CsvTable(source, TextOptions()))
    with pytest.raises(TableError):
        CsvTable(broken, TextOptions())
    unfinished = blocks_of(CsvTable(source, TextOptions()), (0,), "error")
    next(unfinished)
    del unfinished
    gc.collect()

    assert all(stream.closed for stream in source.opened + broken.opened)


def test_a_block_without_rows_is_empty(monkeypatch):
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 4)

    assert same(numbers("a,b\n1,2\n#c\n#d\n3,4\n#e\n"), [[1, 2], [3, 4]])


def test_values_refuses_instead_of_guessing():
    dialect = table("a,b\n1,2\n").dialect

    assert same(values(b"1,2\n3,4\n", dialect, (1,)), [[2], [4]])
    assert values(b"1,2\n3,x\n", dialect, (1,)) is None


def test_unreadable_columns_survive_pickling():
    error = errors_of(table("a;b\n1,5;1\n"))[0]

    assert isinstance(error, DataError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
