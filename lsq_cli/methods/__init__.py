"""How to get from a quadratic form to its minimum: generators of iterates that know no file and no screen."""

# The names of the step rules stand here, and not with the rules, so that `--help` can list them without numpy.
RULES = ("constant", "exact", "bb", "nesterov", "cg")
RULES_WITH_RATE = ("constant", "nesterov")
