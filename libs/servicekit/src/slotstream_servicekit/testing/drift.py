"""Whether a service's projections are audited: its audit run over records, as if one partition held them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from slotstream_servicekit.consumer.records import Decode
from slotstream_servicekit.database import Database
from slotstream_servicekit.drift import AuditedProjection, ProjectionAudit, Round
from slotstream_servicekit.kafka import KafkaConnection


class _Event(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def organization(self) -> UUID: ...
    @property
    def sequence(self) -> int: ...
    def model_dump_json(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as Kafka gives it."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    partition: int = 0
    offset: int = 0
    timestamp: int = int(datetime(2027, 3, 1, tzinfo=UTC).timestamp() * 1_000)


def state_record(topic: str, key: str, event: _Event) -> StoredRecord:
    headers = [("ce_type", event.type.encode()), ("ce_sequence", str(event.sequence).encode())]
    return StoredRecord(topic=topic, key=key.encode(), value=event.model_dump_json().encode(), headers=headers)


def tombstone_record(topic: str, key: str, *, organization_id: UUID, sequence: int) -> StoredRecord:
    headers = [("ce_organization", str(organization_id).encode()), ("ce_sequence", str(sequence).encode())]
    return StoredRecord(topic=topic, key=key.encode(), value=None, headers=headers)


async def drift_found(
    *,
    service: str,
    database: Database,
    decode: Decode,
    audited: Sequence[AuditedProjection],
    records: Sequence[StoredRecord],
) -> dict[str, float]:
    """By projection, what the gauge tells after one round over these records, the last of each key."""
    audit = ProjectionAudit(
        service=service, kafka=KafkaConnection("nowhere:9092"), database=database, decode=decode, audited=audited
    )
    told: dict[str, float] = {}
    for projection in audited:
        newest: dict[bytes, Any] = {record.key: record for record in records if record.topic == projection.topic}
        place = TopicPartition(projection.topic, 0)
        seen = Round(place=place, partitions=1, end=len(newest), share=1, sampled=0, newest=newest)
        audit.tell(projection, place, await audit.suspects(projection, seen))
        labels = {"service": service, "projection": projection.name}
        told[projection.name] = REGISTRY.get_sample_value("slotstream_projection_drift", labels) or 0.0
    return told
