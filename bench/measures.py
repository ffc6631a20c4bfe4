"""The measurements: each returns rates or latencies of one part, taken on the running setting."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from bench.setting import Setting, generate_load
from bench.world import FIRST, BenchWorld
from imports.usecases.commands import ROWS_PER_COMMAND
from slotstream_contracts.appointments import AppointmentSnapshot, AppointmentState, AssignedResource
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import AppointmentItem, AppointmentRequest, BookAppointments
from slotstream_contracts.envelope import wrap
from slotstream_servicekit.clock import system_clock
from slotstream_servicekit.database import Database
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.outbox import OutboxRecord, enqueue, record_of

LONGEST_SECONDS = 240
_PROJECTED = "SELECT count(*) FROM appointments"


Adjust = Callable[[dict[str, Any], int], dict[str, Any]]
"""What a kind of booking asks beside the slot of a number."""


def as_it_is(request: dict[str, Any], _number: int) -> dict[str, Any]:
    """A known client, by id."""
    return request


def with_new_client(request: dict[str, Any], number: int) -> dict[str, Any]:
    """A client nobody has heard of: the ordinary case at a front desk."""
    client = {"name": f"Client {number}", "phone": f"+4930{10_000_000 + number}", "email": f"c{number}@example.com"}
    return _without_client_id(request) | {"client": client}


def with_found_client(request: dict[str, Any], number: int) -> dict[str, Any]:
    """One of a thousand clients who have been there before, named as they were then."""
    return with_new_client(request, 50_000_000 + number % 1_000)


def by_override(request: dict[str, Any], _number: int) -> dict[str, Any]:
    """A booking that a member of staff forces beside the one that has the slot."""
    return request | {"override": {"reason": "measured"}}


def _without_client_id(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "client_id"}


def _requests(
    setting: Setting, world: BenchWorld, numbers: range, adjust: Adjust
) -> list[tuple[str, str, dict[str, str], str]]:
    token = setting.token(world.organization_id)
    return [
        (
            "POST",
            "/v1/appointments",
            {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex},
            json.dumps(adjust(world.request(number), number)),
        )
        for number in numbers
    ]


def booking_over_http(
    setting: Setting, world: BenchWorld, url: str, *, seconds: float, first: int, adjust: Adjust = as_it_is
) -> float:
    """Bookings a second through one API process, eight connections."""
    warm_up = range(first, first + 500)
    warm = generate_load(url, _requests(setting, world, warm_up, adjust), connections=8, seconds=10)
    if set(warm["statuses"]) != {"201"}:
        raise RuntimeError(f"the warm-up was refused: {warm}")
    count = int(seconds * 4_000)
    requests = _requests(setting, world, range(first + 500, first + 500 + count), adjust)
    measured = generate_load(url, requests, connections=16, seconds=seconds)
    if set(measured["statuses"]) != {"201"}:
        raise RuntimeError(f"some bookings were refused: {measured['statuses']}")
    return float(measured["answers"] / measured["seconds"])


def warm_up_kafka(setting: Setting, world: BenchWorld, *, events: int) -> None:
    """Let the broker compile what it will be measured with: it takes a minute of work to reach its pace."""
    _enqueue(setting.database("availability"), [_state_record(world, number) for number in range(events)])
    until = projected_appointments(setting) + events
    with setting.service("availability", "worker"):
        _wait_until(lambda: projected_appointments(setting) >= until, what="availability to project the warm-up")


def relay_rate(setting: Setting, world: BenchWorld, *, events: int) -> float:
    """Events a second from the outbox to Kafka, by one worker, from a filled outbox."""
    database = setting.database("availability")
    _enqueue(database, [_state_record(world, number) for number in range(events)])
    with setting.service("availability", "worker", ready=False):
        return _pace(setting, "availability", "SELECT count(*) FROM outbox", until=0)


def projected_appointments(setting: Setting) -> int:
    return _count(setting, "availability", _PROJECTED)


def consumer_rate(setting: Setting, *, until: int) -> float:
    """Appointment states a second from Kafka into availability's projection, until it holds `until`, by one worker."""
    with setting.service("availability", "worker", ready=False):
        return _pace(setting, "availability", _PROJECTED, until=until)


def send_outbox(setting: Setting, service: str) -> None:
    """Have the service's worker send what waits in its outbox, and vacuum that, as autovacuum soon would."""
    with setting.service(service, "worker"):
        waiting = "SELECT count(*) FROM outbox"
        _wait_until(lambda: not _count(setting, service, waiting), what=f"{service}'s empty outbox")
    setting.execute(service, "VACUUM outbox")


