"""From an event to the mail in the inbox."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import icalendar
import pytest
from notifications_salon import Salon

from slotstream_contracts.appointments import AppointmentCreated, Change
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.errors import NotFoundError, TransientError

pytestmark = pytest.mark.service


def calendar_of(mail: EmailMessage) -> Any:
    [part] = [item for item in mail.walk() if item.get_content_type() == "text/calendar"]
    assert part["Content-Transfer-Encoding"] == "base64"
    return icalendar.Calendar.from_ical(part.get_content())


def event_of(mail: EmailMessage) -> Any:
    [event] = calendar_of(mail).walk("VEVENT")
    return event


def words(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_a_new_appointment_is_told_with_an_invitation(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))

    [mail] = await salon.send()
    assert mail["To"] == "Grace Hopper <grace@example.com>"
    assert mail["From"] == "Salon Nord <no-reply@mail.example>"
    assert mail["Reply-To"] == "hello@salon.example"
    assert mail["Subject"] == "Your appointment: Haircut, Tuesday, 10 March 2026, 10:00"
    assert "Salon Nord" in words(mail)
    assert "10:00 to 10:30" in words(mail)
    calendar = calendar_of(mail)
    assert calendar["METHOD"] == "REQUEST"
    assert [str(item["TZID"]) for item in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    event = event_of(mail)
    assert event["DTSTART"].dt == appointment.starts_at
    assert event["DTEND"].dt == appointment.ends_at
    assert str(event["UID"]) == appointment.calendar_uid
    assert event["SEQUENCE"] == 0
    assert event["ORGANIZER"] == "mailto:no-reply@mail.example"
    assert event["ATTENDEE"] == "mailto:grace@example.com"
    assert await salon.published() == [("planned", "created"), ("sent", "created")]


async def test_the_mail_has_the_structure_that_mail_programs_understand(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))

    [mail] = await salon.send()
    assert mail.get_content_type() == "multipart/mixed"
    alternative, attachment = mail.iter_parts()
    assert [item.get_content_type() for item in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    [*_, calendar] = alternative.iter_parts()
    assert calendar.get_param("method") == "REQUEST"
    assert attachment.get_filename() == "invite.ics"
    assert attachment.get_content().startswith(b"BEGIN:VCALENDAR\r\n")


async def test_calendars_follow_a_rescheduling_and_a_cancellation(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    [created] = await salon.send()
    old, new = salon.rescheduled(first, first.starts_at + timedelta(hours=2))
    await salon.receive(old)
    await salon.receive(new)
    [moved] = await salon.send()
    await salon.receive(salon.cancelled(new.data.appointment))
    [cancelled] = await salon.send()

    events = [event_of(item) for item in (created, moved, cancelled)]
    assert {str(item["UID"]) for item in events} == {first.calendar_uid}
    assert [item["SEQUENCE"] for item in events] == [0, 1, 2]
    assert calendar_of(moved)["METHOD"] == "REQUEST"
    assert events[1]["DTSTART"].dt == first.starts_at + timedelta(hours=2)
    assert calendar_of(cancelled)["METHOD"] == "CANCEL"
    assert events[2]["STATUS"] == "CANCELLED"


async def test_a_rescheduling_tells_old_and_new_time_and_no_second_creation(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, new = salon.rescheduled(first, datetime(2026, 3, 31, 7, tzinfo=UTC))
    await salon.receive(new, old)

    [mail] = await salon.send()
    assert "Tuesday, 31 March 2026, 09:00" in words(mail)
    assert "Formerly: Tuesday, 10 March 2026, 10:00" in words(mail)


async def test_a_confirmation_is_told(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first), salon.confirmed(first))

    mails = await salon.send()
    assert sorted(str(item["Subject"]).partition(":")[0] for item in mails) == ["Confirmed", "Your appointment"]


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
    salon: Salon, client: dict[str, str], subject: str, time: str
) -> None:
    await salon.receive_states(salon.client(version=2, **client))
    await salon.receive(salon.created(salon.snapshot()))

    [mail] = await salon.send()
    assert mail["Subject"] == subject
    assert time in words(mail)


async def test_staff_with_an_address_hear_of_their_appointments(salon: Salon) -> None:
    other = uuid4()
    await salon.receive_states(
        salon.staff(email="ada@salon.example", version=2), salon.staff(id=other, name="Lin", email="lin@salon.example")
    )
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    assert {str(item["To"]) for item in await salon.send()} == {
        "Ada <ada@salon.example>",
        "Grace Hopper <grace@example.com>",
    }

    await salon.receive(salon.assigned(first, (other, "Lin")))
    mails = {str(item["To"]): item for item in await salon.send()}
    assert str(mails["Lin <lin@salon.example>"]["Subject"]).startswith("New appointment")
    assert calendar_of(mails["Ada <ada@salon.example>"])["METHOD"] == "CANCEL"
    assert len(mails) == 2


async def test_staff_are_not_told_what_they_did_themselves(salon: Salon) -> None:
    await salon.receive_states(salon.staff(email="ada@salon.example", user_id="u-ada", version=2))
    await salon.receive(salon.created(salon.snapshot(), actor="u-ada"))

    assert [str(item["To"]) for item in await salon.send()] == ["Grace Hopper <grace@example.com>"]
    assert ("assigned", "suppressed", "own_action") in await salon.outcomes()


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
    salon: Salon, client: dict[str, Any], status: str, why: str
) -> None:
    await salon.receive_states(salon.client(version=2, **client))
    await salon.receive(salon.created(salon.snapshot()))

    assert await salon.send() == []
    assert await salon.outcomes() == [("created", status, why)]


async def test_a_text_message_asked_for_is_on_the_ledger_once_although_nobody_carries_it_here(salon: Salon) -> None:
    about = salon.snapshot()
    await salon.receive(salon.created(about))
    await salon.send()
    command = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=about.id,
        client_id=about.client_id,
        channel="sms",
        text="We are running late.",
    )
    await salon.request(command)
    await salon.request(command)

    assert [item for item in await salon.outcomes() if item[0] == "ad_hoc"] == [
        ("ad_hoc", "suppressed", "channel_unavailable")
    ]
    assert (await salon.published()).count(("suppressed", "ad_hoc")) == 1


async def test_a_message_about_an_appointment_not_heard_of_yet_waits_for_it(salon: Salon) -> None:
    command = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=uuid4(),
        client_id=uuid4(),
        channel="sms",
        text="We are running late.",
    )
    with pytest.raises(TransientError):
        await salon.request(command)
    salon.now += timedelta(minutes=11)
    with pytest.raises(NotFoundError):
        await salon.request(command, time=salon.now - timedelta(minutes=11))


async def test_dates_that_a_series_grows_by_itself_are_reminded_of_but_not_announced(salon: Salon) -> None:
    grown = AppointmentCreated(
        appointment=salon.snapshot(), change=Change(verb="create"), actor=Actor(type="system", id="series")
    )
    await salon.receive(salon.event(grown))

    assert await salon.send() == []
    assert ("created", "suppressed", "series_extended") in await salon.outcomes()


async def test_an_appointment_made_without_notice_sends_nothing(salon: Salon) -> None:
    appointment = salon.snapshot(notify_client=False, source="import")
    await salon.receive(salon.created(appointment))
    await salon.receive(salon.cancelled(appointment))

    assert await salon.send() == []
    assert [(status, why) for _, status, why in await salon.outcomes()] == [("suppressed", "notify_off")] * 2
    assert await salon.published() == [("suppressed", "created"), ("suppressed", "cancelled")]


async def test_opting_out_stops_the_next_mail(salon: Salon) -> None:
    path = f"/v1/clients/{salon.client_id}/preferences"
    answer = await salon.http.put(path, json={"opted_out": ["email"]})
    assert answer.status_code == 200, answer.text
    await salon.receive(salon.created(salon.snapshot()))
    assert await salon.send() == []
    assert await salon.outcomes() == [("created", "suppressed", "opted_out")]

    await salon.http.put(path, json={"opted_out": []}, headers={"If-Match": answer.headers["ETag"]})
    await salon.receive(salon.created(salon.snapshot()))
    assert len(await salon.send()) == 1


async def test_a_merged_client_is_written_to_as_who_they_became(salon: Salon) -> None:
    survivor = uuid4()
    await salon.receive_states(
        salon.client(id=survivor, email="new@example.com", name="Grace B. Hopper"),
        salon.client(merged_into=survivor, version=2),
    )
    await salon.receive(salon.created(salon.snapshot()))

    [mail] = await salon.send()
    assert mail["To"] == '"Grace B. Hopper" <new@example.com>'


async def test_an_erased_client_leaves_no_address_and_gets_no_mail(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    await salon.send()
    await salon.receive(salon.created(salon.snapshot()))
    await salon.erase(salon.client_id)

    assert await salon.send() == []
    assert [item["address"] for item in await salon.ledger()] == [None, None]
    assert (await salon.outcomes())[1] == ("created", "suppressed", "client_erased")


async def test_news_of_long_ago_is_not_told(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot(), time=salon.now - timedelta(days=2)))

    assert await salon.send() == []
    assert await salon.outcomes() == [("created", "suppressed", "too_old")]


async def test_the_message_id_is_the_same_for_the_same_news(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    salon.mailbox.answers = ["451 later"]
    await salon.send()
    salon.now += timedelta(minutes=1)

    [mail] = await salon.send()
    assert mail["Message-ID"] == f"<created.{appointment.id}.1.{salon.client_id}@mail.example>"
