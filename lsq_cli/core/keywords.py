"""Keyword arguments of Python, and messages that speak of them: ``--missing drop`` becomes ``missing="drop"``.

Errors, warnings and notes name the option of the command line that helps. Who calls `lsq_cli.solve` has keyword
arguments instead, of the same names; `in_keywords` puts them in place of the options. What the functions have in common
beside it stands here too: which arguments are about the data, and the refusal of a number below 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lsq_cli.core.errors import DataError, LsqError, UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

P = ParamSpec("P")
R = TypeVar("R")
Found = TypeVar("Found", bound="DataclassInstance")
Texts = str | Iterable[str]
"""One text or several."""
WRITTEN = (
    *("na", "no_default_na", "skip", "header", "delimiter", "decimal", "comment", "encoding", "sheet", "input_format"),
)
"""Arguments on how the data is written."""

_SWITCHES = {
    "--header": "header=True",
    "--no-header": "header=False",
    "--intercept": "intercept=True",
    "--no-intercept": "intercept=False",
    "--normalize": "normalize=True",
    "--no-default-na": "no_default_na=True",
}
_NUMBER = r"[+-]?\d[\d.e+-]*"
_CHOICES = (
    r"drop|error|HC0|HC1|HC2|HC3|iid|gd|normal|extended|double|constant|exact|bb|nesterov|cg"
    r"|csv|tsv|npy|npz|parquet|mtx|tab|space|half|sum|mean|latin-1|utf-8|utf-16|utf-16-le|utf-16-be"
)
# A value that the message quotes, a choice or number of ours, or one word that ends its clause.
_LAST_WORD = r"[^\s;'()]*[^\s;,:'()](?=$|[;:)]|,(?:\s|$))"
_VALUE = rf"'[^']*'|{_NUMBER}(?![\w.])|(?:{_CHOICES})(?![\w-])|{_LAST_WORD}"
_OPTION = re.compile(rf"(?<![\w-])(?<!lsq solve )(--[a-z][a-z0-9-]*)(?: ({_VALUE}))?")


def in_keywords(text: str) -> str:
    """`text` with keyword arguments in place of options.

    >>> in_keywords("leave such rows out with --missing drop, or choose with --columns")
    'leave such rows out with missing="drop", or choose with columns='
    """
    return _OPTION.sub(_keyword, text)


def said_in_keywords(found: Found) -> Found:
    """A result whose warnings and notes speak of keyword arguments."""
    said: Any = found
    if groups := getattr(said, "groups", None):
        said = replace(said, groups=tuple(map(_group_in_keywords, groups)))
    sentences = {name: getattr(said, name) for name in ("warnings", "notes") if name in said.__dataclass_fields__}
    result: Found = replace(said, **{name: tuple(map(in_keywords, of)) for name, of in sentences.items()})
    return result


def _group_in_keywords(one: Any) -> Any:
    """The result of a group, as `said_in_keywords`."""
    if not (one.warnings or one.error or one.solution.notes):
        return one
    return replace(
        said_in_keywords(one),
        solution=one.solution and said_in_keywords(one.solution),
        error=one.error and in_keywords(one.error),
        advice=in_keywords(one.advice),
    )


def refuse_negative(**arguments: float) -> None:
    """`UsageError` for an argument that is not a finite number from 0 on, as the command line's own types refuse it."""
    for name, value in arguments.items():
        if not 0.0 <= value < math.inf:
            raise UsageError(f"{name} must be a number ≥ 0, not {value!r}")


def in_words_of_python(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, whose errors speak of keyword arguments and not of options."""

    @wraps(function)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except LsqError as error:
            if isinstance(error, DataError):
                error.problem = in_keywords(error.problem)
            error.args = tuple(in_keywords(str(text)) for text in error.args)
            raise

    return speaking


def _keyword(option: re.Match[str]) -> str:
    name, value = option[1], option[2]
    if name in _SWITCHES:
        return _SWITCHES[name] + ("" if value is None else f" {value}")
    keyword = name.removeprefix("--").replace("-", "_") + "="
    if value is None:
        return keyword
    bare = value.strip("'")
    return keyword + (bare if re.fullmatch(_NUMBER, bare) else f'"{bare}"')
