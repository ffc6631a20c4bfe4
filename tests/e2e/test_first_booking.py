"""The README's first booking under Docker, by the README's own commands."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from slotstream_servicekit.infrastructure.processes import free_port, tail

pytestmark = [pytest.mark.long, pytest.mark.timeout(3_600)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONTAINERS = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
LASTING = {name for name, container in CONTAINERS.items() if container.get("restart")}
ADDRESS = "localhost:8100"


def commands_after(words: str) -> str:
    """The first block of commands after these words of the README."""
    assert words in README, f"README.md no longer says {words!r}"
    return README.partition(words)[2].partition("```sh\n")[2].partition("```")[0]


UP, SCALE = commands_after("With Docker instead").splitlines()
SHELL = commands_after("or, with Docker,")
BOOK = commands_after("and then:")
MAIL = re.search(r"`(docker compose exec smtp [^`]+)`", README)


@dataclass(kw_only=True)
class Project:
    """One Compose project, beside whatever else runs here."""

    log: Path
    name: str = field(default_factory=lambda: f"slotstream-readme-{uuid4().hex[:8]}")
    port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "COMPOSE_PROJECT_NAME": self.name, "SLOTSTREAM_PORT": str(self.port)}

    def sh(self, *commands: str) -> str:
        """What Bash says to the commands, as they are written but for the port; AssertionError where one fails."""
        script = "\n".join(commands).replace(ADDRESS, f"localhost:{self.port}")
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("wb") as output:
            return subprocess.Popen(
                ["bash", "-c", f"exec {UP}"], cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )

    def containers(self) -> set[str]:
        return set(self.sh("docker compose ps --quiet").split())

    def is_healthy(self) -> bool:
        shown = self.sh("docker compose ps --format '{{.Service}} {{.Health}}'").splitlines()
        return set(shown) == {f"{name} healthy" for name in LASTING}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All of it, from nothing to healthy; gone afterwards."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command here")
    for command in ("docker version", "docker compose version"):
        ended = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            pytest.skip(f"{command}: {ended.stderr.strip() or ended.returncode}")
    project = Project(log=tmp_path_factory.mktemp("compose") / "up.log")
    running = project.start()

    def healthy() -> bool:
        assert running.poll() is None, f"{UP} ended with {running.returncode}:\n{tail(project.log, 60)}"
        return project.is_healthy()

    try:
        until(healthy, seconds=2_400, what=lambda: f"not all healthy:\n{tail(project.log, 60)}")
        yield project
    finally:
        project.sh("docker compose down --volumes --timeout 10")
        running.send_signal(signal.SIGTERM)
        running.wait()


def until(holds: Callable[[], bool], *, seconds: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what()
        time.sleep(1)


def test_the_first_booking_and_its_mail(project: Project) -> None:
    assert MAIL is not None
    # The hours travel over Kafka, on whatever machine this is.
    book = BOOK.replace("sleep 1\n", "sleep 10\n")

    said = project.sh(SHELL, book)

    assert json.loads(said.splitlines()[-1])["status"] == "scheduled", said
    until(lambda: "grace@example.com" in project.sh(MAIL[1]), seconds=120, what=lambda: project.sh(MAIL[1]))


def test_three_copies_of_one_and_nothing_else_moves(project: Project) -> None:
    before = project.containers()

    project.sh(SCALE)

    after = project.containers()
    assert before < after
    copies = project.sh("docker compose ps --format '{{.Service}}'").splitlines()
    assert (copies.count("booking-api"), len(copies)) == (3, len(LASTING) + 2)
