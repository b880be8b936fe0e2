"""Every error a user can make with data: one line that names the place and the way out, exit 1, nothing printed.

`docs/errors.md` is made from this table (`pytest --update`).
"""

from __future__ import annotations

import gzip
import io
import os
import resource
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from lsq_cli.core.errors import elided

DOCS = Path(__file__).parent.parent.parent / "docs"


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def parquet(columns: dict[str, list]) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


@dataclass(frozen=True)
class Case:
    """Files, a command, and what its message must speak of."""

    what: str
    args: str
    says: tuple[str, ...]
    files: dict[str, str | bytes] = field(default_factory=dict)
    code: int = 1
    verb: str = "solve"


TABLE = "x,y,z\n1,2,3\n4,5,6\n7,8,10\n"
A, B = "u,v\n1,0\n1,1\n1,2\n", "b\n1\n3\n5\n"

DATA = [
    Case("No such file", "dta.csv", ("dta.csv: no such file", "did you mean 'data.csv'?"), {"data.csv": TABLE}),
    Case("A directory", "folder", ("folder: is a directory", "-t NAME"), {"folder/part.csv": TABLE}),
    Case("A damaged state", "s.lsqs", ("s.lsqs: is damaged or cut off",), {"s.lsqs": b"PK\3\4 and no more"}),
    Case("An empty file", "data.csv", ("data.csv", "empty"), {"data.csv": ""}),
    Case("A header and nothing else", "data.csv", ("data.csv", "no rows"), {"data.csv": "x,y\n"}),
    Case("A short row", "data.csv", ("data.csv, line 3", "2 cells", "3"), {"data.csv": "x,y,z\n1,2,3\n4,5\n"}),
    Case("A long row", "data.csv", ("data.csv, line 3", "4 cells", "3"), {"data.csv": "x,y,z\n1,2,3\n4,5,6,7\n"}),
    Case(
        "A ragged row where only unused columns are short",
        "data.csv -t y --columns x",
        ("data.csv, line 4", "2 cells"),
        {"data.csv": "x,y,z\n1,2,3\n4,5,6\n7,8\n"},
    ),
    Case(
        "Text in a column of numbers",
        "data.csv",
        ("data.csv, line 3, column 2 'y'", "'abc'"),
        {"data.csv": "x,y,z\n1,2,3\n4,abc,6\n"},
    ),
    Case(
        "An empty cell",
        "data.csv",
        ("data.csv, line 3, column 2 'y'", "--missing drop"),
        {"data.csv": "x,y,z\n1,2,3\n4,,6\n"},
    ),
    Case("NA", "data.csv", ("line 3, column 2 'y'", "'NA'", "--missing drop"), {"data.csv": "x,y,z\n1,2,3\n4,NA,6\n"}),
    Case("NaN", "data.csv", ("line 3, column 1 'x'", "NaN", "--missing drop"), {"data.csv": "x,y\n1,2\nNaN,6\n"}),
    Case(
        "An infinite number",
        "data.csv",
        ("line 3, column 1 'x'", "1e400", "--missing drop"),
        {"data.csv": "x,y\n1,2\n1e400,6\n"},
    ),
    Case(
        "A missing mark of one's own",
        "data.csv --na -999",
        ("line 3, column 1 'x'", "-999"),
        {"data.csv": "x,y\n1,2\n-999,6\n"},
    ),
    Case(
        "A and b with different numbers of rows",
        "A.csv b.csv",
        ("A.csv has 3 rows", "b.csv has 2", "is the first row of one a header?"),
        {"A.csv": A, "b.csv": "b\n1\n3\n"},
    ),
    Case("A single column", "data.csv", ("data.csv", "one column"), {"data.csv": "x\n1\n2\n"}),
    Case(
        "Two parts of one table without -t", "p.csv q.csv", ("same header", "add -t"), {"p.csv": TABLE, "q.csv": TABLE}
    ),
    Case("An unknown column", "data.csv -t heigth", ("'heigth'", "'height'"), {"data.csv": "width,height\n1,2\n3,4\n"}),
    Case(
        "A column name that stands twice", "data.csv -t x", ("'x'", "position"), {"data.csv": "x,x,y\n1,2,3\n4,5,6\n"}
    ),
    Case(
        "A column of text as target",
        "data.csv -t name",
        ("'name'", "text"),
        {"data.csv": "x,y,name\n1,2,ann\n4,5,bob\n"},
    ),
    Case(
        "A second header in the middle", "data.csv", ("line 3", "joined with cat"), {"data.csv": "x,y\n1,2\nx,y\n3,5\n"}
    ),
    Case("A truncated NPY file", "A.npy", ("A.npy", "truncated"), {"A.npy": npy(np.ones((50, 3)))[:-9]}),
    Case("An NPY file of Python objects", "A.npy", ("A.npy", "object"), {"A.npy": npy(np.array([[1, None]], object))}),
    Case("Complex numbers", "A.npy", ("A.npy", "complex"), {"A.npy": npy(np.ones((3, 2), complex))}),
    Case("An NPY file of text", "A.npy", ("A.npy", "text"), {"A.npy": npy(np.array([["a", "b"]]))}),
    Case("An array of three dimensions", "A.npy", ("A.npy", "3"), {"A.npy": npy(np.ones((3, 2, 2)))}),
    Case(
        "An array without columns",
        "A.npy b.npy",
        ("A.npy", "no column"),
        {"A.npy": npy(np.ones((3, 0))), "b.npy": npy(np.ones(3))},
    ),
    Case(
        "NaN in an NPY file", "A.npy", ("A.npy", "row 2, column 1"), {"A.npy": npy(np.array([[1.0, 2], [np.nan, 3]]))}
    ),
    Case(
        "A broken gzip file",
        "data.csv.gz",
        ("data.csv.gz", "gzip"),
        {"data.csv.gz": gzip.compress(TABLE.encode() * 99)[:-20]},
    ),
    Case(
        "A zstandard file that is cut off",
        "data.csv.zst",
        ("data.csv.zst", "zstd", "ended before"),
        {"data.csv.zst": zstandard.compress(TABLE.encode() * 99)[:-4]},
    ),
    Case(
        "A Parquet file that is cut off",
        "data.parquet",
        ("data.parquet: truncated", "PAR1"),
        {"data.parquet": parquet({"x": [1.0, 2.0], "y": [3.0, 5.0]})[:-20]},
    ),
    Case(
        "A null in a Parquet file",
        "data.parquet",
        ("row 2, column 1 'x'", "empty", "--missing drop"),
        {"data.parquet": parquet({"x": [1.0, None], "y": [3.0, 5.0]})},
    ),
    Case(
        "A wrong header of a Matrix Market file",
        "A.mtx b.csv",
        ("A.mtx, line 1", "'sparse'", "coordinate, array"),
        {"A.mtx": "%%MatrixMarket matrix sparse real general\n2 2 1\n1 1 5\n", "b.csv": B},
    ),
    Case(
        "An entry outside of its matrix",
        "A.mtx b.csv",
        ("A.mtx, line 4", "no row 3, column 1", "2 × 2"),
        {"A.mtx": "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 5\n3 1 2\n", "b.csv": B},
    ),
    Case(
        "A Matrix Market file that is cut off",
        "A.mtx b.csv",
        ("A.mtx: truncated", "2 entries are promised in line 2, and 1 follow"),
        {"A.mtx": "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 5\n", "b.csv": B},
    ),
    Case(
        "UTF-16 without a byte order mark",
        "data.csv",
        ("data.csv", "UTF-16", "--encoding utf-16-le"),
        {"data.csv": TABLE.encode("utf-16-le")},
    ),
    Case(
        "Text that is not UTF-8",
        "data.csv",
        ("data.csv, line 1", "--encoding latin-1"),
        {"data.csv": "größe,y\n1,2\n3,4\n".encode("latin1")},
    ),
    Case("NUL bytes", "data.csv", ("data.csv", "NUL"), {"data.csv": b"x,y\n1,2\n3,\x004\n"}),
    Case(
        "A first row that may be a header or not",
        "data.csv",
        ("data.csv, line 1", "'n.d.'", "--header", "--no-header", "--na n.d."),
        {"data.csv": "n.d.,2,3\n1,2,5\n3,1,4\n"},
    ),
    Case(
        "A mark above numbers",
        "data.csv",
        ("data.csv, line 1", "'?'", "--header", "--no-header", "--na '?'"),
        {"data.csv": "1,2,?\n2,1,4\n5,2,7\n"},
    ),
    Case(
        "Years beside a word",
        "data.csv",
        ("data.csv, line 1", "'1990', '1991'", "--header", "--no-header"),
        {"data.csv": "Country,1990,1991\nAustria,1,2\nChad,4,1\n"},
    ),
    Case(
        "A row of units",
        "data.csv",
        ("data.csv, line 2", "units", "sed 2d data.csv"),
        {"data.csv": "dose,y\nmg,mm\n1,2\n2,5\n"},
    ),
    Case(
        "Titles above the table",
        "data.csv",
        ("data.csv, line 3", "--skip 2"),
        {"data.csv": "Report\nin mm\na,b\n1,2\n2,5\n"},
    ),
    Case(
        "Cells that two delimiters part",
        "data.csv",
        ("data.csv, line 1", "--delimiter ';'", "--delimiter space"),
        {"data.csv": "1 2;3 4\n2 7;1 5\n"},
    ),
    Case(
        "A line that may be a comment or a row",
        "data.csv",
        ("data.csv, line 3", "--comment '#'", "--comment none"),
        {"data.csv": "x,y\n1,2\n#3,5\n4,9\n"},
    ),
    Case(
        "A spreadsheet's error",
        "data.csv",
        ("line 3, column 1 'x'", "#DIV/0!", "--na '#DIV/0!'"),
        {"data.csv": "x,y\n1,2\n#DIV/0!,5\n4,9\n"},
    ),
    Case(
        "Percent signs",
        "data.csv",
        ("line 2, column 1 'x'", "'5%'", "write 0.05"),
        {"data.csv": "x,y\n5%,2\n7%,3\n"},
    ),
    Case(
        "A decimal comma or a thousands mark",
        "data.csv",
        ("line 2, column 1 'x'", "--decimal , reads 1.234", "write 1234"),
        {"data.csv": "x\ty\n1,234\t2\n2,345\t3\n"},
    ),
    Case(
        "A minus sign that is none",
        "data.csv",
        ("line 2, column 1 'x'", "U+2212", "write -5"),
        {"data.csv": "x,y\n−5,2\n−7,3\n"},
    ),
    Case(
        "A character that no screen shows",
        "data.csv",
        ("line 3, column 1 'x'", "no-break space (U+00A0)", "sed"),
        {"data.csv": "x,y\n1,2\n\u00a0,3\n"},
    ),
    Case(
        "Decimal commas",
        "data.csv",
        ("data.csv, line 2, column 1 'x'", "'1,5'", "decimal comma"),
        {"data.csv": "x;y\n1,5;2\n2,5;3\n"},
    ),
    Case(
        "Thousands marks",
        "data.csv",
        ("line 3, column 1 'x'", "'1,234'", "thousands"),
        {"data.csv": 'x,y\n999,2\n"1,234",3\n'},
    ),
    Case(
        "Underscores in numbers", "data.csv", ("line 3, column 1 'x'", "'1_000'"), {"data.csv": "x,y\n999,2\n1_000,3\n"}
    ),
    Case("A currency sign", "data.csv", ("line 3, column 1 'x'", "'$5'"), {"data.csv": "x,y\n4,2\n$5,3\n"}),
    Case("A hexadecimal number", "data.csv", ("line 3, column 1 'x'", "'0x1A'"), {"data.csv": "x,y\n4,2\n0x1A,3\n"}),
    Case("A quote that is never closed", "data.csv", ("line 3", "quote"), {"data.csv": 'x,y\n1,2\n"3,4\n5,6\n'}),
    Case(
        "A negative weight",
        "data.csv --weights w",
        ("line 3, column 3 'w'", "-1"),
        {"data.csv": "x,y,w\n1,2,1\n2,3,-1\n"},
    ),
    Case("No row left", "data.csv --missing drop", ("data.csv", "missing"), {"data.csv": "x,y\n1,NA\nNA,2\n"}),
    Case(
        "A start of the wrong length",
        "data.csv -m gd --x0 1,2,3",
        ("x0 has 3 numbers", "2 unknowns: x, y"),
        {"data.csv": TABLE},
    ),
    Case(
        "A start with unknown names",
        "data.csv -m gd --x0 start.csv",
        ("start.csv", "'q'"),
        {"data.csv": TABLE, "start.csv": "name,value\nx,1\nq,2\n"},
    ),
    Case(
        "A point of the wrong length",
        "data.csv --at 1,2,3",
        ("--at has 3 numbers", "2 unknowns: x, y"),
        {"data.csv": TABLE},
        verb="gradient",
    ),
    Case(
        "A gradient with an infinite number",
        "data.csv --mine 1,inf",
        ("--mine has a number that is not finite",),
        {"data.csv": TABLE},
        verb="gradient",
    ),
    Case(
        "A gradient in a ragged file",
        "data.csv --mine g.csv",
        ("g.csv: is no matrix of numbers",),
        {"data.csv": TABLE, "g.csv": "1,2\n3\n"},
        verb="gradient",
    ),
    Case("An output folder that does not exist", "data.csv -o nowhere/x.json", ("nowhere",), {"data.csv": TABLE}),
]

