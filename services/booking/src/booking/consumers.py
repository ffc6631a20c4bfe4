"""The records that booking consumes: schedules, external busy time, opt-outs, outcomes of messages, and commands."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.domain.messages import MessageOutcome
from booking.storage.messages import MessageStore
from booking.storage.policies import PolicyCache, bump_policy
from booking.storage.projections import (
    BUSY_TABLE,
    CHANNEL_TABLE,
    PREFERENCE_TABLE,
    SCHEDULE_TABLE,
    BusyRow,
    ChannelRow,
    ChannelStore,
    ExternalBusyStore,
    PreferenceRow,
    PreferenceStore,
    ScheduleRow,
    ScheduleStore,
)
from booking.usecases.commands import KNOWN_COMMANDS, ReceivedCommand, answer_commands
from booking.usecases.commands.invalid import refuse_invalid_command
from booking.usecases.waiting_list import noting_opened_calendars, noting_opened_hours
from slotstream_contracts.attributes import Attributes
from slotstream_contracts.channels import OrganizationChannelsState
from slotstream_contracts.commands import appointments_in
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.messages import (
    MessageAnswered,
    MessageDelivered,
    MessageEvent,
    MessageFailed,
    MessagePlanned,
    MessageSent,
    MessageSuppressed,
    MessageUnknown,
)
from slotstream_contracts.preferences import ClientPreferencesState
from slotstream_contracts.schedules import ExternalBusyState, ScheduleState
from slotstream_contracts.topics import (
    BOOKING_COMMANDS,
    CHANNELS,
    CLIENT_PREFERENCES,
    EXTERNAL_BUSY,
    MESSAGES,
    SCHEDULES,
)
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.consumer import Consumers, Handler, InvalidRecord, OnInvalid, Received
from slotstream_servicekit.context import Cause
from slotstream_servicekit.drift import AuditedProjection
from slotstream_servicekit.projections import newest_by_key
from slotstream_servicekit.rebuild import Projection

OUTCOMES: Final = frozenset(
    kind.type
    for kind in (
        MessagePlanned,
        MessageSent,
        MessageDelivered,
        MessageFailed,
        MessageSuppressed,
        MessageUnknown,
        MessageAnswered,
    )
)
"""What the history of an appointment tells of its messages."""


def register(consumers: Consumers, *, policies: PolicyCache, clock: Clock) -> None:
    """Subscribes to everything. Commands are deduplicated by their stored results, not by the inbox: one that
    is sent again is answered again.
    """
    consumers.subscribe(SCHEDULES.name, on_news_of_schedules(clock), dedupe=False)
    consumers.subscribe(EXTERNAL_BUSY.name, on_news_of_external_busy(clock), dedupe=False)
    consumers.subscribe(CLIENT_PREFERENCES.name, on_client_preferences, dedupe=False)
    consumers.subscribe(CHANNELS.name, on_organization_channels, dedupe=False)
    consumers.subscribe(MESSAGES.name, on_messages, types=OUTCOMES, dedupe=False)
    consumers.subscribe(
        BOOKING_COMMANDS.name,
        on_booking_commands(policies, clock),
        types=KNOWN_COMMANDS,
        dedupe=False,
        members=4,
        weigh=appointments_in,
        on_invalid=on_invalid_command(clock),
    )


def projections() -> Sequence[Projection]:
    return (
        Projection(name="schedules", topics=(SCHEDULES.name,), handler=on_schedules, tables=("schedules",)),
        Projection(
            name="external_busy",
            topics=(EXTERNAL_BUSY.name,),
            handler=on_external_busy,
            tables=("external_busy",),
        ),
        Projection(
            name="client_preferences",
            topics=(CLIENT_PREFERENCES.name,),
            handler=on_client_preferences,
            tables=("client_preferences",),
        ),
        Projection(
            name="organization_channels",
            topics=(CHANNELS.name,),
            handler=on_organization_channels,
            tables=("organization_channels",),
        ),
        Projection(
            name="message_events",
            topics=(MESSAGES.name,),
            handler=on_messages,
            tables=("message_events",),
            types=OUTCOMES,
        ),
    )


_AUDITED_PAST: Final = timedelta(days=89)
"""A day less than busy time is kept."""


def audited_projections(*, clock: Clock) -> Sequence[AuditedProjection]:
    """What is compared with its topic all the time, but for rows that housekeeping may have deleted."""

    def busy_row(key: str, event: Envelope[ExternalBusyState]) -> BusyRow | None:
        row = _busy_row(key, event)
        return row if row.ends_at > clock() - _AUDITED_PAST else None

    return (
        AuditedProjection(
            name="schedules",
            topic=SCHEDULES.name,
            table=SCHEDULE_TABLE,
            row_of=lambda _, event: _schedule_row(event),
            key_of=lambda organization_id, key: (organization_id, UUID(key)),
            record_key_of=lambda key: str(key[1]),
        ),
        AuditedProjection(
            name="external_busy",
            topic=EXTERNAL_BUSY.name,
            table=BUSY_TABLE,
            row_of=busy_row,
            key_of=lambda organization_id, key: (organization_id, key),
            record_key_of=lambda key: str(key[1]),
        ),
        AuditedProjection(
            name="client_preferences",
            topic=CLIENT_PREFERENCES.name,
            table=PREFERENCE_TABLE,
            row_of=lambda _, event: _preference_row(event),
            key_of=lambda organization_id, key: (organization_id, UUID(key)),
            record_key_of=lambda key: str(key[1]),
        ),
        AuditedProjection(
            name="organization_channels",
            topic=CHANNELS.name,
            table=CHANNEL_TABLE,
            row_of=lambda _, event: _channel_row(event),
            record_key_of=lambda key: str(key[0]),
        ),
    )


def on_news_of_schedules(clock: Clock) -> Handler:
    """As a rebuild does, and what opens by it is offered to those who wait."""

    async def on_changed_schedules(session: AsyncSession, batch: Sequence[Received[Envelope[ScheduleState]]]) -> None:
        owners: dict[UUID, set[UUID]] = {}
        for record in batch:
            if record.organization_id is not None:
                owner_id = UUID(record.key) if record.event is None else record.event.data.owner_id
                owners.setdefault(record.organization_id, set()).add(owner_id)
        async with noting_opened_hours(session=session, owners=owners, now=clock()):
            await on_schedules(session, batch)

    return on_changed_schedules


def on_news_of_external_busy(clock: Clock) -> Handler:
    """As a rebuild does, and what opens by it is offered to those who wait."""

    async def on_changed_external_busy(
        session: AsyncSession, batch: Sequence[Received[Envelope[ExternalBusyState]]]
    ) -> None:
        keys: dict[UUID, set[str]] = {}
        for record in batch:
            if record.organization_id is not None:
                keys.setdefault(record.organization_id, set()).add(record.key)
        async with noting_opened_calendars(session=session, keys=keys, now=clock()):
            await on_external_busy(session, batch)

    return on_changed_external_busy


async def on_schedules(session: AsyncSession, batch: Sequence[Received[Envelope[ScheduleState]]]) -> None:
    """Keeps schedules, and says that the policies judged by them have changed."""
    newest = newest_by_key(batch).values()
    store = ScheduleStore(session)
    touched = await store.put([_schedule_row(record.event) for record in newest if record.event is not None])
    touched |= await store.forget(
        {
            (record.organization_id, UUID(record.key)): record.sequence
            for record in newest
            if record.event is None and record.organization_id is not None
        }
    )
    if touched:
        await bump_policy(session, touched)


def _schedule_row(event: Envelope[ScheduleState]) -> ScheduleRow:
    state = event.data
    return ScheduleRow(
        organization_id=event.organization,
        owner_id=state.owner_id,
        owner_kind=state.owner_kind,
        schedule=state.model_dump(mode="json", by_alias=True),
        version=state.version,
    )


async def on_external_busy(session: AsyncSession, batch: Sequence[Received[Envelope[ExternalBusyState]]]) -> None:
    """Takes no part in the policy version: the booking statement reads busy time itself."""
    newest = newest_by_key(batch)
    store = ExternalBusyStore(session)
    await store.put([_busy_row(key, record.event) for key, record in newest.items() if record.event is not None])
    await store.forget(
        {
            (record.organization_id, key): record.sequence
            for key, record in newest.items()
            if record.event is None and record.organization_id is not None
        }
    )


def _busy_row(key: str, event: Envelope[ExternalBusyState]) -> BusyRow:
    state = event.data
    return BusyRow(
        organization_id=event.organization,
        key=key,
        id=state.id,
        resource_id=state.resource_id,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        version=state.version,
    )


async def on_client_preferences(
    session: AsyncSession, batch: Sequence[Received[Envelope[ClientPreferencesState]]]
) -> None:
    """Who has opted out of what, so that a bulk message says at once whom it will not reach."""
    newest = newest_by_key(batch).values()
    store = PreferenceStore(session)
    await store.put([_preference_row(record.event) for record in newest if record.event is not None])
    await store.forget(
        {
            (record.organization_id, UUID(record.key)): record.sequence
            for record in newest
            if record.event is None and record.organization_id is not None
        }
    )


def _preference_row(event: Envelope[ClientPreferencesState]) -> PreferenceRow:
    state = event.data
    return PreferenceRow(
        organization_id=event.organization,
        client_id=state.client_id,
        opted_out=state.opted_out,
        version=state.version,
    )


async def on_organization_channels(
    session: AsyncSession, batch: Sequence[Received[Envelope[OrganizationChannelsState]]]
) -> None:
    """On what an organization can send, so that a message on anything else is refused where it is asked for."""
    newest = newest_by_key(batch).values()
    await ChannelStore(session).put([_channel_row(record.event) for record in newest if record.event is not None])


def _channel_row(event: Envelope[OrganizationChannelsState]) -> ChannelRow:
    return ChannelRow(organization_id=event.organization, channels=event.data.channels, version=event.data.version)


async def on_messages(session: AsyncSession, batch: Sequence[Received[Envelope[MessageEvent]]]) -> None:
    """What became of messages, for the history of the appointments that they are about."""
    outcomes = [
        _outcome(record.event, appointment_id)
        for record in batch
        if record.event is not None and (appointment_id := record.event.data.appointment_id) is not None
    ]
    await MessageStore(session).put(outcomes)


_DETAILS: Final = ("reason", "detail", "answer", "code")
"""Where a message's event says more than its type, the most telling first."""
_DECIDED: Final = "decided_by_staff"
"""Somebody has said so, where it was unknown."""


