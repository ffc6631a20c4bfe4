"""Quiet hours that change, and clients who are elsewhere now, move what is planned: from where it is wanted, once."""

import asyncio
import random
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications_salon import Salon
from sqlalchemy import text
from test_quiet_hours import MONDAY, NIGHT, TIMES, ZONES, by_hand, quiet, reminded, reminder

from notifications.domain.quiet_hours import QuietHours, reminder_due
from notifications.storage import ReplanStore
from notifications.usecases.replanning import replan_next

SERVICE = pytest.mark.service
PATH = "/v1/quiet-hours/email"
MINUTE = timedelta(minutes=1)


async def due_times(salon: Salon) -> list[datetime]:
    """Of the reminders that are planned, by start."""
    async with salon.database.system_transaction() as session:
        query = "SELECT due_at FROM messages WHERE kind = 'reminder' AND status = 'planned' ORDER BY starts_at, id"
        return list((await session.execute(text(query))).scalars())


async def step(salon: Salon, *, most: int) -> bool:
    changed = await replan_next(database=salon.database, channels=salon.sender.channels, now=salon.now, most=most)
    return changed is not None


@given(
    st.builds(QuietHours, begins=TIMES, ends=TIMES),
    st.integers(min_value=0, max_value=366 * 24 * 60).map(lambda minutes: MONDAY + minutes * MINUTE),
    st.integers(min_value=1, max_value=3 * 24 * 60),
    st.integers(min_value=0, max_value=4 * 24 * 60),
    st.sampled_from(ZONES),
)
def test_a_reminder_is_never_due_later_than_wanted_and_earlier_only_where_it_would_be_too_late(
    hours: QuietHours, starts_at: datetime, before: int, ahead: int, zone: str
) -> None:
    wanted, now = starts_at - before * MINUTE, starts_at - ahead * MINUTE
    due = reminder_due(wanted, starts_at=starts_at, quiet=hours, zone=zone, now=now)
    assert due <= wanted < starts_at
    if due != wanted:
        over = hours.over_at(wanted, zone)
        assert over is not None
        assert over >= starts_at
        assert due > now
        # So does the change of a change: it starts from where the reminder is wanted.
        assert reminder_due(wanted, starts_at=starts_at, quiet=None, zone=zone, now=now) == wanted


