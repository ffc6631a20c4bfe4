"""What an import has booked is taken back by command, each appointment by itself."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from booking_commands import answers_to
from booking_fixtures import Tenant

from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    AppointmentItem,
    AppointmentRequest,
    BookAppointments,
    CommandSucceeded,
    ItemResult,
    RecordedStatus,
    UndoAppointments,
)

pytestmark = pytest.mark.service

IMPORTER = Actor(type="user", id="whoever-confirmed")


async def booked(tenant: Tenant, batch_id: UUID, statuses: Sequence[RecordedStatus], *, day: int = 1) -> list[UUID]:
    """An hour each; what is over was at the same hour a year ago."""
    items = [
        AppointmentItem(
            appointment_id=uuid4(),
            request=AppointmentRequest(
                business_id=tenant.business["id"],
                service_id=tenant.service["id"],
                client_id=tenant.client["id"],
                starts_at=tenant.at(9 + number, day=day)
                if status == "scheduled"
                else tenant.now[0].replace(microsecond=0) - timedelta(days=365, hours=number),
                source="import",
                batch_id=batch_id,
                status=status,
            ),
        )
        for number, status in enumerate(statuses)
    ]
    [answer] = await answers_to(tenant, BookAppointments(actor=IMPORTER, items=tuple(items)))
    assert {item.outcome for item in CommandSucceeded.model_validate(answer).items} == {"done"}
    return [item.appointment_id for item in items]


def undo(batch_id: UUID, *ids: UUID) -> UndoAppointments:
    return UndoAppointments(actor=IMPORTER, batch_id=batch_id, appointment_ids=ids, reason="wrong file")


async def answered(tenant: Tenant, *commands: UndoAppointments) -> list[list[ItemResult]]:
    answers = [CommandSucceeded.model_validate(answer) for answer in await answers_to(tenant, *commands)]
    assert [answer.batch_id for answer in answers] == [command.batch_id for command in commands]
    return [list(answer.items) for answer in answers]


def said(results: Sequence[ItemResult]) -> list[str]:
    return [result.code or result.outcome for result in results]


async def test_what_nobody_touched_goes_and_the_rest_is_refused_with_why(tenant: Tenant) -> None:
    batch, other = uuid4(), uuid4()
    ids = await booked(tenant, batch, ["scheduled"] * 4)
    [foreign] = await booked(tenant, other, ["scheduled"], day=2)
    await tenant.post(f"/v1/appointments/{ids[1]}/confirm")
    moved = await tenant.post(f"/v1/appointments/{ids[2]}/reschedule", {"starts_at": tenant.at(18)}, status=201)
    await tenant.post(f"/v1/appointments/{ids[3]}/cancel", {"reason": "ill"})

    [results] = await answered(tenant, undo(batch, *ids, foreign, uuid4()))

    expected = ["done", "changed_since", "changed_since", "already_done", "of_another_batch", "not_found"]
    assert said(results) == expected
    assert (await tenant.get(f"/v1/appointments/{ids[0]}"))["status"] == "cancelled"
    assert (await tenant.get(f"/v1/appointments/{foreign}"))["status"] == "scheduled"
    assert (await tenant.get(f"/v1/appointments/{moved['appointment']['id']}"))["status"] == "scheduled"
    holders = {row["holder_id"] for row in await tenant.rows("SELECT holder_id FROM occupancy")}
    assert holders == {ids[1], UUID(moved["appointment"]["id"]), foreign}
    history = (await tenant.get(f"/v1/appointments/{ids[0]}/history"))["items"]
    assert (history[-1]["actor"]["id"], history[-1]["reason"]) == ("whoever-confirmed", "wrong file")


async def test_undone_twice_or_by_two_commands_at_once_it_is_undone_once(tenant: Tenant) -> None:
    batch = uuid4()
    ids = await booked(tenant, batch, ["scheduled", "completed", "cancelled"])
    first, second = await answered(tenant, undo(batch, *ids), undo(batch, *reversed(ids)))
    assert (said(first), said(second)) == (["done"] * 3, ["already_done"] * 3)
    [third] = await answered(tenant, undo(batch, *ids))
    assert said(third) == ["already_done"] * 3
    versions = await tenant.rows("SELECT DISTINCT version FROM appointments")
    assert [row["version"] for row in versions] == [2]


async def test_history_that_was_brought_in_is_hidden_and_counts_as_nothing_any_more(tenant: Tenant) -> None:
    batch = uuid4()
    ids = await booked(tenant, batch, ["completed", "no_show", "cancelled"])
    await answered(tenant, undo(batch, *ids))
    for appointment_id in ids:
        shown = await tenant.get(f"/v1/appointments/{appointment_id}")
        assert (shown["status"], shown["archived"], shown["notify_client"]) == ("cancelled", True, False)
    assert (await tenant.get("/v1/appointments"))["items"] == []


async def test_another_organization_cannot_undo_it_and_is_not_told_that_it_is_there(tenant: Tenant) -> None:
    batch = uuid4()
    [appointment_id] = await booked(tenant, batch, ["scheduled"])
    own, tenant.organization_id = tenant.organization_id, uuid4()
    [results] = await answered(tenant, undo(batch, appointment_id))
    tenant.organization_id = own
    assert said(results) == ["not_found"]
    assert (await tenant.get(f"/v1/appointments/{appointment_id}"))["status"] == "scheduled"
