"""A picture of a run: how fast it converges and, for two unknowns, the path of x on the contours of f.

The normal equations take one step, which no curve can show: they have the path of two unknowns, and no picture else.

Left, or alone: ‖∇f(x_k)‖ and f(x_k) − f* against k on log axes, each line from its own start. A straight line down is
linear convergence; a floor is rounding. A value of 0 has no place on a log axis: it is drawn at the floor, with a mark
of its own. Right: the contours of f, ellipses around the solution whose axes are as long as 1/√λ, and the iterates on
them: why descent zigzags is to be seen there at a glance.

Made for a projector: large type, thick lines, two colours of different darkness and different dashes, which can be
told apart in grey too. matplotlib is the extra ``plot``; no display is needed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from lsq_cli.core.errors import UsageError
from lsq_cli.core.extras import load
from lsq_cli.report.files import AtomicFile, check_path

if TYPE_CHECKING:
    from lsq_cli.core.solution import Array, Iterate

SUFFIXES = (".png", ".svg", ".pdf")
# Okabe & Ito's blue and orange: apart for every kind of eye, and by a third in darkness.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"
_STYLE: Any = {
    "font.size": 16,
    "axes.labelsize": 18,
    "axes.titlesize": 18,
    "lines.linewidth": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "lsq",  # the same run, the same bytes
}
# Iterates kept for each factor of ten in k: enough for a smooth line, few enough for any run.
_A_DECADE = 200
_PATH = 300
_CONTOURS = 12


class Landscape(NamedTuple):
    """What the picture needs of the problem beside its iterates."""

    names: tuple[str, ...]
    minimum: float
    """f*, the least f."""
    solution: Array
    """x*, (n,) or (n, p)."""
    hessian: Array
    """∇²f (n, n) but for a factor: only the shape of the contours comes from it."""
    title: str = ""
    """The method, rule, rate and forecast."""


class Trace:
    """A consumer of iterates that keeps enough of a run of any length to draw it: every one at first, then sparser.

    Where it is sparser, those of least and of largest ‖∇f‖ stand for the iterates between: a zigzag keeps its height.
    """

    def __init__(self) -> None:
        self._kept: list[Iterate] = []
        self._between: list[Iterate] = []
        """Since the last that was kept: those of least and of largest ‖∇f‖, and the latest."""
        self._next = 0.0

    def add(self, iterate: Iterate) -> None:
        """Take the next iterate."""
        if iterate.k < self._next:
            ends = sorted([*self._between[:2], iterate], key=attrgetter("gradient_norm"))
            self._between = [ends[0], ends[-1], iterate]
            return
        self._kept += [*self._extremes(), iterate]
        self._between = []
        self._next = max(iterate.k + 1.0, iterate.k * 10.0 ** (1.0 / _A_DECADE))

    def rows(self) -> list[Iterate]:
        """The iterates to draw, the last one always among them."""
        shown = {row.k for row in self._between[:2]}
        last = [row for row in self._between[2:] if row.k not in shown]
        return [*self._kept, *self._extremes(), *last]

    def _extremes(self) -> list[Iterate]:
        """Those of least and of largest ‖∇f‖ since the last that was kept, in their order."""
        two = {row.k: row for row in self._between[:2]}
        return [two[k] for k in sorted(two)]


def check_picture_path(path: str) -> str:
    """The format of a picture; for before the data is read.

    Raises
    ------
    UsageError, OutputError
        As `files.check_path`.
    MissingExtraError
        If matplotlib is not installed.
    """
    suffix = check_path(path, SUFFIXES)
    load("matplotlib", "plot", f"{path}: a picture")
    return suffix


def draw(path: str, rows: list[Iterate], landscape: Landscape) -> None:
    """Draw a run into a file, whole or absent.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    parts = [part for part, wanted in ((_convergence, len(rows) > 2), (_path, _is_planar(landscape))) if wanted]
    parts = parts or [_convergence]
    with written(path, (13, 6.5) if len(parts) == 2 else (10, 7)) as figure:
        places: Any = figure.subplots(1, len(parts), squeeze=False)[0]
        for part, axes in zip(parts, places, strict=True):
            part(axes, rows, landscape)
        figure.suptitle(plain(landscape.title, 100), fontsize=18)


