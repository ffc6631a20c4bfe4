"""Connections, and the due-table that they are polled by."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, case, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from calendar_sync.domain import (
    Connection,
    ConnectionId,
    ConnectionKind,
    ConnectionNotFoundError,
    ConnectionState,
    PauseReason,
    ReadingWarning,
    ResourceId,
)
from calendar_sync.storage.tables import connections
from slotstream_servicekit.counting import count_alone
from slotstream_servicekit.notify import notify

DUE_CHANNEL: Final = "connections_due"
"""Notified when a connection falls due before its time."""

_CLAIM = text(
    """
    WITH held AS (
        SELECT organization_id, count(*) AS number FROM connections
        WHERE claim IS NOT NULL AND due_at > :now
        GROUP BY organization_id
    ), ranked AS (
        SELECT c.organization_id, c.id, c.due_at,
            coalesce(h.number, 0) + row_number() OVER (PARTITION BY c.organization_id ORDER BY c.due_at, c.id) AS place
        FROM connections c LEFT JOIN held h USING (organization_id)
        WHERE c.due_at <= :now AND c.state <> 'paused' AND c.kind = ANY(CAST(:kinds AS text[]))
    ), chosen AS (
        SELECT organization_id, id FROM ranked WHERE place <= :most_per_tenant ORDER BY place, due_at LIMIT :limit
    ), taken AS (
        SELECT c.organization_id, c.id FROM connections c JOIN chosen USING (organization_id, id)
        WHERE c.due_at <= :now FOR UPDATE OF c SKIP LOCKED
    )
    UPDATE connections AS c SET claim = :token, due_at = :leased, last_attempt_at = :now, sync_requested = false
    FROM taken WHERE c.organization_id = taken.organization_id AND c.id = taken.id
    RETURNING c.organization_id, c.id, c.sealed_secret,
        (SELECT zone FROM resources r WHERE r.organization_id = c.organization_id AND r.id = c.resource_id) AS zone
    """
)
"""Tenants take turns: first the first due calendar of each, then the second. What a tenant has claimed counts as had,
so that one whose calendars are slow waits behind those with none."""

_SHOWN = [column for column in connections.c if column.name not in ("sealed_secret", "claim")]

_NEXT_DUE = text("SELECT min(due_at) FROM connections WHERE due_at > :now AND state <> 'paused'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A connection that this worker has to read; void once another worker has claimed it anew."""

    token: UUID
    connection: Connection
    sealed_secret: bytes
    zone: str | None


