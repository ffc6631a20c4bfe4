"""Callers who are limited to businesses or to one calendar see and change no other hours and calendars."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from availability_town import MONDAY, WORK_WEEK, Town, free_of

from availability.storage import SCHEMA
from slotstream_servicekit.ids import new_id
from slotstream_servicekit.testing.limits import (
    BUSINESS,
    CALENDAR,
    HIDDEN,
    KINDS,
    NOT_FOUND,
    OPEN,
    Expected,
    Kind,
    Probe,
    check_complete,
    check_controls,
    claims_of,
    walk,
)
from slotstream_servicekit.testing.plugin import ApiClientFactory, Signer

pytestmark = pytest.mark.service

ABSENCE = {"starts_at": "2026-06-01T09:00:00Z", "ends_at": "2026-06-01T10:00:00Z", "reason": "a secret"}
WATCHED = sorted(set(SCHEMA.tenant_tables) - {"idempotency_keys"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Another business with Fiona and a service of its own, or Ben's calendar in the same business."""

    business: UUID
    resource: UUID
    service: UUID
    entries: dict[str, str]
    booked: UUID
    event: UUID

    @property
    def marks(self) -> set[str]:
        return {*map(str, (self.resource, self.booked, self.event)), *self.entries.values(), "a secret"}


async def outside_of(town: Town, owner: httpx2.AsyncClient, kind: Kind) -> Outside:
    business, resource, service = town.business, town.ben, town.service
    if kind == "businesses":
        business, resource, service = new_id(), new_id(), new_id()
        await town.catalogue(
            town.a_business(id=business, name="Annex"),
            town.a_resource(resource, name="Fiona", business_ids=[business]),
            town.a_service(id=service, name="Reflexology", business_id=business),
        )
        await owner.put(f"/v1/businesses/{business}/schedule", json={"weekly": WORK_WEEK})
    there = {"business_id": business, "service_id": service}
    booked = town.an_appointment("2026-06-01T08:00:00Z", resource, **there)
    await town.appointments(booked)
    event = new_id()
    await town.busy(town.an_external_event("2026-06-01T09:00:00Z", resource, "key", id=event))
    entries = {}
    for plural, owner_id, entry, body in (
        ("resources", resource, "date-overrides", {"on": "2026-06-03"}),
        ("resources", resource, "time-off", ABSENCE),
        ("businesses", business, "date-overrides", {"on": "2026-06-03"}),
        ("businesses", business, "closures", {**ABSENCE, "reason": "closed"}),
    ):
        answer = await owner.post(f"/v1/{plural}/{owner_id}/{entry}", json=body)
        assert answer.status_code == 201, answer.text
        entries[f"{plural}/{entry}"] = answer.json()["id"]
    return Outside(
        business=business,
        resource=resource,
        service=service,
        entries=entries if kind == "businesses" else {k: v for k, v in entries.items() if k.startswith("resources")},
        booked=booked.appointment.id,
        event=event,
    )


def probes_of(outside: Outside, entries: dict[str, str], kind: Kind) -> list[Probe]:
    business, resource, service = map(str, (outside.business, outside.resource, outside.service))
    here = kind == "calendar"
    return [
        *_hours_probes("resources", "resource_id", resource, entries, "time-off", NOT_FOUND, NOT_FOUND),
        *_hours_probes(
            "businesses",
            "business_id",
            business,
            entries,
            "closures",
            OPEN if here else NOT_FOUND,
            CALENDAR if here else NOT_FOUND,
        ),
        *(
            Probe(
                route=f"{method} /v1/businesses/{{business_id}}/holidays",
                path=f"/v1/businesses/{business}/holidays",
                json={"country": "DE"} if method == "PUT" else None,
                expected=NOT_FOUND if not here else OPEN if method == "GET" else CALENDAR,
            )
            for method in ("GET", "PUT", "DELETE")
        ),
        *(
            Probe(
                route=route,
                params={"service_id": service, "resource_id": resource, **more},
                expected=CALENDAR if here else NOT_FOUND,
            )
            for route, more in (("GET /v1/slots", MONDAY), ("GET /v1/slots/first", {}))
        ),
        *(
            Probe(
                route=route,
                params={"service_id": service, **more},
                expected=HIDDEN if here else NOT_FOUND,
                controls=not here,
            )
            for route, more in (("GET /v1/slots", MONDAY), ("GET /v1/slots/first", {}))
        ),
        Probe(
            route="GET /v1/slots",
            params={"business_id": business, "duration_minutes": 30, **MONDAY},
            expected=HIDDEN if here else NOT_FOUND,
        ),
        Probe(
            route="POST /v1/bookability",
            json={"service_id": service, "resource_ids": [resource], "starts_at": "2026-06-01T09:00:00Z"},
            expected=CALENDAR if here else NOT_FOUND,
        ),
        Probe(
            route="GET /v1/free-busy",
            params={"resource_id": resource, **MONDAY},
            expected=NOT_FOUND,
        ),
        Probe(
            route="GET /v1/calendar",
            params={"business_id": business, **MONDAY},
            expected=HIDDEN if here else NOT_FOUND,
        ),
        Probe(
            route="GET /v1/calendar",
            params={"business_id": business, "resource_id": resource, **MONDAY},
            expected=NOT_FOUND,
        ),
    ]


