"""The kinds of covariance that a regression can have, by name: ``iid``, ``HC0`` to ``HC3``, ``cluster:NAME[,NAME]``.

Known apart from how they are computed (`robust.py`), for the command line asks before anything is read.
"""

from __future__ import annotations

from lsq_cli.core.errors import UsageError, shown

KINDS = ("iid", "HC0", "HC1", "HC2", "HC3")


def check_vcov(kind: str) -> None:
    """`UsageError` for what is no kind of covariance."""
    if kind in KINDS:
        return
    if kind.startswith("cluster:"):
        if not 1 <= len(clusters_of(kind)) <= 2:
            raise UsageError("--vcov cluster:NAME takes one column, or two with a comma between them")
        return
    hint = next((known for known in KINDS if known.lower() == kind.lower()), None)
    meant = f"; did you mean {hint}?" if hint else ""
    raise UsageError(f"--vcov '{shown(kind)}' is none of {', '.join(KINDS)}, cluster:NAME and cluster:NAME,NAME{meant}")


def clusters_of(kind: str) -> tuple[str, ...]:
    """The columns whose values are the clusters."""
    if not kind.startswith("cluster:"):
        return ()
    return tuple(dict.fromkeys(name.strip() for name in kind.removeprefix("cluster:").split(",") if name.strip()))
