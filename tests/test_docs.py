"""The README's examples and `--help` are run and compared with what is stored (`pytest --update` rewrites it)."""

from __future__ import annotations

import doctest
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from lsq_cli.commands import lsq
from lsq_cli.core.version import __version__

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "docs/accuracy.md",
    "docs/gradient.md",
    "docs/choosing.md",
    "docs/formats.md",
    "docs/regression.md",
]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def run_line(line: str, run_lsq) -> str:
    """What a shell would show for ``cat FILE | lsq … | head -N``, ``printf TEXT | lsq …`` or ``lsq …``."""
    words = shlex.split(line)  # a bar within quotes is none of the shell's
    bars = [k for k, word in enumerate(words) if word == "|"]
    edges = zip([-1, *bars], [*bars, len(words)], strict=True)
    stdin, stages = b"", [words[start + 1 : stop] for start, stop in edges]
    shown = ""
    for stage in stages:
        if stage[0] == "cat":
            stdin = (ROOT / stage[1]).read_bytes()
        elif stage[0] == "printf":
            stdin = stage[1].replace("\\n", "\n").replace("\\t", "\t").replace("%%", "%").encode()
        elif stage[0] == "lsq":
            result = run_lsq(*stage[1:], stdin=stdin)
            shown = result.err + result.out
        elif stage[0] == "tail":
            shown = "".join(line + "\n" for line in shown.splitlines()[int(stage[1]) :])
        elif stage[0] == "cut":
            assert stage[1] == "-d,", stage
            shown = "".join(cut(line, stage[2].removeprefix("-f")) + "\n" for line in shown.splitlines())
        else:
            raise AssertionError(f"the test does not know {stage[0]}")
    return shown


def cut(line: str, fields: str) -> str:
    """The cells of a line of CSV that ``cut -f`` keeps, as in 1-4,7."""
    cells = line.split(",")
    spans = (span.partition("-") for span in fields.split(","))
    return ",".join(cell for first, _, last in spans for cell in cells[int(first) - 1 : int(last or first)])


def steady(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r'"seconds": [0-9.e-]+', '"seconds": …', text)


@pytest.mark.parametrize("page", PAGES)
def test_examples_show_what_the_commands_print(page, run_lsq, stored, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = ROOT / page

    def filled(match: re.Match[str]) -> str:
        commands = [line for line in match[1].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{c}\n{steady(run_line(c[2:], run_lsq))}" for c in commands) + "```"

    stored(path, BLOCK.sub(filled, path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", ["README.md", "docs/regression.md"])
def test_python_examples_run(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    failed, tried = 0, 0
    for source in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        test = doctest.DocTestParser().get_doctest(source, {}, "README", "README.md", 0)
        result = doctest.DocTestRunner().run(test)
        failed, tried = failed + result.failed, tried + result.attempted

    assert (failed, tried > 0) == (0, True)


def helps() -> dict[str, click.Context]:
    """Every command with the context that its help is made in."""
    names = lsq.context_settings["help_option_names"]
    root = click.Context(lsq, info_name="lsq", max_content_width=80, terminal_width=80, help_option_names=names)
    contexts = {"lsq": root}
    for name in lsq.list_commands(root):
        command = lsq.get_command(root, name)
        assert command is not None
        contexts[f"lsq {name}"] = click.Context(command, root, info_name=name, max_content_width=80, terminal_width=80)
    return contexts


def test_the_page_of_helps_is_what_the_commands_say(stored):
    page = ["# Help\n", "Made by the tests from `--help`.\n"]
    for name, context in helps().items():
        page.append(f"## `{name}`\n\n```text\n{context.get_help()}\n```\n")
    stored(ROOT / "docs" / "help.md", "\n".join(page))


@pytest.mark.parametrize("name", helps())
def test_every_help_has_an_example_and_fits_a_screen(name):
    text = helps()[name].get_help()

    assert "Example:" in text
    assert len(text.splitlines()) <= 75
    assert max(map(len, text.splitlines())) <= 80


def test_versions_and_requirements_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    readme = (ROOT / "README.md").read_text()

    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] == __version__
    assert f"Python {project['requires-python'].removeprefix('>=')} or later" in readme
    assert re.search(r"## Install and solve\n\n```sh\n(.*)\n", readme)[1] == (
        "pip install . && lsq solve sample_data/A.csv sample_data/b.csv"
    )
    assert re.search(r"## Test\n\n```sh\n(.*)\n", readme)[1] == 'pip install ".[test]" && pytest'