def bulk_booking_rate(setting: Setting, world: BenchWorld, *, bookings: int, first: int) -> float:
    """Bookings a second by commands as imports sends them, from a filled commands topic, by one worker."""
    # What was booked by other means before is not to be sent meanwhile.
    send_outbox(setting, "booking")
    numbers = range(first, first + bookings)
    batches = [numbers[begin : begin + ROWS_PER_COMMAND] for begin in range(0, bookings, ROWS_PER_COMMAND)]
    _enqueue(setting.database("imports"), [_command_record(world, batch) for batch in batches])
    send_outbox(setting, "imports")
    booked = "SELECT count(*) FROM appointments"
    # Counting hundreds of thousands of appointments four times a second would take a sixth of a processor.
    answered = f"SELECT count(*) * {ROWS_PER_COMMAND} FROM command_results"
    before, until = _count(setting, "booking", booked), _count(setting, "booking", answered) + bookings
    with setting.service("booking", "worker", ready=False):
        rate = _pace(setting, "booking", answered, until=until)
    if (count := _count(setting, "booking", booked) - before) != bookings:
        raise RuntimeError(f"{count:,} of {bookings:,} were booked")
    return rate


def _enqueue(database: Database, records: Sequence[OutboxRecord]) -> None:
    async def fill() -> None:
        for begin in range(0, len(records), 5_000):
            async with database.system_transaction() as session:
                await enqueue(session, records[begin : begin + 5_000])
        await database.dispose()

    asyncio.run(fill())


def _pace(setting: Setting, service: str, query: str, *, until: int) -> float:
    """Rows a second that `query` counts, from the first that changes its answer until it is `until` (or past it).

    So what a worker needs to start counts for nothing, and what it does before it is ready is not missed.
    """

    async def watch() -> float:
        connection = await asyncpg.connect(setting.admin_url(service))
        deadline = time.monotonic() + LONGEST_SECONDS

        async def count(*, after: float) -> int:
            await asyncio.sleep(after)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{service} did not finish within {LONGEST_SECONDS} s: {last:,} of {until:,}")
            return int(await connection.fetchval(query))

        last = before = int(await connection.fetchval(query))
        while last == before:
            last = await count(after=0.05)
        began, first = time.perf_counter(), last
        if abs(until - first) < 1_000:
            raise RuntimeError(f"{service} was done before it was looked at: measure more rows")
        while last < until if before < until else last > until:
            # As often towards the end as makes it exact, and no more: looking costs what a count of all rows costs.
            took = time.perf_counter() - began
            remaining = took * abs(until - last) / max(abs(last - first), 1)
            last = await count(after=min(0.25, max(remaining / 2, 0.02)))
        took = time.perf_counter() - began
        await connection.close()
        return float(abs(last - first) / took)

    return asyncio.run(watch())


def _wait_until(condition: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {LONGEST_SECONDS} s for {what}")
        time.sleep(0.2)


def _count(setting: Setting, service: str, query: str) -> int:
    async def fetch() -> int:
        connection = await asyncpg.connect(setting.admin_url(service))
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()

    return asyncio.run(fetch())


def _state_record(world: BenchWorld, number: int) -> OutboxRecord:
    body = world.request(number)
    starts_at = datetime.fromisoformat(body["starts_at"])
    identity = new_id()
    snapshot = AppointmentSnapshot(
        id=identity,
        organization_id=world.organization_id,
        business_id=UUID(world.business_id),
        zone="Europe/Berlin",
        client_id=UUID(world.client_id),
        service_id=UUID(world.service_id),
        service_name="Cut",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        resources=(AssignedResource(id=UUID(body["resource_ids"][0]), kind="staff", name="Staff"),),
        status="scheduled",
        source="api",
        calendar_uid=str(identity),
        occupies=True,
        created_at=FIRST,
        updated_at=FIRST,
        version=1,
    )
    envelope = wrap(
        AppointmentState(appointment=snapshot),
        id=new_id(),
        organization=world.organization_id,
        subject=str(identity),
        sequence=1,
        time=system_clock(),
        source="/slotstream/booking",
        correlation_id="bench",
    )
    return record_of(envelope, aggregatetype="appointment")


def _command_record(world: BenchWorld, numbers: Sequence[int]) -> OutboxRecord:
    identity = new_id()
    command = BookAppointments(
        actor=Actor(type="user", id="bench"),
        items=tuple(
            AppointmentItem(
                appointment_id=new_id(),
                request=AppointmentRequest(**world.request(number), source="import", notify=False),
            )
            for number in numbers
        ),
    )
    envelope = wrap(
        command,
        id=identity,
        organization=world.organization_id,
        subject=str(identity),
        sequence=0,
        time=system_clock(),
        source="/slotstream/imports",
        correlation_id="bench",
    )
    return record_of(envelope, aggregatetype="command")


def latency(url: str, method: str, path: str, headers: dict[str, str], body: str = "", *, times: int = 400) -> float:
    """The median latency in milliseconds of one request, asked again and again over one connection."""
    generate_load(url, [(method, path, headers, body)] * 50, connections=1, seconds=20)
    measured = generate_load(url, [(method, path, headers, body)] * times, connections=1, seconds=60)
    if set(measured["statuses"]) != {"200"}:
        raise RuntimeError(f"{path} answered {measured['statuses']}")
    return float(measured["p50"])
