"""A series from the front desk to one entry in the client's calendar, with real mail and the worker ended meanwhile."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import uuid4

import icalendar
import pytest
import recurring_ical_events
from harness.mailbox import Mailbox, body_text, calendar_part
from harness.platform import Platform
from harness.world import World, expect, next_weekday, stamp

pytestmark = pytest.mark.e2e


async def a_series(world: World, address: str, starts_at: datetime, *, count: int) -> dict[str, object]:
    client = {"name": "Grace Hopper", "email": address}
    body = {**world.booking_of(starts_at, client=client), "recurrence": {"freq": "weekly", "count": count}}
    made: dict[str, object] = expect(
        await world.booking.post("/v1/series", json={**body, "on_conflict": "skip"}, headers=world.fresh_key())
    )
    return made


def starts_in(mail: EmailMessage) -> list[datetime]:
    calendar = icalendar.Calendar.from_ical(calendar_part(mail))
    events = recurring_ical_events.of(calendar).between(datetime(2020, 1, 1), datetime(2060, 1, 1))  # noqa: DTZ001
    return sorted(event["DTSTART"].dt.astimezone(UTC) for event in events)


def uids(mails: Iterable[EmailMessage]) -> set[str]:
    calendars = (icalendar.Calendar.from_ical(calendar_part(mail)) for mail in mails)
    return {str(event["UID"]) for calendar in calendars for event in calendar.walk("VEVENT")}


async def test_a_series_is_one_mail_and_so_is_each_change_of_it(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address, starts_at = f"{uuid4().hex}@example.com", next_weekday(10)
    await world.book(starts_at + timedelta(weeks=2), client={"name": "Ada", "email": f"{uuid4().hex}@example.com"})
    made = await a_series(world, address, starts_at, count=12)

    [mail] = await mailbox.expect(address)
    booked = [one["appointment_starts_at"] for one in made["occurrences"] if one["appointment_starts_at"]]  # type: ignore[attr-defined]
    assert [stamp(start) for start in starts_in(mail)] == booked
    assert len(booked) == 11
    assert "No appointment on:" in body_text(mail)

    one = str(made["occurrences"][4]["occurs_on"])  # type: ignore[index]
    moved_to = datetime.fromisoformat(booked[3]) + timedelta(hours=3)
    path = f"/v1/series/{made['id']}"
    expect(await world.booking.patch(path, json={"scope": "this", "occurs_on": one, "starts_at": stamp(moved_to)}))
    _, moved = await mailbox.expect(address, count=2)
    expect(await world.booking.patch(path, json={"scope": "all", "local_time": "15:30"}))
    _, _, changed = await mailbox.expect(address, count=3)
    expect(
        await world.booking.post(f"{path}/cancel", json={"scope": "all", "reason": "ill"}, headers=world.fresh_key())
    )
    mails = await mailbox.expect(address, count=4)

    assert len(uids(mails)) == 1
    [event] = icalendar.Calendar.from_ical(calendar_part(moved)).walk("VEVENT")
    assert (event["DTSTART"].dt, event["RECURRENCE-ID"].dt) == (moved_to, datetime.fromisoformat(booked[3]))
    assert moved_to in starts_in(changed)
    # At the new time the date that was skipped is free.
    assert len(starts_in(changed)) == len(booked) + 1
    assert icalendar.Calendar.from_ical(calendar_part(mails[3]))["METHOD"] == "CANCEL"
    # A last mail of another kind, by the same way, shows that nothing more was under way.
    await world.book(starts_at + timedelta(hours=1), client={"name": "Grace Hopper", "email": address})
    assert len(await mailbox.expect(address, count=5)) == 5


async def test_a_series_made_while_nobody_sends_is_told_once(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address, starts_at = f"{uuid4().hex}@example.com", next_weekday(10)
    sender = platform.processes["notifications"]
    sender.kill()
    try:
        made = await a_series(world, address, starts_at, count=30)
        expect(await world.booking.patch(f"/v1/series/{made['id']}", json={"scope": "all", "local_time": "15:30"}))
    finally:
        platform.restart("notifications")

    created, changed = await mailbox.expect(address, count=2)
    assert len(uids([created, changed])) == 1
    assert len(starts_in(changed)) == 30
    platform.restart("notifications")
    await world.book(starts_at + timedelta(hours=1), client={"name": "Grace Hopper", "email": address})
    assert len(await mailbox.expect(address, count=3)) == 3
