"""Erasing a person: what lies ahead of them ends, and nothing of them is left in any table or message."""

import asyncio
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Json, Tenant, are_waiting
from series_requests import MONDAYS, add
from sqlalchemy import text

from booking import worker
from booking.domain.bulk import BulkOrder, BulkVerb
from booking.storage.bulk import BulkStore
from booking.storage.policies import PolicyCache
from slotstream_servicekit.context import Actor, Cause, Context
from slotstream_servicekit.testing.plugin import until

CLIENTS = "/v1/clients"
ROUTES = import_module("booking.api.bulk")
TYPED = ("zuse", "901821", "likes tea")


async def a_person(tenant: Tenant) -> Json:
    made: Json = await tenant.post(
        CLIENTS,
        {"name": "Zuse Konrad", "phone": "+49 30 901821"},
        status=201,
        **{"Idempotency-Key": "adding"},
    )
    return made


async def rows_with(tenant: Tenant, *texts: str) -> list[tuple[str, str]]:
    """Every row of every table that holds one of the texts, as the owner of the database sees it."""
    found = []
    async with tenant.as_owner() as owner:
        tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (table,) in tables:
            await owner.execute("SET slotstream.organization = '*'")
            for row in await owner.fetch(f"SELECT t::text AS row FROM {table} AS t"):
                line = row["row"].lower()
                if any(part in line or part.encode().hex() in line for part in texts):
                    found.append((table, row["row"]))
    return found


async def test_nothing_of_an_erased_person_is_left_in_any_table(tenant: Tenant) -> None:
    person = await a_person(tenant)
    double = await tenant.post(CLIENTS, {"name": "Zuse K.", "email": "zuse@example.com"}, status=201)
    custom = {"service_id": None, "service_name": "Zuse's own ritual", "duration_minutes": 30}
    typed = {"notes": "Zuse likes tea", "internal_notes": "Zuse!", "external_id": "zuse-1"}
    origin = {"kind": "work_order", "reference_id": "zuse-7", "url": "https://crm.example/zuse"}
    booked = await tenant.post(
        "/v1/appointments",
        tenant.request(tenant.at(9), client_id=person["id"], origin=origin, **custom, **typed),
        status=201,
        **{"Idempotency-Key": "booking"},
    )
    forced = tenant.request(tenant.at(9), client_id=person["id"], override={"reason": "Zuse insists"})
    await tenant.post("/v1/appointments", forced, status=201)
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"notes": "Zuse likes coffee"})
    bulk = {"verb": "cancel", "ids": [booked["id"]], "arguments": {"reason": "Zuse is ill"}}
    await tenant.post("/v1/appointments/bulk", bulk, **{"Idempotency-Key": "cancelling"})
    await add(tenant, {**MONDAYS, "count": 2}, client_id=person["id"], notes="Zuse again")
    await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": person["id"]})
    assert {table for table, _ in await rows_with(tenant, *TYPED)} >= {
        "appointments",
        "client_search",
        "clients",
        "history",
        "idempotency_keys",
        "overrides",
        "series",
    }

    await tenant.rows("DELETE FROM outbox RETURNING id")
    await tenant.post(f"{CLIENTS}/{person['id']}/erase", {"open_appointments": "cancel"}, status=204)

    assert await rows_with(tenant, *TYPED) == []
    tombstones = [record for record in await tenant.outbox() if record["payload"] is None]
    assert {record["key"] for record in tombstones} == {person["id"], double["id"]}
    states = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.state"]
    assert booked["id"] in {record["key"] for record in states}, "the compacted topic forgets what was typed"
    assert (await tenant.get(CLIENTS, q="zuse"))["items"] == []
    assert (await tenant.get("/v1/appointments", q="zuse"))["items"] == []
    assert (await tenant.api.get(f"{CLIENTS}/{person['id']}")).status_code == 404
    kept = await tenant.get(f"/v1/appointments/{booked['id']}")
    assert (kept["client_id"], kept["client"]["name"], kept["notes"]) == (person["id"], "", None)


async def test_what_lies_ahead_of_a_client_is_in_the_way_of_erasing_them(tenant: Tenant) -> None:
    person = await a_person(tenant)
    booked = await tenant.book(tenant.at(9), client_id=person["id"])
    series = await add(tenant, {**MONDAYS, "count": 2}, client_id=person["id"])
    answer = await tenant.api.post(f"{CLIENTS}/{person['id']}/erase")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "client_has_appointments")
    named = {reason["code"]: reason["conflicts_with"] for reason in problem["reasons"]}
    assert booked["id"] in named["open_appointments"]
    assert named["active_series"] == [series["id"]]
    assert (await tenant.get(f"{CLIENTS}/{person['id']}"))["name"] == "Zuse Konrad"


