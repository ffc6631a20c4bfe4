"""What arrives from other services: appointment events, clients, the catalogue, and requests to send a message."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.appointment_events import change_of, texts_of, uuid_of
from notifications.domain import (
    AppointmentChange,
    Channel,
    Channels,
    MessageRequest,
    NumberDigests,
    User,
    WaitingListNews,
    Withdrawal,
)
from notifications.projected_states import client_of, item_of, user_of
from notifications.series_events import news_of
from notifications.storage import Verdict
from notifications.usecases.answers import receive_verdicts
from notifications.usecases.messages import request_messages
from notifications.usecases.planning import plan_for_clients, plan_for_staff, plan_messages
from notifications.usecases.preferences import tell_stops
from notifications.usecases.projections import (
    apply_appointment_states,
    apply_appointments,
    apply_catalogue,
    apply_clients,
    read_clients,
)
from notifications.usecases.quiet_replans import move_for_zones, zones_of
from notifications.usecases.series import apply_series, plan_series_messages
from notifications.usecases.users import apply_users, keep_users, plan_for_calendars
from notifications.usecases.waiting_list import apply_waiting_list, plan_offers
from notifications.usecases.withdrawals import withdraw_messages
from notifications.waiting_list_events import offer_news_of
from slotstream_contracts.appointments import (
    AppointmentEvent,
    AppointmentState,
)
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_contracts.clients import ClientState
from slotstream_contracts.commands import CancelAppointment, CommandRefused, CommandSucceeded, ConfirmAppointment
from slotstream_contracts.envelope import Envelope
from slotstream_contracts.messages import SendMessage, WithdrawMessages
from slotstream_contracts.series import (
    SeriesCancelled,
    SeriesChanged,
    SeriesCreated,
    SeriesEvent,
    SeriesExtended,
)
from slotstream_contracts.topics import (
    APPOINTMENT_STATES,
    APPOINTMENTS,
    BOOKING_RESULTS,
    CATALOGUE,
    CLIENTS,
    NOTIFICATION_COMMANDS,
    SERIES,
    USERS,
    WAITING_LIST,
)
from slotstream_contracts.users import UserState
from slotstream_contracts.waiting_list import (
    WaitingListEntryAdded,
    WaitingListEntryBooked,
    WaitingListEntryDeclined,
    WaitingListEntryExpired,
    WaitingListEntryLapsed,
    WaitingListEntryOffered,
    WaitingListEntryWithdrawn,
    WaitingListEvent,
)
from slotstream_servicekit.clock import Clock, system_clock
from slotstream_servicekit.consumer import Consumers, Received
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.projections import newest_by_key
from slotstream_servicekit.rebuild import Projection

PASSED_OVER = Counter(
    "slotstream_records_passed_over", "Records too old to be acted on, of which only the state was kept", ("topic",)
)

CATALOGUE_TYPES = frozenset({BusinessState.type, ResourceState.type, ServiceState.type})

SERIES_TYPES = frozenset({SeriesCreated.type, SeriesExtended.type, SeriesChanged.type, SeriesCancelled.type})

WAITING_LIST_TYPES = frozenset(
    event.type
    for event in (
        WaitingListEntryAdded,
        WaitingListEntryOffered,
        WaitingListEntryDeclined,
        WaitingListEntryLapsed,
        WaitingListEntryBooked,
        WaitingListEntryExpired,
        WaitingListEntryWithdrawn,
    )
)

RESULT_TYPES = frozenset({CommandSucceeded.type, CommandRefused.type})
_ANSWERS = frozenset({ConfirmAppointment.type, CancelAppointment.type})
"""The commands of ours."""

Batch = Sequence[Received[Envelope[Any]]]


@dataclass(kw_only=True)
class Handlers:
    """The handlers. `wake` is set after the commit that planned something, or that something waited for."""

    clock: Clock
    channels: Channels
    news_lifetime: timedelta
    passed_over_after: timedelta
    notify_staff: bool
    numbers: NumberDigests | None = None
    """Tells numbers that have opted out; None where nobody is told of them."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_appointments(self, session: AsyncSession, batch: Batch) -> None:
        """Plans what the events call for. What is too old for news is kept as state, and nobody is told of it."""
        changes = _changes(batch)
        if changes and await plan_messages(
            session=session,
            changes=changes,
            channels=self.channels,
            now=self.clock(),
            news_lifetime=self.news_lifetime,
            passed_over_after=self.passed_over_after,
            notify_staff=self.notify_staff,
        ):
            self._wake_after_commit(session)
        self._count_passed_over(APPOINTMENTS.name, [change.time for change in changes])

    async def on_series(self, session: AsyncSession, batch: Batch) -> None:
        """Plans the messages of series. Events of their appointments may have come before, or come later."""
        news = [
            news_of(record.event) for record in batch if record.event and isinstance(record.event.data, SeriesEvent)
        ]
        if news and await plan_series_messages(
            session=session,
            news=news,
            channels=self.channels,
            now=self.clock(),
            news_lifetime=self.news_lifetime,
            passed_over_after=self.passed_over_after,
            notify_staff=self.notify_staff,
        ):
            self._wake_after_commit(session)
        self._count_passed_over(SERIES.name, [one.time for one in news])

    async def on_waiting_list(self, session: AsyncSession, batch: Batch) -> None:
        news = _offers(batch)
        if news and await plan_offers(
            session=session,
            news=news,
            channels=self.channels,
            now=self.clock(),
            passed_over_after=self.passed_over_after,
        ):
            self._wake_after_commit(session)
        self._count_passed_over(WAITING_LIST.name, [one.time for one in news])

    async def on_appointment_states(self, session: AsyncSession, batch: Batch) -> None:
        newest = newest_by_key(batch)
        texts = [texts_of(record.event.data) for record in newest.values() if record.event is not None]
        gone = [
            appointment_id
            for key, record in newest.items()
            if record.event is None and (appointment_id := uuid_of(key))
        ]
        if await apply_appointment_states(session=session, texts=texts, gone=gone, now=self.clock()):
            self._wake_after_commit(session)

    async def on_clients(self, session: AsyncSession, batch: Batch) -> None:
        states = [client_of(record.event.data) for record in newest_by_key(batch).values() if record.event is not None]
        erased = [client_id for record in batch if record.event is None and (client_id := uuid_of(record.key))]
        now = self.clock()
        keys = {(client.organization_id, client.id) for client in states}
        zones = await zones_of(session=session, clients=keys) if keys else {}
        woken = await apply_clients(session=session, states=states, erased=erased, now=now)
        last = next((record.event for record in reversed(batch) if record.event is not None), None)
        if self.numbers is not None and last is not None:
            await tell_stops(
                session=session,
                clients=await read_clients(session=session, states=states),
                numbers=self.numbers,
                cause=Cause(correlation_id=last.correlationid, traceparent=last.traceparent),
                now=now,
            )
        planned = last is not None and await plan_for_clients(
            session=session,
            clients=keys,
            channels=self.channels,
            cause=Cause(correlation_id=last.correlationid, traceparent=last.traceparent),
            now=now,
        )
        moved = bool(zones) and await move_for_zones(session=session, before=zones, now=now)
        if woken or planned or moved:
            self._wake_after_commit(session)

    async def on_catalogue(self, session: AsyncSession, batch: Batch) -> None:
        states = [item_of(record.event.data) for record in batch if record.event is not None]
        last = next((record.event for record in reversed(batch) if record.event is not None), None)
        if last is None:
            return
        now = self.clock()
        woken = await apply_catalogue(session=session, states=states, now=now)
        resources = [state for state in states if state.kind == "resource"]
        planned = await plan_for_calendars(
            session=session,
            resources=resources,
            cause=Cause(correlation_id=last.correlationid, traceparent=last.traceparent),
            now=now,
        )
        keys = {(resource.organization_id, resource.id) for resource in resources}
        reached = await plan_for_staff(session=session, staff=keys, now=now)
        if woken or planned or reached:
            self._wake_after_commit(session)

    async def on_users(self, session: AsyncSession, batch: Batch) -> None:
        states, removed = users_of(batch)
        last = next((record.event for record in reversed(batch) if record.event is not None), None)
        cause = Cause(
            correlation_id=last.correlationid if last is not None else str(new_id()),
            traceparent=last.traceparent if last is not None else None,
        )
        if await apply_users(session=session, states=states, removed=removed, cause=cause, now=self.clock()):
            self._wake_after_commit(session)

    async def on_notification_commands(self, session: AsyncSession, batch: Batch) -> None:
        requests = [
            _request(record.event) for record in batch if record.event and isinstance(record.event.data, SendMessage)
        ]
        withdrawals = [
            Withdrawal(organization_id=record.event.organization, order_id=record.event.data.order_id)
            for record in batch
            if record.event and isinstance(record.event.data, WithdrawMessages)
        ]
        now = self.clock()
        if withdrawals:
            await withdraw_messages(session=session, withdrawals=withdrawals, now=now)
        recent = [request for request in requests if request.time >= now - self.passed_over_after]
        if recent and await request_messages(session=session, requests=recent, channels=self.channels, now=now):
            self._wake_after_commit(session)
        self._count_passed_over(NOTIFICATION_COMMANDS.name, [request.time for request in requests])

    async def on_booking_results(self, session: AsyncSession, batch: Batch) -> None:
        """What booking made of clients' answers."""
        verdicts = [_verdict(record.event) for record in batch if record.event is not None and _is_answer(record.event)]
        if verdicts and await receive_verdicts(
            session=session, verdicts=verdicts, channels=self.channels, now=self.clock()
        ):
            self._wake_after_commit(session)

    def _count_passed_over(self, topic: str, times: Sequence[datetime]) -> None:
        oldest = self.clock() - self.passed_over_after
        PASSED_OVER.labels(topic).inc(sum(time < oldest for time in times))

    def _wake_after_commit(self, session: AsyncSession) -> None:
        event.listen(session.sync_session, "after_commit", lambda _: self.wake.set(), once=True)


