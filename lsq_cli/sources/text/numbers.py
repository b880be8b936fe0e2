"""What a cell of text stands for as a number.

The grammar is exactly that of ``numpy.loadtxt``: blanks around, a sign, ``5.``, ``.5``, ``1e400`` (infinite), ``nan``
and ``inf``; with ``--decimal ,`` a comma in the place of the point. Never ``1_000``, ``1,234``, ``$5``, ``5%``,
``1.0D+02``, ``(300)`` or digits outside ASCII: those are numbers elsewhere (`conventions.py`), and are named in an
error, not guessed.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE)
SWAP = bytes.maketrans(b",.", b".,")
"""Makes text with decimal commas what the parsers read, and its points what they refuse."""
SWAPPED = {ord(","): ".", ord("."): ","}


def number(text: str, decimal: str = ".") -> float | None:
    """The double that a stripped cell stands for, or None; nan and inf are doubles."""
    if decimal == ",":
        text = text.translate(SWAPPED)
    return float(text) if _NUMBER.fullmatch(text) else None
