"""What clients write back: plain answers become commands to booking, once; what is not plain is for staff."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from notifications_phone import GRACE, Phone
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio
from sqlalchemy import text
from test_sms_sending import fall_due, remind

from notifications.adapters.sms import SmsChannel
from notifications.domain.answers import Meaning, meaning_of
from notifications.domain.messages import Channel
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import CommandRefused, CommandSucceeded
from slotstream_contracts.envelope import wrap
from slotstream_contracts.messages import SendMessage

COMMANDS = {"slotstream.command.confirm_appointment": "confirm", "slotstream.command.cancel_appointment": "cancel"}


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        *(
            (word, Meaning.CONFIRM)
            for word in ("1", " 1.", "１", "١", "۱", "1\ufe0f\u20e3", "\u200f1", "1\n\nGrace Hopper")
        ),
        *((word, Meaning.CONFIRM) for word in ("YES", "yes!", "Ja", "OUI", "sí", "Si", "نعم", "1 - yes", "1 – ja 👍")),
        *((word, Meaning.CANCEL) for word in ("2", "٢", "No.", "NEIN", "non", "absagen", "annuler", "Cancelar", "لا")),
        *((word, Meaning.CALL_BACK) for word in ("3", "call me", "Rückruf", "Rappelez-moi", "Llámeme", "اتصل بي")),
        *((word, Meaning.OTHER) for word in ("11", "1 or 2?", "1 2", "²", "①", "4", "", "👍", "\x00", "yes but later")),
        *((word, Meaning.OTHER) for word in ("cancel", "yes " * 500, "1?", "No\n\nI will come", "ok", "0.1", "12:00")),
    ],
)
def test_only_plain_words_are_an_answer(words: str, meaning: Meaning) -> None:
    assert meaning_of(words) is meaning


async def ask(salon: Salon, twilio: FakeTwilio, **more: Any) -> Any:
    """An appointment whose client was asked by SMS whether they come."""
    await salon.receive_states(salon.service(client_confirms=True, version=2))
    appointment, _ = await remind(salon, **more)
    await fall_due(salon, appointment)
    assert "Reply 1 to confirm, 2 to cancel" in twilio.last["Body"]
    await salon.take_published()
    return appointment


async def received(salon: Salon) -> list[Any]:
    async with salon.database.system_transaction() as session:
        return list((await session.execute(text("SELECT * FROM inbound_messages ORDER BY id"))).all())


async def outcomes(salon: Salon) -> list[tuple[str, str, str | None]]:
    return [(row.meaning, row.status, row.reason) for row in await received(salon)]


async def commands(salon: Salon) -> list[tuple[str, dict[str, Any]]]:
    """Takes what is waiting to be published: what was asked of booking."""
    taken = await salon.take_published()
    return [(COMMANDS[item["type"]], item) for item in taken if item["type"] in COMMANDS]


async def answer_as_booking(salon: Salon, command: dict[str, Any], code: str | None = None) -> None:
    common: dict[str, Any] = {
        "command_id": UUID(command["id"]),
        "command_type": command["type"],
        "appointment_id": UUID(command["data"]["appointment_id"]),
    }
    result = CommandSucceeded(**common) if code is None else CommandRefused(**common, code=code, detail="No.")
    event = wrap(
        result,
        organization=UUID(command["organization"]),
        subject=command["data"]["appointment_id"],
        sequence=0,
        time=salon.now,
        source="/slotstream/booking",
        correlation_id="c-1",
    )
    async with salon.database.system_transaction() as session:
        await salon.handlers.on_booking_results(session, [salon.received(event)])


@pytest.mark.service
@pytest.mark.parametrize(("words", "verb"), [("1", "confirm"), ("Yes", "confirm"), ("نعم", "confirm"), ("2", "cancel")])
async def test_a_plain_answer_asks_booking_once_as_the_client(
    salon: Salon, twilio: FakeTwilio, phone: Phone, words: str, verb: str
) -> None:
    appointment = await ask(salon, twilio)
    sid = await phone.text(words)
    await asyncio.gather(*(phone.text(words, sid=sid) for _ in range(3)))

    taken = await salon.take_published()
    [command] = [item for item in taken if item["type"] in COMMANDS]
    assert (COMMANDS[command["type"]], command["partitionkey"]) == (verb, str(appointment.id))
    assert command["data"]["actor"] == {"type": "client", "id": str(salon.client_id)}
    assert datetime.fromisoformat(command["data"]["shown_starts_at"]) == appointment.starts_at
    [event] = [item for item in taken if item["type"] == "slotstream.message.answered"]
    assert (event["data"]["answer"], event["data"]["appointment_id"]) == (verb, str(appointment.id))
    assert await outcomes(salon) == [(verb, "pending", None)]

    await answer_as_booking(salon, command)
    assert await outcomes(salon) == [(verb, "done", None)]
    assert twilio.requests == 1

    salon.now += timedelta(days=3)
    await phone.text(words, sid=sid)
    assert await commands(salon) == []


@pytest.mark.service
@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "Sorry, too late or changed meanwhile"),
        ("de", "Leider zu spät"),
        ("fr", "Désolé, trop tard"),
        ("es", "Lo sentimos"),
        ("ar", "عذرًا"),
    ],
)
async def test_what_booking_refuses_is_told_by_one_text_in_the_clients_language(
    salon: Salon, twilio: FakeTwilio, phone: Phone, language: str, says: str
) -> None:
    await salon.receive_states(salon.business(phone="+49305550100", version=2))
    await ask(salon, twilio)
    await salon.receive_states(salon.client(phone=GRACE, locale=language, version=3))
    await phone.text("2")
    [(_, command)] = await commands(salon)
    for _ in range(2):
        await answer_as_booking(salon, command, "notice_passed")
        await salon.sender.send_due()

    assert await outcomes(salon) == [("cancel", "refused", "notice_passed")]
    assert twilio.requests == 2
    assert twilio.last["To"] == GRACE
    assert says in twilio.last["Body"]
    assert "+49305550100" in twilio.last["Body"]
    # What it says is no question.
    await phone.text("1")
    assert (await outcomes(salon))[-1] == ("confirm", "for_staff", "no_question")


@pytest.mark.service
async def test_an_answer_that_overtakes_the_providers_yes_is_heard(
    salon: Salon, twilio: FakeTwilio, phone: Phone, until: Any
) -> None:
    await salon.receive_states(salon.service(client_confirms=True, version=2))
    appointment, _ = await remind(salon)
    twilio.answers = [Answer(hold=asyncio.Event())]
    sending = asyncio.create_task(fall_due(salon, appointment))
    await until(lambda: twilio.texts, what="the text to arrive")
    await phone.text("1")
    assert twilio.held is not None
    twilio.held.set()
    await sending
    assert [verb for verb, _ in await commands(salon)] == ["confirm"]


@pytest.mark.service
async def test_one_who_says_yes_can_say_no_later(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    appointment = await ask(salon, twilio)
    await phone.text("1")
    await salon.receive(salon.confirmed(appointment))
    await phone.text("2")
    assert [verb for verb, _ in await commands(salon)] == ["confirm", "cancel"]


@pytest.mark.service
@pytest.mark.parametrize("meanwhile", ["cancelled", "rescheduled", "over"])
async def test_whether_an_answer_is_too_late_is_bookings_to_say(
    salon: Salon, twilio: FakeTwilio, phone: Phone, meanwhile: str
) -> None:
    appointment = await ask(salon, twilio)
    if meanwhile == "cancelled":
        await salon.receive(salon.cancelled(appointment))
    elif meanwhile == "rescheduled":
        await salon.receive(*salon.rescheduled(appointment, appointment.starts_at + timedelta(days=1)))
    else:
        salon.now = appointment.ends_at + timedelta(hours=1)
    await phone.text("1")
    [(_, command)] = await commands(salon)
    # Never the new time, which the client was not told of in the question.
    assert command["data"]["appointment_id"] == str(appointment.id)
    assert datetime.fromisoformat(command["data"]["shown_starts_at"]) == appointment.starts_at
    await answer_as_booking(salon, command, "overtaken")
    await salon.sender.send_due()
    assert "Sorry" in twilio.last["Body"]


@pytest.mark.service
async def test_two_open_questions_are_not_answered_by_one_word(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    first = await ask(salon, twilio)
    second = await ask(salon, twilio, starts_at=first.starts_at + timedelta(minutes=30))
    await phone.text("1")
    assert await commands(salon) == []
    assert await outcomes(salon) == [("confirm", "for_staff", "several_appointments")]

    await salon.receive(salon.confirmed(first))
    await phone.text("1")
    [(_, command)] = await commands(salon)
    assert command["data"]["appointment_id"] == str(second.id)


@pytest.mark.service
async def test_two_organizations_that_wrote_to_the_number_are_not_guessed_between(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment = await ask(salon, twilio)
    elsewhere, somebody = uuid4(), uuid4()
    foreign = salon.snapshot(organization_id=elsewhere, client_id=somebody, service_id=None)
    await salon.receive_states(
        salon.client(id=somebody, organization_id=elsewhere, phone=GRACE), salon.business(organization_id=elsewhere)
    )
    await salon.receive(salon.created(foreign))
    await salon.execute(
        "INSERT INTO messages SELECT (m).* FROM (SELECT jsonb_populate_record(m, jsonb_build_object("
        f"'organization_id', '{elsewhere}', 'client_id', '{somebody}', 'appointment_id', '{foreign.id}', 'asks', false,"
        "'attempted_at', m.attempted_at + interval '1 minute')) AS m "
        "FROM messages m WHERE channel = 'sms') copies"
    )
    await phone.text("1")
    [row] = await received(salon)
    assert (row.organization_id, row.reason, row.client_id) == (elsewhere, "several_organizations", somebody)
    assert await commands(salon) == []

    # What the other one wrote is answered by nobody any more, and ours is the last.
    await salon.execute(
        f"UPDATE messages SET attempted_at = attempted_at - interval '4 days' WHERE organization_id = '{elsewhere}'"
    )
    await phone.text("1")
    [(_, command)] = await commands(salon)
    assert command["data"]["appointment_id"] == str(appointment.id)


@pytest.mark.service
async def test_an_answer_to_something_else_than_the_question_is_for_staff(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment = await ask(salon, twilio)
    salon.now += timedelta(minutes=1)
    await salon.request(
        SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=appointment.id,
            client_id=salon.client_id,
            channel="sms",
            text="Shall we keep your usual colour?",
        )
    )
    await salon.sender.send_due()
    await phone.text("Yes")
    assert await commands(salon) == []
    [row] = await received(salon)
    assert (row.status, row.reason, row.text, row.appointment_id) == ("for_staff", "no_question", "Yes", appointment.id)


@pytest.mark.service
async def test_who_has_the_number_now_may_be_somebody_else(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await ask(salon, twilio)
    await salon.receive_states(salon.client(phone="+447700900124", version=3))
    await phone.text("2")
    assert await commands(salon) == []
    assert await outcomes(salon) == [("cancel", "for_staff", "number_changed")]


@pytest.mark.service
async def test_a_duplicate_who_was_merged_answers_as_who_they_became(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await ask(salon, twilio)
    survivor = uuid4()
    await salon.receive_states(
        salon.client(id=survivor, phone=GRACE), salon.client(phone=GRACE, merged_into=survivor, version=3)
    )
    await phone.text("1")
    [(_, command)] = await commands(salon)
    assert command["data"]["actor"]["id"] == str(survivor)


@pytest.mark.service
async def test_an_erase_takes_what_the_client_wrote(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await ask(salon, twilio)
    await phone.text("2")
    await phone.text("My knee hurts, can we talk?")
    [(_, command)] = await commands(salon)
    await salon.erase(salon.client_id)
    assert [(row.text, row.address, row.provider_id) for row in await received(salon)] == [(None, None, None)] * 2

    await answer_as_booking(salon, command, "client_erased")
    await salon.sender.send_due()
    assert twilio.requests == 1
    await phone.text("1")
    assert [row.text for row in await received(salon)][:2] == [None, None]
    assert await commands(salon) == []


@pytest.mark.service
async def test_cancel_is_an_opt_out_that_staff_are_told_of_and_cancels_nothing(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await ask(salon, twilio)
    await phone.text("CANCEL")
    assert await commands(salon) == []
    assert await outcomes(salon) == [("stop", "for_staff", "opt_out_word")]
    await phone.text("Yes")
    await phone.text("STOP")
    assert (await outcomes(salon))[1:] == [("start", "noted", None), ("stop", "noted", None)]
    assert await commands(salon) == []


@pytest.mark.service
@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("", ""),
        ("👍", "👍"),
        ("a\x00b\x07\nc", "ab\nc"),
        ("1\x00", "1"),
        ("x" * 20_000, "x" * 1_600),
        ("Kann ich um 10 kommen? <b>{{ 7*7 }}</b>", "Kann ich um 10 kommen? <b>{{ 7*7 }}</b>"),
    ],
)
async def test_whatever_is_written_is_kept_for_staff_as_it_is(
    salon: Salon, twilio: FakeTwilio, phone: Phone, words: str, kept: str
) -> None:
    appointment = await ask(salon, twilio)
    await phone.text(words)
    [row] = await received(salon)
    assert (row.text, row.client_id, row.appointment_id) == (kept, salon.client_id, appointment.id)
    if kept != "1":
        assert await commands(salon) == []


@pytest.mark.service
async def test_a_stranger_makes_no_client_and_a_forger_nothing(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await ask(salon, twilio)
    form = {"MessageSid": "SM" + "c" * 32, "From": GRACE, "Body": "1"}
    assert (await phone.call("inbound-sms", form, signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")).status_code == 403
    assert await received(salon) == []

    await phone.text("2", number="+447700900999")
    [row] = await received(salon)
    assert (row.client_id, row.organization_id, row.reason) == (None, salon.organization_id, "unknown_sender")
    assert await commands(salon) == []

    await salon.receive_states(salon.business(id=uuid4(), organization_id=uuid4()))
    await phone.text("Whom do I have to ask?", number="+447700900999")
    assert len(await received(salon)) == 1


@pytest.mark.service
async def test_a_sender_that_cannot_be_answered_asks_nothing(salon: Salon, twilio: FakeTwilio) -> None:
    await salon.receive_states(salon.service(client_confirms=True, version=2))
    appointment, _ = await remind(salon)
    channel = salon.sender.channels.get(Channel.SMS)
    assert isinstance(channel, SmsChannel)
    channel._sender = "SALON"
    await fall_due(salon, appointment)
    assert "Reply" not in twilio.last["Body"]
    assert "STOP" not in twilio.last["Body"]


@pytest.mark.service
async def test_staff_read_what_a_client_wrote_and_strangers_do_not(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment = await ask(salon, twilio)
    for words in ("1", "I may be late", "STOP"):
        await phone.text(words)
    everything = (await salon.http.get("/v1/inbound-messages", params={"client_id": str(salon.client_id)})).json()
    assert [(item["text"], item["status"]) for item in everything["items"]] == [
        ("STOP", "noted"),
        ("I may be late", "for_staff"),
        ("1", "pending"),
    ]
    assert {item["appointment_id"] for item in everything["items"]} == {str(appointment.id)}
    page = (await salon.viewer.get("/v1/inbound-messages", params={"limit": 2})).json()
    rest = (await salon.viewer.get("/v1/inbound-messages", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert page["items"] + rest["items"] == everything["items"]
    [unread] = (await salon.http.get("/v1/inbound-messages", params={"status": "for_staff"})).json()["items"]
    one = await salon.http.get(f"/v1/inbound-messages/{unread['id']}")
    assert (one.json(), one.headers["ETag"]) == (unread, '"1"')
    assert (unread["meaning"], unread["reason"], unread["address"]) == ("other", "free_text", GRACE)
    assert unread["client_name"] == "Grace Hopper"

    assert (await salon.stranger.get("/v1/inbound-messages")).json()["items"] == []
    assert (await salon.stranger.get(f"/v1/inbound-messages/{unread['id']}")).status_code == 404
    assert (await salon.anonymous.get("/v1/inbound-messages")).status_code == 401
