"""Small files as people have them: a right x, or one clear error whose ways out work.

``cases.json`` and ``siblings.json`` hold files and what is wanted of them: `x` (to 14 digits), `names`, `rows`,
`left_out`, `warns` and `says` (words of standard error), `not` (words that do not stand there), `exit`; `follow` is
what an error proposes, and `then` what comes of it.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CASES = [case for name in ("cases.json", "siblings.json") for case in json.loads((HERE / name).read_text("utf-8"))]
REFUSED = [case for case in CASES if "exit" in case]
FLAGS = {"--header", "--no-header", "--no-default-na"}
VALUED = {"--na", "--skip", "--delimiter", "--decimal", "--comment", "--encoding", "--drop", "--missing"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(case: dict[str, Any], folder: Path) -> None:
    for name, text in case.get("files", {}).items():
        (folder / name).write_bytes(text.encode())
    for name, data in case.get("base64", {}).items():
        (folder / name).write_bytes(base64.b64decode(data))


def check(want: dict[str, Any], result) -> None:
    assert result.code == want.get("exit", 0), result
    for words in [*want.get("says", []), *want.get("warns", [])]:
        assert words in result.err, result
    for words in want.get("not", []):
        assert words not in result.err, result
    if result.code:
        assert result.err.count("\n") == 1
        return
    found = result.json
    for key in ("rows", "names"):
        assert found[key] == want.get(key, found[key])
    if "x" in want:
        assert dict(zip(found["names"], found["x"], strict=True)) == pytest.approx(want["x"], rel=4e-14, abs=1e-14)
    assert set(want.get("left_out", [])) <= set(found["left_out"])
    if "warns" in want:
        assert any(words in warning for words in want["warns"] for warning in found["warnings"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_file_gives_the_right_x_or_says_what_is_wrong(case, folder, run_lsq):
    put(case, folder)
    check(case, run_lsq("solve", *case["args"], "-f", "json"))
    if "follow" in case:
        check(case["then"], run_lsq("solve", *case["args"], *case["follow"], "-f", "json"))


def proposals(message: str) -> list[list[str]]:
    """The options that a message proposes, each with its value."""
    found = []
    for match in re.finditer(r"(?<![\w-])--[a-z-]+", message):
        if match[0] in FLAGS:
            found.append([match[0]])
        elif match[0] in VALUED:
            lexer = shlex.shlex(message[match.end() :], posix=True, punctuation_chars=False)
            lexer.whitespace_split, lexer.commenters = True, ""
            value = next(iter(lexer))
            found.append([match[0], value if value == "," else value.rstrip(",;:)")])
    return found


def commands(message: str) -> list[str]:
    """The commands that a message proposes: those of sed."""
    return re.findall(r"sed '?[^ ;]+'? [\w.]+", message)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["name"])
def test_every_way_out_leads_to_a_result_or_to_another_error(case, folder, run_lsq):
    put(case, folder)
    refused = run_lsq("solve", *case["args"])
    for options in proposals(refused.err):
        if options[0] in case["args"]:
            continue  # said of what was asked
        result = run_lsq("solve", *case["args"], *options)

        assert result.code == 0 or result.err.splitlines()[-1] != refused.err.splitlines()[-1], (options, result)
    for command in commands(refused.err):
        name = command.split()[-1]
        cleaned = subprocess.run(command, shell=True, capture_output=True, check=True, cwd=folder).stdout
        (folder / "cleaned.csv").write_bytes(cleaned)
        args = ["cleaned.csv" if arg == name else arg for arg in case["args"]]
        result = run_lsq("solve", *args)

        assert result.code == 0 or result.err.partition(": ")[2] not in refused.err.replace(name, "cleaned.csv"), (
            command
        )
