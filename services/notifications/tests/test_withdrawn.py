"""Whom an appointment was booked for by mistake is told that it is not theirs, and nothing of what it is now."""

from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import icalendar
import pytest
from notifications_salon import Salon

from slotstream_contracts.base import Location

pytestmark = pytest.mark.service

SOMETHING_ELSE = {"service_name": "Hair loss treatment", "location": Location(kind="client_address")}


async def test_the_former_client_is_told_and_their_calendar_lets_go_of_it(salon: Salon) -> None:
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    invited = _to(await salon.send(), "grace@example.com")
    corrected = salon.corrected(first, right, **SOMETHING_ELSE)
    await salon.receive(corrected)
    await salon.receive(corrected)

    mails = await salon.send()
    told, booked = _to(mails, "grace@example.com"), _to(mails, "lovelace@example.com")

    assert str(told["Subject"]).startswith("Not your appointment: ")
    assert "entered under your name by mistake" in _words(told)
    event = _event(told)
    assert (_calendar(told)["METHOD"], event["STATUS"]) == ("CANCEL", "CANCELLED")
    assert (event["UID"], event["SEQUENCE"]) == (_event(invited)["UID"], _event(invited)["SEQUENCE"] + 1)
    assert event["DTSTART"].dt == first.starts_at
    assert (_calendar(booked)["METHOD"], _event(booked)["UID"]) == ("REQUEST", event["UID"])
    for secret in ("Hair loss", "Lovelace", "lovelace@example.com", "/l/"):
        assert secret not in _words(told) + event.to_ical().decode() + str(told["Subject"])


async def test_whoever_never_heard_of_it_hears_nothing_of_the_mistake_either(salon: Salon) -> None:
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    await salon.receive(salon.corrected(first, right))

    mails = await salon.send()

    assert [mail["To"].addresses[0].addr_spec for mail in mails if "@salon" not in str(mail["To"])] == [
        "lovelace@example.com"
    ]
    assert ("withdrawn", "suppressed", "never_told") in await salon.outcomes()


async def test_nobody_is_told_of_a_correction_where_that_was_chosen(salon: Salon) -> None:
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    await salon.send()

    await salon.receive(salon.corrected(first, right, notify_client=False))

    assert [mail for mail in await salon.send() if "@salon" not in str(mail["To"])] == []
    assert ("withdrawn", "suppressed", "notify_off") in await salon.outcomes()


async def test_a_correction_that_is_taken_back_at_once_takes_nothing_from_anybody(salon: Salon) -> None:
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    await salon.send()
    there = salon.corrected(first, right)
    back = salon.corrected(there.data.appointment, salon.client_id)
    await salon.receive(there, back)
    await salon.send()

    assert ("withdrawn", "suppressed", "superseded") in await salon.outcomes(), "of whom it is for again"
    assert ("withdrawn", "suppressed", "never_told") in await salon.outcomes(), "of whom it was for a moment"


async def _somebody(salon: Salon) -> UUID:
    right = salon.client(id=uuid4(), name="Ada Lovelace", email="lovelace@example.com")
    await salon.receive_states(right)
    return right.id


def _to(mails: list[EmailMessage], address: str) -> EmailMessage:
    [mail] = [mail for mail in mails if address in str(mail["To"])]
    return mail


def _words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _calendar(mail: EmailMessage) -> Any:
    [part] = [item for item in mail.walk() if item.get_content_type() == "text/calendar"]
    return icalendar.Calendar.from_ical(part.get_content())


def _event(mail: EmailMessage) -> Any:
    [event] = _calendar(mail).walk("VEVENT")
    return event
