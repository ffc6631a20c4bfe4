"""`make kube-test`: deploy/kubernetes on a real cluster. It begins from nothing, so the namespace's data goes.

Not collected by `make test`, which has no cluster.
"""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from cluster.looking import (
    ADDRESS,
    APIS,
    NAMES,
    WORKERS,
    again_as,
    asked,
    deployments_are_ready,
    health,
    restarts_by_pod,
    until,
)

from slotstream_local.kube.kubectl import Kubectl, KubectlError
from slotstream_local.layout import SERVICES

ROOT = Path(__file__).parents[3]
READY_SECONDS = 120


def test_from_nothing_to_all_ready(shown: str) -> None:
    seconds = re.search(r"Ready (\d+) s after the images", shown)
    assert seconds is not None
    assert int(seconds[1]) <= READY_SECONDS


def test_the_first_booking_of_the_readme_and_its_mail(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    readme = (ROOT / "README.md").read_text()
    script = readme.partition("and then:\n\n```sh\n")[2].partition("```")[0]
    assert "$BOOKING/v1/appointments" in script
    script = script.replace("sleep 1\n", "sleep 10\n")  # the hours travel over Kafka, on whatever machine this is
    given = "\n".join(f"{name}={value}" for name, value in variables.items())

    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{given}\n{script}"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["status"] == "scheduled"

    def mail() -> bool:
        return "grace@example.com" in kubectl.here(
            *("exec", "deployment/smtp", "--", "slotstream-local", "--state", "/", "mail")
        )

    until(mail, seconds=30, what="no mail to grace@example.com")


def test_the_sign_in_is_a_page(shown: str) -> None:
    link = re.search(rf"{ADDRESS}/invitation/\S+", shown)
    assert link is not None
    answer = httpx2.get(link[0], timeout=10)
    assert (answer.status_code, "<form" in answer.text) == (200, True)


TARGETS = {
    **{name: [name, 8000] for name in APIS},
    "postgres": ["postgres", 5432],
    "kafka": ["kafka", 9092],
    "smtp": ["smtp", 1025],
    "the cluster's API": ["kubernetes.default.svc", 443],
    "the cloud's metadata": ["169.254.169.254", 80],
}


def may_reach(pod: str) -> set[str]:
    """As docs/architecture.md draws it."""
    found = {"postgres"}
    if pod in WORKERS:
        found.add("kafka")
    if pod in {"notifications-worker", "notifications-api", "dashboard-worker"}:
        found.add("smtp")
    if pod in APIS:
        found.add("dashboard-api")
    if pod == "dashboard-api":
        found |= set(APIS)
    if pod == "calendar-sync-api":
        found.add(pod)  # its feeds are open to all, and so to itself
    return found


@pytest.mark.parametrize("pod", [*APIS, *WORKERS])
def test_a_pod_reaches_what_it_needs_and_nothing_else(kubectl: Kubectl, shown: str, pod: str) -> None:
    # What is open is tried more than once: a busy node may answer late. What is closed stays so each time.
    code = f"""
import json, socket
from concurrent.futures import ThreadPoolExecutor
def opens(address):
    for _ in range(3):
        try:
            socket.create_connection(address, timeout=4).close()
            return True
        except OSError:
            pass
    return False
targets = {TARGETS!r}
with ThreadPoolExecutor(20) as pool:
    found = list(pool.map(opens, [tuple(address) for address in targets.values()]))
print(json.dumps([name for name, there in zip(targets, found) if there]))
"""
    assert set(asked(kubectl, pod, code)) == may_reach(pod)


@pytest.mark.parametrize("name", NAMES)
def test_a_service_does_not_get_into_anothers_database(kubectl: Kubectl, shown: str, name: str) -> None:
    code = f"""
import asyncio, asyncpg, json, os
from urllib.parse import urlsplit
url = os.environ["{name.upper().replace("-", "_")}_DATABASE_URL"].replace("+asyncpg", "")
async def enters(database):
    try:
        connection = await asyncpg.connect(urlsplit(url)._replace(path="/" + database).geturl(), timeout=5)
    except asyncpg.InsufficientPrivilegeError:
        return False
    await connection.close()
    return True
async def main():
    print(json.dumps([each for each in {list(SERVICES)!r} if await enters(each)]))
asyncio.run(main())
"""
    assert asked(kubectl, f"{name}-worker", code) == [name.replace("-", "_")]


def test_a_pod_holds_no_token_and_writes_nowhere(kubectl: Kubectl, shown: str) -> None:
    code = """
import json, os
def writes(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
print(json.dumps([os.path.exists("/var/run/secrets/kubernetes.io"), writes("/app/x"), writes("/tmp/x"), os.getuid()]))
"""
    for name in NAMES:
        assert asked(kubectl, f"{name}-api", code) == [False, False, True, 10001]


def test_jobs_run_again_and_by_two_at_once(kubectl: Kubectl, shown: str) -> None:
    jobs = kubectl.listed("jobs", selector="app.kubernetes.io/part-of=slotstream")
    again = [again_as(job, suffix) for job in jobs for suffix in ("again", "beside")]
    assert len(again) == 2 * (len(NAMES) + 2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda job: kubectl.run("create", "--filename", "-", given=json.dumps(job)), again))

    def done() -> bool:
        statuses = [kubectl.find("job", job["metadata"]["name"]) or {} for job in again]
        assert not any(status.get("status", {}).get("failed") for status in statuses), statuses
        return all(status.get("status", {}).get("succeeded") for status in statuses)

    try:
        until(done, seconds=240, what="the jobs do not end")
    finally:
        for job in again:
            kubectl.here("delete", "job", job["metadata"]["name"], "--ignore-not-found")


