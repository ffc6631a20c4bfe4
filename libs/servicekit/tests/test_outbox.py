from uuid import uuid4

import pytest
from kit_world import ORGANIZATION, OTHER_ORGANIZATION, Note, World
from sqlalchemy.exc import ProgrammingError

from slotstream_servicekit.outbox import (
    MAX_PAYLOAD_BYTES,
    EventTooLargeError,
    OutboxRecord,
    enqueue,
    forbid_publishing,
    lane_of,
    record_of,
    tombstone,
)


def a_record(**changes: object) -> OutboxRecord:
    facts: dict[str, object] = {
        "id": uuid4(),
        "organization_id": ORGANIZATION,
        "topic": "notes",
        "key": "k",
        "aggregatetype": "note",
        "aggregateid": "k",
        "type": "note.written",
        "payload": b"{}",
        "headers": {},
    }
    return OutboxRecord(**(facts | changes))  # type: ignore[arg-type]


def test_a_key_keeps_its_lane_over_processes_and_releases() -> None:
    assert [lane_of(key) for key in ("", "a", "0190b5c1-2f6e-7cc0-8a3a-0123456789ab", "größe")] == [0, 67, 121, 137]


def test_a_record_is_serialised_once_with_what_filters_need() -> None:
    note = Note(subject="n1", topic="notes", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    record = record_of(note, aggregatetype="note")
    assert (record.id, record.key, record.topic, record.payload) == (note.id, "n1", "notes", note.to_json())
    assert record.headers["traceparent"] == note.traceparent
    assert record.lane == lane_of("n1")


def test_what_kafka_would_refuse_is_refused_before_the_commit() -> None:
    assert a_record(payload=b"x" * MAX_PAYLOAD_BYTES).payload is not None
    with pytest.raises(EventTooLargeError) as caught:
        a_record(payload=b"x" * (MAX_PAYLOAD_BYTES + 1))
    assert (caught.value.code, caught.value.kind) == ("event_too_large", "too_large")


@pytest.mark.service
async def test_records_keep_the_order_in_which_they_were_given(world: World) -> None:
    keys = [f"k{number}" for number in range(50)]
    async with world.database.transaction(ORGANIZATION) as session:
        await enqueue(session, [a_record(key=key, headers={"ä": "ö\"'"}) for key in keys])
        await enqueue(session, [])
    rows = await world.rows("SELECT key, lane, headers, payload FROM outbox ORDER BY seq")
    assert rows == [(key, lane_of(key), {"ä": "ö\"'"}, b"{}") for key in keys]


@pytest.mark.service
async def test_a_tombstone_has_a_key_and_no_payload(world: World) -> None:
    grave = tombstone(
        organization_id=ORGANIZATION,
        topic="notes",
        key="k",
        type="note.state",
        aggregatetype="note",
        aggregateid="k",
        version=4,
    )
    assert grave.headers["ce_sequence"] == "4"
    async with world.database.transaction(ORGANIZATION) as session:
        await enqueue(session, [grave])
    assert await world.rows("SELECT key, payload FROM outbox") == [("k", None)]


@pytest.mark.service
async def test_an_event_of_another_organization_is_refused(world: World) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with world.database.transaction(ORGANIZATION) as session:
            await enqueue(session, [a_record(organization_id=OTHER_ORGANIZATION)])


@pytest.mark.service
async def test_what_was_not_committed_is_not_published(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with world.database.transaction(ORGANIZATION) as session:
            await enqueue(session, [a_record()])
            raise ZeroDivisionError
    assert await world.outbox_size() == 0


@pytest.mark.service
async def test_nothing_is_published_where_that_is_forbidden(world: World) -> None:
    async with world.database.system_transaction() as session:
        forbid_publishing(session)
        with pytest.raises(RuntimeError, match="must publish nothing"):
            await enqueue(session, [a_record()])
