"""docs/state.md: its commands show what they print, and its lines of numpy read every sum exactly."""

from __future__ import annotations

import doctest
import itertools
import re
import shlex
from fractions import Fraction
from pathlib import Path

import pandas
import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "state.md"
SAMPLE = ROOT / "sample_data" / "longley.csv"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    (tmp_path / "sample_data").symlink_to(SAMPLE.parent)
    monkeypatch.chdir(tmp_path)


def test_the_commands_show_what_the_page_says(run_lsq, stored):
    def filled(match: re.Match[str]) -> str:
        shown = ""
        for command in (line for line in match[1].splitlines() if line.startswith("$ lsq ")):
            result = run_lsq(*shlex.split(command)[2:])
            shown += f"{command}\n{result.err}{result.out}"
        return f"```console\n{shown}```"

    text = PAGE.read_text(encoding="utf-8")
    stored(PAGE, re.sub(r"```console\n(.*?)```", filled, text, flags=re.DOTALL))


def test_its_lines_of_numpy_read_a_state_exactly(run_lsq):
    assert run_lsq("collect", "sample_data/longley.csv", "-t", "y", "-o", "longley.lsqs").code == 0
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    test = doctest.DocTestParser().get_doctest(source, {}, "state.md", "state.md", 0)
    result = doctest.DocTestRunner().run(test, clear_globs=False)

    assert (result.failed, result.attempted > 0) == (0, True)
    table = pandas.read_csv(SAMPLE)
    table.insert(0, "1", 1.0)
    for one, other in itertools.combinations_with_replacement(table.columns, 2):
        exact = sum(Fraction(a) * Fraction(b) for a, b in zip(table[one], table[other], strict=True))
        assert test.globs["G"][one, other] == exact


def test_the_reader_is_ten_lines_of_numpy_at_most():
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    reader = source[: source.index(">>> G =")]

    assert len([line for line in reader.splitlines() if line.strip("> .")]) <= 10
