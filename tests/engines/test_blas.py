"""BLAS has one thread while the Python face works, and as many as before afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from lsq_cli import solve
from lsq_cli.engines import blas


class FakeLibrary:
    """A BLAS that writes down how many threads it was given."""

    def __init__(self) -> None:
        self.threads, self.set = 8, []

    def scipy_openblas_get_num_threads64_(self) -> int:
        return self.threads

    def scipy_openblas_set_num_threads64_(self, count: int) -> None:
        self.threads = count
        self.set.append(count)


@pytest.fixture
def library(monkeypatch):
    fake = FakeLibrary()
    monkeypatch.delenv(blas.VARIABLE, raising=False)
    monkeypatch.setattr(blas, "_openblas", lambda: fake)
    return fake


def test_solve_takes_one_thread_and_gives_back_the_rest(library):
    solve(np.eye(3), np.ones(3))

    assert library.set == [1, 8]


def test_an_error_gives_them_back_too(library):
    with pytest.raises(ValueError, match="must be"), blas.one_thread():
        raise ValueError("must be")

    assert library.threads == 8


def test_where_the_variable_says_one_nothing_is_asked(library, monkeypatch):
    monkeypatch.setenv(blas.VARIABLE, "1")
    with blas.one_thread():
        pass

    assert library.set == []


def test_the_library_of_this_numpy_is_found_or_left_alone():
    library = blas._openblas()

    assert library is None or library.scipy_openblas_get_num_threads64_() >= 1
