"""How a table fits a narrow screen: text is folded, spare columns are left out by name, else it turns on its side."""

from __future__ import annotations

import pytest

from lsq_cli.report.fitting import Grid, fitted, grid_width, wrapped

TABLE = Grid("T", ("name", "first", "second"), [("a", "1.23456", "2.34567"), ("b", "3", "4")], "lrr")


def test_a_table_that_fits_stays_as_it_is():
    assert fitted(TABLE, grid_width(TABLE)) == [TABLE]


def test_a_text_column_is_folded_between_words():
    grid = Grid("T", (), [("method", "normal equations, sums in extended precision")], "lt")
    (folded,) = fitted(grid, 40)

    assert folded.rows == [("method", "normal equations, sums in\nextended precision")]


def test_the_least_important_column_goes_first_and_is_named():
    grid = TABLE._replace(spare=((2,), (1, 2)), elsewhere="-f csv has all", below="why")
    (narrow,) = fitted(grid, grid_width(TABLE) - 1)

    assert narrow.header == ("name", "first")
    assert narrow.below == "why; left out on this narrow screen: second; -f csv has all"


def test_many_columns_are_named_by_their_first_and_last():
    header = tuple(f"x{k}" for k in range(20))
    grid = Grid("T", header, [("123",) * 20], "r" * 20, spare=(tuple(range(1, 20)),))

    assert fitted(grid, 20)[0].below == "left out on this narrow screen: x1, x2, … x19 (19 columns)"


@pytest.mark.parametrize(("width", "tables"), [(22, 1), (20, 2)])
def test_without_spare_columns_it_turns_on_its_side_with_every_number(width, tables):
    turned = fitted(TABLE._replace(rows=[*TABLE.rows, ("c", "5", "6")]), width)

    assert len(turned) == tables
    assert all(grid_width(grid) <= width for grid in turned)
    assert turned[0].title == "T"
    assert "".join("".join(grid.header[1:]) for grid in turned) == "abc"
    assert {cell for grid in turned for row in grid.rows for cell in row[1:]} == {"1.23456", "2.34567", *"3456"}


def test_lines_are_broken_at_blanks_and_an_option_stays_with_its_value():
    assert wrapped("see it with -f csv", 16) == ["see it with", "-f csv"]
    assert wrapped("averyverylongword b", 5) == ["averyverylongword", "b"]
