"""One record as it is read, when setting aside stops, and how long a handler is tried again."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from kit_world import (
    Note,
    UnreadableNoteError,
    decode,
)

from slotstream_servicekit.consumer import Received, is_transient, read_record
from slotstream_servicekit.consumer.failure_rate import FailureRate
from slotstream_servicekit.consumer.retries import retry_with_backoff
from slotstream_servicekit.errors import DatabaseUnavailableError, NotFoundError, TransientError

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


# Reading one record


class ARecord:
    def __init__(self, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        self.value = value
        self.headers = headers
        self.key = b"k"
        self.topic = "notes"
        self.partition = 3
        self.offset = 7
        self.timestamp = 1_767_225_600_000


def test_a_record_is_read_with_where_and_when_it_stood() -> None:
    note = Note(subject="n1", traceparent=TRACE)
    received = read_record(ARecord(note.to_json()), decode)
    assert received == Received(
        event=note,
        key="k",
        topic="notes",
        partition=3,
        offset=7,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        organization_id=note.organization,
        traceparent=TRACE,
    )


def test_a_type_that_is_not_asked_for_is_told_by_its_header_without_reading_the_value() -> None:
    record = ARecord(b"not even JSON", [("ce_type", b"note.burnt")])
    assert read_record(record, decode, types=frozenset({"note.written"})) is None


def test_a_type_that_is_not_asked_for_is_told_by_its_value_where_there_is_no_header() -> None:
    record = ARecord(Note(subject="n1", type="note.read").to_json())
    assert read_record(record, decode, types=frozenset({"note.written"})) is None


def test_a_type_that_only_newer_programs_know_is_of_no_interest() -> None:
    assert read_record(ARecord(Note(subject="n1", type="note.sung").to_json()), decode) is None


def test_a_tombstone_tells_whose_it_is_and_what_it_was() -> None:
    organization_id = uuid4()
    headers = [("ce_type", b"note.written"), ("ce_organization", str(organization_id).encode())]
    received = read_record(ARecord(None, headers), decode, types=frozenset({"note.written"}))
    assert received is not None
    assert (received.event, received.organization_id) == (None, organization_id)
    assert read_record(ARecord(None, headers), decode, types=frozenset({"note.read"})) is None
    unreadable = read_record(ARecord(None, [("ce_organization", b"\xff")]), decode)
    assert unreadable is not None
    assert unreadable.organization_id is None


@pytest.mark.parametrize(
    ("told", "sequence"), [(b"7", 7), (b"", None), (b"-1", None), ("\u0663".encode(), None), (b"9" * 5_000, None)]
)
def test_a_tombstone_tells_its_version_where_it_is_one(told: bytes, sequence: int | None) -> None:
    received = read_record(ARecord(None, [("ce_sequence", told)]), decode)
    assert received is not None
    assert received.sequence == sequence


def test_a_null_value_is_a_tombstone_only_where_tombstones_are_wanted() -> None:
    received = read_record(ARecord(None), decode)
    assert received is not None
    assert received.event is None
    with pytest.raises(UnreadableNoteError):
        read_record(ARecord(None), decode, tombstones=False)


def test_a_header_that_is_not_utf8_does_not_matter() -> None:
    record = ARecord(Note(subject="n1").to_json(), [("x", b"\xff\xfe"), ("ce_type", b"\xff"), ("traceparent", b"\xff")])
    assert read_record(record, decode) is not None


# When setting aside stops


def test_failures_of_one_tenant_never_suspect_the_consumer() -> None:
    failures = FailureRate(3)
    for _ in range(300):
        assert not failures.suspects_consumer("one tenant")
        failures.failed("one tenant")


def test_failures_in_a_row_of_several_tenants_suspect_the_consumer_until_one_succeeds() -> None:
    failures = FailureRate(3)
    for sender in ("a", "b", "a"):
        assert not failures.suspects_consumer(sender)
        failures.failed(sender)
    assert not failures.suspects_consumer("b")
    assert failures.suspects_consumer("c")
    failures.succeeded(1)
    assert not failures.suspects_consumer("c")


# Retries


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (DatabaseUnavailableError(), True),
        (TransientError("soon"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (NotFoundError("none"), False),
        (KeyError("name"), False),
    ],
)
def test_which_errors_pass_by_themselves(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


async def test_work_is_tried_again_while_its_errors_may_pass() -> None:
    failures: list[Exception] = [TransientError("a"), TransientError("b")]
    retried: list[Exception] = []

    async def work() -> None:
        if failures:
            raise failures.pop(0)

    await retry_with_backoff(work, stop=asyncio.Event(), on_retry=retried.append)
    assert len(retried) == 2


async def test_work_that_fails_for_good_is_not_tried_again() -> None:
    async def work() -> None:
        raise NotFoundError("none")

    with pytest.raises(NotFoundError):
        await retry_with_backoff(work, stop=asyncio.Event(), on_retry=lambda _: pytest.fail("tried again"))


async def test_patience_ends_when_the_process_is_to_stop() -> None:
    stop = asyncio.Event()
    retried: list[Exception] = []

    async def work() -> None:
        raise TransientError("soon")

    def told(error: Exception) -> None:
        retried.append(error)
        stop.set()

    with pytest.raises(TransientError):
        await asyncio.wait_for(retry_with_backoff(work, stop=stop, on_retry=told), 30)
    assert len(retried) == 1
