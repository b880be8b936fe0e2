"""Regression with an absorbed column, ``y ~ a + b | g``: from a table to slopes, and an intercept for each level.

    records ──► sums, and sums by level ──► sums within the levels ──► slopes, statistics ──► intercepts
                                            (--vcov: once more over the rows)

The model is that with a column for each level of g, and so are its figures. Columns that do not vary within the levels
are left out, in words. The intercepts are not shown; they are in the model, for `lsq predict`, up to `MOST_STORED`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lsq_cli.core.errors import ProblemError, UsageError, shown
from lsq_cli.engines.resources import Resources
from lsq_cli.exact.dyadic import Dyadic
from lsq_cli.exact.errorfree import ExactSums
from lsq_cli.exact.longsums import LongSums
from lsq_cli.exact.rank import default_tolerance
from lsq_cli.problems.absorbed import SumAbsorbed, Within, constant_within, within
from lsq_cli.problems.designed import assembled
from lsq_cli.problems.kinds import clusters_of
from lsq_cli.problems.nested import residual_squares, tested
from lsq_cli.problems.second_pass import Centre, Fitted, SecondPass
from lsq_cli.problems.statistics import Absorbed, r_squared_of
from lsq_cli.problems.summed import SummedProblem
from lsq_cli.runs.fitting import Fit, FitOptions, about_fit, ask_for_scipy, design_of_sums, solution_of
from lsq_cli.runs.modelling import column_named
from lsq_cli.sources.records import Wanted
from lsq_cli.terms.design import Shape

if TYPE_CHECKING:
    from lsq_cli.core.problem import About
    from lsq_cli.core.solution import Solution
    from lsq_cli.problems.covariances import Covariance
    from lsq_cli.problems.designed import Assembled
    from lsq_cli.sources.records import Records
    from lsq_cli.terms.design import Design
    from lsq_cli.terms.formula import Formula

MOST_STORED = 100_000
"""Levels whose intercepts the model holds: a few megabytes."""
_MOST_LIMBS = 800
"""Bits of the sums that doubles can hold as limbs, as a proof in doubles needs them; beyond it `LongSums`."""


class _Taken(NamedTuple):
    """A regression whose intercepts have been taken out."""

    fit: Fit
    sums: Within
    gram: Assembled
    columns: tuple[int, ...]
    """Those that were kept, by their positions in the design."""


def fit_absorbed(
    records: Records, formula: Formula, options: FitOptions | None = None, resources: Resources | None = None
) -> Solution:
    """Fit a formula with an absorbed column to the rows of a table.

    Parameters
    ----------
    records : Records
    formula : Formula
        With a column ``absorbed``.
    options : FitOptions, optional
    resources : Resources, optional

    Returns
    -------
    Solution
        Of the slopes; ``extra`` has what was ``absorbed``, and the ``terms`` with the intercepts.

    Raises
    ------
    UsageError
        With a ridge.
    DataError, ProblemError, MissingExtraError
        As `fitting.fit`; also where no column varies within the levels.
    """
    start = perf_counter()
    options, resources = options or FitOptions(), resources or Resources()
    absorbed = str(formula.absorbed)
    if options.influence is not None:
        raise UsageError(f"--influence and | {shown(absorbed)} do not go together; write + C({shown(absorbed)})")
    if options.ridge:
        raise UsageError(f"--ridge and | {shown(absorbed)} do not go together; write + C({shown(absorbed)})")
    ask_for_scipy()
    shape = Shape(replace(formula, absorbed=None))
    shape.check()
    clusters = tuple(str(column_named(records, "--vcov", name)) for name in clusters_of(options.vcov))
    categories = tuple(dict.fromkeys((absorbed, *shape.categories, *clusters)))
    wanted = Wanted(shape.numbers, categories, column_named(records, "--weights", options.weights))
    blocks = resources.watched(records.blocks(wanted))
    total = resources.fold(SumAbsorbed(shape, absorbed), blocks, waits=records.waits)
    design = design_of_sums(None if total is None else total.design, shape, records)
    assert total is not None  # there are rows
    gram = assembled(total.design, design)
    sums = within(total, design, gram)
    about = about_fit(total.design, design, records)
    taken = _taken(about, design, gram, sums, options, total.design.log_weights, absorbed)
    covariance: Covariance | None = None
    beware: tuple[str, ...] = ()
    if options.vcov != "iid":
        from lsq_cli.problems.robust import robust_covariance  # a second pass is not for everybody

        whole = Fitted(design, taken.fit.problem, taken.columns, _centre(taken, absorbed))
        covariance, beware = robust_covariance(SecondPass(records, wanted, whole, resources), options.vcov, clusters)
    solution = _finished(solution_of(taken.fit, options, covariance, beware), taken, absorbed)
    return replace(solution, passes=1 if options.vcov == "iid" else 2, seconds=perf_counter() - start)


def _taken(
    about: About, design: Design, gram: Assembled, sums: Within, options: FitOptions, logs: float, absorbed: str
) -> _Taken:
    """The regression within the levels."""
    names = design.names[1:]
    columns = range(1, 1 + len(names))
    tolerance = default_tolerance(len(names) + 1) if options.rank_tol is None else options.rank_tol
    constant = constant_within(sums, gram, columns, tolerance)
    varying = [k for k in columns if k not in set(constant)]
    where = " ".join(about.data)
    if not varying:
        raise ProblemError(f"{where}: no column of the model varies within the levels of {shown(absorbed)}")
    who = replace(about, names=names, constant_column=None)
    whole = _problem(who, sums, varying, options)
    kept = tuple(varying[k] for k in (range(len(varying)) if whole.is_regular else whole.columns.independent))
    part = whole if whole.is_regular else _problem(who, sums, kept, options)
    left_out = (
        *(f"{names[k - 1]} does not vary within the levels of {absorbed}" for k in constant),
        *(() if whole.is_regular else whole.dependencies()),
    )
    targets = range(1 + len(names), len(sums.N))
    taken_out = Absorbed(
        len(sums.levels),
        (sums.scale.numerator, sums.scale.denominator),
        tuple(_total_square(gram, k) for k in targets),
        tuple(_square(gram, k) for k in kept),
    )
    fit = Fit(design, part, tuple(k - 1 for k in kept), None, logs, left_out, names, taken_out)
    return _Taken(fit, sums, gram, kept)


def _problem(who: About, sums: Within, columns: list[int] | tuple[int, ...], options: FitOptions) -> SummedProblem:
    """The problem of some columns within the levels."""
    p = len(who.targets)
    chosen = [*columns, *range(len(sums.N) - p, len(sums.N))]
    N, e = sums.N[np.ix_(chosen, chosen)], [sums.unit // 2] * len(chosen)
    longest = max(int(v).bit_length() for v in N.diagonal())
    found = (
        ExactSums.from_integers(len(columns), p, who.rows, N, e)
        if longest < _MOST_LIMBS
        else LongSums(len(columns), p, who.rows, N, e)
    )
    names = tuple(who.names[k - 1] for k in columns)
    return SummedProblem(replace(who, names=names), found, 0.0, options.rank_tol)


def _total_square(gram: Assembled, k: int) -> tuple[Dyadic, int]:
    """Σ(m − m̄)² of a column over all rows, as a fraction."""
    N, ones = gram.N, int(gram.N[-1, -1])
    return Dyadic(int(N[k, k]) * ones - int(N[k, -1]) ** 2, gram.unit), ones


def _square(gram: Assembled, k: int, bits: int = 128) -> Dyadic:
    """The same, to so many bits."""
    above, below = _total_square(gram, k)
    return Dyadic((above.mantissa << bits) // below, above.exponent - bits)


def _centre(taken: _Taken, absorbed: str) -> Centre:
    """What a second pass needs to take the intercepts out of its rows."""
    sums = taken.sums
    return Centre(
        absorbed,
        {level: row for row, level in enumerate(sums.levels)},
        sums.means(taken.columns),
        sums.shares(),
        _intercepts(taken),
        float(sums.scale),
    )


def _intercepts(taken: _Taken) -> Any:
    """α_g (levels, p)."""
    exact, first = taken.fit.problem.solution, len(taken.fit.names) + 1
    found = [
        taken.sums.intercepts([exact.interval(i, t)[0] for i in range(len(taken.columns))], taken.columns, first + t)
        for t in range(len(taken.fit.problem.about.targets))
    ]
    return np.array(found).T


def _within_r_squared(taken: _Taken, t: int) -> float:
    """1 − RSS/TSS within the levels."""
    equations = taken.fit.problem.equations
    k = equations.n + t
    return r_squared_of(residual_squares(taken.fit.problem)[t], Dyadic(int(equations.N[k, k]), 2 * equations.e[k]))


def _test_of_levels(taken: _Taken, t: int) -> tuple[float, float]:
    """F and p of the hypothesis that all levels have the same intercept."""
    sums, problem, p = taken.sums, taken.fit.problem, len(taken.fit.problem.about.targets)
    assert taken.fit.absorbed is not None
    n = len(taken.gram.N) - 1 - p
    pooled = SummedProblem(
        replace(problem.about, names=taken.fit.design.names, constant_column=0),
        ExactSums.from_integers(n, p, problem.about.rows, taken.gram.N[:-1, :-1], [taken.gram.unit // 2] * (n + p)),
    )
    rank = problem.rank + taken.fit.absorbed.levels
    one, each = residual_squares(pooled)[t], residual_squares(problem)[t]
    found = tested(
        Dyadic(one.mantissa * sums.scale.numerator, one.exponent),
        Dyadic(each.mantissa * sums.scale.denominator, each.exponent),
        rank - pooled.rank,
        problem.about.counted_rows - rank,
    )
    return found.f, found.p


def _finished(solution: Solution, taken: _Taken, absorbed: str) -> Solution:
    """The solution in the user's units, with what was taken out."""
    sums, several = taken.sums, len(solution.targets) > 1
    scale, levels = float(sums.scale), len(sums.levels)
    is_stored = levels <= MOST_STORED
    terms: dict[str, Any] = {"column": absorbed, "levels": None, "intercepts": None}
    note: tuple[str, ...] = ()
    if is_stored:
        order = sorted(range(levels), key=lambda k: (isinstance(sums.levels[k], str), sums.levels[k]))
        found = _intercepts(taken)[order]
        terms["levels"] = [sums.levels[k] for k in order]
        terms["intercepts"] = found.tolist() if several else found[:, 0].tolist()
    else:
        note = (f"the model has no intercepts: {levels} levels are more than {MOST_STORED}; lsq predict cannot use it",)
    shares = [_within_r_squared(taken, t) for t in range(len(solution.targets))]
    tests = [_test_of_levels(taken, t) for t in range(len(solution.targets))]
    what = {
        "column": absorbed,
        "levels": levels,
        "single_row_levels": int((sums.counts == 1).sum()),
        "r_squared_within": shares if several else shares[0],
        "f_levels": [f for f, _ in tests] if several else tests[0][0],
        "f_levels_p": [p for _, p in tests] if several else tests[0][1],
    }
    return replace(
        solution,
        objective=None if solution.objective is None else solution.objective / scale,
        residual_norm=None if solution.residual_norm is None else solution.residual_norm / math.sqrt(scale),
        gradient_norm=None if solution.gradient_norm is None else solution.gradient_norm / scale,
        data_digits=_fewer(solution.data_digits, taken),
        notes=(*solution.notes, *note),
        extra={"absorbed": what, **solution.extra, "terms": _with_absorbed(solution.extra["terms"], terms, taken)},
    )


def _with_absorbed(terms: dict[str, Any], absorbed: dict[str, Any], taken: _Taken) -> dict[str, Any]:
    """The model's ``terms`` with what was absorbed."""
    column = absorbed["column"]
    return {**terms, "kinds": {**terms["kinds"], column: taken.fit.design.kinds[column]}, "absorbed": absorbed}


def _fewer(digits: float | None, taken: _Taken) -> float | None:
    """`data_digits`, less what the columns lose beside their means: their last bit is that of the whole numbers."""
    if digits is None:
        return None
    sums, gram, lost = taken.sums, taken.gram, 0.0
    for k in (*taken.columns, *range(1 + len(taken.fit.names), len(sums.N))):
        whole, part = Dyadic(int(gram.N[k, k]), gram.unit).root(), Dyadic(int(sums.N[k, k]), sums.unit).root()
        if part > 0.0:
            lost = max(lost, math.log10(whole * math.sqrt(float(sums.scale)) / part))
    return max(0.0, digits - lost)
