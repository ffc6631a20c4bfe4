"""Connecting, pausing, resuming and disconnecting external calendars."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import (
    MOST_CONNECTIONS,
    BusyGone,
    Connection,
    ConnectionId,
    ConnectionKind,
    ConnectionPaused,
    ConnectionPausedError,
    ConnectionState,
    IdTakenError,
    PauseReason,
    ResourceId,
    TooManyConnectionsError,
)
from calendar_sync.publishers import publish
from calendar_sync.storage import BusyInstanceStore, ConnectionStore
from calendar_sync.usecases.limits import check_calendar, require_calendar
from slotstream_servicekit.context import Context
from slotstream_servicekit.errors import VersionConflictError


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionChange:
    """What a caller wants changed; None leaves a field as it is."""

    name: str | None = None
    paused: bool | None = None
    accept_deletions: bool = False


async def connect_calendar(
    *,
    session: AsyncSession,
    context: Context,
    connection_id: UUID,
    resource_id: UUID,
    kind: ConnectionKind,
    name: str,
    address: str,
    sealed_secret: bytes,
) -> Connection:
    """Stores a connection that is due at once. `address` is the secret's public part, fit to be shown."""
    await require_calendar(session, context, resource_id)
    connection = Connection(
        id=ConnectionId(connection_id),
        organization_id=context.organization_id,
        resource_id=ResourceId(resource_id),
        kind=kind,
        name=name,
        address=address,
        state=ConnectionState.PENDING,
        warnings={},
        cursor={},
        due_at=context.now,
        created_at=context.now,
        updated_at=context.now,
        version=1,
    )
    store = ConnectionStore(session)
    if not await store.add(connection, sealed_secret=sealed_secret):
        raise IdTakenError("The id is in use already.")
    if await store.count_alone(context.organization_id) > MOST_CONNECTIONS:
        raise TooManyConnectionsError(f"There are {MOST_CONNECTIONS} connections already: disconnect one first.")
    await store.announce_due()
    return connection


async def change_connection(
    *,
    session: AsyncSession,
    context: Context,
    connection_id: UUID,
    change: ConnectionChange,
    expected_version: int | None,
) -> Connection:
    """Renames, pauses or resumes. What is published of a paused calendar goes on blocking time.

    A connection that paused itself before a mass deletion pauses again at the next reading, unless it is
    resumed with `accept_deletions`, which holds for one reading.
    """
    store = ConnectionStore(session)
    before = await store.get(context.organization_id, connection_id, lock=True)
    await check_calendar(session, context, before.resource_id)
    _check_version(before, expected_version)
    after = _changed(before, change, context.now)
    if after == before:
        return before
    after = replace(after, version=before.version + 1, updated_at=context.now)
    await store.save(after)
    if after.due_at != before.due_at:
        await store.announce_due()
    if after.state is ConnectionState.PAUSED and before.state is not ConnectionState.PAUSED:
        paused = ConnectionPaused(connection=after, reason=PauseReason.REQUESTED, occurred_at=context.now)
        await publish(session, [paused], cause=context.cause)
    return after


def _changed(connection: Connection, change: ConnectionChange, now: datetime) -> Connection:
    if change.name is not None:
        connection = replace(connection, name=change.name)
    paused = connection.state is ConnectionState.PAUSED
    if change.paused is True and not paused:
        return replace(connection, state=ConnectionState.PAUSED, pause_reason=PauseReason.REQUESTED)
    if change.paused is False and paused:
        return replace(
            connection,
            state=ConnectionState.PENDING,
            pause_reason=None,
            accepts_deletions=change.accept_deletions,
            failures=0,
            error_code=None,
            error_detail=None,
            cursor={},
            due_at=now,
        )
    return connection


async def request_sync(
    *, session: AsyncSession, context: Context, connection_id: UUID, expected_version: int | None
) -> Connection:
    """Has the calendar read in full: at once, or once the reading that is under way has ended."""
    store = ConnectionStore(session)
    connection = await store.get(context.organization_id, connection_id, lock=True)
    await check_calendar(session, context, connection.resource_id)
    _check_version(connection, expected_version)
    if connection.state is ConnectionState.PAUSED:
        raise ConnectionPausedError("The connection is paused; resume it to have it read.")
    await store.request_sync(context.organization_id, connection_id, now=context.now)
    await store.announce_due()
    return await store.get(context.organization_id, connection_id)


async def disconnect_calendar(
    *, session: AsyncSession, context: Context, connection_id: UUID, expected_version: int | None
) -> None:
    """Forgets the connection and its secret, and frees the time that its events took."""
    store = ConnectionStore(session)
    connection = await store.get(context.organization_id, connection_id, lock=True)
    await check_calendar(session, context, connection.resource_id)
    _check_version(connection, expected_version)
    known = await BusyInstanceStore(session, context.organization_id, connection_id).known()
    gone = [
        BusyGone(
            organization_id=context.organization_id,
            connection_id=connection_id,
            instance_id=instance.id,
            revision=connection.revision + 1,
        )
        for instance in known
    ]
    await publish(session, gone, cause=context.cause)
    await store.remove(context.organization_id, connection_id)


def _check_version(connection: Connection, expected: int | None) -> None:
    if expected is not None and expected != connection.version:
        raise VersionConflictError(connection.version)
