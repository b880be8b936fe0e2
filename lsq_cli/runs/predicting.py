"""Predictions for new rows: block after block as they come, in memory that does not grow.

    ŷ = a x        interval  ŷ ± t·√(σ² + a V aᵀ)

Columns are looked up by name and made as the model's terms say; others are ignored. A row with a missing cell has no
prediction and keeps its place; one that misses the target alone has no residual. The interval is that of a new
observation, with normal errors of one variance σ², and V the covariance of x that the model has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lsq_cli.core.errors import CellError, ColumnError, UsageError, elided, shown
from lsq_cli.exact.expansions import negated
from lsq_cli.problems.design_rows import DesignRows, Place, dense, fitted
from lsq_cli.problems.designed import Products, evaluated, taken, target_of
from lsq_cli.sources.records import Levels, Wanted
from lsq_cli.terms.design import Design, Shape
from lsq_cli.terms.factors import DATE, EMPTY, NUMBER, TEXT, TRUTH, Level, level_text
from lsq_cli.terms.reading import near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lsq_cli.core.solution import Array
    from lsq_cli.runs.models import Model
    from lsq_cli.sources.records import Record, RecordBlock, Records

_PIECE = 1 << 18
"""Numbers of A that are made at a time, for intervals."""
_ROWS = 1 << 15
"""Rows that are predicted at a time."""


class PredictOptions(NamedTuple):
    """What is asked of a prediction: the options of ``lsq predict`` of these names."""

    residuals: bool = False
    interval: float | None = None
    keep: tuple[str, ...] = ()


class Predicted(NamedTuple):
    """Some rows.

    Attributes
    ----------
    kept : mapping
        Column → the text of each row.
    columns : mapping
        ``prediction``, ``low``, ``high``, ``residual`` → (rows,), nan in rows that miss a cell; for several targets
        each with the target's name behind.
    dropped : mapping
        Reason → rows without a prediction.
    without_residual : int
        Rows that have a prediction and miss a target.
    """

    kept: Mapping[str, list[str]]
    columns: Mapping[str, Array]
    dropped: Mapping[str, int]
    without_residual: int


class Predictions(NamedTuple):
    """All rows, held; a row that misses a cell has nan.

    Attributes
    ----------
    prediction : ndarray, shape (m,) or (m, p)
    low, high : ndarray or None
        Where a new observation lies, with an ``interval``.
    residual : ndarray or None
        b − Ax, with ``residuals``; nan where b is missing too.
    """

    prediction: Array
    low: Array | None = None
    high: Array | None = None
    residual: Array | None = None


class Prediction:
    """A model and the rows that it is asked about: iterate over it.

    Parameters
    ----------
    model : Model
    records : Records
        That keep their place: read with missing="drop".
    options : PredictOptions

    Raises
    ------
    ColumnError
        For columns that the model needs and the table does not have.
    UsageError
        For an interval where the model has no statistics.
    """

    def __init__(self, model: Model, records: Records, options: PredictOptions) -> None:
        self.model, self.options, self._records = model, options, records
        formula = model.design.shape.formula
        self._targets = formula.targets if options.residuals else ()
        # A prediction needs no target, so that none is lost where it is missing.
        self._design = Design(Shape(replace(formula, targets=())), model.design.levels, model.design.kinds)
        self._rows = DesignRows(self._design)
        if options.interval is not None and model.absorbed is not None:
            column = shown(model.absorbed.column)
            raise UsageError(
                f"--interval needs the covariance of the intercepts, and | {column} has none; fit with + C({column})"
            )
        if options.interval is not None and not model.covariances:
            raise UsageError("--interval needs a model with standard errors, as lsq fit writes it without a ridge")
        shape = self._design.shape
        explained = dict.fromkeys(name for target in self._targets for name in target.columns())
        numbers = tuple(dict.fromkeys((*shape.numbers, *explained)))
        may_miss = frozenset(explained) - {*shape.numbers, *shape.categories}
        absorbed = () if model.absorbed is None else (model.absorbed.column,)
        categories = tuple(dict.fromkeys((*shape.categories, *absorbed)))
        self.wanted = Wanted(numbers, categories, kept=options.keep, may_miss=may_miss)
        self._check_columns()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that are made."""
        kinds = [
            "prediction",
            *(["low", "high"] if self.options.interval else []),
            *["residual"] * self.options.residuals,
        ]
        several = len(self.model.targets) > 1
        return tuple(f"{kind}_{target}" if several else kind for target in self.model.targets for kind in kinds)

    def __iter__(self) -> Iterator[Predicted]:
        """The rows, block after block."""
        for block in self._records.blocks(self.wanted):
            record = block.read()
            for start in range(0, record.rows_read, _ROWS):
                yield from self._up_to_an_error(record, block, start, min(start + _ROWS, record.rows_read))

    def held(self) -> Predictions:
        """All rows in memory."""
        parts = [list(rows.columns.values()) for rows in self]
        columns = [np.concatenate(same) for same in zip(*parts, strict=True)]
        p = len(self.model.targets)
        per_target = len(self.names) // p
        kinds = [name.removesuffix(f"_{self.model.targets[0]}") if p > 1 else name for name in self.names[:per_target]]
        found = {}
        for k, kind in enumerate(kinds):
            several = columns[k::per_target] if columns else [np.empty(0)] * p
            found[kind] = several[0] if p == 1 else np.column_stack(several)
        return Predictions(**found)

    def _check_columns(self) -> None:
        """`ColumnError` for a column that is not there, or holds something else than the model's did."""
        called = {column.name: column for column in self._records.columns}
        formula = self._design.shape.formula
        needed = tuple(dict.fromkeys((*formula.columns(), *self.wanted.numbers, *self.wanted.categories)))
        if lacking := [name for name in needed if name not in called]:
            hint = near(lacking[0], called)
            raise ColumnError(
                f"the model needs {elided(repr(shown(name)) for name in lacking)}, and there is no such column{hint}",
                self._records.first.path,
            )
        kinds = self._records.kinds
        for name in needed:
            if name in self._records.repeated:
                raise ColumnError(
                    f"several columns are called {shown(name)!r}, and the model needs one", called[name].place
                )
            expected, found = self._design.kinds[name], kinds[name]
            as_number = name in self.wanted.numbers
            if as_number and found == TEXT and expected != DATE:
                raise ColumnError(
                    f"it holds text such as {shown(called[name].example)!r}, and the model takes numbers of it",
                    called[name].place,
                )
            if as_number and (found == DATE) != (expected == DATE) and found != EMPTY:
                raise ColumnError(
                    f"it holds {_plural(found)}, and the model takes {_plural(expected)}", called[name].place
                )

    def _up_to_an_error(self, record: Record, block: RecordBlock, start: int, stop: int) -> Iterator[Predicted]:
        """Rows of a block; of those with an error in them the rows before it, by halving, and then the error."""
        try:
            found = self._of(record, block, start, stop)
        except CellError:
            if stop - start == 1:
                raise
            middle = (start + stop) // 2
            yield from self._up_to_an_error(record, block, start, middle)
            yield from self._up_to_an_error(record, block, middle, stop)
            return
        yield found

    def _of(self, record: Record, block: RecordBlock, start: int, stop: int) -> Predicted:
        """The rows of a block from `start` up to `stop`."""
        piece = slice(*np.searchsorted(record.used, (start, stop)))
        record = taken(record, np.arange(len(record.used))[piece])
        categories = {name: self._known(name, record, block) for name in self.wanted.categories}
        products = evaluated(self._design.shape, record, block)
        places = list(self._rows.places(categories, len(record.used)))
        columns: dict[str, Array] = {}
        names = iter(self.names)
        there = np.ones(len(record.used), bool)
        for t in range(len(self.model.targets)):
            alone = self._intercepts(t, categories, len(record.used))
            made = list(self._columns(t, products, places, alone))
            if self._targets:
                needed = [record.numbers[name] for name in self._targets[t].columns()]
                known = np.asarray(np.isfinite(needed).all(axis=0))
                made.append(self._residual(t, record, block, products, places, known, alone))
                there &= known
            for values in made:
                whole = np.full(stop - start, np.nan)
                whole[record.used - start] = values
                columns[next(names)] = whole
        kept = {name: texts[start:stop] for name, texts in record.kept.items()}
        return Predicted(kept, columns, {} if start else record.dropped, int(np.count_nonzero(~there)))

    def _intercepts(self, t: int, categories: Mapping[str, Levels], rows: int) -> Array:
        """What Ax starts from in each row: the intercept that was absorbed, or 0."""
        absorbed = self.model.absorbed
        if absorbed is None:
            return np.zeros(rows)
        levels, codes = categories[absorbed.column]
        place = self._absorbed_places
        return np.asarray(absorbed.values[np.array([place.get(level, 0) for level in levels], np.intp)[codes], t])

    @cached_property
    def _absorbed_places(self) -> dict[Level, int]:
        """Level that was absorbed → its place."""
        assert self.model.absorbed is not None
        return {level: k for k, level in enumerate(self.model.design.levels[self.model.absorbed.column])}

    def _columns(self, t: int, products: Products, places: Sequence[Place], alone: Array) -> Iterator[Array]:
        """The columns of one target, but for its residual."""
        rows = len(products.of_columns[0][0])
        found = fitted(places, products.of_columns, self.model.x[:, t], (alone,))
        yield found
        if self.options.interval is not None:
            reach = self._reach(t, products, places, rows)
            yield found - reach
            yield found + reach

    def _residual(
        self,
        t: int,
        record: Record,
        block: RecordBlock,
        products: Products,
        places: Sequence[Place],
        known: NDArray[np.bool_],
        alone: Array,
    ) -> Array:
        """b − Ax of one target, nan where it is not `known`."""
        found = []
        for part in target_of(self._targets[t], taken(record, np.flatnonzero(known)), block):
            whole = np.full(len(known), np.nan)
            whole[known] = part
            found.append(whole)
        return -fitted(places, products.of_columns, self.model.x[:, t], (*negated(tuple(found)), alone))

    def _reach(self, t: int, products: Products, places: Sequence[Place], rows: int) -> Array:
        """Half the length of the interval of each row."""
        n = len(self.model.x)
        V, sigma = np.nan_to_num(self.model.covariances[t]), self.model.sigmas[t]
        variance, step = np.empty(rows), max(1, _PIECE // n)
        for start in range(0, rows, step):
            piece = slice(start, min(start + step, rows))
            A = dense(places, products.of_columns, n, piece)
            variance[piece] = np.vecdot(A @ V, A)
        return np.asarray(self._quantile * np.sqrt(sigma**2 + np.maximum(variance, 0.0)))

    @cached_property
    def _quantile(self) -> float:
        """t of the interval."""
        from lsq_cli.core.extras import load

        special = load("scipy.special", "fit", "--interval")
        return float(special.stdtrit(self.model.freedom, 0.5 + (self.options.interval or 0.0) / 2))

    def _known(self, name: str, record: Record, block: RecordBlock) -> Levels:
        """A category of some rows, in the model's own levels; `CellError` for one that it does not have."""
        known = self._by_text[name]
        found = record.categories[name]
        levels = [known.get(_said(level)) for level in found.levels]
        unknown = np.array([level is None for level in levels], bool)[found.codes]
        if unknown.any():
            row = int(unknown.argmax())
            level = found.levels[found.codes[row]]
            hint = near(level_text(level), map(level_text, self.model.design.levels[name]))
            raise CellError(
                f"{shown(level_text(level))!r} is no level of {shown(name)!r} in the model{hint}",
                block.where(int(record.used[row]), name),
            )
        return Levels(tuple("" if level is None else level for level in levels), found.codes)

    @cached_property
    def _by_text(self) -> dict[str, dict[str, Level]]:
        """Category → text of a level → the level."""
        levels = self.model.design.levels
        return {name: {_said(level): level for level in levels[name]} for name in self.wanted.categories}


def _said(level: Level) -> str:
    """A level as any format may write it: 4, 4.0 and "4" are one, and so are True and "true"."""
    text = level_text(level)
    return text.lower() if text.lower() in ("true", "false") else text


def _plural(kind: str) -> str:
    """What the cells of a kind are."""
    return {NUMBER: "numbers", TRUTH: "true and false", DATE: "dates", EMPTY: "nothing"}.get(kind, kind)
