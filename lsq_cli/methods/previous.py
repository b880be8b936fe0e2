"""The step before, for directions and lengths that look back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array


class PreviousStep:
    """x₋₁ and the gradient there; None at first."""

    def __init__(self) -> None:
        self.x: Array | None = None
        self.g: Array | None = None
