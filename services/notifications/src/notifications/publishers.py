"""What notifications publishes: what became of each message, without addresses and texts, and who has opted out."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from notifications.domain.answers import InboundMessage, Meaning
from notifications.domain.contacts import Preference
from notifications.domain.messages import Audience, Channel, Message, Status
from notifications.domain.opt_outs import STOPPED_BY_NUMBER
from slotstream_contracts.base import Actor
from slotstream_contracts.channels import OrganizationChannelsState
from slotstream_contracts.commands import CancelAppointment, ConfirmAppointment
from slotstream_contracts.envelope import Envelope, wrap
from slotstream_contracts.messages import (
    MessageAnswered,
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessagePlanned,
    MessageRead,
    MessageReceived,
    MessageSent,
    MessageSuppressed,
    MessageUnknown,
)
from slotstream_contracts.preferences import ClientPreferencesState
from slotstream_contracts.topics import CLIENT_PREFERENCES
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of, tombstone

SOURCE = "/slotstream/notifications"

_ANSWERS: Mapping[Meaning, Literal["confirm", "cancel", "call_back", "stop"]] = {
    Meaning.CONFIRM: "confirm",
    Meaning.CANCEL: "cancel",
    Meaning.CALL_BACK: "call_back",
    Meaning.STOP: "stop",
}

_MAKERS: Mapping[Status, Callable[[Message, dict[str, Any]], MessageEvent]] = {
    Status.PLANNED: lambda _, common: MessagePlanned(**common),
    # The provider's words stay in the ledger, where an erase empties them: this topic is kept for ever.
    Status.SENT: lambda _, common: MessageSent(**common),
    Status.DELIVERED: lambda _, common: MessageDelivered(**common),
    Status.FAILED: lambda message, common: MessageFailed(
        **common, code=message.code or "failed", detail=message.detail or ""
    ),
    Status.SUPPRESSED: lambda message, common: MessageSuppressed(**common, reason=message.reason or "suppressed"),
    Status.UNKNOWN: lambda message, common: MessageUnknown(**common, detail=message.detail or ""),
}


_CANCELLED_BY: Mapping[Channel, str] = {
    Channel.SMS: "Cancelled by text message",
    Channel.VOICE: "Cancelled by a key on the phone",
}


def records_of(messages: Iterable[Message], *, decided_by: str | None = None) -> list[OutboxRecord]:
    """The outbox records that tell what each message has become just now; `decided_by`: on the word of which user."""
    actor = Actor(type="user", id=decided_by) if decided_by is not None else None
    return [record_of(_envelope_of(message, actor), aggregatetype="message") for message in messages]


def answer_command(answer: InboundMessage, *, shown_starts_at: datetime, cause: Cause) -> OutboxRecord:
    """Has booking confirm or cancel, as the client, while the appointment has the time that the client was told."""
    assert answer.appointment_id is not None  # noqa: S101 - what is asked of booking is about one
    common: dict[str, Any] = {
        "actor": Actor(type="client", id=str(answer.client_id)),
        "appointment_id": answer.appointment_id,
        "shown_starts_at": shown_starts_at,
    }
    command = (
        ConfirmAppointment(**common)
        if answer.meaning is Meaning.CONFIRM
        else CancelAppointment(**common, reason=_CANCELLED_BY[answer.channel])
    )
    envelope = wrap(command, id=answer.id, subject=str(answer.appointment_id), sequence=0, **_caused(answer, cause))
    return record_of(envelope, aggregatetype="command")


def answered_record(answer: InboundMessage, *, cause: Cause) -> OutboxRecord:
    """That a client has answered, and what; not in their words."""
    event = MessageAnswered(
        message_id=answer.id,
        organization_id=answer.organization_id,
        appointment_id=answer.appointment_id,
        client_id=answer.client_id,
        channel=answer.channel.value,
        kind="answer",
        due_at=answer.received_at,
        occurred_at=answer.received_at,
        answer=_ANSWERS[answer.meaning],
    )
    envelope = wrap(event, id=new_id(), subject=str(answer.id), sequence=answer.version, **_caused(answer, cause))
    return record_of(envelope, aggregatetype="message")


def received_record(inbound: InboundMessage, *, cause: Cause) -> OutboxRecord:
    """That somebody has written, or pressed a key; not in their words."""
    return _inbound_record(MessageReceived(**_inbound(inbound, inbound.received_at)), inbound, cause)


def read_record(inbound: InboundMessage, *, cause: Cause, now: datetime) -> OutboxRecord:
    """That a member of staff has seen what somebody wrote."""
    return _inbound_record(MessageRead(**_inbound(inbound, now)), inbound, cause, now)


def _inbound(inbound: InboundMessage, occurred_at: datetime) -> dict[str, Any]:
    return {
        "message_id": inbound.id,
        "organization_id": inbound.organization_id,
        "appointment_id": inbound.appointment_id,
        "client_id": inbound.client_id,
        "channel": inbound.channel.value,
        "kind": "inbound",
        "due_at": inbound.received_at,
        "occurred_at": occurred_at,
    }


def _inbound_record(
    event: MessageEvent, inbound: InboundMessage, cause: Cause, now: datetime | None = None
) -> OutboxRecord:
    caused = _caused(inbound, cause) | ({} if now is None else {"time": now})
    envelope = wrap(event, id=new_id(), subject=str(inbound.id), sequence=inbound.version, **caused)
    return record_of(envelope, aggregatetype="message")


def _caused(answer: InboundMessage, cause: Cause) -> dict[str, Any]:
    return {
        "organization": answer.organization_id,
        "key": str(answer.appointment_id or answer.id),
        "time": answer.received_at,
        "source": SOURCE,
        "correlation_id": cause.correlation_id,
        "causation_id": cause.causation_id,
        "traceparent": cause.traceparent,
    }


def preference_record(preference: Preference, *, cause: Cause, now: datetime) -> OutboxRecord:
    """The channels that a client has opted out of now, by a preference or by STOP."""
    opted_out = {*preference.opted_out, *(STOPPED_BY_NUMBER if preference.stopped else ())}
    state = ClientPreferencesState(
        client_id=preference.client_id,
        organization_id=preference.organization_id,
        opted_out=tuple(channel.value for channel in Channel if channel in opted_out),
        updated_at=now,
        version=preference.version,
    )
    envelope = wrap(
        state,
        organization=preference.organization_id,
        subject=str(preference.client_id),
        sequence=preference.version,
        time=now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype="client_preferences")


def organization_channels_record(
    organization_id: UUID, channels: Collection[Channel], *, version: int, cause: Cause, now: datetime
) -> OutboxRecord:
    state = OrganizationChannelsState(
        organization_id=organization_id,
        channels=tuple(channel.value for channel in Channel if channel in channels),
        updated_at=now,
        version=version,
    )
    envelope = wrap(
        state,
        organization=organization_id,
        subject=str(organization_id),
        sequence=version,
        time=now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype="organization_channels")


def preference_tombstone(organization_id: UUID, client_id: UUID, version: int) -> OutboxRecord:
    return tombstone(
        organization_id=organization_id,
        topic=CLIENT_PREFERENCES.name,
        key=str(client_id),
        type=ClientPreferencesState.type,
        aggregatetype="client_preferences",
        aggregateid=str(client_id),
        version=version + 1,
    )


def _envelope_of(message: Message, actor: Actor | None) -> Envelope[MessageEvent]:
    common = {
        "message_id": message.id,
        "organization_id": message.organization_id,
        "appointment_id": message.about,
        "client_id": message.client_id if message.audience is Audience.CLIENT else None,
        "resource_id": message.resource_id,
        "channel": message.channel.value,
        "kind": message.kind.value,
        "due_at": message.due_at,
        "occurred_at": message.updated_at,
        "actor": actor,
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
