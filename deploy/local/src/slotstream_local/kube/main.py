"""`python -m slotstream_local.kube.main up|demo|down`."""

import argparse
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from slotstream_local.demo import demo
from slotstream_local.kube.images import load_images, tagged_images
from slotstream_local.kube.kubectl import NAMESPACE, Kubectl, KubectlError
from slotstream_local.kube.secrets import MADE_ONCE, Secrets, kept_secrets
from slotstream_local.kube.stage import ADDRESS, MAIL, stage_of
from slotstream_local.kube.volumes import lay_volumes
from slotstream_local.kube.waiting import wait_until_ready
from slotstream_local.progress import Progress
from slotstream_local.stack import OWNER_EMAIL
from slotstream_servicekit.infrastructure.processes import InfrastructureError
from slotstream_servicekit.signing import sign_token

_OVERLAY: Final = Path("deploy/kubernetes/overlays/local")
_READY_SECONDS: Final = 300.0


def up(console: Console) -> None:
    """Images onto the cluster, secrets, everything applied, waited for; then the address and how to sign in."""
    kubectl, progress = Kubectl(), Progress(console)
    context = kubectl.require_cluster()
    began = time.monotonic()
    tags = tagged_images()
    with progress.step(f"Images for {context}"):
        console.print(f"    [dim]{load_images(context, tags)}[/dim]")
    applied = time.monotonic()
    with progress.step("Volumes and secrets"):
        kubectl.run("apply", "--server-side", "--filename", "deploy/kubernetes/base/namespace.yaml")
        lay_volumes(kubectl)
    with kept_secrets(kubectl) as secrets:
        kubectl.apply(secrets.objects())
        with progress.step(f"Applying {_OVERLAY}"):
            # Jobs cannot be changed, only made again; each may run again at any time.
            kubectl.here("delete", "jobs", "--selector", "app.kubernetes.io/part-of=slotstream", "--ignore-not-found")
            kubectl.apply(rendered(kubectl, _OVERLAY, tags))
        wait_until_ready(kubectl, console, seconds=_READY_SECONDS)
        console.print(
            f"Ready {time.monotonic() - applied:.0f} s after the images, {time.monotonic() - began:.0f} s in all."
        )
        _announce(kubectl, secrets, console)


def play(console: Console) -> None:
    """The demo's story, through the one address."""
    kubectl = Kubectl()
    kubectl.require_cluster()
    if kubectl.find("secret", MADE_ONCE) is None:
        raise InfrastructureError("Slotstream is not on this cluster: `make kube` puts it there.")
    with kept_secrets(kubectl) as secrets:
        demo(stage_of(kubectl, secrets), console)


def down(console: Console) -> None:
    """Everything goes, the data too."""
    kubectl = Kubectl()
    kubectl.require_cluster()
    kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", seconds=300)
    console.print("Slotstream and its data are gone from the cluster.")


def rendered(kubectl: Kubectl, overlay: Path, tags: Mapping[str, str]) -> str:
    """The overlay's objects with these tags of our images."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:"]
        lines += [f"- {os.path.relpath(overlay.resolve(), folder)}", "images:"]
        lines += [f'- {{name: {image}, newTag: "{tag}"}}' for image, tag in tags.items()]
        (folder / "kustomization.yaml").write_text("\n".join(lines) + "\n")
        return kubectl.run("kustomize", str(folder))


def _announce(kubectl: Kubectl, secrets: Secrets, console: Console) -> None:
    organization, token = (
        str(secrets.organization_id),
        sign_token(secrets.signing, organization_id=secrets.organization_id),
    )
    link = kubectl.here(
        *("exec", "deployment/dashboard-api", "--", "slotstream-first-owner", "--organization", organization),
        *("--name", "My organization", "--email", OWNER_EMAIL),
    ).strip()
    console.print(f"\n[bold]{ADDRESS}[/bold]")
    if not _answers():
        console.print(
            "The node's port is not this machine's: in another shell, "
            f"`kubectl --namespace {NAMESPACE} port-forward service/dashboard-api 30100:8000`"
        )
    if link:
        console.print(f"Sign in, once, within a day, and choose the password of {OWNER_EMAIL}, the first owner:")
        console.print(escape(link), soft_wrap=True)
    else:
        console.print(f"Sign in as {OWNER_EMAIL} or whoever was invited.")
    console.print("\nFor the README's first booking:", style="bold")
    console.print(f"BOOKING={ADDRESS}/api/booking AVAILABILITY={ADDRESS}/api/availability ORG={organization}")
    console.print(f"TOKEN={token}", soft_wrap=True)
    console.print(f"\nMail: {MAIL}")


def _answers() -> bool:
    for _ in range(5):
        try:
            with urllib.request.urlopen(f"{ADDRESS}/livez", timeout=2) as response:  # noqa: S310 - our own address
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    return False


def main() -> None:
    """Exit codes: 0 done, 1 failed with a sentence that says what to do."""
    parser = argparse.ArgumentParser(prog="make kube", description=__doc__)
    parser.add_argument("command", choices=("up", "demo", "down"))
    console = Console(highlight=False, soft_wrap=True)
    try:
        {"up": up, "demo": play, "down": down}[parser.parse_args().command](console)
    except (InfrastructureError, KubectlError) as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        sys.exit(1)


if __name__ == "__main__":
    main()
