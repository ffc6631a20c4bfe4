"""Clients: one person, one record, whichever way they came; and nothing of them once they are forgotten."""

import json
from typing import Any
from uuid import uuid4

import pytest
from booking_fixtures import Tenant

CLIENTS = "/v1/clients"


async def a_client(tenant: Tenant, name: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await tenant.post(CLIENTS, {"name": name, **more}, status=201)
    return made


@pytest.mark.parametrize(
    "details",
    [
        {"phone": "030 901820", "phone_region": "DE"},
        {"phone": "+49 (30) 90 18 20"},
        {"email": "GRACE@example.com"},
        {"phone": "+44 20 7946 0018", "email": "grace@example.com"},
    ],
)
async def test_a_duplicate_by_phone_or_email_is_answered_with_the_client_there_is(
    tenant: Tenant, details: dict[str, str]
) -> None:
    await tenant.api.patch(f"{CLIENTS}/{tenant.client['id']}", json={"email": "grace@example.com"})
    answer = await tenant.api.post(CLIENTS, json={"name": "G. Hopper", **details})
    assert (answer.status_code, answer.json()["id"]) == (200, tenant.client["id"])
    booked = await tenant.book(tenant.at(9), client_id=None, client={"name": "G. Hopper", "phone": "+49 30 901820"})
    assert booked["client_id"] == tenant.client["id"]


async def test_a_client_cannot_be_changed_into_the_duplicate_of_another(tenant: Tenant) -> None:
    other = await a_client(tenant, "Alan", phone="+44 20 7946 0018")
    answer = await tenant.api.patch(f"{CLIENTS}/{other['id']}", json={"phone": "+49 30 901820"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "duplicate_client")
    assert problem["reasons"][0]["conflicts_with"] == [tenant.client["id"]]


async def test_a_clients_page_shows_counts_by_status_and_the_nearest_active_appointment(tenant: Tenant) -> None:
    actions = (await tenant.get("/v1/actions"))["items"]
    late = await tenant.book(tenant.at(15))
    near = await tenant.book(tenant.at(10), action_id=actions[0]["id"])
    gone = await tenant.book(tenant.at(9))
    await tenant.post(f"/v1/appointments/{gone['id']}/cancel", {"reason": "ill"})
    await tenant.post(f"/v1/appointments/{late['id']}/confirm")
    page = await tenant.get(f"{CLIENTS}/{tenant.client['id']}")
    assert page["appointments"] == {"scheduled": 1, "confirmed": 1, "cancelled": 1}
    nearest = page["nearest_appointment"]
    assert (nearest["id"], nearest["starts_at"], nearest["action_name"]) == (
        near["id"],
        tenant.at(10),
        actions[0]["name"],
    )


async def test_a_client_without_active_appointments_has_no_nearest_one(tenant: Tenant) -> None:
    assert (await tenant.get(f"{CLIENTS}/{tenant.client['id']}"))["nearest_appointment"] is None


async def test_a_merged_duplicates_appointments_are_those_of_the_client_it_stands_for(tenant: Tenant) -> None:
    double = await a_client(tenant, "Grace H.", email="grace@example.com")
    await tenant.book(tenant.at(9))
    theirs = await tenant.book(tenant.at(10), client_id=double["id"])
    kept = await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": tenant.client["id"]})
    assert (kept["id"], kept["email"]) == (tenant.client["id"], "grace@example.com")
    page = await tenant.get(f"{CLIENTS}/{tenant.client['id']}")
    assert page["appointments"] == {"scheduled": 2}
    listed = (await tenant.get("/v1/appointments", client_id=tenant.client["id"]))["items"]
    assert theirs["id"] in {one["id"] for one in listed}
    assert [one["id"] for one in (await tenant.get(CLIENTS, q="grace"))["items"]] == [tenant.client["id"]]
    states = [one for one in await tenant.outbox() if one["key"] == double["id"]]
    assert states[-1]["payload"]["data"]["merged_into"] == tenant.client["id"]


async def test_nobody_books_for_a_client_who_was_merged_away(tenant: Tenant) -> None:
    double = await a_client(tenant, "Grace H.")
    await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": tenant.client["id"]})
    answer = await tenant.api.post("/v1/appointments", json=tenant.request(tenant.at(9), client_id=double["id"]))
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_client")


async def test_consent_is_kept_as_it_was_given_none_included(tenant: Tenant) -> None:
    none = await a_client(tenant, "No", consent=[])
    some = await a_client(tenant, "Mail", consent=["email"])
    assert (none["consent"], some["consent"]) == ([], ["email"])
    changed = await tenant.api.patch(f"{CLIENTS}/{some['id']}", json={"consent": ["email", "sms"]})
    assert changed.json()["consent"] == ["email", "sms"]
    states = [one["payload"]["data"]["consent"] for one in await tenant.outbox() if one["key"] == some["id"]]
    assert states == [["email"], ["email", "sms"]]


async def test_an_erased_client_is_forgotten_everywhere_and_the_topic_gets_a_tombstone(tenant: Tenant) -> None:
    key = {"Idempotency-Key": "k"}
    answer = await tenant.api.post(CLIENTS, json={"name": "Zuse Konrad", "phone": "+49 30 901821"}, headers=key)
    client = answer.json()
    double = await a_client(tenant, "Zuse K.", email="zuse@example.com")
    booked = await tenant.book(tenant.at(9), client_id=client["id"], notes="Zuse likes tea", internal_notes="Zuse!")
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"notes": "Zuse likes coffee"})
    await tenant.post(f"{CLIENTS}/{double['id']}/merge", {"into": client["id"]})
    await tenant.rows("DELETE FROM outbox RETURNING id")
    assert (await tenant.api.post(f"{CLIENTS}/{client['id']}/erase")).status_code == 204
    tombstones = await tenant.outbox()
    assert {one["key"] for one in tombstones} == {client["id"], double["id"]}
    assert [one["payload"] for one in tombstones] == [None, None]
    for table in ("clients", "appointments", "history", "idempotency_keys"):
        rows = await tenant.rows(f"SELECT t::text AS row FROM {table} AS t")
        assert rows, table
        for row in rows:
            assert "zuse" not in row["row"].lower(), table
            assert b"Zuse".hex() not in row["row"], table
            assert "901821" not in row["row"], table
    assert (await tenant.get(CLIENTS, q="zuse"))["items"] == []
    assert (await tenant.get("/v1/appointments", q="zuse"))["items"] == []
    assert (await tenant.api.get(f"{CLIENTS}/{client['id']}")).status_code == 404
    kept = await tenant.get(f"/v1/appointments/{booked['id']}")
    assert (kept["client_id"], kept["client"]["name"], kept["notes"]) == (client["id"], "", None)


