"""What is said in a call and which key is pressed: an answer as a text is one, once, by a call that is Twilio's."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from notifications_phone import BASE, GRACE, Phone
from notifications_salon import Salon
from notifications_twilio import FakeTwilio
from test_answers import answer_as_booking, commands, outcomes
from test_calls import call_row, last_call, ring

pytestmark = pytest.mark.service

NOTHING: list[Any] = []


@pytest.mark.parametrize(("key", "verb", "said"), [("1", "confirm", "is confirmed"), ("2", "cancel", "is cancelled")])
async def test_a_key_asks_booking_once_as_the_client_and_says_what_came_of_it(
    salon: Salon, twilio: FakeTwilio, phone: Phone, key: str, verb: str, said: str
) -> None:
    appointment, call = await ring(salon, twilio, phone)
    heard = await call.pick_up()
    assert "reminder of your appointment with Salon Nord: Haircut" in heard
    assert "Press 1 to confirm, 2 to cancel, or 3 to be called back." in heard
    asked = call.action
    assert "One moment" in await call.press(key)
    waits = call.action
    await asyncio.gather(*(call.press(key, url=asked) for _ in range(3)))

    [(name, command)] = await commands(salon)
    assert (name, command["data"]["appointment_id"]) == (verb, str(appointment.id))
    assert command["data"]["actor"] == {"type": "client", "id": str(salon.client_id)}
    assert "shown_starts_at" in command["data"]
    assert await outcomes(salon) == [(verb, "pending", None)]

    assert await call.ask(str(waits)) == ""
    await answer_as_booking(salon, command)
    assert said in await call.listen_on()
    assert call.document.find("Hangup") is not None
    # A copy of the key's call, days later, does nothing, and says what is true.
    salon.now += timedelta(days=3)
    assert said in await call.press(key, url=asked)
    other = "2" if key == "1" else "1"
    assert said in await call.press(other, url=asked)
    assert await commands(salon) == NOTHING
    assert len(await outcomes(salon)) == 1


async def test_three_is_told_to_staff(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    assert "We will call you back." in await call.press("3")
    assert await outcomes(salon) == [("call_back", "for_staff", "call_back")]
    [shown] = (await salon.http.get("/v1/inbound-messages", params={"status": "for_staff"})).json()["items"]
    assert (shown["channel"], shown["text"], shown["address"]) == ("voice", "3", GRACE)


@pytest.mark.parametrize(
    ("language", "voice", "tag", "reminds", "keys", "bye"),
    [
        ("en", "Polly.Amy", "en-GB", "This is a reminder", "Press 1", "Goodbye."),
        ("de-AT", "Polly.Vicki", "de-DE", "Wir erinnern Sie", "Drücken Sie die 1", "Auf Wiederhören."),
        ("es", "Polly.Lucia", "es-ES", "Le recordamos", "Pulse 1", "Adiós."),
        ("fr", "Polly.Lea", "fr-FR", "Nous vous rappelons", "Tapez 1", "Au revoir."),
        ("ar", "Polly.Zeina", "arb", "نذكّرك بموعدك", "اضغط 1", "مع السلامة."),
    ],
)
async def test_each_is_spoken_to_in_their_language_twice_and_then_told_goodbye(
    salon: Salon,
    twilio: FakeTwilio,
    phone: Phone,
    language: str,
    voice: str,
    tag: str,
    reminds: str,
    keys: str,
    bye: str,
) -> None:
    await salon.receive_states(salon.client(version=3, phone=GRACE, locale=language))
    _, call = await ring(salon, twilio, phone)
    first = await call.pick_up()
    assert reminds in first
    assert keys in first
    says = list(call.document.iter("Say"))
    assert {(say.attrib["voice"], say.attrib["language"]) for say in says} == {(voice, tag)}
    assert await call.press("9") == first
    last = await call.press("")
    assert (last, call.action) == (bye, None)
    assert await outcomes(salon) == NOTHING


@pytest.mark.parametrize(
    "key", ["11", "1#", "*", "\x00", "1\x00", "１", "٢", "x" * 60_000, "1; DROP TABLE messages", " 1"]
)
async def test_what_is_no_key_is_not_guessed(salon: Salon, twilio: FakeTwilio, phone: Phone, key: str) -> None:
    _, call = await ring(salon, twilio, phone)
    first = await call.pick_up()
    assert await call.press(key) == first
    assert await outcomes(salon) == NOTHING
    assert await commands(salon) == NOTHING


@pytest.mark.parametrize("answered_by", ["machine_end_beep", "machine_end_silence", "machine_start"])
async def test_a_machine_gets_the_built_in_text_and_no_keys(
    salon: Salon, twilio: FakeTwilio, phone: Phone, answered_by: str
) -> None:
    template = {"kind": "reminder", "channel": "voice", "locale": "en", "subject": "-"}
    words = "Dear {{ client.name }}, your visit is near."
    assert (await salon.http.post("/v1/templates", json={**template, "text": words})).status_code == 201
    _, call = await ring(salon, twilio, phone)
    assert "Dear Grace Hopper" in await call.pick_up()
    left = await call.pick_up(answered_by)
    assert "Salon Nord: Haircut, Tuesday" in left
    assert "Grace" not in left
    assert "1" not in left.partition("Haircut")[0]
    assert "Press" not in left
    assert call.action is None
    await call.status("completed", AnsweredBy=answered_by)
    row = await call_row(salon)
    assert (row["status"], row["code"]) == ("delivered", "left_on_machine")
    assert left.startswith(row["text"])


async def test_a_fax_hears_nothing_and_the_call_has_failed(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone)
    assert await call.pick_up("fax") == ""
    await call.status("completed", AnsweredBy="fax")
    assert (await call_row(salon))["code"] == "answered_by_fax"


async def test_no_keys_are_offered_where_the_service_asks_for_nothing(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, call = await ring(salon, twilio, phone, asks=False)
    heard = await call.pick_up()
    assert "This is a reminder" in heard
    assert "Press" not in heard
    assert call.document.find("Hangup") is not None


async def test_names_are_text_and_not_markup(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await salon.receive_states(salon.business(version=2, name='Cut & "Colour" <b> {{ 7*7 }}', phone="+49305550100"))
    _, call = await ring(salon, twilio, phone)
    heard = await call.pick_up()
    assert 'Cut & "Colour" <b> {{ 7*7 }}' in heard
    assert "+ 4 9 3 0 5 5 5 0 1 0 0" in heard
    gather = call.document.find("Gather")
    assert gather is not None
    assert parse_qs(urlsplit(gather.attrib["action"]).query)["step"] == ["again"]


async def test_booking_refuses_and_it_is_told_in_the_call_once(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    await salon.receive_states(salon.business(version=2, phone="+49305550100"))
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    await call.press("2")
    [(_, command)] = await commands(salon)
    await answer_as_booking(salon, command, "notice_passed")
    assert "nothing was done" in (heard := await call.listen_on())
    assert "You can reach us at + 4 9 3 0" in heard
    await call.status("completed")
    salon.now += timedelta(minutes=5)
    await salon.sender.send_due()
    assert len(twilio.calls) == 1
    assert ("answer_refused", "suppressed", "told_in_the_call") in await salon.outcomes()


async def test_who_has_hung_up_is_called_about_a_refusal(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    await call.press("1")
    [(_, command)] = await commands(salon)
    await answer_as_booking(salon, command, "appointment_cancelled")
    await call.status("completed")
    salon.now += timedelta(minutes=1)
    await salon.sender.send_due()
    assert len(twilio.calls) == 2
    again = last_call(twilio, phone)
    assert "nothing was done" in await again.pick_up()
    assert again.action is None


async def test_who_waits_too_long_hears_that_it_is_passed_on(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    await call.press("1")
    heard = [await call.listen_on() for _ in range(4)]
    assert heard[:3] == ["", "", ""]
    assert "passed it on" in heard[3]
    assert call.action is None


async def test_a_call_about_an_appointment_that_was_cancelled_meanwhile_reminds_of_nothing(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment, call = await ring(salon, twilio, phone)
    await call.pick_up()
    asked = str(call.action)
    await salon.receive(salon.cancelled(appointment))
    await salon.take_published()
    heard = await call.pick_up()
    assert "has changed meanwhile" in heard
    assert "Haircut" not in heard
    # The key of who has been asked is judged by booking, and its refusal told.
    await call.press("1", url=asked)
    [(_, command)] = await commands(salon)
    await answer_as_booking(salon, command, "appointment_cancelled")
    assert "nothing was done" in await call.listen_on()


async def test_a_key_about_an_appointment_that_moved_names_the_time_that_was_told(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment, call = await ring(salon, twilio, phone)
    await call.pick_up()
    await salon.receive(*salon.rescheduled(appointment, appointment.starts_at + timedelta(days=1)))
    await salon.take_published()
    await call.press("1")
    [(_, command)] = await commands(salon)
    assert command["data"]["appointment_id"] == str(appointment.id)
    assert command["data"]["shown_starts_at"].startswith("2026-03-10T09:00")


async def test_a_key_of_a_client_who_has_been_erased_does_nothing(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    await salon.erase(salon.client_id)
    await salon.take_published()
    assert "One moment" not in await call.press("1")
    assert "Haircut" not in await call.pick_up()
    assert await outcomes(salon) == NOTHING
    assert await commands(salon) == NOTHING


async def test_a_number_that_is_another_persons_by_now_confirms_nothing(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    await salon.receive_states(salon.client(version=3, phone="+447700900199"))
    assert "passed it on" in await call.press("1")
    assert await outcomes(salon) == [("confirm", "for_staff", "number_changed")]
    assert await commands(salon) == NOTHING


async def test_a_forged_call_changes_nothing(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    action = str(call.action)
    target = action.removeprefix(f"{BASE}/v1/providers/twilio/")
    status = call.url.replace("/voice?", "/voice-status?")
    form = {"CallSid": call.sid, "Digits": "2"}
    for answer in (
        await phone.call(target, form, signature=""),
        await phone.call(target, form, signature="x" * 28),
        # Signed by Twilio, but for another step, another message or another host.
        await phone.call(target, form, signed=call.url),
        await phone.call(target.replace(str(salon.organization_id), str(uuid4())), form, signed=action),
        await phone.call(target, form, signed=action.replace("https://msg.salon.test", "http://testserver")),
        await phone.call(status.rpartition("/")[2], {"CallSid": call.sid, "CallStatus": "failed"}, signed=call.url),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
    assert await outcomes(salon) == NOTHING
    assert (await call_row(salon))["status"] == "sent"


async def test_another_tenants_message_id_in_the_address_says_and_does_nothing(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.pick_up()
    action, mail = str(call.action), next(row for row in await salon.ledger() if row["channel"] == "email")
    row = await call_row(salon)
    ours, theirs = str(salon.organization_id), str(uuid4())
    for url in (
        action.replace(ours, theirs),
        action.replace(row["id"], str(uuid4())),
        action.replace(row["id"], mail["id"]),
        action.replace("call=1", "call=2"),
        action.replace("call=1", "call=" + "9" * 40),
        action.replace("call=1", "call=0"),
        action.replace(ours, "%00"),
        action.partition("?")[0],
    ):
        assert "Haircut" not in await call.press("2", url=url)
        assert "Haircut" not in await call.ask(url.replace("&step=again", ""), AnsweredBy="human")
        await call.status("failed", url=url.replace("/voice", "/voice-status").replace("&step=again", ""))
    assert "Haircut" not in await call.ask(call.url, CallSid="'; DROP TABLE messages")
    await call.status("failed", sid="CA" + "f" * 32)
    assert await outcomes(salon) == NOTHING
    assert await commands(salon) == NOTHING
    assert {item["status"] for item in await salon.ledger()} == {"sent"}
