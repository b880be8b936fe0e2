"""The command as a process of its own, for tests of signals and pipes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TextIO

LSQ = [sys.executable, "-m", "lsq_cli"]


def start(*argv, **kwargs) -> subprocess.Popen[bytes]:
    """`lsq` with a pipe at each end, but for what `kwargs` says."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*LSQ, *map(str, argv)], **{**pipes, **kwargs})


def opened_when_written(pipe: Path) -> TextIO:
    """A named pipe to read from, as soon as something is in it."""
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    ready, _, _ = select.select([descriptor], [], [], 60)
    assert ready, "the run did not begin"
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor)
