"""Who is limited to what, what lies outside, and what each route answers there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
from booking_fixtures import NOW, Json, Tenant
from series_requests import MONDAYS, series_request

from booking.storage.tables import TENANT_TABLES
from slotstream_servicekit.testing.limits import (
    BUSINESS,
    CALENDAR,
    HIDDEN,
    NOT_FOUND,
    OPEN,
    SHARED,
    Expected,
    Kind,
    Probe,
    claims_of,
    routes_of,
)

VERBS = ("approve", "decline", "confirm", "cancel", "complete", "no-show", "dismiss", "reopen", "archive", "unarchive")
WATCHED = sorted(set(TENANT_TABLES) - {"idempotency_keys"})
BULK = "/v1/appointments/bulk"
REPORTS = {"from": "2027-02-01T00:00:00Z", "to": "2027-05-01T00:00:00Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the limited caller is not to see: another business, or another calendar of the same business."""

    kind: Kind
    business: Json
    staff: Json
    service: Json
    needs_approval: Json
    client: Json
    by_verb: dict[str, Json]
    appointment: Json
    forced: Json
    series: Json
    hold: Json
    waiting: Json
    order: Json
    limited: httpx2.AsyncClient

    @property
    def marks(self) -> set[str]:
        """What no answer to the limited caller may hold."""
        things = [*self.by_verb.values(), self.appointment, self.forced, self.series, self.hold, self.waiting]
        marks = {thing["id"] for thing in things} | {self.staff["id"], self.staff["name"]}
        if self.kind == "businesses":
            marks |= {entry[name] for entry in (self.business, self.service) for name in ("id", "name")}
        return marks


async def limited_client(tenant: Tenant, kind: Kind, **more: Any) -> httpx2.AsyncClient:
    claims = claims_of(kind, business_id=tenant.business["id"], resource_id=tenant.staff[0]["id"])
    return await tenant.client_as("manager", claims=claims, **{"subject": "limited", **more})


