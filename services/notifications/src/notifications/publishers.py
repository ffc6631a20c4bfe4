"""What notifications says: what became of each message, on `slotstream.messages.v1`. No addresses, no texts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from notifications.domain import Audience, Message, Status
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.messages import (
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessagePlanned,
    MessageSent,
    MessageSuppressed,
    MessageUnknown,
)
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of

SOURCE = "/slotstream/notifications"

_MAKERS: Mapping[Status, Callable[[Message, dict[str, Any]], MessageEvent]] = {
    Status.PLANNED: lambda _, facts: MessagePlanned(**facts),
    Status.SENT: lambda message, facts: MessageSent(**facts, provider_id=message.provider_id),
    Status.DELIVERED: lambda _, facts: MessageDelivered(**facts),
    Status.FAILED: lambda message, facts: MessageFailed(
        **facts, code=message.code or "failed", detail=message.detail or ""
    ),
    Status.SUPPRESSED: lambda message, facts: MessageSuppressed(**facts, reason=message.why or "suppressed"),
    Status.UNKNOWN: lambda message, facts: MessageUnknown(**facts, detail=message.detail or ""),
}


def records_of(messages: Iterable[Message]) -> list[OutboxRecord]:
    """The outbox records that tell what each message has become just now."""
    return [record_of(_envelope_of(each), aggregatetype="message") for each in messages]


def _envelope_of(message: Message) -> Envelope[MessageEvent]:
    facts = {
        "message_id": message.id,
        "organization_id": message.organization_id,
        "appointment_id": message.appointment_id,
        "client_id": message.client_id if message.audience is Audience.CLIENT else None,
        "resource_id": message.resource_id,
        "channel": message.channel.value,
        "kind": message.kind.value,
        "due_at": message.due_at,
        "occurred_at": message.updated_at,
    }
    return wrap(
        _MAKERS[message.status](message, facts),
        organization=message.organization_id,
        subject=str(message.id),
        key=str(message.appointment_id),
        sequence=message.version,
        time=message.updated_at,
        source=SOURCE,
        correlation_id=message.correlation_id,
        causation_id=message.causation_id,
        traceparent=message.traceparent,
        id=new_id(),
    )
