"""kubectl as a process: what it is asked, what it answers, and one sentence where it does not."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from slotstream_servicekit.infrastructure.processes import InfrastructureError

NAMESPACE: Final = "slotstream"
_SECONDS: Final = 120


class KubectlError(InfrastructureError):
    """kubectl ended with a complaint."""


class Kubectl:
    """The kubectl of this machine, else the one beside this Python."""

    def __init__(self) -> None:
        beside = Path(sys.executable).parent / "kubectl"
        found = shutil.which("kubectl") or (str(beside) if beside.exists() else None)
        if found is None:
            raise InfrastructureError("There is no kubectl here. Install it: https://kubernetes.io/docs/tasks/tools")
        self._program = found

    def run(self, *arguments: str, given: str | None = None, seconds: float = _SECONDS) -> str:
        """What it prints. Raises KubectlError with the end of what it complains about."""
        try:
            ended = subprocess.run(
                [self._program, *arguments], input=given, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise KubectlError(f"kubectl {arguments[0]} did not end within {seconds:.0f} s.") from None
        if ended.returncode != 0:
            raise KubectlError("\n".join(ended.stderr.strip().splitlines()[-15:]) or f"kubectl {arguments[0]} failed.")
        return ended.stdout

    def here(self, *arguments: str, given: str | None = None) -> str:
        """The same in Slotstream's namespace."""
        return self.run("--namespace", NAMESPACE, *arguments, given=given)

    def find(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """An object of Slotstream's namespace, or None."""
        answer = self.here("get", kind, name, "--ignore-not-found", "--output", "json")
        return json.loads(answer) if answer.strip() else None

    def listed(self, kinds: str, *, selector: str = "") -> Sequence[Mapping[str, Any]]:
        chosen = ("--selector", selector) if selector else ()
        items: Sequence[Mapping[str, Any]] = json.loads(self.here("get", kinds, *chosen, "--output", "json"))["items"]
        return items

    def apply(self, objects: Sequence[Mapping[str, Any]] | str) -> None:
        """Server-side, as one owner: what was applied before and is given no more goes."""
        text = (
            objects if isinstance(objects, str) else json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        )
        self.run("apply", "--server-side", "--force-conflicts", "--filename", "-", given=text)

    def require_cluster(self) -> str:
        """The name of the context. Raises InfrastructureError where no cluster answers."""
        try:
            context = self.run("config", "current-context").strip()
            self.run("get", "--raw", "/readyz", seconds=20)
        except KubectlError as error:
            raise InfrastructureError(
                f"No cluster answers: {str(error).splitlines()[-1]}. Name one by KUBECONFIG (docs/kubernetes.md)."
            ) from None
        return context
