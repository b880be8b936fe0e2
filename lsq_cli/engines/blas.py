"""One thread in BLAS while ours run: two layers of threads wait for each other, many times over on a busy machine.

The command sets `OPENBLAS_NUM_THREADS` before numpy is imported. In somebody else's Python it is too late for that;
but the OpenBLAS that numpy's wheels bring along takes the number at any time. Another BLAS is left as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

VARIABLE = "OPENBLAS_NUM_THREADS"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS run in the calling thread alone, where numpy's own OpenBLAS is there to be asked; restored after."""
    library = None if os.environ.get(VARIABLE) == "1" else _openblas()
    if library is None:
        yield
        return
    before = library.scipy_openblas_get_num_threads64_()
    library.scipy_openblas_set_num_threads64_(1)
    try:
        yield
    finally:
        library.scipy_openblas_set_num_threads64_(before)


@cache
def _openblas() -> Any:
    """The library in numpy's wheel, loaded already; None where numpy has another."""
    import ctypes  # not for the command, which has the variable

    for path in (Path(np.__file__).parent.parent / "numpy.libs").glob("*openblas64*"):
        library = ctypes.CDLL(str(path))
        if hasattr(library, "scipy_openblas_set_num_threads64_"):
            return library
    return None
