"""docs/capacity.md holds what bench/capacity.py makes of docs/benchmarks.md."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_tells_the_sizes_that_follow_from_the_benchmarks() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "bench.capacity", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
