"""Where A and b are: every rule for DATA, every format and container, and what is said when it cannot be."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import scipy.io
import scipy.sparse
import zstandard

from lsq_cli.core.errors import ColumnError, LsqError, OpenError, SourceConsumedError, TableError, UsageError
from lsq_cli.sources.blocks import Source
from lsq_cli.sources.columns import Request
from lsq_cli.sources.formats import FORMATS
from lsq_cli.sources.opening import open_python, open_source

A = np.array([[1.0, 2], [3, 4], [5, 6.5]])
B = np.array([7.0, 8, 9])
TABLE = "u,v,y\n1,2,7\n3,4,8\n5,6.5,9\n"
PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """A folder with the same problem in many forms; tests give names in it."""
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(TABLE)
    Path("table.tsv").write_text(TABLE.replace(",", "\t"))
    Path("A.csv").write_text("u,v\n1,2\n3,4\n5,6.5\n")
    Path("b.csv").write_text("y\n7\n8\n9\n")
    np.save("A.npy", A)
    np.save("b.npy", B)
    np.save("table.npy", np.column_stack([A, B]))
    np.savez("both.npz", A=A, b=B)
    whole = np.column_stack([A, B])
    pyarrow.parquet.write_table(pyarrow.table(dict(zip("uvy", whole.T, strict=True))), "table.parquet")
    scipy.io.mmwrite("table.mtx", scipy.sparse.coo_array(whole))
    scipy.sparse.save_npz("table.npz", scipy.sparse.csr_array(whole))
    return tmp_path


def opened(*paths, stdin: bytes | None = None, **request) -> Source:
    return open_source(paths, Request(**request), None if stdin is None else io.BytesIO(stdin))


def rows_of(source: Source) -> tuple[list, list]:
    blocks = [block.read() for block in source.blocks()]
    return [row for rows in blocks for row in rows.A.tolist()], [row for rows in blocks for row in rows.b.tolist()]


def is_the_problem(source: Source) -> bool:
    return rows_of(source) == (A.tolist(), B[:, None].tolist())


def refusal(kind: type[LsqError], *paths, **more) -> str:
    with pytest.raises(kind) as error:
        rows_of(opened(*paths, **more))
    assert type(error.value) is kind
    return str(error.value)


# --- the rules, in their order


def test_no_path_is_one_table_on_standard_input():
    source = opened(stdin=TABLE.encode())

    assert is_the_problem(source)
    assert source.data == ("-",)
    assert source.notes == ("b is the last column, 'y' (choose with --target)",)
    assert not source.rereadable


def test_the_process_s_own_standard_input_is_the_default(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))

    assert is_the_problem(opened())


def test_a_terminal_on_standard_input_is_a_usage_error():
    class Terminal(io.BytesIO):
        def isatty(self):
            return True

    with pytest.raises(UsageError) as error:
        open_source((), Request(), Terminal())
    assert str(error.value) == "no data: give a path, or pipe a table to standard input (lsq solve --help)"


def test_a_closed_standard_input_is_a_usage_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert refusal(UsageError) == "no data: standard input is closed; give a path"


@pytest.mark.parametrize("paths", [("-", "b.csv"), ("A.csv", "-")])
def test_a_dash_may_stand_for_one_of_two_paths(paths):
    stdin = Path("A.csv" if paths[0] == "-" else "b.csv").read_bytes()

    assert is_the_problem(opened(*paths, stdin=stdin))


def test_a_dash_stands_for_one_path_only():
    assert refusal(UsageError, "-", "-", stdin=b"") == "- is standard input and can stand for one path only"
    assert refusal(UsageError, "-", "-", stdin=b"", target=("y",)).startswith("- is standard input")


def test_with_a_target_paths_are_parts_of_one_table_in_the_order_given():
    Path("more.csv").write_text("y,v,u\n70,20,10\n")
    source = opened("more.csv", "table.csv", target=("y",), columns=("u", "v"))

    assert rows_of(source) == ([[10, 20], *A.tolist()], [[70], [7], [8], [9]])
    assert source.data == ("more.csv", "table.csv")


def test_with_a_target_a_pattern_is_expanded_and_sorted_by_name():
    for name, value in (("p10.csv", 3), ("p1.csv", 1), ("p2.csv", 2)):
        Path(name).write_text(f"u,y\n{value},0\n")
    source = opened("p*.csv", target=("y",))

    assert rows_of(source)[0] == [[1], [3], [2]]
    assert source.data == ("p*.csv",)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file():
    Path("table[1].csv").write_text(TABLE)
    Path("table1.csv").write_text("u,v,y\n0,0,0\n")

    assert is_the_problem(opened("table[1].csv", target=("y",)))


def test_a_pattern_without_a_file_is_an_error():
    assert refusal(OpenError, "q*.csv", target=("y",)) == "q*.csv: no file matches this pattern"
    assert refusal(OpenError, "q*.csv") == "q*.csv: no such file (a pattern of files needs -t NAME)"


def test_a_part_with_another_header_is_named():
    assert refusal(TableError, "table.csv", "A.csv", target=("y",)) == (
        "A.csv: another header than table.csv: it lacks 'y'"
    )


def test_parts_of_npy_have_as_many_columns():
    np.save("wide.npy", np.ones((2, 4)))

    assert refusal(TableError, "table.npy", "wide.npy", target=("3",)) == "wide.npy: 4 columns, but table.npy has 3"
    assert len(rows_of(opened("table.npy", "table.npy", target=("3",)))[0]) == 6


def test_two_paths_are_a_then_b():
    source = opened("A.csv", "b.csv")

    assert is_the_problem(source)
    assert (source.names, source.targets, source.notes) == (("u", "v"), ("y",), ())
    assert source.rereadable


@pytest.mark.parametrize("paths", [("A.npy", "b.npy"), ("A.csv", "b.npy"), ("A.npy", "b.csv")])
def test_the_two_may_be_of_different_formats(paths):
    assert is_the_problem(opened(*paths))


@pytest.mark.parametrize("pack", [None, gzip.compress])
def test_two_texts_of_many_blocks_stay_row_beside_row(monkeypatch, pack):
    monkeypatch.setattr("lsq_cli.sources.text.csv.BLOCK_BYTES", 1000)
    array = np.random.default_rng(2).normal(size=(700, 4))
    array[::50, 1] = np.nan
    for name, columns, header in (("A.csv", array[:, :3], "u,v,w"), ("b.csv", array[:, 3:], "y")):
        np.savetxt(name, columns, fmt="%.17g", delimiter=",", header=header, comments="")
        if pack:
            Path(name + ".gz").write_bytes(pack(Path(name).read_bytes()))
    source = opened(*(("A.csv.gz", "b.csv.gz") if pack else ("A.csv", "b.csv")), missing="drop")
    kept = array[~np.isnan(array[:, 1])]

    assert rows_of(source) == (kept[:, :3].tolist(), kept[:, 3:].tolist())
    assert sum(block.read().dropped.get("nan", 0) for block in source.blocks()) == 14


def test_two_tables_with_the_same_header_are_refused():
    assert refusal(TableError, "A.csv", "A.csv") == "A.csv: the same header as A.csv; parts of one table? add -t NAME"


def test_two_tables_of_the_same_single_name_are_a_and_b():
    Path("other.csv").write_text("y\n1\n2\n3\n")

    assert rows_of(opened("other.csv", "b.csv")) == ([[1], [2], [3]], [[7], [8], [9]])


SWAPPED = "b.csv, the first file, is A, of one column, and A.csv is b, of 2; are they swapped? A comes first"


def test_one_column_before_a_wider_file_is_warned_about_as_swapped():
    assert opened("b.csv", "A.csv").warnings == (SWAPPED,)
    assert opened("A.csv", "b.csv").warnings == ()
    assert opened("b.csv", "A.csv", drop=("v",)).warnings == ()  # then there is one target
    assert opened("A.csv", "table.csv", columns=("u",)).warnings == ()  # then it was meant


@pytest.mark.parametrize(("first", "second"), [("A.csv", "b.csv"), ("A.npy", "b.npy"), ("A.csv", "b.npy")])
def test_different_numbers_of_rows_are_named(first, second):
    np.save("A.npy", np.ones((5, 2)))
    Path("A.csv").write_text("u,v\n" + "1,2\n" * 5)

    assert refusal(TableError, first, second) == (
        f"{first} has 5 rows and {second} has 3; row k of one belongs to row k of the other"
    )


def test_one_row_more_suggests_a_header():
    Path("b.csv").write_text("0\n7\n8\n9\n")

    assert refusal(TableError, "A.csv", "b.csv") == (
        "A.csv has 3 rows and b.csv has 4; is the first row of one a header? (--header, --no-header)"
    )


@pytest.mark.parametrize("name", ["both.npz", "packed.npz", "nosuffix", "both.npz.gz"])
def test_one_archive_holds_a_and_b(name):
    np.savez_compressed("packed.npz", A=A, b=B)
    Path("nosuffix").write_bytes(Path("both.npz").read_bytes())
    Path("both.npz.gz").write_bytes(gzip.compress(Path("both.npz").read_bytes()))
    source = opened(name)

    assert is_the_problem(source)
    assert (source.names, source.targets, source.data, source.notes) == (("x1", "x2"), ("b",), (name,), ())


def test_an_archive_may_come_through_standard_input():
    assert is_the_problem(opened(stdin=Path("both.npz").read_bytes()))


@pytest.mark.parametrize("more", [{"target": ("y",)}, {}])
def test_an_archive_is_given_alone(more):
    assert refusal(UsageError, "both.npz", "b.csv", **more) == (
        "both.npz is an .npz, which holds A and b: give it alone, without --target"
    )


def test_one_table_has_its_last_column_as_b():
    for name in ("table.csv", "table.npy", "table.tsv"):
        assert is_the_problem(opened(name))


def test_one_column_alone_is_refused():
    assert refusal(ColumnError, "b.csv").startswith("b.csv: one column alone, 'y', cannot be both A and b; ")


def test_more_than_two_paths_without_a_target_are_a_usage_error():
    assert refusal(UsageError, "A.csv", "A.csv", "b.csv") == (
        "3 paths: parts of one table? add -t NAME (A and b are two paths)"
    )


# --- formats and containers


@pytest.mark.parametrize("suffix", ["", *PACKED])
@pytest.mark.parametrize(
    "name",
    [
        "table.csv",
        "table.tsv",
        "table.npy",
        "table.npz",
        "table.parquet",
        "table.mtx",
        "table.txt",
        "table",
        "TABLE.CSV",
    ],
)
def test_suffixes_of_format_and_compression_decide(name, suffix):
    data = Path(name if Path(name).is_file() else "table.csv").read_bytes()
    path = Path(name + suffix)
    path.write_bytes(PACKED[suffix](data) if suffix else data)

    assert is_the_problem(opened(path))


@pytest.mark.parametrize("pack", [lambda data: data, *PACKED.values()])
@pytest.mark.parametrize("name", ["table.csv", "table.npy", "table.npz", "table.parquet", "table.mtx"])
def test_without_a_suffix_the_first_bytes_decide(name, pack):
    data = pack(Path(name).read_bytes())
    Path("nosuffix").write_bytes(data)

    assert is_the_problem(opened("nosuffix"))
    assert is_the_problem(opened("-", stdin=data))
    assert is_the_problem(opened(stdin=data, target=("3",)))


def test_text_that_begins_like_bzip2_is_text():
    Path("table").write_text(TABLE.replace("u", "BZh9", 1))

    assert opened("table").names == ("BZh9", "v")


def test_input_format_overrides_the_suffix():
    Path("table.npy").write_text(TABLE)
    Path("tabs").write_text(TABLE.replace(",", "\t"))
    Path("numbers.csv").write_bytes(Path("b.npy").read_bytes())

    assert is_the_problem(opened("table.npy", input_format="csv"))
    assert is_the_problem(opened("tabs", input_format="tsv"))
    assert rows_of(opened("numbers.csv", "numbers.csv", input_format="npy"))[1] == B[:, None].tolist()


def test_an_unknown_input_format_is_a_usage_error():
    assert refusal(UsageError, "A.csv", input_format="xlz") == (
        f"--input-format xlz is none of {', '.join(each.name for each in FORMATS)}"
    )


def test_options_of_text_reach_its_parser():
    Path("odd.csv").write_text("u;y\n1;?\n3;4\n")
    source = opened("odd.csv", delimiter=";", header=True, na=("?",), missing="drop")
    assert rows_of(source) == ([[3]], [[4]])

    assert rows_of(opened("table.npy", target=("1",), columns=("2",)))[0] == [[2], [4], [6.5]]


def test_a_state_is_told_by_its_name_and_damage_by_its_bytes():
    Path("t.lsqs").write_bytes(b"states")

    assert refusal(OpenError, "t.lsqs") == (
        "t.lsqs: is damaged or cut off, or is no state: it cannot be read; take another copy, or collect it again"
    )


# --- pipes


def writing(path: str, data: bytes) -> threading.Thread:
    thread = threading.Thread(target=Path(path).write_bytes, args=(data,))
    thread.start()
    return thread


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
@pytest.mark.parametrize("name", ["table.csv", "table.npy"])
def test_a_named_pipe_is_read_once(name, pack):
    os.mkfifo("pipe")
    thread = writing("pipe", pack(Path(name).read_bytes()))
    source = opened("pipe")
    assert is_the_problem(source)
    thread.join()

    with pytest.raises(
        SourceConsumedError, match=r"the rows of pipe can be read only once; write them to a file first"
    ):
        source.blocks()


def test_a_pipe_of_many_blocks_that_comes_in_drops_is_read_whole(monkeypatch):
    class Dripping(io.RawIOBase):
        """Gives at most 1000 bytes at a time."""

        def __init__(self, data):
            self._inner = io.BytesIO(data)

        def readable(self):
            return True

        def readinto(self, buffer):
            piece = self._inner.read(min(len(buffer), 1000))
            buffer[: len(piece)] = piece
            return len(piece)

    monkeypatch.setattr("lsq_cli.sources.binary.arrays.BLOCK_BYTES", 30_000)
    array = np.random.default_rng(1).normal(size=(20_000, 3))
    file = io.BytesIO()
    np.save(file, array)
    source = open_source((), Request(), io.BufferedReader(Dripping(file.getvalue())))

    assert rows_of(source)[0] == array[:, :2].tolist()


def test_only_one_path_may_be_a_pipe():
    os.mkfifo("pipe")

    assert refusal(UsageError, "pipe", "-", stdin=b"") == (
        "'pipe', '-' are pipes, and one path can be; write the other to a file"
    )


def test_standard_input_stays_open():
    stdin = io.BytesIO(TABLE.encode())
    rows_of(open_source((), Request(), stdin))

    assert not stdin.closed


# --- what cannot be opened


def test_a_file_that_is_not_there_suggests_near_names():
    assert refusal(OpenError, "tabel.csv") == "tabel.csv: no such file; did you mean 'table.csv' or 'table.tsv'?"
    assert refusal(OpenError, "zzzzzz") == "zzzzzz: no such file"
    assert refusal(OpenError, "nowhere/table.csv") == "nowhere/table.csv: no such file, nor a folder 'nowhere'"


def test_a_name_with_control_characters_is_shown_escaped():
    assert refusal(OpenError, "a\x1b\nb") == "a\\x1b\\nb: no such file"


def test_a_directory_suggests_a_quoted_pattern():
    Path("folder").mkdir()

    assert refusal(OpenError, "folder") == (
        "folder: is a directory; for the files in it give a quoted pattern, as in -t NAME 'folder/*.csv'"
    )


def test_a_path_through_a_file_is_no_path():
    assert refusal(OpenError, "A.csv/x") == "A.csv/x: cannot be opened: not a directory"

    # Why not is Python's own sentence, which differs from version to version.
    assert re.fullmatch(r"A\\x00\.csv: cannot be opened: .*\bnull\b.*", refusal(OpenError, "A\0.csv"))


def test_a_file_without_permission_is_named(monkeypatch):
    def refuse(*_arguments, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)

    assert refusal(OpenError, "A.csv", "b.csv") == "A.csv: cannot be read: permission denied"


@pytest.mark.parametrize("name", ["table.csv", "table.npy", "table.csv.gz"])
def test_a_file_that_is_replaced_while_it_is_read_is_an_error(name):
    if name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(Path("table.csv").read_bytes()))
    source = opened(name)
    Path("copy").write_bytes(Path(name).read_bytes())
    os.replace("copy", name)

    with pytest.raises(OpenError, match=rf"^{name}: another file took its place while it was read; start again$"):
        rows_of(source)


def test_a_file_may_be_another_on_another_machine():
    (block,) = opened("table.npy").blocks()
    elsewhere = pickle.loads(pickle.dumps(block))
    Path("copy").write_bytes(Path("table.npy").read_bytes())
    os.replace("copy", "table.npy")

    assert elsewhere.read().A.tolist() == A.tolist()


def test_an_error_of_the_device_is_named():
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    with pytest.raises(OpenError, match=r"standard input: cannot be read: input/output error"):
        open_source((), Request(), io.BufferedReader(Failing()))


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("name", ["table.csv", "table.npy"])
def test_a_compressed_file_that_breaks_off_is_named(name, suffix):
    data = PACKED[suffix](Path(name).read_bytes())
    kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}[suffix]
    Path(name + suffix).write_bytes(data[:-9])
    assert refusal(OpenError, name + suffix).startswith(f"{name}{suffix}: broken {kind} data: Compressed file ended")

    assert refusal(OpenError, stdin=data[:-9]).startswith(f"standard input: broken {kind} data: Compressed file ended")


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_that_is_not_compressed_as_its_suffix_says_is_named(suffix):
    kind = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}[suffix]
    Path("table.csv" + suffix).write_text(TABLE)

    assert refusal(OpenError, "table.csv" + suffix).startswith(f"table.csv{suffix}: broken {kind} data: ")


def test_a_broken_archive_is_named():
    Path("both.npz").write_bytes(Path("both.npz").read_bytes()[:-30])

    assert refusal(OpenError, "both.npz") == "both.npz: broken zip data: File is not a zip file"


def test_a_suffix_that_promises_npy_is_believed():
    Path("table.npy").write_text(TABLE)

    assert refusal(OpenError, "table.npy").startswith("table.npy: not an NPY file: ")


# --- the Python face


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        ((A, B), ("A", "b")),
        ((A.tolist(), B.tolist()), ("A", "b")),
        ((np.column_stack([A, B]),), ("A",)),
        (("A.csv", "b.csv"), ("A.csv", "b.csv")),
        (("A.csv", B), ("A.csv", "b")),
        ((A, Path("b.npy")), ("A", "b.npy")),
        (("table.csv",), ("table.csv",)),
        ((["A.csv", "b.csv"],), ("A.csv", "b.csv")),
        (("both.npz",), ("both.npz",)),
    ],
)
def test_python_gives_arrays_and_paths(arguments, data):
    source = open_python(*arguments)

    assert is_the_problem(source)
    assert source.data == data


def test_python_options_are_strings_or_several():
    source = open_python(np.column_stack([B, A]), target="1", columns=[3, 2], missing="drop")

    assert source.names == ("x3", "x2")
    assert source.targets == ("b",)


def test_python_passes_a_source_through():
    source = opened("table.csv")
    assert open_python(source) is source

    with pytest.raises(UsageError, match=r"a source has its b and its columns already; give it alone"):
        open_python(source, B)


@pytest.mark.parametrize("arguments", [(A, B), (np.column_stack([A, B]),)])
def test_python_weights_may_be_an_array(arguments):
    (block,) = open_python(*arguments, weights=[1, 2, 3]).blocks()
    rows = block.read()

    assert rows.weights.tolist() == [1, 2, 3]
    assert (rows.A.tolist(), rows.b.tolist()) == (A.tolist(), B[:, None].tolist())


def test_python_weights_may_be_a_column():
    (block,) = open_python(np.column_stack([B, A]), B, weights="1").blocks()
    assert block.read().weights.tolist() == B.tolist()


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((A, B), {"target": "1"}, "b and target both say what b is; give one of them"),
        ((A, B), {"weights": A}, "weights are one number a row, not 2"),
        ((A, B), {"missing": "keep"}, 'missing must be "error" or "drop", not \'keep\''),
        ((["A.csv", "b.csv"], B), {}, "A is 2 paths; beside an array it can be one"),
        (
            ("table.csv",),
            {"weights": B},
            "an array of weights goes with A and b, or with one array; name a column of the file",
        ),
    ],
)
def test_python_arguments_that_do_not_go_together_are_usage_errors(arguments, options, words):
    with pytest.raises(UsageError) as error:
        open_python(*arguments, **options)
    assert str(error.value) == words


def test_two_npy_files_import_no_more_than_numpy_does():
    optional = (
        "print(*{'bz2', 'lzma', 'gzip', 'zipfile', 'difflib', 'glob', 'lsq_cli.sources.text.csv'} & set(sys.modules))"
    )
    read = (
        "import sys; from lsq_cli.sources.opening import open_source; from lsq_cli.sources.columns import Request; "
        "[block.read() for block in open_source(['A.npy', 'b.npy'], Request()).blocks()]; "
    )

    assert set(printed_by(read + optional)) <= set(printed_by("import sys, numpy; " + optional))


def printed_by(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()
