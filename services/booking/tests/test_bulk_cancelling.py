"""Long bulk orders that somebody stops."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from booking_fixtures import Tenant, are_waiting
from limited_callers import limited_client
from test_bulk import BULK, MOBILES, ROUTES, commands, work

from booking import worker
from booking.storage.bulk import BulkStore
from booking.storage.policies import PolicyCache
from booking.usecases.bulk import do_next_portion
from slotstream_servicekit.testing.plugin import until

pytestmark = pytest.mark.service

SMS = {"verb": "sms_client", "arguments": {"text": "We open later."}}
CONFIRM = {"verb": "confirm"}


@pytest.fixture(autouse=True)
def by_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every order is a long one, and done in portions of two."""
    monkeypatch.setattr(ROUTES, "AT_ONCE", 0)
    monkeypatch.setattr("booking.usecases.bulk.PORTION", 2)


async def ordered(tenant: Tenant, given: dict[str, Any], count: int) -> dict[str, Any]:
    """Of appointments of as many clients."""
    booked = []
    for number in range(count):
        client = await tenant.post(
            "/v1/clients", {"name": f"C{number}", "phone": f"+4915112345{number:03}"}, status=201
        )
        booked.append(await tenant.book(tenant.at(9 + number), client_id=client["id"]))
    job: dict[str, Any] = await tenant.post(BULK, {**given, "ids": [item["id"] for item in booked]}, status=202)
    return job


async def portion(tenant: Tenant) -> bool:
    return await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0])


async def cancel(tenant: Tenant, job: dict[str, Any], **more: Any) -> httpx2.Response:
    return await tenant.api.post(f"/v1/bulk/{job['id']}/cancel", **more)


async def withdrawals(tenant: Tenant) -> list[str]:
    records = [record for record in await tenant.outbox() if record["type"] == "slotstream.command.withdraw_messages"]
    assert {record["topic"] for record in records} <= {"slotstream.notifications.commands.v1"}
    return [record["payload"]["data"]["order_id"] for record in records]


async def test_no_further_portion_of_a_cancelled_order_is_done_and_what_was_done_stays(tenant: Tenant) -> None:
    job = await ordered(tenant, CONFIRM, 5)
    await portion(tenant)
    answer = await cancel(tenant, job)
    stopped = answer.json()
    assert (answer.status_code, stopped["status"], stopped["succeeded"], stopped["total"]) == (200, "cancelled", 2, 5)
    assert (stopped["cancelled_at"], stopped["cancelled_by"]) == (stopped["updated_at"], "local-user")

    assert await work(tenant) == 0
    assert await tenant.get(f"/v1/bulk/{job['id']}") == stopped
    assert len((await tenant.get(f"/v1/bulk/{job['id']}/results"))["items"]) == 2
    listed = (await tenant.get("/v1/appointments", limit=100))["items"]
    assert sorted(item["status"] for item in listed) == ["confirmed"] * 2 + ["scheduled"] * 3
    assert await withdrawals(tenant) == [], "nothing was written to anybody"


async def test_a_cancelled_message_is_withdrawn_by_the_order_that_each_of_its_commands_names(tenant: Tenant) -> None:
    job = await ordered(tenant, SMS, 5)
    await portion(tenant)
    assert (await cancel(tenant, job)).json()["status"] == "cancelled"
    assert await work(tenant) == 0
    assert [command["payload"]["data"]["order_id"] for command in await commands(tenant)] == [job["id"]] * 2
    assert await withdrawals(tenant) == [job["id"]]
    [kept] = await tenant.rows("SELECT arguments FROM bulk_jobs")
    assert kept["arguments"] == {}, "its text may be about people"


async def test_messages_of_an_order_that_cannot_be_looked_at_name_none(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ROUTES, "AT_ONCE", 1)
    await tenant.api.patch(f"/v1/clients/{tenant.client['id']}", json={"phone": MOBILES[0]})
    booked = await tenant.book(tenant.at(9))
    await tenant.post(BULK, {**SMS, "ids": [booked["id"]]})
    [command] = await commands(tenant)
    assert "order_id" not in command["payload"]["data"]


async def test_a_message_can_be_cancelled_after_all_of_it_was_asked_for(tenant: Tenant) -> None:
    """Notifications sends it over hours."""
    job = await ordered(tenant, SMS, 3)
    await work(tenant)
    stopped = (await cancel(tenant, job)).json()
    assert (stopped["status"], stopped["succeeded"]) == ("cancelled", 3)
    assert await withdrawals(tenant) == [job["id"]]


async def test_an_order_whose_appointments_are_all_changed_is_not_cancelled(tenant: Tenant) -> None:
    job = await ordered(tenant, CONFIRM, 1)
    await work(tenant)
    answer = await cancel(tenant, job)
    assert (answer.status_code, answer.json()["code"]) == (409, "bulk_finished")
    assert (await tenant.get(f"/v1/bulk/{job['id']}"))["status"] == "finished"


