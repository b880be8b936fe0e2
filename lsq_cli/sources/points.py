"""A point x given by the user: as numbers, a file of numbers, or an earlier result matched by name.

1,2.5            n numbers in the order of the unknowns; "1 2.5" and "[1, 2.5]" are the same
x.npy, x.txt     a file of n numbers in that order, (n,) or (n, p)
model.json       what ``-o model.json`` wrote: names and x
x.csv            what ``-o x.csv`` wrote: ``name,value``, matched by name

For several targets the columns of a model or a CSV are those of the targets of their names, ``name,b1,b2``; it may have
others besides. A file without names has them in order, and n numbers alone are the start of every target.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import DataError, ProblemError, elided, shown
from lsq_cli.sources.binary.npy import NPY_MAGIC
from lsq_cli.sources.names import listed, quoted
from lsq_cli.sources.opening import read_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lsq_cli.core.solution import Array


class Given(NamedTuple):
    """What an argument means: numbers, what to call them, and the names that stand with them, if any."""

    values: Any
    where: str
    names: Sequence[str] = ()
    """Of the rows."""
    targets: Sequence[str] = ()
    """Of the columns, where there are several or the file says whose the one is."""


def read_start(text: str, names: Sequence[str], targets: Sequence[str], option: str = "x0") -> Array:
    """The point that the argument of an option like ``--x0`` means.

    Parameters
    ----------
    text : str
        Numbers with commas between them, else a path.
    names, targets : sequence of str
        The n unknowns and the p targets.

    Returns
    -------
    ndarray, shape (n,) or (n, p)

    Raises
    ------
    DataError
        If the file cannot be read.
    ProblemError
        If its numbers or names are not those of the problem.
    """
    given = _read(text, option)
    values = _by_name(given, names) if given.names else given.values
    return checked_start(_by_target(values, given, targets), names, targets, given.where)


def read_values(text: str, names: Sequence[str], targets: Sequence[str], option: str) -> Array:
    """Numbers that the argument of an option means, as many and in the shape that they have: (k,), or (rows, columns).

    Values with names, as in a model, are put in the order of `names`, which may be more, and of `targets`.

    Raises
    ------
    DataError
        If the file cannot be read, or its lines differ in length.
    ProblemError
        If it names what is not in `names`, or a number is not finite.
    """
    given = _read(text, option)
    values = given.values
    if given.names:
        values = _by_name(given, [name for name in names if name in given.names])
    return finite_values(_by_target(values, given, targets), given.where)


def finite_values(values: Any, where: str) -> Array:
    """`values` as an array of any shape; `ProblemError` for a number that is not finite."""
    numbers = _as_array(values, where)
    if not np.isfinite(numbers).all():
        raise ProblemError(f"{where} has a number that is not finite")
    return numbers


def _as_array(values: Any, where: str) -> Array:
    """`values` as doubles; `DataError` where they are no matrix."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError):
        raise DataError("is no matrix of numbers: are its lines of one length?", where) from None


def read_trail(text: str) -> dict[str, Any] | None:
    """What the model at the path `text` holds for its run to be gone on with; None where there is no such thing."""
    import json
    import os

    # Numbers have been read by now; a pipe cannot be read again, and what it gave stands for itself.
    if not os.path.isfile(text):
        return None
    try:
        trail = json.loads(read_whole(text))["memory"]
    except (ValueError, KeyError, TypeError):
        return None
    return trail if isinstance(trail, dict) else None


def _read(text: str, option: str) -> Given:
    """The numbers that an argument means, and their names."""
    if (numbers := _numbers(text)) is not None:
        return Given(numbers, option)
    where = shown(text, 4096)
    content = read_whole(text)
    if content.startswith(NPY_MAGIC):
        return Given(_array(content, where), where)
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("is neither text nor an .npy file", where) from None
    return _model(decoded, where) if decoded.lstrip().startswith("{") else _cells(decoded, where)


def _numbers(text: str) -> list[float] | None:
    """``1,2.5``, ``1 2.5`` or ``[1, 2.5]`` as numbers; None for what is no list of numbers, and so a path."""
    inner = text.strip()
    if (inner[:1], inner[-1:]) in (("[", "]"), ("(", ")")):
        inner = inner[1:-1]
    pieces = inner.split(",") if "," in inner else inner.split()
    try:
        return [float(piece) for piece in pieces] or None
    except ValueError:
        return None


