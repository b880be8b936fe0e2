"""Optional packages: imported when they are needed, and named with their ``pip install`` line when they are missing.

    extra       packages                       for
    fast        polars, pyarrow, zstandard     large CSV, Parquet, .zst
    sparse      scipy                          Matrix Market, sparse NPZ, sparse arrays
    plot        matplotlib                     pictures
    excel       python-calamine                spreadsheets

A module that needs one calls `load` before it reads a row, so that nobody waits for an error.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lsq_cli.core.errors import MissingExtraError


def load(module: str, extra: str, purpose: str) -> Any:
    """The module of an optional package.

    Parameters
    ----------
    module : str
        Its name, as in ``scipy.sparse``.
    extra : str
        The extra of this project that installs it.
    purpose : str
        What needs it, as the beginning of a sentence: ``data.parquet``, ``.zst files``.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != package:
            raise  # the package is there and lacks one of its own
        raise MissingExtraError(f"{purpose} needs {package}: pip install 'lsq-cli[{extra}]'") from None
