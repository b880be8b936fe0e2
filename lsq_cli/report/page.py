"""How names, labels and numbers are written, for a screen that may be narrow or cannot show ‖.

Names come from the data and are printed as text: control characters escaped, nothing read as markup, and what
the encoding lacks as a backslash escape. Labels are ours and have a spelling in ASCII: ‖Ax − b‖ is ||Ax - b||.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from lsq_cli.core.errors import shown
from lsq_cli.core.solution import ALL_DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

SUMMARY_DIGITS = 6
_SIGNS = "‖∇−≈·…½²ᵀ×∂∘βλΣᵢⱼ"
_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = str.maketrans(
    {
        "‖": "||",
        "∇": "grad ",
        "−": "-",
        "≈": "~=",
        "·": "*",
        "…": "...",
        "½": "1/2 ",
        "²": "^2",
        "ᵀ": "^T",
        "×": "x",
        "∂": "d",
        "∘": " o ",
        "β": "beta ",
        "λ": "lambda ",
        "Σ": "sum",
        "ᵢ": "_i",
        "ⱼ": "_j",
    }
)
_ANY_LENGTH = 10**9
_NAME = 40  # cells of a name on a terminal at most
_NUMBER = 30  # … and so many are left beside it for a number of 17 digits
_LEAST_NAME = 8


class Page(NamedTuple):
    """Where text is printed: its encoding and, for a terminal, its width in cells."""

    encoding: str = "utf-8"
    width: int | None = None
    """None where nothing limits it, as in a file or a pipe."""

    def label(self, text: str) -> str:
        """`text` of ours, in ASCII where the encoding lacks one of our signs."""
        return text if self._can_show(_SIGNS) else text.translate(_ASCII)

    def name(self, text: str) -> str:
        """`text` of the data, safe to print; long names are cut in the middle on a terminal only."""
        safe = shown(text, _ANY_LENGTH if self.width is None else max(_LEAST_NAME, min(_NAME, self.width - _NUMBER)))
        if self._can_show(safe):
            return safe
        return self.label(safe).encode(self.encoding, "backslashreplace").decode(self.encoding)

    def message(self, text: str) -> str:
        """A sentence of ours that may quote the data: as `name`, never cut."""
        return Page(self.encoding).name(text)

    def fall(self, values: Sequence[float]) -> str:
        """Positive values as a line of blocks, the lowest an eighth high, on a log scale; empty without two heights."""
        logs = [math.log10(value) for value in values if 0.0 < value < math.inf]
        if not self._can_show(_BLOCKS) or not logs or not min(logs) < max(logs):
            return ""
        low, scale = min(logs), (len(_BLOCKS) - 1) / (max(logs) - min(logs))
        heights = (math.log10(value) if value > 0.0 else low for value in values if value < math.inf)
        return "".join(_BLOCKS[round((height - low) * scale)] for height in heights)

    def _can_show(self, text: str) -> bool:
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True


_SPARE = 8  # more blanks than these are not worth it


def significant(value: float | None, digits: int = SUMMARY_DIGITS) -> str:
    """`value` with `digits` significant digits, trailing zeros dropped."""
    return "not known" if value is None else f"{value + 0.0:.{digits}g}"  # + 0.0: no minus before a zero


def coefficient(value: float, sure: float | None) -> str:
    """`value` with as many digits as are sure, every one that a double has at most; 10 where that is not known."""
    if sure is not None and sure >= ALL_DIGITS:
        return repr(float(value) + 0.0).removesuffix(".0")
    return significant(value, 10 if sure is None else max(1, int(sure)))


def decimal_aligned(numbers: list[str]) -> list[str]:
    """`numbers` padded to one width, with decimal points below each other; on the right where that is too wide."""
    wholes = [number.partition("e")[0].partition(".")[0] for number in numbers]
    left = max(map(len, wholes), default=0)
    padded = [" " * (left - len(whole)) + number for whole, number in zip(wholes, numbers, strict=True)]
    width, longest = (max(map(len, each), default=0) for each in (padded, numbers))
    # Beside -4.1e+11 the point of -2740941335 stands far to the right, and half of the column is blank.
    if width > longest + _SPARE:
        return [number.rjust(longest) for number in numbers]
    return [number.ljust(width) for number in padded]