def register(consumers: Consumers, handlers: Handlers) -> None:
    # The ledger's keys make every message happen once, however old a record is, so that no inbox is needed.
    consumers.subscribe(APPOINTMENTS.name, handlers.on_appointments, dedupe=False)
    consumers.subscribe(SERIES.name, handlers.on_series, types=SERIES_TYPES, dedupe=False)
    consumers.subscribe(WAITING_LIST.name, handlers.on_waiting_list, types=WAITING_LIST_TYPES, dedupe=False)
    consumers.subscribe(
        NOTIFICATION_COMMANDS.name,
        handlers.on_notification_commands,
        types=frozenset({SendMessage.type, WithdrawMessages.type}),
        dedupe=False,
    )
    consumers.subscribe(
        APPOINTMENT_STATES.name,
        handlers.on_appointment_states,
        types=frozenset({AppointmentState.type}),
        dedupe=False,
    )
    consumers.subscribe(CLIENTS.name, handlers.on_clients, types=frozenset({ClientState.type}), dedupe=False)
    consumers.subscribe(CATALOGUE.name, handlers.on_catalogue, types=CATALOGUE_TYPES, dedupe=False)
    consumers.subscribe(USERS.name, handlers.on_users, types=frozenset({UserState.type}), dedupe=False)
    consumers.subscribe(BOOKING_RESULTS.name, handlers.on_booking_results, types=RESULT_TYPES, dedupe=False)


