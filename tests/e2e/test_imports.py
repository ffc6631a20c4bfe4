"""A file of a thousand rows, with conflicts, twice."""

import csv
import io
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from harness.mailbox import Mailbox
from harness.platform import Platform
from harness.world import World, expect, next_weekday, until_true

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

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
        202,
    )
    identity: str = answer["id"]
    preview = expect(await world.imports.get(f"/v1/imports/{identity}/preview"))
    expect(await world.imports.put(f"/v1/imports/{identity}/mapping", json=preview["mapping"]), 200, 202)
    return identity


async def status(world: World, identity: str) -> dict[str, Any]:
    answer: dict[str, Any] = expect(await world.imports.get(f"/v1/imports/{identity}"))
    return answer


async def reached(world: World, identity: str, wanted: str) -> dict[str, Any]:
    async def there() -> bool:
        return (await status(world, identity))["status"] == wanted

    await until_true(there, within=90, what=f"the import is {wanted}")
    return await status(world, identity)


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
    assert checked["counts"]["invalid"] == 10
    assert checked["counts"]["conflict"] == 12
    expect(await world.imports.post(f"/v1/imports/{identity}/confirm", json={}, headers=world.fresh_key()), 200, 202)
    finished = await reached(world, identity, "finished")
    assert finished["counts"]["booked"] == 978

    again = await upload(world, content)
    await reached(world, again, "checked")
    expect(await world.imports.post(f"/v1/imports/{again}/confirm", json={}, headers=world.fresh_key()), 200, 202)
    await reached(world, again, "finished")
    counts = expect(await world.booking.get("/v1/appointments/counts", params={"source": "import"}))
    assert counts["by_status"] == {"scheduled": 978}
    assert not [mail for mail in mailbox.mails if "import-" in str(mail["To"])]

    expect(await world.imports.post(f"/v1/imports/{identity}/undo", json={}, headers=world.fresh_key()), 200, 202)
    await reached(world, identity, "undone")
    after = expect(await world.booking.get("/v1/appointments/counts"))
    assert after["by_status"] == {"scheduled": 2, "cancelled": 978}
