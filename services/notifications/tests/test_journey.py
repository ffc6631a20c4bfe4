"""From an event to the mail in the inbox."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import icalendar
import pytest

from slotstream_contracts.appointments import AppointmentCreated, Change
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.errors import NotFoundError, TransientError

pytestmark = pytest.mark.service


def calendar_of(mail: EmailMessage) -> Any:
    [part] = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    assert part["Content-Transfer-Encoding"] == "base64"
    return icalendar.Calendar.from_ical(part.get_content())


def event_of(mail: EmailMessage) -> Any:
    [event] = calendar_of(mail).walk("VEVENT")
    return event


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_a_new_appointment_is_told_with_an_invitation(world: Any) -> None:
    appointment = world.snapshot()
    await world.hear(world.created(appointment))

    [mail] = await world.send()
    assert mail["To"] == "Grace Hopper <grace@example.com>"
    assert mail["From"] == "Salon Nord <no-reply@mail.example>"
    assert mail["Reply-To"] == "hello@salon.example"
    assert mail["Subject"] == "Your appointment: Haircut, Tuesday, 10 March 2026, 10:00"
    assert "Salon Nord" in words(mail)
    assert "10:00 to 10:30" in words(mail)
    calendar = calendar_of(mail)
    assert calendar["METHOD"] == "REQUEST"
    assert [str(each["TZID"]) for each in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    event = event_of(mail)
    assert event["DTSTART"].dt == appointment.starts_at
    assert event["DTEND"].dt == appointment.ends_at
    assert str(event["UID"]) == appointment.calendar_uid
    assert event["SEQUENCE"] == 0
    assert event["ORGANIZER"] == "mailto:no-reply@mail.example"
    assert event["ATTENDEE"] == "mailto:grace@example.com"
    assert await world.said() == [("planned", "created"), ("sent", "created")]


async def test_the_mail_has_the_structure_that_mail_programs_understand(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))

    [mail] = await world.send()
    assert mail.get_content_type() == "multipart/mixed"
    alternative, attachment = mail.iter_parts()
    assert [each.get_content_type() for each in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    [*_, calendar] = alternative.iter_parts()
    assert calendar.get_param("method") == "REQUEST"
    assert attachment.get_filename() == "invite.ics"
    assert attachment.get_content().startswith(b"BEGIN:VCALENDAR\r\n")


async def test_calendars_follow_a_rescheduling_and_a_cancellation(world: Any) -> None:
    first = world.snapshot()
    await world.hear(world.created(first))
    [created] = await world.send()
    old, new = world.rescheduled(first, first.starts_at + timedelta(hours=2))
    await world.hear(old)
    await world.hear(new)
    [moved] = await world.send()
    await world.hear(world.cancelled(new.data.appointment))
    [cancelled] = await world.send()

    events = [event_of(each) for each in (created, moved, cancelled)]
    assert {str(each["UID"]) for each in events} == {first.calendar_uid}
    assert [each["SEQUENCE"] for each in events] == [0, 1, 2]
    assert calendar_of(moved)["METHOD"] == "REQUEST"
    assert events[1]["DTSTART"].dt == first.starts_at + timedelta(hours=2)
    assert calendar_of(cancelled)["METHOD"] == "CANCEL"
    assert events[2]["STATUS"] == "CANCELLED"


async def test_a_rescheduling_tells_old_and_new_time_and_no_second_creation(world: Any) -> None:
    first = world.snapshot()
    await world.hear(world.created(first))
    await world.send()
    old, new = world.rescheduled(first, datetime(2026, 3, 31, 7, tzinfo=UTC))
    await world.hear(new, old)

    [mail] = await world.send()
    assert "Tuesday, 31 March 2026, 09:00" in words(mail)
    assert "Formerly: Tuesday, 10 March 2026, 10:00" in words(mail)


async def test_a_confirmation_is_told(world: Any) -> None:
    first = world.snapshot()
    await world.hear(world.created(first), world.confirmed(first))

    mails = await world.send()
    assert sorted(str(each["Subject"]).partition(":")[0] for each in mails) == ["Confirmed", "Your appointment"]


@pytest.mark.parametrize(
    ("client", "subject", "time"),
    [
        ({"locale": "de"}, "Ihr Termin: Haircut, Dienstag, 10. März 2026, 10:00 Uhr", "10:00 bis 10:30 Uhr"),
        ({"locale": "de-AT", "zone": "Europe/London"}, "Ihr Termin: Haircut, Dienstag, 10. März 2026, 09:00 Uhr", ""),
        ({"locale": "en-US"}, "Your appointment: Haircut, Tuesday, March 10, 2026, 10:00 AM", "10:30 AM"),
        ({"locale": "fr"}, "Votre rendez-vous : Haircut, mardi 10 mars 2026, 10:00", "de 10:00 à 10:30"),
        ({"locale": "es_ES"}, "Su cita: Haircut, martes, 10 de marzo de 2026, 10:00", ""),
        ({"locale": "ja"}, "Your appointment: Haircut, Tuesday, 10 March 2026, 10:00", ""),
        ({"locale": "x-nonsense!"}, "Your appointment: Haircut, Tuesday, 10 March 2026, 10:00", ""),
    ],
)
async def test_the_client_reads_their_own_language_and_zone(
    world: Any, client: dict[str, str], subject: str, time: str
) -> None:
    await world.know(world.client(version=2, **client))
    await world.hear(world.created(world.snapshot()))

    [mail] = await world.send()
    assert mail["Subject"] == subject
    assert time in words(mail)


async def test_staff_with_an_address_hear_of_their_appointments(world: Any) -> None:
    other = uuid4()
    await world.know(
        world.staff(email="ada@salon.example", version=2), world.staff(id=other, name="Lin", email="lin@salon.example")
    )
    first = world.snapshot()
    await world.hear(world.created(first))
    assert {str(each["To"]) for each in await world.send()} == {
        "Ada <ada@salon.example>",
        "Grace Hopper <grace@example.com>",
    }

    await world.hear(world.assigned(first, (other, "Lin")))
    mails = {str(each["To"]): each for each in await world.send()}
    assert str(mails["Lin <lin@salon.example>"]["Subject"]).startswith("New appointment")
    assert calendar_of(mails["Ada <ada@salon.example>"])["METHOD"] == "CANCEL"
    assert len(mails) == 2


async def test_staff_are_not_told_what_they_did_themselves(world: Any) -> None:
    await world.know(world.staff(email="ada@salon.example", user_id="u-ada", version=2))
    await world.hear(world.created(world.snapshot(), actor="u-ada"))

    assert [str(each["To"]) for each in await world.send()] == ["Grace Hopper <grace@example.com>"]
    assert ("assigned", "suppressed", "own_action") in await world.outcomes()


@pytest.mark.parametrize(
    ("client", "status", "why"),
    [
        ({"consent": ("sms",)}, "suppressed", "no_consent"),
        ({"email": None}, "suppressed", "no_address"),
        ({"email": "not an address"}, "failed", "invalid_address"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "failed", "invalid_address"),
    ],
)
async def test_who_cannot_or_will_not_be_written_to_is_not(
    world: Any, client: dict[str, Any], status: str, why: str
) -> None:
    await world.know(world.client(version=2, **client))
    await world.hear(world.created(world.snapshot()))

    assert await world.send() == []
    assert await world.outcomes() == [("created", status, why)]


async def test_a_text_message_asked_for_is_on_the_ledger_once_although_nobody_carries_it_here(world: Any) -> None:
    about = world.snapshot()
    await world.hear(world.created(about))
    await world.send()
    wish = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=about.id,
        client_id=about.client_id,
        channel="sms",
        text="We are running late.",
    )
    await world.ask(wish)
    await world.ask(wish)

    assert [each for each in await world.outcomes() if each[0] == "ad_hoc"] == [
        ("ad_hoc", "suppressed", "channel_unavailable")
    ]
    assert (await world.said()).count(("suppressed", "ad_hoc")) == 1


async def test_a_message_about_an_appointment_not_heard_of_yet_waits_for_it(world: Any) -> None:
    wish = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=uuid4(),
        client_id=uuid4(),
        channel="sms",
        text="We are running late.",
    )
    with pytest.raises(TransientError):
        await world.ask(wish)
    world.now += timedelta(minutes=11)
    with pytest.raises(NotFoundError):
        await world.ask(wish, time=world.now - timedelta(minutes=11))


async def test_dates_that_a_series_grows_by_itself_are_reminded_of_but_not_announced(world: Any) -> None:
    grown = AppointmentCreated(
        appointment=world.snapshot(), change=Change(verb="create"), actor=Actor(type="system", id="series")
    )
    await world.hear(world.event(grown))

    assert await world.send() == []
    assert ("created", "suppressed", "series_extended") in await world.outcomes()


async def test_an_appointment_made_without_notice_sends_nothing(world: Any) -> None:
    appointment = world.snapshot(notify_client=False, source="import")
    await world.hear(world.created(appointment))
    await world.hear(world.cancelled(appointment))

    assert await world.send() == []
    assert [(status, why) for _, status, why in await world.outcomes()] == [("suppressed", "notify_off")] * 2
    assert await world.said() == [("suppressed", "created"), ("suppressed", "cancelled")]


async def test_opting_out_stops_the_next_mail(world: Any) -> None:
    path = f"/v1/clients/{world.client_id}/preferences"
    answer = await world.http.put(path, json={"opted_out": ["email"]})
    assert answer.status_code == 200, answer.text
    await world.hear(world.created(world.snapshot()))
    assert await world.send() == []
    assert await world.outcomes() == [("created", "suppressed", "opted_out")]

    await world.http.put(path, json={"opted_out": []}, headers={"If-Match": answer.headers["ETag"]})
    await world.hear(world.created(world.snapshot()))
    assert len(await world.send()) == 1


async def test_a_merged_client_is_written_to_as_who_they_became(world: Any) -> None:
    survivor = uuid4()
    await world.know(
        world.client(id=survivor, email="new@example.com", name="Grace B. Hopper"),
        world.client(merged_into=survivor, version=2),
    )
    await world.hear(world.created(world.snapshot()))

    [mail] = await world.send()
    assert mail["To"] == '"Grace B. Hopper" <new@example.com>'


async def test_an_erased_client_leaves_no_address_and_gets_no_mail(world: Any) -> None:
    await world.hear(world.created(world.snapshot()))
    await world.send()
    await world.hear(world.created(world.snapshot()))
    await world.erase(world.client_id)

    assert await world.send() == []
    assert [each["address"] for each in await world.ledger()] == [None, None]
    assert (await world.outcomes())[1] == ("created", "suppressed", "client_erased")


async def test_news_of_long_ago_is_not_told(world: Any) -> None:
    await world.hear(world.created(world.snapshot(), time=world.now - timedelta(days=2)))

    assert await world.send() == []
    assert await world.outcomes() == [("created", "suppressed", "too_old")]


async def test_the_message_id_is_the_same_for_the_same_news(world: Any) -> None:
    appointment = world.snapshot()
    await world.hear(world.created(appointment))
    world.mailbox.answers = ["451 later"]
    await world.send()
    world.now += timedelta(minutes=1)

    [mail] = await world.send()
    assert mail["Message-ID"] == f"<created.{appointment.id}.1.{world.client_id}@mail.example>"