G = "y,a,g\n1,2,p\n2,-4,q\n3,5,p\n4,4,\n"
DATA += [
    Case(
        "A logarithm of a negative number",
        "y~log(a) data.csv",
        ("data.csv, line 3, column 2 'a'", "log(a) is not a finite number where a is -4"),
        {"data.csv": G},
        verb="fit",
    ),
    Case(
        "A missing cell in a category",
        "y~g data.csv",
        ("data.csv, line 5, column 3 'g'", "the cell is empty", "--missing drop"),
        {"data.csv": G},
        verb="fit",
    ),
    Case(
        "A level that is none",
        "y~C(g,base='z') data.csv --missing drop",
        ("C(g, base='z')", "there is no level 'z'", "'p', 'q'"),
        {"data.csv": G},
        verb="fit",
    ),
    Case(
        "A formula that leads elsewhere",
        "mpg~wt data.csv",
        ("mpg~wt: no such file", "lsq fit 'mpg~wt' DATA"),
    ),
    Case(
        "A file that is no model",
        "data.csv data.csv",
        ("data.csv: no model", "lsq fit"),
        {"data.csv": G},
        verb="predict",
    ),
    Case(
        "A model whose columns are not there",
        "m.json data.csv",
        ("data.csv: the model needs 'wt'", "there is no such column"),
        {"data.csv": G, "m.json": '{"version": "0.1.0", "names": ["wt"], "targets": ["mpg"], "x": [2.0]}'},
        verb="predict",
    ),
]

