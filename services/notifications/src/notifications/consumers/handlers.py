"""The handlers: each takes a batch of one topic, in one transaction, to the use cases."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import Counter
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from notifications.consumers.appointment_events import texts_of, uuid_of
from notifications.consumers.projected_states import client_of
from notifications.consumers.records import (
    Batch,
    changes_in,
    items_in,
    last_cause,
    offers_in,
    requests_in,
    series_news_in,
    users_in,
    verdicts_in,
    withdrawals_in,
)
from notifications.domain.channels import Channels
from notifications.domain.opt_outs import NumberDigests
from notifications.usecases.answers import receive_verdicts
from notifications.usecases.messages import request_messages
from notifications.usecases.planning import plan_for_clients, plan_for_staff, plan_messages
from notifications.usecases.preferences import tell_stops
from notifications.usecases.projections import apply_appointment_states, apply_catalogue, apply_clients, read_clients
from notifications.usecases.quiet_replans import move_for_zones, zones_of
from notifications.usecases.series import plan_series_messages
from notifications.usecases.users import apply_users, plan_for_calendars
from notifications.usecases.waiting_list import plan_offers
from notifications.usecases.withdrawals import withdraw_messages
from slotstream_contracts.topics import APPOINTMENTS, NOTIFICATION_COMMANDS, SERIES, WAITING_LIST
from slotstream_servicekit.clock import Clock
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.projections import newest_by_key

PASSED_OVER = Counter(
    "slotstream_records_passed_over", "Records too old to be acted on, of which only the state was kept", ("topic",)
)


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
        changes = changes_in(batch)
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
        news = series_news_in(batch)
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
        news = offers_in(batch)
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
        cause = last_cause(batch)
        if self.numbers is not None and cause is not None:
            await tell_stops(
                session=session,
                clients=await read_clients(session=session, states=states),
                numbers=self.numbers,
                cause=cause,
                now=now,
            )
        planned = cause is not None and await plan_for_clients(
            session=session, clients=keys, channels=self.channels, cause=cause, now=now
        )
        moved = bool(zones) and await move_for_zones(session=session, before=zones, now=now)
        if woken or planned or moved:
            self._wake_after_commit(session)

    async def on_catalogue(self, session: AsyncSession, batch: Batch) -> None:
        cause = last_cause(batch)
        if cause is None:
            return
        states, now = items_in(batch), self.clock()
        woken = await apply_catalogue(session=session, states=states, now=now)
        resources = [state for state in states if state.kind == "resource"]
        planned = await plan_for_calendars(session=session, resources=resources, cause=cause, now=now)
        keys = {(resource.organization_id, resource.id) for resource in resources}
        reached = await plan_for_staff(session=session, staff=keys, now=now)
        if woken or planned or reached:
            self._wake_after_commit(session)

    async def on_users(self, session: AsyncSession, batch: Batch) -> None:
        states, removed = users_in(batch)
        cause = last_cause(batch) or Cause(correlation_id=str(new_id()))
        if await apply_users(session=session, states=states, removed=removed, cause=cause, now=self.clock()):
            self._wake_after_commit(session)

    async def on_notification_commands(self, session: AsyncSession, batch: Batch) -> None:
        requests, withdrawals = requests_in(batch), withdrawals_in(batch)
        now = self.clock()
        if withdrawals:
            await withdraw_messages(session=session, withdrawals=withdrawals, now=now)
        recent = [request for request in requests if request.time >= now - self.passed_over_after]
        if recent and await request_messages(session=session, requests=recent, channels=self.channels, now=now):
            self._wake_after_commit(session)
        self._count_passed_over(NOTIFICATION_COMMANDS.name, [request.time for request in requests])

    async def on_booking_results(self, session: AsyncSession, batch: Batch) -> None:
        """What booking made of clients' answers."""
        verdicts = verdicts_in(batch)
        if verdicts and await receive_verdicts(
            session=session, verdicts=verdicts, channels=self.channels, now=self.clock()
        ):
            self._wake_after_commit(session)

    def _count_passed_over(self, topic: str, times: Sequence[datetime]) -> None:
        oldest = self.clock() - self.passed_over_after
        PASSED_OVER.labels(topic).inc(sum(time < oldest for time in times))

    def _wake_after_commit(self, session: AsyncSession) -> None:
        event.listen(session.sync_session, "after_commit", lambda _: self.wake.set(), once=True)