def projections() -> Sequence[Projection]:
    """What `slotstream rebuild notifications` makes anew. Nobody is told again."""
    handlers = Handlers(
        clock=system_clock,
        channels=Channels([], immediate=()),
        news_lifetime=timedelta(),
        passed_over_after=timedelta(),
        notify_staff=False,
    )
    return [
        Projection(
            name="appointments", topics=[APPOINTMENTS.name], handler=on_past_appointments, tables=["appointments"]
        ),
        Projection(name="series", topics=[SERIES.name], handler=on_past_series, tables=["series"], types=SERIES_TYPES),
        Projection(
            name="waiting_list_entries",
            topics=[WAITING_LIST.name],
            handler=on_past_waiting_list,
            tables=["waiting_list_entries"],
            types=WAITING_LIST_TYPES,
        ),
        Projection(
            name="appointment_texts",
            topics=[APPOINTMENT_STATES.name],
            handler=handlers.on_appointment_states,
            tables=["appointment_texts"],
            types=frozenset({AppointmentState.type}),
        ),
        Projection(name="clients", topics=[CLIENTS.name], handler=handlers.on_clients, tables=["clients"]),
        Projection(
            name="catalogue",
            topics=[CATALOGUE.name],
            handler=on_past_catalogue,
            tables=["catalogue"],
            types=CATALOGUE_TYPES,
        ),
        Projection(
            name="users",
            topics=[USERS.name],
            handler=on_past_users,
            tables=["users"],
            types=frozenset({UserState.type}),
        ),
    ]


