"""The house: rooms stand in layers, files and functions are small, start-up imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import lsq_cli

PACKAGE = Path(lsq_cli.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_imports_go_down_only(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent)

    assert lint_imports(no_cache=True) == 0, "run lint-imports to see which import goes up"


def test_the_root_holds_the_doors_alone():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "api.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_says_what_it_is_for_and_is_no_longer_than_400_lines(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_function_fits_a_screen_of_60_lines_its_docstring_aside(path):
    assert not {name: size for name, size in sizes(path).items() if size > 60}


def sizes(path: Path) -> dict[str, int]:
    """The lines of every function of a file, without its docstring."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            docstring = first.end_lineno - first.lineno + 1 if documented else 0
            found[node.name] = node.end_lineno - node.lineno + 1 - docstring
    return found


def modules_after(*argv: str, stdin: str = "") -> set[str]:
    """The modules loaded by a command in a new process."""
    script = (
        "import sys; from lsq_cli.commands import lsq; from lsq_cli.commands.shell import run; "
        f"code = run(lsq, {list(argv)!r}); "
        "sys.stderr.write('\\n'.join(['', 'MODULES', *sys.modules])); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split("MODULES\n")[1].split())


def packages(modules: set[str]) -> set[str]:
    """Top-level packages from outside the standard library."""
    tops = {name.split(".")[0] for name in modules}
    return {top for top in tops if top not in sys.stdlib_module_names and not top.startswith("_")}


@pytest.mark.parametrize("argv", [["--help"], ["solve", "--help"], ["--version"]])
def test_help_imports_no_numpy(argv):
    assert packages(modules_after(*argv)) <= {"click", "lsq_cli"}


def test_a_small_solve_imports_numpy_click_and_rich_alone():
    table = "x,y\n1,2\n2,4.1\n3,5.9\n"

    # rich brings pygments and markdown-it only where they are asked for; typing_extensions is click's on old Pythons.
    assert packages(modules_after("solve", stdin=table)) <= {"click", "lsq_cli", "numpy", "rich"}
    assert packages(modules_after("solve", "-f", "json", stdin=table)) <= {"click", "lsq_cli", "numpy"}


def test_a_formula_takes_patsy_and_scipy_and_no_pandas():
    loaded = packages(modules_after("fit", "y ~ a", stdin="a,y\n1,2\n2,3\n3,5\n"))

    assert {"patsy", "scipy"} <= loaded
    assert "pandas" not in loaded  # though patsy takes it in where it is installed


def test_importing_the_package_loads_no_numpy():
    done = subprocess.run(
        [sys.executable, "-c", "import lsq_cli, sys; print('numpy' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"
