"""Reminders: never early, never for what is over, moved and stopped with their appointment."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.service


async def a_rule(world: Any, **body: Any) -> dict[str, Any]:
    answer = await world.http.post("/v1/reminder-rules", json={"minutes_before": 60, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def reminders(world: Any, appointment_id: object) -> list[dict[str, Any]]:
    answer = await world.http.get(f"/v1/appointments/{appointment_id}/reminders")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]  # type: ignore[no-any-return]


async def due(world: Any, appointment_id: object) -> list[tuple[str, datetime]]:
    found = await reminders(world, appointment_id)
    return [(each["status"], datetime.fromisoformat(each["due_at"])) for each in found]


async def test_a_reminder_is_sent_when_it_is_due_and_not_before(world: Any) -> None:
    await a_rule(world)
    appointment = world.snapshot()
    await world.hear(world.created(appointment))
    await world.send()

    world.now = appointment.starts_at - timedelta(minutes=60, microseconds=1)
    assert await world.send() == []
    world.now += timedelta(microseconds=1)
    [mail] = await world.send()
    assert str(mail["Subject"]).startswith("Reminder: Haircut")
    assert await world.send() == []


async def test_a_rescheduling_moves_the_reminders(world: Any) -> None:
    await a_rule(world)
    first = world.snapshot()
    await world.hear(world.created(first))
    later = first.starts_at + timedelta(days=1)
    old, new = world.rescheduled(first, later)
    await world.hear(old)
    await world.hear(new)

    assert [status for status, _ in await due(world, first.id)] == ["suppressed"]
    assert await due(world, new.data.appointment.id) == [("planned", later - timedelta(hours=1))]


async def test_however_the_events_of_a_rescheduling_are_ordered_one_reminder_is_left(world: Any) -> None:
    await a_rule(world)
    first = world.snapshot()
    created = world.created(first)
    later = first.starts_at + timedelta(days=1)
    old, new = world.rescheduled(first, later)
    for order in ([new, created, old], [old, new, created], [new, old, created]):
        await world.execute("DELETE FROM messages")
        await world.execute("DELETE FROM appointments")
        await world.execute("DELETE FROM reminders")
        for event in order:
            await world.hear(event)
        assert [each for each in await due(world, first.id) if each[0] != "suppressed"] == []
        assert await due(world, new.data.appointment.id) == [("planned", later - timedelta(hours=1))]


async def test_a_cancellation_stops_the_reminders_and_reopening_brings_them_back(world: Any) -> None:
    await a_rule(world)
    first = world.snapshot()
    await world.hear(world.created(first))
    cancelled = world.cancelled(first)
    await world.hear(cancelled)
    assert [(each["status"], each["why"]) for each in await reminders(world, first.id)] == [
        ("suppressed", "appointment_cancelled")
    ]

    await world.hear(world.reopened(cancelled.data.appointment))
    assert [status for status, _ in await due(world, first.id)] == ["planned"]
    world.now = first.starts_at - timedelta(minutes=30)
    assert "Reminder" in [str(each["Subject"]).partition(":")[0] for each in await world.send()]


async def test_a_cancellation_between_claim_and_hand_over_stops_the_reminder(world: Any) -> None:
    await a_rule(world)
    first = world.snapshot()
    await world.hear(world.created(first))
    await world.send()
    world.now = first.starts_at - timedelta(minutes=30)
    gateway = world.sender.gateway

    class CancellingGateway:
        async def send(self, mail: Any, *, may_hand_over: Any) -> str:
            await world.hear(world.cancelled(first, notify_client=False))
            return await gateway.send(mail, may_hand_over=may_hand_over)  # type: ignore[no-any-return]

    world.sender.gateway = CancellingGateway()
    assert await world.send() == []
    assert (await reminders(world, first.id))[0]["why"] == "appointment_cancelled"


async def test_no_reminder_is_sent_after_the_start(world: Any) -> None:
    await a_rule(world)
    first = world.snapshot()
    await world.hear(world.created(first))
    await world.send()
    world.now = first.starts_at

    assert await world.send() == []
    assert [(each["status"], each["why"]) for each in await reminders(world, first.id)] == [
        ("suppressed", "no_longer_due")
    ]


async def test_a_reminder_already_due_when_the_appointment_is_made_is_not_sent(world: Any) -> None:
    await a_rule(world, minutes_before=120)
    first = world.snapshot(starts_at=world.now + timedelta(hours=1))
    await world.hear(world.created(first))

    assert [(each["status"], each["why"]) for each in await reminders(world, first.id)] == [("suppressed", "too_late")]


async def test_the_closest_level_that_has_rules_decides(world: Any) -> None:
    await a_rule(world, minutes_before=1)
    await a_rule(world, minutes_before=2, business_id=str(world.business_id))
    other_service = world.snapshot(service_id=None)
    await world.hear(world.created(other_service))
    await a_rule(world, minutes_before=3, service_id=str(world.service_id))
    await a_rule(world, minutes_before=4, service_id=str(world.service_id), enabled=False)
    first = world.snapshot()
    await world.hear(world.created(first))

    assert [each["minutes_before"] for each in await reminders(world, other_service.id)] == [2]
    assert [each["minutes_before"] for each in await reminders(world, first.id)] == [3]


async def test_a_reminder_can_be_added_moved_and_removed_by_hand(world: Any) -> None:
    first = world.snapshot()
    await world.hear(world.created(first))
    path = f"/v1/appointments/{first.id}/reminders"
    added = await world.http.post(path, json={"minutes_before": 30})
    assert added.status_code == 201, added.text
    old, new = world.rescheduled(first, first.starts_at + timedelta(days=1))
    await world.hear(old, new)
    moved = new.data.appointment
    assert await due(world, moved.id) == [("planned", moved.starts_at - timedelta(minutes=30))]

    gone = await world.http.delete(f"/v1/appointments/{moved.id}/reminders/{added.json()['id']}")
    assert gone.status_code == 204, gone.text
    assert [(each["status"], each["why"]) for each in await reminders(world, moved.id)] == [("suppressed", "removed")]


@pytest.mark.parametrize(
    ("minutes", "status", "code"),
    [
        (60 * 24 * 30, 409, "reminder_in_the_past"),
        (0, 422, None),
        (-5, 422, None),
        (10**9, 422, None),
        ("5", 422, None),
        (None, 422, None),
    ],
)
async def test_a_senseless_reminder_is_refused(world: Any, minutes: Any, status: int, code: str | None) -> None:
    first = world.snapshot()
    await world.hear(world.created(first))
    answer = await world.http.post(f"/v1/appointments/{first.id}/reminders", json={"minutes_before": minutes})

    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert await reminders(world, first.id) == []


async def test_an_imported_appointment_is_not_reminded_of_unless_asked(world: Any) -> None:
    await a_rule(world)
    first = world.snapshot(notify_client=False, source="import")
    await world.hear(world.created(first))
    asked = await world.http.post(f"/v1/appointments/{first.id}/reminders", json={"minutes_before": 30})

    assert asked.status_code == 201
    assert [each["status"] for each in await reminders(world, first.id)] == ["suppressed", "planned"]


async def test_a_reminder_of_an_unknown_appointment_is_not_found(world: Any) -> None:
    answer = await world.http.post(f"/v1/appointments/{uuid4()}/reminders", json={"minutes_before": 30})
    assert answer.status_code == 404


async def test_a_rule_can_have_wording_of_its_own(world: Any) -> None:
    template = await world.http.post(
        "/v1/templates",
        json={
            "kind": "reminder",
            "locale": "en",
            "subject": "Bring your towel",
            "text": "See you, {{ client.name }}!",
            "is_default": False,
        },
    )
    assert template.status_code == 201, template.text
    await a_rule(world, template_id=template.json()["id"])
    first = world.snapshot()
    await world.hear(world.created(first))
    await world.send()
    world.now = first.starts_at - timedelta(minutes=60)

    [mail] = await world.send()
    assert mail["Subject"] == "Bring your towel"