def _outcome(event: Envelope[MessageEvent], appointment_id: UUID) -> MessageOutcome:
    message = event.data
    return MessageOutcome(
        organization_id=event.organization,
        message_id=message.message_id,
        version=event.sequence,
        outcome=event.type.rpartition(".")[2],
        appointment_id=appointment_id,
        client_id=message.client_id,
        resource_id=message.resource_id,
        channel=message.channel,
        kind=message.kind,
        detail=next(
            (getattr(message, name) for name in _DETAILS if getattr(message, name, None)),
            _DECIDED if message.actor is not None else None,
        ),
        due_at=message.due_at,
        occurred_at=message.occurred_at,
    )


def on_booking_commands(policies: PolicyCache, clock: Clock) -> Handler:
    """The handler of commands, with the policies that it judges by."""

    async def handle(session: AsyncSession, batch: Sequence[Received[Envelope[Any]]]) -> None:
        commands = [_command(record.key, record.event) for record in batch if record.event is not None]
        await answer_commands(session=session, policies=policies, commands=commands, now=clock())

    return handle


def on_invalid_command(clock: Clock) -> OnInvalid:
    """Answers whoever sent a command that is set aside, where it says who that was."""

    async def answer(session: AsyncSession, invalid: InvalidRecord) -> None:
        attributes = Attributes.of(invalid.value, invalid.headers)
        if attributes is not None:
            await refuse_invalid_command(
                session=session,
                attributes=attributes,
                code=invalid.cause.code,
                detail=invalid.cause.detail,
                now=clock(),
            )

    return answer


def _command(key: str, event: Envelope[Any]) -> ReceivedCommand:
    return ReceivedCommand(
        id=event.id,
        type=event.type,
        organization_id=event.organization,
        key=key,
        sent_at=event.time,
        command=event.data,
        cause=Cause(
            correlation_id=event.correlationid,
            causation_id=str(event.id),
            traceparent=event.traceparent,
        ),
    )
