"""The sizes in docs/capacity.md, out of docs/benchmarks.md: `python -m bench.capacity write|check`.

What nobody has measured is called so, not guessed. The hottest tenant is simulated with the limits that stand in the
code, one API process that answers in the order of arrival.
"""

import json
import math
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from availability.api.slots import SLOTS_LIMIT
from booking.api.dependencies import BOOKINGS_LIMIT
from slotstream_contracts.topics import APPOINTMENTS, BOOKING_COMMANDS, BOOKING_RESULTS
from slotstream_servicekit.http.limits import RateLimit, RateLimits
from slotstream_servicekit.settings import Rate

ROOT: Final = Path(__file__).parents[1]
PAGE, BENCHMARKS = ROOT / "docs/capacity.md", ROOT / "docs/benchmarks.md"
GOLDEN: Final = ROOT / "libs/contracts/tests/golden"
BEGIN, END = "<!-- Written by bench/capacity.py -->\n", "<!-- End of what is written -->\n"

STAFF, EACH_A_DAY, BUSIEST_HOUR = 20, 10, 0.1
CHANGES: Final = 4
"""Of one appointment, supposed: booked, confirmed, moved or assigned, completed."""
QUERIES: Final = 20
"""Slot queries for one booking, supposed."""
MAILS: Final = 2
"""For one appointment, supposed: a confirmation and a reminder."""
LOAD: Final = 0.5
"""How far a process is loaded in the busiest hour: so that half of them can be away."""
COPIES: Final = 3
NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True, slots=True)
class Rates:
    """What one process does, by the benchmarks."""

    bookings: float
    commits: float
    relayed: float
    consumed: float
    imported: float
    slots_seconds: float
    empty_seconds: float


def read_rates(text: str) -> Rates:
    def row(what: str) -> list[str]:
        cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
        return next(each for each in cells if each[0].startswith(what))

    def number(cell: str, unit: str) -> float:
        found = re.search(rf"([\d.,]+){unit}", cell)
        if found is None:
            raise ValueError(f"no number of {unit!r} in {cell!r}")
        return float(found[1].replace(",", ""))

    booking, slots = row("booking over HTTP"), row("slots, 100 staff")
    return Rates(
        bookings=number(booking[1], "/s"),
        commits=number(booking[2], "/s"),
        relayed=number(row("outbox relay")[1], "/s"),
        consumed=number(row("projection consumer")[1], "/s"),
        imported=number(row("bulk booking")[1], "/s"),
        slots_seconds=number(slots[1], " ms") / 1_000,
        empty_seconds=number(slots[2], " ms") / 1_000,
    )


def event_bytes() -> int:
    """The size of the golden event of a new appointment, as it stands on Kafka."""
    golden = json.loads((GOLDEN / "slotstream.appointment.created.json").read_text(encoding="utf-8"))
    return len(json.dumps(golden, separators=(",", ":")))


def sizes(rates: Rates) -> Iterator[str]:
    yield (
        f"Out of the [benchmarks](benchmarks.md): one process takes {rates.bookings:,.0f} bookings a second, its "
        f"database commits {rates.commits:,.0f}, a relay sends {rates.relayed:,.0f} records, a consumer applies "
        f"{rates.consumed:,.0f}, an import books {rates.imported:,.0f}; a slot query that the cache answers takes "
        f"{rates.slots_seconds * 1_000:.2f} ms. How many mails a process sends in a second is {NOT_MEASURED}, only how "
        "long one takes.\n"
    )
    yield (
        f"Supposed, and to be replaced by your own: {STAFF} staff with {EACH_A_DAY} appointments each a day, a tenth "
        f"of them in the busiest hour, {CHANGES} changes of each appointment, {QUERIES} slot queries for a booking, "
        f"{MAILS} mails; processes loaded by half, and never fewer than two of each. An event has "
        f"{event_bytes():,} bytes, as in the contracts' example, {COPIES} copies of it are kept, and compression "
        "is not counted.\n"
    )
    yield "| | 1 organization | 100 | 10,000 | 10 million appointments a day |"
    yield "|---|---|---|---|---|"
    per_day = [n * STAFF * EACH_A_DAY for n in (1, 100, 10_000)] + [10_000_000]
    peaks = [day * BUSIEST_HOUR / 3_600 for day in per_day]
    event, copies = event_bytes(), COPIES

    def line(name: str, values: list[str]) -> str:
        return f"| {name} | {' | '.join(values)} |"

    def processes(each: float, rate: float) -> str:
        return f"{max(2, math.ceil(each / (rate * LOAD))):,}"

    yield line("appointments a day", [f"{day:,}" for day in per_day])
    yield line(
        "bookings a second in the busiest hour", [f"{peak:,.2f}" if peak < 1 else f"{peak:,.0f}" for peak in peaks]
    )
    yield line("booking's API processes", [processes(peak, rates.bookings) for peak in peaks])
    yield line(
        "booking's databases ([cells](spreading.md)), for all changes",
        [f"{math.ceil(peak * CHANGES / (rates.commits * LOAD)):,}" for peak in peaks],
    )
    yield line(
        "availability's API processes, if the cache answers",
        [processes(peak * QUERIES, 1 / rates.slots_seconds) for peak in peaks],
    )
    # Each change is told as an event and as a state.
    yield line("booking's workers, for the relay", [processes(peak * CHANGES * 2, rates.relayed) for peak in peaks])
    yield line("workers of each service that hears", [processes(peak * CHANGES, rates.consumed) for peak in peaks])
    yield line(
        "partitions that these workers need",
        [f"{max(APPOINTMENTS.partitions, math.ceil(peak * CHANGES / (rates.consumed * LOAD)))}" for peak in peaks],
    )
    yield line("mails a second", [f"{peak * MAILS:,.2f}" if peak < 1 else f"{peak * MAILS:,.0f}" for peak in peaks])
    yield line("notifications' workers, for mails", [NOT_MEASURED] * 4)
    yield line("Kafka, events of a year", [_bytes(day * CHANGES * event * copies * 365) for day in per_day])
    yield line("Kafka, newest states", [_bytes(day * event * copies * 365) for day in per_day])
    yield line("PostgreSQL, bytes of an appointment", [f"{NOT_MEASURED}: ask yours, below"] + [NOT_MEASURED] * 3)
    yield ""
    hours, days = BOOKING_COMMANDS.retention, BOOKING_RESULTS.retention
    if hours is not None and days is not None:
        yield (
            f"Events and states are kept for ever, commands for {hours.total_seconds() / 3_600:.0f} hours, their "
            f"results for {days.days} days: set `retention.ms` of `{APPOINTMENTS.name}` where a year is too much. "
            "[Connections](pooling.md) grow with the processes.\n"
        )


