"""Answers by mail: what a calendar accepts is confirmed, once, and only what is proven to be the client's."""

import asyncio
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import icalendar
import pytest
import pytest_asyncio
from notifications_replies import SECRET, ClientsCalendar, answered_at, calendar_text
from notifications_salon import Salon
from notifications_series import TestSeries, receive
from notifications_staff import Ada
from pydantic import SecretStr
from sqlalchemy import text
from test_answers import answer_as_booking, commands, outcomes, received
from test_staff_choices import with_address

from notifications.channels import create_channels
from notifications.main import create_inbound_mail
from notifications.settings import NotificationsSettings
from slotstream_contracts.appointments import AppointmentSnapshot

pytestmark = pytest.mark.service

MONDAYS = [datetime(2027, 5, day, 8, tzinfo=UTC) for day in (3, 10, 17, 24)]
"""Ten o'clock in Oslo."""

KEYS = {number: SecretStr(urlsafe_b64encode(bytes([number]) * 32).decode()) for number in (1, 2)}


def settings_with(salon: Salon, *keys: int) -> NotificationsSettings:
    return salon.settings.model_copy(
        update={
            "reply_mailbox": "reply@in.salon.example",
            "reply_keys": tuple(KEYS[number] for number in keys),
            "inbound_mail_secret": SecretStr(SECRET),
            "inbound_mail_bytes": 1_000_000,
        }
    )


def open_door(salon: Salon, *keys: int) -> None:
    """Mails come in from now on, at addresses that are made with these keys."""
    door = create_inbound_mail(settings_with(salon, *keys))
    salon.app.state.dependencies = replace(salon.app.state.dependencies, inbound_mail=door)


@pytest_asyncio.fixture
async def calendar(salon: Salon) -> AsyncIterator[ClientsCalendar]:
    salon.use(create_channels(settings_with(salon, 1)))
    open_door(salon, 1)
    await salon.receive_states(salon.service(client_confirms=True, version=2))
    yield ClientsCalendar(salon)
    for channel in salon.sender.channels:
        await channel.aclose()


async def invite(salon: Salon, **more: Any) -> tuple[AppointmentSnapshot, EmailMessage]:
    appointment = salon.snapshot(**more)
    await salon.receive(salon.created(appointment))
    [mail] = await salon.send()
    await salon.take_published()
    return appointment, mail


async def move(salon: Salon, appointment: AppointmentSnapshot) -> tuple[UUID, EmailMessage]:
    """The new appointment's id, and the mail that tells the new time."""
    old, new = salon.rescheduled(appointment, appointment.starts_at + timedelta(days=1))
    await salon.receive(old, new)
    [mail] = await salon.send()
    await salon.take_published()
    return UUID(new.subject), mail


async def kept(salon: Salon) -> list[Any]:
    """All that answers by mail leave behind."""
    async with salon.database.system_transaction() as session:
        return [
            list((await session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))).all())
            for table in ("inbound_messages", "calendar_replies", "provider_calls", "outbox")
        ]


