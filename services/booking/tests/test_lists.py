"""Lists of appointments, as a front desk looks at them."""

import random
from typing import Any
from uuid import UUID, uuid4

import pytest
from booking_fixtures import Tenant
from sqlalchemy import text

from booking.domain.search import search_words
from booking.storage.connections import connection_of
from booking.storage.listing import AppointmentFilter, conditions_of

LIST = "/v1/appointments"


async def listed(tenant: Tenant, **params: Any) -> list[str]:
    answer = await tenant.api.get(LIST, params=params)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def a_client(tenant: Tenant, name: str, phone: str | None = None, email: str | None = None) -> dict[str, Any]:
    body = {"name": name, "phone": phone, "email": email}
    made: dict[str, Any] = await tenant.post("/v1/clients", {k: v for k, v in body.items() if v}, status=201)
    return made


async def test_each_row_shows_client_service_start_duration_status_source_and_staff(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    (row,) = (await tenant.get(LIST))["items"]
    assert row["client"] == {
        "id": tenant.client["id"],
        "name": "Grace Hopper",
        "phone": "+4930901820",
        "email": None,
    }
    assert (row["service_name"], row["status"], row["source"]) == (tenant.service["name"], "scheduled", "manual")
    assert (row["starts_at"], row["ends_at"]) == (tenant.at(9), tenant.at(9, 30))
    assert [resource["name"] for resource in row["resources"]] == ["Ada"]


async def test_every_filter_narrows_and_repeated_values_are_alternatives(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    massage = await tenant.add_service(name="Massage deluxe")
    alan = await a_client(tenant, "Alan Turing", email="alan@example.com")
    one = await tenant.book(tenant.at(9))
    two = await tenant.book(tenant.at(10), service_id=massage["id"], resource_ids=[bob["id"]])
    three = await tenant.book(tenant.at(11), client_id=alan["id"], origin={"kind": "work_order", "reference_id": "W-7"})
    await tenant.post(f"{LIST}/{two['id']}/confirm")
    for params, member in (
        ({"status": "confirmed"}, [two]),
        ({"status": ["confirmed", "scheduled"]}, [three, two, one]),
        ({"from": tenant.at(10)}, [three, two]),
        ({"to": tenant.at(10)}, [one]),
        ({"business_id": tenant.business["id"]}, [three, two, one]),
        ({"business_id": str(uuid4())}, []),
        ({"resource_id": bob["id"]}, [two]),
        ({"resource_id": [bob["id"], tenant.staff[0]["id"]]}, [three, two, one]),
        ({"service_id": massage["id"]}, [two]),
        ({"source": "manual"}, [three, two, one]),
        ({"source": "portal"}, []),
        ({"origin": "work_order"}, [three]),
        ({"client_id": alan["id"]}, [three]),
        ({"archived": "true"}, []),
        ({"sort": "starts_at"}, [one, two, three]),
        ({"id": one["id"]}, [one]),
        ({"id": [three["id"], one["id"], one["id"], str(uuid4())]}, [three, one]),
        ({"id": [one["id"], two["id"]], "status": "confirmed"}, [two]),
        ({"id": str(uuid4())}, []),
    ):
        assert await listed(tenant, **params) == [item["id"] for item in member], params


async def test_at_most_a_hundred_appointments_are_named(tenant: Tenant) -> None:
    ids = [str(uuid4()) for _ in range(101)]
    assert await listed(tenant, id=ids[:100]) == []
    for named in (ids, ["1"], ["\x00"], [""]):
        assert (await tenant.api.get(LIST, params={"id": named})).status_code == 422, named


async def test_naming_an_appointment_shows_a_limited_caller_no_more_than_asking_for_all(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    own, other = await tenant.book(tenant.at(9)), await tenant.book(tenant.at(10), resource_ids=[bob["id"]])
    tenant.api = await tenant.client_as("staff", claims={"resource": str(tenant.staff[0]["id"])})
    assert await listed(tenant, id=[own["id"], other["id"]]) == [own["id"]]
    assert await listed(tenant, id=other["id"]) == []
    assert (await tenant.get(f"{LIST}/counts", id=other["id"]))["total"] == 0


async def test_a_misspelt_filter_is_refused_and_not_ignored(tenant: Tenant) -> None:
    answer = await tenant.api.get(LIST, params={"statuss": "confirmed"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")


async def test_counts_per_status_follow_the_same_filters(tenant: Tenant) -> None:
    one = await tenant.book(tenant.at(9))
    await tenant.book(tenant.at(10))
    await tenant.post(f"{LIST}/{one['id']}/confirm")
    assert await tenant.get(f"{LIST}/counts") == {"total": 2, "by_status": {"confirmed": 1, "scheduled": 1}}
    assert (await tenant.get(f"{LIST}/counts", to=tenant.at(10)))["by_status"] == {"confirmed": 1}


@pytest.mark.parametrize(
    "query",
    [
        "hopp",
        "GRACE",
        "gra hop",
        "901820",
        "030 901820",
        "+49 30 901820",
        "0049 30/901-820",
        "+49 (0)30 901820",
        "ce@ex",
    ],
)
async def test_text_finds_clients_by_parts_of_name_phone_and_email_however_typed(tenant: Tenant, query: str) -> None:
    await tenant.api.patch(f"/v1/clients/{tenant.client['id']}", json={"email": "grace@example.com"})
    await a_client(tenant, "Alan Turing", phone="+44 20 7946 0018")
    booked = await tenant.book(tenant.at(9))
    assert await listed(tenant, q=query) == [booked["id"]]
    assert [item["id"] for item in (await tenant.get("/v1/clients", q=query))["items"]] == [tenant.client["id"]]


async def test_text_finds_services_of_the_catalogue_and_custom_ones(tenant: Tenant) -> None:
    custom = await tenant.book(tenant.at(9), service_id=None, service_name="Hot stone ritual", duration_minutes=30)
    ordinary = await tenant.book(tenant.at(10))
    assert await listed(tenant, q="stone") == [custom["id"]]
    assert await listed(tenant, q=tenant.service["name"][1:5]) == [ordinary["id"]]
    for query in ("grace stone", "stone grace", "gra stone", "sto grace"):
        assert await listed(tenant, q=query) == [custom["id"]], "all words count, in any order"
    assert await listed(tenant, q="grace nothing") == []


async def test_wildcards_in_a_text_are_ordinary_letters(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    assert await listed(tenant, q="%") == []
    assert await listed(tenant, q="gr_ce") == []


def test_numbers_in_words_and_addresses_stay_in_them() -> None:
    assert search_words("grace2@example.com room4") == ("grace2@example.com", "room4")
    assert search_words("Grace 030 90 18 20") == ("grace", "30901820")
    assert search_words("  ") == ()


async def test_pages_neither_skip_nor_repeat_while_rows_change(tenant: Tenant) -> None:
    chance = random.Random(4)
    steady = {(await tenant.book(tenant.at(hour, minute)))["id"] for hour in range(6, 12) for minute in (0, 30)}
    for sort in ("starts_at", "-starts_at"):
        seen: list[str] = []
        page = await tenant.get(LIST, limit=3, sort=sort)
        while True:
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            moving = await tenant.book(tenant.at(chance.randrange(13, 21), day=chance.randrange(2, 6)))
            await tenant.post(f"{LIST}/{moving['id']}/cancel", {"reason": "no"})
            page = await tenant.get(LIST, limit=3, sort=sort, cursor=page["next_cursor"])
        assert len(seen) == len(set(seen))
        assert steady <= set(seen)


async def test_a_cursor_of_another_order_is_refused(tenant: Tenant) -> None:
    for hour in (9, 10):
        await tenant.book(tenant.at(hour))
    cursor = (await tenant.get(LIST, limit=1, sort="starts_at"))["next_cursor"]
    answer = await tenant.api.get(LIST, params={"cursor": cursor, "sort": "-starts_at"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def plan_of(tenant: Tenant, **wanted: Any) -> str:
    """How the application's role, bound to its tenant, would read the first page."""
    async with tenant.database.transaction(tenant.organization_id) as session:
        connection = await connection_of(session)
        conditions, values = await conditions_of(connection, tenant.organization_id, AppointmentFilter(**wanted))
        rows = await connection.fetch(
            f"EXPLAIN SELECT a.* FROM appointments a WHERE {' AND '.join(conditions)}"
            " ORDER BY a.starts_at DESC, a.id DESC LIMIT 51",
            *values,
        )
    return "\n".join(row[0] for row in rows)


async def test_a_page_costs_the_same_however_many_appointments_there_are(tenant: Tenant) -> None:
    await fill(tenant, appointments=20_000, clients=5_000)
    for wanted in (
        {},
        {"status": ["scheduled"]},
        {"text": "client"},
        {"business_ids": [UUID(tenant.business["id"])], "archived": None},
    ):
        plan = await plan_of(tenant, **wanted)
        assert "Sort" not in plan, plan
        assert "Seq Scan" not in plan, plan
    plan = await plan_of(tenant, text="client 4711")
    assert "appointments_organization_id_client_id_starts_at_idx" in plan, plan
    for wanted in ({}, {"text": "client"}, {"own_resource_id": UUID(tenant.staff[0]["id"])}):
        plan = await plan_of(tenant, ids=[uuid4() for _ in range(100)], **wanted)
        assert "id = ANY" in plan.partition("Index Cond:")[2].partition("Filter:")[0], plan


async def test_a_client_is_found_by_index_among_appointments_of_custom_services_too(tenant: Tenant) -> None:
    custom = {"service_id": None, "service_name": "Hot stone ritual", "duration_minutes": 30}
    await fill(tenant, appointments=20_000, clients=5_000, **custom)
    plan = await plan_of(tenant, text="client 4711")
    assert "appointments_organization_id_client_id_starts_at_idx" in plan, plan
    assert "service_name" not in plan, plan
    assert len(await listed(tenant, q="stone")) == 50


async def test_clients_are_found_by_index_and_no_role_reads_the_index_itself(tenant: Tenant) -> None:
    await fill(tenant, appointments=0, clients=20_000)
    async with tenant.database.transaction(tenant.organization_id) as session:
        connection = await connection_of(session)
        with pytest.raises(Exception, match="permission denied"):
            async with connection.transaction():
                await connection.fetch("SELECT * FROM client_search")
        found = await connection.fetch("SELECT matching_clients('%client 4711%', ARRAY[]::text[], 10)")
    assert len(found) == 1
    async with tenant.database.transaction(uuid4()) as session:
        stranger = await connection_of(session)
        assert await stranger.fetch("SELECT matching_clients('%client 4711%', ARRAY[]::text[], 10)") == []


async def fill(tenant: Tenant, *, appointments: int, clients: int, **more: Any) -> None:
    """Rows enough for plans to matter: many clients, and copies of one appointment, for all of them in turn."""
    booked = (await tenant.book(tenant.at(9), **more))["id"]
    async with tenant.database.transaction(tenant.organization_id) as session:
        values = {"org": tenant.organization_id, "id": booked, "clients": clients, "count": appointments}
        await session.execute(
            text(
                """
                INSERT INTO clients (organization_id, id, name, consent, search, sort_name, created_at, updated_at)
                SELECT :org, gen_random_uuid(), 'Client ' || n, '{}', 'client ' || n, 'client ' || n, now(), now()
                FROM generate_series(1, :clients) AS n
                """
            ),
            values,
        )
        names = (
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'appointments' AND is_generated = 'NEVER'"
        )
        own = {"id", "client_id", "starts_at", "ends_at"}
        others = ", ".join(sorted(set((await session.scalars(text(names))).all()) - own))
        await session.execute(
            text(
                f"""
                INSERT INTO appointments (id, client_id, starts_at, ends_at, {others})
                SELECT gen_random_uuid(), c.client_id, a.starts_at + g * interval '7 minutes',
                       a.ends_at + g * interval '7 minutes', {others}
                FROM appointments a, generate_series(1, :count) AS g
                JOIN (SELECT id AS client_id, row_number() OVER () AS place FROM clients
                      WHERE organization_id = :org) AS c ON c.place = 1 + g % :clients
                WHERE a.organization_id = :org AND a.id = :id
                """
            ),
            values,
        )
    await tenant.analyse()


@pytest.mark.parametrize("path", [LIST, "/v1/appointments/counts", "/v1/appointments/export", "/v1/overrides"])
async def test_an_end_before_the_start_of_a_range_is_refused(tenant: Tenant, path: str) -> None:
    for ends in (tenant.at(8), tenant.at(9)):
        answer = await tenant.api.get(path, params={"from": tenant.at(9), "to": ends})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_range")


async def test_a_bulk_order_over_an_empty_range_is_refused(tenant: Tenant) -> None:
    filtered = {"from": tenant.at(9), "to": tenant.at(8)}
    answer = await tenant.api.post("/v1/appointments/bulk", json={"verb": "archive", "filter": filtered})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_range")
