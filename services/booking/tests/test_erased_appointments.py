"""An erased client's appointment comes to its end, and nobody writes about the person again: they are erased once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_commands import answers_to
from booking_fixtures import Json, Tenant
from series_requests import MONDAYS, add
from test_erasure import rows_with

from booking.domain.bulk import BulkOrder, BulkVerb
from booking.storage.bulk import BulkStore
from booking.storage.policies import PolicyCache
from booking.usecases.bulk import do_next_portion
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointments,
    CancelAppointment,
    UndoAppointments,
)
from slotstream_servicekit.context import Actor as Caller
from slotstream_servicekit.context import Cause, Context
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

LIST = "/v1/appointments"
WRITTEN = "Zuse calls again"


async def erase(tenant: Tenant) -> None:
    await tenant.post(f"/v1/clients/{tenant.client['id']}/erase", {"open_appointments": "cancel"}, status=204)


async def left_open(tenant: Tenant, **more: Any) -> Json:
    """An appointment that nobody closed when it was over; then its client is erased."""
    booked = await tenant.book(tenant.at(9), **more)
    tenant.now[0] = datetime.fromisoformat(tenant.at(10))
    await erase(tenant)
    shown: Json = await tenant.get(f"{LIST}/{booked['id']}")
    assert shown["status"] == "scheduled"
    return shown


def refused(answer: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (409, "client_erased"), answer.text


@pytest.mark.parametrize(
    "edit",
    [
        {"notes": WRITTEN},
        {"internal_notes": WRITTEN},
        {"service_name": WRITTEN},
        {"location": {"kind": "other", "text": WRITTEN}},
        {"duration_minutes": 45, "override": {"reason": WRITTEN}},
        {"share_with_client": False},
    ],
    ids="-".join,
)
async def test_nothing_of_an_erased_clients_appointment_is_edited(tenant: Tenant, edit: Json) -> None:
    booked = await left_open(tenant)
    refused(await tenant.api.patch(f"{LIST}/{booked['id']}", json=edit))
    assert await rows_with(tenant, "zuse") == []


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("complete", {"internal_notes": WRITTEN}),
        ("cancel", {"reason": WRITTEN}),
        ("cancel", {"override": {"reason": WRITTEN}}),
        ("dismiss", {"reason": WRITTEN}),
        ("no-show", {"reason": WRITTEN}),
        ("confirm", {"reason": WRITTEN}),
        ("archive", {"cancel": {"reason": WRITTEN}}),
        ("reschedule", {"starts_at": "2027-03-05T09:00:00Z", "reason": WRITTEN}),
        ("reschedule", {"starts_at": "2027-03-05T09:00:00Z"}),
    ],
)
async def test_no_verb_writes_about_an_erased_client(tenant: Tenant, verb: str, said: Json) -> None:
    booked = await left_open(tenant)
    refused(await tenant.api.post(f"{LIST}/{booked['id']}/{verb}", json=said))
    assert await rows_with(tenant, "zuse") == []


@pytest.mark.parametrize("verb", ["approve", "decline"])
async def test_no_answer_to_a_request_writes_about_an_erased_client(tenant: Tenant, verb: str) -> None:
    service = await tenant.add_service(needs_approval=True)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    assert booked["status"] == "pending"
    tenant.now[0] = datetime.fromisoformat(tenant.at(10))
    await erase(tenant)
    path = f"{LIST}/{booked['id']}/{verb}"
    refused(await tenant.api.post(path, json={"reason": WRITTEN}))
    refused(await tenant.api.post(path, json={"override": {"reason": WRITTEN}}))
    assert await rows_with(tenant, "zuse") == []
    await tenant.post(path)


@pytest.mark.parametrize(
    ("verb", "status", "reason"),
    [
        ("complete", "completed", None),
        ("cancel", "cancelled", "erased"),
        ("dismiss", "dismissed", None),
        ("no-show", "no_show", None),
    ],
)
async def test_an_erased_clients_appointment_is_closed_without_a_word_and_archived(
    tenant: Tenant, verb: str, status: str, reason: str | None
) -> None:
    booked = await left_open(tenant)
    closed = await tenant.post(f"{LIST}/{booked['id']}/{verb}")
    assert closed["status"] == status
    newest = (await tenant.get(f"{LIST}/{booked['id']}/history"))["items"][-1]
    assert newest["reason"] == reason
    if verb == "complete":
        # What was completed takes its time, which is over.
        tenant.now[0] += timedelta(hours=1)
    archived = await tenant.post(f"{LIST}/{booked['id']}/archive")
    assert archived["archived"] is True


async def test_an_erased_clients_appointment_is_cancelled_without_a_word_in_the_call_that_archives_it(
    tenant: Tenant,
) -> None:
    booked = await left_open(tenant)
    archived = await tenant.post(f"{LIST}/{booked['id']}/archive", {"cancel": {}})
    assert (archived["status"], archived["archived"], archived["cancellation_reason"]) == ("cancelled", True, "erased")


async def test_what_an_erased_client_paid_is_still_written_down_when_it_is_completed(tenant: Tenant) -> None:
    booked = await left_open(tenant)
    price = {"amount": "45.00", "currency": "EUR"}
    assert (await tenant.post(f"{LIST}/{booked['id']}/complete", {"actual_price": price}))["actual_price"] == price


async def test_only_what_can_be_done_with_an_erased_clients_appointment_is_offered(tenant: Tenant) -> None:
    await left_open(tenant)
    [listed] = (await tenant.get(LIST))["items"]
    assert sorted(listed["verbs"]) == ["cancel", "complete", "confirm", "dismiss", "no_show"]


@pytest.mark.parametrize("verb", ["complete", "cancel", "dismiss", "confirm"])
async def test_a_bulk_order_with_a_reason_leaves_out_what_is_an_erased_clients(tenant: Tenant, verb: str) -> None:
    booked = await left_open(tenant)
    other = await tenant.post("/v1/clients", {"name": "Ada Lovelace"}, status=201)
    others = await tenant.book(tenant.at(11), client_id=other["id"])
    order = {"verb": verb, "ids": [booked["id"], others["id"]], "arguments": {"reason": "storm"}}
    results = (await tenant.post(f"{LIST}/bulk", order))["results"]
    assert [result["problem"] and result["problem"]["code"] for result in results] == ["client_erased", None]
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["status"] == "scheduled"


@pytest.mark.parametrize(
    ("verb", "arguments", "status", "reason"),
    [
        ("complete", {}, "completed", None),
        ("cancel", {}, "cancelled", "erased"),
        ("archive", {"cancel": {}}, "cancelled", "erased"),
    ],
)
async def test_a_bulk_order_without_a_reason_closes_what_is_an_erased_clients(
    tenant: Tenant, verb: str, arguments: Json, status: str, reason: str | None
) -> None:
    booked = await left_open(tenant)
    order = {"verb": verb, "ids": [booked["id"]], "arguments": arguments}
    [result] = (await tenant.post(f"{LIST}/bulk", order))["results"]
    closed = result["appointment"]
    assert (closed["status"], closed["cancellation_reason"]) == (status, reason)


@pytest.mark.parametrize(("verb", "arguments"), [("cancel", {}), ("archive", {"cancel": {}})])
async def test_a_bulk_order_without_a_reason_cancels_nobody_elses(tenant: Tenant, verb: str, arguments: Json) -> None:
    booked = await tenant.book(tenant.at(9))
    order = {"verb": verb, "ids": [booked["id"]], "arguments": arguments}
    [result] = (await tenant.post(f"{LIST}/bulk", order))["results"]
    assert result["problem"]["code"] == "reason_required"
    assert (await tenant.get(f"{LIST}/{booked['id']}"))["status"] == "scheduled"


@pytest.mark.parametrize("scope", ["this", "all"])
async def test_an_erased_clients_series_is_cancelled_without_a_word(tenant: Tenant, scope: str) -> None:
    series = await add(tenant, {**MONDAYS, "count": 1})
    [date] = series["occurrences"]
    tenant.now[0] = datetime.fromisoformat(date["appointment_starts_at"]) + timedelta(hours=1)
    await erase(tenant)
    body = {"scope": scope} | ({"occurs_on": date["occurs_on"]} if scope == "this" else {})
    await tenant.post(f"/v1/series/{series['id']}/cancel", body)
    if scope == "this":
        kept = await tenant.get(f"{LIST}/{date['appointment_id']}")
        assert (kept["status"], kept["cancellation_reason"]) == ("cancelled", "erased")
    else:
        assert (await tenant.get(f"/v1/series/{series['id']}"))["status"] == "cancelled"


async def test_a_series_of_anybody_else_is_cancelled_for_a_reason(tenant: Tenant) -> None:
    series = await add(tenant, {**MONDAYS, "count": 1})
    answer = await tenant.api.post(f"/v1/series/{series['id']}/cancel", json={"scope": "all"})
    assert (answer.status_code, answer.json()["code"]) == (422, "reason_required")


@pytest.mark.parametrize("verb", ["sms_staff", "email_client"])
async def test_nobody_is_written_to_about_an_erased_clients_appointment(tenant: Tenant, verb: str) -> None:
    changed = await tenant.api.patch(f"/v1/resources/{tenant.staff[0]['id']}", json={"phone": "+49 151 12345678"})
    assert changed.status_code == 200, changed.text
    booked = await left_open(tenant)
    await tenant.rows("DELETE FROM outbox RETURNING id")
    order = {"verb": verb, "ids": [booked["id"]], "arguments": {"text": WRITTEN}}
    [result] = (await tenant.post(f"{LIST}/bulk", order))["results"]
    assert result["problem"]["code"] == "client_erased"
    assert await tenant.outbox() == []


async def test_a_bulk_order_that_cancels_and_archives_writes_no_reason_about_an_erased_client(tenant: Tenant) -> None:
    booked = await left_open(tenant)
    order = {"verb": "archive", "ids": [booked["id"]], "arguments": {"cancel": {"reason": WRITTEN}}}
    [result] = (await tenant.post(f"{LIST}/bulk", order))["results"]
    assert result["problem"]["code"] == "client_erased"
    assert await rows_with(tenant, "zuse") == []


async def test_a_long_order_from_before_the_erase_writes_nothing_about_the_client(tenant: Tenant) -> None:
    """Also where it names others, for whom its reason stays."""
    other = await tenant.post("/v1/clients", {"name": "Ada Lovelace"}, status=201)
    others = await tenant.book(tenant.at(11), client_id=other["id"])
    booked = await tenant.book(tenant.at(9))
    order = BulkOrder(id=uuid4(), verb=BulkVerb.CANCEL, reason="storm")
    context = Context(
        organization_id=tenant.organization_id,
        actor=Caller(type="user", id="u"),
        cause=Cause(correlation_id="c"),
        now=tenant.now[0],
    )
    async with tenant.database.transaction(context) as session:
        await BulkStore(session).add(order, context=context, appointment_ids=[UUID(booked["id"]), UUID(others["id"])])
    tenant.now[0] = datetime.fromisoformat(tenant.at(10))
    await erase(tenant)

    async with tenant.database.system_transaction() as session:
        progress = await do_next_portion(session=session, policies=PolicyCache(), now=tenant.now[0])

    assert progress is not None
    assert (progress.succeeded, progress.refused) == (1, 1)
    results = (await tenant.get(f"/v1/bulk/{order.id}/results"))["items"]
    assert [result["problem"] and result["problem"]["code"] for result in results] == ["client_erased", None]


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "this", "notes": WRITTEN},
        {"scope": "all", "notes": WRITTEN},
        {"scope": "following", "internal_notes": WRITTEN},
        {"scope": "all", "local_time": "12:00", "reason": WRITTEN},
        {"scope": "all", "local_time": "12:00", "on_conflict": "override", "override": {"reason": WRITTEN}},
    ],
)
async def test_nothing_is_written_about_an_erased_client_by_way_of_a_series(tenant: Tenant, body: Json) -> None:
    series = await add(tenant, {**MONDAYS, "count": 1})
    tenant.now[0] = datetime.fromisoformat(series["occurrences"][0]["appointment_starts_at"]) + timedelta(hours=1)
    await erase(tenant)
    path, on = f"/v1/series/{series['id']}", series["occurrences"][0]["occurs_on"]
    assert (await tenant.get(path))["status"] == "active"
    dated = body if body["scope"] == "all" else {**body, "occurs_on": on}
    refused(await tenant.api.patch(path, json=dated))
    said = {"scope": "this", "occurs_on": on, "reason": WRITTEN}
    refused(await tenant.api.post(f"{path}/cancel", json=said))
    refused(await tenant.api.post(f"{path}/cancel", json={"scope": "all", "reason": WRITTEN}))
    assert await rows_with(tenant, "zuse") == []
    await tenant.post(f"{path}/cancel", {**said, "reason": "erased"})


async def test_an_import_is_undone_without_its_reason_where_the_client_was_erased(tenant: Tenant) -> None:
    batch_id, appointment_id = uuid4(), uuid4()
    request = AppointmentRequest.model_validate(
        {**tenant.request(tenant.at(9)), "source": "import", "batch_id": str(batch_id)}
    )
    importer = Actor(type="user", id="u")
    item = AppointmentItem(appointment_id=appointment_id, request=request)
    await answers_to(tenant, BookAppointments(actor=importer, items=(item,)))
    tenant.now[0] = datetime.fromisoformat(tenant.at(10))
    await erase(tenant)
    undo = UndoAppointments(actor=importer, batch_id=batch_id, appointment_ids=(appointment_id,), reason=WRITTEN)
    [answer] = await answers_to(tenant, undo)
    assert [item["outcome"] for item in answer["items"]] == ["done"]
    assert (await tenant.get(f"{LIST}/{appointment_id}"))["cancellation_reason"] == "erased"


Way = Callable[[Tenant, Json], Awaitable[str | None]]
"""Writes about the client of an appointment; returns the code with which that is refused."""


async def by_editing(tenant: Tenant, booked: Json) -> str | None:
    answer = await tenant.api.patch(f"{LIST}/{booked['id']}", json={"notes": WRITTEN})
    return answer.json().get("code")


async def by_completing(tenant: Tenant, booked: Json) -> str | None:
    answer = await tenant.api.post(f"{LIST}/{booked['id']}/complete", json={"internal_notes": WRITTEN})
    return answer.json().get("code")


async def by_bulk(tenant: Tenant, booked: Json) -> str | None:
    order = {"verb": "cancel", "ids": [booked["id"]], "arguments": {"reason": WRITTEN}}
    [result] = (await tenant.post(f"{LIST}/bulk", order))["results"]
    return result["problem"] and result["problem"]["code"]


async def by_command(tenant: Tenant, booked: Json) -> str | None:
    cancel = CancelAppointment(actor=Actor(type="user", id="u"), appointment_id=UUID(booked["id"]), reason=WRITTEN)
    [answer] = await answers_to(tenant, cancel)
    return answer.get("code")


async def by_the_portal(tenant: Tenant, booked: Json) -> str | None:
    api = await tenant.client_as("client", claims={"client": booked["client_id"]})
    said = {"shown_starts_at": booked["starts_at"], "reason": WRITTEN}
    answer = await api.post(f"/v1/portal/appointments/{booked['id']}/cancel", json=said)
    return answer.json().get("code")


@pytest.mark.parametrize(
    ("way", "hour", "minute"),
    [
        (by_editing, 10, 0),
        (by_completing, 10, 0),
        (by_bulk, 10, 0),
        (by_command, 10, 0),
        # What is over is no more the client's to cancel; what is under way the erase cancels.
        (by_the_portal, 9, 15),
        (by_editing, 9, 15),
    ],
)
async def test_who_waits_while_the_client_is_erased_writes_nothing_about_them_after_it(
    tenant: Tenant, way: Way, hour: int, minute: int
) -> None:
    booked = await tenant.book(tenant.at(9))
    tenant.now[0] = datetime.fromisoformat(tenant.at(hour, minute))
    async with tenant.as_owner() as owner, owner.transaction():
        # What the erase writes after it has locked the appointment.
        await owner.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        erasing = asyncio.create_task(erase(tenant))
        await until(lambda: _waiting(tenant, 1), what="the erase waits")
        writing = asyncio.ensure_future(way(tenant, booked))
        await until(lambda: _waiting(tenant, 2), what="whoever writes waits for the erase")
    await erasing
    assert await writing == "client_erased"
    assert await rows_with(tenant, "zuse") == []


async def _waiting(tenant: Tenant, at_least: int) -> bool:
    waiting = """
    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND a.datname = current_database()
    """
    async with tenant.as_owner() as other:
        count: int = await other.fetchval(waiting)
    return count >= at_least
