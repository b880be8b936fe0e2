"""Optional packages: imported, named with their install line, or let alone where they themselves are broken."""

from __future__ import annotations

import sys

import pytest

from lsq_cli.core.errors import MissingExtraError
from lsq_cli.core.extras import load


def test_a_package_that_is_there_is_imported():
    assert load("json.decoder", "fast", "x") is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.part"])
def test_a_package_that_is_not_there_is_named_with_its_extra(module):
    with pytest.raises(MissingExtraError) as error:
        load(module, "sparse", "A.mtx")
    assert str(error.value) == "A.mtx needs no_such_package: pip install 'lsq-cli[sparse]'"


def test_a_package_that_lacks_one_of_its_own_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import its_own_need\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="its_own_need"):
        load("broken_package", "fast", "x")
