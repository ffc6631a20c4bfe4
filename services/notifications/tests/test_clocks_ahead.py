"""What was done by a clock that runs ahead is told when it is heard, not when that clock's time has come."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from notifications_salon import Salon
from notifications_series import TestSeries
from notifications_series import receive as receive_series

from slotstream_contracts.base import Actor
from slotstream_contracts.messages import SendMessage

pytestmark = pytest.mark.service

AHEAD = timedelta(minutes=20)
Hears = Callable[[], Awaitable[None]]


def an_appointment(salon: Salon) -> Hears:
    event = salon.created(salon.snapshot())
    return lambda: salon.receive(event)


def a_series(salon: Salon) -> Hears:
    first = salon.snapshot().starts_at
    events = TestSeries.of(salon, [first, first + timedelta(days=7)]).created()
    return lambda: receive_series(salon, events)


def a_message_to_the_client(salon: Salon) -> Hears:
    appointment = salon.snapshot(notify_client=False)
    created = salon.created(appointment)
    command = SendMessage(
        actor=Actor(type="user", id="u-1"),
        message_id=uuid4(),
        appointment_id=appointment.id,
        client_id=appointment.client_id,
        channel="email",
        text="We are running late.",
    )
    asked_at = salon.now

    async def hears() -> None:
        await salon.receive(created)
        await salon.request(command, time=asked_at)

    return hears


@pytest.mark.parametrize("said", [an_appointment, a_series, a_message_to_the_client])
async def test_news_of_a_clock_that_runs_ahead_is_told_at_once(salon: Salon, said: Callable[[Salon], Hears]) -> None:
    salon.now += AHEAD
    hears = said(salon)
    salon.now -= AHEAD
    await hears()
    assert len(await salon.send()) == 1


async def test_a_follow_up_of_a_clock_that_runs_ahead_waits_no_longer_than_its_rule_says(salon: Salon) -> None:
    await salon.http.post("/v1/follow-up-rules", json={"minutes_after": 60})
    appointment: Any = salon.snapshot(notify_client=True)
    await salon.receive(salon.created(appointment))
    await salon.send()
    salon.now = appointment.starts_at + timedelta(minutes=30) + AHEAD
    missed = salon.no_show(appointment)
    salon.now -= AHEAD
    await salon.receive(missed)
    salon.now += timedelta(minutes=60)
    assert len(await salon.send()) == 1
