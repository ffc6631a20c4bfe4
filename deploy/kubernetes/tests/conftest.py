"""What the tests on a real cluster begin from; nothing of it is made for tests that need none."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from slotstream_local.kube.kubectl import Kubectl

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    kubectl = Kubectl()
    kubectl.require_cluster()
    return kubectl


def make_kube(command: str) -> str:
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


@pytest.fixture(scope="session")
def shown(kubectl: Kubectl) -> str:
    """What `make kube` prints, from nothing applied; with SLOTSTREAM_KUBE_KEEP, on what is there."""
    if not os.environ.get("SLOTSTREAM_KUBE_KEEP"):
        make_kube("down")
    return make_kube("up")


@pytest.fixture(scope="session")
def variables(shown: str) -> Mapping[str, str]:
    return dict(re.findall(r"\b(BOOKING|AVAILABILITY|ORG|TOKEN)=(\S+)", shown))


@pytest.fixture(scope="session")
def booking(variables: Mapping[str, str]) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {variables['TOKEN']}"}
    with httpx2.Client(base_url=variables["BOOKING"], headers=headers, timeout=10) as client:
        yield client
