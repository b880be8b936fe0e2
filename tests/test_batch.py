"""The recipes of docs/batch.md run in a shell as they stand, those whose tools this machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "batch.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
TOOLS = ("jq", "xargs", "make", "sqlite3")


def can_run(block):
    """Whether the tools of a block are there."""
    return all(shutil.which(tool) for tool in TOOLS if re.search(rf"\b{tool}\b", block))


@pytest.fixture
def folder(tmp_path):
    """A folder with the tables of the page, its Makefile, and `lsq` on the path."""
    folder = tmp_path
    (folder / "Makefile").write_text(re.search(r"```make\n(.*?)```", TEXT, re.DOTALL)[1])
    (folder / "bin").mkdir()
    shim = folder / "bin" / "lsq"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lsq_cli "$@"\n')
    shim.chmod(0o755)
    return folder


def run(block, folder):
    """The block again, with what the shell shows after each command."""
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    lines = []
    for command in (line for line in block.splitlines() if line.startswith("$ ")):
        done = subprocess.run(
            ["bash", "-c", command[2:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        lines += [command, *done.stderr.splitlines(), *done.stdout.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def test_the_recipes_show_what_the_page_says(folder, stored):
    def filled(match):
        return f"```console\n{run(match[1], folder)}```" if can_run(match[1]) else match[0]

    stored(PAGE, BLOCK.sub(filled, TEXT))


def test_every_recipe_that_was_asked_for_is_there():
    assert all(f"\n## {name}" in TEXT for name in ("jq", "xargs", "make", "cron", "sqlite3", "duckdb"))
    assert "--each" in TEXT and "--min-digits" in TEXT and "pipefail" in TEXT
