"""Clients by phone number and e-mail address, through the driver's connection: found in one call, written in few."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final
from uuid import UUID
from zlib import crc32

import asyncpg

from booking.domain.clients import Client, KnownContact
from slotstream_servicekit.database import Connection
from slotstream_servicekit.locks import LockClass

_LOCKS: Final = 1_024
"""Addresses share this many locks: a batch of hundreds takes no more than PostgreSQL keeps room for."""

_FIELDS: Final = tuple(field.name for field in fields(Client))
_FIND: Final = f"""
SELECT contact_phone, contact_email, {", ".join(f"(client).{name}" for name in _FIELDS)} FROM find_clients($1, $2, $3)
"""


async def find_contacts(
    connection: Connection, organization_id: UUID, *, phones: Sequence[str], emails: Sequence[str]
) -> list[KnownContact]:
    """Whom these lead to, oldest first, archived ones last; none erased. Binds the tenant itself."""
    rows = await connection.fetch(
        _FIND,
        organization_id,
        list(phones),
        list(emails),
    )
    return [KnownContact(phone=row["contact_phone"], email=row["contact_email"], client=_client(row)) for row in rows]


async def lock_clients(
    connection: Connection, organization_id: UUID, ids: Iterable[UUID], *, to_change: bool
) -> dict[UUID, int]:
    """The versions of these clients, who stay as they are until the transaction ends.

    Whoever takes several clients takes them in the order of their ids, so that none waits for another in a circle.
    """
    rows = await connection.fetch(
        f"""
        SELECT id, version FROM clients WHERE organization_id = $1 AND id = ANY($2) ORDER BY id
        FOR {"NO KEY UPDATE" if to_change else "SHARE"}
        """,
        organization_id,
        list(ids),
    )
    return {row["id"]: row["version"] for row in rows}


def _client(row: asyncpg.Record) -> Client:
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    consent = values["consent"]
    return Client(**{**values, "consent": None if consent is None else tuple(consent)})


def contact_locks(organization_id: UUID, contacts: Iterable[str]) -> list[tuple[int, int]]:
    """Advisory locks of those who make or change something with one of these, in an order that all keep."""
    keys = {crc32(organization_id.bytes + contact.encode()) % _LOCKS for contact in contacts}
    return [(int(LockClass.CLIENT_CONTACT), key) for key in sorted(keys)]


_WRITTEN: Final = (
    "name",
    "phone",
    "email",
    "locale",
    "zone",
    "consent",
    "search",
    "sort_name",
    "archived",
    "updated_at",
    "version",
)
_ADD: Final = f"""
INSERT INTO clients (organization_id, id, created_at, {", ".join(_WRITTEN)})
VALUES ($1, $2, $3, {", ".join(f"${number}" for number, _ in enumerate(_WRITTEN, start=4))})
"""
_SAVE: Final = f"""
UPDATE clients SET {", ".join(f"{name} = ${number}" for number, name in enumerate(_WRITTEN, start=4))}
WHERE organization_id = $1 AND id = $2 AND created_at = $3
"""


async def write_clients(connection: Connection, *, added: Sequence[Client], changed: Sequence[Client]) -> None:
    if added:
        await connection.executemany(_ADD, [_values(client) for client in added])
    if changed:
        await connection.executemany(_SAVE, [_values(client) for client in changed])


def _values(client: Client) -> list[object]:
    written = {name: getattr(client, name) for name in _WRITTEN}
    written["consent"] = None if client.consent is None else list(client.consent)
    return [client.organization_id, client.id, client.created_at, *written.values()]
