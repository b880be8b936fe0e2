"""The command in a pseudo-terminal: what a person sees on a screen of some width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios


def on_a_terminal(*args: object, width: int = 200, errors: bool = True) -> str:
    """What ``lsq ARGS`` shows on a terminal of `width` columns; and standard error too, unless `errors` is off."""
    child, screen = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        if not errors:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        environment.pop("COLUMNS", None)
        os.execve(sys.executable, [sys.executable, "-m", "lsq_cli", *map(str, args)], environment)
    shown = bytearray()
    try:
        while data := os.read(screen, 65536):
            shown += data
    except OSError:
        pass  # Linux says so when the other end is closed
    os.close(screen)
    os.waitpid(child, 0)
    return shown.decode("utf-8").replace("\r\n", "\n")


def unstyled(text: str) -> str:
    """`text` without bold and dim."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
