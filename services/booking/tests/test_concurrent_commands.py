"""Batches of commands that are worked through at once: none waits for another in a circle."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from booking_commands import received, work_through
from booking_fixtures import Tenant, are_waiting
from test_batch_commands import booking, item

from booking.consumers import on_booking_commands
from booking.storage.policies import PolicyCache
from booking.usecases.commands import answering
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import ConfirmAppointment
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

SYSTEM = Actor(type="system", id="imports")


def confirming(appointment_id: Any) -> ConfirmAppointment:
    return ConfirmAppointment(actor=SYSTEM, appointment_id=UUID(str(appointment_id)))


async def test_batches_that_go_on_from_slot_to_slot_in_opposite_orders_do_not_deadlock(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pauses where it holds the slot that the other one wants next."""
    known: dict[str, Any] = {"client": None, "client_id": tenant.client["id"]}
    confirmed = [await tenant.book(tenant.at(hour, day=3)) for hour in (9, 10)]
    arrived, go_on, verbs = [], asyncio.Event(), answering._STEPS[ConfirmAppointment]

    async def pausing(*given: Any) -> Any:
        arrived.append(given)
        await go_on.wait()
        return await verbs(*given)

    monkeypatch.setitem(answering._STEPS, ConfirmAppointment, pausing)

    async def batch(first: int, between: str, last: int) -> None:
        commands = [booking(item(tenant, first, **known)), confirming(between), booking(item(tenant, last, **known))]
        async with tenant.database.system_transaction() as session:
            await work_through(session, tenant, commands)

    both = asyncio.gather(batch(14, confirmed[0]["id"], 15), batch(15, confirmed[1]["id"], 14))

    async def they_meet() -> bool:
        return len(arrived) == 2 or (len(arrived) == 1 and await are_waiting(tenant))

    await until(they_meet, what="one waits for the other, or both are where they hold a slot")
    go_on.set()
    await both
    assert len(await tenant.rows("SELECT id FROM appointments WHERE source = 'import'")) == 2


async def test_a_batch_takes_nothing_of_an_organization_while_it_waits_for_one_that_comes_before(
    tenant: Tenant,
) -> None:
    """In whatever order the records of a batch are: another batch takes them in the same one."""
    other = await tenant.another()
    first, second = sorted([tenant, other], key=lambda one: one.organization_id)
    waited_for = await first.book(first.at(9))
    batch = [
        received(second, booking(item(second, 14))),
        received(first, confirming(waited_for["id"])),
    ]

    async def work() -> None:
        async with tenant.database.system_transaction() as session:
            await on_booking_commands(PolicyCache(), lambda: tenant.now[0])(session, batch)

    async with tenant.as_owner() as owner, owner.transaction():
        await owner.execute("SELECT set_config('slotstream.organization', '*', true)")
        await owner.execute("SELECT 1 FROM appointments WHERE id = $1 FOR UPDATE", UUID(waited_for["id"]))
        working = asyncio.create_task(work())
        await until(lambda: are_waiting(tenant), what="the batch waits")
        booked = await asyncio.wait_for(second.book(second.at(14), resource_ids=[second.staff[0]["id"]]), timeout=30)
        assert not working.done()
    await working
    listed = (await second.get("/v1/appointments"))["items"]
    assert [appointment["id"] for appointment in listed] == [booked["id"]]
    assert (await first.get(f"/v1/appointments/{waited_for['id']}"))["status"] == "confirmed"


async def test_batches_of_one_step_do_not_wait_for_each_other(tenant: Tenant) -> None:
    known: dict[str, Any] = {"client": None, "client_id": tenant.client["id"]}
    async with tenant.database.system_transaction() as one, tenant.database.system_transaction() as two:
        await work_through(one, tenant, [booking(item(tenant, 9))])
        await asyncio.wait_for(work_through(two, tenant, [booking(item(tenant, 11, **known))]), timeout=30)
