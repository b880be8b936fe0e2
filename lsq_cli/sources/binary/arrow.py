"""Columns of Arrow as doubles, or as levels of text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lsq_cli.sources.blocks import Reason
from lsq_cli.sources.words import Coded, joined

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array


def doubles(column: Any) -> Array:
    """The nearest doubles, nan for null."""
    pyarrow = import_module("pyarrow")
    if pyarrow.types.is_decimal(column.type):
        # Through text, which is rounded once; pyarrow's own way divides by a rounded power of ten.
        column = column.cast(pyarrow.string())
    values: Array = column.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def coded(column: Any) -> Coded:
    """A column of anything as text, each once; a null is an empty cell."""
    pyarrow = import_module("pyarrow")
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    found = column.cast(pyarrow.string()).dictionary_encode()
    codes = found.indices.fill_null(len(found.dictionary)).to_numpy(zero_copy_only=False)
    levels = [*found.dictionary.to_pylist(), ""]
    reasons = [Reason.PRESENT] * len(found.dictionary) + [Reason.EMPTY]
    return joined([str(level) for level in levels], codes.astype(np.intp), reasons)


def type_shown(kind: Any) -> str:
    """What stands for a cell of a type whose cells are not looked at; nothing for a column of nulls."""
    return "" if import_module("pyarrow").types.is_null(kind) else str(kind)


def is_text(kind: Any) -> bool:
    """Whether cells of this type are strings, plain or by a dictionary."""
    types = import_module("pyarrow").types
    value = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(value) or types.is_large_string(value))
