"""AᵀA and Aᵀb of any number of rows without one rounding error: the sums behind `--precision extended`.

`ExactSums` holds MᵀWM of the rows of M = [A b], W = diag(weights), as integers times powers of two:

    (MᵀWM)_ij = Σ_rows w·m_i·m_j = N_ij · 2^(e_i + e_j).

Nothing is rounded, so the sums know no order, split or merge: the same rows give the same bits, and rows can
be taken away again. Prefer them unless the time to sum counts for more than the answer: forming AᵀA squares
the condition number, which costs doubles half of their digits and costs nothing here.

How. The rows pass in pieces of at most 2048. In a piece each column is scaled by a power of two and cut into
slices, whose products BLAS forms exactly (`slices.py` has the proof), and these go as integers into long
accumulators (`limbs.py`). The slices of a column always stand on the same levels, log₂ unit =
reference − 22·level, so that the products of most pieces are added as they are; a column that is larger or
smaller in some piece starts some levels higher or lower there.

Why no exponent is out of range. A scaled column has ‖x‖² ≤ 2^52 and at most 12 slices, units from 1 to 2^−242.
If that is not enough, because a column holds both large and tiny numbers, the piece is cut in two at a size
between them and each half starts anew, with its own scale; at the latest a single row is cut fully. A
number that became 0 in the scaling is found by counting the zeros, and treated alike. Rows that need more
slices than most others are put aside and summed together at the end.

Weights. w is scaled to w ≤ 1 by a power of two, and rows with w < 2^−300 are split off as above. Then
w·x = P + E exactly, and the product is that of the slices of x with those of P and of E. Their last bits are
at least 2^(−242 − 352), so the products stay above 2^−836. A weight of 2 gives the bits of the row given twice.

Sources: Ozaki, Ogita, Oishi & Rump 2012 (see `slices.py`); Kulisch, *Computer Arithmetic and Validity*.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.exact.compensated import two_product
from lsq_cli.exact.dyadic import half_lengths
from lsq_cli.exact.limbs import Limbs, W
from lsq_cli.exact.slices import ROWS, SLICES, Cutter, Slices, power_of_two, times_power_of_two

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.exact.dyadic import Integers

    Index = NDArray[np.intp]
    Levels = NDArray[np.int64]

_LARGEST = 2.0**52
"""‖x‖² of a column may be as large as this in units of the level it starts on."""
_SMALLEST = 2.0**8
"""Below this it starts on a finer level: a level is 2^44 in ‖x‖²."""
_PLAIN = 2.0**-800
"""‖x‖² of an unscaled column tells its size if it is above this and below the inverse."""
_BETWEEN = 2.0**-100
"""Where a column with too many slices is cut: its largest entry is above 1/8, its smallest below 2^(53 − 242)."""
_LIGHT = 2.0**-300


class ExactSums:
    """The exact sums MᵀWM over rows of M = [A b]; picklable, equal if the values and the numbers of rows are.

    Parameters
    ----------
    n : int
        Columns of A, that of the intercept included.
    p : int
        Columns of b.
    intercept : bool
        A column of ones stands first; `add` takes A without it, (rows, n − 1).

    Attributes
    ----------
    rows : int
        Rows added, those of weight 0 too.
    """

    def __init__(self, n: int, p: int, intercept: bool = False) -> None:
        self.n = n
        self.p = p
        self.intercept = intercept
        self.rows = 0
        self._limbs = Limbs(n + p)

    @classmethod
    def from_integers(cls, n: int, p: int, rows: int, N: Integers, e: Sequence[int]) -> ExactSums:
        """The sums whose value `integers` gave as N (n + p, n + p) and e (n + p,)."""
        sums = cls(n, p)
        sums.rows = rows
        sums._limbs = Limbs.from_integers(N, e)
        return sums

    def add(self, A: Array, b: Array, weights: Array | None = None) -> None:
        """Add rows.

        Parameters
        ----------
        A : ndarray, shape (rows, n), or (rows, n − 1) with an intercept
        b : ndarray, shape (rows, p)
        weights : ndarray, shape (rows,), optional
            A row of weight w counts as w rows.

        Raises
        ------
        ValueError
            If a number is not finite; the sums are of no use then.
        """
        self.rows += len(A)
        ones = (np.broadcast_to(1.0, (1, len(A))),) if self.intercept else ()
        rows = _Rows((*ones, A.T, b.T), weights)
        if weights is not None:
            rows = rows.take(weights != 0)
            if (weights[weights != 0] == 1).all():
                rows = rows._replace(weights=None)
        while rows.height:
            rows = self._add_all_but_deep(rows)

    def merge(self, other: ExactSums) -> None:
        """Add the rows of `other`."""
        self._limbs.merge(other._limbs)
        self.rows += other.rows

    def subtract(self, other: ExactSums) -> None:
        """Take away the rows of `other`, which were added before: what remains is as if they never had been."""
        self._limbs.merge(other._limbs, -1)
        self.rows -= other.rows

    def integers(self) -> tuple[Integers, list[int]]:
        """The value, in a form that depends on nothing else.

        Returns
        -------
        N : ndarray of Python int, shape (k, k), k = n + p
        e : list of int, (k,)
            (MᵀWM)_ij = N_ij·2^(e_i + e_j) exactly; the columns are those of A, then those of b. See
            `Limbs.integers` for the rule that fixes e.
        """
        return self._limbs.integers()

    def limbs(self) -> tuple[list[int], Array, list[int]]:
        """The value as it is held: see `Limbs.doubles` for the levels and limbs, and the reference (k,) of each column.

        (MᵀWM)_ij = 2^(reference_i + reference_j)·Σ_l limbs[l]_ij·2^(−22·levels[l]).
        """
        return *self._limbs.doubles(), self._limbs.reference.tolist()

    def doubles(self) -> tuple[Array, list[int]]:
        """The value scaled and correctly rounded.

        Returns
        -------
        S : ndarray, shape (k, k)
            S_ij is the double nearest to (MᵀWM)_ij·2^(−E_i − E_j).
        E : list of int, (k,)
            Such that the scaled diagonal lies in [¼, 1) before rounding; 0 for a column of zeros.
        """
        N, e = self.integers()
        half = half_lengths(N.diagonal())
        to_double = np.frompyfunc(_rounded, 2, 1)
        S = np.asarray(to_double(N, np.add.outer(half, half).astype(object)), dtype=np.float64)
        return S, [h + f if h else 0 for h, f in zip(half, e, strict=True)]

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the number of rows and the value."""
        from hashlib import sha256  # only states need it

        N, e = self.integers()
        upper = " ".join(f"{number:x}" for number in N[np.triu_indices(len(e))])
        return sha256(f"{self.n} {self.p} {self.rows} {e} {upper}".encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same value of as many rows."""
        return isinstance(other, ExactSums) and self.digest() == other.digest()

    def _add_all_but_deep(self, rows: _Rows) -> _Rows:
        """Add the rows piece by piece; return those that were put aside, fewer than a quarter."""
        k = self.n + self.p
        height = min(rows.height, max(ROWS // 4, min(ROWS, 2**18 // k)))
        space = _Space(k, height, rows.weights is not None)
        put_aside: list[_Rows] = []
        for first in range(0, rows.height, height):
            pending = [rows.take(slice(first, first + height))]
            while pending:
                pending += self._add_piece(pending.pop(), space, put_aside)
        return _Rows.joined(put_aside) if put_aside else rows.take(slice(0))

    def _add_piece(self, piece: _Rows, space: _Space, put_aside: list[_Rows]) -> list[_Rows]:
        """Add a piece, its deep rows go to `put_aside`; or return it in two parts, if a column spans too much."""
        X = space.X[:, : piece.height]
        start = self._scale(piece, X)
        spread = self._vanished(piece, X, start)
        if spread is None:
            x = space.cutter.cut(X, leave_deep=True)
            spread = x.unfinished
        if spread is not None:
            return piece.parted(np.abs(X[spread]) >= _BETWEEN)
        if piece.weights is None:
            self._add_products(space, x, start, x, start)
        else:
            weights, up = _at_most_one(piece.weights)
            if (weights < _LIGHT).any():
                return piece.parted(weights >= np.sqrt(_LIGHT))
            if x.deep is not None:
                X[:, x.deep] = 0
            P, E = two_product(weights, X)
            self._add_products(space, x, start, space.weighted.cut(P, 3 * SLICES), start - up)
            E *= 2.0 ** (2 * W)  # |E| ≤ 2^−53 |P|: its slices begin two levels below
            self._add_products(space, x, start, space.weighted.cut(E, 3 * SLICES), start - up + 2)
        if x.deep is not None:
            put_aside.append(piece.take(x.deep))
        return []

    def _scale(self, piece: _Rows, X: Array) -> Levels:
        """Fill X (k, rows) with the columns times 2^(22·start − reference); return the level each starts on."""
        limbs = self._limbs
        start = np.zeros(len(X), np.int64)
        with np.errstate(all="ignore"):  # what overflows here is scaled anew below
            piece.scaled(power_of_two(-limbs.reference), X)
            size = np.vecdot(X, X)
        new = np.flatnonzero(~limbs.placed & (size > _PLAIN) & (size < 1 / _PLAIN))
        if new.size:  # their reference was 0, so that X holds them unscaled
            # One that suits full pieces, with a factor of 2 to spare: later pieces should start on level 0 too.
            limbs.place(new, _lowest_unit(size[new] * (ROWS / piece.height)) + 1)
            scale = power_of_two(-limbs.reference[new])
            X[new] *= scale[:, np.newaxis]
            size[new] *= scale**2
        misfits = np.flatnonzero(~(limbs.placed & (size > _SMALLEST) & (size <= _LARGEST)))
        if misfits.size:
            columns = piece.columns(misfits)
            start[misfits] = self._start(columns, misfits)
            X[misfits] = times_power_of_two(columns, W * start[misfits] - limbs.reference[misfits])
        return start

    def _vanished(self, piece: _Rows, X: Array, start: Levels) -> int | None:
        """A column that was scaled down so far that some of its numbers became 0."""
        shrunk = np.flatnonzero(W * start < self._limbs.reference)
        if not shrunk.size:
            return None
        fewer = np.count_nonzero(X[shrunk], axis=1) < np.count_nonzero(piece.columns(shrunk), axis=1)
        return int(shrunk[fewer.argmax()]) if fewer.any() else None

    def _start(self, columns: Array, chosen: Index) -> Levels:
        """The start levels of the chosen columns, given unscaled, whatever their size."""
        largest = np.abs(columns).max(axis=1)
        _refuse_unless_finite(largest)
        top = np.frexp(largest)[1].astype(np.int64)
        unit = times_power_of_two(columns, -top)
        size = np.vecdot(unit, unit)
        lowest = top + _lowest_unit(size)
        limbs = self._limbs
        new = ~limbs.placed[chosen] & (size > 0)
        limbs.place(chosen[new], lowest[new] + 1)
        return np.where(size > 0, (limbs.reference[chosen] - lowest) // W, 0)

    def _add_products(self, space: _Space, x: Slices, x_start: Levels, y: Slices, y_start: Levels) -> None:
        """Add the products of all slices of x with all of y."""
        products = space.products(len(x.stack), len(y.stack))
        np.matmul(x.stack, y.stack.T, out=products)  # with y = x half the work, as with @
        x_order, left = x.groups(x_start)
        y_order, right = (x_order, left) if y is x else y.groups(y_start)
        if x_order is not None:
            products = products[x_order]
        if y_order is not None:
            products = products[:, y_order]
        self._limbs.add(left, right, products)


class _Space:
    """The memory that one piece after the other is worked on in: fresh pages would cost more than the arithmetic."""

    def __init__(self, k: int, height: int, weighted: bool) -> None:
        self.X = np.empty((k, height))
        self.cutter = Cutter(k, height)
        self.weighted = Cutter(k, height if weighted else 0)
        self._products = np.empty(0)

    def products(self, rows: int, columns: int) -> Array:
        """Room for a (rows, columns) product."""
        if self._products.size < rows * columns:
            self._products = np.empty(rows * columns)
        return self._products[: rows * columns].reshape(rows, columns)


class _Rows(NamedTuple):
    """Rows of M = [A b], transposed: (columns, rows) arrays one below the other, not copied."""

    parts: tuple[Array, ...]
    weights: Array | None

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.parts[-1].T)

    def take(self, index: slice | NDArray[np.bool_] | Index) -> _Rows:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[index]
        return _Rows(tuple(part[:, index] for part in self.parts), weights)

    def parted(self, chosen: NDArray[np.bool_]) -> list[_Rows]:
        """The chosen rows, and the others."""
        return [self.take(chosen), self.take(~chosen)]

    def columns(self, chosen: Index) -> Array:
        """(chosen, rows): copies of the columns with the chosen numbers, ascending."""
        return np.concatenate(
            [part[chosen[(chosen >= low) & (chosen < high)] - low] for low, high, part in self._spans()]
        )

    def scaled(self, scale: Array, out: Array) -> None:
        """Write each column times its entry of `scale` to a row of `out`."""
        for low, high, part in self._spans():
            np.multiply(part, scale[low:high, np.newaxis], out=out[low:high])

    def _spans(self) -> Iterator[tuple[int, int, Array]]:
        """Each part with the numbers of its first column and of the one after its last."""
        low = 0
        for part in self.parts:
            yield low, low + len(part), part
            low += len(part)

    @classmethod
    def joined(cls, many: Sequence[_Rows]) -> _Rows:
        """All rows of many, in one."""
        parts = tuple(np.concatenate(same, axis=1) for same in zip(*(rows.parts for rows in many), strict=True))
        weights = [rows.weights for rows in many if rows.weights is not None]
        return cls(parts, np.concatenate(weights) if weights else None)


def _at_most_one(weights: Array) -> tuple[Array, int]:
    """(weights·2^(−22·up), up) with `up` the least that brings all to at most 1; the smallest may become 0."""
    _refuse_unless_finite(weights)
    up = -(-int(np.frexp(weights.max())[1]) // W)
    with np.errstate(all="ignore"):
        return np.ldexp(weights, -W * up), up


def _refuse_unless_finite(numbers: Array) -> None:
    """Raise for nan and inf, which no sum of integers can hold."""
    if not np.isfinite(numbers).all():
        raise ValueError("every number must be finite")


def _lowest_unit(size: Array) -> NDArray[np.int32]:
    """log₂ of the smallest unit, or twice it, in which a column with ‖x‖² = size keeps to ‖x‖² ≤ 2^52."""
    return (np.frexp(size)[1] - 51) // 2  # ⌈(log₂ ‖x‖² − 52) / 2⌉


def _rounded(number: int, bits: int) -> float:
    """number / 2^bits, rounded once: Python divides integers so."""
    return number / (1 << bits)
