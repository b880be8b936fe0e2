"""How to get from a quadratic form to its minimum: generators of iterates that know no file and no screen."""
