"""A file of a thousand rows, with conflicts, twice; and one whose import is killed again and again."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.world import World, expect, next_weekday, stamp, until_true

pytestmark = pytest.mark.e2e

ROWS = 1_000
BERLIN = ZoneInfo("Europe/Berlin")


def a_file(world: World) -> bytes:
    """1,000 rows: 980 good ones (two taken already in the book), 10 that clash inside the file, 10 invalid."""
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(["Name", "Phone", "Email", "Service", "Staff", "Date", "Time", "Duration"])
    first = next_weekday(0, days_ahead=30)
    for number in range(ROWS):
        staff = world.staff[number % 4]["name"]
        starts_at = (first + timedelta(minutes=30 * (number // 4))).astimezone(BERLIN)
        if 980 <= number < 990:
            starts_at = (first + timedelta(minutes=30 * ((number - 980) // 4))).astimezone(BERLIN)
        phone = "no phone" if number >= 990 else f"+4930{5550000 + number}"
        table.writerow(
            [
                f"Client {number}",
                phone,
                f"import-{number}@example.com",
                world.service["name"],
                staff,
                starts_at.strftime("%Y-%m-%d"),
                starts_at.strftime("%H:%M"),
                30,
            ]
        )
    return output.getvalue().encode()


async def upload(world: World, content: bytes) -> str:
    answer = expect(
        await world.imports.post(
            "/v1/imports",
            files={"file": ("appointments.csv", content, "text/csv")},
            data={"business_id": world.business["id"]},
            headers=world.fresh_key(),
        ),
        201,
    )
    identity: str = answer["id"]
    preview = expect(await world.imports.get(f"/v1/imports/{identity}/preview"))
    expect(await world.imports.put(f"/v1/imports/{identity}/mapping", json={"columns": preview["columns"]}))
    return identity


async def the_import(world: World, identity: str) -> dict[str, Any]:
    answer: dict[str, Any] = expect(await world.imports.get(f"/v1/imports/{identity}"))
    return answer


async def reached(world: World, identity: str, wanted: str) -> dict[str, int]:
    """Waits until the import is `wanted`; its counts then."""

    async def there() -> bool:
        found = await the_import(world, identity)
        assert found["state"] != "failed", found["failure"]
        return bool(found["state"] == wanted)

    await until_true(there, within=300, what=f"the import is {wanted}")
    counts: dict[str, int] = (await the_import(world, identity))["counts"]
    return counts


async def ask(world: World, identity: str, verb: str) -> None:
    expect(await world.imports.post(f"/v1/imports/{identity}/{verb}", json={}, headers=world.fresh_key()), 202)


async def appointments_by_status(world: World, **filters: str) -> dict[str, int]:
    by_status: dict[str, int] = expect(await world.booking.get("/v1/appointments/counts", params=filters))["by_status"]
    return {status: count for status, count in by_status.items() if count}


def a_file_without_flaws(world: World, rows: int) -> bytes:
    """Rows that can all be booked, each with an external id."""
    output = io.StringIO()
    table = csv.writer(output)
    table.writerow(["ID", "Name", "Email", "Service", "Staff", "Start"])
    first = next_weekday(0, days_ahead=30)
    for number in range(rows):
        turn, staff = divmod(number, len(world.staff))
        starts_at = stamp(first + timedelta(minutes=30 * turn))
        client = (f"Client {number}", f"import-{number}@example.com")
        table.writerow([f"A-{number}", *client, world.service["name"], world.staff[staff]["name"], starts_at])
    return output.getvalue().encode()


async def everything_known_of(platform: Platform, world: World) -> list[tuple[str, int, str]]:
    """(id, version, status) of every appointment, straight from booking's database."""
    connection = await asyncpg.connect(platform.database_url("booking"))
    try:
        rows = await connection.fetch(
            "SELECT id, version, status FROM appointments WHERE organization_id = $1 ORDER BY id",
            world.organization_id,
        )
    finally:
        await connection.close()
    return [(str(row["id"]), row["version"], row["status"]) for row in rows]


async def test_an_import_of_1000_rows_with_conflicts_run_twice_changes_nothing_the_second_time(
    platform: Platform, mailbox: Mailbox
) -> None:
    world = await platform.a_world(staff=4)
    first = next_weekday(0, days_ahead=30)
    for number in range(2):
        await world.book(first, resource_ids=[world.staff[number]["id"]])
    content = a_file(world)

    identity = await upload(world, content)
    checked = await reached(world, identity, "checked")
    assert (checked["rows"], checked["ok"], checked["conflicts"], checked["invalid"]) == (ROWS, 978, 12, 10)
    await ask(world, identity, "confirm")
    finished = await reached(world, identity, "finished")
    assert (finished["new"], finished["already_done"], finished["failed"]) == (978, 0, 0)
    assert await appointments_by_status(world, source="import") == {"scheduled": 978}
    before = await everything_known_of(platform, world)

    again = await upload(world, content)
    await reached(world, again, "checked")
    await ask(world, again, "confirm")
    repeated = await reached(world, again, "finished")
    assert (repeated["new"], repeated["already_done"], repeated["failed"]) == (0, 978, 0)
    assert await everything_known_of(platform, world) == before
    assert not [mail for mail in mailbox.mails if "import-" in str(mail["To"])]

    await ask(world, identity, "undo")
    undone = await reached(world, identity, "undone")
    assert undone["undone"] == 978
    assert await appointments_by_status(world) == {"scheduled": 2, "cancelled": 978}
    assert not [mail for mail in mailbox.mails if "import-" in str(mail["To"])]


async def test_an_import_is_all_there_once_although_its_worker_and_bookings_are_killed(platform: Platform) -> None:
    rows = 2_000
    world = await platform.a_world(staff=8)

    async def kill(*victims: str) -> None:
        for victim in victims:
            await asyncio.sleep(0.5)
            await asyncio.to_thread(platform.restart, victim)

    identity = await upload(world, a_file_without_flaws(world, rows))
    checked, _ = await asyncio.gather(reached(world, identity, "checked"), kill("imports", "booking-worker"))
    assert (checked["rows"], checked["ok"]) == (rows, rows)
    await ask(world, identity, "confirm")
    finished, _ = await asyncio.gather(reached(world, identity, "finished"), kill("imports", "booking-worker"))
    assert (finished["new"], finished["already_done"], finished["failed"]) == (rows, 0, 0)
    appointments = await everything_known_of(platform, world)
    assert {(version, status) for _, version, status in appointments} == {(1, "scheduled")}
    assert len(appointments) == rows

    await ask(world, identity, "undo")
    undone, _ = await asyncio.gather(reached(world, identity, "undone"), kill("booking-worker"))
    assert undone["undone"] == rows
    assert await appointments_by_status(world) == {"cancelled": rows}
