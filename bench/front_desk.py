"""All services as the end-to-end tests run them; in them a practice with a full day, and its owner, signed in."""

import json
import logging
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
from harness.mailbox import Mailbox
from harness.platform import Platform, a_platform
from harness.practice import PASSWORD, Practice

from bench.measures import with_new_client
from bench.world import BenchWorld, open_world
from slotstream_servicekit.infrastructure.processes import free_port

STAFF = 20
APPOINTMENTS = 600
"""Of the full day, which is the one that `bench.world.FIRST` begins: thirty half hours of each."""
_BUILD_WEB = Path(__file__).parents[1] / "services" / "dashboard" / "web" / "build.py"
_SETTINGS = {
    "DASHBOARD_SESSION_RATE": json.dumps({"per_minute": 0, "burst": 1}),
    # All of the two thousand browsers are the owner's.
    "DASHBOARD_LIVE_STREAMS_PER_USER": "5000",
    # What a service has that is told nothing; the tests' platform is told to look seldom.
    "SLOTSTREAM_RELAY_IDLE_SECONDS": "0.1",
}


@dataclass(frozen=True, slots=True)
class FrontDesk:
    platform: Platform
    practice: Practice
    world: BenchWorld
    booking: httpx2.Client
    """Asks booking directly, as the owner."""
    cookie: tuple[str, str]
    """The signed-in owner's, by name and value."""
    appointments: list[str] = field(default_factory=list)
    """The ids of the full day's."""

    @property
    def url(self) -> str:
        return self.practice.url

    def book(self, number: int) -> str:
        """The id of an appointment in a slot of the world's, for a client of its own, by a direct call."""
        body = with_new_client(self.world.request(number), number) | {"notify": False}
        return str(self.change("/v1/appointments", body)["id"])

    def change(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What booking answers to a direct call."""
        answer = self.booking.post(path, json=body, headers={"Idempotency-Key": uuid4().hex})
        answer.raise_for_status()
        return dict(answer.json())


@contextmanager
def a_front_desk() -> Iterator[FrontDesk]:
    # It tells each attempt to reach a broker that is still starting.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    _allow_many_connections()
    # The dashboard reads the web application when it starts.
    subprocess.run([sys.executable, str(_BUILD_WEB)], check=True)
    organization_id = uuid4()
    folder = Path(tempfile.mkdtemp(prefix="slotstream-bench-"))
    try:
        with (
            Mailbox(port=free_port()) as mailbox,
            a_platform(folder, smtp_port=mailbox.port, traced=False, **_SETTINGS) as platform,
            _owner_of(organization_id, platform, "booking") as booking,
            _owner_of(organization_id, platform, "availability") as hours,
        ):
            world = open_world(booking, hours, organization_id, staff=STAFF)
            practice = Practice(platform, platform.an_empty_world(organization_id))
            desk = FrontDesk(platform, practice, world, booking, _sign_in(practice))
            desk.appointments.extend(map(desk.book, range(APPOINTMENTS)))
            yield desk
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner_of(organization_id: UUID, platform: Platform, service: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {platform.token(organization_id)}"}
    return httpx2.Client(base_url=platform.url(service), headers=headers, timeout=60)


def _sign_in(practice: Practice) -> tuple[str, str]:
    """The first owner's session, by the form of the invitation: no browser is needed for it."""
    answer = httpx2.post(practice.invitation(), data={"password": PASSWORD})
    [cookie] = answer.cookies.items()
    return cookie


def _allow_many_connections() -> None:
    """As many files as the system lets a process have, for this one and for those that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
