"""Damaged files of every format through `lsq solve`, in forked children: a result or one line, never a trace.

A trial takes a seed file, damages a place or a few of it, and solves it. It is well if the command ends by itself with
a result or an error of one line, within `SECONDS` and `BYTES`, and if standard error has nothing that is not ours: no
trace, no warning of Python's, no panic of a library. The suite tries some hundred files, ``benchmarks/mutations.py`` as
many as one likes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import resource
import signal
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import scipy.sparse
import zstandard

SECONDS = 15
BYTES = 2 << 30
BATCH = 100
SHEETS = Path(__file__).parent.parent / "sources" / "binary" / "sheets"
OPTIONS = (
    (),
    ("--missing", "drop"),
    ("-t", "1", "--intercept"),
    ("--no-header",),
    ("--header", "--missing", "drop"),
    ("--na", "2", "--missing", "drop"),
    ("--precision", "double"),
    ("-m", "gd", "--step", "cg", "--max-iter", "50"),
)
TABLE = b"u,v,w,y\n1,2.5,-3e2,4\n2,1,0.1,5.25\n4,,7,1\n3,3,3,8\n0.5,9,NA,2\n6,5,4,3\n"
_SIGNS = [
    b",",
    b"\n",
    b'"',
    b"#",
    b";",
    b"\t",
    b" ",
    b"-",
    b"e",
    b"\xff",
    b"\x00",
    b"1e999",
    b"NA",
    b"%",
    b"\r",
    b"\xe2\x88\x92",
]


class Trial(NamedTuple):
    """A damaged file and what to say to the command."""

    name: str
    data: bytes
    options: tuple[str, ...]


class Fault(NamedTuple):
    """A trial that did not go well, and why."""

    trial: Trial
    why: str


def seeds() -> dict[str, bytes]:
    """A small table in every format, by file name."""
    numbers = np.array([[1, 2.5, 4], [2, 1, 5.25], [4, 7, 1], [3, 3, 8], [0.5, 9, 2]])
    files = {
        "comma.csv": TABLE,
        "semicolon.csv": TABLE.replace(b",", b";"),
        "decimal.csv": TABLE.replace(b",", b";").replace(b".", b","),
        "tab.tsv": TABLE.replace(b",", b"\t"),
        "blanks.txt": b"1 2 3\n4 5 7\n2 2 9\n1 8 8\n",
        "quoted.csv": b'"a b","c","y"\n"1","2",3\n"4","x, y",6\n"7","",8\n',
        "titles.csv": b"Report of May\n\n" + TABLE,
        "comments.csv": b"# made by hand\n" + TABLE + b"# the end\n",
        "names.txt": b"wt\tmpg\nMazda\t2.62\t21\nDatsun\t2.32\t22.8\nHornet\t3.2\t21.4\n",
        "utf16.csv": TABLE.decode().encode("utf-16"),
        "latin.csv": "größe,y\n1,2\n2,4\n3,7\n".encode("latin-1"),
        "one.csv": b"y\n1\n2\n\n4\n",
        "dates.csv": b"day,y,z\n2024-01-01,1,2\n2024-01-02,2,3\n2024-01-03,5,9\n",
    }
    for name, array in {
        "c": numbers,
        "f": np.asfortranarray(numbers),
        "f4": numbers.astype("f4"),
        "i2": numbers.astype(">i2"),
    }.items():
        files[f"{name}.npy"] = _saved(np.save, array)
    files["pair.npz"] = _saved(lambda file, A: np.savez(file, A=A[:, :2], b=A[:, 2]), numbers)
    files["deflated.npz"] = _saved(lambda file, A: np.savez_compressed(file, A=A[:, :2], b=A[:, 2]), numbers)
    files["sparse.npz"] = _saved(lambda file, A: scipy.sparse.save_npz(file, scipy.sparse.csr_array(A)), numbers)
    files["coordinate.mtx"] = _saved(lambda file, A: scipy.io.mmwrite(file, scipy.sparse.coo_array(A)), numbers)
    files["array.mtx"] = b"%%MatrixMarket matrix array real general\n3 2\n1\n2\n3\n2\n5\n1\n"
    frame = pa.table(
        {"u": numbers[:, 0], "who": list("abcde"), "v": numbers[:, 1], "y": numbers[:, 2], "ok": [True] * 5}
    )
    for compression in ("none", "snappy", "zstd"):
        files[f"{compression}.parquet"] = _saved(
            lambda file, table, kind=compression: pq.write_table(
                table, file, compression=kind, write_page_checksum=True
            ),
            frame,
        )
    files["sheet.xlsx"] = _saved(lambda file, rows: _book(rows).save(file), [["u", "v", "y"], *numbers.tolist()])
    files["sheet.xls"], files["sheet.ods"] = ((SHEETS / name).read_bytes() for name in ("t.xls", "t.ods"))
    files["table.zip"] = _saved(lambda file, data: zipfile.ZipFile(file, "w").writestr("t.csv", data), TABLE)
    packed = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}
    for suffix, compress in packed.items():
        for name in ("comma.csv", "c.npy", "none.parquet"):
            files[name + suffix] = compress(files[name])
    return files


def trials(random: Random, count: int, files: dict[str, bytes]) -> list[Trial]:
    """So many damaged files."""
    names = list(files)
    return [
        Trial(name := random.choice(names), damaged(random, files[name]), random.choice(OPTIONS)) for _ in range(count)
    ]


def damaged(random: Random, data: bytes) -> bytes:
    """`data` with one place changed, sometimes a few."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        start = random.randrange(len(data) + 1)
        stop = min(len(data), start + random.choice((0, 1, 1, 2, 4, 8, 40)))
        instead = random.choice(
            (
                b"",
                bytes(random.randrange(256) for _ in range(stop - start or 1)),
                random.choice(_SIGNS),
                data[start:stop] * 2,
                b"\xff" * (stop - start),
                b"\x00" * (stop - start),
            )
        )
        data = data[:start] if random.random() < 0.05 else data[:start] + instead + data[stop:]
    return data


