"""The problem by its sums: rank, the exact solution, the condition, and which digits are sure; no row is needed.

Both methods need it. `normal` yields the exact solution as its Newton step; descent takes place on the same sums in
doubles, and its x is compared with the solution. The sums are exact integers (`ExactSums`), or were rounded
while they were added up (`DoubleSums`); they are solved alike, and only the certificate differs:

    extended   digits = distance of x from the solution of Gx = c, proved in integers
    double     the same, joined with what an error of η in the sums can do to x

η is measured, not assumed: 4 times the difference between the rounded and the exact sums of the first rows, at least
10·2⁻⁵³. Constant and two-valued columns make it up to ten times that least.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from lsq_cli.core.errors import elided, shown
from lsq_cli.exact import certificate, rank
from lsq_cli.exact.equations import ExactSolution, NormalEquations
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.quadratic import Quadratic

if TYPE_CHECKING:
    from lsq_cli.core.problem import About, Form, Value
    from lsq_cli.core.solution import Array
    from lsq_cli.exact.doublesums import Sums
    from lsq_cli.exact.verified import Verified

LEAST_VERIFIED = 32
"""Unknowns below which the integers are as fast as doubles with a proof."""


class SummedProblem:
    """A problem whose rows have been summed; a `Problem`.

    Parameters
    ----------
    about : About
    sums : Sums
    ridge : float
        λ of ½λ‖x‖², not on the intercept.
    tolerance : float, optional
        A column whose part outside the others is below this of its length is dependent; 4√n·2⁻⁵³ by default, and at
        least √(n·2⁻⁵²) where the sums were rounded.
    rounding : float
        η, a bound on the error of the sums with columns of unit length; 0 for exact ones.
    """

    passes = 1

    def __init__(
        self, about: About, sums: Sums, ridge: float = 0.0, tolerance: float | None = None, rounding: float = 0.0
    ) -> None:
        self.sums, self.ridge, self.rounding = sums, ridge, rounding
        asked = rank.default_tolerance(sums.n) if tolerance is None else tolerance
        self.tolerance = max(asked, least_tolerance(sums.n)) if rounding else asked
        self.about = replace(about, notes=(*about.notes, *_tolerance_note(tolerance, self.tolerance)))

    @cached_property
    def verified(self) -> Verified | None:
        """The problem in doubles that prove what they say; None where it takes integers."""
        if not isinstance(self.sums, ExactSums) or self.sums.n < LEAST_VERIFIED:
            return None
        from lsq_cli.exact.verified import Verified  # for problems of many unknowns

        return Verified.of(self.sums, self.ridge, max(self.tolerance, rank.LEAST_TOLERANCE))

    @cached_property
    def equations(self) -> NormalEquations:
        """Gx = c in integers."""
        N, e = self.sums.integers()
        return NormalEquations(N, e, self.sums.p, self.ridge, self.sums.intercept)

    @cached_property
    def columns(self) -> rank.Rank:
        """Which columns are independent, and what the others are made of."""
        if self.verified is not None:
            return self.verified.rank
        return rank.decide(self.equations, self.tolerance)

    @property
    def rank(self) -> int:
        """Number of independent columns."""
        return self.columns.rank

    @property
    def is_regular(self) -> bool:
        """Whether the solution is the only one."""
        return not self.columns.dependent

    @cached_property
    def solution(self) -> ExactSolution:
        """The exact solution; of all there are the one of least norm."""
        return (self.equations if self.is_regular else rank.least_norm(self.equations, self.columns)).solve()

    @cached_property
    def rounded_solution(self) -> ExactSolution:
        """The same where it need be known to the last bit of a double only, in doubles if they are enough."""
        return (self.verified and self.verified.solution) or self.solution

    @cached_property
    def quadratic(self) -> Quadratic:
        """The sums in doubles, as descent walks on them."""
        return Quadratic(self.sums, self.ridge)

    @property
    def hessian(self) -> Array:
        """∇²f = AᵀA + λI (n, n) in doubles, but for a factor."""
        return self.quadratic.G

    @cached_property
    def _normalized(self) -> Form:
        """The sums in doubles, in columns of length 1."""
        from lsq_cli.problems.normalizing import Normalized  # for descents that ask for it

        return Normalized(self.quadratic)

    def form(self, *, normalize: bool = False) -> Form:
        """The sums in doubles, in columns of length 1 if so asked."""
        if not normalize:
            return self.quadratic
        return self._normalized

    @cached_property
    def inverse(self) -> certificate.Inverse:
        """G⁻¹, where the columns are independent."""
        return certificate.Inverse(self.equations)

    @property
    def _sensitivity(self) -> certificate.Sensitivity:
        """What the condition and `data_digits` are told from: doubles if they have enough digits."""
        return (self.verified and self.verified.certificate) or self.inverse

    @property
    def x(self) -> Array:
        """The solution (n, p), every coefficient rounded once."""
        return self.rounded_solution.x

    @cached_property
    def condition(self) -> float | None:
        """The condition number of A with its columns scaled to length 1, whatever the ridge; None where they depend."""
        if not self.ridge:
            return self._sensitivity.condition if self.is_regular else None
        return SummedProblem(self.about, self.sums, 0.0, self.tolerance, self.rounding).condition

    def value_at(self, x: Array) -> Value:
        """f, ‖Ax − b‖ and ‖∇f‖ at `x`, (n,) or (n, p), from the same sums: no second pass."""
        return (self.verified.form if self.verified else self.equations).value_at(x)

    def digits(self, x: Array) -> float | None:
        """Digits of `x` that are surely those of the solution.

        None where they cannot be told: where dependent columns leave the solution open, unless the dependencies
        hold exactly, for then the solution of least norm is a matter of the data alone.
        """
        if not self.is_regular and not all(relation.exact for relation in self.columns.relations):
            return None
        exact = self.rounded_solution
        sure = certificate.sure_digits(
            exact, x, in_doubles=self.verified is not None and exact is self.verified.solution
        )
        if not self.rounding:
            return sure
        if not self.is_regular:
            return None
        return certificate.joined(sure, certificate.double_digits(self.inverse, x.reshape(len(x), -1), self.rounding))

    @cached_property
    def data_digits(self) -> float | None:
        """Digits of the solution that survive a change in the last bit of the data; None where columns depend."""
        if not self.is_regular:
            return None
        return certificate.data_digits(self._sensitivity, self.x, self.value_at(self.x).residual_norms)

    def dependencies(self) -> tuple[str, ...]:
        """The dependencies in words: ``x4 = x1 + x2``."""
        if self.is_regular:
            return ()
        from lsq_cli.exact.dependencies import sentences

        return sentences(self.columns.relations, self.about.names)

    def rank_warning(self, choice: str) -> tuple[str, ...]:
        """What to know and to do where columns of A depend on each other; `choice` says which x is found."""
        if self.is_regular:
            return ()
        names = self.about.names
        found = elided(self.dependencies(), between="; ")
        affected = set(self.columns.affected)
        untouched = [shown(name) for i, name in enumerate(names) if i not in affected]
        alone = f"; not affected: {elided(untouched)}" if untouched else ""
        finer = ", or look closer with --precision extended" if self.rounding else ""
        return (
            f"the columns of A depend on each other, rank {self.rank} of {len(names)}: {found}; "
            f"{choice}{alone}; for one answer only: {self._remedy()}{finer}",
        )

    def _remedy(self) -> str:
        """The options that leave independent columns: ``--drop x4``."""
        from lsq_cli.exact.dependencies import remedy

        return remedy(self.columns.relations, self.about.names)


def least_tolerance(n: int) -> float:
    """√(n·2⁻⁵²): rounded sums cannot tell a smaller part from none."""
    return float((n * 2.0**-52) ** 0.5)


def _tolerance_note(asked: float | None, used: float) -> tuple[str, ...]:
    """The note that a rank tolerance was raised to what rounded sums can tell apart."""
    if asked is None or asked >= used:
        return ()
    return (f"--rank-tol {asked:g} is {used:.2g} here: sums in double precision cannot tell less from nothing",)
