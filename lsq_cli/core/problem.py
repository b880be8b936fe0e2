"""The problem that every method solves, and how it looks to them.

    f(x) = ½‖Ax − b‖² + ½λ‖x‖²,    A (m, n), b (m,), x (n,), r = Ax − b

Why ∇f = Aᵀ(Ax − b). Write f = g ∘ h with h(x) = Ax − b and g(u) = ½‖u‖² = ½uᵀu. Their derivatives are
h'(x) = A, an (m, n) matrix, and g'(u) = uᵀ, a (1, m) row, because a derivative is the linear map that
takes a small change to the change it causes: g(u + du) ≈ g(u) + uᵀdu. The chain rule multiplies the maps,

    f'(x) = g'(h(x)) h'(x) = (Ax − b)ᵀA,

a (1, n) row: the Jacobian ∂f/∂x. A step x − β∇f needs something of the shape of x, an (n, 1) column: the
gradient is the transpose of the Jacobian, ∇f = ((Ax − b)ᵀA)ᵀ = Aᵀ(Ax − b). That is where both transposes
come from. Multiplied out it is AᵀAx − Aᵀb: the rows are needed only for G = AᵀA and c = Aᵀb, once, which
is what `problems/quadratic.py` uses; setting it to zero gives the normal equations AᵀAx = Aᵀb.

Runs, methods and reports speak to a `Problem` and do not ask which form it has:

    about       who it is: names, targets, rows read, used and dropped
    x, rank, …  what it knows: the exact solution, the rank, how many digits of an x are right
    form()      where descent takes place: a `Form`, with one `Objective` for each target

The forms stand beside each other in `problems/`; `problems/choosing.py` alone knows how many there are.

Source: Goodfellow, Bengio & Courville, *Deep Learning*, section 4.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array, Iterate


class Work(NamedTuple):
    """Seconds of work, those of all threads together."""

    reading: float = 0.0
    summing: float = 0.0

    def joined(self, other: Work) -> Work:
        """The work of both."""
        return Work(self.reading + other.reading, self.summing + other.summing)


class Value(NamedTuple):
    """What is known of one x (n, p); norms are Frobenius norms."""

    objective: float
    residual_norm: float
    gradient_norm: float
    residual_norms: tuple[float, ...]
    """‖Ax − b‖ of each target."""


@dataclass(frozen=True, eq=False)
class About:
    """Who a problem is: what can be said of it without solving it.

    Attributes
    ----------
    names, targets : tuple of str
        The n unknowns, with ``(intercept)`` first where one was asked for, and the p targets.
    data : tuple of str
        The paths as given.
    left_out : tuple of str
        Columns that were not taken, for they hold no numbers.
    rows, rows_read : int
        Rows used, and rows seen.
    counted_rows : int
        Rows used whose weight is not 0.
    dropped : mapping
        Reason → rows dropped for it.
    constant_column : int or None
        A column of A that holds one number other than 0 in all rows that count.
    precision : {"extended", "double"}
    warnings, notes : tuple of str
        What to beware of in the data, and how it was understood.
    work : Work
        What reading and summing took.
    """

    names: tuple[str, ...]
    targets: tuple[str, ...]
    data: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    rows: int = 0
    rows_read: int = 0
    counted_rows: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    constant_column: int | None = None
    precision: str = "extended"
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    work: Work = field(default_factory=Work)

    @property
    def has_constant(self) -> bool:
        """Whether A has a constant column, and so can fit a mean."""
        return self.constant_column is not None


class Objective(Protocol):
    """f as the methods see it, for one target. Made from the sums, or from the rows."""

    n: int
    """Number of unknowns."""

    @property
    def passes(self) -> int:
        """How often the rows have been read."""
        ...

    c: Array
    """Aᵀb (n,), so that ∇f(0) = −c."""

    b_squared: float
    """bᵀb = 2f(0), the scale on which f is rounded."""

    def value_and_gradient(self, x: Array) -> tuple[float, Array]:
        """f(x) and ∇f(x) = AᵀAx − Aᵀb + λx, an (n,) array that the caller may keep."""
        ...

    def begin(self, x: Array) -> tuple[float, Array]:
        """The same, at the start of a descent."""
        ...

    def advance(self, x: Array, move: Array) -> tuple[float, Array]:
        """The same, at the x that the descent has come to by x ← x − move."""
        ...

    def curvature(self, d: Array) -> float:
        """dᵀ∇²f d = ‖Ad‖² + λ‖d‖²: how fast the slope of f changes along `d`."""
        ...

    def product(self, d: Array) -> Array:
        """∇²f d = AᵀAd + λd (n,): what the gradient changes by along `d`."""
        ...

    def residual_norm(self, x: Array, f: float) -> float:
        """‖Ax − b‖ at an x whose f is known."""
        ...

    def gradient_norm(self, g: Array) -> float:
        """‖g‖ of a gradient, measured in the columns as the user gave them."""
        ...

    def rounding(self, x: Array) -> float:
        """About the norm of the error that rounding leaves in ∇f(x): no descent makes the gradient much smaller."""
        ...


class Form(Protocol):
    """Where descent takes place: the sums in doubles, the same in normalised columns, or the rows."""

    n: int
    p: int
    a_unit: int
    """The columns' unit is 2^a_unit, so that a rate's is 2^(−2·a_unit)."""

    @property
    def G(self) -> Array | None:  # noqa: N802
        """AᵀA + λI in the form's units; None where only the rows are there."""
        ...

    def objective(self, target: int) -> Objective:
        """f of one target."""
        ...

    def measured(self, vectors: Array) -> Array:
        """Gradients (n, r) as they are in the user's columns, but for a power of two."""
        ...

    def to_user(self, iterate: Iterate, target: int) -> Iterate:
        """An iterate of one target in the user's units."""
        ...

    def from_user(self, x: Array | None, target: int) -> Array:
        """A start given in the user's units, in the form's; zeros for None."""
        ...


class Problem(Protocol):
    """A problem that has been read: all that runs, methods and reports ask of it."""

    @property
    def about(self) -> About:
        """Who it is."""
        ...

    @property
    def passes(self) -> int:
        """How often the rows have been read."""
        ...

    @property
    def rank(self) -> int | None:
        """Number of independent columns; None where it is not known."""
        ...

    @property
    def x(self) -> Array | None:
        """The exact solution (n, p), each coefficient rounded once; None where it is not known."""
        ...

    @property
    def condition(self) -> float | None:
        """The condition number of A with its columns scaled to length 1; None where it is not known."""
        ...

    @property
    def data_digits(self) -> float | None:
        """Digits of the solution that survive a change in the last bit of the data; None where it is not known."""
        ...

    @property
    def hessian(self) -> Array:
        """∇²f = AᵀA + λI (n, n) in doubles, but for a factor; (0, 0) where it is not at hand."""
        ...

    def value_at(self, x: Array) -> Value:
        """f, ‖Ax − b‖ and ‖∇f‖ at `x`, (n,) or (n, p)."""
        ...

    def digits(self, x: Array) -> float | None:
        """Digits of `x` that are surely those of the solution; None where they cannot be told."""
        ...

    def dependencies(self) -> tuple[str, ...]:
        """Which columns depend on others, in words: ``x4 = x1 + x2``."""
        ...

    def rank_warning(self, choice: str) -> tuple[str, ...]:
        """What to know and to do where many x fit alike; `choice` says which of them is found."""
        ...

    def form(self, *, normalize: bool = False) -> Form:
        """Where descent takes place, in columns scaled to length 1 if so asked.

        Raises
        ------
        ProblemError
            Where descent cannot take place in that form.
        """
        ...
