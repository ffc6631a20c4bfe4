"""Checking what could be booked: every reason against each request by itself. Nothing is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from booking.domain.errors import ExternalIdTakenError
from booking.domain.requests import BookingRequest, Plan, plan_booking
from booking.domain.seating import Seating, seat
from booking.storage.external_ids import ExternalIdStore, ExternalKey
from booking.storage.policies import Policies
from booking.usecases.claiming import calendars_of
from slotstream_servicekit.context import Context
from slotstream_servicekit.database import Connection
from slotstream_servicekit.errors import Reason, SlotstreamError


async def check_appointments(
    *, connection: Connection, policies: Policies, context: Context, requests: Sequence[BookingRequest]
) -> list[Seating | SlotstreamError]:
    """Every reason against each request by itself, or who could have it; changes nothing."""
    policy = await policies.current(connection, context.organization_id)
    plans: list[Plan | SlotstreamError] = []
    for request in requests:
        try:
            plans.append(plan_booking(policy, request, client_id=request.client_id or request.id, now=context.now))
        except SlotstreamError as error:
            plans.append(error)
    calendars = await calendars_of(connection, policy, [plan.wanted for plan in plans if isinstance(plan, Plan)])
    taken = await _taken_external_ids(connection, context, requests)
    return [
        plan
        if isinstance(plan, SlotstreamError)
        else _with_taken(
            seat(policy, plan.wanted, calendars=calendars, holder_id=plan.request.id, now=context.now),
            taken.get(plan.request.id, ()),
        )
        for plan in plans
    ]


def _with_taken(seating: Seating, taken: tuple[Reason, ...]) -> Seating:
    """The seating, refused where the external id is taken."""
    return replace(seating, reasons=(*taken, *seating.reasons), free=()) if taken else seating


async def _taken_external_ids(
    connection: Connection, context: Context, requests: Sequence[BookingRequest]
) -> Mapping[UUID, tuple[Reason, ...]]:
    """By request, that its external id is another appointment's."""
    keys = {request.id: key for request in requests if (key := ExternalKey.of(request))}
    holders = await ExternalIdStore(connection, context.organization_id).holders(set(keys.values()))
    return {
        request_id: ExternalIdTakenError(key.external_id, holders[key]).reasons
        for request_id, key in keys.items()
        if key in holders and holders[key] != request_id
    }
