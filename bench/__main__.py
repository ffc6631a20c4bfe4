"""`python -m bench`: every measurement in one run, as ratios, to the terminal and to docs/benchmarks.md.

With names (`python -m bench race slots`) only those, and nothing is written down.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx2

from bench.baseline import CONNECTIONS, pgbench_rate
from bench.books import Book, book_one, choosing_milliseconds, export_peak, fill_book, pages_of, report_milliseconds
from bench.front_desk import APPOINTMENTS, FrontDesk, a_front_desk
from bench.front_desk import STAFF as COLUMNS
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
from bench.reminders import BURST, HOUR, NEEDED, WATCHED_SECONDS, measure_reminders
from bench.screens import CHANGES, ROWS, SLOWER, NoBrowserError, measure_screens
from bench.setting import Setting, a_setting
from bench.streams import hold_streams, proxied_calls
from bench.world import FIRST, BenchWorld, open_world, stamp, until

REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
STAFF = 100
EVENTS = 100_000
BOOKINGS = 25_000
CALLS = 12_000
ROUNDS = 5
"""Of what comes near to what is promised: the machine is not as fast all the time, and the middle one is told."""
FEWER_ROUNDS = 3
"""Of the other ways to book."""
RACES = 200
BURST_SECONDS = 30
"""For a thousand that are due at one instant, by one worker: P12 promises nothing of that."""
SLOT_QUERIES = 40
SMALL_BOOK, LARGE_BOOK = 10_000, 1_000_000
BROWSERS = 2_000

MeasureT = TypeVar("MeasureT", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    figure: str
    compared_with: str
    ratio: float
    to_reach: str
    reached: bool


def main() -> None:
    names = _names()
    lines: list[Line] = []
    if chosen := _chosen(ON_SETTING, names):
        with a_setting() as setting:
            world = _world(setting)
            for measure in chosen:
                _announce(measure)
                measure(setting, world, lines.append)
    if on_desk := _chosen(ON_FRONT_DESK, names):
        with a_front_desk() as desk:
            for measure_desk in on_desk:
                _announce(measure_desk)
                measure_desk(desk, lines.append)
    report = _report(lines)
    sys.stdout.write(report)
    if not names:
        REPORT.write_text(report)
    sys.exit(0 if all(line.reached for line in lines) else 1)


def _names() -> list[str]:
    """What was asked for: nothing for everything. Ends the program where a name is that of no measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = ", ".join(map(_name_of, (*ON_SETTING, *ON_FRONT_DESK)))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"a measure, or a part of its name: {known}")
    names: list[str] = parser.parse_args().names
    for name in names:
        if not _chosen((*ON_SETTING, *ON_FRONT_DESK), [name]):
            parser.error(f"no measure is called {name}; there are {known}")
    return names


def _chosen(measures: Sequence[MeasureT], names: Sequence[str]) -> list[MeasureT]:
    return [measure for measure in measures if not names or any(name in _name_of(measure) for name in names)]


def _name_of(measure: Callable[..., None]) -> str:
    return measure.__name__.strip("_")


def _announce(measure: Callable[..., None]) -> None:
    say(f"measuring: {_name_of(measure).replace('_', ' ')} …")


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
        return open_world(desk, hours, organization, staff=staff)


