"""Stored answers of the booking statement's idempotency keys, read and written by the driver's connection."""

from typing import Any
from uuid import UUID

import orjson

from booking.storage.bookings import IdempotencyClaim
from booking.storage.connections import reading
from slotstream_servicekit.http.idempotency import StoredAnswer


async def read_answer(connection: Any, organization_id: UUID, claim: IdempotencyClaim) -> StoredAnswer | None:
    """What was answered under this key, once that is decided."""
    async with reading(connection, organization_id):
        row = await connection.fetchrow(
            """
            SELECT fingerprint, status, headers, body FROM idempotency_keys
            WHERE organization_id = $1 AND caller = $2 AND key = $3 AND status IS NOT NULL
            """,
            organization_id,
            claim.caller,
            claim.key,
        )
    if row is None:
        return None
    return StoredAnswer(row["fingerprint"], row["status"], row["headers"], row["body"])


async def keep_answer(
    connection: Any, organization_id: UUID, claim: IdempotencyClaim, answer: StoredAnswer
) -> StoredAnswer | None:
    """Stores a refusal, unless another request was quicker with this key: then that one's answer."""
    async with reading(connection, organization_id):
        kept = await connection.fetchval(
            """
            INSERT INTO idempotency_keys (organization_id, caller, key, fingerprint, status, headers, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1
            """,
            organization_id,
            claim.caller,
            claim.key,
            answer.fingerprint,
            answer.status,
            orjson.dumps(dict(answer.headers)).decode(),
            answer.body,
        )
    return None if kept else await read_answer(connection, organization_id, claim)
