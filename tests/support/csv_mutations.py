"""Damaged blocks of delimited text, read with and without the fast parser: both must say the same.

A trial takes one of the seeds, damages one place of it (more, and every parser refuses everything), and reads it as a
block. The readers agree if they give the same doubles and reasons to the bit, or the same error. The suite tries
thousands, ``benchmarks/csv_mutations.py`` as many as one likes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from unittest import mock

import numpy as np

from lsq_cli.core.errors import DataError
from lsq_cli.sources.text import fast
from lsq_cli.sources.text.csv import CsvBlock
from lsq_cli.sources.text.deciding import TextOptions, decide
from lsq_cli.sources.text.dialect import Dialect
from lsq_cli.sources.text.lines import sound_text
from lsq_cli.sources.text.marks import Marks
from lsq_cli.sources.text.numbers import SWAP

SEEDS = {
    "digits": b"a,b,c,d\n0.1234567890123457,-1.5e-7,3,4\n-0.030259108274691,22.000000000000004,1e22,-0.0\n"
    b"9007199254740993,4.35,.5,5.\n1.7976931348623157e308,5e-324,2.2250738585072011e-308,+1\n",
    "integers": b"a,b,c\n1,2,3\n4,5,6\n7,8,9\n0,1,2\n",
    "quoted text": b'a,b,c\n"x, y",1.5,2\n"z ""q""",3,4\n"line\nend",5,6e2\n"",7,8\n',
    "quoted numbers": b'a,b,c\n"1.5","2","3"\n"4"," 5","6"\n7,"8e1",9\n',
    "byte order mark": b"a,b,c\n\xef\xbb\xbf1,2,3\n4,5,6\n7,8,9\n",
    "bare returns": b"a,b,c\n1,2,3\r4,5,6\r7,8,9\r",
    "returns and newlines": b"a,b,c\r\n1.25,2,3\r\n4,5,6\r\n7,8,9.5\r\n",
    "no newline at the end": b"a,b,c\n1,2,3\n4,5,6\n7,8,9",
    "all rows short": b"a,b,c\n1,2\n4,5\n7,8\n",
    "all rows long": b"a,b,c\n1,2,3,4\n4,5,6,7\n",
    "text in the last column": b"a,b,c\n1,2,x y\n4,5,u\n7,8,#v\n",
    "text in the first column": b"a,b,c\n\xc3\xa9,2,3\nzz,5,6\nw,8,9\n",
    "years for names": b"id,2019,2020\n17,2,3\n18,5,6\n19,8,9\n",
    "one column": b"b\n1.5\n-2e3\n0.1\n",
    "semicolons": b"a;b;c\n1.5;2;3\n4;5;6,5\n7;8;9\n",
    "tabs": b"a\tb\tc\n1\t2\t3\n4\t5\t6\n",
    "blanks": b"a b c\n1 2 3\n4  5 6\n 7 8 9 \n",
    "blanks around": b"a, b, c\n1, 2, 3\n 4, 5, 6\n7 ,8,9\n",
    "missing": b"a,b,c\n1,,3\nNA,5,6\n7,nan,9\n1e999,1,1\n",
    "comments": b"a,b,c\n1,2,3\n#4,5,6\n7,8,9\n",
    "empty lines": b"a,b,c\n1,2,3\n\n4,5,6\n\n",
}
_SIGNS = [bytes([sign]) for sign in b'0123456789+-.eE,;"\n\r \t#_xXnaifNAdD|\v\x1c\x00\xa0\xff']
_STRINGS = [
    b'""',
    b"nan",
    b"inf",
    b"NA",
    b"\r\n",
    b"1e5",
    b"e999",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b",,",
    b"\n\n",
    b"a,b,c\n",
]


def damaged(body: bytes, random: Random) -> bytes:
    """`body` with one place of it changed, taken out or added to."""
    place = random.randrange(len(body) + 1)
    taken = random.choice((0, 0, 1, 1, 2, random.randrange(8)))
    put = random.choice((b"", random.choice(_SIGNS), random.choice(_SIGNS), random.choice(_STRINGS)))
    return body[:place] + put + body[place + taken :]


def dialect_of(seed: bytes) -> tuple[Dialect, bytes]:
    """How a seed is written, and its rows."""
    text = sound_text(seed.replace(b"\xef\xbb\xbf", b""), 1, "data.csv")
    found = decide(text[: text.index(b"\n") + 1] * 2, "data.csv", TextOptions(header=True))
    assert found is not None
    names = text[: text.index(b"\n")]
    return replace(found.dialect, header=names), seed[seed.index(b"\n") + 1 :]


def rewritten(dialect: Dialect, body: bytes, random: Random) -> tuple[Dialect, bytes]:
    """The same under another dialect: what # begins, which number is a mark, whether commas are decimal."""
    decimal = random.choice((".", ".", ","))
    if decimal == "," and dialect.delimiter != ",":
        body = body.translate(SWAP)
    marks = Marks(random.choice(((), ("7",), ("-77", "?"))), random.random() < 0.8, decimal)
    policy = random.choice((None, "#", "none"))
    return replace(dialect, comment=policy, marks=marks, decimal=decimal), body


def outcome(block: CsvBlock) -> tuple[object, ...]:
    """What reading gives: all bits of the cells, or the error."""
    try:
        values, reasons = block.read()
    except DataError as error:
        return type(error), str(error)
    values = np.where(np.isnan(values), np.nan, values)  # of nan there are many, all as good
    return values.shape, values.tobytes(), None if reasons is None else reasons.tobytes()


def read_both_ways(
    dialect: Dialect, body: bytes, columns: tuple[int, ...], missing: str
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """The outcomes of the fast reader and of the slow one."""
    block = CsvBlock(None, dialect, columns, missing, 0, len(body), 2, body)
    return outcome(replace(block, large=True)), outcome(block)


def trial(random: Random) -> str:
    """One damaged block: "fast" where the fast parser was sure, "slow" where the slow way answered, "refused".

    Raises
    ------
    AssertionError
        Where the two differ.
    """
    name = random.choice(list(SEEDS))
    dialect, body = dialect_of(SEEDS[name])
    dialect, body = rewritten(dialect, damaged(body, random), random)
    width = len(dialect.names)
    columns = tuple(random.sample(range(width), random.randint(1, width)))
    missing = random.choice(("error", "drop"))
    with mock.patch.object(fast, "PIECE_CELLS", random.choice((5, fast.PIECE_CELLS))):
        quick, slow = read_both_ways(dialect, body, columns, missing)
    said = f"{name}, {dialect.comment}, {dialect.decimal}, {dialect.marks.own}"
    assert quick == slow, f"{said}, columns {columns}, {missing}: {body!r}\n  fast: {quick}\n  slow: {slow}"
    if isinstance(slow[0], type):
        return "refused"
    return "fast" if fast.whole_lines(sound_text(body, 2, "data.csv"), dialect, columns) is not None else "slow"


def trials(count: int, seed: int) -> Counter[str]:
    """How many trials ended how."""
    random = Random(seed)
    return Counter(trial(random) for _ in range(count))
