"""The fast parser says what ``numpy.loadtxt`` says, or nothing: on sound, odd and damaged text."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from byte_sources import Bytes, pipe
from csv_mutations import SEEDS, dialect_of, read_both_ways, trials
from csv_strategies import MUTATIONS, tables
from hypothesis import given, settings
from hypothesis import strategies as st
from table_columns import blocks_of

import lsq_cli.sources.text.csv as csv_room
from lsq_cli.core.extras import LOWEST
from lsq_cli.sources.streams import FileBytes
from lsq_cli.sources.text import fast
from lsq_cli.sources.text.csv import CsvBlock, CsvTable
from lsq_cli.sources.text.deciding import TextOptions
from lsq_cli.sources.text.dialect import Dialect
from lsq_cli.sources.text.marks import Marks

ADVICE = "reading large CSV files several times faster needs polars: pip install 'lsq-cli[fast]'"
ABC = Dialect("data.csv", ",", ("a", "b", "c"), b"a,b,c")


def sure(text: bytes, columns=(0, 1, 2), dialect: Dialect = ABC) -> np.ndarray | None:
    return fast.whole_lines(text, dialect, columns)


@pytest.fixture
def large(monkeypatch):
    """Every table is large, in blocks of a line or two."""
    monkeypatch.setattr(fast, "LARGE_BYTES", 0)
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 40)


@pytest.fixture
def no_polars(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    fast._found.cache_clear()
    yield
    fast._found.cache_clear()


@pytest.fixture
def old_polars(monkeypatch):
    monkeypatch.setattr("polars.__version__", "1.36.1")
    fast._found.cache_clear()
    yield
    fast._found.cache_clear()


# ---- both readers agree ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["error", "drop"])
@pytest.mark.parametrize("name", SEEDS)
def test_both_readers_agree_on_the_seeds(name, missing):
    dialect, body = dialect_of(SEEDS[name])
    width = len(dialect.names)
    for columns in (tuple(range(width)), (width - 1,), tuple(range(width))[::-1][1:] or (0,)):
        quick, slow = read_both_ways(dialect, body, columns, missing)

        assert quick == slow


def test_both_readers_agree_on_damaged_text():
    counts = trials(6000, seed=2026)

    # Each way out is taken often enough to mean something.
    assert min(counts["fast"], counts["slow"], counts["refused"]) > 500


@settings(max_examples=300, deadline=None)
@given(
    tables(),
    st.sampled_from(["error", "drop"]),
    st.one_of(st.none(), st.tuples(st.integers(0, 10**6), st.sampled_from(MUTATIONS), st.booleans())),
    st.data(),
)
def test_both_readers_agree_on_random_tables(made, missing, damage, data):
    text, delimiter, rows, _ = made
    names = tuple(f"n{k}" for k in range(len(rows[0])))
    header = delimiter.join(names).encode()
    body = text[len(header) :].lstrip(b"\r\n")
    if damage:
        place, sign, instead = damage
        place %= len(body) + 1
        body = body[:place] + sign + body[place + instead :]
    columns = tuple(data.draw(st.permutations(range(len(names))))[: data.draw(st.integers(1, len(names)))])
    quick, slow = read_both_ways(Dialect("data.csv", delimiter, names, header, Marks(("-77",))), body, columns, missing)

    assert quick == slow


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.from_regex(r"\A[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,25})(e[+-]?[0-9]{1,3})?\Z"), min_size=1, max_size=30
    )
)
def test_every_number_is_the_nearest_double(cells):
    numbers = sure("".join(f"{cell},1,2\n" for cell in cells).encode())
    expected = np.array([float(cell) for cell in cells])

    if np.isfinite(expected).all():
        assert numbers is not None
        assert np.array_equal(numbers[:, 0], expected)
        assert np.array_equal(np.signbit(numbers[:, 0]), np.signbit(expected))
    else:
        assert numbers is None


def test_a_file_s_text_is_not_held_while_its_numbers_are_summed(tmp_path, large):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n1,2\n3,4\n5,NA\n")
    table = CsvTable(FileBytes(str(path), str(path), None, path.stat().st_size), TextOptions())
    (block,) = blocks_of(table, (0,), "error")

    first, again = block.read(), block.read()

    assert block.data is None
    assert first.values.tolist() == again.values.tolist() == [[1], [3], [5]]
    assert block.where(1, 0).endswith("data.csv, line 3, column 1 'a'")


def test_a_stream_s_text_is_held_for_it_cannot_be_read_again(large):
    (block,) = blocks_of(CsvTable(pipe(b"a,b\n1,2\n3,4\n"), TextOptions()), None, "error")
    block.read()

    assert block.data == b"1,2\n3,4\n"


def test_many_small_tables_are_worth_the_fast_parser_together(monkeypatch):
    monkeypatch.setattr(fast._SmallTables, "size", 0)
    monkeypatch.setattr(fast, "LARGE_BYTES", 30)
    monkeypatch.setattr(fast, "SMALL_BYTES", 10)
    text = b"a,b\n1,2\n3,4\n5,6\n"
    tables = [CsvTable(Bytes(text, size=len(text)), TextOptions()) for _ in range(4)]

    blocks = [block for table in tables for block in blocks_of(table, None, "error")]

    assert [block.large for block in blocks] == [False, False, True, True]
    assert {block.read().values.tobytes() for block in blocks} == {np.array([[1.0, 2], [3, 4], [5, 6]]).tobytes()}
    assert all(not table.notes for table in tables)


def test_tiny_tables_are_not_for_the_fast_parser_however_many(monkeypatch):
    monkeypatch.setattr(fast._SmallTables, "size", fast.LARGE_BYTES)
    (block,) = blocks_of(CsvTable(Bytes(b"a,b\n1,2\n", size=8), TextOptions()), None, "error")

    assert not block.large


# ---- what the fast parser is not sure of ------------------------------------------------------------------------


def test_it_is_sure_of_plain_numbers():
    assert np.array_equal(sure(b"1,2,3\n4,5,6\n", (2, 0)), [[3, 1], [6, 4]])
    assert np.array_equal(sure(b"1,text,3\n4,,6\n", (2, 0)), [[3, 1], [6, 4]])


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (b"1,2\n4,5,6\n", (0,)),
        (b"1,2,3\n4,5\n", (0,)),
        (b"1,2,3\n4,5,6,7\n", (0,)),
        (b"1,2,3\n4,5,6,\n", (0, 1, 2)),
        (b"1,2,3\n\n4,5,6\n", (0,)),
        (b"1,2,3\n4,,6\n", (1,)),
        (b"1,2,3\n4,NA,6\n", (1,)),
        (b"1,2,3\n4,nan,6\n", (1,)),
        (b"1,2,3\n4,1e999,6\n", (1,)),
        (b'1,"2",3\n', (0,)),
        (b"#1,x,3\n4,5,6\n", (1,)),
        (b"\xef\xbb\xbf1,2,3\n", (0,)),
        (b"1,2 ,3\n", (1,)),
    ],
)
def test_it_is_not_sure_of(text, columns):
    assert sure(text, columns) is None


def test_columns_are_not_searched_for_each_of_many():
    class Unsearched(tuple):
        def __contains__(self, column):
            raise AssertionError("takes as long as there are columns")

    assert fast.whole_lines(b"1,2,3\n4,5,6\n", ABC, Unsearched((2, 0))).tolist() == [[3, 1], [6, 4]]
    assert fast.rows_alone(b"1,2,3\n4,5,6\n", ABC, Unsearched((2, 0))).tolist() == [[3, 1], [6, 4]]


def test_it_is_not_sure_of_a_second_header_of_numbers():
    dialect = Dialect("data.csv", ",", ("id", "2019", "2020"), b"id,2019,2020")

    assert sure(b"7,8,9\n", (1, 2), dialect) is not None
    assert sure(b"7,8,9\nid,2019,2020\n", (1, 2), dialect) is None
    assert sure(b"id,2019,2020\n7,8,9\n", (1, 2), dialect) is None


def test_it_is_not_sure_where_blanks_part_the_cells():
    assert sure(b"1 2 3\n", dialect=Dialect("data.csv", " ", ("a", "b", "c"))) is None


# ---- when it is asked -----------------------------------------------------------------------------------------


def test_small_tables_never_ask_it(monkeypatch):
    monkeypatch.setattr(fast, "parser", lambda: pytest.fail("polars was asked for"))
    text = b"a,b\n" + b"1.5,2\n" * 1000

    for source in (Bytes(text), Bytes(text, size=len(text)), pipe(text)):
        blocks = list(blocks_of(CsvTable(source, TextOptions()), (0, 1), "error"))

        assert not any(block.large for block in blocks)
        assert sum(len(block.read().values) for block in blocks) == 1000


def test_a_file_known_to_be_large_asks_it_from_the_first_block_and_a_pipe_once_enough_has_come(monkeypatch):
    monkeypatch.setattr(fast, "LARGE_BYTES", 180)
    monkeypatch.setattr(csv_room, "BLOCK_BYTES", 40)
    text = b"a,b\n" + b"1.5,22\n" * 30

    file, stream = (
        [block.large for block in blocks_of(CsvTable(source, TextOptions()), (0, 1), "error")]
        for source in (Bytes(text, size=len(text)), pipe(text))
    )

    assert all(file)
    assert stream == [False, False, *[True] * (len(stream) - 2)]


@pytest.mark.parametrize("most", [1, 2])
def test_a_table_of_very_many_columns_never_asks_it(monkeypatch, most, no_polars):
    monkeypatch.setattr(fast, "LARGE_BYTES", 0)
    monkeypatch.setattr(fast, "MOST_COLUMNS", most)
    made = CsvTable(Bytes(b"a,b\n1,2\n"), TextOptions())

    assert [block.large for block in blocks_of(made, (0, 1), "error")] == [False]
    assert made.notes == ((ADVICE,) if most == 2 else ())


def test_a_block_handed_on_without_its_text_is_taken_for_the_worst():
    block = CsvBlock(None, ABC, (0,), "error", 0, 1000, 2, b"1.25,2.5,3\n" * 90)
    bare = CsvBlock(None, ABC, (0,), "error", 0, 1000, 2)

    assert 1000 < block.footprint < bare.footprint <= 14_000


def test_quotes_are_counted_in_what_a_block_takes():
    plain, quoted = (
        CsvBlock(None, ABC, (0,), "error", 0, 1200, 2, text) for text in (b"1.25,2.5,3\n" * 90, b'"1","2","3"\n' * 100)
    )

    assert plain.footprint == 1200 + 1200 * 3 * 26 // 11
    assert quoted.footprint == 1200 + 1200 * (3 * 26 + 6 * 24) // 12


def run(run_lsq, *args, **kwargs):
    result = run_lsq("solve", *args, "-f", "json", **kwargs)
    found = result.json
    return {key: found[key] for key in found if key not in ("seconds", "data", "options")}, result.err


@pytest.mark.parametrize("precision", ["extended", "double"])
def test_the_same_table_gives_the_same_bits_with_and_without_it(
    run_lsq, tmp_path, monkeypatch, large, request, precision
):
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((200, 4)) * [1, 1e5, 1e-7, 3]
    lines = [",".join(map(repr, row.tolist())) for row in rows]
    lines[70] += "\n# a comment\n"
    lines[90] = lines[90].replace(",", ",  ", 1)
    lines[100] = "NA" + lines[100][lines[100].index(",") :]
    text = "u,v,w,y\n" + "\n".join(lines) + "\n"
    (tmp_path / "t.csv").write_text(text)
    options = ("--missing", "drop", "--precision", precision)

    with_polars, said = run(run_lsq, tmp_path / "t.csv", *options)
    piped, _ = run(run_lsq, "--jobs", "3", *options, stdin=text)
    request.getfixturevalue("no_polars")
    without, advice = run(run_lsq, tmp_path / "t.csv", *options)

    assert with_polars == without == piped
    assert with_polars["dropped_rows"] == {"na": 1}
    assert ADVICE not in said
    assert advice.count(f"lsq: note: {ADVICE}\n") == 1


def test_without_it_parts_of_a_large_table_say_once_what_would_be_faster(run_lsq, tmp_path, large, no_polars):
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text("x,y\n1,2\n2,4.5\n3,5\n")

    result = run_lsq("solve", "-t", "y", tmp_path / "1.csv", tmp_path / "2.csv")

    assert result.code == 0
    assert result.err.count("pip install 'lsq-cli[fast]'") == 1


def test_one_that_is_too_old_is_not_asked_and_named(run_lsq, large, old_polars):
    result = run_lsq("solve", stdin="x,y\n1,2\n2,4.5\n3,5\n")

    assert fast.parser() is None
    assert result.code == 0
    assert (
        f"lsq: note: reading large CSV files several times faster needs polars {LOWEST['polars']} or newer, "
        "and 1.36.1 is installed: pip install --upgrade 'lsq-cli[fast]'\n"
    ) in result.err


def test_one_that_is_broken_is_not_asked(run_lsq, tmp_path, monkeypatch, large, no_polars):
    (tmp_path / "polars.py").write_text("import its_own_need\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "polars")
    result = run_lsq("solve", stdin="x,y\n1,2\n2,4.5\n3,5\n")

    assert result.code == 0
    assert "needs polars, which cannot be imported\n" in result.err


def test_a_small_table_says_nothing_of_it(run_lsq, no_polars):
    assert "lsq-cli[fast]" not in run_lsq("solve", stdin="x,y\n1,2\n2,4.5\n3,5\n").err


def test_json_says_the_same_with_any_jobs_and_memory(run_lsq, large):
    text = "x,z,y\n" + "".join(f"{k},{k * k % 17},{3 * k % 11}\n" for k in range(300))
    runs = [
        json.dumps(run(run_lsq, *options, stdin=text)[0])
        for options in ((), ("--jobs", "1"), ("--jobs", "3"), ("--memory", "1KB"), ("--precision", "extended"))
    ]

    assert len(set(runs)) == 1


# ---- positions in errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("size", [0, 10**9])
def test_a_text_cell_in_a_later_block_is_reported_with_its_line_in_the_file(
    run_lsq, tmp_path, monkeypatch, large, jobs, size, piped
):
    monkeypatch.setattr(fast, "LARGE_BYTES", size)
    lines = ["x,z,y", *(f"{k},{k % 7},{k % 5}" for k in range(400))]
    lines[100] += "\n\n# a comment, and blank lines\n"  # before the one that is wrong
    lines[300] = "17,n.a.,4"
    lines[302] = "17,3,later"  # another thread may well find this one first
    text = "\r\n".join(lines).replace("\n\n", "\n\r\n")
    line = text.split("\n").index("17,n.a.,4\r") + 1
    (tmp_path / "t.csv").write_bytes(text.encode())
    source = () if piped else (tmp_path / "t.csv",)

    result = run_lsq("solve", "--jobs", str(jobs), *source, stdin=text)

    assert result.code == 1
    assert result.raw == b""
    label = "standard input" if piped else str(tmp_path / "t.csv")
    assert result.err.startswith(f"lsq: error: {label}, line {line}, column 2 'z': 'n.a.' is not a number")
