"""The problem that every method solves, and the face it shows to them.

    f(x) = ½‖Ax − b‖² + ½λ‖x‖²,    A (m, n), b (m,), x (n,), r = Ax − b

Why ∇f = Aᵀ(Ax − b). Write f = g ∘ h with h(x) = Ax − b and g(u) = ½‖u‖² = ½uᵀu. Their derivatives are
h'(x) = A, an (m, n) matrix, and g'(u) = uᵀ, a (1, m) row, because a derivative is the linear map that
takes a small change to the change it causes: g(u + du) ≈ g(u) + uᵀdu. The chain rule multiplies the maps,

    f'(x) = g'(h(x)) h'(x) = (Ax − b)ᵀA,

a (1, n) row: the Jacobian ∂f/∂x. A step x − β∇f needs something of the shape of x, an (n, 1) column: the
gradient is the transpose of the Jacobian, ∇f = ((Ax − b)ᵀA)ᵀ = Aᵀ(Ax − b). That is where both transposes
come from. Multiplied out it is AᵀAx − Aᵀb: the rows are needed only for G = AᵀA and c = Aᵀb, once, which
is what `quadratic.py` lives on; setting it to zero gives the normal equations AᵀAx = Aᵀb.

Source: Goodfellow, Bengio & Courville, *Deep Learning*, section 4.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array


class Objective(Protocol):
    """f as the methods see it, for one target. `Quadratic` makes it from sums, `rowwise` from the rows."""

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
