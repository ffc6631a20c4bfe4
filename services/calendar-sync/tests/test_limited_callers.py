"""Callers who are limited to businesses or to one calendar see and change no other connections and feeds."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from calendar_tenant import Tenant

from calendar_sync.storage.projections import ResourceRow
from calendar_sync.storage.tables import LIMITS, UNLIMITED_TABLES, schema
from calendar_sync.usecases.projections import keep_resources
from slotstream_servicekit.testing.limits import (
    BUSINESS,
    CALENDAR,
    FORBIDDEN,
    HIDDEN,
    KINDS,
    Expected,
    Kind,
    Probe,
    check_complete,
    check_controls,
    check_tables,
    claims_of,
    walk,
)
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

WATCHED = sorted(set(schema.tenant_tables) - {"idempotency_keys"})
PUBLIC = {"GET /feeds/{secret}.ics", "HEAD /feeds/{secret}.ics"}
"""Whose address is the authorization."""


async def know(tenant: Tenant, resource_id: UUID, *business_ids: UUID) -> None:
    resource = ResourceRow(
        organization_id=tenant.organization_id,
        id=resource_id,
        name="Fiona",
        zone="Europe/Berlin",
        business_ids=business_ids,
        archived=False,
        version=1,
    )
    async with tenant.database.system_transaction() as session:
        await keep_resources(session=session, resources=[resource], now=tenant.now)


async def limited_to(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer, kind: Kind, role: str = "manager"
) -> httpx2.AsyncClient:
    claims = claims_of(kind, business_id=tenant.business_id, resource_id=tenant.resource_id)
    token = signer.token(organization_id=tenant.organization_id, role=role, subject="limited", claims=claims)
    return await api_client(tenant.app, token=token)


@pytest.mark.parametrize(("role", "kind"), [("manager", "businesses"), ("manager", "calendar"), ("staff", "calendar")])
async def test_no_route_shows_or_changes_what_lies_outside(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer, role: str, kind: Kind
) -> None:
    resource = uuid4()
    await know(tenant, resource, uuid4() if kind == "businesses" else tenant.business_id)
    here = {"resource_id": str(tenant.resource_id)}
    there = {"resource_id": str(resource)}
    url = "https://calendar.example.com/secret.ics"
    await tenant.connect(url, **here)
    connection = (await tenant.connect(url, **there, name="Fiona's"))["id"]
    feed = (await tenant.http.post("/v1/feeds", json={**there, "name": "Fiona's"})).json()["id"]
    refused = BUSINESS if kind == "businesses" else CALENDAR
    one, path = "/v1/connections/{connection_id}", f"/v1/connections/{connection}"
    gone: Expected = (404, "connection_not_found")
    no_feed: Expected = (404, "feed_not_found")
    # Staff connect their own calendar; to publish one is others' affair.
    publishing = FORBIDDEN if role == "staff" else None
    probes = [
        Probe(route="POST /v1/connections", json={"kind": "ics", "url": url, **there}, expected=refused),
        Probe(route="GET /v1/connections", expected=HIDDEN),
        Probe(route="GET /v1/connections", params=there, expected=HIDDEN),
        Probe(route=f"GET {one}", path=path, expected=gone),
        Probe(route=f"PATCH {one}", path=path, json={"name": "Mine"}, expected=gone),
        Probe(route=f"POST {one}/sync", path=f"{path}/sync", expected=gone),
        Probe(route=f"DELETE {one}", path=path, expected=gone),
        Probe(route="POST /v1/feeds", json={**there, "name": "Mine"}, expected=publishing or refused),
        Probe(route="GET /v1/feeds", expected=HIDDEN),
        Probe(route="GET /v1/feeds", params=there, expected=HIDDEN),
        Probe(route="GET /v1/feeds/{feed_id}", path=f"/v1/feeds/{feed}", expected=no_feed),
        Probe(
            route="POST /v1/feeds/{feed_id}/rotate",
            path=f"/v1/feeds/{feed}/rotate",
            expected=publishing or no_feed,
        ),
        Probe(route="DELETE /v1/feeds/{feed_id}", path=f"/v1/feeds/{feed}", expected=publishing or no_feed),
    ]
    check_complete(tenant.app, probes, public=PUBLIC)
    limited = await limited_to(tenant, api_client, signer, kind, role)
    marks = {connection, feed, str(resource), "Fiona's"}
    await walk(probes, limited=limited, marks=marks, database=tenant.database, tables=WATCHED)
    seen = (await limited.get("/v1/connections")).json()["items"]
    assert [item["resource_id"] for item in seen] == [str(tenant.resource_id)]
    await check_controls(probes, unlimited=tenant.http, marks=marks)


@pytest.mark.parametrize("kind", KINDS)
async def test_within_the_limits_calendars_are_connected_and_published(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer, kind: Kind
) -> None:
    limited = await limited_to(tenant, api_client, signer, kind)
    own: dict[str, Any] = {"resource_id": str(tenant.resource_id)}
    body = {"kind": "ics", "url": "https://calendar.example.com/own.ics", **own}
    connected = await limited.post("/v1/connections", json=body)
    issued = await limited.post("/v1/feeds", json={**own, "name": "Mine"})
    assert (connected.status_code, issued.status_code) == (201, 201)
    assert (await limited.delete(f"/v1/connections/{connected.json()['id']}")).status_code == 204


async def test_staff_connect_rename_pause_and_disconnect_their_own_calendar(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer
) -> None:
    staff = await limited_to(tenant, api_client, signer, "calendar", "staff")
    body = {"kind": "ics", "url": "https://calendar.example.com/own.ics", "resource_id": str(tenant.resource_id)}

    connected = await staff.post("/v1/connections", json=body)
    path = f"/v1/connections/{connected.json()['id']}"
    answers = [
        await staff.patch(path, json={"name": "Mine"}),
        await staff.post(f"{path}/sync"),
        await staff.patch(path, json={"paused": True}),
        await staff.get(path),
        await staff.delete(path),
    ]

    assert connected.status_code == 201, connected.text
    assert [answer.status_code for answer in answers] == [200, 202, 200, 200, 204]


@pytest.mark.parametrize("role", ["staff", "viewer"])
@pytest.mark.parametrize("limits", ["none", "businesses"])
async def test_who_has_no_calendar_of_their_own_connects_none(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer, role: str, limits: str
) -> None:
    claims = {} if limits == "none" else {"businesses": [str(tenant.business_id)]}
    token = signer.token(organization_id=tenant.organization_id, role=role, claims=claims)
    somebody = await api_client(tenant.app, token=token)
    url = "https://calendar.example.com/own.ics"
    path = f"/v1/connections/{(await tenant.connect(url))['id']}"

    answers = [
        await somebody.post(
            "/v1/connections", json={"kind": "ics", "url": url, "resource_id": str(tenant.resource_id)}
        ),
        await somebody.patch(path, json={"name": "Mine"}),
        await somebody.post(f"{path}/sync"),
        await somebody.delete(path),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {FORBIDDEN}
    assert (await somebody.get(path)).status_code == 200


async def test_a_viewer_of_one_calendar_does_not_connect_it(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer
) -> None:
    viewer = await limited_to(tenant, api_client, signer, "calendar", "viewer")
    body = {"kind": "ics", "url": "https://calendar.example.com/own.ics", "resource_id": str(tenant.resource_id)}
    answer = await viewer.post("/v1/connections", json=body)
    assert (answer.status_code, answer.json()["code"]) == FORBIDDEN


async def test_the_calendar_of_a_shared_resource_is_published_by_who_has_all_its_businesses(
    tenant: Tenant, api_client: ApiClientFactory, signer: Signer
) -> None:
    """A feed tells of appointments in each of them."""
    shared, other = uuid4(), uuid4()
    await know(tenant, shared, tenant.business_id, other)
    feed = (await tenant.http.post("/v1/feeds", json={"resource_id": str(shared), "name": "Shared"})).json()["id"]
    limited = await limited_to(tenant, api_client, signer, "businesses")
    assert (await limited.get(f"/v1/feeds/{feed}")).status_code == 200
    for answer in (
        await limited.post("/v1/feeds", json={"resource_id": str(shared), "name": "Mine"}),
        await limited.post(f"/v1/feeds/{feed}/rotate"),
        await limited.delete(f"/v1/feeds/{feed}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == BUSINESS


def test_every_table_has_limits_or_a_reason_why_not() -> None:
    check_tables(LIMITS, UNLIMITED_TABLES, tables=schema.tenant_tables)
