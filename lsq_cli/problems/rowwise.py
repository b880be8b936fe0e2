"""The problem by its rows: f and ∇f from a pass over A, where G = AᵀA does not fit or A is sparse and n large.

    r = Ax − b,    f(x) = ½ Σ wᵢrᵢ² + ½λ‖x‖²,    ∇f(x) = Aᵀ(w∘r) + λx

Both products are made piece by piece, each piece small enough for the cache: Aᵀr finds there what Ax has just
brought, so A comes from memory once a pass. A pass takes 4mn operations, or 4 for each entry of a sparse A.

Prefer the sums of `quadratic.py` wherever n² doubles fit: they are made of the rows once, and an iteration then takes
n² operations and not mn. `RowForm` has the face of `quadratic.Quadratic` as far as descent goes (`methods.gd.Form`),
`RowwiseObjective` that of `quadratic.QuadraticObjective`; the loop and the step rules cannot tell. What takes the whole
of G is not to be had here: rank, condition, proved digits, a forecast.

The parts of all blocks are added in the order of the blocks, so the bits do not depend on the threads. Everything is in
double precision and in the user's units.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import DataError, ProblemError
from lsq_cli.engines.local import fold

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array, Iterate
    from lsq_cli.sources.blocks import RowBlock, Rows

# Doubles of one piece of rows, 2 MB. Pieces of 0.5 MB fit an L2 cache, but then two threads wait for the interpreter
# between the calls: at 50 columns two jobs took as long as one.
_PIECE = 1 << 18
# Columns from which the rows' own dot products beat BLAS, which takes several rows at once and so defeats the
# processor's prefetching: 1.75 against 2.3 reads of A for a pass at 50 columns.
_LONG_ROW = 48
# Blocks of held rows in one span: 16 MB or so.
_TOGETHER = 8


class Span(NamedTuple):
    """Consecutive blocks that one thread takes together."""

    blocks: tuple[RowBlock, ...]

    @property
    def footprint(self) -> int:
        """Bytes of memory that reading them takes, one after the other."""
        return max(block.footprint for block in self.blocks)

    @classmethod
    def of_held(cls, blocks: Iterable[RowBlock]) -> list[Span]:
        """Blocks whose rows are held, so many together that handing them to a thread costs nothing beside them."""
        handles = iter(blocks)
        return [cls(several) for several in iter(lambda: tuple(islice(handles, _TOGETHER)), ())]


@dataclass
class Part:
    """What some rows add to Σ wᵢrᵢ² and to Aᵀ(w∘r), at one x and for one target."""

    square: float
    slope: Array
    """(n,), zeros where it was not asked for."""
    rows: int = 0

    def merge(self, other: Part) -> None:
        """Add what the rows that follow add."""
        self.square += other.square
        self.slope += other.slope
        self.rows += other.rows


@dataclass(frozen=True)
class Pass:
    """The kernel: r = Ax − b of one block and, while its rows are in the cache, Aᵀ(w∘r).

    Parameters
    ----------
    x : ndarray, shape (n,)
    intercept : bool
        Whether the first of the n columns is one of ones, which the rows do not hold.
    target : int or None
        The column of b; None for b = 0.
    slope : bool
        Whether Aᵀ(w∘r) is asked for.
    magnitude : bool
        Whether to take |A|, |x| and −|b| in place of A, x and b: what rounding errors are measured by.
    """

    x: Array
    intercept: bool
    target: int | None
    slope: bool = True
    magnitude: bool = False

    def __call__(self, span: Span) -> Part:
        """The part of some blocks."""
        # Overflow is an outcome of descent, not an accident; what the caller's thread ignores, this one does not.
        with np.errstate(over="ignore", invalid="ignore"):
            part, *parts = (self.of(block.read_sparse()) for block in span.blocks)
            for more in parts:
                part.merge(more)
            return part

    def of(self, rows: Rows) -> Part:
        """The part of some rows."""
        total = len(rows.b)
        part = Part(0.0, np.zeros(len(self.x)), total)
        first = int(self.intercept)
        height = max(64, _PIECE // max(1, len(self.x))) if isinstance(rows.A, np.ndarray) else total
        for start in range(0, total, max(1, height)):
            piece = slice(start, start + height)
            A = rows.A if height >= total else rows.A[piece]
            r = self._residual(A, rows.b[piece])
            wr = r if rows.weights is None else r * rows.weights[piece]
            part.square += float(r.dot(wr))
            if self.slope:
                part.slope[first:] += (abs(A) if self.magnitude else A).T.dot(wr)
                if self.intercept:
                    part.slope[0] += wr.sum()
        return part

    def _residual(self, A: Any, b: Array) -> Array:
        """Ax − b of a piece."""
        first = int(self.intercept)
        x = self.x
        if self.magnitude:
            A, x, b = abs(A), np.abs(x), -np.abs(b)
        r = _product(A, x[first:])
        if self.intercept:
            r += x[0]
        if self.target is not None:
            r -= b[:, self.target]
        return r


@dataclass
class Survey:
    """What the first pass learns: c = Aᵀ(w∘b), bᵀ(w∘b), and the counts."""

    parts: list[Part]
    """One a target, at x = 0."""
    rows: int
    rows_read: int
    weightless: int
    """Rows of weight 0."""
    dropped: Counter[str]
    constants: Array
    """(n,), the number that a column of A holds in every row that counts; nan where it varies."""

    @classmethod
    def of(cls, rows: Rows, n: int, intercept: bool) -> Survey:
        """What some rows say."""
        weightless = 0 if rows.weights is None else int(np.count_nonzero(rows.weights == 0))
        counted = rows.A if not weightless or rows.weights is None else rows.A[rows.weights != 0]
        return cls(
            parts=[Pass(np.zeros(n), intercept, t).of(rows) for t in range(rows.b.shape[1])],
            rows=len(rows.b),
            rows_read=rows.rows_read,
            weightless=weightless,
            dropped=Counter(rows.dropped),
            constants=np.append(np.ones(int(intercept)), constants_of(counted)),
        )

    def merge(self, other: Survey) -> None:
        """Take in the rows that follow."""
        if other.rows > other.weightless:
            agree = self.constants == other.constants
            nothing_yet = self.rows == self.weightless
            self.constants = other.constants if nothing_yet else np.where(agree, self.constants, np.nan)
        for part, more in zip(self.parts, other.parts, strict=True):
            part.merge(more)
        self.rows += other.rows
        self.rows_read += other.rows_read
        self.weightless += other.weightless
        self.dropped.update(other.dropped)

    def joined(self, other: Survey) -> Survey:
        """This one, with the rows that follow."""
        self.merge(other)
        return self

    @property
    def constant_column(self) -> int | None:
        """The first column that holds one number other than 0."""
        return first_constant(self.constants)


@dataclass(frozen=True)
class Surveyor:
    """The kernel of the first pass."""

    n: int
    intercept: bool

    def __call__(self, block: RowBlock) -> Survey:
        """What one block says."""
        with np.errstate(over="ignore", invalid="ignore"):
            return Survey.of(block.read_sparse(), self.n, self.intercept)


class RowForm:
    """A problem with p targets whose rows can be read again and again; a `methods.gd.Form` without G.

    Parameters
    ----------
    spans : callable
        Gives all rows, the same spans every time.
    survey : Survey
        Of these rows.
    intercept, ridge, jobs, memory
        As those of `summing.read_problem`.

    Attributes
    ----------
    passes : int
        How often the rows have been read, the survey included.

    Raises
    ------
    ProblemError
        If the squares of the numbers are beyond the range of doubles.
    """

    G = None
    a_unit = 0

    def __init__(
        self,
        spans: Callable[[], Iterable[Span]],
        survey: Survey,
        *,
        intercept: bool = False,
        ridge: float = 0.0,
        jobs: int | None = None,
        memory: int,
    ) -> None:
        self.c = -np.column_stack([part.slope for part in survey.parts])
        self.b_squared = [part.square for part in survey.parts]
        self.n, self.p = self.c.shape
        self.rows, self.passes = survey.rows, 1
        self.intercept, self.lam = intercept, ridge
        self.ridge = np.full(self.n, ridge)
        if intercept:
            self.ridge[0] = 0.0
        self._spans, self._jobs, self._memory = spans, jobs, memory
        if not (np.isfinite(self.c).all() and np.isfinite(self.b_squared).all()):
            raise ProblemError(
                "the squares of these numbers are beyond 1.8e308: divide the columns of A or b by a power of ten"
            )

    def sweep(self, x: Array, target: int | None, *, slope: bool = True, magnitude: bool = False) -> Part:
        """One pass over the rows.

        Raises
        ------
        DataError
            If the rows are not those of the first pass any more.
        """
        self.passes += 1
        part = fold(Pass(x, self.intercept, target, slope, magnitude), self._spans(), self._jobs, self._memory)
        if part is None or part.rows != self.rows:
            now = part.rows if part else 0
            raise DataError(f"the data has changed while it was read: {self.rows} rows at first, {now} now")
        return part

    def objective(self, target: int) -> RowwiseObjective:
        """f of one target."""
        return RowwiseObjective(self, target)

    def measured(self, vectors: Array) -> Array:
        """Gradients (n, r) as they are in the user's columns: as they are here."""
        return vectors

    def to_user(self, iterate: Iterate, target: int) -> Iterate:
        """An iterate in the user's units: as it is."""
        return iterate

    def from_user(self, x: Array | None, target: int) -> Array:
        """The start of one target; zeros for None."""
        if x is None:
            return np.zeros(self.n)
        return x if x.ndim == 1 else np.ascontiguousarray(x[:, target])


