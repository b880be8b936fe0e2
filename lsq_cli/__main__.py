"""``python -m lsq_cli``: the same as ``lsq``."""

from lsq_cli.commands import main

main()