@pytest.mark.parametrize("given", [SMS, CONFIRM])
async def test_cancelling_twice_is_cancelling_once(tenant: Tenant, given: dict[str, Any]) -> None:
    job = await ordered(tenant, given, 3)
    first = (await cancel(tenant, job)).json()
    again = await (await tenant.client_as(subject="somebody-else")).post(f"/v1/bulk/{job['id']}/cancel")
    assert again.json() == first
    keyed = [await cancel(tenant, job, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.json() for answer in keyed] == [first, first]
    assert set(await withdrawals(tenant)) == ({job["id"]} if given is SMS else set())


async def test_a_portion_that_is_being_sent_are_waiting_and_none_comes_after_it(tenant: Tenant) -> None:
    job = await ordered(tenant, SMS, 5)
    async with tenant.database.system_transaction() as session:
        progress = await do_next_portion(session=session, policies=PolicyCache(), now=tenant.now[0])
        assert progress is not None
        cancelling = asyncio.create_task(cancel(tenant, job))
        await until(lambda: are_waiting(tenant), what="the cancel waits for the portion")
        assert not cancelling.done()
    stopped = (await cancelling).json()
    assert (stopped["status"], stopped["succeeded"]) == ("cancelled", 2)
    assert await work(tenant) == 0
    told = [record["type"].rpartition(".")[2] for record in await tenant.outbox() if "command" in record["type"]]
    assert told == ["send_message", "send_message", "withdraw_messages"]


async def test_an_order_whose_last_portion_is_being_done_is_finished_and_not_cancelled(tenant: Tenant) -> None:
    job = await ordered(tenant, CONFIRM, 2)
    async with tenant.database.system_transaction() as session:
        assert await do_next_portion(session=session, policies=PolicyCache(), now=tenant.now[0]) is not None
        cancelling = asyncio.create_task(cancel(tenant, job))
        await until(lambda: are_waiting(tenant), what="the cancel waits for the portion")
    answer = await cancelling
    assert (answer.status_code, answer.json()["code"]) == (409, "bulk_finished")
    assert (await tenant.get(f"/v1/bulk/{job['id']}"))["status"] == "finished"


async def test_a_portion_that_begins_while_the_order_is_being_cancelled_finds_nothing_to_do(tenant: Tenant) -> None:
    job = await ordered(tenant, SMS, 3)
    async with tenant.database.transaction(tenant.organization_id) as session:
        store = BulkStore(session)
        progress = await store.get(tenant.organization_id, UUID(job["id"]), lock=True)
        assert progress is not None
        await store.cancel(progress, by="u", now=tenant.now[0])
        assert not await portion(tenant)
    assert not await portion(tenant)
    assert await commands(tenant) == []


async def test_one_that_could_not_be_done_is_cancelled_and_not_tried_again(tenant: Tenant) -> None:
    job = await ordered(tenant, CONFIRM, 1)
    await tenant.rows("UPDATE bulk_jobs SET verb = 'unheard' RETURNING 1")
    await portion(tenant)
    await tenant.rows("UPDATE bulk_jobs SET verb = 'confirm' RETURNING 1")
    stopped = (await cancel(tenant, job)).json()
    assert (stopped["status"], stopped["last_failure"]) == ("cancelled", None)


async def test_who_may_not_give_an_order_may_not_cancel_it(tenant: Tenant) -> None:
    message, change = await ordered(tenant, SMS, 1), await ordered_again(tenant)
    for role in ("agent", "viewer"):
        caller = await tenant.client_as(role=role)
        for job in (message, change):
            assert (await caller.post(f"/v1/bulk/{job['id']}/cancel")).status_code == 403
    for scope, job in (("messages:send", change), ("appointments:write", message)):
        program = await tenant.client_as(role="integration", scopes=[scope])
        assert (await program.post(f"/v1/bulk/{job['id']}/cancel")).status_code == 403
    stranger = await tenant.client_as(organization=uuid4())
    for path in (f"/v1/bulk/{message['id']}/cancel", f"/v1/bulk/{uuid4()}/cancel"):
        assert (await stranger.post(path)).status_code == 404
    assert (
        await (await limited_client(tenant, "businesses")).post(f"/v1/bulk/{message['id']}/cancel")
    ).status_code == 404
    assert await withdrawals(tenant) == []
    assert {row["status"] for row in await tenant.rows("SELECT status FROM bulk_jobs")} == {"running"}


async def ordered_again(tenant: Tenant) -> dict[str, Any]:
    listed = (await tenant.get("/v1/appointments"))["items"]
    job: dict[str, Any] = await tenant.post(BULK, {**CONFIRM, "ids": [item["id"] for item in listed]}, status=202)
    return job
