"""Local images on the cluster's nodes, each under a tag that says what is in it: a new image is a new rollout."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from slotstream_local.layout import SERVICES
from slotstream_servicekit.infrastructure.processes import InfrastructureError

OURS: Final = ("slotstream-tools", *(f"slotstream-{service.replace('_', '-')}" for service in SERVICES))
OTHERS: Final = ("postgres:18", "apache/kafka:4.3.1")
LOAD: Final = "SLOTSTREAM_KUBE_LOAD"
_SHARES_THE_ENGINE: Final = ("docker-desktop", "rancher-desktop", "orbstack", "colima")


def tagged_images() -> dict[str, str]:
    """Of each of our images its tag. Raises InfrastructureError where one was not built."""
    tags = {}
    for name in OURS:
        identity = _docker("image", "inspect", "--format", "{{.Id}}", name, about=f"{name} is not built: `make images`")
        tags[name] = identity.removeprefix("sha256:")[:12]
        _docker("tag", name, f"{name}:{tags[name]}", about=f"{name} cannot be tagged")
    return tags


def load_images(context: str, tags: Mapping[str, str]) -> str:
    """Puts ours, and those of others that are here, where the cluster finds them; what was done, in a few words."""
    return load(
        context, [*(f"{name}:{tag}" for name, tag in tags.items()), *(name for name in OTHERS if _is_here(name))]
    )


def load(context: str, wanted: Sequence[str]) -> str:
    """The same with images of this engine by their names and tags."""
    if context.startswith(_SHARES_THE_ENGINE):
        return "the cluster has this engine's images"
    command = _loader(context)
    ended = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise InfrastructureError(f"`{shlex.join(command)} …` failed:\n{ended.stderr[-2000:]}")
    return f"{len(wanted)} loaded"


def _loader(context: str) -> Sequence[str]:
    """What the images' names are appended to."""
    if given := os.environ.get(LOAD):
        return shlex.split(given)
    if context.startswith("kind-"):
        return ["kind", "load", "docker-image", "--name", context.removeprefix("kind-")]
    if context.startswith("k3d-"):
        return ["k3d", "image", "import", "--cluster", context.removeprefix("k3d-")]
    if context == "minikube":
        return ["minikube", "image", "load"]
    raise InfrastructureError(
        f"How do images get onto the cluster {context}? Say it in {LOAD}: a command that is given their names "
        "(docs/kubernetes.md)."
    )


def _is_here(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def _docker(*arguments: str, about: str) -> str:
    try:
        ended = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise InfrastructureError("There is no docker here, which builds the images.") from None
    if ended.returncode != 0:
        raise InfrastructureError(f"{about} ({ended.stderr.strip().splitlines()[-1]}).")
    return ended.stdout.strip()