async def test_erasing_cancels_what_lies_ahead_where_the_caller_says_so_and_tells_the_client_nothing(
    tenant: Tenant,
) -> None:
    person = await a_person(tenant)
    booked = await tenant.book(tenant.at(9), client_id=person["id"])
    series = await add(tenant, {**MONDAYS, "count": 2}, client_id=person["id"])
    await tenant.post(f"{CLIENTS}/{person['id']}/erase", {"open_appointments": "cancel"}, status=204)
    cancelled = await tenant.get(f"/v1/appointments/{booked['id']}")
    assert (cancelled["status"], cancelled["notify_client"]) == ("cancelled", False)
    assert (await tenant.get(f"/v1/series/{series['id']}"))["status"] == "cancelled"
    await tenant.book(tenant.at(9))


async def test_a_client_with_a_past_alone_is_erased_at_once(tenant: Tenant) -> None:
    person = await a_person(tenant)
    booked = await tenant.book(tenant.at(9), client_id=person["id"])
    await tenant.post(f"/v1/appointments/{booked['id']}/complete")
    await tenant.post(f"{CLIENTS}/{person['id']}/erase", status=204)
    assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["status"] == "completed"


async def test_erasing_is_for_managers_and_of_the_version_they_saw(tenant: Tenant) -> None:
    person = await a_person(tenant)
    path = f"{CLIENTS}/{person['id']}/erase"
    for role in ("staff", "viewer", "agent"):
        assert (await (await tenant.client_as(role=role)).post(path)).status_code == 403
    stale = await tenant.api.post(path, headers={"If-Match": '"9"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    manager = await tenant.client_as(role="manager")
    headers = {"If-Match": '"1"', "Idempotency-Key": "erase"}
    first, second = [await manager.post(path, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (204, 204)
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_merged_id_erases_the_person(tenant: Tenant) -> None:
    person = await a_person(tenant)
    double = await tenant.post(CLIENTS, {"name": "Zuse K."}, status=201)
    await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": person["id"]})
    await tenant.post(f"{CLIENTS}/{double['id']}/erase", status=204)
    assert await rows_with(tenant, *TYPED) == []


async def corrected(tenant: Tenant, person: Json) -> Json:
    """An appointment that was the person's with all that can be typed, and turned out to be somebody else's."""
    custom = {"service_id": None, "service_name": "Zuse's own ritual", "duration_minutes": 30}
    typed = {"notes": "Zuse likes tea", "internal_notes": "call +4930901821", "external_id": "ext-1"}
    place = {"kind": "client_address", "text": "Zuse's home"}
    booked = await tenant.book(tenant.at(9), client_id=person["id"], location=place, **custom, **typed)
    path = f"/v1/appointments/{booked['id']}"
    await tenant.api.patch(path, json={"notes": "Zuse likes coffee"})
    forced = {"duration_minutes": 45, "override": {"reason": "Zuse insists"}}
    await tenant.book(tenant.at(9, 30))
    assert (await tenant.api.patch(path, json=forced)).status_code == 200
    corrected = {"client_id": tenant.client["id"], "notes": "likes milk, says Zuse"}
    assert (await tenant.api.patch(path, json=corrected)).status_code == 200
    answer = await tenant.post(f"{path}/reschedule", {"starts_at": tenant.at(15), "reason": "ask Zuse"}, status=201)
    return answer["appointment"]


async def test_an_appointment_that_was_a_clients_by_mistake_forgets_them_when_they_are_erased(tenant: Tenant) -> None:
    person = await a_person(tenant)
    double = await tenant.post(CLIENTS, {"name": "Zuse K.", "email": "zuse@example.com"}, status=201)
    theirs_now = await corrected(tenant, person)
    await tenant.post(f"{CLIENTS}/{person['id']}/merge", {"into": double["id"]})
    await tenant.rows("DELETE FROM outbox RETURNING id")

    await tenant.post(f"{CLIENTS}/{double['id']}/erase", status=204)

    assert await rows_with(tenant, *TYPED, "likes coffee") == []
    kept = await tenant.get(f"/v1/appointments/{theirs_now['id']}")
    assert (kept["status"], kept["client_id"], kept["external_id"]) == ("scheduled", tenant.client["id"], "ext-1")
    assert (kept["notes"], kept["location"]["text"]) == ("likes milk, says …", "…'s home")
    states = [record for record in await tenant.outbox() if record["type"] == "slotstream.appointment.state"]
    assert {record["key"] for record in states} == {theirs_now["id"], theirs_now["rescheduled_from"]}


async def test_an_appointment_that_is_a_clients_by_correction_forgets_all_when_they_are_erased(tenant: Tenant) -> None:
    person = await a_person(tenant)
    await corrected(tenant, person)
    await tenant.post(f"{CLIENTS}/{tenant.client['id']}/erase", {"open_appointments": "cancel"}, status=204)
    found = await rows_with(tenant, "likes", "insists", "ritual", "home", "ask zuse")
    assert [row for row in found if row[0] != "outbox"] == []


async def test_whoever_does_not_see_what_was_theirs_by_mistake_does_not_erase_the_person(tenant: Tenant) -> None:
    person = await a_person(tenant)
    bob = await tenant.add_staff("Bob")
    booked = await tenant.book(tenant.at(9), client_id=person["id"], resource_ids=[bob["id"]])
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"client_id": tenant.client["id"]})
    limited = await tenant.client_as("manager", claims={"resource": tenant.staff[0]["id"]})
    answer = await limited.post(f"{CLIENTS}/{person['id']}/erase")
    assert (answer.status_code, answer.json()["code"]) == (403, "outside_your_calendar")


@pytest.mark.parametrize("path", ["erase", "merge"])
async def test_clients_of_another_organization_are_not_found(tenant: Tenant, path: str) -> None:
    stranger = await tenant.client_as(organization=uuid4())
    body: Any = {"into": str(uuid4())} if path == "merge" else {}
    assert (await stranger.post(f"{CLIENTS}/{tenant.client['id']}/{path}", json=body)).status_code == 404


async def test_whoever_holds_an_appointment_does_not_wait_for_the_erase_that_waits_for_it(tenant: Tenant) -> None:
    """A move holds its appointment and refers to the client; an erase holds the client and changes the appointment."""
    person = await a_person(tenant)
    booked = await tenant.post("/v1/appointments", tenant.request(tenant.at(9), client_id=person["id"]), status=201)
    async with tenant.as_owner() as owner:
        await owner.execute("SET slotstream.organization = '*'")
        await owner.execute("SET lock_timeout = '5s'")
        async with owner.transaction():
            await owner.execute("SELECT 1 FROM appointments WHERE id = $1 FOR UPDATE", UUID(booked["id"]))
            path = f"{CLIENTS}/{person['id']}/erase"
            erasing = asyncio.create_task(tenant.post(path, {"open_appointments": "cancel"}, status=204))
            await until(lambda: are_waiting(tenant), what="the erase waits for the appointment")
            await owner.execute("SELECT 1 FROM clients WHERE id = $1 FOR KEY SHARE", UUID(person["id"]))
        await erasing


async def test_a_person_and_their_duplicates_are_erased_by_many_at_once_and_once(tenant: Tenant) -> None:
    person = await a_person(tenant)
    doubles = [await tenant.post(CLIENTS, {"name": f"Zuse {number}"}, status=201) for number in range(6)]
    for double in doubles:
        await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": person["id"]})

    answers = await asyncio.gather(
        *(
            tenant.api.post(f"{CLIENTS}/{client['id']}/erase", json={"open_appointments": "cancel"})
            for client in (person, *doubles)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [204, *[404] * len(doubles)]


@pytest.mark.parametrize(("others", "left"), [(True, "… cannot come, tell …."), (False, "erased")])
async def test_what_is_said_with_a_running_order_forgets_the_person_and_goes_on_for_the_others(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, others: bool, left: str
) -> None:
    monkeypatch.setattr(ROUTES, "AT_ONCE", 1)
    person = await a_person(tenant)
    theirs = [await tenant.book(tenant.at(9 + number), client_id=person["id"]) for number in range(2)]
    more = [await tenant.book(tenant.at(12))] if others else []
    body = {
        "verb": "cancel",
        "ids": [booked["id"] for booked in (*theirs, *more)],
        "arguments": {"reason": "Zuse cannot come, tell +4930901821."},
    }
    job = await tenant.post("/v1/appointments/bulk", body, status=202)

    await tenant.post(f"{CLIENTS}/{person['id']}/erase", {"open_appointments": "cancel"}, status=204)

    [running] = await tenant.rows("SELECT arguments, status FROM bulk_jobs")
    assert (running["arguments"]["reason"], running["status"]) == (left, "running")
    assert await rows_with(tenant, "zuse", "901821") == []
    assert await worker.do_one_portion(tenant.database, PolicyCache(), lambda: tenant.now[0])
    finished = await tenant.get(f"/v1/bulk/{job['id']}")
    assert (finished["status"], finished["succeeded"]) == ("finished", len(more))
    for booked in more:
        assert (await tenant.get(f"/v1/appointments/{booked['id']}"))["status"] == "cancelled"


async def test_an_erase_waits_for_the_portion_that_is_being_done_and_not_in_a_circle(tenant: Tenant) -> None:
    person = await a_person(tenant)
    booked = await tenant.book(tenant.at(9), client_id=person["id"])
    async with tenant.database.transaction(tenant.organization_id) as session:
        await BulkStore(session).add(
            BulkOrder(id=uuid4(), verb=BulkVerb.CANCEL, reason="Zuse"),
            context=Context(
                organization_id=tenant.organization_id,
                actor=Actor(type="user", id="u"),
                cause=Cause(correlation_id="c"),
                now=tenant.now[0],
            ),
            appointment_ids=[UUID(booked["id"])],
        )
    async with tenant.database.system_transaction() as session:
        job = await BulkStore(session).next_job(now=tenant.now[0])
        path = f"{CLIENTS}/{person['id']}/erase"
        erasing = asyncio.create_task(tenant.post(path, {"open_appointments": "cancel"}, status=204))
        await until(lambda: are_waiting(tenant), what="the erase waits for the portion")
        await session.execute(text("SELECT 1 FROM appointments WHERE id = :id FOR UPDATE"), {"id": UUID(booked["id"])})
        assert job is not None
    await erasing
    assert await rows_with(tenant, "zuse", "901821") == []
