"""Which columns are A, b and the weights: what the arguments say, without reading a row.

An argument of ``--target``, ``--columns``, ``--drop`` or ``--weights`` is one exact name; else it is split at
commas, and each piece is an exact name, else a position from 1 (−1 is the last), else a pattern of ``*`` and
``?``. ``#3`` is always a position. ``--drop`` wins over the others; the order is that of ``--columns``, and that of
the file for patterns and for "the rest". Columns of text or dates are passed over by patterns and by "the rest" and an
error where they are asked for; those that miss all of their first 1000 cells, and those that number the rows, are
passed over, but may be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsq_cli.core.errors import ColumnError, TableError, UsageError, elided
from lsq_cli.sources.column import Column, Kind, plain_names
from lsq_cli.sources.names import Header, listed, quoted

if TYPE_CHECKING:
    from lsq_cli.sources.blocks import Missing, Table


@dataclass(frozen=True, eq=False)
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
    no_default_na: bool = False
    skip: int = 0
    decimal: str | None = None
    comment: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    input_format: str | None = None
    alone: bool = False
    """Whether one column alone may be b, with no column of A."""
    whole: bool = False
    """Whether all columns are taken alike, so that none is said to be b."""
    twice: bool = False
    """Whether the rows are read twice, so that those of a pipe are kept in a temporary file."""


TEXT_OPTIONS = ("na", "no_default_na", "skip", "header", "delimiter", "decimal", "comment", "encoding")
"""The fields of a `Request` that say how text is written."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The columns of the problem, each as its table has it.

    Attributes
    ----------
    A, b : tuple of Column
        In the order of the unknowns and of the targets.
    weights : Column or None
        In the table of A, or in that of b.
    left_out : tuple of Column
        What patterns and "the rest" passed over.
    dropped : tuple of Column
        What ``--drop`` names.
    notes, warnings : tuple of str
        A sentence about each choice that the user did not make, and about each that is doubtful.
    """

    A: tuple[Column, ...]
    b: tuple[Column, ...]
    weights: Column | None = None
    left_out: tuple[Column, ...] = ()
    dropped: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the unknowns."""
        return tuple(column.name for column in self.A)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of b: ``b``, or ``b1``, ``b2``, …, where the table has no header."""
        return tuple(column.name for column in self.b) if self.b[0].named else plain_names("b", len(self.b))


def select(table: Table, request: Request) -> Selection:
    """The columns of A, b and the weights in one table; without a target the last column taken is b.

    Raises
    ------
    ColumnError
        Unknown, twice-named or text columns, or no column of numbers at all.
    UsageError
        A column that two options claim.
    """
    header, passed = Header(table), set[Column]()
    dropped = _all_of(header, request.drop)
    weights = _weights(header, request, dropped)
    kept_out = dropped | _set(weights)
    b = header.take("--target", request.target, dropped, passed)
    _refuse_overlaps(header, request, b, weights)
    # What is a target by now was named, so a pattern in --columns passes over it as "the rest" does.
    taken = header.taken(request.columns, kept_out | set(b), passed)
    notes = []
    if not request.target:
        last = _last(header, taken, passed, request.alone)
        taken, b = tuple(column for column in taken if column is not last), (last,)
        if taken and not request.whole:
            which = "the last column" if last is header.columns[-1] else "the last column taken"
            notes.append(f"b is {which}, {last.title} (choose with --target)")
    left_out = _in_file_order(passed - set(b))
    return Selection(taken, b, weights, left_out, _in_file_order(dropped), (*notes, *notes_on(left_out)))


def select_side_by_side(A: Table, b: Table, request: Request) -> Selection:
    """The columns of A and b in a table each: ``--columns`` speaks of A, ``--drop`` of both.

    A position in ``--drop`` does not take the only column of b away. Raises as `select`.
    """
    in_A = Header(A)
    in_b = Header(b, None if b.columns[0].named else plain_names("b", len(b.columns)))
    dropped = _dropped_from_both(in_A, in_b, request.drop)
    kept_out = dropped | _set(weights := _weights_of_either(in_A, in_b, request, dropped))
    passed_A, passed_b = set[Column](), set[Column]()
    taken = in_A.taken(request.columns, kept_out, passed_A)
    targets = in_b.rest(kept_out, passed_b)
    if not targets:
        raise _no_target(in_b, passed_b)
    left_out_A, left_out_b = _in_file_order(passed_A), _in_file_order(passed_b)
    notes = (*notes_on(left_out_A), *notes_on(left_out_b))
    return Selection(taken, targets, weights, left_out_A + left_out_b, _in_file_order(dropped), notes)


def _set(column: Column | None) -> frozenset[Column]:
    return frozenset() if column is None else frozenset((column,))


def _in_file_order(columns: Iterable[Column]) -> tuple[Column, ...]:
    return tuple(sorted(columns, key=lambda column: column.position))


def _all_of(header: Header, arguments: Iterable[str]) -> frozenset[Column]:
    """The columns that ``--drop`` names, text or not."""
    dropped: set[Column] = set()
    for argument in arguments:
        for piece in header.pieces(argument):
            found = header.find(piece)
            if found is None:
                raise header.unknown(piece, "--drop")
            dropped.update(found.columns)
    return frozenset(dropped)


def _dropped_from_both(in_A: Header, in_b: Header, arguments: Iterable[str]) -> frozenset[Column]:
    """The columns that ``--drop`` names in A and in b; a piece has to name one in either."""
    dropped: set[Column] = set()
    for argument in arguments:
        pieces = in_b.pieces(argument) if argument in in_b.names else in_A.pieces(argument)
        for piece in pieces:
            found_A, found_b = in_A.find(piece), in_b.find(piece)
            if found_A is None and found_b is None:
                raise in_A.unknown(piece, "--drop")
            if found_A is not None:
                dropped.update(found_A.columns)
            if found_b is not None and (found_b.kind != "position" or len(in_b.names) > 1):
                dropped.update(found_b.columns)
    return frozenset(dropped)


def _weights(header: Header, request: Request, dropped: frozenset[Column]) -> Column | None:
    """The one column of weights, if any."""
    if request.weights is None:
        return None
    columns = header.take("--weights", (request.weights,), frozenset(), set())
    if not columns:
        raise ColumnError(f"--weights {quoted(request.weights)} matches columns of text only", header.path)
    if len(columns) > 1:
        several = _names(columns)
        raise ColumnError(f"--weights {quoted(request.weights)} names more than one column: {several}", header.path)
    (weights,) = columns
    if weights in dropped:
        raise UsageError(
            f"--weights and --drop both name the column {weights.title}; --weights alone keeps it out of A"
        )
    return weights


def _weights_of_either(in_A: Header, in_b: Header, request: Request, dropped: frozenset[Column]) -> Column | None:
    """The column of weights in A, else in b."""
    if request.weights is not None and in_A.find(request.weights) is None and in_b.find(request.weights) is not None:
        return _weights(in_b, request, dropped)
    return _weights(in_A, request, dropped)


def _refuse_overlaps(header: Header, request: Request, b: tuple[Column, ...], weights: Column | None) -> None:
    """`UsageError` for a target that is also the weights, a column of A, or dropped with all others."""
    if weights in b and weights is not None:
        raise UsageError(f"--target and --weights both name the column {weights.title}")
    if request.target and not b:
        raise _dropped_target(header, request)
    for argument in request.columns:
        for piece in header.pieces(argument):
            found = header.find(piece)
            if found is not None and found.kind != "pattern" and found.columns[0] in b:
                title = found.columns[0].title
                raise UsageError(f"--target and --columns both name the column {title}; it cannot explain itself")


def _dropped_target(header: Header, request: Request) -> UsageError:
    """The error for a target that ``--drop`` takes away, with the columns that could be one."""
    dropped = _all_of(header, request.drop)
    target = _in_file_order(_all_of(header, request.target))
    others = [column for column in header.columns if not (column in dropped or column.passed_over)]
    left = f"give another --target ({_titles(others)}), or take" if others else "take"
    return UsageError(f"--target and --drop both name {_titles(target)}: b needs a column; {left} it out of --drop")


def _last(header: Header, taken: tuple[Column, ...], passed: set[Column], alone: bool) -> Column:
    """The last column taken that does not number the rows, which is b; A needs another unless b is `alone`."""
    usual = [column for column in taken if not column.numbers_rows]
    if not usual:
        raise _no_target(header, passed)
    if len(taken) == 1 and not alone:
        alone_of = f"one column alone, {taken[0].title}, cannot be both A and b; "
        if left_out := notes_on(_in_file_order(column for column in passed if column.kind is not Kind.EMPTY)):
            raise ColumnError(f"{alone_of}{'; '.join(left_out)}", header.path)
        if len(header.columns) > 1:
            raise ColumnError(f"{alone_of}more have to be taken (--columns, --drop, --weights)", header.path)
        more = " (--delimiter CHAR if it has them)" if header.is_text else ""
        raise ColumnError(f"{alone_of}give A and b as two files, or a table of two columns and more{more}", header.path)
    return usual[-1]


def _no_target(header: Header, passed: set[Column]) -> ColumnError:
    """The error where no column can be b, with those that were passed over."""
    left_out = "".join(f"; {note}" for note in notes_on(_in_file_order(passed)))
    return ColumnError(f"no column of numbers is left to be b{left_out}", header.path)


_LEFT_OUT = {
    Kind.TEXT: "left out as text",
    Kind.DATE: "left out as dates",
    Kind.EMPTY: "left out as empty in the first 1000 rows",
    Kind.COUNTS: "left out as row numbers",
    Kind.INDEX: "left out as the index that pandas wrote",
}


def notes_on(left_out: tuple[Column, ...], remedy: str = "choose with --columns") -> tuple[str, ...]:
    """A sentence about the columns of each kind that were passed over: with an example, or the way to have them."""
    notes = []
    for kind, words in _LEFT_OUT.items():
        columns = [column for column in left_out if column.kind is kind]
        if not columns:
            continue
        if kind in (Kind.TEXT, Kind.DATE):
            example = next((column.example for column in columns if column.example), None)
            which = "such as" if len(columns) == 1 else "the first with"
            more = "" if example is None else f" ({which} {quoted(example)})"
        else:
            more = f" ({remedy})"
        notes.append(f"{words}: {_names(columns)}{more}")
    return tuple(notes)


def _titles(columns: Iterable[Column]) -> str:
    return elided(column.title for column in columns)


def _names(columns: Iterable[Column]) -> str:
    return listed(column.name for column in columns)


def same_header(A: Table, b: Table) -> bool:
    """Whether two tables have one header of two names or more, as parts of one table have."""
    names = [[column.name for column in table.columns if column.named] for table in (A, b)]
    return names[0] == names[1] and len(names[0]) > 1


def match_part(first: Table, part: Table, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns of `part` that have the names of some columns of `first`.

    Raises
    ------
    TableError
        For a part with other columns, or a header where the first has none.
    """
    expected, got = (tuple(column.name for column in table.columns) for table in (first, part))
    named = part.columns[0].named
    if first.columns[0].named != named:
        having, lacking = ("has a", "has none") if named else ("has no", "has one")
        raise TableError(f"{having} header, but {first.path} {lacking}; see --header and --no-header", part.path)
    if len(expected) != len(got) and not named:
        raise TableError(f"{len(got)} columns, but {first.path} has {len(expected)}", part.path)
    if sorted(expected) != sorted(got):
        raise TableError(f"another header than {first.path}: {difference(expected, got)}", part.path)
    if expected == got:
        matched = tuple(part.columns[column.position] for column in columns)
    elif len(set(expected)) < len(expected):
        raise TableError(f"columns with the same name stand in another order than in {first.path}", part.path)
    else:
        called = {column.name: column for column in part.columns}
        matched = tuple(called[column.name] for column in columns)
    for column in matched:
        if column.error is not None:
            raise column.error
    return matched


def difference(expected: tuple[str, ...], got: tuple[str, ...]) -> str:
    """What a header lacks and what it has instead."""
    there, wanted = set(got), set(expected)
    lacks = [name for name in expected if name not in there]
    extra = [name for name in got if name not in wanted]
    words = [f"it lacks {listed(lacks)}"] if lacks else []
    words += [f"it has {listed(extra)} besides"] if extra else []
    return " and ".join(words) or "a name stands there more or less often"
