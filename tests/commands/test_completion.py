"""What a shell is offered after <TAB>: verbs, options, rules, files, and the columns of the table on the line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TABLE = 'fuel use,weight,power,"odd,name"\n1,2,3,4\n2,1,3,5\n'


def offered(*words: str) -> list[str]:
    """The values for the last word."""
    environment = {**os.environ, "COMP_WORDS": " ".join(["lsq", *words]), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-c", "from lsq_cli.commands import main; main()"],
        env={**environment, "_LSQ_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines() if line]


@pytest.fixture
def cars(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cars.csv").write_text(TABLE)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("so",), ["solve"]),
        (("solve", "--ridg"), ["--ridge"]),
        (("solve", "--step", ""), ["constant", "exact", "bb", "nesterov", "cg"]),
        (("solve", "cars.csv", "-t", ""), ["'fuel use'", "weight", "power", "odd,name"]),
        (("solve", "cars.csv", "--columns", "weight,p"), ["weight,power"]),
        (("solve", "-t", "power", "cars.csv", "--drop", "f"), ["'fuel use'"]),
        (("solve", "nowhere.csv", "-t", ""), []),
        (("solve", "-t", ""), []),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_what_is_offered(words, values, cars):
    assert offered(*words) == values


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(shell, run_lsq):
    script = run_lsq("completion", shell)

    assert (script.code, script.err) == (0, "")
    assert f"_LSQ_COMPLETE={shell}_complete" in script.out


def test_the_columns_of_a_state_are_offered(cars, run_lsq):
    assert run_lsq("collect", "cars.csv", "-o", "cars.lsqs").code == 0

    assert offered("solve", "cars.lsqs", "-t", "p") == ["power"]
    assert offered("solve", "no.lsqs", "-t", "p") == []


def test_bash_completes_with_it(cars):
    words = "COMP_WORDS=(lsq solve cars.csv -t w); COMP_CWORD=4"
    line = f'eval "$(lsq completion bash)"; {words}; _lsq_completion lsq; echo "$COMPREPLY"'
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "weight"
