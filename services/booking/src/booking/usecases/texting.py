"""Asking notifications to text clients or staff about appointments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.bulk import BulkOrder, BulkVerb
from booking.domain.errors import NotReachableError
from booking.domain.model import Actor, Appointment
from booking.publishers import Cause, send_message_record
from booking.storage.connections import connection_of
from booking.storage.recipients import Recipient, client_recipients, staff_recipients
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.outbox import OutboxRecord, enqueue


async def send_texts(
    *,
    session: AsyncSession,
    organization_id: UUID,
    order: BulkOrder,
    about: Sequence[Appointment],
    actor: Actor,
    cause: Cause,
    now: datetime,
) -> dict[UUID, SlotstreamError]:
    """One command per recipient; returns the appointments that nobody can be texted about, and why."""
    connection = await connection_of(session)
    to_client = order.verb is BulkVerb.SMS_CLIENT
    if to_client:
        wanted = {one.client_id for one in about}
        known = await client_recipients(connection, organization_id, sorted(wanted))
    else:
        wanted = {each.id for one in about for each in one.resources if each.kind == "staff"}
        known = await staff_recipients(connection, organization_id, sorted(wanted))
    records: dict[UUID, OutboxRecord] = {}
    errors: dict[UUID, SlotstreamError] = {}
    for one in about:
        try:
            recipients = _reachable(_recipients(one, known, to_client=to_client))
        except NotReachableError as error:
            errors[one.id] = error
            continue
        for each in recipients:
            record = send_message_record(
                appointment_id=one.id,
                client_id=each.id if to_client else None,
                resource_id=None if to_client else each.id,
                text=order.text or "",
                message_id=order.message_id(each.id),
                organization_id=organization_id,
                actor=actor,
                cause=cause,
                now=now,
            )
            records.setdefault(each.id, record)
    await enqueue(session, list(records.values()))
    return errors


def _recipients(one: Appointment, known: Mapping[UUID, Recipient], *, to_client: bool) -> list[Recipient]:
    ids = [one.client_id] if to_client else [each.id for each in one.resources if each.kind == "staff"]
    if not ids:
        raise NotReachableError("no_staff", "No member of staff performs this appointment.")
    return [known[each] for each in ids if each in known]


def _reachable(recipients: Sequence[Recipient]) -> list[Recipient]:
    with_phone = [each for each in recipients if each.has_phone]
    if not with_phone:
        raise NotReachableError("no_phone", "There is no phone number to text.")
    consenting = [each for each in with_phone if each.consents]
    if not consenting:
        raise NotReachableError("no_consent", "The client has not agreed to be texted.")
    return consenting
