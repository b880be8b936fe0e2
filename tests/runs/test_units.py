"""Robust covariances and Cook's distances in other units: a power of two in a column changes no bit of what is left.

The squares of such residuals are beyond the range of doubles; the standard errors are not.
"""

from __future__ import annotations

import random

import pytest

WAYS = {
    "iid": ("y ~ a",),
    "HC0": ("y ~ a", "--vcov", "HC0"),
    "HC3": ("y ~ a", "--vcov", "HC3"),
    "clusters": ("y ~ a", "--vcov", "cluster:k"),
    "two ways": ("y ~ a", "--vcov", "cluster:k,g"),
    "weights": ("y ~ a", "--vcov", "HC1", "--weights", "w"),
    "no intercept": ("y ~ a + g - 1", "--vcov", "HC1"),
    "absorbed": ("y ~ a | g", "--vcov", "HC1"),
    "groups": ("y ~ a", "--vcov", "HC1", "--by", "g"),
    "influence": ("y ~ a", "--influence", "3"),
}
SCALES = (2.0**-900, 2.0**-560, 2.0**560, 2.0**900)


def _table(path, of_a: float, of_y: float, of_w: float = 1.0) -> None:
    rng = random.Random(2)
    lines = [
        f"{rng.randint(0, 9) * of_a!r},{rng.gauss(2, 1) * of_y!r},"
        f"{'gh'[i % 2]},{'uvwxyz'[i % 6]},{(1 + i % 3) * of_w!r}\n"
        for i in range(30)
    ]
    path.write_text("a,y,g,k,w\n" + "".join(lines))


def _unitless(found: dict, of_a: float, of_y: float) -> list:
    """What is left when the units are taken out of one fit."""
    of = found["statistics"]
    units = [of_y / (of_a if name == "a" else 1.0) for name in found["names"]]
    errors = [value / unit for value, unit in zip(of["std_error"], units, strict=True)]
    distances = [row["distance"] for row in found.get("influence", ())]
    return [errors, of["t"], of["p"], of["f"], of["f_p"], distances]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("column", ["a", "y"])
def test_a_power_of_two_in_a_column_changes_nothing_but_the_units(run_lsq, tmp_path, way, scale, column):
    table, found = tmp_path / "t.csv", []
    for of_a, of_y in ((1.0, 1.0), (scale, 1.0) if column == "a" else (1.0, scale)):
        _table(table, of_a, of_y)
        formula, *options = WAYS[way]
        record = run_lsq("fit", formula, table, *options, "-f", "json").json
        found.append([_unitless(one, of_a, of_y) for one in record.get("groups") or [record]])
    assert found[1] == found[0]


@pytest.mark.parametrize("scale", SCALES)
def test_a_power_of_four_in_the_weights_changes_no_standard_error(run_lsq, tmp_path, scale):
    table, found = tmp_path / "t.csv", []
    for of_w in (1.0, scale):
        _table(table, 1.0, 1.0, of_w)
        found.append(run_lsq("fit", "y ~ a", table, "--weights", "w", "--vcov", "HC3", "-f", "json").json)
    assert found[1]["statistics"]["std_error"] == found[0]["statistics"]["std_error"]
