"""`python -m bench`: every measurement in one run, as ratios, to the terminal and to docs/benchmarks.md.

With names (`python -m bench race slots`) only those, and nothing is written down.
"""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import httpx2

from bench.baseline import CONNECTIONS, pgbench_rate
from bench.books import Book, book_one, choosing_milliseconds, export_peak, fill_book, pages_of, report_milliseconds
from bench.idle import idle_stack
from bench.mail import mail_milliseconds
from bench.measures import (
    Adjust,
    as_it_is,
    booking_over_http,
    bulk_booking_rate,
    by_override,
    consumer_rate,
    latency,
    projected_appointments,
    relay_rate,
    send_outbox,
    warm_up_kafka,
    with_found_client,
    with_new_client,
)
from bench.race import CLIENTS, race_for_slots
from bench.setting import Setting, a_setting
from bench.world import ALL_DAY, FIRST, BenchWorld, set_up

REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
STAFF = 100
EVENTS = 100_000
BOOKINGS = 25_000
CALLS = 12_000
ROUNDS = 3
"""Of what comes near to what is promised: the machine is not as fast all the time, and the middle one is told."""
RACES = 200
SLOT_QUERIES = 40
SMALL_BOOK, LARGE_BOOK = 10_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    figure: str
    compared_with: str
    ratio: float
    to_reach: str
    reached: bool


def main() -> None:
    only = sys.argv[1:]
    lines: list[Line] = []
    with a_setting() as setting:
        world = _world(setting)
        # Mails first: the bookings of the others would be announced before.
        for measure in (
            _mail,
            _slots,
            _slots_after_booking,
            _bookings,
            _race,
            _relay_and_consumer,
            _bulk,
            _books,
            _idle,
        ):
            if only and not any(name in measure.__name__ for name in only):
                continue
            say(f"measuring: {measure.__name__.strip('_').replace('_', ' ')} …")
            measure(setting, world, lines.append)
    report = _report(lines)
    sys.stdout.write(report)
    if not only:
        REPORT.write_text(report)
    sys.exit(0 if all(line.reached for line in lines) else 1)


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _world(setting: Setting) -> BenchWorld:
    return _open_world(setting, staff=STAFF)


def _open_world(setting: Setting, *, staff: int) -> BenchWorld:
    organization = uuid4()
    with (
        setting.service("booking", "all") as booking,
        setting.service("availability", "all") as availability,
        setting.client(booking, organization) as desk,
        setting.client(availability, organization) as hours,
    ):
        world = set_up(desk, organization, staff=staff)
        _until(lambda: hours.put(f"/v1/businesses/{world.business_id}/schedule", json={"weekly": ALL_DAY}).is_success)
        _until(lambda: desk.post("/v1/appointments", json=world.request(5_000_000)).is_success)
        return world


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the services did not come to agree within a minute")
        time.sleep(0.1)


