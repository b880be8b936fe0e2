"""The rooms of docs/design.md and the direction of their arrows; and what start-up may import.

Read from the page, from the code and from `sys.modules`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

import lsq_cli

PACKAGE = Path(lsq_cli.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
DESIGN = (Path(__file__).parent.parent / "docs" / "design.md").read_text()

# Where a package that is not ours may be imported: rooms or modules, as below. numpy may be anywhere.
PLACES = {
    "click": {"commands"},
    "rich": {"report"},
    "polars": {"sources.fast"},
    "pyarrow": {"sources.parquet", "report.history"},
    "zstandard": {"sources.streams"},
    "scipy": {"sources.sparse", "sources.market", "wide"},
    "matplotlib": {"report.pictures"},
}


def table(header: str) -> list[list[str]]:
    """The cells of a table of the page, row by row."""
    lines = DESIGN.split(f"{header}\n", 1)[1].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in takewhile(lambda s: s[:1] == "|", lines)]


def named(cell: str) -> list[str]:
    """The modules, folders and rooms that a cell names: ``sources/spool.py`` is sources.spool."""
    return [piece.strip("` /").removesuffix(".py").replace("/", ".") for piece in cell.split(",") if piece]


ARROWS = {room: {room, *named(others)} for room, others in table("| room | may import |")}
ROOMS = {place: room for room, files, _ in table("| room | files | what they are for |") for place in named(files)}


def module_of(path: Path) -> str:
    """``sources.csv``; a folder's ``__init__`` is the folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path) for path in FILES}


def room_of(module: str) -> str:
    """The room in which a module of ours stands."""
    return ROOMS[module.split(".")[0]]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports when it runs: by a statement or a call, outside `if TYPE_CHECKING`."""
    nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes.extend(node.orelse)
            continue
        nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("load", "import_module"):
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield first.value


def ours(name: str) -> str:
    """The module of ours that something imported stands in; the package itself is its ``__init__``."""
    inner = name.removeprefix("lsq_cli").removeprefix(".")
    while inner and inner not in MODULES:
        inner = inner.rpartition(".")[0]
    return inner or "__init__"


def test_the_page_names_every_module_once_and_nothing_else():
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in [*FILES, *PACKAGE.glob("*/*.json")]}
    standing = [place for _, files, _ in table("| room | files | what they are for |") for place in named(files)]

    assert sorted(standing) == sorted(there)
    assert set(ROOMS.values()) == set(ARROWS)


def test_the_page_speaks_of_no_module_that_is_gone():
    assert set(re.findall(r"\b\w+\.py\b", DESIGN)) <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_one_way(path):
    allowed = ARROWS[room_of(module_of(path))]
    reached = {ours(name) for name in imports(path) if name.split(".")[0] == "lsq_cli"}

    assert not {module for module in reached if not {module, room_of(module)} & allowed}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_packages_of_others_are_imported_in_their_places_alone(path):
    module = module_of(path)
    tops = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"lsq_cli", "numpy"}

    assert not {top for top in tops if not {module, module.split(".")[0]} & PLACES.get(top, set())}


def test_no_place_is_kept_for_a_package_that_is_not_imported_there():
    found = {(name.split(".")[0], module_of(path)) for path in FILES for name in imports(path)}
    used = found | {(top, module.split(".")[0]) for top, module in found}

    assert {(top, place) for top, places in PLACES.items() for place in places} <= used


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
