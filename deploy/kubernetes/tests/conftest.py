"""What the tests on a real cluster begin from; nothing of it is made for tests that need none."""

import os
import re
from collections.abc import Iterator, Mapping

import httpx2
import pytest
from cluster.changing import make_kube

from slotstream_local.kube.kubectl import Kubectl


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    kubectl = Kubectl()
    kubectl.require_cluster()
    return kubectl


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
