"""SMS by the real library to a Twilio that checks every request against Twilio's own document."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon
from notifications_twilio import Answer, FakeTwilio, published, stored
from pydantic import SecretStr
from sqlalchemy import text

from notifications.adapters.twilio import outcome_of
from notifications.channels import create_channels
from notifications.domain.channels import (
    OutcomeUnknownError,
    RecipientOptedOutError,
    RefusedForGoodError,
    RefusedForNowError,
    without_links,
)
from notifications.domain.messages import Channel
from notifications.domain.sms import sms_size
from notifications.settings import NotificationsSettings
from notifications.usecases.delivery import recover_claims
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.errors import StartError

pytestmark = pytest.mark.service

NOON = datetime(2027, 5, 10, 12, tzinfo=UTC)


async def remind(salon: Salon, *, minutes: int = 60, **more: Any) -> Any:
    """An appointment with a reminder by SMS, its time come; the reminder as it stands before it is sent."""
    appointment = salon.snapshot(**more)
    await salon.receive(salon.created(appointment))
    await salon.send()
    answer = await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "sms", "minutes_before": minutes}
    )
    assert answer.status_code == 201, answer.text
    return appointment, answer.json()


async def fall_due(salon: Salon, appointment: Any, *, minutes: int = 60) -> None:
    salon.now = appointment.starts_at - timedelta(minutes=minutes)
    await salon.sender.send_due()


async def text_row(salon: Salon) -> dict[str, Any]:
    return next(row for row in await salon.ledger() if row["channel"] == "sms")


async def test_a_reminder_is_sent_once_with_our_id_in_the_callback(salon: Salon, twilio: FakeTwilio) -> None:
    appointment, reminder = await remind(salon)
    await fall_due(salon, appointment)
    await salon.sender.send_due()

    assert twilio.requests == 1
    assert twilio.last == {
        "To": "+447700900123",
        "From": "+447700900777",
        "Body": ("Salon Nord: Reminder: Haircut, Tuesday, 10 March 2026, 10:00 (UTC+1)\nSTOP ends texts."),
        "StatusCallback": (
            "https://msg.salon.test/api/notifications/v1/providers/twilio/sms-status"
            f"?organization={salon.organization_id}&message={reminder['message_id']}&attempt=1"
        ),
    }
    row = await text_row(salon)
    assert (row["status"], row["address"]) == ("sent", "+447700900123")
    published_kinds = {message["data"]["channel"] for message in await salon.take_published()}
    assert published_kinds == {"email", "sms"}


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("kind", ["reminder", "rescheduled", "cancelled"])
async def test_the_built_in_texts_are_short_and_cheap(salon: Salon, language: str, kind: str) -> None:
    built_in = await salon.http.get(
        "/v1/templates/built-in", params={"kind": kind, "locale": language, "channel": "sms"}
    )
    [item] = [item for item in built_in.json()["items"] if item["audience"] == "client"]
    shown = await salon.http.post(
        "/v1/templates/preview", json={"channel": "sms", "locale": language, "subject": "-", "text": item["text"]}
    )
    answer = shown.json()
    assert answer["sms"]["encoding"] == "GSM-7", answer["text"]
    assert answer["sms"]["segments"] <= (2 if kind == "rescheduled" else 1) + (language != "en"), answer
    assert sms_size(answer["text"]).units == answer["sms"]["units"]


@pytest.mark.parametrize(
    ("answer", "status", "why", "requests"),
    [
        (Answer(400, 21211), "failed", "twilio_21211", 1),
        (Answer(400, 21614), "failed", "twilio_21614", 1),
        (Answer(400, 30005), "failed", "twilio_30005", 1),
        (Answer(400, 21610), "suppressed", "opted_out", 1),
        (Answer(429, 20429), "planned", "twilio_20429", 2),
        (Answer(503, None, {"Retry-After": "5"}), "planned", "twilio_503", 2),
        (Answer(401, 20003), "planned", "twilio_20003", 2),
        (Answer(400, 21606), "planned", "twilio_21606", 2),
        (Answer(503, None, body=""), "unknown", "twilio_503", 1),
        (Answer(500, 20500), "unknown", "twilio_20500", 1),
        (Answer(502, body="<html>bad gateway"), "unknown", "twilio_502", 1),
        (Answer(acts=True, cut=True), "unknown", "twilio_no_answer", 1),
        (Answer(body="not JSON", acts=True), "unknown", "twilio_no_answer", 1),
        (Answer(body="{}", acts=True), "unknown", "twilio_no_answer", 1),
    ],
)
async def test_what_twilio_answers_means_what_its_documents_say(
    salon: Salon, twilio: FakeTwilio, answer: Answer, status: str, why: str, requests: int
) -> None:
    appointment, _ = await remind(salon)
    twilio.answers = [answer]
    await fall_due(salon, appointment)
    row = await text_row(salon)
    assert (row["status"], row["reason"] or row["code"]) == (status, why)
    assert "+49" not in str(row["detail"])

    salon.now += timedelta(minutes=10)
    await recover_claims(database=salon.database, now=salon.now)
    await salon.sender.send_due()
    assert twilio.requests == requests
    assert (await text_row(salon))["status"] == ("sent" if status == "planned" else status)


async def test_no_answer_in_time_is_unknown_and_not_sent_again(salon: Salon, twilio: FakeTwilio) -> None:
    appointment, _ = await remind(salon)
    twilio.answers = [Answer(hold=asyncio.Event())]
    gateway: Any = salon.sender.channels.get("sms")  # type: ignore[arg-type]
    object.__setattr__(gateway._gateway._twilio.account, "seconds", 0.3)
    await fall_due(salon, appointment)

    assert (await text_row(salon))["status"] == "unknown"
    salon.now += timedelta(minutes=20)
    await salon.sender.send_due()
    assert (twilio.requests, len(twilio.texts)) == (1, 1)


async def test_a_twilio_that_is_not_there_is_tried_again(salon: Salon, twilio: FakeTwilio) -> None:
    appointment, _ = await remind(salon)
    gateway: Any = salon.sender.channels.get("sms")  # type: ignore[arg-type]
    account = gateway._gateway._twilio.account
    object.__setattr__(account, "base_url", "http://127.0.0.1:1")
    await fall_due(salon, appointment)
    row = await text_row(salon)
    assert (row["status"], row["code"]) == ("planned", "twilio_unreachable")


async def test_a_client_without_a_phone_shows_it_at_once_and_is_reminded_once_they_have_one(
    salon: Salon, twilio: FakeTwilio
) -> None:
    await salon.receive_states(salon.client(version=3))
    appointment, reminder = await remind(salon)
    assert (reminder["status"], reminder["reason"]) == ("suppressed", "no_address")

    await salon.receive_states(salon.client(version=4, phone="+447700900123"))
    assert (await text_row(salon))["status"] == "planned"
    await fall_due(salon, appointment)
    assert len(twilio.texts) == 1


async def test_a_phone_that_comes_after_the_time_sends_nothing_late(salon: Salon, twilio: FakeTwilio) -> None:
    await salon.receive_states(salon.client(version=3))
    appointment, _ = await remind(salon)
    salon.now = appointment.starts_at - timedelta(minutes=30)
    await salon.receive_states(salon.client(version=4, phone="+447700900123"))
    await salon.sender.send_due()

    assert (await text_row(salon))["reason"] == "no_address"
    assert twilio.texts == {}


async def test_a_merged_clients_reminder_goes_to_the_phone_of_the_one_they_became(
    salon: Salon, twilio: FakeTwilio
) -> None:
    survivor = uuid4()
    await salon.receive_states(salon.client(version=3))
    appointment, _ = await remind(salon)
    await salon.receive_states(salon.client(id=survivor, version=1), salon.client(version=4, merged_into=survivor))
    assert (await text_row(salon))["reason"] == "no_address"
    await salon.receive_states(salon.client(id=survivor, version=2, phone="+447700900124"))
    await fall_due(salon, appointment)
    assert twilio.last["To"] == "+447700900124"


async def test_a_number_that_is_none_fails_and_is_seen(salon: Salon, twilio: FakeTwilio) -> None:
    await salon.receive_states(salon.client(version=3, phone="07700 900123"))
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)

    assert twilio.requests == 0
    assert (await text_row(salon))["code"] == "invalid_address"


async def test_a_client_who_is_erased_before_the_reminder_is_not_written_to(salon: Salon, twilio: FakeTwilio) -> None:
    appointment, _ = await remind(salon)
    await salon.erase(salon.client_id)
    await fall_due(salon, appointment)

    assert twilio.requests == 0
    assert (await text_row(salon))["reason"] == "client_erased"
    async with salon.database.system_transaction() as session:
        for table in ("messages", "clients", "outbox"):
            rows = (await session.execute(text(f"SELECT CAST({table} AS text) FROM {table}"))).scalars()
            assert not any("447700900123" in row for row in rows)


async def test_an_opt_out_and_a_missing_consent_hold_for_sms_alone(salon: Salon, twilio: FakeTwilio) -> None:
    appointment, _ = await remind(salon)
    await salon.http.put(f"/v1/clients/{salon.client_id}/preferences", json={"opted_out": ["sms"]})
    await fall_due(salon, appointment)
    assert (await text_row(salon))["reason"] == "opted_out"
    assert twilio.requests == 0


async def test_a_text_by_hand_is_sent_as_typed_but_for_its_signs(salon: Salon, twilio: FakeTwilio) -> None:
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.request(
        SendMessage(
            actor=Actor(type="user", id="u-1"),
            message_id=uuid4(),
            appointment_id=appointment.id,
            client_id=appointment.client_id,
            channel="sms",
            text="We\u2019re late\u2026 10:30\u202fAM",
        )
    )
    await salon.send()
    assert twilio.last["Body"] == "We're late... 10:30 AM"


async def test_the_console_puts_texts_beside_the_mails_that_a_developer_reads(salon: Salon) -> None:
    salon.use(create_channels(salon.settings.model_copy(update={"sms": "console"})))
    await salon.receive_states(salon.client(phone="+447700900123", version=2))
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)

    shown = salon.mailbox.mails[-1]
    assert (shown["To"], shown["From"]) == ("+447700900123@sms.invalid", "console@sms.invalid")
    assert str(shown["Subject"]).startswith("SMS, GSM-7, 68 units in 1: Salon Nord: Reminder")
    assert shown.get_content().startswith("Salon Nord: Reminder: Haircut, Tuesday, 10 March 2026, 10:00 (UTC+1)")
    assert (await text_row(salon))["status"] == "sent"


async def test_the_api_says_what_is_configured(salon: Salon, twilio: FakeTwilio) -> None:
    answer = (await salon.viewer.get("/v1/channels")).json()["items"]
    assert {item["channel"]: item["available"] for item in answer} == {
        "email": True,
        "sms": True,
        "voice": True,
        "push": False,
    }
    assert (await salon.anonymous.get("/v1/channels")).status_code == 401


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("twilio_account_sid", ""),
        ("sms_sender", ""),
        ("twilio_auth_token", None),
        ("twilio_api_key", "SK1"),
        ("number_keys", ()),
        ("twilio_base_url", "http://api.twilio.example"),
    ],
)
def test_a_twilio_that_is_half_configured_does_not_start(setting: str, value: Any) -> None:
    whole = {
        "sms": "twilio",
        "sms_sender": "SALON",
        "twilio_account_sid": "AC1",
        "twilio_auth_token": SecretStr("t"),
        "number_keys": (SecretStr("k"),),
    }
    settings = NotificationsSettings(database_url="postgresql+asyncpg://nobody@127.0.0.1/none")
    assert Channel.SMS in create_channels(settings.model_copy(update=whole)).names
    with pytest.raises(StartError):
        create_channels(settings.model_copy(update={**whole, setting: value}))


async def test_a_template_of_ten_thousand_characters_is_refused_and_one_that_grows_is_cut(
    salon: Salon, twilio: FakeTwilio
) -> None:
    template = {"kind": "reminder", "channel": "sms", "locale": "en", "subject": "-"}
    answer = await salon.http.post("/v1/templates", json={**template, "text": "x" * 10_000})
    assert (answer.status_code, answer.json()["code"]) == (422, "template_refused")
    answer = await salon.http.post("/v1/templates", json={**template, "text": "x" * 1_500 + "{{ client.name }}"})
    assert answer.status_code == 201, answer.text
    answer = await salon.http.patch(f"/v1/templates/{answer.json()['id']}", json={"text": "y" * 10_000})
    assert answer.status_code == 422

    await salon.receive_states(salon.client(version=3, phone="+447700900123", name="N" * 300))
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    body = twilio.last["Body"]
    assert len(body) == 1_600
    assert body.endswith("...\nSTOP ends texts.")


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120),
        ("Mon, 10 May 2027 12:02:00 GMT", 120),
        ("Monday, 10-May-27 12:02:00 GMT", 120),
        ("Mon May 10 12:02:00 2027", 120),
        ("Mon, 10 May 2027 11:00:00 GMT", 0),
        ("0.5", 0),
        ("-1", 0),
        ("soon", 0),
        ("", 0),
        ("٣", 0),
        ("999999999", 3600),
    ],
)
def test_retry_after_is_read_in_all_its_forms_and_capped(retry_after: str, seconds: int) -> None:
    error = outcome_of(429, 20429, retry_after, now=NOON)
    assert isinstance(error, RefusedForNowError)
    assert error.wait == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (307, None, RefusedForNowError),
        (400, 21610, RecipientOptedOutError),
        (400, None, RefusedForGoodError),
        (404, 20404, RefusedForNowError),
        (503, None, OutcomeUnknownError),
        (504, None, OutcomeUnknownError),
    ],
)
def test_an_answer_is_judged_by_whether_twilio_can_have_acted(status: int, code: int | None, kind: type) -> None:
    assert isinstance(outcome_of(status, code, None), kind)


def test_the_documents_are_those_that_twilio_publishes() -> None:
    import json

    try:
        documents = published()
    except (OSError, subprocess.SubprocessError):
        pytest.skip("npm reaches no registry")
    assert {part: json.loads(stored(part).read_text()) for part in documents} == documents


async def test_the_ledger_keeps_what_was_sent_in_how_many_parts_and_what_it_cost(
    salon: Salon, twilio: FakeTwilio
) -> None:
    twilio.told = {"num_segments": "2", "price": "-0.01580", "price_unit": "USD"}
    appointment, _ = await remind(salon)
    row = await text_row(salon)
    assert (row["text"], row["segments"], row["cost"]) == (None, None, None)
    await fall_due(salon, appointment)

    row = await text_row(salon)
    assert row["text"] == twilio.last["Body"]
    assert (row["segments"], row["cost"]) == (2, {"amount": "0.01580", "currency": "USD"})
    mail = next(item for item in await salon.ledger() if item["channel"] == "email")
    assert "Haircut" in mail["text"]
    assert (mail["segments"], mail["cost"]) == (None, None)

    await salon.erase(salon.client_id)
    assert {item["text"] for item in await salon.ledger()} == {None}


@pytest.mark.parametrize(
    "told",
    [
        {"num_segments": "0"},
        {"num_segments": "many", "price": "free", "price_unit": "USD"},
        {"num_segments": "9" * 40, "price": "NaN", "price_unit": "USD"},
    ],
)
async def test_what_twilio_tells_amiss_leaves_our_own_count(
    salon: Salon, twilio: FakeTwilio, told: dict[str, str]
) -> None:
    twilio.told = told
    appointment, _ = await remind(salon)
    await fall_due(salon, appointment)
    row = await text_row(salon)
    assert (row["status"], row["segments"], row["cost"]) == ("sent", 1, None)


def test_links_that_let_act_are_not_kept() -> None:
    link = "https://book.example/p/sealed-token"
    text = f"Confirm: {link} Messages: {link}/preferences"
    kept = without_links(text, [link, f"{link}/preferences"])
    assert kept == "Confirm: https://book.example/... Messages: https://book.example/..."
