"""What the verbs that read rows do alike: the bar, the notes, `-v`, `-q`, and too many unknowns."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
MARKET = (SAMPLES / "A.csv", SAMPLES / "b.csv")
TIMES = {
    "solve": r"[\d.]+ s reading and [\d.]+ s summing in all threads, [\d.]+ s solving",
    "gradient": r"[\d.]+ s reading and [\d.]+ s summing in all threads, [\d.]+ s from start to end",
    "compare": r"[\d.]+ s reading, [\d.]+ s summing exactly and [\d.]+ s in double precision, [\d.]+ s solving",
}


@pytest.mark.parametrize("verb", TIMES)
def test_verbose_says_how_the_data_was_understood_and_the_times(verb, run_lsq):
    lines = run_lsq(verb, *MARKET, "-v", "-f", "json").err.splitlines()

    assert lines[0].endswith("A.csv: CSV, ',' between cells, a header")
    assert lines[2] == "lsq: info: A: apples, pears, loaves; b: paid"
    assert lines[-2] == "lsq: info: 10 rows read, 10 used"
    assert re.fullmatch(f"lsq: info: {TIMES[verb]}", lines[-1])


@pytest.mark.parametrize("verb", TIMES)
def test_quiet_says_nothing(verb, run_lsq):
    table = "x,y\n1,2\n2,3\n3,5\n"

    assert "b is the last column" in run_lsq(verb, stdin=table).err
    assert run_lsq(verb, "-v", "-q", stdin=table).err == ""


@pytest.mark.parametrize("verb", TIMES)
def test_a_long_reading_is_shown_where_it_is_asked_for(verb, run_lsq, monkeypatch):
    for name in ("DELAY", "LINE_INTERVAL"):
        monkeypatch.setattr(f"lsq_cli.report.progress.{name}", 0.0)

    assert "lsq: reading: " in run_lsq(verb, *MARKET, "--progress", "-f", "json").err
    assert "reading" not in run_lsq(verb, *MARKET, "-f", "json").err


@pytest.mark.parametrize("verb", TIMES)
def test_a_pair_that_may_be_swapped_is_warned_about(verb, run_lsq, tmp_path):
    (tmp_path / "b.csv").write_text("y\n3\n5\n9\n")
    (tmp_path / "A.csv").write_text("p,q\n1,2\n2,1\n4,4\n")
    swapped = f"lsq: warning: {tmp_path}/b.csv, the first file, is A, of one column, and {tmp_path}/A.csv is b, of 2; "

    assert f"{swapped}are they swapped? A comes first\n" in run_lsq(verb, tmp_path / "b.csv", tmp_path / "A.csv").err
    assert "swapped" not in run_lsq(verb, tmp_path / "A.csv", tmp_path / "b.csv").err
    assert run_lsq(verb, tmp_path / "b.csv", tmp_path / "A.csv", "-q").err == ""


def test_a_pair_that_may_be_swapped_is_said_in_the_result_too(run_lsq, tmp_path):
    (tmp_path / "b.csv").write_text("y\n3\n5\n9\n")
    (tmp_path / "A.csv").write_text("p,q\n1,2\n2,1\n4,4\n")
    warnings = run_lsq("solve", tmp_path / "b.csv", tmp_path / "A.csv", "-f", "json").json["warnings"]

    assert ["are they swapped?" in warning for warning in warnings] == [True, False]


def test_verbose_names_no_column_where_there_is_none(run_lsq):
    assert "lsq: info: A: no column; b: b\n" in run_lsq("gradient", "-v", stdin="b\n1\n2\n").err


@pytest.mark.parametrize(
    ("verb", "way_out"),
    [
        (
            "compare",
            "sums AᵀA, for at most 2048; leave columns out with --columns or --drop, or use lsq solve --method gd",
        ),
        (
            "gradient",
            "sums AᵀA to check itself, for at most 2048; leave columns out with --columns or --drop, "
            "or see ‖∇f‖ with lsq solve --method gd",
        ),
    ],
)
def test_too_many_unknowns_are_refused_before_a_row_is_read(verb, way_out, run_lsq, tmp_path):
    np.save(tmp_path / "A.npy", np.zeros((2, 2049)))
    np.save(tmp_path / "b.npy", np.zeros(2))
    tracemalloc.start()
    result = run_lsq(verb, tmp_path / "A.npy", tmp_path / "b.npy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (result.code, result.raw) == (1, b"")
    assert peak < 8 * 2049**2
    assert result.err.endswith(f"2049 unknowns: lsq {verb} {way_out}, which goes by the rows\n")