def _bookings(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    def over_http(first: int, adjust: Adjust = as_it_is) -> float:
        with setting.service("booking", "api") as booking:
            return booking_over_http(setting, world, booking.url, seconds=6, first=first, adjust=adjust)

    add(_in_turns(setting, world, "booking over HTTP, one API process", over_http, to_reach=0.45, first=0))
    for what, adjust, first, beside in (
        ("the same with a new client", with_new_client, 1_000_000, 0),
        ("the same with a client found by phone", with_found_client, 1_200_000, 0),
        # What the measurement before has booked is in the way of each; pgbench takes free slots.
        ("the same by override, beside another appointment", by_override, 1_200_000, 1_000_000),
    ):
        measure = partial(over_http, adjust=adjust)
        add(_in_turns(setting, world, what, measure, to_reach=0.3, first=first, beside=beside, rounds=FEWER_ROUNDS))


def _race(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    races = []
    for first in range(900_000, 900_000 + ROUNDS * 20_000, 20_000):
        races.append(race_for_slots(setting, world, slots=range(first, first + RACES)))
        say(f"  p99 {races[-1].p99_milliseconds:.1f} ms, {races[-1].deadlocks} deadlocks")
    p99 = statistics.median(race.p99_milliseconds for race in races)
    deadlocks, winners = sum(race.deadlocks for race in races), sum(race.winners for race in races)
    add(
        Line(
            f"{CLIENTS} clients race for each of {RACES} slots, {ROUNDS} times, {winners:,} winners",
            f"p99 {p99:.1f} ms, {deadlocks} deadlocks",
            "10 ms, 0 deadlocks",
            p99 / 10,
            "≤ 1",
            p99 <= 10 and deadlocks == 0 and winners == ROUNDS * RACES,
        )
    )


def _relay_and_consumer(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    warm_up_kafka(setting, world, events=EVENTS)
    baseline = _baseline(setting, world, first=740_000)
    # The relay's worker begins to consume what it sends.
    before = projected_appointments(setting)
    add(_against_pgbench("outbox relay, one worker", relay_rate(setting, world, events=EVENTS), baseline, 4))
    rate = consumer_rate(setting, until=before + EVENTS)
    add(_against_pgbench("projection consumer, one worker", rate, baseline, 2.5))


def _bulk(setting: Setting, world: BenchWorld, add: Callable[[Line], None]) -> None:
    def by_command(first: int) -> float:
        return bulk_booking_rate(setting, world, bookings=BOOKINGS, first=first)

    by_command(700_000)  # the broker compiles what this topic takes
    add(_in_turns(setting, world, "bulk booking by command, one worker", by_command, to_reach=1.9, first=300_000))


def _in_turns(
    setting: Setting,
    world: BenchWorld,
    what: str,
    measure: Callable[[int], float],
    *,
    to_reach: float,
    first: int,
    beside: int = 0,
    rounds: int = ROUNDS,
) -> Line:
    """pgbench and `measure`, which is given the first of 50,000 slots, by turns; the line with the middle ratio.

    `beside`: how much later the slots of pgbench are than those before the ones measured.
    """
    lines = []
    for turn in range(rounds):
        begin = first + turn * (CALLS + 50_000)
        baseline = _baseline(setting, world, first=begin + beside)
        lines.append(_against_pgbench(what, measure(begin + CALLS), baseline, to_reach))
        say(f"  {lines[-1].figure}, {lines[-1].ratio:.2f} of pgbench")
    return sorted(lines, key=lambda line: line.ratio)[rounds // 2]


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
        until(lambda: bool(client.get(query).is_success))
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
        until(lambda: bool(client.get(query).is_success))
        took = []
        for number in range(1_600_000, 1_600_000 + SLOT_QUERIES):
            known = projected_appointments(setting)
            booked = desk.post("/v1/appointments", json=world.request(number - 1_600_000 + 7 * STAFF))
            if booked.status_code != HTTPStatus.CREATED:
                continue
            until(lambda known=known: projected_appointments(setting) > known)  # type: ignore[misc]
            began = time.perf_counter()
            client.get(query).raise_for_status()
            took.append((time.perf_counter() - began) * 1_000)
    figure = statistics.median(took)
    what = f"slots after each booking, {STAFF} staff, 30 days"
    add(Line(what, f"{figure:.1f} ms", f"25 ms, {len(took)} times", figure / 25, "≤ 1", figure <= 25))


def _slots_query(world: BenchWorld) -> str:
    return (
        f"/v1/slots?business_id={world.business_id}&service_id={world.service_id}"
        f"&from={stamp(FIRST)}&to={stamp(FIRST + timedelta(days=30))}&detail=starts"
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


def _reminders(setting: Setting, _world: BenchWorld, add: Callable[[Line], None]) -> None:
    seen = measure_reminders(setting)
    hour, second = seen.in_the_hour, seen.at_one_second
    what = f"reminders, {HOUR:,} due in an hour, {WATCHED_SECONDS} s of it, late ({hour.per_second:.1f}/s)"
    burst = f"{BURST:,} more that are due at one instant"
    for line, late, most in ((what, hour, 2), (burst, second, BURST_SECONDS)):
        reached = late.p99 <= most * 1_000 and min(late.milliseconds) >= 0
        add(Line(line, str(late), f"{most} s, and none early", late.p99 / 1_000 / most, "≤ 1", reached))
    ratio = seen.at_full_speed / NEEDED
    needed = f"{HOUR:,} in an hour: {NEEDED:.1f}/s"
    add(Line("reminders, one worker at full speed", f"{seen.at_full_speed:,.0f}/s", needed, ratio, "≥ 2", ratio >= 2))


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


def _streams(desk: FrontDesk, add: Callable[[Line], None]) -> None:
    for what, call in proxied_calls(desk).items():
        add(
            Line(
                f"{what} through the proxy",
                f"{call.proxied:.2f} ms",
                f"the direct call: {call.direct:.2f} ms",
                call.ratio,
                "≤ 1.5",
                call.ratio <= 1.5,
            )
        )
    streams = hold_streams(desk, browsers=BROWSERS)
    heard = f"each hears of a change within {streams.told_within_seconds:.2f} s"
    before = f" ({streams.megabytes_before:.0f} before they came)"
    add(_at_most(f"{BROWSERS:,} browsers on one process, {heard}: memory", streams.megabytes, 300, "MB", before))


def _screens(desk: FrontDesk, add: Callable[[Line], None]) -> None:
    try:
        seen = measure_screens(desk)
    except NoBrowserError as missing:
        add(Line("the screens in Chromium", f"not measured: {missing}", "Chromium", 0, "≤ 1", reached=False))
        return
    path, later = max(seen.later_kilobytes.items(), key=lambda page: page[1])
    pages, heaviest = len(seen.later_kilobytes), " ".join(path.split("/")[1:2])
    live = statistics.quantiles(seen.live_seconds, n=20)[18] * 1_000
    idle = f" ({seen.idle_frames:.1f} while nothing moves)"
    day = f"a day of {APPOINTMENTS} appointments and {COLUMNS} staff"
    add(_at_most("the first screen, compressed", seen.first_kilobytes, 320, "kB"))
    add(_at_most(f"what a later page adds, the most of {pages}", later, 40, "kB", f" ({heaviest})"))
    add(_at_most(f"{day}, from data to pixels", seen.day_milliseconds, 200, "ms"))
    for what, frames in {"dragging": seen.drag_frames, "resizing": seen.resize_frames}.items():
        add(_at_least(f"{what} there, processor {SLOWER} times slower", frames, 55, "frames/s", idle))
    add(_at_most(f"a change elsewhere shows there, p95 of {CHANGES}", live, 1_000, "ms"))
    add(_at_most(f"back to a list of {ROWS:,} rows, all read, until it is painted", seen.list_milliseconds, 100, "ms"))


def _at_most(what: str, figure: float, most: float, unit: str, more: str = "") -> Line:
    return Line(what, f"{figure:,.0f} {unit}{more}", f"{most:,} {unit}", figure / most, "≤ 1", figure <= most)


def _at_least(what: str, figure: float, least: float, unit: str, more: str = "") -> Line:
    return Line(what, f"{figure:,.1f} {unit}{more}", f"{least:,} {unit}", figure / least, "≥ 1", figure >= least)


def _book(setting: Setting, url: str, *, appointments: int) -> Book:
    say(f"  a book of {appointments:,} appointments …")
    world = _open_world(setting, staff=20)
    with httpx2.Client(base_url=url, headers=_bearer(setting, world), timeout=60) as client:
        return fill_book(setting.admin_url("booking"), world, book_one(client, world), appointments=appointments)


def _choosing(setting: Setting, url: str, book: Book) -> float:
    with httpx2.Client(base_url=url, headers=_bearer(setting, book.world), timeout=60) as client:
        return choosing_milliseconds(client, book.world)


def _page(setting: Setting, url: str, book: Book, path: str) -> float:
    return latency(url, "GET", path, _bearer(setting, book.world), times=200)


def _bearer(setting: Setting, world: BenchWorld) -> dict[str, str]:
    return {"Authorization": f"Bearer {setting.token(world.organization_id)}"}


ON_SETTING = (
    # Mails first: the bookings of the others would be announced before.
    _mail,
    _reminders,
    _slots,
    _slots_after_booking,
    _bookings,
    _race,
    _relay_and_consumer,
    _bulk,
    _books,
    _idle,
)
ON_FRONT_DESK = (_streams, _screens)
"""On a platform of their own, with all services."""


def _report(lines: list[Line]) -> str:
    rows = "".join(
        f"| {line.what} | {line.figure} | {line.compared_with} | {line.ratio:.2f} | {line.to_reach} | "
        f"{'yes' if line.reached else '**no**'} |\n"
        for line in lines
    )
    return (
        "# Benchmarks\n\n"
        "Written by `make bench`. Machines differ, so each promise is a ratio taken in one run; PostgreSQL runs "
        "with its ordinary durability, and server, database, broker and load generator share the machine. A service "
        "has twice as many connections as there are cores, and one. Booking and "
        f"bulk are measured {ROUNDS} times by turns with pgbench, the other ways to book {FEWER_ROUNDS} times, and the "
        f"middle ratio is told; so is the middle one of {ROUNDS} races. {HOUR:,} reminders are written as due within "
        f"an hour, the first {WATCHED_SECONDS} s of it are watched: from the time that each was due to "
        "the SMTP server's hands, by one worker with the limits that hold without settings; none may be early. "
        "What browsers see (proxy, streams, screens) is measured on all services at once, "
        "started as for the end-to-end tests: with PostgreSQL not waiting for the disk, "
        "and with Chromium, without a graphics card, on the same machine.\n\n"
        f"Machine: {os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}.\n\n"
        "| what | measured | compared with | ratio | to reach | reached |\n|---|---|---|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    main()