def _bookings(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    def over_http(first: int, adjust: Adjust = as_it_is) -> float:
        with setting.service("booking", "api") as booking:
            return booking_over_http(setting, world, booking.url, seconds=6, first=first, adjust=adjust)

    add(_in_turns(setting, world, "booking over HTTP, one API process", over_http, to_reach=0.45, first=0))
    for what, adjust, first in (
        ("the same with a new client", with_new_client, 1_000_000),
        ("the same with a client found by phone", with_found_client, 1_200_000),
        # What the measurement before has booked is in the way of each.
        ("the same by override, beside another appointment", by_override, 1_200_000 + CALLS),
    ):
        baseline = _baseline(setting, world, first=first + 100_000)
        begin = first if adjust is by_override else first + CALLS
        add(_against_pgbench(what, over_http(begin, adjust), baseline, 0.3))


def _race(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    race = race_for_slots(setting, world, slots=range(900_000, 900_000 + RACES))
    add(
        Line(
            f"{CLIENTS} clients race for each of {RACES} slots, {race.winners} winners",
            f"p99 {race.p99_milliseconds:.1f} ms, {race.deadlocks} deadlocks",
            "10 ms, 0 deadlocks",
            race.p99_milliseconds / 10,
            "≤ 1",
            race.p99_milliseconds <= 10 and race.deadlocks == 0 and race.winners == RACES,
        )
    )


def _relay_and_consumer(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    warm_up_kafka(setting, world, events=EVENTS)
    baseline = _baseline(setting, world, first=200_000)
    # The relay's worker begins to consume what it sends.
    before = projected_appointments(setting)
    add(_against_pgbench("outbox relay, one worker", relay_rate(setting, world, events=EVENTS), baseline, 4))
    rate = consumer_rate(setting, until=before + EVENTS)
    add(_against_pgbench("projection consumer, one worker", rate, baseline, 2.5))


def _bulk(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    def by_command(first: int) -> float:
        return bulk_booking_rate(setting, world, bookings=BOOKINGS, first=first)

    by_command(550_000)  # the broker compiles what this topic takes
    add(_in_turns(setting, world, "bulk booking by command, one worker", by_command, to_reach=1.9, first=300_000))


def _in_turns(
    setting: Setting, world: BenchWorld, what: str, measure: Callable[[int], float], *, to_reach: float, first: int
) -> Line:
    """pgbench and `measure`, which is given the first of 50,000 slots, by turns; the line with the middle ratio."""
    lines = []
    for turn in range(ROUNDS):
        begin = first + turn * (CALLS + 50_000)
        baseline = _baseline(setting, world, first=begin)
        lines.append(_against_pgbench(what, measure(begin + CALLS), baseline, to_reach))
        say(f"  {lines[-1].figure}, {lines[-1].ratio:.2f} of pgbench")
    return sorted(lines, key=lambda line: line.ratio)[ROUNDS // 2]


def _baseline(setting: Setting, world: BenchWorld, *, first: int) -> float:
    send_outbox(setting, "booking")
    return pgbench_rate(setting, world, calls=CALLS, first=first)


def _against_pgbench(what: str, rate: float, baseline: float, to_reach: float) -> Line:
    """`baseline` is pgbench's rate a moment before: the machine is not as fast all the time."""
    ratio = rate / baseline
    compared_with = f"pgbench, the same statement, {CONNECTIONS} connections: {baseline:,.0f}/s"
    return Line(what, f"{rate:,.0f}/s", compared_with, ratio, f"≥ {to_reach:g}", ratio >= to_reach)


def _slots(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    headers = _bearer(setting, world) | {"Accept-Encoding": "gzip"}
    query = _slots_query(world)
    with (
        setting.service("availability", "all") as availability,
        setting.client(availability, world.organization_id) as client,
    ):
        _until(lambda: bool(client.get(query).is_success))
        empty = latency(availability.url, "GET", "/livez", headers)
        slots = latency(availability.url, "GET", query, headers)
    add(
        Line(
            f"slots, {STAFF} staff, 30 days, any staff, over HTTP",
            f"{slots:.2f} ms",
            f"an empty endpoint of the same app: {empty:.2f} ms",
            slots / empty,
            "≤ 2",
            slots / empty <= 2,
        )
    )


def _slots_after_booking(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    query = _slots_query(world)
    with (
        setting.service("booking", "all") as booking,
        setting.service("availability", "all") as availability,
        setting.client(booking, world.organization_id) as desk,
        setting.client(availability, world.organization_id) as client,
    ):
        _until(lambda: bool(client.get(query).is_success))
        took = []
        for number in range(1_600_000, 1_600_000 + SLOT_QUERIES):
            known = projected_appointments(setting)
            booked = desk.post("/v1/appointments", json=world.request(number - 1_600_000 + 7 * STAFF))
            if booked.status_code != HTTPStatus.CREATED:
                continue
            _until(lambda known=known: projected_appointments(setting) > known)  # type: ignore[misc]
            began = time.perf_counter()
            client.get(query).raise_for_status()
            took.append((time.perf_counter() - began) * 1_000)
    figure = statistics.median(took)
    what = f"slots after each booking, {STAFF} staff, 30 days"
    add(Line(what, f"{figure:.1f} ms", f"25 ms, {len(took)} times", figure / 25, "≤ 1", figure <= 25))


def _slots_query(world: BenchWorld) -> str:
    return (
        f"/v1/slots?business_id={world.business_id}&service_id={world.service_id}"
        f"&from={_stamp(FIRST)}&to={_stamp(FIRST + timedelta(days=30))}&detail=starts"
    )


def _mail(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    warm_up = 10
    took = mail_milliseconds(setting, world, bookings=200 + warm_up, first=800_000)[warm_up:]
    for what, figure, most in (
        ("p50", statistics.median(took), 150),
        ("p99", statistics.quantiles(took, n=100)[98], 500),
    ):
        line = f"booking to its mail at the SMTP server, {what}"
        add(Line(line, f"{figure:.0f} ms", f"{most:,} ms", figure / most, "≤ 1", figure <= most))


def _books(setting: Setting, _world: BenchWorld, add: Callable[[Line], None]) -> None:
    with setting.service("booking", "api") as booking:
        small, large = (_book(setting, booking.url, appointments=count) for count in (SMALL_BOOK, LARGE_BOOK))
        for what, path in pages_of(large).items():
            slow = _page(setting, booking.url, large, path)
            fast = _page(setting, booking.url, small, pages_of(small)[what])
            add(
                Line(
                    f"list page, {what}, {LARGE_BOOK:,} appointments",
                    f"{slow:.2f} ms",
                    f"{SMALL_BOOK:,} appointments: {fast:.2f} ms",
                    slow / fast,
                    "≤ 1.5",
                    slow / fast <= 1.5,
                )
            )
        slow, fast = (_choosing(setting, booking.url, book) for book in (large, small))
        add(
            Line(
                f"booking whoever of 20 is free, {LARGE_BOOK:,} appointments",
                f"{slow:.2f} ms",
                f"{SMALL_BOOK:,} appointments: {fast:.2f} ms",
                slow / fast,
                "≤ 1.5",
                slow / fast <= 1.5,
            )
        )
        with setting.client(booking, large.world.organization_id) as client:
            for name, took in report_milliseconds(client).items():
                what = f"report {name} over {LARGE_BOOK:,} appointments"
                add(Line(what, f"{took:,.0f} ms", "2 s", took / 2_000, "≤ 1", took <= 2_000))
    with setting.service("booking", "api") as booking, setting.client(booking, large.world.organization_id) as client:
        assert booking.pid is not None
        little = export_peak(client, booking.pid, rows=1_000)
        much = export_peak(client, booking.pid, rows=LARGE_BOOK)
        add(
            Line(
                f"export of {LARGE_BOOK:,} rows, memory",
                f"{much:.0f} MiB",
                f"1,000 rows: {little:.0f} MiB",
                much / little,
                "≤ 1.1",
                much / little <= 1.1,
            )
        )


def _idle(_setting: Setting, _world: BenchWorld, add: Callable[[Line], None]) -> None:
    stack = idle_stack()
    what = "the local stack, idle"
    add(
        Line(
            f"{what}, memory",
            f"{stack.gibibytes:.2f} GiB",
            "1.4 GiB",
            stack.gibibytes / 1.4,
            "≤ 1",
            stack.gibibytes <= 1.4,
        )
    )
    add(
        Line(
            f"{what}, processor", f"{stack.cores:.3f} of a core", "0.05", stack.cores / 0.05, "≤ 1", stack.cores <= 0.05
        )
    )


def _book(setting: Setting, url: str, *, appointments: int) -> Book:
    say(f"  a book of {appointments:,} appointments …")
    world = _open_world(setting, staff=20)
    with httpx2.Client(base_url=url, headers=_bearer(setting, world), timeout=60) as client:
        return fill_book(setting, world, book_one(client, world), appointments=appointments)


def _choosing(setting: Setting, url: str, book: Book) -> float:
    with httpx2.Client(base_url=url, headers=_bearer(setting, book.world), timeout=60) as client:
        return choosing_milliseconds(client, book.world)


def _page(setting: Setting, url: str, book: Book, path: str) -> float:
    return latency(url, "GET", path, _bearer(setting, book.world), times=200)


def _bearer(setting: Setting, world: BenchWorld) -> dict[str, str]:
    return {"Authorization": f"Bearer {setting.token(world.organization_id)}"}


def _stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _report(lines: list[Line]) -> str:
    rows = "".join(
        f"| {line.what} | {line.figure} | {line.compared_with} | {line.ratio:.2f} | {line.to_reach} | "
        f"{'yes' if line.reached else '**no**'} |\n"
        for line in lines
    )
    return (
        "# Benchmarks\n\n"
        "Written by `make bench`. Machines differ, so each promise is a ratio taken in one run; PostgreSQL runs "
        "with its ordinary durability, and server, database, broker and load generator share the machine. Booking and "
        f"bulk are measured {ROUNDS} times, by turns with pgbench, and the middle ratio is told.\n\n"
        f"Machine: {os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}.\n\n"
        "| what | measured | compared with | ratio | to reach | reached |\n|---|---|---|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    main()
