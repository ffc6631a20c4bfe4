"""Books of ten thousand and of a million appointments, and what lists, reports and exports cost on them."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx2

from bench.world import FIRST, BenchWorld, stamp

YEARS = timedelta(days=3 * 365)
REPORTS = ("no-shows?by=staff", "volume?by=service", "revenue?by=month", "utilisation?", "follow-ups?")
_OWN = frozenset({"id", "organization_id", "client_id", "starts_at", "ends_at", "status"})
_COPY = """
INSERT INTO appointments (organization_id, id, client_id, starts_at, ends_at, status, {others})
SELECT a.organization_id, gen_random_uuid(), c.client_id, s.starts_at, s.starts_at + interval '30 minutes',
       (ARRAY['completed', 'completed', 'completed', 'no_show', 'cancelled'])[1 + g % 5], {others}
FROM appointments a
CROSS JOIN generate_series(1, $3::int) AS g
CROSS JOIN LATERAL (SELECT $4::timestamptz + g * ($5::interval / $3::int) AS starts_at) AS s
JOIN (SELECT id AS client_id, row_number() OVER () AS place FROM clients WHERE organization_id = $1) AS c
     ON c.place = 1 + g % ($3::int / 20)
WHERE a.organization_id = $1 AND a.id = $2
"""
_STAFF = """
INSERT INTO appointment_resources (organization_id, appointment_id, place, resource_id, seat, starts_at)
SELECT a.organization_id, a.id, 1, ($2::uuid[])[1 + (row_number() OVER ()) % cardinality($2::uuid[])], 0, a.starts_at
FROM appointments a WHERE a.organization_id = $1
ON CONFLICT DO NOTHING
"""
_OCCUPANCY = """
INSERT INTO occupancy (organization_id, resource_id, session_id, blocked, holder_id)
SELECT a.organization_id, ar.resource_id, a.id, tstzrange(a.starts_at, a.ends_at), a.id
FROM appointments a JOIN appointment_resources ar ON ar.appointment_id = a.id
WHERE a.organization_id = $1 AND a.status IN ('completed', 'no_show')
ON CONFLICT DO NOTHING
"""
_CLIENTS = """
INSERT INTO clients (organization_id, id, name, consent, search, created_at, updated_at)
SELECT $1, gen_random_uuid(), 'Client ' || n, '{}', 'client ' || n, now(), now() FROM generate_series(1, $2::int) AS n
"""


@dataclass(frozen=True, slots=True)
class Book:
    """An organization with so many appointments over three years, all past, a twentieth as many clients."""

    world: BenchWorld
    appointments: int


def fill_book(admin_url: str, world: BenchWorld, appointment_id: str, *, appointments: int) -> Book:
    """Copies of one appointment, written past the service: a million bookings would take a quarter of an hour."""

    async def fill() -> None:
        connection = await asyncpg.connect(admin_url, command_timeout=900)
        organization = world.organization_id
        await connection.execute(_CLIENTS, organization, appointments // 20)
        names = (
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'appointments' AND is_generated = 'NEVER'"
        )
        others = sorted({row[0] for row in await connection.fetch(names)} - _OWN)
        statement = _COPY.format(others=", ".join(others))
        await connection.execute(statement, organization, appointment_id, appointments, FIRST - YEARS, YEARS)
        await connection.execute(_STAFF, organization, world.staff)
        await connection.execute(_OCCUPANCY, organization)
        tables = "appointments, appointment_resources, clients, client_search, occupancy"
        await connection.execute(f"VACUUM ANALYZE {tables}")
        await connection.close()

    asyncio.run(fill())
    return Book(world, appointments)


def pages_of(book: Book) -> dict[str, str]:
    """Lists that a front desk looks at, by what they show."""
    middle = FIRST - YEARS / 2
    base = f"/v1/appointments?limit=50&business_id={book.world.business_id}"
    return {
        "first page": base,
        "one status": f"{base}&status=no_show",
        "a fortnight, a year and a half ago": f"{base}&from={stamp(middle)}&to={stamp(middle + timedelta(days=14))}",
        "a client by name": f"{base}&q=client%20{book.appointments // 40 + 7}",
    }


def choosing_milliseconds(client: httpx2.Client, world: BenchWorld) -> float:
    """The median of bookings that name nobody, so that everybody's day is looked at."""
    took = []
    for number in range(150):
        body = world.request(number * len(world.staff))
        del body["resource_ids"]
        began = time.perf_counter()
        client.post("/v1/appointments", json=body, headers={"Idempotency-Key": uuid4().hex}).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def report_milliseconds(client: httpx2.Client) -> dict[str, float]:
    """The median of five runs of each report over all three years."""
    took = {}
    for report in REPORTS:
        path = f"/v1/reports/{report}&from={stamp(FIRST - YEARS)}&to={stamp(FIRST)}".replace("?&", "?")
        runs = []
        for _ in range(5):
            began = time.perf_counter()
            client.get(path).raise_for_status()
            runs.append((time.perf_counter() - began) * 1000)
        took[report.partition("?")[0]] = statistics.median(runs)
    return took


def export_peak(client: httpx2.Client, pid: int, *, rows: int, newest_first: bool = True) -> float:
    """The highest resident memory in MiB of the process that answered an export of so many rows."""
    order = "desc" if newest_first else "asc"
    seen = 0
    with client.stream("GET", "/v1/appointments/export", params={"format": "csv", "order": order}, timeout=900) as got:
        got.raise_for_status()
        for chunk in got.iter_bytes():
            seen += chunk.count(b"\n")
            if seen > rows:
                break
    return peak_mebibytes(pid)


def peak_mebibytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell a process's peak memory: /proc is needed")


def book_one(client: httpx2.Client, world: BenchWorld) -> str:
    answer = client.post(
        "/v1/appointments",
        json=world.request(0) | {"quoted_price": {"amount": "45.00", "currency": "EUR"}},
        headers={"Idempotency-Key": uuid4().hex},
    )
    answer.raise_for_status()
    return str(answer.json()["id"])
