"""Callers who are limited to businesses see and change no other imports; a calendar of one's own has none."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest
from imports_service import NOW, ImportsService

from imports.storage.tables import LIMITS, UNLIMITED_TABLES, schema
from slotstream_contracts.catalogue import BusinessState, ResourceState, ServiceState
from slotstream_servicekit.testing.limits import (
    HIDDEN,
    KINDS,
    NOT_FOUND,
    Kind,
    Probe,
    check_complete,
    check_controls,
    check_tables,
    claims_of,
    walk,
)

pytestmark = pytest.mark.service

WATCHED = sorted(set(schema.tenant_tables) - {"idempotency_keys"})
TWO_ROWS = (
    "Name,Phone,Service,Date,Time\n"
    "Grace,+49 30 901820,First visit,2026-03-10,09:00\n"
    "Hush,+49 30 901821,Nothing of ours,2026-03-10,10:00\n"
)


async def limited_to(service: ImportsService, kind: Kind) -> httpx2.AsyncClient:
    """To another business than the one that the file is for, or to Anna's calendar."""
    claims = claims_of(kind, business_id=uuid4(), resource_id=service.anna_id)
    return await service.sign_in(role="manager", subject="limited", claims=claims)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_route_shows_or_changes_what_lies_outside(service: ImportsService, kind: Kind) -> None:
    import_id = await service.checked(TWO_ROWS)
    preview = (await service.http.get(f"/v1/imports/{import_id}/preview")).json()
    limited = await limited_to(service, kind)
    one, path = "/v1/imports/{import_id}", f"/v1/imports/{import_id}"

    def probe(rest: str, **more: Any) -> Probe:
        method, _, address = rest.partition(" ")
        concrete = address.replace("{number}", "2")
        return Probe(route=f"{method} {one}{address}", path=f"{path}{concrete}", expected=NOT_FOUND, **more)

    probes = [
        Probe(route="GET /v1/imports", expected=HIDDEN),
        probe("GET "),
        probe("GET /preview"),
        probe("PUT /mapping", json={"columns": preview["columns"]}),
        probe("GET /rows"),
        probe("PATCH /rows/{number}", json={"dropped": True}, controls=False),
        probe("GET /errors.csv"),
        probe("GET /progress", controls=False),
        probe("POST /confirm", json={}, controls=False),
        probe("POST /undo", json={"reason": "not mine"}, controls=False),
        probe("POST /retry", controls=False),
        probe("POST /cancel"),
    ]
    check_complete(service.app, probes, public={"POST /v1/imports"})
    marks = {import_id, "Hush", "Grace", str(service.business_id)}
    await walk(probes, limited=limited, marks=marks, database=service.database, tables=WATCHED)
    await check_controls(probes, unlimited=service.http, marks=marks)


@pytest.mark.parametrize(
    ("kind", "code"), [("businesses", "outside_your_businesses"), ("calendar", "outside_your_calendar")]
)
async def test_a_file_is_taken_in_for_ones_own_businesses_only(service: ImportsService, kind: Kind, code: str) -> None:
    refused = await service.upload(TWO_ROWS, client=await limited_to(service, kind))
    assert (refused.status_code, refused.json()["code"]) == (403, code)
    assert (await service.http.get("/v1/imports")).json()["items"] == []
    claims = {"businesses": [str(service.business_id)]}
    manager = await service.sign_in(role="manager", subject="own", claims=claims)
    assert (await service.upload(TWO_ROWS, client=manager)).status_code == 201
    assert len((await manager.get("/v1/imports")).json()["items"]) == 1


async def test_rows_name_nothing_of_another_business_and_commands_say_the_imports_own(service: ImportsService) -> None:
    """So what a limited caller confirms is booked in their business, or not at all."""
    other = uuid4()
    common: dict[str, Any] = {"organization_id": service.organization_id, "updated_at": NOW, "version": 1}
    await service.receive(
        BusinessState(id=other, name="Annex", zone="Europe/Berlin", phone_region="DE", currency="EUR", **common),
        ServiceState(id=uuid4(), name="Reflexology", business_id=other, duration_minutes=30, **common),
        ResourceState(id=uuid4(), name="Fiona", business_ids=(other,), kind="staff", zone="Europe/Berlin", **common),
    )
    import_id = await service.mapped(
        "Name,Phone,Service,Staff,Date,Time\n"
        "Grace,+49 30 901820,First visit,Anna,2026-03-10,09:00\n"
        "Grace,+49 30 901820,Reflexology,Anna,2026-03-10,10:00\n"
        "Grace,+49 30 901820,First visit,Fiona,2026-03-10,11:00\n"
    )
    commands = await service.settle()
    assert {item.request.business_id for item in service.items_of(*commands)} == {service.business_id}
    assert [item.request.resource_ids for item in service.items_of(*commands)] == [(service.anna_id,)]
    states = {row["number"]: row["state"] for row in await service.rows(import_id)}
    assert [states[number] for number in (3, 4)] == ["invalid", "invalid"]


def test_every_table_has_limits_or_a_reason_why_not() -> None:
    check_tables(LIMITS, UNLIMITED_TABLES, tables=schema.tenant_tables)
