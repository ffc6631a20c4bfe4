"""A cluster looked at from outside, by kubectl."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from slotstream_local.kube.kubectl import Kubectl
from slotstream_local.kube.waiting import is_ready
from slotstream_local.layout import SERVICES

NAMES: Final = [service.replace("_", "-") for service in SERVICES]
APIS: Final = [f"{name}-api" for name in NAMES]
WORKERS: Final = [f"{name}-worker" for name in NAMES]
ADDRESS: Final = "http://localhost:30100"


def until(holds: Callable[[], Any], *, seconds: float, what: str) -> None:
    """Returns when it holds; fails with `what` where that takes longer."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def deployments_are_ready(kubectl: Kubectl) -> bool:
    return all(is_ready(part) for part in kubectl.listed("deployments,statefulsets"))


def asked(kubectl: Kubectl, deployment: str, code: str) -> Any:
    """What Python in one of the deployment's pods prints, as JSON."""
    return json.loads(kubectl.here("exec", f"deployment/{deployment}", "--", "python", "-c", code))


def health(kubectl: Kubectl, deployment: str, path: str) -> tuple[int, Any]:
    code = (
        "import http.client, json; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=10); "
        f"c.request('GET', '{path}'); a = c.getresponse(); print(json.dumps([a.status, json.loads(a.read())]))"
    )
    status, report = asked(kubectl, deployment, code)
    return status, report


def restarts_by_pod(kubectl: Kubectl) -> dict[str, int]:
    return {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
        for pod in kubectl.listed("pods", selector="app.kubernetes.io/component in (api, worker)")
    }


def last_end(kubectl: Kubectl, pod: str) -> tuple[str, int]:
    """How the process before the present one ended: Kubernetes' reason and the exit code."""
    found = kubectl.find("pod", pod)
    assert found is not None
    ended = found["status"]["containerStatuses"][0]["lastState"]["terminated"]
    return ended["reason"], ended["exitCode"]


def sql(kubectl: Kubectl, database: str, statement: str) -> str:
    """What the administrator of the cluster's PostgreSQL is answered, without headings."""
    psql = 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -U postgres --no-align --tuples-only --command "$1" "$2"'
    return kubectl.here("exec", "postgres-0", "--", "sh", "-c", psql, "psql", statement, database).strip()


def mails(kubectl: Kubectl, business_id: str) -> list[tuple[str, str]]:
    """Each caught mail to clients whose address names this business: the address, and the Message-ID."""
    code = f"""
import json, pathlib
from email.parser import BytesHeaderParser
from email.utils import parseaddr
def facts(path):  # one mail in memory at a time
    mail = BytesHeaderParser().parsebytes(path.read_bytes())
    return parseaddr(mail["To"])[1], mail["Message-ID"]
print(json.dumps([facts(path) for path in pathlib.Path("/mail").glob("*{business_id}*.eml")]))
"""
    return [(to, message_id) for to, message_id in asked(kubectl, "smtp", code)]


def environment(kubectl: Kubectl, name: str) -> Mapping[str, str]:
    """The variables of a service's Secret."""
    secret = kubectl.find("secret", name)
    assert secret is not None
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def again_as(job: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """A Job like this one, that may run beside it."""
    labels = {key: value for key, value in job["spec"]["template"]["metadata"]["labels"].items() if "/" in key}
    template = {
        "metadata": {"labels": {key: value for key, value in labels.items() if key.startswith("app.")}},
        "spec": job["spec"]["template"]["spec"],
    }
    metadata = {"name": f"{job['metadata']['name']}-{suffix}", "namespace": job["metadata"]["namespace"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"backoffLimit": 0, "template": template},
    }
