"""States on compacted topics, as the contracts' own models write them; and what each booking pays for, as JSON."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

import orjson

from slotstream_contracts.base import Message
from slotstream_contracts.envelope import record_headers, schema_uri, wrap
from slotstream_servicekit.context import Cause
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, record_of

SOURCE: Final = "/slotstream/booking"
JSON_OPTIONS: Final = orjson.OPT_UTC_Z
_schema_uri: Final = cache(schema_uri)


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


def json_record(
    data: Mapping[str, object],
    *,
    kind: str,
    type_name: str,
    topic: str,
    organization_id: UUID,
    subject: str,
    version: int,
    now: datetime,
    cause: Cause,
) -> OutboxRecord:
    """As `state_record`, of data that is JSON but for the quotes: a model costs four times as much.

    The tests hold it valid by the message's closed schema.
    """
    identity = new_id()
    envelope = {
        "specversion": "1.0",
        "id": identity,
        "source": SOURCE,
        "type": type_name,
        "subject": subject,
        "time": now,
        "datacontenttype": "application/json",
        "dataschema": _schema_uri(type_name),
        "organization": organization_id,
        "partitionkey": subject,
        "sequence": version,
        "correlationid": cause.correlation_id,
        "data": data,
    }
    if cause.causation_id is not None:
        envelope["causationid"] = cause.causation_id
    if cause.traceparent is not None:
        envelope["traceparent"] = cause.traceparent
    return OutboxRecord(
        id=identity,
        organization_id=organization_id,
        topic=topic,
        key=subject,
        aggregatetype=kind,
        aggregateid=subject,
        type=type_name,
        payload=orjson.dumps(envelope, option=JSON_OPTIONS),
        headers=record_headers(
            id=identity,
            type=type_name,
            organization=organization_id,
            sequence=version,
            traceparent=cause.traceparent,
        ),
    )
