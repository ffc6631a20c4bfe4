"""The auditor: looks all the time for what must never be, and says so in a gauge that must stay 0."""

from typing import Final

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from booking.storage.audit import count_faults
from booking.storage.connections import connection_of
from slotstream_servicekit.telemetry import get_logger

log = get_logger(__name__)

FAULTS: Final = Gauge(
    "slotstream_booking_audit_faults",
    "Double bookings, missing time and time taken by nothing, as found in the tables: must be 0",
    ("kind",),
)


async def audit_occupancy(*, session: AsyncSession) -> dict[str, int]:
    """Counts what must not be, by kind, and tells the gauge."""
    faults = await count_faults(await connection_of(session))
    for kind, count in faults.items():
        FAULTS.labels(kind=kind).set(count)
        if count:
            log.error("audit_found_faults", kind=kind, count=count)
    return faults
