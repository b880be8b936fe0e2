"""Correct digits of the worst coefficient, lsq beside its peers: writes the table in docs/accuracy.md.

    python benchmarks/accuracy.py [--print]

Every peer gets the same doubles, A with its column of ones and b; every x is compared with the exact least-squares
solution of these doubles in rational arithmetic. Peers run as they come, with the options that they have by default;
one that is not installed has no column.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from exact_reference import exact_solution

from lsq_cli import solve
from lsq_cli.runs.selftest import correct_digits, references

PAGE = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
BEGIN, END = "<!-- benchmarks/accuracy.py: begin -->\n", "<!-- benchmarks/accuracy.py: end -->\n"
# M = [A b], column by column, as raw doubles: no text in between that might be read to other doubles.
R = """M <- matrix(readBin("M", "double", {size}), {rows}); n <- ncol(M)
cat(sprintf("%.17g", coef(lm(M[, n] ~ M[, -n, drop = FALSE] - 1))), sep = "\\n")"""
OCTAVE = """M = fread(fopen("M"), [{rows} Inf], "double"); warning("off", "all");
printf("%.17g\\n", M(:, 1:end-1) \\ M(:, end))"""

Solver = Callable[[np.ndarray, np.ndarray], np.ndarray]


def problems() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Names, A (m, n) with the column of ones, and b (m,)."""
    for reference in references():
        ones = [np.ones(len(reference.A))] if reference.intercept else []
        yield f"NIST {reference.name}", np.column_stack([*ones, reference.A]), reference.b
    seconds = 1_700_000_000.0 + np.arange(1000)
    for unit, factor in (("s", 1.0), ("ns", 1e9)):
        time = seconds * factor
        yield (
            f"Unix time in {unit}, slope {2 / factor:g}",
            np.column_stack([np.ones(1000), time]),
            2 * np.arange(1000.0),
        )
    years = np.arange(1950.0, 2026.0)
    rng = np.random.default_rng(1)
    trend = 0.01 * (years - 1980) ** 2 + rng.standard_normal(len(years)).round(2)
    yield "cubic in the year, 1950–2025", np.column_stack([years**k for k in range(4)]), trend
    A = rng.standard_normal((100, 4))
    yield "columns in units of 10^±100", A * 10.0 ** np.array([100, -100, 0, 50]), rng.standard_normal(100)
    A[:, 3] = A[:, 2] + 1e-9 * A[:, 3]
    yield "two columns 10⁻⁹ apart", A, rng.standard_normal(100)


def solvers() -> dict[str, Solver]:
    """The peers that are installed, by the heading of their column."""
    found: dict[str, Solver] = {
        "lsq": lambda A, b: solve(A, b).x,
        "lsq, double": lambda A, b: solve(A, b, precision="double").x,
        "textbook AᵀAx = Aᵀb": lambda A, b: np.linalg.solve(A.T @ A, A.T @ b),
        f"numpy {np.__version__} lstsq": lambda A, b: np.linalg.lstsq(A, b, rcond=None)[0],
    }
    if scipy := installed("scipy.linalg"):
        title = f"scipy {version('scipy')}"
        found[f"{title} lstsq"] = lambda A, b: scipy.lstsq(A, b)[0]
        found[f"{title} lsq_linear"] = lambda A, b: import_module("scipy.optimize").lsq_linear(A, b).x
    if models := installed("statsmodels.api"):
        found[f"statsmodels {version('statsmodels')} OLS"] = lambda A, b: models.OLS(b, A).fit().params
    if linear := installed("sklearn.linear_model"):
        found[f"scikit-learn {version('scikit-learn')}"] = lambda A, b: by_scikit_learn(linear.LinearRegression, A, b)
    if shutil.which("Rscript"):
        found["R lm"] = lambda A, b: by_program(["Rscript", "-e"], R, A, b)
    if shutil.which("octave"):
        found["Octave A\\b"] = lambda A, b: by_program(["octave", "--quiet", "--eval"], OCTAVE, A, b)
    return found


def installed(module: str):
    """A module, or None."""
    try:
        return import_module(module)
    except ImportError:
        return None


def by_scikit_learn(model, A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The x of its LinearRegression, which makes the column of ones itself."""
    if not (A[:, 0] == 1).all():
        return model(fit_intercept=False).fit(A, b).coef_
    fitted = model().fit(A[:, 1:], b)
    return np.append(fitted.intercept_, fitted.coef_)


def by_program(command: list[str], script: str, A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The x that another program prints, a number a line; NA, which R prints for a column it drops, counts as nan."""
    M = np.column_stack([A, b])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "M").write_bytes(M.tobytes(order="F"))
        filled = script.format(rows=len(M), size=M.size)
        done = subprocess.run([*command, filled], cwd=folder, capture_output=True, text=True, check=True)
    return np.array([float("nan" if line == "NA" else line) for line in done.stdout.split()])


def digits(solver: Solver, A: np.ndarray, b: np.ndarray, exact: list) -> str:
    """Correct digits of the worst coefficient; a dash where the peer gives up."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            x = np.ravel(solver(A.copy(), b.copy()))
    except (ValueError, np.linalg.LinAlgError):
        return "–"
    return f"{min(correct_digits(float(v), right) for v, (right,) in zip(x, exact, strict=True)):.1f}"


def table() -> str:
    """The table in Markdown."""
    found = solvers()
    lines = ["| problem | " + " | ".join(found) + " |\n", "|---|" + "--:|" * len(found) + "\n"]
    for name, A, b in problems():
        exact = exact_solution(A, b)
        lines.append(f"| {name} | " + " | ".join(digits(solver, A, b, exact) for solver in found.values()) + " |\n")
    return "".join(lines)


def main() -> None:
    """Put the table between its two marks, or print it."""
    made = table()
    if "--print" in sys.argv[1:]:
        print(made, end="")
        return
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{made}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
