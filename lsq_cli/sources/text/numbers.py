"""What a cell of text stands for as a number, here and by other conventions.

The grammar of numbers is exactly that of ``numpy.loadtxt``: blanks around, a sign, ``5.``, ``.5``, ``1e400``
(infinite), ``nan`` and ``inf``; never ``1_000``, ``0x1A``, ``1,234``, ``$5`` or digits outside ASCII. Those
are numbers elsewhere (`convention`): they are named in the error, not guessed.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE)


def number(text: str) -> float | None:
    """The double that a stripped cell stands for, or None; nan and inf are doubles."""
    return float(text) if _NUMBER.fullmatch(text) else None


_THOUSANDS = r"[1-9]\d{0,2}(?:[, '’\u00a0\u202f]\d{3})+(?:\.\d*)?"
_AMOUNT = rf"(?:{_THOUSANDS}|\d+\.?\d*|\.\d+)"
_CONVENTIONS = {
    "hexadecimal": r"[+-]?0x[0-9a-f]+",
    "written with underscores": r"[+-]?\d+(?:_\d+)+(?:\.\d*)?",
    "written with a currency sign": rf"[+-]?[$€£¥] ?{_AMOUNT}|[+-]?{_AMOUNT} ?[$€£¥]",
    "written with thousands marks": rf"[+-]?{_THOUSANDS}",
    "written with a decimal comma": r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)?,\d+(?:e[+-]?\d+)?",
}


def convention(text: str) -> str | None:
    """Why a stripped cell that is no number here is one elsewhere, and how to write it here; None for text."""
    for words, pattern in _CONVENTIONS.items():
        if re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE):
            if words == "hexadecimal":
                here = str(int(text, 16))
            elif "decimal comma" in words:
                here = text.replace(".", "").replace(",", ".")
            else:
                here = re.sub(r"[^\d.+-]", "", text)
            return f"{words}; write {here}"
    return None
