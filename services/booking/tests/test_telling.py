"""Whether the client is told of one change is said with it, and changes nothing of what they are told later."""

from importlib import import_module
from typing import Any

import pytest
from booking_fixtures import Json, Tenant

from booking import worker
from booking.storage.policies import PolicyCache

pytestmark = pytest.mark.service

LIST = "/v1/appointments"


async def do(tenant: Tenant, booked: Json, verb: str, status: int = 200, **body: Any) -> Json:
    done: Json = await tenant.post(f"{LIST}/{booked['id']}/{verb}", body, status=status)
    return done


async def said(tenant: Tenant, booked: Json) -> list[bool | None]:
    """Of each change of the appointment, what the history and the event say alike."""
    history = (await tenant.get(f"{LIST}/{booked['id']}/history"))["items"]
    events = [
        record["payload"]["data"]["change"]["tell_client"]
        for record in await tenant.outbox()
        if record["topic"] == "slotstream.appointments.v1" and record["key"] == booked["id"]
    ]
    assert [entry["tell_client"] for entry in history] == events
    return events


@pytest.mark.parametrize("notified", [True, False])
@pytest.mark.parametrize("told", [True, False])
async def test_a_move_is_told_or_not_and_reminders_stay_as_they_were(
    tenant: Tenant, *, notified: bool, told: bool
) -> None:
    booked = await tenant.book(tenant.at(9), notify=notified)

    moved = await do(tenant, booked, "reschedule", 201, starts_at=tenant.at(11), tell_client=told)

    assert moved["appointment"]["notify_client"] is moved["replaced"]["notify_client"] is notified
    assert await said(tenant, booked) == [None, told]
    assert await said(tenant, moved["appointment"]) == [None]


async def test_calendars_are_to_follow_a_move_that_is_not_told_as_well(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))

    quiet = (await do(tenant, booked, "reschedule", 201, starts_at=tenant.at(11), tell_client=False))["appointment"]
    loud = (await do(tenant, quiet, "reschedule", 201, starts_at=tenant.at(12), tell_client=True))["appointment"]

    assert [item["calendar_sequence"] for item in (booked, quiet, loud)] == [0, 1, 2]
    assert booked["calendar_uid"] == quiet["calendar_uid"] == loud["calendar_uid"]


async def test_who_says_nothing_of_it_tells_and_reminds_as_ever(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), notify=False)

    moved = (await do(tenant, booked, "reschedule", 201, starts_at=tenant.at(11)))["appointment"]

    assert moved["notify_client"] is True
    assert await said(tenant, booked) == [None, None]


async def test_what_is_told_now_and_what_from_now_on_can_be_said_together(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))

    moved = await do(tenant, booked, "reschedule", 201, starts_at=tenant.at(11), notify=False, tell_client=True)

    assert moved["appointment"]["notify_client"] is False
    assert await said(tenant, booked) == [None, True]


async def test_each_verb_can_say_it(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))

    await do(tenant, booked, "confirm", tell_client=False)
    await do(tenant, booked, "dismiss", tell_client=True)
    await do(tenant, booked, "reopen", tell_client=False)
    left = await do(tenant, booked, "cancel", reason="ill", tell_client=False)

    assert await said(tenant, booked) == [None, False, True, False, False]
    assert left["notify_client"] is True


async def test_so_can_a_correction_and_alone_it_is_no_change(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    right = await tenant.post("/v1/clients", {"name": "Ada Lovelace"}, status=201)
    path = f"{LIST}/{booked['id']}"

    alone = (await tenant.api.patch(path, json={"tell_client": False})).json()
    corrected = (await tenant.api.patch(path, json={"client_id": right["id"], "tell_client": False})).json()

    assert (alone["version"], corrected["version"], corrected["notify_client"]) == (1, 2, True)
    assert await said(tenant, booked) == [None, False]


@pytest.mark.parametrize("at_once", [200, 0])
async def test_many_are_cancelled_without_a_word_at_once_or_by_the_worker(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(import_module("booking.api.bulk"), "AT_ONCE", at_once)
    booked = [await tenant.book(tenant.at(hour)) for hour in (9, 10)]
    arguments = {"reason": "closed", "tell_client": False}
    body = {"verb": "cancel", "ids": [item["id"] for item in booked], "arguments": arguments}

    await tenant.post(f"{LIST}/bulk", body, status=200 if at_once else 202)
    while await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0]):
        pass

    for item in booked:
        left = await tenant.get(f"{LIST}/{item['id']}")
        assert (left["status"], left["notify_client"]) == ("cancelled", True)
        assert await said(tenant, item) == [None, False]


async def test_a_message_to_many_is_told_to_nobody_else(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    arguments = {"text": "We are late.", "tell_client": True}
    await tenant.post(
        f"{LIST}/bulk", {"verb": "email_client", "ids": [booked["id"]], "arguments": arguments}, status=422
    )


@pytest.mark.parametrize("nonsense", ["\x00", 2, [], {"client": True}])
async def test_what_is_neither_yes_nor_no_is_refused_and_changes_nothing(tenant: Tenant, nonsense: Any) -> None:
    booked = await tenant.book(tenant.at(9))

    await do(tenant, booked, "reschedule", 422, starts_at=tenant.at(11), tell_client=nonsense)
    await do(tenant, booked, "cancel", 422, reason="ill", tell_client=nonsense)

    assert (await tenant.get(f"{LIST}/{booked['id']}"))["version"] == 1
