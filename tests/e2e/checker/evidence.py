"""What the run left behind: booking's tables, the topics, the projections, the ledger and the mails."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from harness.mailbox import Mailbox
from harness.platform import PASSWORD, Platform
from harness.records import read_topic, write_records

EVENTS = "slotstream.appointments.v1"
STATES = "slotstream.appointments.state.v1"
RESULTS = "slotstream.booking.results.v1"
PROJECTED_IN = ("availability", "notifications", "calendar_sync")

Version = tuple[str, int]
"""An appointment's id and one of its versions."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the appointments topic, in the order of its partition."""

    id: str
    organization: str
    subject: str
    sequence: int


@dataclass(kw_only=True)
class Evidence:
    """Everything the invariants look at. Instants are UTC; ids are strings."""

    organizations: frozenset[str]
    appointments: Mapping[str, Mapping[str, Any]]
    """By id: organization, status, occupies, archived, version, service, series, blocked_from, blocked_to, resources."""
    occupancy: Sequence[tuple[str, str, datetime, datetime]]
    """Holder (an appointment), resource, from, to."""
    recorded_beside: frozenset[tuple[str, str]]
    """Pairs (forced, other) that an override's record names, both ways round."""
    capacity: Mapping[str, int]
    """Seats by service."""
    history: Mapping[Version, str]
    """The verb by version."""
    events: Sequence[Event]
    results: Mapping[str, str]
    """The type of the answer by the command's id."""
    projections: Mapping[str, Mapping[str, tuple[int, str]]]
    """By service, by appointment: version and status."""
    projections_after_replay: Mapping[str, Mapping[str, tuple[int, str]]] = field(default_factory=dict)
    ledger: Mapping[str, int] = field(default_factory=dict)
    """How many messages by status."""
    ledger_after_replay: Mapping[str, int] = field(default_factory=dict)
    messages_with_two_rows: int = 0
    mails: int = 0
    mails_repeated: int = 0
    deadlocks: int = 0
    seen_by_role: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By tenant: the organizations whose rows the service's own database role sees as that tenant."""


async def settle(
    platform: Platform, organizations: Sequence[UUID], *, commands: frozenset[str] = frozenset(), within: float = 300.0
) -> None:
    """Wait until commands are answered, outboxes empty and projections at booking's versions, or time is up.

    Time running out is no error here: what is missing is for the invariants to tell.
    """
    deadline = asyncio.get_running_loop().time() + within
    while commands - (await _results(platform, organizations)).keys():
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(0.5)
    while asyncio.get_running_loop().time() < deadline:
        wanted = {
            identity: (row["version"], row["status"])
            for identity, row in (await _appointments(platform, organizations)).items()
        }
        shown = [await _projection(platform, service, organizations) for service in PROJECTED_IN]
        waiting = await _in_outbox(platform, organizations) + await _messages_unsettled(platform, organizations)
        if not waiting and all(each == wanted for each in shown):
            return
        await asyncio.sleep(0.5)


async def collect(
    platform: Platform, mailbox: Mailbox, organizations: Sequence[UUID], *, replay: bool = True
) -> Evidence:
    """Read everything; then, for `replay`, send all events again, thrice and shuffled, and read what that changed."""
    events = await _events(platform, organizations)
    addresses = {str(each) for each in organizations}
    mails = [mail for mail in mailbox.mails if str(mail["To"]).rpartition("@")[2].partition(".")[0] in addresses]
    evidence = Evidence(
        organizations=frozenset(str(each) for each in organizations),
        appointments=await _appointments(platform, organizations),
        occupancy=await _occupancy(platform, organizations),
        recorded_beside=await _recorded_beside(platform, organizations),
        capacity=await _capacity(platform, organizations),
        history=await _history(platform, organizations),
        events=events,
        results=await _results(platform, organizations),
        projections={service: await _projection(platform, service, organizations) for service in PROJECTED_IN},
        ledger=await _ledger(platform, organizations),
        messages_with_two_rows=await _messages_with_two_rows(platform, organizations),
        mails=len(mails),
        mails_repeated=len(mails) - len({str(mail["Message-ID"]) for mail in mails}),
        deadlocks=await _deadlocks(platform),
        seen_by_role={str(each): await _seen_as(platform, each) for each in organizations},
    )
    evidence.ledger_after_replay = evidence.ledger
    if not replay:
        return evidence
    await _replay(platform, evidence.organizations)
    evidence.projections_after_replay = {
        service: await _projection(platform, service, organizations) for service in PROJECTED_IN
    }
    evidence.ledger_after_replay = await _ledger(platform, organizations)
    return evidence


