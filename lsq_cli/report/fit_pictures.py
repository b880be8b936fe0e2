"""Pictures of a regression: what its residuals say of it, and for one predictor the points, the line and its band.

    residuals against fitted values     a bend asks for another term, a fan for --vcov or another target
    normal quantiles                    a straight line where the errors are normal
    scale: √|s| against fitted values   level where the errors have one variance
    leverage                            rows to the right and outside the dashed lines move x most: --influence

The rows that stand out are numbered by their line in the file. Of many rows a sample is drawn, and the picture says so.
As in `pictures.py`: large type, two colours that can be told apart in grey, no display.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsq_cli.report.pictures import BLUE, GREY, ORANGE, plain, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lsq_cli.core.groups import GroupedSolution
    from lsq_cli.core.solution import Array, Solution
    from lsq_cli.problems.sampled import Line, Sample

_DISTANCES = (0.5, 1.0)
"""The contours of Cook's distance, as R draws them."""


def draw_fit(path: str, sample: Sample, solution: Solution) -> None:
    """Draw a regression into a file, whole or absent.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    panels = [_residuals, _quantiles, _scale, _leverage]
    with written(path, (11, 9 if sample.line is None else 13)) as figure:
        places = figure.add_gridspec(2 if sample.line is None else 3, 2)
        if sample.line is not None:
            _line(figure.add_subplot(places[0, :]), sample, solution)
        above = 0 if sample.line is None else 1
        for k, panel in enumerate(panels):
            panel(figure.add_subplot(places[above + k // 2, k % 2]), sample, solution)
        figure.suptitle(plain(_title(sample, solution), 100), fontsize=18)


def draw_groups(path: str, samples: Sequence[tuple[str, Sample]], solution: GroupedSolution) -> None:
    """Draw a panel for each group: the points, the line and its band, or the residuals; raises as `draw_fit`."""
    formula, columns = solution.extra["terms"]["formula"], min(3, len(samples))
    rows = -(-len(samples) // columns)
    title = f"{formula}, by {', '.join(solution.by)}"
    if len(samples) < len(solution.all_groups):
        title += f": {len(samples)} of {len(solution.all_groups)} groups"
    with written(path, (1.0 + 4.5 * columns, 0.8 + 3.6 * rows)) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for axes in panels[len(samples) :]:
            axes.remove()
        for axes, (name, sample) in zip(panels, samples, strict=False):
            if sample.line is None:
                _points(axes, sample, "fitted", "residual")
                axes.axhline(0.0, color=GREY, linewidth=1.0)
                axes.set(xlabel="fitted values", ylabel="residuals b − Ax")
            else:
                _points_and_line(axes, sample, sample.line)
                axes.set(xlabel=plain(sample.line.name, 30), ylabel=plain(solution.targets[0], 30))
            drawn = len(sample.points.residual)
            more = "" if drawn >= sample.rows else f": {drawn} of {sample.rows} rows"
            axes.set_title(plain(name, 30) + more)
        figure.suptitle(plain(title, 100), fontsize=18)


def _title(sample: Sample, solution: Solution) -> str:
    """The formula, and how many of the rows are drawn."""
    drawn = len(sample.points.residual)
    formula = solution.extra["terms"]["formula"]
    return formula if drawn >= sample.rows else f"{formula}: a sample of {drawn} of {sample.rows} rows"


def _line(axes: Any, sample: Sample, solution: Solution) -> None:
    """The points, the line and its band, with a legend."""
    assert sample.line is not None
    found: Any = solution.statistics
    label = f"the fit, with the {100 * found.confidence:g} % band of its mean"
    _points_and_line(axes, sample, sample.line, label)
    axes.set(xlabel=plain(sample.line.name, 40), ylabel=plain(solution.targets[0], 40))
    axes.legend(frameon=False)


def _points_and_line(axes: Any, sample: Sample, line: Line, label: str = "") -> None:
    """The points, those that stand out larger and with their lines, the line and its band."""
    for points, size in ((sample.points, 12), (sample.outer, 30)):
        axes.scatter(points.predictor, points.target, s=size, color=BLUE, alpha=0.6, linewidths=0)
    axes.fill_between(line.predictor, line.low, line.high, color=ORANGE, alpha=0.25, linewidth=0)
    axes.plot(line.predictor, line.fitted, color=ORANGE, label=label or None)
    _named(axes, sample, sample.outer.predictor, sample.outer.target)


def _residuals(axes: Any, sample: Sample, solution: Solution) -> None:
    """Residuals against fitted values."""
    _points(axes, sample, "fitted", "residual")
    axes.axhline(0.0, color=GREY, linewidth=1.0)
    axes.set(xlabel="fitted values", ylabel="residuals b − Ax", title="Residuals")


def _quantiles(axes: Any, sample: Sample, solution: Solution) -> None:
    """Standardized residuals against the quantiles of the normal distribution."""
    expected, found = sample.quantiles()
    axes.scatter(expected, found, s=12, color=BLUE, alpha=0.6, linewidths=0)
    if len(expected):
        ends = [min(expected), max(expected)]
        axes.plot(ends, ends, color=ORANGE, linewidth=1.5)
    axes.set(xlabel="normal quantiles", ylabel="standardized residuals", title="Normal quantiles")


def _scale(axes: Any, sample: Sample, solution: Solution) -> None:
    """√|s| against fitted values."""
    for points in (sample.points, sample.outer):
        axes.scatter(points.fitted, abs(points.standardized) ** 0.5, s=12, color=BLUE, alpha=0.6, linewidths=0)
    _named(axes, sample, sample.outer.fitted, abs(sample.outer.standardized) ** 0.5)
    axes.set(xlabel="fitted values", ylabel="√|standardized residuals|", title="Scale")
    axes.set_ylim(bottom=0.0)


def _leverage(axes: Any, sample: Sample, solution: Solution) -> None:
    """Standardized residuals against leverage, with contours of Cook's distance where they are near."""
    _points(axes, sample, "leverage", "standardized")
    axes.axhline(0.0, color=GREY, linewidth=1.0)
    axes.set_xlim(left=0.0)
    (low, high), (_, right) = axes.get_ylim(), axes.get_xlim()
    right = min(right, 0.999)
    grid = [right * (k + 1) / 200 for k in range(200)]
    for distance in _DISTANCES:
        height = [(distance * (solution.rank or 1) * (1.0 - h) / h) ** 0.5 for h in grid]
        for side in (-1.0, 1.0):
            curve = [(h, side * s) for h, s in zip(grid, height, strict=True) if low <= side * s <= high]
            if curve:
                axes.plot(*zip(*curve, strict=True), color=ORANGE, linestyle=(0, (4, 2)), linewidth=1.5)
                axes.annotate(f"D = {distance:g}", curve[-1], color=ORANGE, fontsize=12, ha="right", va="bottom")
    axes.set(xlabel="leverage", ylabel="standardized residuals", title="Leverage")


def _points(axes: Any, sample: Sample, x: str, y: str) -> None:
    """The sample and the rows that stand out, these with their lines."""
    for points in (sample.points, sample.outer):
        axes.scatter(getattr(points, x), getattr(points, y), s=12, color=BLUE, alpha=0.6, linewidths=0)
    _named(axes, sample, getattr(sample.outer, x), getattr(sample.outer, y))


def _named(axes: Any, sample: Sample, x: Array, y: Array) -> None:
    """The line of each row that stands out beside its point."""
    for place, *point in zip(sample.places, x.tolist(), y.tolist(), strict=True):
        axes.annotate(place, point, xytext=(5, 3), textcoords="offset points", fontsize=12)
