"""The organizations of a run, and what the desks of one share. All of them hold what is equal but for its owner."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
from harness.platform import Platform
from harness.world import World, expect, next_weekday

SEATS = 3
CLIENTS = 12
WRITTEN_TO = 3
"""How many of an organization's clients have an e-mail address: mails are checked, not load."""
LATER = timedelta(days=70)
"""How far ahead the clock of the late desk is: every slot has passed by then."""
DEPUTY = "deputy"
ROBOT_SCOPES = ("imports:read", "imports:write", "appointments:override")
FIRST_SLOT = next_weekday(8, days_ahead=20)


@dataclass(kw_only=True)
class Tenant:
    """One organization of the run. Its desks share what is known, so that they meet on the same appointments."""

    world: World
    clients: Sequence[str]
    group: str
    """A service with several seats."""
    changing: str
    """A service whose buffer changes all the time."""
    visiting: str
    """A member of staff whose own calendar is read."""
    deputy: httpx2.AsyncClient
    """Imports, asked by DEPUTY, who uploads nothing."""
    robot: httpx2.AsyncClient
    """Imports, asked by an integration: it may confirm what is uploaded, and force nothing, whatever its scopes say."""
    later: httpx2.AsyncClient | None = None
    """Booking as it will be when all slots have passed; None where it does not run."""
    known: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    quiet: bool = False
    """One desk alone works for it, so that nobody else's request reads anew what a change has made stale."""
    changing_rules: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held from a change of the service that changes until what comes after it was answered."""

    @property
    def organization(self) -> str:
        return str(self.world.organization_id)


async def set_up_tenants(platform: Platform, *, count: int, late: bool = False) -> list[Tenant]:
    """`count` busy ones, and a quiet one, the last. `late`: with a desk whose clock runs ahead."""
    if late:
        platform.start_late_booking(LATER)
    return [await _a_tenant(platform, late=late, quiet=number == count) for number in range(count + 1)]


async def _a_tenant(platform: Platform, *, late: bool, quiet: bool) -> Tenant:
    world = await platform.a_world(staff=3)
    visiting = world.staff.pop()["id"]
    clients = [await _a_client(world, number) for number in range(CLIENTS)]
    deputy = platform.client("imports", platform.token(world.organization_id, subject=DEPUTY))
    robot = platform.token(world.organization_id, role="integration", subject="robot", scopes=ROBOT_SCOPES)
    later = platform.client("booking-late", platform.token(world.organization_id)) if late else None
    return Tenant(
        world=world,
        clients=clients,
        group=await _a_service(world, "Yoga", capacity=SEATS),
        changing=await _a_service(world, "Massage"),
        visiting=visiting,
        deputy=deputy,
        robot=platform.client("imports", robot),
        later=later,
        quiet=quiet,
    )


async def _a_service(world: World, name: str, **more: int) -> str:
    service = {
        "business_id": world.business["id"],
        "name": name,
        "duration_minutes": 30,
        "slot_interval_minutes": 30,
        **more,
    }
    created = expect(await world.booking.post("/v1/services", json=service, headers=world.fresh_key()))
    return str(created["id"])


async def _a_client(world: World, number: int) -> str:
    """The same names and phones in every organization."""
    body = {"name": f"Client {number}", "phone": f"+4930555{number:04}"}
    if number < WRITTEN_TO:
        body["email"] = f"client-{number}@{world.organization_id}.example.com"
    answer = await world.booking.post("/v1/clients", json=body, headers=world.fresh_key())
    identity: str = expect(answer)["id"]
    return identity
