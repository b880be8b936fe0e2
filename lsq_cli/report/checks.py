"""The digits reached on reference sets, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from lsq_cli.core.version import __version__
from lsq_cli.report.fitting import Grid
from lsq_cli.report.layout import Section, print_page
from lsq_cli.report.plain import Writable, write_json_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.report.page import Page
    from lsq_cli.runs.selftest import Check

_LABELS = {"exact": "x, exact", "x": "x", "std_error": "std. error", "residual_std": "sigma", "r_squared": "R squared"}
_SPARE = ((1, 2), (1, 2, 7), (1, 2, 6, 7))  # rows and n, R squared, sigma
_BELOW = "x, exact: against the exact answer for the doubles; the others: against the certified values"


def print_checks(checks: Sequence[Check], stream: TextIO) -> None:
    """The table, a line a set."""
    print_page(lambda page: sections(checks, page), stream)


def sections(checks: Sequence[Check], page: Page) -> list[Section]:
    """The table and what its columns mean."""
    header = ("set", "rows", "n", *_LABELS.values(), "outcome")
    rows = [
        (
            *(check.name, str(check.rows), str(check.columns)),
            *(f"{check.digits[key]:.1f}" for key in _LABELS),
            "passed" if check.passed else "FAILED",
        )
        for check in checks
    ]
    align = "lrr" + "r" * len(_LABELS) + "l"
    return [
        Grid(
            "Correct digits on the NIST linear sets",
            header,
            rows,
            align,
            _BELOW,
            spare=_SPARE,
            elsewhere="-f json has all",
        )
    ]


def write_checks_json(checks: Sequence[Check], stream: Writable) -> None:
    """One object on one line: all marks and digits, and whether every set passed."""
    sets: list[dict[str, Any]] = [vars(check) | {"passed": check.passed} for check in checks]
    passed = all(check.passed for check in checks)
    write_json_line({"passed": passed, "sets": sets, "version": __version__}, stream)
