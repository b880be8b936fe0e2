"""Ways out that errors propose: options and commands, as a shell takes them."""

from __future__ import annotations

from lsq_cli.sources.paths import STANDARD_INPUT

_UNPACK = {".gz": "gzip -dc", ".bz2": "bzip2 -dc", ".xz": "xz -dc", ".zst": "zstd -dc"}
_LONGEST = 20
"""Characters of a mark that is worth proposing."""


def na_option(mark: str) -> str:
    """``--na MARK``; empty where the mark is long or has characters that nobody can type."""
    import shlex  # only an error pays for it

    return f"--na {shlex.quote(mark)}" if mark.isprintable() and len(mark) <= _LONGEST else ""


def without_line(line: int, label: str) -> str:
    """The command that gives a file without one of its lines."""
    return _sed(f"{line}d", label)


def without_sign(sign: str, label: str) -> str:
    """The command that gives a file without a character."""
    return _sed("s/" + "".join(f"\\x{byte:02x}" for byte in sign.encode()) + "//g", label)


def _sed(script: str, label: str) -> str:
    import shlex

    script = shlex.quote(script)
    for suffix, unpack in _UNPACK.items():
        if label.lower().endswith(suffix):
            return f"{unpack} {shlex.quote(label)} | sed {script}"
    return f"sed {script}" if label == STANDARD_INPUT else f"sed {script} {shlex.quote(label)}"