@contextmanager
def written(path: str, size: tuple[float, float]) -> Iterator[Any]:
    """A figure to draw on, of `size` inches; it is written to the file when the block ends well.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    suffix = check_picture_path(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        picture = io.BytesIO()
        figure.savefig(picture, format=suffix[1:], dpi=120, metadata={"Date": None} if suffix == ".svg" else None)
    with AtomicFile(path) as file:
        file.write(picture.getvalue())


def refuse_one_step(names: tuple[str, ...], targets: tuple[str, ...]) -> None:
    """`UsageError` for the normal equations with other than two unknowns, whose picture would show nothing."""
    if len(names) != 2 or len(targets) != 1:
        raise UsageError(
            "--plot with --method normal is for two unknowns of one target: it takes one step, which no curve can "
            "show; add --method gd"
        )


def _is_planar(landscape: Landscape) -> bool:
    """Whether x is a point of a plane, and the shape of f there is known."""
    return landscape.solution.shape == (2,) and landscape.hessian.shape == (2, 2)


def _convergence(axes: Any, rows: list[Iterate], landscape: Landscape) -> None:
    """‖∇f‖ and f − f* against k."""
    # k = 0 has no place on a log axis; it stands at ½, where the axis says 0.
    k = [row.k or 0.5 for row in rows]
    gradient = [row.gradient_norm for row in rows]
    above = [row.objective - landscape.minimum for row in rows]
    marker = "o" if len(rows) < 30 else ""
    for values, colour, dashes, label, height in (
        (gradient, BLUE, "-", "‖∇f(x)‖", 0.06),
        (above, ORANGE, (0, (4, 2)), "f(x) − f*", 0.02),
    ):
        points = [(x, y) for x, y in zip(k, values, strict=True) if 0.0 < y < math.inf]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, linestyle=dashes, marker=marker, label=label)
        # Rounding may put f a little below f*.
        if zeros := [x for x, y in zip(k, values, strict=True) if y <= 0.0]:
            floor = axes.get_xaxis_transform()  # the height in shares of the axis
            axes.plot(
                *(zeros, [height] * len(zeros)),
                "v",
                color=colour,
                markersize=11,
                transform=floor,
                label=f"{label} is 0",
            )
    axes.set(xscale="log", yscale="log", xlabel="steps k", title="Convergence")
    axes.xaxis.set_major_formatter(lambda value, _: "0" if value == 0.5 else f"{value:g}")
    decades = [10.0**d for d in range(int(math.log10(max(k[-1], 1.0))) + 1)]
    axes.set_xticks([0.5, *decades])
    axes.minorticks_off()
    axes.grid(color=GREY, alpha=0.3)
    axes.legend(frameon=False)


def _path(axes: Any, rows: list[Iterate], landscape: Landscape) -> None:
    """The path of x on the contours of f, for two unknowns."""
    import numpy as np

    path = np.array([row.x for row in rows[:_PATH]] + [rows[-1].x])
    path = path[np.isfinite(path).all(axis=1)]
    solution = landscape.solution
    low, high = (bound(np.vstack([path, solution]), axis=0) for bound in (np.min, np.max))
    centre, reach = (low + high) / 2, np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    if reach.max() < 8.0 * reach.min():
        # In one scale the steps are at right angles to the contours, as they are in truth.
        reach[:] = reach.max()
        axes.set_aspect("equal")
    u, v = (np.linspace(centre[i] - 0.7 * reach[i], centre[i] + 0.7 * reach[i], 300) for i in (0, 1))
    d = np.stack(np.meshgrid(u - solution[0], v - solution[1]))
    height = np.einsum("iab,ij,jab->ab", d, landscape.hessian, d)
    # Evenly spaced in √f: ellipses of evenly growing size, as on a map of a bowl.
    levels = np.linspace(0.0, math.sqrt(float(height.max())), _CONTOURS + 1)[1:] ** 2
    axes.contour(u, v, height, levels=levels, colors=GREY, linewidths=1.0)
    axes.plot(*path.T, color=BLUE, marker="o", markersize=7 if len(path) < 60 else 3, label="x₀, x₁, …")
    axes.plot(*path[0], "s", color=BLUE, markersize=12, label="start")
    axes.plot(*solution, "*", color=ORANGE, markersize=24, label="x*, the solution")
    first, second = (plain(name, 30) for name in landscape.names)
    axes.set(xlabel=first, ylabel=second, title="The path on the contours of f")
    axes.legend(framealpha=0.9, edgecolor="none")


def plain(name: str, longest: int) -> str:
    """Text as it is: matplotlib reads $…$ as mathematics."""
    from lsq_cli.core.errors import shown

    return shown(name, longest).replace("$", r"\$")
