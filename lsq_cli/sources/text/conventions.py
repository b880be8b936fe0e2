"""Numbers in other conventions: percent, currency, thousands marks, decimal commas, Fortran, other digits and signs.

They are an error that says how to write them here, also where a whole column is written so; only words are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from lsq_cli.sources.text.numbers import SWAPPED, number

COMMA, THOUSANDS, EITHER = "a decimal comma", "thousands marks", "a comma"


class Convention(NamedTuple):
    """How a cell that is no number here is one elsewhere.

    Attributes
    ----------
    kind : str
        What it is written with; `EITHER` where 1,234 may be 1234 as well as 1.234.
    here : str
        The way to write it here; of `EITHER` as thousands. Empty where there is nothing to write.
    """

    kind: str
    here: str

    @property
    def problem(self) -> str:
        """What the cell is, and how to write it."""
        kind = THOUSANDS if self.kind == EITHER else self.kind
        how = kind if kind.startswith(("hex", "holds", "in ")) else f"written with {kind}"
        return f"{how}; write {self.here}" if self.here else how


def convention(text: str, decimal: str = ".") -> Convention | None:
    """Why a stripped cell that is no number here is one elsewhere, and how to write it here; None for text."""
    # In none does a number begin with a letter.
    if not text or len(text) > _LONGEST or (text.isascii() and text[0].isalpha()):
        return None
    if decimal == ".":
        return _convention(text)
    known = _convention(text.translate(SWAPPED))
    if known is None:
        return None
    return Convention("a decimal point" if known.kind == COMMA else known.kind, known.here.translate(SWAPPED))


def with_point(text: str) -> str:
    """A cell with a decimal comma, as it is written here."""
    return re.sub(r"[.\s'’]", "", text).replace(",", ".")


def meant_by_comma(found: Iterable[Convention], delimiter: str) -> str:
    """What the commas in a column are: by a cell that can be read in one way, else by what stands between cells."""
    kinds = {each.kind for each in found}
    if COMMA in kinds:
        return COMMA
    if THOUSANDS in kinds or delimiter == ",":
        return THOUSANDS
    return COMMA if delimiter == ";" else EITHER


def invisible(text: str) -> str:
    """The first character that no screen shows, in words: ``a no-break space (U+00A0)``; empty if there is none."""
    import unicodedata  # for the rare cell outside ASCII

    for sign in text:
        if sign != " " and unicodedata.category(sign) in ("Zs", "Cf", "Zl", "Zp"):
            name = unicodedata.name(sign, "character").lower()
            return f"{'an' if name[0] in 'aeiou' else 'a'} {name} (U+{ord(sign):04X})"
    return ""


_LONGEST = 64
"""Characters in a number of any convention; what is longer is text."""
_BLANK_MARKS = " '’\u00a0\u202f\u2009"
_EXPONENT = r"(?:e[+-]?\d+)?"
_GROUPED = rf"[1-9]\d{{0,2}}(?:[{_BLANK_MARKS}]\d{{3}})+"
_BODIES = (
    ("hexadecimal", r"[+-]?0x[0-9a-f]+"),
    ("underscores", r"[+-]?\d+(?:_\d+)+(?:\.\d*)?"),
    (EITHER, r"[+-]?[1-9]\d{0,2},\d{3}"),
    (THOUSANDS, rf"[+-]?[1-9]\d{{0,2}}(?:,\d{{3}})+(?:\.\d*)?{_EXPONENT}"),
    (THOUSANDS, r"[+-]?[1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d*)?"),
    (THOUSANDS, rf"[+-]?{_GROUPED}(?:\.\d*)?"),
    (THOUSANDS, r"[+-]?[1-9]\d{0,2}(?:\.\d{3}){2,}"),
    (COMMA, rf"[+-]?(?:\d+|{_GROUPED}|[1-9]\d{{0,2}}(?:\.\d{{3}})+)?,\d+{_EXPONENT}"),
    # With a point or a sign, as Fortran writes it: 1974Q1 is a quarter, 12D3 somebody's identifier.
    ("a Fortran exponent", r"[+-]?(?:(?:\d+\.\d*|\.\d+)[dq][+-]?\d+|\d+[dq][+-]\d+)"),
    ("a Fortran exponent", r"[+-]?\d*\.\d*[+-]\d{3}"),
    ("a power of ten", r"[+-]?\d+\.?\d* ?[×x*·] ?10\^[+-]?\d+"),
)
_MINUS = "−–‒﹣－"
_WIDE = str.maketrans("＋．，％ｅＥ", "+.,%eE")


def _convention(text: str) -> Convention | None:
    """`convention` where a point is the decimal mark."""
    if not text.isascii() and (seen := invisible(text)) and (found := _without_invisible(text, seen)):
        return found
    plain, kinds = text, list[str]()
    if not plain.isascii():
        plain = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in plain.translate(_WIDE))
        if plain != text:
            kinds.append("digits or signs outside ASCII")
        if minus := re.search(rf"(?:^|(?<=[eE(]))[{_MINUS}]", plain):
            kinds.append(f"the minus sign U+{ord(minus[0]):04X}")
            plain = re.sub(rf"(^|(?<=[eE(]))[{_MINUS}]", "-", plain)
    negative = False
    if bracketed := re.fullmatch(r"\((.+)\)|([^+-].*)-", plain):
        kinds.append("accounting brackets" if bracketed[1] else "the minus behind")
        plain, negative = bracketed[1] or bracketed[2], True
    percent = plain[-1:] in ("%", "‰")
    if percent:
        kinds.append(f"a {'percent' if plain[-1] == '%' else 'per mille'} sign")
        plain, divisor = plain[:-1].rstrip(), 100 if plain[-1] == "%" else 1000
    if money := re.fullmatch(r"([+-]?)(?:(\D) ?([^+-].*)|([^+-].*?) ?(\D))", plain):
        sign = money[2] or money[5]
        if _is_currency(sign):
            kinds.append("a currency sign")
            plain = money[1] + (money[3] or money[4])
    body = _body(plain)
    if body is None or (negative and plain.startswith("-")) or not (kinds or body.kind):
        return None
    here = f"-{body.here.lstrip('+')}" if negative else body.here
    if percent:
        from decimal import Decimal  # which says 0.15, not 0.15000000000000002

        here = str(Decimal(here) / divisor)
    if not kinds:
        return Convention(body.kind, here)
    return Convention(" and ".join([*kinds, *filter(None, [THOUSANDS if body.kind == EITHER else body.kind])]), here)


def _is_currency(sign: str) -> bool:
    """Whether a character is the sign of a currency."""
    if sign.isascii():
        return sign == "$"
    import unicodedata  # for the rare cell outside ASCII

    return unicodedata.category(sign) == "Sc"


def _without_invisible(text: str, seen: str) -> Convention | None:
    """The convention of a cell with characters that no screen shows, unless they group its digits or it has words."""
    import unicodedata

    category = {sign: unicodedata.category(sign) for sign in text}
    kept = "".join(sign for sign in text if category[sign] not in ("Cf", "Zl", "Zp")).strip()
    if kept == text:
        return None
    if not kept:
        return Convention(f"holds nothing but {seen}", "")
    here = kept if number(kept) is not None else None
    if here is None:
        found = _convention(kept)
        here = found and found.here
    return Convention(f"holds {seen}", here) if here is not None else None


def _body(text: str) -> Convention | None:
    """A number without its wrapping: what it is written with, empty where that is as here."""
    if text and text[-1].isdigit() | (text[-1] == ".") and number(text) is not None:
        return Convention("", text)
    flags = re.ASCII | re.IGNORECASE
    kind = next((kind for kind, pattern in _BODIES if re.fullmatch(pattern, text, flags)), None)
    if kind is None:
        return None
    if kind == "hexadecimal":
        return Convention(kind, str(int(text, 16)))
    if kind == COMMA:
        return Convention(kind, with_point(text))
    if kind == THOUSANDS and text.count(".") > 1:
        return Convention(kind, text.replace(".", ""))
    if kind == "a Fortran exponent":
        return Convention(kind, re.sub(r"[dDqQ]|(?<=[\d.])(?=[+-]\d{3}$)", "e", text, count=1))
    if kind == "a power of ten":
        return Convention(kind, re.sub(r" ?[×x*·] ?10\^", "e", text, flags=re.IGNORECASE))
    return Convention(kind, re.sub(rf"[,_{_BLANK_MARKS}]", "", text))
