"""What the tests share: the command line in this process, and what it said."""

from __future__ import annotations

import io
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lsq_cli.commands import lsq
from lsq_cli.commands.shell import run


@dataclass(frozen=True)
class Result:
    """A finished command; its repr, which pytest shows on failure, is the whole story."""

    command: str
    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> dict[str, Any]:
        assert self.code in (0, 3, 4), self
        return json.loads(self.raw)

    def __repr__(self) -> str:
        return f"$ lsq {self.command}\nexit {self.code}\n--- stdout\n{self.raw[:4000]!r}\n--- stderr\n{self.err}"


class _Pipe(io.TextIOWrapper):
    """Standard input as a program in a pipe sees it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BufferedReader(io.BytesIO(data)), encoding="utf-8")


@pytest.fixture
def run_lsq(monkeypatch):
    """Run ``lsq ARGS`` in this process; `stdin` is bytes or text."""

    def runner(*args: object, stdin: bytes | str = b"") -> Result:
        argv = [str(arg) for arg in args]
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", _Pipe(stdin.encode() if isinstance(stdin, str) else stdin))
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", write_through=True))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="utf-8", write_through=True))
            handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                code = run(lsq, argv)
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
            # Here, for the wrappers close what they wrap when they go.
            return Result(" ".join(argv), code, out.getvalue(), err.getvalue().decode())

    return runner


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the stored texts: README outputs, docs/help.md, …")


@pytest.fixture
def stored(request):
    """Compare a text with the one stored in a file; with ``--update`` store it. For review with git diff."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update"):
            path.write_text(text, encoding="utf-8")

        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: pytest --update rewrites it"

    return compare
