"""What notifications publishes: what became of each message, on `slotstream.messages.v1`. No addresses, no texts."""

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
    Status.PLANNED: lambda _, common: MessagePlanned(**common),
    Status.SENT: lambda message, common: MessageSent(**common, provider_id=message.provider_id),
    Status.DELIVERED: lambda _, common: MessageDelivered(**common),
    Status.FAILED: lambda message, common: MessageFailed(
        **common, code=message.code or "failed", detail=message.detail or ""
    ),
    Status.SUPPRESSED: lambda message, common: MessageSuppressed(**common, reason=message.reason or "suppressed"),
    Status.UNKNOWN: lambda message, common: MessageUnknown(**common, detail=message.detail or ""),
}


def records_of(messages: Iterable[Message]) -> list[OutboxRecord]:
    """The outbox records that tell what each message has become just now."""
    return [record_of(_envelope_of(message), aggregatetype="message") for message in messages]


def _envelope_of(message: Message) -> Envelope[MessageEvent]:
    common = {
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
        _MAKERS[message.status](message, common),
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