async def _query(platform: Platform, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
    """Rows as the administrator sees them, beyond row-level security."""
    connection = await asyncpg.connect(platform.database_url(service))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        return rows
    finally:
        await connection.close()


async def _appointments(platform: Platform, organizations: Sequence[UUID]) -> dict[str, dict[str, Any]]:
    rows = await _query(
        platform,
        "booking",
        """
        SELECT a.id::text, a.organization_id::text AS organization, a.service_id::text AS service, a.status,
               a.occupies, a.archived, a.series_id::text AS series, a.version,
               a.starts_at - a.buffer_before_minutes * interval '1 minute' AS blocked_from,
               a.ends_at + a.buffer_after_minutes * interval '1 minute' AS blocked_to,
               array_agg(r.resource_id::text ORDER BY r.place) FILTER (WHERE r.resource_id IS NOT NULL) AS resources
        FROM appointments a LEFT JOIN appointment_resources r
             ON r.organization_id = a.organization_id AND r.appointment_id = a.id
        WHERE a.organization_id = ANY($1) GROUP BY a.organization_id, a.id
        """,
        organizations,
    )
    return {row["id"]: dict(row) for row in rows}


async def _occupancy(platform: Platform, organizations: Sequence[UUID]) -> list[tuple[str, str, datetime, datetime]]:
    rows = await _query(
        platform,
        "booking",
        """
        SELECT holder_id::text, resource_id::text, lower(blocked), upper(blocked) FROM occupancy
        WHERE organization_id = ANY($1) AND expires_at IS NULL
        """,
        organizations,
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def _recorded_beside(platform: Platform, organizations: Sequence[UUID]) -> frozenset[tuple[str, str]]:
    rows = await _query(
        platform,
        "booking",
        """
        SELECT appointment_id::text AS forced, unnest(conflicts_with) AS other FROM overrides
        WHERE organization_id = ANY($1)
        """,
        organizations,
    )
    pairs = {(row["forced"], row["other"]) for row in rows}
    return frozenset(pairs | {(other, forced) for forced, other in pairs})


async def _capacity(platform: Platform, organizations: Sequence[UUID]) -> dict[str, int]:
    rows = await _query(
        platform,
        "booking",
        "SELECT id::text, capacity FROM services WHERE organization_id = ANY($1)",
        organizations,
    )
    return {row["id"]: row["capacity"] for row in rows}


async def _history(platform: Platform, organizations: Sequence[UUID]) -> dict[Version, str]:
    rows = await _query(
        platform,
        "booking",
        "SELECT appointment_id::text, version, verb FROM history WHERE organization_id = ANY($1)",
        organizations,
    )
    return {(row["appointment_id"], row["version"]): row["verb"] for row in rows}


async def _events(platform: Platform, organizations: Sequence[UUID]) -> list[Event]:
    wanted = {str(each) for each in organizations}
    found = []
    for record in await read_topic(platform.bootstrap, EVENTS):
        content = json.loads(record.value)
        if content["organization"] in wanted:
            found.append(Event(content["id"], content["organization"], content["subject"], content["sequence"]))
    return found


async def _results(platform: Platform, organizations: Sequence[UUID]) -> dict[str, str]:
    wanted = {str(organization) for organization in organizations}
    answers = [json.loads(record.value) for record in await read_topic(platform.bootstrap, RESULTS) if record.value]
    return {answer["data"]["command_id"]: answer["type"] for answer in answers if answer["organization"] in wanted}


async def _projection(platform: Platform, service: str, organizations: Sequence[UUID]) -> dict[str, tuple[int, str]]:
    rows = await _query(
        platform,
        service,
        "SELECT id::text, version, status FROM appointments WHERE organization_id = ANY($1)",
        organizations,
    )
    return {row["id"]: (row["version"], row["status"]) for row in rows}


async def _in_outbox(platform: Platform, organizations: Sequence[UUID]) -> int:
    rows = await _query(
        platform, "booking", "SELECT count(*) FROM outbox WHERE organization_id = ANY($1)", organizations
    )
    return int(rows[0][0])


async def _messages_unsettled(platform: Platform, organizations: Sequence[UUID]) -> int:
    rows = await _query(
        platform,
        "notifications",
        """
        SELECT count(*) FROM messages WHERE organization_id = ANY($1) AND kind <> 'reminder'
          AND status NOT IN ('sent', 'delivered', 'failed', 'suppressed', 'unknown')
        """,
        organizations,
    )
    return int(rows[0][0])


async def _ledger(platform: Platform, organizations: Sequence[UUID]) -> dict[str, int]:
    rows = await _query(
        platform,
        "notifications",
        """
        SELECT status, count(*) FROM messages WHERE organization_id = ANY($1) AND kind <> 'reminder'
        GROUP BY status
        """,
        organizations,
    )
    return {row["status"]: row["count"] for row in rows}


async def _messages_with_two_rows(platform: Platform, organizations: Sequence[UUID]) -> int:
    rows = await _query(
        platform,
        "notifications",
        """
        SELECT count(*) FROM (
            SELECT 1 FROM messages WHERE organization_id = ANY($1) AND kind <> 'reminder'
            GROUP BY organization_id, appointment_id, appointment_version, kind, audience, channel, resource_id
            HAVING count(*) > 1) AS doubled
        """,
        organizations,
    )
    return int(rows[0][0])


async def _deadlocks(platform: Platform) -> int:
    rows = await _query(platform, "booking", "SELECT deadlocks FROM pg_stat_database WHERE datname = 'booking'")
    return int(rows[0][0])


async def _seen_as(platform: Platform, organization: UUID) -> frozenset[str]:
    """Whose rows booking's own role sees with one tenant set, in every table that has tenants."""
    address = platform.database_url("booking").rpartition("@")[2]
    connection = await asyncpg.connect(f"postgresql://booking_app:{PASSWORD}@{address}")
    try:
        await connection.execute("SELECT set_config('slotstream.organization', $1, false)", str(organization))
        tables = await connection.fetch(
            """
            SELECT table_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name = 'organization_id'
            """
        )
        seen: set[str] = set()
        for table in tables:
            rows = await connection.fetch(f'SELECT DISTINCT organization_id::text FROM "{table[0]}"')
            seen |= {row[0] for row in rows}
        return frozenset(seen)
    finally:
        await connection.close()


async def _replay(platform: Platform, organizations: frozenset[str]) -> None:
    """Every event and state of these organizations again, three times, in any order; waits until they were read."""
    chance = random.Random(len(organizations))
    for topic in (EVENTS, STATES):
        records = [
            (record.key, record.value, [(name, bytes(value)) for name, value in record.headers])
            for record in await read_topic(platform.bootstrap, topic)
            if record.value is not None and json.loads(record.value)["organization"] in organizations
        ]
        again = records * 3
        chance.shuffle(again)
        await write_records(platform.bootstrap, topic, again)
    await _read_to_the_end(platform)


async def _read_to_the_end(platform: Platform, *, within: float = 300.0) -> None:
    """Wait until every projecting service has committed offsets at the end of both topics."""
    from aiokafka import TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient

    ends: dict[TopicPartition, int] = {}
    admin = AIOKafkaAdminClient(bootstrap_servers=platform.bootstrap)
    await admin.start()
    try:
        for topic in (EVENTS, STATES):
            ends |= await _ends(platform, topic)
        deadline = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < deadline:
            behind = 0
            for service in PROJECTED_IN:
                committed = await admin.list_consumer_group_offsets(service)
                behind += sum(
                    1 for partition, at in committed.items() if partition in ends and at.offset < ends[partition]
                )
            if behind == 0:
                return
            await asyncio.sleep(0.5)
    finally:
        await admin.close()


async def _ends(platform: Platform, topic: str) -> dict[Any, int]:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(topic, bootstrap_servers=platform.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends: dict[Any, int] = await consumer.end_offsets(partitions)
        return ends
    finally:
        await consumer.stop()
