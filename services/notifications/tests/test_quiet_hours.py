"""Nobody is disturbed at night where they are: what waits, what goes out all the same, and what would come too late."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications_salon import Salon
from test_sms_sending import fall_due, remind

from notifications.domain.messages import Audience, Channel, Kind
from notifications.domain.quiet_hours import QuietHours, earlier_due, is_exempt
from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage
from slotstream_servicekit.testing.limits import claims_of
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

NIGHT = {"begins": "21:00", "ends": "08:00"}
SERVICE = pytest.mark.service


async def quiet(salon: Salon, channel: str = "email", **hours: str) -> None:
    answer = await salon.http.put(f"/v1/quiet-hours/{channel}", json=hours or NIGHT)
    assert answer.status_code == 200, answer.text


async def reminded(salon: Salon, starts_at: datetime, *, minutes: int, **more: Any) -> Any:
    """An appointment with a reminder by mail, as it stands before it is due."""
    appointment = salon.snapshot(starts_at=starts_at, **more)
    await salon.receive(salon.created(appointment))
    await salon.send()
    answer = await salon.http.post(f"/v1/appointments/{appointment.id}/reminders", json={"minutes_before": minutes})
    assert answer.status_code == 201, answer.text
    return appointment


async def reminder(salon: Salon) -> dict[str, Any]:
    return next(row for row in await salon.ledger() if row["kind"] == "reminder")


@SERVICE
async def test_a_reminder_that_falls_due_at_night_waits_for_the_morning_where_the_client_is(salon: Salon) -> None:
    """Berlin in March is UTC+1: 21:00 there is 20:00 UTC, and 8:00 is 7:00."""
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 9, tzinfo=UTC), minutes=180)
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert await salon.send() == []
    row = await reminder(salon)
    assert (row["status"], row["code"], row["next_attempt_at"]) == ("planned", "quiet_hours", "2026-03-10T07:00:00Z")

    salon.now = datetime(2026, 3, 10, 6, 59, 59, 999_999, tzinfo=UTC)
    assert await salon.send() == []
    salon.now = datetime(2026, 3, 10, 7, tzinfo=UTC)
    assert len(await salon.send()) == 1


@SERVICE
@pytest.mark.parametrize(
    ("due", "goes"),
    [
        (datetime(2026, 3, 9, 19, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 9, 20, tzinfo=UTC), False),
        (datetime(2026, 3, 10, 7, tzinfo=UTC), True),
    ],
)
async def test_the_hours_are_half_open(salon: Salon, due: datetime, goes: bool) -> None:
    await quiet(salon)
    starts_at = datetime(2026, 3, 11, 12, tzinfo=UTC)
    appointment = await reminded(salon, starts_at, minutes=int((starts_at - due) / timedelta(minutes=1)) + 60 * 24)
    salon.now = due
    assert (len(await salon.send()) == 1) is goes
    assert appointment.starts_at == starts_at


@SERVICE
async def test_the_clients_own_zone_goes_before_the_businesss(salon: Salon) -> None:
    await quiet(salon)
    await salon.receive_states(salon.client(zone="America/New_York", version=2))
    # 13:00 UTC: it is noon and after in Berlin, and 9:00 in New York; an hour before it is 7:00 there.
    await reminded(salon, datetime(2026, 3, 12, 15, tzinfo=UTC), minutes=240)
    salon.now = datetime(2026, 3, 12, 11, tzinfo=UTC)
    assert await salon.send() == []
    assert (await reminder(salon))["next_attempt_at"] == "2026-03-12T12:00:00Z"


@SERVICE
async def test_a_reminder_that_would_be_too_late_in_the_morning_comes_the_evening_before(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    row = await reminder(salon)
    assert row["due_at"] == "2026-03-09T19:55:00Z"
    salon.now = datetime(2026, 3, 9, 19, 55, tzinfo=UTC)
    assert len(await salon.send()) == 1


@SERVICE
async def test_where_there_is_no_evening_before_any_more_it_says_why_it_was_not_sent(salon: Salon) -> None:
    await quiet(salon)
    salon.now = datetime(2026, 3, 9, 23, tzinfo=UTC)
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    salon.now = datetime(2026, 3, 10, 5, tzinfo=UTC)
    assert await salon.send() == []
    row = await reminder(salon)
    assert (row["status"], row["reason"]) == ("suppressed", "quiet_hours")


@SERVICE
async def test_news_of_ones_own_booking_comes_at_any_hour(salon: Salon) -> None:
    await quiet(salon)
    salon.now = datetime(2026, 3, 5, 22, tzinfo=UTC)
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    assert len(await salon.send()) == 1
    await salon.receive(salon.cancelled(appointment))
    assert len(await salon.send()) == 1


def by_hand(salon: Salon, appointment: Any, **more: Any) -> SendMessage:
    return SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=appointment.id,
        channel="email",
        text="We open an hour later.",
        **{"client_id": appointment.client_id, **more},
    )


@SERVICE
async def test_what_is_written_by_hand_at_night_waits_unless_that_would_be_too_late(salon: Salon) -> None:
    await quiet(salon)
    later, early = salon.snapshot(), salon.snapshot(starts_at=datetime(2026, 3, 6, 6, tzinfo=UTC))
    await salon.receive(salon.created(later), salon.created(early))
    await salon.send()
    salon.now = datetime(2026, 3, 6, 5, tzinfo=UTC)
    await salon.request(by_hand(salon, later))
    await salon.request(by_hand(salon, early))
    assert len(await salon.send()) == 1
    waiting = [row for row in await salon.ledger() if row["code"] == "quiet_hours"]
    assert [row["appointment_id"] for row in waiting] == [str(later.id)]
    salon.now = datetime(2026, 3, 6, 7, tzinfo=UTC)
    assert len(await salon.send()) == 1


@SERVICE
async def test_colleagues_are_written_to_at_any_hour(salon: Salon) -> None:
    await quiet(salon)
    await salon.receive_states(salon.staff(email="ada@example.com", version=2))
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now = datetime(2026, 3, 5, 22, tzinfo=UTC)
    await salon.request(by_hand(salon, appointment, client_id=None, resource_id=salon.staff_id))
    [mail] = await salon.send()
    assert mail["To"].endswith("<ada@example.com>")


@SERVICE
async def test_what_waits_is_judged_anew_when_the_hours_change(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 12, tzinfo=UTC), minutes=420)
    salon.now = datetime(2026, 3, 10, 5, tzinfo=UTC)
    assert await salon.send() == []
    await quiet(salon, begins="22:00", ends="06:30")
    assert await salon.send() == []
    assert (await reminder(salon))["next_attempt_at"] == "2026-03-10T05:30:00Z"
    answer = await salon.http.delete("/v1/quiet-hours/email")
    assert answer.status_code == 204
    assert len(await salon.send()) == 1


@SERVICE
async def test_another_organizations_hours_and_other_channels_hours_hold_nothing_back(salon: Salon) -> None:
    await quiet(salon, "sms")
    answer = await salon.stranger.put("/v1/quiet-hours/email", json=NIGHT)
    assert answer.status_code == 200
    await reminded(salon, datetime(2026, 3, 10, 9, tzinfo=UTC), minutes=180)
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert len(await salon.send()) == 1


@SERVICE
async def test_an_organization_may_be_called_at_other_hours_than_the_installation_says(
    salon: Salon, twilio: Any
) -> None:
    known = (await salon.http.get("/v1/quiet-hours")).json()
    by_channel = {item["channel"]: item for item in known["items"]}
    voice = {**NIGHT, "channel": "voice", "is_default": True, "version": 0}
    assert by_channel["voice"] == voice
    assert by_channel["email"] == {**voice, "channel": "email", "begins": "00:00", "ends": "00:00"}
    assert {"created", "cancelled", "answer_refused"} <= set(known["exempt"])
    assert not {"reminder", "ad_hoc"} & set(known["exempt"])

    await quiet(salon, "voice", begins="00:00", ends="00:00")
    appointment, _ = await remind_by_voice(salon)
    salon.now = appointment.starts_at - timedelta(minutes=60)
    await salon.sender.send_due()
    assert len(twilio.calls) == 1


async def remind_by_voice(salon: Salon) -> Any:
    appointment = salon.snapshot(starts_at=datetime(2026, 3, 10, 6, tzinfo=UTC))
    await salon.receive(salon.created(appointment))
    await salon.send()
    body = {"channel": "voice", "minutes_before": 60}
    answer = await salon.http.post(f"/v1/appointments/{appointment.id}/reminders", json=body)
    return appointment, answer.json()


@SERVICE
async def test_texts_wait_as_mails_do(salon: Salon, twilio: Any) -> None:
    await quiet(salon, "sms")
    appointment, _ = await remind(salon, minutes=180)
    await fall_due(salon, appointment, minutes=180)
    assert twilio.texts == {}
    salon.now = datetime(2026, 3, 10, 7, tzinfo=UTC)
    await salon.sender.send_due()
    assert len(twilio.texts) == 1


@SERVICE
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"begins": "21:00"},
        {"begins": "24:00", "ends": "08:00"},
        {"begins": "21:00:00", "ends": "08:00"},
        {"begins": "9pm", "ends": "08:00"},
        {"begins": "21:00\x00", "ends": "08:00"},
        {"begins": "٢١:٠٠", "ends": "08:00"},
        {"begins": 21, "ends": 8},
        {"begins": "21:00", "ends": "08:00", "zone": "UTC"},
    ],
)
async def test_what_is_no_time_is_refused(salon: Salon, body: dict[str, Any]) -> None:
    assert (await salon.http.put("/v1/quiet-hours/sms", json=body)).status_code == 422
    assert (await salon.http.put("/v1/quiet-hours/fax", json=NIGHT)).status_code == 422


@SERVICE
async def test_who_may_not_change_settings_changes_no_quiet_hours_and_a_stale_version_neither(
    salon: Salon, api_client: ApiClientFactory, signer: Signer
) -> None:
    path = "/v1/quiet-hours/email"
    assert (await salon.viewer.put(path, json=NIGHT)).status_code == 403
    assert (await salon.anonymous.get("/v1/quiet-hours")).status_code == 401
    claims = claims_of("businesses", business_id=salon.business_id, resource_id=uuid4())
    token = signer.token(organization_id=salon.organization_id, role="manager", subject="m", claims=claims)
    limited = await api_client(salon.app, token=token)
    refused = await limited.put(path, json=NIGHT)
    assert (refused.status_code, refused.json()["code"]) == (403, "organization_wide")
    assert (await limited.get("/v1/quiet-hours")).status_code == 200

    first = await salon.http.put(path, json=NIGHT, headers={"If-Match": '"0"'})
    assert (first.status_code, first.json()["version"]) == (200, 1)
    stale = await salon.http.put(path, json={**NIGHT, "ends": "09:00"}, headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    again = await salon.http.put(path, json=NIGHT, headers={"If-Match": '"1"'})
    assert again.json()["version"] == 1
    assert (await salon.http.delete(path, headers={"If-Match": '"7"'})).status_code == 412


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


@given(
    st.builds(QuietHours, begins=TIMES, ends=TIMES),
    st.integers(min_value=0, max_value=2 * 366 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes)),
    st.sampled_from(ZONES),
)
def test_the_end_lies_ahead_within_a_day_and_is_not_quiet_and_the_beginning_lies_behind(
    quiet_hours: QuietHours, now: datetime, zone: str
) -> None:
    over, began = quiet_hours.over_at(now, zone), quiet_hours.began_at(now, zone)
    assert (over is None) == (began is None)
    if over is None or began is None:
        return
    assert began <= now < over <= now + timedelta(hours=26)
    assert began >= now - timedelta(hours=26)
    local = over.astimezone(ZoneInfo(zone))
    assert quiet_hours.over_at(over, zone) is None or local.time() != quiet_hours.ends


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 10), (date(2026, 3, 27), 11), (date(2026, 10, 24), 12)])
def test_a_night_is_as_long_as_its_clocks_say(day: date, hours: int) -> None:
    night = QuietHours(begins=time(21), ends=time(8))
    evening = datetime.combine(day, time(21), tzinfo=ZoneInfo("Europe/Berlin"))
    over = night.over_at(evening.astimezone(UTC), "Europe/Berlin")
    assert over == evening.astimezone(UTC) + timedelta(hours=hours)
    assert night.began_at(over - timedelta(seconds=1), "Europe/Berlin") == evening.astimezone(UTC)


def test_a_reminder_is_moved_to_before_the_night_only_where_the_morning_is_too_late() -> None:
    night = QuietHours(begins=time(21), ends=time(8))
    starts_at = datetime(2026, 3, 10, 7, 30, tzinfo=UTC)

    def moved(due_at: datetime) -> datetime | None:
        return earlier_due(due_at, starts_at=starts_at, quiet=night, zone="UTC")

    assert moved(datetime(2026, 3, 10, 6, tzinfo=UTC)) == datetime(2026, 3, 9, 20, 55, tzinfo=UTC)
    assert moved(datetime(2026, 3, 9, 20, 59, tzinfo=UTC)) is None
    starts_at = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
    assert moved(datetime(2026, 3, 10, 6, tzinfo=UTC)) is None
    starts_at = datetime(2026, 3, 10, 8, tzinfo=UTC)
    assert moved(datetime(2026, 3, 10, 6, tzinfo=UTC)) == datetime(2026, 3, 9, 20, 55, tzinfo=UTC)


@pytest.mark.parametrize("kind", Kind)
def test_a_call_is_never_exempt_and_colleagues_always_are(kind: Kind) -> None:
    assert not is_exempt(Channel.VOICE, kind, Audience.CLIENT)
    assert not is_exempt(Channel.VOICE, kind, Audience.STAFF)
    assert is_exempt(Channel.SMS, kind, Audience.STAFF)
    assert is_exempt(Channel.EMAIL, kind, Audience.CLIENT) == (kind not in (Kind.REMINDER, Kind.FOLLOW_UP, Kind.AD_HOC))
