"""The auditor: looks all the time for what must never be, and says so in a gauge that must stay 0."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from booking.storage.audit import QUESTIONS, count_faults, next_organizations
from booking.storage.connections import connection_of
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

FAULTS: Final = Gauge(
    "slotstream_booking_audit_faults",
    "Double bookings, missing time and time taken by nothing, as found in the tables: must be 0",
    ("kind",),
)
FINISHED: Final = Gauge(
    "slotstream_booking_audit_finished_timestamp_seconds",
    "When the auditor last went through all organizations: faults of 0 say nothing of what came after",
)
KINDS: Final = tuple(QUESTIONS)
_AT_ONCE: Final = 100
"""How many organizations one transaction asks about."""


async def audit_portion(
    *, session: AsyncSession, after: UUID | None, kinds: Sequence[str] = KINDS, limit: int = _AT_ONCE
) -> tuple[UUID | None, dict[str, int]]:
    """Counts what must not be, by kind, of the organizations that come next; the last of them, None at the end."""
    connection = await connection_of(session)
    organizations = await next_organizations(connection, after=after, limit=limit)
    if not organizations:
        return None, {}
    faults = await count_faults(connection, organizations, kinds=kinds)
    for kind, count in faults.items():
        if count:
            log.error("audit_found_faults", kind=kind, count=count, first=str(organizations[0]))
    return organizations[-1], faults


def tell_found(found: Mapping[str, int]) -> None:
    """Tells the gauge what a round has found so far: faults do not wait for its end, nor for one that fails."""
    for kind, count in found.items():
        if count:
            FAULTS.labels(kind=kind).set(count)


def tell_finished(found: Mapping[str, int], *, at: datetime) -> None:
    """Tells what a whole round has found, none included."""
    for kind in QUESTIONS:
        FAULTS.labels(kind=kind).set(found.get(kind, 0))
    FINISHED.set(at.timestamp())
