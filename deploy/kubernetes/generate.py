"""What deploy/kubernetes/overlays/production takes from elsewhere, so that no copy drifts: `generate.py write|check`.

Topics from the contracts, users and their rights from deploy/kafka/acls.toml, alerts from deploy/monitoring/alerts.yml,
and what scales each service: by CPU for APIs, by its consumer group's lag for workers, up to the partitions.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from slotstream_cli.acl_manifest import Manifest, Role, read_manifest
from slotstream_contracts.topics import ALL_TOPICS, Topic
from slotstream_servicekit.acls import Right
from slotstream_servicekit.topics import topic_configuration

DEPLOY = Path(__file__).parents[1]
FOLDER = DEPLOY / "kubernetes/overlays/production"
CLUSTER = {"strimzi.io/cluster": "kafka"}
COPIES = 3
BATCH = 500
"""As many records as one transaction takes: so much lag for each worker calls for another one."""
HEAD = "# Written by deploy/kubernetes/generate.py out of {source}. Change that, and run it again.\n"
Object = dict[str, Any]


def topics() -> Iterator[Object]:
    for topic in ALL_TOPICS:
        config = topic_configuration(topic, min_insync_replicas=COPIES - 1)
        spec = {"partitions": topic.partitions, "replicas": COPIES, "config": config}
        yield strimzi("KafkaTopic", topic.name, spec)


def users(manifest: Manifest) -> Iterator[Object]:
    for role in manifest.roles():
        acls = [acl(right) for right in role.rights()]
        spec = {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        }
        yield strimzi("KafkaUser", user_of(role), spec)


def acl(right: Right) -> Object:
    resource = {
        "type": right.resource,
        "name": right.name,
        "patternType": "prefix" if right.prefix else "literal",
    }
    operation = "".join(word.capitalize() for word in right.operation.split("_"))
    return {"resource": resource, "operations": [operation]}


def alerts() -> Iterator[Object]:
    rules = yaml.safe_load((DEPLOY / "monitoring/alerts.yml").read_text())
    yield {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "slotstream"},
        "spec": {"groups": rules["groups"]},
    }


def scaling(manifest: Manifest) -> Iterator[Object]:
    for service, role in manifest.services.items():
        name = service.replace("_", "-")
        for part in ("api", "worker"):
            yield disruption_budget(name, part)
        yield api_scaler(name)
        yield from worker_scaler(name, role)


def disruption_budget(name: str, part: str) -> Object:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/component": part}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"{name}-{part}"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }


def api_scaler(name: str) -> Object:
    """One process uses one core: another copy before it is used up."""
    cpu = {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "600m"}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{name}-api"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{name}-api"},
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": cpu}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    }


def worker_scaler(name: str, role: Role) -> Iterator[Object]:
    login = f"{name}-kafka-lag"
    yield {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": login},
        "spec": {
            "env": [{"parameter": "username", "name": "SLOTSTREAM_KAFKA_USERNAME", "containerName": "service"}],
            "secretTargetRef": [
                {"parameter": "password", "name": f"kafka-{user_of(role)}", "key": "password"},
                {"parameter": "ca", "name": "kafka-cluster-ca-cert", "key": "ca.crt"},
            ],
        },
    }
    trigger = {
        "bootstrapServers": "kafka-kafka-bootstrap:9093",
        "consumerGroup": role.group,
        "lagThreshold": str(BATCH),
        "sasl": "scram_sha512",
        "tls": "enable",
    }
    yield {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": f"{name}-worker"},
        "spec": {
            "scaleTargetRef": {"name": f"{name}-worker"},
            "minReplicaCount": 2,
            "maxReplicaCount": max(topic.partitions for topic in read_by(role)),
            "cooldownPeriod": 300,
            "triggers": [{"type": "kafka", "metadata": trigger, "authenticationRef": {"name": login}}],
        },
    }


def read_by(role: Role) -> list[Topic]:
    return [topic for topic in ALL_TOPICS if topic.name in role.reads]


def user_of(role: Role) -> str:
    return role.principal.removeprefix("User:")


def strimzi(kind: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "labels": CLUSTER}
    return {"apiVersion": "kafka.strimzi.io/v1beta2", "kind": kind, "metadata": metadata, "spec": spec}


def written() -> dict[Path, str]:
    """Each file and what belongs into it."""
    manifest = read_manifest(DEPLOY / "kafka/acls.toml")
    parts = {
        "topics.yaml": (topics(), "libs/contracts (slotstream_contracts.topics)"),
        "users.yaml": (users(manifest), "deploy/kafka/acls.toml"),
        "alerts.yaml": (alerts(), "deploy/monitoring/alerts.yml"),
        "scaling.yaml": (scaling(manifest), "deploy/kafka/acls.toml and the topics' partitions"),
    }
    return {
        FOLDER / name: HEAD.format(source=source) + yaml.dump_all(objects, Dumper=Plain, sort_keys=False, width=110)
        for name, (objects, source) in parts.items()
    }


class Plain(yaml.SafeDumper):
    """Without anchors: each object by itself."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def main() -> None:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    files = written()
    if command == "write":
        for path, text in files.items():
            path.write_text(text)
    elif command == "check":
        stale = [path.name for path, text in files.items() if not path.exists() or path.read_text() != text]
        if stale:
            sys.exit(f"Stale: {', '.join(stale)}. Run: .venv/bin/python deploy/kubernetes/generate.py write")
    else:
        sys.exit("usage: generate.py write|check")


if __name__ == "__main__":
    main()
