"""What a verb does, without screen and command line: one module a verb, and what it needs."""
