"""A point x given by the user: as numbers, a file of numbers, or an earlier result matched by name.

1,2.5            n numbers in the order of the unknowns
x.npy, x.txt     a file of n numbers in that order, (n,) or (n, p)
model.json       what ``-o model.json`` wrote: names and x
x.csv            what ``-o x.csv`` wrote: ``name,value``, matched by name
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.errors import DataError, ProblemError, shown
from lsq_cli.sources.npy import NPY_MAGIC
from lsq_cli.sources.opening import read_whole

if TYPE_CHECKING:
    from lsq_cli.solution import Array


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
    values, given, where = _read(text, option)
    return checked_start(_by_name(given, values, names, where) if given else values, names, targets, where)


def read_values(text: str, names: Sequence[str], option: str) -> Array:
    """Numbers that the argument of an option means, as many and in the shape that they have: (k,), or (rows, columns).

    Values with names, as in a model, are put in the order of `names`, which may be more.

    Raises
    ------
    DataError
        If the file cannot be read, or its lines differ in length.
    ProblemError
        If it names what is not in `names`, or a number is not finite.
    """
    values, given, where = _read(text, option)
    if given:
        values = _by_name(given, values, [name for name in names if name in given], where)
    return finite_values(values, where)


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


def read_memory(text: str) -> dict[str, Any] | None:
    """What the model at the path `text` remembers of the run that it comes from; None where there is no such thing."""
    import json
    import os

    # Numbers have been read by now; a pipe cannot be read again, and what it gave stands for itself.
    if not os.path.isfile(text):
        return None
    try:
        memory = json.loads(read_whole(text))["memory"]
    except (ValueError, KeyError, TypeError):
        return None
    return memory if isinstance(memory, dict) else None


def _read(text: str, option: str) -> tuple[Any, list[str], str]:
    """The numbers that an argument means, the names that stand with them, if any, and what to call it."""
    try:
        return [float(piece) for piece in text.split(",")], [], option
    except ValueError:
        pass  # no list of numbers: a path
    where = shown(text, 4096)
    content = read_whole(text)
    if content.startswith(NPY_MAGIC):
        return _array(content, where), [], where
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("is neither text nor an .npy file", where) from None
    given, values = _model(decoded, where) if decoded.lstrip().startswith("{") else _cells(decoded, where)
    return values, given, where


def checked_start(values: Any, names: Sequence[str], targets: Sequence[str], where: str) -> Array:
    """`values` as an (n,) or (n, p) array of finite numbers; `ProblemError` where they are not."""
    x = _as_array(values, where)
    n, p = len(names), len(targets)
    if x.ndim == 2 and 1 in (p, x.shape[0]) and x.size == n:
        x = x.ravel()
    if x.shape not in ((n,), (n, p)):
        listed = ", ".join(shown(name) for name in names[:8]) + (", …" if n > 8 else "")
        size = " × ".join(map(str, x.shape))
        raise ProblemError(f"{where} has {size} numbers, the problem has {n} unknowns: {listed}")
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


def _model(content: str, where: str) -> tuple[list[str], Any]:
    """Names and x of a model."""
    import json

    try:
        record = json.loads(content)
        names, x = record["names"], record["x"]
    except (ValueError, KeyError, TypeError):
        raise DataError("is no model: a JSON object with names and x, as -o model.json writes", where) from None
    return [str(name) for name in names], x


def _cells(content: str, where: str) -> tuple[list[str], Any]:
    """Names and values of ``name,value`` lines; no names where the file holds numbers alone."""
    import csv

    lines = [line for line in content.splitlines() if line.strip() and not line.startswith("#")]
    rows = list(csv.reader(lines, delimiter="," if any("," in line for line in lines) else " ", skipinitialspace=True))
    named = bool(rows) and rows[0][0].strip() == "name"
    try:
        if named:
            return [row[0] for row in rows[1:]], [
                float(row[1]) if len(row) == 2 else [float(cell) for cell in row[1:]] for row in rows[1:]
            ]
        values = [[float(cell) for cell in row if cell.strip()] for row in rows]
    except (ValueError, IndexError):
        raise DataError("is no list of numbers, nor name,value lines, nor a model", where) from None
    return [], [row[0] for row in values] if all(len(row) == 1 for row in values) else values


def _by_name(given: list[str], values: Any, names: Sequence[str], where: str) -> list[Any]:
    """The values in the order of `names`."""
    if len(given) != len(values):
        raise ProblemError(f"{where} has {len(given)} names and {len(values)} numbers")
    by_name = dict(zip(given, values, strict=True))
    for name in given:
        if name not in names:
            raise ProblemError(f"{where} names {shown(name)!r}, which is no unknown of this problem")
    for name in names:
        if name not in by_name:
            raise ProblemError(f"{where} has no value for {shown(name)!r}")
    return [by_name[name] for name in names]
