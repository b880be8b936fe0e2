"""A spreadsheet in, one sheet as delimited text out: a process of its own, for `sheets.py`.

    python -m lsq_cli.sources.binary.sheet_text SHEET < t.xlsx

python-calamine takes a damaged file at its word: it may ask for more memory than there is, or end the process. Here
that ends this process alone. The first line of the output is a JSON object, ``{"sheet": NAME}`` or ``{"error": WHY}``;
the text follows. It does not import numpy, for it starts with every spreadsheet.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from typing import Any

# Beyond this an integral double is written with an exponent.
_MOST_WHOLE = 1e15
_MEMORY = 1 << 30
"""Bytes that may be taken, and so many for each byte of the file:"""
_MEMORY_A_BYTE = 200


def main() -> None:
    """Read standard input, write standard output."""
    from python_calamine import CalamineWorkbook  # `sheets.py` has seen that it is there

    data = sys.stdin.buffer.read()
    _limit_memory(_MEMORY + _MEMORY_A_BYTE * len(data))
    out = sys.stdout.buffer
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = list(book.sheet_names)
        name = meant(names, sys.argv[1])
        if name is None:
            told: dict[str, Any] = {"sheets": names}
            text = b""
        else:
            told = {"sheet": name}
            text = as_text(book.get_sheet_by_name(name).to_python(skip_empty_area=False))
    except BaseException as error:  # a panic of the package is no Exception
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        told, text = {"error": f"{type(error).__name__}: {why}"}, b""
    out.write(json.dumps(told).encode() + b"\n" + text)
    out.flush()


def meant(names: Sequence[str], asked: str) -> str | None:
    """The sheet that ``--sheet`` means: a name, a position from 1, by default the first; None where there is none."""
    if not asked:
        return names[0] if names else None
    if asked in names:
        return asked
    there = asked.isascii() and asked.isdigit() and 0 < int(asked) <= len(names)
    return names[int(asked) - 1] if there else None


def as_text(rows: Sequence[Sequence[Any]]) -> bytes:
    """The rows as lines of delimited text; without the empty rows and columns at the end.

    A row of one cell in front of the first that has more is a title: it keeps its one cell.
    """
    width = max((k + 1 for row in rows for k, cell in enumerate(row) if cell != ""), default=0)
    height = max((k + 1 for k, row in enumerate(rows) if any(cell != "" for cell in row)), default=0)
    lines, in_titles = [], width > 1
    for row in rows[:height]:
        cells = [_cell(cell) for cell in row[:width]]
        filled = sum(cell != "" for cell in cells)
        in_titles = in_titles and filled < 2
        if filled == 0:
            cells = []
        elif in_titles and cells[0]:
            cells = cells[:1]
        lines.append(",".join(cells) + "\n")
    return "".join(lines).encode("utf-8", "backslashreplace")


def _cell(value: Any) -> str:
    """A cell as text: numbers so that they read back to the same double, all else in quotes."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # A year that is a name has no point; −0.0 keeps its sign.
        whole = value.is_integer() and abs(value) < _MOST_WHOLE and repr(value) != "-0.0"
        return str(int(value)) if whole else repr(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return '"' + " ".join(text.splitlines()).replace('"', '""') + '"' if text else ""


def _limit_memory(size: int) -> None:
    """Let the system refuse more than so many bytes to this process, where it can."""
    try:
        import resource  # not everywhere

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size if most == resource.RLIM_INFINITY else min(size, most), most))
    except (ImportError, ValueError, OSError):
        pass


if __name__ == "__main__":
    main()
