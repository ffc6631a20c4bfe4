"""The organization that the browser tests sign in to: two businesses in two zones, staff, services, and a few people."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from harness.platform import Platform
from harness.world import ALL_DAY, STARTED, Json, World, expect, until_true
from slotstream_local.services import executable

PASSWORD: Final = "correct horse battery staple"
BERLIN: Final = ZoneInfo("Europe/Berlin")
_NUMBERS: Final = count(10_000)
"""Of phones: with one that somebody has, an appointment would be theirs."""


class Practice:
    """`world` is Salon Nord in Berlin; `dental` is the second business. Days are handed out, so that tests do not meet."""

    def __init__(self, platform: Platform, world: World) -> None:
        self.platform = platform
        self.world = world
        self.dental: Json = {}
        self.checkup: Json = {}
        self._days = 0

    @property
    def url(self) -> str:
        return self.platform.url("dashboard")

    @property
    def email(self) -> str:
        """The first owner's."""
        return f"anna@{self.world.organization_id}.example"

    async def set_up(self) -> "Practice":
        world = self.world
        await world.set_up(staff=3)
        self.dental = expect(
            await world.booking.post(
                "/v1/businesses",
                json={
                    "name": "Hudson Dental",
                    "zone": "America/New_York",
                    "locale": "en",
                    "phone_region": "US",
                    "country": "US",
                    "currency": "USD",
                },
                headers=world.fresh_key(),
            )
        )
        for path, body in (
            ("/v1/resources", {"name": "Dr Lee", "kind": "staff", "business_ids": [self.dental["id"]]}),
            (
                "/v1/services",
                {
                    "business_id": world.business["id"],
                    "name": "Colour",
                    "duration_minutes": 90,
                    "price": {"amount": "95.00", "currency": "EUR"},
                },
            ),
            ("/v1/actions", {"name": "First visit"}),
        ):
            expect(await world.booking.post(path, json=body, headers=world.fresh_key()))
        checkup = {
            "business_id": self.dental["id"],
            "name": "Check-up",
            "duration_minutes": 45,
            "price": {"amount": "120.00", "currency": "USD"},
        }
        self.checkup = expect(await world.booking.post("/v1/services", json=checkup, headers=world.fresh_key()))

        async def opened() -> bool:
            path = f"/v1/businesses/{self.dental['id']}/schedule"
            return (await world.availability.put(path, json={"weekly": ALL_DAY})).status_code in {200, 201}

        await until_true(opened, what="availability knows the second business")
        return self

    @asynccontextmanager
    async def a_colleague(self, name: str) -> AsyncIterator[Json]:
        """A member of staff of a test's own, archived afterwards so that no other test meets them."""
        world = self.world
        body = {"name": name, "kind": "staff", "business_ids": [world.business["id"]]}
        added: Json = expect(await world.booking.post("/v1/resources", json=body, headers=world.fresh_key()))

        async def known() -> bool:
            return (await world.availability.get(f"/v1/resources/{added['id']}/schedule")).status_code == 200

        await until_true(known, what=f"availability knows {name}")
        try:
            yield added
        finally:
            expect(await world.booking.patch(f"/v1/resources/{added['id']}", json={"archived": True}))

    def a_day(self, hour: int = 10) -> datetime:
        """A day of the test's own, more than a month ahead, at `hour` by Berlin's clock.

        Never the tenth of a month, which is the day of the test that imports.
        """
        self._days += 1
        day = STARTED.astimezone(BERLIN) + timedelta(days=40 + self._days)
        if day.day == 10:
            return self.a_day(hour)
        return datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN)

    async def book(self, starts_at: datetime, name: str, *, staff: int | None = None, **more: object) -> Json:
        """An appointment of a new client with a phone and an address of their own."""
        client = {
            "name": name,
            "phone": f"+49151555{next(_NUMBERS):05d}",
            "email": f"{uuid4().hex[:10]}@example.com",
        }
        chosen = {} if staff is None else {"resource_ids": [self.world.staff[staff]["id"]]}
        return await self.world.book(starts_at, **({"client": client} | chosen | more))

    async def book_in_the_past(self, starts_at: datetime, name: str, *, staff: int = 0) -> Json:
        return await self.book(
            starts_at, name, staff=staff, notify=False, override={"reason": "Written down afterwards"}
        )

    async def client_named(self, name: str) -> Json:
        answer = expect(await self.world.booking.get("/v1/clients", params={"q": name}))
        found = [client for client in answer["items"] if client["name"] == name]
        assert len(found) == 1, f"{len(found)} clients are named {name}"
        return dict(found[0])

    async def appointments_of(self, name: str) -> list[Json]:
        """Those of one client, the earliest first."""
        client = await self.client_named(name)
        query = {"client_id": client["id"], "sort": "starts_at"}
        return list(expect(await self.world.booking.get("/v1/appointments", params=query))["items"])

    def invitation(self) -> str:
        """The first owner's link, as `make up` prints it."""
        command = [executable("slotstream-first-owner"), "--organization", str(self.world.organization_id)]
        ended = subprocess.run(
            [*command, "--name", "Salon Nord", "--email", self.email],
            env=self.platform.processes["dashboard"].environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return ended.stdout.strip()