async def on_past_appointments(session: AsyncSession, batch: Batch) -> None:
    """For a rebuild: keeps the states, and plans nothing."""
    await apply_appointments(session=session, changes=_changes(batch))


async def on_past_series(session: AsyncSession, batch: Batch) -> None:
    """For a rebuild: keeps the states, and plans nothing."""
    news = [news_of(record.event) for record in batch if record.event and isinstance(record.event.data, SeriesEvent)]
    await apply_series(session=session, states=[one.series for one in news])


async def on_past_catalogue(session: AsyncSession, batch: Batch) -> None:
    """For a rebuild: keeps the states, and plans nothing."""
    states = [item_of(record.event.data) for record in batch if record.event is not None]
    await apply_catalogue(session=session, states=states, now=system_clock())


async def on_past_users(session: AsyncSession, batch: Batch) -> None:
    """For a rebuild: keeps the states, and plans nothing."""
    states, removed = users_of(batch)
    await keep_users(session=session, states=states, removed=removed, now=system_clock())


def users_of(batch: Batch) -> tuple[list[User], dict[tuple[UUID, str], int | None]]:
    """The newest states, and who was removed, with the version that is told of that."""
    newest = newest_by_key(batch)
    states = [user_of(record.event.data) for record in newest.values() if record.event is not None]
    removed = {
        (record.organization_id, key): record.sequence
        for key, record in newest.items()
        if record.event is None and record.organization_id is not None
    }
    return states, removed


async def on_past_waiting_list(session: AsyncSession, batch: Batch) -> None:
    """For a rebuild: keeps the states, and plans nothing."""
    await apply_waiting_list(session=session, news=_offers(batch))


def _offers(batch: Batch) -> list[WaitingListNews]:
    return [
        offer_news_of(record.event)
        for record in batch
        if record.event and isinstance(record.event.data, WaitingListEvent)
    ]


def _changes(batch: Batch) -> list[AppointmentChange]:
    return [
        change_of(record.event) for record in batch if record.event and isinstance(record.event.data, AppointmentEvent)
    ]


def _request(envelope: Envelope[Any]) -> MessageRequest:
    data = cast("SendMessage", envelope.data)
    return MessageRequest(
        organization_id=envelope.organization,
        message_id=data.message_id,
        appointment_id=data.appointment_id,
        client_id=data.client_id,
        resource_id=data.resource_id,
        channel=Channel(data.channel),
        text=data.text,
        with_variables=data.with_variables,
        order_id=data.order_id,
        time=envelope.time,
        correlation_id=envelope.correlationid,
        causation_id=str(envelope.id),
        traceparent=envelope.traceparent,
    )


def _is_answer(envelope: Envelope[Any]) -> bool:
    return envelope.data.command_type in _ANSWERS


def _verdict(envelope: Envelope[Any]) -> Verdict:
    data = cast("CommandSucceeded | CommandRefused", envelope.data)
    return Verdict(
        organization_id=envelope.organization,
        command_id=data.command_id,
        code=data.code if isinstance(data, CommandRefused) else None,
    )
