"""A small town to ask about: one organization, a business in Berlin, staff, and the events that others send."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI

from availability.consumers import on_appointments, on_catalogue, on_external_busy, on_holds
from availability.storage import AvailabilityReader
from slotstream_contracts.appointments import AppointmentSnapshot, AppointmentState, AssignedResource
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.holds import HoldState
from slotstream_contracts.schedules import ExternalBusyState
from slotstream_servicekit.consumer import Received
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.testing.databases import FreshDatabase

START = datetime(2026, 5, 31, 10, tzinfo=UTC)  # a Sunday
WORK_WEEK = [{"weekday": day, "intervals": [{"from": "09:00", "to": "12:00"}]} for day in range(5)]
MONDAY = {"from": "2026-06-01", "to": "2026-06-02"}


@dataclass
class FakeClock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


def received(data: Any, *, organization: UUID, key: str | None = None) -> Received[Envelope[Any]]:
    """The record as the consumer hands it on."""
    subject = str(getattr(data, "id", None) or data.appointment.id)
    version = getattr(data, "version", None) or data.appointment.version
    event = wrap(
        data,
        organization=organization,
        subject=subject,
        key=key,
        sequence=version,
        time=START,
        source="/slotstream/test",
        correlation_id="test",
    )
    return Received(event, event.partitionkey, event.topic, 0, 0, START, organization)


@dataclass
class Town:
    """Sends catalogue, appointment and busy states as booking and calendar sync would."""

    fresh: FreshDatabase
    app: FastAPI
    clock: FakeClock
    organization: UUID = field(default_factory=new_id)
    business: UUID = field(default_factory=new_id)
    service: UUID = field(default_factory=new_id)
    anna: UUID = field(default_factory=new_id)
    ben: UUID = field(default_factory=new_id)

    async def apply(self, handler: Callable[..., Awaitable[None]], *records: Received[Any]) -> None:
        async with self.fresh.database.system_transaction() as session:
            await handler(session, records)

    def record(self, state: Any) -> Received[Envelope[Any]]:
        return received(state, organization=self.organization)

    async def catalogue(self, *states: Any) -> None:
        await self.apply(on_catalogue, *map(self.record, states))

    async def appointments(self, *states: AppointmentState) -> None:
        await self.apply(on_appointments, *map(self.record, states))

    async def busy(self, *records: Received[Any]) -> None:
        await self.apply(on_external_busy, *records)

    async def holds(self, *records: Received[Any]) -> None:
        await self.apply(on_holds, *records)

    def a_business(self, **changes: Any) -> BusinessState:
        values = {
            "id": self.business,
            "organization_id": self.organization,
            "name": "Salon",
            "zone": "Europe/Berlin",
            "phone_region": "DE",
            "currency": "EUR",
            "updated_at": START,
            "version": 1,
        }
        return BusinessState.model_validate({**values, **changes})

    def a_resource(self, resource_id: UUID, **changes: Any) -> ResourceState:
        values = {
            "id": resource_id,
            "organization_id": self.organization,
            "name": "Somebody",
            "kind": "staff",
            "zone": "Europe/Berlin",
            "business_ids": [self.business],
            "updated_at": START,
            "version": 1,
        }
        return ResourceState.model_validate({**values, **changes})

    def a_service(self, **changes: Any) -> ServiceState:
        values = {
            "id": self.service,
            "organization_id": self.organization,
            "name": "Cut",
            "business_id": self.business,
            "duration_minutes": 60,
            "slot_interval_minutes": 60,
            "updated_at": START,
            "version": 1,
        }
        return ServiceState.model_validate({**values, **changes})

    def an_appointment(self, start: str, *resources: UUID, **changes: Any) -> AppointmentState:
        starts_at = datetime.fromisoformat(start)
        values = {
            "id": new_id(),
            "organization_id": self.organization,
            "business_id": self.business,
            "zone": "Europe/Berlin",
            "client_id": new_id(),
            "service_id": self.service,
            "service_name": "Cut",
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=1),
            "resources": [AssignedResource(id=one, kind="staff", name="Somebody") for one in resources],
            "status": "scheduled",
            "source": "manual",
            "calendar_uid": "uid",
            "occupies": True,
            "created_at": START,
            "updated_at": START,
            "version": 1,
        }
        return AppointmentState(appointment=AppointmentSnapshot.model_validate({**values, **changes}))

    def a_hold(self, start: str, *resources: UUID, expires_at: str, **changes: Any) -> Received[Envelope[Any]]:
        starts_at = datetime.fromisoformat(start)
        ends_at = starts_at + timedelta(hours=1)
        values = {
            "id": new_id(),
            "organization_id": self.organization,
            "business_id": self.business,
            "service_id": self.service,
            "resource_ids": resources,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "blocked_from": starts_at,
            "blocked_to": ends_at,
            "expires_at": datetime.fromisoformat(expires_at),
            "version": 1,
        }
        return self.record(HoldState.model_validate({**values, **changes}))

    def an_external_event(self, start: str, resource: UUID, key: str, **changes: Any) -> Received[Any]:
        starts_at = datetime.fromisoformat(start)
        values = {
            "id": new_id(),
            "organization_id": self.organization,
            "resource_id": resource,
            "connection_id": new_id(),
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=1),
            "updated_at": START,
            "version": 1,
        }
        state = ExternalBusyState.model_validate({**values, **changes})
        return received(state, organization=self.organization, key=key)

    def a_tombstone(self, key: str) -> Received[Any]:
        return Received(None, key, "slotstream.external-busy.v1", 0, 1, START, self.organization)

    def a_reader(self, *, entries: int = 10_000) -> AvailabilityReader:
        """The reading side of one API process."""
        return AvailabilityReader(database=self.fresh.database, occupancy_cache_entries=entries)


def starts_of(answer: httpx2.Response) -> list[str]:
    """The local times of every slot of an answer."""
    assert answer.status_code == 200, answer.text
    return [slot["local_time"] for day in answer.json()["days"] for slot in day["slots"]]


def free_of(answer: httpx2.Response) -> dict[str, Sequence[str]]:
    assert answer.status_code == 200, answer.text
    return {slot["local_time"]: slot["resource_ids"] for day in answer.json()["days"] for slot in day["slots"]}
