"""What notifications is asked to send."""

from uuid import UUID

from booking.domain.bulk import MessageChannel
from booking.publishers.states import SOURCE
from slotstream_contracts.base import Actor
from slotstream_contracts.envelope import wrap
from slotstream_contracts.messages import SendMessage, WithdrawMessages
from slotstream_servicekit.context import Context
from slotstream_servicekit.outbox import OutboxRecord, record_of


def send_message_record(
    *,
    message_id: UUID,
    appointment_id: UUID,
    client_id: UUID | None,
    resource_id: UUID | None,
    channel: MessageChannel,
    text: str,
    with_variables: bool,
    order_id: UUID | None,
    context: Context,
) -> OutboxRecord:
    """A message or a call for notifications. The command's id is the message's: sent twice, it is one message."""
    cause = context.cause
    command = SendMessage(
        actor=_actor(context),
        message_id=message_id,
        appointment_id=appointment_id,
        client_id=client_id,
        resource_id=resource_id,
        channel=channel,
        text=text,
        with_variables=with_variables,
        order_id=order_id,
    )
    envelope = wrap(
        command,
        organization=context.organization_id,
        subject=str(appointment_id),
        sequence=1,
        time=context.now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=message_id,
    )
    return record_of(envelope, aggregatetype="message")


def withdraw_messages_record(*, order_id: UUID, context: Context) -> OutboxRecord:
    """Has notifications send nothing more of the order."""
    cause = context.cause
    envelope = wrap(
        WithdrawMessages(actor=_actor(context), order_id=order_id),
        organization=context.organization_id,
        subject=str(order_id),
        sequence=1,
        time=context.now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
    )
    return record_of(envelope, aggregatetype="message")


def _actor(context: Context) -> Actor:
    actor = context.actor
    return Actor(type=actor.type, id=actor.id, call_id=actor.call_id, on_behalf_of=actor.on_behalf_of)
