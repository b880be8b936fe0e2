"""Dependent columns that doubles find and prove: those that hold exactly, with simple coefficients.

What `rank.decide` says of them follows from the sums alone, in whatever way they are found: the latest columns are the
dependent ones, each is made of the others in one way, and simple fractions that hold exactly are the answer. Where a
column depends but for rounding, or its coefficients are not simple, None is the answer, and `rank.decide` looks closer.

Loaded for rank-deficient problems only: it needs the module `fractions`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from lsq_cli.exact.bordered import BorderedForm
from lsq_cli.exact.dependencies import Relation, is_simple, shortened
from lsq_cli.exact.doubleinverse import DoubleInverse
from lsq_cli.exact.nullrows import exact_null_rows
from lsq_cli.exact.rank import Rank

if TYPE_CHECKING:
    from lsq_cli.exact.limbform import LimbForm
    from lsq_cli.exact.nullrows import NullRows

# A term of a relation below this of the largest, in columns of one length, may count as none.
_LEAST_TERM = 2.0**-20
# The tolerance may stand between what is left of columns in one order and in another by so much.
_MARGIN = 2.0**10


def exact_rank(form: LimbForm, tolerance: float) -> tuple[Rank, BorderedForm, DoubleInverse] | None:
    """The rank, and the system for the solution of least norm with its inverse; None where doubles leave a doubt.

    Parameters
    ----------
    form : LimbForm
        Without a ridge.
    tolerance : float
    """
    null = exact_null_rows(form, tolerance * form.n * _MARGIN, latest=True)
    if null is None:
        return None
    relations = _relations(form, null)
    if relations is None:
        return None
    bordered = BorderedForm.of_columns(form, null.V)
    inverse = DoubleInverse.of(bordered)
    if inverse is None:
        return None
    relations = shortened(None, relations, tolerance)
    dependent = tuple(relation.column for relation in relations)
    independent = tuple(sorted(set(range(form.n)) - set(dependent)))
    return Rank(form.n, independent, dependent, tuple(relations)), bordered, inverse


def _relations(form: LimbForm, null: NullRows) -> list[Relation] | None:
    """The dependencies in the user's units; None where one is not simple or has a term that may count as none."""
    size = [e + h for e, h in zip(form.e, form.half, strict=True)]
    found = []
    for column, d in zip(null.V, null.dependent, strict=True):
        own = column[d].mantissa
        terms = {k: Fraction(-v.mantissa, own) for k, v in enumerate(column) if v.mantissa and k != d}
        sizes = [abs(float(w)) * 2.0 ** max(-900, min(900, size[k] - size[d])) for k, w in terms.items()]
        if not all(map(is_simple, terms.values())) or min(sizes, default=1.0) < _LEAST_TERM * max(sizes, default=1.0):
            return None
        found.append(Relation(d, terms, simple=True, exact=True))
    return found
