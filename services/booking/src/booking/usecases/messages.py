"""Messages and calls to clients or staff about appointments, for notifications to send."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.appointments import Appointment
from booking.domain.bulk import BulkOrder, MessageChannel
from booking.domain.errors import NotReachableError
from booking.domain.messages import Recipient
from booking.publishers import send_message_record
from booking.storage.connections import connection_of
from booking.storage.erasure import appointments_of_erased
from booking.storage.projections import ChannelStore
from booking.storage.recipients import RecipientStore
from booking.usecases.erased_clients import client_was_erased
from slotstream_contracts.template_variables import VARIABLES
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import SlotstreamError
from slotstream_servicekit.outbox import OutboxRecord, enqueue
from slotstream_servicekit.phones import e164, is_landline
from slotstream_servicekit.templates import TemplateSandbox

_SANDBOX: Final = TemplateSandbox(VARIABLES)


async def require_channel(
    *, session: AsyncSession, context: Context, channel: MessageChannel | None, by_default: Collection[str]
) -> None:
    """Raises NotReachableError where the organization can send nothing on it. `by_default`: on what one can that has
    never had accounts of its own.
    """
    if channel is None:
        return
    known = await ChannelStore(session).of(context.organization_id)
    if channel not in (by_default if known is None else known):
        raise NotReachableError("channel_unavailable", f"Nothing can be sent by {channel}: it is not configured")


def require_readable(order: BulkOrder) -> None:
    """Raises TemplateRefusedError for a text that notifications could not fill in; it names the line."""
    if order.with_variables:
        _SANDBOX.check(order.text or "")


async def send_messages(
    *, session: AsyncSession, context: Context, order: BulkOrder, appointments: Sequence[Appointment]
) -> dict[UUID, SlotstreamError]:
    """Publishes one command per recipient; returns the appointments of which somebody cannot be reached, and why.

    About an erased client's appointment nobody is written to, staff as little as the client: the text may name them.
    """
    named = [appointment.id for appointment in appointments]
    of_erased = await appointments_of_erased(await connection_of(session), context.organization_id, named)
    appointments = [appointment for appointment in appointments if appointment.id not in of_erased]
    to_client, channel = order.verb.is_to_client, order.verb.channel or "sms"
    ids = sorted({recipient_id for appointment in appointments for recipient_id in _ids(appointment, to_client)})
    store = RecipientStore(session)
    if to_client:
        known = await store.clients(context.organization_id, ids, channel=channel)
    else:
        known = await store.staff(context.organization_id, ids)
    landlines = _landlines(known.values()) if channel == "sms" else frozenset()
    records: dict[UUID, OutboxRecord] = {}
    errors: dict[UUID, SlotstreamError] = {appointment_id: client_was_erased() for appointment_id in of_erased}
    for appointment in appointments:
        try:
            recipients = _reachable(
                _ids(appointment, to_client),
                known,
                channel,
                landlines=landlines,
                who="client" if to_client else "member of staff",
            )
        except NotReachableError as error:
            errors[appointment.id] = error
            continue
        for recipient in recipients:
            record = send_message_record(
                message_id=(message_id := order.message_id(recipient.id, appointment.id)),
                appointment_id=appointment.id,
                client_id=recipient.id if to_client else None,
                resource_id=None if to_client else recipient.id,
                channel=channel,
                text=order.text or "",
                with_variables=order.with_variables,
                order_id=order.id if order.is_long else None,
                context=context,
            )
            records.setdefault(message_id, record)
    await enqueue(session, list(records.values()))
    return errors


def _ids(appointment: Appointment, to_client: bool) -> list[UUID]:
    if to_client:
        return [appointment.client_id]
    return [resource.id for resource in appointment.resources if resource.kind == "staff"]


def _landlines(recipients: Iterable[Recipient]) -> frozenset[UUID]:
    """Those whose number gets no texts; each is judged once, since reading a number takes long."""
    phones = {recipient.id: recipient.phone for recipient in recipients}
    return frozenset(recipient_id for recipient_id, phone in phones.items() if phone and is_landline(phone))


def _reachable(
    ids: Sequence[UUID],
    known: Mapping[UUID, Recipient],
    channel: MessageChannel,
    *,
    landlines: Collection[UUID],
    who: str,
) -> list[Recipient]:
    """All of them, or the first reason why one is not: a message that half of them get is not sent.

    Who has a browser that takes push messages is known to notifications alone.
    """
    if not ids:
        raise NotReachableError("no_staff", "No member of staff performs this appointment.")
    recipients: list[Recipient] = []
    for recipient_id in ids:
        recipient = known.get(recipient_id)
        if channel in ("sms", "voice"):
            _require_number(recipient.phone if recipient is not None else None, f"the {who} {recipient_id}")
        if recipient is None or (channel == "email" and not recipient.has_email):
            raise NotReachableError("no_address", f"There is no address of the {who} {recipient_id}.")
        if recipient.archived:
            raise NotReachableError("recipient_archived", f"The {who} {recipient_id} is archived.")
        if recipient.opted_out:
            raise NotReachableError("opted_out", f"The {who} {recipient_id} has opted out of such messages.")
        if not recipient.consents:
            raise NotReachableError("no_consent", f"The {who} {recipient_id} has not agreed to such messages.")
        if recipient.id in landlines:
            raise NotReachableError("landline", f"The {who} {recipient_id} has a landline, which gets no texts.")
        recipients.append(recipient)
    return recipients


def _require_number(phone: str | None, whose: str) -> None:
    """Raises NotReachableError where there is none, or one of an unknown country, which may be anybody's."""
    if not phone:
        raise NotReachableError("no_phone", f"There is no phone number of {whose}.")
    if e164(phone) is None:
        raise NotReachableError("invalid_address", f"The phone number of {whose} names no country.")
