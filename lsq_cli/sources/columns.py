"""Which columns are A, b and the weights: from names and arguments to positions, without reading a row.

An argument of ``--target``, ``--columns``, ``--drop`` or ``--weights`` is one exact name; else it is split at
commas, and each piece is an exact name, else a position from 1 (−1 is the last), else a pattern of ``*`` and
``?``. ``#3`` is always a position. ``--drop`` wins over the others; the order is that of ``--columns``, and that of
the file for patterns and for "the rest". Columns of text are passed over by patterns and by "the rest" and
an error where they are asked for; those that miss all of their first 1000 cells are passed over, but may be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lsq_cli.core.errors import ColumnError, TableError, UsageError
from lsq_cli.sources.names import Header, listed, quoted

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import Missing, Table


@dataclass(frozen=True)
class Request:
    """What the user says about the data, as options of `solve`; the defaults are those of the command."""

    target: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    weights: str | None = None
    missing: Missing = "error"
    na: tuple[str, ...] = ()
    delimiter: str | None = None
    header: bool | None = None
    input_format: str | None = None
    alone: bool = False
    """Whether one column alone may be b, with no column of A."""


class Selection(NamedTuple):
    """The columns of the problem, as 0-based positions in their tables."""

    A: tuple[int, ...]
    b: tuple[int, ...]
    weights: int | None
    """In A's table, unless `weights_beside_b`."""
    weights_beside_b: bool
    names: tuple[str, ...]
    targets: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def select(table: Table, request: Request) -> Selection:
    """The columns of A, b and the weights in one table; without a target the last column taken is b.

    Raises
    ------
    ColumnError
        Unknown, twice-named or text columns, or no column of numbers at all.
    UsageError
        A column that two options claim.
    """
    header, passed = Header(table), set[int]()
    dropped = _all_of(header, request.drop)
    weights = _weights(header, request, dropped)
    kept_out = dropped | _set(weights)
    b = header.take("--target", request.target, dropped, passed)
    _refuse_overlaps(header, request, b, dropped, weights)
    # What is a target by now was named, so a pattern in --columns passes over it as "the rest" does.
    taken = header.columns(request.columns, kept_out | set(b), passed)
    notes = []
    if not request.target:
        b = [_last(header, taken, passed, request.alone)]
        taken = taken[:-1]
        if taken:
            last = "the last column" if b[0] == len(header.names) - 1 else "the last column taken"
            notes.append(f"b is {last}, {header.title(b[0])} (choose with --target)")
    left_out = sorted(passed - set(b))
    return Selection(
        tuple(taken),
        tuple(b),
        weights,
        False,
        tuple(header.names[k] for k in taken),
        tuple(header.names[k] for k in b) if header.has_header else numbered("b", len(b)),
        tuple(header.names[k] for k in left_out),
        (*notes, *_text_note(header, left_out)),
    )


def select_side_by_side(A: Table, b: Table, request: Request) -> Selection:
    """The columns of A and b in a table each: ``--columns`` speaks of A, ``--drop`` of both.

    A position in ``--drop`` does not take the only column of b away. Raises as `select`.
    """
    in_A = Header(A)
    in_b = Header(b, None if b.has_header else numbered("b", len(b.names)))
    dropped_A, dropped_b = _dropped_from_both(in_A, in_b, request.drop)
    weights, beside_b = _weights_of_either(in_A, in_b, request, dropped_A, dropped_b)
    out_of_A = dropped_A | (frozenset() if beside_b else _set(weights))
    out_of_b = dropped_b | (_set(weights) if beside_b else frozenset())
    passed_A, passed_b = set[int](), set[int]()
    taken = in_A.columns(request.columns, out_of_A, passed_A)
    targets = in_b.rest(out_of_b, passed_b)
    if not targets:
        raise ColumnError(
            "no column of numbers is left to be b; are the cells apart by something else? --delimiter", in_b.path
        )
    return Selection(
        tuple(taken),
        tuple(targets),
        weights,
        beside_b,
        tuple(in_A.names[k] for k in taken),
        tuple(in_b.names[k] for k in targets) if in_b.has_header else numbered("b", len(targets)),
        tuple(in_A.names[k] for k in sorted(passed_A)) + tuple(in_b.names[k] for k in sorted(passed_b)),
        (*_text_note(in_A, sorted(passed_A)), *_text_note(in_b, sorted(passed_b))),
    )


def numbered(letter: str, count: int) -> tuple[str, ...]:
    """``b`` for one column, ``b1``, ``b2``, … for more."""
    return (letter,) if count == 1 else tuple(f"{letter}{k + 1}" for k in range(count))


def _set(position: int | None) -> frozenset[int]:
    return frozenset() if position is None else frozenset((position,))


def _all_of(header: Header, arguments: Iterable[str]) -> frozenset[int]:
    """The columns that ``--drop`` names, text or not."""
    dropped: set[int] = set()
    for argument in arguments:
        for piece in header.pieces(argument):
            found = header.find(piece)
            if found is None:
                raise header.unknown(piece, "--drop")
            dropped.update(found.positions)
    return frozenset(dropped)


def _dropped_from_both(in_A: Header, in_b: Header, arguments: Iterable[str]) -> tuple[frozenset[int], frozenset[int]]:
    """The columns that ``--drop`` names in A and in b; a piece has to name one in either."""
    from_A: set[int] = set()
    from_b: set[int] = set()
    for argument in arguments:
        pieces = in_b.pieces(argument) if argument in in_b.names else in_A.pieces(argument)
        for piece in pieces:
            found_A, found_b = in_A.find(piece), in_b.find(piece)
            if found_A is None and found_b is None:
                raise in_A.unknown(piece, "--drop")
            if found_A is not None:
                from_A.update(found_A.positions)
            if found_b is not None and (found_b.kind != "position" or len(in_b.names) > 1):
                from_b.update(found_b.positions)
    return frozenset(from_A), frozenset(from_b)


