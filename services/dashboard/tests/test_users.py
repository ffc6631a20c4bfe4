"""Users and API clients as owners manage them; and what no owner of another organization reaches."""

import asyncio
from uuid import uuid4

import pytest
from dashboard_tenant import OWNER, Tenant
from sqlalchemy import text

from dashboard.storage import schema

pytestmark = pytest.mark.service


async def test_only_owners_manage_users_and_clients_and_read_the_audit_trail(tenant: Tenant) -> None:
    for role in ("manager", "staff", "viewer", "agent", "integration"):
        for path in ("/v1/users", "/v1/api-clients", "/v1/audit"):
            assert (await tenant.api(role=role).get(path)).status_code == 403
    assert (await tenant.browser().get("/v1/users")).status_code == 401


async def test_another_organizations_users_do_not_exist_here(tenant: Tenant) -> None:
    user, _ = await tenant.invited("ada@example.com")
    client = (await tenant.api().post("/v1/api-clients", json={"name": "POS", "role": "agent"})).json()
    stranger = tenant.api(organization_id=uuid4())
    before = await _audit(tenant)

    answers = [
        await stranger.get(f"/v1/users/{user['id']}"),
        await stranger.patch(f"/v1/users/{user['id']}", json={"role": "owner"}),
        await stranger.delete(f"/v1/users/{user['id']}"),
        await stranger.post(f"/v1/users/{user['id']}/invitation"),
        await stranger.get(f"/v1/api-clients/{client['id']}"),
        await stranger.patch(f"/v1/api-clients/{client['id']}", json={"active": False}),
        await stranger.post(f"/v1/api-clients/{client['id']}/rotate", json={}),
        await stranger.delete(f"/v1/api-clients/{client['id']}"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert (await stranger.get("/v1/users")).json()["items"] == []
    assert (await stranger.get("/v1/audit")).json()["items"] == []
    taken = await stranger.post(
        "/v1/users", json={"id": user["id"], "email": "x@example.com", "name": "X", "role": "owner"}
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "id_taken")
    assert await _audit(tenant) == before


async def _audit(tenant: Tenant) -> list[object]:
    return (await tenant.api().get("/v1/audit")).json()["items"]  # type: ignore[no-any-return]


async def test_a_user_is_changed_by_version_and_the_audit_trail_tells_old_and_new(tenant: Tenant) -> None:
    user, _ = await tenant.invited("ada@example.com", role="staff")
    api, path, business = tenant.api(), f"/v1/users/{user['id']}", str(uuid4())

    changed = await api.patch(path, json={"role": "manager", "business_ids": [business]}, headers={"If-Match": '"1"'})
    stale = await api.patch(path, json={"role": "viewer"}, headers={"If-Match": '"1"'})
    unlimited = await api.patch(path, json={"business_ids": None})
    untouched = await api.patch(path, json={"name": "Ada"})

    assert (changed.json()["role"], changed.json()["business_ids"], changed.headers["etag"]) == (
        "manager",
        [business],
        '"2"',
    )
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    assert unlimited.json()["business_ids"] is None
    assert untouched.headers["etag"] == unlimited.headers["etag"]
    entries = (await api.get("/v1/audit")).json()["items"]
    assert entries[1]["details"] == {
        "role": {"old": "staff", "new": "manager"},
        "business_ids": {"old": None, "new": [business]},
    }


async def test_whoever_is_signed_in_learns_what_those_are_called_who_did_something(tenant: Tenant) -> None:
    user, viewer = await tenant.member("ada@example.com", role="viewer")
    made = await tenant.api().post("/v1/api-clients", json={"name": "Phone agent", "role": "agent"})
    foreign = await tenant.api(organization_id=uuid4()).post(
        "/v1/users", json={"email": "x@example.com", "name": "Xenia", "role": "staff"}
    )
    ids = [user["id"], made.json()["id"], foreign.json()["id"], str(uuid4())]

    answer = await viewer.http.get("/api/names", params={"id": ids})

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"items": [{"id": ids[0], "name": "Ada"}, {"id": ids[1], "name": "Phone agent"}]}
    assert (await viewer.get("/api/names")).status_code == 422
    assert (await tenant.browser().http.get("/api/names", params={"id": ids})).status_code == 401


async def test_an_owner_always_remains(tenant: Tenant) -> None:
    api = tenant.api()
    owner = next(user for user in (await api.get("/v1/users")).json()["items"] if user["email"] == OWNER)
    await tenant.invited("second@example.com", role="owner")

    refusals = [
        await api.patch(f"/v1/users/{owner['id']}", json={"role": "viewer"}),
        await api.patch(f"/v1/users/{owner['id']}", json={"active": False}),
        await api.delete(f"/v1/users/{owner['id']}"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in refusals} == {(409, "last_owner")}


async def test_an_owner_is_not_limited(tenant: Tenant) -> None:
    api, body = tenant.api(), {"email": "ada@example.com", "name": "Ada", "business_ids": [str(uuid4())]}

    invited = await api.post("/v1/users", json={**body, "role": "owner"})
    staff = (await api.post("/v1/users", json={**body, "role": "staff"})).json()
    promoted = await api.patch(f"/v1/users/{staff['id']}", json={"role": "owner"})
    freed = await api.patch(f"/v1/users/{staff['id']}", json={"role": "owner", "business_ids": None})

    assert [invited.json()["code"], promoted.json()["code"]] == ["owner_limited"] * 2
    assert freed.status_code == 200


async def test_two_owners_who_demote_each_other_at_once_leave_one(tenant: Tenant) -> None:
    second, _ = await tenant.member("second@example.com", role="owner")
    api = tenant.api()
    owner = next(user for user in (await api.get("/v1/users")).json()["items"] if user["email"] == OWNER)

    answers = await asyncio.gather(
        *(api.patch(f"/v1/users/{user['id']}", json={"role": "viewer"}) for user in (owner, second))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_removed_person_leaves_no_name_and_no_address_behind(tenant: Tenant) -> None:
    user, browser = await tenant.member("ada.lovelace@example.com", name="Ada Lovelace")
    await tenant.browser().sign_in("ada.lovelace@example.com", "wrong")

    assert (await tenant.api().delete(f"/v1/users/{user['id']}")).status_code == 204

    assert (await browser.get("/api/session")).status_code == 401
    async with tenant.database.system_transaction() as session:
        for table in schema.metadata.sorted_tables:
            rows = await session.execute(text(f"SELECT row_to_json({table.name})::text FROM {table.name}"))
            for row in rows.scalars():
                assert "lovelace" not in row.lower(), table.name


async def test_a_removed_person_is_in_no_answer_that_is_kept_for_repetitions(tenant: Tenant) -> None:
    body = {"email": "ada.lovelace@example.com", "name": "Ada Lovelace", "role": "staff"}
    keys = [{"Idempotency-Key": key} for key in ("invite", "again", "another")]
    user = (await tenant.api().post("/v1/users", json=body, headers=keys[0])).json()
    await tenant.api().post(f"/v1/users/{user['id']}/invitation", headers=keys[1])
    other = {**body, "email": "bo@example.com", "name": "Bo"}
    kept = await tenant.api().post("/v1/users", json=other, headers=keys[2])

    await tenant.api().delete(f"/v1/users/{user['id']}")

    async with tenant.database.system_transaction() as session:
        bodies = (await session.execute(text("SELECT convert_from(body, 'UTF8') FROM idempotency_keys"))).scalars()
        assert not [stored for stored in bodies if "lovelace" in stored.lower()]
    repeated = await tenant.api().post("/v1/users", json=body, headers=keys[0])
    assert (repeated.status_code, repeated.json()) == (201, {})
    assert len((await tenant.api().get("/v1/users")).json()["items"]) == 2
    assert (await tenant.api().post("/v1/users", json=other, headers=keys[2])).json() == kept.json()


async def test_an_address_is_invited_once_and_again_with_the_same_key_is_the_same(tenant: Tenant) -> None:
    body = {"email": "ada@example.com", "name": "Ada", "role": "staff"}
    first = await tenant.api().post("/v1/users", json=body, headers={"Idempotency-Key": "k"})
    repeated = await tenant.api().post("/v1/users", json=body, headers={"Idempotency-Key": "k"})
    again = await tenant.api().post("/v1/users", json={**body, "email": "ADA@example.com"})

    assert (first.status_code, repeated.json()) == (201, first.json())
    assert (again.status_code, again.json()["code"]) == (409, "user_exists")
    await tenant.mailer.send_due()
    assert len(tenant.mails.caught) == 1


async def test_a_wrong_invitation_is_refused(tenant: Tenant) -> None:
    faults: list[dict[str, object]] = [
        {"email": "no address"},
        {"email": "a@b\r\nBcc: c@d"},
        {"email": "a@b,c@d"},
        {"name": "Ada\nBcc: x@example.com"},
        {"name": ""},
        {"role": "agent"},
        {"role": "god"},
        {"business_ids": []},
        {"locale": "xx"},
        {"unknown": 1},
    ]
    for fault in faults:
        body = {"email": "ada@example.com", "name": "Ada", "role": "staff", **fault}
        assert (await tenant.api().post("/v1/users", json=body)).status_code == 422, fault
