"""The direction of the arrows, and what start-up may import: read from the code, and from `sys.modules`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lsq_cli

PACKAGE = Path(lsq_cli.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Room → rooms and packages it must not import, at any level of nesting, outside `if TYPE_CHECKING`.
FORBIDDEN = {
    "methods": ("click", "rich", "dask", "lsq_cli.sources", "lsq_cli.report", "lsq_cli.commands", "lsq_cli.engines"),
    "engines": ("click", "rich", "lsq_cli.methods", "lsq_cli.report", "lsq_cli.commands"),
    "sources": ("click", "rich", "dask", "lsq_cli.methods", "lsq_cli.report", "lsq_cli.commands", "lsq_cli.quadratic"),
    "report": ("click", "dask", "lsq_cli.methods", "lsq_cli.sources", "lsq_cli.commands", "lsq_cli.quadratic"),
    "": ("click", "rich", "dask", "lsq_cli.report"),
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports when it runs."""
    found: set[str] = set()

    class Visitor(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            found.update(alias.name for alias in node.names)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)

    Visitor().visit(ast.parse(path.read_text()))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    room = "" if path.parent == PACKAGE else path.relative_to(PACKAGE).parts[0]
    if path.name == "__main__.py":
        return
    for forbidden in FORBIDDEN.get(room, ()):
        offenders = [name for name in imports(path) if name == forbidden or name.startswith(forbidden + ".")]

        assert not offenders, f"{path.relative_to(PACKAGE)} imports {offenders}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_file_says_what_it_is_for_and_fits_a_room(path):
    tree = ast.parse(path.read_text())

    assert ast.get_docstring(tree)
    assert len(path.read_text().splitlines()) <= 420


def modules_after(*argv: str, stdin: str = "") -> set[str]:
    """The modules loaded by a command in a new process."""
    script = (
        "import sys; from lsq_cli.commands import lsq; from lsq_cli.commands.edge import run; "
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


def test_importing_the_package_loads_no_numpy():
    done = subprocess.run(
        [sys.executable, "-c", "import lsq_cli, sys; print('numpy' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"
