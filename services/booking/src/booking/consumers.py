"""What booking hears: schedules, external busy time, and what other services ask of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from booking.publishers import Cause
from booking.storage.messages import MessageEventRow, apply_message_events
from booking.storage.policies import PolicyCache, bump_policy
from booking.storage.projections import (
    BusyRow,
    ScheduleRow,
    apply_busy,
    apply_schedules,
    forget_busy,
    forget_schedules,
)
from booking.usecases.commands import KNOWN_COMMANDS, Asked, answer_commands
from slotstream_contracts.commands import appointments_in
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.messages import MessageEvent
from slotstream_contracts.schedules import ExternalBusyState, ScheduleState
from slotstream_contracts.topics import BOOKING_COMMANDS, EXTERNAL_BUSY, MESSAGES, SCHEDULES
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.consumer import Consumers, Handler, Received
from slotstream_servicekit.rebuild import Projection


def register(consumers: Consumers, *, policies: PolicyCache, clock: Clock) -> None:
    """Subscribes to everything. Commands are deduplicated by their stored results, not by the inbox: one that
    is sent again is answered again.
    """
    consumers.subscribe(SCHEDULES.name, on_schedules, dedupe=False)
    consumers.subscribe(EXTERNAL_BUSY.name, on_external_busy, dedupe=False)
    consumers.subscribe(MESSAGES.name, on_messages, dedupe=False)
    consumers.subscribe(
        BOOKING_COMMANDS.name,
        on_commands(policies, clock),
        types=KNOWN_COMMANDS,
        dedupe=False,
        members=3,
        weigh=appointments_in,
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
        Projection(name="message_events", topics=(MESSAGES.name,), handler=on_messages, tables=("message_events",)),
    )


async def on_schedules(session: AsyncSession, batch: Sequence[Received[Envelope[ScheduleState]]]) -> None:
    newest = {one.key: one for one in batch}
    rows = [_schedule_row(one.event) for one in newest.values() if one.event is not None]
    gone = [UUID(key) for key, one in newest.items() if one.event is None]
    touched = await apply_schedules(session, rows) if rows else set()
    if gone:
        touched |= await forget_schedules(session, gone)
    if touched:
        await bump_policy(session, touched)


def _schedule_row(event: Envelope[ScheduleState]) -> ScheduleRow:
    state = event.data
    return ScheduleRow(
        organization_id=event.organization,
        owner_id=state.owner_id,
        owner_kind=state.owner_kind,
        schedule=state.model_dump_json(by_alias=True),
        version=state.version,
    )


async def on_external_busy(session: AsyncSession, batch: Sequence[Received[Envelope[ExternalBusyState]]]) -> None:
    """Takes no part in the policy version: the booking statement reads busy time itself."""
    newest = {one.key: one for one in batch}
    rows = [_busy_row(key, one.event) for key, one in newest.items() if one.event is not None]
    gone = [key for key, one in newest.items() if one.event is None]
    if rows:
        await apply_busy(session, rows)
    if gone:
        await forget_busy(session, gone)


def _busy_row(key: str, event: Envelope[ExternalBusyState]) -> BusyRow:
    state = event.data
    return BusyRow(
        key=key,
        organization_id=event.organization,
        id=state.id,
        resource_id=state.resource_id,
        starts_at=state.starts_at,
        ends_at=state.ends_at,
        version=state.version,
    )


async def on_messages(session: AsyncSession, batch: Sequence[Received[Envelope[MessageEvent]]]) -> None:
    """What became of messages, for the history of the appointments that they are about."""
    rows = [
        _message_row(one.event, appointment_id)
        for one in batch
        if one.event is not None and (appointment_id := one.event.data.appointment_id) is not None
    ]
    if rows:
        await apply_message_events(session, rows)


_DETAILS = ("reason", "detail", "answer", "code")
"""Where a message's event says more than its type, the most telling first."""


def _message_row(event: Envelope[MessageEvent], appointment_id: UUID) -> MessageEventRow:
    said = event.data
    return MessageEventRow(
        organization_id=event.organization,
        message_id=said.message_id,
        version=event.sequence,
        appointment_id=appointment_id,
        client_id=said.client_id,
        channel=said.channel,
        kind=said.kind,
        outcome=event.type.rpartition(".")[2],
        detail=next((getattr(said, name) for name in _DETAILS if getattr(said, name, None)), None),
        due_at=said.due_at,
        occurred_at=said.occurred_at,
    )


def on_commands(policies: PolicyCache, clock: Clock) -> Handler:
    async def on_booking_commands(session: AsyncSession, batch: Sequence[Received[Envelope[Any]]]) -> None:
        commands = [_asked(one.key, one.event) for one in batch if one.event is not None]
        await answer_commands(session=session, policies=policies, commands=commands, now=clock())

    return on_booking_commands


def _asked(key: str, event: Envelope[Any]) -> Asked:
    return Asked(
        id=event.id,
        type=event.type,
        organization_id=event.organization,
        key=key,
        command=event.data,
        cause=Cause(
            correlation_id=event.correlationid,
            causation_id=str(event.id),
            traceparent=event.traceparent,
        ),
    )
