"""Several models of one table, side by side from one pass: their fits, and the F test of each pair that is nested.

A row that misses a cell of one model is out of all of them, so that they speak of the same rows. A model lies within
another if its columns add no rank to those of the other: ``y ~ I(a + b)`` lies within ``y ~ a + b`` too. That is
decided on the exact sums of all columns (`terms/joint.py`), of which each model's sums are a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import ProblemError, UsageError, shown
from lsq_cli.engines.resources import Resources
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.problems.designed import Assembled, SumRecords, assembled
from lsq_cli.problems.nested import NestedTest, residual_squares, tested
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.runs.fitting import MOST_COLUMNS, FitOptions, about_fit, ask_for_scipy, design_of_sums, fit_of, solution_of
from lsq_cli.runs.modelling import column_named
from lsq_cli.sources.records import Wanted
from lsq_cli.terms.joint import JointDesign, JointShape

if TYPE_CHECKING:
    from lsq_cli.core.problem import About
    from lsq_cli.core.solution import Solution
    from lsq_cli.problems.designed import DesignSums
    from lsq_cli.runs.fitting import Fit
    from lsq_cli.sources.records import Records
    from lsq_cli.terms.formula import Formula

MOST_MODELS = 50


class Nested(NamedTuple):
    """A model within another, by their places."""

    smaller: int
    larger: int
    test: NestedTest


class Several(NamedTuple):
    """Models of the same rows, and the pairs of them that are nested."""

    models: tuple[Solution, ...]
    nested: tuple[Nested, ...]


def fit_several(
    records: Records,
    formulas: Sequence[Formula],
    options: FitOptions | None = None,
    resources: Resources | None = None,
) -> Several:
    """Fit several formulas to the same rows of a table.

    Parameters
    ----------
    records : Records
    formulas : sequence of Formula
        With the same target.
    options : FitOptions, optional
        Without a ridge, and with a ``vcov`` of iid: the F tests are those of plain least squares.
    resources : Resources, optional

    Raises
    ------
    UsageError
        For different targets, several of them, or absorbed columns.
    DataError, ProblemError, MissingExtraError
        As `fitting.fit`.
    """
    start = perf_counter()
    options, resources = options or FitOptions(), resources or Resources()
    _check(formulas)
    ask_for_scipy()
    shape = JointShape.of(formulas)
    shape.check()
    wanted = Wanted(shape.numbers, shape.categories, column_named(records, "--weights", options.weights))
    blocks = resources.watched(records.blocks(wanted))
    total = resources.fold(SumRecords(shape), blocks, waits=records.waits)
    designs = tuple(
        design_of_sums(None if total is None else _of_categories(total, one.categories), one, records)
        for one in shape.shapes
    )
    assert total is not None  # there are rows
    levels = {name: of for design in designs for name, of in design.levels.items()}
    joint = JointDesign(shape, levels, records.kinds, designs=designs)
    if len(joint.columns) > MOST_COLUMNS:
        raise ProblemError(
            f"{' '.join(records.data)}: the models have {len(joint.columns)} columns together, more than {MOST_COLUMNS}"
        )
    gram = assembled(total, joint)
    fits = []
    for one, design in zip(shape.shapes, designs, strict=True):
        who = about_fit(_of_categories(total, one.categories), design, records)
        fits.append(fit_of(design, who, _part(gram, joint.places(design)), total.log_weights, options))
    models = tuple(replace(solution_of(found, options, None, ()), seconds=perf_counter() - start) for found in fits)
    return Several(models, _nested(fits, joint, gram, options))


def _check(formulas: Sequence[Formula]) -> None:
    """`UsageError` for formulas that cannot stand side by side."""
    if len(formulas) > MOST_MODELS:
        raise UsageError(f"{len(formulas)} formulas are more than {MOST_MODELS}")
    for formula in formulas:
        if len(formula.targets) > 1:
            raise UsageError(f"{shown(formula.text, 100)!r} has several targets; models side by side have one")
        if formula.absorbed is not None:
            name = shown(formula.absorbed)
            raise UsageError(f"several formulas and | {name} do not go together; write + C({name})")
        if formula.targets != formulas[0].targets:
            first, other = (shown(one.targets[0].name) for one in (formulas[0], formula))
            raise UsageError(f"the formulas explain {first} and {other}; models side by side explain the same")


def _of_categories(total: DesignSums, names: Sequence[str]) -> DesignSums:
    """The sums as one model knows them: with the levels of its own categories."""
    return replace(total, levels={name: total.levels[name] for name in names})


def _part(gram: Assembled, columns: Sequence[int], targets: int = 1) -> Assembled:
    """The sums of some columns, with those of the targets and of the column of ones."""
    chosen = [*columns, *range(len(gram.N) - 1 - targets, len(gram.N))]
    return gram._replace(N=gram.N[np.ix_(chosen, chosen)])


def _nested(fits: Sequence[Fit], joint: JointDesign, gram: Assembled, options: FitOptions) -> tuple[Nested, ...]:
    """The pairs of which one lies within the other and has a smaller rank."""
    found = []
    places = [joint.places(fit.design) for fit in fits]
    squares = [residual_squares(fit.problem)[0] for fit in fits]
    for i, j in sorted(permutations(range(len(fits)), 2), key=lambda pair: (max(pair), min(pair))):
        smaller, larger = fits[i].problem, fits[j].problem
        if smaller.rank >= larger.rank:
            continue
        more = [column for column in places[i] if column not in set(places[j])]
        if more and _rank(larger.about, gram, [*places[j], *more], options) > larger.rank:
            continue
        freedom = larger.about.counted_rows - larger.rank
        found.append(Nested(i, j, tested(squares[i], squares[j], larger.rank - smaller.rank, freedom)))
    return tuple(found)


def _rank(who: About, gram: Assembled, columns: list[int], options: FitOptions) -> int:
    """The rank of some columns together."""
    N, n = _part(gram, columns).N[:-1, :-1], len(columns)
    sums = ExactSums.from_integers(n, 1, who.rows, N, [gram.unit // 2] * (n + 1))
    return SummedProblem(replace(who, names=("",) * n, constant_column=None), sums, 0.0, options.rank_tol).rank
