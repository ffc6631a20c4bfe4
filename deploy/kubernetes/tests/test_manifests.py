"""deploy/kubernetes as kustomize renders it: what every pod must have, who may reach whom, and that every setting that
is given exists and every one that is needed is given. No cluster is needed; `make kube-test` has one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from notifications.adapters.accounts import MAIL_PORTS
from slotstream_cli.acl_manifest import read_manifest
from slotstream_cli.options import OperatorKafkaSettings
from slotstream_cli.services import installed
from slotstream_contracts.topics import ALL_TOPICS
from slotstream_local.kube.kubectl import Kubectl, KubectlError
from slotstream_local.layout import SERVICES
from slotstream_servicekit.acls import Right
from slotstream_servicekit.infrastructure.processes import InfrastructureError
from slotstream_servicekit.settings import SHARED_PREFIX, ServiceSettings
from slotstream_servicekit.topics import topic_configuration

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = ("local", "production")
NAMES = [service.replace("_", "-") for service in SERVICES]
PARTS = [f"{name}-{part}" for name in NAMES for part in ("api", "worker")]
FERNET_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
Object = Mapping[str, Any]


def renderer() -> Kubectl:
    """On Linux it is among the packages that tests are given; elsewhere it may be missing."""
    try:
        return Kubectl()
    except InfrastructureError:
        if sys.platform == "linux":
            raise
        pytest.skip("there is no kubectl, which renders the overlays")


@cache
def objects(overlay: str) -> tuple[Object, ...]:
    text = renderer().run("kustomize", str(FOLDER / "overlays" / overlay))
    return tuple(yaml.load_all(text, Loader=yaml.CSafeLoader))


@cache
def of_kind(overlay: str, *kinds: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects(overlay) if each["kind"] in kinds}


@cache
def workloads(overlay: str) -> dict[str, Object]:
    """Each pod's template by the name of what makes it."""
    return {
        name: each["spec"]["template"]
        for name, each in of_kind(overlay, "Deployment", "StatefulSet", "Job", "CronJob", "DaemonSet").items()
    }


WORKLOADS = [
    *((overlay, part) for overlay in OVERLAYS for part in PARTS),
    *((overlay, f"{name}-migrate") for overlay in OVERLAYS for name in NAMES),
    *(("local", name) for name in ("topics", "databases", "kafka", "postgres", "smtp")),
]
every_workload = pytest.mark.parametrize(("overlay", "name"), WORKLOADS)


def for_every_part(test: Any) -> Any:
    return pytest.mark.parametrize("overlay", OVERLAYS)(pytest.mark.parametrize("name", PARTS)(test))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_runs_that_is_not_looked_at_here(overlay: str) -> None:
    assert set(workloads(overlay)) == {name for where, name in WORKLOADS if where == overlay}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespace_admits_restricted_pods_alone(overlay: str) -> None:
    labels = of_kind(overlay, "Namespace")["slotstream"]["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace", "slotstream") for each in objects(overlay)} == {"slotstream"}


@every_workload
def test_every_pod_is_restricted_writes_nowhere_and_has_no_token(overlay: str, name: str) -> None:
    pod = workloads(overlay)[name]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for volume in pod["volumes"]:
        assert volume.keys() - {"name"} <= {"emptyDir", "configMap", "secret"}, volume
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}  # noqa: S108


@every_workload
def test_memory_and_processor_are_asked_for_and_memory_is_limited(overlay: str, name: str) -> None:
    for container in workloads(overlay)[name]["spec"]["containers"]:
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}


