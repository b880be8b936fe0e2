"""Optional packages: imported, named with their install line, or let alone where they themselves are broken.

And the lowest versions, which stand in three places: they are promised, tried by CI and checked when lsq runs.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from lsq_cli.core.errors import MissingExtraError
from lsq_cli.core.extras import LOWEST, load

ROOT = Path(__file__).parent.parent.parent


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


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make ``some_package``, which needs to be of version 3.10 here."""
    monkeypatch.setitem(LOWEST, "some_package", "3.10")
    monkeypatch.syspath_prepend(tmp_path)

    def make(source: str, recorded: str | None = None) -> None:
        for name in ("some_package", "some_package.part"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / "some_package").mkdir()
        (tmp_path / "some_package" / "__init__.py").write_text(source)
        (tmp_path / "some_package" / "part.py").write_text("")
        if recorded is not None:
            (tmp_path / f"some_package-{recorded}.dist-info").mkdir()
            record = f"Metadata-Version: 2.1\nName: some_package\nVersion: {recorded}\n"
            (tmp_path / f"some_package-{recorded}.dist-info" / "METADATA").write_text(record)

    yield make
    for name in ("some_package", "some_package.part"):
        sys.modules.pop(name, None)


TOO_OLD = "A.mtx needs some_package 3.10 or newer, and {} is installed: pip install --upgrade 'lsq-cli[sparse]'"


@pytest.mark.parametrize("version", ["3.9", "3.9.4", "3.9.0rc1", "2.11", "0.99+local.5"])
def test_a_package_that_is_too_old_is_named_with_both_versions(package, version):
    package(f"__version__ = {version!r}")

    with pytest.raises(MissingExtraError) as error:
        load("some_package.part", "sparse", "A.mtx")
    assert str(error.value) == TOO_OLD.format(version)


@pytest.mark.parametrize("version", ["3.10", "3.10.0", "3.10.1.dev0", "3.11", "4.0", "10"])
def test_a_package_that_is_new_enough_is_imported(package, version):
    package(f"__version__ = {version!r}")

    assert load("some_package.part", "sparse", "A.mtx") is sys.modules["some_package.part"]


def test_a_package_that_does_not_tell_its_version_is_believed(package):
    package("")

    assert load("some_package", "sparse", "A.mtx") is sys.modules["some_package"]


@pytest.mark.parametrize(
    "source", ["raise ImportError('built for another numpy')", "import its_own_need", "from numpy import no_such_name"]
)
def test_a_package_that_is_too_old_to_be_imported_is_named_with_both_versions(package, source):
    package(source, recorded="3.9.2")

    with pytest.raises(MissingExtraError) as error:
        load("some_package", "sparse", "A.mtx")
    assert str(error.value) == TOO_OLD.format("3.9.2")


def test_a_new_package_that_lacks_one_of_its_own_is_not_called_too_old(package):
    package("import its_own_need", recorded="3.10.2")

    with pytest.raises(ModuleNotFoundError, match="its_own_need"):
        load("some_package", "sparse", "A.mtx")


def test_the_lowest_versions_that_are_promised_are_those_tried_and_checked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    own = [extra for extra in extras if extra not in ("all", "test")]
    optional = list(dict.fromkeys(line for extra in own for line in extras[extra]))
    text = (ROOT / "tests" / "lowest.txt").read_text().partition("# For tests alone.")[0]
    tried = re.findall(r"^[^#\n].*", text, re.MULTILINE)

    assert tried == [line.replace(">=", "==") for line in [*project["dependencies"], *optional]]
    assert [f"{package.replace('_', '-')}>={lowest}" for package, lowest in LOWEST.items()] == optional
    assert extras["all"] == [f"lsq-cli[{','.join(own)}]"]
    assert extras["test"][0] == "lsq-cli[all]"
