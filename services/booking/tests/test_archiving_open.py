"""An appointment that is still open is cancelled and archived in one call."""

from importlib import import_module
from typing import Any

import pytest
from booking_fixtures import Json, Tenant

from booking import worker
from booking.storage.policies import PolicyCache

pytestmark = pytest.mark.service

CANCEL = {"cancel": {"reason": "ill", "tell_client": False}}
BULK = "/v1/appointments/bulk"


async def archive(tenant: Tenant, booked: Json, body: Json | None, status: int = 200, **headers: str) -> Json:
    answer: Json = await tenant.post(f"/v1/appointments/{booked['id']}/archive", body, status=status, **headers)
    return answer


async def as_it_is(tenant: Tenant, booked: Json) -> Json:
    found: Json = await tenant.get(f"/v1/appointments/{booked['id']}")
    return found


async def history(tenant: Tenant, booked: Json) -> list[Any]:
    items = (await tenant.get(f"/v1/appointments/{booked['id']}/history"))["items"]
    return [(entry["version"], entry["verb"], entry["reason"], entry["tell_client"]) for entry in items]


async def test_an_open_appointment_is_cancelled_and_archived_by_one_call_and_both_are_told(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    done = await archive(tenant, booked, CANCEL)
    assert (done["status"], done["archived"], done["occupies"], done["version"]) == ("cancelled", True, False, 3)
    assert await history(tenant, booked) == [
        (1, "create", None, None),
        (2, "cancel", "ill", False),
        (3, "archive", None, None),
    ]
    told = [row["type"] for row in await tenant.outbox() if row["key"] == booked["id"]]
    events = [one for one in told if not one.endswith(".state")]
    assert events[-2:] == ["slotstream.appointment.cancelled", "slotstream.appointment.archived"]
    await tenant.book(tenant.at(9))


async def test_what_is_closed_is_archived_without_being_cancelled_and_twice_is_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{booked['id']}/dismiss")
    for _ in range(2):
        done = await archive(tenant, booked, CANCEL)
        assert (done["status"], done["archived"], done["version"]) == ("dismissed", True, 3)


async def test_a_call_that_is_repeated_by_its_key_is_done_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    answers = [await archive(tenant, booked, CANCEL, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(await history(tenant, booked)) == 3


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (None, {}, 409, "cancel_first"),
        ({}, {}, 409, "cancel_first"),
        ({"cancel": {}}, {}, 422, "reason_required"),
        (CANCEL, {"If-Match": '"7"'}, 412, "version_conflict"),
    ],
)
async def test_what_is_refused_leaves_the_appointment_as_it_was(
    tenant: Tenant, body: Json | None, headers: dict[str, str], status: int, code: str
) -> None:
    booked = await tenant.book(tenant.at(9))
    assert (await archive(tenant, booked, body, status, **headers))["code"] == code
    left = await as_it_is(tenant, booked)
    assert (left["status"], left["archived"], left["version"]) == ("scheduled", False, 1)


async def test_what_is_completed_and_takes_its_time_still_is_not_cancelled_to_be_archived(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{booked['id']}/complete")
    assert (await archive(tenant, booked, CANCEL, 409))["code"] == "cancel_first"
    assert (await as_it_is(tenant, booked))["status"] == "completed"


async def test_what_an_erased_client_has_left_open_is_cancelled_and_archived_without_a_word(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    tenant.now[0] = tenant.now[0].replace(day=2, hour=10)
    assert (await tenant.api.post(f"/v1/clients/{tenant.client['id']}/erase", json={})).status_code in {200, 204}
    assert (await archive(tenant, booked, CANCEL, 409))["code"] == "client_erased"
    done = await archive(tenant, booked, {"cancel": {}})
    assert (done["status"], done["archived"]) == ("cancelled", True)


@pytest.mark.parametrize("role", ["viewer", "agent"])
async def test_whoever_may_not_archive_cancels_nothing_by_it(tenant: Tenant, role: str) -> None:
    booked = await tenant.book(tenant.at(9))
    api = await tenant.client_as(role)
    assert (await api.post(f"/v1/appointments/{booked['id']}/archive", json=CANCEL)).status_code == 403
    assert (await as_it_is(tenant, booked))["status"] == "scheduled"


async def test_many_are_cancelled_and_archived_each_with_both_changes(tenant: Tenant) -> None:
    first, second = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10))
    await tenant.post(f"/v1/appointments/{first['id']}/dismiss")
    taken = await tenant.book(tenant.at(11))
    await tenant.post(f"/v1/appointments/{taken['id']}/complete")
    order = {"verb": "archive", "ids": [booked["id"] for booked in (first, second, taken)], "arguments": CANCEL}
    results = (await tenant.post(BULK, order))["results"]
    assert [(result["ok"], result["problem"] and result["problem"]["code"]) for result in results] == [
        (True, None),
        (True, None),
        (False, "cancel_first"),
    ]
    shown = [result["appointment"] for result in results[:2]]
    assert [(one["status"], one["archived"]) for one in shown] == [("dismissed", True), ("cancelled", True)]
    assert [entry[1:] for entry in await history(tenant, second)][1:] == [
        ("cancel", "ill", False),
        ("archive", None, None),
    ]


async def test_a_long_order_cancels_what_is_open_as_a_short_one_does(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("booking.api.bulk"), "AT_ONCE", 0)
    booked = await tenant.book(tenant.at(9))
    await tenant.post(BULK, {"verb": "archive", "ids": [booked["id"]], "arguments": CANCEL}, status=202)
    while await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0]):
        pass
    left = await as_it_is(tenant, booked)
    assert (left["status"], left["archived"], left["cancellation_reason"]) == ("cancelled", True, "ill")


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("dismiss", CANCEL),
        ("sms_client", {"text": "Hello", **CANCEL}),
    ],
)
async def test_cancelling_belongs_to_an_order_to_archive(tenant: Tenant, verb: str, arguments: Json) -> None:
    booked = await tenant.book(tenant.at(9))
    await tenant.post(BULK, {"verb": verb, "ids": [booked["id"]], "arguments": arguments}, status=422)


async def test_a_reason_alone_cancels_nothing_that_is_to_be_archived(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    order = {"verb": "archive", "ids": [booked["id"]], "arguments": {"reason": "ill"}}
    assert (await tenant.post(BULK, order))["results"][0]["problem"]["code"] == "cancel_first"
