"""A formula, as R and statsmodels write it, to targets and terms.

    mpg ~ wt + C(cyl)*log(hp) - 1

patsy splits it at ``~ + - * / : **`` and brackets; what stands between is read by Python's own parser as a tree, and
of that tree only what is known here becomes a `Factor`: names of columns, C(), I(), poly(), Q(), six functions,
numbers, arithmetic. Nothing is ever run: an attribute, a call or a lambda is an error that says what may stand there.

Terms are sets of factors. a*b is a + b + a:b, (a + b)**2 all products of at most two, a/b is a + a:b, ``.`` the rest
of the table. Their order is R's: by how many factors they have, then as written. Length, depth and the number of terms
are limited before anything grows.

Sources: Wilkinson & Rogers, "Symbolic description of factorial models", *Applied Statistics* 22 (1973); the
documentation of patsy, "How formulas work"; R's help on `formula`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from tokenize import TokenError
from typing import Any, NamedTuple

from lsq_cli.core.errors import UsageError, shown
from lsq_cli.core.extras import load
from lsq_cli.terms.absorbing import absorbed_column, without_absorbed
from lsq_cli.terms.expressions import FUNCTIONS
from lsq_cli.terms.factors import Factor, Table
from lsq_cli.terms.reading import POWERS, code_of, factor_from, numbers_from

LONGEST = 10_000
"""Characters of a formula."""
DEEPEST = 40
"""Brackets within brackets."""
MOST_TERMS = 1000
MOST_FACTORS = 32
"""Of one term."""
MOST_POWER = 10
_PLAINLY = (
    ("expected a noun, but instead the expression ended", "a column is missing at its end"),
    ("expected a noun, not (.*)", r"\1 stands where a column belongs"),
    (r"expected an operator, not '\^.*", POWERS),
    ("expected an operator, not (.*)", r"\1 stands where a sign such as + belongs"),
    (r"error tokenizing input \(.*\)", "a quote is open, or a sign means nothing"),
    ("unclosed bracket in.*|Unmatched '\\('", "a bracket is not closed"),
)
Term = tuple[Factor, ...]


@dataclass(frozen=True)
class Formula:
    """A model in words that are checked against the columns of a table.

    Attributes
    ----------
    text : str
        As given.
    targets : tuple of Factor
        Numbers, one each.
    terms : tuple of tuple of Factor
        Without the intercept, in R's order.
    intercept : bool
    left_out : tuple of str
        Columns that number the rows or are empty, where ``.`` or no formula stands for all that are not named.
    absorbed : str or None
        The column whose levels have an intercept each, which is not shown: ``| g``. The intercept is theirs then.
    """

    text: str
    targets: tuple[Factor, ...]
    terms: tuple[Term, ...]
    intercept: bool = True
    left_out: tuple[str, ...] = ()
    absorbed: str | None = None

    def columns(self) -> tuple[str, ...]:
        """The columns of the table that are needed, those of the targets last."""
        factors = [*(factor for term in self.terms for factor in term), *self.targets]
        return tuple(dict.fromkeys(name for factor in factors for name in factor.columns()))


def parse(text: str, table: Table) -> Formula:
    """The formula that `text` is, for this table.

    Raises
    ------
    MissingExtraError
        If patsy is not installed.
    UsageError
        For anything that is not a formula, or names what the table does not have.
    """
    _check_size(text)
    patsy = load("patsy", "fit", "a formula")
    try:
        plain, bar = without_absorbed(_plain(text))
        tree = load("patsy.parse_formula", "fit", "a formula").parse_formula(plain)
    except patsy.PatsyError as error:
        raise UsageError(f"the formula {shown(text, 200)!r}: {_plainly(str(error).splitlines()[0])}") from None
    except (AssertionError, RecursionError, ValueError, SyntaxError, TokenError):  # patsy asserts what Python 3.12 says
        raise UsageError(f"the formula {shown(text, 200)!r} cannot be read") from None
    if tree.type != "~" or len(tree.args) != 2:
        raise UsageError(f"the formula {shown(text, 200)!r} has nothing on its left: write 'y ~ a + b'")
    targets = _targets(tree.args[0], table)
    absorbed = None if bar is None else absorbed_column(bar, table)
    walk = _Walk(table, {*(name for target in targets for name in target.columns()), *filter(None, (absorbed,))})
    try:
        found = walk.terms(tree.args[1])
    except RecursionError:
        raise UsageError("the formula has too many operations within operations") from None
    if own := next((target for target in targets if frozenset((target,)) in found.terms), None):
        raise UsageError(f"{shown(own.name)} stands on both sides of the formula; it cannot explain itself")
    intercept = found.intercept is not False or absorbed is not None
    ordered = sorted(found.terms.values(), key=len)
    if absorbed is not None:
        _check_absorbed(text, absorbed, targets, ordered)
    if not (ordered or intercept):
        raise UsageError(f"the formula {shown(text, 200)!r} has no term; 'y ~ 1' would fit the mean")
    left_out = tuple(name for name in walk.left_out if name not in walk.named)
    return Formula(text, targets, tuple(ordered), intercept, left_out, absorbed)


def _check_absorbed(text: str, absorbed: str, targets: Sequence[Factor], terms: Sequence[Term]) -> None:
    """`UsageError` where nothing is left to estimate, or a column explains itself."""
    if not terms:
        raise UsageError(
            f"the formula {shown(text, 200)!r} has no slope; y ~ C({shown(absorbed)}) has the means of the levels"
        )
    if any(absorbed in target.columns() for target in targets):
        raise UsageError(f"{shown(absorbed)} stands on both sides of the formula; it cannot explain itself")


def plain_formula(
    targets: Sequence[str],
    columns: Sequence[str],
    table: Table,
    *,
    intercept: bool,
    left_out: tuple[str, ...] = (),
) -> Formula:
    """The model without a formula: each column a term."""
    terms = tuple((factor_from(_leaf(name), table),) for name in columns)
    left = tuple(numbers_from(_leaf(name), table, "a target") for name in targets)
    written = " + ".join([*([] if intercept else ["0"]), *map(_leaf, columns)]) or "1"
    joined = ", ".join(map(_leaf, targets))
    text = f"{joined if len(targets) == 1 else f'cbind({joined})'} ~ {written}"
    return Formula(text, left, terms, intercept, left_out)


def looks_like_formula(argument: str) -> bool:
    """Whether an argument of the command line is a formula and no path."""
    return "~" in argument and not argument.startswith("~/") and argument != "~"


def _check_size(text: str) -> None:
    """Refuse what is too long or nested too deeply to be a model that somebody wrote."""
    if len(text) > LONGEST:
        raise UsageError(f"the formula has {len(text)} characters, more than {LONGEST}")
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if depth > DEEPEST:
            raise UsageError(f"the formula has more than {DEEPEST} brackets within brackets")
    if re.search(r"(?:[-+~!]\s*){40}", text):
        raise UsageError("the formula has more than 40 signs in a row")


def _plainly(problem: str) -> str:
    """What patsy says of a formula, in the words of this tool."""
    for pattern, words in _PLAINLY:
        problem = re.sub(pattern, words, problem)
    return problem


def _plain(text: str) -> str:
    """`text` on one line, with R's backticks as Q()."""
    if (odd := next((sign for sign in text if not (sign.isprintable() or sign in "\n\t ")), None)) is not None:
        raise UsageError(f"the formula has the sign {odd!a}, which is not printable")
    text = re.sub(r"`([^`]*)`", lambda match: f"Q({match[1]!r})", text)
    return " ".join(text.split())