@for_every_part
def test_alive_is_whoever_answers_and_ready_whoever_is_useful(overlay: str, name: str) -> None:
    container = workloads(overlay)[name]["spec"]["containers"][0]

    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["startupProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert container["readinessProbe"]["timeoutSeconds"] > 3  # each check may take three seconds


@for_every_part
def test_a_pod_is_given_the_time_that_its_stop_may_take(overlay: str, name: str) -> None:
    settings = loaded(overlay, name)
    grace = settings.shutdown_grace_seconds + 5
    wanted = settings.shutdown_delay_seconds + (grace if name.endswith("-api") else 2 * grace)

    assert workloads(overlay)[name]["spec"]["terminationGracePeriodSeconds"] > wanted
    assert settings.shutdown_delay_seconds == (5 if name.endswith("-api") else 0)


# Settings


def environment(overlay: str, name: str) -> dict[str, str]:
    """What the first container is given, secrets by a value of their shape."""
    container = workloads(overlay)[name]["spec"]["containers"][0]
    maps = of_kind(overlay, "ConfigMap")
    given: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            given |= maps[source["configMapRef"]["name"]]["data"]
    for each in container.get("env", ()):
        given[each["name"]] = each["value"] if "value" in each else secret_of_shape(each["name"])
    return given


def secret_of_shape(name: str) -> str:
    if name.endswith(("_DATABASE_URL", "_DATABASE_DIRECT_URL")):
        return "postgresql+asyncpg://somebody:secret@postgres/somewhere"
    return json.dumps([FERNET_KEY]) if name.endswith("_KEYS") else "secret"


def settings_class(name: str) -> type[ServiceSettings]:
    service = name.rpartition("-")[0]
    found: type[ServiceSettings] = installed(service).settings
    return found


def unknown_settings(given: Mapping[str, str], settings: type[ServiceSettings]) -> list[str]:
    prefix = str(settings.model_config.get("env_prefix"))
    known = {start + field.upper() for field in settings.model_fields for start in (prefix, SHARED_PREFIX)}
    return sorted(given.keys() - known)


def loaded(overlay: str, name: str) -> ServiceSettings:
    with mock.patch.dict(os.environ, environment(overlay, name), clear=True):
        return settings_class(name)()  # type: ignore[call-arg]  # from the environment


@for_every_part
def test_every_setting_that_is_given_exists_and_every_one_that_is_needed_is_given(overlay: str, name: str) -> None:
    assert unknown_settings(environment(overlay, name), settings_class(name)) == []
    settings = loaded(overlay, name)
    assert (
        settings.public_url
        == environment(overlay, name)[f"{name.rpartition('-')[0].upper().replace('-', '_')}_PUBLIC_URL"]
    )
    for keys in ("secret_keys", "link_keys"):
        assert getattr(settings, keys, True), keys


def test_a_misspelt_setting_is_found() -> None:
    given = {**environment("local", "booking-api"), "BOOKING_RELAY_LANE": "4"}

    assert unknown_settings(given, settings_class("booking-api")) == ["BOOKING_RELAY_LANE"]


@pytest.mark.parametrize("name", NAMES)
def test_a_worker_behind_pgbouncer_may_be_told_the_way_past_it(name: str) -> None:
    """Of those that keep sessions of their own: docs/pooling.md."""
    given = workloads("production")[f"{name}-worker"]["spec"]["containers"][0]["env"]
    variable = f"{name.upper().replace('-', '_')}_DATABASE_DIRECT_URL"
    ways = [each["valueFrom"]["secretKeyRef"] for each in given if each["name"] == variable]

    assert ways == ([] if name == "dashboard" else [{"name": name, "key": variable, "optional": True}])


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_migration_has_the_owners_url_and_no_service_has_it(overlay: str, name: str) -> None:
    job = workloads(overlay)[f"{name}-migrate"]["spec"]["containers"][0]
    variable = f"{name.upper().replace('-', '_')}_OWNER_DATABASE_URL"

    assert job["args"][:2] == ["slotstream", "migrate"]
    assert job["args"][-1] == name
    assert [each["name"] for each in job["env"]] == [variable]
    assert all("OWNER" not in given for part in PARTS for given in environment(overlay, part))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_service_reads_secrets_of_its_own_alone(overlay: str) -> None:
    for part in PARTS:
        service = part.rpartition("-")[0]
        pod = workloads(overlay)[part]["spec"]
        named = {
            each["valueFrom"]["secretKeyRef"]["name"] for each in pod["containers"][0]["env"] if "valueFrom" in each
        }
        mounted = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        assert named <= {service, f"{service}-smtp"}
        assert mounted <= {f"kafka-{service}", "kafka-cluster-ca-cert"}


def test_the_topics_job_is_told_settings_that_the_command_line_knows() -> None:
    known = {SHARED_PREFIX + field.upper() for field in OperatorKafkaSettings.model_fields}

    assert environment("local", "topics").keys() <= known


def test_an_api_is_told_nothing_of_kafka() -> None:
    for overlay in OVERLAYS:
        for name in NAMES:
            assert not [each for each in environment(overlay, f"{name}-api") if "KAFKA" in each]


# Network


def labels_of(overlay: str, name: str) -> Mapping[str, str]:
    labels: Mapping[str, str] = workloads(overlay)[name]["metadata"]["labels"]
    return labels


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        each["operator"] == "In" and labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", ())
    )


def rules(overlay: str, name: str, direction: str) -> Iterator[Object]:
    for policy in of_kind(overlay, "NetworkPolicy").values():
        spec = policy["spec"]
        if direction.capitalize() in spec["policyTypes"] and selects(spec["podSelector"], labels_of(overlay, name)):
            yield from spec.get(direction, ())


