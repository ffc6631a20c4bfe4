"""Notice and reschedule policies: clients and agents keep to them, staff go beyond with a reason on record."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from booking_fixtures import Tenant

from booking.storage.policies import PolicyCache
from booking.usecases.commands import ReceivedCommand, answer_commands
from slotstream_contracts.base import Actor
from slotstream_contracts.commands import (
    CancelAppointment,
    Command,
    RescheduleAppointment,
)
from slotstream_servicekit.context import Cause

pytestmark = pytest.mark.service


async def ask(tenant: Tenant, *commands: Command) -> list[dict[str, Any]]:
    """The results of commands, as booking answers them."""
    asked = [
        ReceivedCommand(
            id=uuid4(),
            type=str(item.type),  # type: ignore[attr-defined]  # each command has one
            organization_id=tenant.organization_id,
            key="k",
            sent_at=tenant.now[0],
            command=item,
            cause=Cause(correlation_id="c"),
        )
        for item in commands
    ]
    async with tenant.database.system_transaction() as session:
        await answer_commands(session=session, policies=PolicyCache(), commands=asked, now=tenant.now[0])
    rows = {row["command_id"]: row for row in await tenant.rows("SELECT command_id, type, data FROM command_results")}
    return [{"type": rows[item.id]["type"], **rows[item.id]["data"]} for item in asked]


async def test_clients_keep_to_the_cancellation_notice(tenant: Tenant) -> None:
    service = await tenant.add_service(cancellation_notice_minutes=24 * 60)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    client = Actor(type="client", id=tenant.client["id"])
    cancelling = CancelAppointment(actor=client, appointment_id=booked["id"], reason="changed my mind")
    tenant.now[0] = datetime.fromisoformat(tenant.at(9)) - timedelta(hours=23)

    [refused] = await ask(tenant, cancelling)
    assert refused["code"] == "notice_passed"

    tenant.now[0] -= timedelta(hours=2)
    [done] = await ask(tenant, cancelling)
    assert done["appointment"]["status"] == "cancelled"


async def test_agents_keep_to_the_reschedule_notice_and_to_how_often(tenant: Tenant) -> None:
    service = await tenant.add_service(reschedule_notice_minutes=60, max_reschedules=1)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    agent = await tenant.client_as("agent")

    once = await agent.post(f"/v1/appointments/{booked['id']}/reschedule", json={"starts_at": tenant.at(11)})
    new = once.json()["appointment"]
    assert (once.status_code, new["reschedule_count"]) == (201, 1)
    twice = await agent.post(f"/v1/appointments/{new['id']}/reschedule", json={"starts_at": tenant.at(13)})
    assert (twice.status_code, twice.json()["code"]) == (409, "too_many_reschedules")

    other = await tenant.book(tenant.at(15), service_id=service["id"])
    tenant.now[0] = datetime.fromisoformat(tenant.at(14, 30))
    late = await agent.post(f"/v1/appointments/{other['id']}/reschedule", json={"starts_at": tenant.at(16)})
    assert (late.status_code, late.json()["code"]) == (409, "notice_passed")


async def test_staff_go_beyond_a_policy_only_with_a_reason_and_it_is_a_record(tenant: Tenant) -> None:
    service = await tenant.add_service(reschedule_notice_minutes=48 * 60, cancellation_notice_minutes=48 * 60)
    booked = await tenant.book(tenant.at(9), service_id=service["id"])
    path = f"/v1/appointments/{booked['id']}/reschedule"

    bare = await tenant.api.post(path, json={"starts_at": tenant.at(11)})
    assert (bare.status_code, bare.json()["code"]) == (409, "notice_passed")
    moved = await tenant.post(path, {"starts_at": tenant.at(11), "reason": "the client called"}, status=201)
    await tenant.post(f"/v1/appointments/{moved['appointment']['id']}/cancel", {"reason": "the client is ill"})

    records = (await tenant.get("/v1/overrides"))["items"]
    assert [(record["verb"], record["reason"], record["rules"]) for record in records] == [
        ("cancel", "the client is ill", ["notice_passed"]),
        ("reschedule", "the client called", ["notice_passed"]),
    ]
    assert {record["actor_type"] for record in records} == {"user"}


async def test_a_reschedule_works_once(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9))
    client = Actor(type="client", id=tenant.client["id"])
    moves = [
        RescheduleAppointment(
            actor=client, appointment_id=booked["id"], new_appointment_id=uuid4(), starts_at=tenant.at(hour)
        )
        for hour in (11, 13)
    ]

    first, second = await ask(tenant, *moves)

    assert first["type"] == "slotstream.command.succeeded"
    assert second["code"] == "invalid_transition"
    assert len(await tenant.rows("SELECT 1 FROM occupancy")) == 1


async def test_overrides_are_listed_by_who_why_which_rules_and_which_appointments(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    first = await tenant.book(tenant.at(9))
    forced = []
    for number in range(3):
        tenant.now[0] += timedelta(minutes=1)
        forced.append((await tenant.book(tenant.at(9, 5 + number), override={"reason": f"why {number}"}))["id"])
    tenant.now[0] += timedelta(minutes=1)
    at_night = await tenant.book(tenant.at(2), resource_ids=[bob["id"]], override={"reason": "night shift"})
    other = await tenant.client_as("staff", subject="dora")
    request = tenant.request(tenant.at(3), resource_ids=[bob["id"]], override={"reason": "night shift too"})
    tenant.now[0] += timedelta(minutes=1)
    doras = (await other.post("/v1/appointments", json=request)).json()["id"]

    async def listed(**params: Any) -> list[str]:
        page = await tenant.get("/v1/overrides", **params)
        return [item["appointment_id"] for item in page["items"]]

    assert await listed() == [doras, at_night["id"], *forced[::-1]]
    assert await listed(rule="outside_working_hours") == [doras, at_night["id"]]
    assert await listed(actor_id="dora") == [doras]
    assert await listed(appointment_id=first["id"]) == forced[::-1], "by what was in the way"
    assert await listed(appointment_id=forced[2]) == [forced[2]]
    assert await listed(resource_id=bob["id"]) == [doras, at_night["id"]]
    assert await listed(business_id=str(uuid4())) == []
    assert await listed(to=(tenant.now[0] - timedelta(minutes=2)).isoformat()) == [forced[1], forced[0]]
    page = await tenant.get("/v1/overrides", limit=2)
    rest = await tenant.get("/v1/overrides", limit=9, cursor=page["next_cursor"])
    assert [item["appointment_id"] for item in page["items"] + rest["items"]] == await listed()
    stranger = await tenant.client_as(organization=uuid4())
    assert (await stranger.get("/v1/overrides")).json()["items"] == []
