"""A cluster changed from outside, by kubectl, and put back as it was."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.looking import deployments_are_ready, until
from slotstream_local.kube.kubectl import Kubectl

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


def rolled(kubectl: Kubectl, *deployments: str) -> None:
    """All of their pods replaced, one by one."""
    for deployment in deployments:
        kubectl.here("rollout", "restart", f"deployment/{deployment}")
    for deployment in deployments:
        followed(kubectl, deployment)


def followed(kubectl: Kubectl, deployment: str) -> None:
    """Returns when the newest version of a Deployment is all that runs of it."""
    kubectl.here("rollout", "status", f"deployment/{deployment}", "--timeout=110s")


def scaled(kubectl: Kubectl, name: str, replicas: int) -> None:
    kubectl.here("scale", f"deployment/{name}", "--replicas", str(replicas))
    all_ready(kubectl, what=f"{name} does not get to {replicas} pods")


def all_ready(kubectl: Kubectl, *, what: str, seconds: float = 180) -> None:
    until(lambda: deployments_are_ready(kubectl), seconds=seconds, what=what)


def kept(kubectl: Kubectl, name: str, values: Mapping[str, str]) -> None:
    """A Secret, made where there is none, has these values beside others."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    if kubectl.find("secret", name) is None:
        kubectl.here("create", "secret", "generic", name)
    kubectl.here("patch", "secret", name, "--patch", json.dumps({"data": data}))


@contextmanager
def changed(kubectl: Kubectl, kind: str, name: str, spec: Mapping[str, Any]) -> Iterator[None]:
    """An object with `spec` merged into its own, as `kubectl patch` does it, and afterwards with what it had."""
    before = kubectl.find(kind, name)
    assert before is not None
    kubectl.here("patch", kind, name, "--patch", json.dumps({"spec": spec}))
    try:
        yield
    finally:
        back = [{"op": "replace", "path": "/spec", "value": before["spec"]}]
        kubectl.here("patch", kind, name, "--type", "json", "--patch", json.dumps(back))


@contextmanager
def existing(kubectl: Kubectl, *objects: Mapping[str, Any]) -> Iterator[None]:
    """Objects that are there for as long as the block lasts."""
    kubectl.run("create", "--filename", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    try:
        yield
    finally:
        for each in objects:
            kubectl.here("delete", each["kind"], each["metadata"]["name"])
