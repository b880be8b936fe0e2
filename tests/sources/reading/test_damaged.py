"""Damaged text under every dialect: numbers, or one error in one line; never another exception."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random

import pytest
from byte_sources import Bytes, pipe
from csv_mutations import SEEDS

from lsq_cli.core.errors import LsqError
from lsq_cli.sources.column import Kind
from lsq_cli.sources.text.csv import CsvTable
from lsq_cli.sources.text.deciding import TextOptions

HERE = Path(__file__).parent
SIGNS = [*(bytes([sign]) for sign in b'",;\t| \n\r#.-%$()01a\0\xff'), b"\r\r\n", b"# ", b"NA", b"nan", b'""', b"1,234"]
SIGNS += [word.encode() for word in ("\u00a0", "−", "１", "\u200b", "#DIV/0!", "1e999%", "0x" + "f" * 70)]
CHOICES = {
    "delimiter": (None, None, None, ",", "tab", "space", ";"),
    "header": (None, None, None, True, False),
    "na": ((), (), ("-",), ("1", "x")),
    "no_default_na": (False, False, True),
    "skip": (0, 0, 0, 1, 2, 50),
    "decimal": (None, None, ","),
    "comment": (None, None, "#", "none"),
    "encoding": (None, None, None, None, "latin-1", "utf-16", "utf-16-le", "cp1252", "utf-32"),
}


def texts() -> list[bytes]:
    found = list(SEEDS.values())
    for name in ("cases.json", "siblings.json"):
        for case in json.loads((HERE / name).read_text("utf-8")):
            found += [text.encode() for text in case.get("files", {}).values()]
            found += [base64.b64decode(data) for file, data in case.get("base64", {}).items() if file.endswith(".csv")]
    return found


def damaged(text: bytes, random: Random) -> bytes:
    for _ in range(random.randint(0, 3)):
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice(SIGNS) * random.choice((1, 1, 5)) + text[place + random.choice((0, 1, 3)) :]
    return text


@pytest.mark.parametrize("seed", range(4))
def test_damaged_text_gives_numbers_or_one_line(seed):
    random, known, ends, said = Random(seed), texts(), set(), list[str]()
    for _ in range(500):
        text = damaged(random.choice(known), random)
        options = TextOptions(**{name: random.choice(values) for name, values in CHOICES.items()})
        try:
            table = CsvTable(random.choice((Bytes, pipe))(text), options)
            numbers = tuple(column for column in table.columns if column.kind is Kind.NUMBER)
            rows = [len(block.read().values) for block in table.blocks(numbers, random.choice(("error", "drop")))]
            ends.add("rows" if sum(rows) else "no rows")
        except LsqError as error:
            ends.add(type(error).__name__)
            said.append(str(error))

    assert not [message for message in said if "\n" in message]
    assert {"rows", "TableError", "CellError"} <= ends
