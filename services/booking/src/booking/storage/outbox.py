"""The outbox, written through the driver's connection."""

from collections.abc import Sequence

from slotstream_servicekit.database import Connection
from slotstream_servicekit.outbox import OutboxRecord, outbox_arrays


async def enqueue_records(connection: Connection, records: Sequence[OutboxRecord]) -> None:
    """Writes `records` in their order, in the transaction that is under way."""
    if records:
        await connection.execute(_ENQUEUE, *outbox_arrays(records).values())


_ENQUEUE = """
INSERT INTO outbox (id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers)
SELECT id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::bytea[], $10::text[]) WITH ORDINALITY
     AS r(id, organization_id, lane, topic, key, aggregatetype, aggregateid, type, payload, headers, position)
ORDER BY position
"""
