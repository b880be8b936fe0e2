"""Tables that regressions are tried on: the project's own, and those that statsmodels carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas

SAMPLES = Path(__file__).parent.parent.parent / "sample_data"


def table(name: str) -> pandas.DataFrame:
    """A table by name, the same at every call."""
    if name in ("penguins", "longley"):
        return pandas.read_csv(SAMPLES / f"{name}.csv")
    from statsmodels import datasets

    if name == "made":
        return _made()
    frame = getattr(datasets, name).load_pandas().data
    frame = frame.rename(columns=str.lower)
    whole = [name for name in frame if (frame[name] == frame[name].round()).all()]
    return frame.astype(dict.fromkeys(whole, int))


def _made() -> pandas.DataFrame:
    """Numbers of many sizes, categories, dates and truth values, with gaps."""
    rng = np.random.default_rng(15)
    rows = 240
    frame = pandas.DataFrame(
        {
            "a": rng.normal(size=rows) * 1e3 + 5e4,
            "b": rng.exponential(size=rows) * 1e-4,
            "k": rng.integers(0, 9, rows),
            "g": rng.choice(["north", "south", "east", "west"], rows),
            "h": rng.choice(["x", "y, z", "ü"], rows),
            "flag": rng.random(rows) < 0.3,
            "w": rng.integers(1, 6, rows).astype(float),
        }
    )
    frame["y"] = frame.a * 2e-4 + 3e3 * frame.b + frame.k + (frame.g == "east") * 2.0 + rng.normal(size=rows)
    frame.loc[rng.choice(rows, 7, replace=False), "b"] = np.nan
    return frame