def allows(rule: Object, side: str, labels: Mapping[str, str], port: int) -> bool:
    """Whether it opens this port towards a pod of the namespace."""
    peers = rule.get(side)
    there = peers is None or any(
        "podSelector" in peer and "namespaceSelector" not in peer and selects(peer["podSelector"], labels)
        for peer in peers
    )
    return there and any(each["port"] == port for each in rule["ports"])


def reaches(overlay: str, source: str, target: str, port: int) -> bool:
    """As Kubernetes judges: one must let it out and the other let it in."""
    out = any(allows(rule, "to", labels_of(overlay, target), port) for rule in rules(overlay, source, "egress"))
    into = any(allows(rule, "from", labels_of(overlay, source), port) for rule in rules(overlay, target, "ingress"))
    return out and into


def drawn(source: str, target: str) -> bool:
    """docs/architecture.md: each to its database, workers to Kafka, every API to the one origin and it to them."""
    name, _, part = source.rpartition("-")
    if target == "postgres":
        return part in {"api", "worker", "migrate"} or source == "databases"
    if target == "kafka":
        return part == "worker" or source == "topics"
    if target == "smtp":
        return source in {"notifications-worker", "notifications-api", "dashboard-worker"}  # the API sends tests
    # The local dashboard is everybody's; those who may call nobody do not reach it either.
    return part == "api" and target.endswith("-api") and (name == "dashboard" or target == "dashboard-api")


def ports_of(overlay: str, name: str) -> list[int]:
    containers = workloads(overlay)[name]["spec"]["containers"]
    return [port["containerPort"] for container in containers for port in container.get("ports", ())]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_reaches_anybody_but_as_the_architecture_draws_it(overlay: str) -> None:
    pods = workloads(overlay)
    found = {(a, b) for a in pods for b in pods for port in ports_of(overlay, b) if reaches(overlay, a, b, port)}

    assert found == {(a, b) for a in pods for b in pods if ports_of(overlay, b) and drawn(a, b)}


def test_what_is_on_a_volume_keeps_its_rights_when_a_node_comes_back() -> None:
    """Set on every mount, the volume's group may write all of it, and PostgreSQL refuses to start."""
    contexts = {
        name: each["spec"]["template"]["spec"]["securityContext"]
        for name, each in of_kind("local", "StatefulSet").items()
    }

    assert contexts.keys() == {"kafka", "postgres"}
    assert {context["fsGroupChangePolicy"] for context in contexts.values()} == {"OnRootMismatch"}


@every_workload
def test_every_port_is_in_a_policy(overlay: str, name: str) -> None:
    opened = {each["port"] for rule in rules(overlay, name, "ingress") for each in rule["ports"]}

    assert set(ports_of(overlay, name)) == opened


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_no_policy_opens_is_closed(overlay: str) -> None:
    spec = of_kind(overlay, "NetworkPolicy")["default-deny"]["spec"]

    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_internet_is_for_calendars_identity_providers_and_sms_and_no_own_network_is_in_it(overlay: str) -> None:
    outside = {
        name: peer["ipBlock"]
        for name in workloads(overlay)
        for rule in rules(overlay, name, "egress")
        for peer in rule.get("to", ())
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    }

    assert set(outside) == {"calendar-sync-worker", "dashboard-api", "notifications-api", "notifications-worker"}
    for block in outside.values():
        assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"} <= {*block["except"]}


def with_own_mail_servers(folder: Path) -> list[Object]:
    """`production` as docs/kubernetes.md has it changed for organizations' own accounts."""
    here = os.path.relpath(FOLDER, folder.resolve())
    (folder / "kustomization.yaml").write_text(
        f"resources: [{here}/overlays/production]\ncomponents: [{here}/components/own-mail-servers]\n"
    )
    return list(yaml.load_all(renderer().run("kustomize", str(folder)), Loader=yaml.CSafeLoader))


def test_organizations_own_mail_servers_are_reached_where_that_is_asked_for(tmp_path: Path) -> None:
    made = [each for each in with_own_mail_servers(tmp_path) if each not in objects("production")]
    assert [(each["kind"], each["metadata"]["namespace"]) for each in made] == [("NetworkPolicy", "slotstream")]
    spec = made[0]["spec"]
    [rule] = spec["egress"]

    assert spec["policyTypes"] == ["Egress"]
    assert {part for part in PARTS if selects(spec["podSelector"], labels_of("production", part))} == {
        "notifications-api",
        "notifications-worker",
    }
    assert tuple(each["port"] for each in rule["ports"]) == MAIL_PORTS