@SERVICE
async def test_what_came_the_evening_before_comes_at_its_own_time_when_the_hours_are_taken_back(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    assert await due_times(salon) == [datetime(2026, 3, 9, 19, 55, tzinfo=UTC)]
    await salon.take_published()

    assert (await salon.http.delete(PATH)).status_code == 204
    await salon.replan()
    assert await due_times(salon) == [datetime(2026, 3, 10, 5, tzinfo=UTC)]
    assert await salon.published() == [("planned", "reminder")]
    salon.now = datetime(2026, 3, 9, 19, 55, tzinfo=UTC)
    assert await salon.send() == []
    salon.now = datetime(2026, 3, 10, 5, tzinfo=UTC)
    assert len(await salon.send()) == 1


@SERVICE
async def test_new_hours_bring_forward_what_would_be_too_late_after_them_and_move_it_with_each_change(
    salon: Salon,
) -> None:
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    expected = {
        ("21:00", "08:00"): datetime(2026, 3, 9, 19, 55, tzinfo=UTC),
        ("23:00", "08:00"): datetime(2026, 3, 9, 21, 55, tzinfo=UTC),
        # Over before the start: it waits for the end.
        ("23:00", "06:30"): datetime(2026, 3, 10, 5, tzinfo=UTC),
        ("20:00", "07:00"): datetime(2026, 3, 9, 18, 55, tzinfo=UTC),
    }
    for (begins, ends), due in expected.items():
        await quiet(salon, begins=begins, ends=ends)
        await salon.replan()
        assert await due_times(salon) == [due]


@SERVICE
async def test_what_cannot_come_before_the_hours_any_more_says_so_at_its_time(salon: Salon) -> None:
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    salon.now = datetime(2026, 3, 9, 22, tzinfo=UTC)
    await quiet(salon)
    assert await salon.send() == []
    assert await due_times(salon) == [datetime(2026, 3, 10, 5, tzinfo=UTC)]
    salon.now = datetime(2026, 3, 10, 5, tzinfo=UTC)
    assert await salon.send() == []
    row = await reminder(salon)
    assert (row["status"], row["reason"]) == ("suppressed", "quiet_hours")


@SERVICE
async def test_what_was_sent_the_evening_before_is_not_sent_again(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    salon.now = datetime(2026, 3, 9, 19, 55, tzinfo=UTC)
    assert len(await salon.send()) == 1
    await salon.http.delete(PATH)
    for hour in (4, 5):
        salon.now = datetime(2026, 3, 10, hour, tzinfo=UTC)
        assert await salon.send() == []
    assert (await reminder(salon))["status"] == "sent"


@SERVICE
async def test_hours_of_another_channel_or_organization_move_nothing(salon: Salon) -> None:
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    await quiet(salon, "sms")
    await salon.stranger.put(PATH, json=NIGHT)
    await salon.replan()
    assert await due_times(salon) == [datetime(2026, 3, 10, 5, tzinfo=UTC)]


@SERVICE
async def test_what_a_busy_server_has_put_off_keeps_its_next_try(salon: Salon) -> None:
    await reminded(salon, datetime(2026, 3, 10, 12, tzinfo=UTC), minutes=60)
    salon.now = datetime(2026, 3, 10, 11, tzinfo=UTC)
    salon.mailbox.at_recipient = ["450 later"]
    assert await salon.send() == []
    before = (await reminder(salon))["next_attempt_at"]
    await quiet(salon, begins="11:00", ends="15:00")
    await salon.replan()
    assert (await reminder(salon))["next_attempt_at"] == before


@SERVICE
async def test_what_waits_goes_one_by_one_where_the_hours_end_sooner(salon: Salon) -> None:
    await quiet(salon)
    appointments = [salon.snapshot(starts_at=datetime(2026, 3, 10, 9, tzinfo=UTC)) for _ in range(5)]
    await salon.receive(*[salon.created(appointment) for appointment in appointments])
    await salon.send()
    salon.now = datetime(2026, 3, 9, 23, tzinfo=UTC)
    for appointment in appointments:
        await salon.request(by_hand(salon, appointment))
    assert await salon.send() == []

    await salon.http.delete(PATH)
    assert await step(salon, most=2)
    sent = []
    for tenths in range(6):
        salon.now = datetime(2026, 3, 9, 23, tzinfo=UTC) + timedelta(milliseconds=100 * tenths)
        while await step(salon, most=2):
            pass
        sent.append(len([mail for mail in await salon.send() if "We open" in mail.as_string()]))
    assert sent == [1, 1, 1, 1, 1, 0]


@SERVICE
async def test_many_are_moved_a_few_at_a_time_and_a_worker_that_dies_leaves_the_rest_to_the_next(
    salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    await quiet(salon)
    early = datetime(2026, 3, 9, 19, 55, tzinfo=UTC)

    async def moved() -> int:
        return (await due_times(salon)).count(early)

    async def dies(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    counts = []
    while await step(salon, most=2):
        counts.append(await moved())
        if counts[-1] == 2:
            with monkeypatch.context() as patched:
                patched.setattr(ReplanStore, "step", dies)
                with pytest.raises(asyncio.CancelledError):
                    await step(salon, most=2)
            assert await moved() == 2
    # What waits is looked at first, and nothing does.
    assert counts == [0, 2, 4, 5]


@SERVICE
async def test_hours_that_change_on_the_way_begin_anew(salon: Salon) -> None:
    for _ in range(4):
        await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    await quiet(salon)
    for _ in range(2):
        await step(salon, most=2)
    await quiet(salon, begins="23:00", ends="08:00")
    await salon.replan()
    assert await due_times(salon) == [datetime(2026, 3, 9, 21, 55, tzinfo=UTC)] * 4


@SERVICE
async def test_a_client_who_is_elsewhere_now_is_reminded_by_the_clock_there(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    assert await due_times(salon) == [datetime(2026, 3, 9, 19, 55, tzinfo=UTC)]
    # It is two in the afternoon there.
    await salon.receive_states(salon.client(zone="Asia/Tokyo", version=2))
    assert await due_times(salon) == [datetime(2026, 3, 10, 5, tzinfo=UTC)]
    # An old record changes nothing, and the same one again neither.
    await salon.receive_states(salon.client(version=1), salon.client(zone="Asia/Tokyo", version=2))
    assert await due_times(salon) == [datetime(2026, 3, 10, 5, tzinfo=UTC)]
    await salon.receive_states(salon.client(zone="Europe/Berlin", version=3))
    assert await due_times(salon) == [datetime(2026, 3, 9, 19, 55, tzinfo=UTC)]


@SERVICE
async def test_who_was_merged_is_reminded_where_they_are_now(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 6, tzinfo=UTC), minutes=60)
    survivor = uuid4()
    await salon.receive_states(
        salon.client(id=survivor, zone="Asia/Tokyo"), salon.client(merged_into=survivor, version=2)
    )
    assert await due_times(salon) == [datetime(2026, 3, 10, 5, tzinfo=UTC)]
    await salon.receive_states(salon.client(id=survivor, zone="Europe/Berlin", version=2))
    assert await due_times(salon) == [datetime(2026, 3, 9, 19, 55, tzinfo=UTC)]


@SERVICE
async def test_what_waits_for_the_morning_goes_where_it_is_day_for_the_client_already(salon: Salon) -> None:
    await quiet(salon)
    await reminded(salon, datetime(2026, 3, 10, 9, tzinfo=UTC), minutes=180)
    salon.now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    assert await salon.send() == []
    await salon.receive_states(salon.client(zone="Asia/Tokyo", version=2))
    assert len(await salon.send()) == 1


def judged_minute_by_minute(wanted: datetime, starts_at: datetime, begins: time, ends: time, zone: str) -> datetime:
    """When it should be due, found by walking: five minutes before the first quiet minute, if the morning is too late."""

    def is_quiet(moment: datetime) -> bool:
        clock = moment.astimezone(ZoneInfo(zone)).time()
        if begins <= ends:
            return begins <= clock < ends
        return clock >= begins or clock < ends

    if not is_quiet(wanted):
        return wanted
    moment = wanted
    while moment < starts_at:
        if not is_quiet(moment):
            return wanted
        moment += MINUTE
    while is_quiet(wanted):
        wanted -= MINUTE
    return wanted - 4 * MINUTE


@SERVICE
@pytest.mark.parametrize("seed", range(3))
async def test_after_any_change_each_reminder_is_where_it_would_be_planned_now(salon: Salon, seed: int) -> None:
    """Nights of March in which clocks change among them."""
    chance = random.Random(seed)
    wanted: list[tuple[datetime, datetime]] = []
    for day in range(27, 31):
        for _ in range(3):
            starts_at = datetime(2026, 3, day, chance.randrange(3, 12), chance.choice([0, 15, 30]), tzinfo=UTC)
            before = chance.choice([15, 30, 60, 180, 600])
            await reminded(salon, starts_at, minutes=before, notify_client=False)
            wanted.append((starts_at, starts_at - before * MINUTE))
    zone = "Europe/Berlin"
    for _ in range(4):
        begins, ends = time(chance.randrange(18, 24), 30), time(chance.randrange(5, 11))
        await quiet(salon, begins=f"{begins:%H:%M}", ends=f"{ends:%H:%M}")
        await salon.replan()
        expected = [judged_minute_by_minute(due, start, begins, ends, zone) for start, due in wanted]
        assert sorted(await due_times(salon)) == sorted(expected), (begins, ends)
    await salon.http.delete(PATH)
    await salon.replan()
    assert sorted(await due_times(salon)) == sorted(due for _, due in wanted)
