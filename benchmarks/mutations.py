"""Damaged files of every format through `lsq solve`, as many as one likes.

    python benchmarks/mutations.py [--inputs 200000] [--minutes 60] [--seed 1] [--jobs 2]

Prints how the runs ended, by exit code, and every one that did not end well: a trace, a warning of Python's, more than
one line of error, more than 15 seconds or 2 GB. ``tests/support/mutations.py`` says how the files are made and tried.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from time import monotonic

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from mutations import BATCH, run, seeds, trials


def main() -> None:
    """Try the files batch by batch, each batch in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no batch after them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    random, files = Random(options.seed), seeds()
    ends: Counter[str] = Counter()
    count, left, end = 0, options.inputs, monotonic() + 60 * options.minutes
    with ThreadPoolExecutor(options.jobs) as pool:
        while left > 0 and monotonic() < end:
            sizes = [min(BATCH, left - k * BATCH) for k in range(options.jobs) if left > k * BATCH]
            left -= sum(sizes)
            for told, faults in pool.map(run, [trials(random, size, files) for size in sizes]):
                ends += told
                count += len(faults)
                for trial, why in faults:
                    print(f"{trial.name} {' '.join(trial.options)}: {why}\n  {trial.data[:300]!r}", flush=True)
    tried = options.inputs - max(left, 0)
    print(f"{tried} inputs, by exit code: {dict(ends.most_common())}; {count} did not end well")
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
