"""`make kube-test`: the cluster changes while a front desk works on it, and no promise is broken.

Updates and scaling are to be noticed by nobody: no request fails. Where pods are killed a request may fail; sent again
with its key it is answered, and nothing is there twice.
"""

import json
import os
import random
import time
from collections.abc import Mapping

import pytest
from cluster.changing import rolled, scaled
from cluster.load import Load
from cluster.looking import (
    APIS,
    NAMES,
    WORKERS,
    again_as,
    deployments_are_ready,
    last_end,
    restarts_by_pod,
    until,
)

from slotstream_contracts.topics import APPOINTMENT_STATES, APPOINTMENTS
from slotstream_local.kube.kubectl import Kubectl, KubectlError

KILLING_SECONDS = float(os.environ.get("SLOTSTREAM_KILLING_SECONDS", "180"))
pytestmark = pytest.mark.timeout(1800)


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


def test_a_worker_that_runs_out_of_memory_comes_back_and_stays(kubectl: Kubectl, variables: Mapping[str, str]) -> None:
    """The kernel ends it in the middle of its work: it is started anew, once, and catches up.

    What takes the memory are small processes beside it. Each gets too little to be chosen by the kernel, which is told
    to choose the service.
    """
    exhaust = """
import os, signal
for entry in os.listdir("/proc"):
    if entry.isdigit() and int(entry) not in (1, os.getpid()):
        with open(f"/proc/{entry}/oom_score_adj", "w") as score:
            score.write("1000")
while True:
    if os.fork() == 0:
        held = b"x" * 2**24
        signal.pause()
"""
    before = restarts_by_pod(kubectl)
    [pod] = [pod for pod in before if pod.startswith("notifications-worker")]
    with Load(variables) as load:
        load.books_on()
        with pytest.raises(KubectlError):
            kubectl.here("exec", pod, "--", "python", "-c", exhaust)
        until(lambda: restarts_by_pod(kubectl)[pod] > before[pod], seconds=60, what="it is not started anew")
        until(lambda: deployments_are_ready(kubectl), seconds=120, what="it does not come back")
        load.books_on(bookings=80)
    assert last_end(kubectl, pod) == ("OOMKilled", 137)
    assert load.failures == []
    load.holds(kubectl)
    assert restarts_by_pod(kubectl) == {**before, pod: before[pod] + 1}


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
