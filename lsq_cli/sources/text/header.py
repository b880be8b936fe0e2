"""Whether the first row holds the names of the columns, by what stands below it.

    a word above numbers                             a header     (a word has a letter, and is no mark and no number)
    a quoted number above unquoted ones              a header
    an empty cell, then 0, 1, 2, …                   a header     (pandas)
    a number above numbers                           a row
    text above text, anything above missing cells    says nothing

Evidence of both kinds is refused, and so is a mark such as ``?`` above numbers, with the option for each reading.
Numbers that count, which the next row does not continue, may be years or positions: beside a word or an empty cell they
are refused too, alone they are a row, with a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lsq_cli.core.errors import elided, shown
from lsq_cli.sources.text.dialect import unquoted
from lsq_cli.sources.text.marks import SHEET_ERRORS, Marks

NUMBER, QUOTED, EMPTY, MARK, WORD, SIGN = "number", "quoted number", "empty", "mark", "word", "sign"
"""What a cell is, as far as the header goes; a sign is neither word nor number."""


class Verdict(NamedTuple):
    """What the first row is, and why; `refusal` where that cannot be told, `warning` where it is not sure."""

    is_header: bool
    why: str
    warning: str = ""
    refusal: str = ""


def kind_of(raw: bytes, marks: Marks) -> str:
    """The kind of a cell as it is written; a number in another convention is a number, so is a spreadsheet's error."""
    text = unquoted(raw) if raw.startswith(b'"') else raw.decode("utf-8", "replace")
    if not text:
        return EMPTY
    judged = marks.judge(text)
    if judged is not None and judged[0] != judged[0]:
        return MARK
    if judged is not None:
        return QUOTED if raw.startswith(b'"') else NUMBER
    if text in SHEET_ERRORS or _is_number_elsewhere(text, marks.decimal):
        return NUMBER
    return WORD if any(sign.isalpha() for sign in text) else SIGN


def _is_number_elsewhere(text: str, decimal: str) -> bool:
    """Whether a cell is a number in another convention; none begins with a letter."""
    if text.isascii() and text[0].isalpha():
        return False
    from lsq_cli.sources.text.conventions import convention  # plain words and numbers do without

    return convention(text, decimal) is not None


def judge_first_row(first: Sequence[bytes], below: Sequence[Sequence[bytes]], marks: Marks) -> Verdict:
    """Whether the first row is a header, by the rows below it.

    Parameters
    ----------
    first : sequence of bytes
        Its cells as they are written.
    below : sequence of sequences of bytes
        Those of the rows below.
    marks : Marks
    """
    kinds = [kind_of(cell, marks) for cell in first]
    numeric = [k for k in range(len(first)) if _stands(below, k, marks, (NUMBER, QUOTED))]
    if _is_pandas(first, below):
        return Verdict(True, "an empty cell, then 0, 1, 2, …: pandas' default names")
    words = [k for k in numeric if kinds[k] == WORD]
    quoted = [k for k in numeric if kinds[k] == QUOTED and _stands(below, k, marks, (NUMBER,))]
    signs = [k for k in numeric if kinds[k] == SIGN]
    numbers = [k for k in numeric if kinds[k] in (NUMBER, QUOTED) and k not in quoted]
    named, said = words or quoted, _Said(first)
    if named and numbers:
        return _both(said, named, numbers, words)
    if signs and not named:
        return _signs(said, signs)
    if not named and (counting := _counting(first, below, kinds)):
        beside = [k for k, kind in enumerate(kinds) if kind in (WORD, EMPTY)]
        if beside or len(counting) > 2:
            return _doubtful(said, counting, beside)
    if named:
        which = f"the word {said.of(words[:1])}" if words else f"the quoted number {said.of(quoted[:1])}"
        return Verdict(True, f"{which} above {'numbers' if words else 'unquoted ones'}")
    if numbers:
        return Verdict(False, f"the number {said.of(numbers[:1])} above numbers")
    return _without_evidence(kinds, below)


def names_of(cells: Sequence[bytes]) -> tuple[str, ...]:
    """The names in a header; where all cells stand in single quotes, as in ARFF, those are taken off."""
    texts = [unquoted(cell) for cell in cells]
    if all(len(text) > 1 and text[0] == text[-1] == "'" for text in texts):
        texts = [text[1:-1].strip() for text in texts]
    return tuple(text or f"column{k}" for k, text in enumerate(texts, start=1))


def units_below(rows: Sequence[Sequence[bytes]], marks: Marks) -> list[str]:
    """The words of a row of units, the first one below the header; none where it is another row."""
    if len(rows) < 2:
        return []
    kinds: list[str] = []
    for cell in rows[0]:
        kinds.append(kind_of(cell, marks))
        if kinds[-1] not in (WORD, SIGN, EMPTY):
            return []
    numeric = [k for k in range(len(kinds)) if _stands(rows[1:], k, marks, (NUMBER, QUOTED))]
    words = [k for k in numeric if kinds[k] == WORD]
    return [unquoted(rows[0][k]) for k in words] if len(numeric) > 1 or len(kinds) == 1 else []


