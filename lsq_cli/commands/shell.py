"""The way out to the shell: exit codes, signals, closed pipes. No other module ends the process.

0 solved · 1 data or run error · 2 usage · 3 not converged · 4 a check failed · 130 Ctrl-C · 143 SIGTERM
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import click

from lsq_cli.core.errors import LsqError, printable

NOT_CONVERGED = 3
CHECK_FAILED = 4
# Objects between two searches for garbage, 700 by Python's choice: imports make 100,000, and hardly any garbage.
_COLLECT_EVERY = 100_000
_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Terminated(BaseException):
    """SIGTERM before there was a result; like KeyboardInterrupt it passes ordinary handlers."""


class Interruption:
    """Ctrl-C and SIGTERM: they end the run at once; after `postpone` the run finishes its step and reports.

    Descent postpones them. The normal equations have nothing to show before they are solved.
    """

    def __init__(self) -> None:
        self._postponed = False
        self.exit_code = 0
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def postpone(self) -> None:
        """From now on a signal is only a request: finish the step, print the iterate."""
        self._postponed = True

    def requested(self) -> bool:
        """Whether a signal has come since `postpone`."""
        return self.exit_code != 0

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._postponed and not self.exit_code:
            self.exit_code = _SIGNALS[signal.Signals(number)]
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise Terminated


def say(kind: str, text: str) -> None:
    """One line on standard error: ``lsq: note: …``. What it quotes cannot break it, nor move the cursor."""
    click.echo(f"lsq: {kind}: {printable(text)}", err=True)


def run(command: click.Command, argv: list[str]) -> int:
    """Run a command line and return its exit code, having said on standard error what went wrong."""
    _open_what_is_closed()
    try:
        code = command.main(argv, prog_name="lsq", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LsqError as error:
        say("error", str(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _SIGNALS[signal.SIGINT]
    except Terminated:
        return _SIGNALS[signal.SIGTERM]
    except (BrokenPipeError, SystemExit):
        # The reader has seen enough: a success. Click ends the process for it; nothing else here does.
        # Python would complain when it flushes at the end.
        _mute_stdout()
        return 0
    except MemoryError:
        say("error", "not enough memory for a problem of this many columns")
        return 1
    except OSError as error:
        _mute_stdout()
        say("error", f"standard output: {error.strerror or error}")
        return 1


def _open_what_is_closed() -> None:
    """A shell's ``>&-`` leaves Python without the stream; what goes there goes nowhere, and nothing comes from it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we live


def _mute_stdout() -> None:
    """Let what is still buffered for a closed pipe or a full disk go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):
        # No descriptor behind it: nothing will be flushed to one.
        sys.stdout = open(null, "w", closefd=False)  # noqa: SIM115


def main_of(command: click.Command) -> Callable[[], None]:
    """The console script of a command."""

    def main() -> None:
        gc.set_threshold(_COLLECT_EVERY)
        code = run(command, sys.argv[1:])
        gc.freeze()  # the process ends, and with it all that is left: Python need not look for garbage among it
        sys.exit(code)

    return main
