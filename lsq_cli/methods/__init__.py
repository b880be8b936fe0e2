"""How to get from a quadratic form to its minimum: generators of iterates that know no file and no screen."""

from typing import NamedTuple


class RuleEntry(NamedTuple):
    """What the command line knows of a step rule; the rule itself is a module of this name in `steps/`."""

    name: str
    has_rate: bool = False
    """Whether it takes a learning rate."""


# Here, and not with the rules, so that `--help` lists them without numpy.
RULE_ENTRIES = (
    RuleEntry("constant", has_rate=True),
    RuleEntry("exact"),
    RuleEntry("bb"),
    RuleEntry("nesterov", has_rate=True),
    RuleEntry("cg"),
)
RULES = tuple(entry.name for entry in RULE_ENTRIES)
RULES_WITH_RATE = tuple(entry.name for entry in RULE_ENTRIES if entry.has_rate)
