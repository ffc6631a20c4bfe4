"""From an event to the mail in the inbox."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_mailbox import calendar_of, event_of, words
from notifications_salon import Salon
from sqlalchemy import text

from slotstream_contracts.appointments import AppointmentCreated, AppointmentSnapshot, AssignedResource, Change
from slotstream_contracts.base import Actor, Channel, Location
from slotstream_contracts.messages import SendMessage

pytestmark = pytest.mark.service


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


def a_text_to_the_client(appointment: AppointmentSnapshot, *, channel: Channel) -> SendMessage:
    return SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=appointment.id,
        client_id=appointment.client_id,
        channel=channel,
        text="We are running late.",
    )


async def test_a_text_message_asked_for_is_on_the_ledger_once_although_nobody_carries_it_here(salon: Salon) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    command = a_text_to_the_client(appointment, channel="sms")
    await salon.request(command)
    await salon.request(command)

    assert [row for row in await salon.outcomes() if row[0] == "ad_hoc"] == [
        ("ad_hoc", "suppressed", "channel_unavailable")
    ]
    assert (await salon.published()).count(("suppressed", "ad_hoc")) == 1


async def test_a_message_about_an_appointment_that_has_not_arrived_waits_and_holds_up_no_other(salon: Salon) -> None:
    ahead, known = salon.snapshot(), salon.snapshot()
    await salon.receive(salon.created(known))
    await salon.send()
    for appointment in (ahead, known):
        await salon.request(a_text_to_the_client(appointment, channel="email"))

    assert [mail["Subject"] for mail in await salon.send()] == ["Salon Nord"]
    await salon.receive(salon.created(ahead))
    salon.now += timedelta(seconds=1)
    assert "We are running late." in [words(mail).strip() for mail in await salon.send()]


async def test_a_message_about_no_appointment_fails_after_a_while(salon: Salon) -> None:
    await salon.request(a_text_to_the_client(salon.snapshot(), channel="email"))
    for _ in range(40):
        await salon.send()
        salon.now += timedelta(seconds=30)

    assert await salon.outcomes() == [("ad_hoc", "failed", "appointment_unknown")]


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


async def test_who_has_opted_out_of_what_is_told_once_for_each_change(salon: Salon) -> None:
    path = f"/v1/clients/{salon.client_id}/preferences"
    for opted_out in (["email", "sms"], ["sms", "email"], []):
        assert (await salon.http.put(path, json={"opted_out": opted_out})).status_code == 200

    told = [one for one in await salon.take_published() if one["type"] == "slotstream.client_preferences.state"]

    assert [(one["sequence"], one["data"]["opted_out"]) for one in told] == [(1, ["email", "sms"]), (2, [])]
    assert {one["data"]["client_id"] for one in told} == {str(salon.client_id)}
    await salon.erase(salon.client_id)
    async with salon.database.system_transaction() as session:
        waiting = await session.execute(text("SELECT topic, key, payload FROM outbox WHERE payload IS NULL"))
    assert [tuple(row) for row in waiting] == [("slotstream.client-preferences.v1", str(salon.client_id), None)]


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


async def test_a_name_typed_for_one_appointment_is_taken_from_its_newest_state(salon: Salon) -> None:
    appointment = salon.snapshot(service_id=None, service_name="")
    await salon.receive(salon.created(appointment))
    assert await salon.send() == []

    await salon.receive_appointment_states(appointment.model_copy(update={"service_name": "Bridal styling"}))
    [mail] = await salon.send()
    assert str(mail["Subject"]).startswith("Your appointment: Bridal styling")
    assert str(event_of(mail)["SUMMARY"]) == "Bridal styling, Salon Nord"


@pytest.mark.parametrize(
    ("kind", "text", "url", "line", "place"),
    [
        ("business", None, None, "Where: Hauptstraße 1, Berlin", "Hauptstraße 1, Berlin"),
        ("video", None, "https://meet.example/x", "Where: https://meet.example/x", "https://meet.example/x"),
        ("phone", "+49 30 5550100", None, "Where: +49 30 5550100", "+49 30 5550100"),
        ("other", "Town hall", "https://maps.example", "Where: Town hall, https://maps.example", None),
        ("client_address", None, None, None, ""),
    ],
)
async def test_a_mail_and_its_invitation_say_where_it_takes_place(
    salon: Salon, kind: Any, text: str | None, url: str | None, line: str | None, place: str | None
) -> None:
    told = salon.snapshot(location=Location(kind=kind))
    await salon.receive(salon.created(told))
    await salon.receive_appointment_states(
        told.model_copy(update={"location": Location(kind=kind, text=text, url=url)})
    )

    [mail] = await salon.send()
    assert ("Where:" in words(mail)) == (line is not None)
    assert line is None or line in words(mail)
    assert place is None or str(event_of(mail).get("LOCATION", "")) == place


async def test_who_loses_an_appointment_in_a_rescheduling_is_told_the_time_that_they_lose(salon: Salon) -> None:
    lin = uuid4()
    await salon.receive_states(
        salon.staff(email="ada@salon.example", version=2), salon.staff(id=lin, name="Lin", email="lin@salon.example")
    )
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, new = salon.rescheduled(
        first,
        first.starts_at + timedelta(days=1, hours=2),
        resources=(AssignedResource(id=lin, kind="staff", name="Lin"),),
    )
    await salon.receive(old, new)

    mails = {str(mail["To"]): mail for mail in await salon.send()}
    lost, won = mails["Ada <ada@salon.example>"], mails["Lin <lin@salon.example>"]
    assert lost["Subject"] == "No longer yours: Haircut, Tuesday, 10 March 2026, 10:00"
    assert "10:00 to 10:30" in words(lost)
    assert calendar_of(lost)["METHOD"] == "CANCEL"
    assert event_of(lost)["DTSTART"].dt == first.starts_at
    assert event_of(lost)["DTEND"].dt == first.ends_at
    assert event_of(won)["DTSTART"].dt == first.starts_at + timedelta(days=1, hours=2)


async def test_the_ledger_says_to_whom_a_message_went(salon: Salon) -> None:
    await salon.receive(salon.created(salon.snapshot()))
    assert [(row["recipient_name"], row["address"]) for row in await salon.ledger()] == [(None, None)]

    await salon.send()
    assert [(row["recipient_name"], row["address"]) for row in await salon.ledger()] == [
        ("Grace Hopper", "grace@example.com")
    ]


@pytest.mark.parametrize(
    ("zone", "starts_at", "expected"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), "02:45 UTC+2 to 02:15 UTC+1"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 45, tzinfo=UTC), "02:45 UTC+1 to 03:15 UTC+1"),
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 45, tzinfo=UTC), "01:45 UTC+1 to 03:15 UTC+2"),
        ("Europe/Berlin", datetime(2026, 10, 25, 6, 45, tzinfo=UTC), "07:45 to 08:15 (Central European Standard Time)"),
    ],
)
async def test_a_time_that_clocks_show_twice_is_told_with_its_offset_at_both_ends(
    salon: Salon, zone: str, starts_at: datetime, expected: str
) -> None:
    await salon.receive(salon.created(salon.snapshot(zone=zone, starts_at=starts_at)))

    [mail] = await salon.send()
    assert expected in words(mail)
    assert event_of(mail)["DTSTART"].dt == starts_at


async def test_who_was_never_asked_for_consent_is_told_of_their_appointments(salon: Salon) -> None:
    await salon.receive_states(salon.client(consent=None, version=2))
    await salon.receive(salon.created(salon.snapshot()))

    assert len(await salon.send()) == 1
