"""Callers who are limited to businesses or to one calendar see and change nothing else, whatever the route."""

from uuid import UUID, uuid4

import pytest
from booking_fixtures import Tenant
from limited_callers import WATCHED, limited_client, outside_of, portal_probes, probes_of
from series_requests import MONDAYS, series_request

from booking.storage.tables import LIMITS, TENANT_TABLES, UNLIMITED_TABLES
from slotstream_servicekit.testing.limits import (
    KINDS,
    Kind,
    check_complete,
    check_controls,
    check_tables,
    walk,
)

pytestmark = pytest.mark.service


@pytest.mark.parametrize("kind", KINDS)
async def test_no_route_shows_or_changes_what_lies_outside(tenant: Tenant, kind: Kind) -> None:
    outside = await outside_of(tenant, kind)
    own = await tenant.book(tenant.at(9))
    actions = (await tenant.get("/v1/actions"))["items"]
    outside.appointment["action_id_known"] = actions[0]["id"]
    probes = [*probes_of(tenant, outside), *portal_probes(tenant)]
    check_complete(tenant.app, probes)
    await walk(probes, limited=outside.limited, marks=outside.marks, database=tenant.database, tables=WATCHED)
    seen = (await outside.limited.get("/v1/appointments")).json()["items"]
    assert [item["id"] for item in seen] == [own["id"]]
    await check_controls(probes, unlimited=tenant.api, marks=outside.marks)


def test_every_table_has_limits_or_a_reason_why_not() -> None:
    check_tables(LIMITS, UNLIMITED_TABLES, tables=TENANT_TABLES)


@pytest.mark.parametrize("kind", KINDS)
async def test_within_the_limits_everything_goes_on(tenant: Tenant, kind: Kind) -> None:
    await tenant.add_staff("Bob")
    limited = await limited_client(tenant, kind)
    request = tenant.request(tenant.at(9))
    booked = (await limited.post("/v1/appointments", json=request, headers={"Idempotency-Key": "a"})).json()
    again = await limited.post("/v1/appointments", json=request, headers={"Idempotency-Key": "a"})
    assert again.json() == booked
    moved = await limited.post(f"/v1/appointments/{booked['id']}/reschedule", json={"starts_at": tenant.at(10)})
    assert moved.status_code == 201, moved.text
    new = moved.json()["appointment"]
    for verb, body in (("confirm", {}), ("complete", {}), ("reopen", {}), ("cancel", {"reason": "ill"})):
        answer = await limited.post(f"/v1/appointments/{new['id']}/{verb}", json=body)
        assert answer.status_code == 200, answer.text
    history = (await limited.get(f"/v1/appointments/{new['id']}/history")).json()
    assert [entry["verb"] for entry in history["items"]] == ["create", "confirm", "complete", "reopen", "cancel"]
    series = await limited.post("/v1/series", json=series_request(tenant, {**MONDAYS, "count": 3}))
    assert series.status_code == 201, series.text
    changed = await limited.patch(f"/v1/series/{series.json()['id']}", json={"scope": "all", "local_time": "11:30"})
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_does_not_tell_again_what_its_caller_may_not_see_any_more(tenant: Tenant, kind: Kind) -> None:
    """Somebody who is limited since repeats what they did before, by the fast lane and by the slow one."""
    outside = await outside_of(tenant, kind)
    before = await tenant.client_as("manager", subject="limited")
    there = {"business_id": outside.business["id"], "service_id": outside.service["id"]}
    booking = tenant.request(tenant.at(9, day=6), **there, resource_ids=[outside.staff["id"]], notes="a secret")
    requests = (
        ("/v1/appointments", booking),
        (f"/v1/appointments/{outside.by_verb['confirm']['id']}/confirm", {}),
    )
    for path, body in requests:
        headers = {"Idempotency-Key": f"key of {path}"}
        done = await before.post(path, json=body, headers=headers)
        assert done.is_success, done.text

        repeated = await outside.limited.post(path, json=body, headers=headers)

        assert (repeated.status_code, repeated.json()["code"]) == (422, "idempotency_key_reused")
        assert not [mark for mark in outside.marks if mark in repeated.text]


async def test_a_caller_limited_to_no_business_sees_nothing(tenant: Tenant) -> None:
    await tenant.book(tenant.at(9))
    nobody = await tenant.client_as("manager", claims={"businesses": []})
    assert (await nobody.get("/v1/appointments")).json()["items"] == []
    assert (await nobody.get("/v1/businesses")).json()["items"] == []


async def test_limits_end_with_their_transaction(tenant: Tenant) -> None:
    """The pool has few connections: those that a limited caller used are used by others."""
    outside = await outside_of(tenant, "businesses")
    for _ in range(3):
        assert (await outside.limited.get(f"/v1/appointments/{outside.appointment['id']}")).status_code == 404
        assert (await tenant.api.get(f"/v1/appointments/{outside.appointment['id']}")).status_code == 200


async def test_the_database_itself_refuses_rows_of_another_business(tenant: Tenant) -> None:
    """Whatever a use case forgets."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    from slotstream_servicekit.http import Principal
    from slotstream_servicekit.http.rights import Role

    booked = await tenant.book(tenant.at(9))
    limited = Principal(
        subject="x",
        organization_id=tenant.organization_id,
        role=Role.MANAGER,
        business_ids=frozenset([UUID(tenant.business["id"])]),
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        async with tenant.database.transaction(limited) as session:
            await session.execute(
                text("UPDATE appointments SET business_id = :other WHERE id = :id"),
                {"other": uuid4(), "id": UUID(booked["id"])},
            )
