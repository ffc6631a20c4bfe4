"""docker-compose.yml: what every container must have, and that a service can be scaled."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from slotstream_local.layout import SERVICES

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text()
PROXY = (ROOT / "deploy/proxy/haproxy.cfg").read_text()
NAMES = [service.replace("_", "-") for service in SERVICES]
OURS = [name for name, container in CONTAINERS.items() if container["image"].startswith("slotstream-")]


@pytest.mark.parametrize("name", CONTAINERS)
def test_memory_processes_and_logs_of_every_container_are_limited(name: str) -> None:
    container = CONTAINERS[name]

    assert re.fullmatch(r"\d+[mg]", container["mem_limit"])
    assert container["pids_limit"] > 0
    assert set(container["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_more_rights_than_they_need(name: str) -> None:
    container = CONTAINERS[name]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]


def test_only_the_proxy_publishes_a_port_and_only_on_this_machine() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}

    assert list(published) == ["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])


@pytest.mark.parametrize("name", [f"{service}-{role}" for service in NAMES for role in ("api", "worker")])
def test_a_service_can_have_several_copies(name: str) -> None:
    assert not {"ports", "container_name", "hostname"} & CONTAINERS[name].keys()


@pytest.mark.parametrize("service", NAMES)
def test_the_proxy_leads_to_the_service_and_links_lead_to_the_proxy(service: str) -> None:
    assert re.search(rf"^backend {service}\n +server-template \S+ \d+ {service}-api:8000$", PROXY, re.MULTILINE)
    variable = f"{service.upper().replace('-', '_')}_PUBLIC_URL"
    for role in ("api", "worker"):
        url = CONTAINERS[f"{service}-{role}"]["environment"][variable]
        prefix = "" if service == "dashboard" else f"/{service}"
        assert url == f"${{SLOTSTREAM_URL:-http://localhost:${{SLOTSTREAM_PORT:-8100}}}}{prefix}"


def test_every_service_but_the_dashboard_which_has_all_other_paths_is_reached_by_its_name() -> None:
    found = re.search(r"path,field\(2,/\) -m str (.+) }", PROXY)
    assert found is not None

    assert {*found[1].split(), "dashboard"} == set(NAMES)
    assert "default_backend dashboard" in PROXY


@pytest.mark.parametrize("name", [name for name in OURS if "build" in CONTAINERS[name]])
def test_images_are_labelled_with_version_revision_and_source(name: str) -> None:
    build = CONTAINERS[name]["build"]
    stages = (ROOT / build["dockerfile"]).read_text().split("\nFROM ")
    stage = next(text for text in stages if text.splitlines()[0].endswith(f"AS {build['target']}"))

    assert {"VERSION", "REVISION", "SOURCE"} <= build["args"].keys()
    for label in ("version=$VERSION", "revision=$REVISION", "source=$SOURCE"):
        assert f"org.opencontainers.image.{label}" in stage


def test_the_dashboard_is_built_with_its_web_application_and_the_others_without() -> None:
    targets = {service: CONTAINERS[f"{service}-api"]["build"]["target"] for service in NAMES}

    assert targets == {service: "dashboard" if service == "dashboard" else "service" for service in NAMES}
    built = DOCKERFILE.partition("FROM service AS dashboard\n")[2]
    assert "COPY --from=build-web" in built


@pytest.mark.parametrize("stage", ["build-service", "build-tools"])
def test_images_say_what_they_are_made_of(stage: str) -> None:
    """The same packages as are installed, without those that the image leaves out."""
    [text] = [part for part in DOCKERFILE.split("\nFROM ") if part.startswith(f"packages AS {stage}\n")]
    [installed] = [line for line in text.splitlines() if "uv sync" in line]
    [told] = [line for line in text.splitlines() if "uv export" in line]

    assert "--format cyclonedx1.5 --output-file sbom.cdx.json" in told
    for option in ("--package", "--all-packages"):
        assert (option in installed.split()) == (option in told.split())
    assert told.count("--no-emit-package") == installed.count("--no-install-package")


def test_node_and_what_was_built_outside_stay_out_of_the_images() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {"**/node_modules", "services/dashboard/src/dashboard/static"} <= set(ignored)
    copied = [line for line in DOCKERFILE.splitlines() if "--from=build-web" in line]
    assert [line.split()[-1] for line in copied] == ["/app/services/dashboard/src/dashboard/static"]


IN_A_NAMESPACE = ("unshare", "--map-root-user", "--pid", "--fork", "--kill-child")


def test_a_container_ends_at_sigterm_before_its_program_has_got_so_far_as_to_handle_it() -> None:
    if (
        not shutil.which("tini")
        or subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("a process 1 of one's own needs tini, which is not installed, or user namespaces")
    (entry,) = set(re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE))
    entrypoint = [part.replace("entrypoint", str(ROOT / "deploy/docker/entrypoint")) for part in json.loads(entry)]
    booting = "import os; print(os.getpid(), flush=True); import time; time.sleep(600)"
    outside = subprocess.Popen(
        [*IN_A_NAMESPACE, *entrypoint, sys.executable, "-c", booting], stdout=subprocess.PIPE, text=True
    )
    assert outside.stdout is not None
    try:
        assert outside.stdout.readline().strip().isdecimal()
        first = int(Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()[0])
        os.kill(first, signal.SIGTERM)
        assert outside.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        outside.kill()
        outside.wait()
        outside.stdout.close()


def test_no_container_has_another_process_1_than_its_image() -> None:
    assert not [name for name in OURS if "init" in CONTAINERS[name] or "entrypoint" in CONTAINERS[name]]
