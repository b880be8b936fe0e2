"""Several formulas of `lsq fit`: what goes with them, and how the models are handed out side by side."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import given
from lsq_cli.commands.reading import say_notes, say_warnings
from lsq_cli.core.errors import UsageError

if TYPE_CHECKING:
    from lsq_cli.runs.several import Several

_OF_ONE = {
    "vcov": "--vcov and several formulas do not go together: the F tests are those of one variance in all rows",
    "ridge": "--ridge and several formulas do not go together: a ridge has no F test",
    "influence": "--influence is for one formula, and there are several",
    "plot": "--plot is for one formula, and there are several",
    "each": "--each is for one formula, and there are several",
    "by": "--by is for one formula, and there are several",
}


def check_several(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuse, before anything is read, what is for one model."""
    for name, why in _OF_ONE.items():
        if options.get(name) and given(ctx, name):
            raise UsageError(why)
    if options["form"] == "npy" or any(path.endswith(".npy") for path in options["output"]):
        raise UsageError("NPY holds one x, and several formulas have several: use table, csv or json")


def report_several(found: Several, written: dict[str, Any], options: dict[str, Any]) -> None:
    """Say what there is to say, write the files, then standard output."""
    from lsq_cli.report import several

    found = found._replace(models=tuple(replace(one, options=written) for one in found.models))
    notes = dict.fromkeys(note for one in found.models for note in one.notes)
    warnings = dict.fromkeys(warning for one in found.models for warning in one.warnings)
    say_notes(tuple(notes), options)
    say_warnings(tuple(warnings), options)
    several.write_outputs(found, options["output"])
    if options["form"] == "table":
        several.print_several(found, sys.stdout)
        return
    several.WRITERS[f".{options['form']}"](found, sys.stdout.buffer)
    sys.stdout.buffer.flush()