class ConnectionStore:
    """Connections within the tenant of the session's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, connection: Connection, *, sealed_secret: bytes) -> bool:
        """Whether the id was free."""
        values = {**_values_of(connection), "sealed_secret": sealed_secret}
        statement = upsert(connections).values(values).on_conflict_do_nothing().returning(connections.c.id)
        return (await self._session.execute(statement)).first() is not None

    async def count_alone(self, organization_id: UUID) -> int:
        """How many the organization has; until the transaction ends nobody else counts them."""
        return await count_alone(self._session, connections, organization_id)

    async def get(self, organization_id: UUID, connection_id: UUID, *, lock: bool = False) -> Connection:
        statement = select(*_SHOWN).where(
            connections.c.organization_id == organization_id, connections.c.id == connection_id
        )
        row = (await self._session.execute(statement.with_for_update() if lock else statement)).first()
        if row is None:
            raise ConnectionNotFoundError("There is no such connection.")
        return _connection_of(row)

    async def page(
        self,
        organization_id: UUID,
        *,
        resource_ids: Sequence[UUID],
        states: Sequence[ConnectionState],
        after: UUID | None,
        limit: int,
    ) -> Sequence[Connection]:
        """Newest ids last; ids are UUIDv7, or the caller's own."""
        statement = select(*_SHOWN).where(connections.c.organization_id == organization_id)
        if resource_ids:
            statement = statement.where(connections.c.resource_id.in_(resource_ids))
        if states:
            statement = statement.where(connections.c.state.in_(states))
        if after is not None:
            statement = statement.where(connections.c.id > after)
        rows = await self._session.execute(statement.order_by(connections.c.id).limit(limit))
        return [_connection_of(row) for row in rows]

    async def save(self, connection: Connection, *, claim: UUID | None = None) -> None:
        """Writes every field. `claim` None ends whatever claim there was, so that its reading is not applied."""
        await self._session.execute(
            update(connections)
            .where(
                connections.c.organization_id == connection.organization_id,
                connections.c.id == connection.id,
            )
            .values({**_values_of(connection), "claim": claim})
        )

    async def request_sync(self, organization_id: UUID, connection_id: UUID, *, now: datetime) -> None:
        """Makes it fall due, to be read in full: now, or once the reading that is under way has ended.

        A reading under way is kept: whoever asks again and again would else never have the calendar read, or have it
        read many times at once.
        """
        under_way = connections.c.claim.is_not(None) & (connections.c.due_at > now)
        await self._session.execute(
            update(connections)
            .where(connections.c.organization_id == organization_id, connections.c.id == connection_id)
            .values(cursor={}, sync_requested=under_way, due_at=case((under_way, connections.c.due_at), else_=now))
        )

    async def remove(self, organization_id: UUID, connection_id: UUID) -> None:
        await self._session.execute(
            delete(connections).where(
                connections.c.organization_id == organization_id, connections.c.id == connection_id
            )
        )

    async def sealed_secrets(self, *, after: UUID | None, limit: int) -> Sequence[tuple[UUID, bytes]]:
        """Ids, which are unique across organizations, in order, with their sealed secrets."""
        statement = select(connections.c.id, connections.c.sealed_secret).order_by(connections.c.id).limit(limit)
        if after is not None:
            statement = statement.where(connections.c.id > after)
        return [(row.id, bytes(row.sealed_secret)) for row in await self._session.execute(statement)]

    async def replace_secret(self, key: UUID, *, former: bytes, sealed: bytes) -> bool:
        """Whether the secret was still `former`."""
        statement = (
            update(connections)
            .where(connections.c.id == key, connections.c.sealed_secret == former)
            .values(sealed_secret=sealed)
        )
        return bool((await self._session.execute(statement.returning(connections.c.id))).first())

    async def claim_due(
        self,
        *,
        now: datetime,
        lease: timedelta,
        token: UUID,
        kinds: Collection[ConnectionKind],
        limit: int,
        most_per_tenant: int,
    ) -> Sequence[Claim]:
        """Takes what is due; a crashed worker's claims fall due again after the lease.

        Of `kinds` only: one that a newer version of the service has connected is left to that. No tenant holds more
        than `most_per_tenant` claims, over all workers (a few more where two workers claim at the same moment).
        """
        due = await self._session.execute(
            _CLAIM,
            {
                "token": token,
                "leased": now + lease,
                "now": now,
                "kinds": [kind.value for kind in kinds],
                "limit": limit,
                "most_per_tenant": most_per_tenant,
            },
        )
        rows = due.all()
        return [
            Claim(
                token=token,
                connection=await self.get(row.organization_id, row.id),
                sealed_secret=bytes(row.sealed_secret),
                zone=row.zone,
            )
            for row in rows
        ]

    async def next_due(self, *, now: datetime) -> datetime | None:
        """When the next connection falls due, of those that are not due yet."""
        due_at: datetime | None = (await self._session.execute(_NEXT_DUE, {"now": now})).scalar_one()
        return due_at

    async def announce_due(self) -> None:
        """Wakes the pollers when the transaction is committed."""
        await notify(self._session, DUE_CHANNEL)

    async def find_claimed(self, claim: Claim) -> Connection | None:
        """The claimed connection, locked, unless it was removed, paused, or claimed by another since."""
        statement = select(*_SHOWN).where(
            connections.c.organization_id == claim.connection.organization_id,
            connections.c.id == claim.connection.id,
            connections.c.claim == claim.token,
            connections.c.state != ConnectionState.PAUSED,
        )
        row = (await self._session.execute(statement.with_for_update())).first()
        return _connection_of(row) if row is not None else None

    async def read_afresh(self, resources: Sequence[tuple[UUID, UUID]], *, now: datetime) -> None:
        """Makes connections of these (organization, resource) fall due, to be read in full."""
        await self._session.execute(
            text(
                "UPDATE connections AS c SET cursor = '{}', window_ends_at = NULL, claim = NULL, "
                "  due_at = least(c.due_at, :now) "
                "FROM unnest(CAST(:organizations AS uuid[]), CAST(:ids AS uuid[])) AS r(organization_id, id) "
                "WHERE c.organization_id = r.organization_id AND c.resource_id = r.id"
            ),
            {
                "now": now,
                "organizations": [organization_id for organization_id, _ in resources],
                "ids": [resource_id for _, resource_id in resources],
            },
        )


def _values_of(connection: Connection) -> dict[str, Any]:
    values = {column.name: getattr(connection, column.name) for column in _SHOWN}
    return {
        **values,
        "warnings": dict(connection.warnings),
        "warning_examples": [asdict(warning) for warning in connection.warning_examples],
        "cursor": dict(connection.cursor),
    }


def _connection_of(row: Row[Any]) -> Connection:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    reason = fields.pop("pause_reason")
    return Connection(
        **{
            **fields,
            "id": ConnectionId(fields["id"]),
            "resource_id": ResourceId(fields["resource_id"]),
            "kind": ConnectionKind(fields["kind"]),
            "state": ConnectionState(fields["state"]),
            "warning_examples": tuple(ReadingWarning(**warning) for warning in fields["warning_examples"]),
        },
        pause_reason=PauseReason(reason) if reason is not None else None,
    )
