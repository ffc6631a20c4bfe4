"""Putting right whom an open appointment is for, which service it is and how long it takes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from booking.domain.appointments import Appointment
from booking.domain.changes import Override
from booking.domain.corrections import Correction
from booking.domain.errors import ClientOfSeriesError
from booking.storage.bookings import BookingStore
from booking.storage.former_clients import FormerClientStore
from booking.storage.occupancy import OccupancyStore
from booking.storage.policies import Policies
from booking.usecases.limits import check_booking
from booking.usecases.resolving import hold_client
from booking.usecases.retaking import correct_time
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection


async def correct(
    connection: Connection,
    policies: Policies,
    context: Context,
    old: Appointment,
    correction: Correction,
    *,
    resource_ids: Sequence[UUID] | None,
    override_reason: str | None,
) -> tuple[dict[str, Any], Override | None]:
    """The values that follow from the correction of `old`, which is locked; what it sets aside, where it does.

    Turns are taken before clients and clients before time, as whoever moves an appointment does.
    """
    if correction.is_empty:
        return {}, None
    await _check_limits(connection, policies, context, old, correction, resource_ids)
    takes_anew = correction.takes_anew(old)
    if takes_anew:
        await OccupancyStore(connection, context.organization_id).take_turns()
    values = await _correct_client(connection, old, correction.client_id) if correction.client_id else {}
    if not takes_anew:
        return values | ({"service_name": correction.service_name} if correction.service_name else {}), None
    timed, override = await correct_time(
        connection, policies, context, old, correction, resource_ids=resource_ids, override_reason=override_reason
    )
    return values | timed, override


async def _check_limits(
    connection: Connection,
    policies: Policies,
    context: Context,
    old: Appointment,
    correction: Correction,
    resource_ids: Sequence[UUID] | None,
) -> None:
    if not context.limits.is_limited:
        return
    check_booking(
        context.limits,
        await policies.current(connection, context.organization_id),
        business_id=old.business_id,
        service_id=correction.service_id,
        resource_ids=tuple(resource_ids) if resource_ids else None,
    )


async def _correct_client(connection: Connection, old: Appointment, client_id: UUID) -> dict[str, Any]:
    """Whom it is for from now on: whoever stands for the client that was named."""
    store = BookingStore(connection, old.organization_id)
    if client_id == old.client_id or await store.current_client(old.client_id) == client_id:
        return {}
    if old.series_id is not None:
        raise ClientOfSeriesError("One date of a series cannot be another client's: cancel it, and book theirs.")
    right = await hold_client(connection, old.organization_id, client_id, beside=old.client_id)
    if right == await store.current_client(old.client_id):
        return {}
    former = FormerClientStore(connection, old.organization_id)
    await former.remember(appointment_id=old.id, client_id=old.client_id)
    return {"client_id": right}
