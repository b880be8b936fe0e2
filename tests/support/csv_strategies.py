"""Random tables of delimited text as hypothesis draws them, and what damages them."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from lsq_cli.sources.text.marks import MARKS

floats = st.floats(allow_nan=False, allow_infinity=False)
written = st.one_of(
    floats.map(repr),
    floats.map("{:+.3g}".format),
    floats.map("{:.25e}".format),
    st.integers(-999, 999).map(str),
    st.from_regex(r"\A[+-]?([0-9]{1,9}\.[0-9]{0,9}|\.[0-9]{1,9})([eE][+-]?[0-9]{1,3})?\Z"),
)
missing = st.sampled_from([*(mark for mark in MARKS if mark), "NaN", "-nan", "inf", "1e999", "-77"])
text = st.text(st.sampled_from('ab ,;\t"\n#é\xa0'), max_size=6)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def put(draw, cell: str, delimiter: str) -> str:
    """A cell as some program might write it."""
    if draw(st.integers(0, 3)) == 0 or re.search(r'[\s",;|#]', cell) or not cell:
        cell = quoted(cell)
    if delimiter == " ":
        return cell
    around = st.sampled_from(["", "", "", " ", "  "])
    return draw(around) + cell + draw(around)


@st.composite
def tables(draw):
    """(bytes, delimiter, rows of cells, the line of each row): column 0 is text, the others are numbers or missing."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    columns = draw(st.integers(2, 4))
    cell = st.one_of(written, written, written, missing) if draw(st.booleans()) else written
    rows = draw(st.lists(st.tuples(text, *[cell] * (columns - 1)), min_size=1, max_size=8))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines, line_of, line = [], [], 2
    for row in rows:
        between = draw(st.sampled_from(["", "", "", "\n", "# no, row\n", '#"\n', "  \n"]))
        line += between.count("\n")
        line_of.append(line)
        gap = delimiter if delimiter != " " else draw(st.sampled_from([" ", "  ", " \t"]))
        lines.append(between + gap.join(put(draw, str(item), delimiter) for item in row))
        line += 1 + "".join(row).count("\n")
    body = "\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n"]))
    header = delimiter.join(f"n{k}" for k in range(columns))
    return f"{header}\n{body}".replace("\n", end).encode(), delimiter, rows, line_of


MUTATIONS = [
    b'"',
    b",",
    b"\n",
    b" ",
    b"\r",
    b"#",
    b".",
    b"e",
    b"+",
    b"_",
    b"x",
    b"\xa0",
    b"\0",
    b'""',
    b',"',
    b' "',
    b"nan",
]
