"""`make kube-test`: the cluster changes while a front desk works on it, and no promise is broken.

Updates, scaling and new passwords are to be noticed by nobody: no request fails. Where pods are killed a request may
fail; sent again with its key it is answered, and nothing is there twice.
"""

import base64
import json
import os
import random
import secrets
import time
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import pytest
from cluster.load import Load
from cluster.looking import (
    APIS,
    NAMES,
    WORKERS,
    again_as,
    deployments_are_ready,
    environment,
    restarts_by_pod,
    sql,
    until,
)

from slotstream_contracts.topics import APPOINTMENT_STATES, APPOINTMENTS
from slotstream_local.kube.kubectl import Kubectl, KubectlError

KILLING_SECONDS = float(os.environ.get("SLOTSTREAM_KILLING_SECONDS", "180"))
pytestmark = pytest.mark.timeout(1800)


def rolled(kubectl: Kubectl, *deployments: str) -> None:
    """All of their pods replaced, one by one."""
    for deployment in deployments:
        kubectl.here("rollout", "restart", f"deployment/{deployment}")
    for deployment in deployments:
        kubectl.here("rollout", "status", f"deployment/{deployment}", "--timeout=110s")


def scaled(kubectl: Kubectl, name: str, replicas: int) -> None:
    kubectl.here("scale", f"deployment/{name}", "--replicas", str(replicas))
    until(lambda: deployments_are_ready(kubectl), seconds=180, what=f"{name} does not get to {replicas} pods")


def test_every_service_is_replaced_and_no_request_fails(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    with Load(variables) as load:
        for name in NAMES:
            rolled(kubectl, f"{name}-api", f"{name}-worker")
            load.books_on()
    assert load.failures == []
    load.holds(kubectl)


@pytest.mark.parametrize("worker", ["booking-worker", "availability-worker", "notifications-worker"])
def test_a_worker_is_scaled_up_and_down_to_nothing_and_catches_up(
    kubectl: Kubectl, variables: Mapping[str, str], worker: str
) -> None:
    before = restarts_by_pod(kubectl)
    with Load(variables) as load:
        for replicas in (3, 1, 0):
            scaled(kubectl, worker, replicas)
            load.books_on()
        scaled(kubectl, worker, 1)
        load.books_on()
    assert load.failures == []
    load.holds(kubectl)
    others = {pod: count for pod, count in before.items() if not pod.startswith(worker)}
    assert restarts_by_pod(kubectl).items() >= others.items()


def test_bookings_api_grows_under_load_by_itself_and_shrinks_again(
    kubectl: Kubectl, variables: Mapping[str, str]
) -> None:
    """The autoscaler of `production`, with a wait that a test can bear."""
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "60m"}},
    }
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "tried", "namespace": "slotstream"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "booking-api"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
        },
    }

    def pods() -> int:
        found = kubectl.find("deployment", "booking-api")
        assert found is not None
        return int(found["status"].get("readyReplicas", 0))

    kubectl.run("create", "--filename", "-", given=json.dumps(scaler))
    try:
        with Load(variables) as load:
            until(lambda: pods() > 1, seconds=300, what="booking's API does not grow")
            load.books_on()
        until(lambda: pods() == 1, seconds=400, what="booking's API does not shrink")
    finally:
        kubectl.here("delete", "hpa", "tried")
        scaled(kubectl, "booking-api", 1)
    assert load.failures == []
    load.holds(kubectl)


