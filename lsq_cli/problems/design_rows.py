"""Rows of a design whose levels are known: Ax and A itself, for a second pass or for new rows.

A row has at most one column of each group that is not 0, found by its levels: Ax is a sum of few products, however many
columns there are. It is added up with what rounding takes away, so that b − Ax keeps its digits where it cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.exact.compensated import two_product, two_sum
from lsq_cli.problems.designed import combined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.expansions import Parts
    from lsq_cli.sources.records import Levels
    from lsq_cli.terms.design import Design


class Place(NamedTuple):
    """Where the rows have a number of A."""

    product: int
    """Which of `Shape.products`."""
    columns: NDArray[np.intp]
    """(rows,) the column of A; −1 in rows that have none."""


class DesignRows:
    """Columns of A by their levels.

    Parameters
    ----------
    design : Design
    """

    def __init__(self, design: Design) -> None:
        products = {numbers: k for k, numbers in enumerate(design.shape.products)}
        self._tables: dict[tuple[int, tuple[str, ...]], list[dict[Any, int]]] = {}
        for k, column in enumerate(design.columns):
            categories = tuple(name for name, _ in column.levels)
            tables = self._tables.setdefault((products[column.numbers], categories), [])
            key = tuple(level for _, level in column.levels)
            # Two factors of one category may have a column for the same level each.
            free = next((table for table in tables if key not in table), None)
            if free is None:
                free = {}
                tables.append(free)
            free[key] = k

    def places(self, categories: Mapping[str, Levels], rows: int) -> Iterator[Place]:
        """Where each number stands in some rows."""
        found: dict[tuple[str, ...], tuple[Sequence[Any], NDArray[np.intp]]] = {}
        for (product, names), tables in self._tables.items():
            if names and names not in found:
                found[names] = combined([categories[name] for name in names])
            for table in tables:
                if not names:
                    yield Place(product, np.full(rows, table[()]))
                    continue
                keys, codes = found[names]
                yield Place(product, np.array([table.get(key, -1) for key in keys], np.intp)[codes])


def fitted(places: Sequence[Place], products: Sequence[Parts], x: Array, start: Parts) -> Array:
    """start + Ax (rows,), added up with what rounding takes away; x (n,) may have nan in columns that are left out."""
    with_zero = np.append(np.nan_to_num(x), 0.0)  # column −1
    rows = len(products[0][0])
    total, rest = np.zeros(rows), np.zeros(rows)
    terms = list(start)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for place in places:
            for part in products[place.product]:
                terms += two_product(with_zero[place.columns], part)
        for term in terms:
            total, error = two_sum(total, term)
            rest += error
        result = np.asarray(total + rest)
        wrong = ~np.isfinite(result)
        if wrong.any():  # splitting overflowed, or the sum itself
            plain = sum(start, np.zeros(rows))
            for place in places:
                plain = plain + with_zero[place.columns] * products[place.product][0]
            result[wrong] = plain[wrong]
    return result


def dense(places: Sequence[Place], products: Sequence[Parts], n: int, rows: slice) -> Array:
    """A (rows, n) in doubles, of some rows."""
    A = np.zeros((rows.stop - rows.start, n + 1))
    each = np.arange(len(A))
    for place in places:
        A[each, place.columns[rows]] += products[place.product][0][rows]
    return A[:, :n]