class RowwiseObjective:
    """f(x) and ∇f(x) of one target by one pass over the rows; see `problem.Objective`.

    Parameters
    ----------
    form : RowForm
    target : int
    """

    def __init__(self, form: RowForm, target: int) -> None:
        self._form, self._target = form, target
        self.n, self.b_squared = form.n, form.b_squared[target]
        self.c = np.ascontiguousarray(form.c[:, target])

    @property
    def passes(self) -> int:
        """How often the rows have been read, for any target."""
        return self._form.passes

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x) = Aᵀ(w∘(Ax − b)) + λx; at x = 0 known from the first pass."""
        if not x.any():
            return 0.5 * self.b_squared, -self.c
        part = self._form.sweep(x, self._target)
        penalty = self._form.ridge * x
        return 0.5 * (part.square + float(penalty.dot(x))), part.slope + penalty

    def begin(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x), at the start of a descent."""
        return self.value_and_gradient(x)

    def advance(self, x: Array, move: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x): here f comes from the residual itself, and nothing cancels."""
        return self.value_and_gradient(x)

    def curvature(self, d: Array) -> float:
        """‖Ad‖² + λ‖d‖², each row weighed: a pass that does not need Aᵀ."""
        return self._form.sweep(d, None, slope=False).square + float((self._form.ridge * d).dot(d))

    def product(self, d: Array) -> Array:
        """Aᵀ(w∘Ad) + λd: a pass."""
        return self._form.sweep(d, None).slope + self._form.ridge * d

    def residual_norm(self, x: Array, f: float) -> float:
        """‖Ax − b‖ = √(2f − λ‖x‖²) at an x whose f is known."""
        square = 2.0 * f - (float((self._form.ridge * x).dot(x)) if self._form.lam else 0.0)
        return math.sqrt(square) if square > 0.0 else 0.0

    def gradient_norm(self, g: Array) -> float:
        """‖g‖."""
        return math.sqrt(g.dot(g))

    def rounding(self, x: Array) -> float:
        """2⁻⁵³·‖|A|ᵀ(w∘(|A||x| + |b|)) + λ|x|‖, about the norm of the rounding error of ∇f(x); a pass."""
        slope = self._form.sweep(x, self._target, magnitude=True).slope
        return 2.0**-53 * self.gradient_norm(slope + self._form.ridge * np.abs(x))


def _product(A: Any, x: Array) -> Array:
    """Ax of a piece."""
    by_rows = isinstance(A, np.ndarray) and len(x) >= _LONG_ROW and A.strides[1] == A.itemsize
    r: Array = np.vecdot(A, x) if by_rows else A.dot(x)
    return r


def constants_of(A: Any) -> Array:
    """The number that each column holds in every row, (n,); nan where it varies, or where there is no row."""
    rows, n = A.shape
    values = np.full(n, np.nan)
    if not rows:
        return values
    if isinstance(A, np.ndarray):
        same = np.flatnonzero(A[0] == A[-1])
        same = same[(A[:, same] == A[0, same]).all(axis=0)]
        values[same] = A[0, same]
        return values
    # Of a sparse matrix: columns of zeros are of no interest, others have to be full.
    full = np.flatnonzero(np.bincount(A.indices, minlength=n) == rows)
    if full.size:
        values[full] = constants_of(A[:, full].toarray())
    return values


def first_constant(constants: Array) -> int | None:
    """The first column that holds one number other than 0, given what `constants_of` says."""
    return next((j for j, value in enumerate(constants) if value != 0 and not math.isnan(value)), None)