@pytest.mark.parametrize(
    ("address", "is_internet"),
    [
        ("9.9.9.9", True),
        ("2620:fe::9", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.31.0.1", False),
        ("192.168.0.1", False),
        ("::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
    ],
)
def test_a_mail_server_of_ones_own_network_is_not_the_internet(
    tmp_path: Path, address: str, *, is_internet: bool
) -> None:
    [policy] = [each for each in with_own_mail_servers(tmp_path) if each["metadata"]["name"] == "own-mail-servers"]
    blocks = [peer["ipBlock"] for peer in policy["spec"]["egress"][0]["to"]]

    assert any(holds(block, ip_address(address)) for block in blocks) == is_internet


def holds(block: Object, address: IPv4Address | IPv6Address) -> bool:
    return address in ip_network(block["cidr"]) and not any(
        address in ip_network(each) for each in block.get("except", ())
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_reaches_mail_servers_of_the_internet_unasked(overlay: str) -> None:
    opened = {
        each["port"]
        for name in workloads(overlay)
        for rule in rules(overlay, name, "egress")
        for each in rule["ports"]
        if any(peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for peer in rule.get("to", ()))
    }

    assert opened == {80, 443}


def test_whoever_sends_a_test_by_mail_has_the_password_as_well() -> None:
    for part in ("notifications-api", "notifications-worker"):
        assert environment("production", part)["NOTIFICATIONS_SMTP_PASSWORD"] == "secret"


# Production


def test_what_is_taken_from_elsewhere_has_not_drifted() -> None:
    checked = subprocess.run(
        [sys.executable, FOLDER / "generate.py", "check"], capture_output=True, text=True, check=False
    )

    assert checked.stderr == ""


def test_kafkas_users_have_the_rights_of_the_manifest() -> None:
    granted = {
        Right(
            principal=f"User:{name}",
            operation="".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_"),  # type: ignore[arg-type]
            resource=acl["resource"]["type"],
            name=acl["resource"]["name"],
            prefix=acl["resource"]["patternType"] == "prefix",
        )
        for name, user in of_kind("production", "KafkaUser").items()
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }

    assert granted == read_manifest(ROOT / "deploy/kafka/acls.toml").rights()


def test_kafkas_topics_are_those_of_the_contracts() -> None:
    made = {
        name: (topic["spec"]["partitions"], topic["spec"]["replicas"], topic["spec"]["config"])
        for name, topic in of_kind("production", "KafkaTopic").items()
    }

    assert made == {
        topic.name: (topic.partitions, 3, topic_configuration(topic, min_insync_replicas=2)) for topic in ALL_TOPICS
    }


def test_the_alerts_are_those_that_are_tested() -> None:
    rule = of_kind("production", "PrometheusRule")["slotstream"]

    assert rule["spec"] == yaml.safe_load((ROOT / "deploy/monitoring/alerts.yml").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_apis_scale_by_processor_and_workers_by_the_lag_of_the_group_that_they_are(name: str) -> None:
    api = of_kind("production", "HorizontalPodAutoscaler")[f"{name}-api"]["spec"]
    worker = of_kind("production", "ScaledObject")[f"{name}-worker"]["spec"]
    roles = read_manifest(ROOT / "deploy/kafka/acls.toml").services

    assert api["scaleTargetRef"]["name"] == f"{name}-api"
    assert worker["scaleTargetRef"] == {"name": f"{name}-worker"}
    assert worker["triggers"][0]["metadata"]["consumerGroup"] == roles[name.replace("-", "_")].group
    for part in ("api", "worker"):
        budget = of_kind("production", "PodDisruptionBudget")[f"{name}-{part}"]["spec"]
        assert selects(budget["selector"], labels_of("production", f"{name}-{part}"))
        assert "replicas" not in of_kind("production", "Deployment")[f"{name}-{part}"]["spec"]


def test_metrics_and_probes_are_not_to_be_had_from_outside() -> None:
    route = of_kind("production", "HTTPRoute")["slotstream"]["spec"]["rules"]
    prefixes = {
        match["path"]["value"]: rule["backendRefs"][0]["name"]
        for rule in route
        for match in rule["matches"]
        if "backendRefs" in rule
    }

    assert prefixes == {"/": "dashboard-api", **{f"/{name}/v1": f"{name}-api" for name in NAMES if name != "dashboard"}}
    assert {match["path"]["value"] for match in route[0]["matches"]} == {"/metrics", "/livez", "/readyz"}


def test_whoever_reads_metrics_finds_every_copy() -> None:
    monitor = of_kind("production", "ServiceMonitor")["slotstream"]["spec"]
    found = {
        name
        for name, service in of_kind("production", "Service").items()
        if selects(monitor["selector"], service["metadata"]["labels"])
    }

    assert found == set(PARTS)


def test_a_broken_overlay_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    kubectl = renderer()
    with pytest.raises(KubectlError, match=r"missing\.yaml"):
        kubectl.run("kustomize", str(tmp_path))
