"""The cluster's Kafka with a second listener that demands a login, and a worker that logs in as in `production`.

Passwords come from a Secret by a file, and the broker ends every connection after a few seconds, so that whoever goes on
has logged in anew.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cluster.changing import all_ready, changed, existing, followed, kept
from cluster.looking import again_as, until
from slotstream_local.kube.kubectl import Kubectl

CONNECTION_SECONDS: Final = 15
_MECHANISM: Final = "SCRAM-SHA-512"
_FILE: Final = "/run/kafka-login/password"
_PORT: Final = 9094

_LISTENER: Final = {
    "KAFKA_LISTENERS": f"PLAINTEXT://:9092,GUARDED://:{_PORT},CONTROLLER://localhost:9093",
    "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://kafka:9092,GUARDED://kafka:{_PORT}",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
    "KAFKA_SASL_ENABLED_MECHANISMS": _MECHANISM,
    "KAFKA_LISTENER_NAME_GUARDED_SCRAM___SHA___512_SASL_JAAS_CONFIG": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "KAFKA_CONNECTIONS_MAX_REAUTH_MS": str(CONNECTION_SECONDS * 1000),
}


@contextmanager
def guarded(kubectl: Kubectl) -> Iterator[None]:
    """The listener, and leave for workers to reach it."""
    workers = {
        "matchLabels": {"app.kubernetes.io/part-of": "slotstream"},
        "matchExpressions": [{"key": "app.kubernetes.io/component", "operator": "In", "values": ["worker", "topics"]}],
    }
    kafka = {"matchLabels": {"app.kubernetes.io/name": "kafka"}}
    ports = [{"port": _PORT}]
    policies = (
        _policy("guarded-out", {"podSelector": workers, "egress": [{"to": [{"podSelector": kafka}], "ports": ports}]}),
        _policy(
            "guarded-in", {"podSelector": kafka, "ingress": [{"from": [{"podSelector": workers}], "ports": ports}]}
        ),
    )
    service = {"ports": [{"name": "guarded", "port": _PORT, "targetPort": _PORT}]}
    with existing(kubectl, *policies), changed(kubectl, "service", "kafka", service):
        with changed(kubectl, "statefulset", "kafka", {"template": _container("kafka", _LISTENER)}):
            all_ready(kubectl, what="Kafka does not come back with a second listener")
            yield
        all_ready(kubectl, what="Kafka does not come back as it was")


@contextmanager
def logged_in(kubectl: Kubectl, name: str, *, user: str) -> Iterator[None]:
    """A service's worker logs in as this user, with the password that `given` puts into its Secret."""
    environment = {
        "SLOTSTREAM_KAFKA_BOOTSTRAP_SERVERS": f"kafka:{_PORT}",
        "SLOTSTREAM_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SLOTSTREAM_KAFKA_SASL_MECHANISM": _MECHANISM,
        "SLOTSTREAM_KAFKA_USERNAME": user,
        "SLOTSTREAM_KAFKA_PASSWORD_FILE": _FILE,
    }
    template = _container("service", environment)
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "kafka-login", "mountPath": "/run/kafka-login"}]
    template["spec"]["volumes"] = [{"name": "kafka-login", "secret": {"secretName": f"kafka-{name}"}}]
    with changed(kubectl, "deployment", f"{name}-worker", {"template": template}):
        followed(kubectl, f"{name}-worker")
        yield
    followed(kubectl, f"{name}-worker")
    kubectl.here("delete", "secret", f"kafka-{name}")


def known(kubectl: Kubectl, user: str, password: str) -> None:
    """Kafka knows the user by this password, and by no other one."""
    code = """
import os
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
change = UserScramCredentialUpsertion(os.environ["LOGIN"], info, os.environ["PASSWORD"].encode())
admin = AdminClient({"bootstrap.servers": "kafka:9092"})
for answer in admin.alter_user_scram_credentials([change]).values():
    answer.result(timeout=30)
"""
    _asked_of_kafka(kubectl, code, user, password)


def lets_in(kubectl: Kubectl, user: str, password: str) -> bool:
    code = f"""
import os, sys
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
admin = AdminClient({{
    "bootstrap.servers": "kafka:{_PORT}", "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "{_MECHANISM}",
    "sasl.username": os.environ["LOGIN"], "sasl.password": os.environ["PASSWORD"],
}})
try:
    admin.list_topics(timeout=15)
except KafkaException:
    print("refused")
else:
    print("let in")
"""
    # What the client says of its attempts, while the network opens to the pod, stands before.
    return _asked_of_kafka(kubectl, code, user, password).splitlines()[-1] == "let in"


def given(kubectl: Kubectl, name: str, password: str) -> None:
    """Where Strimzi's user operator puts it."""
    kept(kubectl, f"kafka-{name}", {"password": password})


def has_read(kubectl: Kubectl, name: str, password: str) -> bool:
    """Whether the kubelet has brought it to the worker: about a minute after the Secret has it."""
    return kubectl.here("exec", f"deployment/{name}-worker", "--", "cat", _FILE).strip() == password


def _asked_of_kafka(kubectl: Kubectl, code: str, user: str, password: str) -> str:
    """What this Python prints in a pod that reaches Kafka and has its administrator's client."""
    job = kubectl.find("job", "topics")
    assert job is not None
    asking = again_as(job, f"asks-{secrets.token_hex(4)}")
    [container] = asking["spec"]["template"]["spec"]["containers"]
    container["args"] = ["python", "-c", code]
    container["env"] = [{"name": "LOGIN", "value": user}, {"name": "PASSWORD", "value": password}]
    name = asking["metadata"]["name"]

    def done() -> bool:
        status = (kubectl.find("job", name) or {}).get("status", {})
        assert not status.get("failed"), kubectl.here("logs", f"job/{name}")
        return bool(status.get("succeeded"))

    with existing(kubectl, asking):
        until(done, seconds=100, what=f"job {name} does not end")
        return kubectl.here("logs", f"job/{name}").strip()


def _container(name: str, environment: dict[str, str]) -> dict[str, Any]:
    """A pod template with variables more in one container."""
    variables = [{"name": key, "value": value} for key, value in environment.items()]
    return {"spec": {"containers": [{"name": name, "env": variables}]}}


def _policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind, part in (("Ingress", "ingress"), ("Egress", "egress")) if part in spec]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "slotstream"},
        "spec": {**spec, "policyTypes": kinds},
    }