USAGE = [
    Case("A learning rate that is not positive", "data.csv -m gd --learning-rate 0", ("--learning-rate", "0"), code=2),
    Case("A learning rate that is no number", "data.csv -m gd --learning-rate nan", ("--learning-rate", "nan"), code=2),
    Case("A negative tolerance", "data.csv -m gd --tol -1", ("--tol", "-1"), code=2),
    Case("An option of the other method", "data.csv --tol 1e-3", ("--tol", "--method gd"), code=2),
    Case(
        "An option of another step rule",
        "data.csv -m gd --step exact --learning-rate 1",
        ("--learning-rate", "--step exact"),
        code=2,
    ),
    Case("A number for a step rule", "data.csv -m gd --step 0.1", ("did you mean --learning-rate 0.1?",), code=2),
    Case("A target that is also selected", "data.csv -t y --columns x,y", ("y",), code=2),
    Case(
        "A mean of weighted rows",
        "data.csv --weights z --objective mean",
        ("--objective mean with --weights", "use sum"),
        code=2,
        verb="gradient",
    ),
    Case("Three paths", "data.csv data.csv data.csv", ("parts of one table? add -t",), code=2),
    Case("Standard input twice", "- -", ("- is standard input", "one path only"), code=2),
    Case("A rank tolerance of a whole column", "data.csv --rank-tol 2", ("--rank-tol", "below 1"), code=2),
    Case("Two results under one name", "data.csv -o x.csv --history x.csv", ("x.csv", "two results"), code=2),
    Case("A result under the name of the data", "data.csv -o data.csv", ("data.csv holds the data",), code=2),
    Case("Iterates where nothing carries them", "data.csv -f csv --iterates 5", ("--iterates", "--format csv"), code=2),
    Case(
        "An option of text for numbers in binary",
        "A.npy --delimiter ;",
        ("--delimiter is for delimited text", "A.npy is NPY"),
        {"A.npy": npy(np.ones((3, 2)))},
        code=2,
    ),
    Case("A formula that names no column", "y~k data.csv", ("'k'", "there is no such column"), code=2, verb="fit"),
    Case(
        "Code in a formula", "y~os.system('x') data.csv", ("attributes are not read in a formula",), code=2, verb="fit"
    ),
    Case("No target and no formula", "data.csv", ("what is to be explained?",), code=2, verb="fit"),
    Case("A covariance that is none", "y~x data.csv --vcov hc3", ("did you mean HC3?",), code=2, verb="fit"),
    Case("A state among other data", "-t y data.csv s.lsqs", ("s.lsqs is a state", "data.csv is none"), code=2),
    Case("A size of memory that is none", "data.csv --memory 5XB", ("--memory", "64MB"), code=2),
    Case("An output of unknown kind", "data.csv -o x.xls", (".json",), code=2),
]