def run(batch: list[Trial]) -> tuple[Counter[str], list[Fault]]:
    """How the trials ended, by exit code, and those that did not go well; in a child, so that nothing can be broken."""
    ends, faults = _in_child(batch)
    if ends is not None:
        return ends, faults
    if len(batch) == 1:
        return Counter(died=1), [Fault(batch[0], "the process died")]
    middle = len(batch) // 2  # to find the one that killed it
    left, right = run(batch[:middle]), run(batch[middle:])
    return left[0] + right[0], left[1] + right[1]


def _in_child(batch: list[Trial]) -> tuple[Counter[str] | None, list[Fault]]:
    """What a forked child says of its trials; None where it died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with os.fdopen(writing, "wb") as told:
                pickle.dump(_tried(batch), told)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        data = told.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else (None, [])


def _tried(batch: list[Trial]) -> tuple[Counter[str], list[Fault]]:
    """Each trial in this process, which is a child that may be spoilt."""
    from lsq_cli.commands import lsq
    from lsq_cli.commands.shell import run as run_command

    resource.setrlimit(resource.RLIMIT_AS, (2 * BYTES, 2 * BYTES))
    warnings.resetwarnings()
    warnings.simplefilter("default")
    ends: Counter[str] = Counter()
    faults = []
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        said = os.open("said", os.O_RDWR | os.O_CREAT)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        for trial in batch:
            Path(trial.name).write_bytes(trial.data)
            os.ftruncate(said, 0)
            os.lseek(said, 0, os.SEEK_SET)
            out, sys.stderr = (
                io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
                io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", write_through=True),
            )
            sys.stdin, sys.stdout = io.TextIOWrapper(io.BytesIO()), out
            signal.alarm(SECONDS)
            try:
                code = str(run_command(lsq, ["solve", trial.name, "-f", "json", *trial.options]))
            except BaseException as error:  # whatever it is, it should not have come as far
                code = type(error).__name__
            signal.alarm(0)
            ends[code] += 1
            os.lseek(said, 0, os.SEEK_SET)
            text = os.read(said, 1 << 20).decode("utf-8", "replace")
            if why := _fault(code, text):
                faults.append(Fault(trial, why))
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > BYTES:
            faults.append(Fault(batch[0], "more than 2 GB in this batch"))
        os.chdir("/")
    return ends, faults


def _fault(code: str, text: str) -> str:
    """What is wrong with how a trial ended; nothing where it went well."""
    if code not in ("0", "1", "2", "3"):
        return f"ended by {code}: {text[-300:]}"
    lines = text.splitlines()
    errors = [line for line in lines if line.startswith("lsq: error: ")]
    foreign = [line for line in lines if not line.startswith("lsq: ")] if code != "2" else []
    if foreign or "Traceback" in text or "Warning:" in text:
        return f"exit {code}, and not ours: {text[-300:]}"
    if code == "1" and len(errors) != 1:
        return f"exit 1 with {len(errors)} errors: {text[-300:]}"
    return "not enough memory" if "not enough memory" in text else ""


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError


def _saved(save, content) -> bytes:
    """What `save` writes to a file of its own."""
    file = io.BytesIO()
    result = save(file, content)
    if hasattr(result, "close"):
        result.close()
    return file.getvalue()


def _book(rows) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return book
