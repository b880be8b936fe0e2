"""The rows of a wide problem, all of them held: what `wide.py` and its proof are made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array
    from lsq_cli.sources.blocks import Rows

# Entries of A that are dense, or whole numbers, at one time.
_PIECE = 1 << 18


@dataclass(frozen=True)
class WideRows:
    """All rows of weight above 0: A (m, n), an array or a scipy csr_array, with the column of ones if there is one."""

    A: Any
    b: Array
    """(m, p)."""
    weights: Array | None

    @classmethod
    def of(cls, many: list[Rows], intercept: bool) -> WideRows:
        """The rows of some blocks."""
        parts = [rows.A for rows in many]
        sparse = not isinstance(parts[0], np.ndarray)
        if sparse:
            scipy = import_module("scipy.sparse")  # whoever gave a sparse A has it
            A = scipy.vstack(parts, format="csr")
            A = scipy.hstack([scipy.csr_array(np.ones((A.shape[0], 1))), A], format="csr") if intercept else A
        else:
            A = np.concatenate(parts)
            A = np.hstack([np.ones((len(A), 1)), A]) if intercept else A
        b = np.concatenate([rows.b for rows in many])
        weights = None if many[0].weights is None else np.concatenate([rows.weights for rows in many])
        if weights is not None:
            A, b, weights = A[weights > 0], b[weights > 0], weights[weights > 0]
        return cls(A, b, weights)

    def columns(self) -> Iterator[tuple[slice, Array]]:
        """A by its columns, some at a time: where they stand, and the (m, k) doubles."""
        m, n = self.A.shape
        step = max(1, _PIECE // max(1, m))
        for start in range(0, n, step):
            piece = self.A[:, start : start + step]
            yield slice(start, min(start + step, n)), piece if isinstance(piece, np.ndarray) else piece.toarray()
