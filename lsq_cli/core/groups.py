"""What a run with ``--by`` returns: one result a group, and around them what all groups share.

Prefer `Solution` for one fit. Here whatever belongs to one fit stands in `groups` only, and is None at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lsq_cli.core.errors import shown
from lsq_cli.core.solution import GroupResult, Outcome, Solution

_OF_ONE = (
    *("columns", "rank", "names", "x", "objective", "residual_norm", "gradient_norm", "iterations", "dependencies"),
)
"""Fields of `Solution` that belong to one fit; others are None anyway."""


@dataclass(frozen=True, repr=False, eq=False)
class GroupedSolution(Solution):
    """The results of all groups, in the order in which these appear; `groups` has what belongs to one fit.

    Attributes
    ----------
    outcome : Outcome
        The worst of all groups.
    by : tuple of str
        The columns that make the groups.
    """

    by: tuple[str, ...] = ()

    @classmethod
    def of(cls, groups: Sequence[GroupResult], by: tuple[str, ...], **shared: Any) -> GroupedSolution:
        """The results of some groups, and what they `share`: other fields of `Solution`."""
        outcomes = [one.solution.outcome for one in groups if one.solution is not None]
        worst = max(outcomes, key=tuple(Outcome).index, default=Outcome.CONVERGED)
        of_one: Any = dict.fromkeys(_OF_ONE)
        return cls(**of_one, outcome=worst, groups=tuple(groups), by=by, **shared)

    @property
    def all_groups(self) -> tuple[GroupResult, ...]:
        """`groups`, which are there."""
        return self.groups or ()

    @property
    def converged(self) -> bool:
        """Whether every group did what was asked of it."""
        return self.outcome is Outcome.CONVERGED and not any(one.error for one in self.all_groups)

    @property
    def coefficients(self) -> Any:
        """None: each group has its own."""
        return None

    def summary(self) -> str:
        """The summary of each group that has a result, as text."""
        return "\n".join(f"{one.name}\n\n{one.solution.summary()}" for one in self.all_groups if one.solution)

    def said(self, most: int = 5) -> Iterator[tuple[str, str]]:
        """What to say of single groups: ("warning" or "error", sentence), the first few of each."""
        for kind in ("warning", "error"):
            texts = [
                f"{shown(one.name)}: {text}"
                for one in self.all_groups
                for text in (one.warnings if kind == "warning" else (one.error,))
                if text
            ]
            yield from ((kind, text) for text in texts[:most])
            if len(texts) > most:
                yield kind, f"{len(texts) - most} more about other groups: -f json has them"

    def __getitem__(self, key: Any) -> GroupResult:
        """The group of some values: ``found["Adelie"]``, ``found["Adelie", 2007]``."""
        values = key if isinstance(key, tuple) else (key,)
        for one in self.all_groups:
            if tuple(one.group.values()) == values:
                return one
        raise KeyError(key)

    def _repr_html_(self) -> Any:
        """None: notebooks show the text."""
        return None

    def __repr__(self) -> str:
        """The groups in short."""
        return f"<GroupedSolution: {len(self.all_groups)} groups by {', '.join(self.by)}, {self.outcome}>"