def place(files: dict[str, str | bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def slug(case: Case) -> str:
    return case.what.replace(" ", "-")


@pytest.mark.parametrize("case", DATA + USAGE, ids=slug)
def test_the_message_names_the_place_and_the_way_out(case, run_lsq, tmp_path, monkeypatch):
    place(case.files or {"data.csv": TABLE}, tmp_path)
    monkeypatch.chdir(tmp_path)
    result = run_lsq(case.verb, *case.args.split())

    assert result.code == case.code, result
    assert result.raw == b""
    for part in case.says:
        assert part in result.err, result
    if case.code == 1:
        last = result.err.splitlines()[-1]
        assert last.startswith("lsq: error: "), result
        assert sum(line.startswith("lsq: error") for line in result.err.splitlines()) == 1


def test_an_output_file_that_stood_there_is_untouched_by_an_error(run_lsq, tmp_path, monkeypatch):
    place({"data.csv": "x,y\n1,2\n3,oops\n", "x.json": "old"}, tmp_path)
    monkeypatch.chdir(tmp_path)

    assert run_lsq("solve", "data.csv", "-o", "x.json").code == 1
    assert (tmp_path / "x.json").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.csv", "x.json"]


@pytest.mark.parametrize("limit", [0, 64])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(limit, tmp_path):
    place({"data.csv": TABLE}, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "lsq_cli", "solve", "data.csv", "-f", "json", "-o", "x.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )

    assert done.returncode == 1, done
    assert done.stdout == ""
    assert "x.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["data.csv"]


def test_an_unreadable_file_is_named(run_lsq, tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.touch()
    path.chmod(0)
    if os.geteuid() == 0:
        # Permissions do not stop root: refuse in the system's place.
        real = open

        def refuse(name: object, *args: Any, **kwargs: Any) -> Any:
            if name == str(path):
                raise PermissionError(13, "Permission denied")
            return real(name, *args, **kwargs)  # type: ignore[call-overload]

        monkeypatch.setattr("builtins.open", refuse)
    result = run_lsq("solve", path)

    assert result.code == 1
    assert "data.csv" in result.err
    assert "permission denied" in result.err


def test_the_page_of_errors_is_up_to_date(run_lsq, stored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = [
        "# Errors\n",
        "Made by the tests from the command's own messages.\n",
        "## Data and run errors (exit code 1)\n",
    ]
    for case in DATA + USAGE:
        if case is USAGE[0]:
            page.append("## Usage errors (exit code 2)\n")
        place(case.files or {"data.csv": TABLE}, tmp_path)
        message = run_lsq(case.verb, *case.args.split()).err.splitlines()[-1]
        page.append(f"**{case.what}**\n\n```console\n$ lsq {case.verb} {case.args}\n{message}\n```\n")
    stored(DOCS / "errors.md", "\n".join(page))


def test_of_many_words_the_first_are_listed_and_the_rest_counted():
    assert elided([]) == ""
    assert elided("abcdefgh") == "a, b, c, d, e, f, g, h"
    assert elided("abcdefghijk", between="; ") == "a; b; c; d; e; f; g; h and 3 more"
