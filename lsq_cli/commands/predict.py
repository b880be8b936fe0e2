"""`lsq predict`: what a fitted model says of new rows."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from lsq_cli.commands.options import GroupedCommand, Number, option, text_options, together, verbosity
from lsq_cli.commands.reading import open_named, say_notes, say_warnings
from lsq_cli.commands.shell import Interruption, say
from lsq_cli.core.errors import UsageError, counted, shown

if TYPE_CHECKING:
    from lsq_cli.report.predictions import Writer
    from lsq_cli.runs.predicting import Prediction
    from lsq_cli.sources.records import Records


prediction_options = together(
    option("Output", "-o", "--output", metavar="FILE", help=".csv, .npy or .parquet  [default: CSV to stdout]"),
    option("Output", "--residuals", is_flag=True, help="Also b − Ax, where DATA has b"),
    option(
        "Output",
        "--interval",
        type=Number(above=0),
        metavar="C",
        help="Bounds of a new row, as 0.95",
    ),
    option("Output", "--keep", multiple=True, metavar="COL", help="Columns of DATA to write first"),
)


@click.command(
    cls=GroupedCommand,
    example="lsq predict sample_data/penguins.json sample_data/penguins.csv",
    short_help="What a fitted model says of new rows.",
    help="""Predict with a model that lsq fit or lsq solve wrote by -o model.json.

    The columns of DATA are looked up by name, in any order; others are ignored. Every row in gives a row
    out: one with a missing cell has an empty value. The rows stream; memory does not grow with them.
    """,
)
@click.argument("model", type=click.Path(allow_dash=False))
@click.argument("data", nargs=-1, type=click.Path(allow_dash=True))
@text_options
@prediction_options
@verbosity
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Read the model, then the rows, each block written before the next."""
    from lsq_cli.report.files import refuse_same
    from lsq_cli.report.predictions import check_predictions_path

    if options["interval"] is not None and options["interval"] >= 1:
        raise UsageError("--interval is a share below 1, as 0.95")
    if options["output"] is not None:
        refuse_same((options["output"],), (options["model"], *options["data"]))
        check_predictions_path(options["output"], options["keep"])
    Interruption()
    prediction, records = _prediction(options)
    dropped, without_residual = _write(prediction, records, options)
    say_notes(records.notes, options)
    say_warnings(records.warnings, options)
    if dropped and not options["quiet"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
        say("warning", f"no prediction where a cell is missing: {counted(sum(dropped.values()), 'row')} ({reasons})")
    if without_residual and not options["quiet"]:
        say("warning", f"no residual where only the target is missing: {counted(without_residual, 'row')}")


def _prediction(options: dict[str, Any]) -> tuple[Prediction, Records]:
    """The model and the rows."""
    from lsq_cli.runs.models import read_model
    from lsq_cli.runs.predicting import Prediction, PredictOptions
    from lsq_cli.sources.names import Header
    from lsq_cli.sources.opening import read_whole
    from lsq_cli.sources.states import refuse_states

    model = read_model(read_whole(options["model"]), shown(options["model"], 4096))
    refuse_states(options["data"])
    records = open_named(options, missing="drop")
    kept = tuple(column.name for column in Header(records.first).every("--keep", options["keep"]))
    asked = PredictOptions(options["residuals"], options["interval"], kept)
    return Prediction(model, records, asked), records


def _write(prediction: Prediction, records: Records, options: dict[str, Any]) -> tuple[Counter[str], int]:
    """Write all rows; returns how many have no prediction, by why, and how many a prediction and no residual."""
    from lsq_cli.report.files import AtomicFile

    dropped: Counter[str] = Counter()
    without_residual = 0
    with ExitStack() as stack:
        path = options["output"]
        file = None if path is None else stack.enter_context(AtomicFile(path))
        writer = _writer(prediction, records, sys.stdout.buffer if file is None else file, path)
        for rows in prediction:
            writer.add(rows)
            dropped.update(rows.dropped)
            without_residual += rows.without_residual
        writer.finish()
    sys.stdout.buffer.flush()
    return dropped, without_residual


def _writer(prediction: Prediction, records: Records, file: Any, path: str | None) -> Writer:
    """What writes the rows in the format of the file."""
    from lsq_cli.report import predictions

    kept, names = prediction.options.keep, prediction.names
    suffix = ".csv" if path is None else os.path.splitext(path)[1].lower()
    if suffix == ".npy":
        return predictions.NpyPredictions(file, names)
    if suffix == ".parquet":
        numbers = [name for name in kept if records.kinds[name] == "number"]
        return predictions.ParquetPredictions(file, kept, numbers, names)
    return predictions.CsvPredictions(file, kept, names)
