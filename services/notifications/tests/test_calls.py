"""Calls by the real library to a Twilio that checks every request against Twilio's own document."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_phone import BASE, GRACE, Phone, Ringing
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio
from pydantic import SecretStr
from sqlalchemy import text

from notifications.channels import create_channels
from notifications.domain.messages import Channel
from notifications.settings import NotificationsSettings
from notifications.usecases.delivery import recover_claims
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.errors import StartError

pytestmark = pytest.mark.service


async def call_row(salon: Salon) -> dict[str, Any]:
    return next(row for row in await salon.ledger() if row["channel"] == "voice")


async def remind(salon: Salon, *, minutes: int = 60, **more: Any) -> Any:
    """An appointment with a reminder by a call, which stands as it does before it is made."""
    appointment = salon.snapshot(**more)
    await salon.receive(salon.created(appointment))
    await salon.send()
    answer = await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "voice", "minutes_before": minutes}
    )
    assert answer.status_code == 201, answer.text
    return appointment, answer.json()


async def ring(
    salon: Salon, twilio: FakeTwilio, phone: Phone, *, asks: bool = True, minutes: int = 60, **more: Any
) -> tuple[Any, Ringing]:
    """An appointment whose client is being called."""
    await salon.receive_states(salon.service(client_confirms=asks, version=2))
    appointment, _ = await remind(salon, minutes=minutes, **more)
    salon.now = appointment.starts_at - timedelta(minutes=minutes)
    await salon.sender.send_due()
    await salon.take_published()
    return appointment, last_call(twilio, phone)


def last_call(twilio: FakeTwilio, phone: Phone) -> Ringing:
    sid, ordered = list(twilio.calls.items())[-1]
    return Ringing(phone, sid, ordered)


async def test_a_reminder_calls_once_with_our_id_in_its_addresses(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await ring(salon, twilio, phone)
    await salon.sender.send_due()

    row = await call_row(salon)
    query = f"organization={salon.organization_id}&message={row['id']}&call=1&language=en"
    assert list(twilio.calls.values()) == [
        {
            "To": GRACE,
            "From": "+447700900777",
            "Url": f"{BASE}/v1/providers/twilio/voice?{query}",
            "Method": "POST",
            "StatusCallback": f"{BASE}/v1/providers/twilio/voice-status?{query}",
            "StatusCallbackMethod": "POST",
            "StatusCallbackEvent": ["initiated", "answered", "completed"],
            "MachineDetection": "DetectMessageEnd",
            "Timeout": 30,
        }
    ]
    assert (row["status"], row["address"], row["attempts"]) == ("sent", GRACE, 1)
    assert row["text"].startswith("Hello. This is a reminder of your appointment with Salon Nord: Haircut, Tuesday")


@pytest.mark.parametrize(
    ("answer", "status", "why", "requests"),
    [
        (Answer(400, 21211), "failed", "twilio_21211", 1),
        (Answer(400, 13224), "failed", "twilio_13224", 1),
        (Answer(429, 20429), "planned", "twilio_20429", 2),
        (Answer(400, 21210), "planned", "twilio_21210", 2),
        (Answer(500, 20500), "unknown", "twilio_20500", 1),
        (Answer(acts=True, cut=True), "unknown", "twilio_no_answer", 1),
        (Answer(body="{}", acts=True), "unknown", "twilio_no_answer", 1),
    ],
)
async def test_what_twilio_answers_means_what_it_does_for_a_text(
    salon: Salon, twilio: FakeTwilio, phone: Phone, answer: Answer, status: str, why: str, requests: int
) -> None:
    twilio.answers = [answer]
    await ring_or_not(salon)
    row = await call_row(salon)
    assert (row["status"], row["code"]) == (status, why)

    salon.now += timedelta(minutes=10)
    await recover_claims(database=salon.database, now=salon.now)
    await salon.sender.send_due()
    assert twilio.requests == requests


async def ring_or_not(salon: Salon) -> Any:
    appointment, _ = await remind(salon)
    salon.now = appointment.starts_at - timedelta(minutes=60)
    await salon.sender.send_due()
    return appointment


@pytest.mark.parametrize(
    ("statuses", "ends"),
    [
        (["initiated", "in-progress", "completed"], ("delivered", None)),
        (["completed", "in-progress", "initiated", "completed"], ("delivered", None)),
        (["failed", "initiated", "completed"], ("failed", "twilio_failed")),
        (["canceled"], ("failed", "twilio_canceled")),
        (["completed", "busy", "failed"], ("delivered", None)),
        (["busy", "initiated", "completed", "no-answer"], ("planned", "twilio_busy")),
        (["teleported", ""], ("sent", None)),
    ],
)
async def test_statuses_in_any_order_end_in_the_same_truth(
    salon: Salon, twilio: FakeTwilio, phone: Phone, statuses: list[str], ends: tuple[str, str | None]
) -> None:
    _, call = await ring(salon, twilio, phone)
    for status in statuses:
        await call.status(status)
        await call.status(status)
    row = await call_row(salon)
    assert (row["status"], row["code"]) == ends
    told = [kind for kind, _ in await salon.published()]
    assert told == ([] if ends[0] in ("sent", "planned") else [ends[0]])


async def test_an_unknown_call_resolves_itself_when_twilio_speaks(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    twilio.answers = [Answer(acts=True, cut=True)]
    await ring_or_not(salon)
    assert (await call_row(salon))["status"] == "unknown"
    await last_call(twilio, phone).status("initiated")
    assert (await call_row(salon))["status"] == "sent"

    await last_call(twilio, phone).status("completed", AnsweredBy="machine_end_beep")
    row = await call_row(salon)
    assert (row["status"], row["code"]) == ("delivered", "left_on_machine")


async def test_an_unknown_call_that_is_picked_up_is_known(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    twilio.answers = [Answer(acts=True, cut=True)]
    await ring_or_not(salon)
    assert "This is a reminder" in await last_call(twilio, phone).pick_up()
    assert (await call_row(salon))["status"] == "sent"


async def test_who_does_not_answer_is_called_again_twice_and_never_twice_at_once(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, first = await ring(salon, twilio, phone)
    await first.status("busy")
    await asyncio.gather(first.status("busy"), first.status("no-answer"))
    await salon.sender.send_due()
    assert len(twilio.calls) == 1

    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()
    second = last_call(twilio, phone)
    assert len(twilio.calls) == 2
    # What is told late of the first call says nothing of the second.
    for late in ("busy", "initiated", "completed"):
        await first.status(late)
    row = await call_row(salon)
    assert (row["status"], row["attempts"]) == ("sent", 2)

    await second.status("no-answer")
    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()
    await last_call(twilio, phone).status("busy")
    row = await call_row(salon)
    assert (row["status"], row["code"], row["attempts"]) == ("failed", "twilio_busy", 3)
    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()
    assert len(twilio.calls) == 3


async def test_what_is_told_late_of_one_call_says_nothing_of_the_next_whose_answer_was_lost(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    _, first = await ring(salon, twilio, phone)
    await first.status("busy")
    twilio.answers = [Answer(acts=True, cut=True)]
    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()
    for late in ("initiated", "no-answer", "completed"):
        await first.status(late)
    row = await call_row(salon)
    assert (row["status"], row["attempts"]) == ("unknown", 2)

    await last_call(twilio, phone).status("completed")
    assert (await call_row(salon))["status"] == "delivered"


async def test_nobody_is_called_again_past_the_start(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone, minutes=9)
    await call.status("busy")
    assert (await call_row(salon))["status"] == "failed"


async def test_a_call_that_is_to_be_made_again_is_stopped_with_its_appointment(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    appointment, call = await ring(salon, twilio, phone)
    await call.status("no-answer")
    await salon.receive(salon.cancelled(appointment))
    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()
    assert (await call_row(salon))["reason"] == "appointment_cancelled"
    assert len(twilio.calls) == 1


async def test_two_reminders_of_one_minute_call_one_after_the_other(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await remind(salon)
    await ring(salon, twilio, phone)
    assert len(twilio.calls) == 1

    await last_call(twilio, phone).status("completed")
    salon.now += timedelta(minutes=1)
    await recover_claims(database=salon.database, now=salon.now)
    await salon.sender.send_due()
    assert len(twilio.calls) == 2


async def test_quiet_hours_put_a_call_off_where_the_client_is_but_not_past_the_start(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    await salon.receive_states(salon.client(version=3, phone=GRACE, zone="America/Los_Angeles"))
    # Due at 02:00 there: put off to 08:00, an hour before it begins.
    appointment = salon.snapshot(starts_at=salon.now.replace(day=10, hour=16))
    await salon.receive(salon.created(appointment))
    await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "voice", "minutes_before": 360}
    )
    # Due at 07:30, begins at 08:00: nobody is called in time.
    early = salon.snapshot(starts_at=salon.now.replace(day=10, hour=15))
    await salon.receive(salon.created(early))
    await salon.http.post(f"/v1/appointments/{early.id}/reminders", json={"channel": "voice", "minutes_before": 30})
    salon.now = appointment.starts_at - timedelta(hours=6)
    await salon.send()
    assert twilio.calls == {}
    row = next(row for row in await salon.ledger() if row["channel"] == "voice" and row["status"] == "planned")
    assert (row["code"], row["next_attempt_at"]) == ("quiet_hours", "2026-03-10T15:00:00Z")
    assert row["due_at"] == row["next_attempt_at"]
    assert await salon.sender.measure() == 0

    salon.now = salon.now.replace(hour=14, minute=30)
    await salon.send()
    assert [row["reason"] for row in await salon.ledger() if row["appointment_id"] == str(early.id)][
        -1
    ] == "quiet_hours"
    salon.now = salon.now.replace(hour=15, minute=0)
    await salon.send()
    assert len(twilio.calls) == 1
    # The time to call again counts from then.
    await last_call(twilio, phone).status("busy")
    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()
    assert len(twilio.calls) == 2


async def test_a_client_without_a_phone_shows_it_at_once_and_other_channels_are_refused(
    salon: Salon, twilio: FakeTwilio
) -> None:
    await salon.receive_states(salon.client(version=3))
    _, reminder = await remind(salon)
    assert (reminder["status"], reminder["reason"]) == ("suppressed", "no_address")

    salon.use(create_channels(salon.settings))
    for path, body in (
        ("/v1/reminder-rules", {"channel": "voice", "minutes_before": 60}),
        (f"/v1/appointments/{reminder['appointment_id']}/reminders", {"channel": "voice", "minutes_before": 30}),
        ("/v1/templates", {"kind": "reminder", "channel": "voice", "locale": "en", "subject": "-", "text": "Hello"}),
    ):
        answer = await salon.http.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "channel_unavailable"), path


async def test_a_default_rule_calls_also_whom_texts_have_stopped_and_a_preference_ends_calls(
    salon: Salon, twilio: FakeTwilio, phone: Phone
) -> None:
    answer = await salon.http.post("/v1/reminder-rules", json={"channel": "voice", "minutes_before": 60})
    assert answer.status_code == 201, answer.text
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    assert (await call_row(salon))["status"] == "planned"
    await phone.text("STOP")
    assert (await call_row(salon))["status"] == "planned"

    await salon.http.put(f"/v1/clients/{salon.client_id}/preferences", json={"opted_out": ["voice"]})
    await phone.text("START")
    salon.now = appointment.starts_at - timedelta(minutes=60)
    await salon.sender.send_due()
    assert (await call_row(salon))["reason"] == "opted_out"
    assert twilio.calls == {}


async def test_a_text_by_hand_is_called_and_cut_where_nobody_listens(salon: Salon, twilio: FakeTwilio) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.request(
        SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=appointment.id,
            client_id=appointment.client_id,
            channel="voice",
            text="We are late \x07" + "x" * 2_000,
        )
    )
    await salon.sender.send_due()
    row = await call_row(salon)
    assert (row["status"], len(row["text"]), row["text"][:12]) == ("sent", 1_000, "We are late ")


async def test_an_erase_takes_the_number_and_what_was_said_out(salon: Salon, twilio: FakeTwilio, phone: Phone) -> None:
    _, call = await ring(salon, twilio, phone)
    await call.status("busy")
    await salon.erase(salon.client_id)
    salon.now += timedelta(minutes=10)
    await salon.sender.send_due()

    assert len(twilio.calls) == 1
    row = await call_row(salon)
    assert (row["reason"], row["address"], row["text"]) == ("client_erased", None, None)
    async with salon.database.system_transaction() as session:
        for table in ("messages", "clients", "inbound_messages", "outbox"):
            rows = (await session.execute(text(f"SELECT CAST({table} AS text) FROM {table}"))).scalars()
            assert not any("447700900123" in row for row in rows)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("twilio_account_sid", ""),
        ("voice_sender", ""),
        ("voice_sender", "SALON"),
        ("twilio_auth_token", None),
        ("twilio_callback_url", None),
        ("number_keys", ()),
    ],
)
def test_calls_that_are_half_configured_do_not_start(setting: str, value: Any) -> None:
    whole = {
        "voice": "twilio",
        "voice_sender": "+447700900777",
        "twilio_account_sid": "AC1",
        "twilio_auth_token": SecretStr("t"),
        "twilio_callback_url": BASE,
        "number_keys": (SecretStr("k"),),
    }
    settings = NotificationsSettings(database_url="postgresql+asyncpg://nobody@127.0.0.1/none")
    assert Channel.VOICE in create_channels(settings.model_copy(update=whole)).names
    with pytest.raises(StartError):
        create_channels(settings.model_copy(update={**whole, setting: value}))
