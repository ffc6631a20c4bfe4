"""From a booking over HTTP, through the outbox and Kafka, to a mail in the inbox."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import icalendar
import pytest
from harness.mailbox import Mailbox, body_text, calendar_part
from harness.platform import Platform
from harness.world import expect, next_weekday, stamp, until_true

pytestmark = pytest.mark.e2e


def event_of(invitation: str) -> icalendar.Event:
    calendar = icalendar.Calendar.from_ical(invitation)
    return next(part for part in calendar.walk("VEVENT"))


async def test_a_booking_over_http_becomes_a_mail_with_an_invitation(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    starts_at = next_weekday(10)

    appointment = await world.book(starts_at, client={"name": "Grace Hopper", "email": address})

    [mail] = await mailbox.expect(address)
    assert "Haircut" in body_text(mail)
    assert "Salon Nord" in body_text(mail)
    invitation = calendar_part(mail)
    calendar = icalendar.Calendar.from_ical(invitation)
    event = event_of(invitation)
    assert calendar["METHOD"] == "REQUEST"
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    assert event["DTSTART"].dt == starts_at
    assert event["DTEND"].dt == starts_at + timedelta(minutes=30)
    assert int(event["SEQUENCE"]) == 0
    assert appointment["status"] == "scheduled"


async def test_calendars_follow_a_rescheduling_and_a_cancellation(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    starts_at = next_weekday(10)
    appointment = await world.book(starts_at, client={"name": "Grace Hopper", "email": address})
    await mailbox.expect(address)

    moved = await world.act(appointment["id"], "reschedule", starts_at=stamp(starts_at + timedelta(hours=2)))
    mails = await mailbox.expect(address, count=2)
    await world.act(moved["id"], "cancel", reason="the client is ill")
    mails = await mailbox.expect(address, count=3)

    first, second, third = (event_of(calendar_part(mail)) for mail in mails)
    assert {str(event["UID"]) for event in (first, second, third)} == {str(first["UID"])}
    assert int(first["SEQUENCE"]) < int(second["SEQUENCE"]) < int(third["SEQUENCE"])
    assert second["DTSTART"].dt == starts_at + timedelta(hours=2)
    cancellation = icalendar.Calendar.from_ical(calendar_part(mails[2]))
    assert cancellation["METHOD"] == "CANCEL"
    assert str(third["STATUS"]) == "CANCELLED"


async def test_a_slot_offered_is_bookable_and_disappears_once_booked(platform: Platform) -> None:
    world = await platform.a_world()
    day = next_weekday()
    offered = await world.slots(day)
    chosen = offered[len(offered) // 2]

    await world.book(datetime.fromisoformat(chosen))

    async def gone() -> bool:
        return chosen not in await world.slots(day)

    await until_true(gone, what="the booked slot is no longer offered")
    assert len(offered) - 1 == len(await world.slots(day))


async def test_a_reminder_is_planned_moves_with_the_appointment_and_stops_with_it(platform: Platform) -> None:
    world = await platform.a_world()
    expect(
        await world.notifications.post(
            "/v1/reminder-rules",
            json={"business_id": world.business["id"], "channel": "email", "minutes_before": 60},
            headers=world.fresh_key(),
        )
    )
    starts_at = next_weekday(10)
    appointment = await world.book(starts_at)
    path = "/v1/appointments/{}/reminders"

    async def due(appointment_id: str) -> list[tuple[str, str]]:
        items = expect(await world.notifications.get(path.format(appointment_id)))["items"]
        return [(item["status"], item["due_at"]) for item in items]

    async def planned() -> bool:
        return await due(appointment["id"]) == [("planned", stamp(starts_at - timedelta(hours=1)))]

    await until_true(planned, what="the reminder is planned an hour before")
    later = starts_at + timedelta(days=1)
    moved = await world.act(appointment["id"], "reschedule", starts_at=stamp(later))

    async def moved_along() -> bool:
        stopped = all(status == "suppressed" for status, _ in await due(appointment["id"]))
        return stopped and await due(moved["id"]) == [("planned", stamp(later - timedelta(hours=1)))]

    await until_true(moved_along, what="the reminder follows the appointment")
    await world.act(moved["id"], "cancel", reason="no longer needed")

    async def stopped() -> bool:
        return all(status == "suppressed" for status, _ in await due(moved["id"]))

    await until_true(stopped, what="the cancelled appointment's reminder is stopped")


async def test_the_history_tells_every_verb_with_its_actor(platform: Platform) -> None:
    world = await platform.a_world()
    appointment = await world.book(next_weekday(9))
    await world.act(appointment["id"], "confirm")
    await world.act(appointment["id"], "cancel", reason="closed for the day")

    entries = expect(await world.booking.get(f"/v1/appointments/{appointment['id']}/history"))["items"]

    assert [entry["verb"] for entry in entries] == ["create", "confirm", "cancel"]
    assert entries[-1]["reason"] == "closed for the day"
    assert all(entry["actor"]["type"] == "user" for entry in entries)
    assert all(datetime.fromisoformat(entry["at"]) <= datetime.now(UTC) for entry in entries)
