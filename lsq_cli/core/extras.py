"""Optional packages: imported when they are needed; one missing or too old is named with its ``pip install`` line.

    extra       packages                       for
    fast        polars, pyarrow, zstandard     large CSV, Parquet, .zst
    sparse      scipy                          Matrix Market, sparse NPZ, sparse arrays
    plot        matplotlib                     pictures
    excel       python-calamine                spreadsheets
    fit         patsy, scipy                   formulas, p-values
    cluster     distributed, fsspec, aiohttp,  --scheduler, http(s):// and s3:// paths
                s3fs

A module that needs one calls `load` before it reads a row, so that nobody waits for an error.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

from lsq_cli.core.errors import MissingExtraError

LOWEST = {
    "polars": "1.37",
    "pyarrow": "17",
    "zstandard": "0.22",
    "scipy": "1.13",
    "matplotlib": "3.9",
    "python_calamine": "0.5",
    "patsy": "1.0.1",
    "distributed": "2025.9",
    "fsspec": "2025.9",
    "aiohttp": "3.12",
    "s3fs": "2025.9",
}
"""The lowest versions with which the tests pass; those of ``pyproject.toml``, which is not there when lsq runs."""


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
        If it is not installed, or older than `LOWEST`.
    """
    package = module.partition(".")[0]
    try:
        found = import_module(module)
    except ImportError as error:
        _check(package, _recorded_version(package), extra, purpose)  # an old one can break on a new numpy
        if error.name is not None and error.name.partition(".")[0] != package:
            raise  # the package is there and lacks one of its own
        raise MissingExtraError(f"{purpose} needs {package}: pip install 'lsq-cli[{extra}]'") from None
    _check(package, getattr(sys.modules[package], "__version__", None), extra, purpose)
    return found


def _check(package: str, version: str | None, extra: str, purpose: str) -> None:
    """Refuse a version that is known and too old."""
    lowest = LOWEST.get(package)
    if lowest is not None and version is not None and _numbers(version) < _numbers(lowest):
        raise MissingExtraError(
            f"{purpose} needs {package} {lowest} or newer, and {version} is installed: "
            f"pip install --upgrade 'lsq-cli[{extra}]'"
        ) from None


def _recorded_version(package: str) -> str | None:
    """The version that pip knows of, None where there is none."""
    from importlib.metadata import PackageNotFoundError, version  # takes as long as some of the packages

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _numbers(version: str) -> list[int]:
    """The first two, which is as many as `LOWEST` has."""
    return [int(digits) for digits in re.findall(r"\d+", version)[:2]]
