"""From an invitation in the inbox to the confirmed appointment, by what the client's calendar mails back."""

from datetime import datetime
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import vobject
from dateutil.tz import UTC
from harness.mailbox import Mailbox, calendar_part
from harness.platform import INBOUND_MAIL_SECRET, Platform
from harness.world import World, expect, next_weekday, until_true

pytestmark = pytest.mark.e2e


def answer_to(invitation: EmailMessage, participation: str) -> bytes:
    """What a calendar sends: its answer is made by another library than our invitation."""
    invited = vobject.readOne(calendar_part(invitation)).vevent
    calendar = vobject.iCalendar()
    calendar.add("method").value = "REPLY"
    event = calendar.add("vevent")
    event.add("uid").value = invited.uid.value
    event.add("sequence").value = invited.sequence.value
    event.add("dtstamp").value = datetime.now(UTC)
    event.add("dtstart").value = invited.dtstart.value.astimezone(UTC)
    event.add("organizer").value = invited.organizer.value
    attendee = event.add("attendee")
    attendee.value = invited.attendee.value
    attendee.params["PARTSTAT"] = [participation]
    mail = EmailMessage()
    mail["From"] = str(invitation["To"])
    mail["To"] = invited.organizer.value.removeprefix("mailto:")
    mail["Message-ID"] = f"<{uuid4().hex}@client.example>"
    mail.set_content(f"{participation}: {invited.summary.value}")
    mail.add_alternative(calendar.serialize(), subtype="calendar", params={"method": "REPLY"})
    return mail.as_bytes()


async def hand_in(platform: Platform, raw: bytes) -> str:
    """As a mail server does, without a token of ours."""
    async with httpx2.AsyncClient(base_url=platform.processes["notifications"].url, timeout=60) as server:
        answer = await server.post(
            "/v1/providers/mail/inbound", content=raw, headers={"Authorization": f"Bearer {INBOUND_MAIL_SECRET}"}
        )
    return str(expect(answer)["outcome"])


async def appointment_of(world: World, appointment_id: str) -> Any:
    return expect(await world.booking.get(f"/v1/appointments/{appointment_id}"))


async def test_what_a_calendar_accepts_is_confirmed_by_the_client_and_told(
    platform: Platform, mailbox: Mailbox
) -> None:
    world = await platform.a_world()
    expect(await world.booking.patch(f"/v1/services/{world.service['id']}", json={"client_confirms": True}))
    address = f"{uuid4().hex}@example.com"
    appointment = await world.book(next_weekday(10), client={"name": "Grace Hopper", "email": address})
    [invitation] = await mailbox.expect(address)
    raw = answer_to(invitation, "ACCEPTED")

    assert await hand_in(platform, raw) == "answered"

    async def is_confirmed() -> bool:
        return bool((await appointment_of(world, appointment["id"]))["status"] == "confirmed")

    await until_true(is_confirmed, what="the appointment is confirmed")
    history = expect(await world.booking.get(f"/v1/appointments/{appointment['id']}/history"))["items"]
    [confirmed] = [entry for entry in history if entry.get("verb") == "confirm"]
    assert confirmed["actor"]["type"] == "client"
    _, told = await mailbox.expect(address, count=2)
    event = vobject.readOne(calendar_part(told)).vevent
    assert event.attendee.params["PARTSTAT"] == ["ACCEPTED"]
    assert await hand_in(platform, raw) == "repeated"


async def test_what_a_calendar_declines_waits_for_staff(platform: Platform, mailbox: Mailbox) -> None:
    world = await platform.a_world()
    address = f"{uuid4().hex}@example.com"
    appointment = await world.book(next_weekday(10), client={"name": "Grace Hopper", "email": address})
    [invitation] = await mailbox.expect(address)

    assert await hand_in(platform, answer_to(invitation, "DECLINED")) == "for_staff"

    assert (await appointment_of(world, appointment["id"]))["status"] == "scheduled"
    [inbound] = expect(
        await world.notifications.get("/v1/inbound-messages", params={"appointment_id": appointment["id"]})
    )["items"]
    assert (inbound["reason"], inbound["client_name"]) == ("declined", "Grace Hopper")
