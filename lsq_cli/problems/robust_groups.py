"""Covariances as those of `robust.py` for every group of the rows, in one more pass over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lsq_cli.core.errors import ProblemError
from lsq_cli.problems.by_group import fold_groups
from lsq_cli.problems.robust import covariance_of, kernel_of

if TYPE_CHECKING:
    from lsq_cli.engines.resources import Resources
    from lsq_cli.problems.covariances import Covariance
    from lsq_cli.problems.grouped import Key
    from lsq_cli.problems.second_pass import Fitted
    from lsq_cli.sources.records import Records, Wanted


def robust_by_group(
    records: Records,
    wanted: Wanted,
    by: tuple[str, ...],
    fits: Mapping[Key, Fitted],
    kind: str,
    clusters: tuple[str, ...],
    resources: Resources,
) -> dict[Key, tuple[Covariance | ProblemError, tuple[str, ...]]]:
    """The covariance of the x of each group, or why it has none, and what to beware of.

    Parameters
    ----------
    records, wanted, kind, clusters, resources
        As for `robust.robust_covariance`.
    by : tuple of str
        The columns that make the groups.
    fits : mapping
        Group → its regression.
    """
    for fit in fits.values():
        fit.prepare()
    kernels = {key: kernel_of(fit, kind, clusters) for key, fit in fits.items()}
    meats = fold_groups(records, wanted, kernels, by, resources)
    found: dict[Key, tuple[Covariance | ProblemError, tuple[str, ...]]] = {}
    for key, fit in fits.items():
        try:
            found[key] = covariance_of(meats[key], fit, kind, clusters)
        except ProblemError as error:
            found[key] = (error, ())
    return found
