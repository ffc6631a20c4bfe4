"""What is over already, by the records of another product, comes into the book as it ended."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_commands import answers_to
from booking_fixtures import Tenant

from slotstream_contracts.base import Actor, Source
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointments,
    CheckAppointments,
    ClientDetails,
    CommandSucceeded,
    ItemResult,
    RecordedStatus,
)

pytestmark = pytest.mark.service

IMPORTER = Actor(type="user", id="whoever-confirmed")
BATCH = uuid4()
FINAL: tuple[RecordedStatus, ...] = ("completed", "cancelled", "no_show")


def past(
    tenant: Tenant, status: RecordedStatus, *, hour: int = 10, source: Source = "import", **wanted: Any
) -> AppointmentItem:
    """An appointment of a year ago."""
    request = {
        "business_id": tenant.business["id"],
        "service_id": tenant.service["id"],
        "client": ClientDetails(name="Ada Lovelace", email="ada@example.com"),
        "starts_at": tenant.now[0].replace(hour=hour, minute=0, second=0, microsecond=0) - timedelta(days=365),
        "resource_ids": (UUID(tenant.staff[0]["id"]),),
        "source": source,
        "batch_id": BATCH,
        "status": status,
    }
    return AppointmentItem(appointment_id=uuid4(), request=AppointmentRequest(**request | wanted))


async def booked(tenant: Tenant, *items: AppointmentItem) -> tuple[ItemResult, ...]:
    [answer] = await answers_to(tenant, BookAppointments(actor=IMPORTER, items=items))
    return CommandSucceeded.model_validate(answer).items


async def checked(tenant: Tenant, *items: AppointmentItem) -> tuple[ItemResult, ...]:
    [answer] = await answers_to(tenant, CheckAppointments(actor=IMPORTER, items=items))
    return CommandSucceeded.model_validate(answer).items


@pytest.mark.parametrize("status", FINAL)
async def test_it_is_bookable_and_stands_as_it_ended_with_its_events_and_history(
    tenant: Tenant, status: RecordedStatus
) -> None:
    item = past(tenant, status, notify=True)
    [check] = await checked(tenant, item)
    assert (check.outcome, check.reasons) == ("bookable", ())

    [result] = await booked(tenant, item)

    assert result.outcome == "done"
    appointment = await tenant.get(f"/v1/appointments/{item.appointment_id}")
    assert (appointment["status"], appointment["source"], appointment["version"]) == (status, "import", 1)
    assert appointment["notify_client"] is False, "nobody is told of what is over"
    assert [resource["id"] for resource in appointment["resources"]] == [tenant.staff[0]["id"]]
    assert [entry["verb"] for entry in (await tenant.get(f"/v1/appointments/{item.appointment_id}/history"))["items"]]
    told = [record for record in await tenant.outbox() if record["key"] == str(item.appointment_id)]
    assert {record["type"] for record in told} == {"slotstream.appointment.created", "slotstream.appointment.state"}
    for record in told:
        data = record["payload"]["data"]
        snapshot = data.get("appointment", data)
        assert (snapshot["status"], snapshot["source"], snapshot["occupies"]) == (status, "import", False)
    assert str(result.client_id) == appointment["client_id"]


@pytest.mark.parametrize("status", FINAL)
async def test_it_takes_nobodys_time_and_nobodys_time_is_in_its_way(tenant: Tenant, status: RecordedStatus) -> None:
    twins = [past(tenant, status), past(tenant, status), past(tenant, "completed", hour=3)]

    assert [result.outcome for result in await booked(tenant, *twins)] == ["done"] * 3
    assert await tenant.rows("SELECT * FROM occupancy") == []


async def test_a_cancelled_one_may_lie_ahead_and_leaves_the_time_to_others(tenant: Tenant) -> None:
    ahead = past(tenant, "cancelled", starts_at=tenant.at(10))
    [result] = await booked(tenant, ahead)
    assert result.outcome == "done"
    await tenant.book(tenant.at(10), resource_ids=[tenant.staff[0]["id"]])


@pytest.mark.parametrize("status", ["completed", "no_show"])
async def test_what_is_still_to_come_cannot_have_happened(tenant: Tenant, status: RecordedStatus) -> None:
    item = past(tenant, status, starts_at=tenant.at(10))
    for [result] in (await checked(tenant, item), await booked(tenant, item)):
        assert (result.outcome, result.code) == ("refused", "status_in_the_future")
    assert await tenant.rows("SELECT id FROM appointments") == []


@pytest.mark.parametrize("foreign", [{"batch_id": None}, {"source": "api"}])
async def test_only_an_import_brings_it_in(tenant: Tenant, foreign: dict[str, Any]) -> None:
    item = past(tenant, "completed", **foreign)
    for [result] in (await checked(tenant, item), await booked(tenant, item)):
        assert (result.outcome, result.code) == ("refused", "history_not_imported")


async def test_a_caller_of_the_api_cannot_say_how_an_appointment_ended(tenant: Tenant) -> None:
    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(10)) | {"status": "completed"})
    assert answer.status_code == 422


async def test_who_performed_it_is_not_guessed_where_nobody_is_named(tenant: Tenant) -> None:
    await tenant.add_staff("Grace")
    anybody = await tenant.add_service(name="Anybody", duration_minutes=30)
    item = past(tenant, "completed", resource_ids=None, service_id=UUID(anybody["id"]))
    await booked(tenant, item)
    assert (await tenant.get(f"/v1/appointments/{item.appointment_id}"))["resources"] == []


async def test_one_that_comes_again_is_done_already_and_names_its_client(tenant: Tenant) -> None:
    item = past(tenant, "no_show")
    [first] = await booked(tenant, item)
    [again] = await booked(tenant, item)
    assert (again.outcome, again.client_id) == ("already_done", first.client_id)


async def test_it_can_be_reopened_like_any_other(tenant: Tenant) -> None:
    item = past(tenant, "cancelled", starts_at=tenant.at(10))
    await booked(tenant, item)
    await tenant.post(f"/v1/appointments/{item.appointment_id}/reopen")
    assert len(await tenant.rows("SELECT * FROM occupancy")) == 1
