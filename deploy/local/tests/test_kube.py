"""`make kube`'s own decisions, without a cluster: which secrets are made once, when a part counts as ready, how images
get onto the nodes.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from slotstream_local.kube import images, main, volumes, waiting
from slotstream_local.kube.kubectl import Kubectl, KubectlError
from slotstream_local.kube.secrets import kept_secrets
from slotstream_local.kube.stage import stage_of
from slotstream_local.layout import SERVICES
from slotstream_servicekit.infrastructure.processes import InfrastructureError


class FakeKubectl(Kubectl):
    """Remembers what was created; `first` is done by another one just before the first creation."""

    def __init__(self, first: Mapping[str, Any] | None = None) -> None:
        self.secrets: dict[str, Mapping[str, Any]] = {}
        self.calls: list[tuple[str, ...]] = []
        self.answers: dict[str, str] = {}
        self._first = first

    def run(self, *arguments: str, given: str | None = None, seconds: float = 0) -> str:
        self.calls.append(arguments)
        if arguments[0] != "create":
            return self.answers.get(" ".join(arguments[:2]), "")
        secret = json.loads(given or "")
        if self._first is not None:
            self.secrets[secret["metadata"]["name"]] = self._first
            raise KubectlError("Error from server (AlreadyExists): secrets made-once already exists")
        self.secrets[secret["metadata"]["name"]] = secret
        return ""

    def find(self, kind: str, name: str) -> Mapping[str, Any] | None:
        return self.secrets.get(name)

    def apply(self, objects: Sequence[Mapping[str, Any]] | str) -> None:
        self.calls.append(("apply", json.dumps(objects)))


def values(kubectl: Kubectl) -> dict[str, dict[str, str]]:
    with kept_secrets(kubectl) as kept:
        return {
            each["metadata"]["name"]: {
                key: base64.b64decode(value).decode() if each["kind"] == "Secret" else value
                for key, value in each["data"].items()
            }
            for each in kept.objects()
        }


def test_a_second_start_finds_every_secret_as_it_was() -> None:
    kubectl = FakeKubectl()

    assert values(kubectl) == values(kubectl)
    with kept_secrets(kubectl) as once, kept_secrets(kubectl) as again:
        assert once.organization_id == again.organization_id
        assert once.signing.key.kid == again.signing.key.kid


def test_of_two_who_start_at_once_the_second_takes_the_first_ones_secrets() -> None:
    first = FakeKubectl()
    made = values(first)

    assert values(FakeKubectl(first=first.secrets["made-once"])) == made


def test_a_service_is_given_its_own_password_and_nobody_elses() -> None:
    given = values(FakeKubectl())

    for service in SERVICES:
        name, prefix = service.replace("_", "-"), service.upper()
        own = {f"{prefix}_DATABASE_URL"}
        own |= {f"{prefix}_SECRET_KEYS"} if service in {"calendar_sync", "dashboard", "notifications"} else set()
        own |= {f"{prefix}_LINK_KEYS"} if service in {"notifications", "dashboard"} else set()
        own |= {f"{prefix}_PUSH_KEY"} if service == "notifications" else set()
        assert given[name].keys() == own
        assert given[f"{name}-owner"].keys() == {f"{prefix}_OWNER_DATABASE_URL"}
        assert (
            f"{service}_app:{given['databases'][f'{prefix}_APP_PASSWORD']}@postgres:5432/"
            in given[name][f"{prefix}_DATABASE_URL"]
        )
    assert given["postgres"]["password"] in given["databases"]["ADMIN_URL"]
    assert given["dashboard"]["DASHBOARD_LINK_KEYS"] == given["notifications"]["NOTIFICATIONS_LINK_KEYS"]
    assert "private" not in given["developers-keys"]["jwks.json"]
    assert '"d"' not in given["developers-keys"]["jwks.json"]


def part(kind: str, *, generation: int = 2, wanted: int | None = None, **status: int) -> dict[str, Any]:
    spec = {} if wanted is None else {"replicas": wanted}
    return {"kind": kind, "metadata": {"name": "x", "generation": generation}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("given", "ready"),
    [
        (part("Job"), False),
        (part("Job", failed=3), False),
        (part("Job", succeeded=1), True),
        (part("Deployment"), False),
        (part("Deployment", observedGeneration=2, updatedReplicas=1, readyReplicas=1, replicas=1), True),
        (part("Deployment", observedGeneration=1, updatedReplicas=1, readyReplicas=1, replicas=1), False),
        (part("Deployment", observedGeneration=2, updatedReplicas=1, readyReplicas=1, replicas=2), False),
        (part("Deployment", wanted=0, observedGeneration=2), True),
        (part("StatefulSet", wanted=2, observedGeneration=2, updatedReplicas=2, readyReplicas=1, replicas=2), False),
    ],
)
def test_ready_is_the_newest_version_alone_and_in_full(given: Mapping[str, Any], ready: bool) -> None:
    assert waiting.is_ready(given) is ready


def test_what_a_pod_says_it_waits_for_is_told() -> None:
    report = {
        "status": "unready",
        "checks": {"database": {"ok": True, "detail": "ok"}, "schema": {"ok": False, "detail": "old"}},
    }

    said = list(waiting._failing(f"{json.dumps(report)}\nmore"))

    assert said == ["waits for schema: old"]
    assert list(waiting._failing("{no json")) == []


@pytest.mark.parametrize(
    ("context", "command"),
    [
        ("kind-mine", ["kind", "load", "docker-image", "--name", "mine"]),
        ("k3d-mine", ["k3d", "image", "import", "--cluster", "mine"]),
        ("minikube", ["minikube", "image", "load"]),
    ],
)
def test_images_are_loaded_as_the_cluster_is_used_to(
    context: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(images.LOAD, raising=False)
    assert images._loader(context) == command


def test_an_unknown_cluster_is_asked_about_and_a_given_command_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(images.LOAD, raising=False)
    with pytest.raises(InfrastructureError, match=images.LOAD):
        images._loader("somewhere")
    monkeypatch.setenv(images.LOAD, "put 'there or here'")
    assert images._loader("somewhere") == ["put", "there or here"]


def classes(provisioner: str) -> str:
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    return json.dumps(
        {"items": [{"metadata": {"name": "standard", "annotations": marked}, "provisioner": provisioner}]}
    )


def test_volumes_are_laid_only_where_the_clusters_own_are_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumes, "_FOLDER", tmp_path)
    usual, roots = FakeKubectl(), FakeKubectl()
    usual.answers["get storageclasses"] = classes("rancher.io/local-path")
    roots.answers |= {"get storageclasses": classes("kubernetes.io/host-path"), "get persistentvolume": "Released"}
    left = tmp_path / "slotstream-kafka" / "log"
    left.mkdir(parents=True)

    volumes.lay_volumes(usual)
    volumes.lay_volumes(roots)

    assert not [call for call in usual.calls if call[0] == "apply"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slotstream-kafka", "slotstream-postgres"]
    assert not left.exists()
    with pytest.raises(InfrastructureError, match="no default StorageClass"):
        nothing = FakeKubectl()
        nothing.answers["get storageclasses"] = '{"items": []}'
        volumes.lay_volumes(nothing)


def test_the_demo_on_a_cluster_goes_by_the_one_address_and_sees_the_mails_in_the_catchers_pod() -> None:
    kubectl = FakeKubectl()
    kubectl.answers["--namespace slotstream"] = '[["grace@example.com", "Confirmed"]]'
    with kept_secrets(kubectl) as secrets:
        stage = stage_of(kubectl, secrets)

    assert stage.urls["calendar_sync"] == "http://localhost:30100/api/calendar-sync"
    assert stage.mails() == [("grace@example.com", "Confirmed")]
    assert stage.organization_id == secrets.organization_id
    assert not stage.reads_this_machine


def test_the_demo_says_where_there_is_nothing_to_play_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "Kubectl", FakeKubectl)

    with pytest.raises(InfrastructureError, match="`make kube` puts it there"):
        main.play(Console())