async def test_appointment_events_name_no_client_and_quote_no_notes(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), notes="allergic to nuts", internal_notes="pays late")
    await tenant.api.patch(f"/v1/appointments/{booked['id']}", json={"notes": "allergic to milk"})
    said = json.dumps([one["payload"] for one in await tenant.outbox() if "appointment" in one["topic"]])
    for personal in ("Grace", "901820", "allergic", "pays late"):
        assert personal not in said


async def test_internal_notes_are_seen_by_staff_and_not_by_agents_or_integrations(tenant: Tenant) -> None:
    booked = await tenant.book(tenant.at(9), internal_notes="difficult")
    path = f"/v1/appointments/{booked['id']}"
    staff = await tenant.client_as(role="staff")
    assert (await staff.get(path)).json()["internal_notes"] == "difficult"
    agent = await tenant.client_as(role="agent")
    integration = await tenant.client_as(role="integration", scopes=("appointments:read",))
    for caller in (agent, integration):
        for where in (path, f"{path}/history", "/v1/appointments", f"{path}?as_of={tenant.at(8, day=0)}"):
            answer = await caller.get(where)
            assert answer.status_code == 200, where
            assert "difficult" not in answer.text, where


async def test_an_action_named_while_booking_is_added_once(tenant: Tenant) -> None:
    before = {one["name"] for one in (await tenant.get("/v1/actions"))["items"]}
    assert {"Call back", "Site visit"} <= before
    first = await tenant.book(tenant.at(9), action_name="Take measurements")
    second = await tenant.book(tenant.at(10), action_name="take Measurements ")
    assert first["action_id"] == second["action_id"]
    known = await tenant.book(tenant.at(11), action_name="call back")
    assert known["action_name"] == "Call back"
    assert {one["name"] for one in (await tenant.get("/v1/actions"))["items"]} == before | {"Take measurements"}


async def test_an_appointment_says_what_it_belongs_to_in_another_system_and_its_prices(tenant: Tenant) -> None:
    origin = {"kind": "work_order", "reference_id": "W-7", "url": "https://orders.example/W-7"}
    price = {"amount": "45.00", "currency": "EUR"}
    booked = await tenant.book(tenant.at(9), origin=origin, quoted_price=price, share_with_client=False)
    assert (booked["origin"], booked["quoted_price"], booked["actual_price"]) == (origin, price, None)
    assert booked["share_with_client"] is False


async def test_clients_of_another_organization_cannot_be_read_merged_or_erased(tenant: Tenant) -> None:
    stranger = await tenant.client_as(organization=uuid4())
    path = f"{CLIENTS}/{tenant.client['id']}"
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post(f"{path}/erase")).status_code == 404
    assert (await stranger.post(f"{path}/merge", json={"into": str(uuid4())})).status_code == 404
    assert (await stranger.get(CLIENTS, params={"q": "grace"})).json()["items"] == []