def either_option(mark: str = "") -> str:
    """The options for both readings of a first row; and for a cell of it that may be a missing mark."""
    ways = "--header makes the line the names, --no-header a row"
    from lsq_cli.sources.text.ways import na_option  # only an error pays for it

    option = na_option(mark) if mark else ""
    return f"{ways}; if '{shown(mark)}' marks a missing cell: {option}" if option else ways


def _stands(rows: Sequence[Sequence[bytes]], column: int, marks: Marks, kinds: tuple[str, ...]) -> bool:
    """Whether a cell of one of these kinds stands in a column of some rows."""
    return any(kind_of(row[column], marks) in kinds for row in rows if column < len(row))


class _Said:
    """Cells of the first row, for messages."""

    def __init__(self, first: Sequence[bytes]) -> None:
        self.texts = [unquoted(cell) for cell in first]

    def of(self, positions: Sequence[int]) -> str:
        """Some of them, in quotes."""
        return elided("an empty cell" if not self.texts[k] else f"'{shown(self.texts[k])}'" for k in positions)


def _both(said: _Said, named: list[int], numbers: list[int], words: list[int]) -> Verdict:
    """The refusal of a row that is a header by some cells and none by others."""
    which = "above numbers" if words else "in quotes above unquoted numbers"
    mark = said.texts[words[0]] if len(words) == 1 else ""
    refusal = f"{said.of(named)} {which} may be a name, {said.of(numbers)} above numbers a cell; {either_option(mark)}"
    return Verdict(False, "", refusal=refusal)


def _signs(said: _Said, signs: list[int]) -> Verdict:
    """The refusal of a row with ``?`` or its like above numbers."""
    refusal = f"{said.of(signs)} above numbers may be a name or a missing cell; {either_option(said.texts[signs[0]])}"
    return Verdict(False, "", refusal=refusal)


def _doubtful(said: _Said, counting: list[int], beside: list[int]) -> Verdict:
    """Of numbers that count, such as years: the refusal beside a word or an empty cell, the warning alone."""
    if beside:
        refusal = f"{said.of(counting)} beside {said.of(beside[:1])} may be names or numbers; {either_option()}"
        return Verdict(False, "", refusal=refusal)
    warning = f"the first row, {said.of(counting)}, is taken for numbers; if these are names: --header"
    return Verdict(False, "numbers above numbers, though they count", warning)


def _without_evidence(kinds: list[str], below: Sequence[Sequence[bytes]]) -> Verdict:
    """What is assumed where nothing tells."""
    said = {kind for kind in kinds if kind not in (EMPTY, MARK)}
    if not below:
        return Verdict(bool(said - {NUMBER, QUOTED}), "the only row")
    if said == {WORD}:
        warning = "the first row is taken for the header, for it has words alone; if it is a row: --no-header"
        return Verdict(True, "words alone, with nothing below that tells", warning)
    return Verdict(False, "nothing below tells")


def _is_pandas(first: Sequence[bytes], below: Sequence[Sequence[bytes]]) -> bool:
    """Whether a row is an empty cell and then 0, 1, 2, …; one 0 alone only above rows that are counted."""
    texts = [unquoted(cell) for cell in first]
    if texts[0] or len(texts) < 2 or texts[1:] != [str(k) for k in range(len(texts) - 1)] or not below:
        return False
    return len(texts) > 2 or all(unquoted(row[0]) == str(k) for k, row in enumerate(below))


def _counting(first: Sequence[bytes], below: Sequence[Sequence[bytes]], kinds: list[str]) -> list[int]:
    """Where the first row's numbers stand if they are whole ones one apart, which the next row does not continue."""
    numbers = [k for k, kind in enumerate(kinds) if kind in (NUMBER, QUOTED)]
    whole = [_whole(first[k]) for k in numbers]
    values = [value for value in whole if value is not None]
    if len(values) < 2 or len(values) < len(whole) or not below:
        return []
    step = values[1] - values[0]
    if abs(step) != 1 or values != list(range(values[0], values[0] + step * len(values), step)):
        return []
    going_on = [values[-1] + step * (k + 1) for k in range(len(values))]
    return [] if [_whole(below[0][k]) for k in numbers if k < len(below[0])] == going_on else numbers


def _whole(raw: bytes) -> int | None:
    """The whole number that a cell is written as."""
    text = unquoted(raw)
    return int(text) if text.lstrip("+-").isascii() and text.lstrip("+-").isdigit() and len(text) < 19 else None