def _hours_probes(
    plural: str,
    name: str,
    owner_id: str,
    entries: dict[str, str],
    absences: str,
    read: Expected,
    changed: Expected,
) -> list[Probe]:
    def probe(method: str, rest: str, expected: Expected, *, entry: str = "", json: Any = None) -> Probe:
        return Probe(
            route=f"{method} /v1/{plural}/{{{name}}}/{rest}",
            path=f"/v1/{plural}/{owner_id}/{rest[: rest.rindex('/')] if entry else rest}{entry and '/' + entry}",
            json=json,
            expected=expected,
        )

    override, absence = entries[f"{plural}/date-overrides"], entries[f"{plural}/{absences}"]
    return [
        probe("GET", "schedule", read),
        probe("PUT", "schedule", changed, json={"weekly": WORK_WEEK}),
        probe("GET", "date-overrides", read),
        probe("POST", "date-overrides", changed, json={"on": "2026-06-04"}),
        probe("GET", "date-overrides/{override_id}", read, entry=override),
        probe("DELETE", "date-overrides/{override_id}", changed, entry=override),
        probe("GET", absences, read),
        probe("POST", absences, changed, json={**ABSENCE, "reason": None}),
        probe("GET", f"{absences}/{{absence_id}}", read, entry=absence),
        probe("DELETE", f"{absences}/{{absence_id}}", changed, entry=absence),
    ]


Limited = Callable[..., Awaitable[httpx2.AsyncClient]]
"""Opens a client of some kind and role."""


@pytest.fixture
def limited(town: Town, api_client: ApiClientFactory, signer: Signer) -> Limited:
    """Opens clients who are limited: to the town's business, or to Anna's calendar."""

    async def open_limited(kind: Kind, role: str = "manager") -> httpx2.AsyncClient:
        claims = claims_of(kind, business_id=town.business, resource_id=town.anna)
        token = signer.token(organization_id=town.organization, role=role, subject="limited", claims=claims)
        return await api_client(town.app, token=token)

    return open_limited


@pytest.mark.parametrize("kind", KINDS)
async def test_no_route_shows_or_changes_what_lies_outside(
    town: Town, open_client: httpx2.AsyncClient, limited: Limited, kind: Kind
) -> None:
    outside = await outside_of(town, open_client, kind)
    entries = dict(outside.entries)
    for name in ("date-overrides", "closures"):
        items = (await open_client.get(f"/v1/businesses/{outside.business}/{name}")).json()["items"]
        entries[f"businesses/{name}"] = items[0]["id"]
    probes = probes_of(outside, entries, kind)
    check_complete(town.app, probes)
    await walk(probes, limited=await limited(kind), marks=outside.marks, database=town.fresh.database, tables=WATCHED)
    await check_controls(
        [probe for probe in probes if "DELETE" not in probe.route], unlimited=open_client, marks=outside.marks
    )


async def test_a_staff_member_is_offered_their_own_time_only(
    town: Town, open_client: httpx2.AsyncClient, limited: Limited
) -> None:
    """And the owner, who asked before with the same query, everybody's: answers are kept by limits."""
    asked = {"service_id": str(town.service), **MONDAY}
    everybody = free_of(await open_client.get("/v1/slots", params=asked))
    own = free_of(await (await limited("calendar")).get("/v1/slots", params=asked))
    assert {resource for free in everybody.values() for resource in free} == {str(town.anna), str(town.ben)}
    assert {resource for free in own.values() for resource in free} == {str(town.anna)}
    assert free_of(await open_client.get("/v1/slots", params=asked)) == everybody


async def test_a_staff_member_keeps_their_own_hours(
    town: Town, open_client: httpx2.AsyncClient, limited: Limited
) -> None:
    staff = await limited("calendar", role="staff")
    answer = await staff.post(f"/v1/resources/{town.anna}/time-off", json=ABSENCE)
    assert answer.status_code == 201, answer.text
    calendar = (await staff.get("/v1/calendar", params={"business_id": str(town.business), **MONDAY})).json()
    assert [lane["resource_id"] for lane in calendar["businesses"][0]["resources"]] == [str(town.anna)]


async def test_time_taken_in_another_business_is_drawn_and_not_told(
    town: Town, open_client: httpx2.AsyncClient, limited: Limited
) -> None:
    outside = await outside_of(town, open_client, "businesses")
    shared = new_id()
    await town.catalogue(town.a_resource(shared, name="Floater", business_ids=[town.business, outside.business]))
    booked = town.an_appointment(
        "2026-06-01T08:00:00Z", shared, business_id=outside.business, service_id=outside.service, service_name="Hush"
    )
    await town.appointments(booked)
    asked = {"business_id": str(town.business), "resource_id": str(shared), **MONDAY}
    answer = await (await limited("businesses")).get("/v1/calendar", params=asked)
    [lane] = answer.json()["businesses"][0]["resources"]
    assert lane["appointments"] == []
    assert [event["starts_at"] for event in lane["external"]] == ["2026-06-01T08:00:00Z"]
    assert str(booked.appointment.id) not in answer.text
    assert "Hush" not in answer.text


async def test_hours_of_a_shared_resource_are_changed_by_who_has_all_its_businesses(
    town: Town, open_client: httpx2.AsyncClient, limited: Limited, api_client: ApiClientFactory, signer: Signer
) -> None:
    outside = await outside_of(town, open_client, "businesses")
    both = [town.business, outside.business]
    shared = new_id()
    await town.catalogue(town.a_resource(shared, name="Floater", business_ids=both))
    path = f"/v1/resources/{shared}/schedule"
    has_one = await limited("businesses")
    assert (await has_one.get(path)).status_code == 200
    refused = await has_one.put(path, json={"weekly": WORK_WEEK})
    assert (refused.status_code, refused.json()["code"]) == BUSINESS
    claims = {"businesses": [str(business) for business in both]}
    has_both = await api_client(
        town.app, token=signer.token(organization_id=town.organization, role="manager", claims=claims)
    )
    assert (await has_both.put(path, json={"weekly": WORK_WEEK})).status_code == 200
