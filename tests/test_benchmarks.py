"""The table of speeds can be made; what it says is not tested, for it depends on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SPEED = Path(__file__).parent.parent / "benchmarks" / "speed.py"


def run_speed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SPEED), *arguments], capture_output=True, text=True, check=False)


def test_each_row_of_the_table_of_speeds_is_a_line_with_its_aim(tmp_path):
    done = run_speed("start", "sums", "rowwise", "--scale", "0.001", "--repeat", "1", "--folder", str(tmp_path))

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition("  ")[0] for line in lines[1:]] == [
        "solve 10 × 3",
        "ExactSums 200 × 100",
        "DoubleSums 200 × 100",
        "ExactSums 400 × 10",
        "DoubleSums 400 × 10",
        "row-wise step 1000 × 50, jobs 1",
        "row-wise step 1000 × 50, jobs 2",
    ]
    assert all(line.endswith("reached") for line in lines[1:])
    assert not list(tmp_path.iterdir())


def test_a_row_that_does_not_exist_is_refused_with_those_that_do():
    done = run_speed("cvs")

    assert done.returncode == 2
    assert "no row cvs; there are start csv2000 csv200" in done.stderr
