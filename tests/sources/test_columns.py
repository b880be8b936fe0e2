"""Which columns are A, b and the weights: names, positions and patterns, rule by rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from lsq_cli.core.errors import CellError, ColumnError, DataError, LsqError, TableError, UsageError
from lsq_cli.sources.blocks import CellBlock
from lsq_cli.sources.column import Column, Kind, columns_of_numbers, positions_of
from lsq_cli.sources.columns import Request, Selection, match_part, select, select_side_by_side


@dataclass
class NamesOnly:
    """A table of which only the columns are looked at."""

    columns: tuple[Column, ...]
    path: str = "data.csv"
    rereadable: bool = True
    form: str = "CSV, blanks between cells, a header"

    def blocks(self, columns: tuple[Column, ...], missing: str) -> Iterator[CellBlock]:
        raise AssertionError("columns are chosen without reading a row")


def named(names: Sequence[str], text: dict[int, str] | None = None, path: str = "data.csv", **kinds) -> NamesOnly:
    """A table with a header: `text` has an example of each column of text, `kinds` the positions of others."""
    columns = [Column(name, k, path, named=True) for k, name in enumerate(names)]
    for k, example in (text or {}).items():
        columns[k] = replace(columns[k], kind=Kind.TEXT, example=example)
    for kind, places in kinds.items():
        for k in places:
            columns[k] = replace(columns[k], kind=Kind[kind.upper()])
    return NamesOnly(tuple(columns), path)


def table(names: str, text: dict[int, str] | None = None, **more) -> NamesOnly:
    return named(names.split(), text, **more)


def broken(names: str, position: int, error: DataError) -> NamesOnly:
    """A table of which one column cannot be read."""
    columns = list(table(names).columns)
    columns[position] = replace(columns[position], kind=Kind.UNREADABLE, error=error)
    return NamesOnly(tuple(columns))


def headerless(count: int, path: str = "data.csv") -> NamesOnly:
    return NamesOnly(columns_of_numbers(path, count), path)


def called(columns: tuple[Column, ...]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def chosen(selection: Selection) -> tuple[str, str]:
    return " ".join(selection.names), " ".join(selection.targets)


def refusal(kind: type[LsqError], call, *arguments) -> str:
    with pytest.raises(kind) as error:
        call(*arguments)
    assert type(error.value) is kind
    return str(error.value)


def test_without_a_target_the_last_column_is_b_and_a_note_says_so():
    selection = select(table("u v y"), Request())

    assert positions_of(selection.A) == (0, 1)
    assert positions_of(selection.b) == (2,)
    assert chosen(selection) == ("u v", "y")
    assert selection.notes == ("b is the last column, 'y' (choose with --target)",)


def test_without_a_target_the_last_column_taken_is_b():
    assert chosen(select(table("u v y"), Request(columns=("y,u",)))) == ("y", "u")
    assert chosen(select(table("u v y"), Request(drop=("y",)))) == ("u", "v")
    assert chosen(select(table("u v y"), Request(weights="y"))) == ("u", "v")
    assert chosen(select(table("u v name", {2: "Ann"}), Request())) == ("u", "v")


def test_without_a_header_columns_are_x_by_position_and_b():
    assert chosen(select(headerless(3), Request())) == ("x1 x2", "b")
    assert chosen(select(headerless(4), Request(target=("2", "1")))) == ("x3 x4", "b1 b2")
    assert select(headerless(3), Request()).notes == ("b is the last column, number 3 (choose with --target)",)


def test_a_target_leaves_the_rest_in_file_order():
    selection = select(table("u y v w"), Request(target=("y",)))

    assert positions_of(selection.A) == (0, 2, 3)
    assert selection.notes == ()


def test_a_target_may_be_the_only_column():
    assert chosen(select(table("y"), Request(target=("y",)))) == ("", "y")


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (("v", "u"), "v u"),
        (("v,u",), "v u"),
        ((" v , u ",), "v u"),
        (("2,1",), "v u"),
        (("#2",), "v"),
        (("-2", "1"), "v u"),
        (("+1",), "u"),
        (("*",), "u v"),
        (("?",), "u v"),
        (("v,*",), "v u"),
        (("u", "u", "1"), "u"),
        ((), "u v"),
    ],
)
def test_columns_are_names_positions_or_patterns_in_the_order_given(columns, names):
    assert chosen(select(table("u v y"), Request(target=("y",), columns=columns)))[0] == names


def test_an_exact_name_goes_before_commas_positions_and_patterns():
    names = named(("a,b", "3", "*", "#1", "y"))

    assert positions_of(select(names, Request(target=("y",), columns=("a,b",))).A) == (0,)
    assert positions_of(select(names, Request(target=("y",), columns=("3",))).A) == (1,)
    assert positions_of(select(names, Request(target=("y",), columns=("*",))).A) == (2,)


def test_a_number_sign_is_always_a_position():
    names = named(("a", "#1", "3", "y"))

    assert positions_of(select(names, Request(target=("y",), columns=("#1,#3",))).A) == (0, 2)


def test_brackets_are_no_pattern():
    assert "no such column" in refusal(ColumnError, select, table("a b y"), Request(columns=("[ab]",)))


def test_a_pattern_over_line_ends_in_a_name_matches():
    assert positions_of(select(named(("a\nb", "y")), Request(target=("y",), columns=("a*",))).A) == (0,)


def test_drop_wins_over_columns_and_target():
    request = Request(target=("y1", "y2"), columns=("u", "v"), drop=("v", "y2"))

    assert chosen(select(table("u v y1 y2"), request)) == ("u", "y1")


def test_weights_are_never_in_a_even_when_selected():
    names = table("u w y")
    selection = select(names, Request(target=("y",), columns=("u", "w"), weights="w"))

    assert positions_of(selection.A) == (0,)
    assert selection.weights is names.columns[1]


def test_a_pattern_in_columns_passes_over_the_target():
    assert chosen(select(table("x1 x2 x3"), Request(target=("x2",), columns=("x*",)))) == ("x1 x3", "x2")


def test_text_is_left_out_of_the_rest_and_of_patterns_with_a_note():
    names = table("name u city y", {0: "Ann", 2: "Rome"})
    for request in (Request(target=("y",)), Request(target=("y",), columns=("*",))):
        selection = select(names, request)

        assert positions_of(selection.A) == (1,)
        assert called(selection.left_out) == ("name", "city")
        assert selection.notes == ("left out as text: 'name', 'city' (the first with 'Ann')",)


def test_text_that_is_dropped_is_not_left_out():
    selection = select(table("name u y", {0: "Ann"}), Request(target=("y",), drop=("name",)))

    assert called(selection.left_out) == ()
    assert selection.notes == ()


@pytest.mark.parametrize(
    ("request_", "option"),
    [
        (Request(columns=("u", "name")), "--columns"),
        (Request(columns=("1",)), "--columns"),
        (Request(target=("name",)), "--target"),
        (Request(weights="name"), "--weights"),
    ],
)
def test_text_that_is_asked_for_is_an_error_with_an_example(request_, option):
    assert refusal(ColumnError, select, table("name u y", {0: "Ann\x1b"}), request_) == (
        "data.csv, column 1 'name': no number in its first 1000 rows, but text such as 'Ann\\x1b'; "
        f"{option} needs a column of numbers"
    )


def test_a_column_that_misses_its_first_cells_is_left_out_of_the_rest_and_may_be_asked_for():
    names = table("name u late y", {0: "Ann"}, empty=(2,))
    for request in (Request(target=("y",)), Request(target=("y",), columns=("*",))):
        selection = select(names, request)

        assert called(selection.left_out) == ("name", "late")
        assert selection.notes == (
            "left out as text: 'name' (such as 'Ann')",
            "left out as empty in the first 1000 rows: 'late' (choose with --columns)",
        )
    assert chosen(select(names, Request(target=("y",), columns=("u,late",)))) == ("u late", "y")
    assert chosen(select(names, Request(target=("late",)))) == ("u y", "late")
    assert select(names, Request(weights="late")).weights is names.columns[2]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("counts", "left out as row numbers"), ("index", "left out as the index that pandas wrote")],
)
def test_a_column_that_numbers_the_rows_is_left_out_of_the_rest_and_there_when_selected(kind, words):
    names = table("k u y", **{kind: (0,)})
    for request in (Request(target=("y",)), Request(target=("y",), columns=("*",))):
        selection = select(names, request)

        assert chosen(selection) == ("u", "y")
        assert called(selection.left_out) == ("k",)
        assert selection.notes == (f"{words}: 'k' (choose with --columns)",)
    assert chosen(select(names, Request(target=("y",), columns=("k,u",)))) == ("k u", "y")
    assert chosen(select(names, Request(target=("k",)))) == ("u y", "k")
    assert select(names, Request(weights="k")).weights is names.columns[0]


def test_a_column_that_numbers_the_rows_is_never_b_by_default():
    names = table("u v k", counts=(2,))

    assert chosen(select(names, Request())) == ("u", "v")
    assert chosen(select(names, Request(columns=("u,v,k",)))) == ("u k", "v")
    assert refusal(ColumnError, select, table("k y", counts=(0,)), Request()) == (
        "data.csv: one column alone, 'y', cannot be both A and b; left out as row numbers: 'k' (choose with --columns)"
    )
    assert chosen(select(table("k y", counts=(0,)), Request(columns=("k,y",)))) == ("k", "y")


def test_columns_of_row_numbers_are_left_out_of_both_tables():
    A, b = table("k u v", counts=(0,)), table("k y", path="b.csv", counts=(0,))

    assert chosen(select_side_by_side(A, b, Request())) == ("u v", "y")
    assert called(select_side_by_side(A, b, Request()).left_out) == ("k", "k")


def test_dates_are_left_out_as_such_and_an_error_where_they_are_asked_for():
    names = named(("day", "u", "y"))
    names.columns = (replace(names.columns[0], kind=Kind.DATE, example="2020-01-01"), *names.columns[1:])

    assert select(names, Request()).notes[1:] == ("left out as dates: 'day' (such as '2020-01-01')",)
    assert refusal(ColumnError, select, names, Request(target=("day",))) == (
        "data.csv, column 1 'day': no number in its first 1000 rows, but dates such as '2020-01-01'; "
        "--target needs a column of numbers"
    )


def test_text_without_an_example_is_still_text():
    assert refusal(ColumnError, select, table("name u y", {0: ""}), Request(columns=("name",))) == (
        "data.csv, column 1 'name': no number in its first 1000 rows, and it is no column of numbers; "
        "--columns needs a column of numbers"
    )


def test_a_column_that_cannot_be_read_is_an_error_unless_it_is_dropped():
    names = broken("u v y", 1, CellError("it is broken", "data.csv, line 2"))

    assert refusal(CellError, select, names, Request()) == "data.csv, line 2: it is broken"
    assert refusal(CellError, select, names, Request(target=("v",))) == "data.csv, line 2: it is broken"
    assert positions_of(select(names, Request(drop=("v",))).A) == (0,)
    assert positions_of(select(names, Request(columns=("u,y",))).A) == (0,)


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        ("Ozon", "--columns 'Ozon': no such column; did you mean 'Ozone'?"),
        ("OZONE", "--columns 'OZONE': no such column; did you mean 'Ozone'?"),
        ("zzz", "--columns 'zzz': no such column; there are 'Ozone', 'Wind', 'Temp'"),
        ("4", "--columns 4: there is no such column; positions run from 1 to 3"),
        ("0", "--columns 0: there is no such column; positions run from 1 to 3"),
        ("-4", "--columns -4: there is no such column; positions run from 1 to 3"),
        ("#0", "--columns #0: there is no such column; positions run from 1 to 3"),
        ("q*", "--columns 'q*' matches no column; there are 'Ozone', 'Wind', 'Temp'"),
        ("", "--columns has an empty name; separate names by one comma"),
        ("Wind,,Temp", "--columns has an empty name; separate names by one comma"),
    ],
)
def test_what_names_no_column_is_an_error_with_advice(piece, words):
    assert refusal(ColumnError, select, table("Ozone Wind Temp"), Request(columns=(piece,))) == f"data.csv: {words}"


def test_near_names_are_listed_with_or_and_long_headers_are_cut():
    assert refusal(ColumnError, select, table("x1 x2 y"), Request(target=("x",))).endswith("did you mean 'x1' or 'x2'?")
    many = " ".join(f"a{k}" for k in range(12))
    assert refusal(ColumnError, select, table(many), Request(target=("zz",))).endswith(
        "'a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7' and 4 more"
    )


def test_a_name_without_a_header_is_answered_with_positions():
    assert refusal(ColumnError, select, headerless(3), Request(target=("y",))) == (
        "data.csv: --target 'y': no such column; without a header give a position from 1 to 3"
    )


@pytest.mark.parametrize("option", ["target", "columns", "drop"])
def test_every_option_is_named_in_its_errors(option):
    assert f"--{option} 'zz'" in refusal(ColumnError, select, table("u v y"), Request(**{option: ("zz",)}))


def test_a_name_that_stands_twice_must_be_given_by_position():
    names = table("u v u y")

    assert refusal(ColumnError, select, names, Request(target=("u",))) == (
        "data.csv: 2 columns are called 'u'; say which by its position: #1 or #3"
    )
    assert positions_of(select(names, Request(target=("#3",))).A) == (0, 1, 3)
    assert select(names, Request()).names == ("u", "v", "u")


def test_a_target_that_is_also_selected_is_a_usage_error():
    assert refusal(UsageError, select, table("u y"), Request(target=("y",), columns=("u", "2"))) == (
        "--target and --columns both name the column 'y'; it cannot explain itself"
    )


def test_a_target_that_is_also_the_weights_is_a_usage_error():
    assert refusal(UsageError, select, table("u y"), Request(target=("y",), weights="y")) == (
        "--target and --weights both name the column 'y'"
    )


def test_a_target_that_is_dropped_is_a_usage_error():
    assert refusal(UsageError, select, table("u y v"), Request(target=("y",), drop=("y",))) == (
        "--target and --drop both name 'y': b needs a column; "
        "give another --target ('u', 'v'), or take it out of --drop"
    )
    assert chosen(select(table("u y v"), Request(target=("v",), drop=("y",)))) == ("u", "v")
    assert refusal(UsageError, select, table("u y1 y2"), Request(target=("y1,y2",), drop=("*",))) == (
        "--target and --drop both name 'y1', 'y2': b needs a column; take it out of --drop"
    )


def test_weights_that_are_dropped_are_a_usage_error():
    assert refusal(UsageError, select, table("u w y"), Request(weights="w", drop=("w",))) == (
        "--weights and --drop both name the column 'w'; --weights alone keeps it out of A"
    )


def test_weights_are_one_column_of_numbers():
    names = table("w1 w2 name y", {2: "Ann"})

    assert refusal(ColumnError, select, names, Request(weights="w*")) == (
        "data.csv: --weights 'w*' names more than one column: 'w1', 'w2'"
    )
    assert refusal(ColumnError, select, names, Request(weights="n*")) == (
        "data.csv: --weights 'n*' matches columns of text only"
    )


def test_one_column_alone_is_refused():
    assert refusal(ColumnError, select, table("y"), Request()) == (
        "data.csv: one column alone, 'y', cannot be both A and b; give A and b as two files, "
        "or a table of two columns and more (--delimiter CHAR if it has them)"
    )


def test_one_column_beside_text_is_refused_by_that():
    assert refusal(ColumnError, select, table("day y", {0: "2020-01-01"}), Request()) == (
        "data.csv: one column alone, 'y', cannot be both A and b; left out as text: 'day' (such as '2020-01-01')"
    )


def test_one_column_chosen_of_several_is_refused_by_the_choice():
    assert refusal(ColumnError, select, table("x y"), Request(drop=("x",))) == (
        "data.csv: one column alone, 'y', cannot be both A and b; more have to be taken (--columns, --drop, --weights)"
    )


def test_the_last_column_taken_is_not_called_the_last():
    assert select(table("x y z"), Request(columns=("x,y",))).notes == (
        "b is the last column taken, 'y' (choose with --target)",
    )


def test_a_table_of_text_has_no_b():
    assert refusal(ColumnError, select, table("name", {0: "Ann"}), Request()) == (
        "data.csv: no column of numbers is left to be b; left out as text: 'name' (such as 'Ann')"
    )


def test_with_two_tables_every_column_of_the_second_is_a_target():
    selection = select_side_by_side(table("u v"), table("y z", path="b.csv"), Request())

    assert chosen(selection) == ("u v", "y z")
    assert selection.notes == ()


@pytest.mark.parametrize(("count", "targets"), [(1, "b"), (2, "b1 b2")])
def test_the_targets_of_a_second_table_without_a_header_are_b(count, targets):
    assert chosen(select_side_by_side(headerless(2), headerless(count), Request())) == ("x1 x2", targets)


def test_with_two_tables_columns_speaks_of_the_first():
    selection = select_side_by_side(table("u v"), table("y", path="b.csv"), Request(columns=("v",)))
    assert positions_of(selection.A) == (1,)

    message = refusal(ColumnError, select_side_by_side, table("u v"), table("y", path="b.csv"), Request(columns=("y",)))
    assert message == "data.csv: --columns 'y': no such column; there are 'u', 'v'"


def test_with_two_tables_drop_speaks_of_both():
    A, b = table("id u v"), table("id y z", path="b.csv")

    assert chosen(select_side_by_side(A, b, Request(drop=("id",)))) == ("u v", "y z")
    assert chosen(select_side_by_side(A, b, Request(drop=("1",)))) == ("u v", "y z")
    assert chosen(select_side_by_side(A, b, Request(drop=("id,z", "u")))) == ("v", "y")
    assert refusal(ColumnError, select_side_by_side, A, b, Request(drop=("q",))) == (
        "data.csv: --drop 'q': no such column; there are 'id', 'u', 'v'"
    )


def test_a_dropped_position_does_not_take_the_only_column_of_b():
    assert chosen(select_side_by_side(headerless(3), headerless(1), Request(drop=("1",)))) == ("x2 x3", "b")


def test_the_last_target_cannot_be_dropped():
    message = refusal(ColumnError, select_side_by_side, table("u"), table("y", path="b.csv"), Request(drop=("y",)))
    assert message == "b.csv: no column of numbers is left to be b"


def test_weights_are_looked_up_in_a_then_in_b():
    A, b = table("u w"), table("w q y", path="b.csv")
    in_A = select_side_by_side(A, b, Request(weights="w"))
    assert in_A.weights is A.columns[1]
    assert (in_A.A, in_A.b) == (A.columns[:1], b.columns)

    in_b = select_side_by_side(A, b, Request(weights="q"))
    assert in_b.weights is b.columns[1]
    assert (in_b.A, in_b.b) == (A.columns, (b.columns[0], b.columns[2]))

    assert "data.csv: --weights 'zz'" in refusal(ColumnError, select_side_by_side, A, b, Request(weights="zz"))


def test_text_is_left_out_of_both_tables():
    A, b = table("name u", {0: "Ann"}), table("y note", {1: "late"}, path="b.csv")
    selection = select_side_by_side(A, b, Request())

    assert chosen(selection) == ("u", "y")
    assert called(selection.left_out) == ("name", "note")
    assert selection.notes == ("left out as text: 'name' (such as 'Ann')", "left out as text: 'note' (such as 'late')")


def matched(first: NamesOnly, part: NamesOnly, *positions: int) -> tuple[int, ...]:
    columns = match_part(first, part, tuple(first.columns[k] for k in positions))
    assert all(column is part.columns[column.position] for column in columns)
    return positions_of(columns)


def test_the_columns_of_a_part_are_matched_by_name():
    assert matched(table("a b c"), table("c a b", path="2.csv"), 0, 2) == (1, 0)
    assert matched(headerless(3), headerless(3), 0, 2) == (0, 2)
    assert matched(table("a a b"), table("a a b"), 1) == (1,)


@pytest.mark.parametrize(
    ("first", "part", "words"),
    [
        (table("a b"), table("a c"), "another header than data.csv: it lacks 'b' and it has 'c' besides"),
        (table("a b"), table("a b c"), "another header than data.csv: it has 'c' besides"),
        (table("a b c"), table("a b"), "another header than data.csv: it lacks 'c'"),
        (table("a a b"), table("a b b"), "another header than data.csv: a name stands there more or less often"),
        (table("a a b"), table("a b a"), "columns with the same name stand in another order than in data.csv"),
        (table("a b"), headerless(2), "has no header, but data.csv has one; see --header and --no-header"),
        (headerless(2), table("a b"), "has a header, but data.csv has none; see --header and --no-header"),
        (headerless(3), headerless(2), "2 columns, but data.csv has 3"),
    ],
)
def test_a_part_with_other_columns_is_refused(first, part, words):
    part.path = "2.csv"

    assert refusal(TableError, matched, first, part, 0) == f"2.csv: {words}"


def test_a_part_with_an_unreadable_column_in_use_is_refused():
    part = broken("a b", 1, CellError("it is broken", "2.csv, line 2"))

    assert matched(table("a b"), part, 0) == (0,)
    assert refusal(CellError, matched, table("a b"), part, 1) == "2.csv, line 2: it is broken"
