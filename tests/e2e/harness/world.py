"""An organization as its front desk sets it up, through the public APIs only."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2

ALL_DAY = [{"weekday": weekday, "intervals": [{"from": "00:00", "to": "24:00"}]} for weekday in range(7)]

Json = dict[str, Any]

STARTED = datetime.now(UTC)
"""Days are counted from here, so that none changes its date when the run goes on over midnight."""


def expect(response: httpx2.Response, *statuses: int) -> Any:
    """The answer's JSON, or an assertion error that shows request and problem."""
    allowed = statuses or (200, 201)
    assert response.status_code in allowed, (
        f"{response.request.method} {response.request.url} answered {response.status_code}: {response.text[:2000]}"
    )
    return response.json() if response.content else None


def next_weekday(hour: int = 10, *, days_ahead: int = 14) -> datetime:
    """A Monday at `hour` UTC, at least `days_ahead` days after the run began."""
    day = STARTED.replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days_ahead)
    return day + timedelta(days=(7 - day.weekday()) % 7)


@dataclass
class World:
    """One organization: a business with staff, one service, open around the clock."""

    booking: httpx2.AsyncClient
    availability: httpx2.AsyncClient
    notifications: httpx2.AsyncClient
    imports: httpx2.AsyncClient
    calendar_sync: httpx2.AsyncClient
    dashboard: httpx2.AsyncClient
    organization_id: UUID = field(default_factory=uuid4)
    business: Json = field(default_factory=dict)
    staff: list[Json] = field(default_factory=list)
    service: Json = field(default_factory=dict)

    async def set_up(self, *, staff: int = 1, zone: str = "Europe/Berlin", duration_minutes: int = 30) -> "World":
        self.business = expect(
            await self.booking.post(
                "/v1/businesses",
                json={
                    "name": "Salon Nord",
                    "zone": zone,
                    "locale": "en",
                    "phone_region": "DE",
                    "country": "DE",
                    "currency": "EUR",
                },
                headers=self.fresh_key(),
            )
        )
        for number in range(staff):
            self.staff.append(
                expect(
                    await self.booking.post(
                        "/v1/resources",
                        json={
                            "name": f"Ada {number + 1}",
                            "kind": "staff",
                            "business_ids": [self.business["id"]],
                        },
                        headers=self.fresh_key(),
                    )
                )
            )
        self.service = expect(
            await self.booking.post(
                "/v1/services",
                json={
                    "business_id": self.business["id"],
                    "name": "Haircut",
                    "duration_minutes": duration_minutes,
                    "slot_interval_minutes": duration_minutes,
                },
                headers=self.fresh_key(),
            )
        )
        await self.open_hours(ALL_DAY)
        return self

    async def open_hours(self, weekly: list[Json]) -> None:
        """Set the business's weekly hours, and wait until availability offers by them."""

        async def put() -> bool:
            path = f"/v1/businesses/{self.business['id']}/schedule"
            response = await self.availability.put(path, json={"weekly": weekly})
            return response.status_code in {200, 201}

        await until_true(put, what="availability knows the business")
        await until_true(self._offers, what="availability offers slots")
        far = next_weekday(3, days_ahead=300)
        await until_true(lambda: self.can_be_held(far), what="booking judges by the new hours")

    async def _offers(self) -> bool:
        response = await self.availability.get("/v1/slots", params=self.slots_query(next_weekday()))
        return response.status_code == 200 and any(day["slots"] for day in response.json()["days"])

    async def can_be_held(self, starts_at: datetime) -> bool:
        """Whether booking takes a hold, which is given back at once."""
        probe = {
            "business_id": self.business["id"],
            "service_id": self.service["id"],
            "starts_at": stamp(starts_at),
        }
        held = await self.booking.post("/v1/holds", json=probe, headers=self.fresh_key())
        if held.status_code == 201:
            expect(await self.booking.delete(f"/v1/holds/{held.json()['id']}"), 204)
        return held.status_code == 201

    def slots_query(self, day: datetime, *, days: int = 1) -> dict[str, str]:
        return {
            "business_id": self.business["id"],
            "service_id": self.service["id"],
            "from": stamp(day.replace(hour=0)),
            "to": stamp(day.replace(hour=0) + timedelta(days=days)),
        }

    async def slots(self, day: datetime) -> list[str]:
        """The starts offered on `day` (UTC)."""
        days = expect(await self.availability.get("/v1/slots", params=self.slots_query(day)))["days"]
        return [slot["starts_at"] for each in days for slot in each["slots"]]

    def booking_of(self, starts_at: datetime, **more: Any) -> Json:
        """A request body for one appointment."""
        body: Json = {
            "business_id": self.business["id"],
            "service_id": self.service["id"],
            "starts_at": stamp(starts_at),
        }
        if "client_id" not in more:
            body["client"] = {"name": "Grace Hopper", "email": f"grace-{uuid4().hex[:8]}@example.com"}
        return body | more

    async def book(self, starts_at: datetime, **more: Any) -> Json:
        answer: Json = expect(
            await self.booking.post(
                "/v1/appointments", json=self.booking_of(starts_at, **more), headers=self.fresh_key()
            )
        )
        return answer

    async def act(self, appointment_id: str, verb: str, **body: Any) -> Json:
        """Do `verb` and return the appointment after it: of a rescheduling, the new one."""
        path = f"/v1/appointments/{appointment_id}/{verb}"
        answer: Json = expect(await self.booking.post(path, json=body, headers=self.fresh_key()))
        return dict(answer["appointment"]) if verb == "reschedule" else answer

    @staticmethod
    def fresh_key() -> dict[str, str]:
        return {"Idempotency-Key": uuid4().hex}


def stamp(instant: datetime) -> str:
    """RFC 3339 in UTC, as the API writes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def until_true(condition: Callable[[], Any], *, within: float = 90.0, what: str) -> None:
    """Poll an async condition until it holds; says `what` was waited for when it does not."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        try:
            if await condition():
                return
        except (httpx2.TransportError, AssertionError):
            if asyncio.get_running_loop().time() > deadline:
                raise
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited {within} s for: {what}")
        await asyncio.sleep(0.1)