def test_pods_are_killed_at_random_and_no_promise_breaks(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """Kafka's and PostgreSQL's too. SLOTSTREAM_KILLING_SECONDS says for how long (180)."""
    chance = random.Random(int(os.environ.get("SLOTSTREAM_SEED", "7")))
    victims = [*APIS, *WORKERS, "kafka", "postgres"]
    with Load(variables) as load:
        ends = time.monotonic() + KILLING_SECONDS
        while time.monotonic() < ends:
            victim = chance.choice(victims)
            pods = [pod["metadata"]["name"] for pod in kubectl.listed("pods")]
            for pod in [pod for pod in pods if pod.startswith(victim)][:1]:
                at_once = ("--grace-period=0", "--force") if chance.random() < 0.5 else ()
                kubectl.here("delete", "pod", pod, "--wait=false", *at_once)
                print("killed", pod, *at_once)
            time.sleep(chance.uniform(3, 12))
        until(lambda: deployments_are_ready(kubectl), seconds=300, what="not all came back")
        load.books_on()
    print(f"{len(load.wishes)} bookings, {len(load.failures)} requests sent again")
    load.holds(kubectl)


def test_a_frozen_worker_is_replaced(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """Its process stands still and holds its partitions: the kubelet starts it anew, the others go on."""
    with Load(variables) as load:
        before = restarts_by_pod(kubectl)
        [pod] = [pod for pod in before if pod.startswith("notifications-worker")]
        freeze = """
import os, signal
for entry in os.listdir("/proc"):
    if entry.isdigit() and int(entry) not in (1, os.getpid()):
        os.kill(int(entry), signal.SIGSTOP)
"""
        kubectl.here("exec", pod, "--", "python", "-c", freeze)
        until(lambda: restarts_by_pod(kubectl)[pod] > before[pod], seconds=240, what="it is not started anew")
        until(lambda: deployments_are_ready(kubectl), seconds=120, what="it does not come back")
        load.books_on()
    assert load.failures == []
    load.holds(kubectl)


def test_a_drained_node_keeps_one_of_two(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """A disruption budget of `production`: one pod of booking's API goes, the other stays until there is a new one."""
    node = json.loads(kubectl.run("get", "nodes", "--output", "json"))["items"][0]["metadata"]["name"]
    labels = {"app.kubernetes.io/name": "booking", "app.kubernetes.io/component": "api"}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "tried", "namespace": "slotstream"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }
    scaled(kubectl, "booking-api", 2)
    before = {pod["metadata"]["name"] for pod in kubectl.listed("pods", selector=selector)}
    kubectl.run("create", "--filename", "-", given=json.dumps(budget))
    try:
        with Load(variables) as load:
            with pytest.raises(KubectlError, match=r"disruption budget|timeout"):
                # The only node there is, so that no new pod can come: the second one has to stay.
                kubectl.run("drain", node, "--pod-selector", selector, "--delete-emptydir-data", "--timeout=60s")
            kept = [pod for pod in kubectl.listed("pods", selector=selector) if pod["status"]["phase"] == "Running"]
            assert len({pod["metadata"]["name"] for pod in kept} & before) == 1
            load.books_on()
            kubectl.run("uncordon", node)
            until(lambda: deployments_are_ready(kubectl), seconds=120, what="no second pod comes back")
            load.books_on()
    finally:
        kubectl.run("uncordon", node)
        kubectl.here("delete", "pdb", "tried")
        scaled(kubectl, "booking-api", 1)
    assert load.failures == []
    load.holds(kubectl)


def test_a_database_password_is_changed_and_no_request_fails(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """As docs/secrets.md has it where not even a 503 is wanted: over a second role."""
    variable = "BOOKING_DATABASE_URL"
    former = environment(kubectl, "booking")[variable]
    first, second = secrets.token_hex(16), secrets.token_hex(16)
    sql(kubectl, "booking", f"CREATE ROLE booking_app_2 LOGIN PASSWORD '{second}' IN ROLE booking_app")
    with Load(variables) as load:
        try:
            moved(kubectl, variable, with_login(former, "booking_app_2", second))
            load.books_on()
            sql(kubectl, "booking", f"ALTER ROLE booking_app PASSWORD '{first}'")
            moved(kubectl, variable, with_login(former, "booking_app", first))
            load.books_on()
        finally:
            password = urlsplit(former).password
            sql(kubectl, "booking", f"ALTER ROLE booking_app PASSWORD '{password}'")
            moved(kubectl, variable, former)
            sql(kubectl, "booking", "DROP ROLE booking_app_2")
    assert load.failures == []
    load.holds(kubectl)


def test_a_key_that_seals_is_replaced_and_the_old_one_taken_away(
    kubectl: Kubectl, variables: Mapping[str, str]
) -> None:
    """As docs/secrets.md has it: the new one first, all is sealed anew, then the old one goes."""
    variable = "CALENDAR_SYNC_SECRET_KEYS"
    former = json.loads(environment(kubectl, "calendar-sync")[variable])
    new = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    with Load(variables) as load:
        for keys in ([new, *former], [new]):
            moved(kubectl, variable, json.dumps(keys), name="calendar-sync")
            until(lambda: resealed(kubectl) == 0, seconds=60, what="nothing says that all is sealed anew")
        load.books_on()
    assert load.failures == []
    load.holds(kubectl)


def resealed(kubectl: Kubectl) -> int | None:
    """How many secrets no key opens, as the worker says it; None where it has not said so yet."""
    lines = kubectl.here("logs", "deployment/calendar-sync-worker").splitlines()
    told = [json.loads(line) for line in lines if '"secrets_resealed"' in line]
    return told[-1]["unreadable"] if told else None


def with_login(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))


def moved(kubectl: Kubectl, variable: str, value: str, *, name: str = "booking") -> None:
    """A service's processes, one by one, to another secret."""
    patch = {"data": {variable: base64.b64encode(value.encode()).decode()}}
    kubectl.here("patch", "secret", name, "--patch", json.dumps(patch))
    rolled(kubectl, f"{name}-api", f"{name}-worker")


def test_partitions_are_added_and_nothing_is_lost_or_done_twice(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """As docs/kubernetes.md has it. Keys move to other partitions; what comes in another order is told by its version."""
    topics = [f"{topic.name}=24" for topic in (APPOINTMENTS, APPOINTMENT_STATES)]
    job = kubectl.find("job", "topics")
    assert job is not None
    more = again_as(job, "more")
    arguments = ["slotstream", "topics", "apply", *(part for topic in topics for part in ("--partitions", topic))]
    more["spec"]["template"]["spec"]["containers"][0]["args"] = arguments
    with Load(variables) as load:
        load.books_on()
        kubectl.run("create", "--filename", "-", given=json.dumps(more))
        try:
            kubectl.here("wait", "--for=condition=complete", "job/topics-more", "--timeout=100s")
        finally:
            kubectl.here("delete", "job", "topics-more")
        load.books_on(bookings=80)
    assert load.failures == []
    load.holds(kubectl)
