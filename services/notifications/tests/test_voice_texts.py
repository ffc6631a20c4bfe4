"""What is said in a call: bounded, pronounceable, in the client's language, and shown before it is said."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from notifications_salon import Salon
from test_sms_sending import fall_due

from notifications.adapters.voice.words import words_of
from notifications.channels import create_channels
from notifications.domain.calls import MOST_SPOKEN, spoken
from notifications.domain.quiet_hours import QuietHours

NIGHT = QuietHours(begins=time(22), ends=time(7))


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("a\u202fb\n\n c\t", "a b c"),
        ("a\x00b\x1b\ufffe\ud800\u202e", "ab"),
        ("Zoe\u0308 & <b>", "Zoë & <b>"),
        ("x" * 1_001, "x" * 999 + "…"),
        ("", ""),
    ],
)
def test_what_has_no_sound_is_left_out_and_what_nobody_listens_to_is_cut(text: str, heard: str) -> None:
    assert spoken(text) == heard
    assert len(spoken(text)) <= MOST_SPOKEN


@pytest.mark.parametrize(
    ("now", "zone", "over"),
    [
        ("2027-03-28T01:30", "Europe/Berlin", "2027-03-28T05:00"),
        ("2027-03-27T21:00", "Europe/Berlin", "2027-03-28T05:00"),
        ("2027-10-31T00:45", "Europe/Berlin", "2027-10-31T06:00"),
        ("2027-10-30T20:00", "Europe/Berlin", "2027-10-31T06:00"),
        ("2027-07-05T08:00", "America/Los_Angeles", "2027-07-05T14:00"),
        ("2027-03-28T05:00", "Europe/Berlin", None),
        ("2027-03-27T20:59:59", "Europe/Berlin", None),
        ("2027-07-05T08:00", "Europe/London", None),
    ],
)
def test_quiet_hours_are_wall_clock_and_half_open(now: str, zone: str, over: str | None) -> None:
    ends = NIGHT.over_at(datetime.fromisoformat(now).replace(tzinfo=UTC), zone)
    assert ends == (None if over is None else datetime.fromisoformat(over).replace(tzinfo=UTC))


def test_quiet_hours_by_day_and_none_at_all() -> None:
    noon = datetime(2027, 7, 5, 12, tzinfo=UTC)
    assert QuietHours(begins=time(12), ends=time(15)).over_at(noon, "UTC") == datetime(2027, 7, 5, 15, tzinfo=UTC)
    assert QuietHours(begins=time(12), ends=time(12)).over_at(noon, "UTC") is None


def test_where_the_end_comes_twice_the_later_one_ends_them() -> None:
    quiet = QuietHours(begins=time(22), ends=time(2, 30))
    first = datetime(2027, 10, 31, 0, 20, tzinfo=UTC)
    assert quiet.over_at(first, "Europe/Berlin") == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ar"])
def test_each_language_has_words_and_a_voice_of_its_own(language: str) -> None:
    words = words_of(f"{language}-XX")
    assert words.tag.startswith(language)
    assert all(digit in words.keys for digit in "123")
    assert words_of("tlh") == words_of("en")


@pytest.mark.service
@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ar"])
async def test_the_built_in_texts_are_shown_as_they_are_said_and_name_nobody(salon: Salon, language: str) -> None:
    built_in = await salon.http.get(
        "/v1/templates/built-in", params={"kind": "reminder", "locale": language, "channel": "voice"}
    )
    [item] = [item for item in built_in.json()["items"] if item["audience"] == "client"]
    shown = await salon.http.post(
        "/v1/templates/preview", json={"channel": "voice", "locale": language, "text": f"{item['text']}\n \x07"}
    )
    answer = shown.json()
    assert (answer["html"], answer["sms"]) == ("", None)
    assert "Salon Nord" in answer["text"]
    assert "Haircut" in answer["text"]
    assert "Grace" not in answer["text"]
    assert answer["text"] == spoken(answer["text"])


@pytest.mark.service
async def test_the_console_puts_calls_beside_the_mails_that_a_developer_reads(salon: Salon) -> None:
    salon.use(create_channels(salon.settings.model_copy(update={"voice": "console"})))
    await salon.receive_states(
        salon.client(phone="+447700900123", version=2), salon.service(client_confirms=True, version=2)
    )
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    answer = await salon.http.post(
        f"/v1/appointments/{appointment.id}/reminders", json={"channel": "voice", "minutes_before": 60}
    )
    assert answer.status_code == 201, answer.text
    await fall_due(salon, appointment)

    shown: Any = salon.mailbox.mails[-1]
    assert shown["To"] == "+447700900123@voice.invalid"
    assert str(shown["Subject"]).startswith("Call, en-GB by Polly.Amy: Hello. This is a reminder")
    assert "Press 1 to confirm, 2 to cancel" in shown.get_content()
    row = next(row for row in await salon.ledger() if row["channel"] == "voice")
    assert (row["status"], row["text"]) == ("sent", shown.get_content().splitlines()[0])


@pytest.mark.service
async def test_a_text_that_nobody_listens_to_is_refused_and_one_that_names_code_is_not_run(salon: Salon) -> None:
    salon.use(create_channels(salon.settings.model_copy(update={"voice": "console"})))
    template = {"kind": "reminder", "channel": "voice", "locale": "en", "subject": "-"}
    for text in ("x" * 1_001, "{{ 'a' * 10 }}", "{% for i in range(9) %}{% endfor %}", "{{ client.nickname }}"):
        answer = await salon.http.post("/v1/templates", json={**template, "text": text})
        assert (answer.status_code, answer.json()["code"]) == (422, "template_refused"), text
    assert (await salon.http.post("/v1/templates", json={**template, "text": "Hello."})).status_code == 201