def _bytes(count: float) -> str:
    for unit in ("MB", "GB"):
        count /= 1_000 if unit == "GB" else 1_000_000
        if count < 1_000:
            return f"{count:,.0f} {unit}"
    return f"{count / 1_000:,.1f} TB"


@dataclass(frozen=True, slots=True)
class Flood:
    """`hot` requests a second of one organization beside `calm` of all others, each worth `seconds` of a process."""

    name: str
    hot: float
    calm: float
    seconds: float
    refusing_seconds: float
    limit: Rate


def others_wait(flood: Flood, *, limited: bool, lasting: float = 20.0) -> tuple[float, float]:
    """Median and 99th percentile of what the others' answers take, in seconds."""
    chance = random.Random(7)  # noqa: S311 - arrivals, the same each time
    now, free_at = [0.0], 0.0
    limits = RateLimits({}, clock=lambda: now[0])
    took: list[float] = []
    total = flood.hot + flood.calm
    while now[0] < lasting:
        now[0] += chance.expovariate(total)
        hot = chance.random() * total < flood.hot
        refused = hot and limited and limits.take("hot", "any", flood.limit) < 0
        free_at = max(free_at, now[0]) + (flood.refusing_seconds if refused else flood.seconds)
        if not hot:
            took.append(free_at - now[0])
    took.sort()
    return took[len(took) // 2], took[len(took) * 99 // 100]


def _rate(limit: Any) -> Rate:
    """What an endpoint is limited to that depends on `limit`."""
    return cast("RateLimit", limit.dependency).default


def hottest(rates: Rates) -> Iterator[str]:
    booking, empty = 1 / rates.bookings, rates.empty_seconds
    slots_rate, bookings_rate = _rate(SLOTS_LIMIT), _rate(BOOKINGS_LIMIT)
    floods = [
        *(
            Flood(f"slot queries, {hot:,} a second", hot, 100, rates.slots_seconds, empty, slots_rate)
            for hot in (1_000, 10_000, 12_000, 20_000)
        ),
        *(
            Flood(f"bookings, {hot:,} a second", hot, 50, booking, empty, bookings_rate)
            for hot in (200, 600, 1_000, 5_000, 10_000)
        ),
    ]
    yield (
        "One organization floods one process; the others send 100 slot queries or 50 bookings a second. Simulated for "
        "20 seconds, in the order of arrival; a refusal costs what an empty endpoint does. What the others' answers "
        "take:\n"
    )
    yield "| the hottest sends | its limit | without, p50 | p99 | with the limit, p50 | p99 |"
    yield "|---|---|---|---|---|---|"
    for flood in floods:
        cells = [_milliseconds(each) for limited in (False, True) for each in others_wait(flood, limited=limited)]
        yield f"| {flood.name} | {flood.limit.per_minute / 60:.0f} a second | {' | '.join(cells)} |"
    yield ""
    yield (
        "The limits keep a flood out until refusing alone fills a process; what lasts beyond that wants a limit before "
        f"the APIs. At once an organization may send {bookings_rate.burst} bookings, for which others wait "
        f"{_milliseconds(bookings_rate.burst * booking)} at most. Each process counts by itself: with n of them an "
        "organization may reach n times its rate, and all of them together the database's."
    )


def _milliseconds(seconds: float) -> str:
    milliseconds = seconds * 1_000
    return f"{milliseconds:,.1f} ms" if milliseconds < 100 else f"{milliseconds / 1_000:,.1f} s"


def written() -> str:
    rates = read_rates(BENCHMARKS.read_text(encoding="utf-8"))
    lines = ["## Sizes", "", *sizes(rates), "## The hottest organization", "", *hottest(rates), ""]
    return "\n".join(lines)


def main(command: str) -> int:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{written()}\n{END}{after}"
    if command == "write":
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if page != wanted:
        print(f"{PAGE.name} is not what bench/capacity.py makes of the benchmarks: python -m bench.capacity write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
