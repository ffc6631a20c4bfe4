"""A cluster changed from outside."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]


def make_kube(command: str) -> str:
    """What `make kube ARGS=command` prints, with the images that are there."""
    ended = subprocess.run(
        [sys.executable, "-m", "slotstream_local.kube.main", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(ended.stdout)
    return ended.stdout
