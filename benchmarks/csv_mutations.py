"""The fast CSV parser against ``numpy.loadtxt`` on damaged text, as often as one likes.

    python benchmarks/csv_mutations.py [--trials 100000] [--seed 1]

Every trial damages one place of a small table and reads it both ways; they must give the same doubles to the bit, or
the same error. The suite runs some thousand of the same trials; ``tests/support/csv_mutations.py`` makes them.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from csv_mutations import trial


def main() -> None:
    """Print how the trials ended, and every one in which the readers differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = Random(options.seed)
    ends: Counter[str] = Counter()
    for _ in range(options.trials):
        try:
            ends[trial(random)] += 1
        except AssertionError as difference:
            ends["DIFFERENT"] += 1
            print(difference)
    print(", ".join(f"{count} {end}" for end, count in ends.most_common()))
    sys.exit(1 if ends["DIFFERENT"] else 0)


if __name__ == "__main__":
    main()
