"""A change that the client is not to be told of is not told; what comes after it is, and calendars catch up."""

from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest
from notifications_mailbox import calendar_of, event_of, words
from notifications_salon import Salon
from notifications_twilio import FakeTwilio
from sqlalchemy import text

from notifications.domain.messages import Channel

pytestmark = pytest.mark.service


def to_client(mails: list[EmailMessage]) -> list[EmailMessage]:
    return [mail for mail in mails if "grace@example.com" in str(mail["To"])]


async def reasons(salon: Salon, kind: str) -> list[str | None]:
    return [row["reason"] for row in await salon.ledger() if row["kind"] == kind and row["audience"] == "client"]


async def test_a_move_that_is_not_told_sends_nothing_and_the_next_one_that_is_moves_the_calendar(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    [invited] = to_client(await salon.send())
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=False)
    await salon.receive(old, quiet)
    assert to_client(await salon.send()) == []
    assert await reasons(salon, "rescheduled") == ["notify_off"]

    old, loud = salon.rescheduled(quiet.data.appointment, first.starts_at + timedelta(hours=2))
    await salon.receive(old, loud)
    [moved] = to_client(await salon.send())

    assert event_of(moved)["UID"] == event_of(invited)["UID"]
    assert event_of(moved)["SEQUENCE"] == 2
    assert event_of(moved)["DTSTART"].dt == first.starts_at + timedelta(hours=2)
    # As the client knows it: of 11:00 they have never heard.
    assert "Formerly: Tuesday, 10 March 2026, 10:00" in words(moved)
    assert "11:00" not in words(moved)


async def test_a_move_back_to_the_time_that_was_told_last_names_no_former_one(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=False)
    back, loud = salon.rescheduled(quiet.data.appointment, first.starts_at)
    await salon.receive(old, quiet, back, loud)

    [mail] = to_client(await salon.send())

    assert "10:00" in words(mail)
    assert "Formerly" not in words(mail)


async def test_what_a_reminder_told_after_a_quiet_move_is_the_former_time(salon: Salon) -> None:
    await salon.http.post("/v1/reminder-rules", json={"minutes_before": 120})
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=False)
    await salon.receive(old, quiet)
    salon.now = first.starts_at - timedelta(hours=1)
    assert len(to_client(await salon.send())) == 1
    old, loud = salon.rescheduled(quiet.data.appointment, first.starts_at + timedelta(hours=4))
    await salon.receive(old, loud)

    moved, *_ = to_client(await salon.send())

    assert "Formerly: Tuesday, 10 March 2026, 11:00" in words(moved)


async def test_what_could_not_be_delivered_was_not_told(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    salon.mailbox.answers = ["550 no such mailbox"]
    await salon.send()
    old, moved = salon.rescheduled(first, first.starts_at + timedelta(hours=1))
    await salon.receive(old, moved)

    [mail] = to_client(await salon.send())

    assert "Formerly" not in words(mail)


async def test_each_channel_names_the_former_time_whichever_tells_first(salon: Salon, twilio: FakeTwilio) -> None:
    sms = salon.sender.channels.get(Channel.SMS)
    assert sms is not None
    salon.use_channels(salon.email, sms)
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=False)
    old_too, loud = salon.rescheduled(quiet.data.appointment, first.starts_at + timedelta(hours=2))
    await salon.receive(old, quiet, old_too, loud)
    async with salon.database.system_transaction() as session:
        # The text waits until the mail has gone.
        await session.execute(
            text("UPDATE messages SET next_attempt_at = :later WHERE channel = 'sms' AND status = 'planned'"),
            {"later": salon.now + timedelta(minutes=1)},
        )
    [mail] = to_client(await salon.send())
    salon.now += timedelta(minutes=2)
    await salon.send()

    [told] = [
        row["text"]
        for row in await salon.ledger()
        if row["channel"] == "sms" and row["kind"] == "rescheduled" and row["reason"] is None
    ]
    assert "Formerly: Tuesday, 10 March 2026, 10:00" in words(mail)
    assert "Formerly: Tuesday, 10 March 2026, 10:00" in told


async def test_a_cancellation_after_a_move_that_was_not_told_takes_the_entry_out_of_the_calendar(salon: Salon) -> None:
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=False)
    await salon.receive(old, quiet, salon.cancelled(quiet.data.appointment))

    [gone] = to_client(await salon.send())

    assert (calendar_of(gone)["METHOD"], event_of(gone)["SEQUENCE"]) == ("CANCEL", 2)
    assert str(event_of(gone)["UID"]) == first.calendar_uid


async def test_whoever_is_not_told_of_a_move_is_reminded_at_the_new_time(salon: Salon) -> None:
    await salon.http.post("/v1/reminder-rules", json={"minutes_before": 60})
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=2), tell_client=False)
    await salon.receive(old, quiet)

    salon.now = first.starts_at - timedelta(minutes=60)
    assert await salon.send() == []
    salon.now += timedelta(hours=2)
    [reminder] = to_client(await salon.send())
    assert str(reminder["Subject"]).startswith("Reminder: ")
    assert "12:00" in words(reminder)


async def test_whoever_is_never_written_to_is_told_of_the_one_change_that_they_are_to_be_told_of(salon: Salon) -> None:
    first = salon.snapshot(notify_client=False)
    await salon.receive(salon.created(first))
    old, told = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=True)
    await salon.receive(old, told)
    [mail] = to_client(await salon.send())
    await salon.receive(salon.cancelled(told.data.appointment))

    assert event_of(mail)["DTSTART"].dt == first.starts_at + timedelta(hours=1)
    assert "Formerly" not in words(mail)
    assert to_client(await salon.send()) == []
    assert await reasons(salon, "cancelled") == ["notify_off"]


async def test_neither_client_is_told_of_a_correction_that_is_not_to_be_told(salon: Salon) -> None:
    first, right = salon.snapshot(), await _somebody(salon)
    await salon.receive(salon.created(first))
    await salon.send()

    await salon.receive(salon.corrected(first, right, tell_client=False))

    assert to_client(await salon.send()) == []
    assert await reasons(salon, "withdrawn") == ["notify_off"]


async def test_a_no_show_that_is_not_to_be_told_is_not_followed_up(salon: Salon) -> None:
    await salon.http.post("/v1/follow-up-rules", json={"minutes_after": 60})
    appointment = salon.snapshot()
    await salon.receive(salon.created(appointment))
    salon.now = appointment.starts_at + timedelta(minutes=30)
    await salon.receive(salon.no_show(appointment, tell_client=False))

    assert await reasons(salon, "follow_up") == ["notify_off"]


async def test_staff_hear_of_a_move_whether_the_client_does_or_not(salon: Salon) -> None:
    await salon.receive_states(salon.staff(email="ada@salon.example"))
    first = salon.snapshot()
    await salon.receive(salon.created(first))
    await salon.send()
    old, quiet = salon.rescheduled(first, first.starts_at + timedelta(hours=1), tell_client=False)
    await salon.receive(old, quiet)

    mails = await salon.send()

    assert mails
    assert to_client(mails) == []


async def _somebody(salon: Salon) -> UUID:
    right = salon.client(id=uuid4(), name="Ada Lovelace", email="lovelace@example.com")
    await salon.receive_states(right)
    return right.id
