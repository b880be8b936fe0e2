"""Whether the first row holds the names of the columns, and what they are.

It does if one of its cells is neither a number nor a missing mark, or is a quoted number above an unquoted one.
"""

from __future__ import annotations

from lsq_cli.sources.text.dialect import unquoted
from lsq_cli.sources.text.marks import Marks
from lsq_cli.sources.text.numbers import convention, number


def is_header(first: list[bytes], below: list[bytes], marks: Marks) -> bool:
    """Whether a cell of the first row is text, or a quoted number above an unquoted one."""
    # A number in another convention, such as 1,5, is no name: the error about it names the line that it is in.
    if any(marks.judge(text) is None and convention(text) is None for text in map(unquoted, first)):
        return True
    return any(
        above.startswith(b'"') and not cell.startswith(b'"') and number(unquoted(above)) is not None
        for above, cell in zip(first, below, strict=False)
        if number(unquoted(cell)) is not None
    )


def names_of(cells: list[bytes]) -> tuple[str, ...]:
    """The names in a header; where all cells stand in single quotes, as in ARFF, those are taken off."""
    texts = [unquoted(cell) for cell in cells]
    if all(len(text) > 1 and text[0] == text[-1] == "'" for text in texts):
        texts = [text[1:-1].strip() for text in texts]
    return tuple(text or f"column{k}" for k, text in enumerate(texts, start=1))
