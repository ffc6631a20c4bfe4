"""Whom appointments were for until that was corrected: where an erase looks beside the client's own."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from booking.domain.erasure import KeptEntry
from slotstream_servicekit.database import Connection


@dataclass(frozen=True, slots=True)
class FormerClientStore:
    """Former clients of one organization's appointments, within the transaction of `connection`."""

    connection: Connection
    organization_id: UUID

    async def remember(self, *, appointment_id: UUID, client_id: UUID) -> None:
        await self.connection.execute(
            """
            INSERT INTO former_clients (organization_id, client_id, appointment_id) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING
            """,
            self.organization_id,
            client_id,
            appointment_id,
        )

    async def entries_of(self, appointment_ids: Sequence[UUID]) -> dict[UUID, list[KeptEntry]]:
        """By appointment, its whole history as it is kept."""
        rows = await self.connection.fetch(_ENTRIES, self.organization_id, list(appointment_ids))
        entries: dict[UUID, list[KeptEntry]] = defaultdict(list)
        for row in rows:
            values = dict(row)
            entries[values.pop("appointment_id")].append(KeptEntry(**values))
        return entries

    async def rewrite(self, appointment_id: UUID, entries: Iterable[KeptEntry]) -> None:
        for entry in entries:
            key = self.organization_id, appointment_id, entry.version
            fields, state = orjson.dumps(entry.fields).decode(), orjson.dumps(entry.state).decode()
            await self.connection.execute(_REWRITE, *key, entry.reason, fields, state)
            if entry.override_reason is not None:
                await self.connection.execute(_REWRITE_OVERRIDE, *key, entry.override_reason)


_ENTRIES: Final = """
SELECT h.appointment_id, h.version, h.reason, h.fields, h.state, o.reason AS override_reason
FROM history h LEFT JOIN overrides o USING (organization_id, appointment_id, version)
WHERE h.organization_id = $1 AND h.appointment_id = ANY($2) ORDER BY h.appointment_id, h.version
"""
_REWRITE: Final = """
UPDATE history SET reason = $4, fields = $5::json, state = $6::json
WHERE organization_id = $1 AND appointment_id = $2 AND version = $3
"""
_REWRITE_OVERRIDE: Final = """
UPDATE overrides SET reason = $4 WHERE organization_id = $1 AND appointment_id = $2 AND version = $3
"""
