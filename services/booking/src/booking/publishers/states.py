"""States on compacted topics, as the contracts' own models write them."""

from datetime import datetime
from typing import Final
from uuid import UUID

from slotstream_contracts.base import Message
from slotstream_contracts.envelope import wrap
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of

SOURCE: Final = "/slotstream/booking"


def state_record(
    state: Message,
    kind: str,
    organization_id: UUID,
    subject: str,
    key: str | None,
    version: int,
    now: datetime,
    cause: Cause,
) -> OutboxRecord:
    envelope = wrap(
        state,
        organization=organization_id,
        subject=subject,
        key=key,
        sequence=version,
        time=now,
        source=SOURCE,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=cause.traceparent,
        id=new_id(),
    )
    return record_of(envelope, aggregatetype=kind)