def _weights(header: Header, request: Request, dropped: frozenset[int]) -> int | None:
    """The one column of weights, if any."""
    if request.weights is None:
        return None
    positions = header.take("--weights", (request.weights,), frozenset(), set())
    if not positions:
        raise ColumnError(f"--weights {quoted(request.weights)} matches columns of text only", header.path)
    if len(positions) > 1:
        several = listed(header.names[k] for k in positions)
        raise ColumnError(f"--weights {quoted(request.weights)} names more than one column: {several}", header.path)
    if positions[0] in dropped:
        title = header.title(positions[0])
        raise UsageError(f"--weights and --drop both name the column {title}; --weights alone keeps it out of A")
    return positions[0]


def _weights_of_either(
    in_A: Header, in_b: Header, request: Request, dropped_A: frozenset[int], dropped_b: frozenset[int]
) -> tuple[int | None, bool]:
    """The column of weights in A, else in b; and whether it is in b."""
    if request.weights is not None and in_A.find(request.weights) is None and in_b.find(request.weights) is not None:
        return _weights(in_b, request, dropped_b), True
    return _weights(in_A, request, dropped_A), False


def _refuse_overlaps(
    header: Header, request: Request, b: list[int], dropped: frozenset[int], weights: int | None
) -> None:
    """`UsageError` for a target that is also the weights, a column of A, or dropped with all others."""
    if weights in b:
        raise UsageError(f"--target and --weights both name the column {header.title(weights or 0)}")
    if request.target and not b:
        raise UsageError(f"--drop leaves nothing of --target {request.target[0]}")
    for argument in request.columns:
        for piece in header.pieces(argument):
            found = header.find(piece)
            if found is not None and found.kind != "pattern" and found.positions[0] in set(b):
                title = header.title(found.positions[0])
                raise UsageError(f"--target and --columns both name the column {title}; it cannot explain itself")


def _last(header: Header, taken: list[int], passed: set[int], alone: bool) -> int:
    """The last column taken, which is b; there has to be another one for A, unless it may stand alone."""
    if not taken:
        raise ColumnError(
            "no column of numbers is left to be b; are the cells apart by something else? --delimiter", header.path
        )
    if len(taken) == 1 and not alone:
        alone_of = f"one column alone, {header.title(taken[0])}, cannot be both A and b; "
        if text := sorted(k for k in passed if header.text[k]):
            raise ColumnError(
                f"{alone_of}text is left out: {_names(header, text)} (such as {quoted(header.text[text[0]])})",
                header.path,
            )
        if len(header.names) > 1:
            raise ColumnError(f"{alone_of}more have to be taken (--columns, --drop, --weights)", header.path)
        raise ColumnError(
            f"{alone_of}give A and b as two files, or a table of two columns and more (--delimiter if it has them)",
            header.path,
        )
    return taken[-1]


def _text_note(header: Header, left_out: list[int]) -> tuple[str, ...]:
    """A sentence about the columns of text that were passed over, and one about those without any cell."""
    text = [k for k in left_out if header.text[k]]
    empty = [k for k in left_out if not header.text[k]]
    notes = []
    if text:
        which = "such as" if len(text) == 1 else "the first with"
        notes.append(f"left out as text: {_names(header, text)} ({which} {quoted(header.text[text[0]])})")
    if empty:
        notes.append(f"left out as empty in the first 1000 rows: {_names(header, empty)} (choose with --columns)")
    return tuple(notes)


def _names(header: Header, positions: list[int]) -> str:
    return listed(header.names[k] for k in positions)


def match_part(first: Table, part: Table, columns: tuple[int, ...]) -> tuple[int, ...]:
    """The positions in `part` of the columns at `columns` of `first`, by their names.

    Raises
    ------
    TableError
        For a part with other columns, or a header where the first has none.
    """
    if first.has_header != part.has_header:
        having, lacking = ("has a", "has none") if part.has_header else ("has no", "has one")
        raise TableError(f"{having} header, but {first.path} {lacking}; see --header and --no-header", part.path)
    if len(first.names) != len(part.names) and not part.has_header:
        raise TableError(f"{len(part.names)} columns, but {first.path} has {len(first.names)}", part.path)
    if sorted(first.names) != sorted(part.names):
        raise TableError(f"another header than {first.path}: {_difference(first.names, part.names)}", part.path)
    moved = columns
    if first.names != part.names:
        if len(set(first.names)) < len(first.names):
            raise TableError(f"columns with the same name stand in another order than in {first.path}", part.path)
        position = {name: k for k, name in enumerate(part.names)}
        moved = tuple(position[first.names[k]] for k in columns)
    Header(part).check_readable(moved)
    return moved


def _difference(expected: tuple[str, ...], got: tuple[str, ...]) -> str:
    """What a header lacks and what it has instead."""
    there, wanted = set(got), set(expected)
    lacks = [name for name in expected if name not in there]
    extra = [name for name in got if name not in wanted]
    words = [f"it lacks {listed(lacks)}"] if lacks else []
    words += [f"it has {listed(extra)} besides"] if extra else []
    return " and ".join(words) or "a name stands there more or less often"
