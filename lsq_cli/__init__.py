"""lsq: least squares from the shell, at any size, to the last digit; the same engine for Python.

>>> from lsq_cli import solve
>>> solve([[1, 0], [1, 1], [1, 2]], [1, 3, 5]).x
array([1., 2.])

Importing the package loads nothing: numpy comes with the first use of a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsq_cli.core.version import __version__

if TYPE_CHECKING:
    from lsq_cli.api import gradient, solve
    from lsq_cli.core.solution import Solution
    from lsq_cli.runs.regression import fit, predict

__all__ = ["Solution", "__version__", "fit", "gradient", "predict", "solve"]


def __getattr__(name: str) -> object:
    """The public names, imported when first asked for."""
    if name == "Solution":
        from lsq_cli.core.solution import Solution

        return Solution
    if name in ("fit", "predict"):
        from lsq_cli.runs import regression

        return getattr(regression, name)
    if name in __all__:
        from lsq_cli import api

        return getattr(api, name)
    raise AttributeError(f"module 'lsq_cli' has no attribute {name!r}")
