"""What a limited caller may ask for, by name: refused before anything is done, and never half-done.

The database shows and accepts no more than the limits allow; here is said why.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.catalogue import Action, Business, Entry, Resource, Service
from booking.domain.policy import Policy
from booking.domain.series import Occurrence
from booking.storage.connections import connection_of
from booking.storage.erasure import ErasureStore
from slotstream_servicekit.context import Context
from slotstream_servicekit.limits import (
    Limits,
    OutsideBusinessesError,
    OutsideCalendarError,
    OutsideLimitsError,
    beyond_limits,
)


def check_booking(
    limits: Limits,
    policy: Policy,
    *,
    business_id: UUID,
    service_id: UUID | None,
    resource_ids: tuple[UUID, ...] | None,
) -> tuple[UUID, ...] | None:
    """The resources to book: those named, or the caller's own calendar. Raises OutsideLimitsError.

    What does not exist is refused as what is another business's, so that nobody learns which ids there are.
    """
    if not limits.is_limited:
        return resource_ids
    limits.check_business(business_id)
    service = policy.services.get(service_id) if service_id else None
    if service_id is not None and (service is None or not limits.has_business(service.business_id)):
        raise OutsideBusinessesError("You are limited to other businesses than this service's.")
    return check_assignment(limits, policy, resource_ids)


def check_assignment(limits: Limits, policy: Policy, resource_ids: tuple[UUID, ...] | None) -> tuple[UUID, ...] | None:
    """The same of resources alone."""
    for resource_id in resource_ids or ():
        resource = policy.resources.get(resource_id)
        if limits.is_limited and (resource is None or not limits.has_any_business(resource.business_ids)):
            raise OutsideBusinessesError("You are limited to other businesses than this resource's.")
    return limits.own_resources(resource_ids)


def check_entry(limits: Limits, entry: Entry) -> None:
    """Whether the caller may add or change this entry of the catalogue. Raises OutsideLimitsError.

    What several businesses share is changed by those who have all of them.
    """
    if not limits.is_limited:
        return
    if isinstance(entry, Action):
        limits.check_unlimited("The list of actions")
    limits.check_no_calendar()
    if isinstance(entry, Business):
        limits.check_business(entry.id)
    elif isinstance(entry, Service):
        limits.check_business(entry.business_id)
    elif isinstance(entry, Resource):
        limits.check_businesses(entry.business_ids)


def sees_entry(limits: Limits, entry: Entry) -> bool:
    """What several businesses share is seen by those who have one of them. Actions are everybody's."""
    if isinstance(entry, Business):
        return limits.has_business(entry.id)
    if isinstance(entry, Service):
        return limits.has_business(entry.business_id)
    return not isinstance(entry, Resource) or limits.has_any_business(entry.business_ids)


def check_series(limits: Limits, occurrences: Iterable[Occurrence]) -> None:
    """Raises OutsideCalendarError where dates of the series are in other calendars by now: all or none is changed."""
    if limits.is_limited and any(
        occurrence.date.appointment_id is not None and occurrence.appointment is None for occurrence in occurrences
    ):
        raise OutsideCalendarError("Dates of this series are in other calendars than yours.")


async def check_people(session: AsyncSession, context: Context, client_ids: Sequence[UUID], *, what: str) -> None:
    """Raises OutsideLimitsError where these clients have appointments or series that the caller does not see."""
    if not context.limits.is_limited:
        return
    store = ErasureStore(session)
    seen = await store.records_of(context.organization_id, client_ids)
    async with beyond_limits(await connection_of(session), context.limits):
        all_there_are = await store.records_of(context.organization_id, client_ids)
    if all_there_are > seen:
        raise _elsewhere(context.limits, what)


def _elsewhere(limits: Limits, what: str) -> OutsideLimitsError:
    if limits.resource_id is not None:
        return OutsideCalendarError(f"The client has appointments outside your calendar: {what} is for others.")
    return OutsideBusinessesError(f"The client has appointments in other businesses: {what} is for others.")
