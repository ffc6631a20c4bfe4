"""Holds can be read and listed while they last."""

from uuid import uuid4

from booking_fixtures import Json, Tenant

HOLDS = "/v1/holds"


async def held(tenant: Tenant, starts_at: str, **more: object) -> Json:
    body = {
        "business_id": tenant.business["id"],
        "service_id": tenant.service["id"],
        "starts_at": starts_at,
        "resource_ids": [tenant.staff[0]["id"]],
        **more,
    }
    hold: Json = await tenant.post(HOLDS, body, status=201)
    return hold


async def test_a_hold_is_read_as_it_was_made_and_listed_by_its_start(tenant: Tenant) -> None:
    later, first = await held(tenant, tenant.at(10)), await held(tenant, tenant.at(9))
    assert await tenant.get(f"{HOLDS}/{first['id']}") == first
    page = await tenant.get(HOLDS, limit=1)
    assert page["items"] == [first]
    rest = await tenant.get(HOLDS, limit=1, cursor=page["next_cursor"])
    assert (rest["items"], rest["next_cursor"]) == ([later], None)


async def test_a_hold_says_who_keeps_it_and_of_a_client_only_that_it_is_one(tenant: Tenant) -> None:
    own = await held(tenant, tenant.at(9))
    (subject,) = await tenant.rows("SELECT actor_type, actor_id FROM holds WHERE id = :id", id=own["id"])
    assert own["held_by"] == {"type": subject["actor_type"], "id": subject["actor_id"]}
    assert own["held_by"]["type"] == "user"
    agent = await tenant.client_as("agent")
    body = {"business_id": tenant.business["id"], "service_id": tenant.service["id"], "starts_at": tenant.at(10)}
    by_agent = (await agent.post(HOLDS, json=body)).json()
    assert by_agent["held_by"]["type"] == "ai_agent"
    await tenant.rows(
        "UPDATE holds SET actor_type = 'client', actor_id = 'secret subject' WHERE id = :id RETURNING id", id=own["id"]
    )
    assert (await tenant.get(f"{HOLDS}/{own['id']}"))["held_by"] == {"type": "client", "id": None}
    assert [hold["held_by"]["type"] for hold in (await tenant.get(HOLDS))["items"]] == ["client", "ai_agent"]


async def test_holds_are_narrowed_by_business_resource_and_time(tenant: Tenant) -> None:
    bob = await tenant.add_staff("Bob")
    first = await held(tenant, tenant.at(9))
    second = await held(tenant, tenant.at(10), resource_ids=[bob["id"]])
    for params, expected in (
        ({"business_id": tenant.business["id"]}, [first, second]),
        ({"business_id": str(uuid4())}, []),
        ({"resource_id": bob["id"]}, [second]),
        ({"resource_id": [bob["id"], tenant.staff[0]["id"]]}, [first, second]),
        ({"from": tenant.at(9, 29), "to": tenant.at(10)}, [first]),
        ({"from": tenant.at(9, 30)}, [second]),
    ):
        assert (await tenant.get(HOLDS, **params))["items"] == expected, params
    refused = await tenant.api.get(HOLDS, params={"from": tenant.at(10), "to": tenant.at(9)})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_range")


async def test_what_expired_was_released_or_used_is_not_there_any_more(tenant: Tenant) -> None:
    expired, released, used = [await held(tenant, tenant.at(hour)) for hour in (9, 10, 11)]
    await tenant.rows(
        "UPDATE holds SET expires_at = clock_timestamp() - interval '1 second' WHERE id = :id RETURNING id",
        id=expired["id"],
    )
    await tenant.api.delete(f"{HOLDS}/{released['id']}")
    await tenant.book(tenant.at(11), hold_id=used["id"])
    assert (await tenant.get(HOLDS))["items"] == []
    for gone in (expired, released, used, {"id": uuid4()}):
        await tenant.get(f"{HOLDS}/{gone['id']}", status=404)


async def test_another_organization_sees_no_hold_and_whoever_reads_appointments_sees_all(tenant: Tenant) -> None:
    hold = await held(tenant, tenant.at(9))
    stranger = await tenant.client_as(organization=uuid4())
    assert (await stranger.get(f"{HOLDS}/{hold['id']}")).status_code == 404
    assert (await stranger.get(HOLDS)).json()["items"] == []
    viewer = await tenant.client_as("viewer")
    assert (await viewer.get(HOLDS)).json()["items"] == [hold]
    slots_only = await tenant.client_as("integration", scopes=["slots:read"])
    assert (await slots_only.get(HOLDS)).status_code == 403
