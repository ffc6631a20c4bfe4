"""The Secrets of deploy/kubernetes/overlays/local. Nothing has a default password: the first `make kube` makes each.

They are made here and not by a Job: a Job would need leave to write Secrets, and so a token of the cluster's API in a
pod. All are in the Secret `made-once`, whose creation is one step: of two who begin at once, the second takes the first
one's. What each pod is given is derived from it.
"""

import base64
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from slotstream_local.compose import make_secrets, read_variables
from slotstream_local.kube.kubectl import NAMESPACE, Kubectl, KubectlError
from slotstream_local.layout import SERVICES
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.signing import SigningKey, ensure_signing_key

MADE_ONCE: Final = "made-once"
_APART: Final = "__"
"""In a Secret's keys there is no slash."""
_ORGANIZATION: Final = "organization"


class Secrets:
    """The folder that docker-compose.yml keeps in volumes, out of a Secret."""

    def __init__(self, folder: Path) -> None:
        self._secrets = folder / "secrets"
        self.signing: SigningKey = ensure_signing_key(folder / "state")
        self.organization_id = UUID((folder / _ORGANIZATION).read_text())

    def objects(self) -> list[dict[str, Any]]:
        """What pods are given: each service its own, the migration the owner's, the databases' Job all passwords."""
        setup = read_variables(self._secrets / "setup" / "env")
        owners = {f"{service.upper()}_OWNER_DATABASE_URL" for service in SERVICES}
        objects = [
            _secret("postgres", {"password": (self._secrets / "postgres" / "password").read_text()}),
            _secret("databases", {name: value for name, value in setup.items() if name not in owners}),
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "developers-keys", "namespace": NAMESPACE},
                "data": {"jwks.json": self.signing.jwks_path.read_text()},
            },
        ]
        for service in SERVICES:
            name, prefix = service.replace("_", "-"), f"{service.upper()}_"
            own = read_variables(self._secrets / name / "env")
            objects.append(_secret(name, {key: value for key, value in own.items() if key.startswith(prefix)}))
            url = f"{prefix}OWNER_DATABASE_URL"
            objects.append(_secret(f"{name}-owner", {url: setup[url]}))
        return objects


@contextmanager
def kept_secrets(kubectl: Kubectl) -> Iterator[Secrets]:
    """What the cluster keeps, made first where there is none; a folder of this machine has it meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = kubectl.find("secret", MADE_ONCE) or _make(kubectl)
        for key, value in kept["data"].items():
            path = folder.joinpath(*key.split(_APART))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(value))
        yield Secrets(folder)


def _make(kubectl: Kubectl) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for service in ("postgres", "setup", *(service.replace("_", "-") for service in SERVICES)):
            (folder / "secrets" / service).mkdir(parents=True)
        make_secrets(secrets_folder=folder / "secrets", state=folder / "state", jwks=folder / "jwks.json")
        (folder / _ORGANIZATION).write_text(str(new_id()))
        files = {
            _APART.join(path.relative_to(folder).parts): path.read_text()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    try:
        kubectl.run("create", "--filename", "-", given=json.dumps(_secret(MADE_ONCE, files)))
    except KubectlError as error:
        if "AlreadyExists" not in str(error):
            raise
    kept = kubectl.find("secret", MADE_ONCE)
    assert kept is not None  # noqa: S101 - made a moment ago, by us or by another
    return kept


def _secret(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }
