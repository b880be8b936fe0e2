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


def read_start(text: str, names: Sequence[str], targets: Sequence[str]) -> Array:
    """The point that an argument like that of ``--x0`` means.

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
    try:
        return checked_start([float(piece) for piece in text.split(",")], names, targets, "x0")
    except ValueError:
        pass  # no list of numbers: a path
    where = shown(text, 4096)
    content = read_whole(text)
    if content.startswith(NPY_MAGIC):
        return checked_start(_array(content, where), names, targets, where)
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("is neither text nor an .npy file", where) from None
    given, values = _model(decoded, where) if decoded.lstrip().startswith("{") else _cells(decoded, where)
    if given:
        values = _by_name(given, values, names, where)
    return checked_start(values, names, targets, where)


def checked_start(values: Any, names: Sequence[str], targets: Sequence[str], where: str) -> Array:
    """`values` as an (n,) or (n, p) array of finite numbers; `ProblemError` where they are not."""
    x = np.asarray(values, dtype=np.float64)
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