async def outside_of(tenant: Tenant, kind: Kind) -> Outside:
    """Fills the part of the organization that the caller is not to see, as its owner."""
    business = tenant.business
    if kind == "businesses":
        business = await tenant.post(
            "/v1/businesses",
            {"name": "Annex", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
            status=201,
        )
        await tenant.open_hours(owner_id=business["id"])
    staff = await tenant.post(
        "/v1/resources", {"name": "Fiona", "business_ids": [business["id"]], "zone": "Europe/Berlin"}, status=201
    )
    service = await tenant.add_service(business_id=business["id"], name="Reflexology")
    needs_approval = await tenant.add_service(business_id=business["id"], name="Asked for", needs_approval=True)
    client = await tenant.post("/v1/clients", {"name": "Elsa Elsewhere", "phone": "+49 30 901821"}, status=201)
    there = {
        "business_id": business["id"],
        "service_id": service["id"],
        "resource_ids": [staff["id"]],
        "client_id": client["id"],
    }
    past = await tenant.post("/v1/clients", {"name": "Paul Past", "phone": "+49 30 901823"}, status=201)
    by_verb: dict[str, Json] = {}
    for hour, verb in enumerate(VERBS, start=6):
        more = {"service_id": needs_approval["id"]} if verb in {"approve", "decline"} else {}
        starts_at = tenant.at(9, day=0) if verb == "no-show" else tenant.at(hour)
        more |= {"client_id": past["id"]} if verb == "archive" else {}
        by_verb[verb] = await tenant.book(starts_at, **{**there, **more})
    await tenant.post(f"/v1/appointments/{by_verb['reopen']['id']}/dismiss")
    for verb in ("archive", "unarchive"):
        await tenant.post(f"/v1/appointments/{by_verb[verb]['id']}/dismiss")
    await tenant.post(f"/v1/appointments/{by_verb['unarchive']['id']}/archive")
    held = {name: there[name] for name in ("business_id", "service_id", "resource_ids")}
    hold = await tenant.post("/v1/holds", {**held, "starts_at": tenant.at(10, day=3)}, status=201)
    appointment = await tenant.book(tenant.at(12, day=3), **there, notes="a secret")
    forced = await tenant.book(tenant.at(12, day=3), **there, override={"reason": "forced"})
    tenant.now[0] = NOW + timedelta(hours=3)
    order = await tenant.post(BULK, {"verb": "complete", "ids": [str(uuid4()) for _ in range(201)]}, status=202)
    return Outside(
        kind=kind,
        business=business,
        staff=staff,
        service=service,
        needs_approval=needs_approval,
        client=client,
        by_verb=by_verb,
        appointment=appointment,
        forced=forced,
        series=await tenant.post("/v1/series", series_request(tenant, {**MONDAYS, "count": 3}, **there), status=201),
        hold=hold,
        waiting=await tenant.post(
            "/v1/waiting-list",
            {
                "business_id": business["id"],
                "service_id": service["id"],
                "client_id": client["id"],
                "resource_id": staff["id"],
                "window_from": tenant.at(8, day=5),
                "window_to": tenant.at(18, day=5),
            },
            status=201,
        ),
        order=order,
        limited=await limited_client(tenant, kind),
    )


def probes_of(tenant: Tenant, outside: Outside) -> list[Probe]:
    """At least one request for every route, at what lies outside."""
    business_limit = outside.kind == "businesses"

    def by_kind(businesses: Expected, calendar: Expected) -> Expected:
        return businesses if business_limit else calendar

    refused = by_kind(BUSINESS, CALENDAR)
    there = {
        "business_id": outside.business["id"],
        "service_id": outside.service["id"],
        "resource_ids": [outside.staff["id"]],
    }
    booking = {**there, "client_id": outside.client["id"]}
    appointment, series = outside.appointment["id"], outside.series["id"]
    one_action, action = "GET /v1/actions/{identity}", f"/v1/actions/{outside.appointment['action_id_known']}"
    entries = {"businesses": outside.business, "resources": outside.staff, "services": outside.service}
    return [
        *(probe for plural, entry in entries.items() for probe in _entry_probes(plural, entry, by_kind)),
        Probe(
            route="POST /v1/businesses",
            json={"name": "New", "zone": "Europe/Berlin", "phone_region": "DE", "currency": "EUR"},
            expected=SHARED,
        ),
        Probe(
            route="POST /v1/resources",
            json={"name": "New", "business_ids": [outside.business["id"], tenant.business["id"]]},
            expected=refused,
            controls=business_limit,
        ),
        Probe(
            route="POST /v1/services",
            json={"business_id": outside.business["id"], "name": "New", "duration_minutes": 30},
            expected=refused,
        ),
        Probe(route="POST /v1/actions", json={"name": "New"}, expected=SHARED),
        Probe(route="GET /v1/actions", expected=OPEN),
        Probe(route=one_action, path=action, expected=OPEN),
        Probe(route=one_action.replace("GET", "PATCH"), path=action, json={"name": "Another"}, expected=SHARED),
        Probe(route=one_action.replace("GET", "DELETE"), path=action, expected=SHARED),
        Probe(route="POST /v1/clients", json={"name": "New Person", "phone": "+49 30 901822"}, expected=OPEN),
        Probe(route="GET /v1/clients", expected=OPEN),
        Probe(
            route="GET /v1/clients/{client_id}",
            path=f"/v1/clients/{outside.client['id']}",
            expected=HIDDEN,
        ),
        Probe(
            route="PATCH /v1/clients/{client_id}",
            path=f"/v1/clients/{outside.client['id']}",
            json={"locale": "de"},
            expected=OPEN,
        ),
        Probe(
            route="POST /v1/clients/{client_id}/merge",
            path=f"/v1/clients/{tenant.client['id']}/merge",
            json={"into": outside.client["id"]},
            expected=refused,
            controls=False,
        ),
        Probe(
            route="POST /v1/clients/{client_id}/erase",
            path=f"/v1/clients/{outside.client['id']}/erase",
            json={"open_appointments": "cancel"},
            expected=refused,
            controls=False,
        ),
        Probe(route="POST /v1/holds", json={**there, "starts_at": tenant.at(15, day=4)}, expected=refused),
        Probe(route="GET /v1/holds", expected=HIDDEN),
        Probe(route="GET /v1/holds", params={"business_id": outside.business["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/holds/{hold_id}", path=f"/v1/holds/{outside.hold['id']}", expected=NOT_FOUND),
        Probe(route="GET /v1/overrides", expected=HIDDEN),
        Probe(route="GET /v1/overrides", params={"appointment_id": appointment}, expected=HIDDEN),
        Probe(
            route="POST /v1/series",
            json=series_request(tenant, {**MONDAYS, "count": 2}, "2027-03-08T12:00:00Z", **booking),
            expected=refused,
        ),
        Probe(route="GET /v1/series", expected=HIDDEN),
        Probe(route="GET /v1/series", params={"business_id": outside.business["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/series/{series_id}", path=f"/v1/series/{series}", expected=NOT_FOUND),
        Probe(
            route="PATCH /v1/series/{series_id}",
            path=f"/v1/series/{series}",
            json={"scope": "all", "notes": "changed"},
            expected=NOT_FOUND,
        ),
        Probe(
            route="POST /v1/series/{series_id}/cancel",
            path=f"/v1/series/{series}/cancel",
            json={"scope": "all", "reason": "none of your business"},
            expected=NOT_FOUND,
        ),
        Probe(
            route="POST /v1/waiting-list",
            json={
                "business_id": outside.business["id"],
                "service_id": outside.service["id"],
                "client_id": tenant.client["id"],
                "resource_id": outside.staff["id"],
                "window_from": tenant.at(8, day=6),
                "window_to": tenant.at(18, day=6),
            },
            expected=refused,
        ),
        Probe(route="GET /v1/waiting-list", expected=HIDDEN),
        Probe(route="GET /v1/waiting-list", params={"client_id": outside.client["id"]}, expected=HIDDEN),
        Probe(
            route="GET /v1/waiting-list/{entry_id}",
            path=f"/v1/waiting-list/{outside.waiting['id']}",
            expected=NOT_FOUND,
        ),
        Probe(
            route="DELETE /v1/waiting-list/{entry_id}",
            path=f"/v1/waiting-list/{outside.waiting['id']}",
            expected=NOT_FOUND,
        ),
        Probe(route="GET /v1/appointments/export", params={"format": "csv"}, expected=HIDDEN),
        Probe(route="GET /v1/appointments/export", params={"format": "csv", "ids": [appointment]}, expected=HIDDEN),
        *(
            Probe(route=f"GET /v1/reports/{report}", params={**REPORTS, **by}, expected=HIDDEN, shows=shows)
            for report, by, shows in (
                ("no-shows", {"by": "staff"}, False),
                ("volume", {"by": "staff"}, True),
                ("volume", {"by": "client"}, False),
                ("revenue", {"by": "staff"}, False),
                ("utilisation", {}, True),
                ("follow-ups", {}, True),
            )
        ),
        Probe(
            route="GET /v1/reports/volume",
            params={**REPORTS, "business_id": outside.business["id"], "by": "staff"},
            expected=HIDDEN,
        ),
        Probe(
            route="POST /v1/appointments/bulk",
            json={"verb": "complete", "ids": [outside.forced["id"]]},
            expected=HIDDEN,
            shows=False,
        ),
        Probe(
            route="POST /v1/appointments/bulk",
            json={"verb": "sms_client", "filter": {"resource_id": [outside.staff["id"]]}, "arguments": {"text": "Hi"}},
            expected=HIDDEN,
            shows=False,
        ),
        Probe(route="GET /v1/bulk/{job_id}", path=f"/v1/bulk/{outside.order['id']}", expected=NOT_FOUND),
        Probe(
            route="GET /v1/bulk/{job_id}/results",
            path=f"/v1/bulk/{outside.order['id']}/results",
            expected=NOT_FOUND,
        ),
        Probe(route="POST /v1/bulk/{job_id}/cancel", path=f"/v1/bulk/{outside.order['id']}/cancel", expected=NOT_FOUND),
        *(
            Probe(
                route=f"POST /v1/appointments/{{appointment_id}}/{verb}",
                path=f"/v1/appointments/{booked['id']}/{verb}",
                json={} if verb == "complete" else {"reason": "so"} if "archive" not in verb else None,
                expected=NOT_FOUND,
            )
            for verb, booked in outside.by_verb.items()
        ),
        Probe(route="POST /v1/appointments", json={**booking, "starts_at": tenant.at(16, day=4)}, expected=refused),
        Probe(route="GET /v1/appointments", expected=HIDDEN),
        Probe(route="GET /v1/appointments", params={"business_id": outside.business["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/appointments", params={"client_id": outside.client["id"]}, expected=HIDDEN),
        Probe(route="GET /v1/appointments", params={"q": "Elsa"}, expected=HIDDEN),
        Probe(route="GET /v1/appointments/counts", expected=HIDDEN, shows=False),
        Probe(route="GET /v1/verbs", expected=OPEN),
        Probe(
            route="GET /v1/appointments/{appointment_id}", path=f"/v1/appointments/{appointment}", expected=NOT_FOUND
        ),
        Probe(
            route="GET /v1/appointments/{appointment_id}",
            path=f"/v1/appointments/{appointment}",
            params={"as_of": (NOW + timedelta(seconds=1)).isoformat()},
            expected=NOT_FOUND,
        ),
        Probe(
            route="PATCH /v1/appointments/{appointment_id}",
            path=f"/v1/appointments/{appointment}",
            json={"notes": "changed"},
            expected=NOT_FOUND,
        ),
        Probe(
            route="PATCH /v1/appointments/{appointment_id}",
            path=f"/v1/appointments/{appointment}",
            json={"client_id": tenant.client["id"]},
            expected=NOT_FOUND,
        ),
        Probe(
            route="GET /v1/appointments/{appointment_id}/history",
            path=f"/v1/appointments/{appointment}/history",
            expected=NOT_FOUND,
        ),
        # What others need goes last: it ends what it names.
        Probe(
            route="POST /v1/appointments/{appointment_id}/reschedule",
            path=f"/v1/appointments/{outside.by_verb['confirm']['id']}/reschedule",
            json={"starts_at": tenant.at(17, day=4)},
            expected=NOT_FOUND,
        ),
        Probe(route="DELETE /v1/holds/{hold_id}", path=f"/v1/holds/{outside.hold['id']}", expected=NOT_FOUND),
        Probe(route="DELETE /v1/clients/{client_id}", path=f"/v1/clients/{outside.client['id']}", expected=OPEN),
    ]


def _entry_probes(plural: str, entry: Json, by_kind: Callable[[Expected, Expected], Expected]) -> Sequence[Probe]:
    one, path = f"/v1/{plural}/{{identity}}", f"/v1/{plural}/{entry['id']}"
    return (
        Probe(route=f"GET /v1/{plural}", expected=by_kind(HIDDEN, OPEN)),
        Probe(route=f"GET {one}", path=path, expected=by_kind(NOT_FOUND, OPEN)),
        Probe(
            route=f"PATCH {one}", path=path, json={"name": entry["name"] + "!"}, expected=by_kind(NOT_FOUND, CALENDAR)
        ),
        Probe(route=f"DELETE {one}", path=path, expected=by_kind(NOT_FOUND, CALENDAR), controls=False),
    )


def portal_probes(tenant: Tenant) -> list[Probe]:
    """The portal is for clients and the public page for visitors: no member of staff has them, limited or not."""
    return [
        Probe(
            route=route,
            path=route.partition(" ")[2].replace("{appointment_id}", str(uuid4())).replace("{offer_id}", str(uuid4())),
            expected=(403, "forbidden"),
            controls=False,
        )
        for route in sorted(routes_of(tenant.app))
        if " /v1/portal/" in route or " /v1/public/" in route
    ]
