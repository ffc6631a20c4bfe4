"""External calendars: their events block slots, and ours can be subscribed to."""

from datetime import timedelta

import httpx2
import icalendar
import pytest
from harness.calendars import a_calendar
from harness.platform import Platform
from harness.web import FileServer
from harness.world import expect, next_weekday, stamp, until_true

pytestmark = pytest.mark.e2e


async def test_an_external_event_blocks_a_slot_until_it_goes(platform: Platform) -> None:
    world = await platform.a_world()
    starts_at = next_weekday(10)
    next_week = starts_at + timedelta(days=7)
    blocked = {stamp(starts_at), stamp(starts_at + timedelta(minutes=30))}
    with FileServer() as web:
        web.files["/staff.ics"] = a_calendar(starts_at=starts_at)
        connection = expect(
            await world.calendar_sync.post(
                "/v1/connections",
                json={"kind": "ics", "resource_id": world.staff[0]["id"], "url": f"{web.url}/staff.ics"},
                headers=world.fresh_key(),
            )
        )

        async def not_offered() -> bool:
            return not blocked & set(await world.slots(starts_at))

        await until_true(not_offered, what="the external event's time is not offered")

        async def not_offered_next_week() -> bool:
            return stamp(next_week) not in await world.slots(next_week)

        async def cannot_be_held() -> bool:
            return not await world.can_be_held(starts_at)

        # Each date of the event is a record of its own, and booking hears of it by itself.
        await until_true(not_offered_next_week, what="nor is its time a week later")
        await until_true(cannot_be_held, what="booking knows of the external event")
        refused = await world.booking.post(
            "/v1/appointments", json=world.booking_of(starts_at), headers=world.fresh_key()
        )
        assert refused.status_code == 409, refused.text
        assert "external_busy" in {reason["code"] for reason in refused.json()["reasons"]}

        web.files["/staff.ics"] = a_calendar(starts_at=starts_at + timedelta(hours=5))
        expect(
            await world.calendar_sync.post(f"/v1/connections/{connection['id']}/sync", headers=world.fresh_key()),
            200,
            202,
        )

        async def offered_again() -> bool:
            return blocked <= set(await world.slots(starts_at))

        async def can_be_held_again() -> bool:
            return await world.can_be_held(starts_at)

        await until_true(offered_again, what="the time is offered again once the event moved")
        await until_true(can_be_held_again, what="booking knows that the event moved")
    await world.book(starts_at)


async def test_a_secret_feed_shows_a_members_appointments_to_any_calendar_program(platform: Platform) -> None:
    world = await platform.a_world()
    starts_at = next_weekday(11)
    appointment = await world.book(starts_at)
    feed = expect(
        await world.calendar_sync.post(
            "/v1/feeds", json={"resource_id": world.staff[0]["id"]}, headers=world.fresh_key()
        )
    )

    async with httpx2.AsyncClient(timeout=60) as anonymous:

        async def events() -> list[icalendar.Event]:
            answer = await anonymous.get(feed["url"])
            assert answer.status_code == 200, answer.text
            return list(icalendar.Calendar.from_ical(answer.content).walk("VEVENT"))

        async def shown() -> bool:
            return [event["DTSTART"].dt for event in await events()] == [starts_at]

        await until_true(shown, what="the appointment is in the feed")
        await world.act(appointment["id"], "cancel", reason="no longer needed")

        async def gone() -> bool:
            return all(str(event.get("STATUS")) == "CANCELLED" for event in await events())

        await until_true(gone, what="the cancelled appointment is gone or marked")
        await world.calendar_sync.delete(f"/v1/feeds/{feed['id']}")
        assert (await anonymous.get(feed["url"])).status_code == 404
