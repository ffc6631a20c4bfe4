"""Applying what was read of an external calendar. The reading itself happens with no transaction open."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import (
    BusyChanged,
    BusyChanges,
    BusyGone,
    CalendarConnected,
    CalendarEvent,
    Connection,
    ConnectionKind,
    ConnectionPaused,
    ConnectionState,
    Expansion,
    PauseReason,
    Reading,
    ReadingFailedError,
    Unchanged,
    Window,
    compare,
    instance_id,
    next_poll,
)
from calendar_sync.publishers import publish
from calendar_sync.storage import BusyInstanceStore, Claim, ConnectionStore
from slotstream_servicekit.context import Context

Outcome = Reading | Unchanged | ReadingFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class DueConnections:
    """What a worker has to read, and when there will be more of it: None where that is not known."""

    claims: Sequence[Claim]
    next_due: datetime | None


async def claim_due_connections(
    *,
    session: AsyncSession,
    now: datetime,
    lease: timedelta,
    token: UUID,
    kinds: Collection[ConnectionKind],
    limit: int,
    most_per_tenant: int,
) -> DueConnections:
    """Takes connections that are due, each for one worker, tenants by turns."""
    store = ConnectionStore(session)
    claims = await store.claim_due(
        now=now, lease=lease, token=token, kinds=kinds, limit=limit, most_per_tenant=most_per_tenant
    )
    return DueConnections(claims=claims, next_due=await store.next_due(now=now))


async def record_outcome(
    *,
    session: AsyncSession,
    context: Context,
    claim: Claim,
    outcome: Outcome,
    window: Window,
    interval: timedelta,
) -> Connection | None:
    """Stores what a reading gave; None where the claim is void, and then nothing is changed."""
    connection = await ConnectionStore(session).find_claimed(claim)
    if connection is None:
        return None
    now = context.now
    events: list[CalendarEvent] = []
    match outcome:
        case ReadingFailedError():
            after = _failed(connection, outcome, interval, now)
        case Unchanged():
            after = _succeeded(connection, interval, now)
        case Reading(expansion=expansion) if expansion.is_all_unread:
            after = _all_unread(connection, expansion, interval, now)
        case Reading():
            after, events = await _apply(
                session, connection=connection, reading=outcome, window=window, interval=interval, now=now
            )
    if connection.sync_requested:
        after = replace(after, due_at=now, cursor={}, sync_requested=False)
        await ConnectionStore(session).announce_due()
    if after.state is ConnectionState.OK and connection.state is ConnectionState.PENDING:
        events = [*events, CalendarConnected(connection=after, occurred_at=now)]
    await ConnectionStore(session).save(after)
    await publish(session, events, cause=context.cause)
    return after


async def _apply(
    session: AsyncSession,
    *,
    connection: Connection,
    reading: Reading,
    window: Window,
    interval: timedelta,
    now: datetime,
) -> tuple[Connection, list[CalendarEvent]]:
    busy = BusyInstanceStore(session, connection.organization_id, connection.id)
    changes = compare(await busy.known(), reading.expansion, now=now, window=window)
    if changes.is_mass_deletion and not connection.accepts_deletions:
        return _braked(connection, changes, now)
    revision = connection.revision + bool(changes.upserts or changes.gone)
    if changes.upserts:
        await busy.put(changes.upserts, version=revision)
    if changes.gone:
        await busy.remove([row.id for row in changes.gone])
    after = replace(
        _succeeded(connection, interval, now),
        revision=revision,
        accepts_deletions=False,
        warnings=reading.expansion.warnings,
        warning_examples=reading.expansion.examples,
        busy_instances=len(reading.expansion.instances),
        cursor=reading.cursor,
        window_ends_at=window.ends_at,
    )
    return after, _events_of(after, changes, now)


def _events_of(connection: Connection, changes: BusyChanges, now: datetime) -> list[CalendarEvent]:
    changed = [
        BusyChanged(
            organization_id=connection.organization_id,
            connection_id=connection.id,
            resource_id=connection.resource_id,
            instance_id=instance_id(
                organization_id=connection.organization_id,
                connection_id=connection.id,
                uid=instance.uid,
                recurrence=instance.recurrence,
            ),
            starts_at=instance.starts_at,
            ends_at=instance.ends_at,
            revision=connection.revision,
            occurred_at=now,
        )
        for instance in changes.upserts
    ]
    gone = [
        BusyGone(
            organization_id=connection.organization_id,
            connection_id=connection.id,
            instance_id=row.id,
            revision=connection.revision,
        )
        for row in changes.gone
    ]
    return [*changed, *gone]


def _braked(connection: Connection, changes: BusyChanges, now: datetime) -> tuple[Connection, list[CalendarEvent]]:
    """Nothing is applied: half a calendar gone is more often a broken export than a wish."""
    paused = replace(
        connection,
        state=ConnectionState.PAUSED,
        pause_reason=PauseReason.MASS_DELETION,
        error_code="mass_deletion",
        error_detail=f"{changes.lost} of {changes.upcoming} upcoming busy times are gone from the calendar",
        version=connection.version + 1,
        updated_at=now,
    )
    return paused, [ConnectionPaused(connection=paused, reason=PauseReason.MASS_DELETION, occurred_at=now)]


def _succeeded(connection: Connection, interval: timedelta, now: datetime) -> Connection:
    return _with_version(
        connection,
        replace(
            connection,
            state=ConnectionState.OK,
            error_code=None,
            error_detail=None,
            failures=0,
            last_success_at=now,
            due_at=next_poll(now=now, interval=interval, failures=0),
        ),
        now,
    )


def _failed(connection: Connection, error: ReadingFailedError, interval: timedelta, now: datetime) -> Connection:
    failures = connection.failures + 1
    return _with_version(
        connection,
        replace(
            connection,
            state=ConnectionState.FAILING,
            error_code=error.code,
            error_detail=error.detail,
            failures=failures,
            due_at=next_poll(now=now, interval=interval, failures=failures, retry_after=error.retry_after),
        ),
        now,
    )


def _all_unread(connection: Connection, expansion: Expansion, interval: timedelta, now: datetime) -> Connection:
    """Not one event was understood: what is published stays, and that is a failure, not an empty calendar."""
    error = ReadingFailedError("no_event_readable", f"none of the calendar's {expansion.events} events can be read")
    failed = _failed(connection, error, interval, now)
    return replace(failed, warnings=expansion.warnings, warning_examples=expansion.examples, cursor={})


def _with_version(before: Connection, after: Connection, now: datetime) -> Connection:
    """Polls that find nothing new keep the version, so that an `If-Match` outlives them."""
    if (before.state, before.error_code) == (after.state, after.error_code):
        return after
    return replace(after, version=before.version + 1, updated_at=now)
