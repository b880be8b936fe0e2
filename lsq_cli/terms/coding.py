"""Which levels of a category get a column: all of them, or all but the base.

The columns of all levels add up to what the rest of their term makes: for a term of one category to the intercept.
Where that is in the model already, the column of the base is left out, and the coefficients of the others are
differences to the base. `codings` decides this for term after term, as patsy and R do.

How. A term a:b with both coded fully spans 1, a⁻, b⁻ and a⁻:b⁻, where a⁻ lacks its base. Of these subsets those that
earlier terms span are left out; of what remains, a subset and the same with one category more are one coding in which
that category is full.

Source: the documentation of patsy, "Redundancy and categorical factors"; Chambers & Hastie, *Statistical Models in S*,
section 2.4.1.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Coding = dict[T, bool]
"""Category → whether it is full."""


def codings(categories: Sequence[T], spanned: set[frozenset[T]]) -> list[Coding[T]]:
    """How the categories of one term are coded: one or several sets of columns, none if the term adds nothing.

    Parameters
    ----------
    categories : sequence
        Those of the term, in its order; without one, the term is a single column.
    spanned : set of frozenset
        The subsets that earlier terms with the same numbers span; those of this term are added.
    """
    new = [subset for subset in _subsets(categories) if subset not in spanned]
    spanned.update(new)
    left: list[tuple[frozenset[T], frozenset[T]]] = [(frozenset(), subset) for subset in new]  # full, without base
    while (joined := _joined(left)) is not None:
        left = joined
    return [{c: c in full for c in categories if c in full or c in reduced} for full, reduced in left]


def _subsets(categories: Sequence[T]) -> Iterable[frozenset[T]]:
    """All subsets, the smaller first and then in the order of the term."""
    for size in range(len(categories) + 1):
        yield from map(frozenset, combinations(categories, size))


def _joined(
    left: list[tuple[frozenset[T], frozenset[T]]],
) -> list[tuple[frozenset[T], frozenset[T]]] | None:
    """The codings with the first two joined that differ by one category without its base; None if none do."""
    for i, (full, reduced) in enumerate(left):
        for k in range(i + 1, len(left)):
            larger_full, larger_reduced = left[k]
            more = larger_reduced - reduced
            if larger_full == full and len(more) == 1 and larger_reduced >= reduced:
                return [*left[:i], *left[i + 1 : k], (full | more, reduced), *left[k + 1 :]]
    return None
