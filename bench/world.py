"""An organization to measure on, and bookings for it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2

ALL_DAY = [{"weekday": weekday, "intervals": [{"from": "00:00", "to": "24:00"}]} for weekday in range(7)]
FIRST = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class BenchWorld:
    organization_id: UUID
    business_id: str
    service_id: str
    staff: list[str]
    client_id: str

    def request(self, number: int) -> dict[str, Any]:
        """A distinct free slot for each `number`: 30 minutes, round the staff."""
        starts_at = FIRST + timedelta(minutes=30 * (number // len(self.staff)))
        return {
            "business_id": self.business_id,
            "service_id": self.service_id,
            "client_id": self.client_id,
            "starts_at": stamp(starts_at),
            "resource_ids": [self.staff[number % len(self.staff)]],
        }


def set_up(client: httpx2.Client, organization_id: UUID, *, staff: int) -> BenchWorld:
    """One business with `staff` members and one half-hour service, through the API."""

    def post(path: str, **body: Any) -> Any:
        answer = client.post(path, json=body, headers={"Idempotency-Key": uuid4().hex})
        if answer.status_code >= 300:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        return json.loads(answer.content)

    business = post(
        "/v1/businesses", name="Bench", zone="Europe/Berlin", locale="en", phone_region="DE", currency="EUR"
    )
    members = [
        post(
            "/v1/resources", name=f"Staff {number}", kind="staff", zone="Europe/Berlin", business_ids=[business["id"]]
        )["id"]
        for number in range(staff)
    ]
    service = post(
        "/v1/services",
        business_id=business["id"],
        name="Cut",
        duration_minutes=30,
        slot_interval_minutes=30,
        booking_window_days=None,
    )
    client_id = post("/v1/clients", name="Grace Hopper", email="grace@example.com")["id"]
    return BenchWorld(organization_id, business["id"], service["id"], members, client_id)


def open_world(desk: httpx2.Client, hours: httpx2.Client, organization_id: UUID, *, staff: int) -> BenchWorld:
    """`set_up`, open around the clock; `desk` and `hours` ask booking and availability. One slot far off is taken."""
    world = set_up(desk, organization_id, staff=staff)
    until(lambda: hours.put(f"/v1/businesses/{world.business_id}/schedule", json={"weekly": ALL_DAY}).is_success)
    until(lambda: desk.post("/v1/appointments", json=world.request(5_000_000)).is_success)
    return world


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the services did not come to agree within a minute")
        time.sleep(0.1)


def stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
