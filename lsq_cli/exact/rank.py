"""How many columns of A are independent, which depend on them, and the solution of least norm.

Pivoted Cholesky on S, the Gram matrix of the columns scaled to comparable length, in integers: the pivot of column j
is the square of its part outside the pivots chosen before it. The column with the longest remaining part, relative to
its own length, comes first (within a factor of 2, so that blocks of columns can be taken together; of equals the
earliest, which is the intercept). A column is dependent when all that remains of it is shorter than T of its length,
T = 4√n·2⁻⁵³ by default: rounding the data to doubles could have made that much. The cut-off looks neither at the
number of rows nor at the units; those that do (numpy's, scikit-learn's) drop real columns.

Which column of a dependency is named is another matter: x1 = x4 − x2 is as true as x4 = x1 + x2. Of all sets of
independent columns the one that keeps the earliest is reported, so the later column is the dependent one and the
intercept never is; but for a matrix whose singular values fall without a gap, where only the pivots make the others.

Least norm. Let P be the independent columns, A_D = A_P W, so A = A_P K with K = [I W], and V = [W; −I] the null space.
In the user's units the x of least norm solves ‖Ax − b‖ = min and Vᵀx = 0, that is, with any scaling of V,

    (KᵀG_PP K + V Vᵀ) x = KᵀG_PP(G_PP)⁻¹c_P = Kᵀc_P

a regular system in exact integers, solved to the last bit like any other (`equations.py`). It is the limit that
x = L(LᵀL)⁻²Lᵀc computes for G = LLᵀ, and numpy.linalg.lstsq where the dependencies are exact; where they hold up to
rounding, it is the solution for the nearby A in which they are exact.

Source: Higham, *Accuracy and Stability of Numerical Algorithms*, 10.3 (pivoted Cholesky) and ch. 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lsq_cli.core.errors import ProblemError
from lsq_cli.exact.dyadic import shifted
from lsq_cli.exact.equations import NormalEquations
from lsq_cli.exact.integers import Columns, product

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dependencies import Relation
    from lsq_cli.exact.dyadic import Integers

# Fraction bits of the pivoted factor: the pivots are right to 2⁻¹⁵⁰ or so, far below any T².
_BITS = 256
PANEL = 16
"""Columns that pivots are taken from at one time."""
LEAST_TOLERANCE = 2.0**-100
"""No tolerance is taken below this, which only exact dependencies stay under."""
# Below this, relative to the largest, an entry of a null vector is taken for rounding.
_NEGLIGIBLE = 1e-8


@dataclass(frozen=True)
class Rank:
    """The decision on n columns.

    Attributes
    ----------
    n : int
    independent, dependent : tuple of int
        Positions, ascending; together all of them.
    relations : tuple of Relation
        One for each dependent column, in its order.
    """

    n: int
    independent: tuple[int, ...]
    dependent: tuple[int, ...] = ()
    relations: tuple[Relation, ...] = ()

    @property
    def rank(self) -> int:
        """Number of independent columns."""
        return len(self.independent)

    @cached_property
    def affected(self) -> tuple[int, ...]:
        """Columns whose coefficients the dependencies leave open; all others are determined by the data."""
        return tuple(sorted({i for relation in self.relations for i in (relation.column, *relation.coefficients)}))


def default_tolerance(n: int) -> float:
    """T = 4√n·2⁻⁵³."""
    return 4.0 * math.sqrt(n) * 2.0**-53


def decide(equations: NormalEquations, tolerance: float) -> Rank:
    """The rank of G and what the dependent columns are made of.

    Parameters
    ----------
    equations : NormalEquations
    tolerance : float
        T: a column is dependent if its part outside the others is below T of its length; below 2⁻¹⁰⁰ (0 included)
        only exact dependencies are found.

    Notes
    -----
    Where the proof of regularity that comes with solving is enough (√κ(S) up to about 1/(T√n)), nothing else is done.
    """
    n, tolerance = equations.n, max(tolerance, LEAST_TOLERANCE)
    if equations.is_surely_regular(tolerance):
        return Rank(n, tuple(range(n)))
    chosen = _pivots(equations.N[:n, :n], equations.half[:n], tolerance)
    if len(chosen) == n:
        return Rank(n, tuple(range(n)))
    # Rational arithmetic is loaded for rank-deficient problems only.
    from lsq_cli.exact.dependencies import null_vectors, shortened, simplified

    found = null_vectors(equations, sorted(set(range(n)) - set(chosen)))
    dependent = _latest(np.array([relation.unit_vector(equations) for relation in found]))
    relations = None
    if dependent != [relation.column for relation in found]:
        relations = _relations(equations, dependent, tolerance)
    if relations is None:
        relations = [simplified(equations, v, tolerance) for v in found]
    relations = shortened(equations, relations, tolerance)
    independent = tuple(sorted(set(range(n)) - {relation.column for relation in relations}))
    return Rank(n, independent, tuple(relation.column for relation in relations), tuple(relations))


def _relations(equations: NormalEquations, dependent: list[int], tolerance: float) -> list[Relation] | None:
    """What these columns are made of; None where the others do not make them, or are not independent.

    Where the singular values of A fall off without a gap, only the pivots make every other column up to T.
    """
    from lsq_cli.exact.dependencies import holds, null_vectors, simplified

    try:
        found = null_vectors(equations, dependent)
    except ProblemError:
        return None  # in rounded sums the columns that would be left may no longer be independent
    relations = [simplified(equations, v, tolerance) for v in found]
    return relations if all(holds(equations, relation, tolerance) for relation in relations) else None


def is_regular(equations: NormalEquations, tolerance: float) -> bool:
    """Whether every column is independent, as `decide` sees it, without a look at what dependent ones are made of."""
    n, tolerance = equations.n, max(tolerance, LEAST_TOLERANCE)
    return (
        equations.is_surely_regular(tolerance) or len(_pivots(equations.N[:n, :n], equations.half[:n], tolerance)) == n
    )


def _pivots(N: Integers, half: list[int], tolerance: float) -> list[int]:
    """The independent columns, in the order in which pivoting takes them."""
    n, h = len(N), np.array(half, dtype=object)
    T = shifted(N, 2 * _BITS - h[:, None] - h)
    state = _Pivoting(whole=np.maximum(T.diagonal(), 1), left=T.diagonal().copy(), chosen=[], least=tolerance**2)
    done = Columns(n, _BITS)
    while True:
        parts = state.parts()
        first = [int(j) for j in np.argsort(-parts, kind="stable")[:PANEL] if parts[j] >= state.least]
        if not first:
            return state.chosen
        columns = T[:, first]
        if state.chosen:
            columns -= done.products(first)
        done.append(state.take(columns, first))


@dataclass(eq=False)
class _Pivoting:
    """What is left of each column (n,), squared and in integers, as pivots are taken."""

    whole: Integers
    left: Integers
    chosen: list[int]
    least: float

    def parts(self) -> Array:
        """What is left of each column relative to its length, squared; 0 for those taken."""
        return np.asarray((np.maximum(self.left, 0) / self.whole).astype(np.float64))

    def take(self, columns: Integers, candidates: list[int]) -> Integers:
        """Pivot on the best of some candidates, given their columns (n, w) of what is left of S; their factor's."""
        taken: list[Integers] = []
        waiting = list(range(len(candidates)))
        while waiting:
            parts = self.parts()
            i = max(waiting, key=lambda k: (parts[candidates[k]], -candidates[k]))
            pivot = candidates[i]
            # Another block of candidates is due when a column outside this one is twice as long.
            if parts[pivot] < max(self.least, parts.max() / 4 if taken else 0.0) or parts[pivot] == 0.0:
                break
            column = columns[:, i] - sum(earlier * earlier[pivot] for earlier in taken)
            root = math.isqrt(int(self.left[pivot]))
            column = np.where(self.left > 0, column // root, 0)
            column[pivot] = root
            self.left -= column * column
            self.left[pivot] = 0
            self.chosen.append(pivot)
            taken.append(column)
            waiting.remove(i)
        return np.array(taken, dtype=object).reshape(len(taken), len(self.left)).T


def _latest(V: Array) -> list[int]:
    """The latest columns that can be the dependent ones, ascending, from null vectors (q, n) in unit lengths."""
    V = V.copy()
    open_rows, dependent = list(range(len(V))), []
    for column in reversed(range(V.shape[1])):
        if not open_rows:
            break
        row = max(open_rows, key=lambda r: abs(V[r, column]))
        if abs(V[row, column]) > _NEGLIGIBLE * np.abs(V[row]).max():
            open_rows.remove(row)
            dependent.append(column)
            V[open_rows] -= np.outer(V[open_rows, column] / V[row, column], V[row])
            V[open_rows, column] = 0.0
    return sorted(dependent)


def least_norm(equations: NormalEquations, rank: Rank) -> NormalEquations:
    """A regular system in the same x whose solution is the least-squares solution of least ‖x‖, in the user's units.

    Its sums stand for [A b], times a whole number, with the dependent columns made exactly what the relations say.

    Notes
    -----
    Exact where every relation is (`Relation.exact`): then KᵀG_PP K = G, so its solution is that of the data.
    """
    n, e, P = equations.n, equations.e, list(rank.independent)
    targets = list(range(n, n + equations.p))
    K, common = _integer_relations(rank)
    # A_P K = A among the user's columns; among the integers, whose columns have units of 2^e, on a finer grid f.
    units = np.array([e[k] for k in P], dtype=object)[:, None] - np.array(e[:n], dtype=object)
    down = max((-int(u) for u in units[K != 0] if u < 0), default=0)
    K = np.where(K != 0, shifted(K, np.maximum(units + down, 0)), 0)
    f = [e_j - down for e_j in e[:n]]
    N = np.empty((n + equations.p, n + equations.p), dtype=object)
    N[:n, :n] = product(K.T, product(equations.N[np.ix_(P, P)], K))
    N[:n, n:] = product(K.T, equations.N[np.ix_(P, targets)]) * common
    N[n:, :n] = N[:n, n:].T
    N[n:, n:] = equations.N[n:, n:] * common**2
    V = _null_space(rank, f, [e_j + h + common.bit_length() for e_j, h in zip(e, equations.half, strict=True)])
    N[:n, :n] += product(V, V.T)
    return NormalEquations(N, f + e[n:], equations.p)


def _integer_relations(rank: Rank) -> tuple[Integers, int]:
    """K = [I W] (r, n), which makes all columns from the independent ones, times the common denominator."""
    from fractions import Fraction  # as in `decide`: for rank-deficient problems only

    row = {k: i for i, k in enumerate(rank.independent)}
    made = {k: {k: Fraction(1)} for k in rank.independent}
    for relation in rank.relations:
        # A relation may name dependent columns before its own.
        terms: dict[int, Fraction] = {}
        for k, w in relation.coefficients.items():
            for source, share in made[k].items():
                terms[source] = terms.get(source, Fraction(0)) + w * share
        made[relation.column] = terms
    common = math.lcm(*(w.denominator for terms in made.values() for w in terms.values()))
    K = np.full((rank.rank, rank.n), 0, dtype=object)
    for column, terms in made.items():
        for k, w in terms.items():
            K[row[k], column] = w.numerator * (common // w.denominator)
    return K, common


def _null_space(rank: Rank, grid: list[int], size: list[int]) -> Integers:
    """V (n, q) with Vᵀx = 0 for the x of least norm: integers in units of 2^−grid, as long as the columns of A."""
    V = np.full((rank.n, len(rank.relations)), 0, dtype=object)
    for d, relation in enumerate(rank.relations):
        whole = math.lcm(*(w.denominator for w in relation.coefficients.values()))
        entries = {relation.column: -whole} | {k: int(w * whole) for k, w in relation.coefficients.items()}
        # Any length of V's columns will do; this one keeps the system well conditioned where units allow it.
        lift = max(min(size[k] - abs(v).bit_length() for k, v in entries.items()), max(grid[k] for k in entries))
        for k, v in entries.items():
            V[k, d] = v << (lift - grid[k])
    return V
