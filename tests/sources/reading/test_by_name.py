"""The same small files through `lsq fit` and `lsq predict`: the same numbers, or the same error.

And tables, formulas and models that were damaged: a result or one line, whatever stands in them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest

from lsq_cli import fit, predict
from lsq_cli.core.errors import LsqError
from lsq_cli.report.plain import write_json

HERE = Path(__file__).parent
CASES = [case for name in ("cases.json", "siblings.json") for case in json.loads((HERE / name).read_text("utf-8"))]
CHOOSING = {"-t", "--target", "--columns", "--drop", "--weights", "--intercept", "-m", "--method", "--ridge"}
ONE_TABLE = [
    case
    for case in CASES
    if len(case.get("files", {})) + len(case.get("base64", {})) == 1 and not CHOOSING.intersection(case["args"])
]


def put(case, folder):
    import base64

    for name, text in case.get("files", {}).items():
        (folder / name).write_bytes(text.encode())
    for name, data in case.get("base64", {}).items():
        (folder / name).write_bytes(base64.b64decode(data))


@pytest.mark.parametrize("case", ONE_TABLE, ids=lambda case: case["name"])
def test_a_file_is_read_by_fit_and_predict_as_by_solve(case, tmp_path, monkeypatch, run_lsq):
    monkeypatch.chdir(tmp_path)
    put(case, tmp_path)
    target = ("-t", "-1")
    solved = run_lsq("solve", *case["args"], *target, "-f", "json", "-q")
    fitted = run_lsq("fit", *case["args"], *target, "--no-intercept", "-f", "json", "-q", "-o", "m.json")

    assert fitted.code in (0, 1, 2)
    assert "Traceback" not in fitted.err
    if solved.code == 1 and fitted.code == 1 and "line" in solved.err:
        assert fitted.err == solved.err or "column" in solved.err
    if solved.code or fitted.code:
        return
    if solved.json["names"] == fitted.json["names"] and not solved.json["dependencies"]:
        assert fitted.json["x"] == solved.json["x"]
    dialect = [word for word in case["args"] if word not in ("--missing", "drop", "error")]
    predicted = run_lsq("predict", "m.json", *dialect)
    assert predicted.code == 0, predicted
    assert len(predicted.out.splitlines()) == fitted.json["rows_read"] + 1


TABLE = """y,a,g,d,w
1.5,2,north,2024-01-01,1
2.5,3,"south, east",2024-01-02,2
2.25,5,north,2024-01-03,1
4,7,west,2024-01-04T05:06:07Z,3
5.5,11,west,2024-01-05,1
6,13,"south, east",2024-01-06,2
7,NA,north,2024-01-07,1
8,19,west,2024-01-08,2
"""
FORMULAS = [
    "y ~ a + g",
    "y ~ a*g + d",
    "y ~ .",
    "y ~ . - w - d",
    "log(y) ~ poly(a, 2, raw=True)",
    "y ~ C(a) - 1",
    "cbind(y, a) ~ g",
    "y ~ I(a**2 + w) + (a + w)**2",
]
WORDS = ("NA", "nan", "1e400", "2024-13-01", "C(", "poly(", "**", "99", "base=", "Q(")
SIGNS = [*",\"\n -+*:/()~.0e[]'\\`|\x00\xe9", *WORDS]


def damaged(text, random, times=3):
    for _ in range(random.randint(0, times)):
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice(SIGNS) + text[place + random.choice((0, 1, 3)) :]
    return text


@pytest.mark.parametrize("seed", range(6))
def test_damaged_tables_and_formulas_give_a_result_or_one_line(seed, tmp_path):
    random, path, ends, said = Random(seed), tmp_path / "t.csv", set(), []
    for _ in range(60):
        path.write_text(damaged(TABLE, random), encoding="utf-8", errors="surrogateescape")
        formula = damaged(random.choice(FORMULAS), random, 2)
        options = {
            "missing": random.choice(("error", "drop", "drop")),
            "vcov": random.choice(("iid", "HC3", "cluster:g")),
        }
        try:
            model = fit(path, formula, **options, weights=random.choice((None, None, "w")), ridge=0.0)
            predict(model, path, residuals=True, interval=0.9)
            ends.add("result")
        except LsqError as error:
            said.append(str(error))
            ends.add(type(error).__name__)

    assert not [message for message in said if "\n" in message]
    assert {"result", "UsageError"} <= ends


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_model_predicts_or_is_one_line(seed, tmp_path):
    random, ends, said = Random(seed), set(), []
    table, model = tmp_path / "t.csv", tmp_path / "m.json"
    table.write_text(TABLE)
    records = []
    for k, formula in enumerate(FORMULAS):
        solution = fit(table, formula, missing="drop")
        with (tmp_path / f"{k}.json").open("wb") as stream:
            write_json(solution, stream)
        records.append((tmp_path / f"{k}.json").read_text())
    words = sorted(set(re.findall(r'"[a-z_]+"|[-\d.e]+|\[|\]|\{|\}|null|true', "".join(records))))
    for _ in range(120):
        text = random.choice(records)
        for _ in range(random.randint(1, 3)):
            found = random.choice(list(re.finditer(r'"[^"]*"|[-\d.e+]+|\[|\]|\{|\}|null|true', text)))
            text = (
                text[: found.start()]
                + random.choice([*words, '"x"', "1e999", "[]", "[[]]", "-1"])
                + text[found.end() :]
            )
        model.write_text(text)
        try:
            predict(model, table, interval=0.9)
            ends.add("result")
        except LsqError as error:
            said.append(str(error))
            ends.add(type(error).__name__)

    assert not [message for message in said if "\n" in message]
    assert {"result", "DataError"} <= ends
