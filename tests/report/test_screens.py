"""Every screen in a pseudo-terminal of 60, 80 and 200 columns: no number is folded or cut, no line is too long."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest
from terminal import on_a_terminal, unstyled

from lsq_cli.report.fitting import cells

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"
WIDTHS = (60, 80, 200)
LONGLEY = ("longley.csv", "-t", "y", "--intercept")
PENGUINS = ("penguins.csv", "-t", "body_mass_g", "--intercept", "--missing", "drop")
SCREENS = {
    "market": ("solve", "A.csv", "b.csv"),
    "market by descent": ("solve", "A.csv", "b.csv", "-m", "gd", "--step", "exact"),
    "market diverged": ("solve", "A.csv", "b.csv", "-m", "gd", "--learning-rate", "1"),
    "longley": ("solve", *LONGLEY),
    "longley by descent": ("solve", *LONGLEY, "-m", "gd", "--step", "cg"),
    "norris": ("solve", "norris.csv", "--intercept"),
    "penguins": ("solve", *PENGUINS),
    "penguins by descent": ("solve", *PENGUINS, "-m", "gd", "--max-iter", "50"),
    "several targets": ("solve", "longley.csv", "-t", "y,x1,x2,x3", "--intercept"),
    "long names": ("solve", "long.csv", "-t", "y", "--intercept"),
    "gradient": ("gradient", *LONGLEY),
    "gradient at a point": ("gradient", "A.csv", "b.csv", "--at", "1,2,0.5", "--mine", "3,-1,2"),
    "gradient of penguins": ("gradient", *PENGUINS),
    "fit": ("fit", "y ~ x1 + x2 + x3", "longley.csv"),
    "fit of all": ("fit", "longley.csv", "-t", "y"),
    "fit with categories": ("fit", "body_mass_g ~ species * flipper_length_mm", "penguins.csv", "--missing", "drop"),
    "look": ("look", "penguins.csv", "-t", "body_mass_g"),
    "regression": ("fit", "body_mass_g ~ flipper_length_mm + species", "penguins.csv", "--missing", "drop"),
    "regression of all columns": ("fit", *PENGUINS[:3], "--missing", "drop", "--vcov", "cluster:island,year"),
    "regression of two targets": ("fit", "cbind(y, x1) ~ x2 + I(2*x2) + log(x6)", "longley.csv"),
    "regression of long names": ("fit", "-t", "y", "long.csv", "--vcov", "HC3"),
    "selftest": ("selftest",),
}
NUMBER = re.compile(r"(?<![\w.^-])[−-]?\d+(?:\.\d+)?(?:e[+-]\d+)?(?![\w.])")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screens")
    for path in SAMPLES.glob("*.csv"):
        shutil.copy(path, folder)
    names = ",".join(f"a_column_whose_name_is_longer_than_any_screen_would_like_number_{k}" for k in range(3))
    (folder / "long.csv").write_text(f"{names},y\n" + "".join(f"{k},{k * k},{k % 3},{k * 1.1e100}\n" for k in range(9)))
    return folder


def numbers(text):
    """The numbers of a text, each as it is written."""
    return set(NUMBER.findall(text))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("args", SCREENS.values(), ids=SCREENS)
def test_each_number_stands_whole_and_what_was_left_out_is_named(args, width, folder, run_lsq, monkeypatch):
    monkeypatch.chdir(folder)
    screen = unstyled(on_a_terminal(*args, width=width, errors=False))
    everything = run_lsq(*args).out

    assert max(map(cells, screen.splitlines())) <= width
    # A part of a number, or two that run together, would be a number that the whole page does not have.
    strange = numbers(screen) - numbers(everything) - numbers(" ".join(re.findall(r"left out[^─]*", screen)))
    assert not strange
    for header in headers(everything):
        assert all(name[:8] in screen for name in header), header


def headers(page):
    """The headers of the tables of a page in plain text: lines below a title, of several words two blanks apart."""
    lines = page.splitlines()
    found = []
    for title, line in itertools.pairwise(lines):
        if title in ("Solution", "Iterates", "Gradient") or title.startswith("Correct digits"):
            found.append(re.split(r" {2,}", line.strip()))
    return [header[:5] for header in found]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_comparison_has_a_whole_number_in_every_cell(width, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for args in (("A.csv", "b.csv"), LONGLEY):
        screen = unstyled(on_a_terminal("compare", *args, "--time-limit", 0.5, width=width, errors=False))

        assert max(map(cells, screen.splitlines())) <= width
        assert len(re.findall(r"^ normal +\S+", screen, re.MULTILINE)) == 2
        for name in ("seconds", "iterations", "‖Ax − b‖", "‖∇f‖", "digits", "solving"):
            assert name in screen
        rows = re.findall(r"^ (?:normal|gd \w+)  .*$", screen, re.MULTILINE)
        assert len(rows) == 12
        for row in rows:
            assert all(re.fullmatch(r"[<~]?[\d.]+(e[+-]\d+)?|inf|[a-z_ ]+", cell) for cell in row.split()[1:])


def test_a_pipe_gets_every_column(folder, run_lsq, monkeypatch):
    monkeypatch.chdir(folder)

    assert "left out on" not in run_lsq("compare", "A.csv", "b.csv").out


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "verb",
    [(), ("solve",), ("gradient",), ("compare",), ("generate",), ("selftest",), ("fit",), ("predict",), ("look",)],
)
def test_help_is_no_wider_than_the_screen(verb, width):
    screen = on_a_terminal(*verb, "--help", width=width)

    assert max(map(cells, screen.splitlines())) <= width