def checked_start(values: Any, names: Sequence[str], targets: Sequence[str], where: str) -> Array:
    """`values` as an (n,) or (n, p) array of finite numbers; `ProblemError` where they are not."""
    x = _as_array(values, where)
    n, p = len(names), len(targets)
    if x.ndim == 2 and 1 in (p, x.shape[0]) and x.size == n:
        x = x.ravel()
    if x.shape not in ((n,), (n, p)):
        size = " × ".join(map(str, x.shape))
        raise ProblemError(f"{where} has {size} numbers, the problem has {n} unknowns: {elided(map(shown, names))}")
    if not np.isfinite(x).all():
        raise ProblemError(
            f"{where} has a number that is not finite for {shown(names[int(np.argwhere(~np.isfinite(x))[0][0])])}"
        )
    return x


def _array(content: bytes, where: str) -> Array:
    """The numbers of an ``.npy`` file."""
    try:
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False), dtype=np.float64)
    except (ValueError, TypeError, EOFError) as error:
        raise DataError(f"is no .npy file of real numbers: {error}", where) from None


def _model(content: str, where: str) -> Given:
    """Names, targets and x of a model."""
    import json

    try:
        record = json.loads(content)
        x = record["x"]
        names = [str(name) for name in record["names"]]
        targets = [str(name) for name in record.get("targets") or ()] if isinstance(x[0], list) else []
    except (ValueError, LookupError, TypeError, AttributeError):
        raise DataError("is no model: a JSON object with names and x, as -o model.json writes", where) from None
    return Given(x, where, names, targets)


def _cells(content: str, where: str) -> Given:
    """Names and values of ``name,value`` lines; no names where the file holds numbers alone."""
    import csv

    lines = list(_lines(content))
    rows = list(csv.reader(lines, delimiter="," if any("," in line for line in lines) else " ", skipinitialspace=True))
    named = bool(rows) and rows[0][0].strip() == "name"
    try:
        if named:
            values = [[float(cell) for cell in row[1:]] for row in rows[1:]]
        else:
            values = [[float(cell) for cell in row if cell.strip()] for row in rows]
    except ValueError:
        raise DataError("is no list of numbers, nor name,value lines, nor a model", where) from None
    column: list[Any] = [row[0] for row in values] if all(len(row) == 1 for row in values) else values
    if not named:
        return Given(column, where)
    header = rows[0][1:]
    for row in rows[1:]:
        if len(row) != len(header) + 1:
            raise DataError(f"{len(header)} columns beside the names, but {len(row) - 1} for {quoted(row[0])}", where)
    return Given(column, where, [row[0] for row in rows[1:]], () if header == ["value"] else header)


def _lines(content: str) -> Iterator[str]:
    """The lines that are neither empty nor a comment; within quotes all of them, for a name may have a line end."""
    within = False
    for line in io.StringIO(content, newline=""):
        if within or (line.strip() and not line.startswith("#")):
            yield line
            within ^= line.count('"') % 2 == 1


def _by_name(given: Given, names: Sequence[str]) -> list[Any]:
    """The values in the order of `names`."""
    if len(given.names) != len(given.values):
        raise ProblemError(f"{given.where} has {len(given.names)} names and {len(given.values)} numbers")
    known = set(names)
    for name in given.names:
        if name not in known:
            raise ProblemError(f"{given.where} names {quoted(name)}, which is no unknown of this problem")
    return [given.values[k] for k in _places(given.names, names, "value", given.where)]


def _by_target(values: Any, given: Given, targets: Sequence[str]) -> Any:
    """The values with their columns, where these have names, in the order of `targets`; one fits any one target."""
    if not given.targets or len(given.targets) == len(targets) == 1:
        return values
    rows = [row if isinstance(row, list) else [row] for row in values]
    if any(len(row) != len(given.targets) for row in rows):
        return values  # a model that is none, whose shape is refused by name
    places = _places(given.targets, targets, "column", given.where)
    return [[row[k] for k in places] for row in rows]


def _places(given: Sequence[str], wanted: Sequence[str], what: str, where: str) -> list[int]:
    """Where each wanted name stands among those that are given."""
    if list(given) == list(wanted):
        return list(range(len(given)))  # though a name stand twice
    place = {name: k for k, name in enumerate(given)}
    if missing := [name for name in wanted if name not in place]:
        raise ProblemError(f"{where} has no {what} for {listed(missing)}; it has {listed(given)}")
    needed = set(wanted)
    for k, name in enumerate(given):
        if place[name] != k and name in needed:
            raise ProblemError(f"{where} names {quoted(name)} twice")
    return [place[name] for name in wanted]
