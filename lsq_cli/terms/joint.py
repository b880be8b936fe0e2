"""Several models of one table as one: every column that one of them has, so that one pass serves all.

A column of one model may be one of another too, whatever it is called: it is a product of numbers in the rows of some
levels, and such a pair stands once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lsq_cli.terms.design import Column, Design, Group, Shape
from lsq_cli.terms.formula import Formula


@dataclass(frozen=True)
class JointShape(Shape):
    """The shape whose groups of columns are those of several.

    Attributes
    ----------
    shapes : tuple of Shape
    """

    shapes: tuple[Shape, ...] = ()

    @classmethod
    def of(cls, formulas: Sequence[Formula]) -> JointShape:
        """That of some formulas with the same targets."""
        terms = {frozenset(term): term for formula in reversed(formulas) for term in formula.terms}
        left_out = tuple(dict.fromkeys(name for formula in formulas for name in formula.left_out))
        whole = replace(
            formulas[0],
            terms=tuple(terms.values()),
            intercept=any(formula.intercept for formula in formulas),
            left_out=left_out,
        )
        return cls(whole, tuple(map(Shape, formulas)))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Those of every shape."""
        return tuple(group for shape in self.shapes for group in shape.groups)

    def check(self) -> None:
        """`UsageError` as every shape has it."""
        for shape in self.shapes:
            shape.check()


@dataclass(frozen=True)
class JointDesign(Design):
    """The design whose columns are those of several, each once.

    Attributes
    ----------
    designs : tuple of Design
    """

    designs: tuple[Design, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns, as they come."""
        found = {(column.numbers, column.levels): column for design in self.designs for column in design.columns}
        return tuple(found.values())

    def places(self, design: Design) -> list[int]:
        """Where the columns of one of the designs stand."""
        known = {(column.numbers, column.levels): k for k, column in enumerate(self.columns)}
        return [known[column.numbers, column.levels] for column in design.columns]