def _leaf(name: str) -> str:
    """A column as a formula names it."""
    plain = name.isidentifier() and not iskeyword(name) and name not in FUNCTIONS
    return name if plain else f"Q({name!r})"


def _targets(node: Any, table: Table) -> tuple[Factor, ...]:
    """The left of a formula: one column or function, or several in cbind()."""
    if node.type != "PYTHON_EXPR":
        raise UsageError(
            f"on the left of ~ stands a column or a function of one, not {shown(_text_of(node))!r}; "
            "arithmetic goes into I(), several targets into cbind(a, b)"
        )
    code = code_of(node.token.extra)
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Name) and code.func.id == "cbind":
        if not code.args or code.keywords:
            raise UsageError("cbind() takes the targets: cbind(a, b)")
        return tuple(numbers_from(ast.unparse(part), table, "a target") for part in code.args)
    return (numbers_from(node.token.extra, table, "a target"),)


class _Found(NamedTuple):
    """What a part of a formula stands for."""

    terms: dict[frozenset[Factor], Term]
    intercept: bool | None = None
    """None where it says nothing."""


class _Walk:
    """From patsy's tree to terms."""

    def __init__(self, table: Table, on_the_left: set[str]) -> None:
        self._table, self._left = table, on_the_left
        self.named: set[str] = set()
        self.left_out: tuple[str, ...] = ()

    def terms(self, node: Any) -> _Found:
        """The terms of a part of the tree."""
        kind, args = node.type, node.args
        if kind == "PYTHON_EXPR":
            return self._leaf(node.token.extra)
        if kind in ("ONE", "ZERO"):
            return _Found({}, kind == "ONE")
        if kind == "NUMBER":
            raise UsageError(f"{node.token.extra} in a formula is no term; multiples of a column go into I()")
        if kind == "**":
            return self._power(*args)
        if len(args) == 1 and kind in "+-":
            found = self.terms(args[0])
            return found if kind == "+" else self._without(_Found({}), found)
        if len(args) != 2 or kind not in ("+", "-", ":", "*", "/"):
            raise UsageError(f"{shown(_text_of(node))!r} cannot stand on the right of a formula")
        # A long sum leans to the left: walked in a loop, it needs no deep recursion.
        chain = []
        while node.type == kind and len(node.args) == 2 and kind in "+-":
            chain.append(node.args[1])
            node = node.args[0]
        if chain:
            found = self.terms(node)
            for right in map(self.terms, reversed(chain)):
                found = self._with(found, right) if kind == "+" else self._without(found, right)
            return found
        left, right = map(self.terms, args)
        if kind == ":":
            return self._products(left, right)
        if kind == "*":
            return self._with(self._with(left, right), self._products(left, right))
        everything = tuple(dict.fromkeys(factor for term in left.terms.values() for factor in term))
        whole = _Found({frozenset(everything): everything})
        return self._with(left, self._products(whole, right))

    def _leaf(self, code: str) -> _Found:
        """One factor, or the rest of the table."""
        if code == ".":
            rest, self.left_out = self._table.rest(self._left)
            if twice := sorted(self._table.repeated.intersection(rest)):
                raise UsageError(f"'.' means the column {shown(twice[0])!r} too, of which there are several: --drop it")
            factors = [factor_from(_leaf(name), self._table) for name in rest]
        else:
            factors = [factor_from(code, self._table)]
            self.named.update(factors[0].columns())
        return _Found({frozenset((factor,)): (factor,) for factor in factors})

    def _with(self, left: _Found, right: _Found) -> _Found:
        return self._limited(
            {**left.terms, **{k: v for k, v in right.terms.items() if k not in left.terms}}, left, right
        )

    def _without(self, left: _Found, right: _Found) -> _Found:
        kept = {key: term for key, term in left.terms.items() if key not in right.terms}
        return _Found(kept, left.intercept if right.intercept is None else not right.intercept)

    def _products(self, left: _Found, right: _Found) -> _Found:
        if len(left.terms) * len(right.terms) > 20 * MOST_TERMS:
            raise _too_many()
        products: dict[frozenset[Factor], Term] = {}
        for first in left.terms.values():
            for second in right.terms.values():
                factors = tuple(dict.fromkeys((*first, *second)))
                if len(factors) > MOST_FACTORS:
                    raise UsageError(f"a term of the formula has more than {MOST_FACTORS} factors")
                products.setdefault(frozenset(factors), factors)
        return self._limited(products, left, right)

    def _power(self, base: Any, exponent: Any) -> _Found:
        text = exponent.token.extra if exponent.type in ("NUMBER", "ONE") else ""
        if not (text.isdecimal() and 1 <= int(text[:9]) <= MOST_POWER):
            raise UsageError(
                f"the power {shown(text or _text_of(exponent))} of a formula is a whole number up to {MOST_POWER}; "
                "the power of a column goes into I(): I(a**2)"
            )
        found = base_terms = self.terms(base)
        for _ in range(int(text) - 1):
            found = self._with(found, self._products(found, base_terms))
        return found

    def _limited(self, terms: dict[frozenset[Factor], Term], left: _Found, right: _Found) -> _Found:
        if len(terms) > MOST_TERMS:
            raise _too_many()
        return _Found(terms, left.intercept if right.intercept is None else right.intercept)


def _too_many() -> UsageError:
    return UsageError(f"the formula has more than {MOST_TERMS} terms")


def _text_of(node: Any) -> str:
    """What a part of the tree says in the formula."""
    origin = node.origin
    return str(origin.code[origin.start : origin.end]) if origin is not None else str(node.type)