def test_without_kafka_bookings_go_on_and_workers_say_what_they_wait_for(
    kubectl: Kubectl, booking: httpx2.Client
) -> None:
    restarts = restarts_by_pod(kubectl)
    kubectl.here("scale", "statefulset/kafka", "--replicas", "0")
    try:
        kubectl.here("wait", "--for=delete", "pod/kafka-0", "--timeout=90s")
        until(
            lambda: health(kubectl, "booking-worker", "/readyz")[0] == 503, seconds=60, what="booking-worker is ready"
        )
        report = health(kubectl, "booking-worker", "/readyz")[1]
        failing = {name: check["detail"] for name, check in report["checks"].items() if not check["ok"]}
        assert failing
        assert all(name.startswith("consumer") for name in failing), failing
        for name in [*APIS, *WORKERS]:
            assert health(kubectl, name, "/livez")[0] == 200
        for name in APIS:
            assert health(kubectl, name, "/readyz")[0] == 200
        answer = booking.get("/v1/appointments")
        assert answer.status_code == 200, answer.text
    finally:
        kubectl.here("scale", "statefulset/kafka", "--replicas", "1")
    until(lambda: deployments_are_ready(kubectl), seconds=180, what="not ready again")
    assert restarts_by_pod(kubectl) == restarts


def test_one_service_is_scaled_and_no_other_one_moves(kubectl: Kubectl, shown: str, booking: httpx2.Client) -> None:
    before = restarts_by_pod(kubectl)
    kubectl.here("scale", "deployment/booking-api", "--replicas", "2")
    until(lambda: deployments_are_ready(kubectl), seconds=90, what="no second copy")
    assert restarts_by_pod(kubectl).items() >= before.items()
    kubectl.here("scale", "deployment/booking-api", "--replicas", "1")
    failures = 0
    for _ in range(60):
        failures += booking.get("/v1/businesses").status_code != 200
        time.sleep(0.2)
    assert failures == 0
    until(lambda: deployments_are_ready(kubectl), seconds=60, what="the second copy stays")


@pytest.fixture(scope="session")
def production(kubectl: Kubectl) -> Iterator[str]:
    """In a namespace of its own: what runs in the other one holds Jobs, which nothing can change."""
    if not kubectl.run("get", "crd", "kafkatopics.kafka.strimzi.io", "--ignore-not-found"):
        pytest.skip("the cluster has no CRDs of Gateway API, KEDA, Prometheus operator and Strimzi")
    rendered = kubectl.run("kustomize", str(ROOT / "deploy/kubernetes/overlays/production"))
    kubectl.run("create", "namespace", "slotstream-tried")
    yield rendered.replace("namespace: slotstream\n", "namespace: slotstream-tried\n")
    kubectl.run("delete", "namespace", "slotstream-tried")


def tried(kubectl: Kubectl, text: str) -> None:
    strictly = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    kubectl.run("apply", *strictly, "--filename", "-", given=text)


def test_production_is_accepted_as_it_stands(kubectl: Kubectl, production: str) -> None:
    tried(kubectl, production)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("maxReplicaCount:", "maxReplicaCounts:"),
        ("patternType: literal", "patterntype: literal"),
        ("hostnames:", "hostname:"),
        ("jobLabel:", "joblabel:"),
        ("readinessProbe:", "readynessProbe:"),
        ("partitions: 12", "partition: 12"),
    ],
)
def test_a_misspelt_field_is_refused(kubectl: Kubectl, production: str, right: str, wrong: str) -> None:
    assert right in production
    with pytest.raises(KubectlError, match=wrong.partition(":")[0]):
        tried(kubectl, production.replace(right, wrong, 1))