async def test_an_invitation_that_is_accepted_asks_booking_to_confirm_as_the_client(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    appointment, mail = await invite(salon)

    assert await calendar.answer(mail, "ACCEPTED") == "answered"

    [(verb, command)] = await commands(salon)
    assert (verb, command["data"]["appointment_id"]) == ("confirm", str(appointment.id))
    assert command["data"]["actor"] == {"type": "client", "id": str(salon.client_id)}
    assert datetime.fromisoformat(command["data"]["shown_starts_at"]) == appointment.starts_at
    assert await outcomes(salon) == [("confirm", "pending", None)]
    await answer_as_booking(salon, command)
    assert await outcomes(salon) == [("confirm", "done", None)]


async def test_where_mails_come_in_the_organizer_and_reply_to_are_the_clients_own_address(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    appointment, mail = await invite(salon)
    _, moved = await move(salon, appointment)
    _, other = await invite(salon)

    [event] = icalendar.Calendar.from_ical(calendar_text(mail)).walk("VEVENT")
    address = answered_at(mail)
    local, _, domain = address.partition("@")
    assert (event["ORGANIZER"], domain) == (f"mailto:{address}", "in.salon.example")
    assert (len(local), local) == (58, local.lower())
    assert (event["ATTENDEE"].params["PARTSTAT"], event["ATTENDEE"].params["RSVP"]) == ("NEEDS-ACTION", "TRUE")
    assert mail["From"] == "Salon Nord <no-reply@mail.example>"
    # One entry has one organizer, whatever is told of it; another entry another.
    assert answered_at(moved) == address
    assert answered_at(other) != address


async def test_without_a_way_in_mails_are_answered_at_the_business(salon: Salon) -> None:
    _, mail = await invite(salon)
    [event] = icalendar.Calendar.from_ical(calendar_text(mail)).walk("VEVENT")
    assert (mail["Reply-To"], event["ORGANIZER"]) == ("hello@salon.example", "mailto:no-reply@mail.example")
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    answer = await ClientsCalendar(salon).post(b"To: x@y.example\r\n\r\nHello")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_staff_are_answered_at_the_business_as_before(salon: Salon, calendar: ClientsCalendar) -> None:
    await salon.receive_states(salon.staff(email="ada@salon.example", version=2))
    await salon.receive(salon.created(salon.snapshot()))
    mails = {str(mail["To"]): mail for mail in await salon.send()}
    to_ada = next(mail for address, mail in mails.items() if "ada@" in address)
    assert to_ada["Reply-To"] == "hello@salon.example"


async def test_the_same_mail_again_does_nothing(salon: Salon, calendar: ClientsCalendar) -> None:
    _, mail = await invite(salon)
    raw = calendar.mail(answered_at(mail), calendar=calendar.reply(mail, "ACCEPTED"))

    told = await asyncio.gather(*(calendar.hand_in(raw) for _ in range(4)))

    assert sorted(told) == ["answered", "repeated", "repeated", "repeated"]
    assert len(await commands(salon)) == 1
    # Sent again by the calendar, in another mail.
    assert (
        await calendar.hand_in(calendar.mail(answered_at(mail), calendar=calendar.reply(mail, "ACCEPTED")))
        == "repeated"
    )
    assert len(await received(salon)) == 1


async def test_an_answer_to_a_time_that_was_replaced_confirms_nothing(salon: Salon, calendar: ClientsCalendar) -> None:
    appointment, mail = await invite(salon)
    new_id, moved = await move(salon, appointment)

    assert await calendar.answer(mail, "ACCEPTED") == "noted"
    assert await commands(salon) == []
    assert await outcomes(salon) == [("confirm", "noted", "old_time")]

    salon.now += timedelta(minutes=1)
    assert await calendar.answer(moved, "ACCEPTED") == "answered"
    [(_, command)] = await commands(salon)
    assert command["data"]["appointment_id"] == str(new_id)


async def test_an_answer_that_overtakes_the_mail_of_the_new_time_names_the_old_one(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    """Booking refuses it, since the appointment has another time by then."""
    appointment, mail = await invite(salon)
    await salon.receive(*salon.rescheduled(appointment, appointment.starts_at + timedelta(days=1)))

    assert await calendar.answer(mail, "ACCEPTED") == "answered"

    [(_, command)] = await commands(salon)
    assert command["data"]["appointment_id"] == str(appointment.id)
    assert datetime.fromisoformat(command["data"]["shown_starts_at"]) == appointment.starts_at


@pytest.mark.parametrize(
    ("participation", "method", "meaning", "reason"),
    [
        ("DECLINED", "REPLY", "cancel", "declined"),
        ("TENTATIVE", "REPLY", "other", "tentative"),
        ("ACCEPTED", "COUNTER", "other", "counter"),
        ("DELEGATED", "REPLY", "other", "unclear_reply"),
    ],
)
async def test_what_is_not_accepted_is_for_staff_and_changes_nothing(
    salon: Salon, calendar: ClientsCalendar, participation: str, method: str, meaning: str, reason: str
) -> None:
    appointment, mail = await invite(salon)

    assert await calendar.answer(mail, participation, method=method, comment="I am ill, sorry.") == "for_staff"

    assert await commands(salon) == []
    [row] = await received(salon)
    assert (row.meaning, row.status, row.reason) == (meaning, "for_staff", reason)
    assert row.text.endswith("I am ill, sorry.")
    assert (row.address, row.channel) == ("grace@example.com", "email")
    assert (row.appointment_id, row.client_id) == (appointment.id, salon.client_id)
    unread = await salon.http.get("/v1/inbound-messages/unread")
    assert unread.json() == {"unread": 1}


async def test_staff_who_want_to_know_are_told_once_of_what_they_have_to_read(
    salon: Salon, calendar: ClientsCalendar, ada: Ada
) -> None:
    await with_address(salon, ada)
    await ada.prefers(told_by={"answered": ["email"], "assigned": []})
    _, mail = await invite(salon)
    raw = calendar.mail(answered_at(mail), calendar=calendar.reply(mail, "DECLINED", comment="I am ill, sorry."))

    assert [await calendar.hand_in(raw) for _ in range(2)] == ["for_staff", "repeated"]

    [told] = await salon.send()
    assert ("ada@" in str(told["To"]), "I am ill" in told.as_string()) == (True, False)
    assert str(told["Subject"]).startswith("The client has written: Haircut")


async def test_another_time_that_is_proposed_is_told_by_the_businesss_clock(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    appointment, mail = await invite(salon)
    proposed = calendar.reply(mail, "TENTATIVE", method="COUNTER", comment="An hour later?").replace(
        f"DTSTART:{appointment.starts_at:%Y%m%dT%H%M%SZ}", "DTSTART:20260310T100000Z"
    )
    raw = calendar.mail(answered_at(mail), calendar=proposed, method="COUNTER")
    assert await calendar.hand_in(raw) == "for_staff"
    [row] = await received(salon)
    assert (row.reason, row.text) == ("counter", "→ 2026-03-10 11:00 Europe/Berlin\nAn hour later?")


async def test_of_two_answers_the_later_one_counts_in_whatever_order_they_come(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    """By DTSTAMP (RFC 5546 §2.1.5)."""
    _, mail = await invite(salon)
    earlier, later = salon.now - timedelta(minutes=2), salon.now - timedelta(minutes=1)

    assert await calendar.answer(mail, "DECLINED", stamped_at=later) == "for_staff"
    assert await calendar.answer(mail, "ACCEPTED", stamped_at=earlier) == "repeated"
    assert await calendar.answer(mail, "ACCEPTED", stamped_at=salon.now) == "answered"

    assert await outcomes(salon) == [("cancel", "for_staff", "declined"), ("confirm", "pending", None)]


async def test_no_answer_bars_later_ones_by_a_number_or_a_time_of_its_own(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    far = salon.now + timedelta(days=900)
    assert await calendar.answer(mail, "DECLINED", sequence="2147483647", stamped_at=far) == "for_staff"
    salon.now += timedelta(minutes=1)
    assert await calendar.answer(mail, "ACCEPTED") == "answered"


async def test_the_address_proves_who_answers_whatever_the_mail_says_of_that(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    alias = ClientsCalendar(salon, address="jo.alias@d.test")
    assert await alias.answer(mail, "ACCEPTED") == "answered"
    [row] = await received(salon)
    assert (row.address, row.status) == ("jo.alias@d.test", "pending")


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (holiday)"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
        {"X_Auto_Response_Suppress": "All"},
        {"List_Id": "<all.example.com>"},
        {"Message_ID": "<created.1.2.3@mail.example>"},
        {"Message_ID": "<CREATED.1@MAIL.example>"},
    ],
)
async def test_what_nobody_wrote_is_passed_over(
    salon: Salon, calendar: ClientsCalendar, headers: dict[str, str]
) -> None:
    _, mail = await invite(salon)
    before = await kept(salon)
    assert await calendar.hand_in(calendar.mail(answered_at(mail), text="I am away.", **headers)) == "automatic"
    assert await kept(salon) == before


async def test_a_calendar_that_says_that_it_wrote_the_mail_for_a_person_is_heard(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    accepted = calendar.reply(mail, "ACCEPTED")
    by_itself = calendar.mail(answered_at(mail), calendar=accepted, Auto_Submitted="auto-replied")
    assert await calendar.hand_in(by_itself) == "automatic"
    for_a_person = calendar.mail(answered_at(mail), calendar=accepted, Auto_Submitted="auto-generated")
    assert await calendar.hand_in(for_a_person) == "answered"


async def test_what_somebody_writes_is_for_staff_whatever_it_says(salon: Salon, calendar: ClientsCalendar) -> None:
    appointment, mail = await invite(salon)
    words = "Yes\x00, but could we make it 11?\n\n> your appointment with Salon Nord is booked."

    assert await calendar.hand_in(calendar.mail(answered_at(mail), text=words.replace("\x00", ""))) == "for_staff"

    [row] = await received(salon)
    assert (row.meaning, row.reason, row.text) == ("other", "free_text", "Yes, but could we make it 11?")
    assert (row.appointment_id, row.client_id) == (appointment.id, salon.client_id)
    assert await commands(salon) == []


async def test_an_answer_to_a_reminder_is_kept_with_its_appointment(salon: Salon, calendar: ClientsCalendar) -> None:
    appointment, mail = await invite(salon)
    body = {"channel": "email", "minutes_before": 60}
    assert (await salon.http.post(f"/v1/appointments/{appointment.id}/reminders", json=body)).status_code == 201
    salon.now = appointment.starts_at - timedelta(minutes=60)
    [reminder] = await salon.send()
    assert answered_at(reminder) == answered_at(mail)
    assert await calendar.hand_in(calendar.mail(answered_at(reminder), text="Where is it?")) == "for_staff"
    [row] = await received(salon)
    assert row.appointment_id == appointment.id


async def test_one_date_of_a_series_is_confirmed_by_itself_and_all_of_it_by_people(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    salon.now = MONDAYS[0] - timedelta(days=2)
    series = TestSeries.of(salon, MONDAYS)
    await receive(salon, series.created())
    [mail] = await salon.send()
    await salon.take_published()

    assert await calendar.answer(mail, "ACCEPTED") == "for_staff"
    assert await calendar.answer(mail, "ACCEPTED", recurs_at=MONDAYS[2]) == "answered"
    assert await calendar.answer(mail, "ACCEPTED", recurs_at=MONDAYS[2] + timedelta(hours=1)) == "for_staff"

    [(verb, command)] = await commands(salon)
    assert verb == "confirm"
    assert datetime.fromisoformat(command["data"]["shown_starts_at"]) == MONDAYS[2]
    assert [outcome[1:] for outcome in await outcomes(salon)] == [
        ("for_staff", "whole_series"),
        ("pending", None),
        ("for_staff", "no_question"),
    ]


@pytest.mark.parametrize("address", ["reply@in.salon.example", "reply+aaaa@in.salon.example", "x@elsewhere.example"])
async def test_an_address_that_nobody_was_given_is_nobodys(
    salon: Salon, calendar: ClientsCalendar, address: str
) -> None:
    _, mail = await invite(salon)
    before = await kept(salon)
    raw = calendar.mail(address, calendar=calendar.reply(mail, "ACCEPTED"))
    assert await calendar.hand_in(raw) == "not_ours"
    assert await calendar.hand_in(raw, recipient=address) == "not_ours"
    assert await kept(salon) == before


async def test_a_token_that_is_made_up_or_belongs_to_another_organization_changes_nothing(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    addresses = salon.app.state.dependencies.inbound_mail.addresses
    made_up = [
        addresses.address_for(uuid4(), salon.client_id, "x@slotstream").address,
        addresses.address_for(salon.organization_id, uuid4(), "x@slotstream").address,
        answered_at(mail)[:-30] + "aaaaaaaaaaaa" + answered_at(mail)[-18:],
    ]
    before = await kept(salon)
    for address in made_up:
        raw = calendar.mail(address, calendar=calendar.reply(mail, "ACCEPTED"))
        assert await calendar.hand_in(raw) == "not_ours", address
    assert await kept(salon) == before


async def test_a_foreign_uid_is_not_acted_upon(salon: Salon, calendar: ClientsCalendar) -> None:
    """The address is Grace's, so staff read what she wrote; what her calendar names is none of hers."""
    _, mail = await invite(salon)
    assert await calendar.answer(mail, "ACCEPTED", uid=f"{uuid4()}@slotstream") == "for_staff"
    assert await commands(salon) == []


async def test_the_address_of_an_erased_client_is_nobodys(salon: Salon, calendar: ClientsCalendar) -> None:
    _, mail = await invite(salon)
    assert await calendar.answer(mail, "DECLINED") == "for_staff"
    await salon.erase(salon.client_id)
    await salon.take_published()
    async with salon.database.system_transaction() as session:
        for table in ("reply_addresses", "calendar_replies"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
    salon.now += timedelta(minutes=1)
    before = await kept(salon)
    assert await calendar.answer(mail, "ACCEPTED") == "not_ours"
    assert await kept(salon) == before


async def test_an_appointment_that_is_somebody_elses_by_now_is_not_confirmed(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    appointment, mail = await invite(salon)
    tom = uuid4()
    await salon.receive_states(salon.client(id=tom, name="Tom", email="tom@example.com"))
    await salon.receive(salon.corrected(appointment, tom))
    await salon.take_published()
    assert await calendar.answer(mail, "ACCEPTED") == "for_staff"
    assert await commands(salon) == []


async def test_a_client_who_was_merged_answers_as_who_they_became(salon: Salon, calendar: ClientsCalendar) -> None:
    appointment, mail = await invite(salon)
    survivor = uuid4()
    await salon.receive_states(salon.client(id=survivor, version=1), salon.client(merged_into=survivor, version=2))
    assert await calendar.answer(mail, "ACCEPTED") == "answered"
    [(_, command)] = await commands(salon)
    assert command["data"]["appointment_id"] == str(appointment.id)


async def test_keys_are_replaced_and_one_that_is_taken_away_ends_its_addresses(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    open_door(salon, 2, 1)
    assert await calendar.answer(mail, "ACCEPTED") == "answered"
    open_door(salon, 2)
    salon.now += timedelta(minutes=1)
    assert await calendar.answer(mail, "ACCEPTED") == "not_ours"


async def test_who_has_an_address_fills_no_desk_with_more_than_a_hundred_mails_a_day(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    told = [await calendar.hand_in(calendar.mail(answered_at(mail), text=f"{number}")) for number in range(101)]
    assert told == ["for_staff"] * 100 + ["too_many"]
    salon.now += timedelta(days=1, minutes=1)
    assert await calendar.hand_in(calendar.mail(answered_at(mail), text="again")) == "for_staff"


@pytest.mark.parametrize("given", ["wrong", "", "Basic nonsense", f"Basic {b64encode(b'mail:wrong').decode()}"])
async def test_without_the_secret_nothing_is_read(salon: Salon, calendar: ClientsCalendar, given: str) -> None:
    _, mail = await invite(salon)
    raw = calendar.mail(answered_at(mail), calendar=calendar.reply(mail, "ACCEPTED"))
    before = await kept(salon)
    authorization = given if given.startswith("Basic") else f"Bearer {given}"
    for headers in ({"Authorization": authorization}, {}):
        answer = await salon.anonymous.post("/v1/providers/mail/inbound", content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) in ((401, "token_invalid"), (401, "token_missing"))
    assert await kept(salon) == before


async def test_the_secret_may_be_the_password_of_an_address(salon: Salon, calendar: ClientsCalendar) -> None:
    _, mail = await invite(salon)
    raw = calendar.mail("undisclosed@in.salon.example", calendar=calendar.reply(mail, "ACCEPTED"))
    answer = await salon.anonymous.post(
        "/v1/providers/mail/inbound",
        content=raw,
        params={"recipient": answered_at(mail)},
        headers={"Authorization": f"Basic {b64encode(f'mail:{SECRET}'.encode()).decode()}"},
    )
    assert (answer.status_code, answer.json()) == (200, {"outcome": "answered"})


def nested(depth: int, to: str) -> bytes:
    heads = [f'To: {to}\r\nContent-Type: multipart/mixed; boundary="b0"\r\n\r\n']
    heads += [f'--b{level}\r\nContent-Type: multipart/mixed; boundary="b{level + 1}"\r\n\r\n' for level in range(depth)]
    return "".join(heads).encode()


HOSTILE = {
    "deep": lambda to: nested(5_000, to),
    "long parameters": lambda to: f"To: {to}\r\nContent-Type: text/plain".encode() + b";a=b" * 100_000 + b"\r\n\r\nx",
    "many headers": lambda to: f"To: {to}\r\n".encode() + b"X: y\r\n" * 5_000 + b"\r\nx",
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
async def test_a_mail_that_cannot_be_read_in_bounds_is_refused(
    salon: Salon, calendar: ClientsCalendar, kind: str
) -> None:
    _, mail = await invite(salon)
    before = await kept(salon)
    answer = await calendar.post(HOSTILE[kind](answered_at(mail)))
    assert (answer.status_code, answer.json()["code"]) == (400, "mail_unreadable")
    assert await kept(salon) == before


async def test_a_mail_that_is_too_long_is_refused_before_it_is_read(salon: Salon, calendar: ClientsCalendar) -> None:
    answer = await calendar.post(b"x" * 1_000_001)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "content",
    [
        "BEGIN:VEVENT\r\nUID:x\r\nEND:VEVENT\r\n" * 15_000,
        "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n" + "BEGIN:VEVENT\r\nUID:x\r\nEND:VEVENT\r\n" * 60 + "END:VCALENDAR\r\n",
        "BEGIN:VCALENDAR\r\n" * 2_000,
        "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nSEQUENCE:99999999999999999999\r\nDTSTAMP:never\r\n",
        "\x00\x01\x02",
        "",
    ],
)
async def test_a_calendar_that_is_none_is_for_people(salon: Salon, calendar: ClientsCalendar, content: str) -> None:
    _, mail = await invite(salon)
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = "g@example.com", answered_at(mail), "<1@client.example>"
    message.set_content("See my calendar.")
    message.add_attachment(content.encode(), maintype="text", subtype="calendar", filename="invite.ics")
    assert await calendar.hand_in(message.as_bytes()) == "for_staff"
    assert [(row.reason, row.text) for row in await received(salon)] == [("free_text", "See my calendar.")]
    assert await commands(salon) == []


@pytest.mark.parametrize("charset", ["utf-16", "no-such-charset", "punycode", "zip", "idna", "us-ascii"])
async def test_a_charset_that_is_wrong_makes_signs_that_are_none_and_no_failure(
    salon: Salon, calendar: ClientsCalendar, charset: str
) -> None:
    _, mail = await invite(salon)
    head = f"From: g@example.com\r\nTo: {answered_at(mail)}\r\nMessage-ID: <2@client.example>\r\n"
    raw = f"{head}Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + "Grüße\x00 an Ada".encode()
    assert await calendar.hand_in(raw) == "for_staff"
    [row] = await received(salon)
    assert "\x00" not in row.text


async def test_a_page_without_a_plain_text_is_read_without_what_it_quotes(
    salon: Salon, calendar: ClientsCalendar
) -> None:
    _, mail = await invite(salon)
    page = "<html><head><style>p{}</style></head><p>I am <b>late</b> &amp; sorry.</p><blockquote>your appointment</blockquote>"
    head = f"From: g@example.com\r\nTo: {answered_at(mail)}\r\nMessage-ID: <3@client.example>\r\n"
    raw = f"{head}Content-Type: text/html; charset=utf-8\r\n\r\n{page}".encode()
    assert await calendar.hand_in(raw) == "for_staff"
    [row] = await received(salon)
    assert row.text == "I am late & sorry."


async def test_what_booking_refuses_is_told_by_mail(salon: Salon, calendar: ClientsCalendar) -> None:
    _, mail = await invite(salon)
    await calendar.answer(mail, "ACCEPTED")
    [(_, command)] = await commands(salon)
    await answer_as_booking(salon, command, "notice_passed")
    [told] = await salon.send()
    assert told["Subject"].startswith("Sorry, too late or changed meanwhile")
    assert await outcomes(salon) == [("confirm", "refused", "notice_passed")]
