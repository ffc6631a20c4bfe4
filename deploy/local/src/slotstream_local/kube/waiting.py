"""Waiting until all that was applied is there, and telling meanwhile what becomes ready and what others wait for."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from slotstream_local.kube.kubectl import NAMESPACE, Kubectl, KubectlError
from slotstream_servicekit.infrastructure.processes import InfrastructureError

_KINDS: Final = "deployments,statefulsets,jobs"
_LOOK_EVERY: Final = 1.0
_TELL_EVERY: Final = 15.0


def wait_until_ready(kubectl: Kubectl, console: Console, *, seconds: float) -> None:
    """Raises InfrastructureError, naming what is not ready and why, where that takes longer."""
    began = told = time.monotonic()
    ready: set[str] = set()
    while True:
        parts = {_name(part): is_ready(part) for part in kubectl.listed(_KINDS)}
        now = time.monotonic()
        for name in sorted(name for name, there in parts.items() if there and name not in ready):
            console.print(f"  [green]✓[/green] {name} [dim]{now - began:.0f} s[/dim]")
        ready = {name for name, there in parts.items() if there}
        missing = sorted(parts.keys() - ready)
        if not missing:
            return
        if now - began > seconds:
            reasons = "\n".join(f"  {line}" for line in what_is_waited_for(kubectl))
            raise InfrastructureError(f"Not ready within {seconds:.0f} s: {', '.join(missing)}.\n{reasons}")
        if now - told > _TELL_EVERY:
            told = now
            for line in what_is_waited_for(kubectl):
                console.print(f"  [dim]… {escape(line)}[/dim]")
        time.sleep(_LOOK_EVERY)


def is_ready(part: Mapping[str, Any]) -> bool:
    """Whether a Job has succeeded, or all copies of the newest version run and are ready."""
    status, wanted = part.get("status", {}), part["spec"].get("replicas", 1)
    if part["kind"] == "Job":
        return bool(status.get("succeeded", 0) >= 1)
    return bool(
        status.get("observedGeneration") == part["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == wanted
        and status.get("readyReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


def what_is_waited_for(kubectl: Kubectl) -> list[str]:
    """A line per reason why pods are not ready: what Kubernetes says, else what they themselves say at /readyz."""
    waiting: dict[str, list[str]] = {}
    for pod in kubectl.listed("pods"):
        if pod["status"]["phase"] == "Succeeded" or _is_ready_pod(pod):
            continue
        name = pod["metadata"]["name"]
        said = list(_of_kubernetes(pod)) or list(_of_itself(kubectl, name))
        waiting.setdefault("; ".join(said) or "starts", []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in waiting.items()]


def _name(part: Mapping[str, Any]) -> str:
    return f"{part['kind'].lower()} {part['metadata']['name']}"


def _is_ready_pod(pod: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def _of_kubernetes(pod: Mapping[str, Any]) -> Iterator[str]:
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield condition.get("message", "not scheduled")
    for container in pod["status"].get("containerStatuses", ()):
        waiting = container["state"].get("waiting")
        if waiting and waiting["reason"] != "ContainerCreating":
            yield f"{waiting['reason']}: {waiting.get('message', '')}".strip(": ")
        ended = container["lastState"].get("terminated")
        if ended and container["state"].get("running") is None:
            yield f"ended with {ended['exitCode']}"


def _of_itself(kubectl: Kubectl, pod: str) -> Iterator[str]:
    try:
        kubectl.run("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8000/proxy/readyz", seconds=5)
    except KubectlError as error:
        start = str(error).find("{")
        if start >= 0:
            yield from _failing(str(error)[start:])


def _failing(report: str) -> Iterator[str]:
    try:
        checks = json.JSONDecoder().raw_decode(report)[0]["checks"]
    except (ValueError, KeyError):
        return
    yield from (f"waits for {name}: {check['detail']}" for name, check in checks.items() if not check["ok"])
